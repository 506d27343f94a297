"""From a bus to the targets of its rules: what is sent, what is logged, and what happens where it fails."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from moto.events.models import events_backends

from localaws.cloud import FOLLOWS, Call, Cloud, Refused
from localaws.eventbridge import targets
from localaws.eventbridge.service import emit
from localaws.eventbridge.targets import DeliveryFailed, Sending
from tests.localaws.eventbridge_machinery import (
    HERE,
    HUB,
    attributes,
    bodies,
    call,
    hub_bus,
    messages,
    outcomes,
    profile_created,
    queue,
    reset,
    rule,
    small_cloud,
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with small_cloud() as cloud:
        yield cloud


def test_an_event_reaches_the_queue_of_a_rule_that_matches(cloud: Cloud) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target}, {"source": ["aws.sagemaker"]})
    event = profile_created(cloud, HUB)
    emit(cloud, HUB, HERE, "aws.ec2", "Something", {})
    assert messages(target) == []
    cloud.clock.settle()
    assert bodies(target) == [event]
    assert 0.1 <= cloud.clock.now - datetime(2026, 11, 2, 8, tzinfo=UTC).timestamp() <= 0.5


def test_the_log_tells_each_delivery_and_each_decision(cloud: Cloud) -> None:
    target = queue("intake")
    arn = rule(cloud, {"Arn": target})
    event = profile_created(cloud, HUB)
    cloud.clock.settle()
    assert cloud.log.deliveries == [
        {
            "time": "2026-11-02T08:00:00Z",
            "account": HUB,
            "region": HERE,
            "bus": "default",
            "rule": "r",
            "target": target,
            "event_id": event["id"],
            "detail_type": event["detail-type"],
            "event": event,
            "outcome": "delivered",
            "error": None,
            "attempt": 1,
        }
    ]
    (decision,) = cloud.log.decisions
    assert (decision["principal"], decision["action"], decision["resource"]) == ("events.amazonaws.com", "sqs:SendMessage", target)
    assert (decision["allowed"], decision["statement"]) == (True, "0")
    assert arn.endswith(":rule/r")


def test_a_queue_lets_in_only_the_rule_it_names(cloud: Cloud) -> None:
    named = "arn:aws:events:eu-west-1:222222222222:rule/r"
    target = "arn:aws:sqs:eu-west-1:222222222222:intake"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": target}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Condition": {"ArnEquals": {"aws:SourceArn": named}}}]}
    queue("intake", policy=json.dumps(policy))
    rule(cloud, {"Arn": target})
    rule(cloud, {"Arn": target}, bus=hub_bus().rsplit("/", 1)[1])
    profile_created(cloud, HUB)
    call(cloud, "PutEvents", Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "hub"}])
    cloud.clock.settle()
    assert [body["source"] for body in bodies(target)] == ["aws.sagemaker"]
    assert sorted(outcomes(cloud)) == [("delivered", "", 1), ("dropped", "NO_PERMISSIONS", 1)]


def test_the_target_is_sent_what_its_transformer_makes(cloud: Cloud) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target, "InputTransformer": {"InputTemplate": '{"workflow": "w", "event": <aws.events.event.json>}'}})
    event = profile_created(cloud, HUB)
    cloud.clock.settle()
    assert bodies(target) == [{"workflow": "w", "event": event}]


def test_an_input_that_became_no_json_is_dead_lettered_at_once(cloud: Cloud) -> None:
    target, dead = queue("intake"), queue("dead")
    transformer = {"InputPathsMap": {"d": "$.detail"}, "InputTemplate": '{"d": "<d>"}'}
    rule(cloud, {"Arn": target, "InputTransformer": transformer, "DeadLetterConfig": {"Arn": dead}})
    profile_created(cloud, HUB)
    cloud.clock.settle()
    assert messages(target) == []
    assert attributes(messages(dead)[0])["ERROR_CODE"] == "INVALID_JSON"


def test_disabled_rules_do_not_fire(cloud: Cloud) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target})
    events_backends[HUB][HERE].disable_rule("r", None)
    profile_created(cloud, HUB)
    cloud.clock.settle()
    events_backends[HUB][HERE].enable_rule("r", None)
    event = profile_created(cloud, HUB)
    cloud.clock.settle()
    assert bodies(target) == [event]


def test_a_rule_without_a_pattern_matches_no_event(cloud: Cloud) -> None:
    backend = events_backends[HUB][HERE]
    backend.put_rule("nightly", scheduled_expression="rate(1 day)")
    backend.put_targets("nightly", None, [{"Id": "t", "Arn": queue("intake")}])
    profile_created(cloud, HUB)
    cloud.clock.settle()
    assert cloud.log.deliveries == []


def test_what_is_delivered_is_the_event_as_it_was_when_it_came(cloud: Cloud) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target})
    event = profile_created(cloud, HUB)
    event["detail"]["eventName"] = "Changed"
    cloud.clock.settle()
    assert bodies(target)[0]["detail"]["eventName"] == "CreateUserProfile"


@pytest.mark.parametrize(("state", "expected"), [("ENABLED", 0), ("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", 1)])
def test_reads_that_cloudtrail_records_reach_only_rules_that_ask_for_them(cloud: Cloud, state: str, expected: int) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target}, State=state)
    emit(cloud, HUB, HERE, "aws.sagemaker", "AWS API Call via CloudTrail", {"eventName": "DescribeDomain", "readOnly": True})
    cloud.clock.settle()
    assert len(messages(target)) == expected


def test_readers_of_a_queue_learn_of_the_message(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Call] = []
    monkeypatch.setitem(FOLLOWS, ("sqs", "SendMessage"), [lambda _, call, __: told.append(call)])
    rule(cloud, {"Arn": queue("intake")})
    profile_created(cloud, HUB)
    cloud.clock.settle()
    assert [(call.account, call.region, call.params["QueueUrl"]) for call in told] == [
        (HUB, HERE, "https://sqs.eu-west-1.amazonaws.com/222222222222/intake"),
    ]
    assert cloud.log.calls == []


def test_an_archive_keeps_what_matches_it_and_moto_delivers_nothing(cloud: Cloud) -> None:
    backend = events_backends[HUB][HERE]
    arn = hub_bus()
    archive = backend.create_archive("kept", arn, "", '{"source": ["my.app"]}', "")
    for source in ("my.app", "your.app"):
        call(cloud, "PutEvents", Entries=[{"Source": source, "DetailType": "d", "Detail": "{}", "EventBusName": "hub"}])
    cloud.clock.settle()
    assert [event["source"] for event in archive.events] == ["my.app"]
    assert cloud.log.deliveries == []
    with pytest.raises(Refused, match="moto's own delivery"):
        backend.put_events([{"Source": "my.app", "DetailType": "d", "Detail": "{}", "EventBusName": "hub"}])


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Queues fail `times` times; returns the moments of all attempts."""

    def fail(cloud: Cloud, times: int, code: str = "THROTTLING", *, retryable: bool = True) -> list[float]:
        attempts: list[float] = []

        def send_or_fail(cloud: Cloud, sending: Sending) -> None:
            attempts.append(cloud.clock.now)
            if len(attempts) <= times:
                raise DeliveryFailed(code, "not now", retryable=retryable)
            targets.send_to_queue(cloud, sending)

        monkeypatch.setitem(targets.SENDERS, "sqs", send_or_fail)
        return attempts

    return fail


