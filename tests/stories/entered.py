"""Which states a story's executions enter, and which Catches they take: of all machines, of those inside Maps and of Express children, too.

localaws keeps no history of Express children, as AWS keeps none, so it is listened to where states are visited.
"""

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from localaws.states.errors import StatesError
from localaws.states.interpreter import Interpreter
from localaws.states.retrying import catcher_for
from localaws.states.visits import Leaving, Visit
from tools.every_test import TOLD

Way = tuple[str, str, str]
"""The workflow, the state, and the errors of the Catch that was taken; no errors: it was entered."""

PROPERTY = "ways"
"""Of a test, by which its fork tells them."""

ways: set[Way] = set()
"""Those of this process."""


class Told(NamedTuple):
    """Of one session: the names of its test files, and the ways that were gone."""

    files: set[str]
    ways: set[Way]


def tell(files: Collection[str]) -> None:
    """What was entered here, where another session asks for it."""
    if folder := os.environ.get(TOLD):
        Path(folder, f"{os.getpid()}.json").write_text(json.dumps([sorted(files), sorted(ways)]))


def told() -> Iterator[Told]:
    """By the sessions that are over."""
    if folder := os.environ.get(TOLD):
        for path in Path(folder).glob("*.json"):
            files, gone = json.loads(path.read_text())
            yield Told(set(files), {(workflow, state, errors) for workflow, state, errors in gone})


def listen() -> None:
    """From now on, in this process and its forks."""
    visit, caught = Interpreter._visit, Interpreter._caught

    def entering(self: Interpreter, name: str, *more: Any) -> Any:
        ways.add((_workflow(self), name, ""))
        return visit(self, name, *more)

    def catching(self: Interpreter, visited: Visit, failure: StatesError) -> Leaving:
        leaving = caught(self, visited, failure)
        taken = catcher_for(failure.error, visited.state["Catch"]) or {}
        ways.add((_workflow(self), visited.name, errors_of(taken)))
        return leaving

    Interpreter._visit, Interpreter._caught = entering, catching  # type: ignore[method-assign]


def errors_of(catcher: dict[str, Any]) -> str:
    return " ".join(catcher["ErrorEquals"])


def _workflow(interpreter: Interpreter) -> str:
    """``DomainSetup``, of ``…:stateMachine:studio-steward-DomainSetupStateMachine-0704AC`` and of what a Map in it starts."""
    return interpreter._caller.execution_arn.split(":")[6].split("-")[2].removesuffix("StateMachine")
