"""Stories of what sweeps over idle apps measure, and of the alarms that go off by it: as deployed, on what functions and machines really said."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.alarms import goes_off
from tests.stories.idle_apps import HOUR, sweep
from tests.stories.people import Platform
from tests.stories.test_idle_apps_in_numbers import plant_many
from tests.stories.test_idle_apps_of_all_types import BY_HAND, plant

pytestmark = pytest.mark.workflow("idle_app_shutdown")

Values = dict[tuple[str, str], list[tuple[datetime, float]]]


def measured(platform: Platform) -> Values:
    """What functions wrote to their log, and what Step Functions itself counts of the machine, as CloudWatch would have it."""
    found: Values = {}
    for one in platform.local.emitted():
        if "SumUpSweep" in one.function:
            assert one.dimensions == {("service", "studio-steward")}
            found.setdefault((one.namespace, one.name), []).extend((one.time, value) for value in one.values)
    for run in platform.executions("idle_app_shutdown"):
        found.setdefault(("AWS/States", "ExecutionsStarted"), []).append((run["startDate"], 1))
        if run["status"] == "FAILED":
            found.setdefault(("AWS/States", "ExecutionsFailed"), []).append((run["stopDate"], 1))
    return found


def in_alarm(platform: Platform, now: datetime | None = None) -> set[str]:
    """Which of the workflow's alarms have gone off by then, or by now."""
    alarms: list[dict[str, Any]] = platform.client("cloudwatch", "hub").describe_alarms()["MetricAlarms"]
    ours = {alarm["AlarmName"].split("-")[2]: alarm for alarm in alarms if "-IdleAppShutdown" in alarm["AlarmName"]}
    assert len(ours) == 4
    data, now = measured(platform), now or platform.local.clock.datetime()
    return {name.removeprefix("IdleAppShutdown").removesuffix("Alarm") for name, alarm in ours.items() if goes_off(alarm, data, now)}


def test_a_sweep_that_runs_into_its_cap_is_heard(platform: Platform) -> None:
    platform.deploy(IdleAppShutdown="stop", MostStopsPerSweep="1", **BY_HAND)
    plant_many(platform, 3, noticed=True)
    run = sweep(platform)
    assert run["error"] == "CapReached"
    values = {name: [value for _, value in pairs] for (namespace, name), pairs in measured(platform).items() if namespace == "StudioSteward"}
    hours = values.pop("HoursSaved")
    assert 8 < hours[-1] < 11
    last = {name: given[-1] for name, given in values.items()}
    assert last == {"AppsRunning": 3, "AppsIdle": 3, "AppsUnknown": 0, "AppsStopped": 1, "StopsLeft": 2}
    heard = [in_alarm(platform, run["stopDate"] + timedelta(minutes=later)) for later in (5, 15)]
    assert [alarms & {"Cap", "Failed"} for alarms in heard] == [{"Cap", "Failed"}, set()]


def test_sweeps_that_know_nothing_of_most_apps_are_heard_and_so_are_sweeps_that_do_not_come(platform: Platform) -> None:
    platform.deploy(IdleAppShutdown="stop")
    domain = platform.domain("fraud-dev")
    for number in range(22):
        plant(platform, domain, "JupyterLab", None, SpaceName=f"space-{number}")
    platform.local.advance(4.5 * HOUR)
    assert in_alarm(platform) == {"Unknown"}
    platform.deploy(**BY_HAND)
    platform.local.advance(2 * HOUR)
    assert in_alarm(platform) == set()
    platform.local.advance(2.5 * HOUR)
    assert in_alarm(platform) == {"Late"}
