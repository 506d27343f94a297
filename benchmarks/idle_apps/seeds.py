"""Does it hold for any seed? Of many seeds those lives in which a stop can be wrong, as the rules alone decide on them: no organization, no calls.

Such are those in which somebody comes back and nothing of it gets out until the next sweep: the reporter's writes fail, or it gets no time to look.
Then only DescribeApp can know, until a health check hides it, as localaws has them each five minutes.
"""

import sys
from datetime import UTC, datetime, timedelta

from benchmarks.idle_apps import truth
from benchmarks.idle_apps.measured import Goal
from benchmarks.idle_apps.reports import Reports
from benchmarks.idle_apps.truth import HOUR, MINUTE, OF_PROFILES, OWN_THRESHOLD, Life, Sight
from benchmarks.idle_apps.world import OWN, TAG
from benchmarks.results import Row
from steward.rules.activity import CALLED_OFF, NOTICE_TAG, time_text
from steward.rules.idle import AppSeen, Verdict, confirm, decide, signals_of
from steward.rules.idle_policy import IdlePolicy
from steward.rules.idle_settings import IdleLimits

POLICY = IdlePolicy(IdleLimits(120, 60, 480))
ZERO = 1_800_000_000.0 // HOUR * HOUR
TAKES = 3.0
"""Seconds from a sweep's begin to its last look."""
CHECKED_EVERY = 5 * MINUTE
RETRIED_WITHIN = 8 * MINUTE
"""So long after writes succeed again the next one may come."""


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
    """Whether somebody comes back, and it can be a sweep's time before anything of it is written."""
    if life.sight is not Sight.REPORTER or life.protected:
        return False
    silences = (*life.outages, *life.late)
    back = [work.begin for work in life.work if work.begin >= 0]
    return any(span.begin <= begin + MINUTE and span.end + RETRIED_WITHIN >= begin // HOUR * HOUR + HOUR for begin in back for span in silences)


def stopped(life: Life, hours: int) -> float | None:
    """When it is stopped for the first time, in seconds of the truth."""
    reports, notice = sorted(Reports(life, ZERO, max(life.born, -3 * HOUR)).until(hours * HOUR)), dict[str, str]()
    for sweep in range(hours):
        now = sweep * HOUR + TAKES
        said = [text for at, text in reports if at <= now]
        if not said or life.born > now:
            continue
        verdict, called_off = _decided(life, {TAG: said[-1], **notice}, now)
        if verdict is Verdict.STOP:
            return now
        if verdict is Verdict.NOTICE or called_off:
            notice = {NOTICE_TAG: CALLED_OFF if called_off else time_text(_time(sweep * HOUR))}
    return None


def _decided(life: Life, tags: dict[str, str], now: float) -> tuple[Verdict, bool]:
    """And whether it is DescribeApp that calls a stop off."""
    own = dict([OWN]) if life.threshold == OWN_THRESHOLD else {}
    of_profile = life.app_type in OF_PROFILES
    app = AppSeen(
        domain_id="d-1",
        app_type=life.app_type,
        app_name="default",
        created=_time(life.born),
        instance_type="ml.t3.medium",
        tags=tags,
        space_tags={} if of_profile else own,
        profile_tags=own if of_profile else {},
        domain_tags={},
        account_tags={},
    )
    decision = decide(app, signals_of(app, None, POLICY, _time(now)), POLICY, _time(now))
    checked = life.born + (now - life.born) // CHECKED_EVERY * CHECKED_EVERY
    used = max(checked, life.last_typed(now) or checked)
    confirmed = confirm(decision, _time(used), _time(checked), _time(now), POLICY)
    return confirmed.verdict, decision.verdict is Verdict.STOP and confirmed.verdict is Verdict.KEEP


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(ZERO, UTC) + timedelta(seconds=at)
