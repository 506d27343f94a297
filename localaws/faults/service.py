"""The API of faults, and the places where localaws lets them strike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack

from botocore.exceptions import ConnectionClosedError, HTTPClientError

from localaws.clock import Action, Entry, Promise
from localaws.errors import AwsError
from localaws.faults.declarations import FOR_EVER, Buckets, Fault, Injected, Passage, Stage, Which
from localaws.faults.errors import error_of
from localaws.faults.limits import LIMITS, STUDIO
from localaws.strands import Strand

if TYPE_CHECKING:
    from localaws.cloud import Call, Cloud

T = TypeVar("T")
When = Literal["before", "after"]
HowEvents = Literal["twice", "late", "out of order", "never"]
HowMessages = Literal["twice", "late"]


class Faults:
    """The faults of one cloud. The upper half is for tests; the lower half is where localaws lets a fault strike."""

    def __init__(self, cloud: "Cloud"):
        self._cloud = cloud
        self._declared: list[Fault] = []
        self._watchers: list[list[Passage]] = []
        self._held: dict[str, list[tuple[Entry, Action]]] = {}
        self.injected: list[Injected] = []

    # -- calls

    def fail(self, action: str, error: str | None = None, **which: Unpack[Which]) -> Fault:
        """AWS answers this error and does nothing. Without `error` it is the one by which the action's service says that it is asked too often."""
        return self._declare(Fault(self, "fail", "asked", action, **which, error=error))

    def limit(self, action: str, rate: float, burst: float | None = None, *, shared: bool = False, **which: Unpack[Which]) -> Fault:
        """`rate` calls a second are answered, `burst` at once (as many as `rate` where nothing is said, at least one); beyond, the service throttles.

        Each action that matches has a bucket in each account and Region; `shared`: one for the whole organization.
        """
        which.setdefault("times", FOR_EVER)
        bucket = Buckets(rate, max(1.0, rate) if burst is None else burst, of="action" if shared else "action in a place")
        return self._declare(Fault(self, "limit", "asked", action, **which, bucket=bucket))

    def limit_accounts(self, rate: float = 1, *actions: str, burst: float = 1) -> list[Fault]:
        """`rate` calls a second in each account, whatever they are and in all its Regions together, of actions like these; beyond, their services
        throttle. Where none is named, of those by which Studio is looked after: SageMaker's, the Tagging API's and CloudWatch's.
        """
        bucket = Buckets(rate, burst, of="account")
        return [self._declare(Fault(self, "limit", "asked", action, times=FOR_EVER, bucket=bucket)) for action in actions or STUDIO]

    def lose_answer(self, action: str, **which: Unpack[Which]) -> Fault:
        """AWS does what is asked, and the connection breaks before its answer comes: `ConnectionClosedError`, which botocore tries again."""
        return self._declare(Fault(self, "lose answer", "answered", action, **which))

    def reset(self, action: str, **which: Unpack[Which]) -> Fault:
        """The connection is reset before AWS has the call: `ConnectionClosedError`, and nothing is done or logged."""
        return self._declare(Fault(self, "reset", "asked", action, **which))

    def aws_limits(self) -> list[Fault]:
        """Every limit of `localaws.faults.limits`, in each Region of the organization."""
        organization = self._cloud.organization
        shared = [self.limit(limit.action, limit.rate, limit.burst, shared=True) for limit in LIMITS if limit.shared]
        places = [(limit, region) for limit in LIMITS if not limit.shared for region in organization.regions]
        return shared + [self.limit(limit.action, *limit.in_region(region), region=region) for limit, region in places]

    # -- invocations

    def crash(self, function: str, /, when: When = "before", action: str | None = None, **which: Unpack[Which]) -> Fault:
        """The function's process is killed (``Runtime.ExitError``), no ``finally`` runs to any effect, and its environment is gone.

        It happens before or after this call of an invocation; without `action` before its handler starts, or after it has returned.
        """
        return self._end_of_invocation("crash", function, when, action, which)

    def time_out(self, function: str, /, when: When = "before", action: str | None = None, **which: Unpack[Which]) -> Fault:
        """The invocation hangs until the function's timeout is over, at the same places as `crash`."""
        return self._end_of_invocation("time out", function, when, action, which)

    def _end_of_invocation(self, name: str, function: str, when: When, action: str | None, which: Which) -> Fault:
        if action is None:
            return self._declare(Fault(self, name, "starting" if when == "before" else "ending", function, **which))
        which["function"] = function
        return self._declare(Fault(self, name, "reaching" if when == "before" else "answered", action, **which))

    # -- deliveries

    def deliver(self, how: HowEvents, target: str = "*", *, by: float = 60.0, **which: Unpack[Which]) -> Fault:
        """EventBridge, or a schedule of it, brings an event to this target twice (the second time `by` seconds later), late, after the next event for
        the same target (or after `by` seconds, if none comes), or never. Account, Region and principal are those of the rule or schedule, by its ARN.
        """
        return self._declare(Fault(self, f"deliver {how}", "delivering", target, **which, by=by))

    def asynchronous(self, how: HowEvents, function: str = "*", /, *, by: float = 60.0, **which: Unpack[Which]) -> Fault:
        """Lambda runs a function (an ARN) on an event that it took in twice, late, out of order or never, none of which its queue excludes."""
        return self._declare(Fault(self, f"deliver {how}", "taken", function, **which, by=by))

    def poll(self, how: HowMessages, queue: str = "*", *, by: float = 60.0, **which: Unpack[Which]) -> Fault:
        """A function gets a message of this queue (an ARN) late, or again `by` seconds after it was done with it: a copy that SQS did not delete.

        ValueError for anything else: SQS keeps what it has taken until it is deleted or too old, and standard queues promise no order anyway.
        """
        if how not in ("twice", "late"):
            raise ValueError(f"SQS does not deliver {how}: it loses nothing, and promises no order that could be broken")
        return self._declare(Fault(self, f"poll {how}", "arriving" if how == "late" else "done with", queue, **which, by=by))

    # -- all of them

    def clear(self) -> None:
        """From now on nothing goes wrong. What was injected stays on record, what was held back comes when it was to come."""
        self._declared.clear()

    def withdraw(self, fault: Fault) -> None:
        if fault in self._declared:
            self._declared.remove(fault)

    @contextmanager
    def watched(self) -> Iterator[list[Passage]]:
        """Every passage that could have been struck within the block, in its order."""
        passages: list[Passage] = []
        self._watchers.append(passages)
        try:
            yield passages
        finally:
            self._watchers.remove(passages)

    def _declare(self, fault: Fault) -> Fault:
        self._declared.append(fault)
        return fault

    def _struck(self, stage: Stage, passage: Passage) -> Fault | None:
        for fault in self._declared:
            if fault.stage == stage and fault.strikes(passage, self._cloud.clock.now):
                self.injected.append(Injected(self._cloud.clock.iso(), fault.name, passage))
                return fault
        return None

    def _pass(self, passage: Passage) -> Passage:
        for passages in self._watchers:
            passages.append(passage)
        return passage

    # -- where they strike: calls

    def reach(self, call: "Call", access_key_id: str) -> None:
        """A call is about to be made."""
        with suppress(AwsError):  # who it is of whom nobody knows: the service says so
            call.principal = self._cloud.keys.principal(access_key_id)
            call.account = call.principal.account
        self._end_here(self._struck("reaching", self._of(call)))

    def ask(self, call: "Call") -> None:
        """The service has the call. Raises what it answers instead of doing it, or `ConnectionClosedError`."""
        fault = self._struck("asked", self._pass(self._of(call)))
        if fault is not None and fault.name == "reset":
            raise _connection_closed(call)
        if fault is not None:
            raise error_of(call.service, fault.error)

    def answer(self, call: "Call") -> None:
        """The call is done, and its answer on the way."""
        fault = self._struck("answered", self._of(call))
        if fault is not None and fault.name == "lose answer":
            raise _connection_closed(call)
        self._end_here(fault)

    def through(self, call: "Call", start: Callable[[], Promise]) -> Promise:
        """A call that does not come in at the gateway, and is answered later."""
        done = self._cloud.clock.promise()
        try:
            self.ask(call)
        except (AwsError, HTTPClientError) as error:
            if isinstance(error, AwsError):
                self._cloud.record(call, error.code)
            done.reject(error)
            return done
        started = start()
        fault = self._struck("answered", self._of(call))
        if fault is None:
            return started
        started.then(lambda _: done.reject(_connection_closed(call)))
        return done

    def _of(self, call: "Call") -> Passage:
        strand = self._cloud.clock.sleeper
        function = strand.label if isinstance(strand, Strand) else ""
        return Passage("call", call.action, call.account, call.region, call.principal.role_arn or call.principal.arn, function)

    # -- where they strike: invocations

    def invocation(self, function: str, account: str, region: str, work: Callable[[], T]) -> T:
        """What the runtime does with one event."""
        passage = self._pass(Passage("invocation", function, account, region))
        self._end_here(self._struck("starting", passage))
        result = work()
        self._end_here(self._struck("ending", passage))
        return result

    def _end_here(self, fault: Fault | None) -> None:
        strand = self._cloud.clock.sleeper
        if fault is None or not isinstance(strand, Strand):
            return
        if fault.name == "crash":
            strand.crash()
        self._cloud.clock.sleep(FOR_EVER)

    # -- where they strike: deliveries

    def schedule(self, passage: Passage, seconds: float, attempt: Action) -> None:
        """An event is to be brought to a target so many seconds from now; `attempt` makes a delivery of its own each time."""
        fault = self._struck("delivering" if passage.kind == "event" else "taken", self._pass(passage))
        how = fault.name if fault else "deliver"
        by = fault.by if fault else 0.0
        later = self._cloud.clock.later
        if how == "deliver out of order":
            self._held.setdefault(passage.what, []).append((later(by, attempt), attempt))
            return
        if how in ("deliver", "deliver twice"):
            later(seconds, attempt)
        if how in ("deliver twice", "deliver late"):
            later(seconds + by, attempt)
        for entry, held in self._held.pop(passage.what, []):
            if entry.when > self._cloud.clock.now:
                entry.cancel()
                later(seconds + 1, held)

    def message_arrives(self, queue_arn: str) -> float:
        """By how many seconds a function's queue is to show a message later than it got it."""
        passage = self._pass(_of_queue(queue_arn))
        fault = self._struck("arriving", passage)
        return fault.by if fault else 0.0

    def message_done(self, queue_arn: str) -> float | None:
        """After how many seconds a message that was done with is to show up again; None: it is deleted."""
        fault = self._struck("done with", _of_queue(queue_arn))
        return fault.by if fault else None


def _of_queue(queue_arn: str) -> Passage:
    _, _, _, region, account, _ = queue_arn.split(":")
    return Passage("message", queue_arn, account, region)


def _connection_closed(call: "Call") -> ConnectionClosedError:
    """What botocore makes of a connection that ends before an answer has come; every retry mode takes it for transient."""
    url = f"https://{call.service}.{call.region}.amazonaws.com/"
    return ConnectionClosedError(endpoint_url=url, error=ConnectionResetError("Connection reset by peer"))
