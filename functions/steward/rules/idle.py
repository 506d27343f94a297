"""Which Studio app is idle, by which evidence, and what follows? Pure: what is known comes in, a decision with its reason goes out.

Age is not idleness, and silence is not either: what nothing is known of is `Unknown`, and stays. `docs/idle-evidence.md` says which signal counts
when, and what each reason means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from steward.rules.activity import ACTIVITY_TAG, BEAT, NOTICE_TAG, SILENCE, SKEW, read_report, read_time
from steward.rules.idle_policy import IdleFinding, IdlePolicy, Place, Tags, Threshold, in_words, kept_by_tag, threshold_of
from steward.rules.native_idle import MARGIN, NativeIdle, longest_idle, supports

NOTICE_HOLDS = timedelta(hours=24)
"""So long after its grace a notice can still lead to a stop. Later whoever read it has forgotten it, and gets another."""

FRESH = BEAT + SKEW
"""What leads to a stop is not older: no beat is missing. So it is newer than the notice, and by more than the skew: a grace is two beats at least, of
which BACKDATED_AT_MOST may have been over when the notice was written, and 120 - 10 - 75 minutes are 35."""

SAME_MOMENT = timedelta(seconds=5)
"""Health checks move both timestamps of DescribeApp at once: what is no further apart is one health check."""

HIDES = timedelta(minutes=1)
"""So long after a health check DescribeApp may not show who types: the last key was pressed before it."""

WAITED_AT_MOST = timedelta(hours=1)
"""So long after its grace an app is left to the next run if health checks hide who types whenever it is looked at, and no longer."""


class Verdict(StrEnum):
    KEEP = "Keep"
    NOTICE = "Notice"
    STOP = "Stop"
    UNKNOWN = "Unknown"


class Use(StrEnum):
    ACTIVE = "active"
    IDLE = "idle"
    SILENT = "silent"


class Source(StrEnum):
    """Who says it."""

    REPORTER = "activity reporter"
    CANVAS = "TimeSinceLastActive of Canvas"
    AGE = "maximum age"


class Reason(StrEnum):
    """Why an app is kept, noticed, stopped, or unknown: `docs/idle-evidence.md` says what each means."""

    NOT_IN_SERVICE = "NotInService"
    R_STUDIO_SERVER_PRO = "RStudioServerPro"
    SYSTEM_INSTANCE = "SystemInstance"
    TRAINING_PLAN = "TrainingPlan"
    UNIFIED_STUDIO = "UnifiedStudio"
    KEPT_UNTIL = "KeptUntil"
    KEEP_UNTIL_UNREADABLE = "KeepUntilUnreadable"
    TOO_YOUNG = "TooYoung"
    ACTIVE = "Active"
    USED_RECENTLY = "UsedRecently"
    NATIVE_IDLE_SHUTDOWN = "NativeIdleShutdown"
    QUIET_HOURS = "QuietHours"
    IN_GRACE = "InGrace"
    AWAITING_REPORT = "AwaitingReport"
    USER_ACTIVITY = "UserActivity"
    JUST_CHECKED = "JustChecked"
    WITHIN_MAXIMUM_AGE = "WithinMaximumAge"
    IDLE = "Idle"
    OVER_MAXIMUM_AGE = "OverMaximumAge"
    NEVER_REPORTED = "NeverReported"
    REPORT_UNREADABLE = "ReportUnreadable"
    REPORT_OUTDATED = "ReportOutdated"
    REPORT_FROM_THE_FUTURE = "ReportFromTheFuture"
    NO_METRIC = "NoMetric"
    NOT_JUDGED = "NotJudged"


@dataclass(frozen=True)
class Signal:
    """What one source says. `since`: idle since then; `seen`: when it was looked at, None where it never was. `silence` is why nothing is said."""

    source: Source
    use: Use
    since: datetime | None = None
    seen: datetime | None = None
    note: str = ""
    silence: Reason | None = None


@dataclass(frozen=True)
class CanvasIdle:
    """The last value of the metric `TimeSinceLastActive`, and when it was measured."""

    measured: datetime
    idle: timedelta


@dataclass(frozen=True, kw_only=True)
class AppSeen:
    """One app as ListApps, GetResources and DescribeDomain have it. An app is a user profile's or a space's: one of the two names is None.

    `tags`: its own. `space_tags`, `profile_tags`: of its space, and of the user profile that it or its space belongs to. `native`: the domain's
    native idle shutdown for this type of app. `image_version`: of SageMaker Distribution, None for another image.
    """

    domain_id: str
    app_type: str
    app_name: str
    created: datetime
    status: str = "InService"
    user_profile_name: str | None = None
    space_name: str | None = None
    instance_type: str | None = None
    image_version: str | None = None
    training_plan: bool = False
    of_unified_studio: bool = False
    native: NativeIdle | None = None
    tags: Mapping[str, str]
    space_tags: Mapping[str, str]
    profile_tags: Mapping[str, str]
    domain_tags: Mapping[str, str]
    account_tags: Mapping[str, str]

    @property
    def tags_by_place(self) -> Tags:
        places = (self.tags, self.space_tags, self.profile_tags, self.domain_tags, self.account_tags)
        return dict(zip(Place, places, strict=True))


@dataclass(frozen=True)
class Decision:
    """`idle_since`: None where no evidence shows it, and an age is none. `threshold`: after how long an app like this counts as idle, None where
    nobody says. `noticed`: when it was noticed, where that still holds."""

    verdict: Verdict
    reason: Reason
    message: str
    idle_since: datetime | None = None
    signals: tuple[Signal, ...] = ()
    threshold: timedelta | None = None
    noticed: datetime | None = None
    findings: tuple[IdleFinding, ...] = ()


def signals_of(app: AppSeen, canvas: CanvasIdle | None, policy: IdlePolicy, now: datetime) -> tuple[Signal, ...]:
    """What there is to go by, a signal for each source that this type of app has. `canvas`: None where CloudWatch has no value for it."""
    if app.app_type in ("JupyterLab", "CodeEditor"):
        return (_of_reporter(app, now),)
    if app.app_type == "Canvas":
        return (_of_canvas(app, canvas, now),)
    hours = policy.maximum_age_hours.get(app.app_type)
    if hours is None:
        return ()
    age = max(now - app.created, timedelta(0))
    note = f"runs for {in_words(age)}, of {hours} h at most"
    if age < timedelta(hours=hours):
        return (_silent(Source.AGE, Reason.WITHIN_MAXIMUM_AGE, now, note),)
    return (Signal(Source.AGE, Use.IDLE, app.created, now, note),)


def _of_reporter(app: AppSeen, now: datetime) -> Signal:
    text = app.tags.get(ACTIVITY_TAG)
    if text is None:
        return _silent(Source.REPORTER, Reason.NEVER_REPORTED, None, f"it has no tag {ACTIVITY_TAG}")
    report = read_report(text)
    if report is None:
        return _silent(Source.REPORTER, Reason.REPORT_UNREADABLE, None, f"its tag {ACTIVITY_TAG} is {text!r}")
    return _by_time(Signal(Source.REPORTER, _use(report.idle_since), report.idle_since, report.seen), app, now)


def _of_canvas(app: AppSeen, canvas: CanvasIdle | None, now: datetime) -> Signal:
    if canvas is None:
        return _silent(Source.CANVAS, Reason.NO_METRIC, None, "CloudWatch has no value")
    since = canvas.measured - max(canvas.idle, timedelta(0))
    return _by_time(Signal(Source.CANVAS, Use.IDLE, since, canvas.measured), app, now)


def _by_time(signal: Signal, app: AppSeen, now: datetime) -> Signal:
    """What is too old, too new, or from before the app is silence. Nothing is idle for longer than it is there."""
    seen = signal.seen or now
    if seen > now + SKEW:
        return _silent(signal.source, Reason.REPORT_FROM_THE_FUTURE, seen, f"seen {in_words(seen - now)} from now")
    if now - seen > SILENCE:
        return _silent(signal.source, Reason.REPORT_OUTDATED, seen, f"seen {in_words(now - seen)} ago, more than two beats")
    if signal.use is Use.IDLE and seen < app.created - SKEW:
        return _silent(signal.source, Reason.REPORT_OUTDATED, seen, "seen before the app was created, in an earlier one of its name")
    if signal.since is None:
        return replace(signal, note="in use")
    since = min(max(signal.since, app.created), seen)
    return replace(signal, since=since, note=f"idle for {in_words(seen - since)}")


def _use(idle_since: datetime | None) -> Use:
    return Use.ACTIVE if idle_since is None else Use.IDLE


def _silent(source: Source, silence: Reason, seen: datetime | None, note: str) -> Signal:
    return Signal(source, Use.SILENT, None, seen, note, silence)


def decide(app: AppSeen, signals: Sequence[Signal], policy: IdlePolicy, now: datetime) -> Decision:
    """What is never stopped is kept; then what is in use; then what SageMaker stops itself. What is idle gets a notice, and after its grace, with all
    the evidence there still, the stop. The rest is unknown."""
    threshold = threshold_of(app.app_type, app.tags_by_place, policy)
    kept = kept_by_tag(app.tags_by_place, now)
    findings = (*(threshold.findings if threshold else ()), *(kept.findings if kept else ()), *_findings_of_native(app, signals, policy))
    idle = _idle(signals)
    noticed = _valid_notice(app, idle, policy, now)
    keep = next(_protections(app, policy, now), None) or next(_uses(app, signals, threshold, policy), None)
    verdict = (Verdict.KEEP, *keep) if keep else _by_evidence(app, signals, threshold, policy, (noticed, now))
    return Decision(
        *verdict,
        idle_since=idle.since if idle and idle.source is not Source.AGE else None,
        signals=tuple(signals),
        threshold=threshold.idle if threshold else None,
        noticed=noticed,
        findings=findings,
    )


Ruling = tuple[Verdict, Reason, str]


def _protections(app: AppSeen, policy: IdlePolicy, now: datetime) -> Iterator[tuple[Reason, str]]:
    """What is kept whatever anybody says of its use."""
    if app.status != "InService":
        yield Reason.NOT_IN_SERVICE, f"it is {app.status}"
    if app.app_type == "RStudioServerPro":
        yield Reason.R_STUDIO_SERVER_PRO, "it serves the whole domain"
    if app.instance_type == "system" or (app.app_type == "JupyterServer" and app.instance_type is None):
        yield Reason.SYSTEM_INSTANCE, "its instance costs nothing"
    if app.training_plan:
        yield Reason.TRAINING_PLAN, "its capacity is paid for in advance"
    if app.of_unified_studio:
        yield Reason.UNIFIED_STUDIO, "SageMaker Unified Studio looks after it"
    kept = kept_by_tag(app.tags_by_place, now)
    if kept and kept.until is None:
        yield Reason.KEEP_UNTIL_UNREADABLE, f"its {kept.place} has an exception whose day cannot be read"
    elif kept:
        yield Reason.KEPT_UNTIL, f"its {kept.place} is to be kept until {kept.until}"
    if now - app.created < policy.minimum_age:
        yield Reason.TOO_YOUNG, f"it runs for {in_words(max(now - app.created, timedelta(0)))}, of {in_words(policy.minimum_age)} that each app gets"


def _uses(app: AppSeen, signals: Sequence[Signal], threshold: Threshold | None, policy: IdlePolicy) -> Iterator[tuple[Reason, str]]:
    """What is kept because it is in use, or is somebody else's to stop."""
    yield from ((Reason.ACTIVE, f"{signal.source}: {signal.note}") for signal in signals if signal.use is Use.ACTIVE)
    idle = _idle(signals)
    if idle is not None and threshold is not None and _idle_time(idle) < threshold.idle:
        yield Reason.USED_RECENTLY, _why(idle, threshold)
    if _covers(app) and not _outlasts_native(app, idle, policy):
        yield Reason.NATIVE_IDLE_SHUTDOWN, "SageMaker stops it by itself when it is idle"
    yield from ((signal.silence, signal.note) for signal in signals if signal.silence is Reason.WITHIN_MAXIMUM_AGE)


