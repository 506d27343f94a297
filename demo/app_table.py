"""What became of each app in the two days, in a table that a person reads.

When an app was noticed and stopped, and what that saves, is in the sweeps' details. That it is so is asked of AWS: which apps run (ListApps), who
deleted which (the log of calls, AWS's CloudTrail), and what the tags of those that run say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo import people
from demo.report import Report, columns
from demo.studio_life import Key, key_of
from demo.working_days import USES, Use, Voice, Work

_COLUMNS = ("app", "type", "instance", "notice", "kept meanwhile", "stopped", "saved", "in the end")
_RUNS_BECAUSE = {
    "Keep: Active": "runs, in use",
    "Keep: UsedRecently": "runs, was used less than two hours ago",
    "Keep: TooYoung": "runs, for less than an hour yet",
    "Keep: KeptUntil": "runs, by the tag steward:keep-until on its space",
    "Keep: RStudioServerPro": "runs, serves RStudio to all: never stopped",
    "Notice: Idle": "runs, idle: it just got its notice",
    "Unknown: NeverReported": "runs: nobody knows whether it is in use, so it stays",
}
"""In words, why the last sweep did not stop it."""

_RAN = {Work.COMPUTES: "cell ran", Work.TERMINAL: "command ran"}

HOUR = timedelta(hours=1)

Line = dict[str, Any]
"""Of what a sweep did: docs/events/idle_sweep_details.schema.json."""


@dataclass(frozen=True)
class Course:
    """One app through the two days."""

    use: Use
    noticed: list[Line]
    stopped: list[Line]

    @property
    def back(self) -> list[datetime]:
        """When somebody came back whose app was noticed, and not stopped yet."""
        found = []
        for notice in self.noticed:
            ends = [at(line) for line in self.stopped if at(line) > at(notice)]
            found += [stretch.begin for stretch in self.use.stretches if at(notice) < stretch.begin < min(ends, default=stretch.end)][:1]
        return found

    @property
    def meanwhile(self) -> list[str]:
        """What kept it while nobody typed, and who called a stop off."""
        ran = [f"{_RAN[stretch.work]} until {stretch.end:%a %H:%M}" for stretch in self.use.stretches if stretch.work in _RAN]
        return ran + [f"back {moment:%a %H:%M}" for moment in self.back]

    def off(self, now: datetime) -> list[timedelta]:
        """How long it was off after each stop: until somebody wanted it again, or until now."""
        return [min((start for start in self.use.starts if start > at(line)), default=now) - at(line) for line in self.stopped]

    def cells(self) -> tuple[str, ...]:
        use = self.use
        return (
            use.name,
            use.app_type,
            use.instance or "",
            _times(at(line) for line in self.noticed),
            ", ".join(self.meanwhile),
            _times(at(line) for line in self.stopped),
            _saved(self.stopped),
            _RUNS_BECAUSE[use.in_the_end] if use.in_the_end else _why_stopped(self.stopped[-1]) if self.stopped else "",
        )


def courses(done: list[Line]) -> list[Course]:
    def of(use: Use, result: str) -> list[Line]:
        whose = use.space or use.person
        return [
            line
            for line in done
            if line["result"] == result and line["app_type"] == use.app_type and whose in (line["space_name"], line["user_profile_name"])
        ]

    return [Course(use, of(use, "Noticed"), of(use, "Stopped")) for use in USES]


def at(line: Line) -> datetime:
    return datetime.fromisoformat(line["at"])


def show(found: list[Course]) -> None:
    print("\nWhat became of each app. `notice`: it was idle, to be stopped two hours later; `saved`: as the sweep estimates it.\n")
    columns([_COLUMNS, *(course.cells() for course in found)])


def _times(moments: Iterable[datetime]) -> str:
    return ", ".join(f"{moment:%a %H:%M}" for moment in moments)


def _saved(stopped: list[Line]) -> str:
    """As sweeps estimate it."""
    if not stopped:
        return ""
    hours = sum(line["hours_saved"] for line in stopped)
    prices = [line["money_saved"] for line in stopped]
    money = "no price known" if None in prices else f"{sum(prices):.2f} USD"
    return f"{hours:.1f} h, {money}"


def _why_stopped(line: Line) -> str:
    return f"stopped: idle since {datetime.fromisoformat(line['idle_since']):%a %H:%M}, {idle_hours(line):.1f} h"


def idle_hours(line: Line) -> float:
    """How long the app had been idle."""
    return (at(line) - datetime.fromisoformat(line["idle_since"])) / HOUR


def expect_as_aws_says(report: Report, found: list[Course], running: set[Key]) -> None:
    """The table is what AWS knows: what runs, what our role deleted and nobody else, and why what runs was left alone."""
    wanted = {key_of(course.use) for course in found if course.use.in_the_end}
    report.expect(running == wanted, f"in service are {sorted(running)}, not {sorted(wanted)}")
    deleted = [call for call in report.stage.log("calls") if call["action"] == "sagemaker:DeleteApp" and not call["error"]]
    ours = sorted(_named(call) for call in deleted if ":assumed-role/idle_app_shutdown/" in call["principal"])
    stopped = [course.use for course in found for _ in course.stopped]
    told = sorted(f"{people.account_id(report, use.account)} {use.space or use.person}" for use in stopped)
    report.expect(len(ours) == len(deleted), "somebody else deleted an app")
    report.expect(ours == told, f"deleted were {ours}, and told as stopped {told}")
    for course in found:
        if course.use.in_the_end:
            _expect_reason(report, course.use)


def _named(call: Line) -> str:
    """Account and space or profile of a call that deletes an app called default."""
    (whose,) = (part for part in call["resource"].split("/") if part != "default" and not part.startswith("d-"))
    return f"{call['account']} {whose}"


def _expect_reason(report: Report, use: Use) -> None:
    """What AWS knows of an app that runs is why it was left alone."""
    sagemaker = report.stage.client("sagemaker", use.account)
    domain = people.domain_id(report, use.account, f"{use.account}-studio")
    whose = {"SpaceName": use.space} if use.space else {"UserProfileName": use.person}
    app = sagemaker.describe_app(DomainId=domain, AppType=use.app_type, AppName="default", **whose)
    tags = people.tags(report, use.account, app["AppArn"])
    said, now = tags.get("steward:activity", ""), datetime.fromisoformat(report.stage.settle())
    age = now - app["CreationTime"]
    true = {
        "Keep: Active": said.startswith("active"),
        "Keep: UsedRecently": said.startswith(("active", "idle")) or use.voice is Voice.CANVAS,
        "Keep: TooYoung": age < timedelta(hours=1),
        "Keep: KeptUntil": "steward:keep-until" in use.space_tags and age > timedelta(days=1),
        "Keep: RStudioServerPro": app["AppType"] == "RStudioServerPro",
        "Notice: Idle": said.startswith("idle") and "steward:stop-notice" in tags,
        "Unknown: NeverReported": not said and age > timedelta(days=1),
    }[str(use.in_the_end)]
    report.expect(true, f"{use.name} is not {use.in_the_end}: it is {age} old, and has the tags {tags}")
