"""The events that start our workflows, each parsed once, here, into a small flat model. After this no dictionary of an event goes any further.

The names of CloudTrail's fields follow its rule (the API's names, first letter lower-cased): no public raw record of these calls was found, so
what we need is required and the rest is not looked at. `account` and `region` are taken from the envelope, which EventBridge fills, and never
from `detail`, in which stands what a caller wrote: an ARN there must be of the envelope's account and Region.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    computed_field,
    model_validator,
)

from steward.errors import EventUnreadable

ACCOUNT = r"[0-9]{12}"
REGION = r"[a-z]{2}(-[a-z]+)+-[0-9]"
DOMAIN_ID = r"d-(-*[a-z0-9]){1,61}"
NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
"""Of a user profile or a space. This and the id of a domain as SageMaker's API reference has them, with no more than 63 characters."""


TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
"""As CloudTrail and EventBridge Scheduler write it."""


def _is_a_time(text: str) -> str:
    datetime.fromisoformat(text)  # its ValueError makes the event unreadable
    return text


def _is_written_as_a_time(value: Any) -> Any:
    """pydantic would take a number, and a text of digits, for seconds since 1970."""
    if not isinstance(value, str) or not re.fullmatch(TIME, value, re.ASCII):
        raise ValueError("it is not written like 2026-11-22T10:00:00Z")
    return value


DomainId = Annotated[str, StringConstraints(pattern=f"^{DOMAIN_ID}$", max_length=63)]
StudioName = Annotated[str, StringConstraints(pattern=f"^{NAME}$", max_length=63)]
EventTime = Annotated[str, StringConstraints(pattern=f"^{TIME}$"), AfterValidator(_is_a_time)]
Writer = Annotated[
    str,
    StringConstraints(pattern=r"^[ -~]{1,512}$"),
    Field(
        validation_alias=AliasChoices(
            AliasPath("detail", "userIdentity", "sessionContext", "sessionIssuer", "arn"),
            AliasPath("detail", "userIdentity", "arn"),
            AliasPath("detail", "userIdentity", "invokedBy"),
        )
    ),
]
"""Who made a call that something of ours may have been changed by: the role they had, else they themselves, else the service."""

UNKNOWN = "unknown"


class LifecycleEvent(BaseModel):
    """What all have: where it happened, when, and CloudTrail's id of it, by which a repeated delivery is known.

    EventBridge writes `replay-name` into an event that it replays from an archive. All lengths are bounded: an execution's input has 256 KiB at most.
    """

    model_config = ConfigDict(frozen=True)

    verb: ClassVar[str]

    account_id: str = Field(validation_alias="account", pattern=f"^{ACCOUNT}$")
    region: str = Field(validation_alias="region", pattern=f"^{REGION}$", max_length=32)
    event_id: str = Field(validation_alias=AliasPath("detail", "eventID"), pattern=r"^[0-9A-Za-z-]{1,64}$")
    event_time: EventTime = Field(validation_alias=AliasPath("detail", "eventTime"))
    replay_name: str | None = Field(default=None, validation_alias="replay-name", max_length=64)

    @property
    def subject(self) -> str:
        """Whom it is about, in one word for people: it stands in the execution's name."""
        raise NotImplementedError


class UserProfileCreated(LifecycleEvent):
    """A user profile was asked for. It is `Pending` when this event is written."""

    verb = "profile-created"

    domain_id: DomainId = Field(validation_alias=AliasPath("detail", "requestParameters", "domainId"))
    user_profile_name: StudioName = Field(validation_alias=AliasPath("detail", "requestParameters", "userProfileName"))

    @property
    def subject(self) -> str:
        return self.user_profile_name


class UserProfileUpdated(UserProfileCreated):
    """A user profile's settings are being changed. It is `Updating` when this event is written.

    Whoever sets profiles back by code updates them and writes their tags in one go: the correction may come of either event, and counts for both.
    """

    verb = "profile-updated"

    writer: Writer = UNKNOWN


class UserProfileDeleted(UserProfileCreated):
    """A user profile is to be deleted. It is `Deleting`, or gone, when this event is written."""

    verb = "profile-deleted"


class DomainDeleted(LifecycleEvent):
    """A domain is to be deleted, with all that was in it."""

    verb = "domain-deleted"

    domain_id: DomainId = Field(validation_alias=AliasPath("detail", "requestParameters", "domainId"))

    @property
    def subject(self) -> str:
        return self.domain_id


