"""What is seen becomes what is said: in use at once, idle when it has settled, nothing where nobody could tell; and not too often."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steward.reporter.report_activity import (
    BEAT,
    KEY,
    LOOK,
    NEVER,
    SETTLE,
    UNKNOWN,
    Process,
    State,
    begin,
    due,
    observe,
    of_kernels,
    of_load,
    of_shells,
    of_terminals,
    refused,
    step,
    tag_text,
    written,
)
from steward.rules import activity

START = 1_795_341_600.0  # 2026-11-22T10:00:00Z
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NOBODY, HERE, LOST = "nobody", "here", "lost"


def played(looks: Iterable[tuple[float, str]], *, fails: Iterable[bool] = ()) -> tuple[list[tuple[float, str]], list[float], State]:
    """What is written, when something was tried, and the state after these looks: each is a minute after the app's start and what is seen."""
    state, said, tried, failing = begin(START), [], [], iter(fails)
    for minute, what in looks:
        at = START + minute * MINUTE
        seen = observe(at, {"app": {HERE: at, NOBODY: NEVER, LOST: UNKNOWN}[what]})
        state = step(state, seen)
        if text := due(state, seen):
            tried.append(at)
            if next(failing, False):
                state = refused(state, at, denied=False)
            else:
                state = written(state, text, at)
                said.append(((at - START) / MINUTE, text))
    return said, tried, state


def words(said: list[tuple[float, str]]) -> list[tuple[float, str]]:
    return [(minute, text.split(" seen=")[0]) for minute, text in said]


def test_texts_are_those_that_the_sweep_reads() -> None:
    assert tag_text(START, START + 5) == "active seen=2026-11-22T10:00:05Z"
    assert tag_text(START, START + HOUR) == "idle since=2026-11-22T10:00:00Z seen=2026-11-22T11:00:00Z"


@settings(deadline=None)
@given(st.floats(0, 2e9), st.floats(0, 1e7))
def test_the_sweep_reads_what_is_said(used: float, idle: float) -> None:
    report = activity.read_report(tag_text(used, used + idle))
    assert report
    assert report.seen.timestamp() <= used + idle < report.seen.timestamp() + 1
    assert (report.idle_since is None) == ((used + idle) - used < SETTLE)
    assert report.idle_since is None or 0 <= report.idle_since.timestamp() - used <= 1


def test_reporter_and_sweep_mean_the_same_tag_and_beat() -> None:
    assert activity.ACTIVITY_TAG == KEY
    assert timedelta(seconds=BEAT) == activity.BEAT


def test_a_part_of_a_second_never_makes_the_idle_time_longer() -> None:
    assert tag_text(START + 0.2, START + HOUR + 0.9) == "idle since=2026-11-22T10:00:01Z seen=2026-11-22T11:00:00Z"


def test_trap_26_an_app_that_nobody_ever_opens_is_idle_since_its_start() -> None:
    said, _, _ = played((minute, NOBODY) for minute in range(181))
    idle = "idle since=2026-11-22T10:00:00Z"
    assert words(said) == [(0, "active"), (30, idle), (90, idle), (150, idle)]


def test_use_is_said_at_once_and_idleness_when_it_has_settled() -> None:
    looks = [HERE if minute in (0, 40, 41) else NOBODY for minute in range(120)]
    assert words(played(enumerate(looks))[0]) == [
        (0, "active"),
        (30, "idle since=2026-11-22T10:00:00Z"),
        (40, "active"),
        (90, "idle since=2026-11-22T10:41:00Z"),
    ]


def test_what_nobody_can_tell_is_not_said() -> None:
    said, _, state = played((minute, LOST) for minute in range(600))
    assert said == []
    assert state == begin(START)


def test_time_in_which_nobody_could_tell_was_not_idle() -> None:
    looks = [*[NOBODY] * 60, *[LOST] * 60, *[NOBODY] * 61]
    said = words(played(enumerate(looks))[0])
    assert said == [(0, "active"), (30, "idle since=2026-11-22T10:00:00Z"), (75, "active"), (135, "idle since=2026-11-22T12:00:00Z")]


