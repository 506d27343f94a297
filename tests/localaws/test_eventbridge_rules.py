"""Rules, targets and permissions: what AWS would not take, and what is refused by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.events.models import events_backends
from moto.sqs.models import sqs_backends

from localaws.cloud import AwsError, Cloud, Refused
from localaws.eventbridge.buses import bus_arn
from tests.localaws.eventbridge_machinery import HERE, HUB, MEMBER, OTHER, THERE, call, hub_bus, profile_created, queue, rule, small_cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with small_cloud() as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"EventPattern": '{"source": "a"}'}, AwsError, "InvalidEventPatternException"),
        ({"EventPattern": json.dumps({"source": ["a" * 2048]})}, AwsError, "LimitExceededException"),
        ({"ScheduleExpression": "rate(1 hour)"}, Refused, "ScheduleExpression"),
        ({"EventPattern": '{"source": ["a"]}', "RoleArn": "arn:aws:iam::222222222222:role/r"}, Refused, "RoleArn"),
        ({"EventPattern": '{"source": ["a"]}', "EventBusName": bus_arn(OTHER, HERE)}, Refused, "another account"),
    ],
)
def test_rules_that_are_not_taken(cloud: Cloud, params: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(cloud, "PutRule", Name="r", **params)
    assert events_backends[HUB][HERE].event_buses["default"].rules == {}


QUEUE = f"arn:aws:sqs:{HERE}:{HUB}:q"
ROLE = f"arn:aws:iam::{HUB}:role/r"


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ({"Arn": "queue"}, AwsError, "Provided Arn is not in correct format"),
        ({"Arn": f"arn:aws:sns:{HERE}:{HUB}:topic"}, Refused, "arn:aws:sns"),
        ({"Arn": f"arn:aws:lambda:{HERE}:{HUB}:function:f:live"}, Refused, "a version or an alias"),
        ({"Arn": f"arn:aws:lambda:{HERE}:{OTHER}:function:f"}, Refused, "another account"),
        ({"Arn": f"arn:aws:lambda:{HERE}:{HUB}:function:f", "RoleArn": ROLE}, Refused, "RoleArn"),
        ({"Arn": f"arn:aws:events:{HERE}:{HUB}:api-destination/a", "RoleArn": ROLE}, Refused, "api-destination"),
        ({"Arn": QUEUE, "EcsParameters": {"TaskDefinitionArn": "x"}}, Refused, "EcsParameters"),
        ({"Arn": QUEUE, "SqsParameters": {"MessageGroupId": "x"}}, Refused, "SqsParameters"),
        ({"Arn": f"{QUEUE}.fifo"}, Refused, "FIFO"),
        ({"Arn": QUEUE, "RoleArn": ROLE}, Refused, "RoleArn"),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumEventAgeInSeconds": 86_401}}, AwsError, "less than or equal to 86400"),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumEventAgeInSeconds": 59}}, AwsError, "valid min value: 60"),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumRetryAttempts": 186}}, AwsError, "less than or equal to 185"),
        ({"Arn": f"arn:aws:sqs:{HERE}:{OTHER}:q"}, Refused, "another account"),
        ({"Arn": f"arn:aws:sqs:{THERE}:{HUB}:q"}, Refused, "another account or Region"),
        ({"Arn": QUEUE, "Input": "{}", "InputPath": "$"}, AwsError, "Only one of Input"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{THERE}:{HUB}:dead"}}, AwsError, "no standard queue"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{HERE}:{HUB}:dead.fifo"}}, AwsError, "no standard queue"),
        ({"Arn": bus_arn(OTHER, HERE)}, AwsError, "RoleArn is required"),
        ({"Arn": bus_arn(HUB, HERE, "x")}, Refused, "without RoleArn"),
        ({"Arn": bus_arn(OTHER, HERE), "RoleArn": f"arn:aws:iam::{OTHER}:role/r"}, AwsError, "of another account"),
        ({"Arn": bus_arn(OTHER, HERE), "RoleArn": ROLE, "InputPath": "$.detail"}, AwsError, "not available"),
        ({"Arn": bus_arn(HUB, HERE, "x"), "RoleArn": ROLE, "InputPath": "$.detail"}, Refused, "an input"),
    ],
)
def test_targets_that_are_not_taken(cloud: Cloud, target: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rule(cloud, target)
    assert events_backends[HUB][HERE].event_buses["default"].rules["r"].targets == []


def test_a_rule_has_five_targets_at_most(cloud: Cloud) -> None:
    rule(cloud, {"Arn": QUEUE})
    more = [{"Id": f"t{n}", "Arn": QUEUE} for n in range(5)]
    with pytest.raises(AwsError, match="LimitExceededException"):
        call(cloud, "PutTargets", Rule="r", Targets=more)
    call(cloud, "PutTargets", Rule="r", Targets=more[:4])
    call(cloud, "PutTargets", Rule="r", Targets=[{"Id": "t", "Arn": QUEUE}])


def test_encrypted_queues_are_refused(cloud: Cloud) -> None:
    arn = queue("secret")
    sqs_backends[HUB][HERE].get_queue("secret").kms_master_key_id = "alias/mine"
    rule(cloud, {"Arn": arn})
    profile_created(cloud, HUB)
    with pytest.raises(Refused, match="KMS"):
        cloud.clock.settle()


def test_buses_with_more_than_a_name_are_refused_and_a_wrong_pattern_is_told(cloud: Cloud) -> None:
    with pytest.raises(Refused, match="KmsKeyIdentifier"):
        call(cloud, "CreateEventBus", Name="b", KmsKeyIdentifier="k")
    with pytest.raises(AwsError, match="InvalidEventPatternException"):
        call(cloud, "CreateArchive", ArchiveName="a", EventPattern="{")


def described(bus: str = "hub") -> list[dict[str, Any]]:
    text = events_backends[HUB][HERE].describe_event_bus(bus).policy
    return list(json.loads(text)["Statement"]) if text else []


def test_a_whole_policy_replaces_the_one_before_and_is_kept_as_it_came(cloud: Cloud) -> None:
    hub_bus(StringEquals={"aws:PrincipalOrgID": "o-1"})
    new = [
        {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": MEMBER}, "Action": ["events:PutEvents"], "Resource": "*"},
        {"Effect": "Deny", "Principal": {"AWS": MEMBER}, "Action": "events:PutRule", "Resource": "*"},
    ]
    call(cloud, "PutPermission", EventBusName="hub", Policy=json.dumps({"Version": "2012-10-17", "Statement": new}))
    assert described() == new


def test_single_permissions_stand_beside_each_other_and_go_by_their_id(cloud: Cloud) -> None:
    events_backends[HUB][HERE].create_event_bus("hub")
    common = {"EventBusName": "hub", "Action": "events:PutEvents"}
    organization = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"}
    call(cloud, "PutPermission", StatementId="one", Principal=MEMBER, **common)
    call(cloud, "PutPermission", StatementId="again", Principal=MEMBER, **common)
    call(cloud, "PutPermission", StatementId="all", Principal="*", Condition=organization, **common)
    assert [(s["Sid"], s["Principal"]) for s in described()] == [
        ("one", {"AWS": f"arn:aws:iam::{MEMBER}:root"}),
        ("again", {"AWS": f"arn:aws:iam::{MEMBER}:root"}),
        ("all", "*"),
    ]
    assert described()[2]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    events_backends[HUB][HERE].remove_permission("hub", "one", False)
    assert [s["Sid"] for s in described()] == ["again", "all"]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"EventBusName": "nowhere", "Policy": "{}"}, AwsError, "Event bus nowhere does not exist"),
        ({"Policy": "{"}, AwsError, "invalid Json"),
        ({"Policy": '{"Version": "2008-10-17", "Statement": []}'}, Refused, "2012-10-17"),
        ({"Policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}'}, Refused, "exactly one of"),
        ({"Principal": MEMBER, "Action": "events:PutEvents"}, AwsError, "StatementId"),
        ({"Principal": MEMBER, "Action": "events:PutRule", "StatementId": "s"}, AwsError, "not supported"),
        ({"Principal": "me", "Action": "events:PutEvents", "StatementId": "s"}, AwsError, "principal"),
    ],
)
def test_permissions_that_are_not_taken(cloud: Cloud, params: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(cloud, "PutPermission", **params)
    assert described("default") == []


def test_a_policy_too_long(cloud: Cloud) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "events:PutEvents",
        "Resource": "arn:aws:events:eu-west-1:222222222222:event-bus/" + "x" * 10_240,
    }
    with pytest.raises(AwsError, match="PolicyLengthExceededException"):
        call(cloud, "PutPermission", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
