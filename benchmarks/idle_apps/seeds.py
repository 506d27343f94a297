"""Does it hold for any seed? Of many seeds those lives in which a stop can be wrong, as the rules alone decide on them: no organization, no calls.

Such are those in which somebody comes back and nothing of it gets out until the next sweep: the reporter's writes fail, it gets no time to look, or
neither it nor Canvas's metric has looked yet. Then only DescribeApp can know, until a health check hides it, as localaws has them each five minutes.
"""

import sys
from datetime import UTC, datetime, timedelta

from benchmarks.idle_apps import truth
from benchmarks.idle_apps.measured import Goal
from benchmarks.idle_apps.reports import Reports
from benchmarks.idle_apps.truth import HOUR, MEASURED_EVERY, MINUTE, OF_PROFILES, OWN_THRESHOLD, Life, Sight, Span
from benchmarks.idle_apps.world import OWN, TAG
from benchmarks.results import Row
from steward.idle_actions import MEASURED_LATELY
from steward.rules.activity import CALLED_OFF, NOTICE_TAG, time_text
from steward.rules.idle import AppSeen, CanvasIdle, Decision, Reason, Verdict, confirm, decide, hidden_until, signals_of
from steward.rules.idle_policy import IdlePolicy
from steward.rules.idle_settings import IdleLimits

POLICY = IdlePolicy(IdleLimits(120, 60, 480))
ZERO = 1_800_000_000.0 // HOUR * HOUR
TAKES = 3.0
"""Seconds from a sweep's begin to its first look."""
SECOND_LOOK = MINUTE + TAKES
"""Seconds from a sweep's begin to the second look at most, where there is one."""
READ_BEFORE = {Sight.REPORTER: 30.0, Sight.CANVAS: MEASURED_LATELY.total_seconds()}
"""So long before its stop what an app's tags, or the metric, say may have been read, with those of others. Of tags it is READ_LATELY, and a call."""
CHECKED_EVERY = 5 * MINUTE
RETRIED_WITHIN = 8 * MINUTE
"""So long after writes succeed again the next one may come."""
HEARD_WITHIN = {Sight.REPORTER: 2 * MINUTE, Sight.CANVAS: MEASURED_EVERY}
"""So long it may take, where nothing hinders it, until what shows use has shown that somebody came."""


def measure(seeds: int, apps: int, hours: int, first: int) -> list[Row]:
    """Seeds from `first` on. Each wrong stop is told on standard error."""
    played = wrong = 0
    for seed in range(first, first + seeds):
        lives = [life for life in truth.lives(apps, hours, seed) if is_back_unheard(life)]
        stops = [(life, at) for life in lives if (at := stopped(life, hours)) is not None and life.protects(at)]
        for life, at in stops:
            print(f"seed {seed}: app {life.number}, {life.kind}, at {at / HOUR:.3f} h", file=sys.stderr, flush=True)
        played, wrong = played + len(lives), wrong + len(stops)
    case = f"{seeds} seeds of {apps} apps, {hours} hours, from seed {first} on"
    return [Row("steward", case, "lives_at_risk", played, "apps"), Row("steward", case, "wrong_stops", wrong, "apps")]


def goals(rows: list[Row]) -> list[Goal]:
    wrong = next(row.value for row in rows if row.metric == "wrong_stops")
    return [Goal(f"wrong stops: {wrong:.0f}, of 0", wrong == 0)]


def is_back_unheard(life: Life) -> bool:
    """Whether somebody comes back, and a sweep can come before anything of it is written."""
    if life.sight not in HEARD_WITHIN or life.protected:
        return False
    heard, read = HEARD_WITHIN[life.sight], READ_BEFORE[life.sight]
    silences = sorted((*life.outages, *life.late), key=lambda span: span.begin) if life.sight is Sight.REPORTER else []
    return any(
        (work.begin + heard + read) % HOUR <= heard + read + SECOND_LOOK or _heard(work.begin, silences) + read >= work.begin // HOUR * HOUR + HOUR
        for work in life.work
        if work.begin >= 0
    )


def _heard(begin: float, silences: list[Span]) -> float:
    """By when it is heard at the latest that somebody came: one silence may begin before what the one before it kept back was said."""
    heard = begin + MINUTE
    for span in silences:
        if span.begin <= heard < span.end + RETRIED_WITHIN:
            heard = span.end + RETRIED_WITHIN
    return heard


def stopped(life: Life, hours: int) -> float | None:
    """When it is stopped for the first time, in seconds of the truth. What becomes of it when its user has started it again is not played."""
    reports, notice = _reports(life, hours), dict[str, str]()
    for sweep in range(hours):
        now = sweep * HOUR + TAKES
        if life.born > now:
            continue
        decision, confirmed = _looked(life, reports, notice, now)
        if decision.verdict is Verdict.STOP and (until := hidden_until(*_described(life, now), _time(now))):
            now = (until - _time(0)).total_seconds()
            decision, confirmed = _looked(life, reports, notice, now)
        if confirmed.verdict is Verdict.STOP:
            return now
        asked_before = life.sight is Sight.CANVAS or notice.get(NOTICE_TAG) == CALLED_OFF
        if (confirmed if asked_before else decision).verdict is Verdict.NOTICE:
            notice = {NOTICE_TAG: time_text(_time(sweep * HOUR))}
        elif decision.verdict is Verdict.STOP and confirmed.reason is Reason.USER_ACTIVITY:
            notice = {NOTICE_TAG: CALLED_OFF}
    return None


def _reports(life: Life, hours: int) -> list[tuple[float, str]]:
    return sorted(Reports(life, ZERO, max(life.born, -3 * HOUR)).until(hours * HOUR)) if life.sight is Sight.REPORTER else []


def _looked(life: Life, reports: list[tuple[float, str]], notice: dict[str, str], now: float) -> tuple[Decision, Decision]:
    """What its tags come to, and that with what DescribeApp says."""
    read = now - READ_BEFORE[life.sight]
    said = [text for at, text in reports if at <= read]
    own = dict([OWN]) if life.threshold == OWN_THRESHOLD else {}
    of_profile = life.app_type in OF_PROFILES
    app = AppSeen(
        domain_id="d-1",
        app_type=life.app_type,
        app_name="default",
        created=_time(life.born),
        instance_type="ml.t3.medium",
        tags=notice | ({TAG: said[-1]} if said else {}),
        space_tags={} if of_profile else own,
        profile_tags=own if of_profile else {},
        domain_tags={},
        account_tags={},
    )
    decision = decide(app, signals_of(app, _canvas(life, read), POLICY, _time(now)), POLICY, _time(now))
    return decision, confirm(decision, *_described(life, now), _time(now), POLICY)


def _canvas(life: Life, now: float) -> CanvasIdle | None:
    """The metric's last value."""
    at = life.last_measured(now)
    if life.sight is not Sight.CANVAS or at < life.born:
        return None
    used = life.last_use(at)
    return CanvasIdle(_time(at), timedelta(seconds=at - (life.born if used is None else used)))


def _described(life: Life, now: float) -> tuple[datetime, datetime]:
    """LastUserActivityTimestamp and LastHealthCheckTimestamp."""
    checked = life.born + (now - life.born) // CHECKED_EVERY * CHECKED_EVERY
    return _time(max(checked, life.last_typed(now) or checked)), _time(checked)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(ZERO, UTC) + timedelta(seconds=at)
