"""Tags just before stops: those of the apps, and of what they belong to, a few apps a call where that is as good as asking for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from steward.idle_evidence import NONE, Tags, arns_around, paths_around
from steward.idle_sweeps import Action, ActionPlace
from steward.resources.clients import MemberSession
from steward.resources.tags import path_of, read_tags, read_tags_of
from steward.rules.activity import NOTICE_TAG
from steward.rules.idle_policy import Place as Where

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

MOST_WITNESSES, AT_ONCE = 9, 13
"""Notices by which a call is judged, and stops for which it is made: with the ARNs of thirteen apps, and of the space, profile and domain of each in
both cases, it asks for a hundred at most."""

READ_LATELY = timedelta(seconds=30)
"""In an account that answers slowly the last of them are read again."""


@dataclass
class TagsBeforeStops:
    """As they are now: nobody's exception is overlooked because it came late, and nobody who came back.

    AWS does not say how far GetResources is behind what is written. So of apps it is believed only where it shows each of the notices that were
    written there just before, `written`: their times by ARN. Where it does not, or there are none, each app is asked for by itself.
    """

    place: ActionPlace
    session: MemberSession
    written: dict[str, str]
    clock: Callable[[], datetime]
    _known: dict[str, Tags] = field(default_factory=dict)
    _read_for: frozenset[tuple[str, ...]] = frozenset()
    _read_at: datetime | None = None
    _asked: dict[str, Tags] = field(default_factory=dict)

    @property
    def sagemaker(self) -> "SageMakerClient":
        client: SageMakerClient = self.session.client("sagemaker")
        return client

    def of_app(self, action: Action, arn: str) -> Tags:
        """Its own. Of Canvas they say nothing of its use: what is there to overlook is an exception of just now, as on a space."""
        self._read(action)
        known = self._known.get(path_of(arn)) if self.written or action.app_type == "Canvas" else None
        return read_tags(self.sagemaker, arn) if known is None else known

    def around(self, action: Action) -> dict[Where, Tags]:
        """What GetResources does not know any more says what it said before; where it never knew anything of such a type, SageMaker is asked."""
        self._read(action)
        paths, before = _paths(action), action.tags
        return {where: self._known.get(path, before[where]) if where in before else self._ask(path) for where, path in paths.items()}

    def _read(self, action: Action) -> None:
        """Of this stop and those that follow it, where it was not among those before, a moment ago."""
        now = self.clock()
        if action.key in self._read_for and self._read_at and now - self._read_at < READ_LATELY:
            return
        stops = [one for one in self.place.actions if one.verdict == "Stop"]
        first = stops.index(action)
        batch = stops[first : first + AT_ONCE]
        witnesses = dict([*self.written.items()][-MOST_WITNESSES:])
        arns = dict.fromkeys([*witnesses, *(arn for one in batch for arn in self._arns(one))])
        known = read_tags_of(self.session.client("resourcegroupstaggingapi"), list(arns))
        self._known = {path_of(arn): tags for arn, tags in known.items()}
        self._read_for, self._read_at = frozenset(one.key for one in batch), now
        if any(known.get(arn, NONE).get(NOTICE_TAG) != notice for arn, notice in witnesses.items()):
            self.written.clear()

    def _ask(self, path: str) -> Tags:
        if path not in self._asked:
            self._asked[path] = read_tags(self.sagemaker, f"{self._prefix}:{path}")
        return self._asked[path]

    def _arns(self, action: Action) -> list[str]:
        around = arns_around(self._prefix, action.domain_id, action.space_name, action.owner_profile_name)
        return [*([action.arn] if action.arn else []), *(arn for where, both in around.items() if where in action.tags for arn in both)]

    @property
    def _prefix(self) -> str:
        return f"arn:{self.sagemaker.meta.partition}:sagemaker:{self.place.region}:{self.place.account_id}"


def tags_as_decided(action: Action) -> Mapping[Where, Tags]:
    """For a notice what was read when it was decided is enough."""
    return {where: action.tags.get(where, NONE) for where in _paths(action)}


def _paths(action: Action) -> dict[Where, str]:
    return paths_around(action.domain_id, action.space_name, action.owner_profile_name)
