"""The Resource Groups Tagging API: tags of many of Studio's resources at once, read only. Other services' resources are refused by name.

Sources: botocore and the API Reference, GetResources; Tagging API, "Supported resource types". It answers resources that have tags or had some. That
it reads domains, user profiles, spaces and apps in bulk is inferred (that table has them for tag-based groups only): see `Behaviour`.
"""

from dataclasses import dataclass, field
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.paging import page
from localaws.studio.core import Resource, by_arn

TYPES = ("sagemaker:app", "sagemaker:domain", "sagemaker:space", "sagemaker:studio-lifecycle-config", "sagemaker:user-profile")
DEFAULT_PAGE, LARGEST_PAGE = 50, 100
_HERE = "localaws/tagging.py"
_NOT_WITH_ARNS = ("ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken")
_NOT_BUILT = ("TagsPerPage", "IncludeComplianceDetails", "ExcludeCompliantResources")


@dataclass
class Behaviour:
    """How the Tagging API behaves in one cloud, where AWS's documentation leaves it open."""

    unknown_types: frozenset[str] = field(default_factory=frozenset)
    """Of `TYPES`: those whose resources it never answers. Not verified that there are none, for apps least of all."""
    lag: float = 0
    """Seconds by which it is behind what AddTags and DeleteTags did. AWS gives no figure."""


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test or a demo changes its fields."""
    found: Behaviour = cloud.table("tagging:Behaviour", "", "").setdefault("tagging", Behaviour())
    return found


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


@operation("resourcegroupstaggingapi", "GetResources")
def get_resources(cloud: Cloud, call: Call) -> dict[str, Any]:
    """By ARNs all at once, those it does not know left out; else page by page, and an empty PaginationToken after the last."""
    if unbuilt := [name for name in _NOT_BUILT if call.params.get(name)]:
        raise Refused(f"{call.action} with {', '.join(unbuilt)}: localaws does not do that ({_HERE})")
    known = by_arn(cloud, call.account, call.region)
    if "ResourceARNList" in call.params:
        if beside := [name for name in _NOT_WITH_ARNS if call.params.get(name)]:
            raise _invalid(f"ResourceARNList cannot be specified together with {', '.join(beside)}.")
        asked = list(dict.fromkeys(call.params["ResourceARNList"]))
        _check_services(call, asked)
        found = [known[arn] for arn in asked if arn in known]
        return {"PaginationToken": "", "ResourceTagMappingList": _mapped(cloud, found)}
    return _by_filters(cloud, call, known)


def _check_services(call: Call, arns: list[str]) -> None:
    for arn in arns:
        parts = arn.split(":", 5)
        if len(parts) < 6 or parts[0] != "arn":
            raise _invalid(f"{arn} is no ARN.")
        if f"{parts[2]}:{parts[5].split('/')[0]}" not in TYPES:
            raise Refused(f"{call.action} of {arn}: localaws knows tags of {', '.join(TYPES)} only ({_HERE})")


def _by_filters(cloud: Cloud, call: Call, known: dict[str, Resource]) -> dict[str, Any]:
    types = call.params.get("ResourceTypeFilters", [])
    if not types or any(each != "sagemaker" and each not in TYPES for each in types):
        wanted = f"ResourceTypeFilters {types}" if types else "resources of every type"
        raise Refused(f"{call.action} of {wanted}: localaws knows tags of {', '.join(TYPES)} only ({_HERE})")
    size = call.params.get("ResourcesPerPage", DEFAULT_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise _invalid(f"ResourcesPerPage is {size}: it is at least 1 and at most {LARGEST_PAGE}.")
    filters = call.params.get("TagFilters", [])
    shown, token = page(
        (each for each in known.values() if ("sagemaker" in types or _type(each) in types) and _passes(_tags(cloud, each), filters)),
        key=lambda resource: [resource.number],
        scope=[call.operation, call.account, call.region, types, filters],
        size=size,
        token=call.params.get("PaginationToken") or None,
        wrong_token=_invalid("PaginationToken is not valid: give the one that the request before answered, with the same filters."),
    )
    return {"PaginationToken": token or "", "ResourceTagMappingList": _mapped(cloud, shown)}


def _type(resource: Resource) -> str:
    return f"sagemaker:{resource.arn.split(':', 5)[5].split('/')[0]}"


def _tags(cloud: Cloud, resource: Resource) -> dict[str, str] | None:
    """As the Tagging API sees them now; None if it does not know the resource."""
    settings = behaviour(cloud)
    return None if _type(resource) in settings.unknown_types else resource.tags_at(cloud.clock.now - settings.lag)


def _passes(tags: dict[str, str] | None, filters: list[dict[str, Any]]) -> bool:
    """Each filter's key is there, with one of its values if it has some."""
    return tags is not None and all(each["Key"] in tags and tags[each["Key"]] in (each.get("Values") or tags.values()) for each in filters)


def _mapped(cloud: Cloud, resources: list[Resource]) -> list[dict[str, Any]]:
    seen = ((resource.arn, _tags(cloud, resource)) for resource in resources)
    return [{"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} for arn, tags in seen if tags is not None]
