"""DynamoDB: tables, on demand.

Source: AWS CloudFormation Template Reference, AWS::DynamoDB::Table; Amazon DynamoDB API Reference.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, listed, picked, retag, tag_list


class Table(ResourceType):
    """A table; ``Ref`` is its name. Without indexes its attributes are those of its key, so a change of one is another key."""

    name = "AWS::DynamoDB::Table"
    properties = frozenset(
        {
            "AttributeDefinitions",
            "BillingMode",
            "DeletionProtectionEnabled",
            "KeySchema",
            "PointInTimeRecoverySpecification",
            "SSESpecification",
            "TableName",
            "Tags",
            "TimeToLiveSpecification",
        }
    )
    required = frozenset({"AttributeDefinitions", "KeySchema"})
    create_only = frozenset({"AttributeDefinitions", "KeySchema", "TableName"})
    physical_name = "TableName"
    attributes = frozenset({"Arn"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "PointInTimeRecoverySpecification": "kept and shown; nothing can be restored",
        "SSESpecification": "items are not encrypted at rest; moto drops a change",
        "TimeToLiveSpecification": "kept and shown; nothing expires",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("TableName") or context.name(255)
        tags = tag_list(properties)
        given = picked(properties, "AttributeDefinitions", "KeySchema") | _settings(properties, set(properties))
        answer = context.call("dynamodb", "CreateTable", TableName=name, **given, **({"Tags": tags} if tags else {}))
        arn = answer["TableDescription"]["TableArn"]
        made = context.exists(Made(name, {"Arn": arn}))
        _set(context, name, {}, properties)
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        if settings := _settings(after, changed(before, after)):
            context.call("dynamodb", "UpdateTable", TableName=made.physical_id, **settings)
        _set(context, made.physical_id, before, after)
        retag(context, "dynamodb", "Resource", (before, after), listed, ResourceArn=made.attributes["Arn"])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        """Fails for a table that is protected, as in AWS."""
        context.attempt("dynamodb", "DeleteTable", TableName=existing.made.physical_id)


def _settings(properties: Properties, which: set[str]) -> dict[str, Any]:
    """What CreateTable and UpdateTable take, of the properties `which`; one that is taken away goes back to its default."""
    settings: dict[str, Any] = {}
    if "BillingMode" in which:
        settings["BillingMode"] = properties.get("BillingMode", "PROVISIONED")
    if "DeletionProtectionEnabled" in which:
        settings["DeletionProtectionEnabled"] = properties.get("DeletionProtectionEnabled", False)
    if "SSESpecification" in which:
        encryption = properties.get("SSESpecification", {"SSEEnabled": False})
        settings["SSESpecification"] = {"Enabled" if key == "SSEEnabled" else key: value for key, value in encryption.items()}
    return settings


def _set(context: Context, name: str, before: Properties, after: Properties) -> None:
    """What has calls of its own."""
    differs = changed(before, after)
    if "TimeToLiveSpecification" in differs:
        expiry = after.get("TimeToLiveSpecification") or before["TimeToLiveSpecification"] | {"Enabled": False}
        context.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=expiry)
    if "PointInTimeRecoverySpecification" in differs:
        recovery = after.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
        context.call("dynamodb", "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=recovery)
