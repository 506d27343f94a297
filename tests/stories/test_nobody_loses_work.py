"""A sweep that stops running work is worse than none; one that stops nothing is useless. Two hours without use are idle; then comes the notice, and
two hours later, if all still say so, the stop. The reporters in these stories are the product's own."""

import json
from typing import Any

import pytest

from localaws import tagging
from localaws.cloud import OPERATIONS, Call, Cloud
from localaws.studio.core import by_arn
from tests.stories.apps_in_use import (
    ACTIVITY,
    COMPUTES,
    NOTICE,
    TERMINAL,
    TYPES,
    App,
    ago,
    deletions,
    left_until_noticed,
    live,
    side_by_side,
    start,
    started,
)
from tests.stories.idle_apps import begin_sweep, details, sweep
from tests.stories.people import FRAUD, Platform

pytestmark = pytest.mark.workflow("idle_app_shutdown")


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """Sweeps notice and stop."""
    platform.deploy(IdleAppShutdown="stop")
    return platform


def sweeps(platform: Platform) -> list[dict[str, Any]]:
    """The reports of all sweeps, which have to be green."""
    executions = platform.executions("idle_app_shutdown")
    assert {execution["status"] for execution in executions} == {"SUCCEEDED"}
    return [json.loads(execution["output"]) for execution in executions]


def came_of(platform: Platform) -> list[dict[str, int]]:
    """What came of whatever sweeps were to do, of those that were to do something."""
    return [report["counts"]["results"] for report in sweeps(platform) if report["counts"]["results"]]


def kept_because(platform: Platform) -> set[str]:
    return {reason for report in sweeps(platform) for reason in report["counts"]["reasons"]}


def in_its_grace(platform: Platform, **more: Any) -> App:
    """Somebody typed for an hour, left, and the notice came: some two and a half hours later."""
    app = started(platform, **more)
    live(platform, 1, app, work=TYPES)
    left_until_noticed(platform, app)
    assert came_of(platform) == [{"Noticed": 1}]
    return app


def ready_to_be_stopped(platform: Platform) -> App:
    """One that the next sweep would stop. From here on sweeps are begun by hand."""
    platform.deploy(IdleAppShutdown="stop", IdleAppShutdownSchedule="cron(0 0 1 1 ? *)")
    app = started(platform)
    live(platform, 3.5, app)
    assert sweep(platform, "first")["output"]["counts"]["results"] == {"Noticed": 1}
    live(platform, 2.3, app)
    return app


def until_it_strikes(platform: Platform) -> None:
    """A sweep comes as far as the fault that was declared."""
    begin_sweep(platform, "second")
    for _ in range(600):
        if platform.local.faults.injected:
            return
        platform.local.advance(1)
    pytest.fail("the fault did not strike within ten minutes")


# -- what is idle is stopped


def test_an_idle_app_is_noticed_and_after_its_grace_stopped(platform: Platform) -> None:
    bus = platform.watch_hub_bus()
    app = in_its_grace(platform)
    live(platform, 4, app)
    assert came_of(platform) == [{"Noticed": 1}, {"Stopped": 1}]
    assert app.status == "Deleted"
    (deletion,) = deletions(platform)
    assert ":assumed-role/idle_app_shutdown/" in deletion["principal"]
    assert deletion["time"] >= app_noticed(platform, hours=2)
    told = [message["detail-type"] for message in platform.messages(bus)]
    assert sorted(told) == ["Idle App Noticed", "Idle App Stopped"]


def app_noticed(platform: Platform, hours: int) -> str:
    """So long after the notice was written."""
    (written,) = [call for call in platform.calls("sagemaker:AddTags") if ":assumed-role/idle_app_shutdown/" in call["principal"]]
    time = str(written["time"])
    return time[:11] + f"{int(time[11:13]) + hours:02}" + time[13:]


