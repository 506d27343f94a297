"""What the steps of idle_app_shutdown hand on: what was decided of apps, what is to be done to them, and what came of it.

DecideOnApps answers `Decided` for its batch, GatherDecisions makes items of the actions, StopIdleApps is handed them and answers `Acted`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from steward.changes import Finding
from steward.sweeps import Common, Place, Trouble, packed, unpacked, within

WORKFLOW = "idle_app_shutdown"

MOST_ACTIONS_OF_A_PLACE = 60
"""Apps that are noticed or stopped in one account and Region in one run: at one request a second, and four for an app, four minutes."""

BYTES_OF_A_PLACE = 180_000
"""What all actions of one may have as JSON, however long names and tags are: what a child is handed has 262,144 bytes at most, and one item too large
would end the Map for all."""

BYTES_OF_ACTIONS = 110_000
"""What a child answers has 262,144 bytes at most, and findings have their part of it. Packed, an action has some 60."""

MOST_OWNERS = 20
"""Owners with the most idle hours that a batch, and a run, tells of."""


class Result(StrEnum):
    """What became of an action. The first four, and NOT_IN_SERVICE, are good ends."""

    STOPPED = "Stopped"  # AWS has taken DeleteApp
    NOTICED = "Noticed"  # AWS has taken the tag of the notice
    CALLED_OFF = "CalledOff"  # looked at again, it is not to be noticed or stopped any more
    ALREADY_GONE = "AlreadyGone"  # it, its space or its profile is not there any more
    NOT_IN_SERVICE = "NotInService"  # it is being deleted, or failed: nobody's work, and nothing to stop
    IN_USE = "InUse"  # AWS answered ResourceInUse
    REFUSED = "Refused"  # AWS answered anything else; `message` begins with its error code
    LEFT = "Left"  # no time was left to ask
    HELD = "Held"  # a brake was pulled, or quiet hours began, since it was decided; or health checks hid at both looks who types
    UNANSWERED = "Unanswered"  # the batch as a whole failed: whether it was done is not known (given by us, not by a child)


NOT_DONE = frozenset({Result.IN_USE, Result.REFUSED, Result.UNANSWERED})
"""What was to be done, and was not, or nobody knows. What was LEFT is for the next run, as what is beyond a cap."""


class Action(BaseModel):
    """An app that is to be noticed or stopped, and why. Where its place is held it only would be.

    It names its app as DeleteApp does: of `user_profile_name` and `space_name` one is given. `idle_since` is None where only its age says so.
    `instance_type` None: AWS does not say. `owner` is the person of the profile or of the space, as our tag or Studio says; empty where nobody does.
    `owner_profile_name` is the user profile that it, or its space, belongs to. `arn` is its own, where GetResources knows it. `tags`: what those of
    its space, user profile and domain said of idleness, by what they are of; of what is missing GetResources does not tell whether it has any.
    Of a notice its own are among them.
    """

    model_config = ConfigDict(frozen=True)

    account_id: str
    region: str
    domain_id: str
    app_type: str
    app_name: str
    user_profile_name: str | None = None
    space_name: str | None = None
    owner: str = ""
    owner_profile_name: str | None = None
    arn: str | None = None
    tags: Mapping[str, Mapping[str, str]] = {}
    instance_type: str | None = None
    created: datetime
    verdict: Literal["Notice", "Stop"]
    reason: str
    message: str = ""
    idle_since: datetime | None = None
    threshold_minutes: int | None = None

    @property
    def of(self) -> str:
        """Whose it is, as in its ARN: the name of the profile or of the space."""
        return self.user_profile_name or self.space_name or ""

    @property
    def key(self) -> tuple[str, ...]:
        """One app of one account and Region."""
        return (self.account_id, self.region, self.domain_id, self.of, self.app_type, self.app_name)


class Done(Action):
    """The same, when it was looked at again and acted on. `at` is when; `message` says what AWS answered, or why it was called off."""

    result: Result
    at: datetime


class IdleOwner(BaseModel):
    """How long apps of somebody have been idle that run now, by the evidence there is. Nobody's are under the empty name."""

    model_config = ConfigDict(frozen=True)

    owner: str
    account_id: str
    apps: int = 0
    idle_hours: float = 0.0


class Decided(BaseModel):
    """What DecideOnApps answers for its batch.

    `counts`: ``places``, ``domains``, ``apps`` (all that ListApps names, gone ones not), ``running``, ``keep``, ``notice``, ``stop``, ``unknown``
    (these four are of all running apps and add up to them), ``idle_hours`` rounded. `reasons`: ``"<Verdict>: <Reason>"`` → apps. `actions` are those
    of the verdicts Notice and Stop, held or not, stops first; `actions_left` had no room. They may come as text, by `packed`.
    """

    counts: dict[str, int] = {}
    reasons: dict[str, int] = {}
    actions: Annotated[tuple[Action, ...], BeforeValidator(unpacked)] = ()
    actions_left: int = 0
    findings_by_kind: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    owners: tuple[IdleOwner, ...] = ()

    def as_answer(self) -> dict[str, Any]:
        """Of a batch, within what Step Functions takes: actions are packed, findings and owners cut. What had no room is counted."""
        ordered = sorted(self.actions, key=by_urgency)
        kept, told = packed([_short(action) for action in ordered], BYTES_OF_ACTIONS)
        bounded = self.model_copy(
            update={
                "actions": (),
                "actions_left": self.actions_left + len(ordered) - kept,
                "findings": tuple(within(self.findings)),
                "owners": most_idle(self.owners),
            }
        )
        return {**bounded.model_dump(mode="json"), "actions": told}


