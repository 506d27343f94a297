"""When a schedule fires: ``at(…)``, ``rate(…)`` and ``cron(…)`` in the schedule's time zone.

Source: EventBridge Scheduler User Guide, "Schedule types". A rate begins at its StartDate, or at once, and its days are of 24 hours; a cron time that
the clocks skip in spring is skipped, one that comes twice in autumn is taken once. Not observed on AWS: that it is then the first of the two.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aws_croniter import AwsCroniter
from aws_croniter.exceptions import AwsCroniterExpressionError

from localaws.cloud import AwsError, Refused

_HERE = "localaws/scheduler/expressions.py"
_RATE = re.compile(r"rate\((?P<value>[1-9]\d*) (?P<unit>minute|hour|day)s?\)")
_ONCE = re.compile(r"at\((?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((?P<fields>.*)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


class Expression(Protocol):
    """Times in seconds since 1970. `anchor` is when the schedule began: its StartDate, or the moment it was made."""

    recurs: bool

    def first(self, at_least: float, anchor: float) -> float | None:
        """The first time that is not before `at_least`, if there is one."""


@dataclass(frozen=True)
class Once:
    moment: float
    recurs = False

    def first(self, at_least: float, anchor: float) -> float | None:  # noqa: ARG002 - as `Expression` has it
        return self.moment if self.moment >= at_least else None


@dataclass(frozen=True)
class Rate:
    seconds: int
    recurs = True

    def first(self, at_least: float, anchor: float) -> float | None:
        return anchor + self.seconds * max(0, math.ceil((at_least - anchor) / self.seconds))


@dataclass(frozen=True)
class Cron:
    fields: AwsCroniter
    zone: ZoneInfo
    recurs = True

    def first(self, at_least: float, anchor: float) -> float | None:
        """The fields are read against the clock on the wall, which the library is given as if it were UTC."""
        wall: datetime | None = _wall(max(at_least, anchor), self.zone) - timedelta(milliseconds=1)
        while wall is not None:
            wall = self.fields.occurrence(wall).next()
            moment = _moment(wall, self.zone) if wall is not None else None
            if moment is not None and moment >= max(at_least, anchor):
                return moment
        return None


def read_expression(text: str, zone_name: str) -> Expression:
    """`AwsError` (ValidationException) for what is no expression, `Refused` for what AWS takes and nobody here can evaluate."""
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError):
        raise AwsError("ValidationException", f"Invalid Schedule Expression Timezone {zone_name}.") from None
    if found := _RATE.fullmatch(text):
        return Rate(int(found["value"]) * _SECONDS[found["unit"]])
    if found := _ONCE.fullmatch(text):
        return _once(text, found["moment"], zone)
    if found := _CRON.fullmatch(text):
        return Cron(_fields(text, found["fields"]), zone)
    raise _invalid(text)


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationException", f"Invalid Schedule Expression {text}.")


def _once(text: str, moment: str, zone: ZoneInfo) -> Once:
    try:
        wall = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    except ValueError:
        raise _invalid(text) from None
    found = _moment(wall, zone)
    if found is None:
        raise Refused(f"scheduler: {text}: the clocks in {zone.key} skip it, and AWS does not say what it does then ({_HERE})")
    return Once(found)


def _fields(text: str, fields: str) -> AwsCroniter:
    day_of_month, day_of_week = [*fields.split(" "), "", "", "", ""][2:5:2]
    if day_of_month == "LW" or day_of_week.startswith("L"):
        raise Refused(f"scheduler: {text}: aws-croniter reads LW, and L for a day of the week, otherwise than AWS ({_HERE})")
    try:
        return AwsCroniter(fields)
    except AwsCroniterExpressionError:
        raise _invalid(text) from None


def _wall(moment: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=UTC, fold=0)


def _moment(wall: datetime, zone: ZoneInfo) -> float | None:
    """When the clocks show this, the first time if they do so twice; None if they never do."""
    moment = wall.replace(tzinfo=zone).timestamp()
    return moment if _wall(moment, zone) == wall else None
