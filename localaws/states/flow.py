"""Waiting, deadlines and concurrency for generators on the clock. What is given up leaves nothing in the clock's queue that time would pass for."""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from inspect import GEN_RUNNING, getgeneratorstate
from typing import Any

from localaws.clock import Clock, Process, Promise


def close(steps: Process) -> None:
    """Stop a generator where it stands. One that is running stops by itself: its execution has ended, so it cannot go on (`History.record`)."""
    if getgeneratorstate(steps) != GEN_RUNNING:
        steps.close()


def wait(clock: Clock, seconds: float) -> Process:
    """Let seconds pass. Given up, the clock forgets about it; a plain ``yield seconds`` would keep it busy until then."""
    over = clock.promise()
    entry = clock.later(seconds, over.resolve)
    try:
        yield over
    finally:
        entry.cancel()


def within(clock: Clock, seconds: float, steps: Process, late: Callable[[], Exception]) -> Process:
    """Run `steps` and return what they return, or give them up after so many seconds and raise `late()`."""
    over = clock.promise()

    def expire() -> None:
        if not over.settled:
            over.reject(late())

    timer = clock.later(seconds, expire)
    clock.process(steps).then(partial(_pass_on, over))
    try:
        return (yield over)
    finally:
        timer.cancel()
        close(steps)


def _pass_on(to: Promise, result: Promise) -> None:
    if to.settled:
        return
    if result.error is not None:
        to.reject(result.error)
    else:
        to.resolve(result.value)


class _Group:
    """Generators that run side by side, at most `limit` at a time. The first to fail stops the others."""

    def __init__(self, clock: Clock, branches: Iterable[Process], limit: int):
        self.over = clock.promise()
        self._clock, self._limit = clock, limit
        self._waiting = deque(enumerate(branches))
        self._running: dict[int, Process] = {}
        self._results: list[Any] = [None] * len(self._waiting)

    def go_on(self) -> None:
        while self._waiting and len(self._running) < self._limit:
            number, steps = self._waiting.popleft()
            self._running[number] = steps
            self._clock.process(steps).then(partial(self._finished, number))
        if not self._running and not self.over.settled:
            self.over.resolve(self._results)

    def _finished(self, number: int, result: Promise) -> None:
        self._running.pop(number, None)
        if self.over.settled:
            return
        if result.error is not None:
            self.over.reject(result.error)
        else:
            self._results[number] = result.value
            self.go_on()

    def give_up(self) -> None:
        self._waiting.clear()
        while self._running:
            close(self._running.popitem()[1])


def together(clock: Clock, branches: Iterable[Process], limit: int) -> Process:
    """Run generators side by side and return their results in order. The first error stops the others and is raised."""
    group = _Group(clock, branches, limit)
    try:
        group.go_on()
        return (yield group.over)
    finally:
        group.give_up()
