"""EventBridge: buses, their policies, rules with their targets.

Source: AWS CloudFormation Template Reference, AWS::Events; Amazon EventBridge API Reference.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import AwsError, Refused
from localaws.cloudformation.resources.base import (
    Context,
    Existing,
    Made,
    Properties,
    ResourceType,
    changed,
    listed,
    picked,
    policy_text,
    retag,
    tag_list,
)

_HERE = "localaws/cloudformation/resources/events.py"


class EventBus(ResourceType):
    """A custom bus."""

    name = "AWS::Events::EventBus"
    properties = frozenset({"DeadLetterConfig", "Description", "KmsKeyIdentifier", "Name", "Policy", "Tags"})
    required = frozenset({"Name"})
    create_only = frozenset({"Name"})
    physical_name = "Name"
    attributes = frozenset({"Arn", "Name"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "DeadLetterConfig": "only for events that could not be decrypted, and none is encrypted",
        "KmsKeyIdentifier": "events are not encrypted at rest",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties["Name"]
        given = {key: value for key, value in properties.items() if key not in ("Policy", "Tags")}
        arn = context.call("events", "CreateEventBus", Tags=tag_list(properties), **given)["EventBusArn"]
        made = context.exists(Made(name, {"Arn": arn, "Name": name}))
        if "Policy" in properties:
            context.call("events", "PutPermission", EventBusName=name, Policy=policy_text(properties["Policy"]))
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        differs = changed(before, after)
        if unchangeable := sorted(differs & {"DeadLetterConfig", "Description", "KmsKeyIdentifier"}):
            raise Refused(f"{context.logical_id}: localaws cannot change {unchangeable[0]} of an event bus: moto has no UpdateEventBus ({_HERE})")
        if "Policy" in differs:
            context.attempt("events", "RemovePermission", EventBusName=made.physical_id, RemoveAllPermissions=True)
            if "Policy" in after:
                context.call("events", "PutPermission", EventBusName=made.physical_id, Policy=policy_text(after["Policy"]))
        retag(context, "events", "Resource", (before, after), listed, ResourceARN=made.attributes["Arn"])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("events", "DeleteEventBus", Name=made.physical_id)


class EventBusPolicy(ResourceType):
    """One statement of a bus's policy; the others stay."""

    name = "AWS::Events::EventBusPolicy"
    properties = frozenset({"Action", "Condition", "EventBusName", "Principal", "Statement", "StatementId"})
    required = frozenset({"StatementId"})
    create_only = frozenset({"EventBusName", "StatementId"})

    updates_by_create = True

    def create(self, context: Context, properties: Properties) -> Made:
        bus = properties.get("EventBusName", "default")
        if "Statement" not in properties:
            context.call("events", "PutPermission", **{"EventBusName": bus, **properties})
            return Made(f"{bus}|{properties['StatementId']}")
        statements = [kept for kept in _statements(context, bus) if kept.get("Sid") != properties["StatementId"]]
        statement = {**properties["Statement"], "Sid": properties["StatementId"]}
        policy = {"Version": "2012-10-17", "Statement": [*statements, statement]}
        context.call("events", "PutPermission", EventBusName=bus, Policy=policy_text(policy))
        return Made(f"{bus}|{properties['StatementId']}")

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        bus, statement = made.physical_id.rsplit("|", 1)
        context.attempt("events", "RemovePermission", EventBusName=bus, StatementId=statement)


def _statements(context: Context, bus: str) -> list[dict[str, Any]]:
    policy = context.call("events", "DescribeEventBus", Name=bus).get("Policy")
    return list(json.loads(policy)["Statement"]) if policy else []


