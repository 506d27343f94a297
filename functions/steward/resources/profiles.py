"""User profiles of SageMaker Studio in one member account and Region."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.resources.studio import StudioResource

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class UserProfile(StudioResource):
    """`single_sign_on_user` is set in domains with IAM Identity Center."""

    single_sign_on_user: str | None


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
        single_sign_on_user=answer.get("SingleSignOnUserValue"),
    )
