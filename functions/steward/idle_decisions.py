"""What is to become of the apps of one account and Region: each decided on by the rules, and what they come to together."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from steward.changes import Finding
from steward.idle_evidence import NONE, Studios, Tags, ask_around, ask_for_tags, read_studios
from steward.idle_spaces import SpaceMemory
from steward.idle_sweeps import Action, Decided, IdleOwner
from steward.resources.apps import App
from steward.resources.clients import MemberSession
from steward.rules.activity import ACTIVITY_TAG, NOTICE_TAG
from steward.rules.idle import Decision, Reason, Verdict, decide, depends_on_tags, signals_of
from steward.rules.idle_policy import MINUTES_TAG, IdlePolicy, is_exception
from steward.rules.idle_policy import Place as Where
from steward.rules.native_idle import findings_of_native
from steward.sweeps import Place

COUNTED = {Verdict.KEEP: "keep", Verdict.NOTICE: "notice", Verdict.STOP: "stop", Verdict.UNKNOWN: "unknown"}
HOUR = timedelta(hours=1)

LONGEST_TAG = 64
"""Characters of a tag's value that an action carries. What can be read is shorter; of what cannot, the beginning cannot be read either."""


@dataclass(frozen=True)
class DecideOnPlace:
    """`user_tag_key`: the key of the tag that says whose a profile or a space is. `memory` knows whose spaces are. `clock` tells the time of each
    reading: a sweep takes a while."""

    policy: IdlePolicy
    user_tag_key: str
    memory: SpaceMemory
    clock: Callable[[], datetime]

    def at(self, place: Place, session: MemberSession) -> Decided:
        """Reads only, in members. Raises whatever AWS refuses: of a place that cannot be read whole nothing is decided."""
        now = self.clock()
        studios = read_studios(place, session, self.memory, now)
        decisions = self._decide_on_all(studios, now)
        asked = ask_for_tags(studios, session, now, lambda app: _would_change_with_tags(decisions[app]))
        if asked is not studios:
            decisions = self._decide_on_all(asked, now)
        around = ask_around(asked, session, lambda app: depends_on_tags(decisions[app], self.policy))
        if around is not asked:
            decisions = self._decide_on_all(around, now)
        return self._decided(around, decisions, now)

    def _decide_on_all(self, studios: Studios, now: datetime) -> dict[App, Decision]:
        return {app: self._decide_on(studios, app, now) for app in studios.apps}

    def _decide_on(self, studios: Studios, app: App, now: datetime) -> Decision:
        seen = studios.seen(app)
        return decide(seen, signals_of(seen, studios.canvas_idle(app), self.policy, now), self.policy, now)

    def _decided(self, studios: Studios, decisions: dict[App, Decision], now: datetime) -> Decided:
        findings = tuple(dict.fromkeys(self._findings(studios, decisions)))
        idle = {app: now - decision.idle_since for app, decision in decisions.items() if decision.idle_since is not None}
        verdicts = Counter(COUNTED[decision.verdict] for decision in decisions.values())
        counts = {"places": 1, "domains": len(studios.domains), "apps": studios.listed, "running": len(decisions)}
        return Decided(
            counts={**counts, **{name: verdicts[name] for name in COUNTED.values()}, "idle_hours": round(sum(idle.values(), timedelta()) / HOUR)},
            reasons=dict(Counter(f"{decision.verdict}: {decision.reason}" for decision in decisions.values())),
            actions=tuple(self._action(studios, app, decision) for app, decision in decisions.items() if _is_action(decision)),
            findings_by_kind=dict(Counter(finding.kind for finding in findings)),
            findings=findings,
            owners=tuple(
                IdleOwner(owner=self._owner(studios, app), account_id=studios.place.account_id, apps=1, idle_hours=span / HOUR)
                for app, span in idle.items()
            ),
        )

    def _action(self, studios: Studios, app: App, decision: Decision) -> Action:
        return Action(
            account_id=studios.place.account_id,
            region=studios.place.region,
            domain_id=app.domain_id,
            app_type=app.app_type,
            app_name=app.app_name,
            user_profile_name=app.user_profile_name,
            space_name=app.space_name,
            owner=self._owner(studios, app),
            owner_profile_name=studios.profile_of(app),
            arn=studios.arns.get(app.path),
            tags=self._tags(studios, app, decision),
            instance_type=app.instance_type,
            created=app.created,
            verdict="Stop" if decision.verdict is Verdict.STOP else "Notice",
            reason=decision.reason,
            message=decision.message,
            idle_since=decision.idle_since,
            threshold_minutes=int(decision.threshold / timedelta(minutes=1)) if decision.threshold else None,
        )

    def _tags(self, studios: Studios, app: App, decision: Decision) -> dict[str, dict[str, str]]:
        """Its own are for its notice; before a stop they are read anew."""
        tags = studios.tags_around(app)
        if decision.verdict is Verdict.NOTICE:
            tags[Where.APP] = studios.tags.get(app.path, NONE)
        return {str(where): _of_idleness(of) for where, of in tags.items()}

    def _owner(self, studios: Studios, app: App) -> str:
        """As our tag says, of the space before the profile; else the profile's name."""
        around = studios.tags_around(app)
        tagged = (around.get(where, {}).get(self.user_tag_key) for where in (Where.SPACE, Where.PROFILE))
        return next(filter(None, tagged), None) or studios.profile_of(app) or ""

    def _findings(self, studios: Studios, decisions: dict[App, Decision]) -> Iterator[Finding]:
        place = studios.place
        for app, decision in decisions.items():
            for finding in decision.findings:
                yield Finding(finding.kind, studios.arn(app, finding.place), finding.message)
            native = studios.native_of(app)
            if not studios.domains[app.domain_id].is_of_unified_studio:
                for of_domain in findings_of_native(native, app.app_type, self.policy.bounds):
                    yield Finding(of_domain.kind, studios.arn(app, Where.DOMAIN), of_domain.message)
        if studios.hidden_tags:
            message = (
                f"In {place.region} the Resource Groups Tagging API (GetResources) knows the tags of no app, and some have tags. Only some apps are "
                "asked for theirs in each run, the others are Unknown until it is their turn: idle apps there run on for longer. Ask AWS Support."
            )
            yield Finding("TagsOfAppsNotKnown", place.account_arn, message)


def _is_action(decision: Decision) -> bool:
    return decision.verdict in (Verdict.NOTICE, Verdict.STOP)


def _would_change_with_tags(decision: Decision) -> bool:
    """Its own tags are what it lacks: its report, or the notice that it may have had already."""
    return decision.reason is Reason.NEVER_REPORTED or decision.verdict is Verdict.NOTICE


def _of_idleness(tags: Tags) -> dict[str, str]:
    return {key: text[:LONGEST_TAG] for key, text in tags.items() if key in (ACTIVITY_TAG, NOTICE_TAG, MINUTES_TAG) or is_exception(key)}
