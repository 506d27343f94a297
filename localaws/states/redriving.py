"""Redriving: an execution that did not succeed goes on from where it stands, under its own ARN, by the definition and role it was started with.

What was done is not done again: finished states, branches and iterations keep their results. The state that was not left goes on by its type (the
developer guide's table): a Task is scheduled again, a Choice looks again, a Wait waits again, a Fail state is entered again and fails again, a
Parallel or Map goes on with what failed or was aborted, all of it after ``States.DataLimitExceeded``. Retries and timeouts start anew.

AWS says nothing of these, so they are assumed: the state is not entered again but for a Fail state, a Wait of Seconds waits all of them again, and a
Pass or Succeed state that failed is evaluated again.

Source: "Restarting state machine executions with redrive in Step Functions" of the developer guide, and the API reference of RedriveExecution.
"""

from datetime import datetime, timedelta

from localaws.cloud import AwsError
from localaws.states.executions import Execution, check_open_executions, redrive_status
from localaws.states.running import resume

# "… the last 10 client tokens", each "valid for up to 15 minutes after they are first used".
_TOKENS = 10
_TOKENS_ARE_VALID = timedelta(minutes=15)


def redrive(execution: Execution, token: str | None) -> datetime:
    """Redrive, or answer a token that was used before as it was answered. Returns when that was."""
    now = execution.cloud.clock.datetime()
    known = execution.redrive_tokens.get(token or "")
    if known is not None and now - known <= _TOKENS_ARE_VALID:
        return known
    status = redrive_status(execution, now)
    if status["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN":
        raise AwsError("ExecutionNotRedrivable", "Execution was started by a Map Run: redrive the execution of its parent workflow")
    if "redriveStatusReason" in status:
        raise AwsError("ExecutionNotRedrivable", status["redriveStatusReason"])
    check_open_executions(execution.cloud, execution.machine)
    if token is not None:
        execution.redrive_tokens.pop(token, None)
        execution.redrive_tokens[token] = now
        for old in list(execution.redrive_tokens)[:-_TOKENS]:
            del execution.redrive_tokens[old]
    resume(execution)
    return now
