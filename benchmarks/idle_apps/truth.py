"""What people did: the ground truth, by which whoever stops apps is judged. Pure; chance comes from a seed alone.

Times are seconds since the first sweep's hour, which is ten o'clock on a Monday; what was before is negative. An app is wanted from `born` on: where
somebody stops it, its user starts it again when there is work. Everything that is not work is idleness.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

MINUTE, HOUR = 60.0, 3600.0
DAY = 24 * HOUR
CLOCK_AT_START = 10 * HOUR
"""The time of day at second 0."""

THRESHOLD = 2 * HOUR
"""What IdleMinutesByAppType is by default."""

OWN_THRESHOLD = 4 * HOUR
"""What the tag of some spaces and profiles says instead."""


class Kind(StrEnum):
    """What its user does with an app."""

    TYPING = "typing"
    COMPUTING = "long silent computation"
    TERMINAL = "terminal work"
    ABANDONED = "abandoned"
    NEVER_OPENED = "never opened"
    JUST_STARTED = "just started"


class Sight(StrEnum):
    """What can be seen of its use from outside."""

    REPORTER = "reports"
    CANVAS = "Canvas's metric"
    CLASSIC = "Studio Classic: nothing"
    DENIED = "its role may not tag: nothing"
    WRONG_CLOCK = "its clock is hours off: nothing that counts"


class How(StrEnum):
    """What work looks like from within."""

    TYPES = "types"
    KERNEL_COMPUTES = "a kernel computes"
    COMMAND_RUNS = "a command runs in a terminal"


SHARES: Mapping[str, float] = {
    Kind.TYPING: 0.14,
    Kind.COMPUTING: 0.44,
    Kind.TERMINAL: 0.10,
    Kind.ABANDONED: 0.20,
    Kind.NEVER_OPENED: 0.06,
    Kind.JUST_STARTED: 0.06,
}

TYPES = {"JupyterLab": 0.74, "CodeEditor": 0.12, "Canvas": 0.08, "KernelGateway": 0.06}
OF_PROFILES = ("Canvas", "KernelGateway")
DENIED, WRONG_CLOCK, PROTECTED, OWN = 0.04, 0.01, 0.04, 0.03
"""Shares of apps: without the right to tag, with a clock hours off, with `steward:keep-until` somewhere, with a threshold of their own."""

MEASURED_EVERY = 10 * MINUTE
"""Canvas's metric. AWS does not say how often."""

HOURS_WITH_A_LATE_LOOK, HOURS_WITHOUT_WRITES = 0.04, 0.03


@dataclass(frozen=True)
class Span:
    begin: float
    end: float

    @property
    def hours(self) -> float:
        return max(0.0, self.end - self.begin) / HOUR


@dataclass(frozen=True)
class Work(Span):
    how: How


@dataclass(frozen=True)
class Life:
    """One app and its user. `protected`: where its tag is, of ``app``, ``space``, ``profile``, or None. `skew`: its clock against ours.

    `late`: in these it gets no time to look at itself. `outages`: in these its tag cannot be written.
    """

    number: int
    kind: Kind
    app_type: str
    sight: Sight
    born: float
    work: tuple[Work, ...]
    threshold: float = THRESHOLD
    protected: str | None = None
    skew: float = 0.0
    late: tuple[Span, ...] = ()
    outages: tuple[Span, ...] = ()

    def work_at(self, moment: float) -> Work | None:
        return next((work for work in self.work if work.begin <= moment < work.end), None)

    def last_use(self, moment: float) -> float | None:
        """When it was last worked in, `moment` itself where it is just then."""
        return max((min(work.end, moment) for work in self.work if work.begin <= moment), default=None)

    def last_typed(self, moment: float) -> float | None:
        """When a key was last pressed in it: who types does so all the time, but for some seconds."""
        typed = [min(work.end, moment - self.number % 40) for work in self.work if work.how is How.TYPES and work.begin <= moment]
        return max(typed, default=None)

    def last_measured(self, moment: float) -> float:
        """When Canvas's metric last had a value: each app's at minutes of its own."""
        phase = self.number * 37 % MEASURED_EVERY
        return (moment - phase) // MEASURED_EVERY * MEASURED_EVERY + phase

    def protects(self, moment: float) -> bool:
        """Whether a stop at this moment is wrong: work runs, ended less than the threshold ago, or the app is younger than that."""
        used = self.last_use(moment)
        return moment - (self.born if used is None else max(used, self.born)) < self.threshold

    def idle(self, until: float) -> list[Span]:
        """The idle periods; the first of them may have begun before second 0."""
        edges = [self.born, *(edge for work in self.work for edge in (work.begin, work.end)), until]
        spans = (Span(begin, min(end, until)) for begin, end in zip(edges[::2], edges[1::2], strict=True))
        return [span for span in spans if span.end > max(span.begin, 0.0)]


