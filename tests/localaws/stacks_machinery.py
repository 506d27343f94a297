"""Stacks of the hub account, for tests: made, changed, and looked at."""

import re
from typing import Any

from moto.sqs.models import sqs_backends

from localaws.local import LocalOrganization

HERE = "eu-west-1"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def create(local: LocalOrganization, template: str, name: str = "app", **parameters: str) -> dict[str, Any]:
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    local.client("cloudformation", "hub").create_stack(StackName=name, TemplateBody=template, Parameters=given, Capabilities=CAPABILITIES)
    return described(local, name)


def update(local: LocalOrganization, template: str, name: str = "app", **parameters: str) -> dict[str, Any]:
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    local.client("cloudformation", "hub").update_stack(StackName=name, TemplateBody=template, Parameters=given, Capabilities=CAPABILITIES)
    return described(local, name)


def described(local: LocalOrganization, name: str = "app") -> dict[str, Any]:
    stack: dict[str, Any] = local.client("cloudformation", "hub").describe_stacks(StackName=name)["Stacks"][0]
    return stack


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def resources(local: LocalOrganization, name: str = "app") -> dict[str, str]:
    found = local.client("cloudformation", "hub").describe_stack_resources(StackName=name)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def events(local: LocalOrganization, name: str = "app") -> list[tuple[str, str]]:
    """Oldest first: logical id and status."""
    told = local.client("cloudformation", "hub").describe_stack_events(StackName=name)["StackEvents"]
    return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(told)]


def attributes(local: LocalOrganization, url: str) -> dict[str, str]:
    found: dict[str, str] = local.client("sqs", "hub").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def has_queue(name: str) -> bool:
    return re.split("[/:]", name)[-1] in sqs_backends["222222222222"][HERE].queues


QUEUES = """
Parameters:
  Seconds: {Type: Number, Default: 30, MaxValue: 43200}
  WithDlq: {Type: String, Default: "yes", AllowedValues: ["yes", "no"]}
Conditions:
  HasDlq: !Equals [!Ref WithDlq, "yes"]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: !If [HasDlq, {deadLetterTargetArn: !GetAtt Dlq.Arn, maxReceiveCount: 3}, !Ref AWS::NoValue]
  Dlq:
    Type: AWS::SQS::Queue
    Condition: HasDlq
Outputs:
  Url: {Value: !Ref Queue, Description: where to send}
  Timeout: {Value: !Sub "${Seconds} seconds in ${AWS::Region}"}
  DlqArn: {Condition: HasDlq, Value: !GetAtt Dlq.Arn}
"""
