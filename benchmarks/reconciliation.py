"""reconciliation of whole organizations: API calls, states, virtual and real seconds, and how they grow with the number of accounts.

The organization is converged (`benchmarks.converged`), so nothing may be written in any member and nothing started: else there is no measurement. It
grows from one size to the next. Of the smallest, one is measured besides in which a known share of the user profiles has lost its tags.
Calls are those of the workflow's roles and intake's; real seconds are of localaws, in which all that would run at once runs one after the other.
"""

import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.converged import STACK, Place, Seeding, Size, organization_file
from benchmarks.counting import calls_of
from benchmarks.results import Row
from localaws.local import LocalOrganization
from localaws.studio.core import Resource, table
from tests.stories.isolation import leave_on, started_by_themselves
from tests.stories.people import Platform

WORKFLOW = "reconciliation"
SIZES = (100, 200, 500)
"""Accounts."""

AT = (4, 0)
"""When the schedule fires, in UTC: the parameter ``ReconciliationSchedule`` as it is by default."""

READS = ("AssumeRole", "BatchGet", "Describe", "Get", "List", "Query", "Simulate")
"""What the names of operations begin with that change nothing."""

ONE_IN = 100
"""So many profiles have one among them that has lost its tags."""


@dataclass(frozen=True)
class Run:
    """One reconciliation, and what came of it. `started` counts executions of other workflows by their machines."""

    output: dict[str, Any]
    calls: list[dict[str, Any]]
    transitions: int
    virtual: float
    real: float
    started: int
    writes: int


def measure(sizes: Sequence[int], size: Size, seed: int) -> list[Row]:
    """Every size in its turn, the smallest first. Says on standard error how far it is."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, LocalOrganization(organization_file(Path(folder)), seed=seed) as local:
        with _told("deployed"):
            local.deploy_stacks()
        leave_on(local, *started_by_themselves(local) - {"idle_app_shutdown"})  # sweeps each hour, whatever is measured
        for function in local.client("lambda", "hub").list_functions()["Functions"]:
            local.cloud.functions.warm(function["FunctionArn"])
        seeding, there = Seeding(local, size), 0
        for accounts in sorted(sizes):
            with _told(f"{accounts - there} accounts vended, {accounts} now"):
                seeding.vend(there, accounts)
            with _told("filled"):
                seeding.fill(there, accounts)
            rows += _of_converged(Platform(local), size, accounts)
            if not there:
                rows += _of_drifted(Platform(local), accounts)
            there = accounts
    return rows + _growth(rows, sorted(sizes))


@contextmanager
def _told(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - started:.1f} s, {_memory():.0f} MiB", file=sys.stderr, flush=True)


def _memory() -> float:
    """The memory that this process has now, in MiB; not known but on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), math.nan)


# -- the measurements


def _of_converged(platform: Platform, size: Size, accounts: int) -> list[Row]:
    """Nothing is missing: all that is done is to look."""
    with _told(f"{accounts} accounts reconciled"):
        run = _reconcile(platform)
    if run.writes or run.started:
        raise RuntimeError(f"nothing was missing, yet there were {run.writes} writes in members and {run.started} executions: {run.output}")
    regions = len(platform.local.organization.regions)
    profiles = accounts * regions * size.domains * size.profiles
    case = f"{accounts} accounts"
    return [
        Row("steward", case, "profiles", profiles, "profiles"),
        *_rows_of(case, run),
        Row("steward", case, "calls an account", round(len(run.calls) / accounts, 2), "calls"),
        Row("steward", case, "calls a profile", round(len(run.calls) / max(profiles, 1), 3), "calls"),
        Row("steward", case, "writes in members", run.writes, "calls"),
        Row("steward", case, "executions started", run.started, "executions"),
        *(Row("steward", case, action, number, "calls") for action, number in sorted(Counter(call["action"] for call in run.calls).items())),
    ]


def _of_drifted(platform: Platform, accounts: int) -> list[Row]:
    """Some profiles have lost their tags, and no event told of it. They have them back afterwards."""
    lost = list(_lose_tags(platform))
    with _told(f"{accounts} accounts reconciled, {len(lost)} profiles without tags"):
        run = _reconcile(platform)
    if run.started != len(lost) or any(resource.tags != tags for resource, tags in lost):
        raise RuntimeError(f"{len(lost)} profiles had lost their tags, and {run.started} executions were started: {run.output}")
    case = f"{accounts} accounts, {len(lost)} profiles without tags"
    return [*_rows_of(case, run), Row("steward", case, "executions started", run.started, "executions")]