def by_urgency(action: Action) -> tuple[Any, ...]:
    """What to sort by: stops first, then what has been idle longest, or runs longest where only its age counts; always the same for the same."""
    return (action.verdict != "Stop", action.idle_since or action.created, action.key)


def total_decided(parts: Iterable[Decided]) -> Decided:
    """Many as one. A finding that several have in common is one."""
    parts = list(parts)
    return Decided(
        counts=_sum(one.counts for one in parts),
        reasons=_sum(one.reasons for one in parts),
        actions=tuple(action for one in parts for action in one.actions),
        actions_left=sum(one.actions_left for one in parts),
        findings_by_kind=_sum(one.findings_by_kind for one in parts),
        findings=tuple(dict.fromkeys(finding for one in parts for finding in one.findings)),
        troubles=tuple(trouble for one in parts for trouble in one.troubles),
        owners=_add_up(owner for one in parts for owner in one.owners),
    )


class ActionPlace(Place):
    """An account in a Region and what is to be done there, MOST_ACTIONS_OF_A_PLACE at most. Such places are not held."""

    actions: tuple[Action, ...] = Field(min_length=1)


class IdleCommon(Common):
    """`time` is when the run began; `as_of` the time for which its schedule started it, where one did."""

    time: datetime
    as_of: datetime | None = None


class PlaceBatch(BaseModel):
    """What DecideOnApps is handed, as ItemBatcher makes it."""

    common: IdleCommon = Field(alias="BatchInput")
    items: tuple[Place, ...] = Field(alias="Items", min_length=1)


class ActionBatch(BaseModel):
    """What StopIdleApps is handed. `attempt` is 0 at the first try of a batch: at a later one an app that is going or gone, and was to be stopped was
    stopped by an earlier try whose answer was lost, and is to be told as Stopped."""

    common: IdleCommon = Field(alias="BatchInput")
    items: tuple[ActionPlace, ...] = Field(alias="Items", min_length=1)
    attempt: int = Field(default=0, alias="Attempt")


class Acted(BaseModel):
    """What StopIdleApps answers for its batch: each action with its result, and troubles of whole places, whose actions are in `done` as Refused or
    Left, too, so that none is without a line."""

    done: Annotated[tuple[Done, ...], BeforeValidator(unpacked)] = ()
    findings_by_kind: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    def as_answer(self) -> dict[str, Any]:
        """Within what Step Functions takes. 600 actions have room, packed; where they had none that is an error: each has its line, none is cut."""
        kept, told = packed([_short(one) for one in self.done], BYTES_OF_ACTIONS)
        if kept < len(self.done):
            raise ValueError(f"{len(self.done)} results do not fit into the answer of a batch")
        return {**self.model_copy(update={"done": (), "findings": tuple(within(self.findings))}).model_dump(mode="json"), "done": told}


def total_acted(parts: Iterable[Acted]) -> Acted:
    """Many as one."""
    parts = list(parts)
    return Acted(
        done=tuple(done for one in parts for done in one.done),
        findings_by_kind=_sum(one.findings_by_kind for one in parts),
        findings=tuple(dict.fromkeys(finding for one in parts for finding in one.findings)),
        troubles=tuple(trouble for one in parts for trouble in one.troubles),
    )


def most_idle(owners: Iterable[IdleOwner]) -> tuple[IdleOwner, ...]:
    """Those with the most idle hours, the most first."""
    return tuple(sorted(_add_up(owners), key=lambda one: (-one.idle_hours, one.account_id, one.owner))[:MOST_OWNERS])


def _add_up(owners: Iterable[IdleOwner]) -> tuple[IdleOwner, ...]:
    """Somebody in an account is one, in however many Regions."""
    sums: dict[tuple[str, str], IdleOwner] = {}
    for one in owners:
        before = sums.get((one.account_id, one.owner), IdleOwner(owner=one.owner, account_id=one.account_id))
        added = {"apps": before.apps + one.apps, "idle_hours": before.idle_hours + one.idle_hours}
        sums[one.account_id, one.owner] = before.model_copy(update=added)
    return tuple(sums.values())


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(one) for one in counts), Counter[str]()))


def _short(action: Action) -> dict[str, Any]:
    """Without what is not known: the models' defaults say the same."""
    return action.model_dump(mode="json", exclude_defaults=True)
