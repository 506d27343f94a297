"""Two working days of the people of two teams: when somebody is at work in which app, what computes while nobody types, and what is forgotten.

This is what really happens. Nobody else is told of it but the activity reporter in each app, which says in its own words what it sees, and Canvas'
metric. Whether a stop took somebody's work is judged by this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from functools import cached_property

from steward.reporter import report_activity as reporter

MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
_DAYS = {"Mon": 0, "Tue": 1, "Wed": 2}


def moment(text: str) -> datetime:
    """``Tue 09:30``."""
    day, time = text.split()
    hours, minutes = time.split(":")
    return MONDAY + timedelta(days=_DAYS[day], hours=int(hours), minutes=int(minutes))


class Work(StrEnum):
    """What somebody does, or has going on, in an app."""

    TYPES = "types"
    COMPUTES = "a cell computes"
    TERMINAL = "a command runs in a terminal"


class Voice(Enum):
    """Who says of an app whether it is in use."""

    REPORTER = "its activity reporter"
    CANVAS = "Canvas' metric"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Stretch:
    """Something goes on from `begin` to `end`."""

    begin: datetime
    end: datetime
    work: Work


def _stretches(*lines: tuple[str, str, Work]) -> tuple[Stretch, ...]:
    return tuple(Stretch(moment(begin), moment(end), work) for begin, end, work in lines)


@dataclass(frozen=True, kw_only=True)
class Use:
    """How somebody uses one app in these days: `story` goes on after "alice starts it, …".

    `space` is None for Canvas, which is a person's own. An app that was never opened has no stretches. `image` is the version of SageMaker
    Distribution. `space_tags` are put on the space by whoever owns it. `in_the_end`: what the last sweep is to say of it, None where it runs no more.
    """

    story: str
    in_the_end: str | None
    account: str
    person: str
    app_type: str
    instance: str | None
    started: datetime
    stretches: tuple[Stretch, ...] = ()
    space: str | None = None
    shared: bool = False
    image: str = "1.11.0"
    voice: Voice = Voice.REPORTER
    space_tags: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.space or ("RStudio server" if self.app_type == "RStudioServerPro" else f"{self.person}'s {self.app_type}")

    @cached_property
    def starts(self) -> tuple[datetime, ...]:
        """When somebody wants it to run: the first time, and whenever a stretch begins."""
        return (self.started, *(stretch.begin for stretch in self.stretches))

    def going_on(self, at: datetime) -> Work | None:
        """What goes on just then; None: nothing would be lost."""
        return next((stretch.work for stretch in self.stretches if stretch.begin <= at < stretch.end), None)

    def last_used(self, at: datetime, works: tuple[Work, ...] = tuple(Work)) -> float | None:
        """When the last of these kinds of work was going on, in seconds since 1970; None if never yet."""
        ends = [min(stretch.end, at) for stretch in self.stretches if stretch.begin <= at and stretch.work in works]
        return max(ends).timestamp() if ends else None


@dataclass
class Mouth:
    """The reporter of one running app: looks at what goes on there, and says when it is time to say something, and what."""

    use: Use
    state: reporter.State

    @classmethod
    def of(cls, use: Use, started: datetime) -> "Mouth":
        return cls(use, reporter.begin(started.timestamp()))

    def look(self, now: datetime) -> str | None:
        """The text for the tag `steward:activity`, where it is to be written now."""
        at = now.timestamp()
        seen = reporter.observe(at, dict(self._sources(now)))
        self.state = reporter.step(self.state, seen)
        return reporter.due(self.state, seen)

    def wrote(self, text: str, now: datetime) -> None:
        self.state = reporter.written(self.state, text, now.timestamp())

    def _sources(self, now: datetime) -> Iterator[tuple[str, float | None]]:
        """As `report_activity.Eyes` has them, of a Jupyter server and processes as they are while this goes on."""
        at, work = now.timestamp(), self.use.going_on(now)
        kernels = [{"execution_state": "busy" if work is Work.COMPUTES else "idle", "last_activity": _text(used)} for used in self._kernels(now)]
        yield "app", reporter.of_kernels(kernels, at)
        yield "shells", reporter.of_shells(_processes(work), {1: self.use.last_used(now, (Work.TERMINAL,)) or reporter.NEVER}, at)
        yield "load", reporter.of_load(280.0 if work in (Work.COMPUTES, Work.TERMINAL) else 2.0, 0.0, at)
        yield "files", self.use.last_used(now, (Work.TYPES,)) or reporter.NEVER

    def _kernels(self, now: datetime) -> list[float]:
        """One kernel, once somebody has run something; it stays open."""
        used = self.use.last_used(now, (Work.TYPES, Work.COMPUTES))
        return [used] if used is not None else []


def _processes(work: Work | None) -> list[reporter.Process]:
    """A shell in a terminal, and what runs in its foreground."""
    running = work is Work.TERMINAL
    shell = reporter.Process(100, "bash", "S", 100, 1, 1.0)
    return [shell, reporter.Process(200, "pytest", "R", 100, 1, 500.0)] if running else [shell]


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


FRAUD, PRICING = "fraud-dev", "pricing-prod"

USES = (
    Use(
        story="works until noon, forgets it, and is back the next morning",
        in_the_end="Notice: Idle",
        account=FRAUD,
        person="alice",
        app_type="JupyterLab",
        instance="ml.m5.4xlarge",
        space="alice-features",
        started=moment("Mon 08:00"),
        stretches=_stretches(("Mon 08:00", "Mon 12:00", Work.TYPES), ("Tue 08:00", "Tue 17:00", Work.TYPES)),
    ),
    Use(
        story="and never opens it",
        in_the_end=None,
        account=FRAUD,
        person="alice",
        app_type="JupyterLab",
        instance="ml.g5.xlarge",
        space="alice-old-model",
        started=moment("Mon 08:15"),
    ),
    Use(
        story="and goes home in the evening, while a cell in it trains a model until the next noon",
        in_the_end=None,
        account=FRAUD,
        person="tom",
        app_type="JupyterLab",
        instance="ml.g6.xlarge",
        space="tom-training",
        started=moment("Mon 13:00"),
        stretches=_stretches(
            ("Mon 13:00", "Mon 17:00", Work.TYPES), ("Mon 17:00", "Tue 11:30", Work.COMPUTES), ("Tue 11:30", "Tue 13:00", Work.TYPES)
        ),
    ),
    Use(
        story="half an hour before the last look of these days",
        in_the_end="Keep: TooYoung",
        account=FRAUD,
        person="tom",
        app_type="JupyterLab",
        instance="ml.t3.medium",
        space="tom-scratch",
        started=moment("Tue 19:30"),
        stretches=_stretches(("Tue 19:30", "Tue 22:00", Work.TYPES)),
    ),
    Use(
        story="writes code, and then a command runs in a terminal until eight, with nobody there",
        in_the_end="Keep: UsedRecently",
        account=FRAUD,
        person="uma",
        app_type="CodeEditor",
        instance="ml.m6i.4xlarge",
        space="uma-service",
        started=moment("Mon 09:00"),
        stretches=_stretches(
            ("Mon 09:00", "Mon 12:30", Work.TYPES), ("Mon 12:30", "Mon 20:00", Work.TERMINAL), ("Tue 09:00", "Tue 18:00", Work.TYPES)
        ),
    ),
    Use(
        story="builds a model in it, and leaves",
        in_the_end="Keep: UsedRecently",
        account=FRAUD,
        person="uma",
        app_type="Canvas",
        instance=None,
        voice=Voice.CANVAS,
        started=moment("Mon 09:30"),
        stretches=_stretches(("Mon 09:30", "Mon 11:15", Work.TYPES), ("Tue 14:00", "Tue 19:00", Work.TYPES)),
    ),
    Use(
        story="has a long lunch, and is back half an hour after the notice",
        in_the_end="Keep: Active",
        account=FRAUD,
        person="vera",
        app_type="JupyterLab",
        instance="ml.r7i.2xlarge",
        space="vera-report",
        started=moment("Mon 08:00"),
        stretches=_stretches(("Mon 08:00", "Mon 10:30", Work.TYPES), ("Mon 14:30", "Mon 18:00", Work.TYPES), ("Tue 13:00", "Tue 20:30", Work.TYPES)),
    ),
    Use(
        story="has all in its memory that Wednesday's talk needs, and tagged its space: keep it until then",
        in_the_end="Keep: KeptUntil",
        account=FRAUD,
        person="vera",
        app_type="JupyterLab",
        instance="ml.r5.4xlarge",
        space="vera-talk",
        started=moment("Mon 08:30"),
        stretches=_stretches(("Mon 08:30", "Mon 09:30", Work.TYPES)),
        space_tags={"steward:keep-until": "2026-11-11"},
    ),
    Use(
        story="ends the activity reporter in it, and leaves it an hour later",
        in_the_end="Unknown: NeverReported",
        account=FRAUD,
        person="walt",
        app_type="JupyterLab",
        instance="ml.m5.xlarge",
        space="walt-silent",
        voice=Voice.NOBODY,
        started=moment("Mon 10:00"),
        stretches=_stretches(("Mon 10:00", "Mon 11:00", Work.TYPES)),
    ),
    Use(
        story="with a new image. SageMaker would stop it by itself, if he had not left a kernel open",
        in_the_end=None,
        account=FRAUD,
        person="walt",
        app_type="JupyterLab",
        instance="ml.m5.xlarge",
        space="walt-open-kernel",
        image="2.4.0",
        started=moment("Mon 08:00"),
        stretches=_stretches(("Mon 08:00", "Mon 10:00", Work.TYPES)),
    ),
    Use(
        story="which the team shares: by day somebody is there, but for lunch",
        in_the_end="Keep: UsedRecently",
        account=FRAUD,
        person="tom",
        app_type="JupyterLab",
        instance="ml.m5.xlarge",
        space="fraud-room",
        shared=True,
        started=moment("Mon 09:00"),
        stretches=_stretches(
            ("Mon 09:00", "Mon 11:00", Work.TYPES),
            ("Mon 12:30", "Mon 16:00", Work.TYPES),
            ("Tue 10:00", "Tue 12:00", Work.TYPES),
            ("Tue 13:15", "Tue 18:45", Work.TYPES),
        ),
    ),
    Use(
        story="thinks long, and tagged its space: four idle hours in place of two",
        in_the_end=None,
        account=PRICING,
        person="bob",
        app_type="JupyterLab",
        instance="ml.m5.large",
        space="bob-prices",
        started=moment("Mon 08:00"),
        stretches=_stretches(("Mon 08:00", "Mon 09:00", Work.TYPES), ("Mon 12:30", "Mon 13:00", Work.TYPES)),
        space_tags={"steward:idle-minutes": "240"},
    ),
    Use(
        story="is there for the whole domain",
        in_the_end="Keep: RStudioServerPro",
        account=PRICING,
        person="domain-shared",
        app_type="RStudioServerPro",
        instance="ml.c5.4xlarge",
        voice=Voice.NOBODY,
        started=moment("Mon 08:00"),
    ),
)
"""Two days of two teams. fraud-dev's images are old ones, which SageMaker's own idle shutdown does not reach, but for one (trap 23)."""
