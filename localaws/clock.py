"""One discrete-event clock for everything that happens in the local organization.

Waits, retries, deliveries, resource transitions and every ``time.sleep`` are entries in one queue, ordered by time; entries due at the same
moment run in an order chosen by the seed, since nothing in AWS promises one. When nothing can run, the clock jumps to the next entry. Python's own
``datetime`` and ``time.time`` follow through time-machine; ``time.monotonic`` stays real for all but tasks, which wait by it.

Three kinds of code meet the clock:

* an *entry* (a plain callable) runs to its end without time passing;
* a *process* (a generator) yields seconds or a `Promise` and is resumed when that is over: `Clock.process`;
* a *task* (`localaws.turns.Task`, in threads) calls `Clock.sleep` like any program, and gives its turn away until it wakes.

Code outside of these, a test or a demo, drives the clock: its `Clock.sleep` runs whatever is due meanwhile.

What stands in the *calendar* (`Clock.calendar`) has no end: schedules fire for ever. Only `advance` runs it; for `settle` it is not due. Time that
passed otherwise does not lose it: what was missed runs when time is next advanced, late.
"""

import heapq
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol

import time_machine

from localaws.errors import Refused

Action = Callable[[], None]
Process = Generator["float | Promise", Any, Any]

_real_sleep = time.sleep
_real_monotonic = time.monotonic


class ClockStuck(RuntimeError):
    """More entries ran in one `settle` than any story needs: something sets itself off for ever."""


class Sleeper(Protocol):
    """Whoever holds the turn and can give it away: a task."""

    def pause(self, seconds: float) -> None: ...


class Entry:
    """Something due at a moment. Cancelled entries are passed over."""

    __slots__ = ("action", "cancelled", "key", "when")

    def __init__(self, when: float, tie: float, number: int, action: Action):
        self.when, self.action, self.cancelled = when, action, False
        self.key = (when, tie, number)

    def __lt__(self, other: "Entry") -> bool:
        return self.key < other.key

    def cancel(self) -> None:
        self.cancelled = True


class Promise:
    """A result that comes later. Whoever waits is woken by an entry of its own, never inside the code that settled it."""

    def __init__(self, clock: "Clock"):
        self._clock, self._waiting = clock, list[Callable[["Promise"], None]]()
        self.settled, self.value, self.error = False, None, None  # type: bool, Any, BaseException | None

    def resolve(self, value: Any = None) -> None:
        self._settle(value, None)

    def reject(self, error: BaseException) -> None:
        self._settle(None, error)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self.settled:
            raise RuntimeError("a promise is settled once")
        self.settled, self.value, self.error = True, value, error
        for callback in self._waiting:
            self._wake(callback)

    @property
    def awaited(self) -> bool:
        return bool(self._waiting)

    def then(self, callback: Callable[["Promise"], None]) -> None:
        if self.settled:
            self._wake(callback)
        else:
            self._waiting.append(callback)

    def _wake(self, callback: Callable[["Promise"], None]) -> None:
        self._clock.later(0, lambda: callback(self))

    def result(self) -> Any:
        if not self.settled:
            raise RuntimeError("nothing has settled this promise yet")
        if self.error is not None:
            raise self.error
        return self.value


def _first(queue: list[Entry]) -> float | None:
    """When the first entry is due that is not cancelled."""
    while queue and queue[0].cancelled:
        heapq.heappop(queue)
    return queue[0].when if queue else None


