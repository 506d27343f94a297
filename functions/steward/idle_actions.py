"""Each app that was decided on is decided on once more just before its notice or its stop; and whatever comes of it is a line of the result."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from steward.errors import OutOfTime
from steward.idle_evidence import NONE, Tags, canvas_idle
from steward.idle_sweeps import MOST_ACTIONS_OF_A_PLACE, Acted, Action, ActionPlace, Done, Result
from steward.idle_tags import AT_ONCE, WITNESSES, TagsBeforeStops, tags_as_decided
from steward.resources.apps import Deletion, DescribedApp, app_name, delete_app, describe_app
from steward.resources.canvas import CanvasUser, Unused, canvas_unused
from steward.resources.clients import MemberSession
from steward.resources.tags import NOT_THERE, add_tags, read_tags
from steward.rules.activity import ACTIVITY_TAG, BACKDATED_AT_MOST, CALLED_OFF, NOTICE_TAG, SKEW, read_report, read_time, time_text
from steward.rules.idle import AppSeen, Decision, Reason, confirm, decide, hidden_until, signals_of
from steward.rules.idle_policy import IdlePolicy
from steward.rules.idle_policy import Place as Where
from steward.rules.troubles import NO_TIME
from steward.sweeps import Trouble

CLOSED = {
    "AuthFailure",
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
"""Errors that are of the account or the Region, suspended or switched off meanwhile: what one app met all others there would."""

LONGEST_LINE = 400
"""Characters of a result's message: six hundred results have to fit into one answer."""

SAME_START = timedelta(seconds=1)
"""ListApps and DescribeApp may round differently when an app was started."""

MEASURED_LATELY = timedelta(minutes=1)
"""A value of Canvas's metric is of minutes ago whenever it is asked for: one call is for all that are stopped within this time."""

TIME_FOR_A_SECOND_LOOK = timedelta(minutes=1)
"""What has to be left of a function's time after a wait for it."""


class Outcome(NamedTuple):
    """`at`: what is told as its time, where that is not when it was done."""

    result: Result
    message: str
    at: datetime | None = None


class Hidden(NamedTuple):
    """A health check hides who types, `until` then: the app is to be looked at again."""

    until: datetime


class Looked(NamedTuple):
    """What was done in a place, and what of it is to be looked at again, at `until`. `behind`: GetResources was seen to be so there."""

    acted: Acted
    again: ActionPlace | None = None
    until: datetime | None = None
    behind: bool = False


@dataclass(frozen=True)
class ActOnPlace:
    """`as_of`: the time for which the run was started, or when it began. `attempt`: 0 at the first try of its batch. `clock` tells the time.
    `again`: it is the second look, after which none follows. `behind`: accounts and Regions where GetResources was seen to be so at the first."""

    policy: IdlePolicy
    held: bool
    as_of: datetime
    attempt: int
    clock: Callable[[], datetime]
    again: bool = False
    behind: frozenset[tuple[str, str]] = frozenset()

    def dated(self, now: datetime) -> datetime:
        """What a notice that is written now is dated: as of its run, so that a grace of two hours is over when the second hourly sweep after it
        comes, and not just not yet. But not long before it is there: who is noticed late, or by a redrive hours later, has all of the grace."""
        dated = self.as_of if now - BACKDATED_AT_MOST <= self.as_of <= now else now
        return dated.replace(microsecond=0)

    def at(self, place: ActionPlace, session: MemberSession) -> Looked:
        """Each action with its result. Raises nothing once the first app was asked for."""
        ordered = list(_in_order(place.actions))
        if self.held:
            return Looked(
                Acted(done=tuple(self._done(action, Outcome(Result.HELD, "a brake was pulled since it was decided")) for action in ordered))
            )
        acting = Acting(self, session, TagsBeforeStops(place, session, self.clock, (place.account_id, place.region) in self.behind))
        left = Outcome(Result.LEFT, f"more than {MOST_ACTIONS_OF_A_PLACE} in one account and Region: it is the next run's")
        done, again, until = list[Done](), list[Action](), self.clock()
        for number, action in enumerate(ordered):
            outcome = acting.on(action) if number < MOST_ACTIONS_OF_A_PLACE else left
            if isinstance(outcome, Hidden):
                again.append(action)
                until = max(until, outcome.until)
            else:
                done.append(self._done(action, outcome))
        behind = acting.tags.is_behind
        return Looked(Acted(done=tuple(done)), *((place.model_copy(update={"actions": tuple(again)}), until, behind) if again else ()))

    def left(self, place: ActionPlace) -> Acted:
        """What is not looked at again."""
        outcome = Outcome(
            Result.LEFT, "a health check of just now hid whether somebody types, and no time was left to look again: it is the next run's"
        )
        return Acted(done=tuple(self._done(action, outcome) for action in place.actions))

    def _done(self, action: Action, outcome: Outcome) -> Done:
        return _line(action, outcome.result, outcome.message, outcome.at or self.clock())


