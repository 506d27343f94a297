"""idle_app_shutdown over an organization of a thousand accounts in four Regions, where SageMaker answers an account once a second.

Each account has a domain in every Region, with 20 apps of private spaces: most in use, one idle for long, and one that was noticed hours ago and is
to be stopped. One run by the schedule is measured: it has to be over in 15 virtual minutes, and no execution may have 5,000 history events. Studio's
state is put there as `benchmarks.converged` says; members have our role and nothing else of ours.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from moto.iam.models import iam_backends

from benchmarks.converged import STACK, Place, account, organization_file
from benchmarks.counting import calls_of
from benchmarks.idle_apps.measured import Goal
from benchmarks.idle_apps.steward import PARAMETERS, WORKFLOW
from benchmarks.results import Row
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from localaws.states.executions import executions
from localaws.studio.core import behaviour
from localaws.studio.planting import plant_app
from steward.rules.activity import ACTIVITY_TAG, NOTICE_TAG, time_text
from tests.stories.idle_apps import details
from tests.stories.isolation import leave_on
from tests.stories.people import Platform

REGIONS = ("eu-west-1", "us-east-1", "eu-central-1", "us-west-2")
MINUTES_AT_MOST = 15
EVENTS_AT_MOST = 5_000
REQUESTS_A_SECOND = 1.0
"""Of one account, in all its Regions together: less than AWS is known to give."""

PROFILES = 4


@dataclass(frozen=True)
class Size:
    accounts: int = 1_000
    regions: int = 4
    apps: int = 20
    """In each account and Region; two of them are idle."""

    @property
    def case(self) -> str:
        return f"{self.accounts} accounts in {self.regions} Regions, {self.apps} apps each"

    @property
    def places(self) -> int:
        return self.accounts * self.regions


class NotSwept(RuntimeError):
    """The run did not do what was to be done: its figures say nothing."""


def measure(size: Size, seed: int) -> list[Row]:
    """Says on standard error how far it is."""
    with tempfile.TemporaryDirectory() as folder, LocalOrganization(_organization(Path(folder), size), seed=seed) as local:
        with _told("deployed"):
            local.deploy_stacks()
            leave_on(local)
        with _told(f"{size.case}: vended"):
            accounts = [account(number) for number in range(size.accounts)]
            _vend(local, accounts)
        with _told(f"{size.places * size.apps} apps planted"):
            _fill(local, accounts, size)
        with _told("swept"):
            return _swept(Platform(local), size)


def _organization(folder: Path, size: Size) -> Path:
    """Of management and hub, in so many Regions, with our parameters."""
    file = organization_file(folder)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["regions"] = list(REGIONS[: size.regions])
    for stack in document["stacks"]:
        if stack["name"] == STACK:
            cap = {"MostStopsPerSweep": "10000"}
            stack["parameters"] |= PARAMETERS | cap | {"RegionsInUse": ",".join(REGIONS[: size.regions])}
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


@contextmanager
def _told(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    sys.stderr.write(f"{what}, {time.perf_counter() - began:.0f} s\n")


# -- what is there


def _vend(local: LocalOrganization, accounts: Sequence[Account]) -> None:
    """The first gets our roles from the StackSets, as all would; the others a copy of the one that lets this workflow in, and nothing else of ours:
    to deploy two stacks into each account and Region takes an hour for a thousand."""
    first, *others = accounts
    local.vend(first)
    local.settle()
    stack_sets, ours = local.client("cloudformation", "hub"), {"CallAs": "DELEGATED_ADMIN"}
    for summary in stack_sets.list_stack_sets(Status="ACTIVE", **ours)["Summaries"]:
        found = stack_sets.describe_stack_set(StackSetName=summary["StackSetName"], **ours)["StackSet"]
        given = {"UsePreviousTemplate": True, "Parameters": found["Parameters"], "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        stack_sets.update_stack_set(StackSetName=found["StackSetName"], AutoDeployment={"Enabled": False}, **given, **ours)
        local.settle()
    for each in others:
        local.vend(each)
        _copy_role(first, each)
    local.settle()


def _copy_role(source: Account, target: Account) -> None:
    here, there = (iam_backends[each.id]["aws"] for each in (source, target))
    role = here.get_role(WORKFLOW)
    there.create_role(WORKFLOW, role.assume_role_policy_document, role.path, None, role.description, [], str(role.max_session_duration))
    for name, document in role.policies.items():
        there.put_role_policy(WORKFLOW, name, document.replace(source.id, target.id))


def _fill(local: LocalOrganization, accounts: Sequence[Account], size: Size) -> None:
    """As it is a second before the schedule fires."""
    seconds = behaviour(local.cloud).seconds
    seconds.update(dict.fromkeys(seconds, 0.0))
    places = [Place(local, each, region) for each, region in product(accounts, local.organization.regions)]
    domains = [(place, _domain(place)) for place in places]
    local.settle()
    for place, domain in domains:
        for number in range(PROFILES):
            place.call("CreateUserProfile", DomainId=domain, UserProfileName=f"person-{number}")
    local.settle()
    local.advance(_seconds_to_the_next_hour(local) - 1)
    now = local.clock.datetime()
    for place, domain in domains:
        for number in range(size.apps):
            _app(place, domain, number, now)


def _domain(place: Place) -> str:
    role = f"arn:aws:iam::{place.account.id}:role/StudioExecution"
    network: dict[str, Any] = {"SubnetIds": ["subnet-0a1b2c3d"], "VpcId": "vpc-0a1b2c3d"}
    made = place.call("CreateDomain", DomainName="studio", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": role}, **network)
    return str(made["DomainId"])


def _app(place: Place, domain: str, number: int, now: datetime) -> None:
    """The first is idle and was noticed, the second is idle, all others are in use."""
    place.call(
        "CreateSpace",
        DomainId=domain,
        SpaceName=f"space-{number}",
        SpaceSettings={"AppType": "JupyterLab"},
        OwnershipSettings={"OwnerUserProfileName": f"person-{number % PROFILES}"},
        SpaceSharingSettings={"SharingType": "Private"},
    )
    seen = time_text(now - timedelta(minutes=10))
    idle = f"idle since={time_text(now - timedelta(hours=9))} seen={seen}"
    tags = {ACTIVITY_TAG: idle if number < 2 else f"active seen={seen}"}
    if number == 0:
        tags[NOTICE_TAG] = time_text(now - timedelta(hours=3))
    plant_app(
        place.local.cloud,
        place.account.id,
        place.region,
        created=now - timedelta(days=2),
        tags=tags,
        DomainId=domain,
        SpaceName=f"space-{number}",
        AppType="JupyterLab",
        AppName="default",
        ResourceSpec={"InstanceType": "ml.m5.xlarge"},
    )


def _seconds_to_the_next_hour(local: LocalOrganization) -> float:
    return 3600 - local.clock.now % 3600


# -- one run


def _swept(platform: Platform, size: Size) -> list[Row]:
    local = platform.local
    local.faults.limit_accounts(REQUESTS_A_SECOND)
    leave_on(local, WORKFLOW)
    before, began = len(local.cloud.log.calls), time.perf_counter()
    local.advance(2)
    local.settle()
    real = time.perf_counter() - began
    (run,) = platform.executions(WORKFLOW)
    counts = details(platform, run)["counts"] if run["status"] == "SUCCEEDED" else {}
    if counts.get("results") != {"Noticed": size.places, "Stopped": size.places} or counts["running"] != size.places * size.apps:
        raise NotSwept(f"{run.get('error')}: {str(run.get('cause'))[:2000]} {json.dumps(counts)}")
    calls = calls_of(platform, WORKFLOW, before)
    throttled = Counter(call["error"] for call in calls)
    hub = local.organization.account("hub").id
    events = [len(each.history.events) for each in executions(local.cloud, hub, local.organization.home_region).values()]
    values = {
        "virtual_minutes": ((run["stopDate"] - run["startDate"]).total_seconds() / 60, "min"),
        "history_events": (len(_history(platform, run["executionArn"])), "events"),
        "history_events_at_most": (max(events), "events"),
        "calls": (len(calls), "calls"),
        "throttled": (sum(number for error, number in throttled.items() if error and "Thrott" in error), "calls"),
        "apps": (counts["running"], "apps"),
        "stopped": (counts["results"]["Stopped"], "apps"),
        "noticed": (counts["results"]["Noticed"], "apps"),
        "real_time": (real, "s"),
    }
    return [Row("steward", size.case, name, round(value, 2), unit) for name, (value, unit) in values.items()]


def _history(platform: Platform, arn: str) -> list[dict[str, Any]]:
    pages = platform.client("stepfunctions", "hub").get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def goals(rows: Sequence[Row]) -> list[Goal]:
    """What is to be reached, with what was."""
    of = {row.metric: row.value for row in rows}
    minutes, events = of["virtual_minutes"], of["history_events_at_most"]
    return [
        Goal(f"virtual minutes: {minutes:g}, of less than {MINUTES_AT_MOST}", minutes < MINUTES_AT_MOST),
        Goal(f"history events of an execution: {events:g} at most, of {EVENTS_AT_MOST}", events <= EVENTS_AT_MOST),
    ]
