"""Stories of sweeps over idle apps that were cut off, and of `make redrive`: what was done is told once, and nobody's grace is shorter for it."""

from datetime import timedelta

import pytest

from tests.stories.idle_apps import DAY, HOUR, at, begin_sweep, ended, start_another, start_app, sweep
from tests.stories.people import FRAUD, PRICING, Platform
from tools.redrive import main

pytestmark = [pytest.mark.workflow("idle_app_shutdown"), pytest.mark.usefixtures("keys_of_the_hub")]


def cut_off(platform: Platform, arn: str) -> None:
    """Somebody stops it while a function of it hangs; what was called goes on until its time is over."""
    platform.client("stepfunctions", "hub").stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    platform.local.settle()
    assert ended(platform, arn)["status"] == "ABORTED"


def test_a_sweep_that_was_cut_off_while_it_stopped_apps_goes_on_and_tells_of_each_once(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    announced, told = platform.watch_hub_bus(), platform.watch_findings()
    platform.deploy(IdleAppShutdown="stop")
    first = start_app(platform).lives()
    profile = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:user-profile/{first.name['DomainId']}/alice"
    apps = [first, start_another(platform, "fraud-dev", profile, "CodeEditor").lives()]
    platform.local.advance(4.5 * HOUR)
    assert all(app.notice for app in apps)
    with platform.local.faults.time_out("*StopIdleApps*", "after", "sagemaker:DeleteApp", times=1):
        platform.local.advance((at("2026-11-02T13:01:00Z") - platform.local.clock.datetime()).total_seconds())
        (running,) = (run["executionArn"] for run in platform.executions("idle_app_shutdown") if run["status"] == "RUNNING")
        assert sorted(app.status for app in apps) == ["Deleting", "InService"], "one was stopped, and nobody was told"
        cut_off(platform, running)
    assert main([]) == 0
    assert "idle_app_shutdown, ABORTED: " in (said := capsys.readouterr().out)
    assert "would    redrive it" in said
    assert main(["--execute"]) == 0
    run = ended(platform, running, settle=True)
    assert (run["status"], run["output"]["counts"]["results"]) == ("SUCCEEDED", {"Stopped": 2})
    assert [app.status for app in apps] == ["Deleted", "Deleted"]
    events = [(event["detail-type"], event["detail"]["app_type"]) for event in platform.messages(announced)]
    assert sorted(events) == [(f"Idle App {done}", of) for done in ("Noticed", "Stopped") for of in ("CodeEditor", "JupyterLab")]
    assert [(message["noticed"], message["stopped"]) for message in platform.messages(told)] == [(2, 0), (0, 2)]
    assert main(["--execute"]) == 0
    assert "Nothing waits" in capsys.readouterr().out


def test_notices_of_a_sweep_that_goes_on_hours_later_leave_all_of_their_grace(platform: Platform) -> None:
    announced = platform.watch_hub_bus()
    platform.deploy(IdleAppShutdown="stop", IdleAppShutdownSchedule="rate(30 days)")
    app = start_app(platform).lives()
    platform.local.advance(2.5 * HOUR)
    with platform.local.faults.time_out("*StopIdleApps*", lasting=600):
        arn = begin_sweep(platform)
        platform.local.advance(60)
        cut_off(platform, arn)
    platform.local.advance(5 * HOUR)
    assert app.notice is None
    assert main(["--execute"]) == 0
    now = platform.local.clock.datetime()
    run = ended(platform, arn, settle=True)
    assert run["output"]["counts"]["results"] == {"Noticed": 1}
    assert app.notice is not None
    assert at(app.notice) >= now - timedelta(minutes=1)
    (event,) = platform.messages(announced)
    assert at(event["detail"]["stops_after"]) - at(event["detail"]["noticed"]) == timedelta(hours=2)
    assert at(event["detail"]["noticed"]) == at(app.notice)
    platform.local.advance(HOUR)
    assert sweep(platform, "in-its-grace")["output"]["counts"]["reasons"] == {"Keep: InGrace": 1}
    platform.local.advance(1.5 * HOUR)
    assert sweep(platform, "after-it")["output"]["counts"]["results"] == {"Stopped": 1}


def test_a_notice_that_was_written_before_the_cut_is_told_with_its_own_time(platform: Platform) -> None:
    announced = platform.watch_hub_bus()
    platform.deploy(IdleAppShutdown="stop", IdleAppShutdownSchedule="rate(30 days)")
    app = start_app(platform).lives()
    platform.local.advance(2.5 * HOUR)
    with platform.local.faults.time_out("*StopIdleApps*", "after", "sagemaker:AddTags", times=1):
        arn = begin_sweep(platform)
        platform.local.advance(60)
        cut_off(platform, arn)
    notice = app.notice
    assert notice is not None
    platform.local.advance(0.75 * HOUR)
    assert main(["--execute"]) == 0
    assert ended(platform, arn, settle=True)["output"]["counts"]["results"] == {"Noticed": 1}
    (event,) = platform.messages(announced)
    assert (app.notice, at(event["detail"]["noticed"])) == (notice, at(notice))


def test_make_redrive_leaves_to_the_next_sweep_what_the_next_sweep_does(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Red ends are no places to go on; each but the last is not even named. What could not be told is."""
    platform.deploy(IdleAppShutdown="stop", IdleAppShutdownSchedule="rate(30 days)")
    start_app(platform).lives()
    platform.local.advance(2.5 * HOUR)
    with platform.local.faults.crash("*FindPlaces*", lasting=DAY):
        for name in ("first", "second"):
            assert sweep(platform, name)["error"] == "SweepFailed"
    plant = platform.without_role("pricing-prod", "idle_app_shutdown")
    with platform.local.faults.fail("sns:Publish", "AuthorizationError", principal="*IdleApp*", lasting=DAY):
        assert sweep(platform, "untold")["error"].startswith("SNS.")
    assert sweep(platform, "no-way-in", account_id=PRICING)["error"] == "SomeAccountsFailed"
    plant()
    capsys.readouterr()
    assert main(["--execute"]) == 0
    said = capsys.readouterr().out
    platform.local.settle()
    assert "left out: sweep no-way-in, SomeAccountsFailed, and any before it: the next sweep does what it left" in said
    assert ("first" in said, "second" in said) == (False, False)
    assert "1 of 1 moved" in said
    runs = {run["name"]: run for run in platform.executions("idle_app_shutdown") if not run["name"].startswith("sweep-")}
    assert {name: run["status"] for name, run in runs.items()} == dict.fromkeys(("first", "second", "untold", "no-way-in"), "FAILED")
    assert (runs["untold"]["error"], runs["untold"]["redriveCount"]) == ("SomeAccountsFailed", 1)
