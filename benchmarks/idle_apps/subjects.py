"""Who stops apps: each looks at them once an hour, over the same hours, on a copy of the same organization.

`steward` is our workflow as it is deployed, on its own schedule. `custodian` is Cloud Custodian (`benchmarks.idle_apps.custodian`). The other two are
what public samples do, in a few lines each: `fixed_age` stops what runs for longer than some hours, `fixed_hour` stops everything in the evening.
Neither asks whether anybody works. API calls are those in the endpoint's log.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.counting import calls_of
from benchmarks.idle_apps.custodian import Custodian, served
from benchmarks.idle_apps.steward import WORKFLOW, steward
from benchmarks.idle_apps.truth import HOUR
from benchmarks.idle_apps.world import BEFORE, World, key_of
from localaws.organization_file import Account
from tests.stories.people import Platform

FIXED_AGE = timedelta(hours=12)
FIXED_HOUR = 20
"""The hour of the day, in UTC."""


class NotMeasured(RuntimeError):
    """Something went wrong that makes the figures worthless."""


@dataclass(frozen=True)
class Counted:
    """What a subject asked of AWS. `actions`: its calls by what they call; `examined`: apps that ran when it looked, over all sweeps; `never`: those
    it never looked at while they ran."""

    actions: Mapping[str, int]
    examined: int
    never: int


Sweep = Callable[[], set[int]]
"""One hour's: looks, and stops what it thinks idle; the numbers of the apps that ran when it looked at them."""

Subject = Callable[[World, Sequence[Account]], AbstractContextManager[Sweep]]


def play(world: World, accounts: Sequence[Account], hours: int, subject: Subject, tell: Callable[[int], None] = lambda _: None) -> Counted:
    """Hour by hour: people and reporters go on, and the subject sweeps these accounts at the hour's begin. `tell` hears of every sixth hour."""
    log, seen, examined = world.local.cloud.log.calls, set[int](), 0
    world.narrow(accounts, reporting=subject in (steward, custodian))
    world.show_use()
    with subject(world, accounts) as sweep:
        before = len(log)
        for hour in range(hours):
            world.begin_hour(hour)
            world.local.advance(BEFORE)
            looked_at = sweep()
            seen |= looked_at
            examined += len(looked_at)
            world.local.advance(world.zero + (hour + 1) * HOUR - BEFORE - world.local.clock.now)
            if hour % 6 == 5:
                tell(hour + 1)
        calls = calls_of(Platform(world.local), WORKFLOW, before) if subject is steward else log[before:]
        actions = dict(Counter(str(call["action"]) for call in calls))
    world.end(hours)
    return Counted(actions, examined, len({app.life.number for app in world.apps} - seen))


# -- peers


@contextmanager
def fixed_age(world: World, accounts: Sequence[Account]) -> Iterator[Sweep]:
    """Stops what runs for longer than FIXED_AGE."""
    yield lambda: _stop_where(world, accounts, lambda app, now: now - app["CreationTime"] > FIXED_AGE)


@contextmanager
def fixed_hour(world: World, accounts: Sequence[Account]) -> Iterator[Sweep]:
    """Stops everything at FIXED_HOUR, and does not look at any other time."""

    def sweep() -> set[int]:
        evening = world.local.clock.datetime().hour == FIXED_HOUR
        return _stop_where(world, accounts, lambda *_: True) if evening else set()

    yield sweep


def _stop_where(world: World, accounts: Sequence[Account], stops: Callable[[dict[str, Any], datetime], bool]) -> set[int]:
    world.local.cloud.latency = 0.0
    now, looked_at = world.local.clock.datetime(), set[int]()
    for account, region in product(accounts, world.local.organization.regions):
        sagemaker = world.local.client("sagemaker", account.name, region)
        for app in [app for page in sagemaker.get_paginator("list_apps").paginate(MaxResults=100) for app in page["Apps"]]:
            if app["Status"] == "InService":
                named = {name: app[name] for name in ("DomainId", "AppType", "AppName", "SpaceName", "UserProfileName") if name in app}
                looked_at.add(world.numbers[key_of(account.id, region, named)])
                if stops(app, now):
                    sagemaker.delete_app(**named)
    return looked_at


@contextmanager
def custodian(world: World, accounts: Sequence[Account]) -> Iterator[Sweep]:
    """What Custodian's policy selects is stopped for it."""
    with served(world.local) as endpoint, tempfile.TemporaryDirectory() as folder:
        tool, log = Custodian(world.local, accounts, endpoint, Path(folder)), world.local.cloud.log.calls

        def sweep() -> set[int]:
            before = len(log)
            running = {app.life.number for app in world.apps if app.runs}
            selected = tool.sweep()
            looked_at = {world.numbers[_described(call)] for call in log[before:] if call["action"] == "sagemaker:DescribeApp"} & running
            if looked_at != running or any(call["error"] for call in log[before:]):
                raise NotMeasured(f"Custodian looked at {len(looked_at)} of {len(running)} apps")
            for app in world.apps:
                if app.runs and app.resource is not None and app.resource.arn in selected:
                    app.place.call("DeleteApp", **{name: value for name, value in app.asked.items() if name != "ResourceSpec"})
            return looked_at

        yield sweep


def _described(call: dict[str, Any]) -> tuple[str, str, frozenset[str]]:
    return call["account"], call["region"], frozenset(str(call["resource"]).split("/"))


SUBJECTS: dict[str, Subject] = {"steward": steward, "custodian": custodian, "fixed_age": fixed_age, "fixed_hour": fixed_hour}