def test_what_can_be_retried_is_retried_with_growing_waits(cloud: Cloud, flaky: Callable[..., list[float]]) -> None:
    target = queue("intake")
    attempts = flaky(cloud, 8)
    rule(cloud, {"Arn": target})
    event = profile_created(cloud, HUB)
    cloud.clock.settle()
    waits = [after - before for before, after in pairwise(attempts)]
    assert bodies(target) == [event]
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits))
    assert [entry["outcome"] for entry in cloud.log.deliveries] == ["failed"] * 8 + ["delivered"]


def test_retries_end_after_185_attempts_or_a_day(cloud: Cloud, flaky: Callable[..., list[float]]) -> None:
    dead = queue("dead")
    attempts = flaky(cloud, 10_000)
    rule(cloud, {"Arn": queue("intake"), "DeadLetterConfig": {"Arn": dead}})
    profile_created(cloud, HUB)
    cloud.clock.settle()
    said = attributes(messages(dead)[0])
    limit = {"MaximumRetryAttempts": len(attempts) == 186, "MaximumEventAgeInSeconds": attempts[-1] - attempts[0] > 86_400 - 601}
    assert limit[said["EXHAUSTED_RETRY_CONDITION"]]
    assert len(attempts) > 100
    assert attempts[-1] - attempts[0] <= 86_400


