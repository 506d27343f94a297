"""Studio lifecycle configurations: scripts that Studio would run when an app starts. Here they are kept, and never run.

Sources: botocore, and the API Reference of DeleteStudioLifecycleConfig for what keeps one in use. Not observed on AWS: whether what names one that is
not there is refused (`Behaviour.missing_lifecycle_configs`), whether a name's case counts (here it does), what content that is not base64 leads to.
"""

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.paging import page
from localaws.studio import core
from localaws.studio.core import Item, Kind, Name, Resource
from localaws.studio.tags import requested_tags

_CALLED: Final = "StudioLifecycleConfig"
_LISTED = (f"{_CALLED}Arn", f"{_CALLED}Name", "CreationTime", "LastModifiedTime", f"{_CALLED}AppType")
_SORTED_BY_NAME = "Name"
_SETTINGS = "AppSettings"
_USERS: tuple[Kind, ...] = ("Domain", "UserProfile", "App")


def _named(call: Call) -> Name:
    name = call.params[f"{_CALLED}Name"]
    return Name(_CALLED, (name,), f"studio-lifecycle-config/{name}")


@operation("sagemaker", "CreateStudioLifecycleConfig")
def create_studio_lifecycle_config(cloud: Cloud, call: Call) -> dict[str, Any]:
    """There at once. Nothing changes it: another script needs another name."""
    try:
        base64.b64decode(call.params[f"{_CALLED}Content"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise core.invalid(f"{_CALLED}Content must be base64 encoded.") from error
    name, now = _named(call), cloud.clock.datetime()
    given = core.given(call, f"{_CALLED}Name", f"{_CALLED}Content", f"{_CALLED}AppType")
    attributes = {f"{_CALLED}Arn": call.arn(name.path), "CreationTime": now, "LastModifiedTime": now, **given}
    return {f"{_CALLED}Arn": core.put(cloud, call, name, attributes, requested_tags(cloud, call)).arn}


@operation("sagemaker", "DescribeStudioLifecycleConfig")
def describe_studio_lifecycle_config(cloud: Cloud, call: Call) -> dict[str, Any]:
    return core.described(core.get(cloud, call, _named(call)))


@operation("sagemaker", "ListStudioLifecycleConfigs")
def list_studio_lifecycle_configs(cloud: Cloud, call: Call) -> dict[str, Any]:
    """The newest first where nothing else is said, other than Studio's other lists."""
    asked = call.params
    by = asked.get("SortBy", "CreationTime")

    def key(config: Resource) -> list[Any]:
        return [config.name.key[0] if by == _SORTED_BY_NAME else config.attributes[by].timestamp(), config.number]

    shown, token = page(
        (each for each in core.every(cloud, call, _CALLED) if _is_asked_for(each.attributes, asked)),
        key=key,
        scope=[
            call.operation,
            call.account,
            call.region,
            {name: str(asked[name]) for name in sorted(asked) if name not in ("NextToken", "MaxResults")},
        ],
        size=asked.get("MaxResults", core.DEFAULT_PAGE),
        token=asked.get("NextToken"),
        wrong_token=core.invalid("Invalid NextToken: give the one that the request before answered, with the same filters."),
        descending=asked.get("SortOrder", "Descending") == "Descending",
    )
    found = [{name: each.attributes[name] for name in _LISTED} for each in shown]
    return {f"{_CALLED}s": found, **({"NextToken": token} if token else {})}


def _is_asked_for(config: Item, asked: Item) -> bool:
    created: datetime = config["CreationTime"]
    modified: datetime = config["LastModifiedTime"]
    return (
        asked.get("NameContains", "") in config[f"{_CALLED}Name"]
        and asked.get("AppTypeEquals", config[f"{_CALLED}AppType"]) == config[f"{_CALLED}AppType"]
        and asked.get("CreationTimeAfter", created) <= created <= asked.get("CreationTimeBefore", created)
        and ("ModifiedTimeBefore" not in asked or modified < asked["ModifiedTimeBefore"])
        and asked.get("ModifiedTimeAfter", modified) <= modified
    )


@operation("sagemaker", "DeleteStudioLifecycleConfig")
def delete_studio_lifecycle_config(cloud: Cloud, call: Call) -> None:
    config = core.get(cloud, call, _named(call))
    users = [each for kind in _USERS for each in core.every(cloud, call, kind) if each.status not in core.ENDED]
    if in_use := [each.arn for each in users if config.arn in _texts(each.attributes)]:
        raise AwsError("ResourceInUse", f"Unable to delete {_CALLED} [{config.arn}] because it is used by {', '.join(in_use)}.")
    core.forget(cloud, config)


def check_named(cloud: Cloud, call: Call) -> None:
    """Whatever a call's settings or ResourceSpec name is there and for apps of that type, where `Behaviour.missing_lifecycle_configs` says so."""
    if core.behaviour(cloud).missing_lifecycle_configs == "allowed":
        return
    known = core.by_arn(cloud, call.account, call.region)
    for app_type, arn in _lifecycle_configs(call.params, call.params.get("AppType", "")):
        if arn not in known:
            raise core.invalid(f"{_CALLED} [{arn}] does not exist.")
        if app_type and known[arn].attributes[f"{_CALLED}AppType"] != app_type:
            raise core.invalid(f"{_CALLED} [{arn}] is not for apps of type {app_type}.")


def _lifecycle_configs(value: Any, app_type: str) -> Iterator[tuple[str, str]]:
    """Every ARN of one, at any depth, with the type of app whose settings it stands in."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lifecycle_configs(inner, name.removesuffix(_SETTINGS).removeprefix("Space") if name.endswith(_SETTINGS) else app_type)
    elif isinstance(value, list):
        for inner in value:
            yield from _lifecycle_configs(inner, app_type)
    elif isinstance(value, str) and ":studio-lifecycle-config/" in value:
        yield app_type, value


def _texts(value: Any) -> set[str]:
    return {arn for _, arn in _lifecycle_configs(value, "")}
