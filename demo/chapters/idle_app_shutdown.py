"""Two working days pass. Each hour all apps are looked at: who is idle by evidence gets a notice, and is stopped after a grace; nobody loses work."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from demo import app_table, people
from demo.app_table import HOUR, Course, Line
from demo.report import Report, Run
from demo.studio_life import Life
from demo.working_days import FRAUD, PRICING, USES, moment

CHAPTER = WORKFLOW = "idle_app_shutdown"
TITLE = "Chapter 6: two working days pass; idle apps are stopped, and nobody loses work"
HOURLY = "cron(0 * * * ? *)"
NEW = ("tom", "uma", "vera", "walt")
"""People of fraud-dev whom no chapter before knows."""

UNTIL = ("Mon 13:05", "Mon 20:05", "Tue 08:05", "Tue 20:05")
"""When it is told what happened."""


def play(report: Report) -> None:
    """The people, what they do, what each sweep did, and what became of each app."""
    domains = {account: people.domain_id(report, account, f"{account}-studio") for account in (FRAUD, PRICING)}
    _move_in(report, domains)
    report.stage.advance_to(moment("Mon 07:50"))
    report.stage.change_parameters(IdleAppShutdown="stop", IdleAppShutdownSchedule=HOURLY)
    report.say("hub: the platform team deployed IdleAppShutdown=stop: each hour apps that are idle get a notice, and are stopped two hours later")
    report.say("images are older than SageMaker Distribution 2.0, but for walt's: idle apps of newer ones SageMaker would stop by itself")
    _others_ran_green(report)

    life, runs, done = Life(report, USES, domains, datetime.fromisoformat(report.stage.settle())), list[Run](), list[Line]()
    for until in UNTIL:
        life.until(moment(until))
        new = report.new_executions(CHAPTER, WORKFLOW, report.stage.outputs()["IdleAppShutdownStateMachineArn"], aloud=False)
        lines = [line for run in new for line in _details(report, run)["done"]]
        _tell(life, new, lines)
        done += lines
        runs += new
    report.say("two working days are over")
    found = app_table.courses(done)
    app_table.show(found)
    _savings(found, runs, life.now)
    _expect(report, runs, found, done)
    _expect_kept(report, runs[-1])
    app_table.expect_as_aws_says(report, found, life.running())


def _tell(life: Life, runs: list[Run], lines: list[Line]) -> None:
    """What people and sweeps did, as it happened."""
    happened = [*life.told, *((app_table.at(line), f"sweep: {_words(line)}") for line in lines)]
    life.told.clear()
    for when, what in sorted(happened):
        print(f"{when:%Y-%m-%d %H:%M}  {what}")
    counts = runs[-1].output["counts"]
    seen = (
        f"{counts['running']} apps: {counts['idle']} idle, {counts['unknown']} of which nobody knows whether it is in use, the others in use or kept"
    )
    print(f"       {len(runs)} sweeps; the last looked at {seen}", flush=True)


def _words(line: Line) -> str:
    """What was done to an app."""
    (use,) = (
        use for use in USES if use.app_type == line["app_type"] and (use.space or use.person) in (line["space_name"], line["user_profile_name"])
    )
    words = {"Noticed": "notice to", "Stopped": "stops"}.get(line["result"], f"{line['result']}:")
    return f"{words} {use.name}, idle for {app_table.idle_hours(line):.1f} h"


def _move_in(report: Report, domains: dict[str, str]) -> None:
    """Who is new gets a user profile, and each use its space."""
    for name in NEW:
        report.stage.client("sagemaker", FRAUD).create_user_profile(DomainId=domains[FRAUD], UserProfileName=name)
    report.stage.settle()
    for use in USES:
        if use.space:
            report.stage.client("sagemaker", use.account).create_space(
                DomainId=domains[use.account],
                SpaceName=use.space,
                OwnershipSettings={"OwnerUserProfileName": use.person},
                SpaceSharingSettings={"SharingType": "Shared" if use.shared else "Private"},
                SpaceSettings={"AppType": use.app_type},
                Tags=[{"Key": key, "Value": value} for key, value in use.space_tags.items()],
            )
    report.say(f"fraud-dev: {', '.join(NEW)} are new, and everybody has spaces to work in")


def _others_ran_green(report: Report) -> None:
    """What profiles and spaces set off, and what came in the morning, was told in the chapters before: here it only has to be green."""
    states = report.stage.client("stepfunctions", "hub")
    for output, arn in report.stage.outputs().items():
        if output.endswith("StateMachineArn"):
            pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn)
            red = [one["name"] for page in pages for one in page["executions"] if one["status"] not in ("SUCCEEDED", "RUNNING")]
            report.expect(not red, f"not green: {', '.join(red)}")


def _details(report: Report, run: Run) -> dict[str, Any]:
    """What the sweep wrote down of itself."""
    bucket, _, key = run.output["details_s3"].removeprefix("s3://").partition("/")
    found: dict[str, Any] = json.loads(report.stage.client("s3", "hub").get_object(Bucket=bucket, Key=key)["Body"].read())
    return found


def _savings(found: list[Course], runs: list[Run], now: datetime) -> None:
    """What sweeps say that they save, and how long what they stopped was really off."""
    counts = [run.output["counts"] for run in runs]
    hours, money = sum(one["hours_saved"] for one in counts), sum(one["money_saved"] for one in counts)
    off = [length for course in found for length in course.off(now)]
    print(f"\n{len(runs)} sweeps stopped {len(off)} apps, none of them while anything went on. By their estimate that saves")
    print(f"{hours:.1f} instance hours, and {money:.2f} USD where the price is known. In truth these apps were off for")
    print(f"{sum(off, timedelta()) / HOUR:.1f} hours, until somebody wanted them again or the two days were over.")


def _expect(report: Report, runs: list[Run], found: list[Course], done: list[Line]) -> None:
    """Every sweep green; nothing stopped in which something went on; a notice two hours before each stop."""
    report.expect({run.row.status for run in runs} == {"SUCCEEDED"}, "a sweep ended red")
    for course in found:
        name = course.use.name
        for when in map(app_table.at, course.stopped):
            work = course.use.going_on(when)
            report.expect(work is None, f"{name} was stopped while {work}")
            graces = [when - app_table.at(notice) for notice in course.noticed]
            report.expect(any(timedelta(hours=2) <= grace < timedelta(hours=4) for grace in graces), f"{name} was stopped without two hours' notice")
        report.expect(course.stopped or course.use.in_the_end is not None, f"{name} was to be stopped")
    kinds = {line["result"] for line in done}
    report.expect(kinds <= {"Noticed", "Stopped", "CalledOff"}, f"results are {kinds}")


def _expect_kept(report: Report, last: Run) -> None:
    """What the last sweep says of those that still run, by reason, is what it was to say."""
    reasons, wanted = last.output["counts"]["reasons"], Counter(use.in_the_end for use in USES if use.in_the_end)
    report.expect(reasons == dict(wanted), f"the last sweep's reasons are {reasons}, not {dict(wanted)}")
