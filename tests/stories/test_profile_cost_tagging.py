"""Stories of profile_cost_tagging, on the deployed template: what people do, and what AWS looks like afterwards, bystanders included."""

import re

import pytest

from localaws.organization_file import Account
from localaws.studio import fail_next
from tests.stories.people import FRAUD, FRAUD_TAGS, HUB, NEWCOMER, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging")


def test_a_created_profile_carries_its_cost_tags_and_its_execution_can_be_read(platform: Platform) -> None:
    bystander = platform.domain("pricing-prod")
    profile = platform.profile("fraud-dev")
    platform.local.settle()

    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    execution = platform.the_execution()
    assert execution["status"] == "SUCCEEDED"
    assert re.fullmatch(rf"{FRAUD}-alice-profile-created-[0-9a-f]{{12}}", execution["name"])
    output = execution["output"]
    assert (output["version"], output["outcome"], output["dry_run"], output["findings"]) == (1, "ProfileTagged", False, [])
    assert {change["field"]: (change["before"], change["after"]) for change in output["changes"]} == {
        f"tag:{key}": (None, value) for key, value in FRAUD_TAGS.items()
    }
    assert {change["resource"] for change in output["changes"]} == {profile}
    assert all(change["reason"] for change in output["changes"])
    assert platform.tags("pricing-prod", f"arn:aws:sagemaker:eu-west-1:555555555555:domain/{bystander}") == {}
    assert platform.dead_letters() == []


def test_the_straight_way_costs_what_its_page_says(platform: Platform) -> None:
    platform.profile("fraud-dev")
    before = len(platform.local.cloud.log.calls)
    platform.local.settle()
    ours = [call["action"] for call in platform.local.cloud.log.calls[before:] if call["account"] in {HUB, FRAUD}]
    assert [action for action in ours if action.split(":")[0] in {"organizations", "sts", "sagemaker", "stepfunctions", "dynamodb"}] == [
        "stepfunctions:StartExecution",
        "organizations:DescribeAccount",
        "sts:AssumeRole",
        "sagemaker:DescribeUserProfile",
        "sagemaker:DescribeDomain",
        "organizations:ListTagsForResource",
        "sagemaker:ListTags",
        "sagemaker:ListTags",
        "sagemaker:ListApps",
        "organizations:DescribeAccount",
        "sts:AssumeRole",
        "sagemaker:AddTags",
    ]
    assert platform.states_entered(platform.the_execution()) == [
        "GiveItTime",
        "DecideTags",
        "TagsAreToBeWritten",
        "ApplyTags",
        "TagsWereWritten",
        "AnnounceCostTags",
        "ThereAreFindings",
        "OutcomeIsKnown",
        "ProfileTagged",
    ]


