"""Stories of profile_cost_tagging about steps that are cut off, at the places where the order of things matters (docs/decisions/0007)."""

import pytest

from tests.stories.people import FRAUD_TAGS, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging")


@pytest.mark.parametrize("action", ["organizations:DescribeAccount", "sagemaker:AddTags"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_written_is_announced_wherever_the_step_that_writes_was_cut_off(platform: Platform, action: str, when: str) -> None:
    queue = platform.watch_hub_bus()
    with platform.local.faults.crash("*ApplyTags*", when, action):  # type: ignore[arg-type]
        profile = platform.profile("fraud-dev")
        platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    output = platform.the_execution()["output"]
    assert [change["before"] for change in output["changes"]] == [None] * 4
    assert [event["detail"]["changes"] for event in platform.messages(queue)] == [output["changes"]]


def test_a_correction_that_was_counted_and_cut_off_is_made_and_counts_once(platform: Platform) -> None:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.crash("*ApplyTags*", "after", "dynamodb:UpdateItem"):
        platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
        platform.local.settle()
    assert len(platform.calls("dynamodb:UpdateItem")) == 2
    for _ in range(2):
        assert platform.tags("fraud-dev", alice) == FRAUD_TAGS
        platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
        platform.local.settle()
    assert platform.tags("fraud-dev", alice) == FRAUD_TAGS, "the third of three"
    platform.set_tags("fraud-dev", alice, {"ml:owner": "us"})
    platform.local.settle()
    assert platform.last_output()["outcome"] == "TagsContested"


def test_a_brake_pulled_between_decision_and_writing_holds(platform: Platform) -> None:
    queue = platform.watch_hub_bus()
    with platform.local.faults.crash("*ApplyTags*", "before", "sagemaker:AddTags"):
        profile = platform.profile("fraud-dev")
        while not platform.local.faults.injected:
            platform.local.advance(1)
        platform.deploy(StopAllWrites="true")
    output = platform.the_execution()["output"]
    assert (output["dry_run"], len(output["changes"])) == (True, 4)
    assert platform.tags("fraud-dev", profile) == {}
    assert platform.messages(queue) == []
