"""One member account as idle_app_shutdown meets it: domains, profiles, spaces and apps on localaws, the two steps one after the other, and each call
that they make counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import localaws
from localaws.local import LocalOrganization
from localaws.metrics import Metric, plant_metric
from localaws.studio.apps import HEALTH_CHECK_EVERY
from localaws.studio.core import Resource
from localaws.studio.planting import plant_app
from steward.idle_actions import ActOnPlace, act_on_each
from steward.idle_decisions import DecideOnPlace
from steward.idle_spaces import SpaceMemory
from steward.idle_sweeps import Acted, Action, ActionPlace, Decided, total_acted
from steward.resources.canvas import METRIC, NAMESPACE
from steward.rules.activity import ACTIVITY_TAG, NOTICE_TAG, time_text
from steward.rules.idle_policy import IdlePolicy
from steward.rules.idle_settings import IdleLimits
from steward.sweeps import Place
from tests.unit.idle_run import BUCKET, Objects

ACCOUNT_ID, REGION = "444444444444", "eu-west-1"
ACCOUNT_ARN = f"arn:aws:organizations::111111111111:account/o-steward0001/{ACCOUNT_ID}"
PLACE = Place(account_id=ACCOUNT_ID, account_arn=ACCOUNT_ARN, region=REGION, account_tags={}, held=False)
POLICY = IdlePolicy(IdleLimits(120, 60, 480))
HOUR = timedelta(hours=1)
OURS = {"ml:project": "fraud"}


BETWEEN_CHECKS = timedelta(seconds=HEALTH_CHECK_EVERY / 2)
"""So long ago an app's last health check was when a test begins: it hides nobody."""


class World:
    """`client` makes it the session of the member account. Nothing is in it at first."""

    def __init__(self, local: LocalOrganization):
        self.local, self.cloud = local, local.cloud
        self.sagemaker = self.client("sagemaker")
        self.region, self.objects = REGION, Objects()

    def client(self, service: str) -> Any:
        return self.local.client(service, "fraud-dev")

    @property
    def now(self) -> datetime:
        return self.local.clock.datetime()

    # -- what is there

    def domain(self, tags: dict[str, str] | None = None, **more: Any) -> str:
        settings = {"ExecutionRole": f"arn:aws:iam::{ACCOUNT_ID}:role/Studio"} | more.pop("DefaultUserSettings", {})
        network = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "AuthMode": "IAM"}
        made = self.sagemaker.create_domain(
            DomainName=f"studio-{self.now:%H%M%S}", **network, DefaultUserSettings=settings, **more, Tags=as_list(tags)
        )
        self.local.advance(120)
        return str(made["DomainId"])

    def profile(self, domain_id: str, name: str, tags: dict[str, str] | None = None) -> str:
        made = self.sagemaker.create_user_profile(DomainId=domain_id, UserProfileName=name, Tags=as_list(tags))
        self.local.advance(15)
        return str(made["UserProfileArn"])

    def spaces(self, domain_id: str, owner: str, *names: str, tags: dict[str, str] | None = None, sharing: str = "Private") -> list[str]:
        owned = {"OwnershipSettings": {"OwnerUserProfileName": owner}, "SpaceSharingSettings": {"SharingType": sharing}}
        made = [self.sagemaker.create_space(DomainId=domain_id, SpaceName=name, **owned, Tags=as_list(tags)) for name in names]
        self.local.advance(10)
        return [str(one["SpaceArn"]) for one in made]

    def lab(self, domain_id: str, space: str, tags: dict[str, str] | None = None, **more: Any) -> Resource:
        """A JupyterLab app of a space that has run for a day."""
        return self.app(domain_id, tags, **{"SpaceName": space, "AppType": "JupyterLab", **more})

    def canvas(self, domain_id: str, profile: str, tags: dict[str, str] | None = None, **more: Any) -> Resource:
        return self.app(domain_id, tags, **{"UserProfileName": profile, "AppType": "Canvas", **more})

    def app(self, domain_id: str, tags: dict[str, str] | None = None, **more: Any) -> Resource:
        since = more.pop("created", self.now - 24 * HOUR - BETWEEN_CHECKS)
        return plant_app(self.cloud, ACCOUNT_ID, REGION, created=since, tags=tags, **{"DomainId": domain_id, "AppName": "default", **more})

    def unused(self, domain_id: str, profile: str, time: timedelta) -> None:
        """What CloudWatch has of a Canvas app."""
        of_user = frozenset({"DomainId": domain_id, "UserProfileName": profile}.items())
        plant_metric(self.cloud, ACCOUNT_ID, REGION, Metric(NAMESPACE, METRIC, of_user), time.total_seconds(), self.now - timedelta(minutes=2))

    def says(self, app: Resource, idle: timedelta | None) -> None:
        """Its reporter, now."""
        self.tag(app.arn, {ACTIVITY_TAG: self.report(idle)})

    def report(self, idle: timedelta | None, seen: timedelta = timedelta()) -> str:
        at = self.now - seen
        return f"active seen={time_text(at)}" if idle is None else f"idle since={time_text(at - idle)} seen={time_text(at)}"

    def idle(self, time: timedelta, noticed: timedelta | None = None, seen: timedelta = timedelta()) -> dict[str, str]:
        """The tags of an app that is idle for so long, and noticed so long ago."""
        notice = {} if noticed is None else {NOTICE_TAG: time_text(self.now - noticed)}
        return {ACTIVITY_TAG: self.report(time, seen), **notice}

    def tag(self, arn: str, tags: dict[str, str]) -> None:
        self.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(tags))

    # -- what is done

    def decide(self, policy: IdlePolicy = POLICY, place: Place = PLACE) -> Decided:
        memory = SpaceMemory(self.objects, BUCKET)  # type: ignore[arg-type]
        return DecideOnPlace(policy, "ml:user", memory, lambda: self.now).at(place, self)  # type: ignore[arg-type]

    def act(
        self,
        actions: Sequence[Action],
        policy: IdlePolicy = POLICY,
        *,
        held: bool = False,
        attempt: int = 0,
        as_of: datetime | None = None,
        remaining: timedelta = timedelta(minutes=5),
    ) -> Acted:
        """`as_of`: the time for which the run was started; now, where nothing is said."""
        place, ends = ActionPlace(**dict(PLACE), actions=tuple(actions)), self.now + remaining

        def remaining_ms() -> int:
            return int((ends - self.now) / timedelta(milliseconds=1))

        how = ActOnPlace(policy, held, as_of or self.now, attempt, lambda: self.now)
        return total_acted(act_on_each([place], how, lambda places, at: [at(one, self) for one in places], remaining_ms))  # type: ignore[arg-type]

    def results(self, actions: Sequence[Action], **more: Any) -> list[str]:
        """What each came to, in the order of the actions."""
        done = {one.key: one.result.value for one in self.act(actions, **more).done}
        return [done[action.key] for action in actions]

    def sweep(self, after: float = 0, **more: Any) -> list[str]:
        """Both steps, the second so many seconds after the first: what each action came to, and where there was none the reasons."""
        decided = self.decide()
        self.local.advance(after)
        return self.results(decided.actions, **more) if decided.actions else list(decided.reasons)

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """The calls made within, by action."""
        before, calls = len(self.cloud.log.calls), Counter[str]()
        yield calls
        calls.update(call["action"] for call in self.cloud.log.calls[before:])

    def tags_of(self, arn: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def as_list(tags: dict[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


@contextmanager
def world() -> Iterator[World]:
    with LocalOrganization(Path(localaws.__file__).with_name("organization.yaml"), seed=0) as local:
        yield World(local)