def lives(number: int, hours: int, seed: int) -> list[Life]:
    """So many apps, and what is done with them until `hours` are over. Kinds and types come in their shares to the app, not by chance."""
    kinds = _in_shares(SHARES, number, Random(f"kinds-{seed}"))
    types = _in_shares(TYPES, number, Random(f"types-{seed}"))
    until = hours * HOUR
    return [_life(each, Kind(kinds[each]), types[each], until, Random(f"life-{seed}-{each}")) for each in range(number)]


def _in_shares(shares: Mapping[str, float], number: int, chance: Random) -> list[str]:
    """So many of each; what rounding leaves goes to the first."""
    found = [each for each, share in shares.items() for _ in range(int(share * number))]
    found += [next(iter(shares))] * (number - len(found))
    chance.shuffle(found)
    return found


def _life(number: int, kind: Kind, app_type: str, until: float, chance: Random) -> Life:
    born, work = _DONE[kind](until, chance)
    sight = _sight(app_type, chance)
    return Life(
        number,
        kind,
        app_type,
        sight,
        born,
        tuple(each for each in work if each.begin < until),
        OWN_THRESHOLD if chance.random() < OWN else THRESHOLD,
        _protected(app_type, chance) if chance.random() < PROTECTED else None,
        chance.choice((-5, 5)) * HOUR if sight is Sight.WRONG_CLOCK else chance.uniform(-10, 10) * MINUTE,
        tuple(_now_and_then(HOURS_WITH_A_LATE_LOOK, (3, 10, 14, 40), until, chance)),
        tuple(_now_and_then(HOURS_WITHOUT_WRITES, (2, 5, 15, 40), until, chance)),
    )


def _sight(app_type: str, chance: Random) -> Sight:
    drawn = chance.random()
    if app_type == "KernelGateway":
        return Sight.CLASSIC
    if app_type == "Canvas":
        return Sight.CANVAS
    if drawn < DENIED:
        return Sight.DENIED
    return Sight.WRONG_CLOCK if drawn < DENIED + WRONG_CLOCK else Sight.REPORTER


def _protected(app_type: str, chance: Random) -> str:
    return chance.choice(("app", "profile") if app_type in OF_PROFILES else ("app", "space", "profile"))


def _now_and_then(share: float, minutes: tuple[int, ...], until: float, chance: Random) -> Iterator[Span]:
    """In this share of the hours, from somewhere in it, for one of so many minutes."""
    for hour in range(-3, int(until / HOUR)):
        if chance.random() < share:
            begin = (hour + chance.random()) * HOUR
            yield Span(begin, begin + chance.choice(minutes) * MINUTE)


# -- what users did: when the app was first started, and the work in it, in order


Done = tuple[float, list[Work]]


