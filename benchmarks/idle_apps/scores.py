"""What was stopped, held against the truth. Pure.

*Idle hours* are all hours of the time looked at in which an app was wanted and nobody worked in it, whoever stopped it meanwhile.

*Recoverable* of them is what evidence can show. Of each idle period of an app of which something is seen from outside (its reporter's tag, with the
looks and writes that it missed; Canvas's metric) and which no tag protects: the part from when the evidence that was written had shown idleness for
as long as the threshold, and the grace was over since. Nobody who gives notice, and begins when second 0 is, could stop it sooner; how often somebody
looks, and how long that takes, is not taken off. It is the same for all subjects. For comparison there are two wider measures of the same periods:
from when threshold and grace are over since the idleness *began*, whether or not anything showed it yet (`idle_hours_after_grace`), and from its very
begin (`idle_hours_shown`).

*Recovered* of these are the hours in which the app was down because somebody had stopped it.

A stop is *wrong* while work runs, or sooner after it, or after the app's start, than the app's threshold; or where a tag protects the app.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.idle_apps.reports import Reports
from benchmarks.idle_apps.truth import HOUR, Life, Sight, Span
from steward.rules.activity import read_report

GRACE = 2 * HOUR
"""What StopGraceMinutes is by default."""


EPOCH = 1_800_000_000.0
"""Any time at which second 0 may be: what is seen does not depend on it."""


@dataclass(frozen=True)
class Period:
    """One idle period, which may have begun before second 0. `shown_at`: when evidence has shown the threshold, None if never or protected."""

    span: Span
    threshold: float
    shown_at: float | None

    @property
    def counted(self) -> Span:
        return Span(max(self.span.begin, 0.0), self.span.end)

    @property
    def recoverable(self) -> Span:
        return self._after(self.shown_at)

    @property
    def after_grace(self) -> Span:
        return self._after(self.shown_at and self.span.begin + self.threshold)

    @property
    def shown(self) -> Span:
        return Span(self.span.end, self.span.end) if self.shown_at is None else self.counted

    def _after(self, known: float | None) -> Span:
        """From a grace later on; nothing where nothing is known."""
        end = self.span.end
        return Span(end if known is None else min(max(known, 0.0) + GRACE, end), end)


@dataclass(frozen=True)
class Stopped:
    """What happened to one app: when it was stopped, and when it was down after that."""

    life: Life
    stops: Sequence[float]
    down: Sequence[Span]


@dataclass(frozen=True)
class Score:
    """Hours, and stops. `protected_stops` are among the wrong ones: those of apps that a tag protects."""

    stops: int
    wrong_stops: int
    protected_stops: int
    idle_hours: float
    idle_hours_shown: float
    idle_hours_after_grace: float
    idle_hours_recoverable: float
    idle_hours_recovered: float
    recovered_after_grace: float
    recovered_shown: float
    idle_hours_saved: float
    """Of all idle hours, recoverable or not: with those that nothing shows, and those within threshold and grace."""


def periods(lives: Iterable[Life], until: float) -> dict[int, list[Period]]:
    """The idle periods of each life that end after second 0. What shows them is said as if nobody ever stopped anything."""
    return {life.number: list(_periods(life, until)) for life in lives}


def _periods(life: Life, until: float) -> Iterator[Period]:
    idle = life.idle(until)
    for span, shown in zip(idle, _shown(life, idle, until), strict=True):
        yield Period(span, life.threshold, None if life.protected else shown)


def _shown(life: Life, idle: Sequence[Span], until: float) -> list[float | None]:
    if life.sight is Sight.CANVAS:
        shown = [span.begin + life.threshold for span in idle]
        return [at if at < span.end else None for at, span in zip(shown, idle, strict=True)]
    if life.sight is not Sight.REPORTER:
        return [None] * len(idle)
    reports = [(at, _idle_time(text)) for at, text in Reports(life, EPOCH, max(life.born, -3 * HOUR)).until(until)]
    return [next((at for at, time in reports if span.begin < at < span.end and time >= life.threshold), None) for span in idle]


def _idle_time(text: str) -> float:
    """Of a report: how long nobody had used the app when it was looked at."""
    report = read_report(text)
    return (report.seen - report.idle_since).total_seconds() if report and report.idle_since else 0.0


def wrong_stops(outcomes: Iterable[Stopped]) -> list[tuple[Life, float]]:
    """Of whom, and when."""
    stops = [(outcome.life, at) for outcome in outcomes for at in outcome.stops]
    return [(life, at) for life, at in stops if life.protected is not None or life.protects(at)]


def score(outcomes: Iterable[Stopped], known: Mapping[int, Sequence[Period]]) -> Score:
    """Of all apps together."""
    outcomes = list(outcomes)
    stops = [(outcome.life, at) for outcome in outcomes for at in outcome.stops]
    protected = sum(life.protected is not None for life, _ in stops)
    every = [(period, outcome.down) for outcome in outcomes for period in known[outcome.life.number]]
    return Score(
        len(stops),
        len(wrong_stops(outcomes)),
        protected,
        sum(period.counted.hours for period, _ in every),
        sum(period.shown.hours for period, _ in every),
        sum(period.after_grace.hours for period, _ in every),
        sum(period.recoverable.hours for period, _ in every),
        sum(_common(period.recoverable, down) for period, down in every),
        sum(_common(period.after_grace, down) for period, down in every),
        sum(_common(period.shown, down) for period, down in every),
        sum(_common(period.counted, down) for period, down in every),
    )


def _common(span: Span, others: Iterable[Span]) -> float:
    """Hours."""
    return sum(Span(max(span.begin, other.begin), min(span.end, other.end)).hours for other in others)
