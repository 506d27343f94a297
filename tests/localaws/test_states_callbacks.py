"""Tasks that give a token away and wait until somebody sends it back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import OPERATIONS, AwsError, Call, Principal
from tests.localaws.states_machinery import CALLER, REGION, StepFunctions, function_fails, last, machine, step_functions, task


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def asks(**fields: Any) -> dict[str, Any]:
    """A Task that hands its token to a function."""
    token = {"token": "{% $states.context.Task.Token %}"}
    return task(token, Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", Output="{% $states.result %}", **fields)


def asked(sfn: StepFunctions, **fields: Any) -> tuple[str, str]:
    """An execution that waits, and its token."""
    arn = sfn.begin(machine(Ask=asks(**fields)))
    sfn.clock.advance(1)
    return arn, sfn.functions.calls[-1][2]["token"]


def refusal(sfn: StepFunctions, operation: str, **params: Any) -> str:
    with pytest.raises(AwsError) as refused:
        sfn.call(operation, **params)
    return refused.value.code


def test_whoever_sends_the_token_back_gives_the_result(sfn: StepFunctions) -> None:
    arn, token = asked(sfn)
    sfn.clock.settle()
    assert sfn.describe(arn)["status"] == "RUNNING", "it waits for as long as it takes"
    sfn.clock.advance(3 * 86_400)
    sfn.call("SendTaskSuccess", taskToken=token, output='{"approved": true}')
    sfn.clock.settle()
    assert sfn.describe(arn)["output"] == {"approved": True}
    kinds = ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]
    assert sfn.kinds(arn) == [*kinds, "ExecutionSucceeded"]
    assert sfn.history(arn)[2]["taskScheduledEventDetails"]["resource"] == "invoke.waitForTaskToken"


def test_the_token_can_come_back_before_the_function_has_answered(sfn: StepFunctions) -> None:
    def answer_at_once(payload: Any) -> Any:
        sfn.call("SendTaskSuccess", taskToken=payload["token"], output='"early"')

    sfn.functions.answer = answer_at_once
    assert sfn.output(machine(Ask=asks())) == "early"


def test_a_failure_has_the_error_and_cause_that_were_sent(sfn: StepFunctions) -> None:
    arn, token = asked(sfn)
    sfn.call("SendTaskFailure", taskToken=token, error="Rejected", cause="not this model")
    sfn.clock.settle()
    done = sfn.describe(arn)
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "Rejected", "not this model")


def test_a_function_that_fails_fails_the_task_at_once(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: function_fails("NobodyToAsk")
    arn, token = asked(sfn)
    assert sfn.describe(arn)["error"] == "NobodyToAsk"
    assert refusal(sfn, "SendTaskSuccess", taskToken=token, output="1") == "TaskTimedOut"


def test_each_attempt_has_a_token_of_its_own(sfn: StepFunctions) -> None:
    arn, token = asked(sfn, Retry=[{"ErrorEquals": ["Rejected"]}])
    sfn.call("SendTaskFailure", taskToken=token, error="Rejected")
    sfn.clock.settle()
    first, second = [payload["token"] for _, _, payload, _ in sfn.functions.calls]
    assert first != second
    sfn.call("SendTaskSuccess", taskToken=second, output="2")
    sfn.clock.settle()
    assert sfn.describe(arn)["output"] == 2


@pytest.mark.parametrize("operation", ["SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"])
def test_the_first_answer_counts(sfn: StepFunctions, operation: str) -> None:
    arn, token = asked(sfn)
    sfn.call("SendTaskSuccess", taskToken=token, output="1")
    more = {"output": "2"} if operation == "SendTaskSuccess" else {}
    assert refusal(sfn, operation, taskToken=token, **more) == "TaskTimedOut"
    sfn.clock.settle()
    assert sfn.describe(arn)["output"] == 1


def test_a_token_of_a_stopped_execution_is_over(sfn: StepFunctions) -> None:
    arn, token = asked(sfn)
    sfn.call("StopExecution", executionArn=arn)
    assert refusal(sfn, "SendTaskSuccess", taskToken=token, output="1") == "TaskTimedOut"


def test_a_token_is_known_in_its_own_account_only(sfn: StepFunctions) -> None:
    _, token = asked(sfn)
    assert refusal(sfn, "SendTaskHeartbeat", taskToken="made up") == "InvalidToken"
    stranger = Principal("333333333333", "arn:aws:iam::333333333333:user/stranger")
    with pytest.raises(AwsError) as refused:
        OPERATIONS["stepfunctions", "SendTaskHeartbeat"](
            sfn.cloud, Call("stepfunctions", "SendTaskHeartbeat", stranger.account, REGION, stranger, {"taskToken": token})
        )
    assert refused.value.code == "InvalidToken"
    assert CALLER.account != stranger.account


@pytest.mark.parametrize(("output", "code"), [("{", "InvalidOutput"), (json.dumps("é" * 200_000, ensure_ascii=False), "ValidationException")])
def test_an_output_is_json_of_at_most_256_kib(sfn: StepFunctions, output: str, code: str) -> None:
    _, token = asked(sfn)
    assert refusal(sfn, "SendTaskSuccess", taskToken=token, output=output) == code


# -- patience


def test_a_task_without_heartbeats_is_given_up(sfn: StepFunctions) -> None:
    arn, token = asked(sfn, HeartbeatSeconds=60)
    for _ in range(3):
        sfn.clock.advance(50)
        sfn.call("SendTaskHeartbeat", taskToken=token)
    sfn.clock.settle()
    done = sfn.describe(arn)
    assert (done["error"], done["seconds"]) == ("States.HeartbeatTimeout", 1 + 150 + 60)
    assert sfn.kinds(arn)[-2:] == ["TaskTimedOut", "ExecutionFailed"]


@pytest.mark.parametrize(("name", "caught"), [("States.HeartbeatTimeout", True), ("States.Timeout", True), ("States.TaskFailed", False)])
def test_a_missing_heartbeat_is_caught_by_its_name_and_as_a_timeout(sfn: StepFunctions, name: str, caught: bool) -> None:
    ask = asks(HeartbeatSeconds="{% 30 + 30 %}", Catch=[{"ErrorEquals": [name], "Next": "Late"}], Next="Late")
    done = sfn.run(machine(Ask=ask, Late=last("Pass")))
    assert (done["status"] == "SUCCEEDED") == caught


def test_heartbeats_do_not_move_the_timeout(sfn: StepFunctions) -> None:
    arn, token = asked(sfn, HeartbeatSeconds=60, TimeoutSeconds=90)
    sfn.clock.advance(50)
    sfn.call("SendTaskHeartbeat", taskToken=token)
    sfn.clock.settle()
    done = sfn.describe(arn)
    assert (done["error"], done["seconds"]) == ("States.Timeout", 90)
    scheduled = sfn.history(arn)[2]["taskScheduledEventDetails"]
    assert (scheduled["timeoutInSeconds"], scheduled["heartbeatInSeconds"]) == (90, 60)
    assert refusal(sfn, "SendTaskHeartbeat", taskToken=token) == "TaskTimedOut"
