"""What an app's reporter says, by the reporter's own functions, of what its user does: through late looks, writes that fail, and a clock that is off.

Looks are not made each minute but as seldom as changes nothing: before a gap counts as use, a minute after work begins, just before one that comes
late, and when a write is due again.
"""

import time
from collections.abc import Iterator

from benchmarks.idle_apps.truth import HOUR, MINUTE, How, Life, Sight, Span, Work
from steward.reporter import report_activity as reporter

LOOK_EVERY = 14 * MINUTE
"""Less than `reporter.SETTLE`: a longer gap is use."""

Report = tuple[float, str]
"""When the tag is written, by our clock, and its text."""


class Reports:
    """The reporter of one run of an app, from its start or from `since` on. `zero` is second 0 of the truth in seconds since 1970."""

    def __init__(self, life: Life, zero: float, since: float):
        self._life, self._offset = life, zero + life.skew
        used = life.last_use(since)
        last = max(life.born, used if used is not None else life.born)
        self._state = reporter.begin(self._there(min(last, since)))._replace(known=self._there(since))
        self._next = since + MINUTE + life.number % 13 * MINUTE
        self._idle: tuple[float | None, dict[str, float | None]] = (-1.0, {})

    def until(self, end: float) -> Iterator[Report]:
        """What it writes before `end`."""
        while (at := _after(self._next, self._life.late)) < end:
            if text := self._look(at):
                yield at, text
            self._next = self._next_look(at)

    def _look(self, at: float) -> str | None:
        there = self._there(at)
        seen = reporter.observe(there, self._sources(at))
        self._state = reporter.step(self._state, seen)
        text = reporter.due(self._state, seen)
        if text is None:
            return None
        if self._life.sight is Sight.DENIED or _after(at, self._life.outages) != at:
            self._state = reporter.refused(self._state, there, denied=self._life.sight is Sight.DENIED)
            return None
        self._state = reporter.written(self._state, text, there)
        return text

    def _sources(self, at: float) -> dict[str, float | None]:
        """While nobody works they go on saying the same."""
        if self._life.work_at(at) is not None:
            return sources(self._life, at, self._offset)
        used = self._life.last_use(at)
        if self._idle[0] != used:
            self._idle = used, sources(self._life, at, self._offset)
        return self._idle[1]

    def _next_look(self, at: float) -> float:
        again = [self._state.retry - self._offset] if self._state.retry else []
        beat = self._state.wrote + reporter.BEAT - self._offset
        begins = next((work.begin + MINUTE for work in self._life.work if work.begin + MINUTE > at), at + HOUR)
        late = next((span.begin - 1.0 for span in self._life.late if span.begin - 1.0 > at), at + HOUR)
        return min((when for when in (at + LOOK_EVERY, begins, late, beat, *again) if when >= at + MINUTE), default=at + MINUTE)

    def _there(self, at: float) -> float:
        return at + self._offset


def sources(life: Life, at: float, offset: float) -> dict[str, float | None]:
    """What each source of the reporter says at this moment, in the app's own time, which is `offset` later."""
    work, there = life.work_at(at), at + offset
    used = life.last_use(at)
    last = used + offset if used is not None else reporter.NEVER
    if life.app_type == "CodeEditor":
        app: float | None = last if work is None or work.how is How.TYPES else work.begin + offset
    else:
        app = max(reporter.of_kernels(_kernels(work, last, offset), there), reporter.of_terminals(_terminals(work, last, offset)))
    command = work is not None and work.how is How.COMMAND_RUNS
    computes = work is not None and work.how is How.KERNEL_COMPUTES
    return {
        "app": app,
        "shells": reporter.of_shells(_processes(command=command), {}, there),
        "load": reporter.of_load(270.0 if computes else 4.0, 0.0, there),
        "files": reporter.NEVER,
        "marks": reporter.NEVER,
    }


def _kernels(work: Work | None, last: float, offset: float) -> list[dict[str, str]]:
    """As Jupyter lists them. While one computes its last activity is when it began to: nobody types, and nothing is put out."""
    if not last:
        return []
    if work is not None and work.how is not How.TYPES:
        return [{"execution_state": "busy" if work.how is How.KERNEL_COMPUTES else "idle", "last_activity": _iso(work.begin + offset)}]
    return [{"execution_state": "idle", "last_activity": _iso(last)}]


def _terminals(work: Work | None, last: float, offset: float) -> list[dict[str, str]]:
    """One, in which a command was begun, or was last typed in."""
    if not last or (work is not None and work.how is not How.COMMAND_RUNS):
        return []
    return [{"last_activity": _iso(work.begin + offset if work is not None else last)}]


def _processes(*, command: bool) -> list[reporter.Process]:
    """A shell in a terminal, with or without a command in its foreground."""
    shell = reporter.Process(40, "bash", "S", 40, 0, 1.0)
    return [shell, reporter.Process(41, "python", "R", 40, 0, 9000.0)] if command else [shell]


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _after(at: float, spans: tuple[Span, ...]) -> float:
    """`at`, or the end of the span that it is in."""
    for span in spans:
        if span.begin <= at < span.end:
            at = span.end
    return at
