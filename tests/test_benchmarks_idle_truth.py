"""The truth by which whoever stops idle apps is judged: it is the same for a seed, its shares hold, and each measure is what its sentence says."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.idle_apps import truth
from benchmarks.idle_apps.reports import Reports
from benchmarks.idle_apps.scores import GRACE, Period, Score, Stopped, periods, score
from benchmarks.idle_apps.truth import DAY, HOUR, MINUTE, OWN_THRESHOLD, THRESHOLD, How, Kind, Life, Sight, Span, Work
from steward.rules.activity import BEAT, SKEW, read_report

HOURS = 24
ZERO = 1_800_000_000.0
NUMBER, SEEDS = 1000, (1, 2, 3)


def life(*work: Work, born: float = -DAY, sight: Sight = Sight.REPORTER, **more: object) -> Life:
    app_type = "Canvas" if sight is Sight.CANVAS else "JupyterLab"
    return replace(Life(0, Kind.ABANDONED, app_type, sight, born, work), **more)  # type: ignore[arg-type] # whatever a test is about


def typed(begin: float, end: float) -> Work:
    return Work(begin * HOUR, end * HOUR, How.TYPES)


def scored(of: Life, stops: tuple[float, ...] = (), down: tuple[tuple[float, float], ...] = ()) -> Score:
    spans = [Span(begin * HOUR, end * HOUR) for begin, end in down]
    return score([Stopped(of, [at * HOUR for at in stops], spans)], periods([of], HOURS * HOUR))


# -- truth


def test_the_same_seed_is_the_same_truth_and_another_one_is_not() -> None:
    assert truth.lives(50, 36, seed=7) == truth.lives(50, 36, seed=7)
    assert truth.lives(50, 36, seed=7) != truth.lives(50, 36, seed=8)


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_hold_in_each_seed(seed: int) -> None:
    lives = truth.lives(NUMBER, 36, seed)
    assert {kind: number / NUMBER for kind, number in Counter(each.kind for each in lives).items()} == pytest.approx(dict(truth.SHARES))
    assert {name: number / NUMBER for name, number in Counter(each.app_type for each in lives).items()} == pytest.approx(truth.TYPES)
    assert all((each.sight is Sight.CANVAS) == (each.app_type == "Canvas") for each in lives)
    assert all((each.sight is Sight.CLASSIC) == (each.app_type == "KernelGateway") for each in lives)
    assert sum(each.protected is not None for each in lives) / NUMBER == pytest.approx(truth.PROTECTED, abs=0.02)
    assert sum(each.threshold == OWN_THRESHOLD for each in lives) / NUMBER == pytest.approx(truth.OWN, abs=0.02)
    assert sum(each.sight is Sight.DENIED for each in lives) / NUMBER == pytest.approx(truth.DENIED * 0.86, abs=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_work_is_in_order_and_never_before_its_app(seed: int) -> None:
    for each in truth.lives(300, 36, seed):
        edges = [each.born, *(edge for work in each.work for edge in (work.begin, work.end))]
        assert edges == sorted(edges), each
        assert each.kind is not Kind.NEVER_OPENED or not each.work


@pytest.mark.parametrize("seed", SEEDS)
def test_reporters_of_the_truth_write_what_the_rules_read_and_say_idle_only_of_who_is(seed: int) -> None:
    """Whatever looks and writes it missed: nobody is said to be idle for longer than the truth has it."""
    wrote, said_idle = 0, 0
    for each in truth.lives(120, 36, seed):
        if each.sight is not Sight.REPORTER:
            continue
        for at, text in Reports(each, ZERO, max(each.born, -3 * HOUR)).until(36 * HOUR):
            report = read_report(text)
            assert report is not None, text
            wrote += 1
            assert abs(report.seen.timestamp() - ZERO - at) <= SKEW.total_seconds()
            if report.idle_since is not None:
                said_idle += 1
                used = each.last_use(at)
                idle = at - max(each.born, each.born if used is None else used)
                assert (report.seen - report.idle_since).total_seconds() <= idle + 1, each
    assert wrote > said_idle > 100


def test_a_reporter_misses_beats_where_its_writes_fail_and_says_so_afterwards() -> None:
    calm = life(typed(-2, -1))
    silent = replace(calm, outages=(Span(4 * HOUR, 6.5 * HOUR),))
    moments = {name: [at for at, _ in Reports(each, ZERO, -2 * HOUR).until(10 * HOUR)] for name, each in (("calm", calm), ("silent", silent))}
    gaps = {name: max(later - at for at, later in pairwise(said)) for name, said in moments.items()}
    assert gaps["calm"] <= BEAT.total_seconds() + MINUTE
    assert not [at for at in moments["silent"] if 4 * HOUR <= at < 6.5 * HOUR]
    assert [at for at in moments["silent"] if at >= 6.5 * HOUR]


# -- scores


@pytest.mark.parametrize(
    ("at", "wrong"),
    [
        pytest.param(3.0, 1, id="while somebody types"),
        pytest.param(4.0, 1, id="just after"),
        pytest.param(5.99, 1, id="within the threshold"),
        pytest.param(6.0, 0, id="after the threshold"),
        pytest.param(-0.5, 0, id="idle since long before"),
    ],
)
def test_a_stop_is_wrong_while_work_runs_or_sooner_after_it_than_the_threshold(at: float, wrong: int) -> None:
    found = scored(life(typed(2, 4)), stops=(at,))
    assert (found.stops, found.wrong_stops, found.protected_stops) == (1, wrong, 0)


@pytest.mark.parametrize("how", How)
def test_whatever_work_looks_like_a_stop_in_it_is_wrong(how: How) -> None:
    assert scored(life(Work(0, 20 * HOUR, how)), stops=(19.5,)).wrong_stops == 1


def test_a_threshold_of_ones_own_counts() -> None:
    assert scored(life(typed(2, 4), threshold=OWN_THRESHOLD), stops=(7.9,)).wrong_stops == 1
    assert scored(life(typed(2, 4), threshold=OWN_THRESHOLD), stops=(8.0,)).wrong_stops == 0


def test_an_app_that_just_started_is_protected_as_if_somebody_had_worked() -> None:
    assert scored(life(born=5 * HOUR), stops=(6.9,)).wrong_stops == 1
    assert scored(life(born=5 * HOUR), stops=(7.0,)).wrong_stops == 0


@pytest.mark.parametrize("where", ["app", "space", "profile"])
def test_a_stop_of_what_a_tag_protects_is_wrong_however_idle_it_is(where: str) -> None:
    found = scored(life(protected=where), stops=(20,), down=((20, 24),))
    assert (found.wrong_stops, found.protected_stops) == (1, 1)
    assert (found.idle_hours, found.idle_hours_recoverable, found.idle_hours_recovered) == (24, 0, 0)
    assert found.idle_hours_saved == 4


def test_each_stop_counts() -> None:
    found = scored(life(typed(2, 4), typed(10, 12)), stops=(3, 8, 11), down=((3, 3.1), (8, 10), (11, 11.1)))
    assert (found.stops, found.wrong_stops) == (3, 2)


def test_hours_are_recoverable_from_when_a_report_showed_the_threshold_and_the_grace_was_over() -> None:
    of = life(typed(1, 3))
    (first, second) = periods([of], HOURS * HOUR)[0]
    assert first.span == Span(-DAY, HOUR)
    shown = second.shown_at
    assert shown is not None
    assert 3 * HOUR + THRESHOLD <= shown <= 3 * HOUR + THRESHOLD + BEAT.total_seconds() + MINUTE
    assert second.recoverable == Span(shown + GRACE, DAY)
    assert second.after_grace == Span(3 * HOUR + THRESHOLD + GRACE, DAY)
    assert second.shown == Span(3 * HOUR, DAY)
    assert shown in [at for at, _ in Reports(of, ZERO, -3 * HOUR).until(DAY)]


def test_of_the_hours_those_count_in_which_it_was_down() -> None:
    of = life(typed(1, 3), sight=Sight.CANVAS)
    found = scored(of, stops=(8,), down=((8, 23),))
    assert (found.idle_hours, found.idle_hours_recoverable) == (1 + 21, 24 - 3 - 2 - 2)
    assert (found.idle_hours_recovered, found.idle_hours_saved) == (15, 15)
    assert scored(of).idle_hours_recovered == 0
    early = scored(of, stops=(3.5,), down=((3.5, 24),))
    assert (early.wrong_stops, early.idle_hours_recovered, early.idle_hours_saved) == (1, 17, 20.5)


def test_a_period_before_second_zero_counts_from_there_and_nobody_gives_notice_sooner() -> None:
    (period,) = periods([life(sight=Sight.CANVAS)], HOURS * HOUR)[0]
    assert period == Period(Span(-DAY, DAY), THRESHOLD, -DAY + THRESHOLD)
    assert (period.counted, period.recoverable) == (Span(0, DAY), Span(GRACE, DAY))


@pytest.mark.parametrize("sight", [Sight.CLASSIC, Sight.DENIED, Sight.WRONG_CLOCK])
def test_of_what_nothing_says_anything_nothing_is_recoverable(sight: Sight) -> None:
    found = scored(life(sight=sight))
    assert (found.idle_hours, found.idle_hours_shown, found.idle_hours_recoverable) == (24, 0, 0)


def test_a_short_break_is_idle_and_not_recoverable() -> None:
    found = scored(life(typed(-20, 6), typed(7, 30)))
    assert (found.idle_hours, found.idle_hours_recoverable) == (1, 0)
