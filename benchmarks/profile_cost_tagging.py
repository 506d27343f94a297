"""profile_cost_tagging on the deployed template: executions a second, and what one execution takes of API calls and state transitions.

Calls are those of this workflow's roles, and intake's that starts the execution; transitions are states entered. Both are counted, and the same in
each run. Seconds are real, of localaws and of Python: they compare one version with another on one machine, and say nothing of AWS.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.counting import calls_of
from benchmarks.results import Row
from localaws.local import LocalOrganization
from tests.stories.isolation import leave_on
from tests.stories.people import FRAUD_TAGS, Platform

WORKFLOW = "profile_cost_tagging"
Act = Callable[[Any, str, str], None]
"""What somebody does about one person: with a client of SageMaker, in a domain, by the name of the user profile."""


def _create(sagemaker: Any, domain: str, name: str) -> None:
    sagemaker.create_user_profile(DomainId=domain, UserProfileName=name)


def _create_with_all_tags(sagemaker: Any, domain: str, name: str) -> None:
    tags = [{"Key": key, "Value": value} for key, value in (FRAUD_TAGS | {"ml:user": name}).items()]
    sagemaker.create_user_profile(DomainId=domain, UserProfileName=name, Tags=tags)


def _take_over(sagemaker: Any, domain: str, name: str) -> None:
    arn = sagemaker.describe_user_profile(DomainId=domain, UserProfileName=name)["UserProfileArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "ml:owner", "Value": "somebody else"}])


def _create_space(sagemaker: Any, domain: str, name: str) -> None:
    ownership, sharing = {"OwnerUserProfileName": name}, {"SharingType": "Private"}
    sagemaker.create_space(DomainId=domain, SpaceName=f"{name}-lab", OwnershipSettings=ownership, SpaceSharingSettings=sharing)


@dataclass(frozen=True)
class Scenario:
    """One execution for each person. `set_up` has been done, and all that came of it, before `act` is measured."""

    name: str
    act: Act
    set_up: Act | None = None


SCENARIOS = (
    Scenario("created", _create),
    Scenario("nothing to do", _create_with_all_tags),
    Scenario("drift", _take_over, set_up=_create),
    Scenario("space", _create_space, set_up=_create),
)


def measure(local: LocalOrganization, people: int) -> list[Row]:
    """Each scenario with so many people at once, all in one domain. Functions are warm, no other workflow starts by itself."""
    leave_on(local, WORKFLOW)
    for function in local.client("lambda", "hub").list_functions()["Functions"]:
        local.cloud.functions.warm(function["FunctionArn"])
    platform = Platform(local)
    domain = platform.domain("fraud-dev")
    return [row for scenario in SCENARIOS for row in _measured(platform, domain, scenario, people)]


def _measured(platform: Platform, domain: str, scenario: Scenario, people: int) -> list[Row]:
    sagemaker = platform.client("sagemaker", "fraud-dev")
    names = [f"{scenario.name.replace(' ', '-')}-{number}" for number in range(people)]

    def everybody(act: Act) -> None:
        for name in names:
            act(sagemaker, domain, name)
        platform.local.settle()

    if scenario.set_up:
        everybody(scenario.set_up)
    known = {execution["executionArn"] for execution in platform.executions(WORKFLOW)}
    first, started = len(platform.local.cloud.log.calls), time.monotonic()
    everybody(scenario.act)
    seconds = time.monotonic() - started
    calls = calls_of(platform, WORKFLOW, first)
    new = [execution for execution in platform.executions(WORKFLOW) if execution["executionArn"] not in known]
    if [execution["status"] for execution in new] != ["SUCCEEDED"] * people:
        raise RuntimeError(f"{scenario.name}: {people} green executions were to run, not {[execution['status'] for execution in new]}")
    transitions = sum(len(platform.states_entered(execution)) for execution in new)
    return [
        Row("steward", scenario.name, "executions a second", round(people / seconds, 2), "1/s"),
        Row("steward", scenario.name, "calls", len(calls) / people, "calls an execution"),
        Row("steward", scenario.name, "transitions", transitions / people, "states an execution"),
    ]
