"""Spaces of Studio domains: private ones have one owner, shared ones have an owner and other users."""

from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.studio import core, settings
from localaws.studio.core import Item, Name
from localaws.studio.domains import domain_name
from localaws.studio.lifecycle_configs import check_named
from localaws.studio.tags import requested_tags
from localaws.studio.user_profiles import next_efs_uid, profile_name

_LISTED = (
    "DomainId",
    "SpaceName",
    "SpaceDisplayName",
    "Status",
    "CreationTime",
    "LastModifiedTime",
    "SpaceSettingsSummary",
    "SpaceSharingSettingsSummary",
    "OwnershipSettingsSummary",
)
_SUMMARIES = _LISTED[-3:]


def space_name(domain_id: str, name: str) -> Name:
    return Name("Space", (domain_id, name.lower()), f"space/{domain_id}/{name.lower()}")


def _named(call: Call) -> Name:
    return space_name(call.params["DomainId"], call.params["SpaceName"])


@operation("sagemaker", "CreateSpace")
def create_space(cloud: Cloud, call: Call) -> dict[str, Any]:
    _refuse_managed(call)
    domain = core.get_in_service(cloud, call, domain_name(call.params["DomainId"]))
    _check_owner(cloud, call)
    check_named(cloud, call)
    _check_idle(cloud, call, domain, call.params)
    name = _named(call)
    attributes = {
        "SpaceArn": call.arn(name.path),
        "HomeEfsFileSystemUid": next_efs_uid(cloud, domain),
        "Url": f"https://{cloud.identifier(8)}.studio.{call.region}.sagemaker.aws",
        **core.given(call, "DomainId", "SpaceName", "SpaceSettings", "OwnershipSettings", "SpaceSharingSettings", "SpaceDisplayName"),
        **_summaries(call.params),
    }
    core.create(cloud, call, name, attributes, requested_tags(cloud, call))
    return {"SpaceArn": attributes["SpaceArn"]}


def _check_owner(cloud: Cloud, call: Call) -> None:
    """A space is said to be private or shared together with whose it is; neither said, it is the shared space of Studio Classic."""
    if ("OwnershipSettings" in call.params) != ("SpaceSharingSettings" in call.params):
        raise core.invalid("OwnershipSettings and SpaceSharingSettings must be specified together.")
    if "OwnershipSettings" in call.params:
        core.get_in_service(cloud, call, profile_name(call.params["DomainId"], call.params["OwnershipSettings"]["OwnerUserProfileName"]))


def _refuse_managed(call: Call) -> None:
    if call.params.get("SpaceSettings", {}).get("SpaceManagedResources") == "ENABLED":
        raise Refused(f"{call.action} with SpaceManagedResources ENABLED: the profile and app that AWS would make are not made, see spaces.py")


def _check_idle(cloud: Cloud, call: Call, domain: core.Resource, space: Item) -> None:
    """A private space has its owner's settings over the domain's for users; any other has the domain's for spaces."""
    defaults = [domain.attributes.get("DefaultSpaceSettings", {})]
    if space.get("SpaceSharingSettings", {}).get("SharingType") == "Private":
        owner = core.find(cloud, call, profile_name(call.params["DomainId"], space["OwnershipSettings"]["OwnerUserProfileName"]))
        defaults = [owner.attributes.get("UserSettings", {}) if owner else {}, domain.attributes["DefaultUserSettings"]]
    settings.check_idle_of_space(space.get("SpaceSettings", {}), defaults)


def _summaries(space: Item) -> Item:
    given = space.get("SpaceSettings", {})
    summary = {name: given[name] for name in ("AppType", "RemoteAccess", "SpaceStorageSettings") if name in given}
    found = {"SpaceSettingsSummary": summary} if summary else {}
    if "OwnershipSettings" in space:
        found |= {"OwnershipSettingsSummary": space["OwnershipSettings"], "SpaceSharingSettingsSummary": space["SpaceSharingSettings"]}
    return found


@operation("sagemaker", "UpdateSpace")
def update_space(cloud: Cloud, call: Call) -> dict[str, Any]:
    """AppType is refused even where it is the same: seen in boto/boto3 issue 4375 and hashicorp/terraform-provider-aws issue 38370."""
    _refuse_managed(call)
    space = settings.updatable(cloud, call, _named(call))
    check_named(cloud, call)
    if "AppType" in call.params.get("SpaceSettings", {}):
        raise core.invalid("Updating AppType for Space is not supported.")
    if core.behaviour(cloud).space_update_with_apps != "allowed" and core.apps_of(cloud, call, space):
        raise AwsError("ResourceInUse", f"Unable to update Space [{space.arn}] because App(s) are associated with it.")
    changes = core.given(call, "SpaceDisplayName")
    if "SpaceSettings" in call.params:
        changes["SpaceSettings"] = settings.updated(cloud, space.attributes.get("SpaceSettings"), call.params["SpaceSettings"])
        _check_idle(cloud, call, core.get(cloud, call, domain_name(call.params["DomainId"])), space.attributes | changes)
        changes |= _summaries(space.attributes | changes)
    settings.update(cloud, space, changes)
    return {"SpaceArn": space.arn}


@operation("sagemaker", "DescribeSpace")
def describe_space(cloud: Cloud, call: Call) -> dict[str, Any]:
    return core.described(core.get(cloud, call, _named(call)), *_SUMMARIES)


@operation("sagemaker", "ListSpaces")
def list_spaces(cloud: Cloud, call: Call) -> dict[str, Any]:
    wanted = call.params

    def keep(space: core.Resource) -> bool:
        named = wanted.get("SpaceNameContains", "").lower() in space.attributes["SpaceName"].lower()
        return named and wanted.get("DomainIdEquals", space.attributes["DomainId"]) == space.attributes["DomainId"]

    items, token = core.listed(cloud, call, "Space", keep, _LISTED)
    return {"Spaces": items, **token}


@operation("sagemaker", "DeleteSpace")
def delete_space(cloud: Cloud, call: Call) -> None:
    space = core.get(cloud, call, _named(call))
    core.require_no_dependents(space, {"App": core.apps_of(cloud, call, space)})
    core.delete(cloud, space)
