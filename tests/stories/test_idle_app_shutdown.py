"""Stories of idle_app_shutdown, on the deployed template: who is idle by evidence gets a notice and is stopped after a grace, and nobody else."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from tests.schemas import validate
from tests.stories.idle_apps import DAY, HOUR, at, details, start_app
from tests.stories.people import FRAUD, Platform

pytestmark = pytest.mark.workflow("idle_app_shutdown")


def test_an_app_that_is_idle_is_noticed_and_after_its_grace_stopped_and_who_works_beside_it_is_not(platform: Platform) -> None:
    announced, told = platform.watch_hub_bus(), platform.watch_findings()
    platform.deploy(IdleAppShutdown="stop")
    idle = start_app(platform).lives()
    busy = start_app(platform, "pricing-prod", "bob").lives(used_for=DAY)
    platform.local.advance(6 * HOUR)
    assert (idle.status, busy.status, busy.notice) == ("Deleted", "InService", None)
    runs = platform.executions("idle_app_shutdown")
    assert {run["status"] for run in runs} == {"SUCCEEDED"}
    noticing, stopping = (run for run in runs if "ActOnApps" in platform.states_entered(run))
    assert [noticing["name"], stopping["name"]] == ["sweep-2026-11-02T11", "sweep-2026-11-02T13"]
    first, second = details(platform, noticing), details(platform, stopping)
    validate("idle_sweep_details", second)
    assert (first["outcome"], first["counts"]["results"], first["counts"]["left"]) == ("Swept", {"Noticed": 1}, 0)
    assert (second["outcome"], second["counts"]["results"]) == ("Swept", {"Stopped": 1})
    assert second["counts"]["reasons"] == {"Keep: Active": 1, "Stop: Idle": 1}
    assert second["done"][0]["hours_saved"] == second["savings"]["hours"] == second["counts"]["hours_saved"] >= 4
    assert second["owners"][0]["owner"] == "alice"

    events = platform.messages(announced)
    assert [event["detail-type"] for event in events] == ["Idle App Noticed", "Idle App Stopped"]
    validate("idle_app_noticed", events[0]["detail"])
    validate("idle_app_stopped", events[1]["detail"])
    assert [event["resources"][0] for event in events] == [noticing["executionArn"], stopping["executionArn"]]
    noticed, stopped = (event["detail"] for event in events)
    assert (stopped["account_id"], stopped["owner"], stopped["space_name"]) == (FRAUD, "alice", idle.name["SpaceName"])
    assert at(noticed["stops_after"]) - at(noticed["noticed"]) == timedelta(hours=2)
    messages = platform.messages(told)
    for message in messages:
        validate("idle_apps", message)
    assert [(message["noticed"], message["stopped"]) for message in messages] == [(1, 0), (0, 1)]
    assert [one["owners"][0]["owner"] for one in messages] == ["alice"] * 2
    assert platform.dead_letters() == []


@pytest.mark.parametrize("late", [0, 45])
def test_the_second_sweep_after_a_notice_stops_however_late_in_its_minute_the_schedule_fired(platform: Platform, late: float) -> None:
    """EventBridge Scheduler fires within a minute of its time: a notice is dated by that time, and so is the grace."""
    platform.deploy(IdleAppShutdown="stop")
    app = start_app(platform).lives()
    platform.local.advance(2.5 * HOUR)
    with platform.local.faults.deliver("late", "*IntakeQueue*", by=late, times=1) if late else nullcontext():
        platform.local.advance(HOUR)
    assert app.notice == "2026-11-02T11:00:00Z"
    platform.local.advance(2 * HOUR)
    noticing, stopping = (run for run in platform.executions("idle_app_shutdown") if "ActOnApps" in platform.states_entered(run))
    assert (noticing["name"], stopping["name"], app.status) == ("sweep-2026-11-02T11", "sweep-2026-11-02T13", "Deleted")
    assert (noticing["startDate"] - at("2026-11-02T11:00:00Z")).total_seconds() >= late
