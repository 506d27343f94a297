"""Tasks that run one at a time: a Lambda invocation is one. The turn passes only at an API call or a sleep, so that a race is a repeatable test.

The threads of a task take turns like that too: see `localaws.strands`.

What a process of its own would have to itself changes with the turn: environment variables, the modules of the function's own code, the import path,
boto3's default session, the loggers, and where ``print`` goes.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import boto3

from localaws.clock import Clock, Promise
from localaws.strands import Crashed, DeadlinePassed, Strand, install, start_outside, strand_of, uninstall


class Surroundings:
    """What one process (a Lambda execution environment) sees as its own. `enter` and `leave` swap it with what was there before."""

    def __init__(self, code: list[Path], environment: dict[str, str], output: TextIO):
        self._code = [str(folder) for folder in code]
        self._own_names = {entry.stem for folder in code if folder.is_dir() for entry in folder.iterdir()}
        self._variables, self._output = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}, output
        self._modules: dict[str, ModuleType] = {}
        self._session: boto3.Session | None = None
        self._loggers = logging.Manager(logging.root)
        self._outside: dict[str, Any] = {}
        self.frozen: list[tuple[Strand, float | None]] = []
        """Threads that outlived the task before, each with the moment when it was to go on, if it waits for one."""
        self._elsewhere, self._within = _Known(), _Known()

    def enter(self) -> None:
        self._outside = {
            "variables": _see(self._variables),
            "modules": self._take_modules(self._elsewhere),
            "path": sys.path[:],
            "session": boto3.DEFAULT_SESSION,
            "output": sys.stdout,
            "loggers": logging.Logger.manager,
        }
        sys.modules.update(self._modules)
        sys.path[:0] = self._code
        boto3.DEFAULT_SESSION = self._session
        sys.stdout = self._output
        logging.Logger.manager = self._loggers
        os.putenv = os.unsetenv = _nowhere  # `os.environ` calls them for what is written into it: the process's own environment is the outside's
        install()

    def leave(self) -> None:
        uninstall()
        before = self._outside
        self._modules = self._take_modules(self._within)
        self._session = boto3.DEFAULT_SESSION
        _see(before["variables"])
        os.putenv, os.unsetenv = _putenv, _unsetenv
        sys.modules.update(before["modules"])
        sys.path[:] = before["path"]
        boto3.DEFAULT_SESSION = before["session"]
        sys.stdout = before["output"]
        logging.Logger.manager = before["loggers"]

    def close(self) -> None:
        """They are given up, and so are the threads in them."""
        frozen, self.frozen = self.frozen, []
        if not frozen:
            return
        self.enter()
        try:
            for strand, _ in frozen:
                strand.end(Crashed())
        finally:
            self.leave()

    def _take_modules(self, known: "_Known") -> dict[str, ModuleType]:
        """Take the modules of these names out of ``sys.modules``. Its thousands of names are looked through only when others are there.

        What is new stands last: the same number of names with the same last one are the same names.
        """
        seen = len(sys.modules), next(reversed(sys.modules))
        if known.seen != seen:
            known.seen = seen
            known.names = [name for name in sys.modules if name.split(".", 1)[0] in self._own_names]
        return {name: sys.modules.pop(name) for name in known.names if name in sys.modules}


@dataclass
class _Known:
    """The names that were ours when ``sys.modules`` had so many, and this last."""

    seen: tuple[int, str] = (-1, "")
    names: list[str] = field(default_factory=list)


_putenv, _unsetenv = os.putenv, os.unsetenv


def _nowhere(*_: object) -> None:
    pass


def _see(variables: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Have ``os.environ`` be these variables; the ones that it was. All at once: one by one, they would take longer than the call that follows."""
    seen: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way in
    os.environ._data = os.environb._data = variables  # type: ignore[attr-defined]  # noqa: SLF001
    return seen


class Task:
    """One piece of work in threads of its own, run by turns. `label` names what it works for.

    `done` carries what it returns or raises: `DeadlinePassed` where time ran out, `Crashed` where it was killed. Either ends all of its threads;
    those that go on when the work is done stand still until the next task in the same surroundings, as AWS freezes them.
    """

    def __init__(self, clock: Clock, work: Callable[[], Any], surroundings: Surroundings, seconds: float, label: str = ""):
        self.label = label
        self.done: Promise = clock.promise()
        self._clock, self._work, self._surroundings = clock, work, surroundings
        self._result: Any = None
        self._error: BaseException | None = None
        self._struck: BaseException | None = None
        self._main = Strand(clock, self, self._do)
        self._deadline = clock.later(seconds, self._strike)
        self._threads = surroundings.frozen
        surroundings.frozen = []
        for strand, due in self._threads:
            strand.owner = self
            if due is not None:
                strand.wake(due)
        start_outside(threading.Thread(target=self._main.run, daemon=True, name="localaws-task"))

    def _do(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the task
            self._error = error

    def start_thread(self, thread: threading.Thread) -> None:
        """Called by a strand of it: one more. None on the way out of what is over."""
        if self._struck is not None:
            raise self._struck
        self._threads.append((strand_of(self._clock, self, thread), None))

    def give_turn(self, strand: Strand) -> None:
        """Let one of its strands run until its next pause."""
        if strand.finished:
            return
        with self._turn():
            strand.take_turn()
        if self._struck is not None:
            self._end(self._struck)
        elif self._main.finished:
            self._settle()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._surroundings.enter()
        self._clock.turn_is_given = True
        try:
            yield
        finally:
            self._clock.turn_is_given = False
            self._surroundings.leave()

    def crash(self) -> BaseException:
        """Called by a strand of it: all is over."""
        self._struck = Crashed()
        return self._struck

    def _strike(self) -> None:
        self._end(DeadlinePassed())

    def _end(self, error: BaseException) -> None:
        """Raise it in every strand, whatever they make of that."""
        self._struck = error
        with self._turn():
            for strand in [self._main, *(strand for strand, _ in self._threads)]:
                strand.end(error)
        self._deadline.cancel()
        self.done.reject(error)

    def _settle(self) -> None:
        self._deadline.cancel()
        self._surroundings.frozen = [(strand, strand.hold()) for strand, _ in self._threads if not strand.finished]
        if self._error is not None:
            self.done.reject(self._error)
        else:
            self.done.resolve(self._result)
