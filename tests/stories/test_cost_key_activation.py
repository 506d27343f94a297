"""Stories of cost_key_activation, on the deployed template: billing learns of keys day by day, and the payer's list follows."""

import json
from typing import Any

import pytest

from localaws import billing
from tests.schemas import validate
from tests.stories.people import HUB, Platform

pytestmark = pytest.mark.workflow("cost_key_activation", "profile_cost_tagging")

DAY = 24 * 3600
PAYER = "111111111111"
KEYS = ["ml:cost-center", "ml:owner", "ml:project", "ml:user"]


def keys(platform: Platform) -> dict[str, str]:
    """What the payer sees: the status of each key that billing knows."""
    pages = platform.client("ce", "management").get_paginator("list_cost_allocation_tags").paginate()
    return {tag["TagKey"]: tag["Status"] for page in pages for tag in page["CostAllocationTags"]}


def runs(platform: Platform) -> list[tuple[str, str, str]]:
    """Name, status and outcome of each run, the oldest first."""
    found = platform.executions("cost_key_activation")
    return [(run["name"], run["status"], json.loads(run.get("output") or "{}").get("outcome", run.get("error"))) for run in found]


def last_output(platform: Platform) -> dict[str, Any]:
    output: dict[str, Any] = json.loads(platform.executions("cost_key_activation")[-1]["output"])
    return output


def news(platform: Platform, announced: str) -> list[dict[str, Any]]:
    """What has been announced of keys."""
    return [message["detail"] for message in platform.messages(announced) if message["detail-type"] == "Cost Keys Activated"]


def test_keys_wait_until_billing_knows_them_then_they_are_activated_then_there_is_nothing_to_do(platform: Platform) -> None:
    announced, found = platform.watch_hub_bus(), platform.watch_findings()
    platform.profile("fraud-dev", Tags=[{"Key": "team", "Value": "models"}])
    platform.local.advance(DAY)
    assert runs(platform) == [("keys-2026-11-03T06", "SUCCEEDED", "CostKeysWaiting")]
    (told,) = platform.messages(found)
    assert [finding["kind"] for finding in told["findings"]] == ["CostKeyWaiting"] * 4
    assert news(platform, announced) == []

    platform.local.advance(DAY)
    assert runs(platform)[1:] == [("keys-2026-11-04T06", "SUCCEEDED", "CostKeysActivated")]
    assert keys(platform) == {**dict.fromkeys(KEYS, "Active"), "team": "Inactive"}
    output = last_output(platform)
    assert sorted(change["field"] for change in output["changes"]) == [f"cost-allocation-tag:{key}" for key in KEYS]
    assert output["findings"] == []
    (detail,) = news(platform, announced)
    assert detail == {"version": 1, "account_id": PAYER, "changes": output["changes"]}
    validate("cost_keys_activated", detail)

    platform.local.advance(DAY)
    assert runs(platform)[2:] == [("keys-2026-11-05T06", "SUCCEEDED", "NothingToDo")]
    assert (len(news(platform, announced)), platform.messages(found), platform.dead_letters()) == (1, [told], [])