class Rule(ResourceType):
    """A rule and its targets."""

    name = "AWS::Events::Rule"
    properties = frozenset({"Description", "EventBusName", "EventPattern", "Name", "RoleArn", "ScheduleExpression", "State", "Tags", "Targets"})
    create_only = frozenset({"EventBusName", "Name"})
    physical_name = "Name"
    attributes = frozenset({"Arn"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or context.name(64)
        bus = properties.get("EventBusName", "default")
        context.require_new(name, "events", "DescribeRule", Name=name, EventBusName=bus)
        arn = context.call("events", "PutRule", Name=name, Tags=tag_list(properties), **_rule(properties))["RuleArn"]
        bus_name = bus.rsplit("/", 1)[-1]
        made = context.exists(Made(name if bus_name == "default" else f"{bus_name}|{name}", {"Arn": arn}))
        _put_targets(context, name, bus, properties.get("Targets", []))
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        name, bus = made.physical_id.rsplit("|", 1)[-1], after.get("EventBusName", "default")
        if changed(before, after) - {"Tags", "Targets"}:
            context.call("events", "PutRule", Name=name, **_rule(after))
        if before.get("Targets") != after.get("Targets"):
            kept = {target["Id"] for target in after.get("Targets", [])}
            gone = [target["Id"] for target in before.get("Targets", []) if target["Id"] not in kept]
            _remove_targets(context, name, bus, gone)
            _put_targets(context, name, bus, after.get("Targets", []))
        retag(context, "events", "Resource", (before, after), listed, ResourceARN=made.attributes["Arn"])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made, properties = existing.made, existing.properties
        name, bus = made.physical_id.rsplit("|", 1)[-1], properties.get("EventBusName", "default")
        _remove_targets(context, name, bus, [target["Id"] for target in properties.get("Targets", [])])
        context.attempt("events", "DeleteRule", Name=name, EventBusName=bus)


def _rule(properties: Properties) -> Properties:
    given = picked(properties, "Description", "EventBusName", "RoleArn", "ScheduleExpression", "State")
    return given | _pattern(properties)


def _put_targets(context: Context, rule: str, bus: str, targets: list[dict[str, Any]]) -> None:
    if targets:
        answer = context.call("events", "PutTargets", Rule=rule, EventBusName=bus, Targets=targets)
        _check_entries(answer)


def _remove_targets(context: Context, rule: str, bus: str, identifiers: list[str]) -> None:
    if identifiers:
        answer = context.attempt("events", "RemoveTargets", Rule=rule, EventBusName=bus, Ids=identifiers)
        _check_entries(answer)


def _check_entries(answer: dict[str, Any]) -> None:
    """A target that was not taken is in an answer of 200."""
    for entry in answer.get("FailedEntries", []):
        raise AwsError(entry["ErrorCode"], f"{entry['TargetId']}: {entry['ErrorMessage']}")


class Archive(ResourceType):
    """Events of a bus, kept for replays. They go with it."""

    name = "AWS::Events::Archive"
    properties = frozenset({"ArchiveName", "Description", "EventPattern", "RetentionDays", "SourceArn"})
    required = frozenset({"SourceArn"})
    create_only = frozenset({"ArchiveName", "SourceArn"})
    physical_name = "ArchiveName"
    attributes = frozenset({"Arn"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("ArchiveName") or context.name(48)
        given = picked(properties, "Description", "RetentionDays") | _pattern(properties)
        made = context.call("events", "CreateArchive", ArchiveName=name, EventSourceArn=properties["SourceArn"], **given)
        return Made(name, {"Arn": made["ArchiveArn"]})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        if "EventPattern" in existing.properties and "EventPattern" not in after:
            raise Refused(f"{context.logical_id}: localaws cannot take the EventPattern of an archive away in place ({_HERE})")
        given = {"Description": "", "RetentionDays": 0} | picked(after, "Description", "RetentionDays") | _pattern(after)
        context.call("events", "UpdateArchive", ArchiveName=existing.made.physical_id, **given)
        return existing.made

    def delete(self, context: Context, existing: Existing) -> None:
        context.attempt("events", "DeleteArchive", ArchiveName=existing.made.physical_id)


def _pattern(properties: Properties) -> Properties:
    return {"EventPattern": policy_text(properties["EventPattern"])} if "EventPattern" in properties else {}
