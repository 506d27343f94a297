"""Stories of profile_cost_tagging about tags that people change, things that are full, and what tags do not reach."""

import re

import pytest

from tests.stories.people import FRAUD, FRAUD_TAGS, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging")

ADMINISTRATOR = f"arn:aws:iam::{FRAUD}:user/administrator"


@pytest.fixture
def alice(platform: Platform) -> str:
    """A tagged profile in fraud-dev; its ARN."""
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    return profile


def test_a_tag_that_somebody_changed_is_put_right(platform: Platform, alice: str) -> None:
    platform.set_tags("fraud-dev", alice, {"ml:cost-center": "R-0001", "team": "blue"})
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == {**FRAUD_TAGS, "team": "blue"}
    assert re.fullmatch(rf"{FRAUD}-alice-tags-changed-[0-9a-f]{{12}}", platform.executions()[-1]["name"])
    (change,) = platform.last_output()["changes"]
    assert (change["before"], change["after"]) == ("R-0001", "R-4711")


def test_a_tag_that_somebody_removed_is_set_again(platform: Platform, alice: str) -> None:
    platform.client("sagemaker", "fraud-dev").delete_tags(ResourceArn=alice, TagKeys=["ml:owner", "ml:user"])
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == FRAUD_TAGS


def test_a_name_is_the_same_in_any_case(platform: Platform) -> None:
    """SageMaker writes names in ARNs in lower case, and that is all that an event of changed tags has."""
    profile = platform.profile("fraud-dev", "Default-20261123T1020")
    platform.local.settle()
    platform.app("fraud-dev", profile, "JupyterServer")
    platform.set_tags("fraud-dev", profile, {"ml:user": "mallory"})
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {**FRAUD_TAGS, "ml:user": "Default-20261123T1020"}
    assert [finding["kind"] for finding in platform.last_output()["findings"]] == ["AppsMissTags"]


def test_a_space_whose_tag_was_changed_is_put_right(platform: Platform, alice: str) -> None:
    space = platform.space("fraud-dev", alice)
    platform.local.settle()
    platform.set_tags("fraud-dev", space, {"ml:user": "mallory"})
    platform.local.settle()
    assert platform.tags("fraud-dev", space) == FRAUD_TAGS


def test_what_it_costs_to_find_nothing_to_do_and_to_correct(platform: Platform, alice: str) -> None:
    def ours(tags: dict[str, str]) -> tuple[list[str], int]:
        before = len(platform.local.cloud.log.calls)
        platform.set_tags("fraud-dev", alice, tags)
        platform.local.settle()
        services = ("organizations:", "sts:", "sagemaker:", "dynamodb:", "sns:")
        calls = [call for call in platform.local.cloud.log.calls[before:] if ":assumed-role/" in call["principal"]]
        return [call["action"] for call in calls if call["action"].startswith(services)], len(platform.states_entered(platform.executions()[-1]))

    look = ["organizations:DescribeAccount", "sts:AssumeRole", "sagemaker:DescribeUserProfile", "sagemaker:DescribeDomain"]
    look += ["organizations:ListTagsForResource", "sagemaker:ListTags", "sagemaker:ListTags"]
    correct = ["sagemaker:ListApps", "organizations:DescribeAccount", "dynamodb:UpdateItem", "sts:AssumeRole", "sagemaker:AddTags"]
    assert ours({"team": "blue"}) == (look, 6)
    assert ours({"ml:owner": "us"}) == (look + correct, 9)


def test_tags_of_others_are_nothing_to_do(platform: Platform, alice: str) -> None:
    tagged = len(platform.calls("sagemaker:AddTags"))
    platform.set_tags("fraud-dev", alice, {"team": "blue"})
    platform.local.settle()
    assert platform.last_output()["outcome"] == "NothingToDo"
    assert platform.tags("fraud-dev", alice) == {**FRAUD_TAGS, "team": "blue"}
    assert len(platform.calls("sagemaker:AddTags")) == tagged