class DomainCreated(LifecycleEvent):
    """A domain was asked for. It is `Pending` when this event is written, and its id stands in the answer only."""

    verb = "domain-created"

    domain_arn: str = Field(
        validation_alias=AliasPath("detail", "responseElements", "domainArn"),
        pattern=f"^arn:aws[a-z-]*:sagemaker:{REGION}:{ACCOUNT}:domain/{DOMAIN_ID}$",
        max_length=256,
        exclude=True,
    )

    @model_validator(mode="after")
    def _is_where_it_was_seen(self) -> Self:
        if self.domain_arn.split(":")[3:5] != [self.region, self.account_id]:
            raise ValueError("the domain is of another account or Region than the event")
        if len(self.domain_id) > 63:
            raise ValueError("the id in the domain's ARN is longer than SageMaker allows")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def domain_id(self) -> str:
        return self.domain_arn.split("/")[1]

    @property
    def subject(self) -> str:
        return self.domain_id


class DomainUpdated(LifecycleEvent):
    """A domain's settings are being changed. It is `Updating` when this event is written."""

    verb = "domain-updated"

    domain_id: DomainId = Field(validation_alias=AliasPath("detail", "requestParameters", "domainId"))
    writer: Writer = UNKNOWN

    @property
    def subject(self) -> str:
        return self.domain_id


class SpaceCreated(LifecycleEvent):
    """A space was asked for. It is `Pending` when this event is written."""

    verb = "space-created"

    domain_id: DomainId = Field(validation_alias=AliasPath("detail", "requestParameters", "domainId"))
    space_name: StudioName = Field(validation_alias=AliasPath("detail", "requestParameters", "spaceName"))

    @property
    def subject(self) -> str:
        return self.space_name


class TagsChanged(LifecycleEvent):
    """Somebody added or removed tags of a user profile or a space."""

    verb = "tags-changed"

    resource_arn: str = Field(
        validation_alias=AliasPath("detail", "requestParameters", "resourceArn"),
        pattern=f"^arn:aws[a-z-]*:sagemaker:{REGION}:{ACCOUNT}:(user-profile|space)/{DOMAIN_ID}/{NAME}$",
        max_length=256,
        exclude=True,
    )
    writer: Writer = UNKNOWN

    @model_validator(mode="after")
    def _is_where_it_was_seen(self) -> Self:
        if self.resource_arn.split(":")[3:5] != [self.region, self.account_id]:
            raise ValueError("the resource is of another account or Region than the event")
        if max(len(self.domain_id), len(self.subject)) > 63:
            raise ValueError("a name in the resource's ARN is longer than SageMaker allows")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def domain_id(self) -> str:
        return self.resource_arn.split("/")[1]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def user_profile_name(self) -> str | None:
        return self.subject if ":user-profile/" in self.resource_arn else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def space_name(self) -> str | None:
        return self.subject if ":space/" in self.resource_arn else None

    @property
    def subject(self) -> str:
        return self.resource_arn.split("/")[2]


class ScheduleFired(BaseModel):
    """A schedule of ours came due. EventBridge Scheduler writes the `time` for which it fires, ``<aws.scheduler.scheduled-time>``."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    time: Annotated[AwareDatetime, BeforeValidator(_is_written_as_a_time)]


CLOUDTRAIL_EVENTS: Mapping[tuple[str, str], type[LifecycleEvent]] = {
    ("sagemaker.amazonaws.com", "CreateUserProfile"): UserProfileCreated,
    ("sagemaker.amazonaws.com", "UpdateUserProfile"): UserProfileUpdated,
    ("sagemaker.amazonaws.com", "DeleteUserProfile"): UserProfileDeleted,
    ("sagemaker.amazonaws.com", "DeleteDomain"): DomainDeleted,
    ("sagemaker.amazonaws.com", "CreateSpace"): SpaceCreated,
    ("sagemaker.amazonaws.com", "CreateDomain"): DomainCreated,
    ("sagemaker.amazonaws.com", "UpdateDomain"): DomainUpdated,
    ("sagemaker.amazonaws.com", "AddTags"): TagsChanged,
    ("sagemaker.amazonaws.com", "DeleteTags"): TagsChanged,
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
    return ", ".join(".".join(map(str, fault["loc"])) or str(fault["msg"]) for fault in error.errors())
