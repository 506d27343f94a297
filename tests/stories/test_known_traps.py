"""Stories of traps that others fell into, by their numbers in `docs/traps.md`. All workflows are on."""

import pytest

from localaws.studio.core import behaviour
from tests.stories.people import FRAUD_TAGS, Platform

pytestmark = pytest.mark.together

ENDED_BY_THROTTLING = {"ThrottlingException", "TooManyRequestsException"}


@pytest.mark.parametrize("service", ["organizations", "sagemaker"])
def test_traps_12_and_32_many_accounts_at_once_are_throttled_and_nothing_is_lost(platform: Platform, service: str) -> None:
    """Traps 12 and 32. Three accounts with four profiles each, at the rates that AWS documents; or with Organizations at one call a second."""
    accounts = ("fraud-dev", "pricing-prod", "newcomer-dev")
    domains = {account: platform.domain(account) for account in accounts}
    for account, domain in domains.items():
        for number in range(4):
            platform.profile(account, f"user-{number}", domain=domain)
    if service == "sagemaker":
        platform.local.faults.aws_limits()
    else:
        platform.local.faults.limit("organizations:*", 1, shared=True)
    before = len(platform.local.cloud.log.calls)
    platform.local.settle()
    throttled = {call["action"].split(":")[0] for call in platform.local.cloud.log.calls[before:] if call["error"] in ENDED_BY_THROTTLING}
    assert service in throttled
    platform.local.faults.clear()
    executions = platform.executions("profile_cost_tagging")
    assert (len(executions), {execution["status"] for execution in executions}) == (12, {"SUCCEEDED"})
    for number in range(4):
        profile = f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/{domains['fraud-dev']}/user-{number}"
        assert platform.tags("fraud-dev", profile) == FRAUD_TAGS | {"ml:user": f"user-{number}"}
    assert platform.dead_letters() == []


def test_trap_38_waiting_to_the_end_stays_far_below_the_limit_of_history(platform: Platform) -> None:
    behaviour(platform.local.cloud).seconds["UserProfile", "creation"] = 24 * 3600
    platform.profile("fraud-dev")
    platform.local.advance(2 * 3600)
    (execution,) = platform.executions("profile_cost_tagging")
    assert (execution["status"], execution["error"]) == ("FAILED", "NeverInService")
    states = platform.client("stepfunctions", "hub")
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"])
    assert 200 < sum(len(page["events"]) for page in pages) < 2500


def test_trap_45_what_is_announced_is_done_by_then(platform: Platform) -> None:
    profile, heard = platform.profile("fraud-dev"), platform.watch_hub_bus()
    while not any(event["detail-type"] == "Cost Tags Applied" for event in platform.messages(heard)):
        platform.local.advance(1)
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_traps_45_and_46_what_was_not_done_is_not_announced_and_its_red_end_says_where_and_why(platform: Platform) -> None:
    """Traps 45 and 46."""
    heard = platform.watch_hub_bus()
    with platform.local.faults.fail("sagemaker:AddTags", "AccessDeniedException", lasting=24 * 3600, principal="*role/steward/profile_cost_tagging"):
        platform.profile("fraud-dev")
        platform.local.settle()
    assert [message for message in platform.messages(heard) if message["detail-type"] == "Cost Tags Applied"] == []
    (execution,) = platform.executions("profile_cost_tagging")
    assert execution["error"] == "TaggingFailed"
    assert "ApplyTags failed again and again" in execution["cause"]
    assert "AccessDeniedException" in execution["cause"]
    assert "AddTags" in execution["cause"]
    assert "make redrive EXECUTE=1" in execution["cause"]