def _lose_tags(platform: Platform) -> Iterator[tuple[Resource, dict[str, str]]]:
    """One profile in `ONE_IN`, at least one in all, and the tags that it had."""
    cloud, organization = platform.local.cloud, platform.local.organization
    places = product(organization.accounts, organization.regions)
    profiles = [profile for account, region in places for profile in table(cloud, "UserProfile", account.id, region).values()]
    for profile in profiles[::ONE_IN]:
        tags = profile.tags
        account = next(account for account in organization.accounts if account.id == profile.account)
        Place(platform.local, account, profile.region).call("DeleteTags", ResourceArn=profile.arn, TagKeys=list(tags))
        yield profile, tags


def _rows_of(case: str, run: Run) -> list[Row]:
    return [
        Row("steward", case, "calls", len(run.calls), "calls"),
        Row("steward", case, "transitions", run.transitions, "states"),
        Row("steward", case, "virtual time", round(run.virtual, 1), "s"),
        Row("steward", case, "real time", round(run.real, 1), "s"),
    ]


def _growth(rows: Sequence[Row], sizes: Sequence[int]) -> list[Row]:
    """How often as much, for so many times as many accounts: 1 is in proportion."""
    if len(sizes) < 2:
        return []
    first, last = sizes[0], sizes[-1]
    found = {(row.case, row.metric): row.value for row in rows}
    return [
        Row("steward", f"{first} to {last} accounts", f"{metric} an account", round(_ratio(found, metric, first, last), 3), "ratio")
        for metric in ("calls", "transitions", "virtual time", "real time")
    ]


def _ratio(found: dict[tuple[str, str], float], metric: str, first: int, last: int) -> float:
    return found[f"{last} accounts", metric] / last / (found[f"{first} accounts", metric] / first)


# -- one run


def _reconcile(platform: Platform) -> Run:
    """The next one that is on the schedule, with all that it starts."""
    local = platform.local
    local.advance(_seconds_to_the_next(local))
    calls, known, started = len(local.cloud.log.calls), _executions(platform), time.monotonic()
    local.advance(2)
    local.settle()
    real = time.monotonic() - started
    new = {machine: arns - known.get(machine, set()) for machine, arns in _executions(platform).items()}
    states = platform.client("stepfunctions", "hub")
    (arn,) = new.pop("ReconciliationStateMachineArn")
    execution = states.describe_execution(executionArn=arn)
    if execution["status"] != "SUCCEEDED":
        raise RuntimeError(f"{arn} ended {execution['status']}: {execution.get('error')}, {execution.get('cause')}")
    return Run(
        json.loads(execution["output"]),
        calls_of(platform, WORKFLOW, calls),
        len(platform.states_entered(execution)),
        (execution["stopDate"] - execution["startDate"]).total_seconds(),
        real,
        sum(len(arns) for arns in new.values()),
        sum(_writes_in_a_member(platform, call) for call in local.cloud.log.calls[calls:]),
    )


def _seconds_to_the_next(local: LocalOrganization) -> float:
    """Until a second before the schedule fires."""
    now = local.clock.datetime()
    today = now.replace(hour=AT[0], minute=AT[1], second=0, microsecond=0)
    due = today if today > now + timedelta(seconds=1) else today + timedelta(days=1)
    return (due - now).total_seconds() - 1


def _executions(platform: Platform) -> dict[str, set[str]]:
    """The executions that there are, by the output that names their machine."""
    pages = platform.client("stepfunctions", "hub").get_paginator("list_executions").paginate
    machines = {name: arn for name, arn in platform.local.outputs[STACK].items() if name.endswith("StateMachineArn")}
    return {name: {one["executionArn"] for page in pages(stateMachineArn=arn) for one in page["executions"]} for name, arn in machines.items()}


def _writes_in_a_member(platform: Platform, call: dict[str, Any]) -> bool:
    """Whether one of our roles changed something outside of the hub."""
    ours = ":assumed-role/" in call["principal"] and call["account"] != platform.local.organization.account("hub").id
    return ours and not call["action"].split(":")[1].startswith(READS)
