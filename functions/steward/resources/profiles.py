"""User profiles of SageMaker Studio in one member account and Region."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steward.resources.studio import PAGE, Listed, OfDomain, StudioResource

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class UserProfile(StudioResource):
    """`single_sign_on_user` is set in domains with IAM Identity Center. `user_settings` are its own, as DescribeUserProfile has them: what they do
    not say, the domain's default user settings do."""

    domain_id: str
    single_sign_on_user: str | None
    user_settings: Mapping[str, Any]
    last_modified: datetime

    @property
    def execution_role(self) -> str | None:
        """The ARN of its own execution role; None where it has the domain's default."""
        role: str | None = self.user_settings.get("ExecutionRole")
        return role


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
        failure_reason=answer.get("FailureReason"),
        domain_id=answer["DomainId"],
        single_sign_on_user=answer.get("SingleSignOnUserValue"),
        user_settings=answer.get("UserSettings", {}),
        last_modified=answer["LastModifiedTime"],
    )


def list_user_profiles(sagemaker: "SageMakerClient", domain_id: str | None = None) -> tuple[Listed, ...]:
    """The user profiles of one domain, or of all domains of this account and Region, whatever their status."""
    of_domain: OfDomain = {"DomainIdEquals": domain_id} if domain_id else {}
    pages = sagemaker.get_paginator("list_user_profiles").paginate(PaginationConfig={"PageSize": PAGE}, **of_domain)
    return tuple(
        Listed(domain_id=one["DomainId"], name=one["UserProfileName"], status=one["Status"], last_modified=one["LastModifiedTime"])
        for page in pages
        for one in page["UserProfiles"]
    )


def update_user_profile(sagemaker: "SageMakerClient", domain_id: str, name: str, user_settings: Mapping[str, Any]) -> bool:
    """Asks for a change, with each structure of its settings whole. False where it is in use: another change is under way."""
    try:
        sagemaker.update_user_profile(DomainId=domain_id, UserProfileName=name, UserSettings=user_settings)  # type: ignore[arg-type]  # as it was read
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        return False
    return True
