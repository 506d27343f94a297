"""Stories with all workflows on: a day whose events are lost, doubled and overtaken by chance ends, after one reconciliation, as without that."""

from random import Random

import pytest

from benchmarks.forks import in_forks
from tests.stories.people import FRAUD, HUB, Platform

pytestmark = pytest.mark.together

PAYER = "111111111111"
DAY = 24 * 3600
TROUBLES = ("never", "never", "twice", "late", "out of order")
READS = ("Describe", "Get", "List", "AssumeRole", "Query", "Simulate")
UNTROUBLED, SEEDS = 0, (1, 2)

Tags = dict[str, dict[str, str]]


def trouble(platform: Platform, seed: int) -> None:
    """Of the first twenty events for the intake queue every second, by chance, is lost, doubled, late or overtaken."""
    chance = Random(seed)
    for number in range(20):
        if chance.random() < 0.5:
            platform.local.faults.deliver(chance.choice(TROUBLES), "*IntakeQueue*", after=number)  # type: ignore[arg-type]


def a_day(platform: Platform) -> None:
    """An account gets its first domain, two people with roles of their own and a space; one leaves, and the account gets another cost center."""
    roles = {name: platform.role("fraud-dev", f"Execution{name}") for name in ("alice", "ben")}
    domain = platform.domain("fraud-dev")
    for name, role in roles.items():
        profile = platform.profile("fraud-dev", name, domain=domain, UserSettings={"ExecutionRole": role})
        platform.local.settle()
        if name == "alice":
            platform.space("fraud-dev", profile)
            platform.local.settle()
    platform.client("sagemaker", "fraud-dev").delete_user_profile(DomainId=domain, UserProfileName="ben")
    platform.local.settle()
    tag = {"Key": "ml:cost-center", "Value": "R-0042"}
    platform.client("organizations", "management").tag_resource(ResourceId=FRAUD, Tags=[tag])


def tags_of_people(platform: Platform) -> Tags:
    return {arn: found[1] for arn, found in platform.end_state().resources.items() if ":user-profile/" in arn or ":space/" in arn}


def writes_in_members(platform: Platform, before: int) -> list[str]:
    calls = platform.local.cloud.log.calls[before:]
    ours = [call for call in calls if ":assumed-role/" in call["principal"] and call["account"] not in (HUB, PAYER)]
    return [call["action"] for call in ours if not call["action"].split(":")[1].startswith(READS)]


def played(platform: Platform, seed: int) -> tuple[Tags, list[str], list[str], list[str]]:
    """The tags in the end, what is red, what was written in members on the second morning, and the faults that came to pass."""
    platform.local.clock.own()
    if seed != UNTROUBLED:
        trouble(platform, seed)
    a_day(platform)
    platform.local.faults.clear()
    platform.local.advance(DAY)
    before = len(platform.local.cloud.log.calls)
    platform.local.advance(DAY)
    reds = [f"{machine}: {state}" for machine, state in platform.end_state().reds]
    return tags_of_people(platform), reds, writes_in_members(platform, before), [injected.fault for injected in platform.local.faults.injected]


def test_whatever_events_do_one_reconciliation_makes_cost_tags_what_they_are_without_loss(platform: Platform) -> None:
    ends = dict(in_forks([UNTROUBLED, *SEEDS], lambda seed: played(platform, seed), 1, seed=0))
    wanted, *_ = ends[UNTROUBLED]
    assert len(wanted) == 2
    assert {tags["ml:cost-center"] for tags in wanted.values()} == {"R-0042"}
    for seed, (tags, reds, second_morning, injected) in ends.items():
        assert (tags, reds, second_morning) == (wanted, [], [])
        assert ("deliver never" in injected) is (seed != UNTROUBLED)
