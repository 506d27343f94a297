"""What domains, user profiles and spaces of SageMaker Studio have in common: the stages of their lives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypedDict

from botocore.exceptions import ClientError

PAGE = 100
"""The most that a page of SageMaker's lists has; without it AWS gives ten."""


class OfDomain(TypedDict, total=False):
    """What narrows a list to one domain, as ListUserProfiles and ListSpaces have it."""

    DomainIdEquals: str


class Stage(Enum):
    """What SageMaker's seven statuses come to for somebody who wants to work on a domain, a profile or a space."""

    COMING = "Pending or Updating: ask again"
    USABLE = "InService, or Update_Failed: it works on with the settings from before"
    LEAVING = "Deleting"
    BROKEN = "Failed or Delete_Failed"


STAGES = {
    "Pending": Stage.COMING,
    "Updating": Stage.COMING,
    "InService": Stage.USABLE,
    "Update_Failed": Stage.USABLE,
    "Deleting": Stage.LEAVING,
}


@dataclass(frozen=True, kw_only=True)
class StudioResource:
    """A domain, a user profile or a space. `failure_reason` is there where SageMaker gave one."""

    arn: str
    name: str
    status: str
    failure_reason: str | None

    @property
    def stage(self) -> Stage:
        return STAGES.get(self.status, Stage.BROKEN)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A user profile or a space as a list has it: without its ARN and its settings. `last_modified` moves whenever its settings or its status do."""

    domain_id: str
    name: str
    status: str
    last_modified: datetime

    @property
    def stage(self) -> Stage:
        return STAGES.get(self.status, Stage.BROKEN)


def went_meanwhile(error: ClientError, describe: Callable[[], StudioResource | None]) -> bool:
    """Did a call fail because what it was about is gone? The API's model names no error for that on calls for tags, and both of these are seen
    (https://github.com/aws/amazon-sagemaker-feedback/issues/108), so it is looked at once more."""
    if error.response["Error"]["Code"] not in {"ResourceNotFound", "ValidationException"}:
        return False
    resource = describe()
    return resource is None or resource.stage is Stage.LEAVING
