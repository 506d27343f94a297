"""Stories of profile_cost_tagging about spaces, and about domains that are not like others."""

import re

import pytest

from localaws.studio import behaviour, fail_next
from tests.stories.people import FRAUD, FRAUD_TAGS, HUB, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging")

PROJECT_TAGS = {key: value for key, value in FRAUD_TAGS.items() if key != "ml:user"}
UNIFIED = {"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001", "ProjectId": "4fraud000001", "StudioWebPortalAccess": "ENABLED"}}


def test_a_private_space_carries_its_owners_tags(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    space = platform.space("fraud-dev", alice)
    platform.local.settle()
    assert platform.tags("fraud-dev", space) == FRAUD_TAGS
    execution = platform.executions()[-1]
    assert re.fullmatch(rf"{FRAUD}-lab-space-created-[0-9a-f]{{12}}", execution["name"])
    output = platform.last_output()
    assert (output["outcome"], output["findings"]) == ("SpaceTagged", [])
    assert {change["resource"] for change in output["changes"]} == {space}
    assert output["changes"][0]["reason"] == "owner of the space, name of the user profile"


def test_a_private_space_costs_one_call_more(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    platform.space("fraud-dev", alice)
    before = len(platform.local.cloud.log.calls)
    platform.local.settle()
    ours = [call["action"] for call in platform.local.cloud.log.calls[before:] if call["account"] in {HUB, FRAUD}]
    assert [action for action in ours if action.startswith("sagemaker:")] == [
        "sagemaker:DescribeSpace",
        "sagemaker:DescribeDomain",
        "sagemaker:DescribeUserProfile",
        "sagemaker:ListTags",
        "sagemaker:ListTags",
        "sagemaker:ListApps",
        "sagemaker:AddTags",
    ]


def test_the_owner_of_a_space_is_the_user_of_identity_center(platform: Platform) -> None:
    bob = platform.profile("pricing-prod", "bob-1f3", sso_user="bob@example.com")
    platform.local.settle()
    space = platform.space("pricing-prod", bob)
    platform.local.settle()
    assert platform.tags("pricing-prod", space)["ml:user"] == "bob@example.com"


def test_a_shared_space_carries_the_projects_tags_and_no_user(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    shared = platform.space("fraud-dev", alice, "forecast", "Shared", Tags=[{"Key": "ml:user", "Value": "the whole team"}])
    platform.local.settle()
    assert platform.tags("fraud-dev", shared) == {**PROJECT_TAGS, "ml:user": "the whole team"}, "no user of ours, and nobody's taken away"
    assert platform.last_output()["outcome"] == "SpaceTagged"


def test_a_tag_on_the_domain_goes_before_the_accounts(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", Tags=[{"Key": "ml:cost-center", "Value": "R-7777"}, {"Key": "ml:owner", "Value": " "}])
    alice = platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == {**FRAUD_TAGS, "ml:cost-center": "R-7777"}
    reasons = {change["field"]: change["reason"] for change in platform.the_execution()["output"]["changes"]}
    assert reasons["tag:ml:cost-center"] == "domain tag ml:cost-center, which goes before the account's"
    assert reasons["tag:ml:owner"] == "account tag ml:owner"


def test_what_the_account_does_not_say_its_domain_can(platform: Platform) -> None:
    tags = [{"Key": key, "Value": value} for key, value in PROJECT_TAGS.items()]
    profile = platform.profile("newcomer-dev", "carol", domain=platform.domain("newcomer-dev", Tags=tags))
    platform.local.settle()
    assert platform.tags("newcomer-dev", profile) == {**PROJECT_TAGS, "ml:user": "carol"}
    assert platform.the_execution()["output"]["outcome"] == "ProfileTagged"


def test_a_domain_of_unified_studio_is_left_alone(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", DomainSettings=UNIFIED)
    alice = platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    space = platform.space("fraud-dev", alice)
    platform.local.settle()
    assert [platform.tags("fraud-dev", arn) for arn in (alice, space)] == [{}, {}]
    assert platform.last_output() == {"version": 1, "outcome": "UnifiedStudioDomain", "dry_run": False, "changes": [], "findings": []}
    assert platform.calls("sagemaker:AddTags") == []


def test_a_domain_is_never_changed(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    before = sagemaker.describe_domain(DomainId=domain)
    platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    after = sagemaker.describe_domain(DomainId=domain)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert platform.tags("fraud-dev", before["DomainArn"]) == {}


def test_a_space_deleted_before_we_came_is_an_outcome(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    platform.space("fraud-dev", alice)
    platform.local.advance(6)
    platform.client("sagemaker", "fraud-dev").delete_space(DomainId=alice.split("/")[1], SpaceName="lab")
    platform.local.settle()
    assert platform.last_output()["outcome"] == "SpaceGone"


def test_a_space_that_failed_is_reported(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    fail_next(platform.local.cloud, "Space", "no storage left")
    platform.space("fraud-dev", alice)
    platform.local.settle()
    output = platform.last_output()
    assert (output["outcome"], output["changes"]) == ("SpaceFailed", [])
    assert "no storage left" in output["findings"][0]["message"]


def test_a_space_that_takes_long_is_waited_for(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    behaviour(platform.local.cloud).seconds["Space", "creation"] = 200
    space = platform.space("fraud-dev", alice)
    platform.local.settle()
    assert platform.tags("fraud-dev", space) == FRAUD_TAGS
    assert platform.states_entered(platform.executions()[-1]).count("WaitForService") >= 5


def test_a_space_that_never_comes_ends_red(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    behaviour(platform.local.cloud).seconds["Space", "creation"] = 24 * 3600
    platform.space("fraud-dev", alice)
    platform.local.settle()
    execution = platform.executions()[-1]
    assert (execution["status"], execution["error"]) == ("FAILED", "NeverInService")
    assert "Space lab was still pending" in execution["cause"]


def test_an_updated_profile_gets_what_it_lacks(platform: Platform) -> None:
    platform.deploy(StopAllWrites="true")
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == {}
    platform.deploy(StopAllWrites="false")
    settings = {"SecurityGroups": ["sg-0a1b2c3d"]}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings=settings)
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == FRAUD_TAGS
    assert platform.executions()[-1]["name"].startswith(f"{FRAUD}-alice-profile-updated-")


@pytest.mark.parametrize("answer", ["ValidationException", "ResourceNotFound"])
@pytest.mark.parametrize("asked", ["sagemaker:ListTags", "sagemaker:AddTags"])
def test_a_space_that_goes_between_two_calls_of_ours_is_an_outcome(platform: Platform, asked: str, answer: str) -> None:
    """Its deletion is over just before this call, whatever AWS may call that."""
    settings = behaviour(platform.local.cloud)
    settings.tagging_missing = answer  # type: ignore[assignment]
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    settings.seconds["Space", "deletion"] = 0
    platform.space("fraud-dev", alice)
    until_asked(platform, asked)
    platform.client("sagemaker", "fraud-dev").delete_space(DomainId=alice.split("/")[1], SpaceName="lab")
    platform.local.settle()
    assert platform.last_output() == {"version": 1, "outcome": "SpaceGone", "dry_run": False, "changes": [], "findings": []}
    assert ("ApplyTags" in platform.states_entered(platform.executions()[-1])) is (asked == "sagemaker:AddTags")


def until_asked(platform: Platform, action: str) -> None:
    """Let virtual time pass until just before this is asked: a call before it was made and this one was not."""
    before = {"sagemaker:ListTags": "sagemaker:DescribeUserProfile", "sagemaker:AddTags": "sagemaker:ListApps"}[action]
    known = len(platform.local.cloud.log.calls)
    while not any(call["action"] == before and ":assumed-role/" in call["principal"] for call in platform.local.cloud.log.calls[known:]):
        platform.local.advance(0.01)