def test_tags_of_a_domain_or_an_app_start_nothing(platform: Platform, alice: str) -> None:
    domain_id = alice.split("/")[1]
    platform.app("fraud-dev", alice, "JupyterServer")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    app = sagemaker.describe_app(DomainId=domain_id, UserProfileName="alice", AppType="JupyterServer", AppName="default")["AppArn"]
    platform.set_tags("fraud-dev", app, {"ml:user": "mallory"})
    platform.set_tags("fraud-dev", f"arn:aws:sagemaker:eu-west-1:{FRAUD}:domain/{domain_id}", {"ml:user": "mallory"})
    platform.local.settle()
    assert len(platform.executions()) == 1


def test_our_own_tagging_starts_nothing(platform: Platform, alice: str) -> None:
    assert [call["error"] for call in platform.calls("sagemaker:AddTags")] == [None]
    assert len(platform.executions()) == 1


def test_the_fourth_time_in_a_day_the_writer_wins_and_people_hear_of_it(platform: Platform, alice: str) -> None:
    for _ in range(3):
        platform.set_tags("fraud-dev", alice, {"ml:cost-center": "R-0001"})
        platform.local.settle()
        assert platform.tags("fraud-dev", alice) == FRAUD_TAGS
    told = len(platform.calls("sns:Publish"))
    platform.set_tags("fraud-dev", alice, {"ml:cost-center": "R-0001"})
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == {**FRAUD_TAGS, "ml:cost-center": "R-0001"}
    output = platform.last_output()
    assert (output["outcome"], output["changes"]) == ("TagsContested", [])
    (finding,) = output["findings"]
    assert (finding["kind"], finding["resource"]) == ("TagsContested", alice)
    assert ADMINISTRATOR in finding["message"]
    assert "ml:cost-center is 'R-0001', not 'R-4711'" in finding["message"]
    assert len(platform.calls("sns:Publish")) == told + 1


def test_who_contests_tags_does_not_lose_them_by_updating_the_profile(platform: Platform, alice: str) -> None:
    for _ in range(4):
        platform.set_tags("fraud-dev", alice, {"ml:cost-center": "R-0001"})
        platform.local.settle()
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings={})
    platform.local.settle()
    assert platform.executions()[-1]["name"].startswith(f"{FRAUD}-alice-profile-updated-")
    assert platform.tags("fraud-dev", alice) == {**FRAUD_TAGS, "ml:cost-center": "R-0001"}
    assert platform.last_output()["outcome"] == "TagsContested"


def test_contesting_one_thing_is_not_contesting_another(platform: Platform, alice: str) -> None:
    bob = platform.profile("fraud-dev", "bob", domain=alice.split("/")[1])
    for _ in range(4):
        platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
        platform.local.settle()
    platform.set_tags("fraud-dev", bob, {"ml:owner": "us"})
    platform.local.settle()
    assert platform.tags("fraud-dev", alice)["ml:owner"] == "us"
    assert platform.tags("fraud-dev", bob) == {**FRAUD_TAGS, "ml:user": "bob"}


def test_another_writer_has_corrections_of_their_own(platform: Platform, alice: str) -> None:
    for _ in range(4):
        platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
        platform.local.settle()
    sagemaker = platform.as_role("sagemaker", "fraud-dev", "Terraform", "sagemaker:AddTags")
    sagemaker.add_tags(ResourceArn=alice, Tags=[{"Key": "ml:owner", "Value": "them"}])
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == FRAUD_TAGS


def test_the_next_day_is_another_day(platform: Platform, alice: str) -> None:
    for _ in range(4):
        platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
        platform.local.settle()
    platform.local.advance(24 * 3600)
    platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
    platform.local.settle()
    assert platform.tags("fraud-dev", alice) == FRAUD_TAGS


def test_only_tags_that_somebody_changed_are_counted(platform: Platform, alice: str) -> None:
    sagemaker = platform.client("sagemaker", "fraud-dev")
    for _ in range(5):
        sagemaker.update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings={})
        platform.local.settle()
    assert platform.calls("dynamodb:UpdateItem") == []


# -- full


