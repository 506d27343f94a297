"""The benchmark of idle apps, played in a tiny organization: each subject stops what its sentence says, and what it is worth is written down."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import results
from benchmarks.idle_apps import measured, scores
from benchmarks.idle_apps.custodian import PYTHON
from benchmarks.idle_apps.measured import Outcome, goals, played, prepared, rows_of, side_by_side
from benchmarks.idle_apps.subjects import FIXED_AGE, FIXED_HOUR, SUBJECTS
from benchmarks.idle_apps.truth import CLOCK_AT_START, HOUR, How, Kind, Life, Sight, Work
from benchmarks.idle_apps.world import World
from benchmarks.results import Row

HOURS = 12
SEED = 3


def typed(begin: float, end: float) -> Work:
    return Work(begin * HOUR, end * HOUR, How.TYPES)


def lab(number: int, kind: Kind, born: float, *work: Work, sight: Sight = Sight.REPORTER, protected: str | None = None) -> Life:
    return Life(number, kind, "Canvas" if sight is Sight.CANVAS else "JupyterLab", sight, born * HOUR, work, protected=protected)


COMPUTES = lab(0, Kind.COMPUTING, -11.5, typed(-11.4, -11), Work(-11 * HOUR, 20 * HOUR, How.KERNEL_COMPUTES))
LEFT = lab(1, Kind.ABANDONED, -9.2, typed(-9.1, -8))
KEPT = lab(2, Kind.NEVER_OPENED, -5.5, protected="space")
TYPES = lab(3, Kind.TYPING, -0.2, typed(-0.1, 12))
CANVAS = lab(4, Kind.ABANDONED, -7.5, typed(-7.4, -6.5), sight=Sight.CANVAS)
SILENT = lab(5, Kind.NEVER_OPENED, -6.5, sight=Sight.DENIED)
RETURNS = lab(6, Kind.TYPING, -4.2, typed(-4.1, -3.3), typed(1.5, 12))
"""Noticed at the first sweep, and there again before the stop."""

LIVES = (COMPUTES, LEFT, KEPT, TYPES, CANVAS, SILENT, RETURNS)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with prepared(LIVES, accounts=1, seed=SEED) as made:
        yield made


@pytest.fixture(scope="module")
def found(world: World) -> dict[str, list[Outcome]]:
    return played(world, HOURS, SEED, ("steward", "fixed_age", "fixed_hour"))


@pytest.fixture(scope="module")
def rows(found: dict[str, list[Outcome]]) -> list[Row]:
    known = scores.periods(LIVES, HOURS * HOUR)
    return [row for name, outcomes in found.items() for row in rows_of(name, "tiny", outcomes, known)]


def stops(found: dict[str, list[Outcome]], subject: str) -> dict[int, list[int]]:
    """The hours in which each app was stopped."""
    apps = [app for outcome in found[subject] for app in outcome.apps]
    return {app.life.number: [int(at // HOUR) for at in app.stops] for app in apps if app.stops}


def value(rows: list[Row], subject: str, metric: str) -> float:
    (only,) = [row.value for row in rows if (row.subject, row.metric) == (subject, metric)]
    return only


def test_steward_stops_what_was_left_two_hours_after_its_notice_and_nothing_else(found: dict[str, list[Outcome]], rows: list[Row]) -> None:
    assert stops(found, "steward") == {LEFT.number: [2], CANVAS.number: [2]}
    assert value(rows, "steward", "wrong_stops") == 0
    assert value(rows, "steward", "never_examined") == 0
    assert value(rows, "steward", "recovered_share") > 0.99, "of ten hours each a minute at most"
    assert value(rows, "steward", "sagemaker:DeleteApp") == 2
    assert value(rows, "steward", "examined") == len(LIVES) * HOURS - 2 * (HOURS - 3)


def test_a_fixed_age_stops_whatever_its_users_do(found: dict[str, list[Outcome]], rows: list[Row]) -> None:
    """Who is stopped while at work comes back at the next hour."""
    age = FIXED_AGE.total_seconds() / HOUR
    expected = {life.number: [hour] for life in LIVES if (hour := int(life.born / HOUR + age) + 1) < HOURS}
    assert stops(found, "fixed_age") == expected
    assert set(expected) == {life.number for life in LIVES} - {TYPES.number}
    wrong = {COMPUTES.number, KEPT.number, RETURNS.number}
    assert (value(rows, "fixed_age", "wrong_stops"), value(rows, "fixed_age", "protected_stops")) == (len(wrong), 1)
    assert 0 < value(rows, "fixed_age", "recovered_share") < 1


def test_a_fixed_hour_stops_everything_then(found: dict[str, list[Outcome]], rows: list[Row]) -> None:
    hour = FIXED_HOUR - int(CLOCK_AT_START // HOUR)
    assert stops(found, "fixed_hour") == {life.number: [hour] for life in LIVES}
    assert value(rows, "fixed_hour", "wrong_stops") == 4
    assert value(rows, "fixed_hour", "examined") == len(LIVES), "it looks once"


def test_all_that_is_asked_counts_for_everybody(rows: list[Row]) -> None:
    for subject in ("steward", "fixed_age", "fixed_hour"):
        by_action = sum(row.value for row in rows if row.subject == subject and ":" in row.metric)
        assert value(rows, subject, "calls") == by_action > 0
        assert value(rows, subject, "sagemaker:DeleteApp") == value(rows, subject, "stops")
    assert value(rows, "steward", "stepfunctions:StartExecution") == HOURS, "what is done in the hub, too"
    assert value(rows, "steward", "sts:AssumeRole") >= HOURS
    assert value(rows, "steward", "reporter_calls") > 0
    assert value(rows, "fixed_age", "reporter_calls") == 0, "nobody reads them"


@pytest.mark.skipif(not PYTHON.exists(), reason="`make bench` makes the environment in which Cloud Custodian runs")
def test_custodian_selects_by_the_report_and_stops_without_notice(world: World) -> None:
    """It cannot read Canvas's metric, nor what is said on the app's space, and it asks each app for itself."""
    outcomes = played(world, 1, SEED, ["custodian"])
    known = scores.periods(LIVES, HOUR)
    rows = rows_of("custodian", "tiny", outcomes["custodian"], known)
    assert stops(outcomes, "custodian") == {LEFT.number: [0], KEPT.number: [0], RETURNS.number: [0]}
    assert (value(rows, "custodian", "wrong_stops"), value(rows, "custodian", "protected_stops")) == (1, 1)
    assert value(rows, "custodian", "sagemaker:DescribeApp") == value(rows, "custodian", "examined") == len(LIVES)
    assert "sagemaker:DeleteApp" not in {row.metric for row in rows}, "what it selects is stopped for it"


def test_the_command_writes_a_file_with_what_others_read_and_draws_a_chart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []

    def measure(*how: object) -> list[Row]:
        asked.append(how)
        return [*rows, *(Row("custodian", row.case, row.metric, row.value, row.unit) for row in rows if row.subject == "fixed_age")]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measured, "measure", measure)
    assert command.main(["idle_app_shutdown", "--seed", "5", "--chart", "chart.png"]) == 1, "nobody makes do with a tenth of so few calls"
    assert asked == [(measured.Size(10, 10_000, 36), 5, list(SUBJECTS))]
    document = json.loads((results.BUILD / "idle_app_shutdown.json").read_text())
    assert document["seed"] == 5
    metrics = {"calls", "examined", "wrong_stops", "idle_hours", "idle_hours_recoverable", "idle_hours_recovered"}
    for subject in ("steward", "custodian", "fixed_age", "fixed_hour"):
        assert metrics <= {row["metric"] for row in document["rows"] if row["subject"] == subject}
    assert Path("chart.png").read_bytes().startswith(b"\x89PNG")
    assert Path("chart.png").stat().st_size < 100_000
    printed = capsys.readouterr().out
    assert "| steward | " in printed
    assert "MISSED  idle_app_shutdown: calls for each examined app" in printed


def test_goals_are_said_of_what_was_measured(rows: list[Row]) -> None:
    assert [goal.met for goal in goals(rows)] == [True, True]
    theirs = [Row("custodian", "tiny", name, 400.0, "calls") for name in ("calls", "calls_per_examined")]
    assert [goal.met for goal in goals([*rows, *theirs])] == [True, True, True]
    worse = [Row("steward", "tiny", "wrong_stops", 1, "apps"), Row("steward", "tiny", "recovered_share", 0.9499, "ratio")]
    assert [goal.met for goal in goals(worse)] == [False, False]
    assert goals([*theirs, *(row for row in rows if row.subject != "steward")]) == []


def test_each_subject_has_a_line_of_the_table(rows: list[Row]) -> None:
    lines = side_by_side(rows).splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["subject", "---", "steward", "fixed_age", "fixed_hour"]
