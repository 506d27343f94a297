"""What must hold for every life of an app: people come and go, reports are missed, late, and dated by wrong clocks, sweeps notice and stop."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from steward.reporter import report_activity as reporter
from steward.rules.activity import SILENCE, SKEW
from steward.rules.idle import FRESH, AppSeen, Decision, Reason, Verdict, confirm
from steward.rules.quiet_hours import read_quiet_hours
from tests.unit.idle_apps import NATIVE, NOW, POLICY, app, decided, text

MINUTE = timedelta(minutes=1)
ON_TIME, MISSED = 0, None


@dataclass(frozen=True)
class Life:
    """Minutes. `visits`: how long nobody is there, then for how long somebody is; `alone`: how long nobody at the end. `beats`: what becomes of one
    report after the other: so late, or MISSED. `clock`: how far the app's is ahead. `sweeps_at`: the minute of the hour. `threshold`: by tag."""

    visits: tuple[tuple[int, int], ...]
    beats: tuple[int | None, ...]
    clock: int
    sweeps_at: int
    threshold: int
    alone: int = 1500

    @property
    def in_use(self) -> frozenset[int]:
        found, minute = set[int](), 0
        for away, there in self.visits:
            found |= set(range(minute + away, minute + away + there))
            minute += away + there
        return frozenset(found)

    @property
    def length(self) -> int:
        return sum(away + there for away, there in self.visits) + self.alone


@dataclass(frozen=True)
class Swept:
    """A sweep's decision. `last_use`: when somebody was last there, `told`: when the tag that it read was written; both in minutes of the life."""

    minute: int
    decision: Decision
    last_use: int
    told: int
    noticed: int


def lives() -> st.SearchStrategy[Life]:
    fate = st.sampled_from([ON_TIME, ON_TIME, ON_TIME, MISSED]) | st.integers(0, 150)
    return st.builds(
        Life,
        visits=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 300)), max_size=6).map(tuple),
        beats=st.lists(fate, max_size=60).map(tuple),
        clock=st.integers(-15, 15),
        sweeps_at=st.integers(0, 59),
        threshold=st.sampled_from([60, 90, 120, 480]),
    )


def told(life: Life, *, returns_get_through: bool) -> Iterator[tuple[int, str, int]]:
    """Minute by minute what stands in the tag, and since when; with `returns_get_through` the report that somebody came is never missed or late."""
    fates, in_use, last = iter(life.beats), life.in_use, 0
    tag, written, said, due = "", 0, None, 0
    for minute in range(life.length):
        active = minute in in_use
        last = minute if active else last
        if active is not said or minute >= due:
            fate = ON_TIME if active and returns_get_through else next(fates, ON_TIME)
            if fate == ON_TIME:
                at = NOW + (minute + life.clock) * MINUTE
                tag = f"active seen={text(at)}" if active else f"idle since={text(NOW + (last + life.clock) * MINUTE)} seen={text(at)}"
                written, said = minute, active
            due = minute + (60 if fate == ON_TIME or fate is MISSED else fate)
            said = active
        yield minute, tag, written


def sweeps(life: Life, *, returns_get_through: bool = False) -> Iterator[Swept]:
    """The decisions of all sweeps, up to the one that stops the app. A notice is written as soon as it is decided."""
    notice: int | None = None
    for minute, tag, written in told(life, returns_get_through=returns_get_through):
        if minute % 60 != life.sweeps_at:
            continue
        now = NOW + minute * MINUTE
        tags = ({"steward:activity": tag} if tag else {}) | ({"steward:stop-notice": text(NOW + notice * MINUTE)} if notice is not None else {})
        seen = app(tags, created=NOW, space_tags={"steward:idle-minutes": str(life.threshold)})
        decision = decided(seen, now=now)
        yield Swept(minute, decision, max((used for used in life.in_use if used <= minute), default=0), written, -1 if notice is None else notice)
        if decision.verdict is Verdict.STOP:
            return
        notice = minute if decision.verdict is Verdict.NOTICE else notice


def stops(found: Iterator[Swept]) -> list[Swept]:
    return [swept for swept in found if swept.decision.verdict is Verdict.STOP]


LEFT = Life(visits=((0, 30),), beats=(), clock=0, sweeps_at=0, threshold=120)
BACK = replace(LEFT, visits=((0, 30), (260, 400)))


@given(lives())
@example(LEFT)
@example(BACK)
@settings(max_examples=300, deadline=None)
def test_no_life_with_activity_inside_the_threshold_ever_leads_to_a_stop(life: Life) -> None:
    """Beats are missed, late and dated by a wrong clock; that somebody came back is told."""
    for stop in stops(sweeps(life, returns_get_through=True)):
        assert stop.minute - stop.last_use >= life.threshold
        assert stop.last_use <= stop.noticed, "whoever comes after the notice calls it off"
        assert stop.minute - stop.noticed >= 120


