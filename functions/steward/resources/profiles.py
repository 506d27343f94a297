"""User profiles of SageMaker Studio in one member account and Region."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Stage(Enum):
    """What SageMaker's seven statuses come to for somebody who wants to work on a profile."""

    COMING = "Pending or Updating: ask again"
    USABLE = "InService, or Update_Failed: it works on with the settings from before"
    LEAVING = "Deleting"
    BROKEN = "Failed or Delete_Failed"


STAGES = {
    "Pending": Stage.COMING,
    "Updating": Stage.COMING,
    "InService": Stage.USABLE,
    "Update_Failed": Stage.USABLE,
    "Deleting": Stage.LEAVING,
}


@dataclass(frozen=True)
class UserProfile:
    """`single_sign_on_user` is set in domains with IAM Identity Center, `failure_reason` where SageMaker gave one."""

    arn: str
    name: str
    status: str
    single_sign_on_user: str | None
    failure_reason: str | None

    @property
    def stage(self) -> Stage:
        return STAGES.get(self.status, Stage.BROKEN)


def describe_user_profile(sagemaker: "SageMakerClient", domain_id: str, name: str) -> UserProfile | None:
    """The profile, or None where it, or its domain, is gone."""
    try:
        answer = sagemaker.describe_user_profile(DomainId=domain_id, UserProfileName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    return UserProfile(
        arn=answer["UserProfileArn"],
        name=answer["UserProfileName"],
        status=answer["Status"],
        single_sign_on_user=answer.get("SingleSignOnUserValue"),
        failure_reason=answer.get("FailureReason"),
    )


def read_tags(sagemaker: "SageMakerClient", arn: str) -> dict[str, str]:
    """All tags of a Studio resource."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def add_tags(sagemaker: "SageMakerClient", arn: str, tags: Mapping[str, str]) -> None:
    """Adds tags, or overwrites their values, in one call; tags under other keys stay. No tags, no call."""
    if tags:
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
