"""EventBridge Scheduler: schedules and their groups.

Source: AWS CloudFormation Template Reference, AWS::Scheduler.
"""

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, listed, retag, tag_list


class Schedule(ResourceType):
    """An update is the whole schedule once more, as the API has it."""

    name = "AWS::Scheduler::Schedule"
    properties = frozenset(
        {
            "Description",
            "EndDate",
            "FlexibleTimeWindow",
            "GroupName",
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
            "Target",
        }
    )
    required = frozenset({"FlexibleTimeWindow", "ScheduleExpression", "Target"})
    create_only = frozenset({"Name"})
    physical_name = "Name"
    attributes = frozenset({"Arn"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or context.name(64)
        arn = context.call("scheduler", "CreateSchedule", **{**properties, "Name": name})["ScheduleArn"]
        return Made(name, {"Arn": arn})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        if existing.properties.get("GroupName") != after.get("GroupName"):
            raise Refused(
                f"{context.logical_id}: localaws cannot move a schedule to another group in place (localaws/cloudformation/resources/scheduler.py)"
            )
        context.call("scheduler", "UpdateSchedule", **{**after, "Name": existing.made.physical_id})
        return existing.made

    def delete(self, context: Context, existing: Existing) -> None:
        group = existing.properties.get("GroupName", "default")
        context.attempt("scheduler", "DeleteSchedule", Name=existing.made.physical_id, GroupName=group)


class ScheduleGroup(ResourceType):
    """Its schedules go with it."""

    name = "AWS::Scheduler::ScheduleGroup"
    properties = frozenset({"Name", "Tags"})
    create_only = frozenset({"Name"})
    physical_name = "Name"
    attributes = frozenset({"Arn"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or context.name(64)
        arn = context.call("scheduler", "CreateScheduleGroup", Name=name, Tags=tag_list(properties))["ScheduleGroupArn"]
        return Made(name, {"Arn": arn})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        retag(context, "scheduler", "Resource", (existing.properties, after), listed, ResourceArn=existing.made.attributes["Arn"])
        return existing.made

    def delete(self, context: Context, existing: Existing) -> None:
        context.attempt("scheduler", "DeleteScheduleGroup", Name=existing.made.physical_id)
