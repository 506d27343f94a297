"""Resource types, one by one: made, changed in place and deleted, each seen through the service's own API."""

import json

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import HUB, Stack, failures

ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Path: /steward/
      Description: %s
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      ManagedPolicyArns: [%s]
      Policies: %s
      Tags: [{Key: team, Value: %s}]
Outputs: {Arn: {Value: !GetAtt Role.Arn}}
"""


def test_a_role_has_its_policies_and_an_update_changes_just_what_differs(local: LocalOrganization) -> None:
    stack = Stack(local, ROLE)
    basic, write = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"
    policy = "{PolicyName: %s, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: %s, Resource: '*'}]}}"
    stack.create("first", basic, "[" + policy % ("one", "s3:GetObject") + "," + policy % ("two", "s3:PutObject") + "]", "a")
    iam, name = local.client("iam", "hub"), stack.physical("Role")
    assert stack.outputs["Arn"] == f"arn:aws:iam::{HUB}:role/steward/{name}"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Version"] == "2012-10-17"
    stack.update("second", write, "[" + policy % ("one", "s3:GetObject") + "," + policy % ("three", "s3:PutObject") + "]", "b")
    assert sorted(stack.changes()) == [
        "iam:AttachRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePolicy",
        "iam:TagRole",
        "iam:UpdateRole",
    ]
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["Description"], role["Tags"]) == ("second", [{"Key": "team", "Value": "b"}])
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["one", "three"]
    assert [attached["PolicyArn"] for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]] == [write]
    stack.delete()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=name)


POLICIES = """
Resources:
  One: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: []}}}
  Two: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: []}}}
  Inline:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: inline
      Roles: [!Ref %s]
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: %s, Resource: "*"}]}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: managed
      Roles: [!Ref %s]
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: %s, Resource: "*"}]}
  Single:
    Type: AWS::IAM::RolePolicy
    Properties:
      PolicyName: single
      RoleName: !Ref Two
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: %s, Resource: "*"}]}
"""


def test_policies_of_roles_follow_their_documents_and_roles(local: LocalOrganization) -> None:
    stack = Stack(local, POLICIES)
    iam = local.client("iam", "hub")

    def policies(role: str) -> tuple[list[str], list[str]]:
        attached = iam.list_attached_role_policies(RoleName=stack.physical(role))["AttachedPolicies"]
        return sorted(iam.list_role_policies(RoleName=stack.physical(role))["PolicyNames"]), [policy["PolicyName"] for policy in attached]

    stack.create("One", "s3:a", "One", "s3:a", "s3:a")
    assert (policies("One"), policies("Two")) == ((["inline"], ["managed"]), (["single"], []))
    for number in range(6):  # more versions than a managed policy keeps
        stack.update("Two", "s3:b", "Two", f"s3:version{number}", "s3:b")
    assert (policies("One"), policies("Two")) == (([], []), (["inline", "single"], ["managed"]))
    document = iam.get_role_policy(RoleName=stack.physical("Two"), PolicyName="inline")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "s3:b"
    arn = stack.physical("Managed")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "s3:version5"
    stack.delete()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_policy(PolicyArn=arn)


def test_a_bus_policy_adds_its_statement_to_those_of_others(local: LocalOrganization) -> None:
    statement = (
        "{Effect: Allow, Principal: '*', Action: events:PutEvents, Resource: !GetAtt Bus.Arn, Condition: {StringEquals: {aws:PrincipalOrgID: %s}}}"
    )
    stack = Stack(
        local,
        f"""
        Resources:
          Bus: {{Type: AWS::Events::EventBus, Properties: {{Name: hub}}}}
          Mine: {{Type: AWS::Events::EventBusPolicy, Properties: {{EventBusName: !Ref Bus, StatementId: Mine, Statement: {statement}}}}}
        """,
    )
    stack.create("o-1")
    events = local.client("events", "hub")
    other = {"Sid": "Other", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444444444444:root"}, "Action": "events:PutEvents"}
    whole = json.loads(events.describe_event_bus(Name="hub")["Policy"])
    whole["Statement"].append(other | {"Resource": f"arn:aws:events:eu-west-1:{HUB}:event-bus/hub"})
    events.put_permission(EventBusName="hub", Policy=json.dumps(whole))
    stack.update("o-2")
    found = {each["Sid"]: each for each in json.loads(events.describe_event_bus(Name="hub")["Policy"])["Statement"]}
    assert set(found) == {"Mine", "Other"}
    assert found["Mine"]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-2"}}
    stack.delete()
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.describe_event_bus(Name="hub")


def test_a_rule_follows_its_pattern_and_targets(local: LocalOrganization) -> None:
    stack = Stack(
        local,
        """
        Resources:
          Bus: {Type: AWS::Events::EventBus, Properties: {Name: hub}}
          One: {Type: AWS::SQS::Queue}
          Two: {Type: AWS::SQS::Queue}
          Rule:
            Type: AWS::Events::Rule
            Properties:
              EventBusName: !Ref Bus
              EventPattern: {source: [%s]}
              Targets: [{Id: %s, Arn: !GetAtt %s.Arn, RetryPolicy: {MaximumRetryAttempts: "%s"}}]
        """,
    )
    stack.create("a", "first", "One", 3)
    events = local.client("events", "hub")
    bus, name = stack.physical("Rule").split("|")
    assert bus == "hub"
    stack.update("b", "second", "Two", 4)
    assert json.loads(events.describe_rule(Name=name, EventBusName=bus)["EventPattern"]) == {"source": ["b"]}
    targets = events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
    assert [(target["Id"], target["RetryPolicy"]) for target in targets] == [("second", {"MaximumRetryAttempts": 4})]
    stack.delete()
    assert events.list_rules()["Rules"] == []


MAIL = """
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: %s}}
  Queue: {Type: AWS::SQS::Queue}
  Mail: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, RawMessageDelivery: %s}}
  %s
