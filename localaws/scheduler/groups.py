"""Groups of schedules, and their tags. There is always one called default.

Source: EventBridge Scheduler API Reference; User Guide, "Managing a schedule group". Here a group, with its schedules, is gone at once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.paging import page

if TYPE_CHECKING:
    from localaws.scheduler.schedules import Schedule

DEFAULT = "default"
_TABLE = "scheduler:ScheduleGroup"


@dataclass
class Group:
    """`schedules` and `tags` by their names."""

    name: str
    arn: str
    created: datetime
    schedules: "dict[str, Schedule]" = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        return {"Arn": self.arn, "Name": self.name, "State": "ACTIVE", "CreationDate": self.created, "LastModificationDate": self.created}


def groups(cloud: Cloud, call: Call) -> dict[str, Group]:
    """The groups of the caller's account and Region by their names."""
    table: dict[str, Group] = cloud.table(_TABLE, call.account, call.region)
    if DEFAULT not in table:
        table[DEFAULT] = _new(cloud, call, DEFAULT)
    return table


def find_group(cloud: Cloud, call: Call, name: str) -> Group:
    """`AwsError` (ResourceNotFoundException) if there is none."""
    group = groups(cloud, call).get(name)
    if group is None:
        raise AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
    return group


def _new(cloud: Cloud, call: Call, name: str) -> Group:
    return Group(name, call.arn(f"schedule-group/{name}"), cloud.clock.datetime())


@operation("scheduler", "CreateScheduleGroup")
def create_schedule_group(cloud: Cloud, call: Call) -> dict[str, Any]:
    name = call.params["Name"]
    if name in groups(cloud, call):
        raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
    group = groups(cloud, call)[name] = _new(cloud, call, name)
    group.tags = _tags(call)
    return {"ScheduleGroupArn": group.arn}


@operation("scheduler", "GetScheduleGroup")
def get_schedule_group(cloud: Cloud, call: Call) -> dict[str, Any]:
    return find_group(cloud, call, call.params["Name"]).described()


@operation("scheduler", "ListScheduleGroups")
def list_schedule_groups(cloud: Cloud, call: Call) -> dict[str, Any]:
    prefix = call.params.get("NamePrefix", "")
    shown, token = page(
        [group for group in groups(cloud, call).values() if group.name.startswith(prefix)],
        key=lambda group: [group.name],
        scope=[call.operation, prefix],
        size=call.params.get("MaxResults", 100),
        token=call.params.get("NextToken"),
        wrong_token=AwsError("ValidationException", "Invalid NextToken."),
    )
    return {"ScheduleGroups": [group.described() for group in shown], **({"NextToken": token} if token else {})}


@operation("scheduler", "DeleteScheduleGroup")
def delete_schedule_group(cloud: Cloud, call: Call) -> None:
    """Its schedules go with it, and fire no more."""
    group = find_group(cloud, call, call.params["Name"])
    if group.name == DEFAULT:
        raise AwsError("ValidationException", "The default schedule group cannot be deleted.")
    for schedule in list(group.schedules.values()):
        schedule.delete()
    del groups(cloud, call)[group.name]


@operation("scheduler", "TagResource")
def tag_resource(cloud: Cloud, call: Call) -> None:
    _tagged(cloud, call).tags.update(_tags(call))


@operation("scheduler", "UntagResource")
def untag_resource(cloud: Cloud, call: Call) -> None:
    group = _tagged(cloud, call)
    group.tags = {key: value for key, value in group.tags.items() if key not in call.params["TagKeys"]}


@operation("scheduler", "ListTagsForResource")
def list_tags_for_resource(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(cloud, call).tags.items()]}


def _tagged(cloud: Cloud, call: Call) -> Group:
    """`AwsError` (ResourceNotFoundException) for a group of another account or Region, too."""
    arn = call.params["ResourceArn"]
    for group in groups(cloud, call).values():
        if group.arn == arn:
            return group
    raise AwsError("ResourceNotFoundException", f"Schedule group {arn} does not exist.", 404)


def _tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call.params.get("Tags", [])}
