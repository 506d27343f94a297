"""SQS: queues and their policies.

Source: AWS CloudFormation Template Reference, AWS::SQS; Amazon SQS API Reference, SetQueueAttributes.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, policy_text, retag, tag_map

_ATTRIBUTE_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
"""What an attribute goes back to when an update takes its property away."""


class Queue(ResourceType):
    """A queue; ``Ref`` is its URL. A RedriveAllowPolicy is refused: moto keeps it, and any queue could have this one as its dead-letter queue."""

    name = "AWS::SQS::Queue"
    properties = frozenset({*_ATTRIBUTE_DEFAULTS, "FifoQueue", "QueueName", "Tags"})
    create_only = frozenset({"FifoQueue", "QueueName"})
    physical_name = "QueueName"
    attributes = frozenset({"Arn", "QueueName", "QueueUrl"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "KmsDataKeyReusePeriodSeconds": "messages are not encrypted at rest",
        "KmsMasterKeyId": "messages are not encrypted at rest",
        "SqsManagedSseEnabled": "messages are not encrypted at rest",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        fifo = as_text(properties.get("FifoQueue", "false")).lower() == "true"
        name = properties.get("QueueName") or context.name(75) + (".fifo" if fifo else "")
        context.require_new(name, "sqs", "GetQueueUrl", QueueName=name)
        given = {key: _attribute(properties[key]) for key in _ATTRIBUTE_DEFAULTS if key in properties} | ({"FifoQueue": "true"} if fifo else {})
        tags = tag_map(properties)
        url = context.call("sqs", "CreateQueue", QueueName=name, Attributes=given, **({"tags": tags} if tags else {}))["QueueUrl"]
        arn = f"arn:aws:sqs:{context.region}:{context.account}:{name}"
        return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        if differs := sorted(changed(before, after) & set(_ATTRIBUTE_DEFAULTS)):
            wanted = {name: _attribute(after[name]) if name in after else _ATTRIBUTE_DEFAULTS[name] for name in differs}
            context.call("sqs", "SetQueueAttributes", QueueUrl=made.physical_id, Attributes=wanted)
        retag(context, "sqs", "Queue", (before, after), dict, QueueUrl=made.physical_id)
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("sqs", "DeleteQueue", QueueUrl=made.physical_id)


def _attribute(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else as_text(value)


class QueuePolicy(ResourceType):
    """One policy, set on each of some queues."""

    name = "AWS::SQS::QueuePolicy"
    properties = frozenset({"PolicyDocument", "Queues"})
    required = properties
    attributes = frozenset({"Id"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = context.name(80)
        made = context.exists(Made(name, {"Id": name}))
        _set(context, properties["Queues"], policy_text(properties["PolicyDocument"]))
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        _set(context, [url for url in before["Queues"] if url not in after["Queues"]], "")
        _set(context, after["Queues"], policy_text(after["PolicyDocument"]))
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        for url in existing.properties["Queues"]:
            context.attempt("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})


def _set(context: Context, queues: list[str], policy: str) -> None:
    for url in queues:
        context.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})
