"""One workflow alone: an event may start several, and a story about one of them is told without the others.

As an administrator of the hub would: the rules and schedules of the others are disabled. Whose a rule or a schedule is, its message for intake says.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from localaws.local import LocalOrganization

_WORKFLOW = re.compile(r'"workflow":\s*"(\w+)"')


def leave_on(local: LocalOrganization, *workflows: str) -> None:
    """Only these start by themselves from now on, whatever was on before. What they start themselves they go on starting."""
    rules, schedules = _rules(local), _schedules(local)
    if unknown := sorted(set(workflows) - {*rules, *schedules}):
        raise ValueError(f"{', '.join(unknown)}: nothing in the hub starts that")
    events, scheduler = local.client("events", "hub"), local.client("scheduler", "hub")
    for rule in _to_change(rules, workflows):
        change = events.enable_rule if rule["State"] == "DISABLED" else events.disable_rule
        change(Name=rule["Name"], EventBusName=rule["EventBusName"])
    for schedule in _to_change(schedules, workflows):
        given = {name: value for name, value in schedule.items() if name not in _ONLY_TOLD}
        scheduler.update_schedule(**given | {"State": "ENABLED" if schedule["State"] == "DISABLED" else "DISABLED"})


def _to_change(found: dict[str, list[dict[str, Any]]], workflows: Collection[str]) -> list[dict[str, Any]]:
    return [one for workflow, those in found.items() for one in those if (one["State"] == "ENABLED") != (workflow in workflows)]


_ONLY_TOLD = {"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"}
"""What GetSchedule says and UpdateSchedule, which replaces everything, does not take."""


def started_by_themselves(local: LocalOrganization) -> set[str]:
    """The workflows of which a rule or a schedule is on."""
    those = [*_rules(local).items(), *_schedules(local).items()]
    return {workflow for workflow, found in those if any(one["State"] == "ENABLED" for one in found)}


def _rules(local: LocalOrganization) -> dict[str, list[dict[str, Any]]]:
    events, found = local.client("events", "hub"), dict[str, list[dict[str, Any]]]()
    for bus in events.list_event_buses()["EventBuses"]:
        for page in events.get_paginator("list_rules").paginate(EventBusName=bus["Name"]):
            for rule in page["Rules"]:
                for workflow in _named(events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]):
                    found.setdefault(workflow, []).append(rule)
    return found


def _schedules(local: LocalOrganization) -> dict[str, list[dict[str, Any]]]:
    scheduler, found = local.client("scheduler", "hub"), dict[str, list[dict[str, Any]]]()
    for page in scheduler.get_paginator("list_schedules").paginate():
        for listed in page["Schedules"]:
            schedule = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
            for workflow in _named([schedule["Target"]]):
                found.setdefault(workflow, []).append(schedule)
    return found


def _named(targets: list[dict[str, Any]]) -> Iterator[str]:
    for target in targets:
        yield from _WORKFLOW.findall(target.get("InputTransformer", {}).get("InputTemplate") or target.get("Input", ""))
