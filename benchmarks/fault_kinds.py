"""Which faults there are for a call, an invocation or a delivery: each strikes one passage of a play, and only that one.

A read leaves nothing behind: to lose its answer is to lose the call, and the moment after it is the moment before the next. Only those are tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from glob import escape
from typing import Unpack

from localaws.faults import Fault, Faults, Passage, Which, denial_of

MINUTES = 120.0
"""Seconds of throttling that no client's own retries outlast, but a machine's do."""

OUTAGE = 6 * 3600.0
"""Seconds that something is forbidden: longer than any machine tries, until somebody has put it right."""

_READS = ("AssumeRole", "BatchGet", "Describe", "Get", "Head", "List", "Query", "Scan", "Search", "Simulate")

Declare = Callable[[Faults, Passage, Which], Fault]


@dataclass(frozen=True)
class Kind:
    """A kind of fault, for passages that it `fits`."""

    name: str
    fits: Callable[[Passage], bool]
    declare: Declare
    loses_the_event: bool = False


def _is(kind: str) -> Callable[[Passage], bool]:
    return lambda passage: passage.kind == kind


def _is_write(passage: Passage) -> bool:
    return passage.kind == "call" and not passage.what.split(":")[1].startswith(_READS)


def _in_invocation(passage: Passage) -> bool:
    return passage.kind == "call" and bool(passage.function)


def _fail(*, denied: bool = False, **more: Unpack[Which]) -> Declare:
    def declare(faults: Faults, passage: Passage, which: Which) -> Fault:
        which.update(more)
        return faults.fail(escape(passage.what), denial_of(passage.what.split(":")[0]) if denied else None, **which)

    return declare


def _crash(when: str) -> Declare:
    return lambda faults, passage, which: faults.crash(escape(passage.function), when, escape(passage.what), **which)  # type: ignore[arg-type]


def _time_out(when: str) -> Declare:
    return lambda faults, passage, which: faults.time_out(escape(passage.function), when, escape(passage.what), **which)  # type: ignore[arg-type]


def _deliver(how: str) -> Declare:
    return lambda faults, passage, which: faults.deliver(how, escape(passage.what), **which)  # type: ignore[arg-type]


def _asynchronous(how: str) -> Declare:
    return lambda faults, passage, which: faults.asynchronous(how, escape(passage.what), **which)  # type: ignore[arg-type]


def _poll(how: str) -> Declare:
    return lambda faults, passage, which: faults.poll(how, escape(passage.what), **which)  # type: ignore[arg-type]


_ALL = (
    Kind("throttled twice", _is("call"), _fail(times=2)),
    Kind("throttled for minutes", _is("call"), _fail(lasting=MINUTES)),
    Kind("denied until mended", _is("call"), _fail(denied=True, lasting=OUTAGE)),
    Kind("answer lost", _is_write, lambda faults, passage, which: faults.lose_answer(escape(passage.what), **which)),
    Kind("connection reset", _is("call"), lambda faults, passage, which: faults.reset(escape(passage.what), **which)),
    Kind("crash before a call", _in_invocation, _crash("before")),
    Kind("crash after a write", lambda passage: _in_invocation(passage) and _is_write(passage), _crash("after")),
    Kind("timeout before a call", _in_invocation, _time_out("before")),
    Kind("timeout after a write", lambda passage: _in_invocation(passage) and _is_write(passage), _time_out("after")),
    Kind("crash at the start", _is("invocation"), lambda faults, passage, which: faults.crash(escape(passage.what), "before", **which)),
    Kind("crash at the end", _is("invocation"), lambda faults, passage, which: faults.crash(escape(passage.what), "after", **which)),
    Kind("timeout at the start", _is("invocation"), lambda faults, passage, which: faults.time_out(escape(passage.what), "before", **which)),
    Kind("timeout at the end", _is("invocation"), lambda faults, passage, which: faults.time_out(escape(passage.what), "after", **which)),
    Kind("event twice", _is("event"), _deliver("twice")),
    Kind("event late", _is("event"), _deliver("late")),
    Kind("event out of order", _is("event"), _deliver("out of order")),
    Kind("event never", _is("event"), _deliver("never"), loses_the_event=True),
    Kind("asynchronous run twice", _is("asynchronous"), _asynchronous("twice")),
    Kind("asynchronous run late", _is("asynchronous"), _asynchronous("late")),
    Kind("asynchronous run out of order", _is("asynchronous"), _asynchronous("out of order")),
    Kind("asynchronous run never", _is("asynchronous"), _asynchronous("never"), loses_the_event=True),
    Kind("message twice", _is("message"), _poll("twice")),
    Kind("message late", _is("message"), _poll("late")),
)
KINDS = {kind.name: kind for kind in _ALL}


def which(passage: Passage, earlier: list[Passage]) -> Which:
    """This passage alone, of all that look like it. `earlier`: what passed before it in the same play."""
    chosen: Which = {"after": earlier.count(passage), "account": passage.account, "region": passage.region}
    if passage.kind == "call":
        chosen["function"] = escape(passage.function)
    if passage.principal:
        chosen["principal"] = escape(passage.principal)
    return chosen
