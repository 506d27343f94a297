"""Listing executions: those of a state machine, or the children of a Map Run."""

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.states.executions import Execution, executions
from localaws.states.finding import PAGE, Answer, find_machine, find_map_run


@operation("stepfunctions", "ListExecutions")
def list_executions(cloud: Cloud, call: Call) -> Answer:
    """ "Running executions are sorted by their startDate or redriveDate, and other executions are sorted by their stopDate", the newest first."""
    params = call.params
    if ("mapRunArn" in params) == ("stateMachineArn" in params):
        raise AwsError("ValidationException", "Either stateMachineArn or mapRunArn must be specified, and not both")
    status, redriven = params.get("statusFilter"), params.get("redriveFilter")
    if status == "PENDING_REDRIVE" and "mapRunArn" not in params:
        raise AwsError("ValidationException", "PENDING_REDRIVE is a status of map runs: it needs mapRunArn")
    listed = _children(cloud, call) if "mapRunArn" in params else _executions_of(cloud, call)
    found = sorted(
        (_place(execution), execution.arn)
        for execution, shown in listed
        if status in {None, shown} and redriven in {None, "REDRIVEN" if execution.redrives else "NOT_REDRIVEN"}
    )[::-1]
    if "nextToken" in params:
        found = [(place, arn) for place, arn in found if place < _token_place(params["nextToken"])]
    size = params.get("maxResults") or PAGE
    more = {"nextToken": " ".join(map(str, found[size - 1][0]))} if size < len(found) else {}
    known = {execution.arn: (execution, shown) for execution, shown in listed}
    return {"executions": [_in_a_list(*known[arn]) for _, arn in found[:size]], **more}


def _executions_of(cloud: Cloud, call: Call) -> list[tuple[Execution, str]]:
    machine = find_machine(cloud, call, call.params["stateMachineArn"])
    return [(execution, execution.status) for execution in executions(cloud, call.account, call.region).values() if execution.machine is machine]


def _children(cloud: Cloud, call: Call) -> list[tuple[Execution, str]]:
    """Those of a Map Run, each with its status there. "This operation is not supported by EXPRESS state machines." """
    run = find_map_run(cloud, call)
    if run.type == "EXPRESS":
        raise AwsError("StateMachineTypeNotSupported", f"This operation is not supported by EXPRESS executions: '{run.arn}'")
    return [(child.execution, child.status) for child in run.children or [] if child.execution is not None]


def _in_a_list(execution: Execution, status: str) -> Answer:
    of_map_run = {} if execution.child_of is None else {"mapRunArn": execution.child_of.map_run_arn, "itemCount": execution.child_of.items}
    return listed_execution(execution) | {"status": status} | of_map_run


def _place(execution: Execution) -> tuple[float, int]:
    """Where it stands in a list: a page goes on after a place, so that what moves meanwhile shifts nothing."""
    return (execution.stopped or execution.redriven or execution.started).timestamp(), execution.number


def _token_place(token: str) -> tuple[float, int]:
    try:
        moment, number = token.split(" ")
        return float(moment), int(number)
    except ValueError as error:
        raise AwsError("InvalidToken", "Invalid Token") from error


def listed_execution(execution: Execution) -> Answer:
    answer = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "redriveCount": execution.redrives,
    }
    dates = {"stopDate": execution.stopped, "redriveDate": execution.redriven}
    return answer | {name: date for name, date in dates.items() if date is not None}
