"""Task tokens: a Task with ``.waitForTaskToken`` gives one away and waits until somebody of the same account sends it back.

Each attempt has a token of its own, ``$states.context.Task.Token`` in its Arguments. A missing heartbeat is ``States.HeartbeatTimeout``; AWS
defines ``States.Timeout`` as covering it too, so a handler for either name takes it (`localaws.states.retrying`). Which of the two AWS reports is NOT
VERIFIED.

Source: "Discover service integration patterns" of the developer guide, and the API reference of SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from localaws.clock import Clock, Entry, Process, Promise
from localaws.cloud import AwsError, Call, Cloud, Principal, operation
from localaws.states import jsontext
from localaws.states.errors import StatesError


class Owner(Protocol):
    """Whose token it is."""

    @property
    def cloud(self) -> Cloud: ...
    @property
    def region(self) -> str: ...
    @property
    def principal(self) -> Principal: ...


@dataclass
class Callback:
    """What a token stands for. `heartbeat` is how many seconds may pass without a sign of life; closed, nobody waits any more."""

    clock: Clock
    answer: Promise
    heartbeat: int | None = None
    timer: Entry | None = None
    closed: bool = False

    def beat(self) -> None:
        """A sign of life: "This action resets the Heartbeat clock"."""
        if self.timer is not None:
            self.timer.cancel()
        if self.heartbeat is not None:
            self.timer = self.clock.later(self.heartbeat, lambda: self.settle(lambda: self.answer.reject(StatesError("States.HeartbeatTimeout", ""))))

    def settle(self, how: Callable[[], None]) -> None:
        """The first answer counts."""
        if not self.over:
            how()
            self.close()

    @property
    def over(self) -> bool:
        return self.closed or self.answer.settled

    def close(self) -> None:
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()


def _callbacks(cloud: Cloud, account: str, region: str) -> dict[str, Callback]:
    return cloud.table("stepfunctions:TaskToken", account, region)


def issue(owner: Owner) -> str:
    """A new token."""
    token, clock = owner.cloud.identifier(128), owner.cloud.clock
    _callbacks(owner.cloud, owner.principal.account, owner.region)[token] = Callback(clock, clock.promise())
    return token


def answered(owner: Owner, token: str, heartbeat: int | None, submitting: Process) -> Process:
    """Submit, then wait for the token. Returns what SendTaskSuccess brought, raises `StatesError` for SendTaskFailure and for a missing heartbeat."""
    callback = _callbacks(owner.cloud, owner.principal.account, owner.region)[token]
    callback.heartbeat = heartbeat
    callback.beat()
    try:
        yield from submitting
        return (yield callback.answer)
    finally:
        callback.close()


# -- the API


@operation("stepfunctions", "SendTaskSuccess")
def send_task_success(cloud: Cloud, call: Call) -> dict[str, Any]:
    callback, text = _awaited(cloud, call), call.params["output"]
    if jsontext.is_too_large(text):
        raise AwsError("ValidationException", "Value at 'output' failed to satisfy constraint: Member must have length less than or equal to 262144")
    try:
        value = jsontext.read(text)
    except ValueError as error:
        raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
    callback.settle(lambda: callback.answer.resolve(value))
    return {}


@operation("stepfunctions", "SendTaskFailure")
def send_task_failure(cloud: Cloud, call: Call) -> dict[str, Any]:
    callback = _awaited(cloud, call)
    failure = StatesError(call.params.get("error", ""), call.params.get("cause", ""))
    callback.settle(lambda: callback.answer.reject(failure))
    return {}


@operation("stepfunctions", "SendTaskHeartbeat")
def send_task_heartbeat(cloud: Cloud, call: Call) -> dict[str, Any]:
    _awaited(cloud, call).beat()
    return {}


def _awaited(cloud: Cloud, call: Call) -> Callback:
    """ "Task tokens must be sent from principals within the same AWS account": in another one nobody knows them."""
    callback = _callbacks(cloud, call.account, call.region).get(call.params["taskToken"])
    if callback is None:
        raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
    if callback.over:
        raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    return callback
