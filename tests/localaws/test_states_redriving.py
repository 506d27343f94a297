"""Redriving: an execution that did not succeed goes on from the state that it did not leave."""

from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import AwsError
from localaws.states import executions
from localaws.states.history import MOST_EVENTS
from tests.localaws.states_machinery import ROLE, StepFunctions, block, function_fails, last, machine, seconds, step_functions, task

DAY = 86_400


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def fails_until(sfn: StepFunctions, healthy: list[Any]) -> None:
    """The function fails for every payload that `healthy` does not hold."""
    sfn.functions.answer = lambda payload: payload if payload in healthy else function_fails("Broken")


def redrive(sfn: StepFunctions, arn: str, **params: Any) -> dict[str, Any]:
    sfn.call("RedriveExecution", executionArn=arn, **params)
    sfn.clock.settle()
    return sfn.describe(arn)


def payloads(sfn: StepFunctions) -> list[Any]:
    return [payload for _, _, payload, _ in sfn.functions.calls]


def refusal(sfn: StepFunctions, arn: str) -> str:
    with pytest.raises(AwsError) as refused:
        sfn.call("RedriveExecution", executionArn=arn)
    assert refused.value.code == "ExecutionNotRedrivable"
    described = sfn.describe(arn)
    assert (described["redriveStatus"], described["redriveStatusReason"]) == ("NOT_REDRIVABLE", refused.value.message)
    return refused.value.message


# -- what goes on, and what is kept


def test_what_succeeded_is_not_done_again_and_its_results_are_kept(sfn: StepFunctions) -> None:
    fails_until(sfn, ["first"])
    first = task("first", Assign={"kept": "{% $states.result.Payload %}"}, Output={"from": "first"}, Next="Second")
    second = task("second", Output=["{% $kept %}", "{% $states.input %}", "{% $states.result.Payload %}"])
    done = sfn.run(machine(First=first, Second=second), {"in": 1})
    assert (done["status"], payloads(sfn)) == ("FAILED", ["first", "second"])
    sfn.clock.advance(3600)
    fails_until(sfn, ["second"])
    again = redrive(sfn, done["arn"])
    assert (again["status"], payloads(sfn)) == ("SUCCEEDED", ["first", "second", "second"])
    assert again["output"] == ["first", {"from": "first"}, "second"]
    assert "error" not in again
    assert "cause" not in again


def test_a_redrive_is_told_in_history_description_and_log(sfn: StepFunctions) -> None:
    fails_until(sfn, [])
    done = sfn.run(machine(Step=task("x")))
    assert (done["redriveCount"], done["redriveStatus"], "redriveDate" in done) == (0, "REDRIVABLE", False)
    sfn.clock.advance(60)
    fails_until(sfn, ["x"])
    date = sfn.call("RedriveExecution", executionArn=done["arn"])["redriveDate"]
    running = sfn.describe(done["arn"])
    assert (running["status"], running["redriveCount"], running["redriveDate"]) == ("RUNNING", 1, date)
    assert "stopDate" not in running
    sfn.clock.settle()
    events = sfn.history(done["arn"])
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskFailed",
        "ExecutionFailed",
        "ExecutionRedriven",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert events[6]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert [event["previousEventId"] for event in events[5:9]] == [5, 6, 7, 8]
    (entry,) = sfn.cloud.log.executions
    assert (entry["status"], entry["redrives"], entry["transitions"], entry["error"]) == ("SUCCEEDED", 1, 1, None)


def test_the_context_object_knows_of_the_redrive(sfn: StepFunctions) -> None:
    fails_until(sfn, [])
    told = {"count": "{% $states.context.Execution.RedriveCount %}", "time": "{% $states.context.Execution.RedriveTime %}"}
    inside = last("Parallel", Branches=[block(Step=task("x", Next="Tell"), Tell=last("Pass", Output=told))])
    done = sfn.run(machine(Both=inside))
    sfn.clock.advance(120)
    redrive(sfn, done["arn"])
    fails_until(sfn, ["x"])
    assert redrive(sfn, done["arn"])["output"] == [{"count": 2, "time": "2026-11-02T08:02:00.1Z"}]


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_what_was_stopped_or_timed_out_goes_on_too(sfn: StepFunctions, status: str) -> None:
    sfn.functions.seconds = 100
    arn = sfn.begin(machine(Step=task("x")) | {"TimeoutSeconds": 50})
    sfn.clock.advance(10)
    if status == "ABORTED":
        sfn.call("StopExecution", executionArn=arn, error="Enough", cause="by hand")
    sfn.clock.settle()
    assert sfn.describe(arn)["status"] == status
    sfn.functions.seconds = 40
    assert redrive(sfn, arn)["status"] == "SUCCEEDED", "the machine's timeout counts from the redrive"