def test_one_look_that_nobody_answers_ends_no_idle_time() -> None:
    looks = [LOST if minute in (50, 51, 52) else NOBODY for minute in range(120)]
    assert played(enumerate(looks))[2].used == START


def test_a_reporter_that_was_held_says_in_use_first() -> None:
    said, _, _ = played([*((minute, NOBODY) for minute in range(60)), (400, NOBODY)])
    assert words(said)[-1] == (400, "active")


def test_what_is_in_use_is_said_although_something_else_does_not_answer() -> None:
    seen = observe(START, {"app": UNKNOWN, "load": START})
    assert due(step(begin(START), seen), seen) == "active seen=2026-11-22T10:00:00Z"
    later = observe(START + HOUR, {"app": UNKNOWN, "load": START})
    assert due(step(begin(START), later), later) is None


def test_what_was_said_to_be_idle_is_not_said_any_more_where_nobody_can_tell_for_long() -> None:
    """Somebody may be there, and what was said last leads to a stop for another beat."""
    looks = [*[NOBODY] * 40, *[LOST] * 60]
    said = words(played(enumerate(looks))[0])
    assert said == [(0, "active"), (30, "idle since=2026-11-22T10:00:00Z"), (55, "active")]


def test_a_clock_that_is_set_does_not_make_idle_what_was_in_use() -> None:
    """By hours forth: nobody can tell what was in between. Back: nothing is idle for longer than before."""
    forth, _, _ = played([*((minute, HERE) for minute in range(5)), *((minute + 600, NOBODY) for minute in range(5, 15))])
    assert all(text.startswith("active") for _, text in forth)
    back, _, _ = played([*((minute + 600, HERE) for minute in range(5)), *((minute, NOBODY) for minute in range(5, 600))])
    assert all(text.startswith("active") for _, text in back)


def test_a_clock_that_is_wrong_says_nothing() -> None:
    assert not observe(START, {"kernels": START + HOUR}).known
    assert observe(START, {"kernels": START + 1}).used == START


TRACES = st.lists(st.tuples(st.integers(1, 90), st.sampled_from([NOBODY, HERE, LOST])), min_size=1, max_size=200)


def minutes_of(trace: list[tuple[int, str]], days: int = 2) -> list[tuple[float, str]]:
    """A look a minute, over and over this trace, until the days are over."""
    once = [what for minutes, what in trace for _ in range(minutes)]
    return [(minute, once[minute % len(once)]) for minute in range(days * 24 * 60)]


def most_in(window: float, times: list[float]) -> int:
    return max((sum(1 for other in times if time <= other < time + window) for time in times), default=0)


@settings(max_examples=25, deadline=None)
@given(TRACES)
def test_however_it_goes_back_and_forth_a_day_has_at_most_50_writes(trace: list[tuple[int, str]]) -> None:
    _, tried, _ = played(minutes_of(trace))
    assert most_in(DAY, tried) <= 50


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_a_day_of_regular_flapping_has_at_most_50_writes(here: int, nobody: int) -> None:
    _, tried, _ = played(minutes_of([(here, HERE), (nobody, NOBODY)]))
    assert most_in(DAY, tried) <= 50


@pytest.mark.parametrize("what", [HERE, NOBODY])
def test_a_day_of_the_same_has_a_write_an_hour(what: str) -> None:
    said, _, _ = played((minute, what) for minute in range(24 * 60))
    assert len(said) <= 25
    assert all(later - earlier <= BEAT / MINUTE for (earlier, _), (later, _) in pairwise(said))


@settings(max_examples=25, deadline=None)
@given(TRACES)
def test_no_report_is_idle_that_was_not(trace: list[tuple[int, str]]) -> None:
    looks = minutes_of(trace, days=1)
    for minute, text in played(looks)[0]:
        if text.startswith("idle"):
            since = next(each for each in range(int(minute), -1, -1) if tag_text(START + each * MINUTE, START + minute * MINUTE) == text)
            assert HERE not in [what for at, what in looks if since < at <= minute]


