"""Distributed Map in a whole organization: what the machine's role must be allowed, by S3 and by Step Functions, each decision written down."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Principal
from localaws.local import LocalOrganization
from localaws.states.executions import executions
from tests.localaws.conftest import SMALL, role_for
from tests.localaws.states_machinery import block, fan_out, last, machine

REGION = "eu-west-1"
HUB = "222222222222"
MACHINE = f"arn:aws:states:{REGION}:{HUB}:stateMachine:sweep"
EXECUTIONS = MACHINE.replace(":stateMachine:", ":execution:")
READER = {
    "Resource": "arn:aws:states:::s3:getObject",
    "Arguments": {"Bucket": "items-of-sweep", "Key": "items/today.json"},
    "ReaderConfig": {"InputType": "JSON"},
}
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "items-of-sweep", "Prefix": "results"}}

RESULTS = "arn:aws:s3:::items-of-sweep/results/*"
NEEDED = {
    "states:StartExecution": MACHINE,
    "states:DescribeExecution": f"{EXECUTIONS}:*",
    "states:RedriveExecution": f"{EXECUTIONS}/Each:*",
    "s3:GetObject": ["arn:aws:s3:::items-of-sweep/items/*", RESULTS],
    "s3:PutObject": RESULTS,
    "s3:ListMultipartUploadParts": RESULTS,
    "s3:AbortMultipartUpload": RESULTS,
}


def allowed_but(*left_out: str) -> list[dict[str, Any]]:
    return [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in NEEDED.items() if action not in left_out]


def sweep(local: LocalOrganization, *left_out: str, kind: str = "EXPRESS", first: dict[str, Any] | None = None) -> tuple[Any, str]:
    """Start the sweep with a role that lacks these actions; its client, and the ended execution's ARN."""
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="items-of-sweep", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="items-of-sweep", Key="items/today.json", Body=json.dumps([1, 2, 3]))
    role = role_for(local, "states.amazonaws.com", "sweeper", may=allowed_but(*left_out))
    states = local.client("stepfunctions", "hub")
    tried = first or last("Pass", Output="{% $states.input + 1 %}")
    definition = machine(All=fan_out(block(Try=tried), kind, ItemReader=READER, ResultWriter=WRITER))
    arn = states.create_state_machine(name="sweep", definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    execution = str(states.start_execution(stateMachineArn=arn, input="{}")["executionArn"])
    local.advance(5)
    return states, execution


def decisions(local: LocalOrganization) -> set[tuple[str, str, bool]]:
    return {(entry["action"], entry["resource"].split(":", 5)[5], entry["allowed"]) for entry in local.cloud.log.decisions}


def test_the_least_privileges_that_aws_documents_are_enough(local: LocalOrganization) -> None:
    states, execution = sweep(local)
    done = states.describe_execution(executionArn=execution)
    assert done["status"] == "SUCCEEDED", done
    details = json.loads(done["output"])["ResultWriterDetails"]
    manifest = json.load(local.client("s3", "hub").get_object(Bucket=details["Bucket"], Key=details["Key"])["Body"])
    (written,) = manifest["ResultFiles"]["SUCCEEDED"]
    results = json.load(local.client("s3", "hub").get_object(Bucket=details["Bucket"], Key=written["Key"])["Body"])
    assert [result["Output"] for result in results] == ["2", "3", "4"]
    assert ("states:StartExecution", "stateMachine:sweep", True) in decisions(local)
    assert ("s3:GetObject", "items-of-sweep/items/today.json", True) in decisions(local)
    asked = [entry["action"] for entry in local.cloud.log.decisions]
    assert (asked.count("states:StartExecution"), asked.count("states:DescribeExecution"), asked.count("s3:PutObject")) == (3, 1, 2)


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("states:StartExecution", "States.Permissions"),
        ("states:DescribeExecution", "States.Permissions"),
        ("s3:GetObject", "States.ItemReaderFailed"),
        ("s3:PutObject", "States.ResultWriterFailed"),
        ("s3:ListMultipartUploadParts", "States.ResultWriterFailed"),
        ("s3:AbortMultipartUpload", "States.ResultWriterFailed"),
    ],
)
def test_without_one_of_them_the_map_fails_and_says_which(local: LocalOrganization, action: str, error: str) -> None:
    states, execution = sweep(local, action)
    done = states.describe_execution(executionArn=execution)
    assert (done["status"], done["error"]) == ("FAILED", error)
    assert action in done["cause"]
    assert action in {name for name, _, allowed in decisions(local) if not allowed}


