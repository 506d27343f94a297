"""Whatever the plays have us announce and find is as its schema says: `docs/events`."""

from collections.abc import Callable

import pytest

from tests.schemas import validate
from tests.stories.people import Platform
from tests.stories.plays import PLAYS

CHECKS: dict[str, Callable[[object], None]] = {
    "Cost Tags Applied": lambda detail: validate("cost_tags_applied", detail),
    "Cost Keys Activated": lambda detail: validate("cost_keys_activated", detail),
}


@pytest.mark.parametrize("name", PLAYS)
def test_what_a_play_has_us_tell_is_as_its_schema_says(platform: Platform, name: str) -> None:
    announced, found = platform.watch_hub_bus(), platform.watch_findings()
    PLAYS[name].act(platform)
    for event in platform.messages(announced):
        CHECKS[event["detail-type"]](event["detail"])
    for message in platform.messages(found):
        validate("findings", message)


def test_a_profile_a_space_and_two_days_have_us_tell_each_of_them(platform: Platform) -> None:
    announced, found = platform.watch_hub_bus(), platform.watch_findings()
    owner = platform.profile("fraud-dev")
    platform.local.settle()
    platform.space("fraud-dev", owner)
    platform.local.advance(2 * 24 * 3600)
    told = platform.messages(announced)
    assert {event["detail-type"] for event in told} == set(CHECKS)
    for event in told:
        CHECKS[event["detail-type"]](event["detail"])
    assert [event["detail"]["space_name"] for event in told if "space_name" in event["detail"]] == ["lab"]
    assert [message["workflow"] for message in platform.messages(found)] == ["cost_key_activation"]
