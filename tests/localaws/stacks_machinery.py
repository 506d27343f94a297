"""Stacks of the hub account, for tests: made, changed, and looked at."""

import re
from typing import Any

from moto.sqs.models import sqs_backends

from localaws.local import LocalOrganization

HERE, HUB = "eu-west-1", "222222222222"
FRAUD, CHURN, OTHER = "444444444444", "555555555555", "666666666666"
ADMIN: Any = {"CallAs": "DELEGATED_ADMIN"}
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


def failures(local: LocalOrganization, name: str = "app") -> dict[str, str]:
    """What each resource that failed since the stack's last beginning says, by logical id."""
    told = local.client("cloudformation", "hub").describe_stack_events(StackName=name)["StackEvents"]
    begun = next(number for number, event in enumerate(told) if event.get("ResourceStatusReason") == "User Initiated")
    failed = [event for event in told[:begun] if event["ResourceStatus"].endswith("_FAILED") and event["PhysicalResourceId"] != event["StackId"]]
    return {event["LogicalResourceId"]: event["ResourceStatusReason"] for event in failed}


def attributes(local: LocalOrganization, url: str) -> dict[str, str]:
    found: dict[str, str] = local.client("sqs", "hub").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def has_queue(name: str) -> bool:
    return re.split("[/:]", name)[-1] in sqs_backends[HUB][HERE].queues


class Stack:
    """One stack in the hub account, from template text with `%s` for what changes."""

    def __init__(self, local: LocalOrganization, template: str):
        self.local, self.template, self.client = local, template, local.client("cloudformation", "hub")

    def _send(self, call: Any, values: tuple[object, ...]) -> "Stack":
        call(StackName="app", TemplateBody=self.template % values, Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])
        stack = self.client.describe_stacks(StackName="app")["Stacks"][0]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), failures(self.local)
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return self

    def create(self, *values: object) -> "Stack":
        return self._send(self.client.create_stack, values)

    def update(self, *values: object) -> "Stack":
        return self._send(self.client.update_stack, values)

    def delete(self) -> None:
        self.client.delete_stack(StackName="app")
        assert self.client.describe_stacks()["Stacks"] == []

    def physical(self, logical_id: str) -> str:
        detail = self.client.describe_stack_resource(StackName="app", LogicalResourceId=logical_id)["StackResourceDetail"]
        return str(detail["PhysicalResourceId"])

    def changes(self) -> list[str]:
        """The API calls of the last stack operation, reads left out."""
        calls = self.local.cloud.log.calls
        ends = [number for number, call in enumerate(calls) if call["action"] in ("cloudformation:CreateStack", "cloudformation:UpdateStack")]
        start = ends[-2] + 1 if len(ends) > 1 else 0
        reads = ("Get", "Describe", "List", "Head")
        return [call["action"] for call in calls[start : ends[-1]] if not call["action"].split(":")[1].startswith(reads)]


def seconds_of_queue(local: LocalOrganization, account: str, region: str = "eu-west-1") -> str | None:
    """How long the planted queue hides messages; None where there is no such queue."""
    client = local.client("sqs", local.organization.account_of(account).name, region)
    try:
        url = client.get_queue_url(QueueName="planted")["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        return None
    return str(client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"])


SMALL_ORGANIZATION = """
home_region: eu-west-1
regions: [eu-west-1, us-east-1]
units: [Infrastructure, ML, ML/Dev, Sandbox]
accounts:
  - {name: management, id: "111111111111", management: true}
  - {name: hub, id: "222222222222", unit: Infrastructure, delegated: [stacksets]}
  - {name: fraud, id: "444444444444", unit: ML/Dev}
  - {name: churn, id: "555555555555", unit: ML}
  - {name: other, id: "666666666666", unit: Sandbox}
"""

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
