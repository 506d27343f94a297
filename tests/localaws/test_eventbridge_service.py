"""Events come in: from callers, from AWS services, and out of files."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from localaws.cloud import AwsError, Cloud, Refused
from localaws.eventbridge.buses import bus_arn
from localaws.eventbridge.service import send
from tests.localaws.eventbridge_machinery import (
    HERE,
    HUB,
    MEMBER,
    STRANGER,
    THERE,
    bodies,
    call,
    hub_bus,
    outcomes,
    profile_created,
    put,
    queue,
    rule,
    small_cloud,
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with small_cloud() as cloud:
        yield cloud


def test_put_events_makes_the_envelope(cloud: Cloud) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target})
    moment = datetime(2026, 11, 1, 7, tzinfo=UTC)
    answer = put(cloud, Detail='{"a": 1}', Resources=["x"], Time=moment)
    put(cloud, Time=moment.timestamp())
    put(cloud)
    cloud.clock.settle()
    assert answer["FailedEntryCount"] == 0
    arrived = {body["id"]: body for body in bodies(target)}
    assert arrived[answer["Entries"][0]["EventId"]] == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "d",
        "source": "my.app",
        "account": HUB,
        "time": "2026-11-01T07:00:00Z",
        "region": HERE,
        "resources": ["x"],
        "detail": {"a": 1},
    }
    assert sorted(body["time"] for body in arrived.values()) == ["2026-11-01T07:00:00Z", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": '"text"'}, "MalformedDetail"),
        ({"Detail": "[1]"}, "MalformedDetail"),
        ({"Source": "aws.sagemaker"}, "NotAuthorizedForSourceException"),
    ],
)
def test_a_bad_entry_fails_beside_a_good_one(cloud: Cloud, entry: dict[str, str], code: str) -> None:
    target = queue("intake")
    rule(cloud, {"Arn": target})
    good = {"Source": "my.app", "DetailType": "d", "Detail": "{}"}
    answer = call(cloud, "PutEvents", Entries=[{**good, **entry}, good])
    cloud.clock.settle()
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert [body["id"] for body in bodies(target)] == [answer["Entries"][1]["EventId"]]


def test_too_many_entries_and_too_large_ones_fail_the_call(cloud: Cloud) -> None:
    entry = {"Source": "my.app", "DetailType": "d", "Detail": "{}"}
    with pytest.raises(AwsError, match="less than or equal to 10"):
        call(cloud, "PutEvents", Entries=[entry] * 11)
    with pytest.raises(AwsError, match="Total size of the entries"):
        call(cloud, "PutEvents", Entries=[entry, {**entry, "Detail": json.dumps({"a": "x" * 1024 * 1024})}])
    full = {**entry, "Detail": json.dumps({"a": "x" * (1024 * 1024 - len('my.appd{"a": ""}'))})}
    assert call(cloud, "PutEvents", Entries=[full])["FailedEntryCount"] == 0
    with pytest.raises(AwsError, match="Total size of the entries"):
        call(cloud, "PutEvents", Entries=[{**full, "Time": 0}])


def test_an_event_for_a_bus_that_does_not_exist_is_lost_and_the_log_says_so(cloud: Cloud) -> None:
    answer = put(cloud, EventBusName="nowhere")
    assert answer["FailedEntryCount"] == 0
    assert [(entry["bus"], entry["event_id"]) for entry in cloud.log.deliveries] == [("nowhere", answer["Entries"][0]["EventId"])]
    assert outcomes(cloud) == [("dropped", "Event bus nowhere does not exist.", 0)]


def test_put_events_on_a_bus_of_another_account(cloud: Cloud) -> None:
    target = queue("intake")
    bus = hub_bus(StringEquals={"aws:PrincipalOrgID": "o-1"}, Bool={"events:eventBusInvocation": "false"})
    rule(cloud, {"Arn": target}, bus="hub")
    allowed, refused = put(cloud, MEMBER, EventBusName=bus), put(cloud, STRANGER, EventBusName=bus)
    cloud.clock.settle()
    assert [body["account"] for body in bodies(target)] == [MEMBER]
    assert allowed["FailedEntryCount"] == 0
    assert refused["Entries"][0]["ErrorCode"] == "AccessDeniedException"
    assert "no resource-based policy" in refused["Entries"][0]["ErrorMessage"]


def test_put_events_across_regions_is_refused(cloud: Cloud) -> None:
    with pytest.raises(Refused, match="us-east-1"):
        put(cloud, EventBusName=bus_arn(HUB, THERE))


def test_send_puts_an_event_as_it_is_where_it_belongs(cloud: Cloud) -> None:
    target = queue("intake", MEMBER, THERE)
    rule(cloud, {"Arn": target}, account=MEMBER, region=THERE)
    event = {**profile_created(cloud, MEMBER, THERE), "id": "from-a-file", "time": "2020-01-01T00:00:00Z", "version": "0"}
    cloud.clock.settle()
    send(cloud, event)
    cloud.clock.settle()
    assert bodies(target)[1] == event


def test_send_takes_events_of_the_organization_only(cloud: Cloud) -> None:
    event = profile_created(cloud)
    with pytest.raises(ValueError, match="no account of this organization"):
        send(cloud, {**event, "account": STRANGER})
    with pytest.raises(ValueError, match="no Region of this organization"):
        send(cloud, {**event, "region": "ap-south-1"})
    with pytest.raises(ValueError, match="detail-type"):
        send(cloud, {name: value for name, value in event.items() if name != "detail-type"})
    with pytest.raises(ValueError, match="detail is an object"):
        send(cloud, {**event, "detail": "text"})


def test_what_would_match(cloud: Cloud) -> None:
    event = json.dumps(profile_created(cloud))
    assert call(cloud, "TestEventPattern", Event=event, EventPattern='{"source": ["aws.sagemaker"]}') == {"Result": True}
    assert call(cloud, "TestEventPattern", Event=event, EventPattern='{"source": ["aws.ec2"]}') == {"Result": False}
    with pytest.raises(AwsError, match="Parameter Event is not valid"):
        call(cloud, "TestEventPattern", Event='{"source": "a"}', EventPattern='{"source": ["a"]}')
    with pytest.raises(AwsError, match=r"InvalidEventPatternException: .* Empty arrays"):
        call(cloud, "TestEventPattern", Event=event, EventPattern='{"source": []}')
