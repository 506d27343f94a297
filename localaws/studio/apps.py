"""Apps: what runs, and costs. Each belongs to a user profile or to a space. A deleted one is still listed, as Deleted, for 24 hours."""

from datetime import timedelta
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.studio import core
from localaws.studio.core import Item, Name, Resource
from localaws.studio.domains import domain_name
from localaws.studio.spaces import space_name
from localaws.studio.tags import check_number, requested_tags
from localaws.studio.user_profiles import profile_name

LISTED_AFTER_DELETION = 24 * 3600
HEALTH_CHECK_EVERY = 300
_IN_SPACES_ONLY = ("JupyterLab", "CodeEditor")
_RSTUDIO = ("RStudioServerPro", "RSessionGateway")
_LISTED = ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName", "Status", "CreationTime", "ResourceSpec")


def _owner(call: Call) -> Name:
    if ("UserProfileName" in call.params) == ("SpaceName" in call.params):
        raise core.invalid("Exactly one of UserProfileName and SpaceName must be specified.")
    domain_id = call.params["DomainId"]
    if "SpaceName" in call.params:
        return space_name(domain_id, call.params["SpaceName"])
    return profile_name(domain_id, call.params["UserProfileName"])


def _named(cloud: Cloud, call: Call, owner: Name) -> Name:
    app_type, app_name = call.params["AppType"], call.params["AppName"].lower()
    written = app_type.lower() if core.behaviour(cloud).app_type_in_arn == "lower" else app_type
    domain_id, owner_name = owner.key
    return Name("App", (domain_id, owner.kind, owner_name, app_type, app_name), f"app/{domain_id}/{owner_name}/{written}/{app_name}")


@operation("sagemaker", "CreateApp")
def create_app(cloud: Cloud, call: Call) -> dict[str, Any]:
    owner_name = _owner(call)
    if call.params["AppType"] in _RSTUDIO:
        raise Refused(f"sagemaker:CreateApp of type {call.params['AppType']}: localaws has no RStudio, see localaws/studio/apps.py")
    domain = core.get_in_service(cloud, call, domain_name(call.params["DomainId"]))
    owner = core.get_in_service(cloud, call, owner_name)
    _check_type(call, owner)
    name = _named(cloud, call, owner_name)
    tags = domain.tags | owner.tags | requested_tags(cloud, call)
    check_number(cloud, tags)
    former = core.find(cloud, call, name)
    attributes = {
        "AppArn": call.arn(name.path),
        **core.given(call, "DomainId", "UserProfileName", "SpaceName", "AppType", "AppName", "ResourceSpec", "RecoveryMode"),
    }
    if former and former.status in core.ENDED:
        core.forget(cloud, former)
        if core.behaviour(cloud).restart_keeps_creation_time:
            attributes["CreationTime"] = former.attributes["CreationTime"]
    app = core.create(cloud, call, name, attributes, tags)
    return {"AppArn": app.arn}


def _check_type(call: Call, owner: Resource) -> None:
    """Whose app may be of which type. AWS writes it in the guides, no model says it."""
    app_type = call.params["AppType"]
    if app_type in _IN_SPACES_ONLY and owner.kind != "Space":
        raise core.invalid(f"An app of type {app_type} needs a SpaceName.")
    of_space = owner.attributes.get("SpaceSettings", {}).get("AppType", app_type)
    if of_space != app_type:
        raise core.invalid(f"Space [{owner.arn}] is for apps of type {of_space}, not {app_type}.")


@operation("sagemaker", "DescribeApp")
def describe_app(cloud: Cloud, call: Call) -> dict[str, Any]:
    app = core.get(cloud, call, _named(cloud, call, _owner(call)))
    return core.described(app, "LastModifiedTime") | _health(cloud, app)


def _health(cloud: Cloud, app: Resource) -> Item:
    """AWS sets both to the last health check, whatever the user did [botocore, DescribeApp]: nobody can tell idleness from them."""
    if app.status != "InService":
        return {}
    since, now = app.attributes["LastModifiedTime"], cloud.clock.datetime()
    checked = since + (now - since) // timedelta(seconds=HEALTH_CHECK_EVERY) * timedelta(seconds=HEALTH_CHECK_EVERY)
    return {"LastHealthCheckTimestamp": checked, "LastUserActivityTimestamp": checked}


@operation("sagemaker", "ListApps")
def list_apps(cloud: Cloud, call: Call) -> dict[str, Any]:
    wanted = call.params
    if {"UserProfileNameEquals", "SpaceNameEquals"} <= set(wanted):
        raise core.invalid("UserProfileNameEquals and SpaceNameEquals cannot be specified together.")

    def keep(app: Resource) -> bool:
        domain_id, owner_kind, owner_name, *_ = app.name.key
        for member, kind in (("UserProfileNameEquals", "UserProfile"), ("SpaceNameEquals", "Space")):
            if member in wanted and (owner_kind, owner_name) != (kind, wanted[member].lower()):
                return False
        return bool(wanted.get("DomainIdEquals", domain_id) == domain_id)

    items, token = core.listed(cloud, call, "App", keep, _LISTED)
    return {"Apps": items, **token}


@operation("sagemaker", "DeleteApp")
def delete_app(cloud: Cloud, call: Call) -> None:
    """Stop it. Terraform's provider knows AWS's two refusals for apps that have ended already, and takes both as done."""
    app = core.get(cloud, call, _named(cloud, call, _owner(call)))
    if app.status == "Deleted":
        raise AwsError("ValidationException", f"App [{app.arn}] has already been deleted.")
    if app.status == "Failed":
        raise AwsError("ValidationException", f"App [{app.arn}] previously failed and was automatically deleted.")
    core.require_idle(app)

    def ended() -> None:
        core.set_status(cloud, app, "Deleted")
        core.by_arn(cloud, app.account, app.region).pop(app.arn, None)
        cloud.clock.later(LISTED_AFTER_DELETION, lambda: core.forget(cloud, app))

    core.begin(cloud, app, "deletion", ended)
