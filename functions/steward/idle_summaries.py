"""What came of one sweep over idle apps: how it ended, what it counted, what it saved, and why it is red where it is."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from steward.idle_sweeps import NOT_DONE, Acted, Action, Decided, Done, Result, most_idle
from steward.rules.prices import CURRENCY, SOURCE
from steward.rules.savings import Savings, hours_saved, money_saved, total_savings
from steward.sweeps import Trouble

TOLD_AT_MOST = 20
"""Troubles that a red end names. All of them are in the details."""

IDLE_REASONS = ("InGrace", "AwaitingReport", "QuietHours")
"""Why an app that is idle is kept for now; such as are noticed or stopped are idle, too."""


class Listing(BaseModel):
    """What FindPlaces answered."""

    outcome: str
    accounts: int
    not_active: int
    not_active_accounts: tuple[str, ...] = ()
    places: int


class Gathered(BaseModel):
    """What GatherDecisions wrote: what was decided, and what of it is not done in this run."""

    decided: Decided = Decided()
    beyond_cap: tuple[Action, ...] = ()
    left: tuple[Action, ...] = ()
    held: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """One run. `acted` has a line for each action that was to be done."""

    run: str
    account_id: str | None
    listing: Listing
    gathered: Gathered = field(default_factory=Gathered)
    acted: Acted = field(default_factory=Acted)

    @cached_property
    def results(self) -> Counter[str]:
        return Counter(done.result.value for done in self.acted.done)

    @property
    def stopped(self) -> list[Done]:
        return [done for done in self.acted.done if done.result is Result.STOPPED]

    @property
    def noticed(self) -> list[Done]:
        return [done for done in self.acted.done if done.result is Result.NOTICED]

    @property
    def not_done(self) -> list[Done]:
        return [done for done in self.acted.done if done.result in NOT_DONE]

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        return (*self.gathered.decided.troubles, *self.acted.troubles)

    @property
    def left(self) -> int:
        """What was to be done, and is for the next run: by the cap, or since there was no room or time for more in one account and Region."""
        return len(self.gathered.beyond_cap) + len(self.gathered.left) + self.gathered.decided.actions_left + self.results[Result.LEFT]

    @cached_property
    def savings(self) -> Savings:
        return total_savings((done.instance_type, hours_saved(done.idle_since, done.at)) for done in self.stopped)

    @property
    def outcome(self) -> str:
        """Green only where every place was looked at, and all that one run does is done. What it leaves to the next, as it does wherever many apps of
        an account and Region are idle at once, is told and not red; that stops run into the cap of the whole run is."""
        if self.troubles or self.not_done:
            return "SomeAccountsFailed"
        if self.gathered.beyond_cap:
            return "CapReached"
        return "Swept" if self.gathered.decided.counts.get("running", 0) else self.listing.outcome

    def counts(self) -> dict[str, Any]:
        """What the output of the run says of it, as `docs/events/idle_sweep_details.schema.json` has each."""
        decided = self.gathered.decided
        named = ("places", "domains", "apps", "running", "keep", "notice", "stop", "unknown")
        findings = Counter(decided.findings_by_kind) + Counter(self.acted.findings_by_kind)
        return {
            "accounts": self.listing.accounts,
            "accounts_not_active": self.listing.not_active,
            **{name: decided.counts.get(name, 0) for name in named},
            "idle": sum(decided.counts.get(name, 0) for name in ("notice", "stop"))
            + sum(decided.reasons.get(f"Keep: {why}", 0) for why in IDLE_REASONS),
            "reasons": dict(sorted(decided.reasons.items())),
            "results": dict(sorted(self.results.items())),
            "held": dict(Counter(action.verdict for action in self.gathered.held)),
            "left": self.left,
            "troubles": len(self.troubles),
            "findings": dict(sorted(findings.items())),
            "hours_saved": self.savings.hours,
            "money_saved": self.savings.money,
        }

    def details(self, *, dry_run: bool) -> dict[str, Any]:
        """The document that people read: everything, line by line."""
        decided, savings = self.gathered.decided, self.savings
        priced = {"hours": savings.hours, "money": savings.money, "currency": CURRENCY, "prices": SOURCE, "unpriced_hours": savings.unpriced}
        held_back = {"beyond_cap": self.gathered.beyond_cap, "left": self.gathered.left, "held": self.gathered.held}
        return {
            "version": 1,
            "run": self.run,
            "account_id": self.account_id,
            "outcome": self.outcome,
            "dry_run": dry_run,
            "counts": self.counts(),
            "accounts_not_active": self.listing.not_active_accounts,
            "savings": priced,
            "owners": [owner.model_dump() | {"idle_hours": round(owner.idle_hours, 2)} for owner in most_idle(decided.owners)],
            "done": [_done(done) for done in self.acted.done],
            **{name: _dump(actions) for name, actions in held_back.items()},
            "troubles": _dump(self.troubles),
            "findings": [one for part in (decided, self.acted) for one in part.model_dump(mode="json")["findings"]],
        }

    def why(self, details_s3: str) -> str:
        """Of a red end, for people, and short: the cause of a Fail state has 32,768 characters at most."""
        if self.outcome == "CapReached":
            return self._why_left(details_s3)
        if self.outcome != "SomeAccountsFailed":
            return ""
        lines = [*map(_trouble_line, self.troubles), *map(_done_line, self.not_done)]
        more = f"; and {len(lines) - TOLD_AT_MOST} more" if len(lines) > TOLD_AT_MOST else ""
        return (
            f"{len(self.troubles)} accounts in Regions could not be looked at and {len(self.not_done)} apps not be noticed or stopped, all others "
            f"are done: {'; '.join(lines[:TOLD_AT_MOST])}{more}. All of them, with what to do, are in {details_s3}. The next sweep tries "
            "again." + (f" And {self._why_left(details_s3)}" if self.left else "")
        )

    def _why_left(self, details_s3: str) -> str:
        beyond, rest = len(self.gathered.beyond_cap), self.left - len(self.gathered.beyond_cap)
        capped = (
            f"{beyond} more apps are to be stopped than MostStopsPerSweep and MostStopsPercent allow for one run; so many were, and none of these."
        )
        crowded = f"{rest} more are to be noticed or stopped than one run does, or had time for, in an account and Region: the next runs do."
        return (
            " ".join([*([capped] if beyond else []), *([crowded] if rest else [])])
            + f" Look in {details_s3} whether that many are idle. If not, set IdleAppShutdown to report at once; if so, let the next sweeps go on"
            + (", or raise the parameters." if beyond else ".")
        )


def _done(done: Done) -> dict[str, Any]:
    hours = hours_saved(done.idle_since, done.at) if done.result is Result.STOPPED else 0.0
    return done.model_dump(mode="json") | {"hours_saved": hours, "money_saved": money_saved(done.instance_type, hours)}


def _dump(models: Iterable[BaseModel]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in models]


def _trouble_line(one: Trouble) -> str:
    return f"{one.account_id} {one.region}: {one.error}: {one.message[:200]}"


def _done_line(done: Done) -> str:
    return f"{done.account_id} {done.region} {done.domain_id}/{done.of}/{done.app_type}/{done.app_name}: {done.result}: {done.message[:200]}"
