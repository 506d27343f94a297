"""What this deployment wants of idle apps, and what tags say otherwise of single ones. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from steward.rules.activity import SILENCE
from steward.rules.idle_settings import IdleLimits
from steward.rules.quiet_hours import QuietHours

KEEP_TAG = "steward:keep-until"
MINUTES_TAG = "steward:idle-minutes"

TYPES_WITH_EVIDENCE = ("JupyterLab", "CodeEditor", "Canvas")
TYPES_BY_AGE = ("KernelGateway", "JupyterServer", "RSessionGateway", "TensorBoard", "DetailedProfiler")
"""Nothing says of these whether they are in use: a maximum age is all there can be."""


class Place(StrEnum):
    """Where a tag is, the closest first."""

    APP = "app"
    SPACE = "space"
    PROFILE = "user profile"
    DOMAIN = "domain"
    ACCOUNT = "account"


Tags = Mapping[Place, Mapping[str, str]]
"""The tags that apply to one app, by where they are. A place that is missing has none, or is none of the app's."""


@dataclass(frozen=True)
class IdlePolicy:
    """`bounds`: what tags may ask for. `idle_minutes`: after how long an app of a type counts as idle, where no tag says otherwise; what is not in it
    is not judged. `maximum_age_hours`: for types without any signal, none by default. `grace`: from notice to stop.

    Raises ValueError, saying what does not go together.
    """

    bounds: IdleLimits
    idle_minutes: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(TYPES_WITH_EVIDENCE, 120))
    maximum_age_hours: Mapping[str, int] = field(default_factory=dict)
    grace: timedelta = timedelta(minutes=120)
    minimum_age: timedelta = timedelta(minutes=60)
    quiet_hours: QuietHours | None = None

    def __post_init__(self) -> None:
        """A policy that contradicts itself stops what it should not: nobody gets to have one."""
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        least, most = self.bounds.minimum, self.bounds.maximum
        for app_type, minutes in self.idle_minutes.items():
            if app_type not in TYPES_WITH_EVIDENCE:
                yield f"nothing says whether {app_type} apps are idle: idle minutes are for {', '.join(TYPES_WITH_EVIDENCE)}"
            if not least <= minutes <= most:
                yield f"{minutes} idle minutes of {app_type} do not lie between {least} and {most}"
        for app_type, hours in self.maximum_age_hours.items():
            if app_type not in TYPES_BY_AGE:
                yield f"{app_type} apps say whether they are idle: a maximum age is for {', '.join(TYPES_BY_AGE)}"
            if hours < 1:
                yield f"a maximum age of {hours} hours for {app_type} is none"
        if self.grace < SILENCE:
            beats = f"two beats, {in_words(SILENCE)}, in which a live reporter puts a forged report right"
            yield f"a grace of {in_words(self.grace)} is shorter than {beats}"
        if self.minimum_age < timedelta(0):
            yield "the minimum age of an app is less than nothing"


@dataclass(frozen=True)
class IdleFinding:
    """Something that only a person can put right. `kind` is a PascalCase name, `message` says what is wrong and what to do."""

    kind: str
    place: Place
    message: str


@dataclass(frozen=True)
class Threshold:
    """After `idle` an app counts as idle, because of `source`."""

    idle: timedelta
    source: str
    findings: tuple[IdleFinding, ...] = ()


@dataclass(frozen=True)
class Exemption:
    """An app is kept through `until`; None where the tag cannot be read, which keeps it too."""

    place: Place
    until: date | None
    findings: tuple[IdleFinding, ...] = ()


def threshold_of(app_type: str, tags: Tags, policy: IdlePolicy) -> Threshold | None:
    """The closest tag that is a number, brought within bounds; else the parameter. None where nobody wants apps of this type judged.

    A number out of bounds means the nearest: whoever asks for ten hours where eight are allowed wants more than the two of the parameter.
    """
    if app_type not in policy.idle_minutes:
        return None
    findings: list[IdleFinding] = []
    for place in Place:
        text = tags.get(place, {}).get(MINUTES_TAG)
        if text is None:
            continue
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            message = f"{MINUTES_TAG} of the {place} is {text!r}, which is no number of minutes: it is passed over. Write one."
            findings.append(IdleFinding("IdleMinutesUnreadable", place, message))
            continue
        minutes = min(max(int(text), policy.bounds.minimum), policy.bounds.maximum)
        if minutes != int(text):
            bounds = f"{policy.bounds.minimum} to {policy.bounds.maximum}"
            message = f"{MINUTES_TAG} of the {place} is {text}, outside of {bounds} minutes: {minutes} hold. Write what lies between."
            findings.append(IdleFinding("IdleMinutesOutOfBounds", place, message))
        return Threshold(timedelta(minutes=minutes), f"{place} tag {MINUTES_TAG}", tuple(findings))
    return Threshold(timedelta(minutes=policy.idle_minutes[app_type]), "IdleMinutesByAppType", tuple(findings))


def kept_by_tag(tags: Tags, now: datetime) -> Exemption | None:
    """The closest exception that keeps an app: through the end of its day in UTC. One that cannot be read keeps it until somebody corrects it."""
    findings = tuple(
        IdleFinding("KeepUntilUnreadable", place, f"{KEEP_TAG} of the {place} is {text!r}: it keeps for ever. Write a day, like 2026-12-31.")
        for place, text in _exceptions(tags)
        if _read_day(text) is None
    )
    for place, text in _exceptions(tags):
        day = _read_day(text)
        if day is None or now.astimezone(UTC) < _end_of(day):
            return Exemption(place, day, findings)
    return None


def _exceptions(tags: Tags) -> list[tuple[Place, str]]:
    return [(place, text) for place in Place for key, text in tags.get(place, {}).items() if is_exception(key)]


def is_exception(key: str) -> bool:
    """In any case, as people write it: AWS has ``Steward:Keep-Until`` for another tag, whoever gave it has not."""
    return key.lower() == KEEP_TAG


def _read_day(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _end_of(day: date) -> datetime:
    """The last day of the calendar has no next one."""
    return datetime.combine(day, time.max, UTC)


def in_words(span: timedelta) -> str:
    """``3 h 20 min``; days are hours too."""
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