def test_an_app_that_nobody_ever_opened_is_stopped_and_its_space_and_all_apps_beside_it_stay(platform: Platform) -> None:
    """Trap 26. What is on the space's volume is there when the app is started again."""
    app = started(platform)
    domain = app.arn.split("/")[1]
    beside = started(platform, "beside", domain)
    side_by_side(platform, 6, (app, None), (beside, TYPES))
    assert came_of(platform) == [{"Noticed": 1}, {"Stopped": 1}]
    assert (app.runs, beside.runs) == (False, True)
    assert platform.client("sagemaker", "fraud-dev").describe_space(DomainId=domain, SpaceName="lab")["Status"] == "InService"
    assert start(platform, app.space).runs


# -- what is in use is not


def test_what_runs_while_nobody_types_runs_on(platform: Platform) -> None:
    """Trap 24: a cell that computes through the night, and a command in a terminal that mostly waits. When they are done, they are as idle as any."""
    cell = started(platform, "cell")
    command = started(platform, "command", cell.arn.split("/")[1])
    live(platform, 1, cell, command, work=TYPES)
    side_by_side(platform, 8, (cell, COMPUTES), (command, TERMINAL))
    assert (cell.runs, command.runs) == (True, True)
    assert came_of(platform) == []
    assert kept_because(platform) == {"Keep: TooYoung", "Keep: Active"}
    live(platform, 5.5, cell, command)
    assert came_of(platform) == [{"Noticed": 2}, {"Stopped": 2}]


def test_who_comes_back_within_the_grace_works_on_and_the_notice_of_before_is_none(platform: Platform) -> None:
    """Who was noticed at noon and came back is noticed again in the evening, and has the whole grace again."""
    app = in_its_grace(platform)
    live(platform, 1, app)
    live(platform, 2.5, app, work=TYPES)
    assert came_of(platform) == [{"Noticed": 1}]
    assert app.runs, "the grace is over, and the notice is void"
    second = left_until_noticed(platform, app)
    assert app.runs, "the second notice is not two hours old"
    live(platform, 3, app)
    assert came_of(platform) == [{"Noticed": 1}, {"Noticed": 1}, {"Stopped": 1}]
    assert deletions(platform)[0]["time"] > second


def test_an_app_that_was_just_started_is_left_alone(platform: Platform) -> None:
    """Trap 25, whatever its tags say: here those of an app that ran before it under its name."""
    app = started(platform)
    platform.set_tags("fraud-dev", app.arn, {ACTIVITY: f"idle since={ago(platform, hours=9)} seen={ago(platform, minutes=1)}"})
    app.speaks = False
    live(platform, 1.1, app)
    assert kept_because(platform) == {"Keep: TooYoung"}
    assert app.runs


# -- who says keep


TOMORROW, YESTERDAY = "2026-11-03", "2026-11-01"


def test_keep_until_on_a_space_keeps_its_app_through_that_day(platform: Platform) -> None:
    """A day that nobody can read keeps, and is told."""
    kept = started(platform, "kept", Tags=[{"Key": "steward:keep-until", "Value": TOMORROW}])
    domain = kept.arn.split("/")[1]
    unreadable = started(platform, "unreadable", domain, Tags=[{"Key": "steward:keep-until", "Value": "next week"}])
    over = started(platform, "over", domain, Tags=[{"Key": "steward:keep-until", "Value": YESTERDAY}])
    live(platform, 6, kept, unreadable, over)
    assert came_of(platform) == [{"Noticed": 1}, {"Stopped": 1}]
    assert (kept.runs, unreadable.runs, over.runs) == (True, True, False)
    assert kept_because(platform) >= {"Keep: KeptUntil", "Keep: KeepUntilUnreadable"}
    assert "KeepUntilUnreadable" in sweeps(platform)[-1]["counts"]["findings"]


def test_keep_until_on_the_domain_keeps_what_was_noticed(platform: Platform) -> None:
    """Somebody reads the notice, and says so for all of the domain."""
    app = in_its_grace(platform)
    domain = app.arn.split("/")[1]
    platform.set_tags("fraud-dev", f"arn:aws:sagemaker:eu-west-1:444444444444:domain/{domain}", {"steward:keep-until": TOMORROW})
    live(platform, 3, app)
    assert came_of(platform) == [{"Noticed": 1}]
    assert app.runs


# -- silence, and lies


