"""What a target is sent. Expectations: EventBridge User Guide, "Input transformation", and what AWS was seen to do (see the module)."""

import json
from typing import Any

import pytest

from localaws.cloud import Refused
from localaws.eventbridge.transformer import ABSENT, Firing, InvalidInput, NotDelivered, check_target_input, find, target_input

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "e1",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-11-02T08:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1"],
    "detail": {
        "instance-id": "i-0123456789",
        "state": "RUNNING",
        "count": 3,
        "on": True,
        "nothing": None,
        "said": 'he said "no" \\ ü',
        "parts": [{"c-d": "deep", "n": [1, 2]}],
    },
}
FIRING = Firing(EVENT, "arn:aws:events:us-east-1:123456789012:rule/hub/example", "example", "2026-11-02T08:00:01Z")


def transformed(template: str, **paths: str) -> str:
    target = {"Id": "t", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    check_target_input(target)
    return target_input(target, FIRING)


def test_without_an_input_the_whole_event_is_sent() -> None:
    assert json.loads(target_input({"Id": "t"}, FIRING)) == EVENT


def test_a_constant_is_sent_as_it_is() -> None:
    assert target_input({"Id": "t", "Input": '{"a": 1}'}, FIRING) == '{"a": 1}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail-type", EVENT["detail-type"]),
        ("$.detail.instance-id", "i-0123456789"),
        ("$.resources[0]", EVENT["resources"][0]),
        ("$.detail.parts[0].c-d", "deep"),
        ("$.detail.parts[0].n[1]", 2),
        ("$.detail.nothing", None),
    ],
)
def test_a_part_of_the_event(path: str, expected: Any) -> None:
    assert json.loads(target_input({"Id": "t", "InputPath": path}, FIRING)) == expected


@pytest.mark.parametrize("path", ["$.detail.nope", "$.detail.parts[1]", "$.detail.state.more", "$.detail.state[0]", "$.detail.nothing.more"])
def test_a_part_that_is_not_there_is_not_delivered(path: str) -> None:
    assert find(path, EVENT) is ABSENT
    with pytest.raises(NotDelivered, match="not in the event"):
        target_input({"Id": "t", "InputPath": path}, FIRING)


def test_the_whole_event_in_an_envelope_of_our_own_is_valid_json() -> None:
    body = transformed('{"workflow": "profile_cost_tagging", "event": <aws.events.event.json>}')
    assert json.loads(body) == {"workflow": "profile_cost_tagging", "event": EVENT}


def test_variables_in_json_take_quotes_where_they_need_them() -> None:
    template = (
        '{"id": <id>, "state": "<state>", "list": [9, <state>, true], "text": "instance \\"<id>\\" is <state>", "count": <count>, "part": <part>}'
    )
    body = transformed(template, id="$.detail.instance-id", state="$.detail.state", count="$.detail.count", part="$.detail.parts")
    assert json.loads(body) == {
        "id": "i-0123456789",
        "state": "RUNNING",
        "list": [9, "RUNNING", True],
        "text": 'instance "i-0123456789" is RUNNING',
        "count": 3,
        "part": [{"c-d": "deep", "n": [1, 2]}],
    }


def test_unquoted_text_is_escaped_and_quoted_text_is_not() -> None:
    assert json.loads(transformed('{"said": <said>}', said="$.detail.said")) == {"said": EVENT["detail"]["said"]}
    with pytest.raises(NotDelivered, match="invalid JSON"):
        transformed('{"said": "<said>"}', said="$.detail.said")


def test_an_object_inside_a_string_of_json_is_not_delivered() -> None:
    with pytest.raises(NotDelivered, match="invalid JSON"):
        transformed('{"part": "<part>"}', part="$.detail.parts")


def test_text_templates() -> None:
    paths = {"state": "$.detail.state", "on": "$.detail.on", "part": "$.detail.parts[0]", "gone": "$.detail.nope"}
    assert transformed('"<state>, on: <on>, part: <part>, gone: <gone>."', **paths) == '"RUNNING, on: true, part: {c-d:deep,n:[1,2]}, gone: ."'
    assert transformed('"first <state>"\n"second <on>"', **paths) == '"first RUNNING"\n"second true"'
    with pytest.raises(NotDelivered):
        transformed("<state> without quotes", **paths)


def test_a_variable_without_a_value_is_empty() -> None:
    assert json.loads(transformed('{"a": <gone>, "b": "<gone>", "c": "x<gone>y"}', gone="$.detail.nope")) == {"a": "", "b": "", "c": "xy"}


def test_reserved_variables() -> None:
    template = (
        """{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>, "event": <aws.events.event>}"""
    )
    body = json.loads(transformed(template))
    assert (body["arn"], body["name"], body["at"]) == (FIRING.rule_arn, "example", "2026-11-02T08:00:01Z")
    assert "detail" not in body["event"]
    assert body["event"]["detailType"] == EVENT["detail-type"]
    assert body["event"]["account"] == "123456789012"
    assert body["event"]["time"] == "2026-11-02T08:00:01Z"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"Input": "{}", "InputPath": "$"}, "Only one of Input, InputPath, or InputTransformer must be provided for target t."),
        ({"Input": "{"}, "JSON syntax error in input for target t"),
        ({"InputTransformer": {"InputTemplate": '"<x>"'}}, "InputTemplate for target t contains invalid placeholder x."),
        ({"InputTransformer": {"InputTemplate": '"a"', "InputPathsMap": {"aws.events.event": "$.id"}}}, "reserved key aws.events.event"),
        ({"InputTransformer": {"InputTemplate": '"a"', "InputPathsMap": {f"v{n}": "$.id" for n in range(101)}}}, "more than 100 paths"),
    ],
)
def test_inputs_that_aws_would_not_take(target: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message.replace("(", "\\(")):
        check_target_input({"Id": "t", **target})


@pytest.mark.parametrize("path", ["$.detail.*", "$..id", "detail", "$.resources[*]", "$['detail']"])
def test_json_paths_not_followed_are_refused_by_name(path: str) -> None:
    with pytest.raises(Refused, match="JSON path"):
        check_target_input({"Id": "t", "InputPath": path})
