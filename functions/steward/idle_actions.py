"""Apps that were decided on are looked at once more, each just before it is noticed or stopped; and whatever comes of it is a line of the result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from steward.errors import OutOfTime
from steward.idle_evidence import NONE, Tags, canvas_idle, paths_around
from steward.idle_sweeps import MOST_ACTIONS_OF_A_PLACE, Acted, Action, ActionPlace, Done, Result
from steward.resources.apps import Deletion, DescribedApp, app_name, delete_app, describe_app
from steward.resources.canvas import canvas_unused
from steward.resources.clients import MemberSession
from steward.resources.tags import add_tags, path_of, read_tags, read_tags_of
from steward.rules.activity import NOTICE_TAG, SKEW, read_time, time_text
from steward.rules.idle import AppSeen, Decision, Reason, confirm, decide, signals_of
from steward.rules.idle_policy import IdlePolicy
from steward.rules.idle_policy import Place as Where
from steward.rules.troubles import NO_TIME
from steward.sweeps import Trouble

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

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

Outcome = tuple[Result, str] | tuple[Result, str, datetime]
"""What became of an action, in words, and when, where that is not now."""


@dataclass(frozen=True)
class ActOnPlace:
    """`began` is when the run did, and `attempt` 0 at the first try of its batch. `clock` tells the time of each look."""

    policy: IdlePolicy
    held: bool
    began: datetime
    attempt: int
    clock: Callable[[], datetime]

    @property
    def since(self) -> datetime:
        """The earliest that a notice of this run can be dated."""
        return self.began.replace(microsecond=0)

    def notice_time(self) -> datetime:
        """What a notice is dated that is written now: as of the run, seconds or minutes ago, so that a grace of two hours is over when the second
        hourly sweep after it looks, and not just not yet (docs/decisions/0021). A run that goes on later, redriven, takes nobody's grace away."""
        now = self.clock().replace(microsecond=0)
        return self.since if now - self.since <= SKEW else now

    def at(self, place: ActionPlace, session: MemberSession) -> Acted:
        """Each action with its result, stops first: what a notice is for can wait. Raises nothing once the first app was asked for."""
        ordered = sorted(place.actions, key=lambda action: action.verdict != "Stop")
        if self.held:
            return Acted(done=tuple(self._done(action, (Result.HELD, "a brake was pulled since it was decided")) for action in ordered))
        acting = Acting(self, session, read_around(place, session))
        acted = ordered[:MOST_ACTIONS_OF_A_PLACE]
        left = (Result.LEFT, f"more than {MOST_ACTIONS_OF_A_PLACE} in one account and Region: it is the next run's")
        return Acted(
            done=(*(self._done(action, acting.on(action)) for action in acted), *(self._done(action, left) for action in ordered[len(acted) :]))
        )

    def _done(self, action: Action, outcome: Outcome) -> Done:
        result, message, *when = outcome
        return _line(action, result, message, when[0] if when else self.clock())


@dataclass(frozen=True)
class Around:
    """The tags of what apps belong to, as they are now, for stops: nobody's exception is overlooked because it came late. For notices those that were
    read when it was decided are enough."""

    place: ActionPlace
    sagemaker: "SageMakerClient"
    fresh: Mapping[str, Tags]
    _asked: dict[str, Tags] = field(default_factory=dict)

    def of(self, action: Action) -> dict[Where, Tags]:
        """What GetResources does not know any more says what it said before; where it never knew anything of such a type, SageMaker is asked."""
        paths, before = _paths(action), action.tags
        if action.verdict == "Notice":
            return {where: before.get(where, NONE) for where in paths}
        return {where: self.fresh.get(path, before[where]) if where in before else self._ask(path) for where, path in paths.items()}

    def _ask(self, path: str) -> Tags:
        if path not in self._asked:
            self._asked[path] = read_tags(self.sagemaker, _arn(self.place, self.sagemaker, path))
        return self._asked[path]


def read_around(place: ActionPlace, session: MemberSession) -> Around:
    """A call for a hundred of those whose types GetResources knows, if anything is to be stopped."""
    sagemaker: SageMakerClient = session.client("sagemaker")
    stops = [action for action in place.actions if action.verdict == "Stop"]
    paths = dict.fromkeys(path for action in stops for where, path in _paths(action).items() if where in action.tags)
    arns = [_arn(place, sagemaker, path) for path in paths]
    known = read_tags_of(session.client("resourcegroupstaggingapi"), arns)
    return Around(place, sagemaker, {path_of(arn): tags for arn, tags in known.items()})


