"""The events of one execution, in the shape of Step Functions' ``HistoryEvent``."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localaws.clock import Clock
from localaws.states import jsontext
from localaws.states.errors import Aborted, StatesError

# "Standard Workflows: 25,000 events in a single execution history"; the event that ends the execution is the last of them.
MOST_EVENTS = 25_000


@dataclass
class Line:
    """One line of events, each pointing at the one before it: the machine's own, a branch's, an iteration's. Zero is the start."""

    last: int = 0


@dataclass
class History:
    """Events as GetExecutionHistory gives them, oldest first, ids from 1. `resumed` is the id of the last redrive, 0 before there is one."""

    clock: Clock
    events: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    resumed: int = 0

    def record(self, line: Line, kind: str, **details: Any) -> int:
        """Append an event and return its id.

        Raises `Aborted` once the execution has ended, and `StatesError` where the history is full.
        """
        if self.ended:
            raise Aborted
        if len(self.events) + 1 >= MOST_EVENTS:
            raise StatesError("States.Runtime", f"The execution reached the maximum number of history events ({MOST_EVENTS}).")
        return self._append(line, kind, details)

    def give_up(self, line: Line, kind: str, **details: Any) -> None:
        """Append an event that says what was given up. It never raises, since whoever closes the generator has no use for an error."""
        if not self.ended and len(self.events) + 1 < MOST_EVENTS:
            self._append(line, kind, details)

    def end(self, kind: str, **details: Any) -> None:
        """Append the execution's last event."""
        self._append(Line(len(self.events)), kind, details)
        self.ended = True

    def resume(self, redrives: int) -> None:
        """Go on after the end: "Redriven executions append their event history to the existing event history"."""
        self.resumed = self._append(Line(len(self.events)), "ExecutionRedriven", {"redriveCount": redrives})
        self.ended = False

    def _append(self, line: Line, kind: str, details: dict[str, Any]) -> int:
        number = len(self.events) + 1
        event = {"timestamp": self.clock.datetime(), "type": kind, "id": number, "previousEventId": line.last}
        if details:
            event[_details_member(kind)] = {name: value for name, value in details.items() if value is not None}
        self.events.append(event)
        line.last = number
        return number


class Unkept(History):
    """That of an Express execution: its events go to CloudWatch Logs in AWS, and nowhere here. They have numbers and no limit."""

    count: int = 0

    def _append(self, line: Line, kind: str, details: dict[str, Any]) -> int:  # noqa: ARG002 - nothing is kept
        self.count += 1
        line.last = self.count
        return self.count


def _details_member(kind: str) -> str:
    for suffix in ("StateEntered", "StateExited"):
        if kind.endswith(suffix):
            return f"s{suffix[1:]}EventDetails"
    return f"{kind[0].lower()}{kind[1:]}EventDetails"


def as_input(value: Any) -> dict[str, Any]:
    return {"input": jsontext.write(value), "inputDetails": {"truncated": False}}


def as_output(value: Any) -> dict[str, Any]:
    return {"output": jsontext.write(value), "outputDetails": {"truncated": False}}


def as_failure(error: str, cause: str) -> dict[str, Any]:
    """`error` and `cause`, cut to what the API can carry (256 and 32,768 characters); what is empty is left out."""
    return {"error": error[:256] or None, "cause": cause[:32_768] or None}


def iso(moment: datetime) -> str:
    """As Step Functions writes times in the Context object and in results: to the millisecond, without trailing zeros."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = f"{moment.microsecond // 1000:03}".rstrip("0")
    return f"{text}.{milliseconds}Z" if milliseconds else f"{text}Z"
