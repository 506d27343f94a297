"""State machines and their executions: what is known of them, and how an execution ends. `localaws.states.running` begins them.

An execution is in ``cloud.log.executions`` from its start; that entry is completed at its end.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localaws.clock import Entry, Process, Promise
from localaws.cloud import AwsError, Cloud, Principal
from localaws.states import jsontext
from localaws.states.definition import Definition
from localaws.states.errors import Aborted
from localaws.states.history import MOST_EVENTS, History, as_failure, iso
from localaws.states.visits import Scope

# "… within 14 days", "the maximum open time of one year", "less than 24,999 events": the redrive itself and one more must fit.
_REDRIVABLE = timedelta(days=14)
_LONGEST = timedelta(days=365)
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
    """`status` is ``ACTIVE`` or ``DELETING``. `of` is the machine that has the Distributed Map whose children are executions of this one."""

    name: str
    arn: str
    account: str
    region: str
    created: datetime
    revision: Revision
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "ACTIVE"
    of: "StateMachine | None" = None

    @property
    def deleting(self) -> bool:
        return self.of.deleting if self.of is not None else self.status == "DELETING"


@dataclass(frozen=True)
class Origin:
    """The Map Run that started a child, the child's type (STANDARD or EXPRESS) and how many items it was given."""

    map_run_arn: str
    type: str
    items: int


@dataclass
class Execution:
    """`status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `input` and `output` are JSON texts; `entry` is its line of the log.

    `root` is where it stands, `ended` is settled at its end, `redriven` is when it was last redriven, `redrive_tokens` when each was first used.
    `child_of` is what it is to the Map Run that started it, if one did.
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
    child_of: "Origin | None" = None
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
        self.restart()

    def restart(self) -> None:
        """Stand at the start."""
        self.root = Scope(_context(self), jsontext.read(self.input))

    def entering(self) -> None:
        """A state is about to be entered: "On the next state transition, the executions of a deleted machine are terminated"."""
        if self.machine.deleting:
            end(self, "ABORTED", "ExecutionAborted")
            raise Aborted
        self.entry["transitions"] += 1


def machines(cloud: Cloud, account: str, region: str) -> dict[str, StateMachine]:
    """State machines by ARN."""
    return cloud.table("stepfunctions:StateMachine", account, region)


def executions(cloud: Cloud, account: str, region: str) -> dict[str, Execution]:
    """Executions by ARN, in the order they started."""
    return cloud.table("stepfunctions:Execution", account, region)


def check_open_executions(cloud: Cloud, machine: StateMachine) -> None:
    """Raise ``ExecutionLimitExceeded`` where one more would be too many."""
    table = executions(cloud, machine.account, machine.region)
    if len(table) >= MOST_OPEN and sum(execution.status == "RUNNING" for execution in table.values()) >= MOST_OPEN:
        raise AwsError("ExecutionLimitExceeded", f"The maximum number of running executions ({MOST_OPEN}) has been reached")


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


def _why_not_redrivable(execution: Execution, now: datetime) -> str | None:
    """Why it cannot be redriven, as ``redriveStatusReason`` has it; None where it can."""
    if execution.machine.deleting:
        return "State machine is in DELETING status"
    if execution.status in {"RUNNING", "SUCCEEDED"}:
        return f"Execution is {execution.status} and cannot be redriven"
    if len(execution.history.events) >= MOST_EVENTS - 1:
        return "Execution history event limit exceeded"
    if now - execution.started > _LONGEST:
        return "Execution has exceeded the max execution time"
    if execution.stopped is not None and now - execution.stopped > _REDRIVABLE:
        return "Execution redrivable period exceeded"
    return None


def redrive_status(execution: Execution, now: datetime) -> dict[str, str]:
    """What DescribeExecution says of redrives to come. Children of a Map Run are redriven with it, Express ones at any time."""
    express = execution.child_of is not None and execution.child_of.type == "EXPRESS"
    reason = None if express and execution.status in {"FAILED", "TIMED_OUT"} else _why_not_redrivable(execution, now)
    if reason is not None:
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    return {"redriveStatus": "REDRIVABLE" if execution.child_of is None else "REDRIVABLE_BY_MAP_RUN"}


def finish_deleting(cloud: Cloud, machine: StateMachine) -> None:
    """Forget a machine that is being deleted, and its executions, once none of them runs."""
    machine = machine.of or machine
    if not machine.deleting:
        return
    table = executions(cloud, machine.account, machine.region)
    own = [execution for execution in table.values() if machine in (execution.machine, execution.machine.of)]
    if any(execution.status == "RUNNING" for execution in own):
        return
    for execution in own:
        del table[execution.arn]
    machines(cloud, machine.account, machine.region).pop(machine.arn, None)


def entry_of(cloud: Cloud, machine: StateMachine, arn: str, name: str, text: str) -> dict[str, Any]:
    """The line of the log of an execution that starts now."""
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