LookAtEach = Callable[[Sequence[ActionPlace], Callable[[ActionPlace, MemberSession], Looked]], Sequence[Looked | Trouble]]


def act_on_each(places: Sequence[ActionPlace], act: ActOnPlace, look_at_each: LookAtEach, remaining_ms: Callable[[], int]) -> list[Acted]:
    """All that is to be done in these places. Where a health check has just hidden who types in what is to be stopped, a second look follows once it
    hides nothing any more: one wait for all for which there is time."""
    looked = [
        Looked(not_tried(place, one, act.clock())) if isinstance(one, Trouble) else one
        for place, one in zip(places, look_at_each(places, act.at), strict=True)
    ]
    now = act.clock()
    latest = now + max(timedelta(milliseconds=remaining_ms()) - TIME_FOR_A_SECOND_LOOK, timedelta())
    again = [(one.again, one.until) for one in looked if one.again and one.until]
    acted = [*(one.acted for one in looked), *(act.left(place) for place, until in again if until > latest)]
    in_time = [(place, until) for place, until in again if until <= latest]
    if in_time:
        time.sleep(max(max(until for _, until in in_time) - now, timedelta()).total_seconds())
        behind = frozenset((one.again.account_id, one.again.region) for one in looked if one.again and one.behind)
        acted += act_on_each([place for place, _ in in_time], replace(act, again=True, behind=behind), look_at_each, remaining_ms)
    return acted


