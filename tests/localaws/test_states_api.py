"""State machines and executions through the API: names, conflicts, pages, tags, stopping and deleting."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import AwsError, Refused
from tests.localaws.states_machinery import ACCOUNT, REGION, ROLE, StepFunctions, last, machine, seconds, step_functions, task

ONE_PASS = machine(Only=last("Pass"))
LONG = machine(Long=seconds(3600))
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine"


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def refusal(sfn: StepFunctions, operation: str, **params: Any) -> str:
    """The code that the operation is refused with."""
    with pytest.raises(AwsError) as refused:
        sfn.call(operation, **params)
    return refused.value.code


# -- state machines


def test_a_machine_is_described_as_it_was_created(sfn: StepFunctions) -> None:
    logging, tags = {"level": "ERROR", "includeExecutionData": True, "destinations": []}, [{"key": "team", "value": "ml"}]
    text = json.dumps(ONE_PASS)
    made = sfn.call(
        "CreateStateMachine",
        name="machine",
        definition=text,
        roleArn=ROLE,
        loggingConfiguration=logging,
        tracingConfiguration={"enabled": True},
        tags=tags,
    )
    assert made["stateMachineArn"] == ARN
    assert sfn.call("DescribeStateMachine", stateMachineArn=ARN) == {
        "stateMachineArn": ARN,
        "name": "machine",
        "status": "ACTIVE",
        "type": "STANDARD",
        "definition": text,
        "roleArn": ROLE,
        "creationDate": made["creationDate"],
        "loggingConfiguration": logging,
        "tracingConfiguration": {"enabled": True},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    assert sfn.call("ListTagsForResource", resourceArn=ARN) == {"tags": tags}


def test_creating_the_same_machine_again_changes_nothing(sfn: StepFunctions) -> None:
    first = sfn.call("CreateStateMachine", name="machine", definition=json.dumps(ONE_PASS), roleArn=ROLE)
    sfn.clock.advance(60)
    again = sfn.call("CreateStateMachine", name="machine", definition=json.dumps(ONE_PASS), roleArn=f"{ROLE}-2", tags=[{"key": "a", "value": "b"}])
    assert again == first
    assert sfn.call("DescribeStateMachine", stateMachineArn=ARN)["roleArn"] == ROLE
    assert sfn.call("ListTagsForResource", resourceArn=ARN) == {"tags": []}


def test_another_definition_under_the_same_name_is_a_conflict(sfn: StepFunctions) -> None:
    sfn.create(ONE_PASS)
    assert refusal(sfn, "CreateStateMachine", name="machine", definition=json.dumps(LONG), roleArn=ROLE) == "StateMachineAlreadyExists"


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "a:b", "a*", "<a>", "a[1]", "a{", "a?", 'a"', "a#", "a%", "a\\", "a^", "a|", "a~", "a`", "a$", "a&", "a,", "a;", "a\n"]
)
def test_names_have_no_special_characters(sfn: StepFunctions, name: str) -> None:
    assert refusal(sfn, "CreateStateMachine", name=name, definition=json.dumps(ONE_PASS), roleArn=ROLE) == "InvalidName"
    assert refusal(sfn, "StartExecution", stateMachineArn=sfn.create(ONE_PASS), name=name) == "InvalidName"


def test_names_have_at_most_80_characters(sfn: StepFunctions) -> None:
    machine_arn = sfn.create(ONE_PASS, "m" * 80)
    sfn.call("StartExecution", stateMachineArn=machine_arn, name="e" * 80)
    # The gateway's check of botocore's model says so first.
    assert refusal(sfn, "StartExecution", stateMachineArn=machine_arn, name="e" * 81) == "ValidationException"


def test_a_role_must_be_a_role(sfn: StepFunctions) -> None:
    assert refusal(sfn, "CreateStateMachine", name="m", definition=json.dumps(ONE_PASS), roleArn="arn:aws:iam::222222222222:user/u") == "InvalidArn"


def test_running_executions_keep_what_they_were_started_with(sfn: StepFunctions) -> None:
    wait = machine(Wait={"Type": "Wait", "Seconds": 10, "Next": "Old"}, Old=last("Pass", Output="old"))
    arn = sfn.create(wait)
    before = sfn.start(arn)
    sfn.clock.advance(1)
    role = f"{ROLE}-2"
    updated = sfn.call("UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(machine(New=last("Pass", Output="new"))), roleArn=role)
    after = sfn.start(arn)
    sfn.clock.settle()
    assert [sfn.describe(execution)["output"] for execution in (before, after)] == ["old", "new"]
    described = sfn.call("DescribeStateMachine", stateMachineArn=arn)
    assert (described["roleArn"], described["revisionId"]) == (role, updated["revisionId"])
    old = sfn.call("DescribeStateMachineForExecution", executionArn=before)
    assert (old["roleArn"], old["definition"]) == (ROLE, json.dumps(wait))


def test_an_update_must_update_something(sfn: StepFunctions) -> None:
    assert refusal(sfn, "UpdateStateMachine", stateMachineArn=sfn.create(ONE_PASS)) == "MissingRequiredParameter"


def test_an_update_is_checked_like_a_creation(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    assert refusal(sfn, "UpdateStateMachine", stateMachineArn=arn, definition="{}x") == "InvalidDefinition"
    assert json.loads(sfn.call("DescribeStateMachine", stateMachineArn=arn)["definition"]) == ONE_PASS


def test_machines_are_listed_in_pages(sfn: StepFunctions) -> None:
    arns = [sfn.create(ONE_PASS, name) for name in ("a", "b", "c")]
    first = sfn.call("ListStateMachines", maxResults=2)
    second = sfn.call("ListStateMachines", maxResults=2, nextToken=first["nextToken"])
    assert [listed["stateMachineArn"] for page in (first, second) for listed in page["stateMachines"]] == arns
    assert "nextToken" not in second
    assert refusal(sfn, "ListStateMachines", nextToken="x") == "InvalidToken"


@pytest.mark.parametrize("operation", ["DescribeStateMachine", "StartExecution", "ListExecutions", "UpdateStateMachine"])
def test_what_does_not_exist_is_said_so(sfn: StepFunctions, operation: str) -> None:
    assert refusal(sfn, operation, stateMachineArn=ARN) == "StateMachineDoesNotExist"


@pytest.mark.parametrize("operation", ["DescribeExecution", "StopExecution", "GetExecutionHistory", "DescribeStateMachineForExecution"])
def test_executions_that_do_not_exist_are_said_so(sfn: StepFunctions, operation: str) -> None:
    assert refusal(sfn, operation, executionArn=ARN.replace("stateMachine", "execution") + ":x") == "ExecutionDoesNotExist"
    assert refusal(sfn, operation, executionArn=ARN) == "InvalidArn"


@pytest.mark.parametrize(
    ("operation", "params", "named"),
    [
        ("CreateStateMachine", {"name": "m", "definition": "{}", "roleArn": ROLE, "type": "EXPRESS"}, "EXPRESS"),
        ("CreateStateMachine", {"name": "m", "definition": "{}", "roleArn": ROLE, "publish": True}, "versions"),
        ("StartExecution", {"stateMachineArn": f"{ARN}:1"}, "versions"),
        (
            "CreateStateMachine",
            {"name": "m", "definition": "{}", "roleArn": ROLE, "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}},
            "encryption",
        ),
    ],
)
def test_what_is_not_built_is_refused_by_name(sfn: StepFunctions, operation: str, params: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named):
        sfn.call(operation, **params)


# -- executions


def test_the_same_name_and_input_while_running_is_the_same_execution(sfn: StepFunctions) -> None:
    arn = sfn.create(LONG)
    first = sfn.call("StartExecution", stateMachineArn=arn, name="once", input='{"a": 1}')
    sfn.clock.advance(60)
    assert sfn.call("StartExecution", stateMachineArn=arn, name="once", input='{"a": 1}') == first
    assert len(sfn.cloud.log.executions) == 1


def test_the_same_name_with_another_input_is_a_conflict(sfn: StepFunctions) -> None:
    arn = sfn.create(LONG)
    sfn.start(arn, {"a": 1}, name="once")
    assert refusal(sfn, "StartExecution", stateMachineArn=arn, name="once", input='{"a":2}') == "ExecutionAlreadyExists"


def test_a_name_is_held_for_90_days_after_its_execution_ended(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    sfn.start(arn, name="once")
    sfn.clock.advance(90 * 86_400 - 1)
    assert refusal(sfn, "StartExecution", stateMachineArn=arn, name="once", input="{}") == "ExecutionAlreadyExists"
    sfn.clock.advance(1)
    sfn.start(arn, name="between")
    sfn.start(arn, name="once")
    assert [execution["name"] for execution in sfn.call("ListExecutions", stateMachineArn=arn)["executions"]] == ["once", "between"]


def test_the_same_name_is_free_on_another_machine(sfn: StepFunctions) -> None:
    arns = {sfn.start(sfn.create(LONG, name), name="once") for name in ("a", "b")}
    assert len(arns) == 2


def test_an_execution_without_a_name_gets_a_uuid_and_an_empty_input(sfn: StepFunctions) -> None:
    arn = sfn.call("StartExecution", stateMachineArn=sfn.create(ONE_PASS))["executionArn"]
    sfn.clock.settle()
    done = sfn.describe(arn)
    assert (done["input"], done["output"]) == ("{}", {})
    assert [len(part) for part in done["name"].split("-")] == [8, 4, 4, 4, 12]


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN"])
def test_an_input_must_be_json(sfn: StepFunctions, text: str) -> None:
    assert refusal(sfn, "StartExecution", stateMachineArn=sfn.create(ONE_PASS), input=text) == "InvalidExecutionInput"


def test_an_input_has_at_most_256_kib_of_utf8(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    sfn.call("StartExecution", stateMachineArn=arn, input=json.dumps("x" * 262_142))
    assert refusal(sfn, "StartExecution", stateMachineArn=arn, input=json.dumps("é" * 200_000, ensure_ascii=False)) == "ValidationException"


def test_executions_are_listed_newest_first_in_pages_that_stay_true(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    sfn.start(sfn.create(ONE_PASS, "other"), name="not-ours")
    started = [sfn.start(arn, name=name) for name in ("a", "b", "c")]
    first = sfn.call("ListExecutions", stateMachineArn=arn, maxResults=2)
    sfn.start(arn, name="meanwhile")
    second = sfn.call("ListExecutions", stateMachineArn=arn, maxResults=2, nextToken=first["nextToken"])
    assert [listed["executionArn"] for page in (first, second) for listed in page["executions"]] == started[::-1]
    assert "nextToken" not in second


def test_executions_are_listed_by_status(sfn: StepFunctions) -> None:
    which = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.ok %}", "Next": "Ok"}], "Default": "No"}
    arn = sfn.create(machine(Which=which, Ok=last("Pass"), No={"Type": "Fail"}))
    for name, ok in (("good", True), ("bad", False)):
        sfn.start(arn, {"ok": ok}, name=name)
    sfn.clock.settle()
    sfn.start(arn, {"ok": True}, name="new")
    found = {
        status: [execution["name"] for execution in sfn.call("ListExecutions", stateMachineArn=arn, statusFilter=status)["executions"]]
        for status in ("RUNNING", "SUCCEEDED", "FAILED", "ABORTED")
    }
    assert found == {"RUNNING": ["new"], "SUCCEEDED": ["good"], "FAILED": ["bad"], "ABORTED": []}


def test_a_stopped_execution_gives_up_what_it_waits_for(sfn: StepFunctions) -> None:
    arn = sfn.begin(LONG)
    sfn.clock.advance(10)
    stopped = sfn.call("StopExecution", executionArn=arn, error="Enough", cause="by hand")
    sfn.clock.settle()
    done = sfn.describe(arn)
    assert (done["status"], done["error"], done["cause"], done["seconds"]) == ("ABORTED", "Enough", "by hand", 10)
    assert done["stopDate"] == stopped["stopDate"]
    assert sfn.kinds(arn)[-2:] == ["WaitStateAborted", "ExecutionAborted"]
    assert sfn.clock.now - sfn.started == 10


def test_stopping_what_has_ended_changes_nothing(sfn: StepFunctions) -> None:
    done = sfn.run(ONE_PASS)
    assert sfn.call("StopExecution", executionArn=done["arn"]) == {"stopDate": done["stopDate"]}
    assert sfn.describe(done["arn"])["status"] == "SUCCEEDED"


def test_an_execution_can_be_stopped_before_it_has_run(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(Step=task()))
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.settle()
    assert sfn.kinds(arn) == ["ExecutionStarted", "ExecutionAborted"]
    assert sfn.functions.calls == []


# -- deleting


def test_a_machine_without_running_executions_is_gone_at_once(sfn: StepFunctions) -> None:
    done = sfn.run(ONE_PASS)
    sfn.call("DeleteStateMachine", stateMachineArn=ARN)
    assert refusal(sfn, "DescribeStateMachine", stateMachineArn=ARN) == "StateMachineDoesNotExist"
    assert refusal(sfn, "DescribeExecution", executionArn=done["arn"]) == "ExecutionDoesNotExist"
    assert [entry["arn"] for entry in sfn.cloud.log.executions] == [done["arn"]], "the log keeps what happened"


def test_a_machine_being_deleted_ends_its_executions_before_their_next_state(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(Wait={"Type": "Wait", "Seconds": 60, "Next": "Step"}, Step=task()))
    sfn.clock.advance(10)
    sfn.call("DeleteStateMachine", stateMachineArn=ARN)
    assert sfn.call("DescribeStateMachine", stateMachineArn=ARN)["status"] == "DELETING"
    assert refusal(sfn, "StartExecution", stateMachineArn=ARN) == "StateMachineDeleting"
    assert sfn.describe(arn)["status"] == "RUNNING"
    sfn.clock.settle()
    assert sfn.functions.calls == []
    assert sfn.cloud.log.executions[0]["status"] == "ABORTED"
    assert sfn.call("ListStateMachines") == {"stateMachines": []}


def test_deleting_what_does_not_exist_is_no_error(sfn: StepFunctions) -> None:
    assert sfn.call("DeleteStateMachine", stateMachineArn=ARN) == {}


# -- tags


def test_tags_are_added_replaced_and_removed(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    sfn.call("TagResource", resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    sfn.call("TagResource", resourceArn=arn, tags=[{"key": "a", "value": "3"}])
    sfn.call("UntagResource", resourceArn=arn, tagKeys=["b", "never-there"])
    assert sfn.call("ListTagsForResource", resourceArn=arn) == {"tags": [{"key": "a", "value": "3"}]}


def test_a_resource_has_at_most_fifty_tags(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    assert refusal(sfn, "TagResource", resourceArn=arn, tags=[{"key": f"k{n}", "value": ""} for n in range(51)]) == "TooManyTags"
    assert refusal(sfn, "TagResource", resourceArn=f"{arn}x", tags=[]) == "ResourceNotFound"


# -- speed


def test_a_thousand_executions_are_no_wait(sfn: StepFunctions) -> None:
    arn = sfn.create(ONE_PASS)
    for _ in range(1000):
        sfn.start(arn)
    sfn.clock.settle()
    assert {entry["status"] for entry in sfn.cloud.log.executions} == {"SUCCEEDED"}
    assert len(sfn.cloud.log.executions) == 1000