def _by_evidence(
    app: AppSeen, signals: Sequence[Signal], threshold: Threshold | None, policy: IdlePolicy, times: tuple[datetime | None, datetime]
) -> Ruling:
    """Of what nothing keeps."""
    idle = _idle(signals)
    if idle is not None and idle.source is Source.AGE:
        return _in_time(idle, Reason.OVER_MAXIMUM_AGE, idle.note, policy, times)
    if threshold is None:
        return Verdict.UNKNOWN, Reason.NOT_JUDGED, f"nothing says whether apps of type {app.app_type} are idle, or nobody wants them judged"
    if idle is None:
        reasons = [(signal.silence, f"{signal.source}: {signal.note}") for signal in signals if signal.silence]
        return Verdict.UNKNOWN, *(reasons[0] if reasons else (Reason.NOT_JUDGED, "nothing says whether it is idle"))
    return _in_time(idle, Reason.IDLE, _why(idle, threshold), policy, times)


def depends_on_tags(decision: Decision, policy: IdlePolicy) -> bool:
    """Whether what tags of a space or a user profile say can change anything: it is to be noticed or stopped, or would be for a shorter threshold."""
    idle = _idle(decision.signals)
    long = idle is not None and _idle_time(idle) >= timedelta(minutes=policy.bounds.minimum)
    return decision.verdict in (Verdict.NOTICE, Verdict.STOP) or (decision.reason is Reason.USED_RECENTLY and long)


