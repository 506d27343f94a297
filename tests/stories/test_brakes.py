"""Stories of the brakes, on the whole: whatever workflow runs, in members and in the payer account our roles only look."""

import json
import re

import pytest

from tests.stories.people import FRAUD_TAGS, HUB, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging", "cost_key_activation")

DAY = 24 * 3600


def a_day_of_everything(platform: Platform) -> list[str]:
    """Profiles, changed tags and the daily run for keys; everything that our roles did outside the hub and was no looking."""
    before = len(platform.local.cloud.log.calls)
    profile = platform.profile("fraud-dev", Tags=[{"Key": "ml:owner", "Value": "somebody else"}])
    platform.profile("pricing-prod", "bob")
    platform.local.settle()
    platform.client("sagemaker", "fraud-dev").add_tags(ResourceArn=profile, Tags=[{"Key": "ml:project", "Value": "mine"}])
    platform.local.advance(2 * DAY)
    ours = [
        call
        for call in platform.local.cloud.log.calls[before:]
        if re.search(r":assumed-role/(profile_cost_tagging|cost_key_activation)/", call["principal"])
    ]
    assert {call["account"] for call in ours} >= {"111111111111", "444444444444", "555555555555"}
    assert HUB not in {call["account"] for call in ours}
    return sorted({call["action"] for call in ours if not re.search(r":(Describe|List|Get)", call["action"])})


def test_without_a_brake_they_write(platform: Platform) -> None:
    assert a_day_of_everything(platform) == ["ce:UpdateCostAllocationTagsStatus", "sagemaker:AddTags"]


@pytest.mark.parametrize("brake", ["DryRun", "StopAllWrites"])
def test_with_a_brake_no_workflow_writes_anywhere_and_nothing_is_announced(platform: Platform, brake: str) -> None:
    announced = platform.watch_hub_bus()
    platform.deploy(**{brake: "true"})
    assert a_day_of_everything(platform) == []
    assert platform.messages(announced) == []
    runs = [*platform.executions(), *platform.executions("cost_key_activation")]
    assert {run["status"] for run in runs} == {"SUCCEEDED"}
    assert {json.loads(run["output"])["dry_run"] for run in runs} == {True}


def test_when_the_brake_is_let_go_the_next_event_is_acted_on(platform: Platform) -> None:
    platform.deploy(StopAllWrites="true")
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {}
    platform.deploy(StopAllWrites="false")
    platform.client("sagemaker", "fraud-dev").add_tags(ResourceArn=profile, Tags=[{"Key": "ml:owner", "Value": "somebody else"}])
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
