"""Finding what a call of the Step Functions API is about, and giving back long lists in pages."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from localaws.cloud import AwsError, Call, Cloud, Refused
from localaws.states.executions import Execution, StateMachine, executions, machines
from localaws.states.maps.runs import MapRun, map_runs

Answer = dict[str, Any]
Item = TypeVar("Item")

PAGE = 100


def check_arn(arn: str, *kinds: str) -> str:
    """Check an ARN of one of these kinds (``stateMachine``, ``execution``)."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[:3] != ["arn", "aws", "states"] or parts[5] not in kinds:
        raise AwsError("InvalidArn", f"Invalid Arn: '{arn}'")
    if parts[5] == "stateMachine" and (len(parts) > 7 or "/" in parts[6]):
        raise Refused(f"{arn}: versions and aliases of state machines, and those of Distributed Maps, are not built yet")
    return arn


def find_machine(cloud: Cloud, call: Call, arn: str) -> StateMachine:
    machine = machines(cloud, call.account, call.region).get(check_arn(arn, "stateMachine"))
    if machine is None:
        raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    return machine


def find_execution(cloud: Cloud, call: Call, *kinds: str) -> Execution:
    arn = check_arn(call.params["executionArn"], *(kinds or ("execution",)))
    execution = executions(cloud, call.account, call.region).get(arn)
    if execution is None:
        raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    return execution


def find_map_run(cloud: Cloud, call: Call) -> MapRun:
    arn = check_arn(call.params["mapRunArn"], "mapRun")
    run = map_runs(cloud, call.account, call.region).get(arn)
    if run is None:
        raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
    return run


def page_of(items: Iterable[Item], key: Callable[[Item], str], params: dict[str, Any]) -> tuple[list[Item], Answer]:
    """One page, and the token of the next: the key of the last item given, so that newer ones shift nothing."""
    rest, token = iter(items), params.get("nextToken")
    if token and not any(key(item) == token for item in rest):
        raise AwsError("InvalidToken", "Invalid Token")
    found, size = list(rest), params.get("maxResults") or PAGE
    return found[:size], ({"nextToken": key(found[size - 1])} if size < len(found) else {})
