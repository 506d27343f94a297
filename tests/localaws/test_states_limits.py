"""What Step Functions sets bounds to: each at its last value that is taken and the first that is not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import AwsError
from localaws.states import visits
from tests.localaws.states_machinery import ROLE, StepFunctions, block, last, machine, seconds, step_functions, task

MOST = 262_144
TOO_LARGE = "returned a result with a size exceeding the maximum number of bytes service limit."


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def text_of(size: int) -> str:
    """A text whose JSON has so many bytes."""
    return "x" * (size - 2)


def answer_of(size: int) -> str:
    """A payload whose whole result has so many bytes."""
    return text_of(size - len('{"ExecutedVersion":"$LATEST","Payload":,"StatusCode":200}'))


# -- 256 KiB


def test_the_answer_of_a_function_has_at_most_256_kib(sfn: StepFunctions) -> None:
    sfn.functions.answer = answer_of
    step = machine(Step=task(Output="ok"))
    arn = sfn.create(step)
    fits, not_quite = sfn.start(arn, MOST), sfn.start(arn, MOST + 1)
    sfn.clock.settle()
    assert sfn.describe(fits)["output"] == "ok"
    done = sfn.describe(not_quite)
    assert (done["error"], done["cause"]) == ("States.DataLimitExceeded", f"The state/task 'lambda' {TOO_LARGE}")
    assert sfn.kinds(not_quite)[-2:] == ["TaskFailed", "ExecutionFailed"]


@pytest.mark.parametrize("names", [["States.ALL"], ["States.TaskFailed"]])
def test_what_is_too_large_is_caught_by_no_wildcard(sfn: StepFunctions, names: list[str]) -> None:
    sfn.functions.answer = lambda _: answer_of(MOST + 1)
    step = task(Retry=[{"ErrorEquals": names}], Catch=[{"ErrorEquals": names, "Next": "Caught"}], Next="Caught")
    assert sfn.run(machine(Step=step, Caught=last("Pass")))["error"] == "States.DataLimitExceeded"
    assert len(sfn.functions.calls) == 1


def test_what_is_too_large_is_caught_by_its_name(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: answer_of(MOST + 1)
    caught = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught", "Output": "{% $states.errorOutput.Error %}"}]
    assert sfn.output(machine(Step=task(Catch=caught, Next="Caught"), Caught=last("Pass"))) == "States.DataLimitExceeded"


@pytest.mark.parametrize(
    "definition",
    [
        machine(Only=last("Pass", Output="{% $states.input & 'x' %}")),
        machine(Only=task("{% $states.input %}")),
        machine(Only=last("Parallel", Arguments="{% $states.input & 'x' %}", Branches=[block(In=last("Pass", Output=1))])),
        machine(Only=last("Parallel", Branches=[block(Left=last("Pass")), block(Right=last("Pass", Output=1))])),
        machine(Only=last("Map", Items=[1], ItemSelector="{% $states.input & 'x' %}", ItemProcessor=block(In=last("Pass", Output=1)))),
    ],
    ids=["output", "arguments", "arguments of Parallel", "results of branches", "an item"],
)
def test_no_state_takes_or_gives_more_than_256_kib(sfn: StepFunctions, definition: dict[str, Any]) -> None:
    assert sfn.run(definition, text_of(MOST))["error"] == "States.DataLimitExceeded"


def test_256_kib_are_bytes_of_utf8(sfn: StepFunctions) -> None:
    arn = sfn.create(machine(Only=last("Pass", Output="{% $pad('', $states.input, 'é') %}")))
    fits, not_quite = sfn.start(arn, (MOST - 2) // 2), sfn.start(arn, MOST // 2)
    sfn.clock.settle()
    assert [sfn.describe(arn)["status"] for arn in (fits, not_quite)] == ["SUCCEEDED", "FAILED"]


# -- variables


@pytest.mark.parametrize(("extra", "status"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_one_assign_holds_at_most_256_kib(sfn: StepFunctions, extra: int, status: str) -> None:
    assign = {"a": "{% $states.input %}", "b": text_of(MOST - len('{"a":,"b":}') - 1000 + extra)}
    done = sfn.run(machine(Keep=last("Pass", Assign=assign, Output="ok")), text_of(1000))
    assert done["status"] == status
    assert done.get("error") == (None if status == "SUCCEEDED" else "States.DataLimitExceeded")


@pytest.mark.parametrize(("count", "status"), [(10, "SUCCEEDED"), (11, "FAILED")])
def test_all_variables_together_have_a_limit(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch, count: int, status: str) -> None:
    assert visits.MOST_VARIABLES == 10 * 1024 * 1024
    monkeypatch.setattr(visits, "MOST_VARIABLES", 10_000)
    keeps = {f"Keep{number}": {"Type": "Pass", "Assign": {f"v{number}": text_of(1000)}, "Next": f"Keep{number + 1}"} for number in range(count)}
    done = sfn.run(machine(**keeps, **{f"Keep{count}": last("Pass")}))
    assert (done["status"], sfn.kinds(done["arn"]).count("PassStateEntered")) == (status, 11)


def test_a_variable_assigned_anew_counts_once_and_a_branch_that_is_over_not_at_all(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MOST_VARIABLES", 2_500)
    inside = block(In=last("Pass", Assign={"mine": text_of(1000)}, Output=1))
    each = {"Type": "Map", "Items": [1, 2, 3], "MaxConcurrency": 1, "ItemProcessor": inside, "Next": "Again"}
    again = last("Pass", Assign={"kept": text_of(1200)})
    first = {"Type": "Pass", "Assign": {"kept": text_of(1100)}, "Next": "Each"}
    assert sfn.run(machine(First=first, Each=each, Again=again))["status"] == "SUCCEEDED"


def test_the_variables_of_branches_that_run_count_too(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MOST_VARIABLES", 2_500)
    inside = block(In={"Type": "Pass", "Assign": {"mine": text_of(1000)}, "Next": "Nap"}, Nap=seconds(9))
    each = last("Map", Items=[1, 2, 3], ItemProcessor=inside)
    assert sfn.run(machine(Each=each))["error"] == "States.DataLimitExceeded"


# -- history


def test_the_last_of_25_000_events_says_that_there_are_no_more(sfn: StepFunctions) -> None:
    loop = machine(
        Again={"Type": "Pass", "Next": "Which"}, Which={"Type": "Choice", "Choices": [{"Condition": False, "Next": "Out"}]}, Out=last("Pass")
    )
    loop["States"]["Which"]["Default"] = "Again"
    arn = sfn.run(loop)["arn"]
    newest = sfn.call("GetExecutionHistory", executionArn=arn, reverseOrder=True, maxResults=2)["events"]
    assert [(event["id"], event["type"]) for event in newest] == [(25_000, "ExecutionFailed"), (24_999, "PassStateExited")]
    assert newest[0]["executionFailedEventDetails"] == {
        "error": "States.Runtime",
        "cause": "The execution reached the maximum number of history events (25000).",
    }
    assert sfn.describe(arn)["redriveStatusReason"] == "Execution history event limit exceeded"


# -- the API


def refusal(sfn: StepFunctions, operation: str, **params: Any) -> str:
    with pytest.raises(AwsError) as refused:
        sfn.call(operation, **params)
    return refused.value.code


def test_a_definition_has_at_most_one_megabyte(sfn: StepFunctions) -> None:
    text = json.dumps(machine(Only=last("Pass")))
    sfn.call("CreateStateMachine", name="fits", definition=text + " " * (1_048_576 - len(text)), roleArn=ROLE)
    assert refusal(sfn, "CreateStateMachine", name="not", definition=text + " " * (1_048_577 - len(text)), roleArn=ROLE) == "ValidationException"


@pytest.mark.parametrize(("error", "cause", "taken"), [(256, 32_768, True), (257, 1, False), (1, 32_769, False)])
def test_the_error_and_cause_of_a_stop_have_their_length(sfn: StepFunctions, error: int, cause: int, taken: bool) -> None:
    arn = sfn.begin(machine(Long=seconds(60)))
    said = {"error": "e" * error, "cause": "c" * cause}
    if taken:
        sfn.call("StopExecution", executionArn=arn, **said)
        assert {name: sfn.describe(arn)[name] for name in said} == said
    else:
        assert refusal(sfn, "StopExecution", executionArn=arn, **said) == "ValidationException"


def test_lists_give_at_most_a_thousand_and_a_hundred_by_default(sfn: StepFunctions) -> None:
    arn = sfn.create(machine(Only=last("Pass")))
    for _ in range(101):
        sfn.start(arn)
    assert len(sfn.call("ListExecutions", stateMachineArn=arn)["executions"]) == 100
    assert len(sfn.call("ListExecutions", stateMachineArn=arn, maxResults=1000)["executions"]) == 101
    assert refusal(sfn, "ListExecutions", stateMachineArn=arn, maxResults=1001) == "ValidationException"


# -- lists


def test_what_ended_last_comes_first(sfn: StepFunctions) -> None:
    arn = sfn.create(machine(Wait=seconds("{% $states.input %}")))
    for name, wait in (("long", 60), ("short", 20), ("running", 600)):
        sfn.start(arn, wait, name=name)
    sfn.clock.advance(100)
    assert [execution["name"] for execution in sfn.call("ListExecutions", stateMachineArn=arn)["executions"]] == ["long", "short", "running"]


def test_what_ends_between_two_pages_moves_to_the_front_and_shifts_nothing(sfn: StepFunctions) -> None:
    arn = sfn.create(machine(Wait=seconds("{% $states.input %}")))
    for number in range(4):
        sfn.clock.advance(1)
        sfn.start(arn, 10 if number == 1 else 600, name=f"e{number}")
    first = sfn.call("ListExecutions", stateMachineArn=arn, maxResults=2)
    sfn.clock.advance(30)
    second = sfn.call("ListExecutions", stateMachineArn=arn, maxResults=2, nextToken=first["nextToken"])
    assert [[execution["name"] for execution in page["executions"]] for page in (first, second)] == [["e3", "e2"], ["e0"]]
    assert refusal(sfn, "ListExecutions", stateMachineArn=arn, nextToken="x") == "InvalidToken"


def test_pending_redrive_is_a_status_of_map_runs(sfn: StepFunctions) -> None:
    arn = sfn.create(machine(Only=last("Pass")))
    assert refusal(sfn, "ListExecutions", stateMachineArn=arn, statusFilter="PENDING_REDRIVE") == "ValidationException"