@pytest.mark.parametrize(
    ("policy", "condition", "retries"),
    [
        ({"MaximumRetryAttempts": 2}, "MaximumRetryAttempts", "2"),
        ({"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 185}, "MaximumEventAgeInSeconds", None),
    ],
)
def test_a_targets_own_retry_policy(cloud: Cloud, flaky: Any, policy: dict[str, int], condition: str, retries: str | None) -> None:
    dead = queue("dead")
    attempts = flaky(cloud, 10_000)
    target = queue("intake")
    arn = rule(cloud, {"Arn": target, "RetryPolicy": policy, "DeadLetterConfig": {"Arn": dead}})
    event = profile_created(cloud, HUB)
    cloud.clock.settle()
    assert attempts[-1] - attempts[0] <= 60
    assert bodies(dead) == [event]
    assert attributes(messages(dead)[0]) == {
        "RULE_ARN": arn,
        "TARGET_ARN": target,
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "not now",
        "RETRY_ATTEMPTS": retries or str(len(attempts) - 1),
        "EXHAUSTED_RETRY_CONDITION": condition,
    }
    assert cloud.log.deliveries[-1]["outcome"] == "dead-lettered"


@pytest.mark.parametrize(("policy", "exists", "code"), [(None, True, "NO_PERMISSIONS"), (None, False, "NO_RESOURCE")])
def test_what_cannot_be_retried_goes_to_the_dead_letter_queue_at_once(cloud: Cloud, policy: str | None, exists: bool, code: str) -> None:
    dead = queue("dead")
    target = queue("intake", policy=policy) if exists else "arn:aws:sqs:eu-west-1:222222222222:gone"
    rule(cloud, {"Arn": target, "DeadLetterConfig": {"Arn": dead}, "RetryPolicy": {"MaximumRetryAttempts": 0}})
    event = profile_created(cloud, HUB)
    cloud.clock.settle()
    assert bodies(dead) == [event]
    said = attributes(messages(dead)[0])
    assert (said["ERROR_CODE"], said["RETRY_ATTEMPTS"]) == (code, "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in said
    assert outcomes(cloud) == [("dead-lettered", code, 1)]


def test_without_a_dead_letter_queue_the_event_is_lost(cloud: Cloud) -> None:
    rule(cloud, {"Arn": queue("intake", policy=None)})
    profile_created(cloud, HUB)
    cloud.clock.settle()
    assert outcomes(cloud) == [("dropped", "NO_PERMISSIONS", 1)]


def test_a_dead_letter_queue_that_does_not_let_eventbridge_in_loses_the_event(cloud: Cloud) -> None:
    dead = queue("dead", policy=None)
    rule(cloud, {"Arn": queue("intake", policy=None), "DeadLetterConfig": {"Arn": dead}})
    profile_created(cloud, HUB)
    cloud.clock.settle()
    assert messages(dead) == []
    assert outcomes(cloud) == [("dropped", "NO_PERMISSIONS", 1)]
    assert "dead-letter queue: NO_PERMISSIONS" in cloud.log.deliveries[0]["error"]


def test_two_runs_with_one_seed_are_the_same(cloud: Cloud) -> None:
    def story() -> list[dict[str, Any]]:
        reset()
        fresh = Cloud(cloud.clock, cloud.organization, seed=7)
        rule(fresh, {"Arn": queue("intake")})
        start = fresh.clock.now
        moments = []
        for _ in range(5):
            profile_created(fresh, HUB)
        while fresh.clock.run_next():
            moments.append(round(fresh.clock.now - start, 6))
        return [{"after": moment, "id": entry["event_id"]} for moment, entry in zip(moments, fresh.log.deliveries, strict=True)]

    assert story() == story()
