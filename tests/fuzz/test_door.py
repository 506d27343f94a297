"""Whatever comes into the intake queue: an execution is started for it, or it lies in the dead-letter queue with its reason. None is lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import intake.start_execution
from intake.start_execution import handler
from steward import errors
from tests.fuzz.pretended import DLQ, MACHINE, Pretended
from tests.fuzz.strangeness import EVENTS, VALUES, anything, changed, event_files, message, read, repeatable, strange_events, workflow_of
from tests.unit.conftest import Context

REASONS = {error.__name__ for error in errors.MessageRefused.__subclasses__()}
WORKFLOWS = sorted(file.name.removesuffix(".asl.yaml") for file in (EVENTS.parent / "statemachines").iterdir())

schedules = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["keys", "sweep"]) | anything,
        "time": st.sampled_from(["2026-11-22T10:00:00Z", "<aws.scheduler.scheduled-time>"]) | anything,
    }
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32), min_size=1, max_size=200)
"""What SQS takes as a message."""

bodies = st.one_of(
    strange_events().map(lambda strange: message(*strange)),
    st.sampled_from(event_files()).map(lambda file: message(workflow_of(file), read(file))),
    st.tuples(anything, st.sampled_from(event_files())).map(lambda drawn: message(drawn[0], read(drawn[1]))),
    schedules.map(lambda schedule: json.dumps({"workflow": "cost_key_activation", "schedule": schedule})),
    anything.map(json.dumps),
    texts,
)


@pytest.fixture(scope="module")
def aws() -> Iterator[Pretended]:
    """Intake, with AWS pretended around it."""
    aws = Pretended()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake.start_execution, "hub_client", aws.client)
        patch.setenv("INTAKE_DLQ_URL", DLQ)
        for workflow in WORKFLOWS:
            patch.setenv(f"{workflow.upper()}_STATE_MACHINE_ARN", MACHINE.format(workflow))
        yield aws


def take_in(*batch: str) -> None:
    """Nothing here is of the moment, so no message may have to come back."""
    records = [
        {"messageId": f"m{number}", "body": body, "attributes": {}, "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn"}
        for number, body in enumerate(batch)
    ]
    assert handler({"Records": records}, Context()) == {"batchItemFailures": []}


@repeatable(60)
@given(st.lists(bodies, min_size=1, max_size=6))
def test_every_message_is_started_or_laid_aside_with_its_reason(aws: Pretended, batch: list[str]) -> None:
    aws.forget()
    for body in batch:
        before = {**aws.started}, len(aws.dead)
        take_in(body)
        started = [execution for name, execution in aws.started.items() if name not in before[0]]
        dead = aws.dead[before[1] :]
        assert len(started) + len(dead) == 1 or was_started_before(body, before[0])
        for text, reason in dead:
            assert text == body
            assert reason["ERROR_CODE"] in REASONS
            assert reason["ERROR_MESSAGE"]
    again = {**aws.started}, len(aws.dead)
    take_in(*batch)
    assert ({**aws.started}, len(aws.dead)) == (again[0], 2 * again[1]), "the same batch again starts nothing"


def was_started_before(body: str, started: dict[str, dict[str, Any]]) -> bool:
    """By another message of the same event, or of the same moment of a schedule."""
    asked = json.loads(body)
    key, value = ("event_id", asked["event"]["detail"]["eventID"]) if "event" in asked else ("time", asked["schedule"]["time"])
    return any(json.loads(execution["input"]).get(key) == value for execution in started.values())


@pytest.mark.parametrize("how", VALUES)
def test_a_reason_can_be_written_whatever_it_has_to_name(aws: Pretended, how: str) -> None:
    aws.forget()
    body = message("profile_cost_tagging", changed({"account": "444444444444"}, ("id",), VALUES[how]))
    take_in(body)
    ((text, reason),) = aws.dead
    assert (text, reason["ERROR_CODE"]) == (body, "EventUnreadable")


@repeatable(150)
@given(strange_events())
def test_an_execution_is_given_the_account_and_region_of_the_envelope(aws: Pretended, strange: tuple[str, dict[str, Any]]) -> None:
    workflow, event = strange
    aws.forget()
    take_in(message(workflow, event))
    for name, execution in aws.started.items():
        given_input = json.loads(execution["input"])
        assert (given_input["account_id"], given_input["region"]) == (event["account"], event["region"])
        assert name.startswith(f"{event['account']}-")
        assert execution["stateMachineArn"] == MACHINE.format(workflow)
