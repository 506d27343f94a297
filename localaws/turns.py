"""Threads that run one at a time: a Lambda invocation is one. The turn passes only at an API call or a sleep, so that a race is a repeatable test.

What a process of its own would have to itself changes with the turn: environment variables, the modules of the function's own code, the import path,
boto3's default session, the loggers, and where ``print`` goes.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, TextIO

import boto3

from localaws.clock import Clock, Promise


class DeadlinePassed(BaseException):
    """The task's time is over. Not an `Exception`: a handler that catches those must not survive its timeout."""


class Crashed(BaseException):
    """The task's process was killed where it stood. Not an `Exception`, as nothing of it survives."""


class Surroundings:
    """What one process (a Lambda execution environment) sees as its own. `enter` and `leave` swap it with what was there before."""

    def __init__(self, code: list[Path], environment: dict[str, str], output: TextIO):
        self._code = [str(folder) for folder in code]
        self._own_names = {entry.stem for folder in code if folder.is_dir() for entry in folder.iterdir()}
        self._environment, self._output = environment, output
        self._modules: dict[str, ModuleType] = {}
        self._session: boto3.Session | None = None
        self._loggers = logging.Manager(logging.root)
        self._outside: dict[str, Any] = {}
        self._elsewhere, self._within = _Known(), _Known()

    def enter(self) -> None:
        self._outside = {
            "environment": dict(os.environ),
            "modules": self._take_modules(self._elsewhere),
            "path": sys.path[:],
            "session": boto3.DEFAULT_SESSION,
            "output": sys.stdout,
            "loggers": logging.Logger.manager,
        }
        _become(self._environment)
        sys.modules.update(self._modules)
        sys.path[:0] = self._code
        boto3.DEFAULT_SESSION = self._session
        sys.stdout = self._output
        logging.Logger.manager = self._loggers

    def leave(self) -> None:
        before = self._outside
        self._modules = self._take_modules(self._within)
        self._environment, self._session = dict(os.environ), boto3.DEFAULT_SESSION
        _become(before["environment"])
        sys.modules.update(before["modules"])
        sys.path[:] = before["path"]
        boto3.DEFAULT_SESSION = before["session"]
        sys.stdout = before["output"]
        logging.Logger.manager = before["loggers"]

    def _take_modules(self, known: "_Known") -> dict[str, ModuleType]:
        """Take the modules of these names out of ``sys.modules``. Its thousands of names are looked through only when there are more or fewer."""
        if known.count != len(sys.modules):
            known.count = len(sys.modules)
            known.names = [name for name in sys.modules if name.split(".", 1)[0] in self._own_names]
        return {name: sys.modules.pop(name) for name in known.names if name in sys.modules}


@dataclass
class _Known:
    """The names that were ours when ``sys.modules`` had so many."""

    count: int = -1
    names: list[str] = field(default_factory=list)


def _become(environment: dict[str, str]) -> None:
    """Give the process these variables and no others, touching those that differ."""
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


class Task(threading.Thread):
    """One piece of work in a thread of its own, run by turns. `label` names what it works for.

    `done` carries what it returns or raises: `DeadlinePassed` where time ran out, `Crashed` where it was killed.
    """

    def __init__(self, clock: Clock, work: Callable[[], Any], surroundings: Surroundings, seconds: float, label: str = ""):
        super().__init__(daemon=True, name="localaws-task")
        self.label = label
        self.done: Promise = clock.promise()
        self._clock, self._work, self._surroundings = clock, work, surroundings
        self._turn, self._given_back = threading.Semaphore(0), threading.Semaphore(0)
        self._result: Any = None
        self._error: BaseException | None = None
        self._finished = False
        self._struck: BaseException | None = None
        self._wake = clock.later(0, self._resume)
        self._deadline = clock.later(seconds, self._strike)
        self.start()

    def run(self) -> None:
        self._turn.acquire()
        self._clock.sleeper = self
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the task
            self._error = error
        self._finished = True
        self._given_back.release()

    def pause(self, seconds: float) -> None:
        """Called by the task itself: give the turn away for so long."""
        if self._struck is None:
            self._wake = self._clock.later(seconds, self._resume)
            self._given_back.release()
            self._turn.acquire()
        if self._struck is not None:
            raise self._struck

    def crash(self) -> NoReturn:
        """Called by the task itself: end here, as if killed. Whatever tries to go on is ended again at its next call."""
        self._struck = Crashed()
        raise self._struck

    def _strike(self) -> None:
        self._struck = DeadlinePassed()
        self._wake.cancel()
        self._resume()

    def _resume(self) -> None:
        self._surroundings.enter()
        self._clock.turn_is_given = True
        try:
            self._turn.release()
            self._given_back.acquire()
        finally:
            self._clock.turn_is_given = False
            self._surroundings.leave()
        if self._finished:
            self._deadline.cancel()
            if self._struck is not None:  # whatever it made of that
                self.done.reject(self._struck)
            elif self._error is not None:
                self.done.reject(self._error)
            else:
                self.done.resolve(self._result)
