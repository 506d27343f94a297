"""What a deployment wants of idle apps: thresholds and exceptions by tag, quiet hours, the cap, native idle shutdown, prices."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import steward
from steward.rules.caps import Cap, most_stops, within_cap
from steward.rules.idle_policy import IdlePolicy, Place, in_words, kept_by_tag, threshold_of
from steward.rules.native_idle import NativeIdle, findings_of_native, longest_idle, native_of, supports
from steward.rules.prices import HOURLY, PUBLISHED, REGION, SOURCE, hourly_price
from steward.rules.quiet_hours import read_quiet_hours
from tests.unit.idle_apps import BOUNDS, NOW, POLICY

MINUTES = "steward:idle-minutes"


def minutes(**tags: str) -> dict[Place, dict[str, str]]:
    return {Place[name.upper()]: {MINUTES: value} for name, value in tags.items()}


# -- thresholds


def test_the_closest_tag_says_after_how_long() -> None:
    tags = minutes(app="70", space="80", profile="90", domain="100", account="110")
    for place, wanted in zip(Place, (70, 80, 90, 100, 110), strict=True):
        found = threshold_of("JupyterLab", tags, POLICY)
        assert found is not None
        assert (found.idle, found.source, found.findings) == (timedelta(minutes=wanted), f"{place} tag {MINUTES}", ())
        del tags[place]
    last = threshold_of("JupyterLab", tags, POLICY)
    assert last is not None
    assert (last.idle, last.source) == (timedelta(minutes=120), "IdleMinutesByAppType")
    assert threshold_of("KernelGateway", minutes(space="90"), POLICY) is None


@pytest.mark.parametrize(("asked", "holds"), [("59", 60), ("0", 60), ("481", 480), ("999999999", 480)])
def test_out_of_bounds_means_the_nearest_and_is_a_finding(asked: str, holds: int) -> None:
    found = threshold_of("Canvas", minutes(profile=asked, domain="90"), POLICY)
    assert found is not None
    assert found.idle == timedelta(minutes=holds)
    assert [(one.kind, one.place) for one in found.findings] == [("IdleMinutesOutOfBounds", Place.PROFILE)]


@pytest.mark.parametrize("text", ["", "soon", "-90", "9.5", "٩٠", "90 ", "1e2", "9999999999"])
def test_what_is_no_number_is_passed_over_and_is_a_finding(text: str) -> None:
    found = threshold_of("Canvas", minutes(space=text, domain="90"), POLICY)
    assert found is not None
    assert found.idle == timedelta(minutes=90)
    assert [(one.kind, one.place) for one in found.findings] == [("IdleMinutesUnreadable", Place.SPACE)]


# -- exceptions


def kept(now: datetime, **tags: str) -> Any:
    return kept_by_tag({Place[name.upper()]: {"steward:keep-until": value} for name, value in tags.items()}, now)


def test_an_exception_holds_through_the_end_of_its_day() -> None:
    assert kept(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), space="2026-12-31").place is Place.SPACE
    assert kept(datetime(2027, 1, 1, tzinfo=UTC), space="2026-12-31") is None
    assert kept(NOW, domain="9999-12-31").until.year == 9999


@pytest.mark.parametrize("key", ["steward:keep-until", "Steward:Keep-Until", "STEWARD:KEEP-UNTIL"])
def test_an_exception_keeps_in_whatever_case_its_key_is_written(key: str) -> None:
    """To AWS these are different tags; whoever gave one of them wants the app to be kept."""
    found = kept_by_tag({Place.SPACE: {key: "2026-12-31"}}, NOW)
    assert found
    assert found.place is Place.SPACE


def test_whichever_exception_holds_keeps_and_every_one_that_cannot_be_read_is_a_finding() -> None:
    found = kept(NOW, app="2020-01-01", space="never", account="2026-12-31", domain="31.12.2026")
    assert (found.place, found.until) == (Place.SPACE, None)
    assert [one.place for one in found.findings] == [Place.SPACE, Place.DOMAIN]
    assert kept(NOW, app="2020-01-01", account="2026-12-31").place is Place.ACCOUNT
    assert kept(NOW) is None


# -- policies that contradict themselves


@pytest.mark.parametrize(
    ("different", "says"),
    [
        ({"grace": timedelta(minutes=119)}, "a grace of 1 h 59 min is shorter than two beats, 2 h"),
        ({"idle_minutes": {"JupyterLab": 59}}, "59 idle minutes of JupyterLab do not lie between 60 and 480"),
        ({"idle_minutes": {"Canvas": 481}}, "481 idle minutes of Canvas"),
        ({"idle_minutes": {"KernelGateway": 120}}, "nothing says whether KernelGateway apps are idle"),
        ({"idle_minutes": {"Jupyterlab": 120}}, "nothing says whether Jupyterlab apps are idle"),
        ({"maximum_age_hours": {"JupyterLab": 72}}, "JupyterLab apps say whether they are idle"),
        ({"maximum_age_hours": {"RStudioServerPro": 72}}, "a maximum age is for KernelGateway"),
        ({"maximum_age_hours": {"KernelGateway": 0}}, "a maximum age of 0 hours"),
        ({"minimum_age": timedelta(minutes=-1)}, "less than nothing"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(different: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        IdlePolicy(BOUNDS, **different)


# -- quiet hours


def at(hour: int, minute: int = 0, day: int = 22, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_quiet_hours_go_by_the_clocks_of_their_zone() -> None:
    quiet = read_quiet_hours("08:00-18:00", "Europe/Berlin")
    assert quiet is not None
    assert [quiet.hold(moment) for moment in (at(6, 59), at(7), at(16, 59), at(17))] == [False, True, True, False]
    assert [quiet.hold(at(hour, minute, 22, 7)) for hour, minute in ((5, 59), (6, 0), (15, 59), (16, 0))] == [False, True, True, False]
    assert str(quiet) == "08:00-18:00 Europe/Berlin"


def test_quiet_hours_go_past_midnight() -> None:
    quiet = read_quiet_hours("22:00-06:30", "UTC")
    assert quiet is not None
    assert [quiet.hold(moment) for moment in (at(21, 59), at(22), at(0), at(6, 29), at(6, 30))] == [False, True, True, True, False]


def test_an_hour_that_clocks_show_twice_is_quiet_twice() -> None:
    quiet = read_quiet_hours("02:00-03:00", "Europe/Berlin")
    assert quiet is not None
    assert [quiet.hold(at(hour, 30, 25, 10)) for hour in (-1 % 24, 0, 1, 2)] == [False, True, True, False]
    assert not any(quiet.hold(at(hour, minute, 29, 3)) for hour in range(24) for minute in (0, 30)), "the clocks leave it out"


def test_the_layer_brings_the_time_zones_with_it() -> None:
    """Functions read them at each start, also where there are no quiet hours; whether Lambda's image has any is not documented."""
    layer = Path(steward.__file__).parents[2] / "dependencies" / "requirements.txt"
    assert f"tzdata=={version('tzdata')} " in layer.read_text()
    read = (
        "from steward.rules.quiet_hours import read_quiet_hours; print(read_quiet_hours('08:00-18:00', 'Europe/Berlin'), read_quiet_hours('', 'UTC'))"
    )
    environment = {"PYTHONTZPATH": "", "PYTHONPATH": str(Path(steward.__file__).parents[1])}
    printed = subprocess.run([sys.executable, "-c", read], env=environment, capture_output=True, text=True, check=True).stdout
    assert printed == "08:00-18:00 Europe/Berlin None\n"


