"""What an app says of its own use: the tag `steward:activity`, written from inside by the activity reporter. Pure.

`active seen=2026-11-22T10:00:00Z`, or `idle since=2026-11-22T08:10:00Z seen=2026-11-22T10:00:00Z`: on change, and at each beat.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ACTIVITY_TAG = "steward:activity"
NOTICE_TAG = "steward:stop-notice"

BEAT = timedelta(minutes=60)
"""A reporter says at least so often that it lives."""

SILENCE = 2 * BEAT
"""A report that is older says nothing any more."""

SKEW = timedelta(minutes=15)
"""So far an app's clock may be from ours. Nothing rests on two clocks agreeing better than this."""

BACKDATED_AT_MOST = timedelta(minutes=10)
"""A notice is dated as of the run that gives it: so long before it is there, at most. Less than SKEW: what holds for times of clocks that far apart
holds for its date too."""

CALLED_OFF = "1970-01-01T00:00:00Z"
"""A notice that was made void: a time, as notices are, of which none holds any more."""

_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
_REPORT = re.compile(rf"(?:active|idle since={_TIME}) seen={_TIME}", re.ASCII)


@dataclass(frozen=True)
class Report:
    """`seen`: when the app was looked at, by its own clock; `idle_since`: None where it was in use then."""

    seen: datetime
    idle_since: datetime | None = None


def read_report(text: str) -> Report | None:
    """None for what no reporter writes: another form, a day that no calendar has, idle since later than it was seen."""
    found = _REPORT.fullmatch(text)
    if found is None:
        return None
    since, seen = found.groups()
    seen_at, idle_since = read_time(seen), read_time(since or "")
    if seen_at is None or (since and idle_since is None) or (idle_since and idle_since > seen_at):
        return None
    return Report(seen_at, idle_since)


def read_time(text: str) -> datetime | None:
    """`2026-11-22T10:00:00Z` and nothing else, as our tags have it."""
    if not re.fullmatch(_TIME, text, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def time_text(moment: datetime) -> str:
    """As `read_time` reads it: to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