@given(lives())
@example(LEFT)
@settings(max_examples=300, deadline=None)
def test_whatever_is_missed_a_stop_rests_on_a_look_within_a_beat_at_an_app_that_was_idle_then(life: Life) -> None:
    """Even the report that somebody came may be missed: then the last look is what counts, and it is not long ago."""
    for stop in stops(sweeps(life)):
        used = max((minute for minute in life.in_use if minute <= stop.told), default=0)
        assert stop.told - used >= life.threshold
        assert used <= stop.noticed <= stop.told
        assert timedelta(minutes=stop.minute - stop.told) <= FRESH + SKEW


@given(lives(), st.integers(0, 59))
@settings(max_examples=150, deadline=None)
def test_whatever_is_left_for_good_is_stopped_where_its_reports_come(life: Life, sweeps_at: int) -> None:
    """A sweep that stops nothing is useless. To threshold and grace are added at most a beat and a sweep each."""
    punctual = replace(life, beats=(), sweeps_at=sweeps_at)
    (stop,) = stops(sweeps(punctual))
    assert stop.minute - stop.last_use <= life.threshold + 120 + 4 * 60


def test_a_life_of_two_visits_is_told_and_judged() -> None:
    """Away for two hours: noticed. Back within the grace: kept. Left for good: noticed again, and stopped after the grace."""
    found = [(swept.minute, str(swept.decision.verdict), str(swept.decision.reason)) for swept in sweeps(replace(BACK, visits=((0, 30), (200, 60))))]
    assert found[:2] == [(0, "Keep", "TooYoung"), (60, "Keep", "UsedRecently")]
    changes = [found[0], *(after for before, after in pairwise(found) if before[1:] != after[1:])]
    assert changes == [
        (0, "Keep", "TooYoung"),
        (60, "Keep", "UsedRecently"),
        (180, "Notice", "Idle"),
        (240, "Keep", "Active"),
        (300, "Keep", "UsedRecently"),
        (420, "Notice", "Idle"),
        (480, "Keep", "InGrace"),
        (540, "Stop", "Idle"),
    ]


# -- more evidence of use never leads to less Keep

NEARER = {Reason.IN_GRACE: 3, Reason.AWAITING_REPORT: 3}
"""Kept for the time being: a notice is out, so that these are nearer to a stop than an app that is noticed anew."""


def nearness(decision: Decision) -> int:
    """How near an app is to being stopped."""
    return NEARER.get(decision.reason, {Verdict.KEEP: 0, Verdict.UNKNOWN: 1, Verdict.NOTICE: 2, Verdict.STOP: 4}[decision.verdict])


MINUTES = st.integers(-20, 3000)
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "steward:stop-notice": MINUTES.map(lambda ago: text(NOW - ago * MINUTE)) | st.just("soon"),
        "steward:idle-minutes": st.sampled_from(["60", "120", "600", "x"]),
    },
)
APPS = st.builds(
    app,
    WORDS,
    created=st.integers(0, 10_000).map(lambda ago: NOW - ago * MINUTE),
    native=st.sampled_from([None, NATIVE, replace(NATIVE, enabled=False), replace(NATIVE, maximum=None)]),
    image_version=st.sampled_from([None, "1.9", "2.1"]),
    app_type=st.sampled_from(["JupyterLab", "CodeEditor"]),
)
POLICIES = st.sampled_from([POLICY, replace(POLICY, quiet_hours=read_quiet_hours("11:00-13:00", "UTC"))])


def saying(seen: AppSeen, report: str) -> AppSeen:
    return replace(seen, tags={**seen.tags, "steward:activity": report})


def idle(since: int, looked: int) -> str:
    return f"idle since={text(NOW - since * MINUTE)} seen={text(NOW - looked * MINUTE)}"


@given(APPS, POLICIES, st.integers(-20, 200), st.integers(0, 3000), st.integers(0, 3000))
@settings(max_examples=400)
def test_whoever_was_there_later_is_never_nearer_to_a_stop(seen: AppSeen, policy: Any, looked: int, first: int, second: int) -> None:
    earlier, later = max(first, second), min(first, second)
    before = decided(saying(seen, idle(looked + earlier, looked)), policy=policy)
    assert nearness(decided(saying(seen, idle(looked + later, looked)), policy=policy)) <= nearness(before)
    assert nearness(decided(saying(seen, f"active seen={text(NOW - looked * MINUTE)}"), policy=policy)) <= nearness(before)