def test_the_payer_is_entered_by_the_workflows_own_role_and_in_the_region_of_cost_explorer(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    (updated,) = platform.calls("ce:UpdateCostAllocationTagsStatus")
    assert updated["principal"] == f"arn:aws:sts::{PAYER}:assumed-role/cost_key_activation/keys-2026-11-04T06"
    assert (updated["account"], updated["region"]) == (PAYER, "us-east-1")


def test_the_ways_cost_what_their_page_says(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.advance(3 * DAY)
    waiting, activated, nothing = (platform.states_entered(run) for run in platform.executions("cost_key_activation"))
    assert nothing == ["DecideKeys", "KeysAreToBeActivated", "ThereAreFindings", "OutcomeIsKnown", "NothingToDo"]
    assert (len(nothing), len(activated), len(waiting)) == (5, 9, 6)
    assert len(platform.calls("ce:ListCostAllocationTags")) == 3
    assert len(platform.calls("ce:UpdateCostAllocationTagsStatus")) == 1
    cost_explorer = [call for call in platform.calls("sts:AssumeRole") if call["resource"].endswith("/cost_key_activation")]
    assert len(cost_explorer) == 4
    assert {call["account"] for call in cost_explorer} == {HUB}


def test_a_key_that_is_used_later_follows_later(platform: Platform) -> None:
    platform.profile("newcomer-dev", "carol")
    platform.local.advance(2 * DAY)
    assert keys(platform) == {"ml:user": "Active"}
    assert last_output(platform)["outcome"] == "CostKeysWaiting"
    assert [change["field"] for change in last_output(platform)["changes"]] == ["cost-allocation-tag:ml:user"]
    assert len(last_output(platform)["findings"]) == 3
    platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    assert keys(platform) == dict.fromkeys(KEYS, "Active")


def test_a_key_that_somebody_deactivated_is_activated_again(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    entries = [{"TagKey": "ml:owner", "Status": "Inactive"}]
    platform.client("ce", "management").update_cost_allocation_tags_status(CostAllocationTagsStatus=entries)
    platform.local.advance(DAY)
    assert keys(platform) == dict.fromkeys(KEYS, "Active")
    assert [change["field"] for change in last_output(platform)["changes"]] == ["cost-allocation-tag:ml:owner"]


@pytest.mark.parametrize("how", ["ValidationException", "Errors"])
def test_however_aws_refuses_unknown_keys_they_are_never_asked_for(platform: Platform, how: Any) -> None:
    billing.behaviour(platform.local.cloud).unknown_keys = how
    platform.profile("newcomer-dev", "carol")
    platform.local.advance(2 * DAY)
    assert keys(platform) == {"ml:user": "Active"}
    assert [run[1] for run in runs(platform)] == ["SUCCEEDED"] * 2


def test_where_billing_learns_only_from_what_costs_something_keys_wait_for_an_app(platform: Platform) -> None:
    billing.behaviour(platform.local.cloud).learns_from = "costs"
    domain = platform.profile("fraud-dev").split("/")[1]
    platform.local.advance(2 * DAY)
    assert [run[2] for run in runs(platform)] == ["CostKeysWaiting"] * 2
    app = {"DomainId": domain, "UserProfileName": "alice", "AppType": "JupyterServer", "AppName": "default"}
    platform.client("sagemaker", "fraud-dev").create_app(**app)
    platform.local.advance(2 * DAY)
    assert keys(platform) == dict.fromkeys(KEYS, "Active")


def test_a_key_that_billing_refuses_is_a_finding_and_the_others_are_activated(platform: Platform) -> None:
    announced = platform.watch_hub_bus()
    billing.behaviour(platform.local.cloud).refused["ml:owner"] = ("TagKeyNotAllowed", "not this one")
    platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    output = last_output(platform)
    assert (output["outcome"], [finding["kind"] for finding in output["findings"]]) == ("CostKeysRefused", ["CostKeyRefused"])
    assert keys(platform) == {**dict.fromkeys(KEYS, "Active"), "ml:owner": "Inactive"}
    assert [len(detail["changes"]) for detail in news(platform, announced)] == [3]
    assert len(platform.calls("ce:UpdateCostAllocationTagsStatus")) == 1


def test_a_refusal_of_the_moment_is_tried_three_times_and_again_the_next_day(platform: Platform) -> None:
    refused = billing.behaviour(platform.local.cloud).refused
    refused["ml:owner"] = ("ThrottlingException", "Rate exceeded")
    platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    assert len(platform.calls("ce:UpdateCostAllocationTagsStatus")) == 3
    assert [finding["kind"] for finding in last_output(platform)["findings"]] == ["CostKeyRefusedForNow"]
    refused.clear()
    platform.local.advance(DAY)
    assert last_output(platform)["outcome"] == "CostKeysActivated"
    assert keys(platform) == dict.fromkeys(KEYS, "Active")


def test_a_refusal_that_passes_leaves_no_trace(platform: Platform) -> None:
    refused = billing.behaviour(platform.local.cloud).refused
    refused["ml:owner"] = ("ThrottlingException", "Rate exceeded")
    platform.profile("fraud-dev")
    platform.local.advance(2 * DAY - 2 * 3600 + 60)  # a minute after six
    assert runs(platform)[-1][1] == "RUNNING"
    refused.clear()
    platform.local.settle()
    output = last_output(platform)
    assert (output["outcome"], len(output["changes"]), output["findings"]) == ("CostKeysActivated", 4, [])


@pytest.mark.parametrize("brake", ["DryRun", "StopAllWrites", "ActingOrganizationalUnitIds"])
def test_where_a_brake_holds_the_changes_are_told_and_nothing_is_activated(platform: Platform, brake: str) -> None:
    announced = platform.watch_hub_bus()
    platform.profile("fraud-dev")
    platform.local.settle()
    platform.deploy(**{brake: platform.local.organization.unit_id("ML/Dev") if brake.endswith("Ids") else "true"})
    platform.local.advance(2 * DAY)
    output = last_output(platform)
    assert (output["outcome"], output["dry_run"], len(output["changes"])) == ("CostKeysActivated", True, 4)
    assert keys(platform) == dict.fromkeys(KEYS, "Inactive")
    assert news(platform, announced) == []


def test_without_its_role_in_the_payer_account_it_ends_red_and_says_what_to_deploy(platform: Platform) -> None:
    plant = platform.without_role("management", "cost_key_activation")
    platform.local.advance(DAY)
    assert runs(platform) == [("keys-2026-11-03T06", "FAILED", "PayerRoleNotAssumable")]
    assert "accounts/management.yaml" in platform.executions("cost_key_activation")[0]["cause"]
    plant()
    platform.local.advance(DAY)
    assert runs(platform)[1][1] == "SUCCEEDED"


def test_without_its_role_between_decision_and_activation_it_ends_red_as_well(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.advance(DAY)
    with platform.local.faults.fail("sts:AssumeRole", "AccessDenied", principal="*ActivateKeysFunctionRole*", lasting=DAY):
        platform.local.advance(DAY)
    assert runs(platform)[-1] == ("keys-2026-11-04T06", "FAILED", "PayerRoleNotAssumable")
    platform.local.advance(DAY)
    assert set(keys(platform).values()) == {"Active"}


def test_an_activation_that_fails_again_and_again_ends_red_and_the_next_day_is_another(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.advance(DAY)
    with platform.local.faults.crash("*ActivateKeys*", lasting=DAY):
        platform.local.advance(DAY)
    assert runs(platform)[-1] == ("keys-2026-11-04T06", "FAILED", "ActivationFailed")
    platform.local.advance(DAY)
    assert set(keys(platform).values()) == {"Active"}


def test_an_outcome_that_the_machine_does_not_know_ends_red(platform: Platform) -> None:
    """As where a function is newer than its machine."""
    states, arn = platform.client("stepfunctions", "hub"), platform.output("CostKeyActivationStateMachineArn")
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(
        stateMachineArn=arn, definition=definition.replace("$report.outcome = 'CostKeysWaiting'", "$report.outcome = 'Waiting'")
    )
    platform.local.advance(DAY)
    assert runs(platform) == [("keys-2026-11-03T06", "FAILED", "OutcomeUnknown")]


def test_a_schedule_that_fires_twice_for_one_time_is_one_run(platform: Platform) -> None:
    platform.local.advance(DAY)
    message = {"workflow": "cost_key_activation", "schedule": {"name": "keys", "time": "2026-11-03T06:00:00Z"}}
    platform.take_in(json.dumps(message))
    assert [name for name, _, _ in runs(platform)] == ["keys-2026-11-03T06"]


def test_without_a_payer_account_there_is_no_schedule(platform: Platform) -> None:
    platform.deploy(PayerAccountId="")
    platform.local.advance(2 * DAY)
    assert runs(platform) == []
