"""Studio apps that people use and leave, whose activity reporters say what they see, for the stories of idle_app_shutdown.

A reporter is the product's own (`steward.reporter`). It looks each fourteen minutes, since not looking for more than fifteen counts as use, and
writes its tag as its space's execution role.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from localaws.cloud import Principal
from steward.reporter import report_activity as reporter
from tests.stories.people import Platform

LOOK = 840.0
TYPES, COMPUTES, TERMINAL = "types", "computes", "terminal"
ACTIVITY, NOTICE = "steward:activity", "steward:stop-notice"


@dataclass
class App:
    """A running JupyterLab app, and what its reporter knows. `speaks`: whether the reporter lives."""

    platform: Platform
    space: str
    arn: str
    state: reporter.State
    typed: float = reporter.NEVER
    ended: dict[str, float] = field(default_factory=dict)
    speaks: bool = True

    @property
    def status(self) -> str:
        _, domain, space, *_ = self.arn.split("/")
        sagemaker = self.platform.client("sagemaker", "fraud-dev")
        status: str = sagemaker.describe_app(DomainId=domain, SpaceName=space, AppType="JupyterLab", AppName="default")["Status"]
        return status

    @property
    def runs(self) -> bool:
        return self.status == "InService"

    @property
    def tags(self) -> dict[str, str]:
        return self.platform.tags("fraud-dev", self.arn)

    def look(self, work: str | None) -> None:
        """One look of the reporter, while this goes on."""
        at = self.platform.local.clock.now
        self.ended |= {work: at} if work else {}
        seen = reporter.observe(at, dict(self._sources(work, at)))
        self.state = reporter.step(self.state, seen)
        if self.speaks and (text := reporter.due(self.state, seen)):
            self._as_role().add_tags(ResourceArn=self.arn, Tags=[{"Key": ACTIVITY, "Value": text}])
            self.state = reporter.written(self.state, text, at)

    def _sources(self, work: str | None, at: float) -> Iterator[tuple[str, float | None]]:
        used = max(self.ended.get(TYPES, 0.0), self.ended.get(COMPUTES, 0.0))
        kernels = [{"execution_state": "busy" if work == COMPUTES else "idle", "last_activity": utc(used)}] if used else []
        yield "app", reporter.of_kernels(kernels, at)
        yield "shells", reporter.of_shells(_processes(work), {1: self.ended.get(TERMINAL, reporter.NEVER)}, at)
        yield "load", reporter.of_load(200.0 if work == COMPUTES else 1.0, 0.0, at)
        yield "files", self.ended.get(TYPES, reporter.NEVER)

    def _as_role(self) -> Any:
        """As the app does: a session of the space's execution role."""
        account = self.arn.split(":")[4]
        return self.platform.local.cloud.client(
            "sagemaker", "eu-west-1", Principal.of_role(f"arn:aws:iam::{account}:role/StudioExecution", "SageMaker")
        )


def _processes(work: str | None) -> list[reporter.Process]:
    """A shell in a terminal, where somebody works in one a command in its foreground: one that waits and computes nothing."""
    running = work == TERMINAL
    shell = reporter.Process(100, "bash", "S", 100, 1, 1.0)
    return [shell, reporter.Process(200, "rsync", "S", 100, 1, 1.0)] if running else [shell]


def utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(platform: Platform, **span: float) -> str:
    """A time as our tags have it."""
    return utc(platform.local.clock.now - timedelta(**span).total_seconds())


def started(platform: Platform, space: str = "lab", domain: str | None = None, **more: Any) -> App:
    """An app of a new space, in service; in a new domain where none is given."""
    domain = domain or platform.domain("fraud-dev")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    if not any(one["UserProfileName"] == "alice" for one in sagemaker.list_user_profiles(DomainIdEquals=domain)["UserProfiles"]):
        platform.profile("fraud-dev", domain=domain)
        platform.local.settle()
    owner = sagemaker.describe_user_profile(DomainId=domain, UserProfileName="alice")["UserProfileArn"]
    arn = platform.space("fraud-dev", owner, space, **more)
    platform.local.settle()
    return start(platform, arn)


def start(platform: Platform, space_arn: str) -> App:
    """Its app, started, again or for the first time; its reporter begins anew."""
    platform.app("fraud-dev", space_arn, "JupyterLab")
    _, domain, space = space_arn.split("/")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    described = sagemaker.describe_app(DomainId=domain, SpaceName=space, AppType="JupyterLab", AppName="default")
    return App(platform, space_arn, described["AppArn"], reporter.begin(platform.local.clock.now))


def live(platform: Platform, hours: float, *apps: App, work: str | None = None) -> None:
    """So long this goes on in these apps, `None`: nothing; reporters look, schedules fire."""
    side_by_side(platform, hours, *((app, work) for app in apps))


def side_by_side(platform: Platform, hours: float, *works: tuple[App, str | None]) -> None:
    """The same, of apps in each of which something else goes on."""
    end = platform.local.clock.now + hours * 3600
    while platform.local.clock.now < end:
        for app, work in works:
            if app.runs:
                app.look(work)
        platform.local.advance(min(LOOK, end - platform.local.clock.now))


def left_until_noticed(platform: Platform, app: App) -> str:
    """Nobody does anything in it until it has a notice that it did not have; the notice."""
    before = app.tags.get(NOTICE)
    for _ in range(25):
        live(platform, 0.2, app)
        if app.tags.get(NOTICE) != before:
            return str(app.tags[NOTICE])
    raise AssertionError("no notice within five hours")


def deletions(platform: Platform) -> list[dict[str, Any]]:
    """Every DeleteApp by a role: nobody else here deletes one as a role."""
    return platform.calls("sagemaker:DeleteApp")
