"""The states of one execution, as generators on the clock: what they evaluate, how long they take, where they go, and what the history says of it.

A visit of a state is: entered, attempted, perhaps retried, then left by its result, or by a Catch. Output and Assign are evaluated with the values
that were there when the state was entered; what they assign is seen by the next state. Branches and iterations have variables of their own and read
those around them.

A Choice that matches nothing ends as ``States.Runtime``, as AWS's page on errors has it ("States.NoChoiceMatched: reserved for future use"), and not
as the States Language specification says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from localaws.clock import Process
from localaws.cloud import Refused
from localaws.states import integrations, jsontext
from localaws.states.definition import Definition
from localaws.states.errors import StatesError
from localaws.states.expressions import EvaluationProblem, Evaluator
from localaws.states.flow import together, wait, within
from localaws.states.history import History, Line, as_failure, as_input, as_output, iso
from localaws.states.retrying import Retries, catcher_for
from localaws.states.rules import parse_timestamp
from localaws.states.tasks import Caller, UnusableArguments, perform

# "An inline Map runs up to 40 iterations at the same time."
_INLINE_CONCURRENCY = 40
# These have a history event of their own for being given up.
_ABORTABLE = {"Task", "Wait", "Parallel", "Map"}


class Progress(Protocol):
    """Whoever counts: told before each state is entered, and free to end the execution there by raising `Aborted`."""

    def entering(self) -> None: ...


@dataclass
class Scope:
    """What states of one block share: their variables, those around them, the Context object and their line of events."""

    context: dict[str, Any]
    outer: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    line: Line = field(default_factory=Line)

    def inner(self, **context: Any) -> "Scope":
        return Scope(self.context | context, self.outer | self.variables, {}, Line(self.line.last))


@dataclass
class Visit:
    """One visit of a state."""

    name: str
    state: dict[str, Any]
    input: Any
    scope: Scope
    event: int
    entered: str
    retries: int = 0

    @property
    def context(self) -> dict[str, Any]:
        return self.scope.context | {"State": {"Name": self.name, "EnteredTime": self.entered, "RetryCount": self.retries}}

    def broken(self, error: str, cause: str) -> StatesError:
        """An error of the machine itself, in AWS's words."""
        return StatesError(error, f"An error occurred while executing the state '{self.name}' (entered at the event id #{self.event}). {cause}")


@dataclass
class Leaving:
    """How a state is left. `next` is None at the end of its block."""

    output: Any
    next: str | None
    assigned: dict[str, Any] = field(default_factory=dict)


