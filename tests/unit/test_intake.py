"""The one door: messages in, executions out, nothing twice and nothing lost."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.stub import ANY
from hypothesis import given
from hypothesis import strategies as st

import intake.start_execution
from intake.attempts import MOST_REPEATS, attempt_names
from intake.messages import name_of_execution, read_message
from intake.start_execution import handler, take_in
from steward.errors import EventUnreadable
from steward.lifecycle_events import parse_lifecycle_event, parse_schedule
from steward.observability import logger
from steward.settings import IntakeSettings

EVENT = json.loads((Path(__file__).parents[2] / "events" / "profile_cost_tagging" / "user_profile_created_by_iam_user.json").read_text())
REPLAYED = EVENT | {"replay-name": "after-the-outage"}
MACHINE = "arn:aws:states:eu-west-1:222222222222:stateMachine:profile-cost-tagging"
DLQ = "https://sqs.eu-west-1.amazonaws.com/222222222222/dlq"
SETTINGS = IntakeSettings({"profile_cost_tagging": MACHINE}, DLQ)
NAME = name_of_execution(parse_lifecycle_event(EVENT))
SCHEDULE = {"name": "keys", "time": "2026-11-22T10:00:00Z"}


def record(body: str, message_id: str = "message-1") -> dict[str, Any]:
    return {"messageId": message_id, "receiptHandle": "handle", "body": body, "attributes": {}, "eventSource": "aws:sqs"}


def message(workflow: str = "profile_cost_tagging", event: object = EVENT) -> str:
    return json.dumps({"workflow": workflow, "event": event})


def execution_arn(name: str) -> str:
    return f"{MACHINE.replace('stateMachine', 'execution')}:{name}"


class Door:
    """Intake between two scripted services: what is expected of it is written down first, then messages are taken in."""

    def __init__(self, scripted: Any):
        self.stepfunctions, self._states = scripted.client("stepfunctions")
        self.sqs, self._queue = scripted.client("sqs")

    def starts(self, name: str = NAME, event: Any = EVENT, error: str | None = None) -> None:
        self._start(name, parse_lifecycle_event(event).model_dump_json(), error)

    def starts_for_schedule(self, name: str, running: bool = False) -> None:
        listed = [{"executionArn": execution_arn("x"), "stateMachineArn": MACHINE, "name": "x", "status": "RUNNING", "startDate": 0}] * running
        self._states.add_response("list_executions", {"executions": listed}, {"stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1})
        if not running:
            self._start(name, parse_schedule(SCHEDULE).model_dump_json(), None)

    def _start(self, name: str, text: str, error: str | None) -> None:
        asked = {"stateMachineArn": MACHINE, "name": name, "input": text}
        if error is None:
            self._states.add_response("start_execution", {"executionArn": execution_arn(name), "startDate": 0}, asked)
        else:
            self._states.add_client_error("start_execution", error, expected_params=asked)

    def meets(
        self, status: str, name: str = NAME, event: Any = EVENT, was_for: Any = EVENT, redrivable: bool = True, failed_with: str = "TaggingFailed"
    ) -> None:
        """The name is taken, by an execution of that status, started for that event."""
        self.starts(name, event, "ExecutionAlreadyExists")
        answer = {"executionArn": execution_arn(name), "stateMachineArn": MACHINE, "status": status, "startDate": 0}
        answer |= {"input": parse_lifecycle_event(was_for).model_dump_json(), "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE"}
        answer |= {"error": failed_with} if status == "FAILED" else {}
        self._states.add_response("describe_execution", answer, {"executionArn": execution_arn(name)})

    def redrives(self, name: str = NAME, error: str | None = None) -> None:
        if error is None:
            self._states.add_response("redrive_execution", {"redriveDate": 0}, {"executionArn": execution_arn(name)})
        else:
            self._states.add_client_error("redrive_execution", error)

    def lays_aside(self, body: str, code: str, text: object) -> None:
        reason = {"ERROR_CODE": {"DataType": "String", "StringValue": code}, "ERROR_MESSAGE": {"DataType": "String", "StringValue": text}}
        self._queue.add_response("send_message", {"MessageId": "m"}, {"QueueUrl": DLQ, "MessageBody": body, "MessageAttributes": reason})

    def take_in(self, body: str) -> None:
        take_in(SQSRecord(record(body)), SETTINGS, self.stepfunctions, self.sqs)


class Saying:
    """Equal to every text that has `within` in it."""

    def __init__(self, within: str):
        self.within = within

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.within in other

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def door(scripted: Any) -> Door:
    return Door(scripted)


def test_a_message_starts_the_execution_of_its_workflow_with_plain_values(door: Door) -> None:
    door.starts()
    door.take_in(message())


# An event comes again


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_an_event_delivered_again_meets_its_execution_and_is_done(door: Door, status: str) -> None:
    door.meets(status)
    door.take_in(message())


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_an_execution_that_was_cut_off_goes_on_where_it_was(door: Door, status: str) -> None:
    door.meets(status)
    door.redrives()
    door.take_in(message())


def test_an_execution_cut_off_too_long_ago_is_repeated(door: Door) -> None:
    door.meets("ABORTED", redrivable=False)
    door.starts(f"{NAME}-r1")
    door.take_in(message())


def test_an_execution_that_another_redrove_meanwhile_is_looked_at_again(door: Door) -> None:
    door.meets("TIMED_OUT")
    door.redrives(error="ExecutionNotRedrivable")
    with pytest.raises(door.stepfunctions.exceptions.ExecutionNotRedrivable):
        door.take_in(message())
    door.meets("RUNNING")
    door.take_in(message())


def test_a_failed_execution_is_repeated_under_the_next_name(door: Door) -> None:
    door.meets("FAILED")
    door.meets("FAILED", f"{NAME}-r1")
    door.starts(f"{NAME}-r2")
    door.take_in(message())


@pytest.mark.parametrize(
    "error", ["EventBridge.FailedEntry", "AmazonEventBridge.AccessDeniedException", "SNS.SNSException", "MemberRoleNotAssumable"]
)
def test_a_failed_execution_that_could_not_tell_what_it_had_done_goes_on_there(door: Door, error: str) -> None:
    door.meets("FAILED", failed_with=error)
    door.redrives()
    door.take_in(message())


def test_a_fault_in_the_machine_is_not_met_again(door: Door) -> None:
    door.meets("FAILED", failed_with="States.QueryEvaluationError")
    door.starts(f"{NAME}-r1")
    door.take_in(message())


def test_a_failed_execution_that_was_repeated_well_is_done(door: Door) -> None:
    door.meets("FAILED")
    door.meets("SUCCEEDED", f"{NAME}-r1")
    door.take_in(message())


def test_repeating_ends(door: Door) -> None:
    for name in attempt_names(NAME):
        door.meets("FAILED", name)
    door.lays_aside(message(), "RepeatedTooOften", Saying(f"repeated {MOST_REPEATS} times"))
    door.take_in(message())


def test_a_replay_is_an_execution_of_its_own_and_only_one(door: Door) -> None:
    door.meets("SUCCEEDED", event=REPLAYED)
    door.starts(f"{NAME}-r1", event=REPLAYED)
    door.take_in(message(event=REPLAYED))
    door.meets("SUCCEEDED", event=REPLAYED)
    door.meets("RUNNING", f"{NAME}-r1", event=REPLAYED, was_for=REPLAYED)
    door.take_in(message(event=REPLAYED))


def test_a_second_replay_passes_the_first_and_the_event_itself_passes_neither(door: Door) -> None:
    second = EVENT | {"replay-name": "once-more"}
    door.meets("SUCCEEDED", event=second)
    door.meets("SUCCEEDED", f"{NAME}-r1", event=second, was_for=REPLAYED)
    door.starts(f"{NAME}-r2", event=second)
    door.take_in(message(event=second))
    door.meets("SUCCEEDED", was_for=REPLAYED)
    door.take_in(message())


# Schedules


def test_a_schedule_starts_an_execution_named_by_its_hour(door: Door) -> None:
    door.starts_for_schedule("keys-2026-11-22T10")
    door.take_in(json.dumps({"workflow": "profile_cost_tagging", "schedule": SCHEDULE}))


def test_a_schedule_is_skipped_while_the_execution_before_runs(door: Door) -> None:
    door.starts_for_schedule("keys-2026-11-22T10", running=True)
    door.take_in(json.dumps({"workflow": "profile_cost_tagging", "schedule": SCHEDULE}))


def test_a_schedule_that_fires_within_the_hour_is_named_by_the_minute() -> None:
    assert name_of_execution(parse_schedule(SCHEDULE | {"time": "2026-11-22T10:30:00Z"})) == "keys-2026-11-22T10-30"


@pytest.mark.parametrize("schedule", [{}, SCHEDULE | {"time": "soon"}, SCHEDULE | {"time": "2026-11-22T10:00:00"}, SCHEDULE | {"name": "a b"}])
def test_a_schedule_that_says_no_name_or_time_is_refused(schedule: dict[str, str]) -> None:
    with pytest.raises(EventUnreadable, match="schedule"):
        read_message(json.dumps({"workflow": "profile_cost_tagging", "schedule": schedule}))


# What cannot be taken in


UNREADABLE = [
    "",
    "no json",
    "[]",
    "7",
    "{}",
    "[" * 100_000,
    '{"workflow": "profile_cost_tagging"}',
    json.dumps({"workflow": ["profile_cost_tagging"], "event": EVENT}),
    json.dumps({"workflow": "profile_cost_tagging", "event": EVENT, "schedule": SCHEDULE}),
    message(event="text"),
    message(event=[["detail", {}]]),
    message(event={}),
    message(event=EVENT | {"account": "\u0664" * 12}),
    message(event=EVENT | {"detail": EVENT["detail"] | {"eventID": "\ud800"}}),
    message(event=EVENT | {"detail": EVENT["detail"] | {"eventID": "x" * 65}}),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: body[:60])
def test_what_cannot_be_read_is_refused(body: str) -> None:
    with pytest.raises(EventUnreadable):
        read_message(body)


def test_what_is_refused_is_laid_aside_at_once_with_its_reason(door: Door) -> None:
    door.lays_aside("no json", "EventUnreadable", Saying("the message is not"))
    door.take_in("no json")
    door.lays_aside(message(workflow="no_such_workflow"), "WorkflowUnknown", "no state machine here for the workflow 'no_such_workflow'")
    door.take_in(message(workflow="no_such_workflow"))


def test_a_reason_is_text_that_a_queue_takes(door: Door) -> None:
    body = message(event={"id": "\u0000\ufffe" + "x" * 5000})
    door.lays_aside(body, "EventUnreadable", "the event \ufffd\ufffd" + "x" * 988)
    door.take_in(body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_an_event_of_whatever_shape_is_read_or_refused_by_name(anything: object) -> None:
    for body in (json.dumps(anything), message(event=anything), message(event=EVENT | {"detail": anything})):
        with pytest.raises(EventUnreadable):
            read_message(body)


def test_however_large_an_event_is_its_execution_gets_little(door: Door) -> None:
    large = EVENT | {"detail": EVENT["detail"] | {"additionalEventData": {"x": "y" * 900_000}}}
    request = read_message(message(event=large))
    assert len(request.occasion.model_dump_json()) < 1000
    door.starts(event=large)
    door.take_in(message(event=large))


@given(st.text(min_size=64, max_size=64))
def test_the_largest_input_is_far_below_what_step_functions_takes(replay: str) -> None:
    detail = {"eventID": "e" * 64, "requestParameters": {"domainId": "d-" + "d" * 61, "userProfileName": "p" * 63}}
    event = EVENT | {"replay-name": replay, "detail": EVENT["detail"] | detail}
    assert len(parse_lifecycle_event(event).model_dump_json().encode()) < 4096


def test_of_a_batch_only_what_failed_for_the_moment_comes_back(
    door: Door, context: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    door.starts()
    door.starts(error="ThrottlingException")
    door.lays_aside("no json", "EventUnreadable", ANY)
    door.meets("RUNNING")
    monkeypatch.setattr(intake.start_execution, "hub_client", lambda service: getattr(door, service))
    monkeypatch.setenv("PROFILE_COST_TAGGING_STATE_MACHINE_ARN", MACHINE)
    monkeypatch.setenv("INTAKE_DLQ_URL", DLQ)
    bodies = {"started": message(), "throttled": message(), "unreadable": "no json", "again": message()}
    with caplog.at_level(logging.ERROR, logger=logger.name):
        answer = handler({"Records": [record(body, message_id) for message_id, body in bodies.items()]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "throttled"}]}
    assert [entry.__dict__["error"] for entry in caplog.records] == ["ClientError", "EventUnreadable"]


def test_what_cannot_be_laid_aside_comes_back(scripted: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stepfunctions, _ = scripted.client("stepfunctions")
    sqs, script = scripted.client("sqs")
    script.add_client_error("send_message", "ThrottlingException")
    monkeypatch.setattr(intake.start_execution, "hub_client", {"stepfunctions": stepfunctions, "sqs": sqs}.__getitem__)
    monkeypatch.setenv("INTAKE_DLQ_URL", DLQ)
    assert handler({"Records": [record("no json")]}, context) == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


# Names


def test_the_name_says_what_happened_to_whom() -> None:
    assert NAME.rpartition("-")[0] == "444444444444-mina-profile-created"


def test_the_same_event_in_another_region_is_another_event_and_a_replay_is_the_same() -> None:
    assert name_of_execution(parse_lifecycle_event(EVENT | {"region": "us-east-1"})) != NAME
    assert name_of_execution(parse_lifecycle_event(REPLAYED)) == NAME
