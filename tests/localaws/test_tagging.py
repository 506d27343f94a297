"""The Resource Groups Tagging API: tags of many Studio resources at once."""

from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import OPERATIONS, AwsError, Call, Cloud, Principal, Refused
from localaws.validation import check_answer, check_input
from tests.localaws.studio_machinery import FRAUD_DEV, asking, make_domain, make_profile, studio


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with studio() as made:
        yield made


def look(cloud: Cloud, region: str = "eu-west-1", **params: Any) -> dict[str, dict[str, str]]:
    call = Call("resourcegroupstaggingapi", "GetResources", FRAUD_DEV, region, Principal(FRAUD_DEV, f"arn:aws:iam::{FRAUD_DEV}:root"), params)
    check_input(call)
    answer = OPERATIONS["resourcegroupstaggingapi", "GetResources"](cloud, call) or {}
    check_answer(call, answer)
    return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in answer["ResourceTagMappingList"]}


def test_the_tags_of_many_resources_are_told_and_what_has_none_is_not_in_the_answer(cloud: Cloud) -> None:
    ask = asking(cloud)
    domain = make_domain(ask, cloud)
    tagged = make_profile(ask, cloud, domain, "mina", Tags=[{"Key": "team", "Value": "blue"}])
    bare = make_profile(ask, cloud, domain, "bob")
    nobody = tagged.replace("mina", "nobody")
    assert look(cloud, ResourceARNList=[tagged, bare, nobody, tagged]) == {tagged: {"team": "blue"}}
    assert look(cloud, region="us-east-1", ResourceARNList=[tagged]) == {}
    ask("DeleteTags", ResourceArn=tagged, TagKeys=["team"])
    assert look(cloud, ResourceARNList=[tagged]) == {}


def test_what_is_not_built_is_refused_and_what_aws_refuses_is_an_error(cloud: Cloud) -> None:
    arn = f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:user-profile/d-1/mina"
    with pytest.raises(Refused, match="ResourceTypeFilters"):
        look(cloud, ResourceARNList=[arn], ResourceTypeFilters=["sagemaker:user-profile"])
    with pytest.raises(Refused, match="nothing at all"):
        look(cloud)
    with pytest.raises(Refused, match="arn:aws:s3"):
        look(cloud, ResourceARNList=["arn:aws:s3:::bucket"])
    with pytest.raises(AwsError):
        look(cloud, ResourceARNList=[arn] * 101)
