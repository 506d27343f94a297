"""Spaces of SageMaker Studio in one member account and Region."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.resources.studio import StudioResource

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class Space(StudioResource):
    """`owner_profile_name` is the one user of a private space. It is None where several people work: a shared space has an owner too, but its
    costs are not that person's. One that says nothing of sharing is of Studio Classic, where all were shared."""

    owner_profile_name: str | None


def describe_space(sagemaker: "SageMakerClient", domain_id: str, name: str) -> Space | None:
    """The space, or None where it, or its domain, is gone."""
    try:
        answer = sagemaker.describe_space(DomainId=domain_id, SpaceName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    is_private = answer.get("SpaceSharingSettings", {}).get("SharingType") == "Private"
    return Space(
        arn=answer["SpaceArn"],
        name=answer["SpaceName"],
        status=answer["Status"],
        failure_reason=answer.get("FailureReason"),
        owner_profile_name=answer["OwnershipSettings"]["OwnerUserProfileName"] if is_private else None,
    )
