"""`benchmarks.idle_apps.seeds`: lives in which somebody comes back and nobody hears of it, and what the rules alone make of them."""

from dataclasses import replace

import pytest

from benchmarks.idle_apps import seeds, truth
from benchmarks.idle_apps.seeds import is_back_unheard, stopped
from benchmarks.idle_apps.truth import HOUR, MINUTE, How, Kind, Life, Sight, Span, Work

DAY = 24 * HOUR
BACK = 5.4 * HOUR
BETWEEN_CHECKS = 100.0
LIFE = Life(
    0,
    Kind.COMPUTING,
    "JupyterLab",
    Sight.REPORTER,
    -DAY - BETWEEN_CHECKS,
    (Work(0.2 * HOUR, 1.2 * HOUR, How.TYPES), Work(BACK, BACK + 20 * MINUTE, How.TYPES), Work(BACK + 20 * MINUTE, 9 * HOUR, How.KERNEL_COMPUTES)),
)
"""Idle from 1.2 h on; its reports show so much at 4 h, so that is the notice, and 6 h the stop, unless it is heard that somebody is back."""

UNHEARD = (Span(BACK - MINUTE, 6.1 * HOUR),)


def test_who_is_heard_is_kept_until_the_work_is_done() -> None:
    at = stopped(LIFE, 16)
    assert not is_back_unheard(LIFE)
    assert at is not None
    assert at > 9 * HOUR + LIFE.threshold
    assert not LIFE.protects(at)


@pytest.mark.parametrize("unheard", ["outages", "late"])
def test_who_comes_back_unheard_types_and_goes_on_to_compute_is_what_nobody_can_see(unheard: str) -> None:
    """The known limit of all evidence: the last beat got through, the health check hides who typed, and nothing says that a kernel computes."""
    life = replace(LIFE, **{unheard: UNHEARD})
    at = stopped(life, 16)
    assert is_back_unheard(life)
    assert (at, at is not None and life.protects(at)) == (6 * HOUR + seeds.TAKES, True)


def test_who_still_types_is_known_to_describe_app() -> None:
    work = (LIFE.work[0], Work(BACK, 9 * HOUR, How.TYPES))
    at = stopped(replace(LIFE, work=work, outages=UNHEARD), 16)
    assert at is not None
    assert at > 9 * HOUR


@pytest.mark.parametrize(("before", "at_risk"), [(3 * MINUTE, False), (2 * MINUTE, True), (0, True), (-MINUTE, True), (-2 * MINUTE, False)])
def test_who_comes_back_just_before_a_sweep_or_within_it_is_not_heard_either(before: float, at_risk: bool) -> None:
    back = Work(6 * HOUR - before, 9 * HOUR, How.TYPES)
    assert is_back_unheard(replace(LIFE, work=(LIFE.work[0], back))) is at_risk


def test_whom_a_health_check_of_just_now_hides_shows_at_the_second_look() -> None:
    """Who types 20 seconds before the sweep, with a check 3 seconds before it; nobody comes, and the same app is stopped a minute later."""
    hidden = replace(LIFE, number=30, born=-DAY)
    back = Work(6 * HOUR - 20, 9 * HOUR, How.TYPES)
    kept = stopped(replace(hidden, work=(LIFE.work[0], back)), 16)
    assert kept is not None
    assert kept > 9 * HOUR + LIFE.threshold
    assert stopped(replace(hidden, work=LIFE.work[:1]), 16) == 6 * HOUR + MINUTE


def test_who_cannot_be_seen_at_all_or_is_protected_is_in_no_danger() -> None:
    for safe in (replace(LIFE, outages=UNHEARD, sight=Sight.DENIED), replace(LIFE, outages=UNHEARD, protected="app")):
        assert not is_back_unheard(safe)


def test_seeds_are_added_up_and_a_wrong_stop_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    of_seed = {7: [LIFE, replace(LIFE, outages=UNHEARD)], 8: [replace(LIFE, number=3, late=UNHEARD)]}
    monkeypatch.setattr(truth, "lives", lambda _apps, _hours, seed: of_seed[seed])
    rows = seeds.measure(2, 10, 16, 7)
    assert [(row.metric, row.value) for row in rows] == [("lives_at_risk", 2), ("wrong_stops", 2)]
    assert capsys.readouterr().err.splitlines() == [f"seed 7: app 0, {LIFE.kind}, at 6.001 h", f"seed 8: app 3, {LIFE.kind}, at 6.001 h"]
    assert [goal.met for goal in seeds.goals(rows)] == [False]
