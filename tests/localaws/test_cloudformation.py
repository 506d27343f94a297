"""Stacks: what a template asks for is there afterwards, what fails is taken back, and what is deleted is gone."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for
from tests.localaws.stacks_machinery import QUEUES, attributes, create, described, events, failures, has_queue, outputs, resources, update

# -- stacks


def test_a_stack_makes_its_resources_after_what_they_need_and_tells_its_outputs(local: LocalOrganization) -> None:
    stack = create(local, QUEUES, Seconds="77")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    told = outputs(stack)
    assert told["Timeout"] == "77 seconds in eu-west-1"
    assert told["DlqArn"].startswith("arn:aws:sqs:eu-west-1:222222222222:app-Dlq-")
    queue = attributes(local, told["Url"])
    assert queue["VisibilityTimeout"] == "77"
    assert json.loads(queue["RedrivePolicy"]) == {"deadLetterTargetArn": told["DlqArn"], "maxReceiveCount": 3}
    order = events(local)
    assert order.index(("Dlq", "CREATE_COMPLETE")) < order.index(("Queue", "CREATE_IN_PROGRESS"))
    assert order[-1] == ("app", "CREATE_COMPLETE")


def test_what_a_false_condition_holds_is_not_made(local: LocalOrganization) -> None:
    stack = create(local, QUEUES, WithDlq="no")
    assert set(resources(local)) == {"Queue"}
    assert set(outputs(stack)) == {"Url", "Timeout"}
    assert "RedrivePolicy" not in attributes(local, outputs(stack)["Url"])


def test_an_update_changes_in_place_adds_and_removes(local: LocalOrganization) -> None:
    before = outputs(create(local, QUEUES))
    stack = update(local, QUEUES, WithDlq="no", Seconds="99")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert outputs(stack)["Url"] == before["Url"]
    assert outputs(stack)["Timeout"] == "99 seconds in eu-west-1"
    assert attributes(local, before["Url"])["VisibilityTimeout"] == "99"
    assert set(resources(local)) == {"Queue"}
    assert not has_queue(before["DlqArn"])


def test_an_update_without_changes_is_refused_as_aws_does(local: LocalOrganization) -> None:
    create(local, QUEUES)
    with pytest.raises(ClientError, match="No updates are to be performed"):
        update(local, QUEUES)


def test_a_property_that_cannot_change_makes_a_new_resource_and_deletes_the_old_one(local: LocalOrganization) -> None:
    template = "Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: %s}}}"
    create(local, template % "/one")
    update(local, template % "/two")
    groups = local.client("logs", "hub").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/two"]


def test_a_named_resource_cannot_be_replaced(local: LocalOrganization) -> None:
    template = "Resources: {Role: {Type: AWS::IAM::Role, Properties: {RoleName: one, Path: %s, AssumeRolePolicyDocument: {Statement: []}}}}"
    create(local, template % "/here/")
    stack = update(local, template % "/there/")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing (Path changed)" in failures(local)["Role"]
    assert local.client("iam", "hub").get_role(RoleName="one")["Role"]["Path"] == "/here/"


def test_a_deleted_stack_leaves_nothing_behind_but_what_is_to_be_retained(local: LocalOrganization) -> None:
    kept = QUEUES.replace("    Condition: HasDlq\n", "    Condition: HasDlq\n    DeletionPolicy: Retain\n", 1)
    create(local, kept)
    made = resources(local)
    local.client("cloudformation", "hub").delete_stack(StackName="app")
    assert not has_queue(made["Queue"])
    assert has_queue(made["Dlq"])
    with pytest.raises(ClientError, match="Stack with id app does not exist"):
        described(local)


def test_a_protected_stack_stays(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    client.create_stack(StackName="app", TemplateBody=QUEUES, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        client.delete_stack(StackName="app")
    assert len(resources(local)) == 2


BROKEN_ROLE = """
  Role:
    Type: AWS::IAM::Role
    DependsOn: Queue
    Properties:
      RoleName: halfway
      AssumeRolePolicyDocument: {Statement: []}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/NoSuchPolicy"]
