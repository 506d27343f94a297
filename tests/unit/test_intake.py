"""The one door: messages in, executions out, nothing twice and nothing lost."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import given
from hypothesis import strategies as st

import intake.start_execution
from intake.start_execution import execution_name, handler, read_message, start_execution
from steward.errors import EventUnreadable, WorkflowUnknown
from steward.lifecycle_events import UserProfileCreated, parse_lifecycle_event
from steward.observability import logger

EVENT = json.loads((Path(__file__).parents[2] / "events" / "profile_cost_tagging" / "user_profile_created_by_iam_user.json").read_text())
MACHINE = "arn:aws:states:eu-west-1:222222222222:stateMachine:profile-cost-tagging"
MACHINES = {"profile_cost_tagging": MACHINE}
EXECUTION = {"executionArn": MACHINE.replace("stateMachine", "execution") + ":name", "startDate": 0}
NAME = execution_name(parse_lifecycle_event(EVENT))


def record(body: str, message_id: str = "message-1") -> dict[str, Any]:
    return {"messageId": message_id, "receiptHandle": "handle", "body": body, "attributes": {}, "eventSource": "aws:sqs"}


def message(workflow: str = "profile_cost_tagging", event: object = EVENT) -> str:
    return json.dumps({"workflow": workflow, "event": event})


def asked_for(**other: str) -> dict[str, str]:
    return {"stateMachineArn": MACHINE, "name": NAME, "input": parse_lifecycle_event(EVENT).model_dump_json()} | other


def test_a_message_starts_the_execution_of_its_workflow_with_six_plain_values(scripted: Any) -> None:
    client, script = scripted.client("stepfunctions")
    script.add_response("start_execution", EXECUTION, asked_for())
    start_execution(SQSRecord(record(message())), MACHINES, client)


def test_an_event_delivered_again_meets_its_execution_and_is_done(scripted: Any) -> None:
    client, script = scripted.client("stepfunctions")
    script.add_response("start_execution", EXECUTION, asked_for())
    script.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=asked_for())
    for _ in range(2):
        start_execution(SQSRecord(record(message())), MACHINES, client)


def test_a_workflow_without_a_machine_is_refused_by_name(scripted: Any) -> None:
    client, _ = scripted.client("stepfunctions")
    with pytest.raises(WorkflowUnknown, match="no_such_workflow"):
        start_execution(SQSRecord(record(message(workflow="no_such_workflow"))), MACHINES, client)


@pytest.mark.parametrize("body", ["", "no json", "[]", "7", "{}", '{"workflow": "profile_cost_tagging"}', message(event="text"), message(event={})])
def test_what_cannot_be_read_is_refused(body: str) -> None:
    with pytest.raises(EventUnreadable):
        read_message(body)


def test_of_a_batch_only_the_messages_at_fault_come_back(
    scripted: Any, context: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, script = scripted.client("stepfunctions")
    script.add_response("start_execution", EXECUTION, asked_for())
    script.add_client_error("start_execution", "ThrottlingException", expected_params=asked_for())
    script.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=asked_for())
    monkeypatch.setattr(intake.start_execution, "hub_client", lambda _: client)
    monkeypatch.setenv("PROFILE_COST_TAGGING_STATE_MACHINE_ARN", MACHINE)
    bodies = {"started": message(), "throttled": message(), "unreadable": "no json", "again": message()}
    with caplog.at_level(logging.ERROR, logger=logger.name):
        answer = handler({"Records": [record(body, message_id) for message_id, body in bodies.items()]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "throttled"}, {"itemIdentifier": "unreadable"}]}
    assert [entry.__dict__["error"] for entry in caplog.records] == ["ClientError", "EventUnreadable"]


def test_a_batch_that_fails_as_a_whole_comes_back_as_a_whole(scripted: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = scripted.client("stepfunctions")
    monkeypatch.setattr(intake.start_execution, "hub_client", lambda _: client)
    assert handler({"Records": [record("no json")]}, context) == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_the_name_says_what_happened_to_whom() -> None:
    assert NAME.rpartition("-")[0] == "444444444444-mina-profile-created"


def test_the_same_event_in_another_region_is_another_event() -> None:
    assert execution_name(parse_lifecycle_event(EVENT | {"region": "us-east-1"})) != NAME


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_name_is_one_that_step_functions_takes_and_leaves_room_for_a_suffix(user_profile_name: str, event_id: str) -> None:
    event = UserProfileCreated.model_construct(
        account_id="444444444444", region="eu-west-1", event_id=event_id, user_profile_name=user_profile_name, event_time="", domain_id=""
    )
    name = execution_name(event)
    assert len(name) <= 80 - len("-r99")
    assert set(name) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
    assert name == execution_name(event)
