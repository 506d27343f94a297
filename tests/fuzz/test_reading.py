"""Whatever stands in an event, it is read for the account and Region that EventBridge names, or refused by name; and its execution can be started."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.attempts import attempt_names
from intake.messages import Request, name_of_execution, read_message
from steward.errors import EventUnreadable
from steward.lifecycle_events import LifecycleEvent
from tests.fuzz.strangeness import (
    VALUES,
    Event,
    anything,
    changed,
    event_files,
    fields,
    fields_by_kind,
    message,
    messages_with,
    read,
    repeatable,
    strange_events,
    workflow_of,
)

NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
by_file = pytest.mark.parametrize("file", event_files(), ids=lambda file: file.stem)


def request_for(body: str) -> Request | None:
    """What intake reads of the message, or None where it refuses it. Any other error is the test's."""
    try:
        return read_message(body)
    except EventUnreadable:
        return None


def check(request: Request, event: Event) -> None:
    """Of the envelope's account and Region, small, and startable."""
    occasion = request.occasion
    assert isinstance(occasion, LifecycleEvent)
    assert (occasion.account_id, occasion.region) == (event["account"], event["region"])
    names = list(attempt_names(name_of_execution(occasion)))
    assert all(NAME.fullmatch(name) for name in names), names
    assert len(set(names)) == len(names)
    assert names[0].startswith(f"{event['account']}-")
    assert len(occasion.model_dump_json().encode()) < 4096, "an execution's input has 262,144 bytes at most, and states add to it"
    asked = event["detail"].get("requestParameters")
    if isinstance(asked, dict) and "resourceArn" in asked:
        assert asked["resourceArn"].split(":")[3:5] == [event["region"], event["account"]], "an ARN is acted on in its own account and Region only"


@pytest.mark.parametrize("kind", fields_by_kind())
def test_each_field_in_each_strange_way_is_read_safely_or_refused_by_name(kind: str) -> None:
    asked = 0
    for file, new in fields_by_kind()[kind]:
        for field in new:
            for strange, body in messages_with(workflow_of(file), read(file), field):
                request, asked = request_for(body), asked + 1
                if request is not None:
                    check(request, strange)
    assert asked == len(VALUES) * sum(len(new) for _, new in fields_by_kind()[kind]) > 1000


@repeatable(300)
@given(strange_events())
def test_several_strange_fields_are_no_other_matter(strange: tuple[str, Event]) -> None:
    workflow, event = strange
    request = request_for(message(workflow, event))
    if request is not None:
        check(request, event)


@by_file
def test_what_detail_says_of_accounts_and_regions_moves_nothing(file: Path) -> None:
    event, workflow = read(file), workflow_of(file)
    request = request_for(message(workflow, event))
    told = [field for field in fields(event) if field[0] == "detail" and field[-1] in {"accountId", "recipientAccountId", "awsRegion"}]
    assert told, "an event of CloudTrail says it again, and again"
    for field in told:
        other = "ap-south-1" if field[-1] == "awsRegion" else "999999999999"
        assert request_for(message(workflow, changed(event, field, other))) == request


@repeatable(100)
@given(anything, anything, st.text(st.characters(), max_size=200))
def test_a_message_of_any_shape_is_refused_by_name(one: Any, other: Any, text: str) -> None:
    bodies = [json.dumps(one), text, message(one, other), message("profile_cost_tagging", one), json.dumps({"workflow": "x", "schedule": one})]
    for body in bodies:
        with pytest.raises(EventUnreadable):
            read_message(body)


# -- names


def readable() -> list[LifecycleEvent]:
    read_ones = [request_for(message(workflow_of(file), read(file))) for file in event_files()]
    return [request.occasion for request in read_ones if request is not None and isinstance(request.occasion, LifecycleEvent)]


def test_every_event_file_that_starts_something_is_read() -> None:
    started = [file for file in event_files() if not file.stem.endswith("_ignored")]
    assert [file.name for file in started if request_for(message(workflow_of(file), read(file))) is None] == []


@repeatable(100)
@given(st.sampled_from(readable()), st.text(min_size=1, max_size=64))
def test_two_events_never_share_a_name_and_one_event_never_has_two(occasion: LifecycleEvent, event_id: str) -> None:
    places = [(account, region) for account in ("444444444444", "555555555555") for region in ("eu-west-1", "us-east-1")]
    ids = {occasion.event_id, event_id, f"{event_id}1", event_id.swapcase()}
    events = [
        occasion.model_copy(update={"account_id": account, "region": region, "event_id": number}) for account, region in places for number in ids
    ]
    names = [name_of_execution(event) for event in events]
    assert len(set(names)) == len(events)
    assert [name_of_execution(event.model_copy(update={"replay_name": "again"})) for event in events] == names
