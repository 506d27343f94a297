"""The two days on the stage: people start apps and leave them, reporters and Canvas say what they see, time passes, and what was stopped is noticed.

A reporter calls with its space's execution role, as in an app. Here reporters look each ten minutes; in an app they look each minute.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3

from demo import people
from demo.report import Report
from demo.working_days import Mouth, Use, Voice, Work

LOOK = timedelta(minutes=10)
_SESSION = timedelta(hours=1)
_IMAGE = "arn:aws:sagemaker:eu-west-1:819792524951:image/sagemaker-distribution-cpu"
_OWN_IMAGE = "arn:aws:sagemaker:eu-west-1:{account}:image/own"
_PLACES = {"user-profile": "UserProfileName", "space": "SpaceName"}

Key = tuple[str, str, str]
"""Of an app: its account's name, whose it is (the name of the space or profile), its type."""


@dataclass
class Stop:
    """An app that runs no more: when that was seen, and what really was going on then."""

    use: Use
    at: datetime
    work: Work | None


@dataclass
class Life:
    """What these people have running. `tell` is for what they do, as it happens."""

    report: Report
    uses: tuple[Use, ...]
    domains: dict[str, str]
    now: datetime
    mouths: dict[str, Mouth] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)
    _sessions: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    _boto3: boto3.Session = field(default_factory=boto3.Session)

    def until(self, end: datetime) -> None:
        """Live on until then."""
        while self.now < end:
            self._look()
            self.now = self.report.stage.advance_to(self.now.replace(minute=self.now.minute // 10 * 10, second=0, microsecond=0) + LOOK)

    def running(self) -> set[Key]:
        """What is in service, or on its way there."""
        found = set[Key]()
        for account in self.domains:
            pages = self.report.stage.client("sagemaker", account).get_paginator("list_apps").paginate()
            apps = [app for page in pages for app in page["Apps"] if app["Status"] in ("InService", "Pending")]
            found |= {(account, app.get("SpaceName") or app["UserProfileName"], app["AppType"]) for app in apps}
        return found

    def _look(self) -> None:
        running = self.running()
        for use in self.uses:
            if key_of(use) not in running and use.name in self.mouths:
                del self.mouths[use.name]
                self.stops.append(Stop(use, self.now, use.going_on(self.now - LOOK)))
            if any(self.now <= start < self.now + LOOK for start in use.starts) and use.name not in self.mouths:
                self._start(use)
            elif use.name in self.mouths:
                self._speak(use, self.mouths[use.name])

    def _start(self, use: Use) -> None:
        """Somebody starts the app, as in Studio: its space is made the first time, and stays when the app is stopped."""
        sagemaker, again = self.report.stage.client("sagemaker", use.account), any(stop.use is use for stop in self.stops)
        spec = {"InstanceType": use.instance} if use.instance else {}
        if use.app_type != "Canvas":
            spec |= (
                {"SageMakerImageArn": _IMAGE, "SageMakerImageVersionAlias": use.image} if use.image else {"SageMakerImageArn": self._own_image(use)}
            )
        sagemaker.create_app(
            DomainId=self.domains[use.account],
            AppType=use.app_type,
            AppName="default",
            **{"SpaceName" if use.space else "UserProfileName": use.space or use.person},
            **({"ResourceSpec": spec} if spec else {}),
        )
        self.mouths[use.name] = Mouth.of(use, self.now)
        print(f"{self.now:%Y-%m-%d %H:%M}  {use.name} is started{' again' if again else f': {use.person} {use.story}'}", flush=True)

    def _own_image(self, use: Use) -> str:
        return _OWN_IMAGE.format(account=people.account_id(self.report, use.account))

    def _speak(self, use: Use, mouth: Mouth) -> None:
        if use.voice is Voice.CANVAS:
            self._measure(use)
        elif use.voice is Voice.REPORTER and (text := mouth.look(self.now)):
            arn = self._arn(use)
            self._as_execution_role(use.account).add_tags(ResourceArn=arn, Tags=[{"Key": "steward:activity", "Value": text}])
            mouth.wrote(text, self.now)

    def _arn(self, use: Use) -> str:
        """As an app reads it from its metadata."""
        sagemaker = self.report.stage.client("sagemaker", use.account)
        app = sagemaker.describe_app(DomainId=self.domains[use.account], SpaceName=use.space, AppType=use.app_type, AppName="default")
        return str(app["AppArn"])

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
        """SageMaker gives each app a session of its space's role, and a new one before it ends."""
        known = self._sessions.get(account)
        if known is None or known[0] <= self.now:
            role = f"arn:aws:iam::{people.account_id(self.report, account)}:role/StudioExecution"
            given = self.report.stage.client("sts", account).assume_role(RoleArn=role, RoleSessionName="SageMaker")["Credentials"]
            client = self._boto3.client(
                "sagemaker",
                region_name=self.report.stage.client("sagemaker", account).meta.region_name,
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
            )
            known = self._sessions[account] = (self.now + _SESSION, client)
        return known[1]


def key_of(use: Use) -> Key:
    return use.account, use.space or use.person, use.app_type
