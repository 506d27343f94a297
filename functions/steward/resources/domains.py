"""Domains of SageMaker Studio in one member account and Region."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steward.resources.studio import PAGE, STAGES, Stage, StudioResource

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class Domain(StudioResource):
    """`propagates_tags`: what people make in it carries the tags of domain, profile and space. `is_of_unified_studio`: SageMaker Unified Studio
    made it for one of its projects, and looks after it. `default_user_settings` and `default_space_settings` are as DescribeDomain has them; the
    second is None in a domain without shared spaces."""

    domain_id: str
    last_modified: datetime
    propagates_tags: bool
    is_of_unified_studio: bool
    default_user_settings: Mapping[str, Any]
    default_space_settings: Mapping[str, Any] | None

    @property
    def execution_roles(self) -> frozenset[str]:
        """The ARNs of the roles that profiles and shared spaces have which bring none of their own."""
        defaults = (self.default_user_settings, self.default_space_settings or {})
        return frozenset(settings["ExecutionRole"] for settings in defaults if settings.get("ExecutionRole"))


def describe_domain(sagemaker: "SageMakerClient", domain_id: str) -> Domain | None:
    """The domain, or None where it is gone.

    UnifiedStudioSettings alone says nothing: without a DomainId there the two are not connected
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UnifiedStudioSettings.html).
    """
    try:
        answer = sagemaker.describe_domain(DomainId=domain_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    unified_studio = answer.get("DomainSettings", {}).get("UnifiedStudioSettings", {})
    return Domain(
        arn=answer["DomainArn"],
        name=answer["DomainName"],
        status=answer["Status"],
        failure_reason=answer.get("FailureReason"),
        domain_id=answer["DomainId"],
        last_modified=answer["LastModifiedTime"],
        propagates_tags=answer.get("TagPropagation") == "ENABLED",
        is_of_unified_studio="DomainId" in unified_studio,
        default_user_settings=answer.get("DefaultUserSettings", {}),
        default_space_settings=answer.get("DefaultSpaceSettings"),
    )


def list_domain_ids(sagemaker: "SageMakerClient") -> tuple[str, ...]:
    """The ids of all domains of this account and Region that are not being deleted."""
    pages = sagemaker.get_paginator("list_domains").paginate(PaginationConfig={"PageSize": PAGE})
    return tuple(domain["DomainId"] for page in pages for domain in page["Domains"] if STAGES.get(domain["Status"]) is not Stage.LEAVING)


def update_domain(sagemaker: "SageMakerClient", domain_id: str, **changed: Any) -> bool:
    """Asks for a change. False where it cannot be asked for yet: SageMaker is at another change of the domain (ResourceInUse).

    Lists in settings are replaced, and whether settings that are left out are kept is not documented: send each structure whole.
    """
    try:
        sagemaker.update_domain(DomainId=domain_id, **changed)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        return False
    return True