@given(APPS, POLICIES, st.sampled_from(["space_tags", "profile_tags", "domain_tags"]), st.integers(0, 120), st.integers(0, 3000))
def test_whatever_else_speaks_for_an_app_keeps_it(seen: AppSeen, policy: Any, place: str, looked: int, span: int) -> None:
    """An exception, a report that it is in use, somebody of whom DescribeApp knows."""
    seen = saying(seen, idle(looked + span, looked))
    for value in ("2026-11-22", "whenever"):
        assert decided(replace(seen, **{place: {"steward:keep-until": value}}), policy=policy).verdict is Verdict.KEEP
    assert decided(saying(seen, f"active seen={text(NOW - looked * MINUTE)}"), policy=policy).verdict is Verdict.KEEP
    before = decided(seen, policy=policy)
    after = confirm(before, NOW - 59 * MINUTE, NOW - MINUTE, NOW, policy)
    assert after == before or (after.verdict, after.reason) == (Verdict.KEEP, Reason.USER_ACTIVITY)
    assert after.verdict not in (Verdict.NOTICE, Verdict.STOP)


@given(APPS, POLICIES, st.sampled_from([60, 120, 240, 480]), st.integers(0, 120), st.integers(0, 3000))
def test_whoever_asks_for_longer_is_never_nearer_to_a_stop(seen: AppSeen, policy: Any, minutes: int, looked: int, span: int) -> None:
    tags = {key: value for key, value in seen.tags.items() if key != "steward:idle-minutes"}
    seen = saying(replace(seen, tags=tags), idle(looked + span, looked))
    near = [nearness(decided(replace(seen, space_tags={"steward:idle-minutes": str(asked)}), policy=policy)) for asked in (minutes, minutes + 60)]
    assert near[1] <= near[0]


@given(APPS, POLICIES, st.none() | st.text(max_size=60) | st.integers(121, 5000))
def test_silence_never_leads_to_a_notice_or_a_stop(seen: AppSeen, policy: Any, report: str | int | None) -> None:
    said = idle(report + 500, report) if isinstance(report, int) else report
    assume(seen.native is None or not seen.native.enabled)
    decision = decided(seen if said is None else saying(seen, said), policy=policy)
    assert decision.verdict is Verdict.UNKNOWN or decision.reason is Reason.TOO_YOUNG


@pytest.mark.parametrize("beats", [(MISSED,) * 60, (ON_TIME, *(MISSED,) * 60)])
def test_a_reporter_that_falls_silent_makes_its_app_unknown(beats: tuple[int | None, ...]) -> None:
    found = list(sweeps(replace(LEFT, beats=beats)))
    assert {swept.decision.verdict for swept in found[4:]} == {Verdict.UNKNOWN}


def test_what_leads_to_a_stop_is_newer_than_its_notice_by_more_than_the_skew() -> None:
    """So that a live reporter has put a forged report right: no policy has a shorter grace than two beats."""
    assert SILENCE - FRESH > SKEW


# -- the reporter itself, as it runs in apps


class Played:
    """The reporter's own steps, a look a minute, by a clock that is off. `lost`: the share of writes that fail, of those that it says so of."""

    def __init__(self, life: Life, dice: Random, lost: float) -> None:
        self.start = NOW.timestamp() + life.clock * 60
        self.life, self.dice, self.lost = life, dice, lost
        self.state, self.used, self.tag = reporter.begin(self.start), self.start, ""

    def minute(self, minute: int) -> str:
        """What stands in the tag after this minute."""
        at = self.start + minute * 60
        self.used = at if minute in self.life.in_use else self.used
        seen = reporter.observe(at, {"app": self.used})
        self.state = reporter.step(self.state, seen)
        said = reporter.due(self.state, seen)
        if said and said.startswith("idle") and self.dice.random() < self.lost:
            self.state = reporter.refused(self.state, at, denied=False)
        elif said:
            self.state, self.tag = reporter.written(self.state, said, at), said
        return self.tag


@given(lives(), st.integers(0, 10_000), st.sampled_from([0, 0.2, 0.6]))
@example(LEFT, 1, 0)
@settings(max_examples=40, deadline=None)
def test_what_the_reporter_says_through_lost_beats_never_stops_what_was_used_within_the_threshold(life: Life, seed: int, lost: float) -> None:
    """What says that an app is idle is lost; that it is in use gets through."""
    played, notice = Played(life, Random(seed), lost), -1
    for minute in range(life.length):
        tags = {"steward:activity": played.minute(minute)} | ({"steward:stop-notice": text(NOW + notice * MINUTE)} if notice >= 0 else {})
        if minute % 60 != life.sweeps_at:
            continue
        decision = decided(app(tags, created=NOW, space_tags={"steward:idle-minutes": str(life.threshold)}), now=NOW + minute * MINUTE)
        notice = minute if decision.verdict is Verdict.NOTICE else notice
        if decision.verdict is Verdict.STOP:
            assert minute - max((used for used in life.in_use if used <= minute), default=0) >= life.threshold
            return
    assert lost, "left for good, and every report came"
