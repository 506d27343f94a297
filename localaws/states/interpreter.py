"""The states of one execution, as generators on the clock: what they evaluate, how long they take, where they go, and what the history says of it.

A visit of a state is: entered, attempted, perhaps retried, then left by its result, or by a Catch. Output and Assign are evaluated with the values
that were there when the state was entered; what they assign is seen by the next state. Branches and iterations have variables of their own and read
those around them.

A Choice that matches nothing ends as ``States.Runtime``, as AWS's page on errors has it ("States.NoChoiceMatched: reserved for future use"), and not
as the States Language specification says.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from localaws.clock import Process
from localaws.cloud import Refused
from localaws.states import integrations, jsontext
from localaws.states.callbacks import issue
from localaws.states.definition import Definition
from localaws.states.errors import StatesError
from localaws.states.expressions import EvaluationProblem, Evaluator
from localaws.states.flow import together, wait, within
from localaws.states.history import History, as_failure, as_input, as_output, iso
from localaws.states.maps.definition import is_distributed
from localaws.states.maps.fields import Fields
from localaws.states.maps.runs import Launcher
from localaws.states.maps.state import FROM_STATE, distributed
from localaws.states.retrying import Retries, catcher_for
from localaws.states.rules import parse_timestamp
from localaws.states.tasks import Caller, Job, UnusableArguments, perform
from localaws.states.visits import Leaving, Scope, Visit, check_size, check_variables

# "An inline Map runs up to 40 iterations at the same time."
_INLINE_CONCURRENCY = 40
# These have a history event of their own for being given up.
_ABORTABLE = {"Task", "Wait", "Parallel", "Map"}


class Progress(Protocol):
    """Whoever counts: told before each state is entered, and free to end the execution there by raising `Aborted`."""

    def entering(self) -> None: ...


class Interpreter:
    """Runs a definition. `caller` says who calls AWS, `root` is where the execution stands: at its start, or where a redrive goes on.

    `launcher` starts the children of Distributed Maps.
    """

    def __init__(self, caller: Caller, history: History, progress: Progress, root: Scope, launcher: Launcher):
        self._caller, self._history, self._progress, self._root, self._launcher = caller, history, progress, root, launcher
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

    def run(self, definition: Definition) -> Process:
        """The whole machine, from where it stands. Returns its output; raises `StatesError` for what nothing caught."""
        return self._block(definition, self._root)

    # -- blocks and visits

    def _block(self, block: dict[str, Any], scope: Scope) -> Process:
        """A block from its start or, redriven, from the state it was in; at once where it was over."""
        if scope.over:
            return scope.output
        if scope.visit is None:
            value, name = scope.input, block["StartAt"]
        else:
            value, name = yield from self._again(scope.visit)
        while name is not None:
            value, name = yield from self._visit(name, block["States"][name], value, scope)
        scope.over, scope.output = True, value
        return value

    def _visit(self, name: str, state: dict[str, Any], value: Any, scope: Scope) -> Process:
        self._progress.entering()
        event = self._history.record(scope.line, f"{state['Type']}StateEntered", name=name, **as_input(value))
        scope.visit = Visit(name, state, value, scope, event, iso(self._clock.datetime()))
        return (yield from self._carry_out(scope.visit))

    def _again(self, visit: Visit) -> Process:
        """What a redrive does with the state that was not left: a Fail state is entered again, any other goes on with all its retries."""
        visit.scope.line.last = self._history.resumed
        if visit.state["Type"] == "Fail":
            return (yield from self._visit(visit.name, visit.state, visit.input, visit.scope))
        visit.retries = 0
        return (yield from self._carry_out(visit))

    def _carry_out(self, visit: Visit) -> Process:
        kind, scope = visit.state["Type"], visit.scope
        try:
            leaving = yield from self._attempts(visit)
        except GeneratorExit:
            if kind in _ABORTABLE:
                self._history.give_up(scope.line, f"{kind}StateAborted")
            raise
        scope.variables |= leaving.assigned
        assigned = {variable: jsontext.write(item) for variable, item in leaving.assigned.items()}
        more = {"assignedVariables": assigned, "assignedVariablesDetails": {"truncated": False}} if assigned else {}
        self._history.record(scope.line, f"{kind}StateExited", name=visit.name, **as_output(leaving.output), **more)
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
            visit.inner = visit.map_run = None

    def _caught(self, visit: Visit, failure: StatesError) -> Leaving:
        catcher = catcher_for(failure.error, visit.state.get("Catch", []))
        if catcher is None:
            if failure.error == "States.DataLimitExceeded":
                # "… the Parallel state is rerun, including the branches that were successful", "A new Map Run is started": nothing to go on from.
                visit.inner = visit.map_run = None
            raise failure
        error_output = {"Error": failure.error, "Cause": failure.cause}
        return self._leave(visit, catcher, error_output, catcher["Next"], errorOutput=error_output)

    def _leave(self, visit: Visit, part: dict[str, Any], output: Any, following: str | None, **states: Any) -> Leaving:
        """Leave by a state, a choice or a catcher: its Output if it has one, else `output`; and what it assigns."""
        if "Output" in part:
            output = self._evaluate(visit, part["Output"], "Output", **states)
        check_size(visit.name, output)
        assigned = self._evaluate(visit, part.get("Assign", {}), "Assign", **states)
        check_variables(visit, assigned, self._root)
        return Leaving(output, following, assigned)

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
        visit.token = issue(self._caller) if integration.pattern == "waitForTaskToken" else None
        arguments = self._evaluate(visit, visit.state["Arguments"], "Arguments")
        parameters = check_size(integration.resource_type, arguments)
        timeout, heartbeat = (self._whole_number(visit, name, 1) if name in visit.state else None for name in ("TimeoutSeconds", "HeartbeatSeconds"))
        tell = partial(self._history.record, visit.scope.line, resourceType=integration.resource_type, resource=integration.resource)
        tell("TaskScheduled", region=self._caller.region, parameters=parameters, timeoutInSeconds=timeout, heartbeatInSeconds=heartbeat)
        tell("TaskStarted")
        job = Job(self._caller, integration, arguments, lambda answer: tell("TaskSubmitted", **as_output(answer)), visit.token, heartbeat)
        try:
            result = yield from self._in_time(timeout, partial(perform, job))
            output = check_size(integration.resource_type, result)
        except UnusableArguments as problem:
            cause = f"The Parameters '{parameters}' could not be used to start the Task: [{problem}]"
            raise visit.broken("States.Runtime", cause) from problem
        except Refused as refused:
            raise Refused(f"state '{visit.name}': {refused}") from refused
        except StatesError as failure:
            late = failure.error in {"States.Timeout", "States.HeartbeatTimeout"}
            tell("TaskTimedOut" if late else "TaskFailed", **as_failure(failure.error, failure.cause))
            raise
        tell("TaskSucceeded", output=output, outputDetails={"truncated": False})
        return self._leave(visit, visit.state, result, visit.state.get("Next"), result=result)

    def _in_time(self, timeout: int | None, start: Callable[[], Process]) -> Process:
        if timeout is None:
            return (yield from start())
        return (yield from within(self._clock, timeout, start(), lambda: StatesError("States.Timeout", "")))

    # -- Parallel and Map

    def _parallel(self, visit: Visit) -> Process:
        branches = visit.state["Branches"]
        if visit.inner is None:
            value = self._evaluate(visit, visit.state["Arguments"], "Arguments") if "Arguments" in visit.state else visit.input
            check_size(visit.name, value)
            self._history.record(visit.scope.line, "ParallelStateStarted")
            visit.inner = [visit.scope.inner(value) for _ in branches]
        runs = [self._block(branch, scope) for branch, scope in zip(branches, visit.inner, strict=True)]
        return (yield from self._side_by_side(visit, visit.inner, runs, len(runs)))

    def _map(self, visit: Visit) -> Process:
        if is_distributed(visit.state):
            fields = Fields(self._caller, visit, self._evaluate, self._evaluation_failed)
            results = yield from distributed(fields, self._history, self._launcher)
            return self._leave(visit, visit.state, results, visit.state.get("Next"), result=results)
        limit = self._whole_number(visit, "MaxConcurrency", 0) if "MaxConcurrency" in visit.state else 0
        if visit.inner is None:
            visit.inner = self._iterations(visit)
        runs = [self._iteration(visit, number, scope) for number, scope in enumerate(visit.inner)]
        return (yield from self._side_by_side(visit, visit.inner, runs, min(limit or _INLINE_CONCURRENCY, _INLINE_CONCURRENCY)))

    def _iterations(self, visit: Visit) -> list[Scope]:
        items = self._evaluate(visit, visit.state["Items"], "Items") if "Items" in visit.state else visit.input
        if isinstance(items, dict):
            raise Refused(f"state '{visit.name}': a Map over an object is not built yet, only over an array")
        if not isinstance(items, list):
            raise self._evaluation_failed(visit, "Items", f"The field 'Items' must be an array, not {jsontext.write(items)}")
        contexts = [{"Item": {"Index": number, "Value": item, "Source": FROM_STATE}} for number, item in enumerate(items)]
        values = [self._item(visit, context) for context in contexts]
        self._history.record(visit.scope.line, "MapStateStarted", length=len(items))
        return [visit.scope.inner(value, Map=context) for value, context in zip(values, contexts, strict=True)]

    def _item(self, visit: Visit, context: dict[str, Any]) -> Any:
        """What an iteration is given: its item, or what ItemSelector makes of it."""
        if "ItemSelector" not in visit.state:
            return context["Item"]["Value"]
        value = self._evaluate(visit, visit.state["ItemSelector"], "ItemSelector", context=visit.context | {"Map": context})
        check_size(visit.name, value)
        return value

    def _iteration(self, visit: Visit, number: int, scope: Scope) -> Process:
        if scope.over:
            return scope.output
        said = {"name": visit.name, "index": number}
        if scope.visit is None:
            self._history.record(scope.line, "MapIterationStarted", **said)
        try:
            output = yield from self._block(visit.state["ItemProcessor"], scope)
        except StatesError:
            self._history.record(scope.line, "MapIterationFailed", **said)
            raise
        except GeneratorExit:
            self._history.give_up(scope.line, "MapIterationAborted", **said)
            raise
        self._history.record(scope.line, "MapIterationSucceeded", **said)
        return output

    def _side_by_side(self, visit: Visit, scopes: list[Scope], runs: list[Process], limit: int) -> Process:
        kind, line = visit.state["Type"], visit.scope.line
        try:
            results = yield from together(self._clock, runs, limit)
        except StatesError:
            line.last = max(scope.line.last for scope in scopes)
            self._history.record(line, f"{kind}StateFailed")
            raise
        line.last = max((line.last, *(scope.line.last for scope in scopes)))
        self._history.record(line, f"{kind}StateSucceeded")
        return self._leave(visit, visit.state, results, visit.state.get("Next"), result=results)