def test_something_with_many_tags_gets_none_of_ours_until_there_is_room(platform: Platform) -> None:
    theirs = {f"team-{number}": "x" for number in range(44)} | {"ml:owner": "somebody else"}
    profile = platform.profile("fraud-dev", Tags=[{"Key": key, "Value": value} for key, value in theirs.items()])
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {**theirs, "ml:owner": "fraud-team"}
    output = platform.last_output()
    assert output["outcome"] == "TagLimitReached"
    assert [change["field"] for change in output["changes"]] == ["tag:ml:owner"]
    (finding,) = output["findings"]
    assert "ml:user, ml:project, ml:cost-center was not added" in finding["message"]

    platform.client("sagemaker", "fraud-dev").delete_tags(ResourceArn=profile, TagKeys=["team-0"])
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {**{key: "x" for key in theirs if key not in {"team-0", "ml:owner"}}, **FRAUD_TAGS}
    assert platform.last_output()["outcome"] == "ProfileTagged"


# -- values


def test_what_a_tag_cannot_hold_is_brought_into_form_and_said(platform: Platform) -> None:
    profile = platform.profile("fraud-dev", "aoife", sso_user="o'brien, aoife@example.com")
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {**FRAUD_TAGS, "ml:user": "o_brien_ aoife@example.com"}
    reasons = {change["field"]: change["reason"] for change in platform.last_output()["changes"]}
    assert reasons["tag:ml:user"] == "user in IAM Identity Center, with _ for each character that AWS does not take"
    platform.set_tags("fraud-dev", profile, {"team": "blue"})
    platform.local.settle()
    assert platform.last_output()["outcome"] == "NothingToDo", "it is not taken for another value"


# -- out of reach


def test_where_tags_are_not_propagated_a_finding_says_what_goes_without(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED")
    profile = platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    output = platform.last_output()
    assert output["outcome"] == "ProfileTagged"
    (finding,) = output["findings"]
    assert (finding["kind"], finding["resource"]) == ("TagPropagationOff", f"arn:aws:sagemaker:eu-west-1:{FRAUD}:domain/{domain}")

    platform.set_tags("fraud-dev", profile, {"team": "blue"})
    platform.local.settle()
    assert platform.last_output()["findings"] == [], "nothing was to do: nobody is told again"


def test_apps_that_run_since_before_the_tags_are_named(platform: Platform, alice: str) -> None:
    platform.app("fraud-dev", alice, "JupyterServer")
    space = platform.space("fraud-dev", alice, SpaceSettings={"AppType": "JupyterLab"})
    platform.local.settle()
    platform.app("fraud-dev", space, "JupyterLab", "notebooks")
    platform.set_tags("fraud-dev", alice, {"ml:user": "mallory"})
    platform.local.settle()
    (finding,) = platform.last_output()["findings"]
    assert (finding["kind"], finding["resource"]) == ("AppsMissTags", alice)
    assert "until they are started anew: JupyterServer/default." in finding["message"]
    platform.set_tags("fraud-dev", space, {"ml:user": "mallory"})
    platform.local.settle()
    (finding,) = platform.last_output()["findings"]
    assert "until they are started anew: JupyterLab/notebooks." in finding["message"]


# -- brakes


@pytest.mark.parametrize("parameters", [{"DryRun": "true"}, {"StopAllWrites": "true"}])
def test_with_a_brake_on_nothing_is_written_nor_counted(platform: Platform, alice: str, parameters: dict[str, str]) -> None:
    platform.deploy(**parameters)
    tagged = len(platform.calls("sagemaker:AddTags"))
    platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
    platform.local.settle()
    output = platform.last_output()
    assert (output["outcome"], output["dry_run"], len(output["changes"])) == ("ProfileTagged", True, 1)
    assert len(platform.calls("sagemaker:AddTags")) == tagged
    assert platform.calls("dynamodb:UpdateItem") == []
    assert platform.tags("fraud-dev", alice) == {**FRAUD_TAGS, "ml:owner": "us"}


def test_units_that_do_not_act_yet_only_report(platform: Platform) -> None:
    platform.deploy(ActingOrganizationalUnitIds=platform.local.organization.unit_id("ML/Dev"))
    pricing = platform.profile("pricing-prod", "bob")
    fraud = platform.profile("fraud-dev")
    platform.local.settle()
    assert platform.tags("fraud-dev", fraud) == FRAUD_TAGS
    assert platform.tags("pricing-prod", pricing) == {}
    reports = {output["changes"][0]["resource"]: output["dry_run"] for output in platform.outputs()}
    assert reports == {pricing: True, fraud: False}
