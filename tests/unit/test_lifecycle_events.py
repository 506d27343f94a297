"""Events as they arrive, and what of them we keep."""

import json
from pathlib import Path
from typing import Any

import pytest

from steward.errors import EventUnreadable
from steward.lifecycle_events import UserProfileCreated, parse_lifecycle_event

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def event() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / "profile_cost_tagging" / "user_profile_created_by_iam_user.json").read_text())
    return loaded


def test_a_created_profile_is_parsed_into_plain_values(event: dict[str, Any]) -> None:
    parsed = parse_lifecycle_event(event)
    assert isinstance(parsed, UserProfileCreated)
    assert parsed.model_dump() == {
        "account_id": "444444444444",
        "region": "eu-west-1",
        "domain_id": "d-fraud0dev0001",
        "user_profile_name": "mina",
        "event_id": event["detail"]["eventID"],
        "event_time": "2026-11-23T09:05:41Z",
        "replay_name": None,
    }


@pytest.mark.parametrize("path", sorted((EVENTS / "profile_cost_tagging").glob("user_profile_created_by_*.json")), ids=lambda path: path.stem)
def test_whoever_made_the_profile_it_is_parsed(path: Path) -> None:
    event = json.loads(path.read_text())
    parsed = parse_lifecycle_event(event)
    assert isinstance(parsed, UserProfileCreated)
    assert parsed.subject == parsed.user_profile_name == event["detail"]["requestParameters"]["userProfileName"]


def test_the_envelope_is_believed_and_not_the_detail(event: dict[str, Any]) -> None:
    event["detail"] |= {"recipientAccountId": "999999999999", "awsRegion": "us-west-2"}
    event["detail"]["userIdentity"]["accountId"] = "999999999999"
    parsed = parse_lifecycle_event(event)
    assert (parsed.account_id, parsed.region) == ("444444444444", "eu-west-1")


def test_an_event_of_another_kind_is_refused_by_its_name(event: dict[str, Any]) -> None:
    event["detail"]["eventName"] = "CreateApp"
    with pytest.raises(EventUnreadable, match="CreateApp"):
        parse_lifecycle_event(event)


def test_an_event_without_detail_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(EventUnreadable, match="no detail"):
        parse_lifecycle_event({"id": event["id"], "detail": None})


def test_fields_at_fault_are_named_and_their_values_are_not(event: dict[str, Any]) -> None:
    event["account"] = "not-an-account"
    event["detail"]["requestParameters"] = None
    with pytest.raises(EventUnreadable) as raised:
        parse_lifecycle_event(event)
    assert "account" in str(raised.value)
    assert "detail.requestParameters.userProfileName" in str(raised.value)
    assert "not-an-account" not in str(raised.value)