def test_what_fails_is_tried_again_soon_and_often_for_longer_than_a_beat() -> None:
    _, tried, _ = played(((minute, HERE) for minute in range(24 * 60)), fails=[True] * 1000)
    assert [(later - earlier) / MINUTE for earlier, later in pairwise(tried)][:14] == [1, 2, 4, *[8] * 9, 60, 60]
    assert len(tried) <= 36


def test_what_is_denied_is_tried_each_hour() -> None:
    state = refused(begin(START), START, denied=True)
    assert due(state, observe(START + BEAT - LOOK, {"app": START + BEAT - LOOK})) is None
    assert due(state, observe(START + BEAT, {"app": START + BEAT}))


@settings(max_examples=25, deadline=None)
@given(TRACES, st.lists(st.booleans(), max_size=2000))
def test_failures_do_not_make_it_try_without_end(trace: list[tuple[int, str]], fails: list[bool]) -> None:
    _, tried, _ = played(minutes_of(trace), fails=fails)
    assert most_in(DAY, tried) <= 150


def test_after_a_failure_the_truth_of_then_is_said() -> None:
    said, _, _ = played(((minute, HERE if minute < 2 else NOBODY) for minute in range(60)), fails=[True] * 5)
    assert words(said) == [(23, "idle since=2026-11-22T10:01:00Z")]


# What each source says


def kernel(state: str, last: str = "2026-11-22T09:00:00.123456Z") -> dict[str, str]:
    return {"execution_state": state, "last_activity": last}


def test_trap_24_a_kernel_that_computes_is_in_use_however_long_nobody_typed() -> None:
    assert of_kernels([kernel("idle"), kernel("busy")], START) == START
    assert of_kernels([kernel("idle"), kernel("starting", "2026-11-22T09:30:00Z")], START) == START - 1800
    assert of_kernels([], START) == NEVER


def test_terminals_are_in_use_when_they_last_were() -> None:
    assert of_terminals([{"last_activity": "2026-11-22T09:59:00Z"}, {"last_activity": "2026-11-22T09:00:00Z"}]) == START - 60
    assert of_terminals([]) == NEVER


@pytest.mark.parametrize(
    ("cpu", "gpu", "used"),
    [(59.9, 0.0, NEVER), (60.0, 0.0, START), (0.0, 5.0, START), (0.0, 4.0, NEVER), (0.0, None, UNKNOWN), (60.0, None, START)],
)
def test_trap_24_computing_is_use_whatever_computes(cpu: float, gpu: float | None, used: float | None) -> None:
    assert of_load(cpu, gpu, START) == used


def process(pid: int, name: str, *, session: int = 10, terminal: int | None = 3, state: str = "S") -> Process:
    return Process(pid, name, state, session, terminal, 0.0)


SHELL = process(10, "bash")


@pytest.mark.parametrize(
    ("running", "in_use"),
    [
        ([SHELL], False),
        ([SHELL, process(11, "python")], True),
        ([SHELL, process(11, "python", terminal=None)], True),
        ([SHELL, process(11, "python", state="Z")], False),
        ([SHELL, process(11, "vim", state="T")], False),
        ([SHELL, process(11, "gdb", state="t")], True),
        ([SHELL, process(11, "bash")], False),
        ([SHELL, process(11, "tmux: client")], False),
        ([SHELL, process(11, "python", session=12, terminal=None)], False),
        ([process(1, "bash", session=1), process(7, "jupyter-lab", session=1)], False),
        ([process(10, "python")], True),
        ([process(10, "supervisord", session=1), process(11, "jupyter-lab", session=1)], False),
        ([process(1, "supervisord", session=0), process(11, "jupyter-lab", session=0)], False),
        ([process(10, "bash", terminal=None), process(11, "python", terminal=None)], False),
    ],
)
def test_trap_24_a_terminal_is_in_use_while_a_command_of_its_shell_runs(running: list[Process], in_use: bool) -> None:
    assert of_shells(running, {}, START) == (START if in_use else NEVER)


def test_a_terminal_is_in_use_when_it_was_last_touched() -> None:
    assert of_shells([SHELL], {3: START - 5, 4: START}, START) == START - 5


def test_settling_is_shorter_than_a_beat_and_longer_than_a_look() -> None:
    assert LOOK < SETTLE < BEAT / 2
