"""The events that start our workflows, each parsed once, here, into a small flat model. After this no dictionary of an event goes any further.

The names of CloudTrail's fields follow its rule (the API's names, first letter lower-cased): no public raw record of these calls was found, so
what we need is required and the rest is not looked at. `account` and `region` are taken from the envelope, which EventBridge fills, and never
from `detail`, in which stands what a caller wrote.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import AliasPath, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from steward.errors import EventUnreadable


class LifecycleEvent(BaseModel):
    """What all have: where it happened, when, and CloudTrail's id of it, by which a repeated delivery is known.

    EventBridge writes `replay-name` into an event that it replays from an archive. All lengths are bounded: an execution's input has 256 KiB at most.
    """

    model_config = ConfigDict(frozen=True)

    verb: ClassVar[str]

    account_id: str = Field(validation_alias="account", pattern=r"^[0-9]{12}$")
    region: str = Field(validation_alias="region", pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", max_length=32)
    event_id: str = Field(validation_alias=AliasPath("detail", "eventID"), min_length=1, max_length=64)
    event_time: str = Field(validation_alias=AliasPath("detail", "eventTime"), min_length=1, max_length=64)
    replay_name: str | None = Field(default=None, validation_alias="replay-name", max_length=64)

    @property
    def subject(self) -> str:
        """Whom it is about, in one word for people: it stands in the execution's name."""
        raise NotImplementedError


class UserProfileCreated(LifecycleEvent):
    """A user profile was asked for. It is `Pending` when this event is written."""

    verb = "profile-created"

    domain_id: str = Field(validation_alias=AliasPath("detail", "requestParameters", "domainId"), min_length=1, max_length=63)
    user_profile_name: str = Field(validation_alias=AliasPath("detail", "requestParameters", "userProfileName"), min_length=1, max_length=63)

    @property
    def subject(self) -> str:
        return self.user_profile_name


class ScheduleFired(BaseModel):
    """A schedule of ours came due. EventBridge Scheduler writes the `time` for which it fires, ``<aws.scheduler.scheduled-time>``."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    time: AwareDatetime


CLOUDTRAIL_EVENTS: Mapping[tuple[str, str], type[LifecycleEvent]] = {
    ("sagemaker.amazonaws.com", "CreateUserProfile"): UserProfileCreated,
}


def parse_lifecycle_event(event: Mapping[str, Any]) -> LifecycleEvent:
    """The model of a whole EventBridge event. Raises EventUnreadable, which names the fields at fault but not their values."""
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        raise EventUnreadable(f"the event {event.get('id')} has no detail")
    name = (str(detail.get("eventSource")), str(detail.get("eventName")))
    if name not in CLOUDTRAIL_EVENTS:
        raise EventUnreadable(f"the event {event.get('id')} is of a kind that nobody here knows: {name}")
    try:
        return CLOUDTRAIL_EVENTS[name].model_validate(event)
    except ValidationError as error:
        raise EventUnreadable(f"the event {event.get('id')} ({name[1]}) lacks, or spells in a way of its own: {_fields(error)}") from None


def parse_schedule(schedule: Mapping[str, Any]) -> ScheduleFired:
    """The model of ``{"name": …, "time": …}``. Raises EventUnreadable, as above."""
    try:
        return ScheduleFired.model_validate(schedule)
    except ValidationError as error:
        raise EventUnreadable(f"the message of a schedule lacks, or spells in a way of its own: {_fields(error)}") from None


def _fields(error: ValidationError) -> str:
    return ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
