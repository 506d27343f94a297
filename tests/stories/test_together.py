"""Stories with all workflows on: a day whose events are lost, doubled and overtaken by chance ends, after one reconciliation, as without that."""

from dataclasses import dataclass
from random import Random

import pytest

from benchmarks.forks import in_forks
from tests.stories.end_state import EndState
from tests.stories.people import FRAUD, HUB, Platform
from tests.stories.plays import OURS

pytestmark = pytest.mark.together

PAYER = "111111111111"
DAY = 24 * 3600
TROUBLES = ("never", "never", "twice", "late", "out of order")
READS = ("Describe", "Get", "List", "AssumeRole", "Query", "Simulate")
UNTROUBLED, SEEDS = 0, (2, 12)
COUNTED = "CorrectionsTable"
"""What may differ: how often somebody set something back is counted by events, so one that is lost is not counted; and who changes a thing whose own
event was lost is taken for the one who set it back, which is why three times a day are forgiven.
"""


def trouble(platform: Platform, seed: int) -> None:
    """Three of four of the first thirty events for the intake queue, by chance, are lost, doubled, late or overtaken."""
    chance = Random(seed)
    for number in range(30):
        if chance.random() < 0.75:
            platform.local.faults.deliver(chance.choice(TROUBLES), "*IntakeQueue*", after=number)  # type: ignore[arg-type]


def a_day(platform: Platform) -> None:
    """An account gets a domain of our product, two people with roles of their own and a space. One leaves, the other gets another role, somebody sets
    domain and space back, and the account gets another cost center.
    """
    may_tag = {"Effect": "Allow", "Action": "sagemaker:AddTags", "Resource": "*"}
    roles = {name: platform.role("fraud-dev", f"Execution{name}", may_tag) for name in ("alice", "ben", "carol")}
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED", Tags=[OURS])
    profiles = {}
    for name in ("alice", "ben"):
        profiles[name] = platform.profile("fraud-dev", name, domain=domain, UserSettings={"ExecutionRole": roles[name]})
        platform.local.settle()
    space = platform.space("fraud-dev", profiles["alice"])
    platform.local.settle()
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.delete_user_profile(DomainId=domain, UserProfileName="ben")
    sagemaker.update_user_profile(DomainId=domain, UserProfileName="alice", UserSettings={"ExecutionRole": roles["carol"]})
    platform.local.settle()
    sagemaker.update_domain(DomainId=domain, TagPropagation="DISABLED")
    sagemaker.delete_tags(ResourceArn=space, TagKeys=["ml:user", "ml:owner"])
    platform.local.settle()
    tag = {"Key": "ml:cost-center", "Value": "R-0042"}
    platform.client("organizations", "management").tag_resource(ResourceId=FRAUD, Tags=[tag])


def writes_in_members(platform: Platform, before: int) -> list[str]:
    calls = platform.local.cloud.log.calls[before:]
    ours = [call for call in calls if ":assumed-role/" in call["principal"] and call["account"] not in (HUB, PAYER)]
    return [call["action"] for call in ours if not call["action"].split(":")[1].startswith(READS)]


@dataclass(frozen=True)
class Played:
    """How it looked in the evening, and how in the end; what was written in members on the second morning, and the faults that came to pass."""

    evening: EndState
    end: EndState
    second_morning: list[str]
    injected: set[str]


def played(platform: Platform, seed: int) -> Played:
    platform.local.clock.own()
    if seed != UNTROUBLED:
        trouble(platform, seed)
    a_day(platform)
    platform.local.faults.clear()
    evening = platform.end_state()
    platform.local.advance(DAY)
    before = len(platform.local.cloud.log.calls)
    platform.local.advance(DAY)
    return Played(evening, platform.end_state(), writes_in_members(platform, before), {injected.fault for injected in platform.local.faults.injected})


def differences(mine: EndState, others: EndState) -> list[str]:
    return [line for line in mine.differences(others) if COUNTED not in line]


def test_whatever_events_do_one_reconciliation_makes_everything_what_it_is_without_loss(platform: Platform) -> None:
    """Settings of domains, tags of all there is, who may use project templates, and what we remember of all that."""
    days = dict(in_forks([UNTROUBLED, *SEEDS], lambda seed: played(platform, seed), 1, seed=0))
    usual = days.pop(UNTROUBLED)
    assert_all_is_done(usual)
    assert set().union(*(day.injected for day in days.values())) == {f"deliver {how}" for how in TROUBLES}
    for day in days.values():
        assert differences(day.evening, usual.evening) != []
        assert (differences(day.end, usual.end), day.end.reds, day.end.left, day.second_morning) == ([], {}, {}, [])


def assert_all_is_done(day: Played) -> None:
    """What the others are compared with is itself as it should be."""
    assert (day.end.reds, day.end.left, day.second_morning, day.injected) == ({}, {}, [], set())
    studio = {arn.rsplit("/", 1)[1]: found for arn, found in day.end.resources.items() if arn.startswith("arn:aws:sagemaker:")}
    scripts = [studio.pop(name) for name in list(studio) if name.startswith("steward-activity")]
    assert len(scripts) == 2, "for JupyterLab and for Code Editor"
    assert {name: tags["ml:cost-center"] for name, (_, tags, _) in studio.items()} == {"d-1": "R-0042", "alice": "R-0042", "lab": "R-0042"}
    assert studio["d-1"][2]["TagPropagation"] == "ENABLED"
    principals = [f"arn:aws:iam::{FRAUD}:role/{name}" for name in ("Executioncarol", "StudioExecution")]
    assert day.end.resources[f"project templates in {FRAUD}, eu-west-1"] == ["enabled", *(f"Amazon SageMaker: {arn}" for arn in principals)]
    recorded = sorted(place.split(f" {FRAUD}/eu-west-1 ")[1] for place in day.end.resources if "RecordsTable" in place)
    copies = [f"domain-tag#d-1#ml:{key}" for key in ("cost-center", "owner", "project")]
    assert recorded == [*copies, *(f"principal#{arn}" for arn in principals), "use#d-1#default", "use#d-1#profile/alice"]
