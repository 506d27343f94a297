"""Which app is idle: a line for each reason, and what goes before what."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from steward.rules.idle import CanvasIdle, Reason, Source, Use, Verdict, confirm, signals_of
from steward.rules.idle_policy import IdlePolicy, Place
from steward.rules.native_idle import NativeIdle
from steward.rules.quiet_hours import QuietHours, read_quiet_hours
from tests.unit.idle_apps import BOUNDS, NATIVE, NOW, POLICY, active, ago, app, decided, idle, noticed, short, text

PAGE = Path(__file__).parents[2] / "docs" / "idle-evidence.md"
QUIET = replace(POLICY, quiet_hours=read_quiet_hours("08:00-18:00", "UTC"))
BY_AGE = replace(POLICY, maximum_age_hours={"KernelGateway": 12})


def test_idle_for_the_threshold_is_noticed_and_a_minute_less_is_kept() -> None:
    assert short(decided(app(idle(120)))) == "Notice Idle"
    assert short(decided(app(idle(119)))) == "Keep UsedRecently"


def test_after_the_grace_it_is_stopped() -> None:
    assert short(decided(app(idle(300) | noticed(119)))) == "Keep InGrace"
    decision = decided(app(idle(300) | noticed(120)))
    assert short(decision) == "Stop Idle"
    assert decision.idle_since == ago(300)
    assert decision.noticed == ago(120)
    assert decision.threshold == timedelta(hours=2)
    assert decision.message == "activity reporter: idle for 5 h, of 2 h by IdleMinutesByAppType; noticed 2 h ago"


@pytest.mark.parametrize("seen", [0, 60, 119, 120])
def test_trap_24_what_computes_is_in_use_however_old_it_is(seen: int) -> None:
    """Trap 24. Age is not idleness: a month of silent computing is kept, and so is what was in use two beats ago."""
    old = app(active(seen) | noticed(500), created=ago(31 * 24 * 60))
    assert short(decided(old)) == "Keep Active"


@pytest.mark.parametrize("app_type", ["JupyterLab", "CodeEditor", "Canvas"])
def test_trap_24_age_alone_stops_nothing(app_type: str) -> None:
    """Trap 24. A year old, and nothing is known of it."""
    assert decided(app(app_type=app_type, created=ago(365 * 24 * 60))).verdict is Verdict.UNKNOWN


def test_trap_25_what_was_just_started_is_kept() -> None:
    """Trap 25. Whatever an earlier app of its name left in the tags."""
    assert short(decided(app(idle(600) | noticed(300), created=ago(59)))) == "Keep TooYoung"
    assert short(decided(app(idle(600) | noticed(300), created=NOW + timedelta(seconds=1)))) == "Keep TooYoung"
    young = decided(app(idle(600) | noticed(300), created=ago(60)))
    assert short(young) == "Keep UsedRecently", "idle for no longer than it is there"
    assert young.idle_since == ago(60)


def test_trap_26_what_was_never_opened_is_idle_since_it_started() -> None:
    """Trap 26. The reporter says so of itself: nobody has to have come for somebody to be gone."""
    assert short(decided(app(idle(130), created=ago(130.5)))) == "Notice Idle"
    assert short(decided(app(idle(260) | noticed(125), created=ago(260.5)))) == "Stop Idle"


def test_a_report_of_an_earlier_app_of_the_name_is_none() -> None:
    assert short(decided(app(idle(500, 100), created=ago(80)))) == "Unknown ReportOutdated"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "NeverReported"),
        ({"steward:activity": "busy"}, "ReportUnreadable"),
        (idle(600, 121), "ReportOutdated"),
        (active(121), "ReportOutdated"),
        (idle(600, -16), "ReportFromTheFuture"),
        (active(-16), "ReportFromTheFuture"),
    ],
)
def test_silence_is_no_idleness(tags: dict[str, str], reason: str) -> None:
    assert short(decided(app(tags | noticed(300)))) == f"Unknown {reason}"


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({"status": "Pending"}, "NotInService"),
        ({"status": "Deleting"}, "NotInService"),
        ({"status": "Failed"}, "NotInService"),
        ({"status": "Deleted"}, "NotInService"),
        ({"app_type": "RStudioServerPro"}, "RStudioServerPro"),
        ({"instance_type": "system"}, "SystemInstance"),
        ({"training_plan": True}, "TrainingPlan"),
        ({"of_unified_studio": True}, "UnifiedStudio"),
        ({"space_tags": {"steward:keep-until": "2026-11-22"}}, "KeptUntil"),
        ({"profile_tags": {"steward:keep-until": "2026-12-31"}}, "KeptUntil"),
        ({"domain_tags": {"steward:keep-until": "9999-12-31"}}, "KeptUntil"),
        ({"account_tags": {"steward:keep-until": "2026-12-31"}}, "KeptUntil"),
        ({"space_tags": {"steward:keep-until": "forever"}}, "KeepUntilUnreadable"),
        ({"created": ago(30)}, "TooYoung"),
    ],
)
def test_what_is_never_stopped_is_kept_and_says_why(different: dict[str, Any], reason: str) -> None:
    assert short(decided(app(idle(900) | noticed(300), **different))) == f"Keep {reason}"


def test_an_exception_on_the_app_itself_counts_and_one_of_yesterday_does_not() -> None:
    tags = idle(900) | noticed(300)
    assert short(decided(app(tags | {"steward:keep-until": "2026-11-22"}))) == "Keep KeptUntil"
    assert short(decided(app(tags | {"steward:keep-until": "2026-11-21"}))) == "Stop Idle"
    found = decided(app(tags | {"steward:keep-until": "2026-11-31"}))
    assert [(one.kind, one.place) for one in found.findings] == [("KeepUntilUnreadable", Place.APP)]


@pytest.mark.parametrize("instance", ["system", None])
def test_trap_29_the_server_of_studio_classic_costs_nothing_and_stays(instance: str | None) -> None:
    """Trap 29. Its instance is free, and its user would be thrown out; ListApps may say no instance at all for it."""
    policy = replace(POLICY, maximum_age_hours={"JupyterServer": 1})
    classic = app(noticed(300), app_type="JupyterServer", instance_type=instance, user_profile_name="alice", space_name=None)
    assert short(decided(classic, policy=policy)) == "Keep SystemInstance"


def test_canvas_says_by_its_metric() -> None:
    canvas = app(app_type="Canvas", user_profile_name="alice", space_name=None)
    assert short(decided(canvas, CanvasIdle(NOW, timedelta(minutes=119)))) == "Keep UsedRecently"
    assert short(decided(canvas, CanvasIdle(ago(5), timedelta(minutes=120)))) == "Notice Idle"
    assert short(decided(canvas, None)) == "Unknown NoMetric"
    assert short(decided(canvas, CanvasIdle(ago(121), timedelta(hours=9)))) == "Unknown ReportOutdated"
    told = replace(canvas, tags=noticed(130))
    assert short(decided(told, CanvasIdle(ago(5), timedelta(hours=9)))) == "Stop Idle"
    assert short(decided(told, CanvasIdle(ago(5), timedelta(minutes=124)))) == "Notice Idle", "somebody came after the notice, and went again"
    assert short(decided(canvas, CanvasIdle(NOW, timedelta(minutes=-1)))) == "Keep UsedRecently"


def test_a_notice_is_for_one_time_of_idleness() -> None:
    assert short(decided(app(idle(200) | noticed(200)))) == "Notice Idle", "clocks may differ: it could be from before somebody came back"
    assert short(decided(app(idle(200) | noticed(185)))) == "Stop Idle"
    assert short(decided(app(idle(200) | noticed(201)))) == "Notice Idle"


def test_a_notice_that_everybody_has_forgotten_is_written_again() -> None:
    long = app(idle(3 * 24 * 60), created=ago(9 * 24 * 60))
    assert short(decided(replace(long, tags=long.tags | noticed(26 * 60)))) == "Stop Idle"
    assert short(decided(replace(long, tags=long.tags | noticed(26 * 60 + 1)))) == "Notice Idle"


@pytest.mark.parametrize("notice", ["", "soon", "2026-11-22", text(NOW + timedelta(minutes=16))])
def test_a_notice_that_cannot_be_is_none(notice: str) -> None:
    assert short(decided(app(idle(300) | {"steward:stop-notice": notice}))) == "Notice Idle"


def test_what_leads_to_a_stop_misses_no_beat() -> None:
    assert short(decided(app(idle(600, 75) | noticed(130)))) == "Stop Idle"
    assert short(decided(app(idle(600, 76) | noticed(130)))) == "Keep AwaitingReport"
    assert short(decided(app(idle(600, 110) | noticed(120)))) == "Keep AwaitingReport"


def test_in_quiet_hours_nobody_is_noticed_and_nothing_is_stopped() -> None:
    assert short(decided(app(idle(300)), policy=QUIET)) == "Keep QuietHours"
    assert short(decided(app(idle(300) | noticed(130)), policy=QUIET)) == "Keep QuietHours"
    assert short(decided(app(idle(300) | noticed(30)), policy=QUIET)) == "Keep InGrace"
    assert short(decided(app(active()), policy=QUIET)) == "Keep Active"
    assert short(decided(app(), policy=QUIET)) == "Unknown NeverReported"


def test_maximum_age_is_for_types_that_say_nothing_and_has_its_notice() -> None:
    kernel = app(app_type="KernelGateway", user_profile_name="alice", space_name=None)
    assert short(decided(kernel)) == "Unknown NotJudged"
    assert short(decided(replace(kernel, created=ago(719)), policy=BY_AGE)) == "Keep WithinMaximumAge"
    assert short(decided(kernel, policy=BY_AGE)) == "Notice OverMaximumAge"
    assert short(decided(replace(kernel, tags=noticed(60)), policy=BY_AGE)) == "Keep InGrace"
    stop = decided(replace(kernel, tags=noticed(120)), policy=BY_AGE)
    assert (short(stop), stop.idle_since) == ("Stop OverMaximumAge", None), "nobody knows whether it is idle"


def test_a_type_that_nobody_wants_judged_is_unknown_unless_it_is_in_use() -> None:
    policy = IdlePolicy(BOUNDS, idle_minutes={"Canvas": 120})
    assert short(decided(app(idle(900) | noticed(300)), policy=policy)) == "Unknown NotJudged"
    assert short(decided(app(active()), policy=policy)) == "Keep Active"


def test_what_sagemaker_stops_by_itself_is_left_to_it() -> None:
    assert short(decided(app(native=NATIVE))) == "Keep NativeIdleShutdown"
    assert short(decided(app(idle(9 * 60) | noticed(200), native=NATIVE))) == "Keep NativeIdleShutdown"
    assert short(decided(app(active(), native=NATIVE))) == "Keep Active"
    assert short(decided(app(idle(300), native=NativeIdle(enabled=False)))) == "Notice Idle"


def test_what_outlasts_every_idle_timeout_is_ours_and_a_finding() -> None:
    decision = decided(app(idle(9 * 60 + 1), native=NATIVE))
    assert short(decision) == "Notice Idle"
    assert [one.kind for one in decision.findings] == ["NativeIdleShutdownNotEffective"]
    assert short(decided(app(idle(9 * 60 + 1) | noticed(200), native=NATIVE))) == "Stop Idle"


def test_an_image_without_native_idle_shutdown_is_ours_and_a_finding() -> None:
    decision = decided(app(idle(300), native=NATIVE, image_version="1.11.0"))
    assert short(decision) == "Notice Idle"
    assert [one.kind for one in decision.findings] == ["NativeIdleShutdownUnsupported"]
    assert short(decided(app(native=NATIVE, image_version="1.11.0"))) == "Unknown NeverReported"
    assert short(decided(app(idle(300), native=NATIVE, image_version="2.0"))) == "Keep NativeIdleShutdown"


def test_an_app_that_is_older_than_the_last_change_of_its_domain_and_says_nothing_is_a_finding() -> None:
    changed = replace(NATIVE, changed=ago(60))
    assert [one.kind for one in decided(app(native=changed)).findings] == ["NativeIdleShutdownNotYet"]
    assert decided(app(idle(300), native=changed)).findings == ()
    assert decided(app(native=replace(NATIVE, changed=ago(25 * 60)))).findings == ()


def test_each_source_says_what_it_sees() -> None:
    (signal,) = signals_of(app(idle(200, 10)), None, POLICY, NOW)
    assert (signal.source, signal.use, signal.since, signal.seen) == (Source.REPORTER, Use.IDLE, ago(200), ago(10))
    assert signals_of(app(app_type="TensorBoard"), None, POLICY, NOW) == ()
    (signal,) = signals_of(app(app_type="Canvas"), CanvasIdle(ago(5), timedelta(minutes=30)), POLICY, NOW)
    assert (signal.source, signal.since, signal.seen) == (Source.CANVAS, ago(35), ago(5))


def test_trap_22_health_checks_are_no_activity() -> None:
    """Trap 22. LastUserActivityTimestamp moves with LastHealthCheckTimestamp."""
    stop = decided(app(idle(300) | noticed(130)))
    for apart in (0, 1, 5, -5):
        assert confirm(stop, ago(1) + timedelta(seconds=apart), ago(1), NOW, POLICY) is stop
    assert confirm(stop, None, ago(1), NOW, POLICY) is stop


def test_trap_22_what_differs_from_health_checks_only_ever_keeps() -> None:
    """Trap 22. Where the two differ somebody was there."""
    stop, notice = decided(app(idle(300) | noticed(130))), decided(app(idle(300)))
    for decision in (stop, notice):
        assert short(confirm(decision, ago(30), ago(1), NOW, POLICY)) == "Keep UserActivity"
        assert short(confirm(decision, ago(30), None, NOW, POLICY)) == "Keep UserActivity"
        assert confirm(decision, ago(250), ago(1), NOW, POLICY) is decision, "that is as idle as it is known to be"
    assert short(confirm(stop, ago(125), ago(1), NOW, POLICY)) == "Keep UserActivity", "somebody came after the notice"
    assert confirm(notice, ago(125), ago(1), NOW, POLICY) is notice
    for other in (decided(app()), decided(app(active()))):
        assert confirm(other, ago(30), ago(1), NOW, POLICY) is other


@pytest.mark.parametrize("checked", [-0.2, 0, 0.98])
def test_trap_22_for_a_minute_after_a_health_check_a_stop_waits_since_nobody_who_types_would_show(checked: float) -> None:
    """Trap 22. And a notice does not: it harms nobody."""
    stop, notice = decided(app(idle(300) | noticed(130))), decided(app(idle(300)))
    waits = confirm(stop, ago(checked), ago(checked), NOW, POLICY)
    assert (short(waits), waits.noticed) == ("Keep JustChecked", ago(130))
    assert confirm(notice, ago(checked), ago(checked), NOW, POLICY) is notice
    by_age = decided(app(noticed(120), app_type="KernelGateway"), policy=BY_AGE)
    assert short(confirm(by_age, ago(checked), ago(checked), NOW, BY_AGE)) == "Keep JustChecked"


def test_a_stop_waits_for_a_health_check_to_grow_old_for_an_hour_at_most() -> None:
    for minutes, reason in ((179, "Keep JustChecked"), (180, "Stop Idle"), (600, "Stop Idle")):
        stop = decided(app(idle(900) | noticed(minutes)))
        assert short(confirm(stop, NOW, NOW, NOW, POLICY)) == reason
    assert short(confirm(decided(app(idle(900) | noticed(130))), ago(1), ago(1), NOW, POLICY)) == "Stop Idle", "a minute is long enough"


def test_somebody_who_used_an_app_without_signals_keeps_it_too() -> None:
    kernel = app(noticed(120), app_type="KernelGateway")
    stop = decided(kernel, policy=BY_AGE)
    assert short(confirm(stop, ago(479), ago(1), NOW, BY_AGE)) == "Keep UserActivity"
    assert confirm(stop, ago(480), ago(1), NOW, BY_AGE) is stop


def test_quiet_hours_are_told_in_the_message() -> None:
    policy = replace(POLICY, quiet_hours=QuietHours(NOW.time(), ago(-60).time(), ZoneInfo("UTC")))
    assert decided(app(idle(300)), policy=policy).message.endswith("quiet hours 12:00-13:00 UTC")


def test_the_page_says_what_every_reason_means_and_names_no_other() -> None:
    rows = [
        line.split("|")[2].strip(" `") for line in PAGE.read_text().splitlines() if line.startswith(("| Keep |", "| Unknown |", "| Notice, Stop |"))
    ]
    assert sorted(rows) == sorted(Reason)
