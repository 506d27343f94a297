"""Tags just before stops: those of the apps, and of what they belong to, several a call where that is as good as asking for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.idle_evidence import NONE, Tags, arns_around, paths_around
from steward.idle_sweeps import Action, ActionPlace
from steward.resources.clients import MemberSession
from steward.resources.tags import NOT_THERE, path_of, read_tags, read_tags_of
from steward.rules.activity import NOTICE_TAG
from steward.rules.idle_policy import Place as Where

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

AT_ONCE, WITNESSES = 13, 3
"""Stops whose tags are read in one call, and notices that are written before them. With the ARNs of thirteen apps, and of the space, profile and
domain of each in both cases, and with nine notices, a call asks for a hundred at most."""

MOST_WITNESSES, WITNESSED_LATELY = 9, timedelta(seconds=10)
"""An older notice shows only that GetResources is no further behind than that."""

READ_LATELY = timedelta(seconds=5)
"""What was read is used for so long; in an account that answers slowly it is read again."""


@dataclass
class TagsBeforeStops:
    """Of apps as they were a moment ago, so that nobody is overlooked who came back late; of what they belong to as they were since the first of them
    was stopped.

    AWS does not say how far GetResources is behind what is written. So of apps it is believed only where it shows each of the notices that were
    written there just before. Where there are none, or it once showed one not (`is_behind`), each app is asked for by itself.
    """

    place: ActionPlace
    session: MemberSession
    clock: Callable[[], datetime]
    is_behind: bool = False
    _written: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _is_witnessed: bool = False
    _known: dict[str, Tags] = field(default_factory=dict)
    _read_for: frozenset[tuple[str, ...]] = frozenset()
    _read_at: datetime | None = None
    _asked: dict[str, Tags] = field(default_factory=dict)

    @property
    def sagemaker(self) -> "SageMakerClient":
        client: SageMakerClient = self.session.client("sagemaker")
        return client

    def wrote(self, arn: str, notice: str) -> None:
        """A notice, just now: GetResources is to show it."""
        self._written[arn] = notice, self.clock()

    def of_app(self, action: Action, arn: str) -> Tags:
        """Its own. Of Canvas, of whose use they say nothing, GetResources is believed without witnesses, where it was not seen to be behind."""
        self._read(action)
        believed = self._is_witnessed or (action.app_type == "Canvas" and not self.is_behind and self._is_recent(self.clock()))
        known = self._known.get(path_of(arn)) if believed else None
        return read_tags(self.sagemaker, arn) if known is None else known

    def around(self, action: Action) -> dict[Where, Tags]:
        """What GetResources does not know any more says what it said before; where it never knew anything of it, SageMaker is asked."""
        self._read(action)
        before, both = action.tags, self._arns_around(action)
        return {
            where: self._known.get(path, before[where]) if where in before else self._ask(path, both[where]) for where, path in _paths(action).items()
        }

    def _read(self, action: Action) -> None:
        """Of this stop and those that follow it, where it was not among those before: with witnesses a few, of a moment ago; without them all that
        are left, a hundred ARNs a call."""
        now = self.clock()
        witnesses = self._witnesses(now)
        if action.key in self._read_for and (self._is_recent(now) if self._is_witnessed else not witnesses):
            return
        stops = [one for one in self.place.actions if one.verdict == "Stop"]
        first = stops.index(action)
        batch = stops[first : first + AT_ONCE] if witnesses else stops[first:]
        arns = dict.fromkeys(chain(witnesses, *(self._arns(one, own=bool(witnesses) or one.app_type == "Canvas") for one in batch)))
        known = read_tags_of(self.session.client("resourcegroupstaggingapi"), list(arns))
        shown = [known.get(arn, NONE).get(NOTICE_TAG) == notice for arn, notice in witnesses.items()]
        self._known = {path_of(arn): tags for arn, tags in known.items()}
        self._read_for, self._read_at = frozenset(one.key for one in batch), now
        self.is_behind = self.is_behind or not all(shown)
        self._is_witnessed = bool(witnesses) and not self.is_behind

    def _is_recent(self, now: datetime) -> bool:
        return self._read_at is not None and now - self._read_at < READ_LATELY

    def _witnesses(self, now: datetime) -> dict[str, str]:
        """The last notices, by ARN."""
        young = {arn: notice for arn, (notice, at) in self._written.items() if now - at < WITNESSED_LATELY}
        return {} if self.is_behind else dict([*young.items()][-MOST_WITNESSES:])

    def _ask(self, path: str, arns: Sequence[str]) -> Tags:
        """By the first of these ARNs that SageMaker knows."""
        if path not in self._asked:
            self._asked[path] = self._tags_of_first(arns)
        return self._asked[path]

    def _tags_of_first(self, arns: Sequence[str]) -> Tags:
        first, *others = arns
        try:
            return read_tags(self.sagemaker, first)
        except ClientError as error:
            if not others or error.response["Error"]["Code"] not in NOT_THERE:
                raise
        return self._tags_of_first(others)

    def _arns(self, action: Action, *, own: bool) -> Iterator[str]:
        if own and action.arn:
            yield action.arn
        for where, both in self._arns_around(action).items():
            if where in action.tags:
                yield from both

    def _arns_around(self, action: Action) -> dict[Where, tuple[str, ...]]:
        prefix = f"arn:{self.sagemaker.meta.partition}:sagemaker:{self.place.region}:{self.place.account_id}"
        return arns_around(prefix, action.domain_id, action.space_name, action.owner_profile_name)


def tags_as_decided(action: Action) -> Mapping[Where, Tags]:
    """For a notice what was read when it was decided is enough."""
    return {where: action.tags.get(where, NONE) for where in _paths(action)}


def _paths(action: Action) -> dict[Where, str]:
    return paths_around(action.domain_id, action.space_name, action.owner_profile_name)
