"""What a step is asked to look after: one user profile, one space, a domain or an account, and the event that led to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, model_validator

from steward.resources.profiles import UserProfile, describe_user_profile
from steward.resources.spaces import Space, describe_space

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True)
class Ends:
    """The outcomes that say which kind of thing it was."""

    tagged: str
    gone: str
    failed: str


PROFILE_ENDS = Ends("ProfileTagged", "ProfileGone", "ProfileFailed")
SPACE_ENDS = Ends("SpaceTagged", "SpaceGone", "SpaceFailed")


class DomainTarget(BaseModel):
    """One domain, and the event that led to it. `writer` is who updated it, where that is what happened."""

    account_id: str
    region: str
    domain_id: str
    event_id: str
    event_time: str
    writer: str | None = None


class Target(BaseModel):
    """A user profile or a space: one of the two names is given.

    The event's id names our session in the member account, so that its CloudTrail leads back to the execution. `writer` is who changed the tags,
    or updated the profile, where that is what happened.
    """

    account_id: str
    region: str
    domain_id: str
    user_profile_name: str | None = None
    space_name: str | None = None
    event_id: str
    event_time: str
    writer: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if bool(self.user_profile_name) == bool(self.space_name):
            raise ValueError("either user_profile_name or space_name is to be given")
        return self

    @property
    def ends(self) -> Ends:
        return SPACE_ENDS if self.space_name else PROFILE_ENDS

    def describe(self, sagemaker: "SageMakerClient") -> UserProfile | Space | None:
        """As SageMaker knows it now, or None where it is gone."""
        if self.space_name:
            return describe_space(sagemaker, self.domain_id, self.space_name)
        return describe_user_profile(sagemaker, self.domain_id, self.user_profile_name or "")


class TemplateScope(BaseModel):
    """Whose access to project templates: a user profile's, a domain's, or all in one account and Region.

    The event's id names our session in the member account. `something_was_done` by this execution already: at first, the portfolio was enabled.
    """

    account_id: str
    region: str
    domain_id: str | None = None
    user_profile_name: str | None = None
    event_id: str
    event_time: str | None = None
    something_was_done: bool = False

    @model_validator(mode="after")
    def _is_within_a_domain(self) -> Self:
        if self.user_profile_name and not self.domain_id:
            raise ValueError("a user profile is to be given with its domain")
        return self
