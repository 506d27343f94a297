"""Retry, Catch and time limits around a state."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.localaws.states_machinery import FUNCTION, StepFunctions, block, function_fails, last, machine, step_functions, task


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


# -- Retry


def attempts(sfn: StepFunctions) -> list[float]:
    """Seconds between the calls."""
    moments = [moment for moment, *_ in sfn.functions.calls]
    return [round(after - before, 6) for before, after in pairwise(moments)]


def fail_times(sfn: StepFunctions, times: int, error: str = "Busy") -> None:
    sfn.cloud.latency = 0
    sfn.functions.answer = lambda payload: function_fails(error) if len(sfn.functions.calls) <= times else payload


def retrier(*names: str, **fields: Any) -> dict[str, Any]:
    return {"ErrorEquals": list(names)} | fields


def test_a_retry_waits_a_second_and_doubles_up_to_three_attempts_by_default(sfn: StepFunctions) -> None:
    fail_times(sfn, 99)
    done = sfn.run(machine(Step=task(Retry=[retrier("Busy")])))
    assert done["error"] == "Busy"
    assert attempts(sfn) == [1, 2, 4]
    assert done["seconds"] == 7


def test_a_retry_that_helps_is_the_end_of_it(sfn: StepFunctions) -> None:
    fail_times(sfn, 2)
    assert sfn.output(machine(Step=task(Retry=[retrier("Busy", IntervalSeconds=5, BackoffRate=1.0)])), "x") == "x"
    assert attempts(sfn) == [5, 5]


def test_a_retry_never_waits_longer_than_its_maximum(sfn: StepFunctions) -> None:
    fail_times(sfn, 99)
    sfn.run(machine(Step=task(Retry=[retrier("States.ALL", IntervalSeconds=10, BackoffRate=3, MaxDelaySeconds=60, MaxAttempts=4)])))
    assert attempts(sfn) == [10, 30, 60, 60]


def test_full_jitter_takes_a_random_part_of_the_wait(sfn: StepFunctions) -> None:
    fail_times(sfn, 99)
    sfn.run(machine(Step=task(Retry=[retrier("States.ALL", IntervalSeconds=10, BackoffRate=1.0, JitterStrategy="FULL", MaxAttempts=8)])))
    waits = attempts(sfn)
    assert len(set(waits)) == 8
    assert all(0 <= wait <= 10 for wait in waits)


def test_no_attempts_is_no_retry(sfn: StepFunctions) -> None:
    fail_times(sfn, 1)
    assert sfn.run(machine(Step=task(Retry=[retrier("Busy", MaxAttempts=0), retrier("States.ALL")])))["status"] == "FAILED"
    assert len(sfn.functions.calls) == 1


def test_each_retrier_counts_for_itself(sfn: StepFunctions) -> None:
    sfn.cloud.latency = 0
    errors = ["A", "B", "A", "B", "A"]
    sfn.functions.answer = lambda _: function_fails(errors[len(sfn.functions.calls) - 1])
    done = sfn.run(machine(Step=task(Retry=[retrier("A", IntervalSeconds=1, MaxAttempts=2), retrier("B", IntervalSeconds=100, MaxAttempts=2)])))
    assert done["error"] == "A"
    assert attempts(sfn) == [1, 100, 2, 200]


def test_arguments_are_evaluated_again_and_know_the_count_of_retries(sfn: StepFunctions) -> None:
    fail_times(sfn, 2)
    payload = ["{% $states.context.State.RetryCount %}", "{% $states.context.State.EnteredTime %}"]
    assert sfn.output(machine(Step=task(payload, Retry=[retrier("Busy")]))) == [2, "2026-11-02T08:00:00Z"]


def test_a_parallel_and_a_map_are_retried_as_a_whole(sfn: StepFunctions) -> None:
    fail_times(sfn, 2)
    both = last("Parallel", Branches=[block(Step=task())], Retry=[retrier("Busy")])
    each = last("Map", Items=[1], ItemProcessor=block(Both=both), Retry=[retrier("Busy")])
    assert sfn.output(machine(Each=each)) == [[1]]
    assert len(sfn.functions.calls) == 3


# -- Catch


def caught(*names: str, **fields: Any) -> dict[str, Any]:
    return {"ErrorEquals": list(names), "Next": "Instead"} | fields


INSTEAD = last("Pass", Output=["{% $states.input %}", "{% $exists($why) ? $why : 'none' %}"])


def test_a_catch_goes_on_with_the_error_output(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: function_fails("Gone")
    error = {"Error": "Gone", "Cause": '{"errorType": "Gone", "errorMessage": "no"}'}
    assert sfn.output(machine(Step=task(Catch=[caught("Other"), caught("Gone")]), Instead=INSTEAD)) == [error, "none"]


def test_a_catch_has_its_own_output_and_assigns_to_the_outer_scope(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: function_fails("Gone")
    catch = caught("States.ALL", Output={"was": "{% $states.input.id %}"}, Assign={"why": "{% $states.errorOutput.Error %}"})
    assert sfn.output(machine(Step=task(Catch=[catch]), Instead=INSTEAD), {"id": 7}) == [{"was": 7}, "Gone"]


def test_a_catch_comes_after_the_retries(sfn: StepFunctions) -> None:
    fail_times(sfn, 99)
    step = task(Retry=[retrier("Busy", MaxAttempts=2)], Catch=[caught("Busy")])
    done = sfn.run(machine(Step=step, Instead=INSTEAD))
    assert (done["status"], done["seconds"], len(sfn.functions.calls)) == ("SUCCEEDED", 3, 3)


def test_a_parallel_catches_what_its_branches_did_not(sfn: StepFunctions) -> None:
    both = {
        "Type": "Parallel",
        "Branches": [block(No={"Type": "Fail", "Error": "Tainted", "Cause": "c"})],
        "Catch": [caught("Tainted")],
        "Next": "Instead",
    }
    assert sfn.output(machine(Both=both, Instead=INSTEAD)) == [{"Error": "Tainted", "Cause": "c"}, "none"]


@pytest.mark.parametrize(
    ("error", "name", "handled"),
    [
        ("Gone", "States.ALL", True),
        ("Gone", "States.TaskFailed", True),
        ("Gone", "Gone", True),
        ("Gone", "Gon", False),
        ("States.Timeout", "States.ALL", True),
        ("States.Timeout", "States.Timeout", True),
        ("States.Timeout", "States.TaskFailed", False),
        ("States.QueryEvaluationError", "States.ALL", True),
        ("States.QueryEvaluationError", "States.QueryEvaluationError", True),
        ("States.QueryEvaluationError", "States.TaskFailed", True),
        ("States.DataLimitExceeded", "States.ALL", False),
        ("States.DataLimitExceeded", "States.TaskFailed", False),
        ("States.DataLimitExceeded", "States.DataLimitExceeded", True),
        ("States.Runtime", "States.ALL", False),
        ("States.Runtime", "States.Runtime", False),
    ],
)
def test_which_names_match_which_errors(sfn: StepFunctions, error: str, name: str, handled: bool) -> None:
    sfn.functions.seconds = 5 if error == "States.Timeout" else 0
    sfn.functions.answer = lambda payload: "x" * 262_144 if payload == "large" else function_fails("Gone")
    fields: dict[str, dict[str, Any]] = {
        "Gone": {},
        "States.Timeout": {"TimeoutSeconds": 1},
        "States.QueryEvaluationError": {"TimeoutSeconds": "{% 'soon' %}"},
        "States.DataLimitExceeded": {"Arguments": {"FunctionName": FUNCTION, "Payload": "large"}},
        "States.Runtime": {"Arguments": {"FunctionName": 0}},
    }
    step = task(Catch=[caught(name)], **fields[error])
    done = sfn.run(machine(Step=step, Instead=last("Pass", Output="{% $states.input.Error %}")))
    assert (done["output"], done.get("error")) == ((error, None) if handled else (None, error))


def test_a_broken_output_of_a_task_can_be_caught(sfn: StepFunctions) -> None:
    step = task(Output="{% $states.result.Payload.missing %}", Catch=[caught("States.QueryEvaluationError")])
    (output, _) = sfn.output(machine(Step=step, Instead=INSTEAD))
    assert output["Cause"] == (
        "An error occurred while executing the state 'Step' (entered at the event id #2). "
        "The JSONata expression '$states.result.Payload.missing' specified for the field 'Output' returned nothing (undefined)."
    )


# -- time-outs


@pytest.mark.parametrize("timeout", [3, "{% $states.input.limit %}"])
def test_a_task_that_takes_too_long_is_given_up(sfn: StepFunctions, timeout: Any) -> None:
    sfn.functions.seconds = 60
    done = sfn.run(machine(Step=task(TimeoutSeconds=timeout)), {"limit": 3})
    assert (done["status"], done["error"], done["seconds"]) == ("FAILED", "States.Timeout", 3)
    assert sfn.kinds(done["arn"])[-2:] == ["TaskTimedOut", "ExecutionFailed"]


def test_a_task_given_up_before_its_call_makes_no_call(sfn: StepFunctions) -> None:
    sfn.cloud.latency = 5
    assert sfn.run(machine(Step=task(TimeoutSeconds=1)))["error"] == "States.Timeout"
    assert sfn.functions.calls == []


def test_a_task_in_time_leaves_no_timer(sfn: StepFunctions) -> None:
    assert sfn.run(machine(Step=task(TimeoutSeconds=600)))["status"] == "SUCCEEDED"
    assert sfn.clock.now - sfn.started < 1


def test_an_error_within_the_time_limit_stays_what_it_is(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: function_fails("Gone")
    assert sfn.run(machine(Step=task(TimeoutSeconds=600)))["error"] == "Gone"
