"""Apps, policies and moments for the tests of what is idle."""

from datetime import UTC, datetime, timedelta
from typing import Any

from steward.rules.idle import AppSeen, CanvasIdle, Decision, decide, signals_of
from steward.rules.idle_policy import IdlePolicy
from steward.rules.idle_settings import IdleLimits
from steward.rules.native_idle import NativeIdle

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BOUNDS = IdleLimits(timeout=120, minimum=60, maximum=480)
POLICY = IdlePolicy(BOUNDS)
NATIVE = NativeIdle(enabled=True, timeout=120, minimum=60, maximum=480)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def idle(since: float, seen: float = 0) -> dict[str, str]:
    """The reporter's tag; both in minutes before NOW."""
    return {"steward:activity": f"idle since={text(ago(since))} seen={text(ago(seen))}"}


def active(seen: float = 0) -> dict[str, str]:
    return {"steward:activity": f"active seen={text(ago(seen))}"}


def noticed(minutes: float) -> dict[str, str]:
    return {"steward:stop-notice": text(ago(minutes))}


def app(tags: dict[str, str] | None = None, **different: Any) -> AppSeen:
    """A JupyterLab app of a space, a day old."""
    usual: dict[str, Any] = {
        "domain_id": "d-1",
        "app_type": "JupyterLab",
        "app_name": "default",
        "created": ago(24 * 60),
        "space_name": "alices",
        "instance_type": "ml.t3.medium",
        "space_tags": {},
        "profile_tags": {},
        "domain_tags": {},
        "account_tags": {},
    }
    return AppSeen(tags=tags or {}, **(usual | different))


def decided(seen: AppSeen, canvas: CanvasIdle | None = None, policy: IdlePolicy = POLICY, now: datetime = NOW) -> Decision:
    return decide(seen, signals_of(seen, canvas, policy, now), policy, now)


def short(decision: Decision) -> str:
    return f"{decision.verdict} {decision.reason}"
