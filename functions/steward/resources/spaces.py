"""Spaces of SageMaker Studio in one member account and Region."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from pydantic import AwareDatetime

from steward.resources.studio import PAGE, Listed, OfDomain, StudioResource

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class Space(StudioResource):
    """`owner_profile_name` is the one user of a private space. It is None where several people work: a shared space has an owner too, but its
    costs are not that person's. One that says nothing of sharing is of Studio Classic, where all were shared. `space_settings` are its own, as
    DescribeSpace has them."""

    domain_id: str
    owner_profile_name: str | None
    space_settings: Mapping[str, Any]


class OwnedSpace(NamedTuple):
    """Of a space what does not change while it is there: UpdateSpace takes neither. `owner_profile_name` is who made it, also where it is not private
    and several people work in it."""

    domain_id: str
    name: str
    created: AwareDatetime
    owner_profile_name: str | None
    is_private: bool


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
        domain_id=answer["DomainId"],
        owner_profile_name=answer["OwnershipSettings"]["OwnerUserProfileName"] if is_private else None,
        space_settings=answer.get("SpaceSettings", {}),
    )


def list_spaces(sagemaker: "SageMakerClient", domain_id: str | None = None) -> tuple[Listed, ...]:
    """The spaces of one domain, or of all domains of this account and Region, whatever their status."""
    of_domain: OfDomain = {"DomainIdEquals": domain_id} if domain_id else {}
    pages = sagemaker.get_paginator("list_spaces").paginate(PaginationConfig={"PageSize": PAGE}, **of_domain)
    return tuple(
        Listed(domain_id=one["DomainId"], name=one["SpaceName"], status=one["Status"], last_modified=one["LastModifiedTime"])
        for page in pages
        for one in page["Spaces"]
    )


def newest_spaces(sagemaker: "SageMakerClient") -> Iterator[tuple[list[OwnedSpace], bool]]:
    """The spaces of all domains of this account and Region, the newest first: a hundred, a call, each time one is asked for, and whether there are
    more."""
    pages = sagemaker.get_paginator("list_spaces").paginate(SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": PAGE})
    for page in pages:
        yield [_owned(one) for one in page["Spaces"]], bool(page.get("NextToken"))


def _owned(listed: Any) -> OwnedSpace:
    return OwnedSpace(
        domain_id=listed["DomainId"],
        name=listed["SpaceName"],
        created=listed["CreationTime"],
        owner_profile_name=listed.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName"),
        is_private=listed.get("SpaceSharingSettingsSummary", {}).get("SharingType") == "Private",
    )


def update_space(sagemaker: "SageMakerClient", domain_id: str, name: str, space_settings: Mapping[str, Any]) -> bool:
    """Asks for a change, with each structure of its settings whole. False where it is in use: an app runs there, or another change is under way."""
    try:
        sagemaker.update_space(DomainId=domain_id, SpaceName=name, SpaceSettings=space_settings)  # type: ignore[arg-type]  # as it was read
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        return False
    return True