class Clock:
    """See the module. `start` is where virtual time begins; `seed` orders what is due at the same moment."""

    def __init__(self, start: datetime, seed: int):
        self.now: float = start.timestamp()
        self._random = Random(f"clock-{seed}")
        self._queue: list[Entry] = []
        self._calendar: list[Entry] = []
        self._number = 0
        self._atomic = 0
        self._failures: list[Exception] = []
        self.turn_is_given = self.stopped = False
        self._here = threading.local()
        self._owner = threading.get_ident()
        self._traveller = time_machine.travel(start.astimezone(UTC), tick=False)
        self._travel = self._traveller.start()
        self._began, self._looks = self.now, 0
        self._written = (-1.0, "")
        time.sleep = self.sleep  # type: ignore[assignment]
        self._set_monotonic(self.monotonic)

    def stop(self) -> None:
        """Give Python its own time back. What still waits for this clock waits for ever."""
        self.stopped = True
        time.sleep = _real_sleep
        self._set_monotonic(_real_monotonic)
        self._traveller.stop()

    @staticmethod
    def _set_monotonic(function: Callable[[], float]) -> None:
        """Also where modules have it by a name of their own."""
        time.monotonic = threading._time = queue.time = function  # type: ignore[attr-defined] # noqa: SLF001

    def monotonic(self) -> float:
        """What ``time.monotonic`` is while this clock runs. For tasks it follows virtual time, and never stands still: no loop waits for ever."""
        if self.sleeper is None:
            return _real_monotonic()
        self._looks += 1
        return self.now - self._began + self._looks * 1e-6

    def own(self) -> None:
        """The calling thread drives the clock from now on (a server's worker, a forked child)."""
        self._owner = threading.get_ident()

    def reseed(self, seed: int) -> None:
        """From now on, order what is due at the same moment by another seed."""
        self._random = Random(f"clock-{seed}")

    # -- what is to come

    def later(self, seconds: float, action: Action) -> Entry:
        return self.at(self.now + max(0.0, seconds), action)

    def at(self, when: float, action: Action) -> Entry:
        return self._enter(self._queue, when, action)

    def calendar(self, when: float, action: Action) -> Entry:
        """Something that only `advance` runs: a schedule's next time."""
        return self._enter(self._calendar, when, action)

    def _enter(self, queue: list[Entry], when: float, action: Action) -> Entry:
        self._number += 1
        entry = Entry(max(when, self.now), self._random.random(), self._number, action)
        heapq.heappush(queue, entry)
        return entry

    def promise(self) -> Promise:
        return Promise(self)

    def process(self, steps: Process) -> Promise:
        """Run a generator through virtual time.

        It yields seconds to wait, or a promise whose value it is sent and whose error is raised in it. The promise returned carries what the
        generator returns or raises; an error nobody waits for is raised where the clock runs, so that none is lost.
        """
        done = self.promise()

        def step(send: Callable[[], "float | Promise"]) -> None:
            try:
                wait = send()
            except StopIteration as stop:
                done.resolve(stop.value)
            except Exception as error:
                if not done.awaited:
                    raise
                done.reject(error)
            else:
                if isinstance(wait, Promise):
                    wait.then(resume)
                else:
                    self.later(wait, lambda: step(lambda: steps.send(None)))

        def resume(promise: Promise) -> None:
            error = promise.error
            step(lambda: steps.throw(error) if error is not None else steps.send(promise.value))

        self.later(0, lambda: step(lambda: steps.send(None)))
        return done

    # -- passing time

    @property
    def next_due(self) -> float | None:
        return _first(self._queue)

    def run_next(self, until: float = float("inf")) -> bool:
        """Jump to the next entry, if it is due by `until`, and run it. What it raises is kept: it is not the fault of whoever lets time pass."""
        return self._run_first(self._queue, until)

    def _run_first(self, queue: list[Entry], until: float) -> bool:
        due = _first(queue)
        if due is None or due > until:
            return False
        entry = heapq.heappop(queue)
        self._set(max(entry.when, self.now))
        try:
            with self.atomic():
                entry.action()
        except Exception as error:  # noqa: BLE001 - `raise_failures` and `take_failures` give it to whoever drives the clock
            self._failures.append(error)
        return True

    def take_failures(self) -> list[Exception]:
        """What entries raised since the last time."""
        failures, self._failures = self._failures, []
        return failures

    def raise_failures(self) -> None:
        """Raise the first of what entries raised; the others are noted on it."""
        failures = self.take_failures()
        if failures:
            for other in failures[1:]:
                failures[0].add_note(f"and {type(other).__name__}: {other}")
            raise failures[0]

    def settle(self, budget: int = 1_000_000) -> None:
        """Run until nothing is due any more, then raise what entries raised."""
        for _ in range(budget):
            if not self.run_next():
                return self.raise_failures()
        raise ClockStuck(f"{budget} entries ran and more are due: what sets itself off again without end?")

    def advance(self, seconds: float) -> None:
        """Let this much time pass, with all that is due in it and what stands in the calendar, then raise what entries raised."""
        until = self.now + seconds
        while (when := _first(self._calendar)) is not None and when <= until:
            while self.run_next(when):
                pass
            self._run_first(self._calendar, until)
        self._pass(until - self.now)
        self.raise_failures()

    def _pass(self, seconds: float) -> None:
        until = self.now + seconds
        while self.run_next(until):
            pass
        self._set(until)

    def sleep(self, seconds: float) -> None:
        """What ``time.sleep`` is while this clock runs."""
        if self._atomic_here():
            raise RuntimeError("an entry runs to its end without time passing: it must not sleep")
        if self.sleeper is not None:
            self.sleeper.pause(seconds)
        elif threading.get_ident() == self._owner:
            self._pass(seconds)
        elif self.turn_is_given:
            raise Refused("a thread that threading.Thread did not start: only its threads get turns (localaws/strands.py)")
        else:
            _real_sleep(seconds)

    def pass_turn(self, seconds: float) -> None:
        """Time that an API call takes. Nothing passes inside an entry: what a service does for itself is part of that moment."""
        if not self._atomic_here():
            self.sleep(seconds)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Within it no time passes and nobody else gets a turn."""
        self._atomic += 1
        self._here.atomic = getattr(self._here, "atomic", 0) + 1
        try:
            yield
        finally:
            self._atomic -= 1
            self._here.atomic -= 1

    def _atomic_here(self) -> bool:
        return bool(getattr(self._here, "atomic", 0))

    @property
    def sleeper(self) -> Sleeper | None:
        return getattr(self._here, "sleeper", None)

    @sleeper.setter
    def sleeper(self, sleeper: Sleeper | None) -> None:
        self._here.sleeper = sleeper

    def _set(self, when: float) -> None:
        self.now = when
        self._travel.move_to(when)

    def datetime(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def iso(self) -> str:
        """Now, as AWS writes it in events: ``2026-11-02T08:00:00Z``."""
        if self._written[0] != self.now:
            self._written = self.now, self.datetime().strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._written[1]
