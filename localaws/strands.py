"""Threads of a handler, one at a time: whoever has the turn runs, and gives it away where it calls AWS, sleeps, ends, or waits for another thread.

The standard library waits in locks: a future, a queue, an event, a condition, a semaphore, ``Thread.join`` and the shutdown of an executor all come
down to one. So while a task has the turn, ``threading`` and ``queue`` make locks of ours, which are ordinary ones to whoever is no strand. A strand
that would have to wait for one gives its turn away instead; it is woken by an entry of the clock, so who comes next is chosen by the seed.

What waits by other means would stop the process: event loops that have to wait, and threads under them, are `Refused`. So are processes of a
handler's own: they would have neither its environment, nor its time, nor AWS. A lock of an extension module is not noticed.
"""

import logging
import os
import queue
import selectors
import subprocess
import sys
import threading
import traceback
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

from localaws.errors import Refused

if TYPE_CHECKING:
    from localaws.clock import Clock, Entry

_here = threading.local()
_real_start = threading.Thread.start


class DeadlinePassed(BaseException):
    """The task's time is over. Not an `Exception`: a handler that catches those must not survive its timeout."""


class Crashed(BaseException):
    """The task's process was killed where it stood. Not an `Exception`, as nothing of it survives."""


class Owner(Protocol):
    """The task that a strand works for."""

    label: str

    def give_turn(self, strand: "Strand") -> None: ...

    def start_thread(self, thread: threading.Thread) -> None: ...

    def crash(self) -> BaseException: ...


class Strand:
    """One thread of a task. It runs between `give_turn` of its owner and its next pause."""

    def __init__(self, clock: "Clock", owner: Owner, work: Callable[[], Any]):
        self.owner = owner
        self.finished = False
        self.struck: BaseException | None = None
        self._clock, self._work = clock, work
        self._turn, self._given_back = allocate_lock(), allocate_lock()
        self._turn.acquire()
        self._given_back.acquire()
        self._over = Lock()
        self._over.acquire()
        self._wake: Entry | None = None
        self.wake()

    @property
    def label(self) -> str:
        """What it works for."""
        return self.owner.label

    def run(self) -> None:
        """What its thread does."""
        self._turn.acquire()
        _here.strand = self._clock.sleeper = self
        if self.struck is None:
            self._work()
        self.finished = True
        self._over.release()
        _here.strand = self._clock.sleeper = None
        self._given_back.release()

    # -- for the clock and the owner

    def wake(self, when: float = 0.0) -> None:
        """Have it go on at this moment, or now."""
        self.hold()
        self._wake = self._clock.at(max(when, self._clock.now), lambda: self.owner.give_turn(self))

    def hold(self) -> float | None:
        """Have it go on no more by itself; when it was to."""
        wake, self._wake = self._wake, None
        if wake is None or wake.cancelled:
            return None
        wake.cancel()
        return wake.when

    def take_turn(self) -> None:
        """Run it until its next pause."""
        if not self.finished:
            self._wake = None
            self._turn.release()
            self._given_back.acquire()

    def end(self, error: BaseException) -> None:
        """Raise this where it stands, and wherever it waits on its way out."""
        self.hold()
        self.struck = error
        self.take_turn()

    # -- for the strand itself

    def pause(self, seconds: float) -> None:
        """Give the turn away for so long."""
        self._check()
        self.wake(self._clock.now + seconds)
        self._give_back()

    def wait_for(self, lock: "Lock", seconds: float) -> bool:
        """Give the turn away until the lock is free, or so many seconds are over (negative: never); whether it was acquired."""
        until = self._clock.now + seconds if seconds >= 0 else None
        while True:
            self._check()
            lock.waiting.append(self)
            if until is not None:
                self.wake(until)
            try:
                self._give_back()
            finally:
                if self in lock.waiting:
                    lock.waiting.remove(self)
            if lock.acquire(blocking=False):
                return True
            if until is not None and self._clock.now >= until:
                return False

    def join(self, timeout: float | None = None) -> None:
        """``Thread.join``. Nobody outside waits for it: it may be frozen for ever."""
        if getattr(_here, "strand", None) is not None and self._over.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            self._over.release()

    def crash(self) -> NoReturn:
        """End the whole task here, as if killed. Whatever tries to go on is ended again at its next call."""
        self.struck = self.owner.crash()
        raise self.struck

    def _give_back(self) -> None:
        self._given_back.release()
        self._turn.acquire()
        self._check()

    def _check(self) -> None:
        if self.struck is not None:
            raise self.struck