def _typing(until: float, chance: Random) -> Done:
    """Working days with a lunch break, now and then a long meeting, and now and then the evening too."""
    work: list[Work] = []
    for midnight in _midnights(until):
        if chance.random() < 0.15:
            continue
        begin, end = midnight + chance.gauss(9, 0.7) * HOUR, midnight + chance.gauss(17.5, 0.8) * HOUR
        away = midnight + chance.gauss(12.5, 0.4) * HOUR
        back = away + (chance.uniform(2.2, 3.5) if chance.random() < 0.12 else chance.uniform(0.4, 1.1)) * HOUR
        work += [Work(begin, away, How.TYPES), Work(back, max(end, back + HOUR), How.TYPES)]
        if chance.random() < 0.1:
            late = work[-1].end + chance.uniform(1.0, 4.5) * HOUR
            work.append(Work(late, late + chance.uniform(0.3, 1.5) * HOUR, How.TYPES))
    return (work[0].begin if work else -HOUR) - 5 * MINUTE, work


def _computing(until: float, chance: Random) -> Done:
    """An hour of typing, then a kernel that computes for half a day to three days; somebody comes for the result in the next working hours."""
    at = chance.uniform(-48, 6) * HOUR
    born, work = at - 5 * MINUTE, list[Work]()
    while at < until:
        computes = at + chance.uniform(0.3, 1.5) * HOUR
        ends = computes + chance.uniform(12, 72) * HOUR
        work += [Work(at, computes, How.TYPES), Work(computes, ends, How.KERNEL_COMPUTES)]
        at = _working_hour(ends, chance)
    return born, work


def _terminal(until: float, chance: Random) -> Done:
    """Commands in terminals, of an hour to a night and a day, with somebody typing between."""
    at = chance.uniform(-30, 4) * HOUR
    born, work = at - 5 * MINUTE, list[Work]()
    while at < until:
        runs = at + chance.uniform(0.2, 1.0) * HOUR
        ends = runs + chance.choice((1, 3, 8, 16, 30)) * chance.uniform(0.7, 1.3) * HOUR
        work += [Work(at, runs, How.TYPES), Work(runs, ends, How.COMMAND_RUNS)]
        at = _working_hour(ends, chance)
    return born, work


def _abandoned(until: float, chance: Random) -> Done:  # noqa: ARG001 - each of them is asked alike
    """Last used at any time of a day and a half, of which the first half is over."""
    end = chance.uniform(-20, 20) * HOUR
    begin = end - chance.uniform(0.5, 6) * HOUR
    return begin - 5 * MINUTE, [Work(begin, end, How.TYPES)]


def _never_opened(until: float, chance: Random) -> Done:  # noqa: ARG001
    return chance.uniform(-20, 20) * HOUR, []


def _just_started(until: float, chance: Random) -> Done:
    """Started in the time that is looked at, used for some hours, and left."""
    born = chance.uniform(0.5, until / HOUR - 1) * HOUR
    begin = born + chance.uniform(1, 30) * MINUTE
    return born, [Work(begin, begin + chance.uniform(0.5, 6) * HOUR, How.TYPES)]


def _midnights(until: float) -> list[float]:
    return [day * DAY - CLOCK_AT_START for day in range(int((until + CLOCK_AT_START) // DAY) + 1)]


def _working_hour(after: float, chance: Random) -> float:
    """Some minutes later in working hours, else the next morning."""
    of_day = (after + CLOCK_AT_START) % DAY
    if 8 * HOUR <= of_day < 17 * HOUR:
        return after + chance.uniform(5, 150) * MINUTE
    return after + (9.5 * HOUR - of_day) % DAY + chance.uniform(-60, 60) * MINUTE


_DONE: dict[Kind, Callable[[float, Random], Done]] = {
    Kind.TYPING: _typing,
    Kind.COMPUTING: _computing,
    Kind.TERMINAL: _terminal,
    Kind.ABANDONED: _abandoned,
    Kind.NEVER_OPENED: _never_opened,
    Kind.JUST_STARTED: _just_started,
}
