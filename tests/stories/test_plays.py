"""What plays promise to those who run them again and again."""

import pytest

from tests.stories.people import Platform
from tests.stories.plays import PLAYS

pytestmark = pytest.mark.workflow("profile_cost_tagging")


@pytest.mark.parametrize("name", PLAYS)
def test_a_play_ends_green_with_nothing_left_and_nothing_due(platform: Platform, name: str) -> None:
    platform.watch_hub_bus()
    platform.watch_findings()
    PLAYS[name].act(platform)
    assert platform.local.clock.next_due is None
    end = platform.end_state()
    assert not end.reds
    assert not end.left
    assert end.outcomes


def test_looking_at_the_end_state_changes_nothing_and_sees_what_is_different(platform: Platform) -> None:
    platform.watch_hub_bus()
    platform.watch_findings()
    platform.profile("newcomer-dev", "carol")
    platform.local.settle()
    first = platform.end_state()
    calls = len(platform.local.cloud.log.calls)
    assert platform.end_state() == first
    assert platform.end_state().differences(first) == []
    assert len(platform.local.cloud.log.calls) == calls
    (profile,) = (arn for arn in first.resources if ":user-profile/" in arn)
    assert first.resources[profile] == ("InService", {"ml:user": "carol"})
    assert (len(first.findings), len(first.announcements)) == (3, 1)

    platform.profile("fraud-dev")
    platform.local.settle()
    differences = platform.end_state().differences(first)
    assert any("user-profile/d-2/alice" in line and "R-4711" in line for line in differences)
    assert any(line.startswith("announced, and should not be") for line in differences)


def test_a_finding_that_is_missing_is_a_difference_unless_it_holds_for_a_while_only(platform: Platform) -> None:
    platform.watch_findings()
    act = PLAYS["billing_does_not_learn_of_our_keys"].prepare(platform)
    before = platform.end_state()
    act()
    after = platform.end_state()
    assert [line.startswith("never finding: ") for line in before.differences(after)] == [True] * 4
    assert before.differences(after, passing=["CostKeyWaiting"]) == []
    assert [line.startswith("finding, and should not be: ") for line in after.differences(before, passing=["CostKeyWaiting"])] == [True] * 4
