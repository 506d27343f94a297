"""Running executions: how they begin, go on and are stopped. An execution is a generator on the clock."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from localaws.authorization import may_by_role
from localaws.clock import Action, Process, Promise
from localaws.cloud import Cloud
from localaws.states import jsontext
from localaws.states.errors import Aborted, StatesError
from localaws.states.executions import Execution, Origin, StateMachine, end, entry_of, executions
from localaws.states.flow import close
from localaws.states.history import History, Line, Unkept, iso
from localaws.states.interpreter import Interpreter
from localaws.states.maps.runs import Child, MapRun
from localaws.states.tasks import Caller

# The quota of Express workflows: one that runs for more than five minutes fails with States.Timeout.
EXPRESS_SECONDS = 300
_TOO_LONG = f"An Express execution runs for {EXPRESS_SECONDS} seconds at most"


def begin(cloud: Cloud, machine: StateMachine, name: str, text: str, trace_header: str | None = None) -> Execution:
    """Start an execution: its first state is entered in an entry of its own, not before this call is answered."""
    arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
    now = cloud.clock.datetime()
    entry = entry_of(cloud, machine, arn, name, text)
    execution = Execution(cloud, arn, name, machine, machine.revision, text, now, History(cloud.clock), entry, _number(cloud, entry), trace_header)
    _keep(execution)
    _record_start(execution)
    launch(execution)
    return execution


def _number(cloud: Cloud, entry: dict[str, Any]) -> int:
    cloud.log.executions.append(entry)
    return len(cloud.log.executions)


def _keep(execution: Execution) -> None:
    table = executions(execution.cloud, execution.machine.account, execution.machine.region)
    table.pop(execution.arn, None)
    table[execution.arn] = execution


def _record_start(execution: Execution) -> None:
    """On a line of its own: AWS points the entry of the first state at nothing, as if it came first."""
    given = {"input": execution.input, "inputDetails": {"truncated": False}, "roleArn": execution.revision.role_arn}
    execution.history.record(Line(), "ExecutionStarted", **given)


def launch(execution: Execution) -> None:
    """Let it run from where it stands. Its timeout counts from now."""
    clock = execution.cloud.clock
    execution.ended = clock.promise()
    execution.steps = _steps(execution)
    # Awaited by nobody in earnest: an answer that reaches a stopped execution must not come out of the clock as an error. Crashes do, see `_steps`.
    clock.process(execution.steps).then(lambda _: None)
    if execution.child_of is not None and execution.child_of.type == "EXPRESS":
        execution.timer = clock.later(EXPRESS_SECONDS, lambda: _time_out(execution, "States.Timeout", _TOO_LONG))
        return
    timeout = execution.revision.definition.get("TimeoutSeconds")
    if timeout is not None:
        execution.timer = clock.later(timeout, lambda: _time_out(execution))


def resume(execution: Execution) -> None:
    """Let it go on after its end, as a redrive does."""
    execution.redrives, execution.redriven = execution.redrives + 1, execution.cloud.clock.datetime()
    _open_again(execution)
    execution.history.resume(execution.redrives)
    # One dictionary for all scopes, those of branches included.
    execution.root.context["Execution"].update(RedriveCount=execution.redrives, RedriveTime=iso(execution.redriven))
    launch(execution)


def _open_again(execution: Execution) -> None:
    execution.status, execution.stopped = "RUNNING", None
    execution.error = execution.cause = None
    execution.entry.update(time=None, status="RUNNING", error=None, cause=None, redrives=execution.redrives)


def stop(execution: Execution, error: str | None, cause: str | None) -> None:
    """End it as ABORTED. What it is waiting for is given up; what it has called goes on, as in AWS."""
    if execution.steps is not None:
        close(execution.steps)
    end(execution, "ABORTED", "ExecutionAborted", error=error, cause=cause)


# -- children of Distributed Maps


@dataclass(frozen=True)
class Children:
    """Starts the children of one execution's Distributed Maps. See `localaws.states.maps.runs.Launcher`."""

    parent: Execution

    def may(self, action: str, resource: str) -> bool:
        return may_by_role(self.parent.cloud, self.parent.revision.role_arn, action, resource)

    def start(self, run: MapRun, child: Child) -> Execution:
        """A new execution. Those of Express children have an id of their own besides their name, and keep no history."""
        cloud, machine, name = run.cloud, self._machine(run), run.cloud.uuid()
        express = run.type == "EXPRESS"
        kind = ":express:" if express else ":execution:"
        arn = ":".join([machine.arn.replace(":stateMachine:", kind), name, *([cloud.uuid()] if express else [])])
        entry = entry_of(cloud, machine, arn, name, child.text) | {"type": run.type, "map_run": run.arn}
        history = Unkept(cloud.clock) if express else History(cloud.clock)
        origin, now = Origin(run.arn, run.type, child.items), cloud.clock.datetime()
        execution = Execution(
            cloud, arn, name, machine, machine.revision, child.text, now, history, entry, _number(cloud, entry), self.parent.trace_header, origin
        )
        _keep(execution)
        _record_start(execution)
        launch(execution)
        return execution

    def start_again(self, execution: Execution) -> None:
        """An Express child from its first state, under the same ARN."""
        execution.redrives += 1
        _open_again(execution)
        execution.history = Unkept(execution.cloud.clock)
        execution.restart()
        launch(execution)

    def redrive(self, execution: Execution) -> None:
        resume(execution)

    def stop(self, execution: Execution) -> None:
        stop(execution, None, None)

    def _machine(self, run: MapRun) -> StateMachine:
        """What the children are executions of: the ItemProcessor, by the name ``<machine>/<label>``."""
        parent, revision = self.parent.machine, self.parent.revision
        arn = run.children_arn
        processor = replace(revision, text=jsontext.write(run.block), definition=run.block)
        return StateMachine(arn.rsplit(":", 1)[1], arn, parent.account, parent.region, parent.created, processor, of=parent.of or parent)


def _end_of(cloud: Cloud, machine: StateMachine, arn: str) -> Promise:
    return executions(cloud, machine.account, machine.region)[arn].ended


def _steps(execution: Execution) -> Process:
    """Run the machine and write down how it ended. A crash of localaws itself ends the execution and is raised from the clock, for all to see."""
    cloud, revision, machine = execution.cloud, execution.revision, execution.machine
    caller = Caller(cloud, machine.region, revision.principal, execution.arn, machine.arn, partial(_end_of, cloud, machine))
    try:
        output = yield from Interpreter(caller, execution.history, execution, execution.root, Children(execution)).run(revision.definition)
    except Aborted:
        return
    except StatesError as failure:
        end(execution, "FAILED", "ExecutionFailed", error=failure.error, cause=failure.cause)
    except Exception as bug:  # noqa: BLE001 - whatever it is must not vanish with the process
        end(execution, "FAILED", "ExecutionFailed", error="States.Runtime", cause=f"{type(bug).__name__}: {bug}")
        cloud.clock.later(0, _raiser(bug))
    else:
        end(execution, "SUCCEEDED", "ExecutionSucceeded", output=jsontext.write(output))


def _raiser(bug: Exception) -> Action:
    def raise_it() -> None:
        raise bug

    return raise_it


def _time_out(execution: Execution, error: str | None = None, cause: str | None = None) -> None:
    if execution.steps is not None:
        close(execution.steps)
    end(execution, "TIMED_OUT", "ExecutionTimedOut", error=error, cause=cause)
