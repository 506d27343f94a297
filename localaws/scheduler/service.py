"""The API of EventBridge Scheduler. moto's keeps schedules too, yet fires none, takes any expression, and forgets ActionAfterCompletion on an update.

Source: EventBridge Scheduler API Reference. ClientToken is not looked at: a name that is taken is a conflict.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.paging import page
from localaws.scheduler.delivery import LONGEST_AGE, MOST_RETRIES
from localaws.scheduler.expressions import Expression, read_expression
from localaws.scheduler.groups import DEFAULT, find_group, groups
from localaws.scheduler.schedules import Schedule
from localaws.scheduler.targets import check_target

_HERE = "localaws/scheduler/service.py"
_SETTINGS = {
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
}
_BEAT = ("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate")


@operation("scheduler", "CreateSchedule")
def create_schedule(cloud: Cloud, call: Call) -> dict[str, Any]:
    group, name = find_group(cloud, call, call.params.get("GroupName", DEFAULT)), call.params["Name"]
    if name in group.schedules:
        raise AwsError("ConflictException", f"Schedule {name} already exists.", 409)
    settings = _settings(cloud, call, group.arn)
    expression = read_expression(settings["ScheduleExpression"], settings["ScheduleExpressionTimezone"])
    now = cloud.clock.datetime()
    schedule = Schedule(cloud, group, name, call.arn(f"schedule/{group.name}/{name}"), settings, expression, _anchor(cloud, settings), now, now)
    _check_to_come(cloud, call, expression)
    group.schedules[name] = schedule
    schedule.plan(cloud.clock.now)
    return {"ScheduleArn": schedule.arn}


@operation("scheduler", "UpdateSchedule")
def update_schedule(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All settings are replaced: what is not given goes back to its default."""
    schedule = _find(cloud, call)
    settings = _settings(cloud, call, schedule.group.arn)
    expression = read_expression(settings["ScheduleExpression"], settings["ScheduleExpressionTimezone"])
    if any(settings.get(name) != schedule.settings.get(name) for name in _BEAT):
        _check_to_come(cloud, call, expression)
        schedule.anchor = _anchor(cloud, settings)
    schedule.settings, schedule.expression, schedule.modified = settings, expression, cloud.clock.datetime()
    schedule.plan(cloud.clock.now)
    return {"ScheduleArn": schedule.arn}


@operation("scheduler", "GetSchedule")
def get_schedule(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _find(cloud, call).described()


@operation("scheduler", "DeleteSchedule")
def delete_schedule(cloud: Cloud, call: Call) -> None:
    _find(cloud, call).delete()


@operation("scheduler", "ListSchedules")
def list_schedules(cloud: Cloud, call: Call) -> dict[str, Any]:
    group, prefix, state = call.params.get("GroupName"), call.params.get("NamePrefix", ""), call.params.get("State")
    within = [find_group(cloud, call, group)] if group else list(groups(cloud, call).values())
    found = [schedule for one in within for schedule in one.schedules.values()]
    shown, token = page(
        [one for one in found if one.name.startswith(prefix) and state in (None, one.settings["State"])],
        key=lambda one: [one.group.name, one.name],
        scope=[call.operation, group, prefix, state],
        size=call.params.get("MaxResults", 100),
        token=call.params.get("NextToken"),
        wrong_token=AwsError("ValidationException", "Invalid NextToken."),
    )
    return {"Schedules": [one.summary() for one in shown], **({"NextToken": token} if token else {})}


def _find(cloud: Cloud, call: Call) -> Schedule:
    group, name = find_group(cloud, call, call.params.get("GroupName", DEFAULT)), call.params["Name"]
    if name not in group.schedules:
        raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
    return group.schedules[name]


def _check_to_come(cloud: Cloud, call: Call, expression: Expression) -> None:
    if not expression.recurs and expression.first(cloud.clock.now, 0) is None:
        raise Refused(f"{call.action}: {call.params['ScheduleExpression']} is over: AWS does not say what it does then ({_HERE})")


# -- settings


def _settings(cloud: Cloud, call: Call, group_arn: str) -> dict[str, Any]:
    """What was given with its defaults, checked."""
    given = {name: value for name, value in call.params.items() if name in _SETTINGS}
    if unknown := sorted(set(call.params) - _SETTINGS - {"Name", "GroupName", "ClientToken"}):
        raise Refused(f"{call.action}: {', '.join(unknown)} ({_HERE})")
    dates: dict[str, Any] = {name: _date(given[name]) for name in ("StartDate", "EndDate") if name in given}
    policy: dict[str, Any] = {"MaximumEventAgeInSeconds": LONGEST_AGE, "MaximumRetryAttempts": MOST_RETRIES, **given["Target"].get("RetryPolicy", {})}
    defaults = {"ActionAfterCompletion": "NONE", "ScheduleExpressionTimezone": "UTC", "State": "ENABLED"}
    settings = {**defaults, **given, **dates, "Target": {**given["Target"], "RetryPolicy": policy}}
    _check_dates(cloud, settings)
    _check_window(call, settings["FlexibleTimeWindow"])
    check_target(cloud, call, settings["Target"], group_arn)
    return settings


def _date(given: Any) -> datetime:
    """A moment of UTC: moto reads one without its zone."""
    return given.replace(tzinfo=UTC) if isinstance(given, datetime) else datetime.fromtimestamp(float(given), UTC)


def _check_dates(cloud: Cloud, settings: dict[str, Any]) -> None:
    start, end = settings.get("StartDate"), settings.get("EndDate")
    if settings["ScheduleExpression"].startswith("at("):
        return
    if start is not None and start < cloud.clock.datetime() - timedelta(minutes=5):
        raise AwsError("ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.")
    if end is not None and end <= (start or cloud.clock.datetime()):
        raise AwsError("ValidationException", "The EndDate you specify must come after the StartDate.")


def _check_window(call: Call, window: dict[str, Any]) -> None:
    if window["Mode"] == "FLEXIBLE" and "MaximumWindowInMinutes" not in window:
        raise AwsError("ValidationException", "MaximumWindowInMinutes must be provided when FlexibleTimeWindow mode is FLEXIBLE.")
    if window["Mode"] == "OFF" and "MaximumWindowInMinutes" in window:
        raise Refused(f"{call.action}: MaximumWindowInMinutes of a window that is OFF ({_HERE})")


def _anchor(cloud: Cloud, settings: dict[str, Any]) -> float:
    start = settings.get("StartDate")
    return float(start.timestamp()) if start is not None else cloud.clock.now
