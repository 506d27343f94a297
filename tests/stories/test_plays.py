"""What plays promise to those who run them again and again."""

from typing import Any

import pytest

from tests.stories.end_state import EndState
from tests.stories.people import Platform
from tests.stories.plays import PLAYS

pytestmark = pytest.mark.workflow("profile_cost_tagging")


def studio(end: EndState) -> dict[str, tuple[str, dict[str, str], dict[str, Any]]]:
    return {arn: found for arn, found in end.resources.items() if arn.startswith("arn:aws:sagemaker:")}


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
    assert first.resources[profile] == ("InService", {"ml:user": "carol"}, {})
    (domain,) = (settings for arn, (_, _, settings) in studio(first).items() if ":domain/" in arn)
    assert domain["TagPropagation"] == "ENABLED"
    assert domain["DefaultUserSettings"]["ExecutionRole"].endswith(":role/StudioExecution")
    assert (len(first.findings), len(first.announcements)) == (3, 1)

    platform.profile("fraud-dev")
    platform.local.settle()
    differences = platform.end_state().differences(first)
    assert any("user-profile/d-2/alice" in line and "R-4711" in line for line in differences)
    assert any(line.startswith("announced, and should not be") for line in differences)


def test_settings_and_what_our_tables_keep_are_part_of_the_end(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    first = platform.end_state()
    timeout = {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": {"IdleTimeoutInMinutes": 60, "LifecycleManagement": "ENABLED"}}}}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=profile.split("/")[1], UserProfileName="alice", UserSettings=timeout)
    platform.local.settle()
    (difference,) = platform.end_state().differences(first)
    assert "'IdleTimeoutInMinutes': 60" in difference

    platform.set_tags("fraud-dev", profile, {"ml:owner": "me"})
    platform.local.settle()
    (kept,) = (line for line in platform.end_state().differences(first) if "CorrectionsTable" in line)
    assert "arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-1/alice arn:aws:iam::" in kept
    assert kept.endswith('{"corrected_events": 1}, not None')


def test_who_may_use_project_templates_is_part_of_the_end(platform: Platform) -> None:
    before = platform.end_state()
    sagemaker, catalog = platform.client("sagemaker", "fraud-dev"), platform.client("servicecatalog", "fraud-dev")
    sagemaker.enable_sagemaker_servicecatalog_portfolio()
    platform.local.settle()
    place = "project templates in 444444444444, eu-west-1"
    assert platform.end_state().differences(before) == [f"{place}: ['enabled'], not None"]
    (portfolio,) = catalog.list_accepted_portfolio_shares()["PortfolioDetails"]
    studio = "arn:aws:iam::444444444444:role/StudioExecution"
    catalog.associate_principal_with_portfolio(PortfolioId=portfolio["Id"], PrincipalARN=studio, PrincipalType="IAM")
    assert platform.end_state().resources[place] == ["enabled", f"Amazon SageMaker: {studio}"]


def test_a_finding_that_is_missing_is_a_difference_unless_it_holds_for_a_while_only(platform: Platform) -> None:
    platform.watch_findings()
    act = PLAYS["billing_does_not_learn_of_our_keys"].prepare(platform)
    before = platform.end_state()
    act()
    after = platform.end_state()
    assert [line.startswith("never finding: ") for line in before.differences(after)] == [True] * 4
    assert before.differences(after, passing=["CostKeyWaiting"]) == []
    assert [line.startswith("finding, and should not be: ") for line in after.differences(before, passing=["CostKeyWaiting"])] == [True] * 4
