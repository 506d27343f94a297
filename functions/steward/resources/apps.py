"""Apps of SageMaker Studio in one member account and Region: what runs, and costs."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from botocore.exceptions import ClientError

from steward.resources.studio import PAGE

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

ENDED_ALREADY = ("has already been deleted", "previously failed and was automatically deleted")
"""What DeleteApp says, as a ValidationException, of an app that is still listed and has ended: no error is modelled for it
(https://github.com/hashicorp/terraform-provider-aws, internal/service/sagemaker/app.go, takes both as done)."""


class Owner(TypedDict, total=False):
    """One of these, as ListApps has them: an app belongs to a profile or to a space."""

    UserProfileNameEquals: str
    SpaceNameEquals: str


@dataclass(frozen=True, kw_only=True)
class App:
    """An app as ListApps has it: without its ARN, its tags and its activity. It belongs to a user profile, or to a space; the other name is None.

    `image_arn` and `image_version` (an alias like ``3.2.1``) are what it was started with, where that was said. `training_plan_arn`: its instance is
    of capacity that is paid for, used or not.
    """

    domain_id: str
    user_profile_name: str | None
    space_name: str | None
    app_type: str
    app_name: str
    status: str
    created: datetime
    instance_type: str | None = None
    image_arn: str | None = None
    image_version: str | None = None
    training_plan_arn: str | None = None

    @property
    def name(self) -> dict[str, Any]:
        """What DescribeApp and DeleteApp are asked with."""
        return app_name(self.domain_id, self.user_profile_name, self.space_name, self.app_type, self.app_name)

    @property
    def path(self) -> str:
        """What its ARN says after the account, all in lower case: published ARNs have the type either way, so nothing else is compared
        (`steward.resources.tags.path_of`)."""
        return f"app/{self.domain_id}/{self.user_profile_name or self.space_name}/{self.app_type}/{self.app_name}".lower()


@dataclass(frozen=True, kw_only=True)
class DescribedApp:
    """What only DescribeApp says. `last_user_activity` moves with health checks too, and is then the same as `last_health_check`; both are None
    before the first."""

    arn: str
    status: str
    created: datetime
    last_user_activity: datetime | None
    last_health_check: datetime | None


class Deletion(Enum):
    """What DeleteApp came to, where it is no error."""

    BEGUN = "Deleting from now on, for up to twenty minutes"
    GONE = "it was gone already"
    IN_USE = "SageMaker is at another change of it"


def app_name(domain_id: str, user_profile_name: str | None, space_name: str | None, app_type: str, name: str) -> dict[str, Any]:
    """With the profile or the space, whichever it has: SageMaker refuses both and neither."""
    owner = {"SpaceName": space_name} if space_name else {"UserProfileName": user_profile_name}
    return {"DomainId": domain_id, **owner, "AppType": app_type, "AppName": name}


def list_apps(sagemaker: "SageMakerClient") -> tuple[App, ...]:
    """All apps of this account and Region, whatever their status, a hundred a call. One that ended is listed as Deleted for another day."""
    pages = sagemaker.get_paginator("list_apps").paginate(PaginationConfig={"PageSize": PAGE})
    return tuple(_listed(app) for page in pages for app in page["Apps"])


def running_apps(sagemaker: "SageMakerClient", domain_id: str, **owner: Unpack[Owner]) -> tuple[str, ...]:
    """The apps in service of one user profile, or of one space, each as ``<type>/<name>``."""
    pages = sagemaker.get_paginator("list_apps").paginate(DomainIdEquals=domain_id, PaginationConfig={"PageSize": PAGE}, **owner)
    return tuple(f"{app['AppType']}/{app['AppName']}" for page in pages for app in page["Apps"] if app["Status"] == "InService")


def describe_app(sagemaker: "SageMakerClient", name: dict[str, Any]) -> DescribedApp | None:
    """The app of this `app_name`, or None where it, or whatever it belongs to, is gone."""
    try:
        answer = sagemaker.describe_app(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    return DescribedApp(
        arn=answer["AppArn"],
        status=answer["Status"],
        created=answer["CreationTime"],
        last_user_activity=answer.get("LastUserActivityTimestamp"),
        last_health_check=answer.get("LastHealthCheckTimestamp"),
    )


def delete_app(sagemaker: "SageMakerClient", name: dict[str, Any]) -> Deletion:
    """Stop the app of this `app_name`. Files on the volume of its space, or in the user's home, stay; what is in memory is lost
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteApp.html)."""
    try:
        sagemaker.delete_app(**name)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code == "ResourceNotFound" or (code == "ValidationException" and any(words in message for words in ENDED_ALREADY)):
            return Deletion.GONE
        if code != "ResourceInUse":
            raise
        return Deletion.IN_USE
    return Deletion.BEGUN


def _listed(app: Any) -> App:
    spec = app.get("ResourceSpec", {})
    return App(
        domain_id=app["DomainId"],
        user_profile_name=app.get("UserProfileName"),
        space_name=app.get("SpaceName"),
        app_type=app["AppType"],
        app_name=app["AppName"],
        status=app["Status"],
        created=app["CreationTime"],
        instance_type=spec.get("InstanceType"),
        image_arn=spec.get("SageMakerImageArn"),
        image_version=spec.get("SageMakerImageVersionAlias"),
        training_plan_arn=spec.get("TrainingPlanArn"),
    )
