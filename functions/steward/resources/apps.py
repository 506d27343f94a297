"""Apps of SageMaker Studio in one member account and Region: what runs, and costs."""

from typing import TYPE_CHECKING, TypedDict, Unpack

from steward.resources.studio import PAGE

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Owner(TypedDict, total=False):
    """One of these, as ListApps has them: an app belongs to a profile or to a space."""

    UserProfileNameEquals: str
    SpaceNameEquals: str


def running_apps(sagemaker: "SageMakerClient", domain_id: str, **owner: Unpack[Owner]) -> tuple[str, ...]:
    """The apps in service of one user profile, or of one space, each as ``<type>/<name>``."""
    pages = sagemaker.get_paginator("list_apps").paginate(DomainIdEquals=domain_id, PaginationConfig={"PageSize": PAGE}, **owner)
    return tuple(f"{app['AppType']}/{app['AppName']}" for page in pages for app in page["Apps"] if app["Status"] == "InService")
