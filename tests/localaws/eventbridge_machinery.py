"""A stage for the tests of EventBridge: buses, queues and roles as moto keeps them, calls as the gateway makes them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.sqs.models import sqs_backends

from localaws.clock import Clock
from localaws.cloud import GUARDS, OPERATIONS, Call, Cloud, Principal
from localaws.eventbridge.buses import bus_arn
from localaws.eventbridge.service import emit

HUB, MEMBER, OTHER, STRANGER = "222222222222", "444444444444", "555555555555", "999999999999"
HERE, THERE = "eu-west-1", "us-east-1"


@contextmanager
def small_cloud() -> Iterator[Cloud]:
    """A cloud without a gateway, over an organization that everybody but `STRANGER` is a member of."""
    reset()
    clock = Clock(datetime(2026, 11, 2, 8, tzinfo=UTC), seed=0)
    organization: Any = SimpleNamespace(organization_id="o-1", regions=(HERE, THERE), is_member=lambda account: account != STRANGER)
    try:
        yield Cloud(clock, organization)
    finally:
        clock.stop()


def reset() -> None:
    for backends in (events_backends, sqs_backends, iam_backends):
        backends.reset()


def principal(account: str) -> Principal:
    return Principal(account, f"arn:aws:iam::{account}:user/tester")


def call(cloud: Cloud, operation: str, account: str = HUB, region: str = HERE, **params: Any) -> dict[str, Any]:
    """As the gateway does it: guards, then our answer, else moto's."""
    made = Call("events", operation, account, region, principal(account), params)
    for check in GUARDS["events", operation]:
        check(cloud, made)
    if own := OPERATIONS.get(("events", operation)):
        return own(cloud, made) or {}
    backend = events_backends[account][region]
    bus = params.get("EventBusName")
    if operation == "PutRule":
        return {"RuleArn": backend.put_rule(params["Name"], event_pattern=params["EventPattern"], event_bus_arn=bus, state=params.get("State")).arn}
    assert operation == "PutTargets"
    backend.put_targets(params["Rule"], bus, params["Targets"])
    return {}


def queue(name: str, account: str = HUB, region: str = HERE, policy: str | None = "open") -> str:
    """A queue's ARN. `policy`: "open" lets EventBridge in, for whatever rule."""
    arn = f"arn:aws:sqs:{region}:{account}:{name}"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow]}) if policy == "open" else policy
    sqs_backends[account][region].create_queue(name, {}, **({"Policy": text} if text else {}))
    return arn


def messages(arn: str) -> list[Any]:
    _, _, _, region, account, name = arn.split(":")
    return list(sqs_backends[account][region].get_queue(name)._messages)


def bodies(arn: str) -> list[Any]:
    return [json.loads(message.body) for message in messages(arn)]


def attributes(message: Any) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message.message_attributes.items()}


def rule(cloud: Cloud, target: dict[str, Any], pattern: Any = None, account: str = HUB, region: str = HERE, bus: str = "default", **more: Any) -> str:
    pattern = json.dumps(pattern or {"source": [{"prefix": ""}]})
    made = call(cloud, "PutRule", account, region, Name="r", EventBusName=bus, EventPattern=pattern, **more)
    call(cloud, "PutTargets", account, region, Rule="r", EventBusName=bus, Targets=[{"Id": "t", **target}])
    return str(made["RuleArn"])


def role(account: str, name: str = "forwarder", path: str = "/steward/") -> str:
    """A role that EventBridge may take, and that may put events on every bus."""
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
    iam = iam_backends[account]["aws"]
    made = iam.create_role(name, json.dumps({"Version": "2012-10-17", "Statement": trust}), path, None, "", [], "3600")
    iam.put_role_policy(name, "send", json.dumps({"Version": "2012-10-17", "Statement": may}))
    return str(made.arn)


def hub_bus(name: str = "hub", **condition: Any) -> str:
    """The ARN of a bus in the hub account that lets in what meets the condition."""
    events_backends[HUB][HERE].create_event_bus(name)
    allow = {"Sid": "Members", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": bus_arn(HUB, HERE, name)}
    document = {"Version": "2012-10-17", "Statement": [allow | ({"Condition": condition} if condition else {})]}
    made = Call("events", "PutPermission", HUB, HERE, principal(HUB), {"EventBusName": name, "Policy": json.dumps(document)})
    OPERATIONS["events", "PutPermission"](None, made)  # type: ignore[arg-type]
    return bus_arn(HUB, HERE, name)


MEMBERS_ONLY = {
    "StringEquals": {"aws:PrincipalOrgID": "o-1"},
    "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/steward/forwarder"},
    "StringLike": {"events:source": "aws.*"},
}


def profile_created(cloud: Cloud, account: str = MEMBER, region: str = HERE) -> dict[str, Any]:
    return emit(cloud, account, region, "aws.sagemaker", "AWS API Call via CloudTrail", {"eventName": "CreateUserProfile", "readOnly": False})


def outcomes(cloud: Cloud) -> list[tuple[Any, ...]]:
    return [(entry["outcome"], (entry["error"] or "").split(":")[0], entry["attempt"]) for entry in cloud.log.deliveries]


def forward(cloud: Cloud, bus: str, account: str = MEMBER, region: str = HERE, **more: Any) -> str:
    return rule(cloud, {"Arn": bus, "RoleArn": role(account), **more}, {"source": [{"prefix": ""}]}, account, region)


def put(cloud: Cloud, account: str = HUB, **entry: Any) -> dict[str, Any]:
    return call(cloud, "PutEvents", account, Entries=[{"Source": "my.app", "DetailType": "d", "Detail": "{}", **entry}])
