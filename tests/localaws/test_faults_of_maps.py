"""Faults reach whatever a machine does to others: children of a Distributed Map, its reads and writes of S3, executions that it waits for, tables."""

import json
from collections import Counter
from typing import Any

import pytest

from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, role_for
from tests.localaws.states_machinery import block, fan_out, last, machine
from tests.localaws.test_states_maps_permissions import READER, WRITER

REGION, HUB = "eu-west-1", "222222222222"
ITEM = {"TableName": "counts", "Item": {"name": {"S": "x"}}}
SWEEPER = f"arn:aws:iam::{HUB}:role/sweeper"
READS = """
import boto3
def handler(event, context):
    dynamodb = boto3.client("dynamodb")
    dynamodb.get_item(TableName="counts", Key={"name": {"S": "x"}})
    return event
"""


@pytest.fixture
def sweeping(local: LocalOrganization) -> str:
    """A machine that reads items from S3, has a child invoke a function for each, waits for an execution of another one, and writes to a table."""
    s3, states = local.client("s3", "hub"), local.client("stepfunctions", "hub")
    s3.create_bucket(Bucket="items-of-sweep", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="items-of-sweep", Key="items/today.json", Body=json.dumps([1, 2, 3]))
    key = [{"AttributeName": "name", "KeyType": "HASH"}], [{"AttributeName": "name", "AttributeType": "S"}]
    local.client("dynamodb", "hub").create_table(TableName="counts", KeySchema=key[0], AttributeDefinitions=key[1], BillingMode="PAY_PER_REQUEST")
    function = local.client("lambda", "hub").create_function(
        FunctionName="worker",
        Role=role_for(local, "lambda.amazonaws.com"),
        Runtime="python3.13",
        Handler="code.handler",
        Code={"ZipFile": archive(code=READS)},
    )["FunctionArn"]
    role = role_for(local, "states.amazonaws.com", "sweeper")
    other = states.create_state_machine(name="other", definition=json.dumps(machine(Done=last("Pass"))), roleArn=role)["stateMachineArn"]
    child = last("Task", Resource="arn:aws:states:::lambda:invoke", Arguments={"FunctionName": function, "Payload": "{% $states.input %}"})
    definition = machine(
        All=fan_out(block(Ask=child), "EXPRESS", ItemReader=READER, ResultWriter=WRITER, Next="Call"),
        Call={
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": other, "Input": {}},
            "Next": "Keep",
        },
        Keep=last("Task", Resource="arn:aws:states:::dynamodb:putItem", Arguments=ITEM),
    )
    return str(states.create_state_machine(name="sweep", definition=json.dumps(definition), roleArn=role)["stateMachineArn"])


def swept(local: LocalOrganization, arn: str) -> dict[str, Any]:
    states = local.client("stepfunctions", "hub")
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    local.settle()
    return dict(states.describe_execution(executionArn=execution))


def test_every_call_and_invocation_of_a_sweep_could_be_struck(local: LocalOrganization, sweeping: str) -> None:
    with local.faults.watched() as passages:
        done = swept(local, sweeping)
    assert done["status"] == "SUCCEEDED", done
    by_machine = Counter(passage.what for passage in passages if passage.principal == SWEEPER)
    assert by_machine["lambda:Invoke"] == 3, "one of each child"
    assert by_machine["s3:GetObject"] == 1
    assert by_machine["s3:PutObject"] >= 2, "results, and the manifest that names them"
    assert by_machine["stepfunctions:StartExecution"] == by_machine["dynamodb:PutItem"] == 1
    assert [passage.what for passage in passages if passage.kind == "invocation"] == ["worker"] * 3
    assert [passage.what for passage in passages if passage.kind == "call" and passage.function == "worker"] == ["dynamodb:GetItem"] * 3


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("s3:GetObject", "States.ItemReaderFailed"),
        ("s3:PutObject", "States.ResultWriterFailed"),
        ("lambda:Invoke", "States.ExceedToleratedFailureThreshold"),
        ("stepfunctions:StartExecution", "StepFunctions.AWSStepFunctionsException"),
        ("dynamodb:PutItem", "DynamoDB.ThrottlingException"),
    ],
)
def test_each_kind_of_call_of_a_sweep_can_be_throttled_and_is_well_again_afterwards(
    local: LocalOrganization, sweeping: str, action: str, error: str
) -> None:
    with local.faults.fail(action, lasting=600, principal=SWEEPER):
        assert swept(local, sweeping)["error"] == error
    assert swept(local, sweeping)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_invocation_of_one_child_can_be_struck_and_the_others_go_on(local: LocalOrganization, sweeping: str, number: int) -> None:
    with local.faults.crash("worker", "before", "dynamodb:GetItem", after=number):
        assert swept(local, sweeping)["error"] == "States.ExceedToleratedFailureThreshold"
    assert [entry["error"] for entry in local.cloud.log.invocations].count("Runtime.ExitError") == 1
