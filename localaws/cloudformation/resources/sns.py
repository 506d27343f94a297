"""SNS: topics, their policies, subscriptions.

Source: AWS CloudFormation Template Reference, AWS::SNS; Amazon SNS API Reference.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, listed, policy_text, retag, tag_list

_TOPIC_ATTRIBUTES = ("ContentBasedDeduplication", "DisplayName", "FifoTopic", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_SUBSCRIPTION_ATTRIBUTES = ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
_DEFAULTS = {"DisplayName": "", "KmsMasterKeyId": "", "RawMessageDelivery": "false", "SignatureVersion": "1", "TracingConfig": "PassThrough"}
_HERE = "localaws/cloudformation/resources/sns.py"


class Topic(ResourceType):
    """A topic, with subscriptions of its own if it lists them."""

    name = "AWS::SNS::Topic"
    properties = frozenset({*_TOPIC_ATTRIBUTES, "Subscription", "Tags", "TopicName"})
    create_only = frozenset({"FifoTopic", "TopicName"})
    physical_name = "TopicName"
    attributes = frozenset({"TopicArn", "TopicName"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "KmsMasterKeyId": "messages are not encrypted at rest",
        "SignatureVersion": "messages are not signed; moto drops it",
        "TracingConfig": "nothing is traced; moto drops it",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("TopicName") or context.name(200)
        context.require_new(name, "sns", "GetTopicAttributes", TopicArn=f"arn:aws:sns:{context.region}:{context.account}:{name}")
        given = {key: as_text(properties[key]) for key in _TOPIC_ATTRIBUTES if key in properties}
        arn = context.call("sns", "CreateTopic", Name=name, Attributes=given, Tags=tag_list(properties))["TopicArn"]
        made = context.exists(Made(arn, {"TopicArn": arn, "TopicName": name}))
        for subscription in properties.get("Subscription", []):
            context.call("sns", "Subscribe", TopicArn=arn, **subscription)
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        differs = changed(before, after)
        if "Subscription" in differs:
            raise Refused(f"{context.logical_id}: localaws cannot change the Subscription of a topic in place: use AWS::SNS::Subscription ({_HERE})")
        for name in sorted(differs & set(_TOPIC_ATTRIBUTES)):
            value = as_text(after[name]) if name in after else _default(context, name)
            context.call("sns", "SetTopicAttributes", TopicArn=made.physical_id, AttributeName=name, AttributeValue=value)
        retag(context, "sns", "Resource", (before, after), listed, ResourceArn=made.physical_id)
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("sns", "DeleteTopic", TopicArn=made.physical_id)


def _default(context: Context, name: str) -> str:
    if name not in _DEFAULTS:
        raise Refused(f"{context.logical_id}: localaws cannot take {name} away in place ({_HERE})")
    return _DEFAULTS[name]


class TopicPolicy(ResourceType):
    """One policy, set on each of some topics; without it they have the default policy: their own account only."""

    name = "AWS::SNS::TopicPolicy"
    properties = frozenset({"PolicyDocument", "Topics"})
    required = properties
    attributes = frozenset({"Id"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = context.name(80)
        made = context.exists(Made(name, {"Id": name}))
        for topic in properties["Topics"]:
            _set_policy(context, topic, policy_text(properties["PolicyDocument"]))
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        for topic in before["Topics"]:
            if topic not in after["Topics"]:
                _set_policy(context, topic, default_policy(topic))
        for topic in after["Topics"]:
            _set_policy(context, topic, policy_text(after["PolicyDocument"]))
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        properties = existing.properties
        for topic in properties["Topics"]:
            _set_policy(context, topic, default_policy(topic))


def _set_policy(context: Context, topic: str, policy: str) -> None:
    context.call("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def default_policy(topic: str) -> str:
    """The policy of a new topic: whoever the owner's account allows."""
    actions = (
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    )
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.split(":")[4]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


class Subscription(ResourceType):
    """Of one endpoint to one topic."""

    name = "AWS::SNS::Subscription"
    properties = frozenset({*_SUBSCRIPTION_ATTRIBUTES, "Endpoint", "Protocol", "TopicArn"})
    required = frozenset({"Protocol", "TopicArn"})
    create_only = frozenset({"Endpoint", "Protocol", "TopicArn"})
    attributes = frozenset({"Arn"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "DeliveryPolicy": "a delivery is tried once",
        "RedrivePolicy": "kept and shown; moto does not look at it",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        given = {name: properties[name] for name in ("Endpoint", "Protocol", "TopicArn") if name in properties}
        wanted = {name: _attribute(properties[name]) for name in _SUBSCRIPTION_ATTRIBUTES if name in properties}
        arn = context.call("sns", "Subscribe", Attributes=wanted, ReturnSubscriptionArn=True, **given)["SubscriptionArn"]
        return Made(arn, {"Arn": arn})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        for name in sorted(changed(before, after)):
            value = _attribute(after[name]) if name in after else _default(context, name)
            context.call("sns", "SetSubscriptionAttributes", SubscriptionArn=made.physical_id, AttributeName=name, AttributeValue=value)
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("sns", "Unsubscribe", SubscriptionArn=made.physical_id)


def _attribute(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else as_text(value)