def test_the_member_account_is_entered_by_the_workflows_own_role(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    assumed = platform.calls("sts:AssumeRole")
    assert [call["resource"] for call in assumed] == [f"arn:aws:iam::{FRAUD}:role/steward/profile_cost_tagging"] * 2, "once for each step"
    (tagged,) = platform.calls("sagemaker:AddTags")
    assert tagged["principal"].startswith(f"arn:aws:sts::{FRAUD}:assumed-role/profile_cost_tagging/")


def test_in_a_domain_with_identity_center_the_user_is_the_single_sign_on_user(platform: Platform) -> None:
    profile = platform.profile("pricing-prod", "bob-1f3", sso_user="bob@example.com")
    platform.local.settle()
    assert platform.tags("pricing-prod", profile) == {
        "ml:user": "bob@example.com",
        "ml:project": "pricing",
        "ml:cost-center": "R-0815",
        "ml:owner": "pricing-team",
    }


def test_a_profile_in_another_region_in_use_is_tagged_too(platform: Platform) -> None:
    profile = platform.profile("fraud-dev", region="us-east-1")
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_tags_under_other_keys_stay_and_only_what_is_missing_is_written(platform: Platform) -> None:
    given = [{"Key": "team", "Value": "blue"}, {"Key": "ml:project", "Value": "fraud"}, {"Key": "ml:owner", "Value": "somebody else"}]
    profile = platform.profile("fraud-dev", Tags=given)
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {**FRAUD_TAGS, "team": "blue"}
    changes = platform.the_execution()["output"]["changes"]
    assert {change["field"]: change["before"] for change in changes} == {
        "tag:ml:user": None,
        "tag:ml:cost-center": None,
        "tag:ml:owner": "somebody else",
    }


def test_a_profile_that_has_its_tags_is_left_alone(platform: Platform) -> None:
    platform.profile("fraud-dev", Tags=[{"Key": key, "Value": value} for key, value in FRAUD_TAGS.items()])
    platform.local.settle()
    assert platform.the_execution()["output"]["outcome"] == "NothingToDo"
    assert platform.calls("sagemaker:AddTags") == []


def test_what_was_applied_is_announced_on_the_hub_bus(platform: Platform) -> None:
    queue = platform.watch_hub_bus()
    platform.profile("fraud-dev")
    platform.local.settle()
    (event,) = platform.messages(queue)
    assert (event["source"], event["detail-type"], event["account"]) == ("studio-steward", "Cost Tags Applied", HUB)
    execution = platform.the_execution()
    assert execution["executionArn"] in event["resources"]
    assert event["detail"]["changes"] == execution["output"]["changes"]


def test_an_account_without_tags_is_a_finding_and_never_a_guess(platform: Platform) -> None:
    profile = platform.profile("newcomer-dev", "carol")
    platform.local.settle()
    assert platform.tags("newcomer-dev", profile) == {"ml:user": "carol"}
    execution = platform.the_execution()
    assert (execution["status"], execution["output"]["outcome"]) == ("SUCCEEDED", "AccountTagsMissing")
    findings = execution["output"]["findings"]
    assert [finding["kind"] for finding in findings] == ["AccountTagMissing"] * 3
    assert all(NEWCOMER in finding["resource"] for finding in findings)


def test_findings_reach_the_topic(platform: Platform) -> None:
    platform.profile("newcomer-dev", "carol")
    platform.local.settle()
    assert [call["resource"] for call in platform.calls("sns:Publish")] == [platform.output("FindingsTopicArn")]


def test_an_account_outside_the_ml_units_is_not_ours(platform: Platform) -> None:
    profile = platform.profile("playground", "dave")
    platform.local.settle()
    assert platform.executions() == []
    assert platform.tags("playground", profile) == {}


def test_an_account_that_left_the_ml_units_is_reported_and_not_touched(platform: Platform) -> None:
    organizations = platform.client("organizations", "management")
    unit = platform.local.organization.unit_id
    organizations.move_account(AccountId=FRAUD, SourceParentId=unit("ML/Dev"), DestinationParentId=unit("Sandbox"))
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    output = platform.the_execution()["output"]
    assert (output["outcome"], output["changes"]) == ("AccountOutOfScope", [])
    assert [finding["kind"] for finding in output["findings"]] == ["AccountOutOfScope"]
    assert platform.tags("fraud-dev", profile) == {}


def test_an_account_that_joins_later_is_looked_after_like_the_others(platform: Platform) -> None:
    tags = {"ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}
    platform.local.vend(Account("fraud-preprod", "888888888888", "ML/Dev", tags=tags))
    platform.local.settle()
    profile = platform.profile("fraud-preprod")
    platform.local.settle()
    assert platform.tags("fraud-preprod", profile) == FRAUD_TAGS


def test_a_profile_that_our_own_role_made_starts_nothing(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    ours = platform.as_role("sagemaker", "fraud-dev", "steward/profile_cost_tagging", "sagemaker:CreateUserProfile")  # which it may not, otherwise
    ours.create_user_profile(DomainId=domain, UserProfileName="alice")
    platform.local.settle()
    assert platform.executions() == []


def test_a_profile_that_could_not_be_created_starts_nothing(platform: Platform) -> None:
    sagemaker = platform.client("sagemaker", "fraud-dev")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.create_user_profile(DomainId="d-000000000000", UserProfileName="alice")
    platform.local.settle()
    assert platform.executions() == []


def test_a_profile_deleted_before_we_came_is_an_outcome(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    domain = profile.split("/")[1]
    sagemaker = platform.client("sagemaker", "fraud-dev")
    while sagemaker.describe_user_profile(DomainId=domain, UserProfileName="alice")["Status"] == "Pending":
        platform.local.advance(1)
    sagemaker.delete_user_profile(DomainId=domain, UserProfileName="alice")
    platform.local.settle()
    execution = platform.the_execution()
    assert (execution["status"], execution["output"]["outcome"]) == ("SUCCEEDED", "ProfileGone")
    assert platform.calls("sagemaker:AddTags") == []


def test_a_profile_that_failed_is_reported(platform: Platform) -> None:
    fail_next(platform.local.cloud, "UserProfile", "the execution role is not there")
    platform.profile("fraud-dev")
    platform.local.settle()
    output = platform.the_execution()["output"]
    assert output["outcome"] == "ProfileFailed"
    assert "the execution role is not there" in output["findings"][0]["message"]


def test_without_our_role_the_execution_waits_and_ends_red_saying_what_to_do(platform: Platform) -> None:
    iam = platform.client("iam", "fraud-dev")
    for policy in iam.list_role_policies(RoleName="profile_cost_tagging")["PolicyNames"]:
        iam.delete_role_policy(RoleName="profile_cost_tagging", PolicyName=policy)
    iam.delete_role(RoleName="profile_cost_tagging")
    platform.expect_denied("sts:AssumeRole", "role/steward/profile_cost_tagging/")
    platform.profile("fraud-dev")
    start = platform.local.clock.now
    platform.local.settle()
    execution = platform.the_execution()
    assert (execution["status"], execution["error"]) == ("FAILED", "MemberRoleNeverPlanted")
    assert "StackSet" in execution["cause"]
    assert "make redrive EXECUTE=1, or start a new execution with the input of this one. MemberRoleNotAssumable: " in execution["cause"]
    assert "stackTrace" not in execution["cause"]
    assert platform.local.clock.now - start > 20 * 60, "a role may take its time to be planted"


def test_without_our_role_between_decision_and_writing_it_waits_as_well(platform: Platform) -> None:
    with platform.local.faults.fail("sts:AssumeRole", "AccessDenied", principal="*ApplyTagsFunctionRole*", lasting=3600):
        platform.profile("fraud-dev")
        platform.local.settle()
    assert platform.the_execution()["error"] == "MemberRoleNeverPlanted"


def test_an_account_that_is_closed_is_nothing_to_do(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.client("organizations", "management").close_account(AccountId=FRAUD)
    platform.local.settle()
    assert platform.the_execution()["output"]["outcome"] == "AccountNotActive"


def test_an_outcome_that_the_machine_does_not_know_ends_red(platform: Platform) -> None:
    """As where a function is newer than its machine."""
    states, arn = platform.client("stepfunctions", "hub"), platform.output("ProfileCostTaggingStateMachineArn")
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(stateMachineArn=arn, definition=definition.replace("$report.outcome = 'ProfileTagged'", "$report.outcome = 'Tagged'"))
    platform.profile("fraud-dev")
    platform.local.settle()
    assert platform.the_execution()["error"] == "OutcomeUnknown"


def test_with_dry_run_the_changes_are_shown_and_nothing_is_written(platform: Platform) -> None:
    queue = platform.watch_hub_bus()
    platform.deploy(DryRun="true")
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {}
    output = platform.the_execution()["output"]
    assert (output["dry_run"], output["outcome"], len(output["changes"])) == (True, "ProfileTagged", 4)
    assert platform.messages(queue) == []


def test_nobody_forges_an_event_of_ours(platform: Platform) -> None:
    queue = platform.watch_hub_bus()
    entry = {"Source": "studio-steward", "DetailType": "Cost Tags Applied", "Detail": "{}", "EventBusName": platform.output("HubBusArn")}
    events = platform.client("events", "fraud-dev")
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 1
    platform.expect_denied("events:PutEvents", f"{FRAUD}:user/administrator")
    platform.local.settle()
    assert platform.messages(queue) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_end_state_is_the_same_in_whichever_order_things_happen(platform: Platform, seed: int) -> None:
    platform.local.clock.reseed(seed)
    domain = platform.domain("fraud-dev")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    names = [f"user-{number}" for number in range(6)]
    profiles = [sagemaker.create_user_profile(DomainId=domain, UserProfileName=name)["UserProfileArn"] for name in names]
    platform.local.settle()
    assert [platform.tags("fraud-dev", profile) for profile in profiles] == [{**FRAUD_TAGS, "ml:user": name} for name in names]
    assert {execution["status"] for execution in platform.executions()} == {"SUCCEEDED"}
    assert len(platform.executions()) == len(names)
