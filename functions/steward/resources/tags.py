"""Tags of Studio's resources, by their ARN."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


def read_tags(sagemaker: "SageMakerClient", arn: str) -> dict[str, str]:
    """All tags of a Studio resource."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def add_tags(sagemaker: "SageMakerClient", arn: str, tags: Mapping[str, str]) -> None:
    """Adds tags, or overwrites their values, in one call; tags under other keys stay."""
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