def _why(idle: Signal, threshold: Threshold) -> str:
    return f"{idle.source}: {idle.note}, of {in_words(threshold.idle)} by {threshold.source}"


def _in_time(idle: Signal, reason: Reason, why: str, policy: IdlePolicy, times: tuple[datetime | None, datetime]) -> Ruling:
    """Notice, grace, stop: which of them an app that is idle has come to. `times`: when it was noticed, and now."""
    noticed, now = times
    if noticed is not None and now - noticed < policy.grace:
        return Verdict.KEEP, Reason.IN_GRACE, f"{why}; noticed {in_words(max(now - noticed, timedelta(0)))} ago, of {in_words(policy.grace)}"
    if policy.quiet_hours and policy.quiet_hours.hold(now):
        return Verdict.KEEP, Reason.QUIET_HOURS, f"{why}; quiet hours {policy.quiet_hours}"
    if noticed is None:
        return Verdict.NOTICE, reason, why
    if idle.seen is None or now - idle.seen > FRESH:
        return Verdict.KEEP, Reason.AWAITING_REPORT, f"{why}; to stop it a report is needed that misses no beat"
    return Verdict.STOP, reason, f"{why}; noticed {in_words(now - noticed)} ago"


def _valid_notice(app: AppSeen, idle: Signal | None, policy: IdlePolicy, now: datetime) -> datetime | None:
    """When it was noticed in this idle period; None where it was not, or so long ago that it has to be noticed again."""
    noticed = read_time(app.tags.get(NOTICE_TAG, ""))
    if noticed is None or idle is None or idle.since is None or not now - policy.grace - NOTICE_HOLDS <= noticed <= now + SKEW:
        return None
    return noticed if noticed >= idle.since + SKEW else None


