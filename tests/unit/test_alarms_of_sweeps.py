"""The alarms of idle_app_shutdown on metric data: each goes off at what it is for, and at nothing less."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.alarms import Data, goes_off
from tests.test_conventions import ROOT, resources, template

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
OURS, STATES = "StudioSteward", "AWS/States"


def alarm(name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources("AWS::CloudWatch::Alarm")[f"IdleAppShutdown{name}Alarm"]
    return found


def hourly(name: str, *values: float | None, namespace: str = OURS) -> Data:
    """One value an hour, the last of them a moment after eleven; None: no sweep said anything in that hour."""
    first = datetime(2026, 11, 23, 11, 2, tzinfo=UTC) - timedelta(hours=len(values) - 1)
    return {(namespace, name): [(first + timedelta(hours=hour), value) for hour, value in enumerate(values) if value is not None]}


@pytest.mark.parametrize(
    ("started", "late"), [((1, 1, 1), False), ((1, None, None), False), ((None, None, 1), False), ((1, None, None, None), True), ((), True)]
)
def test_a_sweep_is_late_when_three_hours_pass_without_a_start(started: tuple[float | None, ...], late: bool) -> None:
    assert goes_off(alarm("Late"), hourly("ExecutionsStarted", *started, namespace=STATES), NOW) == late


@pytest.mark.parametrize(
    ("ended", "red"), [("ExecutionsFailed", True), ("ExecutionsTimedOut", True), ("ExecutionsAborted", True), ("Succeeded", False)]
)
def test_however_a_sweep_ends_red_it_is_heard(ended: str, red: bool) -> None:
    data = {(STATES, ended): [(NOW - timedelta(minutes=3), 1.0)]}
    assert goes_off(alarm("Failed"), data, NOW) == red
    assert not goes_off(alarm("Failed"), data, NOW + timedelta(minutes=5)), "it is about what ended just now"


@pytest.mark.parametrize(("left", "capped"), [([0.0], False), ([1.0], True), ([0.0, 18.0], True), ([], False)])
def test_a_sweep_that_left_anything_is_capped(left: list[float], capped: bool) -> None:
    assert goes_off(alarm("Cap"), {(OURS, "StopsLeft"): [(NOW - timedelta(minutes=4), value) for value in left]}, NOW) == capped


@pytest.mark.parametrize(
    ("running", "unknown", "told"),
    [
        ((40, 40, 40), (21, 21, 21), True),
        ((40, 40, 40), (20, 20, 20), False),
        ((40, 40, 40), (40, 40, 20), False),
        ((20, 20, 20), (20, 20, 20), False),
        ((21, 21, 21), (21, 21, 21), True),
        ((40, 40), (40, 40), False),
        ((0, 0, 0), (0, 0, 0), False),
        ((40, None, 40), (40, None, 40), False),
    ],
)
def test_most_apps_are_unknown_for_three_hours_where_more_than_20_run(running: tuple[Any, ...], unknown: tuple[Any, ...], told: bool) -> None:
    assert goes_off(alarm("Unknown"), {**hourly("AppsRunning", *running), **hourly("AppsUnknown", *unknown)}, NOW) == told


def test_the_dashboard_shows_each_metric_of_sweeps_under_our_one_dimension() -> None:
    (board,) = resources("AWS::CloudWatch::Dashboard").values()
    body = str(board["DashboardBody"])
    step = (ROOT / "functions" / "idle_app_shutdown" / "sum_up_sweep.py").read_text()
    written = set(re.findall(r'add_metric\("(\w+)"', step))
    assert written == {"AppsRunning", "AppsIdle", "AppsUnknown", "AppsStopped", "HoursSaved", "StopsLeft"}
    for name in written:
        ours = rf'\["{OURS}", "{name}", "service", "studio-steward"\]|\[".", "{name}", ".", "."\]'
        assert re.search(ours, body), name
    assert "add_dimension" not in step


def test_sweeps_are_hourly_by_default_and_only_tell_until_a_parameter_says_otherwise() -> None:
    parameters = template()["Parameters"]
    assert parameters["IdleAppShutdownSchedule"]["Default"] == "cron(0 * * * ? *)"
    assert (parameters["IdleAppShutdown"]["Default"], parameters["IdleAppShutdown"]["AllowedValues"]) == ("report", ["report", "stop"])
    assert resources("AWS::Scheduler::Schedule")["SweepSchedule"]["ScheduleExpression"] == {"Ref": "IdleAppShutdownSchedule"}
