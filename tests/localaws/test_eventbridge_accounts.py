"""Events over accounts and Regions: one hop, with a role, past the policy of the bus."""

import json
from collections.abc import Iterator

import pytest
from moto.events.models import events_backends

from localaws.cloud import Cloud, Refused
from localaws.eventbridge.buses import bus_arn
from tests.localaws.eventbridge_machinery import (
    HERE,
    HUB,
    MEMBER,
    MEMBERS_ONLY,
    OTHER,
    STRANGER,
    THERE,
    attributes,
    bodies,
    call,
    forward,
    hub_bus,
    messages,
    outcomes,
    profile_created,
    put,
    queue,
    role,
    rule,
    small_cloud,
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with small_cloud() as cloud:
        yield cloud


def test_a_members_event_reaches_the_hub_as_it_was(cloud: Cloud) -> None:
    target = queue("intake")
    bus = hub_bus(**MEMBERS_ONLY)
    rule(cloud, {"Arn": target}, bus="hub")
    forward(cloud, bus)
    event = profile_created(cloud)
    cloud.clock.settle()
    assert bodies(target) == [event]
    assert (event["account"], event["region"]) == (MEMBER, HERE)


def test_crossing_regions_keeps_the_origin_and_changes_the_id(cloud: Cloud) -> None:
    target = queue("intake")
    bus = hub_bus(**MEMBERS_ONLY)
    rule(cloud, {"Arn": target}, bus="hub")
    forward(cloud, bus, region=THERE)
    event = profile_created(cloud, region=THERE)
    cloud.clock.settle()
    (arrived,) = bodies(target)
    assert {**arrived, "id": event["id"]} == event
    assert arrived["id"] != event["id"]


def test_the_hub_lets_in_members_with_the_forwarder_role_and_aws_sources_only(cloud: Cloud) -> None:
    bus = hub_bus(**MEMBERS_ONLY)
    dead = queue("dead", MEMBER)
    target = queue("intake")
    rule(cloud, {"Arn": target}, bus="hub")
    forward(cloud, bus, DeadLetterConfig={"Arn": dead})
    call(cloud, "PutEvents", MEMBER, Entries=[{"Source": "studio.steward", "DetailType": "Forged", "Detail": "{}"}])
    rule(cloud, {"Arn": bus, "RoleArn": role(OTHER, "another", "/")}, account=OTHER)
    profile_created(cloud, OTHER)
    rule(cloud, {"Arn": bus, "RoleArn": role(STRANGER)}, account=STRANGER)
    profile_created(cloud, STRANGER)
    cloud.clock.settle()
    assert messages(target) == []
    assert [attributes(message)["ERROR_CODE"] for message in messages(dead)] == ["NO_PERMISSIONS"]
    reasons = {
        entry["principal"].split(":")[4]: entry["reason"]
        for entry in cloud.log.decisions
        if entry["action"] == "events:PutEvents" and not entry["allowed"]
    }
    assert "events:source" in reasons[MEMBER]
    assert "aws:PrincipalArn" in reasons[OTHER]
    assert "aws:PrincipalOrgID" in reasons[STRANGER]


def test_a_bus_without_a_policy_lets_in_its_own_account_only(cloud: Cloud) -> None:
    events_backends[HUB][HERE].create_event_bus("hub")
    target = queue("intake")
    rule(cloud, {"Arn": target}, bus="hub")
    forward(cloud, bus_arn(HUB, HERE, "hub"), account=HUB)
    forward(cloud, bus_arn(HUB, HERE, "hub"), account=MEMBER)
    own, _ = profile_created(cloud, HUB), profile_created(cloud, MEMBER)
    cloud.clock.settle()
    assert bodies(target) == [own]


def test_a_deny_on_a_bus_binds_its_own_account_too(cloud: Cloud) -> None:
    bus = hub_bus()
    deny = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": bus}
    call(cloud, "PutPermission", EventBusName="hub", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    answer = call(cloud, "PutEvents", Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "hub"}])
    assert answer["Entries"][0]["ErrorCode"] == "AccessDeniedException"


