"""What a fault is, which passages it strikes, and what is kept of it."""

import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypedDict

if TYPE_CHECKING:
    from localaws.faults.service import Faults

Stage = Literal["reaching", "asked", "answered", "starting", "ending", "delivering", "taken", "arriving", "done with"]
"""Where a fault strikes: see the second half of `Faults`."""

FOR_EVER = math.inf


class NeverHappened(AssertionError):
    """A declared fault was not met by anything: the test that declared it tested nothing."""


@dataclass(frozen=True)
class Passage:
    """A moment at which a fault can strike.

    `what`: the action of a call, the name of the function that is invoked, the ARN of an event's target, of a message's queue or of the function that
    is to run later. `principal`: who calls (a role's session by the role's ARN), or the rule or schedule that sends the event. `function`: in whose
    invocation a call is made, if in any. `event_id`: of the event that is on its way; passages are alike without it.
    """

    kind: Literal["call", "invocation", "event", "asynchronous", "message"]
    what: str
    account: str
    region: str
    principal: str = ""
    function: str = ""
    event_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class Injected:
    """A fault that came to pass. `time` is virtual, ``2026-11-02T08:00:00Z``."""

    time: str
    fault: str
    passage: Passage


class Which(TypedDict, total=False):
    """Which of the matching passages a fault strikes: after the first `after` the next `times`, or with `lasting` all within so many seconds; only
    those of this account, Region and principal (a role's ARN stands for its sessions), or made in an invocation of this function.
    """

    times: float
    after: int
    lasting: float
    account: str
    region: str
    principal: str
    function: str


@dataclass
class Fault:
    """A declared fault; see the module. `seen` counts the passages it matched, `fired` those it struck. `None` matches any."""

    faults: "Faults"
    name: str
    stage: Stage
    what: str
    times: float | None = None
    after: int = 0
    lasting: float | None = None
    account: str | None = None
    region: str | None = None
    principal: str | None = None
    function: str | None = None
    error: str | None = None
    by: float = 0.0
    bucket: "Buckets | None" = None
    seen: int = 0
    fired: int = 0
    _since: float | None = None

    def strikes(self, passage: Passage, now: float) -> bool:
        if not self._matches(passage):
            return False
        self.seen += 1
        times = self.times if self.times is not None else 1 if self.lasting is None else FOR_EVER
        if self.seen <= self.after or self.fired >= times:
            return False
        if self.bucket is not None and self.bucket.take(passage, now):
            return False
        self._since = now if self._since is None else self._since
        if self.lasting is not None and now >= self._since + self.lasting:
            return False
        self.fired += 1
        return True

    def _matches(self, passage: Passage) -> bool:
        wanted = ((self.what, passage.what), (self.account, passage.account), (self.region, passage.region))
        more = ((self.principal, passage.principal), (self.function, passage.function))
        return all(pattern is None or fnmatchcase(value, pattern) for pattern, value in wanted + more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.faults.withdraw(self)
        if kind is None and not self.fired:
            raise NeverHappened(f"{self.name} {self.what}: of {self.seen} that matched, none was struck")


@dataclass
class Buckets:
    """Token buckets of one limit: `rate` tokens a second flow into a bucket that holds `burst`, and a call takes one. Each has one: every action in
    each account and Region, every action in the whole organization, or every account for all its actions.
    """

    rate: float
    burst: float
    of: Literal["action in a place", "action", "account"]
    _left: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)

    def take(self, passage: Passage, now: float) -> bool:
        key = self._whose(passage)
        tokens, then = self._left.get(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - then) * self.rate)
        self._left[key] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1

    def _whose(self, passage: Passage) -> tuple[str, ...]:
        if self.of == "account":
            return (passage.account,)
        return (passage.what,) if self.of == "action" else (passage.what, passage.account, passage.region)
