"""Functions, layers and state machines as resources of a stack: made, changed in place and deleted."""

import json

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import HUB, Stack

FUNCTION = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}
      Policies:
        - PolicyName: poll
          PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "sqs:*", Resource: !GetAtt Queue.Arn}]}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ZipFile: "%s"}
      Handler: index.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
      MemorySize: 256
      %s
      Tags: [{Key: team, Value: %s}]
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: events.amazonaws.com, SourceAccount: "%s"}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Queue.Arn, FunctionName: !Ref Function, BatchSize: %s, FunctionResponseTypes: [ReportBatchItemFailures]}
"""


def test_a_function_with_its_permission_and_mapping_changes_in_place(local: LocalOrganization) -> None:
    stack = Stack(local, FUNCTION).create("x = 1", "Environment: {Variables: {A: b}}", "a", HUB, 5)
    client, name, mapping, permission = (
        local.client("lambda", "hub"),
        stack.physical("Function"),
        stack.physical("Mapping"),
        stack.physical("Permission"),
    )
    before = client.get_function(FunctionName=name)["Configuration"]
    assert before["Environment"]["Variables"] == {"A": "b"}
    stack.update("x = 2", "Timeout: 7", "b", "444444444444", 6)
    after = client.get_function(FunctionName=name)
    assert after["Configuration"]["CodeSha256"] != before["CodeSha256"]
    assert (after["Configuration"]["Timeout"], after["Configuration"].get("Environment", {}).get("Variables", {})) == (7, {})
    assert after["Tags"] == {"team": "b"}
    assert client.get_event_source_mapping(UUID=mapping)["BatchSize"] == 6
    assert stack.physical("Permission") != permission
    statements = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == [stack.physical("Permission")]
    stack.delete()
    local.settle()
    assert client.list_event_source_mappings()["EventSourceMappings"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_function(FunctionName=name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("DeadLetterConfig", "{TargetArn: !GetAtt Queue.Arn}"), ("ReservedConcurrentExecutions", "1")],
    ids=lambda value: str(value)[:16],
)
def test_what_would_be_dropped_of_a_function_is_refused(local: LocalOrganization, name: str, value: str) -> None:
    with pytest.raises(Refused, match=f"does not know the property {name}"):
        Stack(local, FUNCTION).create("x = 1", f"{name}: {value}", "a", HUB, 5)
    assert local.client("lambda", "hub").list_functions()["Functions"] == []


def test_a_layer_is_published_anew_with_each_change_and_the_old_version_goes(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="code", Key="layer.zip", Body=b"PK\x05\x06" + bytes(18))
    template = """
    Resources:
      Layer: {Type: AWS::Lambda::LayerVersion, Properties: {LayerName: common, Description: %s, Content: {S3Bucket: code, S3Key: layer.zip}}}
    """
    stack = Stack(local, template).create("first")
    first = stack.physical("Layer")
    stack.update("second")
    assert (first.rsplit(":", 1)[1], stack.physical("Layer").rsplit(":", 1)[1]) == ("1", "2")
    client = local.client("lambda", "hub")
    assert client.get_layer_version(LayerName="common", VersionNumber=2)["Description"] == "second"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_layer_version(LayerName="common", VersionNumber=1)


@pytest.mark.usefixtures("machine_role")
def test_a_state_machine_follows_its_definition(local: LocalOrganization) -> None:
    stack = Stack(
        local,
        """
        Resources:
          Machine:
            Type: AWS::StepFunctions::StateMachine
            Properties:
              RoleArn: arn:aws:iam::222222222222:role/machine
              DefinitionString: '{"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": {"Type": "Succeed", "Output": "%s"}}}'
              Tags: [{Key: team, Value: %s}]
        """,
    )
    stack.create("first", "a").update("second", "b")
    client, arn = local.client("stepfunctions", "hub"), stack.physical("Machine")
    assert json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])["States"]["Done"]["Output"] == "second"
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "b"}]
    stack.delete()
    local.settle()
    assert client.list_state_machines()["stateMachines"] == []
