"""tag:GetResources in localaws: tags of Studio's resources in bulk, and what the Tagging API may not know of them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from localaws.tagging import TYPES, behaviour
from tests.localaws.conftest import tagged
from tests.localaws.iam_machinery import HERE, MEMBER, Iam, allow, answer

ARN = f"arn:aws:sagemaker:{HERE}:{MEMBER}"


class Studio:
    """A domain of fraud-dev, and what is made in it."""

    def __init__(self, local: LocalOrganization):
        self.local, self.sagemaker, self.tagging = (
            local,
            local.client("sagemaker", "fraud-dev"),
            local.client("resourcegroupstaggingapi", "fraud-dev"),
        )
        settings = {"ExecutionRole": f"arn:aws:iam::{MEMBER}:role/Studio"}
        network = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}
        made = self.sagemaker.create_domain(
            DomainName="studio", AuthMode="IAM", DefaultUserSettings=settings, **network, Tags=tagged(("team", "fraud"))
        )
        self.domain_id, self.domain = made["DomainId"], made["DomainArn"]
        local.advance(120)

    def profile(self, name: str, **tags: str) -> str:
        made = self.sagemaker.create_user_profile(DomainId=self.domain_id, UserProfileName=name, Tags=tagged(*tags.items()))
        return str(made["UserProfileArn"])

    def answered(self, **asked: Any) -> dict[str, dict[str, str]]:
        """Tags by ARN, all pages."""
        pages = self.tagging.get_paginator("get_resources").paginate(**asked)
        mapped = [each for page in pages for each in page["ResourceTagMappingList"]]
        return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in mapped}

    def by_arn(self, *arns: str) -> dict[str, dict[str, str]]:
        mapped = self.tagging.get_resources(ResourceARNList=list(arns))["ResourceTagMappingList"]
        return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in mapped}


@pytest.fixture
def studio(local: LocalOrganization) -> Studio:
    return Studio(local)


def test_resources_that_have_or_had_tags_are_answered_by_arn(studio: Studio) -> None:
    alice, bob, carol = studio.profile("alice", team="fraud"), studio.profile("bob"), studio.profile("carol", team="fraud", stage="dev")
    studio.sagemaker.delete_tags(ResourceArn=alice, TagKeys=["team"])
    asked = (studio.domain, alice, bob, carol, f"{ARN}:space/{studio.domain_id}/nowhere", alice)
    assert studio.by_arn(*asked) == {studio.domain: {"team": "fraud"}, alice: {}, carol: {"team": "fraud", "stage": "dev"}}
    studio.sagemaker.add_tags(ResourceArn=bob, Tags=tagged(("team", "churn")))
    assert studio.by_arn(bob) == {bob: {"team": "churn"}}
    assert studio.local.client("resourcegroupstaggingapi", "hub").get_resources(ResourceARNList=[bob])["ResourceTagMappingList"] == []


def test_resources_are_filtered_by_type_and_tag(studio: Studio) -> None:
    alice, bob = studio.profile("alice", team="fraud", stage="dev"), studio.profile("bob", team="churn", stage="dev")
    studio.local.advance(15)
    space = studio.sagemaker.create_space(DomainId=studio.domain_id, SpaceName="lab", Tags=tagged(("team", "fraud")))["SpaceArn"]
    studio.sagemaker.create_app(DomainId=studio.domain_id, UserProfileName="alice", AppType="Canvas", AppName="default")
    app = f"{ARN}:app/{studio.domain_id}/alice/canvas/default"

    def found(*types: str, **filters: list[str]) -> set[str]:
        tags = [{"Key": key, "Values": values} for key, values in filters.items()]
        return set(studio.answered(ResourceTypeFilters=list(types), TagFilters=tags))

    assert found("sagemaker") == found(*TYPES) == {studio.domain, alice, bob, space, app}
    assert found("sagemaker:user-profile", "sagemaker:space") == {alice, bob, space}
    assert found("sagemaker", team=["churn", "other"]) == {bob}
    assert found("sagemaker", stage=[]) == {alice, bob, app}
    assert found("sagemaker:user-profile", stage=["dev"], team=["fraud"]) == {alice}


def test_resources_come_in_pages(studio: Studio) -> None:
    profiles = [studio.profile(f"user-{number}", team="fraud") for number in range(120)]
    asked = {"ResourceTypeFilters": ["sagemaker:user-profile"]}
    first = studio.tagging.get_resources(**asked, ResourcesPerPage=100)
    assert [each["ResourceARN"] for each in first["ResourceTagMappingList"]] == profiles[:100]
    second = studio.tagging.get_resources(**asked, ResourcesPerPage=100, PaginationToken=first["PaginationToken"])
    assert ([each["ResourceARN"] for each in second["ResourceTagMappingList"]], second["PaginationToken"]) == (profiles[100:], "")
    assert list(studio.answered(**asked)) == profiles


@pytest.mark.parametrize(
    "asked",
    [
        {"ResourceARNList": [f"{ARN}:domain/d-1"], "ResourceTypeFilters": ["sagemaker:domain"]},
        {"ResourceARNList": [f"{ARN}:domain/d-1"], "TagFilters": [{"Key": "team"}]},
        {"ResourceARNList": [f"{ARN}:domain/d-1"], "ResourcesPerPage": 10},
        {"ResourceARNList": [f"{ARN}:domain/d-1"] * 101},
        {"ResourceARNList": ["studio/no/arn"]},
        {"ResourceTypeFilters": ["sagemaker"], "ResourcesPerPage": 101},
        {"ResourceTypeFilters": ["sagemaker"], "PaginationToken": "nobody"},
    ],
)
def test_what_does_not_go_together_is_an_invalid_parameter(studio: Studio, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        studio.tagging.get_resources(**asked)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "every type"),
        ({"ResourceTypeFilters": ["sagemaker:domain", "s3"]}, "s3"),
        ({"ResourceTypeFilters": ["sagemaker:endpoint"]}, "sagemaker:endpoint"),
        ({"ResourceARNList": [f"arn:aws:sqs:{HERE}:{MEMBER}:work"]}, "arn:aws:sqs"),
        ({"ResourceTypeFilters": ["sagemaker"], "IncludeComplianceDetails": True}, "IncludeComplianceDetails"),
    ],
)
def test_what_localaws_has_no_tags_of_is_refused_by_name(studio: Studio, asked: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named):
        studio.tagging.get_resources(**asked)


def test_some_types_or_all_of_studio_may_be_unknown(studio: Studio) -> None:
    alice = studio.profile("alice", team="fraud")
    behaviour(studio.local.cloud).unknown_types = frozenset({"sagemaker:user-profile"})
    assert studio.by_arn(studio.domain, alice) == studio.answered(ResourceTypeFilters=["sagemaker"]) == {studio.domain: {"team": "fraud"}}
    behaviour(studio.local.cloud).unknown_types = frozenset(TYPES)
    assert studio.by_arn(studio.domain, alice) == studio.answered(ResourceTypeFilters=["sagemaker"]) == {}


def test_what_is_answered_may_be_some_seconds_behind(studio: Studio) -> None:
    behaviour(studio.local.cloud).lag = 60
    alice = studio.profile("alice", team="fraud")
    assert studio.by_arn(alice) == {}
    studio.local.advance(61)
    studio.sagemaker.add_tags(ResourceArn=alice, Tags=tagged(("team", "churn")))
    assert studio.by_arn(alice) == {alice: {"team": "fraud"}}
    assert studio.answered(ResourceTypeFilters=["sagemaker"], TagFilters=[{"Key": "team", "Values": ["churn"]}]) == {}
    studio.local.advance(61)
    assert studio.by_arn(alice) == {alice: {"team": "churn"}}


def test_tags_that_were_so_for_days_are_known_while_the_answer_is_behind(studio: Studio) -> None:
    behaviour(studio.local.cloud).lag = 60
    alice = studio.profile("alice", team="fraud")
    studio.local.advance(30 * 3600)
    for team in ("churn", "credit", "claims"):
        studio.sagemaker.add_tags(ResourceArn=alice, Tags=tagged(("team", team)))
        assert studio.by_arn(alice) == {alice: {"team": "fraud"}}
    studio.local.advance(61)
    assert studio.by_arn(alice) == {alice: {"team": "claims"}}


def test_resources_are_asked_for_with_the_permission_of_the_tagging_api(studio: Studio) -> None:
    iam = Iam(studio.local)
    may, may_not = (iam.role(allow(action), name=action.partition(":")[2]) for action in ("tag:GetResources", "tag:GetTagKeys"))
    asked = {"ResourceARNList": [studio.domain]}
    assert answer(iam.client("resourcegroupstaggingapi", may).get_resources, **asked) == "done"
    assert answer(iam.client("resourcegroupstaggingapi", may_not).get_resources, **asked) == "AccessDeniedException"