def test_the_role_of_a_target_must_exist(cloud: Cloud) -> None:
    bus = hub_bus()
    rule(cloud, {"Arn": bus, "RoleArn": f"arn:aws:iam::{MEMBER}:role/gone"}, account=MEMBER)
    profile_created(cloud)
    cloud.clock.settle()
    assert outcomes(cloud) == [("dropped", "FAILED_TO_ASSUME_ROLE", 1)]


def test_a_bus_that_is_gone(cloud: Cloud) -> None:
    forward(cloud, bus_arn(HUB, HERE, "gone"))
    profile_created(cloud)
    cloud.clock.settle()
    assert outcomes(cloud) == [("dropped", "NO_RESOURCE", 1)]


def test_no_third_account(cloud: Cloud) -> None:
    bus = hub_bus()
    dead = queue("dead")
    forward(cloud, bus)
    rule(cloud, {"Arn": bus_arn(OTHER, HERE), "RoleArn": role(HUB), "DeadLetterConfig": {"Arn": dead}}, bus="hub")
    profile_created(cloud)
    cloud.clock.settle()
    assert [attributes(message)["ERROR_CODE"] for message in messages(dead)] == ["THIRD_ACCOUNT_HOP_DETECTED"]


def test_no_third_account_for_what_another_account_put_there_itself(cloud: Cloud) -> None:
    bus = hub_bus()
    rule(cloud, {"Arn": bus_arn(OTHER, HERE), "RoleArn": role(HUB)}, bus="hub")
    put(cloud, MEMBER, EventBusName=bus)
    cloud.clock.settle()
    assert outcomes(cloud) == [("dropped", "THIRD_ACCOUNT_HOP_DETECTED", 1)]


def test_a_condition_that_aws_leaves_open_is_refused(cloud: Cloud) -> None:
    forward(cloud, hub_bus(Bool={"events:eventBusInvocation": "true"}), account=HUB)
    profile_created(cloud, HUB)
    with pytest.raises(Refused, match="events:eventBusInvocation"):
        cloud.clock.settle()


def test_no_third_region(cloud: Cloud) -> None:
    bus = hub_bus()
    forward(cloud, bus, account=HUB, region=THERE)
    rule(cloud, {"Arn": bus_arn(HUB, "eu-central-1"), "RoleArn": role(HUB, "second")}, bus="hub")
    profile_created(cloud, HUB, THERE)
    cloud.clock.settle()
    assert ("dropped", "THIRD_REGION_HOP_DETECTED", 1) in outcomes(cloud)


def test_a_second_hop_within_an_account_is_refused(cloud: Cloud) -> None:
    bus = hub_bus()
    hub_bus("third")
    forward(cloud, bus, account=HUB)
    rule(cloud, {"Arn": bus_arn(HUB, HERE, "third"), "RoleArn": role(HUB, "second")}, bus="hub")
    profile_created(cloud, HUB)
    with pytest.raises(Refused, match="second hop"):
        cloud.clock.settle()


def test_undelivered_events_of_members_go_to_a_queue_of_the_hub_by_organization(cloud: Cloud) -> None:
    arn = f"arn:aws:sqs:{HERE}:{HUB}:undelivered"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    condition = {
        "StringEquals": {"aws:SourceOrgID": "o-1", "aws:SourceAccount": [MEMBER, STRANGER]},
        "ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"},
    }
    queue("undelivered", policy=json.dumps({"Version": "2012-10-17", "Statement": [allow | {"Condition": condition}]}))
    for account in (MEMBER, STRANGER):
        forward(cloud, bus_arn(HUB, HERE, "gone"), account, DeadLetterConfig={"Arn": arn})
        profile_created(cloud, account)
    cloud.clock.settle()
    assert [body["account"] for body in bodies(arn)] == [MEMBER]
    assert {entry["account"]: entry["outcome"] for entry in cloud.log.deliveries} == {MEMBER: "dead-lettered", STRANGER: "dropped"}
