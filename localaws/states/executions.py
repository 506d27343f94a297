"""State machines and their executions: how one begins, what is known of it, and how it ends. `localaws.states.service` is the API on top.

An execution is a generator on the clock. It is in ``cloud.log.executions`` from its start; that entry is completed at its end.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from localaws.clock import Action, Entry, Process, Promise
from localaws.cloud import AwsError, Cloud, Principal
from localaws.states import jsontext
from localaws.states.definition import Definition
from localaws.states.errors import Aborted, StatesError
from localaws.states.flow import close
from localaws.states.history import History, Line, as_failure, iso
from localaws.states.interpreter import Interpreter
from localaws.states.tasks import Caller
from localaws.states.visits import Scope

# The quota of open executions of one account in one Region; AWS raises it on request.
MOST_OPEN = 1_000_000


@dataclass
class Revision:
    """What UpdateStateMachine can change. An execution keeps the one it was started with."""

    text: str
    definition: Definition
    role_arn: str
    principal: Principal
    date: datetime
    logging: dict[str, Any]
    tracing: dict[str, Any]
    id: str | None = None


@dataclass
class StateMachine:
    """`status` is ``ACTIVE`` or ``DELETING``."""

    name: str
    arn: str
    account: str
    region: str
    created: datetime
    revision: Revision
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "ACTIVE"


@dataclass
class Execution:
    """`status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `input` and `output` are JSON texts; `entry` is its line of the log.

    `root` is where it stands, `ended` is settled at its end, `redriven` is when it was last redriven, `redrive_tokens` when each was first used.
    """

    cloud: Cloud
    arn: str
    name: str
    machine: StateMachine
    revision: Revision
    input: str
    started: datetime
    history: History
    entry: dict[str, Any]
    number: int
    trace_header: str | None = None
    status: str = "RUNNING"
    stopped: datetime | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    steps: Process | None = None
    timer: Entry | None = None
    redrives: int = 0
    redriven: datetime | None = None
    redrive_tokens: dict[str, datetime] = field(default_factory=dict)
    root: Scope = field(init=False)
    ended: Promise = field(init=False)

    def __post_init__(self) -> None:
        self.root = Scope(_context(self), jsontext.read(self.input))

    def entering(self) -> None:
        """A state is about to be entered: "On the next state transition, the executions of a deleted machine are terminated"."""
        if self.machine.status == "DELETING":
            end(self, "ABORTED", "ExecutionAborted")
            raise Aborted
        self.entry["transitions"] += 1


def machines(cloud: Cloud, account: str, region: str) -> dict[str, StateMachine]:
    """State machines by ARN."""
    return cloud.table("stepfunctions:StateMachine", account, region)


def executions(cloud: Cloud, account: str, region: str) -> dict[str, Execution]:
    """Executions by ARN, in the order they started."""
    return cloud.table("stepfunctions:Execution", account, region)


def begin(cloud: Cloud, machine: StateMachine, name: str, text: str, trace_header: str | None = None) -> Execution:
    """Start an execution: its first state is entered in an entry of its own, not before this call is answered."""
    arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
    now = cloud.clock.datetime()
    entry = _entry(cloud, machine, arn, name, text)
    cloud.log.executions.append(entry)
    number = len(cloud.log.executions)
    execution = Execution(cloud, arn, name, machine, machine.revision, text, now, History(cloud.clock), entry, number, trace_header)
    table = executions(cloud, machine.account, machine.region)
    table.pop(arn, None)
    table[arn] = execution
    given = {"input": text, "inputDetails": {"truncated": False}, "roleArn": machine.revision.role_arn}
    # On a line of its own: AWS points the entry of the first state at nothing, as if it came first.
    execution.history.record(Line(), "ExecutionStarted", **given)
    launch(execution)
    return execution


def launch(execution: Execution) -> None:
    """Let it run from where it stands. Its timeout counts from now."""
    clock = execution.cloud.clock
    execution.ended = clock.promise()
    execution.steps = _steps(execution)
    # Awaited by nobody in earnest: an answer that reaches a stopped execution must not come out of the clock as an error. Crashes do, see `_steps`.
    clock.process(execution.steps).then(lambda _: None)
    timeout = execution.revision.definition.get("TimeoutSeconds")
    if timeout is not None:
        execution.timer = clock.later(timeout, lambda: _time_out(execution))


def check_open_executions(cloud: Cloud, machine: StateMachine) -> None:
    """Raise ``ExecutionLimitExceeded`` where one more would be too many."""
    table = executions(cloud, machine.account, machine.region)
    if len(table) >= MOST_OPEN and sum(execution.status == "RUNNING" for execution in table.values()) >= MOST_OPEN:
        raise AwsError("ExecutionLimitExceeded", f"The maximum number of running executions ({MOST_OPEN}) has been reached")


def _end_of(cloud: Cloud, machine: StateMachine, arn: str) -> Promise:
    return executions(cloud, machine.account, machine.region)[arn].ended


def stop(execution: Execution, error: str | None, cause: str | None) -> None:
    """End it as ABORTED. What it is waiting for is given up; what it has called goes on, as in AWS."""
    if execution.steps is not None:
        close(execution.steps)
    end(execution, "ABORTED", "ExecutionAborted", error=error, cause=cause)


def end(execution: Execution, status: str, event: str, *, output: str | None = None, error: str | None = None, cause: str | None = None) -> None:
    """Write down how an execution ended, everywhere. Once: what comes later finds it ended."""
    if execution.status != "RUNNING":
        return
    said = as_failure(error or "", cause or "")
    execution.history.end(event, **({"output": output, "outputDetails": {"truncated": False}} if output is not None else said))
    if execution.timer is not None:
        execution.timer.cancel()
    now = execution.cloud.clock.datetime()
    execution.status, execution.stopped, execution.output = status, now, output
    execution.error, execution.cause = said["error"], said["cause"]
    result = None if output is None else jsontext.read(output)
    execution.entry.update(time=_logged(now), status=status, output=result, error=execution.error, cause=execution.cause)
    execution.ended.resolve()
    finish_deleting(execution.cloud, execution.machine)


def finish_deleting(cloud: Cloud, machine: StateMachine) -> None:
    """Forget a machine that is being deleted, and its executions, once none of them runs."""
    table = executions(cloud, machine.account, machine.region)
    own = [execution for execution in table.values() if execution.machine is machine]
    if machine.status != "DELETING" or any(execution.status == "RUNNING" for execution in own):
        return
    for execution in own:
        del table[execution.arn]
    machines(cloud, machine.account, machine.region).pop(machine.arn, None)


def _entry(cloud: Cloud, machine: StateMachine, arn: str, name: str, text: str) -> dict[str, Any]:
    return {
        "time": None,
        "account": machine.account,
        "region": machine.region,
        "machine": machine.name,
        "machine_arn": machine.arn,
        "name": name,
        "arn": arn,
        "status": "RUNNING",
        "input": jsontext.read(text),
        "output": None,
        "error": None,
        "cause": None,
        "start": _logged(cloud.clock.datetime()),
        "transitions": 0,
        "redrives": 0,
    }


def _logged(moment: datetime) -> str:
    """For the log, always to the millisecond: lines of a log stand under each other."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _steps(execution: Execution) -> Process:
    """Run the machine and write down how it ended. A crash of localaws itself ends the execution and is raised from the clock, for all to see."""
    cloud, revision, machine = execution.cloud, execution.revision, execution.machine
    caller = Caller(cloud, machine.region, revision.principal, execution.arn, machine.arn, partial(_end_of, cloud, machine))
    try:
        output = yield from Interpreter(caller, execution.history, execution, execution.root).run(revision.definition)
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


def _time_out(execution: Execution) -> None:
    if execution.steps is not None:
        close(execution.steps)
    end(execution, "TIMED_OUT", "ExecutionTimedOut")


def _context(execution: Execution) -> dict[str, Any]:
    """The Context object, without the parts that states and items add. A redrive writes its count and time into it."""
    return {
        "Execution": {
            "Id": execution.arn,
            "Input": jsontext.read(execution.input),
            "Name": execution.name,
            "RoleArn": execution.revision.role_arn,
            "StartTime": iso(execution.started),
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": execution.machine.arn, "Name": execution.machine.name},
    }
