"""Stories about one workflow are told without the others: what is not named does not start by itself, and nothing else is different."""

import pytest

from tests.stories.conftest import workflows_of
from tests.stories.isolation import leave_on, started_by_themselves
from tests.stories.people import FRAUD_TAGS, Platform

DAY = 24 * 3600


@pytest.mark.together
def test_all_workflows_start_by_themselves_unless_a_story_is_about_some(platform: Platform) -> None:
    everything = started_by_themselves(platform.local)
    assert everything >= {"profile_cost_tagging", "cost_key_activation"}
    leave_on(platform.local, "cost_key_activation")
    assert started_by_themselves(platform.local) == {"cost_key_activation"}
    leave_on(platform.local, *everything)
    assert started_by_themselves(platform.local) == everything


@pytest.mark.workflow("profile_cost_tagging")
def test_a_workflow_whose_schedule_is_off_does_not_start(platform: Platform) -> None:
    assert started_by_themselves(platform.local) == {"profile_cost_tagging"}
    profile = platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert platform.executions("cost_key_activation") == []


@pytest.mark.workflow("cost_key_activation")
def test_a_workflow_whose_rule_is_off_does_not_start_and_one_that_is_on_does(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.advance(2 * DAY)
    assert platform.tags("fraud-dev", profile) == {}
    assert platform.executions() == []
    assert platform.dead_letters() == []
    assert len(platform.executions("cost_key_activation")) == 2
    leave_on(platform.local, "profile_cost_tagging")
    another = platform.profile("fraud-dev")
    platform.local.advance(DAY)
    assert platform.tags("fraud-dev", another) == FRAUD_TAGS
    assert len(platform.executions("cost_key_activation")) == 2


@pytest.mark.together
def test_a_schedule_that_was_off_is_as_it_was(platform: Platform) -> None:
    scheduler = platform.client("scheduler", "hub")

    def schedules() -> list[dict[str, object]]:
        told = [scheduler.get_schedule(Name=listed["Name"]) for listed in scheduler.list_schedules()["Schedules"]]
        return [{name: value for name, value in schedule.items() if name not in ("ResponseMetadata", "LastModificationDate")} for schedule in told]

    before, everything = schedules(), started_by_themselves(platform.local)
    assert before
    leave_on(platform.local, "profile_cost_tagging")
    assert schedules() == [{**schedule, "State": "DISABLED"} for schedule in before]
    leave_on(platform.local, *everything)
    assert schedules() == before


@pytest.mark.together
def test_a_workflow_that_nothing_starts_is_a_mistake(platform: Platform) -> None:
    with pytest.raises(ValueError, match="profile_tagging: nothing in the hub starts that"):
        leave_on(platform.local, "profile_tagging")


def test_a_story_has_to_say_what_it_is_about(request: pytest.FixtureRequest) -> None:
    with pytest.raises(pytest.UsageError, match=r"a story says pytest\.mark\.workflow"):
        workflows_of(request.node)