@dataclass(frozen=True)
class Acting:
    """On one app after the other. `closed`: why nothing more can be done there."""

    how: ActOnPlace
    session: MemberSession
    around: Around
    closed: list[str] = field(default_factory=list)

    def on(self, action: Action) -> Outcome:
        """Whatever becomes of it. What is neither AWS's answer nor the way to it is a fault of ours: it ends the batch, and is seen."""
        if self.closed:
            return Result.REFUSED, self.closed[0]
        try:
            return self._on(action)
        except OutOfTime as error:
            return Result.LEFT, str(error)
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            message = f"{code}: {error}"
            if code in CLOSED:
                self.closed.append(message)
            return Result.REFUSED, message

    def _on(self, action: Action) -> Outcome:
        described = describe_app(self.around.sagemaker, _name(action))
        if described is None or described.status != "InService":
            return self._not_there(action, described)
        around, tags = self.around.of(action), read_tags(self.around.sagemaker, described.arn)
        fresh = self._decide_anew(_seen(action, described, tags, around, self.around.place.account_tags), described)
        if fresh.verdict.value != action.verdict or not _is_same_period(action, fresh):
            return self._called_off(action, fresh, read_time(tags.get(NOTICE_TAG, "")))
        if action.verdict == "Stop":
            return _stop(self.around.sagemaker, action, fresh)
        noticed = self.how.notice_time()
        add_tags(self.around.sagemaker, described.arn, {NOTICE_TAG: time_text(noticed)})
        return Result.NOTICED, fresh.message, noticed

    def _not_there(self, action: Action, described: DescribedApp | None) -> Outcome:
        status = described.status if described else "gone"
        if self.how.attempt and action.verdict == "Stop" and status in ("gone", "Deleted", "Deleting"):
            return Result.STOPPED, "an earlier try of this batch stopped it"
        return (Result.ALREADY_GONE if status in ("gone", "Deleted") else Result.NOT_IN_SERVICE), f"it is {status}"

    def _decide_anew(self, app: AppSeen, described: DescribedApp) -> Decision:
        """By all that can have changed since, the metric last of it."""
        user = (app.domain_id, app.user_profile_name or "")
        metric = canvas_unused(self.session.client("cloudwatch"), [user], self.how.clock()) if app.app_type == "Canvas" else {}
        policy, now = self.how.policy, self.how.clock()
        decision = decide(app, signals_of(app, canvas_idle(metric, *user), policy, now), policy, now)
        return confirm(decision, described.last_user_activity, described.last_health_check, now, policy)

    def _called_off(self, action: Action, fresh: Decision, noticed: datetime | None) -> Outcome:
        if action.verdict == "Notice" and fresh.reason is Reason.IN_GRACE and noticed and noticed >= self.how.since:
            return Result.NOTICED, "an earlier try of this batch noticed it", noticed
        result = Result.HELD if fresh.reason is Reason.QUIET_HOURS else Result.CALLED_OFF
        return result, f"now {fresh.verdict}: {fresh.message}"


def not_tried(place: ActionPlace, trouble: Trouble, now: datetime) -> Acted:
    """Of a place that could not be looked at: each action has its line, too."""
    result = Result.LEFT if trouble.error == NO_TIME else Result.REFUSED
    message = f"{trouble.error}: {trouble.message}"
    return Acted(done=tuple(_line(action, result, message, now) for action in place.actions), troubles=(trouble,))


def _stop(sagemaker: "SageMakerClient", action: Action, fresh: Decision) -> Outcome:
    deletion = delete_app(sagemaker, _name(action))
    if deletion is Deletion.BEGUN:
        return Result.STOPPED, fresh.message
    return (Result.ALREADY_GONE if deletion is Deletion.GONE else Result.IN_USE), deletion.value


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


def _is_same_period(action: Action, fresh: Decision) -> bool:
    """Nobody was there since it was decided."""
    return action.idle_since is None or fresh.idle_since is None or fresh.idle_since <= action.idle_since + SKEW


def _line(action: Action, result: Result, message: str, at: datetime) -> Done:
    return Done(**{**dict(action), "message": message[:LONGEST_LINE]}, result=result, at=at)


def _name(action: Action) -> dict[str, Any]:
    return app_name(action.domain_id, action.user_profile_name, action.space_name, action.app_type, action.app_name)


def _paths(action: Action) -> dict[Where, str]:
    return paths_around(action.domain_id, action.space_name, action.owner_profile_name)


def _arn(place: ActionPlace, sagemaker: "SageMakerClient", path: str) -> str:
    return f"arn:{sagemaker.meta.partition}:sagemaker:{place.region}:{place.account_id}:{path}"
