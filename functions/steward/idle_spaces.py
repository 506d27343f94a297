"""Whose the spaces of an account and Region are. That does not change while a space is there: what one run has listed is remembered for the next."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AwareDatetime, BaseModel

from steward.errors import MemoryNotAtHand
from steward.resources.objects import find_json, put_json
from steward.resources.spaces import OwnedSpace, newest_spaces
from steward.sweeps import Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

HOLDS = timedelta(days=1)
"""So long a list is remembered; then all are listed anew, and those that went are forgotten."""

OVERLAP = timedelta(hours=1)
"""Spaces that were made so long before a list was read may be missing in it."""


class Remembered(BaseModel):
    """All spaces, as they were `listed` then."""

    listed: AwareDatetime
    spaces: tuple[OwnedSpace, ...]


@dataclass(frozen=True)
class SpaceMemory:
    """Where more than a page of them is, in the bucket of the runs."""

    s3: "S3Client"
    bucket: str

    def spaces(self, place: Place, sagemaker: "SageMakerClient", needed: Set[str], now: datetime) -> Mapping[str, OwnedSpace]:
        """By path. The newest first, until all that came since the list that is remembered are among them: a call, most often, and one for what is
        remembered. All, where something `needed` would be missing."""
        found, before, number = dict[str, OwnedSpace](), None, 0
        for number, (page, more) in enumerate(newest_spaces(sagemaker)):
            found |= _by_path(page)
            if more and number == 0:
                before = self._recall(place, now)
            if more and page and before and page[-1].created < before.listed - OVERLAP:
                known = _by_path(before.spaces) | found
                if needed <= known.keys():
                    return known
        if number:
            self._remember(place, found, now)
        return found

    def _recall(self, place: Place, now: datetime) -> Remembered | None:
        try:
            remembered = Remembered.model_validate(find_json(self.s3, self.bucket, _key(place)))
        except ValueError:  # nothing is there, or what another version wrote: it is written anew
            return None
        except (ClientError, BotoCoreError) as error:
            raise MemoryNotAtHand(f"{_key(place)} cannot be read: {error}") from error
        return remembered if now - remembered.listed < HOLDS else None

    def _remember(self, place: Place, spaces: Mapping[str, OwnedSpace], now: datetime) -> None:
        document = Remembered(listed=now, spaces=tuple(spaces.values())).model_dump(mode="json")
        try:
            put_json(self.s3, self.bucket, _key(place), document)
        except (ClientError, BotoCoreError) as error:
            raise MemoryNotAtHand(f"{_key(place)} cannot be written: {error}") from error


def _by_path(spaces: Iterable[OwnedSpace]) -> dict[str, OwnedSpace]:
    return {space_path(space.domain_id, space.name): space for space in spaces}


def space_path(domain_id: str, name: str) -> str:
    """As in `steward.resources.tags.path_of`."""
    return f"space/{domain_id}/{name}".lower()


def _key(place: Place) -> str:
    return f"spaces/{place.account_id}/{place.region}.json"
