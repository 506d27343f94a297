"""CloudWatch Logs: log groups.

Source: AWS CloudFormation Template Reference, AWS::Logs::LogGroup; Amazon CloudWatch Logs API Reference.
"""

from collections.abc import Mapping
from typing import ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, retag, tag_map


class LogGroup(ResourceType):
    """A log group with its retention."""

    name = "AWS::Logs::LogGroup"
    properties = frozenset({"KmsKeyId", "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags"})
    create_only = frozenset({"LogGroupName"})
    physical_name = "LogGroupName"
    attributes = frozenset({"Arn"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "KmsKeyId": "log events are not encrypted at rest",
        "LogGroupClass": "given to the API, where moto drops it",
        "RetentionInDays": "kept and shown; nothing expires",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("LogGroupName") or context.name(256)
        given = {api: properties[own] for own, api in (("KmsKeyId", "kmsKeyId"), ("LogGroupClass", "logGroupClass")) if own in properties}
        tags = tag_map(properties)
        context.call("logs", "CreateLogGroup", logGroupName=name, **given, **({"tags": tags} if tags else {}))
        made = context.exists(Made(name, {"Arn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{name}:*"}))
        if "RetentionInDays" in properties:
            context.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=properties["RetentionInDays"])
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        name, differs = made.physical_id, changed(before, after)
        if refused := sorted(differs & {"KmsKeyId", "LogGroupClass"}):
            raise Refused(
                f"{context.logical_id}: localaws cannot change {refused[0]} of a log group in place (localaws/cloudformation/resources/logs.py)"
            )
        if "RetentionInDays" in after and "RetentionInDays" in differs:
            context.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=after["RetentionInDays"])
        elif "RetentionInDays" in differs:
            context.attempt("logs", "DeleteRetentionPolicy", logGroupName=name)
        retag(context, "logs", "Resource", (before, after), dict, resourceArn=made.attributes["Arn"].removesuffix(":*"))
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("logs", "DeleteLogGroup", logGroupName=made.physical_id)
