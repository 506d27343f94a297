"""Tags of Studio's resources, by their ARN."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from mypy_boto3_sagemaker import SageMakerClient

MOST_ARNS_OF_A_CALL = 100
NOT_THERE = {"ResourceNotFound", "ValidationException"}
"""What AddTags and ListTags may answer of what is gone, or has another ARN."""


def read_tags(sagemaker: "SageMakerClient", arn: str) -> dict[str, str]:
    """All tags of a Studio resource."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def read_tags_of(tagging: "ResourceGroupsTaggingAPIClient", arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of many resources of one account and Region, a hundred a call, for comparing; what differs is to be confirmed by `read_tags`.

    An ARN that the Resource Groups Tagging API does not know, because the resource is new or never had a tag, has no entry: that is silence, not
    "no tags" (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html; by ARNs it gives no pages).
    """
    batches = (arns[first : first + MOST_ARNS_OF_A_CALL] for first in range(0, len(arns), MOST_ARNS_OF_A_CALL))
    known = (one for batch in batches for one in tagging.get_resources(ResourceARNList=list(batch))["ResourceTagMappingList"])
    return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in known}


def read_tags_of_types(tagging: "ResourceGroupsTaggingAPIClient", *types: str) -> dict[str, dict[str, str]]:
    """The tags of all resources of these types, like ``sagemaker:app``, of one account and Region, by their ARNs, a hundred a call.

    What is not in it never had a tag, or is not known to the Resource Groups Tagging API: that is silence, not "no tags".
    """
    pages = tagging.get_paginator("get_resources").paginate(ResourceTypeFilters=list(types), PaginationConfig={"PageSize": MOST_ARNS_OF_A_CALL})
    known = (one for page in pages for one in page["ResourceTagMappingList"])
    return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in known}


def path_of(arn: str) -> str:
    """What an ARN of Studio says after the account, in lower case, like ``space/d-1/lab``: all that tells two things of one account and Region apart,
    since SageMaker takes names in any case, and writes an app's type in one case here and in the other there."""
    return arn.split(":", 5)[5].lower()


def add_tags(sagemaker: "SageMakerClient", arn: str, tags: Mapping[str, str]) -> None:
    """Adds tags, or overwrites their values, in one call; tags under other keys stay."""
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
