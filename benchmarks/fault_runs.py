"""One play, once as it should go and once with one fault: what is different at the end, and does what an operator would do put it right?"""

import gc
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.fault_kinds import KINDS, which
from localaws.faults import Passage
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from tests.stories.end_state import ANNOUNCEMENTS, FINDINGS, EndState
from tests.stories.people import Platform
from tests.stories.plays import DAY, PLAYS
from tools import redrive

ORGANIZATION = Path(__file__).resolve().parents[1] / "demo" / "organization.yaml"

HOUR, SWEEPS = 3600, 4
"""Sweeps that it takes from a notice to the stop: one that gives it, two within its grace, and one that stops."""

Act = Callable[[], None]

INJECTED = "injected"
HEALED, REDRIVEN, SECOND_EVENT, LOST = "healed", "healed after redrive", "healed by a second event", "lost"
VERDICTS = (HEALED, REDRIVEN, SECOND_EVENT, LOST)

REDRIVES = 3
"""How often an operator runs ``make redrive`` before giving up: what comes out of a queue may fail once more as an execution."""


@dataclass(frozen=True)
class Case:
    """One fault in one play: of `kind`, at the passage with this number."""

    play: str
    kind: str
    number: int


@dataclass(frozen=True)
class Reference:
    """A play as it goes without faults: where one could strike, how it ends, and the events that were delivered in it, by their ids. `struck` are the
    numbers of the passages that a fault of the play's own strikes.
    """

    passages: list[Passage]
    end: EndState
    events: dict[str, dict[str, Any]]
    struck: frozenset[int]


@dataclass(frozen=True)
class Result:
    """What came of one case. `why` is empty where it is not lost."""

    verdict: str
    passage: Passage
    why: tuple[str, ...] = ()


@contextmanager
def deployed(seed: int) -> Iterator[Platform]:
    """The platform that every run is a fork of: deployed, warm, and watched for what it tells others."""
    with LocalOrganization(ORGANIZATION, seed=seed) as local:
        local.deploy_stacks()
        for function in local.client("lambda", "hub").list_functions()["Functions"]:
            local.cloud.functions.warm(function["FunctionArn"])
        platform = Platform(local)
        platform.watch_hub_bus()
        platform.watch_findings()
        _rehearse(platform)
        gc.collect()
        gc.freeze()
        yield platform


def _rehearse(platform: Platform) -> None:
    """Do what most runs do once beforehand, in an account that no play knows: what is loaded and made only once need not be so in every fork."""
    organization = platform.local.organization
    for account, region in product(organization.accounts, organization.regions):
        platform.client("sagemaker", account.name, region)
    platform.local.vend(Account("rehearsal", "999999999999", "ML/Dev"))
    platform.local.settle()
    platform.profile("rehearsal")
    platform.local.settle()
    _redrive(platform)


def prepare(platform: Platform, play: str) -> Act:
    """Do what has to be there before the play begins. It is the same in each fork of the deployed process; what is returned is the play."""
    platform.local.clock.own()
    act = PLAYS[play].prepare(platform)
    gc.freeze()
    return act


def reference_of(platform: Platform, act: Act) -> Reference:
    """Run a play without faults. To be called in a fork of the process that prepared it, as `run` is."""
    platform.local.clock.own()
    with platform.local.faults.watched() as passages:
        _run(platform, act)
    events = {delivery["event_id"]: delivery["event"] for delivery in platform.local.cloud.log.deliveries}
    own = [injected.passage for injected in platform.local.faults.injected]
    struck = frozenset(number for number, passage in enumerate(passages) if any(passage is one for one in own))
    return Reference(passages, platform.end_state(), events, struck)


def cases_of(play: str, reference: Reference) -> list[Case]:
    """Every passage of what we deployed, with every kind of fault that fits it; but for those where something goes wrong anyway."""
    ours = [(number, passage) for number, passage in enumerate(reference.passages) if _is_ours(passage) and number not in reference.struck]
    return [Case(play, kind.name, number) for number, passage in ours for kind in KINDS.values() if kind.fits(passage)]


def _is_ours(passage: Passage) -> bool:
    """Not what people do, nor how they watch, nor how StackSets deploy: calls by our roles and by services, deliveries but to watchers."""
    if passage.kind == "call":
        return ":user/" not in passage.principal and ":role/stacksets-exec-" not in passage.principal
    return not passage.what.endswith((f":{ANNOUNCEMENTS}", f":{FINDINGS}"))


def run(platform: Platform, act: Act, case: Case, reference: Reference) -> Result:
    """Play it with the fault, then put right what is not as it should be, as an operator would."""
    platform.local.clock.own()
    kind, passage = KINDS[case.kind], reference.passages[case.number]
    with kind.declare(platform.local.faults, passage, which(passage, reference.passages[: case.number])):
        _run(platform, act)
    end = platform.end_state()

    def differences() -> list[str]:
        return platform.end_state().differences(reference.end, PLAYS[case.play].passing)

    if not differences() and not end.reds - reference.end.reds:
        return Result(HEALED, passage)
    if not kind.loses_the_event and not _is_seen(end, reference.end):
        return Result(LOST, passage, ("nobody sees it", *differences()))
    for _ in range(REDRIVES):
        _redrive(platform)
        if not differences():
            return Result(REDRIVEN, passage)
    left_to_the_next_run = any(state in redrive.LEFT_TO_THE_NEXT | redrive.ENDS_OF_SWEEPS for _, state in end.reds)
    if kind.loses_the_event or left_to_the_next_run:
        event = None if left_to_the_next_run else reference.events.get(passage.event_id)
        for _ in _happens_again(platform, event, PLAYS[case.play].workflow):
            if not differences():
                return Result(SECOND_EVENT, passage)
    seen = tuple(f"red in {state} of {machine}" for machine, state in sorted(end.reds - reference.end.reds))
    return Result(LOST, passage, (*seen, *differences()))


def _run(platform: Platform, act: Act) -> None:
    act()
    platform.local.settle()


def _is_seen(end: EndState, wanted: EndState) -> bool:
    """An operator has something to go by: an execution that is red in a state with a name, or a message that waits."""
    return bool(end.reds - wanted.reds or end.left - wanted.left)


def _redrive(platform: Platform) -> None:
    """``make redrive EXECUTE=1``, with the keys of the hub's administrator."""
    keys = platform.local.keys("hub")
    os.environ |= {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}
    os.environ["AWS_DEFAULT_REGION"] = platform.local.organization.home_region
    with redirect_stdout(StringIO()):
        redrive.main(["--execute"])
    platform.local.settle()


def _happens_again(platform: Platform, event: dict[str, Any] | None, workflow: str) -> Iterator[None]:
    """The same thing happens once more: a later event, with ids of its own, from where the first came from. Of a schedule, its next day; of sweeps,
    the next few, since who was to be stopped is noticed first."""
    if event is not None:
        platform.local.send({**event, "id": str(uuid.uuid4()), "detail": {**event["detail"], "eventID": str(uuid.uuid4())}})
        waits = [0.0]
    else:
        waits = [HOUR] * SWEEPS if workflow == "idle_app_shutdown" else [DAY]
    for seconds in waits:
        platform.local.advance(seconds)
        platform.local.settle()
        yield
