"""Whatever the plays have us announce and find is as its schema says: `docs/events`. A red end says what failed, and no more."""

import re
from collections.abc import Callable

import pytest

from tests.schemas import validate
from tests.stories.people import Platform
from tests.stories.plays import PLAYS

pytestmark = pytest.mark.workflow("profile_cost_tagging", "cost_key_activation")

CHECKS: dict[str, Callable[[object], None]] = {
    "Cost Tags Applied": lambda detail: validate("cost_tags_applied", detail),
    "Domain Set Up": lambda detail: validate("domain_set_up", detail),
    "Template Access Changed": lambda detail: validate("template_access_changed", detail),
    "Cost Keys Activated": lambda detail: validate("cost_keys_activated", detail),
    "Idle App Noticed": lambda detail: validate("idle_app_noticed", detail),
    "Idle App Stopped": lambda detail: validate("idle_app_stopped", detail),
}


@pytest.mark.parametrize("name", PLAYS)
def test_what_a_play_has_us_tell_is_as_its_schema_says(platform: Platform, name: str) -> None:
    announced, found = platform.watch_hub_bus(), platform.watch_findings()
    PLAYS[name].act(platform)
    for event in platform.messages(announced):
        CHECKS[event["detail-type"]](event["detail"])
    for message in platform.messages(found):
        validate("idle_apps" if "owners" in message else "findings", message)


def test_a_profile_a_space_and_two_days_have_us_tell_each_of_them(platform: Platform) -> None:
    announced, found = platform.watch_hub_bus(), platform.watch_findings()
    owner = platform.profile("fraud-dev")
    platform.local.settle()
    platform.space("fraud-dev", owner)
    platform.local.advance(2 * 24 * 3600)
    told = platform.messages(announced)
    assert {event["detail-type"] for event in told} == {"Cost Tags Applied", "Cost Keys Activated"}
    for event in told:
        CHECKS[event["detail-type"]](event["detail"])
    assert [event["detail"]["space_name"] for event in told if "space_name" in event["detail"]] == ["lab"]
    assert [message["workflow"] for message in platform.messages(found)] == ["cost_key_activation"]


WORKFLOWS = {"profile_cost_tagging": "TaggingFailed", "cost_key_activation": "DecisionFailed"}


def red_ends(platform: Platform) -> dict[str, str]:
    """A profile and a day: how each workflow's execution failed, and the last of what its cause says."""
    platform.profile("fraud-dev")
    platform.local.advance(24 * 3600)
    ends = {workflow: platform.executions(workflow)[0] for workflow in WORKFLOWS}
    assert {workflow: execution["error"] for workflow, execution in ends.items()} == WORKFLOWS
    return {
        workflow: execution["cause"].rpartition(" next one. " if "cost_key" in workflow else " done twice. ")[2]
        for workflow, execution in ends.items()
    }


def test_a_red_end_says_the_type_and_message_of_a_functions_error(platform: Platform) -> None:
    with platform.local.faults.crash("*Decide*", lasting=48 * 3600):
        told = red_ends(platform)
    for text in told.values():
        assert re.fullmatch(r"Runtime.ExitError: RequestId: \S+ Error: Runtime exited with error: signal: killed", text)


def test_a_red_end_says_what_lambda_itself_says_as_it_is(platform: Platform) -> None:
    with platform.local.faults.fail("lambda:Invoke", "ServiceException", lasting=48 * 3600, principal="*StateMachineRole*"):
        told = red_ends(platform)
    for text in told.values():
        assert re.fullmatch(r"[^{}]+ \(Service: Lambda, .+\)", text)
