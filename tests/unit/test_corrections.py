"""Three corrections a day, each event once: decided by DynamoDB's condition, tried on moto's table, since two executions may ask at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from steward.resources.corrections import KEPT, may_correct

TABLE, ALICE, BOB = "corrections", "arn:aws:sagemaker:…/alice", "arn:aws:sagemaker:…/bob"
TERRAFORM, MALLORY = "arn:aws:iam::444444444444:role/Terraform", "arn:aws:iam::444444444444:user/mallory"
NOON = "2026-11-23T12:00:00Z"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("resource", "writer_and_day")],
            KeySchema=[{"AttributeName": "resource", "KeyType": "HASH"}, {"AttributeName": "writer_and_day", "KeyType": "RANGE"}],
        )
        yield client


def ask(dynamodb: Any, event_id: str, time: str = NOON, resource: str = ALICE, writer: str = TERRAFORM) -> bool:
    return may_correct(dynamodb, TABLE, resource, writer, event_id=event_id, event_time=time)


def test_three_events_a_day_are_corrected_and_the_fourth_is_not(dynamodb: Any) -> None:
    assert [ask(dynamodb, f"event-{number}") for number in range(5)] == [True, True, True, False, False]


def test_an_event_asked_for_again_counts_once_and_gets_the_same_answer(dynamodb: Any) -> None:
    asked = ["event-0", "event-0", "event-1", "event-2", "event-2", "event-0", "event-3", "event-3", "event-1"]
    assert [ask(dynamodb, event) for event in asked] == [event != "event-3" for event in asked]


@pytest.mark.parametrize("other", [{"resource": BOB}, {"writer": MALLORY}, {"time": "2026-11-24T00:00:00Z"}, {"time": "2026-11-22T23:59:59Z"}])
def test_another_resource_writer_or_day_has_three_of_its_own(dynamodb: Any, other: dict[str, str]) -> None:
    for number in range(3):
        ask(dynamodb, f"event-{number}")
    assert ask(dynamodb, "event-3", **other)
    assert not ask(dynamodb, "event-3")


def test_a_count_is_forgotten_in_a_week(dynamodb: Any) -> None:
    ask(dynamodb, "event-0")
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert item["writer_and_day"]["S"] == f"{TERRAFORM}#2026-11-23"
    assert datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) == datetime(2026, 11, 23, 12, tzinfo=UTC) + KEPT
    assert timedelta(days=2) < KEPT, "longer than a day anywhere, and than any event is late"


def test_a_table_that_is_not_there_is_a_failure(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        may_correct(dynamodb, "none", ALICE, TERRAFORM, event_id="event-0", event_time=NOON)