def _idle(signals: Sequence[Signal]) -> Signal | None:
    """Of all that say idle, the one that says it for the shortest time. A maximum age counts only where nothing else speaks."""
    said = [signal for signal in signals if signal.use is Use.IDLE and signal.since]
    return min(said, key=lambda signal: (signal.source is Source.AGE, _idle_time(signal)), default=None)


def _idle_time(signal: Signal) -> timedelta:
    """By the clock of who says it, so that it need not agree with ours."""
    return signal.seen - signal.since if signal.seen and signal.since else timedelta(0)


def _covers(app: AppSeen) -> bool:
    return app.native is not None and app.native.enabled and supports(app.image_version) is not False


def _outlasts_native(app: AppSeen, idle: Signal | None, policy: IdlePolicy) -> bool:
    return idle is not None and app.native is not None and _idle_time(idle) > longest_idle(app.native, policy.bounds) + MARGIN


def _findings_of_native(app: AppSeen, signals: Sequence[Signal], policy: IdlePolicy) -> Iterator[IdleFinding]:
    """Where native idle shutdown is enabled, and does not hold for this app."""
    if app.native is None or not app.native.enabled or app.status != "InService":
        return
    if supports(app.image_version) is False:
        message = f"Its image, SageMaker Distribution {app.image_version}, does not stop when idle. Start the space with 2.0 or later."
        yield IdleFinding("NativeIdleShutdownUnsupported", Place.APP, message)
    elif _outlasts_native(app, _idle(signals), policy):
        longest = in_words(longest_idle(app.native, policy.bounds))
        message = (
            f"It is idle for longer than {longest} and still runs: a kernel or terminal was left open, or it was started before idle shutdown was "
            "enabled. Close them, and start the space again."
        )
        yield IdleFinding("NativeIdleShutdownNotEffective", Place.APP, message)
    elif app.native.changed and app.created < app.native.changed and all(signal.use is Use.SILENT for signal in signals):
        message = "It was started before its domain was last changed. If that enabled idle shutdown, it takes effect when the space is started again."
        yield IdleFinding("NativeIdleShutdownNotYet", Place.APP, message)