def start_outside(thread: threading.Thread) -> None:
    """Start a thread in the ordinary way: it is no strand until it has its first turn, and whoever starts it does not give its own away."""
    strand, _here.strand = getattr(_here, "strand", None), None
    try:
        _real_start(thread)
    finally:
        _here.strand = strand


def strand_of(clock: "Clock", owner: Owner, thread: threading.Thread) -> Strand:
    """Make a strand of a thread that is not started yet, and start it."""
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None:  # noqa: SLF001
        raise Refused("a thread under asyncio's event loop: the loop waits for sockets, not for its turn (localaws/strands.py)")
    strand = Strand(clock, owner, lambda: _reported(run))
    run = thread.run
    thread.daemon = True
    thread.run, thread.join = strand.run, strand.join  # type: ignore[method-assign]
    thread.is_alive = lambda: not strand.finished  # type: ignore[method-assign]
    if futures := sys.modules.get("concurrent.futures._base"):
        futures.LOGGER.addFilter(_is_news)
    start_outside(thread)
    return strand


def _is_news(record: logging.LogRecord) -> bool:
    """An executor writes what ends a thread of its own to the log. One whose process is killed has no time to."""
    return not (record.exc_info and isinstance(record.exc_info[1], Crashed | DeadlinePassed))


def _reported(run: Callable[[], None]) -> None:
    """What a thread raises goes to the log of its function, as Lambda has it."""
    try:
        run()
    except (Crashed, DeadlinePassed, SystemExit):
        pass
    except BaseException as error:  # noqa: BLE001 - nobody waits for it: an executor keeps its own
        sys.stdout.write(f"Exception in thread {threading.current_thread().name}:\n{''.join(traceback.format_exception(error))}")


# -- what waits


class Lock:
    """``threading.Lock``: for strands one that is waited for by giving the turn away."""

    __slots__ = ("__weakref__", "_at_fork_reinit", "_real", "locked", "waiting")

    def __init__(self) -> None:
        self._real = allocate_lock()
        self.locked, self._at_fork_reinit = self._real.locked, self._real._at_fork_reinit  # type: ignore[attr-defined] # noqa: SLF001
        self.waiting: deque[Strand] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as threading has it
        if self._real.acquire(False):  # noqa: FBT003
            return True
        if not blocking or timeout == 0:
            return False
        strand: Strand | None = getattr(_here, "strand", None)
        return self._real.acquire(True, timeout) if strand is None else strand.wait_for(self, timeout)  # noqa: FBT003

    def release(self) -> None:
        self._real.release()
        if self.waiting:
            self.waiting.popleft().wake()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> Literal[False]:
        self.release()
        return False


def _start(thread: threading.Thread) -> None:
    strand: Strand | None = getattr(_here, "strand", None)
    if strand is None:
        _real_start(thread)
    else:
        strand.owner.start_thread(thread)


def _select(selector: Any, timeout: float | None = None) -> Any:
    if getattr(_here, "strand", None) is not None and (timeout is None or timeout > 0):
        raise Refused("an event loop that waits, for sockets or for time: it does not wait for its turn (localaws/strands.py)")
    return _real_select(selector, timeout)


_real_select = selectors.DefaultSelector.select


def _no_process(real: Callable[..., Any]) -> Callable[..., Any]:
    def start(*args: Any, **more: Any) -> Any:
        if getattr(_here, "strand", None) is not None:
            raise Refused("a process of a handler's own: it would leave localaws (localaws/strands.py)")
        return real(*args, **more)

    return start


_OURS: tuple[tuple[Any, str, Any], ...] = (
    (threading, "Lock", Lock),
    (threading, "_allocate_lock", Lock),
    (threading, "RLock", threading._PyRLock),  # type: ignore[attr-defined] # noqa: SLF001
    (threading.Thread, "start", _start),
    (queue, "SimpleQueue", queue._PySimpleQueue),  # type: ignore[attr-defined] # noqa: SLF001
    (selectors.DefaultSelector, "select", _select),
    (subprocess.Popen, "_execute_child", _no_process(subprocess.Popen._execute_child)),  # type: ignore[attr-defined] # noqa: SLF001
    *((os, name, _no_process(getattr(os, name))) for name in ("fork", "posix_spawn", "system")),
)
_THEIRS = tuple((place, name, getattr(place, name)) for place, name, _ in _OURS)


def install() -> None:
    """From now on what is made to be waited for is ours."""
    for place, name, ours in _OURS:
        setattr(place, name, ours)


def uninstall() -> None:
    for place, name, theirs in _THEIRS:
        setattr(place, name, theirs)
