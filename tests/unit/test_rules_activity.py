"""What an app says of its own use: which texts are read, and which are not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward.rules.activity import BEAT, SILENCE, SKEW, Report, read_report, read_time, time_text

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda found: found.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001  # UTC follows


def test_what_a_reporter_writes_is_read() -> None:
    assert read_report("active seen=2026-11-22T10:00:00Z") == Report(datetime(2026, 11, 22, 10, tzinfo=UTC))
    assert read_report("idle since=2026-11-22T08:10:00Z seen=2026-11-22T10:00:00Z") == Report(
        datetime(2026, 11, 22, 10, tzinfo=UTC), datetime(2026, 11, 22, 8, 10, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "active",
        "idle",
        "idle seen=2026-11-22T10:00:00Z",
        "active since=2026-11-22T08:10:00Z seen=2026-11-22T10:00:00Z",
        "idle since=2026-11-22T10:00:01Z seen=2026-11-22T10:00:00Z",
        "idle since=2026-02-30T08:10:00Z seen=2026-11-22T10:00:00Z",
        "active seen=2026-11-22T24:30:00Z",
        "active seen=2026-11-22T10:00:00+00:00",
        "active seen=2026-11-22 10:00:00Z",
        "active seen=２０２６-11-22T10:00:00Z",
        "active seen=2026-11-22T10:00:00Z ",
        "active seen=2026-11-22T10:00:00Z\n",
        "Active seen=2026-11-22T10:00:00Z",
    ],
)
def test_what_no_reporter_writes_is_not_read(text: str) -> None:
    assert read_report(text) is None


@given(st.text())
def test_whatever_stands_there_is_read_or_is_not_and_nothing_breaks(text: str) -> None:
    assert read_report(text) is None
    assert read_time(text) is None


@given(MOMENTS, st.none() | st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_report_is_read_as_it_was_said(seen: datetime, idle: timedelta | None) -> None:
    since = None if idle is None else (seen - idle).replace(microsecond=0)
    text = f"active seen={time_text(seen)}" if since is None else f"idle since={time_text(since)} seen={time_text(seen)}"
    assert read_report(text) == Report(seen, since)


@given(MOMENTS)
def test_a_time_is_read_as_it_was_written(moment: datetime) -> None:
    assert read_time(time_text(moment)) == moment


def test_two_beats_are_longer_than_one_and_the_skew() -> None:
    assert BEAT + SKEW < SILENCE, "else what leads to a stop could be silence already"