"""


def test_a_failing_resource_is_named_and_all_that_was_made_is_taken_back(local: LocalOrganization) -> None:
    stack = create(local, "Resources:\n  Queue: {Type: AWS::SQS::Queue}" + BROKEN_ROLE)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack["StackStatusReason"] == "The following resource(s) failed to create: [Role]. Rollback requested by user."
    assert "Policy arn:aws:iam::aws:policy/NoSuchPolicy does not exist" in failures(local)["Role"]
    assert ("Role", "CREATE_FAILED") in events(local)
    assert resources(local) == {}
    with pytest.raises(ClientError, match="NoSuchEntity"):  # the role itself had been made before its policies failed
        local.client("iam", "hub").get_role(RoleName="halfway")
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        update(local, QUEUES)


def test_a_failing_update_gives_back_what_was_there(local: LocalOrganization) -> None:
    before = outputs(create(local, QUEUES, Seconds="30"))
    broken = QUEUES.replace("\nOutputs:", BROKEN_ROLE + "Outputs:")
    stack = update(local, broken, Seconds="99")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "NoSuchPolicy" in failures(local)["Role"]
    assert ("Queue", "UPDATE_COMPLETE") in events(local)
    assert attributes(local, before["Url"])["VisibilityTimeout"] == "30"
    assert set(resources(local)) == {"Queue", "Dlq"}
    assert outputs(stack) == before


def test_a_status_change_becomes_an_event_on_the_default_bus(local: LocalOrganization) -> None:
    create(local, QUEUES)
    client = local.client("events", "hub")
    queue = local.client("sqs", "hub").create_queue(QueueName="watch")["QueueUrl"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    local.client("sqs", "hub").set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})}
    )
    client.put_rule(Name="watch", EventPattern=json.dumps({"source": ["aws.cloudformation"], "detail-type": ["CloudFormation Stack Status Change"]}))
    client.put_targets(Rule="watch", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:222222222222:watch"}])
    local.settle()
    messages = local.client("sqs", "hub").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    told = [json.loads(message["Body"]) for message in messages]
    assert "CREATE_COMPLETE" in [event["detail"]["status-details"]["status"] for event in told]
    assert {event["detail"]["stack-id"] for event in told} == {described(local)["StackId"]}


def test_resources_are_made_by_whoever_deploys_through_cloudformation(local: LocalOrganization) -> None:
    create(local, QUEUES)
    made = [call for call in local.cloud.log.calls if call["action"] == "sqs:CreateQueue"]
    assert {call["principal"] for call in made} == {local.administrator("hub").arn}
    role = role_for(local, "cloudformation.amazonaws.com", "deployer")
    local.client("cloudformation", "hub").create_stack(StackName="other", TemplateBody=QUEUES, RoleARN=role)
    made = [call for call in local.cloud.log.calls if call["action"] == "sqs:CreateQueue"]
    assert made[-1]["principal"] == "arn:aws:sts::222222222222:assumed-role/deployer/AWSCloudFormation"


def test_tags_of_a_stack_come_to_its_resources(local: LocalOrganization) -> None:
    tags = [{"Key": "team", "Value": "platform"}, {"Key": "app", "Value": "stack"}]
    template = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {Tags: [{Key: app, Value: own}]}}}"
    local.client("cloudformation", "hub").create_stack(StackName="app", TemplateBody=template, Tags=tags)
    found = local.client("sqs", "hub").list_queue_tags(QueueUrl=resources(local)["Queue"])["Tags"]
    assert found == {"team": "platform", "app": "own"}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::SQS::Queue", "QueueName: taken"),
        ("AWS::SNS::Topic", "TopicName: taken"),
        ("AWS::Events::Rule", "{Name: taken, EventPattern: {source: [a]}}"),
        ("AWS::CloudWatch::Alarm", "{AlarmName: taken, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1, Threshold: 0}"),
        ("AWS::S3::Bucket", "BucketName: taken"),
        ("AWS::Logs::LogGroup", "LogGroupName: taken"),
    ],
)
def test_a_stack_does_not_take_over_what_is_there(local: LocalOrganization, kind: str, properties: str) -> None:
    template = f"Resources: {{A: {{Type: {kind}, Properties: {properties if properties.startswith('{') else '{' + properties + '}'}}}}}"
    assert create(local, template)["StackStatus"] == "CREATE_COMPLETE"
    second = create(local, template, "second")
    assert second["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "already exists" in failures(local, "second")["A"]


# -- change sets


def change_set(local: LocalOrganization, kind: str, template: str, **parameters: str) -> dict[str, Any]:
    client = local.client("cloudformation", "hub")
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    made = client.create_change_set(
        StackName="app", ChangeSetName=f"c{local.cloud.identifier(8)}", ChangeSetType=kind, TemplateBody=template, Parameters=given
    )
    told: dict[str, Any] = client.describe_change_set(ChangeSetName=made["Id"])
    return told


def test_a_change_set_says_what_will_be_done_and_does_it(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    first = change_set(local, "CREATE", QUEUES)
    assert described(local)["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert {change["ResourceChange"]["LogicalResourceId"] for change in first["Changes"]} == {"Queue", "Dlq"}
    assert events(local) == [("app", "REVIEW_IN_PROGRESS")]
    client.execute_change_set(ChangeSetName=first["ChangeSetId"])
    assert described(local)["StackStatus"] == "CREATE_COMPLETE"
    second = change_set(local, "UPDATE", QUEUES, WithDlq="no")
    told = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in second["Changes"]}
    assert {name: change["Action"] for name, change in told.items()} == {"Queue": "Modify", "Dlq": "Remove"}
    assert told["Queue"]["Replacement"] == "False"
    client.execute_change_set(ChangeSetName=second["ChangeSetId"])
    assert set(resources(local)) == {"Queue"}
    assert outputs(described(local)).keys() == {"Url", "Timeout"}
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        client.execute_change_set(ChangeSetName=second["ChangeSetId"])


def test_a_change_set_without_changes_fails_in_the_words_that_sam_deploy_knows(local: LocalOrganization) -> None:
    create(local, QUEUES)
    told = change_set(local, "UPDATE", QUEUES)
    assert (told["Status"], told["Changes"]) == ("FAILED", [])
    assert told["StatusReason"].startswith("The submitted information didn't contain changes.")