@dataclass(frozen=True)
class Acting:
    """On one app after the other. `closed`: why nothing more can be done there. `measured`: Canvas's metric of all of a verdict, and when."""

    how: ActOnPlace
    session: MemberSession
    tags: TagsBeforeStops
    closed: list[str] = field(default_factory=list)
    measured: dict[str, tuple[datetime, Mapping[CanvasUser, Unused]]] = field(default_factory=dict)

    def on(self, action: Action) -> Outcome | Hidden:
        """Whatever becomes of it. What is neither AWS's answer nor the way to it is a fault of ours: it ends the batch, and is seen."""
        if self.closed:
            return Outcome(Result.REFUSED, self.closed[0])
        try:
            return self._on(action)
        except OutOfTime as error:
            return Outcome(Result.LEFT, str(error))
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            message = f"{code}: {error}"
            if code in CLOSED:
                self.closed.append(message)
            return Outcome(Result.REFUSED, message)

    def _on(self, action: Action) -> Outcome | Hidden:
        described, now = self._look_at(action), self.how.clock()
        if described is None or described.status != "InService":
            return self._not_there(action, described)
        if described.created > action.created + SAME_START:
            return Outcome(Result.CALLED_OFF, "somebody has started it again since it was decided")
        until = hidden_until(described.last_user_activity, described.last_health_check, now)
        if until is not None and action.verdict == "Stop" and not self.how.again:
            return Hidden(until)
        tags = self._tags_of(action, described)
        around = self.tags.around(action) if action.verdict == "Stop" else tags_as_decided(action)
        fresh = self._decide_anew(action, _seen(action, described, tags, around, self.tags.place.account_tags))
        fresh = confirm(fresh, described.last_user_activity, described.last_health_check, now, self.how.policy)
        if fresh.verdict.value != action.verdict or not _is_same_period(action, fresh):
            return self._call_off(action, fresh, described, read_time(tags.get(NOTICE_TAG, "")))
        return self._stop(action, described, fresh) if action.verdict == "Stop" else self._notice(action, described, fresh)

    def _look_at(self, action: Action) -> DescribedApp | None:
        """By DescribeApp, before each stop; before a notice where one look more is wanted, or it can have been written already. So late in a run that
        the notice is not dated as of it, a notice on an app that somebody has started again would hold."""
        late = self.how.clock() - self.how.as_of > BACKDATED_AT_MOST
        if self.how.attempt or late or action.arn is None or not _needs_no_look(action):
            return describe_app(self.tags.sagemaker, _name(action))
        return DescribedApp(arn=action.arn, status="InService", created=action.created, last_user_activity=None, last_health_check=None)

    def _stop(self, action: Action, described: DescribedApp, fresh: Decision) -> Outcome:
        """The role may not delete what says that it is in use: somebody came back since it was looked at, a moment ago. After a second look the call
        that would tell so is one more than an app may cost: it is told as denied."""
        try:
            deletion = delete_app(self.tags.sagemaker, _name(action))
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException" or self.how.again or not self._is_in_use(described.arn):
                raise
            return Outcome(Result.CALLED_OFF, "somebody came back as it was to be stopped")
        if deletion is Deletion.BEGUN:
            return Outcome(Result.STOPPED, fresh.message)
        return Outcome(Result.ALREADY_GONE if deletion is Deletion.GONE else Result.IN_USE, deletion.value)

    def _is_in_use(self, arn: str) -> bool:
        """By its tag now. Where that is not answered, what is told is why it was asked."""
        try:
            report = read_report(read_tags(self.tags.sagemaker, arn).get(ACTIVITY_TAG, ""))
        except (ClientError, BotoCoreError):
            return False
        return report is not None and report.idle_since is None

    def _notice(self, action: Action, described: DescribedApp, fresh: Decision) -> Outcome:
        dated = self.how.dated(self.how.clock())
        try:
            add_tags(self.tags.sagemaker, described.arn, {NOTICE_TAG: time_text(dated)})
        except ClientError as error:
            found = describe_app(self.tags.sagemaker, _name(action)) if error.response["Error"]["Code"] in NOT_THERE else described
            if found is not None and found.status == "InService":
                raise
            return self._not_there(action, found)
        self.tags.wrote(described.arn, time_text(dated))
        return Outcome(Result.NOTICED, fresh.message, dated)

    def _not_there(self, action: Action, described: DescribedApp | None) -> Outcome:
        status = described.status if described else "gone"
        if self.how.attempt and not self.how.again and action.verdict == "Stop" and status in ("gone", "Deleted", "Deleting"):
            return Outcome(Result.STOPPED, "an earlier try of this batch stopped it")
        return Outcome(Result.ALREADY_GONE if status in ("gone", "Deleted") else Result.NOT_IN_SERVICE, f"it is {status}")

    def _tags_of(self, action: Action, described: DescribedApp) -> Tags:
        """Its own tags: before a stop as they are now. For a notice those that were read when it was decided are enough, since it harms nobody; only
        an earlier try of its batch is not to be noticed twice."""
        if action.verdict == "Notice" and not self.how.attempt and Where.APP in action.tags:
            return action.tags[Where.APP]
        return self.tags.of_app(action, described.arn) if action.verdict == "Stop" else read_tags(self.tags.sagemaker, described.arn)

    def _decide_anew(self, action: Action, app: AppSeen) -> Decision:
        """By all that can have changed since, the metric last of it."""
        metric = self._metric(action) if app.app_type == "Canvas" else {}
        policy, now = self.how.policy, self.how.clock()
        return decide(app, signals_of(app, canvas_idle(metric, *_canvas_user(action)), policy, now), policy, now)

    def _metric(self, action: Action) -> Mapping[CanvasUser, Unused]:
        """Of all that are to be stopped, or to be noticed, in one call; before a stop none that was asked for long ago."""
        now = self.how.clock()
        asked, found = self.measured.get(action.verdict, (None, {}))
        if asked is None or (action.verdict == "Stop" and now - asked > MEASURED_LATELY):
            alike = [one for one in self.tags.place.actions if (one.app_type, one.verdict) == ("Canvas", action.verdict)]
            found = canvas_unused(self.session.client("cloudwatch"), map(_canvas_user, alike), now)
            self.measured[action.verdict] = now, found
        return found

    def _call_off(self, action: Action, fresh: Decision, described: DescribedApp, noticed: datetime | None) -> Outcome:
        """A visit that only DescribeApp knows of is overwritten by the next health check. So that a notice from before it does not lead to a stop
        later, it is made void; any other use leaves a trace of its own, which does that."""
        if action.verdict == "Notice" and self.how.attempt and fresh.reason is Reason.IN_GRACE and noticed and noticed >= self._earliest:
            return Outcome(Result.NOTICED, "an earlier try of this batch noticed it", noticed)
        if action.verdict == "Stop" and fresh.reason is Reason.USER_ACTIVITY:
            add_tags(self.tags.sagemaker, described.arn, {NOTICE_TAG: CALLED_OFF})
        result = Result.HELD if fresh.reason in (Reason.QUIET_HOURS, Reason.JUST_CHECKED) else Result.CALLED_OFF
        return Outcome(result, f"now {fresh.verdict}: {fresh.message}")

    @property
    def _earliest(self) -> datetime:
        """No notice of this run is dated before."""
        return self.how.as_of.replace(microsecond=0)


