"""Redriving: an execution that did not succeed goes on from where it stands, under its own ARN, by the definition and role it was started with.

What was done is not done again: finished states, branches and iterations keep their results. The state that was not left goes on by its type (the
developer guide's table): a Task is scheduled again, a Choice looks again, a Wait waits again, a Fail state is entered again and fails again, a
Parallel or Map goes on with what failed or was aborted, all of it after ``States.DataLimitExceeded``. Retries and timeouts start anew.

AWS says nothing of these, so they are assumed: the state is not entered again but for a Fail state, a Wait of Seconds waits all of them again, and a
Pass or Succeed state that failed is evaluated again.

Source: "Restarting state machine executions with redrive in Step Functions" of the developer guide, and the API reference of RedriveExecution.
"""

from datetime import datetime, timedelta
from typing import Any

from localaws.cloud import AwsError
from localaws.states.executions import Execution, check_open_executions, launch
from localaws.states.history import MOST_EVENTS, iso

# "… within 14 days", "the maximum open time of one year", "less than 24,999 events": the redrive itself and one more must fit.
_REDRIVABLE = timedelta(days=14)
_LONGEST = timedelta(days=365)
# "… the last 10 client tokens", each "valid for up to 15 minutes after they are first used".
_TOKENS = 10
_TOKENS_ARE_VALID = timedelta(minutes=15)


def why_not(execution: Execution, now: datetime) -> str | None:
    """Why it cannot be redriven, as ``redriveStatusReason`` has it; None where it can."""
    if execution.machine.status == "DELETING":
        return "State machine is in DELETING status"
    if execution.status in {"RUNNING", "SUCCEEDED"}:
        return f"Execution is {execution.status} and cannot be redriven"
    if len(execution.history.events) >= MOST_EVENTS - 1:
        return "Execution history event limit exceeded"
    if now - execution.started > _LONGEST:
        return "Execution has exceeded the max execution time"
    if execution.stopped is not None and now - execution.stopped > _REDRIVABLE:
        return "Execution redrivable period exceeded"
    return None


def described(execution: Execution, now: datetime) -> dict[str, Any]:
    """What DescribeExecution says of redrives to come."""
    reason = why_not(execution, now)
    return {"redriveStatus": "REDRIVABLE"} if reason is None else {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def redrive(execution: Execution, token: str | None) -> datetime:
    """Redrive, or answer a token that was used before as it was answered. Returns when that was."""
    now = execution.cloud.clock.datetime()
    known = execution.redrive_tokens.get(token or "")
    if known is not None and now - known <= _TOKENS_ARE_VALID:
        return known
    reason = why_not(execution, now)
    if reason is not None:
        raise AwsError("ExecutionNotRedrivable", reason)
    check_open_executions(execution.cloud, execution.machine)
    if token is not None:
        execution.redrive_tokens.pop(token, None)
        execution.redrive_tokens[token] = now
        for old in list(execution.redrive_tokens)[:-_TOKENS]:
            del execution.redrive_tokens[old]
    _go_on(execution, now)
    return now


def _go_on(execution: Execution, now: datetime) -> None:
    execution.redrives, execution.redriven = execution.redrives + 1, now
    execution.status, execution.stopped = "RUNNING", None
    execution.error = execution.cause = None
    execution.entry.update(time=None, status="RUNNING", error=None, cause=None, redrives=execution.redrives)
    execution.history.resume(execution.redrives)
    # One dictionary for all scopes, those of branches included.
    execution.root.context["Execution"].update(RedriveCount=execution.redrives, RedriveTime=iso(now))
    launch(execution)
