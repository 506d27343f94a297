"""Tags of domains, user profiles, spaces, apps and lifecycle configurations, by their ARN."""

from typing import Any

from localaws.billing import note_use
from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.paging import page
from localaws.studio import core
from localaws.studio.core import Resource

MOST_TAGS = 50
_TAGGABLE = ("domain", "user-profile", "space", "app", "studio-lifecycle-config")


def requested_tags(cloud: Cloud, call: Call) -> dict[str, str]:
    """The Tags of a request, as AWS would take them."""
    pairs = [(tag["Key"], tag["Value"]) for tag in call.params.get("Tags", [])]
    tags = dict(pairs)
    if len(tags) < len(pairs):
        raise core.invalid("Tag keys must be unique per resource.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise core.invalid("aws: prefixed tag key names are not allowed for external use.")
    check_number(cloud, tags)
    return tags


def check_number(cloud: Cloud, tags: dict[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise AwsError(core.behaviour(cloud).too_many_tags, f"A resource can have {MOST_TAGS} tags at most, this one would have {len(tags)}.")


@operation("sagemaker", "AddTags")
def add_tags(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Adds or overwrites; answers all tags of the resource."""
    resource = _tagged(cloud, call)
    tags = resource.tags | requested_tags(cloud, call)
    check_number(cloud, tags)
    _check_status(cloud, resource)
    resource.tag(tags, cloud.clock.now)
    note_use(cloud, tags, costs=resource.kind == "App")
    return {"Tags": _as_list(tags)}


@operation("sagemaker", "DeleteTags")
def delete_tags(cloud: Cloud, call: Call) -> dict[str, Any]:
    resource = _tagged(cloud, call)
    _check_status(cloud, resource)
    resource.tag({key: value for key, value in resource.tags.items() if key not in call.params["TagKeys"]}, cloud.clock.now)
    return {}


@operation("sagemaker", "ListTags")
def list_tags(cloud: Cloud, call: Call) -> dict[str, Any]:
    resource = _tagged(cloud, call)
    shown, token = page(
        _as_list(resource.tags),
        key=lambda tag: [tag["Key"]],
        scope=[call.operation, resource.arn],
        size=call.params.get("MaxResults", MOST_TAGS),
        token=call.params.get("NextToken"),
        wrong_token=core.invalid("Invalid NextToken: give the one that the request before answered."),
    )
    return {"Tags": shown, **({"NextToken": token} if token else {})}


def _tagged(cloud: Cloud, call: Call) -> Resource:
    arn = call.params["ResourceArn"]
    kind = arn.split(":", 5)[5].split("/")[0]
    if kind not in _TAGGABLE:
        raise Refused(f"{call.action} on a {kind}: localaws keeps tags of {', '.join(_TAGGABLE)} only, see localaws/studio/tags.py")
    resource = core.by_arn(cloud, call.account, call.region).get(arn)
    if resource is None:
        raise AwsError(core.behaviour(cloud).tagging_missing, f"Resource [{arn}] does not exist.")
    return resource


def _check_status(cloud: Cloud, resource: Resource) -> None:
    if resource.attributes.get("Status") == "Pending" and core.behaviour(cloud).tagging_pending != "allowed":
        raise core.invalid(f"{resource.kind} [{resource.arn}] cannot be tagged while its status is Pending.")


def _as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
