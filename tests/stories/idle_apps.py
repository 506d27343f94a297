"""People's apps, and what their reporters say of them, for stories of idle_app_shutdown."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.schemas import validate
from tests.stories.people import Platform

HOUR, DAY = 3600, 24 * 3600
ACTIVITY_TAG, NOTICE_TAG = "steward:activity", "steward:stop-notice"
CANVAS = "/aws/sagemaker/Canvas/AppActivity"


@dataclass(frozen=True)
class App:
    """One that was started. `name` is what DescribeApp and DeleteApp are asked with."""

    platform: Platform
    account: str
    region: str | None
    name: dict[str, str]
    arn: str
    used_until: list[datetime] = field(default_factory=list)

    @property
    def status(self) -> str:
        described: str = self.platform.client("sagemaker", self.account, self.region).describe_app(**self.name)["Status"]
        return described

    @property
    def notice(self) -> str | None:
        return self.platform.tags(self.account, self.arn).get(NOTICE_TAG) if self.status == "InService" else None

    def says(self, idle_since: datetime | None) -> None:
        """What its reporter, or Canvas by its metric, says now: idle since then, or in use."""
        now = self.platform.local.clock.datetime()
        if self.name["AppType"] == "Canvas":
            dimensions = [{"Name": name, "Value": self.name[name]} for name in ("DomainId", "UserProfileName")]
            value = (now - (idle_since or now)).total_seconds()
            data = [{"MetricName": "TimeSinceLastActive", "Dimensions": dimensions, "Value": value, "Unit": "Seconds"}]
            self.platform.client("cloudwatch", self.account, self.region).put_metric_data(Namespace=CANVAS, MetricData=data)
        else:
            words = "active" if idle_since is None else f"idle since={_text(idle_since)}"
            self.platform.set_tags(self.account, self.arn, {ACTIVITY_TAG: f"{words} seen={_text(now)}"})

    def lives(self, used_for: float = 0) -> "App":
        """It speaks, now and again and again as long as it is in service: in use for so many seconds from now, idle then."""
        clock = self.platform.local.clock
        pause = HOUR if self.name["AppType"] != "Canvas" else HOUR / 4

        def beat() -> None:
            if self.status == "InService":
                self._says_what_is()
                clock.calendar(clock.now + pause, beat)

        self.used_until.append(clock.datetime() + timedelta(seconds=used_for))
        beat()
        return self

    def works(self, seconds: float) -> None:
        """Somebody comes back for so long, and the reporter says so at once."""
        self.used_until.append(self.platform.local.clock.datetime() + timedelta(seconds=seconds))
        self._says_what_is()

    def _says_what_is(self) -> None:
        left = self.used_until[-1]
        self.says(None if self.platform.local.clock.datetime() < left else left)


def start_app(
    platform: Platform, account: str = "fraud-dev", user: str = "alice", app_type: str = "JupyterLab", region: str | None = None, **more: Any
) -> App:
    """Somebody starts a space with such an app in a domain of its own, `more` being the domain's; it is in service when this returns."""
    profile = platform.profile(account, user, region=region, domain=platform.domain(account, region, **more))
    platform.local.settle()
    return start_another(platform, account, profile, app_type, region)


def start_another(platform: Platform, account: str, profile: str, app_type: str = "JupyterLab", region: str | None = None) -> App:
    """The same, in a new space of a profile that is there; Canvas and types of Studio Classic belong to the profile itself."""
    domain, user = profile.split("/")[1:]
    sagemaker = platform.client("sagemaker", account, region)
    if app_type in ("JupyterLab", "CodeEditor"):
        space = f"{user}-{app_type.lower()}-{len(sagemaker.list_spaces(DomainIdEquals=domain)['Spaces'])}"
        platform.space(account, profile, space, region=region, SpaceSettings={"AppType": app_type})
        platform.local.settle()
        whose = {"SpaceName": space}
    else:
        whose = {"UserProfileName": user}
    name = {"DomainId": domain, "AppType": app_type, "AppName": "default", **whose}
    spec = {} if app_type == "Canvas" else {"ResourceSpec": {"InstanceType": "ml.t3.medium"}}
    arn = sagemaker.create_app(**name, **spec)["AppArn"]
    platform.local.settle()
    return App(platform, account, region, name, arn)


def begin_sweep(platform: Platform, name: str = "by-hand", **asked: str) -> str:
    """One that somebody starts; its ARN."""
    return platform.begin("idle_app_shutdown", name, asked)


def sweep(platform: Platform, name: str = "by-hand", **asked: str) -> dict[str, Any]:
    """The same, to its end, described, with its output read."""
    return ended(platform, begin_sweep(platform, name, **asked), settle=True)


def ended(platform: Platform, arn: str, *, settle: bool = False) -> dict[str, Any]:
    if settle:
        platform.local.settle()
    return platform.ended(arn)


def last(platform: Platform) -> dict[str, Any]:
    """The sweep that began last."""
    return platform.last("idle_app_shutdown")


def details(platform: Platform, run: dict[str, Any]) -> dict[str, Any]:
    """What the sweep wrote down of itself."""
    document: dict[str, Any] = platform.details(run)
    validate("idle_sweep_details", document)
    return document


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