def test_a_reporter_that_falls_silent_stops_nothing(platform: Platform) -> None:
    """Silence is not idleness: not even where the last that it said was idle, and the notice was given."""
    app = in_its_grace(platform)
    app.speaks = False
    live(platform, 5, app)
    assert came_of(platform) == [{"Noticed": 1}]
    assert app.runs
    assert "Unknown: ReportOutdated" in kept_because(platform)


def test_an_app_without_a_reporter_is_unknown(platform: Platform) -> None:
    app = started(platform)
    app.speaks = False
    live(platform, 4.5, app)
    assert came_of(platform) == []
    assert app.runs
    assert kept_because(platform) == {"Keep: TooYoung", "Unknown: NeverReported"}


def test_a_forged_report_is_overwritten_by_a_live_reporter_within_the_grace(platform: Platform) -> None:
    """Whoever may tag apps says that a busy one is idle. At worst that brings a notice."""
    app = started(platform)
    live(platform, 2.9, app, work=COMPUTES)
    platform.set_tags("fraud-dev", app.arn, {ACTIVITY: f"idle since={ago(platform, hours=9)} seen={ago(platform, minutes=0)}"})
    live(platform, 5, app, work=COMPUTES)
    assert app.runs
    assert came_of(platform) == [{"Noticed": 1}]
    assert app.tags[ACTIVITY].startswith("active")


def test_a_forged_report_from_the_future_is_silence(platform: Platform) -> None:
    app = started(platform)
    live(platform, 2, app, work=COMPUTES)
    app.speaks = False
    platform.set_tags("fraud-dev", app.arn, {ACTIVITY: f"idle since={ago(platform, hours=9)} seen={ago(platform, hours=-9)}"})
    live(platform, 5, app, work=COMPUTES)
    assert came_of(platform) == []
    assert app.runs


# -- what changes while a sweep runs


def test_activity_between_decision_and_stop_calls_it_off(platform: Platform) -> None:
    """In the last second: it was decided to stop it, and the first thing that happens to it is that somebody is back."""
    app = ready_to_be_stopped(platform)
    with platform.local.faults.crash("*StopIdleApps*", "before", "sagemaker:DescribeApp"):
        until_it_strikes(platform)
        app.look(TYPES)
        assert app.tags[ACTIVITY].startswith("active")
        platform.local.settle()
    assert came_of(platform)[-1] == {"CalledOff": 1}
    assert app.runs
    assert deletions(platform) == []


