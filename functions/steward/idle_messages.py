"""What a sweep over idle apps tells others: an event for each app that was stopped or noticed, and one message to people for each run."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from steward.idle_summaries import Sweep
from steward.idle_sweeps import WORKFLOW, Done
from steward.rules.savings import hours_saved, money_saved

MOST_APPS_TOLD = 250
"""Apps that the message names: nobody reads more. The rest is counted."""

MOST_BYTES = 180_000
"""Of the message, as JSON within JSON: SNS takes 262,144 bytes, and so does the state that it passes through, in which it is not alone."""

LONGEST_WHY = 300
"""Characters of why that it has for each."""


def events_of(sweep: Sweep, grace: timedelta) -> list[dict[str, Any]]:
    """The details of all events, for the machine to send: it knows a stopped app by ``stopped``. `grace`: from a notice to the stop."""
    return [
        *(_stopped(done, sweep.run) for done in sweep.stopped),
        *(_app(done, sweep.run) | {"noticed": _time(done.at), "stops_after": _time(done.at + grace)} for done in sweep.noticed),
    ]


def message_of(sweep: Sweep, execution: str, grace: timedelta, details_s3: str) -> tuple[str, str]:
    """Subject and text, which is JSON: for runs that stopped or noticed anything. Stopped apps come first, where not all have room."""
    done = [*sweep.stopped, *sweep.noticed]
    counts = {"stopped": len(sweep.stopped), "noticed": len(sweep.noticed)}
    told = {
        "version": 1,
        "workflow": WORKFLOW,
        "execution": execution,
        "outcome": sweep.outcome,
        **counts,
        "left": sweep.left,
        "hours_saved": sweep.savings.hours,
        "details_s3": details_s3,
    }
    named = min(len(done), MOST_APPS_TOLD)
    while len(json.dumps(text := _text(told, done, named, grace))) > MOST_BYTES:
        named = named * 9 // 10
    return f"Studio Steward: {counts['stopped']} idle apps stopped, {counts['noticed']} noticed", text


def _text(told: dict[str, Any], done: list[Done], named: int, grace: timedelta) -> str:
    return json.dumps({**told, "owners": _owners(done[:named], grace), "not_named": len(done) - named}, ensure_ascii=False)


def _owners(done: list[Done], grace: timedelta) -> list[dict[str, Any]]:
    by_owner: dict[tuple[str, str], list[Done]] = defaultdict(list)
    for one in done:
        by_owner[one.owner, one.account_id].append(one)
    return [
        {"owner": owner, "account_id": account_id, "apps": [_line(one, grace) for one in by_owner[owner, account_id]]}
        for owner, account_id in sorted(by_owner)
    ]


def _line(done: Done, grace: timedelta) -> dict[str, Any]:
    """Short, for a person: which app, what was done to it, why, and what comes next."""
    app = f"{done.region} {done.domain_id}/{done.of}/{done.app_type}/{done.app_name}"
    after = {"stops_after": _time(done.at + grace)} if done.verdict == "Notice" else {}
    return {"app": app, "done": done.result.value, "why": (done.message or done.reason)[:LONGEST_WHY], **after}


def _stopped(done: Done, run: str) -> dict[str, Any]:
    hours = hours_saved(done.idle_since, done.at)
    return _app(done, run) | {"stopped": _time(done.at), "hours_saved": hours, "money_saved": money_saved(done.instance_type, hours)}


def _app(done: Done, run: str) -> dict[str, Any]:
    of = {"user_profile_name": done.user_profile_name} if done.user_profile_name else {"space_name": done.space_name}
    named = ("account_id", "region", "domain_id", "app_type", "app_name", "owner", "instance_type", "reason", "idle_since")
    told = done.model_dump(mode="json")
    return {"version": 1, "run": run, **{name: told[name] for name in named}, **of, "message": done.message}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
