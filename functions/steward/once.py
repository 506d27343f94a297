"""What several threads want to know, asked once."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Once:
    """Answers, by what was asked. Who asks while somebody else is finding out waits for that; an error is no answer, and the next one asks again."""

    _answers: dict[Hashable, Any] = field(default_factory=dict)
    _asking: dict[Hashable, Any] = field(default_factory=dict)

    def get(self, what: Hashable, find_out: Callable[[], Answer]) -> Answer:
        with self._asking.setdefault(what, threading.Lock()):  # one step for threads, as all of a dictionary's methods
            if what not in self._answers:
                self._answers[what] = find_out()
            answer: Answer = self._answers[what]
            return answer
