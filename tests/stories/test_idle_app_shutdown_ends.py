"""Stories of how sweeps over idle apps end: green only where all that was to be done is done, and red with words that say what to do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.stories.idle_apps import DAY, HOUR, NOTICE_TAG, App, at, begin_sweep, details, ended, last, start_another, start_app, sweep
from tests.stories.people import FRAUD, PLAYGROUND, PRICING, Platform

pytestmark = pytest.mark.workflow("idle_app_shutdown")


def an_idle_app(platform: Platform, account: str = "fraud-dev", user: str = "alice") -> App:
    """Two and a half hours later: who sweeps now gives it notice."""
    app = start_app(platform, account, user).lives()
    platform.local.advance(2.5 * HOUR)
    return app


def stopping(platform: Platform, **parameters: str) -> None:
    platform.deploy(IdleAppShutdown="stop", **parameters)


# -- green


def test_where_no_app_runs_there_is_nothing_to_do(platform: Platform) -> None:
    platform.domain("fraud-dev")
    run = sweep(platform)
    assert (run["status"], run["output"]["outcome"], run["output"]["dry_run"]) == ("SUCCEEDED", "NothingToDo", True)
    counts = run["output"]["counts"]
    assert (counts["accounts"], counts["places"], counts["running"], counts["troubles"]) == (3, 6, 0, 0)
    assert platform.states_entered(run)[-1] == "NothingToDo"
    assert details(platform, run)["account_id"] is None


def test_by_hand_an_account_that_is_not_ours_or_not_active_is_an_end_of_its_own(platform: Platform) -> None:
    assert sweep(platform, account_id=PLAYGROUND)["output"]["outcome"] == "AccountOutOfScope"
    platform.client("organizations", "management").close_account(AccountId=PRICING)
    platform.local.settle()
    run = sweep(platform, "closed", account_id=PRICING)
    assert (run["output"]["outcome"], run["output"]["counts"]["accounts_not_active"]) == ("AccountNotActive", 1)
    assert details(platform, run)["account_id"] == PRICING


@pytest.mark.parametrize("brake", [{"IdleAppShutdown": "report"}, {"DryRun": "true"}, {"StopAllWrites": "true"}])
def test_what_a_brake_holds_is_told_and_neither_tagged_nor_stopped(platform: Platform, brake: dict[str, str]) -> None:
    announced, told = platform.watch_hub_bus(), platform.watch_findings()
    platform.deploy(**{"IdleAppShutdown": "stop", **brake})
    app = start_app(platform).lives()
    platform.local.advance(6 * HOUR)
    run = last(platform)
    assert (run["status"], run["output"]["outcome"], run["output"]["dry_run"]) == ("SUCCEEDED", "Swept", True)
    assert (run["output"]["counts"]["held"], run["output"]["counts"]["left"]) == ({"Notice": 1}, 0)
    (held,) = details(platform, run)["held"]
    assert (held["account_id"], held["space_name"], held["owner"]) == (FRAUD, app.name["SpaceName"], "alice")
    assert (app.status, app.notice) == ("InService", None)
    assert not platform.calls("sagemaker:DeleteApp")
    assert (platform.messages(announced), platform.messages(told)) == ([], [])


def test_in_the_units_that_act_apps_are_noticed_and_in_the_others_it_is_only_told(platform: Platform) -> None:
    stopping(platform, ActingOrganizationalUnitIds=platform.local.organization.unit_id("ML/Dev"))
    ours, theirs = start_app(platform).lives(), start_app(platform, "pricing-prod", "bob").lives()
    platform.local.advance(2.5 * HOUR)
    run = sweep(platform)
    assert (run["output"]["outcome"], run["output"]["dry_run"]) == ("Swept", False)
    assert (run["output"]["counts"]["results"], run["output"]["counts"]["held"]) == ({"Noticed": 1}, {"Notice": 1})
    assert (ours.notice is None, theirs.notice) == (False, None)


def test_a_brake_that_is_pulled_between_decision_and_act_holds(platform: Platform) -> None:
    stopping(platform)
    app = an_idle_app(platform)
    with meanwhile(platform) as run:
        platform.deploy(StopAllWrites="true")
    assert (run["output"]["outcome"], run["output"]["counts"]["results"]) == ("Swept", {"Held": 1})
    assert app.notice is None


def test_in_quiet_hours_nobody_is_noticed_and_after_them_they_are(platform: Platform) -> None:
    stopping(platform, QuietHours="08:00-14:30")
    app = start_app(platform).lives()
    platform.local.advance(5 * HOUR)
    counts = last(platform)["output"]["counts"]
    assert (app.notice, counts["reasons"], counts["idle"]) == (None, {"Keep: QuietHours": 1}, 1)
    platform.local.advance(2 * HOUR)
    assert app.notice is not None


# -- called off


@contextmanager
def meanwhile(platform: Platform) -> Iterator[dict[str, Any]]:
    """What is done inside is done between decision and act of a sweep, which is what this gives, filled in once it has ended."""
    run: dict[str, Any] = {}
    arn = begin_sweep(platform)
    while "GatherDecisions" not in platform.states_entered({"executionArn": arn}):
        platform.local.advance(0.05)
    yield run
    run.update(ended(platform, arn, settle=True))


def test_who_comes_back_after_the_notice_keeps_the_app(platform: Platform) -> None:
    stopping(platform)
    app = an_idle_app(platform)
    platform.local.advance(HOUR)
    assert app.notice is not None
    app.works(30 * 60)
    platform.local.advance(2 * HOUR)
    counts = last(platform)["output"]["counts"]
    assert (app.status, counts["results"], counts["stop"]) == ("InService", {}, 0)


def test_an_exception_on_the_space_calls_a_stop_off(platform: Platform) -> None:
    stopping(platform)
    app = an_idle_app(platform)
    platform.local.advance(HOUR)
    assert app.notice is not None
    space = platform.client("sagemaker", "fraud-dev").describe_space(DomainId=app.name["DomainId"], SpaceName=app.name["SpaceName"])["SpaceArn"]
    platform.set_tags("fraud-dev", space, {"steward:keep-until": "2026-12-31"})
    platform.local.advance(4 * HOUR)
    assert (app.status, last(platform)["output"]["counts"]["reasons"]) == ("InService", {"Keep: KeptUntil": 1})


def test_activity_between_decision_and_stop_calls_it_off(platform: Platform) -> None:
    stopping(platform, StopGraceMinutes="150")
    app = an_idle_app(platform)
    platform.local.advance(HOUR)
    assert app.notice is not None
    platform.local.advance((at(app.notice) - platform.local.clock.datetime()).total_seconds() + 2.6 * HOUR)
    with meanwhile(platform) as run:
        app.works(HOUR)
    assert (run["output"]["outcome"], run["output"]["counts"]["results"]) == ("Swept", {"CalledOff": 1})
    assert app.status == "InService"


def test_a_notice_that_crosses_somebody_who_comes_back_does_not_hold(platform: Platform) -> None:
    """It is given by what was read seconds before. Once they have left again there is another, and a whole grace."""
    stopping(platform)
    app = an_idle_app(platform)
    with meanwhile(platform) as run:
        app.works(30 * 60)
    assert (run["output"]["outcome"], run["output"]["counts"]["results"], app.status) == ("Swept", {"Noticed": 1}, "InService")
    crossed = app.notice
    while app.notice == crossed:
        platform.local.advance(HOUR)
    assert crossed is not None
    assert app.notice is not None, "it was not stopped by the notice of before"
    assert at(app.notice) > at(crossed) + timedelta(hours=2)
    platform.local.advance(at(app.notice).timestamp() - platform.local.clock.now + 1.9 * HOUR)
    assert app.status == "InService"


def test_an_app_that_ended_between_decision_and_act_is_gone_already(platform: Platform) -> None:
    stopping(platform)
    app = an_idle_app(platform)
    noticed = platform.local.clock.datetime() - timedelta(hours=2.1)
    platform.set_tags("fraud-dev", app.arn, {NOTICE_TAG: f"{noticed:%Y-%m-%dT%H:%M:%SZ}"})
    with meanwhile(platform) as run:
        platform.client("sagemaker", "fraud-dev").delete_app(**app.name)
        platform.local.advance(300)
    assert run["output"]["outcome"] == "Swept"
    assert set(run["output"]["counts"]["results"]) <= {"AlreadyGone", "NotInService"}


# -- what accounts and their tags say


def test_an_account_says_after_how_many_minutes_and_until_when(platform: Platform) -> None:
    stopping(platform)
    app = start_app(platform).lives()
    tags = [{"Key": "steward:idle-minutes", "Value": "480"}]
    platform.client("organizations", "management").tag_resource(ResourceId=FRAUD, Tags=tags)
    platform.local.advance(6 * HOUR)
    assert (app.notice, last(platform)["output"]["counts"]["reasons"]) == (None, {"Keep: UsedRecently": 1})
    platform.local.advance(4 * HOUR)
    assert app.notice is not None


# -- red


def test_an_account_without_our_role_is_red_and_the_others_are_done(platform: Platform) -> None:
    """Traps 31 and 37."""
    stopping(platform)
    app = an_idle_app(platform)
    plant = platform.without_role("pricing-prod", "idle_app_shutdown")
    run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    assert f"{PRICING} eu-west-1: MemberRoleNotAssumable" in run["cause"]
    assert FRAUD not in run["cause"]
    told = details(platform, run)
    assert [(line["account_id"], line["region"]) for line in told["troubles"]] == [(PRICING, "eu-west-1"), (PRICING, "us-east-1")]
    assert all("role/steward/idle_app_shutdown" in line["what_to_do"] for line in told["troubles"])
    assert (told["counts"]["results"], app.notice is None) == ({"Noticed": 1}, False)
    plant()
    assert sweep(platform, "again")["output"]["outcome"] == "Swept"


def test_a_notice_that_is_refused_is_red_and_names_the_app(platform: Platform) -> None:
    stopping(platform)
    app = an_idle_app(platform)
    with platform.local.faults.fail("sagemaker:AddTags", "AccessDeniedException", account=FRAUD, principal="*idle_app_shutdown*", lasting=HOUR):
        run = sweep(platform)
    assert (run["status"], run["error"], app.notice) == ("FAILED", "SomeAccountsFailed", None)
    assert "AccessDenied" in run["cause"]
    (line,) = details(platform, run)["done"]
    assert (line["result"], line["space_name"]) == ("Refused", app.name["SpaceName"])


def test_beyond_the_cap_nothing_is_stopped_and_it_is_red(platform: Platform) -> None:
    stopping(platform, MostStopsPerSweep="1")
    apps = [start_app(platform).lives(), start_app(platform, "pricing-prod", "bob").lives()]
    platform.local.advance(5.5 * HOUR)
    red = [run for run in platform.executions("idle_app_shutdown") if run["status"] == "FAILED"]
    assert [run["error"] for run in red] == ["CapReached"]
    assert "1 more apps are to be stopped than MostStopsPerSweep and MostStopsPercent allow" in red[0]["cause"]
    told = details(platform, red[0])
    assert (told["counts"]["results"], told["counts"]["left"], len(told["beyond_cap"])) == ({"Stopped": 1}, 1, 1)
    assert sorted(app.status for app in apps) == ["Deleted", "InService"]
    platform.local.advance(HOUR)
    assert [app.status for app in apps] == ["Deleted", "Deleted"]


def test_an_input_that_cannot_be_read_looks_at_nothing(platform: Platform) -> None:
    for number, given in enumerate(({"acount_id": FRAUD}, {"account_id": "fraud-dev"}, {"name": "sweep", "time": "10 o'clock"}, [])):
        machine = platform.output("IdleAppShutdownStateMachineArn")
        states = platform.client("stepfunctions", "hub")
        arn = states.start_execution(stateMachineArn=machine, name=f"unreadable-{number}", input=json.dumps(given))["executionArn"]
        run = ended(platform, arn, settle=True)
        assert (run["status"], run["error"]) == ("FAILED", "InputUnreadable")
        assert '{"account_id": "twelve digits"}' in run["cause"]
    assert not platform.calls("organizations:ListAccountsForParent", "organizations:DescribeAccount")


def test_parameters_that_do_not_go_together_are_said(platform: Platform) -> None:
    start_app(platform).lives()
    platform.deploy(IdleMinutesByAppType="JupyterLab=30")
    run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    assert "30 idle minutes of JupyterLab do not lie between 60 and 480" in run["cause"]


@pytest.mark.parametrize("step", ["FindPlaces", "GatherDecisions"])
def test_a_step_that_fails_again_and_again_before_anything_is_done_is_named(platform: Platform, step: str) -> None:
    stopping(platform)
    app = an_idle_app(platform)
    with platform.local.faults.crash(f"*{step}*", lasting=DAY):
        run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SweepFailed")
    assert f"The step {step} failed" in run["cause"]
    assert app.notice is None


def test_a_map_whose_items_cannot_be_read_is_named(platform: Platform) -> None:
    an_idle_app(platform)
    with platform.local.faults.fail("s3:GetObject", "AccessDenied", principal="*IdleAppShutdownStateMachineRole*", lasting=DAY):
        run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SweepFailed")
    assert "The step LookAtApps failed" in run["cause"]


def test_an_outcome_that_the_machine_does_not_know_ends_red(platform: Platform) -> None:
    """As where a function is newer than its machine."""
    states, arn = platform.client("stepfunctions", "hub"), platform.output("IdleAppShutdownStateMachineArn")
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(stateMachineArn=arn, definition=definition.replace("$report.outcome = 'NothingToDo'", "$report.outcome = 'Nothing'"))
    run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "OutcomeUnknown")
    assert "SumUpSweep answered NothingToDo" in run["cause"]


# -- batches that die


def test_a_batch_that_looks_and_dies_is_named_item_by_item(platform: Platform) -> None:
    """Trap 37."""
    stopping(platform)
    app = an_idle_app(platform)
    with platform.local.faults.crash("*DecideOnApps*", lasting=DAY):
        run = sweep(platform)
    assert (run["status"], run["error"], app.notice) == ("FAILED", "SomeAccountsFailed", None)
    told = details(platform, run)
    assert {line["error"] for line in told["troubles"]} == {"BatchUnanswered"}
    assert len(told["troubles"]) == 6


def test_of_a_batch_that_acts_and_dies_nobody_knows_and_it_says_so(platform: Platform) -> None:
    stopping(platform)
    an_idle_app(platform)
    with platform.local.faults.crash("*StopIdleApps*", lasting=DAY):
        run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    told = details(platform, run)
    assert [(line["result"], line["account_id"]) for line in told["done"]] == [("Unanswered", FRAUD)]
    assert [line["error"] for line in told["troubles"]] == ["BatchUnanswered"]


def test_a_batch_that_died_after_it_had_stopped_an_app_is_tried_again_and_tells_of_it(platform: Platform) -> None:
    announced = platform.watch_hub_bus()
    stopping(platform)
    app = an_idle_app(platform)
    platform.local.advance(HOUR)
    assert app.notice is not None
    with platform.local.faults.crash("*StopIdleApps*", "after", "sagemaker:DeleteApp", times=1):
        platform.local.advance(2 * HOUR)
    assert [event["detail-type"] for event in platform.messages(announced)] == ["Idle App Noticed", "Idle App Stopped"]
    assert {run["status"] for run in platform.executions("idle_app_shutdown")} == {"SUCCEEDED"}


# -- what could not be told


@pytest.mark.parametrize(
    ("action", "error", "state"),
    [
        ("events:PutEvents", "States.ExceedToleratedFailureThreshold", "AnnounceApps"),
        ("sns:Publish", "SNS.", "TellPeople"),
    ],
)
def test_a_sweep_that_could_not_tell_goes_on_there_when_it_is_redriven(platform: Platform, action: str, error: str, state: str) -> None:
    announced, told = platform.watch_hub_bus(), platform.watch_findings()
    stopping(platform)
    an_idle_app(platform)
    with platform.local.faults.fail(action, "AccessDenied" if "sns" not in action else "AuthorizationError", principal="*IdleApp*", lasting=DAY):
        run = sweep(platform)
    assert run["status"] == "FAILED"
    assert run["error"].startswith(error)
    assert platform.states_entered(run)[-1] == state
    platform.client("stepfunctions", "hub").redrive_execution(executionArn=run["executionArn"])
    run = ended(platform, run["executionArn"], settle=True)
    assert (run["status"], run["output"]["outcome"]) == ("SUCCEEDED", "Swept")
    assert [event["detail-type"] for event in platform.messages(announced)] == ["Idle App Noticed"]
    assert [message["noticed"] for message in platform.messages(told)] == [1]


# -- many


def test_a_user_with_several_apps_is_told_once(platform: Platform) -> None:
    told = platform.watch_findings()
    stopping(platform)
    first = start_app(platform).lives()
    profile = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:user-profile/{first.name['DomainId']}/alice"
    start_another(platform, "fraud-dev", profile, "CodeEditor").lives()
    platform.local.advance(2.5 * HOUR)
    run = sweep(platform)
    (message,) = platform.messages(told)
    (owner,) = message["owners"]
    assert (owner["owner"], len(owner["apps"]), message["noticed"]) == ("alice", 2, 2)
    assert details(platform, run)["owners"][0]["apps"] == 2
