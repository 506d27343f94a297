"""Where an execution stands: its blocks, each with its variables and the state it is in. A redrive goes on from exactly this."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.history import Line

if TYPE_CHECKING:
    from localaws.states.maps.runs import MapRun


@dataclass
class Scope:
    """One run of a block: what its states share (Context object, variables, line of events), the state it is in, and its output once it is over."""

    context: dict[str, Any]
    input: Any
    outer: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    line: Line = field(default_factory=Line)
    visit: "Visit | None" = None
    over: bool = False
    output: Any = None

    def inner(self, value: Any, **context: Any) -> "Scope":
        """The scope of a branch or an iteration that is given `value`."""
        return Scope(self.context | context, value, self.outer | self.variables, {}, Line(self.line.last))


@dataclass
class Visit:
    """One visit of a state. `inner`, `token` and `map_run` are of the attempt under way: branches or iterations, task token, Map Run."""

    name: str
    state: dict[str, Any]
    input: Any
    scope: Scope
    event: int
    entered: str
    retries: int = 0
    inner: list[Scope] | None = None
    token: str | None = None
    map_run: "MapRun | None" = None

    @property
    def context(self) -> dict[str, Any]:
        task = {} if self.token is None else {"Task": {"Token": self.token}}
        return self.scope.context | {"State": {"Name": self.name, "EnteredTime": self.entered, "RetryCount": self.retries}} | task

    def broken(self, error: str, cause: str) -> StatesError:
        """An error of the machine itself, in AWS's words."""
        return StatesError(error, f"An error occurred while executing the state '{self.name}' (entered at the event id #{self.event}). {cause}")


@dataclass
class Leaving:
    """How a state is left. `next` is None at the end of its block."""

    output: Any
    next: str | None
    assigned: dict[str, Any] = field(default_factory=dict)


# -- limits

# A single variable, and all of a single Assign, have at most 256 KiB; all that an execution keeps have at most 10 MiB.
MOST_VARIABLES = 10 * 1024 * 1024


def check_size(what: str, value: Any) -> str:
    """The JSON text of a value. Raises ``States.DataLimitExceeded`` where that is more than 256 KiB; `what` is the state or task it comes from."""
    text = jsontext.write(value)
    if jsontext.is_too_large(text):
        cause = f"The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        raise StatesError("States.DataLimitExceeded", cause)
    return text


def check_variables(visit: Visit, assigned: dict[str, Any], root: Scope) -> None:
    """Raise ``States.DataLimitExceeded`` where Assign, or all that the execution keeps with it, is too large.

    AWS documents the figures and not the error: its name and words are ours.
    """
    if not assigned:
        return
    if jsontext.is_too_large(jsontext.write(assigned)):
        raise visit.broken("States.DataLimitExceeded", f"The variables assigned have more than {jsontext.MOST_BYTES} bytes.")
    kept = sum(_bytes_of(scope.variables | (assigned if scope is visit.scope else {})) for scope in _running(root))
    if kept > MOST_VARIABLES:
        raise visit.broken("States.DataLimitExceeded", f"All variables of the execution have more than {MOST_VARIABLES} bytes.")


def _running(scope: Scope) -> "list[Scope]":
    """A scope and all within it that still run: what is over has left its variables behind."""
    inner = scope.visit.inner if scope.visit is not None and scope.visit.inner else []
    return [] if scope.over else [scope, *(running for each in inner for running in _running(each))]


def _bytes_of(variables: dict[str, Any]) -> int:
    return sum(len(jsontext.write(value).encode()) for value in variables.values())
