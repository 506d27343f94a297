"""The API of Map Runs."""

from typing import Any

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.states.executions import executions
from localaws.states.finding import check_arn, find_map_run, page_of
from localaws.states.maps.runs import MapRun, map_runs

_STATUSES = {
    "pending": "PENDING",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "timedOut": "TIMED_OUT",
    "aborted": "ABORTED",
    "pendingRedrive": "PENDING_REDRIVE",
}


@operation("stepfunctions", "ListMapRuns")
def list_map_runs(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Oldest first. AWS documents no order."""
    arn = check_arn(call.params["executionArn"], "execution")
    if arn not in executions(cloud, call.account, call.region):
        raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    runs = [run for run in map_runs(cloud, call.account, call.region).values() if run.execution_arn == arn]
    page, more = page_of(runs, lambda run: run.arn, call.params)
    return {"mapRuns": [_listed(run) for run in page], **more}


def _listed(run: MapRun) -> dict[str, Any]:
    listed = {"executionArn": run.execution_arn, "mapRunArn": run.arn, "stateMachineArn": run.children_arn, "startDate": run.started}
    return listed | ({"stopDate": run.stopped} if run.stopped else {})


@operation("stepfunctions", "DescribeMapRun")
def describe_map_run(cloud: Cloud, call: Call) -> dict[str, Any]:
    run = find_map_run(cloud, call)
    failures = run.not_redrivable
    answer = {
        "mapRunArn": run.arn,
        "executionArn": run.execution_arn,
        "status": run.status,
        "startDate": run.started,
        "stopDate": run.stopped,
        "maxConcurrency": run.concurrency,
        "toleratedFailurePercentage": run.tolerated_percentage or 0.0,
        "toleratedFailureCount": run.tolerated_count or 0,
        "itemCounts": _counts(run.items) | _others([child.items for child in run.written], [child.items for child in failures]),
        "executionCounts": _counts(run.executions) | _others([1] * len(run.written), [1] * len(failures)),
        "redriveCount": run.redrives,
        "redriveDate": run.redriven,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _counts(statuses: Any) -> dict[str, int]:
    return {name: statuses[status] for name, status in _STATUSES.items()} | {"total": statuses.total()}


def _others(written: list[int], failures: list[int]) -> dict[str, int]:
    return {"resultsWritten": sum(written), "failuresNotRedrivable": sum(failures)}


@operation("stepfunctions", "UpdateMapRun")
def update_map_run(cloud: Cloud, call: Call) -> dict[str, Any]:
    """In force at once: more children are started where there is room now; a threshold counts when the next child ends."""
    run = find_map_run(cloud, call)
    if run.status != "RUNNING":
        raise AwsError("ValidationException", f"The Map Run is {run.status}: only one in progress can be updated")
    if not {"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"} & set(call.params):
        raise AwsError("ValidationException", "One of maxConcurrency, toleratedFailurePercentage and toleratedFailureCount must be specified")
    run.concurrency = call.params.get("maxConcurrency", run.concurrency)
    run.tolerated_count = call.params.get("toleratedFailureCount", run.tolerated_count)
    run.tolerated_percentage = call.params.get("toleratedFailurePercentage", run.tolerated_percentage)
    run.fill()
    return {}
