"""Which states a story's executions enter, and which Catches they take: of all machines, of those inside Maps and of Express children, too.

localaws keeps no history of Express children, as AWS keeps none, so it is listened to where states are visited.
"""

from typing import Any

from localaws.states.errors import StatesError
from localaws.states.interpreter import Interpreter
from localaws.states.retrying import catcher_for
from localaws.states.visits import Leaving, Visit

Way = tuple[str, str, str]
"""The workflow, the state, and the errors of the Catch that was taken; no errors: it was entered."""

PROPERTY = "ways"
"""Of a test, by which its fork tells them."""

ways: set[Way] = set()
"""Those of this process."""


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
