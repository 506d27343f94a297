"""Map Runs: the children of one Distributed Map, how many at a time, how many may fail, and what is stopped, awaited and begun again.

Where too many failed, no more are started. Standard children that run are then stopped, Express ones run to their end, as the guide has it: the Map
Run "might still be canceling in progress child workflow executions of type Standard, or waiting for child workflow executions of type Express".
Stopped with its parent, a Map Run is ABORTED at once and its Express children run on.

The role needs ``states:StartExecution`` on its own machine for each child, ``states:DescribeExecution`` on that machine's executions, and
``states:RedriveExecution`` on the children for a redrive, Express ones included: the guide makes no difference there. AWS says neither when it asks
for the second (here when a Map Run begins or is redriven) nor what the error of a denial is (here ``States.Permissions``).
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from localaws.clock import Clock, Process, Promise
from localaws.cloud import Cloud
from localaws.states.errors import StatesError
from localaws.states.executions import Execution, redrive_status

# "… runs 10,000 parallel child workflow executions": where no MaxConcurrency is given, and at most.
MOST_PARALLEL = 10_000
# "… the hard limit of 1000 redrives of a given Map Run. If you've exceeded this limit, you'll receive the States.Runtime error."
MOST_REDRIVES = 1000
_FAILED = {"FAILED", "TIMED_OUT"}
UNSUCCESSFUL = {*_FAILED, "ABORTED"}


class Launcher(Protocol):
    """Whoever can start executions for a Map Run, as the role of its machine."""

    def may(self, action: str, resource: str) -> bool: ...
    def start(self, run: "MapRun", child: "Child") -> Execution: ...
    def start_again(self, execution: Execution) -> None: ...
    def redrive(self, execution: Execution) -> None: ...
    def stop(self, execution: Execution) -> None: ...


@dataclass
class Child:
    """One child: its input, how many items that holds, and its execution once there is one. `waits` is for its turn to be redriven."""

    text: str
    items: int
    execution: Execution | None = None
    waits: bool = False

    @property
    def status(self) -> str:
        if self.waits:
            return "PENDING_REDRIVE"
        return self.execution.status if self.execution else "PENDING"


@dataclass
class MapRun:
    """`type` is STANDARD or EXPRESS; `status` RUNNING, SUCCEEDED, FAILED or ABORTED; `children` are None until the items are known.

    `block` is the ItemProcessor; `tolerated_count` and `tolerated_percentage` are None where nobody gave them; `written` stand in result files.
    """

    cloud: Cloud
    launcher: Launcher
    execution_arn: str
    machine_arn: str
    label: str
    id: str
    type: str
    block: dict[str, Any]
    started: datetime
    concurrency: int = 0
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None
    children: list[Child] | None = None
    status: str = "RUNNING"
    stopped: datetime | None = None
    redrives: int = 0
    redriven: datetime | None = None
    written: list[Child] = field(default_factory=list)
    _queue: deque[Child] = field(default_factory=deque)
    _running: int = 0
    _failed: int = 0
    _total: int = 0
    _denied: StatesError | None = None
    _quiet: Promise | None = None

    @property
    def arn(self) -> str:
        return f"{self.machine_arn.replace(':stateMachine:', ':mapRun:')}/{self.label}:{self.id}"

    @property
    def children_arn(self) -> str:
        """What the children are executions of."""
        return f"{self.machine_arn}/{self.label}"

    @property
    def _clock(self) -> Clock:
        return self.cloud.clock

    # -- from beginning to end

    def carry_out(self) -> Process:
        """Run the children that wait. Raises `StatesError` where too many failed, or the role may not start them."""
        self.need("states:DescribeExecution", f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{self.id}")
        self._total, self._failed = self.items.total(), sum(self.items[status] for status in _FAILED)
        self._queue.extend(child for child in self.children or [] if child.status in {"PENDING", "PENDING_REDRIVE"})
        self.fill()
        yield from self._until_quiet()
        if self._denied is not None:
            raise self._denied
        if self.exceeded:
            raise StatesError("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")

    def redrive(self) -> Process:
        """Wait for what still runs, then mark what is to be done again: all that did not succeed and can be redriven."""
        if self.redrives >= MOST_REDRIVES:
            raise StatesError("States.Runtime", f"The Map Run was redriven {MOST_REDRIVES} times already")
        yield from self._until_quiet()
        self.redrives, self.redriven = self.redrives + 1, self._clock.datetime()
        self.status, self.stopped, self._denied = "RUNNING", None, None
        for child in self.children or []:
            child.waits = self._can_be_redriven(child)

    def end(self, status: str) -> None:
        self.status, self.stopped = status, self._clock.datetime()
        for child in self.children or []:
            child.waits = False

    def abort(self) -> None:
        """The parent is over: nothing more is started."""
        self._give_up()
        self.end("ABORTED")

    def fill(self) -> None:
        """Start as many as there is room for."""
        limit = min(self.concurrency or MOST_PARALLEL, MOST_PARALLEL)
        while self._queue and self._running < limit:
            child = self._queue.popleft()
            try:
                self._begin(child)
            except StatesError as denied:
                self._denied = denied
                self._give_up()
                break
            self._running += 1
            assert child.execution is not None  # noqa: S101 - just begun
            child.execution.ended.then(partial(self._ended, child))
        if not self._running and self._quiet is not None and not self._quiet.settled:
            self._quiet.resolve()

    def _begin(self, child: Child) -> None:
        if child.execution is None:
            self.need("states:StartExecution", self.machine_arn)
            child.execution = self.launcher.start(self, child)
        else:
            self.need("states:RedriveExecution", f"{self.children_arn.replace(':stateMachine:', ':execution:')}:{child.execution.name}")
            if self.type == "EXPRESS":
                self.need("states:StartExecution", self.machine_arn)
                self.launcher.start_again(child.execution)
            else:
                self.launcher.redrive(child.execution)
        child.waits = False

    def _ended(self, child: Child, _: Promise) -> None:
        self._running -= 1
        if child.status in _FAILED:
            self._failed += child.items
        if self.exceeded:
            self._give_up()
        self.fill()

    def _give_up(self) -> None:
        self._queue.clear()
        if self.type == "STANDARD":
            for child in self.children or []:
                if child.execution is not None and child.status == "RUNNING":
                    self.launcher.stop(child.execution)

    def _until_quiet(self) -> Process:
        if self._running:
            self._quiet = self._clock.promise()
            yield self._quiet

    def need(self, action: str, resource: str, error: str = "States.Permissions") -> None:
        """Raise `StatesError` where the role may not do this."""
        if not self.launcher.may(action, resource):
            raise StatesError(error, f"The role of the state machine is not authorized to perform: {action} on resource: {resource}")

    def _can_be_redriven(self, child: Child) -> bool:
        if child.execution is None or child.status not in UNSUCCESSFUL:
            return False
        return "redriveStatusReason" not in redrive_status(child.execution, self._clock.datetime())

    # -- what came of it

    @property
    def exceeded(self) -> bool:
        """Whether more items failed or timed out than is tolerated. Aborted ones do not count, as the guide's sentence has it."""
        count, percentage = self.tolerated_count, self.tolerated_percentage
        if count is None and percentage is None:
            return self._failed > 0
        return (count is not None and self._failed > count) or (percentage is not None and self._failed * 100 > percentage * self._total)

    @property
    def items(self) -> Counter[str]:
        """How many items there are of each status."""
        return _sum((child.status, child.items) for child in self.children or [])

    @property
    def executions(self) -> Counter[str]:
        """How many children there are of each status."""
        return _sum((child.status, 1) for child in self.children or [])

    @property
    def not_redrivable(self) -> list[Child]:
        """Children that failed for good."""
        return [child for child in self.children or [] if child.status in UNSUCCESSFUL and not self._can_be_redriven(child)]


def _sum(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    counts = Counter[str]()
    for status, number in pairs:
        counts[status] += number
    return counts


def map_runs(cloud: Cloud, account: str, region: str) -> dict[str, MapRun]:
    """Map Runs by ARN, in the order they started."""
    return cloud.table("stepfunctions:MapRun", account, region)
