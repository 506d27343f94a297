"""Distributed Map: how many of its items may fail, and what becomes of the others beyond that."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.localaws.states_machinery import StepFunctions, block, fan_out, last, machine, seconds, step_functions, task
from tests.localaws.test_states_maps import ECHO, children, counts, fails_for, map_run


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


FAILED = ("FAILED", "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize(
    ("tolerated", "broken", "fails"),
    [
        ({}, 0, False),
        ({}, 1, True),
        ({"ToleratedFailureCount": 2}, 2, False),
        ({"ToleratedFailureCount": 2}, 3, True),
        ({"ToleratedFailureCount": "{% $count($states.input) - 2 %}"}, 3, True),
        ({"ToleratedFailurePercentage": 50}, 2, False),
        ({"ToleratedFailurePercentage": 50}, 3, True),
        ({"ToleratedFailurePercentage": "{% 25 * 3 %}"}, 3, False),
        ({"ToleratedFailurePercentage": 100}, 4, False),
        ({"ToleratedFailureCount": 3, "ToleratedFailurePercentage": 25}, 2, True),
        ({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 75}, 2, True),
    ],
)
def test_so_many_failures_are_tolerated(sfn: StepFunctions, kind: str, tolerated: dict[str, Any], broken: int, fails: bool) -> None:
    fails_for(sfn, *range(broken))
    done = sfn.run(machine(All=fan_out(block(Step=task()), kind, **tolerated)), [0, 1, 2, 3])
    if fails:
        assert (done["status"], done["error"], done["cause"]) == FAILED
        assert sfn.kinds(done["arn"])[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]
        return
    assert done["status"] == "SUCCEEDED"
    assert [item["Status"] for item in done["output"][:broken]] == ["FAILED"] * broken
    assert done["output"][broken:] == list(range(broken, 4))


def test_failures_are_counted_by_items(sfn: StepFunctions) -> None:
    fails_for(sfn, {"Items": [1, 2, 3]})
    state = fan_out(block(Step=task()), ItemBatcher={"MaxItemsPerBatch": 3}, ToleratedFailureCount=2)
    assert sfn.run(machine(All=state), [1, 2, 3, 4])["error"] == FAILED[1]


def test_a_failed_child_stands_unchanged_among_the_results(sfn: StepFunctions) -> None:
    fails_for(sfn, "bad")
    done = sfn.run(machine(All=fan_out(block(Step=task()), ToleratedFailureCount=1)), ["bad", "good"])
    bad, good = done["output"]
    (child,) = children(sfn, done["arn"], statusFilter="FAILED")
    assert (good, bad["ExecutionArn"], bad["Input"], bad["Error"]) == ("good", child["executionArn"], '"bad"', "Broken")
    assert json.loads(bad["Cause"])["errorMessage"] == "bad"


def test_beyond_the_threshold_standard_children_are_stopped_and_others_not_started(sfn: StepFunctions) -> None:
    waits = block(
        Is={"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 0 %}", "Next": "Bad"}], "Default": "Slow"},
        Bad={"Type": "Fail", "Error": "Broken"},
        Slow=seconds(100),
    )
    done = sfn.run(machine(All=fan_out(waits, MaxConcurrency=2)), [0, 1, 2])
    assert (done["error"], done["seconds"] < 1) == (FAILED[1], True)
    assert counts(map_run(sfn, done["arn"])["executionCounts"]) == {"failed": 1, "aborted": 1, "pending": 1, "total": 3}


def test_beyond_the_threshold_express_children_run_to_their_end(sfn: StepFunctions) -> None:
    waits = block(
        Is={"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 0 %}", "Next": "Bad"}], "Default": "Slow"},
        Bad={"Type": "Fail", "Error": "Broken"},
        Slow=seconds(100),
    )
    done = sfn.run(machine(All=fan_out(waits, "EXPRESS", MaxConcurrency=2)), [0, 1, 2])
    assert (done["error"], done["seconds"]) == (FAILED[1], 100)
    assert counts(map_run(sfn, done["arn"])["executionCounts"]) == {"failed": 1, "succeeded": 1, "pending": 1, "total": 3}


@pytest.mark.parametrize(("field", "value"), [("ToleratedFailurePercentage", 101), ("ToleratedFailureCount", -1), ("MaxConcurrency", 1.5)])
def test_limits_out_of_bounds_fail_the_state(sfn: StepFunctions, field: str, value: float) -> None:
    done = sfn.run(machine(All=fan_out(ECHO, **{field: f"{{% {value} %}}"})), [1])
    assert (done["error"], field in done["cause"]) == ("States.QueryEvaluationError", True)


def test_a_catch_takes_the_failed_map_run_and_a_retry_makes_another(sfn: StepFunctions) -> None:
    fails_for(sfn, 1)
    caught = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Told"}]
    retried = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1}]
    state = fan_out(block(Step=task()), Catch=caught, Retry=retried)
    done = sfn.run(machine(All=state, Told=last("Pass", Output="{% $states.input.Error %}")), [1])
    assert (done["status"], done["output"]) == ("SUCCEEDED", FAILED[1])
    runs = sfn.call("ListMapRuns", executionArn=done["arn"])["mapRuns"]
    assert len({run["mapRunArn"] for run in runs}) == 2
