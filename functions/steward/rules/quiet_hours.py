"""Hours of the day in which nobody is sent a notice and nothing is stopped. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True)
class QuietHours:
    """From `begin` up to `end` by the clocks of `zone`, each day. Where `end` is the earlier one they go on past midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    def hold(self, now: datetime) -> bool:
        """An hour that the clocks show twice is quiet twice, one that they leave out never is."""
        local = now.astimezone(self.zone).time()
        if self.begin < self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M} {self.zone.key}"


def read_quiet_hours(text: str, zone_name: str) -> QuietHours | None:
    """``08:00-18:00``; None where the text is empty. Raises ValueError, saying what is wrong, for another form or a zone that nobody knows."""
    try:
        zone = ZoneInfo(zone_name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{zone_name!r} is no time zone: write one like Europe/Berlin, or UTC") from error
    if not text:
        return None
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"quiet hours are {text!r}: write them like 08:00-18:00")
    first, first_minutes, last, last_minutes = map(int, found.groups())
    begin, end = time(first, first_minutes), time(last, last_minutes)
    if begin == end:
        raise ValueError(f"quiet hours {text!r} begin when they end: leave them empty for none; for always, set IdleAppShutdown to report")
    return QuietHours(begin, end, zone)