class Interpreter:
    """Runs a definition. `caller` says who calls AWS, `context` is the Context object's Execution and StateMachine."""

    def __init__(self, caller: Caller, history: History, progress: Progress, context: dict[str, Any]):
        self._caller, self._history, self._progress, self._context = caller, history, progress, context
        self._clock, self._random = caller.cloud.clock, caller.cloud.random
        self._evaluator = Evaluator(caller.cloud.random, caller.cloud.uuid)
        self._kinds: dict[str, Callable[[Visit], Process]] = {
            "Task": self._task,
            "Choice": self._choice,
            "Pass": self._pass,
            "Wait": self._wait,
            "Parallel": self._parallel,
            "Map": self._map,
            "Succeed": self._pass,
            "Fail": self._fail,
        }

    def run(self, definition: Definition, value: Any) -> Process:
        """The whole machine. Returns its output; raises `StatesError` for what nothing caught."""
        return self._block(definition, value, Scope(self._context))

    # -- blocks and visits

    def _block(self, block: dict[str, Any], value: Any, scope: Scope) -> Process:
        name: str | None = block["StartAt"]
        while name is not None:
            value, name = yield from self._visit(name, block["States"][name], value, scope)
        return value

    def _visit(self, name: str, state: dict[str, Any], value: Any, scope: Scope) -> Process:
        self._progress.entering()
        event = self._history.record(scope.line, f"{state['Type']}StateEntered", name=name, **as_input(value))
        visit = Visit(name, state, value, scope, event, iso(self._clock.datetime()))
        try:
            leaving = yield from self._attempts(visit)
        except GeneratorExit:
            if state["Type"] in _ABORTABLE:
                self._history.give_up(scope.line, f"{state['Type']}StateAborted")
            raise
        self._check_size(visit, leaving.output)
        scope.variables |= leaving.assigned
        assigned = {variable: jsontext.write(item) for variable, item in leaving.assigned.items()}
        more = {"assignedVariables": assigned, "assignedVariablesDetails": {"truncated": False}} if assigned else {}
        self._history.record(scope.line, f"{state['Type']}StateExited", name=name, **as_output(leaving.output), **more)
        return leaving.output, leaving.next

    def _attempts(self, visit: Visit) -> Process:
        retries = Retries(visit.state.get("Retry", []), self._random)
        while True:
            try:
                return (yield from self._kinds[visit.state["Type"]](visit))
            except StatesError as failure:
                delay = retries.delay_after(failure.error)
                if delay is None:
                    return self._caught(visit, failure)
            yield from wait(self._clock, delay)
            visit.retries += 1

    def _caught(self, visit: Visit, failure: StatesError) -> Leaving:
        catcher = catcher_for(failure.error, visit.state.get("Catch", []))
        if catcher is None:
            raise failure
        error_output = {"Error": failure.error, "Cause": failure.cause}
        return self._leave(visit, catcher, error_output, catcher["Next"], errorOutput=error_output)

    def _leave(self, visit: Visit, part: dict[str, Any], output: Any, following: str | None, **states: Any) -> Leaving:
        """Leave by a state, a choice or a catcher: its Output if it has one, else `output`; and what it assigns."""
        if "Output" in part:
            output = self._evaluate(visit, part["Output"], "Output", **states)
        return Leaving(output, following, self._evaluate(visit, part.get("Assign", {}), "Assign", **states))

    # -- evaluating

    def _evaluate(self, visit: Visit, template: Any, location: str, kind: str | None = None, **states: Any) -> Any:
        """A field's value. A problem becomes ``States.QueryEvaluationError``, and an event that names the field."""
        variables = visit.scope.outer | visit.scope.variables
        values = {"input": visit.input, "context": visit.context} | states
        try:
            if kind is None:
                return self._evaluator.evaluate(template, variables, values, location)
            return self._evaluator.of_kind(kind, template, variables, values, location)
        except EvaluationProblem as problem:
            raise self._evaluation_failed(visit, problem.location, str(problem)) from problem

    def _evaluation_failed(self, visit: Visit, location: str, cause: str) -> StatesError:
        failure = visit.broken("States.QueryEvaluationError", cause)
        shown = as_failure(failure.error, failure.cause)
        self._history.record(visit.scope.line, "EvaluationFailed", state=visit.name, location=location[:256], **shown)
        return failure

    def _whole_number(self, visit: Visit, name: str, least: int) -> int:
        value = self._evaluate(visit, visit.state[name], name, "number")
        if not isinstance(value, int) or value < least:
            raise self._evaluation_failed(visit, name, f"The field '{name}' must be an integer of at least {least}, not {jsontext.write(value)}")
        return value

    def _check_size(self, visit: Visit, value: Any) -> None:
        if jsontext.is_too_large(jsontext.write(value)):
            cause = f"The state/task '{visit.name}' returned a result with a size exceeding the maximum number of bytes service limit."
            raise StatesError("States.DataLimitExceeded", cause)

    # -- states that take no time

    def _pass(self, visit: Visit) -> Process:
        yield from ()
        return self._leave(visit, visit.state, visit.input, visit.state.get("Next"))

    def _choice(self, visit: Visit) -> Process:
        yield from ()
        for number, rule in enumerate(visit.state["Choices"]):
            if self._evaluate(visit, rule["Condition"], f"Choices[{number}]/Condition", "boolean"):
                return self._leave(visit, rule, visit.input, rule["Next"])
        if "Default" not in visit.state:
            raise visit.broken("States.Runtime", "Failed to transition out of the state. The state does not point to a next state.")
        return self._leave(visit, visit.state, visit.input, visit.state["Default"])

    def _fail(self, visit: Visit) -> Process:
        yield from ()
        said = {name: self._evaluate(visit, visit.state.get(name, ""), name, "string") for name in ("Error", "Cause")}
        raise StatesError(said["Error"], said["Cause"])

    def _wait(self, visit: Visit) -> Process:
        if "Seconds" in visit.state:
            yield from wait(self._clock, self._whole_number(visit, "Seconds", 0))
        else:
            text = self._evaluate(visit, visit.state["Timestamp"], "Timestamp", "string")
            moment = parse_timestamp(text)
            if moment is None:
                raise self._evaluation_failed(visit, "Timestamp", f"The field 'Timestamp' must be a time like 2026-11-02T08:00:00Z, not {text}")
            yield from wait(self._clock, moment.timestamp() - self._clock.now)
        return self._leave(visit, visit.state, visit.input, visit.state.get("Next"))

    # -- Task

    def _task(self, visit: Visit) -> Process:
        integration = integrations.parse(visit.state["Resource"])
        names = {"resourceType": integration.resource_type, "resource": integration.resource}
        arguments = self._evaluate(visit, visit.state["Arguments"], "Arguments")
        self._check_size(visit, arguments)
        timeout = self._whole_number(visit, "TimeoutSeconds", 1) if "TimeoutSeconds" in visit.state else None
        line, region = visit.scope.line, self._caller.region
        scheduled = {"region": region, "parameters": jsontext.write(arguments), "timeoutInSeconds": timeout}
        self._history.record(line, "TaskScheduled", **names, **scheduled)
        self._history.record(line, "TaskStarted", **names)
        try:
            result = yield from self._in_time(timeout, partial(perform, self._caller, integration, arguments))
        except UnusableArguments as problem:
            cause = f"The Parameters '{jsontext.write(arguments)}' could not be used to start the Task: [{problem}]"
            raise visit.broken("States.Runtime", cause) from problem
        except Refused as refused:
            raise Refused(f"state '{visit.name}': {refused}") from refused
        except StatesError as failure:
            kind = "TaskTimedOut" if failure.error == "States.Timeout" else "TaskFailed"
            self._history.record(line, kind, **names, **as_failure(failure.error, failure.cause))
            raise
        self._check_size(visit, result)
        self._history.record(line, "TaskSucceeded", **names, **as_output(result))
        return self._leave(visit, visit.state, result, visit.state.get("Next"), result=result)

    def _in_time(self, timeout: int | None, start: Callable[[], Process]) -> Process:
        if timeout is None:
            return (yield from start())
        return (yield from within(self._clock, timeout, start(), lambda: StatesError("States.Timeout", "")))

    # -- Parallel and Map

    def _parallel(self, visit: Visit) -> Process:
        value = self._evaluate(visit, visit.state["Arguments"], "Arguments") if "Arguments" in visit.state else visit.input
        self._check_size(visit, value)
        self._history.record(visit.scope.line, "ParallelStateStarted")
        scopes = [visit.scope.inner() for _ in visit.state["Branches"]]
        branches = [self._block(branch, value, scope) for branch, scope in zip(visit.state["Branches"], scopes, strict=True)]
        return (yield from self._side_by_side(visit, branches, scopes, len(branches)))

    def _map(self, visit: Visit) -> Process:
        items = self._evaluate(visit, visit.state["Items"], "Items") if "Items" in visit.state else visit.input
        if isinstance(items, dict):
            raise Refused(f"state '{visit.name}': a Map over an object is not built yet, only over an array")
        if not isinstance(items, list):
            raise self._evaluation_failed(visit, "Items", f"The field 'Items' must be an array, not {jsontext.write(items)}")
        limit = self._whole_number(visit, "MaxConcurrency", 0) if "MaxConcurrency" in visit.state else 0
        contexts = [{"Item": {"Index": number, "Value": item}} for number, item in enumerate(items)]
        values = [self._item(visit, context) for context in contexts]
        self._history.record(visit.scope.line, "MapStateStarted", length=len(items))
        scopes = [visit.scope.inner(Map=context) for context in contexts]
        iterations = [self._iteration(visit, number, value, scopes[number]) for number, value in enumerate(values)]
        return (yield from self._side_by_side(visit, iterations, scopes, min(limit or _INLINE_CONCURRENCY, _INLINE_CONCURRENCY)))

    def _item(self, visit: Visit, context: dict[str, Any]) -> Any:
        """What an iteration is given: its item, or what ItemSelector makes of it."""
        if "ItemSelector" not in visit.state:
            return context["Item"]["Value"]
        return self._evaluate(visit, visit.state["ItemSelector"], "ItemSelector", context=visit.context | {"Map": context})

    def _iteration(self, visit: Visit, number: int, value: Any, scope: Scope) -> Process:
        said = {"name": visit.name, "index": number}
        self._history.record(scope.line, "MapIterationStarted", **said)
        try:
            output = yield from self._block(visit.state["ItemProcessor"], value, scope)
        except StatesError:
            self._history.record(scope.line, "MapIterationFailed", **said)
            raise
        except GeneratorExit:
            self._history.give_up(scope.line, "MapIterationAborted", **said)
            raise
        self._history.record(scope.line, "MapIterationSucceeded", **said)
        return output

    def _side_by_side(self, visit: Visit, branches: list[Process], scopes: list[Scope], limit: int) -> Process:
        kind, line = visit.state["Type"], visit.scope.line
        try:
            results = yield from together(self._clock, branches, limit)
        except StatesError:
            line.last = max(scope.line.last for scope in scopes)
            self._history.record(line, f"{kind}StateFailed")
            raise
        line.last = max((scope.line.last for scope in scopes), default=line.last)
        self._history.record(line, f"{kind}StateSucceeded")
        return self._leave(visit, visit.state, results, visit.state.get("Next"), result=results)
