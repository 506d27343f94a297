"""What we remember of each account and Region, tried on moto's table."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from steward.resources.records import DEFAULT, SPACE_DEFAULT, Place, Records, Use, read_records

TABLE, ACCOUNT_ID = "records", "444444444444"
READER, WRITER = f"arn:aws:iam::{ACCOUNT_ID}:role/Reader", f"arn:aws:iam::{ACCOUNT_ID}:role/team#1/Writer"
YESTERDAY = "2026-11-22T10:00:00+00:00"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("place", "what")],
            KeySchema=[{"AttributeName": "place", "KeyType": "HASH"}, {"AttributeName": "what", "KeyType": "RANGE"}],
        )
        yield client


@pytest.fixture
def place(dynamodb: Any) -> Place:
    return Place(dynamodb, TABLE, ACCOUNT_ID, "eu-west-1")


def test_of_a_place_that_nobody_wrote_of_nothing_is_known(place: Place) -> None:
    assert place.read() == Records() == Records(frozenset(), {}, {})


def test_what_was_written_is_read_and_what_was_deleted_is_not(place: Place) -> None:
    place.put_use(("d-1", DEFAULT), Use(READER))
    place.put_use(("d-1", SPACE_DEFAULT), Use(READER))
    place.put_use(("d-1", "profile/alice"), Use(WRITER, YESTERDAY))
    place.put_use(("d-1", "profile/bob"), Use(None, YESTERDAY))
    place.put_principal(READER)
    place.put_domain_tags("d-1", {"ml:project": "fraud", "team#": "blue"})
    assert place.read() == Records(
        frozenset({READER}),
        {
            ("d-1", "default"): Use(READER),
            ("d-1", "space-default"): Use(READER),
            ("d-1", "profile/alice"): Use(WRITER, YESTERDAY),
            ("d-1", "profile/bob"): Use(None, YESTERDAY),
        },
        {("d-1", "ml:project"): "fraud", ("d-1", "team#"): "blue"},
    )
    assert place.read().uses == {("d-1", "default"): READER, ("d-1", "space-default"): READER, ("d-1", "profile/alice"): WRITER}
    place.delete_use(("d-1", DEFAULT))
    place.delete_use(("d-1", "profile/bob"))
    place.delete_principal(READER)
    place.delete_domain_tags("d-1", "team#", "ml:project")
    assert place.read() == Records(known={("d-1", "space-default"): Use(READER), ("d-1", "profile/alice"): Use(WRITER, YESTERDAY)})


def test_a_role_whose_path_has_a_number_sign_is_one_principal(place: Place) -> None:
    place.put_principal(WRITER)
    assert place.read().principals == {WRITER}


def test_a_second_writing_goes_over_the_first_and_a_second_deletion_does_nothing(place: Place) -> None:
    place.put_use(("d-1", "profile/alice"), Use(READER, YESTERDAY))
    place.put_use(("d-1", "profile/alice"), Use(WRITER))
    assert place.read().known == {("d-1", "profile/alice"): Use(WRITER, None)}
    for _ in range(2):
        place.delete_use(("d-1", "profile/alice"))
    assert place.read() == Records()


def test_each_account_and_region_has_its_own(dynamodb: Any, place: Place) -> None:
    place.put_principal(READER)
    for account_id, region in ((ACCOUNT_ID, "us-east-1"), ("555555555555", "eu-west-1"), (ACCOUNT_ID, "eu-west-10")):
        assert read_records(dynamodb, TABLE, account_id, region) == Records()


def test_more_than_a_page_of_records_is_read_whole_and_consistently(dynamodb: Any, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"profile/{number:03}-{'x' * 58}" for number in range(150)]
    for name in names:
        place.put_use(("d-1", name), Use(f"arn:aws:iam::{ACCOUNT_ID}:role/{'r' * 400}{name}"))
    asked: list[Any] = []
    dynamodb.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: asked.append(dict(params)))
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 30_000, raising=True)
    assert set(place.read().known) == {("d-1", name) for name in names}
    assert len(asked) > 1
    assert all(params["ConsistentRead"] for params in asked)


def test_a_table_that_is_not_there_is_a_failure(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        Place(dynamodb, "none", ACCOUNT_ID, "eu-west-1").read()
