"""Executions that a Task starts, and waits for with ``.sync`` and ``.sync:2``."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for
from tests.localaws.states_machinery import (
    ROLE,
    Definition,
    OwnClient,
    StepFunctions,
    block,
    function_fails,
    last,
    machine,
    seconds,
    step_functions,
    task,
)

SLOW = machine(Wait={"Type": "Wait", "Seconds": 60, "Next": "Give"}, Give=last("Pass", Output={"got": "{% $states.input %}"}))
FAILS = machine(No={"Type": "Fail", "Error": "Tainted", "Cause": "why"})


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


@pytest.fixture
def client(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> OwnClient:
    """What machines call Step Functions with, always as their role."""
    client = OwnClient(sfn)

    def as_the_role(service: str, region: str, principal: Any) -> OwnClient:
        assert (service, principal.role_arn) == ("stepfunctions", ROLE)
        return client

    monkeypatch.setattr(sfn.cloud, "client", as_the_role)
    return client


def starts(child: str, pattern: str = "", arguments: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{pattern}",
        "Arguments": {"StateMachineArn": child, **(arguments or {})},
    }
    return {**state, **fields} | ({} if "Next" in fields else {"End": True})


def parent(sfn: StepFunctions, child: Definition, pattern: str = "", **fields: Any) -> Definition:
    return machine(Start=starts(sfn.create(child, "child"), pattern, **fields))


def children(sfn: StepFunctions, name: str = "child") -> list[dict[str, Any]]:
    return [entry for entry in sfn.cloud.log.executions if entry["machine"] == name]


def test_a_machine_can_start_another_and_go_on(sfn: StepFunctions, client: OwnClient) -> None:
    arguments = {"Name": "{% $states.context.Execution.Name & '-child' %}", "Input": {"by": "{% $states.context.Execution.Id %}"}}
    done = sfn.run(parent(sfn, SLOW, arguments=arguments))
    (child,) = children(sfn)
    assert done["output"] == {"ExecutionArn": child["arn"], "StartDate": 1793606400050}
    assert (child["name"], child["input"], child["output"]) == (f"{done['name']}-child", {"by": done["arn"]}, {"got": {"by": done["arn"]}})
    assert [operation for operation, _ in client.calls] == ["start_execution"]
    assert "TaskSubmitted" not in sfn.kinds(done["arn"])


@pytest.mark.parametrize(("given", "got"), [({}, {}), ({"Input": '{"a":1}'}, {"a": 1}), ({"Input": [None]}, [None])])
def test_an_input_is_any_json_or_its_text_or_nothing(sfn: StepFunctions, client: OwnClient, given: dict[str, Any], got: Any) -> None:
    sfn.run(parent(sfn, SLOW, arguments=given))
    assert children(sfn)[0]["input"] == got


@pytest.mark.parametrize(
    ("pattern", "as_given"), [(".sync:2", lambda value: value), (".sync", lambda value: json.dumps(value, separators=(",", ":")))]
)
def test_a_machine_can_wait_for_the_execution_it_starts(sfn: StepFunctions, client: OwnClient, pattern: str, as_given: Any) -> None:
    done = sfn.run(parent(sfn, SLOW, pattern, arguments={"Input": {"a": 1}}))
    (child,) = children(sfn)
    assert done["output"] == {
        "ExecutionArn": child["arn"],
        "Input": as_given({"a": 1}),
        "InputDetails": {"Included": True},
        "Name": child["name"],
        "Output": as_given({"got": {"a": 1}}),
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "StartDate": 1793606400050,
        "StateMachineArn": child["machine_arn"],
        "Status": "SUCCEEDED",
        "StopDate": 1793606460050,
    }
    assert [operation for operation, _ in client.calls] == ["start_execution", "describe_execution"]
    assert done["seconds"] == pytest.approx(60 + 2 * sfn.cloud.latency)


def test_the_history_tells_when_the_execution_was_submitted(sfn: StepFunctions, client: OwnClient) -> None:
    done = sfn.run(parent(sfn, SLOW, ".sync:2"))
    events = [event for event in sfn.history(done["arn"]) if event["type"].startswith("Task")]
    kinds = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]
    assert [event["type"] for event in events] == kinds
    submitted = events[3]["taskSubmittedEventDetails"]
    assert (submitted["resourceType"], submitted["resource"]) == ("states", "startExecution.sync:2")
    assert json.loads(submitted["output"]) == {"ExecutionArn": children(sfn)[0]["arn"], "StartDate": 1793606400050}


def test_the_failure_of_a_child_is_the_tasks_own_with_the_childs_words(sfn: StepFunctions, client: OwnClient) -> None:
    caught = [
        {"ErrorEquals": ["Tainted"], "Next": "Never"},
        {"ErrorEquals": ["States.TaskFailed"], "Next": "Told", "Output": "{% $states.errorOutput %}"},
    ]
    definition = parent(sfn, FAILS, ".sync:2", Catch=caught)
    definition["States"] |= {"Never": last("Pass"), "Told": last("Pass")}
    output = sfn.output(definition)
    assert output["Error"] == "States.TaskFailed"
    cause = json.loads(output["Cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"], cause["ExecutionArn"]) == ("FAILED", "Tainted", "why", children(sfn)[0]["arn"])


def test_the_timeout_of_a_child_is_no_timeout_of_the_task(sfn: StepFunctions, client: OwnClient) -> None:
    done = sfn.run(parent(sfn, SLOW | {"TimeoutSeconds": 9}, ".sync:2"))
    assert (done["status"], done["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(done["cause"])["Status"] == "TIMED_OUT"


def test_a_child_that_cannot_be_started_is_an_error_by_its_name(sfn: StepFunctions, client: OwnClient) -> None:
    sfn.start(sfn.create(SLOW, "child"), {"other": 1}, name="taken")
    done = sfn.run(parent(sfn, SLOW, ".sync:2", arguments={"Name": "taken"}))
    assert done["error"] == "StepFunctions.ExecutionAlreadyExistsException"
    assert "TaskSubmitted" not in sfn.kinds(done["arn"])


# -- what is given up is stopped


def test_stopping_the_parent_stops_the_child(sfn: StepFunctions, client: OwnClient) -> None:
    arn = sfn.begin(parent(sfn, SLOW, ".sync:2"))
    sfn.clock.advance(10)
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.settle()
    (child,) = children(sfn)
    told = f"The Task state in AWS Step Functions execution [{arn}] which was managing this resource was aborted"
    assert (child["status"], child["error"], child["cause"]) == ("ABORTED", None, told)
    assert sfn.clock.now - sfn.started == 10


def test_stopping_reaches_grandchildren(sfn: StepFunctions, client: OwnClient) -> None:
    middle = machine(Middle=starts(sfn.create(SLOW, "grandchild"), ".sync:2"))
    arn = sfn.begin(parent(sfn, middle, ".sync:2"))
    sfn.clock.advance(10)
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.settle()
    assert {entry["machine"]: entry["status"] for entry in sfn.cloud.log.executions} == dict.fromkeys(("machine", "child", "grandchild"), "ABORTED")


def test_a_failing_sibling_stops_the_child(sfn: StepFunctions, client: OwnClient) -> None:
    soon = block(Soon={"Type": "Wait", "Seconds": 5, "Next": "No"}, No={"Type": "Fail", "Error": "No"})
    done = sfn.run(machine(Both=last("Parallel", Branches=[soon, block(Start=starts(sfn.create(SLOW, "child"), ".sync:2"))])))
    assert (done["error"], children(sfn)[0]["status"]) == ("No", "ABORTED")


@pytest.mark.parametrize(("limits", "status"), [({"task": 5}, "FAILED"), ({"machine": 5}, "TIMED_OUT")])
def test_a_time_limit_stops_the_child(sfn: StepFunctions, client: OwnClient, limits: dict[str, int], status: str) -> None:
    fields = {"TimeoutSeconds": limits["task"]} if "task" in limits else {}
    more = {"TimeoutSeconds": limits["machine"]} if "machine" in limits else {}
    assert sfn.run(parent(sfn, SLOW, ".sync:2", **fields) | more)["status"] == status
    assert children(sfn)[0]["status"] == "ABORTED"


def test_a_child_that_is_only_started_outlives_its_parent(sfn: StepFunctions, client: OwnClient) -> None:
    definition = parent(sfn, SLOW, Next="Long")
    definition["States"]["Long"] = seconds(10)
    arn = sfn.begin(definition)
    sfn.clock.advance(5)
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.settle()
    assert children(sfn)[0]["status"] == "SUCCEEDED"


def test_a_child_that_may_not_be_stopped_runs_on(sfn: StepFunctions, client: OwnClient) -> None:
    client.denied = {"stop_execution"}
    arn = sfn.begin(parent(sfn, SLOW, ".sync:2"))
    sfn.clock.advance(10)
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.settle()
    assert [entry["status"] for entry in sfn.cloud.log.executions] == ["ABORTED", "SUCCEEDED"]
    assert [operation for operation, _ in client.calls] == ["start_execution", "stop_execution"], "tried once"


def test_a_child_that_may_not_be_described_fails_the_task(sfn: StepFunctions, client: OwnClient) -> None:
    client.denied = {"describe_execution"}
    assert sfn.run(parent(sfn, SLOW, ".sync:2"))["error"] == "StepFunctions.AWSStepFunctionsException"


# -- redriving


def test_a_redriven_parent_starts_a_new_child(sfn: StepFunctions, client: OwnClient) -> None:
    sfn.functions.answer = lambda _: function_fails("Broken")
    done = sfn.run(parent(sfn, machine(Step=task("x")), ".sync:2", Output="{% $states.result.Output %}"))
    assert done["error"] == "States.TaskFailed"
    sfn.functions.answer = lambda payload: payload
    sfn.call("RedriveExecution", executionArn=done["arn"])
    sfn.clock.settle()
    assert sfn.describe(done["arn"])["output"] == "x"
    assert [child["status"] for child in children(sfn)] == ["FAILED", "SUCCEEDED"]


def test_a_child_with_a_fixed_name_stands_in_the_way_of_a_redrive(sfn: StepFunctions, client: OwnClient) -> None:
    done = sfn.run(parent(sfn, FAILS, ".sync:2", arguments={"Name": "always"}))
    sfn.call("RedriveExecution", executionArn=done["arn"])
    sfn.clock.settle()
    assert sfn.describe(done["arn"])["error"] == "StepFunctions.ExecutionAlreadyExistsException"


# -- through the gateway


def test_every_call_is_made_as_the_machines_role(local: LocalOrganization) -> None:
    sfn, iam = local.client("stepfunctions", "hub"), local.client("iam", "hub")
    role = role_for(local, "states.amazonaws.com")
    child = sfn.create_state_machine(name="child", definition=json.dumps(SLOW), roleArn=role)["stateMachineArn"]
    definition = machine(Start=starts(child, ".sync:2", Output="{% $states.result.Output %}"))
    arn = sfn.create_state_machine(name="parent", definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    allowed = [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": child},
        {
            "Effect": "Allow",
            "Action": ["states:DescribeExecution", "states:StopExecution"],
            "Resource": f"{child.replace('stateMachine', 'execution')}:*",
        },
    ]
    iam.put_role_policy(RoleName="runner", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    done = sfn.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    local.settle()
    assert json.loads(sfn.describe_execution(executionArn=done)["output"]) == {"got": {}}
    stopped = sfn.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    local.advance(10)
    sfn.stop_execution(executionArn=stopped)
    asked = [call["action"] for call in local.cloud.log.calls if ":assumed-role/runner/" in call["principal"]]
    assert asked == [f"stepfunctions:{name}Execution" for name in ("Start", "Describe", "Start", "Stop")]
    assert [entry["status"] for entry in local.cloud.log.executions] == ["SUCCEEDED", "SUCCEEDED", "ABORTED", "ABORTED"]
