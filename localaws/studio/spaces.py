"""Spaces of Studio domains: private ones have one owner, shared ones have an owner and other users."""

from typing import Any

from localaws.cloud import Call, Cloud, Refused, operation
from localaws.studio import core
from localaws.studio.core import Item, Name
from localaws.studio.domains import domain_name
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
    settings = call.params.get("SpaceSettings", {})
    if settings.get("SpaceManagedResources") == "ENABLED":
        raise Refused("sagemaker:CreateSpace with SpaceManagedResources ENABLED: the profile and app that AWS would make are not made, see spaces.py")
    domain = core.get_in_service(cloud, call, domain_name(call.params["DomainId"]))
    _check_owner(cloud, call)
    name = _named(call)
    attributes = {
        "SpaceArn": call.arn(name.path),
        "HomeEfsFileSystemUid": next_efs_uid(cloud, domain),
        "Url": f"https://{cloud.identifier(8)}.studio.{call.region}.sagemaker.aws",
        **core.given(call, "DomainId", "SpaceName", "SpaceSettings", "OwnershipSettings", "SpaceSharingSettings", "SpaceDisplayName"),
        **_summaries(call),
    }
    core.create(cloud, call, name, attributes, requested_tags(cloud, call))
    return {"SpaceArn": attributes["SpaceArn"]}


def _check_owner(cloud: Cloud, call: Call) -> None:
    """A space is said to be private or shared together with whose it is; neither said, it is the shared space of Studio Classic."""
    if ("OwnershipSettings" in call.params) != ("SpaceSharingSettings" in call.params):
        raise core.invalid("OwnershipSettings and SpaceSharingSettings must be specified together.")
    if "OwnershipSettings" in call.params:
        core.get_in_service(cloud, call, profile_name(call.params["DomainId"], call.params["OwnershipSettings"]["OwnerUserProfileName"]))


def _summaries(call: Call) -> Item:
    settings = call.params.get("SpaceSettings", {})
    summary = {name: settings[name] for name in ("AppType", "RemoteAccess", "SpaceStorageSettings") if name in settings}
    found = {"SpaceSettingsSummary": summary} if summary else {}
    if "OwnershipSettings" in call.params:
        found |= {"OwnershipSettingsSummary": call.params["OwnershipSettings"], "SpaceSharingSettingsSummary": call.params["SpaceSharingSettings"]}
    return found


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