def test_no_quiet_hours_are_none() -> None:
    assert read_quiet_hours("", "UTC") is None


@pytest.mark.parametrize(
    ("text", "zone", "says"),
    [
        ("8-18", "UTC", "write them like"),
        ("08:00-24:00", "UTC", "write them like"),
        ("08:00-08:00", "UTC", "begin when they end"),
        ("", "Europe/Entenhausen", "is no time zone"),
        ("", "", "is no time zone"),
        ("", "../../etc/passwd", "is no time zone"),
    ],
)
def test_quiet_hours_that_nobody_can_read_are_refused(text: str, zone: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_quiet_hours(text, zone)


# -- the cap


@pytest.mark.parametrize(
    ("running", "most", "percent", "stops"),
    [(20, 500, 50, 500), (21, 500, 50, 10), (1000, 500, 50, 500), (1000, 499, 50, 499), (3, 2, 50, 2), (100, 500, 0, 0), (100, 0, 50, 0)],
)
def test_a_sweep_stops_no_more_than_the_number_and_no_more_than_the_percentage(running: int, most: int, percent: int, stops: int) -> None:
    assert most_stops(running, Cap(most, percent)) == stops


@given(st.lists(st.integers()), st.integers(0, 10_000), st.integers(0, 600), st.integers(0, 100))
def test_within_the_cap_and_beyond_it_are_all_in_their_order(wanted: list[int], running: int, most: int, percent: int) -> None:
    within, beyond = within_cap(wanted, running, Cap(most, percent))
    assert [*within, *beyond] == wanted
    assert len(within) <= most
    assert running <= 20 or len(within) * 100 <= running * percent
    assert not beyond or len(within) == most_stops(running, Cap(most, percent))


# -- native idle shutdown


def settings(**idle: Any) -> dict[str, Any]:
    return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": idle}}}


def test_what_a_domain_says_of_native_idle_shutdown() -> None:
    whole = settings(LifecycleManagement="ENABLED", IdleTimeoutInMinutes=120, MinIdleTimeoutInMinutes=60, MaxIdleTimeoutInMinutes=480)
    assert native_of(whole, "JupyterLab", NOW) == NativeIdle(True, 120, 60, 480, NOW)
    assert native_of(whole, "CodeEditor") == NativeIdle(enabled=False)
    assert native_of(None, "JupyterLab") == NativeIdle(enabled=False), "a domain without shared spaces has no settings for them"
    assert native_of(settings(LifecycleManagement="DISABLED"), "JupyterLab") == NativeIdle(enabled=False)
    assert native_of(whole, "Canvas") is None


@pytest.mark.parametrize(
    ("version", "answer"),
    [("2.0", True), ("2.1.0", True), ("3.0.0", True), ("10.2", True), ("1.11.0", False), ("0.9", False), (None, None), ("latest", None), ("", None)],
)
def test_native_idle_shutdown_begins_with_2_0(version: str | None, answer: bool | None) -> None:
    assert supports(version) is answer


def test_how_long_sagemaker_lets_an_app_be_idle_at_most() -> None:
    assert longest_idle(NativeIdle(True, 120, 60, 240), BOUNDS) == timedelta(hours=4)
    assert longest_idle(NativeIdle(True, 120), BOUNDS) == timedelta(hours=8)
    assert longest_idle(NativeIdle(True, 600), BOUNDS) == timedelta(hours=10)


def test_a_domain_where_it_is_off_or_beyond_bounds_is_a_finding() -> None:
    def kinds(native: NativeIdle | None) -> list[tuple[str, Place]]:
        return [(one.kind, one.place) for one in findings_of_native(native, "JupyterLab", BOUNDS)]

    assert kinds(None) == []
    assert kinds(NativeIdle(True, 120, 60, 480)) == []
    assert kinds(NativeIdle(enabled=False)) == [("NativeIdleShutdownOff", Place.DOMAIN)]
    for beyond in (NativeIdle(True, 600, 60, 480), NativeIdle(True, 120, 60, 481), NativeIdle(True, 120, 59, 480), NativeIdle(True, 120, 60)):
        assert kinds(beyond) == [("NativeIdleShutdownOutOfBounds", Place.DOMAIN)]


# -- prices


def test_a_price_that_nobody_knows_is_none_and_never_a_similar_one() -> None:
    assert hourly_price("ml.t3.medium") == 0.05
    assert hourly_price("system") == 0
    for unknown in (None, "", "ml.t3.medium ", "ml.t3.large", "ml.future.xlarge"):
        assert hourly_price(unknown) is None


def test_prices_say_where_they_are_from() -> None:
    assert (REGION, PUBLISHED.isoformat()) == ("us-east-1", "2026-09-24")
    assert REGION in SOURCE
    assert PUBLISHED.isoformat() in SOURCE
    assert all(price > 0 for name, price in HOURLY.items() if name != "system")


def test_spans_in_words() -> None:
    assert [in_words(timedelta(minutes=count)) for count in (0, 59, 60, 61, 1500)] == ["0 min", "59 min", "1 h", "1 h 1 min", "25 h"]
