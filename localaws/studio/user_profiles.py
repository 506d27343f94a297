"""User profiles of Studio domains."""

from typing import Any

from localaws.cloud import Call, Cloud, operation
from localaws.studio import core, settings
from localaws.studio.core import Name
from localaws.studio.domains import domain_name
from localaws.studio.lifecycle_configs import check_named
from localaws.studio.tags import requested_tags

_FIRST_EFS_UID = 200_001
_SINGLE_SIGN_ON = ("SingleSignOnUserIdentifier", "SingleSignOnUserValue")
_LISTED = ("DomainId", "UserProfileName", "Status", "CreationTime", "LastModifiedTime")


def profile_name(domain_id: str, user_profile_name: str) -> Name:
    """AWS calls the name not case sensitive. The console's ``default-20240725T130739`` has an ARN that ends in ``default-20240725t130739``."""
    name = user_profile_name.lower()
    return Name("UserProfile", (domain_id, name), f"user-profile/{domain_id}/{name}")


def _named(call: Call) -> Name:
    return profile_name(call.params["DomainId"], call.params["UserProfileName"])


@operation("sagemaker", "CreateUserProfile")
def create_user_profile(cloud: Cloud, call: Call) -> dict[str, Any]:
    domain = core.get_in_service(cloud, call, domain_name(call.params["DomainId"]))
    _check_single_sign_on(domain.attributes["AuthMode"], call)
    settings.check_idle(call.params.get("UserSettings", {}))
    check_named(cloud, call)
    name = _named(call)
    attributes = {
        "UserProfileArn": call.arn(name.path),
        "HomeEfsFileSystemUid": next_efs_uid(cloud, domain),
        **core.given(call, "DomainId", "UserProfileName", "UserSettings", *_SINGLE_SIGN_ON),
    }
    core.create(cloud, call, name, attributes, requested_tags(cloud, call))
    return {"UserProfileArn": attributes["UserProfileArn"]}


def _check_single_sign_on(auth_mode: str, call: Call) -> None:
    """Both are required where people come from IAM Identity Center, and not allowed elsewhere [botocore, CreateUserProfile]."""
    count = sum(field in call.params for field in _SINGLE_SIGN_ON)
    if auth_mode == "SSO" and count < len(_SINGLE_SIGN_ON):
        raise core.invalid("SingleSignOnUserIdentifier and SingleSignOnUserValue are required in a Domain whose AuthMode is SSO.")
    if auth_mode != "SSO" and count:
        raise core.invalid("SingleSignOnUserIdentifier and SingleSignOnUserValue cannot be specified in a Domain whose AuthMode is IAM.")


def next_efs_uid(cloud: Cloud, domain: core.Resource) -> str:
    uids = cloud.table("sagemaker:EfsUid", "", "")
    uids[domain.arn] = uids.get(domain.arn, _FIRST_EFS_UID - 1) + 1
    return str(uids[domain.arn])


@operation("sagemaker", "DescribeUserProfile")
def describe_user_profile(cloud: Cloud, call: Call) -> dict[str, Any]:
    return core.described(core.get(cloud, call, _named(call)))


@operation("sagemaker", "ListUserProfiles")
def list_user_profiles(cloud: Cloud, call: Call) -> dict[str, Any]:
    wanted = call.params

    def keep(profile: core.Resource) -> bool:
        named = wanted.get("UserProfileNameContains", "").lower() in profile.attributes["UserProfileName"].lower()
        return named and wanted.get("DomainIdEquals", profile.attributes["DomainId"]) == profile.attributes["DomainId"]

    items, token = core.listed(cloud, call, "UserProfile", keep, _LISTED)
    return {"UserProfiles": items, **token}


@operation("sagemaker", "UpdateUserProfile")
def update_user_profile(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Also while the user's apps run: they have the settings from their next start on."""
    profile = settings.updatable(cloud, call, _named(call))
    check_named(cloud, call)
    changes = {}
    if "UserSettings" in call.params:
        changes["UserSettings"] = settings.updated(cloud, profile.attributes.get("UserSettings"), call.params["UserSettings"])
        settings.check_idle(changes["UserSettings"])
    settings.update(cloud, profile, changes)
    return {"UserProfileArn": profile.arn}


@operation("sagemaker", "DeleteUserProfile")
def delete_user_profile(cloud: Cloud, call: Call) -> None:
    profile = core.get(cloud, call, _named(call))
    core.require_no_dependents(profile, {"App": core.apps_of(cloud, call, profile), "Space": _spaces_of(cloud, call, profile)})
    core.delete(cloud, profile)


def _spaces_of(cloud: Cloud, call: Call, profile: core.Resource) -> list[core.Resource]:
    def owner(space: core.Resource) -> Name:
        return profile_name(space.attributes["DomainId"], space.attributes.get("OwnershipSettings", {}).get("OwnerUserProfileName", ""))

    return [space for space in core.every(cloud, call, "Space") if owner(space) == profile.name]
