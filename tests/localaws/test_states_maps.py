"""Distributed Map: an execution of its own for each item, so many at a time. What fails is in test_states_maps_failures.py."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import AwsError
from localaws.states.maps import runs
from tests.localaws.states_machinery import (
    ACCOUNT,
    REGION,
    StepFunctions,
    block,
    fan_out,
    function_fails,
    last,
    machine,
    seconds,
    step_functions,
    task,
)

STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"
ECHO = block(Echo=last("Pass"))


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def fails_for(sfn: StepFunctions, *broken: Any) -> None:
    sfn.functions.answer = lambda payload: function_fails("Broken", f"{payload}") if payload in broken else payload


def map_run(sfn: StepFunctions, arn: str) -> dict[str, Any]:
    (listed,) = sfn.call("ListMapRuns", executionArn=arn)["mapRuns"]
    return sfn.call("DescribeMapRun", mapRunArn=listed["mapRunArn"])


def children(sfn: StepFunctions, arn: str, **filters: Any) -> list[dict[str, Any]]:
    """The Standard children, the newest first."""
    run = map_run(sfn, arn)["mapRunArn"]
    listed = sfn.call("ListExecutions", mapRunArn=run, maxResults=1000, **filters)["executions"]
    return [sfn.call("DescribeExecution", executionArn=child["executionArn"]) for child in listed]


def counts(found: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in found.items() if number}


# -- what children are given, and what comes back


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_each_item_is_an_execution_and_results_stand_in_the_order_of_items(sfn: StepFunctions, kind: str) -> None:
    waits = block(Wait={"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "Tell"}, Tell=last("Pass", Output="{% $states.input * 10 %}"))
    assert sfn.output(machine(All=fan_out(waits, kind)), [3, 1, 2]) == [30, 10, 20]
    entries = [entry for entry in sfn.cloud.log.executions if "map_run" in entry]
    assert {(entry["machine"], entry["type"], entry["status"], entry["transitions"]) for entry in entries} == {("machine/Each", kind, "SUCCEEDED", 2)}
    assert len({entry["map_run"] for entry in entries}) == 1


def test_items_can_be_an_expression_and_a_selector_makes_them(sfn: StepFunctions) -> None:
    made = {"n": "{% $states.context.Map.Item.Index %}", "is": "{% $states.context.Map.Item.Value %}", "of": "{% $states.input.of %}"}
    source = {"from": "{% $states.context.Map.Item.Source %}"}
    state = fan_out(ECHO, Items="{% $states.input.names %}", ItemSelector=made | source)
    expected = [{"n": 0, "is": "a", "of": 7, "from": "STATE_DATA"}, {"n": 1, "is": "b", "of": 7, "from": "STATE_DATA"}]
    assert sfn.output(machine(All=state), {"names": ["a", "b"], "of": 7}) == expected


def test_an_inline_map_tells_the_source_too(sfn: StepFunctions) -> None:
    inline = last("Map", ItemProcessor=ECHO, ItemSelector="{% $states.context.Map.Item.Source %}")
    assert sfn.output(machine(All=inline), [1]) == ["STATE_DATA"]


def test_no_items_are_no_children_and_a_map_run_all_the_same(sfn: StepFunctions) -> None:
    done = sfn.run(machine(All=fan_out(ECHO)), [])
    assert (done["output"], map_run(sfn, done["arn"])["status"]) == ([], "SUCCEEDED")


def test_items_that_are_no_array_fail_before_a_map_run_is_there(sfn: StepFunctions) -> None:
    done = sfn.run(machine(All=fan_out(ECHO, Items="{% $states.input.items %}")), {"items": "many"})
    assert (done["status"], done["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert sfn.call("ListMapRuns", executionArn=done["arn"])["mapRuns"] == []


def test_children_do_not_see_variables_from_outside_and_may_use_their_names(sfn: StepFunctions) -> None:
    first = {"Type": "Pass", "Assign": {"kept": 1}, "Next": "All"}
    own = block(Keep={"Type": "Pass", "Assign": {"kept": "{% $states.input %}"}, "Next": "Tell"}, Tell=last("Pass", Output="{% $kept %}"))
    assert sfn.output(machine(First=first, All=fan_out(own, Items=[5]))) == [5]
    blind = fan_out(block(Tell=last("Pass", Output="{% $kept %}")), Items=[5])
    arn = sfn.start(sfn.create(machine(First=first, All=blind), "blind"))
    sfn.clock.settle()
    (child,) = children(sfn, arn)
    assert (child["error"], "$kept" in child["cause"]) == ("States.QueryEvaluationError", True)


def test_a_child_has_a_context_object_of_its_own(sfn: StepFunctions) -> None:
    told = block(Tell=last("Pass", Output="{% [$states.context.Execution.Id, $states.context.StateMachine.Name] %}"))
    ((arn, name),) = sfn.output(machine(All=fan_out(told)), [1])
    assert (arn.startswith(f"{STATES}:execution:machine/Each:"), name) == (True, "machine/Each")


def test_a_distributed_map_may_stand_in_a_standard_child(sfn: StepFunctions) -> None:
    inner = block(Again=fan_out(block(Tell=last("Pass")), "EXPRESS", Label="Inner"))
    assert sfn.output(machine(All=fan_out(inner)), [[1, 2], [3]]) == [[1, 2], [3]]


# -- how many at a time


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize(("limit", "at_once", "seconds_taken"), [(2, 2, 30), ("{% $count($states.input) - 2 %}", 3, 20), (0, 5, 10), (None, 5, 10)])
def test_so_many_children_run_at_a_time(sfn: StepFunctions, kind: str, limit: Any, at_once: int, seconds_taken: int) -> None:
    sfn.functions.seconds = 10
    given = {} if limit is None else {"MaxConcurrency": limit}
    done = sfn.run(machine(All=fan_out(block(Step=task()), kind, **given)), [1, 2, 3, 4, 5])
    assert (done["output"], sfn.functions.most_running) == ([1, 2, 3, 4, 5], at_once)
    assert seconds_taken <= done["seconds"] < seconds_taken + 1


@pytest.mark.parametrize("given", [{}, {"MaxConcurrency": 5}])
def test_ten_thousand_children_run_at_a_time_at_most(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch, given: dict[str, int]) -> None:
    assert runs.MOST_PARALLEL == 10_000
    monkeypatch.setattr(runs, "MOST_PARALLEL", 2)
    sfn.functions.seconds = 10
    sfn.run(machine(All=fan_out(block(Step=task()), **given)), [1, 2, 3, 4, 5])
    assert sfn.functions.most_running == 2


def test_a_running_map_run_can_be_told_other_limits(sfn: StepFunctions) -> None:
    sfn.functions.seconds = 10
    fails_for(sfn, 1, 2)
    arn = sfn.begin(machine(All=fan_out(block(Step=task()), MaxConcurrency=1)), [1, 2, 3, 4])
    sfn.clock.advance(5)
    run = map_run(sfn, arn)
    assert (run["status"], counts(run["executionCounts"])) == ("RUNNING", {"running": 1, "pending": 3, "total": 4})
    sfn.call("UpdateMapRun", mapRunArn=run["mapRunArn"], maxConcurrency=3, toleratedFailureCount=2, toleratedFailurePercentage=60.0)
    assert counts(map_run(sfn, arn)["executionCounts"]) == {"running": 3, "pending": 1, "total": 4}
    sfn.clock.settle()
    run = map_run(sfn, arn)
    assert (run["status"], run["maxConcurrency"], run["toleratedFailureCount"], run["toleratedFailurePercentage"]) == ("SUCCEEDED", 3, 2, 60.0)
    with pytest.raises(AwsError, match="in progress") as refused:
        sfn.call("UpdateMapRun", mapRunArn=run["mapRunArn"], maxConcurrency=3)
    assert refused.value.code == "ValidationException"


def test_an_update_changes_something_or_is_refused(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(All=fan_out(block(Step=seconds(5)))), [1])
    sfn.clock.advance(1)
    with pytest.raises(AwsError, match="must be specified"):
        sfn.call("UpdateMapRun", mapRunArn=map_run(sfn, arn)["mapRunArn"])
    with pytest.raises(AwsError) as unknown:
        sfn.call("UpdateMapRun", mapRunArn=f"{STATES}:mapRun:machine/Each:none", maxConcurrency=1)
    assert unknown.value.code == "ResourceNotFound"


# -- Map Runs and children as the API shows them


def test_a_map_run_counts_items_and_executions(sfn: StepFunctions) -> None:
    fails_for(sfn, {"Items": [3]})
    state = fan_out(block(Step=task()), ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailurePercentage=50)
    done = sfn.run(machine(All=state), [1, 2, 3])
    run = map_run(sfn, done["arn"])
    assert run["mapRunArn"].startswith(f"{STATES}:mapRun:machine/Each:")
    assert (run["executionArn"], run["status"], run["redriveCount"]) == (done["arn"], "SUCCEEDED", 0)
    assert (run["toleratedFailurePercentage"], run["toleratedFailureCount"], run["maxConcurrency"]) == (50.0, 0, 0)
    assert counts(run["itemCounts"]) == {"succeeded": 2, "failed": 1, "total": 3}
    assert counts(run["executionCounts"]) == {"succeeded": 1, "failed": 1, "total": 2}
    with pytest.raises(AwsError) as unknown:
        sfn.call("DescribeMapRun", mapRunArn=f"{STATES}:mapRun:machine/Each:none")
    assert unknown.value.code == "ResourceNotFound"


def test_map_runs_are_listed_in_pages(sfn: StepFunctions) -> None:
    maps = [block(**{label: fan_out(block(**{f"In{label}": last("Pass")}), Label=label)}) for label in ("One", "Two", "Three")]
    arn = sfn.begin(machine(All=last("Parallel", Branches=maps)), [1])
    sfn.clock.settle()
    first = sfn.call("ListMapRuns", executionArn=arn, maxResults=2)
    second = sfn.call("ListMapRuns", executionArn=arn, nextToken=first["nextToken"])
    listed = [*first["mapRuns"], *second["mapRuns"]]
    assert {run["stateMachineArn"] for run in listed} == {f"{STATES}:stateMachine:machine/{label}" for label in ("One", "Two", "Three")}
    assert [(run["executionArn"], "stopDate" in run) for run in listed] == [(arn, True)] * 3
    assert (len(first["mapRuns"]), "nextToken" in second) == (2, False)
    with pytest.raises(AwsError) as unknown:
        sfn.call("ListMapRuns", executionArn=f"{STATES}:execution:machine:none")
    assert unknown.value.code == "ExecutionDoesNotExist"


def test_standard_children_are_listed_and_described_and_have_a_history(sfn: StepFunctions) -> None:
    fails_for(sfn, {"Items": [3]})
    state = fan_out(block(Step=task()), ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailureCount=1)
    done = sfn.run(machine(All=state), [1, 2, 3])
    run = map_run(sfn, done["arn"])["mapRunArn"]
    listed = sfn.call("ListExecutions", mapRunArn=run)["executions"]
    assert {(child["status"], child["itemCount"], child["mapRunArn"]) for child in listed} == {("SUCCEEDED", 2, run), ("FAILED", 1, run)}
    (child,) = children(sfn, done["arn"], statusFilter="FAILED")
    assert (child["mapRunArn"], child["error"], child["redriveStatus"]) == (run, "Broken", "REDRIVABLE_BY_MAP_RUN")
    assert (child["stateMachineArn"], child["input"]) == (f"{STATES}:stateMachine:machine/Each", '{"Items":[3]}')
    assert sfn.kinds(child["executionArn"])[-2:] == ["TaskFailed", "ExecutionFailed"]
    of_child = sfn.call("DescribeStateMachineForExecution", executionArn=child["executionArn"])
    assert (of_child["label"], of_child["mapRunArn"], json.loads(of_child["definition"])["StartAt"]) == ("Each", run, "Step")
    listed = sfn.call("ListExecutions", stateMachineArn=f"{STATES}:stateMachine:machine")["executions"]
    assert [execution["executionArn"] for execution in listed] == [done["arn"]], "the machine's own are listed without them"
    with pytest.raises(AwsError, match="not both"):
        sfn.call("ListExecutions", mapRunArn=run, stateMachineArn=f"{STATES}:stateMachine:machine")


def test_a_child_is_redriven_with_its_map_run_only(sfn: StepFunctions) -> None:
    fails_for(sfn, 1)
    done = sfn.run(machine(All=fan_out(block(Step=task()))), [1])
    (child,) = children(sfn, done["arn"])
    with pytest.raises(AwsError, match="parent workflow") as refused:
        sfn.call("RedriveExecution", executionArn=child["executionArn"])
    assert refused.value.code == "ExecutionNotRedrivable"


def test_express_children_are_described_and_neither_listed_nor_have_they_a_history(sfn: StepFunctions) -> None:
    done = sfn.run(machine(All=fan_out(ECHO, "EXPRESS")), [1])
    run = map_run(sfn, done["arn"])["mapRunArn"]
    with pytest.raises(AwsError) as refused:
        sfn.call("ListExecutions", mapRunArn=run)
    assert refused.value.code == "StateMachineTypeNotSupported"
    arn = next(entry["arn"] for entry in sfn.cloud.log.executions if "map_run" in entry)
    assert arn.startswith(f"{STATES}:express:machine/Each:")
    assert len(arn.split(":")) == 9
    described = sfn.call("DescribeExecution", executionArn=arn)
    assert (described["status"], described["output"], described["mapRunArn"]) == ("SUCCEEDED", "1", run)
    for operation in ("GetExecutionHistory", "StopExecution", "RedriveExecution", "DescribeStateMachineForExecution"):
        with pytest.raises(AwsError) as unsupported:
            sfn.call(operation, executionArn=arn)
        assert unsupported.value.code == "InvalidArn"


def test_the_history_of_the_parent_has_the_map_run_and_nothing_of_the_children(sfn: StepFunctions) -> None:
    done = sfn.run(machine(All=fan_out(block(Step=task()))), [1, 2, 3])
    kinds = ["MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited"]
    assert sfn.kinds(done["arn"]) == ["ExecutionStarted", *kinds, "ExecutionSucceeded"]
    events = sfn.history(done["arn"])
    assert events[2]["mapStateStartedEventDetails"] == {"length": 3}
    assert events[3]["mapRunStartedEventDetails"] == {"mapRunArn": map_run(sfn, done["arn"])["mapRunArn"]}


def test_a_map_without_a_label_gets_one_and_keeps_it(sfn: StepFunctions) -> None:
    state = fan_out(ECHO)
    del state["Label"]
    arn = sfn.create(machine(All=state))
    executions = [sfn.start(arn, [1]), sfn.start(arn, [1])]
    sfn.clock.settle()
    first, second = (map_run(sfn, execution)["mapRunArn"].rsplit(":", 1) for execution in executions)
    assert first[0] == second[0] != f"{STATES}:mapRun:machine/"
    assert first[1] != second[1]


# -- limits of Express children


def test_an_express_child_has_five_minutes(sfn: StepFunctions) -> None:
    done = sfn.run(machine(All=fan_out(block(Wait=seconds(301)), "EXPRESS", ToleratedFailureCount=1)), [1])
    assert (done["output"][0]["Status"], done["output"][0]["Error"], done["seconds"]) == ("TIMED_OUT", "States.Timeout", 300)
    assert counts(map_run(sfn, done["arn"])["itemCounts"]) == {"timedOut": 1, "total": 1}
    assert sfn.clock.next_due is None, "what it waited for is forgotten"


def test_a_standard_child_has_more(sfn: StepFunctions) -> None:
    assert sfn.run(machine(All=fan_out(block(Wait=seconds(3600)))), [1])["status"] == "SUCCEEDED"


def test_results_of_more_than_256_kib_are_too_large(sfn: StepFunctions) -> None:
    large = block(Grow=last("Pass", Output="{% $pad('', 30000, 'x') %}"))
    done = sfn.run(machine(All=fan_out(large, Output="small")), list(range(9)))
    assert (done["error"], "exceeding the maximum" in done["cause"]) == ("States.DataLimitExceeded", True)
    assert sfn.kinds(done["arn"])[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


# -- the end of the parent


def test_stopping_the_parent_stops_standard_children(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(All=fan_out(block(Wait=seconds(50)), MaxConcurrency=2)), [1, 2, 3])
    sfn.clock.advance(10)
    sfn.call("StopExecution", executionArn=arn)
    run = map_run(sfn, arn)
    assert (run["status"], counts(run["executionCounts"])) == ("ABORTED", {"aborted": 2, "pending": 1, "total": 3})
    assert sfn.kinds(arn)[-3:] == ["MapRunAborted", "MapStateAborted", "ExecutionAborted"]
    stopped = sfn.clock.now
    sfn.clock.settle()
    assert sfn.clock.now == stopped, "nothing is left to wait for"


def test_express_children_outlive_their_parent(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(All=fan_out(block(Wait=seconds(50)), "EXPRESS", MaxConcurrency=2)), [1, 2, 3])
    sfn.clock.advance(10)
    sfn.call("StopExecution", executionArn=arn)
    assert counts(map_run(sfn, arn)["executionCounts"]) == {"running": 2, "pending": 1, "total": 3}
    sfn.clock.settle()
    run = map_run(sfn, arn)
    assert (run["status"], counts(run["executionCounts"])) == ("ABORTED", {"succeeded": 2, "pending": 1, "total": 3})


def test_a_deleted_machine_takes_its_children_along(sfn: StepFunctions) -> None:
    waits = block(Wait={"Type": "Wait", "Seconds": 50, "Next": "Tell"}, Tell=last("Pass"))
    arn = sfn.begin(machine(All=fan_out(waits, Next="Then"), Then=last("Pass")), [1])
    sfn.clock.advance(10)
    sfn.call("DeleteStateMachine", stateMachineArn=f"{STATES}:stateMachine:machine")
    sfn.clock.settle()
    assert [entry["status"] for entry in sfn.cloud.log.executions] == ["ABORTED", "ABORTED"]
    with pytest.raises(AwsError):
        sfn.describe(arn)


# -- permissions, as the machinery asks for them


def test_each_start_is_asked_for(sfn: StepFunctions) -> None:
    sfn.run(machine(All=fan_out(ECHO, "EXPRESS")), [1, 2])
    actions = [action for action, _ in sfn.asked]
    assert (actions.count("states:StartExecution"), actions.count("states:DescribeExecution")) == (2, 1)
    assert ("states:StartExecution", f"{STATES}:stateMachine:machine") in sfn.asked


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    def order(seed: int) -> list[Any]:
        with step_functions(seed) as api:
            api.run(machine(All=fan_out(block(Step=task()), "EXPRESS")), list(range(20)))
            return [payload for _, _, payload, _ in api.functions.calls]

    assert order(1) == order(1)
    assert order(1) != order(2)