def hidden_until(last_user_activity: datetime | None, last_health_check: datetime | None, now: datetime) -> datetime | None:
    """Until when DescribeApp may not show who types, since a health check has moved LastUserActivityTimestamp along with its own time
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeApp.html). None where it would."""
    if last_user_activity is None or last_health_check is None or not _is_health_check(last_user_activity, last_health_check):
        return None
    return min(last_health_check, now) + HIDES if now - last_health_check < HIDES else None


def _is_health_check(last_user_activity: datetime, last_health_check: datetime | None) -> bool:
    return last_health_check is not None and abs(last_user_activity - last_health_check) <= SAME_MOMENT


def confirm(
    decision: Decision, last_user_activity: datetime | None, last_health_check: datetime | None, now: datetime, policy: IdlePolicy
) -> Decision:
    """The decision after asking DescribeApp too, which only ever keeps: where its two times differ somebody was there, and who was there within the
    threshold, or since the notice, calls it off. Where a health check may just have hidden who types, a stop waits."""
    if decision.verdict not in (Verdict.NOTICE, Verdict.STOP) or last_user_activity is None:
        return decision
    if _is_health_check(last_user_activity, last_health_check):
        return decision if hidden_until(last_user_activity, last_health_check, now) is None else _wait(decision, now, policy)
    within = now - last_user_activity < (decision.threshold or timedelta(minutes=policy.bounds.maximum))
    if not within and (decision.noticed is None or last_user_activity < decision.noticed):
        return decision
    message = f"DescribeApp: somebody used it {in_words(max(now - last_user_activity, timedelta(0)))} ago"
    return replace(decision, verdict=Verdict.KEEP, reason=Reason.USER_ACTIVITY, message=message)


def _wait(decision: Decision, now: datetime, policy: IdlePolicy) -> Decision:
    """Left to the next run, for an hour at most; a notice harms nobody, and has no time of an earlier one."""
    if decision.noticed is None or now - decision.noticed >= policy.grace + WAITED_AT_MOST:
        return decision
    message = "DescribeApp: a health check of a moment ago hides whether somebody types; the next run looks again"
    return replace(decision, verdict=Verdict.KEEP, reason=Reason.JUST_CHECKED, message=message)
