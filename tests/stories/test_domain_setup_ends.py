"""Stories of how domain_setup waits for a domain, and of each way that it ends."""

import json

import pytest

from localaws.studio import fail_next
from localaws.studio.core import behaviour
from tests.stories.domains_of_ours import asked_for, described, kinds, made, report, start, updates
from tests.stories.people import Platform

pytestmark = pytest.mark.workflow("domain_setup")


def test_a_domain_is_waited_for(platform: Platform) -> None:
    behaviour(platform.local.cloud).seconds["Domain", "creation"] = 1200
    domain = made(platform)
    assert described(platform, domain)["TagPropagation"] == "ENABLED"
    assert platform.states_entered(platform.executions("domain_setup")[-1]).count("DecideSetup") > 30


def test_a_domain_that_stays_pending_ends_red_and_says_so(platform: Platform) -> None:
    behaviour(platform.local.cloud).seconds["Domain", "creation"] = 7200
    made(platform)
    assert platform.executions("domain_setup")[-1]["error"] == "NeverInService"


def test_a_domain_that_cannot_be_made_is_reported(platform: Platform) -> None:
    fail_next(platform.local.cloud, "Domain", "no free addresses in subnet-0a1b2c3d")
    made(platform)
    assert (report(platform)["outcome"], kinds(platform)) == ("DomainFailed", ["DomainFailed"])
    assert "no free addresses" in report(platform)["findings"][0]["message"]


def test_an_update_of_ours_that_fails_ends_red_with_sagemakers_reason(platform: Platform) -> None:
    fail_next(platform.local.cloud, "Domain", "image own is gone", "update")
    domain = made(platform)
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "UpdateFailed"
    assert "image own is gone" in execution["cause"]
    assert len(updates(platform)) == 1
    assert platform.tags("fraud-dev", described(platform, domain)["DomainArn"]) == {"steward:product": "studio"}, "nothing after it was written"
    platform.client("stepfunctions", "hub").start_execution(
        stateMachineArn=platform.output("DomainSetupStateMachineArn"), name="again", input=execution["input"]
    )
    platform.local.settle()
    assert described(platform, domain)["TagPropagation"] == "ENABLED"
    assert kinds(platform) == ["DomainUpdateFailed"], "it had failed before this run"


def test_an_update_that_never_ends_ends_red(platform: Platform) -> None:
    behaviour(platform.local.cloud).seconds["Domain", "update"] = 2 * 3600
    made(platform)
    assert platform.executions("domain_setup")[-1]["error"] == "NeverUpdated"
    assert len(updates(platform)) == 1


def test_somebody_elses_update_is_waited_for(platform: Platform) -> None:
    """It began between our decision and our update."""
    behaviour(platform.local.cloud).seconds["Domain", "update"] = 300
    began: list[str] = []

    def meanwhile(domain: str) -> None:
        platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings={"SecurityGroups": ["sg-1"]})
        began.append(domain)

    with platform.local.faults.crash("*UpdateSettings*", "before", "sagemaker:UpdateDomain"):
        arn = asked_for(platform)
        while not platform.local.faults.injected:
            platform.local.advance(1)
        meanwhile(arn.split("/")[1])
        platform.local.settle()
    now = described(platform, began[0])
    assert now["TagPropagation"] == "ENABLED"
    assert now["DefaultUserSettings"]["SecurityGroups"] == ["sg-1"]
    first = platform.executions("domain_setup")[0]
    assert json.loads(first["output"])["outcome"] == "DomainSetUp"


def test_what_somebody_changes_between_decision_and_update_is_decided_on_anew(platform: Platform) -> None:
    """Trap 33: it brings a role that may not tag, and with the decision from before nobody could create anything."""
    role = platform.role("fraud-dev", "DataScience")
    with platform.local.faults.crash("*UpdateSettings*", "before", "sagemaker:UpdateDomain"):
        domain = asked_for(platform).split("/")[1]
        while not platform.local.faults.injected:
            platform.local.advance(1)
        platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings={"ExecutionRole": role})
        platform.local.settle()
    first = platform.executions("domain_setup")[0]
    assert platform.states_entered(first).count("DecideSetup") >= 3, "twice while it was pending, then anew"
    assert described(platform, domain)["TagPropagation"] == "DISABLED"
    assert [finding["kind"] for finding in json.loads(first["output"])["findings"]] == ["RolesMayNotTag", "RolesMayNotReport"]
    assert len(updates(platform)) == 1


def test_a_domain_that_is_deleted_meanwhile_is_gone(platform: Platform) -> None:
    sagemaker = platform.client("sagemaker", "fraud-dev")
    with platform.local.faults.crash("*UpdateSettings*", "before", "sagemaker:UpdateDomain"):
        arn = asked_for(platform)
        while not platform.local.faults.injected:
            platform.local.advance(1)
        sagemaker.delete_domain(DomainId=arn.split("/")[1])
        platform.local.settle()
    assert (report(platform)["outcome"], report(platform)["changes"]) == ("DomainGone", [])
    assert "NothingWasWritten" in platform.states_entered(platform.executions("domain_setup")[-1])


