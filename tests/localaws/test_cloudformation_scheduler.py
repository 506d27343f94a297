"""Schedules in templates: made, changed in place, deleted, and those that SAM writes."""

import json

import pytest

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import HERE, HUB, Stack

TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: scheduler.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: sends
          PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Work.Arn}]}
  Work: {Type: AWS::SQS::Queue}
  Night: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: night, Tags: [{Key: team, Value: %s}]}}
  Keys:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: %s
      GroupName: !Ref Night
      ScheduleExpression: %s
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: !GetAtt Work.Arn
        RoleArn: !GetAtt Role.Arn
        Input: '{"time": "<aws.scheduler.scheduled-time>"}'
        RetryPolicy: {MaximumRetryAttempts: "3"}
Outputs:
  Arn: {Value: !GetAtt Keys.Arn}
  Name: {Value: !Ref Keys}
  Group: {Value: !GetAtt Night.Arn}
"""


def test_a_schedule_changes_in_place_and_goes_with_its_stack(local: LocalOrganization) -> None:
    stack, client = Stack(local, TEMPLATE).create("ml", "keys", "rate(1 hour)"), local.client("scheduler", "hub")
    assert stack.outputs == {
        "Arn": f"arn:aws:scheduler:{HERE}:{HUB}:schedule/night/keys",
        "Name": "keys",
        "Group": f"arn:aws:scheduler:{HERE}:{HUB}:schedule-group/night",
    }
    assert client.get_schedule(Name="keys", GroupName="night")["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 3
    local.advance(3600)
    assert [entry["outcome"] for entry in local.cloud.log.deliveries if entry.get("schedule")] == ["delivered", "delivered"]
    stack.update("platform", "keys", "cron(0 10 * * ? *)")
    assert [action for action in stack.changes() if action.startswith("scheduler:")] == ["scheduler:TagResource", "scheduler:UpdateSchedule"]
    assert client.get_schedule(Name="keys", GroupName="night")["ScheduleExpression"] == "cron(0 10 * * ? *)"
    stack.update("platform", "renamed", "cron(0 10 * * ? *)")
    assert [one["Name"] for one in client.list_schedules()["Schedules"]] == ["renamed"]
    stack.delete()
    assert client.list_schedules()["Schedules"] == []
    assert [group["Name"] for group in client.list_schedule_groups()["ScheduleGroups"]] == ["default"]


MOVED = TEMPLATE.replace("GroupName: !Ref Night", "GroupName: %s")


def test_a_schedule_is_not_moved_to_another_group_in_place(local: LocalOrganization) -> None:
    stack = Stack(local, MOVED).create("ml", "keys", "night", "rate(1 hour)")
    with pytest.raises(Refused, match="cannot move a schedule to another group"):
        stack.update("ml", "keys", "default", "rate(1 hour)")


SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Sweep:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {QueryLanguage: JSONata, StartAt: Done, States: {Done: {Type: Succeed}}}
      Role: !GetAtt Runs.Arn
      Events:
        Daily:
          Type: ScheduleV2
          Properties: {ScheduleExpression: "cron(0 10 * * ? *)", Input: '{"sweep": true}', RoleArn: !GetAtt Starts.Arn}
  Runs:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}]
  Starts:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: scheduler.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: starts
          PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: states:StartExecution, Resource: !Ref Sweep}]}
"""


SAM_WITHOUT_ROLE = SAM[: SAM.index("  Starts:")].replace(", RoleArn: !GetAtt Starts.Arn", "")
"""SAM makes a role then, with a policy that says no Version."""


@pytest.mark.parametrize("template", [SAM, SAM_WITHOUT_ROLE])
def test_sams_schedule_starts_its_machine(local: LocalOrganization, template: str) -> None:
    local.client("cloudformation", "hub").create_stack(
        StackName="app", TemplateBody=template, Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    (schedule,) = local.client("scheduler", "hub").list_schedules()["Schedules"]
    local.advance(2 * 3600)
    (execution,) = local.cloud.log.executions
    assert (schedule["Name"].startswith("SweepDaily"), execution["status"], execution["output"]) == (True, "SUCCEEDED", {"sweep": True})
    assert json.loads(local.client("scheduler", "hub").get_schedule(Name=schedule["Name"])["Target"]["Input"]) == {"sweep": True}