"""


def test_policies_of_queues_and_topics_come_and_go(local: LocalOrganization) -> None:
    stack = Stack(local, MAIL)
    policies = """
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument: {Statement: [{Sid: Mine, Effect: Allow, Principal: "*", Action: sns:Publish, Resource: !Ref Topic}]}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Queue], PolicyDocument: {Statement: [{Sid: Mine, Effect: Allow, Principal: "*", Action: sqs:SendMessage}]}}
    """
    stack.create("first", "true", policies)
    sns, sqs = local.client("sns", "hub"), local.client("sqs", "hub")
    topic, queue = stack.physical("Topic"), stack.physical("Queue")

    def sids() -> list[str]:
        of_topic = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
        of_queue = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"].get("Policy")
        return [each["Sid"] for each in of_topic["Statement"] + (json.loads(of_queue)["Statement"] if of_queue else [])]

    assert sids() == ["Mine", "Mine"]
    stack.update("second", "false", "")
    assert sids() == ["__default_statement_ID"]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "second"
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    raw = sns.get_subscription_attributes(SubscriptionArn=subscriptions[0]["SubscriptionArn"])["Attributes"]["RawMessageDelivery"]
    assert raw == "false"
    stack.delete()
    with pytest.raises(ClientError, match="NotFound"):
        sns.get_topic_attributes(TopicArn=topic)


def test_a_queue_says_not_who_may_redrive_to_it(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="RedriveAllowPolicy"):
        Stack(local, "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {RedriveAllowPolicy: {redrivePermission: denyAll}}}}").create()
    assert local.client("cloudformation", "hub").describe_stacks()["Stacks"] == []


LAMBDA = "arn:aws:lambda:eu-west-1:222222222222:function:f"


@pytest.mark.parametrize(("protocol", "endpoint"), [("lambda", LAMBDA), ("https", "https://example.com"), ("sms", "+4915112345678")])
def test_a_subscription_that_nobody_here_delivers_to_is_refused(local: LocalOrganization, protocol: str, endpoint: str) -> None:
    where, sns = f'Protocol: {protocol}, Endpoint: "{endpoint}"', local.client("sns", "hub")
    alone = "Topic: {Type: AWS::SNS::Topic}, Mail: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, %s}}"
    for resources in (alone, "Topic: {Type: AWS::SNS::Topic, Properties: {Subscription: [{%s}]}}"):
        stack = Stack(local, f"Resources: {{{resources}}}")
        with pytest.raises(Refused, match=f"the protocol {protocol}"):
            stack.create(where)
        assert sns.list_topics()["Topics"] == []
        stack.delete()
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    with pytest.raises(Refused, match=f"the protocol {protocol}"):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


LET_IN = """
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn, Condition: %s}
"""


def test_a_topic_sends_to_queues_that_let_it_in(local: LocalOrganization) -> None:
    stack = Stack(local, MAIL).create("mail", "true", "")
    sns, sqs, topic, queue = local.client("sns", "hub"), local.client("sqs", "hub"), stack.physical("Topic"), stack.physical("Queue")
    with pytest.raises(Refused, match=r"does not let sns\.amazonaws\.com in"):
        sns.publish(TopicArn=topic, Message="lost")
    stack.update("mail", "true", LET_IN % "{ArnEquals: {aws:SourceArn: 'arn:aws:sns:eu-west-1:222222222222:another'}}")
    with pytest.raises(Refused, match=r"does not let sns\.amazonaws\.com in"):
        sns.publish(TargetArn=topic, Message="lost")
    stack.update("mail", "true", LET_IN % "{ArnEquals: {aws:SourceArn: !Ref Topic}}")
    sns.publish(TopicArn=topic, Message="here")
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["here"]


def test_log_groups_and_alarms_change_in_place(local: LocalOrganization) -> None:
    stack = Stack(
        local,
        """
        Resources:
          Group: {Type: AWS::Logs::LogGroup, Properties: {%s}}
          Alarm:
            Type: AWS::CloudWatch::Alarm
            Properties:
              Namespace: AWS/SQS
              MetricName: ApproximateAgeOfOldestMessage
              Statistic: Maximum
              Period: 60
              EvaluationPeriods: "5"
              Threshold: %s
              ComparisonOperator: GreaterThanThreshold
        """,
    )
    stack.create("RetentionInDays: 90", 1).update("", 2)
    group = local.client("logs", "hub").describe_log_groups()["logGroups"][0]
    assert (group["logGroupName"], group.get("retentionInDays")) == (stack.physical("Group"), None)
    alarms = local.client("cloudwatch", "hub").describe_alarms()["MetricAlarms"]
    assert [(alarm["AlarmName"], alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms] == [(stack.physical("Alarm"), 2.0, 5)]
    stack.delete()
    assert local.client("cloudwatch", "hub").describe_alarms()["MetricAlarms"] == []
    assert local.client("logs", "hub").describe_log_groups()["logGroups"] == []


def test_a_dashboard_changes_its_body_in_place(local: LocalOrganization) -> None:
    stack = Stack(local, "Resources: {Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: %s}}}")
    stack.create("""!Sub '{"widgets": [], "start": "${AWS::Region}"}'""")
    cloudwatch, name = local.client("cloudwatch", "hub"), stack.physical("Board")
    assert json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) == {"widgets": [], "start": "eu-west-1"}
    stack.update("'{}'")
    assert stack.changes() == ["cloudwatch:PutDashboard"]
    assert (stack.physical("Board"), cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) == (name, "{}")
    stack.client.update_stack(StackName="app", TemplateBody=stack.template % "'{'")
    assert stack.client.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == "{}"
    stack.delete()
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []


TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: %s, AttributeType: S}]
      KeySchema: [{AttributeName: %s, KeyType: HASH}]
      %s
Outputs:
  Name: {Value: !Ref Table}
  Arn: {Value: !GetAtt Table.Arn}
"""


