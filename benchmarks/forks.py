"""Many runs in forks of one prepared process, some at a time: each has all that was prepared, and none reaches another (docs/decisions/0006)."""

import faulthandler
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import TypeVar

Case = TypeVar("Case")
Answer = TypeVar("Answer")

PATIENCE = 300
"""Real seconds after which a run that has not ended says where it stands, and ends."""


class RunFailed(RuntimeError):
    """A run ended without an answer, or took too long."""


@dataclass
class _Child:
    case: object
    process: ForkProcess
    pipe: Connection


def in_forks(
    cases: Iterable[Case], work: Callable[[Case], Answer], at_once: int, seed: int, patience: float = PATIENCE
) -> Iterator[tuple[Case, Answer]]:
    """What `work`, done in a fork of its own for each case, answers; in the order in which they end. Chance begins with `seed` in each.

    Raises RunFailed; what still runs then is killed. A run that takes too long says where each of its threads stands, and ends by itself: so do those
    that it forked in its turn, of which nobody else would know. `patience` is for runs that fork none; to those that do, it is infinite.
    """
    waiting = iter(cases)
    running: dict[Connection, _Child] = {}
    try:
        while True:
            while len(running) < at_once and (case := next(waiting, None)) is not None:
                child = _start(case, work, seed, patience)
                running[child.pipe] = child
            if not running:
                return
            for pipe in wait(list(running)):
                child = running[pipe]  # type: ignore[index] # they are all connections
                answer = _answer(child)
                del running[child.pipe]
                yield child.case, answer  # type: ignore[misc]
    finally:
        for child in running.values():
            child.process.kill()
            child.process.join()


def _start(case: Case, work: Callable[[Case], Answer], seed: int, patience: float) -> _Child:
    context = get_context("fork")
    reading, writing = context.Pipe(duplex=False)

    def run() -> None:
        reading.close()
        if patience < math.inf:
            faulthandler.dump_traceback_later(patience, exit=True)
        random.seed(seed)  # a fork seeds it anew, by the machine's own chance
        writing.send(work(case))

    process = context.Process(target=run)
    process.start()
    writing.close()
    return _Child(case, process, reading)


def _answer(child: _Child) -> object:
    try:
        return child.pipe.recv()
    except EOFError:
        raise RunFailed(f"{child.case}: ended without an answer, or was not done in its time; what it said of that is above") from None
    finally:
        child.process.join()
        child.pipe.close()
