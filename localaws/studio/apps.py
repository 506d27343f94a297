"""Apps: what runs, and costs. Each belongs to a user profile or to a space. A deleted one is still listed, as Deleted, for 24 hours.

Nothing runs in them: no script of a lifecycle configuration, no notebook, no idle shutdown. What an app was started with, it says (`launches`).
"""

from datetime import timedelta
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Principal, operation
from localaws.studio import core, launches
from localaws.studio.core import Item, Name, Resource
from localaws.studio.domains import domain_name
from localaws.studio.lifecycle_configs import check_named
from localaws.studio.spaces import space_name
from localaws.studio.tags import check_number, requested_tags
from localaws.studio.user_profiles import profile_name

LISTED_AFTER_DELETION = 24 * 3600
HEALTH_CHECK_EVERY = 300
_LISTED = ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName", "Status", "CreationTime", "ResourceSpec")


def _owner(call: Call) -> Name:
    if ("UserProfileName" in call.params) == ("SpaceName" in call.params):
        raise core.invalid("Exactly one of UserProfileName and SpaceName must be specified.")
    domain_id = call.params["DomainId"]
    if "SpaceName" in call.params:
        return space_name(domain_id, call.params["SpaceName"])
    return profile_name(domain_id, call.params["UserProfileName"])


def _named(cloud: Cloud, call: Call, owner: Name) -> Name:
    return app_name(cloud, owner, call.params["AppType"], call.params["AppName"])


def app_name(cloud: Cloud, owner: Name, app_type: str, name: str) -> Name:
    written = app_type.lower() if core.behaviour(cloud).app_type_in_arn == "lower" else app_type
    domain_id, owner_name = owner.key
    return Name("App", (domain_id, owner.kind, owner_name, app_type, name.lower()), f"app/{domain_id}/{owner_name}/{written}/{name.lower()}")


@operation("sagemaker", "CreateApp")
def create_app(cloud: Cloud, call: Call) -> dict[str, Any]:
    owner_name = _owner(call)
    launches.check_type_starts(cloud, call)
    domain = core.get_in_service(cloud, call, domain_name(call.params["DomainId"]))
    owner = core.get_in_service(cloud, call, owner_name)
    launches.check_type(call, owner)
    check_named(cloud, call)
    name = _named(cloud, call, owner_name)
    attributes = {
        "AppArn": call.arn(name.path),
        **core.given(call, "DomainId", "UserProfileName", "SpaceName", "AppType", "AppName", "RecoveryMode"),
        **launches.launched_with(cloud, call, domain, owner),
    }
    tags = launches.inherited_tags(cloud, domain, owner) | requested_tags(cloud, call)
    check_number(cloud, tags)
    former = core.find(cloud, call, name)
    if former and former.status in core.ENDED:
        core.forget(cloud, former)
        if core.behaviour(cloud).restart_keeps_creation_time:
            attributes["CreationTime"] = former.attributes["CreationTime"]
    app = core.create(cloud, call, name, attributes, tags)
    return {"AppArn": app.arn}


@operation("sagemaker", "DescribeApp")
def describe_app(cloud: Cloud, call: Call) -> dict[str, Any]:
    app = core.get(cloud, call, _named(cloud, call, _owner(call)))
    return core.described(app, "LastModifiedTime") | _health(cloud, app)


def _health(cloud: Cloud, app: Resource) -> Item:
    """Health checks count as activity: whoever looks at any time but just after somebody did something sees the same time twice."""
    if app.status != "InService":
        return {}
    since, now = app.attributes["LastModifiedTime"], cloud.clock.datetime()
    checked = since + (now - since) // timedelta(seconds=HEALTH_CHECK_EVERY) * timedelta(seconds=HEALTH_CHECK_EVERY)
    active = max(app.used or since, checked if core.behaviour(cloud).health_checks_count_as_activity else since)
    return {"LastHealthCheckTimestamp": checked, "LastUserActivityTimestamp": active}


def use(cloud: Cloud, account: str, region: str, **app: str) -> None:
    """Somebody does something in an app that is InService, now. `app` are the members by which DescribeApp is asked. ValueError if it is not."""
    call = Call("sagemaker", "DescribeApp", account, region, Principal(account, f"arn:aws:iam::{account}:root"), dict(app))
    found = core.find(cloud, call, _named(cloud, call, _owner(call)))
    if found is None or found.status != "InService":
        raise ValueError(f"nobody can use {app}: it does not run")
    found.used = cloud.clock.datetime()


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
    """Stop it: Deleting for some minutes, then Deleted, whoever's it is and whatever its type."""
    app = core.get(cloud, call, _named(cloud, call, _owner(call)))
    _check_deletable(cloud, app)

    def ended() -> None:
        core.set_status(cloud, app, "Deleted")
        core.by_arn(cloud, app.account, app.region).pop(app.arn, None)
        # Nobody waits for it: by an entry of the queue, whoever lets things settle would let a day pass.
        cloud.clock.calendar(cloud.clock.now + LISTED_AFTER_DELETION, lambda: core.forget(cloud, app))

    core.begin(cloud, app, "deletion", ended)


def _check_deletable(cloud: Cloud, app: Resource) -> None:
    """Terraform's provider knows AWS's two messages for apps that have ended already, and takes both as done. Its other answers are not observed."""
    settings = core.behaviour(cloud)
    if app.status == "Deleted":
        if settings.deleting_what_is_gone == "ResourceNotFound":
            raise AwsError("ResourceNotFound", f"App [{app.arn}] does not exist.")
        raise core.invalid(f"App [{app.arn}] has already been deleted.")
    if app.status == "Failed" and settings.deleting_what_failed != "allowed":
        raise core.invalid(f"App [{app.arn}] previously failed and was automatically deleted.")
    if app.status in ("Pending", "Deleting"):
        raise AwsError(settings.deleting_while_changing, f"App [{app.arn}] cannot be deleted: its status is {app.status}.")