def test_an_account_out_of_scope_is_reported_and_not_entered(platform: Platform) -> None:
    made(platform)
    organizations = platform.client("organizations", "management")
    (parent,) = organizations.list_parents(ChildId="444444444444")["Parents"]
    units = organizations.list_organizational_units_for_parent(ParentId=organizations.list_roots()["Roots"][0]["Id"])["OrganizationalUnits"]
    (sandbox,) = (unit["Id"] for unit in units if unit["Name"] == "Sandbox")
    organizations.move_account(AccountId="444444444444", SourceParentId=parent["Id"], DestinationParentId=sandbox)
    made(platform)
    assert report(platform)["outcome"] == "AccountOutOfScope"
    assert len(updates(platform)) == 1


def test_without_our_role_it_waits_and_ends_red(platform: Platform) -> None:
    plant = platform.without_role("fraud-dev", "domain_setup")
    made(platform)
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "MemberRoleNeverPlanted"
    plant()
    platform.client("stepfunctions", "hub").start_execution(
        stateMachineArn=platform.output("DomainSetupStateMachineArn"), name="again", input=execution["input"]
    )
    platform.local.settle()
    assert report(platform)["outcome"] == "DomainSetUp"


def test_an_account_that_is_closed_is_nothing_to_do(platform: Platform) -> None:
    domain = made(platform)
    platform.client("organizations", "management").close_account(AccountId="444444444444")
    given = {"account_id": "444444444444", "region": "eu-west-1", "domain_id": domain, "event_id": "by-hand", "event_time": "2026-11-23T09:00:00Z"}
    before = len(platform.calls("sts:AssumeRole"))
    start(platform, given)
    assert (report(platform)["outcome"], report(platform)["changes"]) == ("AccountNotActive", [])
    assert len(platform.calls("sts:AssumeRole")) == before, "it is not entered"


def test_an_outcome_that_the_machine_does_not_know_ends_red(platform: Platform) -> None:
    """As where a function is newer than its machine."""
    states, arn = platform.client("stepfunctions", "hub"), platform.output("DomainSetupStateMachineArn")
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(
        stateMachineArn=arn, definition=definition.replace("$report.outcome = 'ForeignDomain'", "$report.outcome = 'Foreign'")
    )
    platform.domain("fraud-dev")
    execution = platform.executions("domain_setup")[-1]
    assert (execution["status"], execution["error"]) == ("FAILED", "OutcomeUnknown")
    assert "A step answered ForeignDomain" in execution["cause"]


@pytest.mark.parametrize("step", ["DecideSetup", "UpdateSettings"])
def test_a_step_that_fails_again_and_again_ends_red_and_its_repetition_finishes(platform: Platform, step: str) -> None:
    with platform.local.faults.crash(f"*{step}*", lasting=24 * 3600):
        domain = made(platform)
    execution = platform.executions("domain_setup")[-1]
    assert (execution["status"], execution["error"]) == ("FAILED", "SetupFailed")
    assert f"The step {step} failed" in execution["cause"]
    assert updates(platform) == []
    start(platform, json.loads(execution["input"]))
    assert (report(platform)["outcome"], described(platform, domain)["TagPropagation"]) == ("DomainSetUp", "ENABLED")


def test_a_role_that_goes_between_decision_and_update_ends_red_and_its_repetition_finishes(platform: Platform) -> None:
    with platform.local.faults.crash("*UpdateSettings*", "before", "sts:AssumeRole"):
        arn = asked_for(platform)
        while not platform.local.faults.injected:
            platform.local.advance(1)
        plant = platform.without_role("fraud-dev", "domain_setup")
        platform.local.settle()
    execution = platform.executions("domain_setup")[-1]
    assert (execution["error"], updates(platform)) == ("MemberRoleNeverPlanted", [])
    plant()
    start(platform, json.loads(execution["input"]))
    assert described(platform, arn.split("/")[1])["TagPropagation"] == "ENABLED"


def test_where_templates_cannot_be_enabled_the_domain_is_set_up_and_the_execution_red(platform: Platform) -> None:
    plant = platform.without_role("fraud-dev", "template_enablement")
    domain = made(platform)
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "TemplatesNotEnabled"
    assert described(platform, domain)["TagPropagation"] == "ENABLED"
    plant()


def test_an_update_that_could_not_be_looked_at_is_told_when_it_is_redriven(platform: Platform) -> None:
    """Only this execution knows what it changed: one in its place would find it done, and say nothing of it."""
    heard = platform.watch_hub_bus()
    arn = asked_for(platform)
    domain = arn.split("/")[1]
    while not updates(platform):
        platform.local.advance(1)
    with platform.local.faults.fail("sts:AssumeRole", "AccessDenied", principal="*UpdateSettings*", lasting=24 * 3600):
        platform.local.settle()
    execution = platform.executions("domain_setup")[-1]
    assert (execution["status"], execution["error"], platform.states_entered(execution)[-1]) == ("FAILED", "MemberRoleNotAssumable", "LookAtUpdate")
    assert len(updates(platform)) == 1
    platform.client("stepfunctions", "hub").redrive_execution(executionArn=execution["executionArn"])
    platform.local.settle()
    assert report(platform)["outcome"] == "DomainSetUp"
    told = [event["detail"] for event in platform.messages(heard) if event["detail-type"] == "Domain Set Up"]
    changes = [change for detail in told for change in detail["changes"] if change["field"] == "TagPropagation"]
    assert [change["after"] for change in changes] == ["ENABLED"]
    assert (len(updates(platform)), described(platform, domain)["TagPropagation"]) == (1, "ENABLED")