def test_the_timeout_of_the_machine_counts_from_the_redrive(sfn: StepFunctions) -> None:
    arn = sfn.run(machine(Long=seconds(3600)) | {"TimeoutSeconds": 60})["arn"]
    again = redrive(sfn, arn)
    assert (again["status"], again["seconds"]) == ("TIMED_OUT", 120)
    assert sfn.kinds(arn).count("ExecutionTimedOut") == 2


def test_an_execution_stopped_before_it_ran_starts_at_its_start(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(Step=task("x")))
    sfn.call("StopExecution", executionArn=arn)
    assert redrive(sfn, arn)["output"] == "x"


def test_it_goes_on_by_the_definition_and_role_it_was_started_with(sfn: StepFunctions) -> None:
    fails_until(sfn, [])
    done = sfn.run(machine(Step=task("old")))
    arn = done["stateMachineArn"]
    sfn.call("UpdateStateMachine", stateMachineArn=arn, definition='{"QueryLanguage":"JSONata","StartAt":"N","States":{"N":{"Type":"Succeed"}}}')
    sfn.call("UpdateStateMachine", stateMachineArn=arn, roleArn=f"{ROLE}-2")
    fails_until(sfn, ["old"])
    assert redrive(sfn, done["arn"])["output"] == "old"
    assert {principal.role_arn for *_, principal in sfn.functions.calls} == {ROLE}


# -- by the type of the state


def test_retries_start_anew(sfn: StepFunctions) -> None:
    fails_until(sfn, [])
    retry = [{"ErrorEquals": ["Broken"], "MaxAttempts": 2}]
    done = sfn.run(machine(Step=task({"retry": "{% $states.context.State.RetryCount %}"}, Retry=retry)))
    redrive(sfn, done["arn"])
    assert [payload["retry"] for payload in payloads(sfn)] == [0, 1, 2, 0, 1, 2]
    assert sfn.kinds(done["arn"]).count("TaskStateEntered") == 1


def test_the_timeout_of_a_task_counts_from_the_redrive(sfn: StepFunctions) -> None:
    sfn.functions.seconds = 31
    done = sfn.run(machine(Step=task("x", TimeoutSeconds=30)))
    assert (done["status"], done["error"], done["seconds"]) == ("FAILED", "States.Timeout", 30)
    sfn.functions.seconds = 29
    assert redrive(sfn, done["arn"])["status"] == "SUCCEEDED"