def test_a_redrive_of_standard_children_needs_to_redrive_them(local: LocalOrganization) -> None:
    states, execution = sweep(local, "states:RedriveExecution", kind="STANDARD", first={"Type": "Fail", "Error": "Broken"})
    states.redrive_execution(executionArn=execution)
    local.settle()
    assert "states:RedriveExecution" in states.describe_execution(executionArn=execution)["cause"]
    iam = local.client("iam", "hub")
    iam.put_role_policy(RoleName="sweeper", PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed_but()}))
    states.redrive_execution(executionArn=execution)
    local.settle()
    done = states.describe_execution(executionArn=execution)
    assert done["error"] == "States.ExceedToleratedFailureThreshold", "the Fail state fails again"
    (run,) = states.list_map_runs(executionArn=execution)["mapRuns"]
    assert states.describe_map_run(mapRunArn=run["mapRunArn"])["redriveCount"] == 2


def test_children_and_map_runs_are_resources_that_a_role_can_be_allowed_to_read(local: LocalOrganization) -> None:
    _, execution = sweep(local, kind="STANDARD")
    may = [
        {"Effect": "Allow", "Action": "states:ListMapRuns", "Resource": f"{EXECUTIONS}:*"},
        {
            "Effect": "Allow",
            "Action": ["states:DescribeMapRun", "states:ListExecutions"],
            "Resource": MACHINE.replace(":stateMachine:", ":mapRun:") + "/Each:*",
        },
        {"Effect": "Allow", "Action": "states:DescribeExecution", "Resource": f"{EXECUTIONS}/Each:*"},
    ]
    role = role_for(local, {"AWS": f"arn:aws:iam::{HUB}:root"}, "reader", may=may)
    reader = local.cloud.client("stepfunctions", REGION, Principal.of_role(role, "reader"))
    (run,) = reader.list_map_runs(executionArn=execution)["mapRuns"]
    assert reader.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]["succeeded"] == 3
    listed = reader.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert {reader.describe_execution(executionArn=child["executionArn"])["output"] for child in listed} == {"2", "3", "4"}
    with pytest.raises(ClientError, match="states:UpdateMapRun"):
        reader.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=1)


def test_faults_strike_children(local: LocalOrganization) -> None:
    """A child's calls are calls like any: one of them is throttled, and its child alone fails or tries again."""
    topic = local.client("sns", "hub").create_topic(Name="told")["TopicArn"]
    arguments = {"TopicArn": topic, "Message": "{% $string($states.input) %}"}
    tell = last("Task", Resource="arn:aws:states:::sns:publish", Arguments=arguments, Output="told")
    retry = {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}
    role = role_for(local, "states.amazonaws.com", "teller")
    states = local.client("stepfunctions", "hub")
    outputs = []
    for name, child in (("once", tell), ("again", tell | retry)):
        definition = machine(All=fan_out(block(Tell=child), "EXPRESS", ToleratedFailureCount=1))
        arn = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
        with local.faults.fail("sns:Publish", after=1, times=1):
            execution = states.start_execution(stateMachineArn=arn, input="[1, 2, 3]")["executionArn"]
            local.settle()
        outputs.append(json.loads(states.describe_execution(executionArn=execution)["output"]))
    once, again = outputs
    assert sorted(result if isinstance(result, str) else result["Status"] for result in once) == ["FAILED", "told", "told"]
    assert again == ["told"] * 3


def test_what_a_closed_organization_left_undone_does_nothing_in_the_next() -> None:
    with LocalOrganization(SMALL, seed=0) as first:
        sweep(first, kind="STANDARD", first=last("Wait", Seconds=100))
        running = [execution.steps for execution in executions(first.cloud, HUB, REGION).values() if execution.status == "RUNNING"]
    with LocalOrganization(SMALL, seed=0) as another:
        for steps in running:
            assert steps is not None
            steps.close()  # as Python does with what nobody has any more
        assert (len(running), another.cloud.log.calls) == (4, [])