def test_activity_between_the_last_look_and_the_call_that_stops_calls_it_off(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """All was asked once more, and said idle. Between that and DeleteApp the reporter writes: IAM, if it
    sees the tag as localaws has it, keeps our role from it."""
    app = ready_to_be_stopped(platform)
    answer = OPERATIONS["sagemaker", "ListTags"]

    def and_then_somebody_comes_back(cloud: Cloud, call: Call) -> dict[str, Any] | None:
        answered = answer(cloud, call)
        if call.params["ResourceArn"] == app.arn:
            resource = by_arn(cloud, call.account, call.region)[app.arn]
            resource.tag(resource.tags | {ACTIVITY: f"active seen={ago(platform, minutes=0)}"}, cloud.clock.now)
        return answered

    monkeypatch.setitem(OPERATIONS, ("sagemaker", "ListTags"), and_then_somebody_comes_back)
    assert sweep(platform, "second")["status"] == "SUCCEEDED"
    assert came_of(platform)[-1] == {"CalledOff": 1}
    assert app.runs
    platform.expect_denied("sagemaker:DeleteApp", "role/steward/idle_app_shutdown")


def test_an_exception_between_decision_and_stop_calls_it_off(platform: Platform) -> None:
    app = ready_to_be_stopped(platform)
    with platform.local.faults.crash("*StopIdleApps*", "before", "sagemaker:DescribeApp"):
        until_it_strikes(platform)
        platform.set_tags("fraud-dev", app.space, {"steward:keep-until": TOMORROW})
        platform.local.settle()
    assert came_of(platform)[-1] == {"CalledOff": 1}
    assert app.runs


def test_a_stop_that_crashed_after_it_was_done_is_told_once(platform: Platform) -> None:
    bus = platform.watch_hub_bus()
    app = ready_to_be_stopped(platform)
    with platform.local.faults.crash("*StopIdleApps*", "after", "sagemaker:DeleteApp"):
        sweep(platform, "second")
    assert app.status in ("Deleting", "Deleted")
    assert came_of(platform)[-1] == {"Stopped": 1}
    assert len(deletions(platform)) == 1
    assert [message["detail-type"] for message in platform.messages(bus)].count("Idle App Stopped") == 1


def test_sweeps_that_overlap_stop_once(platform: Platform) -> None:
    """Two by hand for one account beside each other. The second finds the app going or gone, or is refused: then it ends red, and says so."""
    app = ready_to_be_stopped(platform)
    for name in ("second", "third"):
        begin_sweep(platform, name, account_id=FRAUD)
    platform.local.settle()
    runs = [run for run in platform.executions("idle_app_shutdown") if run["name"] in ("second", "third")]
    results = [details(platform, run)["counts"]["results"] for run in runs]
    stopped, other = sorted(results, key=lambda result: "Stopped" not in result)
    assert stopped == {"Stopped": 1}
    assert other in ({}, {"AlreadyGone": 1}, {"NotInService": 1}, {"InUse": 1})
    red = [run for run in runs if run["status"] != "SUCCEEDED"]
    assert [run["error"] for run in red] == (["SomeAccountsFailed"] if other == {"InUse": 1} else [])
    assert not app.runs


def test_a_schedule_that_fires_twice_sweeps_once(platform: Platform) -> None:
    app = started(platform)
    with platform.local.faults.deliver("twice", by=600, times=100):
        live(platform, 6, app)
    names = [execution["name"] for execution in platform.executions("idle_app_shutdown")]
    assert len(names) == len(set(names)) == 6
    assert came_of(platform) == [{"Noticed": 1}, {"Stopped": 1}]
    assert len(deletions(platform)) == 1


def test_tags_that_are_known_an_hour_late_stop_nobody_who_came_back(platform: Platform) -> None:
    """GetResources is behind: what it says is older than the report in which the app is in use again."""
    tagging.behaviour(platform.local.cloud).lag = 3600
    app = in_its_grace(platform)
    live(platform, 1.5, app)
    live(platform, 3, app, work=COMPUTES)
    assert app.runs
    assert deletions(platform) == []


@pytest.mark.parametrize(("minutes", "results"), [(10, [{"Noticed": 1}, {"Stopped": 1}]), (180, [])])
def test_tags_that_are_known_late_stop_who_is_idle_unless_they_are_as_old_as_silence(
    platform: Platform, minutes: float, results: list[dict[str, int]]
) -> None:
    tagging.behaviour(platform.local.cloud).lag = minutes * 60
    app = started(platform)
    live(platform, 7, app)
    assert came_of(platform) == results
    assert app.runs == (not results)


def test_where_apps_tags_are_not_known_at_all_nobody_loses_work(platform: Platform) -> None:
    """GetResources may know nothing of apps: candidates are asked for their tags, and it is told."""
    tagging.behaviour(platform.local.cloud).unknown_types = frozenset({"sagemaker:app"})
    busy = started(platform, "busy")
    idle = started(platform, "idle", busy.arn.split("/")[1])
    side_by_side(platform, 6, (busy, COMPUTES), (idle, None))
    assert (busy.runs, idle.runs) == (True, False)
    assert sweeps(platform)[-1]["counts"]["findings"].get("TagsOfAppsNotKnown")


# -- brakes


def test_where_only_is_reported_nothing_is_tagged_or_stopped(platform: Platform) -> None:
    """As it is deployed first."""
    platform.deploy(IdleAppShutdown="report")
    app = started(platform)
    live(platform, 4, app)
    assert app.runs
    assert NOTICE not in app.tags
    assert (came_of(platform), deletions(platform)) == ([], [])
    assert sweeps(platform)[-1]["dry_run"] is True
    assert sweeps(platform)[-1]["counts"]["held"] == {"Notice": 1}