def not_tried(place: ActionPlace, trouble: Trouble, now: datetime) -> Acted:
    """Of a place that could not be looked at: each action has its line, too. That there was no time is no trouble: the next run goes on."""
    result = Result.LEFT if trouble.error == NO_TIME else Result.REFUSED
    message = f"{trouble.error}: {trouble.message}"
    lines = tuple(_line(action, result, message, now) for action in place.actions)
    return Acted(done=lines, troubles=() if result is Result.LEFT else (trouble,))


def _seen(action: Action, described: DescribedApp, tags: Tags, around: Mapping[Where, Tags], account_tags: Tags) -> AppSeen:
    """What does not change while an app runs is as it was, and kept it not. So native idle shutdown is not asked again: that the idle period is still
    the same says more (`_is_same_period`)."""
    return AppSeen(
        domain_id=action.domain_id,
        app_type=action.app_type,
        app_name=action.app_name,
        created=described.created,
        status=described.status,
        user_profile_name=action.user_profile_name,
        space_name=action.space_name,
        instance_type=action.instance_type,
        tags=tags,
        space_tags=around.get(Where.SPACE, NONE),
        profile_tags=around.get(Where.PROFILE, NONE),
        domain_tags=around.get(Where.DOMAIN, NONE),
        account_tags=account_tags,
    )


def _in_order(actions: Sequence[Action]) -> Iterator[Action]:
    """Stops before what can wait; but before some of them some notices each, which show how good GetResources is just then (`TagsBeforeStops`)."""
    stops = [action for action in actions if action.verdict == "Stop"]
    first = iter([action for action in actions if _needs_no_look(action)])
    for begin in range(0, len(stops), AT_ONCE):
        yield from islice(first, WITNESSES)
        yield from stops[begin : begin + AT_ONCE]
    yield from first
    yield from (action for action in actions if action.verdict == "Notice" and not _needs_no_look(action))


def _needs_no_look(action: Action) -> bool:
    """A notice by what its reporter says, under an ARN that GetResources has said: it harms nobody, and before the stop DescribeApp is asked. After a
    notice that was called off, since only DescribeApp had known of somebody, it is asked before the next one."""
    own = action.tags.get(Where.APP, NONE)
    return action.verdict == "Notice" and action.arn is not None and ACTIVITY_TAG in own and own.get(NOTICE_TAG) != CALLED_OFF


def _is_same_period(action: Action, fresh: Decision) -> bool:
    """Nobody was there since it was decided."""
    return action.idle_since is None or fresh.idle_since is None or fresh.idle_since <= action.idle_since + SKEW


def _line(action: Action, result: Result, message: str, at: datetime) -> Done:
    return Done(**{**dict(action), "message": message[:LONGEST_LINE]}, result=result, at=at)


def _canvas_user(action: Action) -> CanvasUser:
    return action.domain_id, action.user_profile_name or ""


def _name(action: Action) -> dict[str, Any]:
    return app_name(action.domain_id, action.user_profile_name, action.space_name, action.app_type, action.app_name)