def test_after_a_catch_the_fail_state_is_entered_again_and_fails_again(sfn: StepFunctions) -> None:
    fails_until(sfn, [])
    caught = task("x", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Gone"}])
    done = sfn.run(machine(Step=caught, Gone={"Type": "Fail", "Error": "Gone"}))
    fails_until(sfn, ["x"])
    again = redrive(sfn, done["arn"])
    assert (again["status"], again["error"], payloads(sfn)) == ("FAILED", "Gone", ["x"])
    assert sfn.kinds(done["arn"])[-4:] == ["ExecutionFailed", "ExecutionRedriven", "FailStateEntered", "ExecutionFailed"]


def test_a_choice_looks_again(sfn: StepFunctions) -> None:
    condition = "{% $states.context.Execution.RedriveCount > 0 ? true : $states.input.missing %}"
    which = {"Type": "Choice", "Choices": [{"Condition": condition, "Next": "Yes"}], "Default": "Yes"}
    done = sfn.run(machine(Which=which, Yes=last("Pass", Output="yes")))
    assert done["error"] == "States.QueryEvaluationError"
    again = redrive(sfn, done["arn"])
    assert sfn.kinds(done["arn"]).count("ChoiceStateEntered") == 1
    assert again["output"] == "yes"


@pytest.mark.parametrize(("wait", "taken"), [({"Seconds": 100}, 100), ({"Timestamp": "2026-11-02T08:01:00Z"}, 0)])
def test_a_wait_waits_again_unless_its_time_has_come(sfn: StepFunctions, wait: dict[str, Any], taken: float) -> None:
    arn = sfn.begin(machine(Wait=last("Wait", **wait)))
    sfn.clock.advance(40)
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.advance(100)
    again = redrive(sfn, arn)
    assert (again["status"], (again["stopDate"] - again["redriveDate"]).total_seconds()) == ("SUCCEEDED", taken)


def test_parallel_goes_on_with_the_branches_that_failed_or_were_aborted(sfn: StepFunctions) -> None:
    sfn.functions.seconds = 5
    fails_until(sfn, ["done", "slow"])
    slow = block(Nap={"Type": "Wait", "Seconds": 60, "Assign": {"mine": "slept"}, "Next": "Slow"}, Slow=task("slow", Output="{% $mine %}"))
    fails = block(Before={"Type": "Pass", "Output": "before", "Next": "Fails"}, Fails=task("fails", Output=["{% $states.input %}"]))
    done = sfn.run(machine(Both=last("Parallel", Branches=[block(Done=task("done")), fails, slow])))
    assert (done["status"], sorted(payloads(sfn))) == ("FAILED", ["done", "fails"])
    fails_until(sfn, ["fails", "slow"])
    again = redrive(sfn, done["arn"])
    assert again["output"] == ["done", ["before"], "slept"]
    assert sorted(payloads(sfn)) == ["done", "fails", "fails", "slow"], "what was done is kept, although it would fail now"
    assert sfn.kinds(done["arn"]).count("ParallelStateEntered") == 1


def test_map_goes_on_with_the_iterations_that_failed_or_never_began(sfn: StepFunctions) -> None:
    fails_until(sfn, [1, 2, 4])
    each = last("Map", Items="{% $states.input %}", MaxConcurrency=1, ItemProcessor=block(One=task(Output="{% $states.result.Payload * 10 %}")))
    done = sfn.run(machine(Each=each), [1, 2, 3, 4])
    assert payloads(sfn) == [1, 2, 3]
    fails_until(sfn, [3, 4])
    assert redrive(sfn, done["arn"])["output"] == [10, 20, 30, 40]
    assert payloads(sfn) == [1, 2, 3, 3, 4]
    kinds = sfn.kinds(done["arn"])
    assert [kinds.count(f"MapIteration{how}") for how in ("Started", "Succeeded", "Failed")] == [4, 4, 1]


def test_blocks_within_blocks_go_on_each_where_it_stood(sfn: StepFunctions) -> None:
    fails_until(sfn, ["a1", "a2", "b1"])
    inner = last("Map", Items="{% $states.input %}", MaxConcurrency=1, ItemProcessor=block(One=task()))
    outer = last("Map", Items=[["a1", "a2"], ["b1", "b2", "b3"]], MaxConcurrency=1, ItemProcessor=block(Row=inner))
    done = sfn.run(machine(Rows=outer))
    fails_until(sfn, ["b2", "b3"])
    assert redrive(sfn, done["arn"])["output"] == [["a1", "a2"], ["b1", "b2", "b3"]]
    assert payloads(sfn) == ["a1", "a2", "b1", "b2", "b2", "b3"]


def test_a_redriven_parallel_that_is_retried_does_all_again(sfn: StepFunctions) -> None:
    fails_until(sfn, ["done"])
    retry = [{"ErrorEquals": ["Broken"], "MaxAttempts": 1}]
    late = block(Nap={"Type": "Wait", "Seconds": 1, "Next": "Bad"}, Bad=task("bad"))
    done = sfn.run(machine(Both=last("Parallel", Branches=[block(Done=task("done")), late], Retry=retry)))
    assert payloads(sfn).count("done") == 2
    redrive(sfn, done["arn"])
    assert payloads(sfn) == ["done", "bad"] * 2 + ["bad", "done", "bad"]


def test_all_branches_are_run_again_where_their_results_were_too_large(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda payload: payload * 200_000
    both = last("Parallel", Branches=[block(Left=task("l")), block(Right=task("r"))])
    done = sfn.run(machine(Both=both))
    assert (done["status"], done["error"]) == ("FAILED", "States.DataLimitExceeded")
    sfn.functions.answer = lambda payload: payload
    assert redrive(sfn, done["arn"])["output"] == ["l", "r"]
    assert sorted(payloads(sfn)) == ["l", "l", "r", "r"]


# -- who may be redriven, and when


@pytest.mark.parametrize(("definition", "status"), [(machine(Long=seconds(60)), "RUNNING"), (machine(Only=last("Pass")), "SUCCEEDED")])
def test_what_runs_or_succeeded_cannot_be_redriven(sfn: StepFunctions, definition: dict[str, Any], status: str) -> None:
    arn = sfn.begin(definition)
    sfn.clock.advance(1)
    assert refusal(sfn, arn) == f"Execution is {status} and cannot be redriven"


def test_a_redrive_is_possible_for_14_days_after_the_end(sfn: StepFunctions) -> None:
    arn = sfn.run(machine(No={"Type": "Fail"}))["arn"]
    sfn.clock.advance(14 * DAY)
    assert redrive(sfn, arn)["redriveCount"] == 1
    sfn.clock.advance(14 * DAY)
    assert redrive(sfn, arn)["redriveCount"] == 2, "the 14 days count from the last end"
    sfn.clock.advance(14 * DAY + 1)
    assert refusal(sfn, arn) == "Execution redrivable period exceeded"


def test_nothing_is_redriven_a_year_after_its_start(sfn: StepFunctions) -> None:
    arn = sfn.run(machine(Wait={"Type": "Wait", "Seconds": 365 * DAY, "Next": "No"}, No={"Type": "Fail"}))["arn"]
    assert sfn.describe(arn)["redriveStatus"] == "REDRIVABLE"
    sfn.clock.advance(1)
    assert refusal(sfn, arn) == "Execution has exceeded the max execution time"


@pytest.mark.parametrize(("events", "possible"), [(MOST_EVENTS - 2, True), (MOST_EVENTS - 1, False)])
def test_a_history_must_have_room_for_the_redrive_and_one_event_more(sfn: StepFunctions, events: int, possible: bool) -> None:
    arn = sfn.run(machine(No={"Type": "Fail"}))["arn"]
    history = executions.executions(sfn.cloud, "222222222222", "eu-west-1")[arn].history
    history.events += [history.events[-1]] * (events - len(history.events))
    if possible:
        assert redrive(sfn, arn)["error"] == "States.Runtime"
        assert len(history.events) == MOST_EVENTS
    else:
        assert refusal(sfn, arn) == "Execution history event limit exceeded"


def test_the_executions_of_a_machine_being_deleted_cannot_be_redriven(sfn: StepFunctions) -> None:
    wait = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.fail %}", "Next": "No"}], "Default": "Long"}
    arn = sfn.create(machine(Which=wait, No={"Type": "Fail"}, Long=seconds(60)))
    failed, running = sfn.start(arn, {"fail": True}), sfn.start(arn, {"fail": False})
    sfn.clock.advance(1)
    sfn.call("DeleteStateMachine", stateMachineArn=arn)
    assert refusal(sfn, failed) == "State machine is in DELETING status"
    assert sfn.describe(running)["status"] == "RUNNING"


def test_one_token_redrives_once_for_a_quarter_of_an_hour(sfn: StepFunctions) -> None:
    arn = sfn.run(machine(No={"Type": "Fail"}))["arn"]
    first = sfn.call("RedriveExecution", executionArn=arn, clientToken="t")
    assert sfn.call("RedriveExecution", executionArn=arn, clientToken="t") == first
    sfn.clock.advance(15 * 60)
    assert sfn.call("RedriveExecution", executionArn=arn, clientToken="t") == first
    assert sfn.describe(arn)["redriveCount"] == 1
    sfn.clock.advance(1)
    assert sfn.call("RedriveExecution", executionArn=arn, clientToken="t") != first
    assert sfn.describe(arn)["redriveCount"] == 2


def test_the_last_ten_tokens_are_remembered(sfn: StepFunctions) -> None:
    arn = sfn.run(machine(No={"Type": "Fail"}))["arn"]
    for number in range(11):
        redrive(sfn, arn, clientToken=f"t{number}")
    assert redrive(sfn, arn, clientToken="t1")["redriveCount"] == 11
    assert redrive(sfn, arn, clientToken="t0")["redriveCount"] == 12


def test_only_so_many_executions_run_at_a_time(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "MOST_OPEN", 2)
    failed = sfn.run(machine(No={"Type": "Fail"}))["arn"]
    long = sfn.create(machine(Long=seconds(60)), "long")
    running = [sfn.start(long) for _ in range(2)]
    for operation, params in (("StartExecution", {"stateMachineArn": long}), ("RedriveExecution", {"executionArn": failed})):
        with pytest.raises(AwsError) as refused:
            sfn.call(operation, **params)
        assert refused.value.code == "ExecutionLimitExceeded"
    sfn.call("StopExecution", executionArn=running[0])
    assert redrive(sfn, failed)["redriveCount"] == 1


def test_executions_are_listed_by_whether_they_were_redriven(sfn: StepFunctions) -> None:
    arn = sfn.create(machine(No={"Type": "Fail"}))
    first, second = (sfn.start(arn, name=name) for name in ("first", "second"))
    sfn.clock.advance(60)
    redrive(sfn, first)
    listed = {
        chosen: [execution["executionArn"] for execution in sfn.call("ListExecutions", stateMachineArn=arn, redriveFilter=chosen)["executions"]]
        for chosen in ("REDRIVEN", "NOT_REDRIVEN")
    }
    assert listed == {"REDRIVEN": [first], "NOT_REDRIVEN": [second]}
    assert [execution["redriveCount"] for execution in sfn.call("ListExecutions", stateMachineArn=arn)["executions"]] == [1, 0]
