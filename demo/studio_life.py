"""The two days on the stage: people start apps and leave them, reporters and Canvas say what they see, time passes, and what was stopped is noticed.

A reporter calls with its space's execution role, as in an app. Here reporters look each twelve minutes; in an app they look each minute.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3

from demo import people
from demo.report import Report
from demo.working_days import MONDAY, Mouth, Use, Voice

LOOK = timedelta(minutes=12)
_SESSION = timedelta(hours=12)
_IMAGE = "arn:aws:sagemaker:eu-west-1:819792524951:image/sagemaker-distribution-cpu"
_PLACES = {"user-profile": "UserProfileName", "space": "SpaceName"}

Key = tuple[str, str, str]
"""Of an app: its account's name, whose it is (the name of the space or profile), its type."""


@dataclass
class Life:
    """What these people have running. `mouths` and `arns` are of apps that run, by the name of their use; `ended`: whose app was stopped once.
    `told` is what they did, and when."""

    report: Report
    uses: tuple[Use, ...]
    domains: dict[str, str]
    now: datetime
    mouths: dict[str, Mouth] = field(default_factory=dict)
    arns: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    told: list[tuple[datetime, str]] = field(default_factory=list)
    looked: datetime = MONDAY
    _sessions: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    _boto3: boto3.Session = field(default_factory=boto3.Session)

    def until(self, end: datetime) -> None:
        """Live on until then."""
        while self.now < end:
            self._look()
            self.looked = self.now
            until = self.now.replace(minute=self.now.minute // 12 * 12, second=0, microsecond=0) + LOOK
            self.now = datetime.fromisoformat(self.report.stage.advance(f"{(until - self.now).total_seconds()}s"))

    def running(self) -> set[Key]:
        """What is in service, or on its way there."""
        found = set[Key]()
        for account in self.domains:
            pages = self.report.stage.client("sagemaker", account).get_paginator("list_apps").paginate()
            apps = [app for page in pages for app in page["Apps"] if app["Status"] in ("InService", "Pending")]
            found |= {(account, app.get("SpaceName") or app["UserProfileName"], app["AppType"]) for app in apps}
        return found

    def _look(self) -> None:
        if self.looked.hour != self.now.hour:
            self._notice_ends()
        for use in self.uses:
            if any(self.looked < start <= self.now for start in use.starts) and use.name not in self.mouths:
                self._start(use)
            elif use.name in self.mouths:
                self._speak(use, self.mouths[use.name])

    def _notice_ends(self) -> None:
        """Sweeps stop apps at full hours; nobody else does in these days."""
        running = self.running()
        ended = [use.name for use in self.uses if use.name in self.mouths and key_of(use) not in running]
        for name in ended:
            del self.mouths[name]
            self.arns.pop(name, None)
        self.ended.update(ended)

    def _start(self, use: Use) -> None:
        """Somebody starts the app, as in Studio. What is stopped can be started again: its space is there."""
        if use.app_type == "RStudioServerPro":
            self.report.stage.plant({"Account": people.account_id(self.report, use.account), "Region": "eu-west-1", **self._named(use)})
        else:
            spec = self._spec(use)
            sagemaker = self.report.stage.client("sagemaker", use.account)
            sagemaker.create_app(**self._named(use), **({"ResourceSpec": spec} if spec else {}))
        self.mouths[use.name] = Mouth.of(use, self.now)
        self.told.append((self.now, _starting(use, again=use.name in self.ended)))

    def _named(self, use: Use) -> dict[str, str]:
        whose = {"SpaceName": use.space} if use.space else {"UserProfileName": use.person}
        return {"DomainId": self.domains[use.account], "AppType": use.app_type, "AppName": "default", **whose}

    def _spec(self, use: Use) -> dict[str, str]:
        """A plain Canvas has none."""
        spec = {"InstanceType": use.instance} if use.instance else {}
        if use.app_type == "Canvas":
            return spec
        return spec | {"SageMakerImageArn": _IMAGE, "SageMakerImageVersionAlias": use.image}

    def _speak(self, use: Use, mouth: Mouth) -> None:
        if use.voice is Voice.CANVAS:
            self._measure(use)
        elif use.voice is Voice.REPORTER and (text := mouth.look(self.now)):
            self._as_execution_role(use.account).add_tags(ResourceArn=self._arn(use), Tags=[{"Key": "steward:activity", "Value": text}])
            mouth.wrote(text, self.now)

    def _arn(self, use: Use) -> str:
        """As an app reads it from its metadata. A reporter runs where the app was started with its lifecycle configuration."""
        if use.name not in self.arns:
            app = self.report.stage.client("sagemaker", use.account).describe_app(**self._named(use))
            attached = "/steward-activity-reporter-" in app.get("BuiltInLifecycleConfigArn", "")
            self.report.expect(attached, f"{use.name} was started without the activity reporter")
            self.arns[use.name] = str(app["AppArn"])
        return self.arns[use.name]

    def _measure(self, use: Use) -> None:
        """What Canvas itself tells CloudWatch."""
        used = use.last_used(self.now) or use.started.timestamp()
        self.report.stage.client("cloudwatch", use.account).put_metric_data(
            Namespace="/aws/sagemaker/Canvas/AppActivity",
            MetricData=[
                {
                    "MetricName": "TimeSinceLastActive",
                    "Dimensions": [{"Name": "DomainId", "Value": self.domains[use.account]}, {"Name": "UserProfileName", "Value": use.person}],
                    "Timestamp": self.now,
                    "Value": self.now.timestamp() - used,
                    "Unit": "Seconds",
                }
            ],
        )

    def _as_execution_role(self, account: str) -> Any:
        """SageMaker gives each app a session of its space's role, and a new one before it ends. Here all apps of an account share one."""
        known = self._sessions.get(account)
        if known is None or known[0] <= self.now:
            role = f"arn:aws:iam::{people.account_id(self.report, account)}:role/StudioExecution"
            seconds = int(_SESSION.total_seconds())
            answer = self.report.stage.client("sts", account).assume_role(RoleArn=role, RoleSessionName="SageMaker", DurationSeconds=seconds)
            given = answer["Credentials"]
            client = self._boto3.client(
                "sagemaker",
                region_name=self.report.stage.client("sagemaker", account).meta.region_name,
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
            )
            known = self._sessions[account] = (self.now + _SESSION - timedelta(hours=1), client)
        return known[1]


def _starting(use: Use, *, again: bool) -> str:
    if use.app_type == "RStudioServerPro":
        return f"the {use.name} {use.story}"
    if again:
        return f"{use.person} is back, and starts {use.name} again"
    return f"{use.person} starts {use.name} ({', '.join(filter(None, (use.app_type, use.instance)))}), {use.story}"


def key_of(use: Use) -> Key:
    return use.account, use.space or use.person, use.app_type