def test_a_table_changes_its_settings_in_place_and_its_key_by_another_table(local: LocalOrganization) -> None:
    stack, dynamodb = Stack(local, TABLE), local.client("dynamodb", "hub")
    expiry = "TimeToLiveSpecification: {AttributeName: %s, Enabled: true}"
    encrypted = 'SSESpecification: {SSEEnabled: "true"}, PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: "true"}'
    settings = [*encrypted.split(", "), expiry % "expires_at", "DeletionProtectionEnabled: true", "Tags: [{Key: team, Value: ml}]"]
    name = stack.create("key", "key", "\n      ".join(settings)).outputs["Name"]
    arn = stack.outputs["Arn"]
    assert arn == f"arn:aws:dynamodb:eu-west-1:{HUB}:table/{name}"
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert (table["DeletionProtectionEnabled"], table["SSEDescription"]["Status"]) == (True, "ENABLED")
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    stack.client.delete_stack(StackName="app")
    told = stack.client.describe_stacks(StackName="app")["Stacks"][0]
    assert (told["StackStatus"], dynamodb.list_tables()["TableNames"]) == ("DELETE_FAILED", [name])
    assert "DeletionProtectionEnabled" in failures(local)["Table"]

    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    stack.client.delete_stack(StackName="app")
    first = stack.create("key", "key", expiry % "expires_at").outputs["Name"]
    stack.update("key", "key", "Tags: [{Key: team, Value: risk}]")
    assert stack.changes() == ["dynamodb:UpdateTimeToLive", "dynamodb:TagResource"]
    assert dynamodb.describe_time_to_live(TableName=first)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    assert dynamodb.list_tags_of_resource(ResourceArn=stack.outputs["Arn"])["Tags"] == [{"Key": "team", "Value": "risk"}]
    second = stack.update("id", "id", "").outputs["Name"]
    assert first != second
    assert dynamodb.list_tables()["TableNames"] == [second]
    stack.delete()
    assert dynamodb.list_tables()["TableNames"] == []


def test_the_bucket_of_sam_deploy_can_be_written_to_in_spite_of_its_policy(local: LocalOrganization) -> None:
    stack = Stack(
        local,
        """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Bucket:
            Type: AWS::S3::Bucket
            Properties:
              PublicAccessBlockConfiguration: {BlockPublicPolicy: "true", BlockPublicAcls: "true"}
              BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms}}]}
              VersioningConfiguration: {Status: Enabled}
              Tags: [{Key: ManagedStackSource, Value: AwsSamCli}]
          Policy:
            Type: AWS::S3::BucketPolicy
            Properties:
              Bucket: !Ref Bucket
              PolicyDocument:
                Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: "*", Condition: {Bool: {aws:SecureTransport: "false"}}}]
        Outputs: {SourceBucket: {Value: !Ref Bucket}}
        """,
    ).create()
    s3, bucket = local.client("s3", "hub"), stack.outputs["SourceBucket"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    stack.client.delete_stack(StackName="app")
    told = stack.client.describe_stacks(StackName="app")["Stacks"][0]
    assert (told["StackStatus"], told["StackStatusReason"]) == ("DELETE_FAILED", "The following resource(s) failed to delete: [Bucket]. ")
    assert "BucketNotEmpty" in failures(local)["Bucket"]  # there is an object in it
