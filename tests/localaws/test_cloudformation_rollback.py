"""A stack that does not come to what was asked of it is as it was before, or says what is not; and its events tell the story in AWS's words."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import HUB, attributes, create, described, events, failures, has_queue, resources, update

FAILS = "  Broken: {Type: AWS::SQS::Queue, DependsOn: [%s], Properties: {QueueName: taken}}\n"
"""A resource that cannot be made: its name is taken."""

QUEUE = "Resources:\n  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: %s}}\n"
PROTECTED = """  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: key, AttributeType: S}]
      KeySchema: [{AttributeName: key, KeyType: HASH}]
      DeletionProtectionEnabled: true
"""
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


@pytest.fixture(autouse=True)
def taken(local: LocalOrganization) -> str:
    return str(local.client("sqs", "hub").create_queue(QueueName="taken")["QueueUrl"])


def story(local: LocalOrganization, name: str = "app") -> list[tuple[str, str, str]]:
    """The events of the stack's last operation, oldest first: logical id, status and reason."""
    told = local.client("cloudformation", "hub").describe_stack_events(StackName=name)["StackEvents"]
    ours = [(event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", "")) for event in told]
    begun = next(number for number, event in enumerate(ours) if event[2] == "User Initiated")
    return list(reversed(ours[: begun + 1]))


# -- create


def test_a_creation_that_fails_is_taken_back_last_first(local: LocalOrganization) -> None:
    template = QUEUE % 30 + "  Topic: {Type: AWS::SNS::Topic, DependsOn: Queue}\n" + FAILS % "Topic"
    stack = create(local, template)
    why = "AlreadyExists: Resource with identifier 'taken' already exists."
    assert story(local) == [
        ("app", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Queue", "CREATE_IN_PROGRESS", ""),
        ("Queue", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Queue", "CREATE_COMPLETE", ""),
        ("Topic", "CREATE_IN_PROGRESS", ""),
        ("Topic", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Topic", "CREATE_COMPLETE", ""),
        ("Broken", "CREATE_IN_PROGRESS", ""),
        ("Broken", "CREATE_FAILED", why),
        ("app", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Broken]. Rollback requested by user."),
        ("Topic", "DELETE_IN_PROGRESS", ""),
        ("Topic", "DELETE_COMPLETE", ""),
        ("Queue", "DELETE_IN_PROGRESS", ""),
        ("Queue", "DELETE_COMPLETE", ""),
        ("app", "ROLLBACK_COMPLETE", ""),
    ]
    assert "failed to create: [Broken]" in stack["StackStatusReason"]
    assert resources(local) == {}
    assert local.client("sns", "hub").list_topics()["Topics"] == []


def test_a_half_made_resource_is_taken_back_with_the_rest(local: LocalOrganization) -> None:
    role = "Role: {Type: AWS::IAM::Role, Properties: {RoleName: half, AssumeRolePolicyDocument: {Statement: []}, ManagedPolicyArns: [%s]}}"
    create(local, f"Resources: {{{role % 'arn:aws:iam::aws:policy/NoSuchPolicy'}}}")
    assert [event[:2] for event in story(local) if event[0] == "Role"] == [
        ("Role", "CREATE_IN_PROGRESS"),
        ("Role", "CREATE_IN_PROGRESS"),
        ("Role", "CREATE_FAILED"),
        ("Role", "DELETE_IN_PROGRESS"),
        ("Role", "DELETE_COMPLETE"),
    ]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        local.client("iam", "hub").get_role(RoleName="half")


def test_what_cannot_be_taken_back_stays_in_a_stack_that_says_so(local: LocalOrganization) -> None:
    stack = create(local, "Resources:\n" + PROTECTED + FAILS % "Table")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("ROLLBACK_FAILED", "The following resource(s) failed to delete: [Table]. ")
    assert set(failures(local)) == {"Broken", "Table"}
    assert local.client("dynamodb", "hub").list_tables()["TableNames"] == [resources(local)["Table"]]


@pytest.mark.parametrize("asked", [{"DisableRollback": True}, {"OnFailure": "DO_NOTHING"}], ids=lambda asked: next(iter(asked)))
def test_without_a_rollback_what_was_made_stays_until_the_stack_is_deleted(local: LocalOrganization, asked: Any) -> None:
    client = local.client("cloudformation", "hub")
    client.create_stack(StackName="app", TemplateBody=QUEUE % 30 + FAILS % "Queue", **asked)
    stack, made = described(local), resources(local)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("CREATE_FAILED", "The following resource(s) failed to create: [Broken]. ")
    assert set(made) == {"Queue"}
    assert has_queue(made["Queue"])
    with pytest.raises(Refused, match="does not go on with what failed without a rollback"):
        update(local, QUEUE % 60)
    client.delete_stack(StackName="app")
    assert not has_queue(made["Queue"])


def test_a_stack_that_is_to_be_deleted_on_failure_is_gone(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    made = client.create_stack(StackName="app", TemplateBody=QUEUE % 30 + FAILS % "Queue", OnFailure="DELETE")
    told = [event[:2] for event in story(local, made["StackId"]) if event[0] == "app"]
    assert told == [("app", "CREATE_IN_PROGRESS"), ("app", "DELETE_IN_PROGRESS"), ("app", "DELETE_COMPLETE")]
    with pytest.raises(ClientError, match="does not exist"):
        described(local)
    with pytest.raises(ClientError, match="not both"):
        client.create_stack(StackName="app", TemplateBody=QUEUE % 30, OnFailure="DELETE", DisableRollback=True)


# -- update


FUNCTION = """
Parameters: {Level: {Type: String, Default: INFO}, Group: {Type: String, Default: /one}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: worker
      Role: !GetAtt Role.Arn
      Runtime: python3.13
      Handler: index.handler
      Environment: {Variables: {LEVEL: !Ref Level, GROUP: !Ref Logs}}
      Code: {ZipFile: "handler = lambda event, context: '%s'"}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Group}}
  %s
Outputs: {Level: {Value: !Ref Level}}
"""
KEPT = "Kept: {Type: AWS::SNS::Topic}"
ADDED = "Added: {Type: AWS::SNS::Topic, DependsOn: Function}\n" + FAILS % "Added"


def test_an_update_that_fails_leaves_everything_as_it_was(local: LocalOrganization) -> None:
    before, functions = create(local, FUNCTION % ("old", KEPT)), local.client("lambda", "hub")
    made, was = resources(local), functions.get_function(FunctionName="worker")["Configuration"]
    stack = update(local, FUNCTION % ("new", ADDED), Level="DEBUG", Group="/two")
    assert story(local) == [
        ("app", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Logs", "UPDATE_IN_PROGRESS", "Requested update requires the creation of a new physical resource; hence creating one."),
        ("Logs", "UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Logs", "UPDATE_COMPLETE", ""),
        ("Function", "UPDATE_IN_PROGRESS", ""),
        ("Function", "UPDATE_COMPLETE", ""),
        ("Added", "CREATE_IN_PROGRESS", ""),
        ("Added", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Added", "CREATE_COMPLETE", ""),
        ("Broken", "CREATE_IN_PROGRESS", ""),
        ("Broken", "CREATE_FAILED", "AlreadyExists: Resource with identifier 'taken' already exists."),
        ("app", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Broken]. "),
        ("Logs", "UPDATE_COMPLETE", ""),
        ("Function", "UPDATE_IN_PROGRESS", ""),
        ("Function", "UPDATE_COMPLETE", ""),
        ("app", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("Added", "DELETE_IN_PROGRESS", ""),
        ("Added", "DELETE_COMPLETE", ""),
        ("Logs", "DELETE_IN_PROGRESS", ""),
        ("Logs", "DELETE_COMPLETE", ""),
        ("app", "UPDATE_ROLLBACK_COMPLETE", ""),
    ]
    assert resources(local) == made
    now = functions.get_function(FunctionName="worker")["Configuration"]
    assert (now["CodeSha256"], now["Environment"]) == (was["CodeSha256"], {"Variables": {"LEVEL": "INFO", "GROUP": "/one"}})
    assert [group["logGroupName"] for group in local.client("logs", "hub").describe_log_groups()["logGroups"]] == ["/one"]
    assert [topic["TopicArn"] for topic in local.client("sns", "hub").list_topics()["Topics"]] == [made["Kept"]]
    assert (stack["Outputs"], stack["Parameters"]) == (before["Outputs"], before["Parameters"])
    assert "failed to create: [Broken]" in stack["StackStatusReason"]


def test_after_a_rollback_nothing_is_different_and_the_next_update_goes_through(local: LocalOrganization, taken: str) -> None:
    client, good, bad = local.client("cloudformation", "hub"), QUEUE % 30, QUEUE % 60 + FAILS % "Queue"
    client.create_stack(StackName="app", TemplateBody=good, Tags=[{"Key": "team", "Value": "ml"}])
    client.update_stack(StackName="app", TemplateBody=bad, Tags=[{"Key": "team", "Value": "risk"}])
    assert described(local)["Tags"] == [{"Key": "team", "Value": "ml"}]
    assert client.get_template(StackName="app")["TemplateBody"] == good
    with pytest.raises(ClientError, match="No updates are to be performed"):
        update(local, good)
    queue = resources(local)["Queue"]
    assert local.client("sqs", "hub").list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "ml"}
    local.client("sqs", "hub").delete_queue(QueueUrl=taken)
    assert update(local, bad)["StackStatus"] == "UPDATE_COMPLETE"
    assert "StackStatusReason" not in described(local)
    assert (resources(local)["Queue"], attributes(local, queue)["VisibilityTimeout"]) == (queue, "60")


def test_a_resource_that_fails_half_way_through_its_change_gets_its_former_properties_back(local: LocalOrganization) -> None:
    role = (
        "Resources: {Role: {Type: AWS::IAM::Role, Properties: {Description: %s, AssumeRolePolicyDocument: {Statement: []}, ManagedPolicyArns: [%s]}}}"
    )
    create(local, role % ("first", "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"))
    update(local, role % ("second", "arn:aws:iam::aws:policy/NoSuchPolicy"))
    assert story(local)[1:-2] == [
        ("Role", "UPDATE_IN_PROGRESS", ""),
        ("Role", "UPDATE_FAILED", failures(local)["Role"]),
        ("app", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Role]. "),
        ("Role", "UPDATE_IN_PROGRESS", ""),
        ("Role", "UPDATE_COMPLETE", ""),
    ]
    iam, name = local.client("iam", "hub"), resources(local)["Role"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert ([policy["PolicyName"] for policy in attached], iam.get_role(RoleName=name)["Role"]["Description"]) == (
        ["AWSXrayWriteOnlyAccess"],
        "first",
    )


def test_a_resource_that_does_not_take_its_former_properties_back_fails_the_rollback(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    gone = iam.create_policy(PolicyName="gone", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    template = "Resources:\n  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: []}, ManagedPolicyArns: [%s]}}\n"
    create(local, template % gone)
    iam.delete_policy(PolicyArn=gone)
    added = "  Topic: {Type: AWS::SNS::Topic, DependsOn: Role}\n" + FAILS % "Topic"
    stack = update(local, template % "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess" + added)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Role]. ")
    assert "NoSuchEntity" in failures(local)["Role"]
    with pytest.raises(ClientError, match="UPDATE_ROLLBACK_FAILED state and can not be updated"):
        update(local, template % gone)
    local.client("cloudformation", "hub").delete_stack(StackName="app")
    assert local.client("sns", "hub").list_topics()["Topics"] == [], "what was made stays only as long as the stack"


def test_an_update_without_a_rollback_stays_where_it_failed(local: LocalOrganization) -> None:
    client, group = local.client("cloudformation", "hub"), "  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: %s}}\n"
    create(local, QUEUE % 30 + group % "/one")
    client.update_stack(StackName="app", TemplateBody=QUEUE % 60 + group % "/two" + FAILS % "Queue, Logs", DisableRollback=True)
    stack = described(local)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("UPDATE_FAILED", "The following resource(s) failed to create: [Broken]. ")
    assert attributes(local, resources(local)["Queue"])["VisibilityTimeout"] == "60"
    client.delete_stack(StackName="app")
    assert local.client("logs", "hub").describe_log_groups()["logGroups"] == [], "the one that was replaced goes, too"


def test_what_cannot_be_cleaned_up_after_an_update_is_the_stacks_no_longer(local: LocalOrganization) -> None:
    create(local, QUEUE % 30 + PROTECTED)
    table = resources(local)["Table"]
    assert update(local, QUEUE % 60)["StackStatus"] == "UPDATE_COMPLETE"
    assert story(local)[-3:] == [
        ("Table", "DELETE_IN_PROGRESS", ""),
        ("Table", "DELETE_FAILED", failures(local)["Table"]),
        ("app", "UPDATE_COMPLETE", "Update successful. One or more resources could not be deleted."),
    ]
    assert set(resources(local)) == {"Queue"}
    assert local.client("dynamodb", "hub").list_tables()["TableNames"] == [table]


def test_what_localaws_cannot_do_is_said_once_the_stack_is_at_rest(local: LocalOrganization) -> None:
    bucket, versioned = "  Bucket: {Type: AWS::S3::Bucket, DependsOn: Queue, Properties: {%s}}\n", "VersioningConfiguration: {Status: Enabled}"
    create(local, QUEUE % 30 + bucket % versioned)
    with pytest.raises(Refused, match="Bucket: localaws cannot take VersioningConfiguration away"):
        update(local, QUEUE % 60 + bucket % "")
    assert described(local)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(local, resources(local)["Queue"])["VisibilityTimeout"] == "30"
    with pytest.raises(Refused, match="Bucket: localaws cannot take PublicAccessBlockConfiguration away"):  # on AWS this rolls back
        update(local, QUEUE % 60 + bucket % f"{versioned}, PublicAccessBlockConfiguration: {{BlockPublicAcls: true}}" + FAILS % "Bucket")
    assert described(local)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert attributes(local, resources(local)["Queue"])["VisibilityTimeout"] == "30"


# -- delete


def test_a_stack_that_cannot_be_deleted_can_be_deleted_without_what_is_in_the_way(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    create(local, QUEUE % 30 + PROTECTED)
    made = resources(local)
    with pytest.raises(ClientError, match="DELETE_FAILED state"):
        client.delete_stack(StackName="app", RetainResources=["Table"])
    client.delete_stack(StackName="app")
    told = described(local)
    assert (told["StackStatus"], told["StackStatusReason"]) == ("DELETE_FAILED", "The following resource(s) failed to delete: [Table]. ")
    assert (has_queue(made["Queue"]), set(resources(local))) == (False, {"Table"})
    client.delete_stack(StackName="app", RetainResources=["Table"])
    assert client.describe_stacks()["Stacks"] == []
    assert story(local, told["StackId"])[1:] == [("Table", "DELETE_SKIPPED", ""), ("app", "DELETE_COMPLETE", "")]
    assert local.client("dynamodb", "hub").list_tables()["TableNames"] == [made["Table"]]


# -- change sets, waiting and telling


def test_a_change_set_that_fails_rolls_back(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    create(local, QUEUE % 30)
    made = client.create_change_set(StackName="app", ChangeSetName="c", TemplateBody=QUEUE % 60 + FAILS % "Queue")
    client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    client.execute_change_set(ChangeSetName=made["Id"], DisableRollback=False, ClientRequestToken="token")
    assert client.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "EXECUTE_FAILED"
    assert described(local)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert client.describe_stack_events(StackName="app")["StackEvents"][0]["ClientRequestToken"] == "token"


@pytest.mark.parametrize(("asked", "status"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", None), ("ROLLBACK", "ROLLBACK_COMPLETE")])
def test_a_change_set_says_what_becomes_of_a_stack_that_cannot_be_created(local: LocalOrganization, asked: Any, status: str | None) -> None:
    client = local.client("cloudformation", "hub")
    template, kinds = QUEUE % 30 + FAILS % "Queue", {"ChangeSetType": "CREATE", "OnStackFailure": asked}
    made = client.create_change_set(StackName="app", ChangeSetName="c", TemplateBody=template, **kinds)
    client.execute_change_set(ChangeSetName=made["Id"])
    assert client.describe_stacks(StackName=made["StackId"])["Stacks"][0]["StackStatus"] == (status or "DELETE_COMPLETE")
    assert len(client.describe_stacks()["Stacks"]) == (1 if status else 0)


def test_a_template_with_macros_that_changes_nothing_says_so_in_words_of_its_own(local: LocalOrganization) -> None:
    template = "Transform: AWS::Serverless-2016-10-31\n" + QUEUE % 30
    create(local, template)
    client = local.client("cloudformation", "hub")
    made = client.create_change_set(StackName="app", ChangeSetName="c", TemplateBody=template, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    told = client.describe_change_set(ChangeSetName=made["Id"])
    assert (told["Status"], told["StatusReason"]) == ("FAILED", "No updates are to be performed.")


def test_waiting_ends_well_or_with_the_rollback(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    create(local, QUEUE % 30)
    client.get_waiter("stack_create_complete").wait(StackName="app")
    update(local, QUEUE % 60)
    client.get_waiter("stack_update_complete").wait(StackName="app")
    update(local, QUEUE % 90 + FAILS % "Queue")
    with pytest.raises(WaiterError, match="UPDATE_ROLLBACK_COMPLETE"):
        client.get_waiter("stack_update_complete").wait(StackName="app")
    client.get_waiter("stack_rollback_complete").wait(StackName="app")
    client.delete_stack(StackName="app")
    client.get_waiter("stack_delete_complete").wait(StackName="app")
    assert client.describe_stacks()["Stacks"] == []


def test_many_events_come_in_pages_newest_first(local: LocalOrganization) -> None:
    create(local, "Resources:\n" + "".join(f"  Topic{number}: {{Type: AWS::SNS::Topic}}\n" for number in range(70)))
    client = local.client("cloudformation", "hub")
    pages = [page["StackEvents"] for page in client.get_paginator("describe_stack_events").paginate(StackName="app")]
    assert [len(page) for page in pages] == [100, 100, 12]  # three of each topic, and two of the stack
    assert (pages[0][0]["ResourceStatus"], pages[-1][-1]["ResourceStatusReason"]) == ("CREATE_COMPLETE", "User Initiated")
    assert len({event["EventId"] for page in pages for event in page}) == 212
    with pytest.raises(ClientError, match="NextToken"):
        client.describe_stack_events(StackName="app", NextToken="nonsense")


def test_each_status_of_a_rollback_is_told_on_the_default_bus(local: LocalOrganization) -> None:
    sqs, rules = local.client("sqs", "hub"), local.client("events", "hub")
    watch = sqs.create_queue(QueueName="watch")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-west-1:{HUB}:watch"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=watch, Attributes={"Policy": json.dumps({"Statement": [allow]})})
    rules.put_rule(Name="watch", EventPattern='{"source": ["aws.cloudformation"], "detail": {"stack-id": [{"exists": true}]}}')
    rules.put_targets(Rule="watch", Targets=[{"Id": "q", "Arn": arn}])
    create(local, QUEUE % 30)
    update(local, QUEUE % 60 + FAILS % "Queue")
    local.settle()
    told = [
        json.loads(message["Body"])["detail"]["status-details"] for message in sqs.receive_message(QueueUrl=watch, MaxNumberOfMessages=10)["Messages"]
    ]
    assert sorted(each["status"] for each in told) == sorted(status for name, status in events(local) if name == "app")
    (why,) = [each["status-reason"] for each in told if each["status"] == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert why == "The following resource(s) failed to create: [Broken]. "
