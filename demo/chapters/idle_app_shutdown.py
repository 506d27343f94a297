"""Two working days pass. Each hour all apps are looked at: who is idle by evidence gets a notice, and is stopped after a grace; nobody loses work."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

from demo import people
from demo.report import Report, Run
from demo.studio_life import Life
from demo.working_days import FRAUD, PRICING, USES, Use, moment

CHAPTER = WORKFLOW = "idle_app_shutdown"
TITLE = "Chapter 6: two working days pass; idle apps are stopped, and nobody loses work"
HOURLY = "cron(0 * * * ? *)"
NEW = ("tom", "uma", "vera", "walt")
"""People of fraud-dev whom no chapter before knows."""

UNTIL = ("Mon 12:05", "Mon 18:05", "Tue 00:05", "Tue 08:05", "Tue 12:05", "Tue 20:05")
_COLUMNS = ("app", "type", "instance", "noticed", "stopped", "hours saved", "USD saved", "in the end", "why")


def play(report: Report) -> None:
    """The people, what they do, what each sweep did, and what became of each app."""
    machine = report.stage.outputs()["IdleAppShutdownStateMachineArn"]
    domains = {account: people.domain_id(report, account, f"{account}-studio") for account in (FRAUD, PRICING)}
    _move_in(report, domains)
    report.stage.advance_to(moment("Mon 07:50"))
    report.stage.change_parameters(IdleAppShutdown="stop", IdleAppShutdownSchedule=HOURLY)
    report.say("hub: the platform team deployed IdleAppShutdown=stop: each hour idle apps are noticed, and stopped two hours later")
    _others_ran_green(report)

    life, runs, done = Life(report, USES, domains, datetime.fromisoformat(report.stage.settle())), list[Run](), list[dict[str, Any]]()
    for until in UNTIL:
        life.until(moment(until))
        new = report.new_executions(CHAPTER, WORKFLOW, machine)
        details = [_details(report, run) for run in new]
        done += [one for detail in details for one in detail["done"]]
        runs += new
    report.say("two working days are over")
    _table(done)
    _savings(runs)
    _expect(report, runs, done)
    _expect_kept(report, runs[-1])


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


def _of(use: Use, done: list[dict[str, Any]], result: str) -> list[dict[str, Any]]:
    """What was done to its app."""
    return [
        one
        for one in done
        if one["result"] == result
        and one["app_type"] == use.app_type
        and (one["space_name"] or one["user_profile_name"]) == (use.space or use.person)
    ]


def _table(done: list[dict[str, Any]]) -> None:
    """A line for each app: what was done to it and why, in the words of the sweeps' details; of what still runs, why the last sweep kept it."""
    rows = [_COLUMNS]
    for use in USES:
        noticed, stopped = _of(use, done, "Noticed"), _of(use, done, "Stopped")
        why = (stopped or noticed or [{"message": ""}])[-1]["message"]
        money = sum(one["money_saved"] or 0 for one in stopped)
        priced = all(one["money_saved"] is not None for one in stopped)
        rows.append(
            (
                use.name,
                use.app_type,
                use.instance or "",
                ", ".join(_when(one) for one in noticed),
                ", ".join(_when(one) for one in stopped),
                f"{sum(one['hours_saved'] for one in stopped):.1f}" if stopped else "",
                (f"{money:.2f}" if priced else "unknown") if stopped else "",
                use.in_the_end or "stopped",
                why,
            )
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


def _when(one: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(one['at']):%a %H:%M}"


def _savings(runs: list[Run]) -> None:
    counts = [run.output["counts"] for run in runs]
    hours, money = sum(one["hours_saved"] for one in counts), sum(one["money_saved"] for one in counts)
    print(f"       {len(runs)} sweeps: {hours:.1f} instance hours and {money:.2f} USD saved, as they say")


def _expect(report: Report, runs: list[Run], done: list[dict[str, Any]]) -> None:
    """Every sweep green; nothing stopped in which something went on; a notice two hours before each stop; the others' work runs on."""
    report.expect({run.row.status for run in runs} == {"SUCCEEDED"}, "a sweep ended red")
    for use in USES:
        noticed, stopped = ([datetime.fromisoformat(one["at"]) for one in _of(use, done, result)] for result in ("Noticed", "Stopped"))
        for at in stopped:
            work = use.going_on(at)
            report.expect(work is None, f"{use.name} was stopped while {work}")
            report.expect(
                any(7200 <= (at - before).total_seconds() < 4 * 3600 for before in noticed), f"{use.name} was stopped without two hours' notice"
            )
        report.expect(bool(stopped) or use.in_the_end is not None, f"{use.name} was to be stopped")
    kinds = Counter(one["result"] for one in done)
    report.expect(set(kinds) <= {"Noticed", "Stopped", "CalledOff"}, f"results are {dict(kinds)}")


def _expect_kept(report: Report, last: Run) -> None:
    """What the last sweep says of those that still run, by reason, is what it was to say."""
    found = last.output["counts"]["reasons"]
    print(f"       in the end: {', '.join(f'{reason} {number}' for reason, number in sorted(found.items()))}")
    wanted = Counter(use.in_the_end for use in USES if use.in_the_end)
    report.expect(found == dict(wanted), f"the last sweep's reasons are {found}, not {dict(wanted)}")
