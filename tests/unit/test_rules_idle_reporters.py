"""What must hold for every life of an app whose reporter is ended, begins anew, is held with all else there, and whose clock is set."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from steward.reporter import report_activity as reporter
from steward.rules.idle import FRESH, Verdict
from tests.unit.idle_apps import NOW, app, decided, text

MINUTE = timedelta(minutes=1)
ENDED, BEGUN, HELD, SET, BLIND = "ended", "begun", "held", "set", "blind"
THRESHOLD = 60


@dataclass
class Life:
    """Minutes. `visits`: how long nobody is there, then for how long somebody is. `fates`: after so many minutes this becomes of the reporter, or of
    the clock: by so many minutes it is set, or for so many all is held, or its sources do not answer."""

    visits: list[tuple[int, int]]
    fates: list[tuple[int, str, int]]
    in_use: set[int] = field(init=False)
    happens: dict[int, tuple[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.in_use, self.happens, minute = set(), {}, 0
        for away, there in self.visits:
            self.in_use |= set(range(minute + away, minute + away + there))
            minute += away + there
        minute = 0
        for after, fate, much in self.fates:
            minute += after
            self.happens[minute] = fate, much


class Played:
    """The reporter's own steps, once a minute where it looks. `told`: when it last wrote its tag."""

    def __init__(self) -> None:
        self.off, self.state, self.alive, self.tag, self.told, self.used = 0.0, reporter.begin(NOW.timestamp()), True, "", 0, 0.0
        self.held_until = self.blind_until = -1

    def minute(self, minute: int, life: Life) -> None:
        fate, much = life.happens.get(minute, ("", 0))
        self.off += much * 60 if fate == SET else 0
        self.held_until = minute + abs(much) if fate == HELD else self.held_until
        self.blind_until = minute + abs(much) if fate == BLIND else self.blind_until
        self.alive = self.alive and fate != ENDED
        at = NOW.timestamp() + minute * 60 + self.off
        if fate == BEGUN:
            self.alive, self.state = True, reporter.begin(at)
        if minute <= self.held_until:
            return
        self.used = at if minute in life.in_use else self.used
        if self.alive:
            self._look(at, minute)

    def _look(self, at: float, minute: int) -> None:
        seen = reporter.observe(at, {"app": reporter.UNKNOWN if minute <= self.blind_until else self.used})
        self.state = reporter.step(self.state, seen)
        said = reporter.due(self.state, seen)
        if said:
            self.state, self.tag, self.told = reporter.written(self.state, said, at), said, minute


VISITS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), max_size=5)
FATES = st.lists(st.tuples(st.integers(1, 300), st.sampled_from([ENDED, BEGUN, HELD, SET, BLIND]), st.integers(-200, 200)), max_size=8)


@given(VISITS, FATES, st.integers(0, 59))
@example([(0, 30), (240, 300)], [(280, ENDED, 0)], 0)
@example([(0, 30), (240, 300)], [(280, BLIND, 200)], 0)
@example([(0, 30)], [(100, SET, 180), (100, SET, -180)], 0)
@settings(max_examples=150, deadline=None)
def test_whatever_becomes_of_a_reporter_a_stop_rests_on_a_look_at_an_app_that_was_idle_then(
    visits: list[tuple[int, int]], fates: list[tuple[int, str, int]], sweeps_at: int
) -> None:
    """Its memory is lost, it looks no more, nothing answers it, its clock goes wrong or right. Somebody who came while it looked and saw keeps the
    app; where it did not, its last word is not old."""
    life, played, notice, last = Life(visits, fates), Played(), -1, 0
    unseen = 15 + sum(much for fate, much in life.happens.values() if fate == SET and 0 < much <= 15)
    for minute in range(max([*life.in_use, *life.happens], default=0) + 700):
        played.minute(minute, life)
        last = minute if minute in life.in_use and minute > played.held_until else last
        if minute % 60 != sweeps_at:
            continue
        tags = {"steward:activity": played.tag} | ({"steward:stop-notice": text(NOW + notice * MINUTE)} if notice >= 0 else {})
        decision = decided(app(tags, created=NOW, space_tags={"steward:idle-minutes": str(THRESHOLD)}), now=NOW + minute * MINUTE)
        notice = minute if decision.verdict is Verdict.NOTICE else notice
        if decision.verdict is Verdict.STOP:
            used = max((use for use in life.in_use if use <= played.told), default=0)
            assert played.told - used >= THRESHOLD - unseen, "less than what settles goes unseen, of a clock that is set forth and of being held"
            assert last <= played.told or (minute - played.told) * MINUTE <= FRESH + 15 * MINUTE
            assert minute - notice >= 120
            return


@given(st.integers(1, 59), st.integers(61, 600))
@settings(deadline=None)
def test_an_app_that_nobody_uses_is_stopped_although_its_reporter_begins_anew_once(sweeps_at: int, begun: int) -> None:
    life, played, notice = Life([(0, 30)], [(begun, BEGUN, 0)]), Played(), -1
    for minute in range(begun + 700):
        played.minute(minute, life)
        if minute % 60 == sweeps_at:
            tags = {"steward:activity": played.tag} | ({"steward:stop-notice": text(NOW + notice * MINUTE)} if notice >= 0 else {})
            decision = decided(app(tags, created=NOW, space_tags={"steward:idle-minutes": str(THRESHOLD)}), now=NOW + minute * MINUTE)
            notice = minute if decision.verdict is Verdict.NOTICE else notice
            if decision.verdict is Verdict.STOP:
                return
    raise AssertionError("nobody is there, and it runs on")
