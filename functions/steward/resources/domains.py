"""Domains of SageMaker Studio in one member account and Region."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True)
class Domain:
    """`propagates_tags`: what people make in it carries the tags of domain, profile and space. `is_of_unified_studio`: SageMaker Unified Studio
    made it for one of its projects, and looks after it."""

    arn: str
    propagates_tags: bool
    is_of_unified_studio: bool


def describe_domain(sagemaker: "SageMakerClient", domain_id: str) -> Domain:
    """The domain; SageMaker's ResourceNotFound where it is gone.

    UnifiedStudioSettings alone says nothing: without a DomainId there the two are not connected
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UnifiedStudioSettings.html).
    """
    answer = sagemaker.describe_domain(DomainId=domain_id)
    unified_studio = answer.get("DomainSettings", {}).get("UnifiedStudioSettings", {})
    return Domain(
        arn=answer["DomainArn"],
        propagates_tags=answer.get("TagPropagation") == "ENABLED",
        is_of_unified_studio="DomainId" in unified_studio,
    )
