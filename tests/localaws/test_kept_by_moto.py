"""What moto keeps and localaws leaves to it: each thing from its creation to its end, seen through the API after each call.

Where moto is wrong or drops something, the test says what there is, and `coverage.yaml` calls the operation approximated.
"""

import base64
import hashlib
import json
import urllib.request
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, role_for

HUB, HERE = "222222222222", "eu-west-1"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def allow(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def tagged(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs]


# -- IAM


def test_a_role_is_kept_as_it_is_changed_until_it_is_deleted(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")

    def role() -> Any:
        return iam.get_role(RoleName="runner")["Role"]

    iam.create_role(RoleName="runner", Path="/steward/", Description="runs", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tagged(("team", "ml")))
    made = role()
    assert (made["Arn"], made["Description"], made["Tags"]) == (f"arn:aws:iam::{HUB}:role/steward/runner", "runs", tagged(("team", "ml")))
    assert (made["AssumeRolePolicyDocument"], made["MaxSessionDuration"]) == (TRUST, 3600)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        iam.create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(TRUST))

    iam.update_role(RoleName="runner", Description="runs longer", MaxSessionDuration=7200)
    assert (role()["Description"], role()["MaxSessionDuration"]) == ("runs longer", 7200)
    iam.update_role(RoleName="runner", Description="runs")
    assert role()["MaxSessionDuration"] == 3600, "as the API Reference says of one that is not given"

    other = json.loads(json.dumps(TRUST).replace("lambda", "states"))
    iam.update_assume_role_policy(RoleName="runner", PolicyDocument=json.dumps(other))
    assert role()["AssumeRolePolicyDocument"] == other

    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="runner", PermissionsBoundary=boundary)
    assert role()["PermissionsBoundary"] == {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": boundary}
    iam.delete_role_permissions_boundary(RoleName="runner")
    assert "PermissionsBoundary" not in role()

    iam.tag_role(RoleName="runner", Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert role()["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    iam.untag_role(RoleName="runner", TagKeys=["team"])
    assert role()["Tags"] == tagged(("stage", "dev"))

    iam.delete_role(RoleName="runner")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        role()


def test_trust_and_boundary_of_a_new_role_are_not_looked_at(local: LocalOrganization) -> None:
    iam, nowhere = local.client("iam", "hub"), "arn:aws:iam::aws:policy/NoSuchPolicy"
    iam.create_role(RoleName="runner", AssumeRolePolicyDocument="{}")
    iam.put_role_permissions_boundary(RoleName="runner", PermissionsBoundary=nowhere)
    role = iam.get_role(RoleName="runner")["Role"]
    assert (role["AssumeRolePolicyDocument"], role["PermissionsBoundary"]["PermissionsBoundaryArn"]) == ({}, nowhere)
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        iam.update_assume_role_policy(RoleName="runner", PolicyDocument="{}")


def test_a_role_has_inline_policies_and_goes_only_after_them(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    role_for(local, "lambda.amazonaws.com")
    iam.put_role_policy(RoleName="runner", PolicyName="read", PolicyDocument=json.dumps(allow("s3:GetObject")))
    iam.put_role_policy(RoleName="runner", PolicyName="write", PolicyDocument=json.dumps(allow("s3:PutObject")))
    iam.put_role_policy(RoleName="runner", PolicyName="read", PolicyDocument=json.dumps(allow("s3:ListBucket")))
    assert iam.list_role_policies(RoleName="runner")["PolicyNames"] == ["read", "write"]
    assert iam.get_role_policy(RoleName="runner", PolicyName="read")["PolicyDocument"] == allow("s3:ListBucket")
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_role(RoleName="runner")
    for name in ("read", "write"):
        iam.delete_role_policy(RoleName="runner", PolicyName=name)
    assert iam.list_role_policies(RoleName="runner")["PolicyNames"] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role_policy(RoleName="runner", PolicyName="read")
    iam.delete_role(RoleName="runner")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName="runner")


def test_managed_policies_are_attached_and_detached(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    role_for(local, "lambda.amazonaws.com")
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    own = iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(allow("s3:GetObject")))["Policy"]["Arn"]

    def attached() -> list[str]:
        return sorted(policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName="runner")["AttachedPolicies"])

    for arn in (basic, own):
        iam.attach_role_policy(RoleName="runner", PolicyArn=arn)
    assert attached() == sorted([basic, own])
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    iam.detach_role_policy(RoleName="runner", PolicyArn=own)
    assert attached() == [basic]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.detach_role_policy(RoleName="runner", PolicyArn=own)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.attach_role_policy(RoleName="runner", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
    for _ in range(2):
        iam.attach_role_policy(RoleName="runner", PolicyArn=own)
    assert attached() == sorted([basic, own])
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 2, "AWS says 1: attached once is attached"
    iam.delete_policy(PolicyArn=own)  # in AWS a DeleteConflict, as long as a role has it
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_policy(PolicyArn=own)


def test_a_managed_policy_has_five_versions_at_most_and_one_of_them_is_in_force(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    made = iam.create_policy(PolicyName="read", Path="/steward/", Description="reads", PolicyDocument=json.dumps(allow("s3:one")))["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{HUB}:policy/steward/read"

    def versions() -> dict[str, bool]:
        return {version["VersionId"]: version["IsDefaultVersion"] for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]}

    for action in ("s3:two", "s3:three"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow(action)), SetAsDefault=action == "s3:three")
    assert versions() == {"v1": False, "v2": False, "v3": True}
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["DefaultVersionId"], policy["Description"], policy["AttachmentCount"]) == ("v3", "reads", 0)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == allow("s3:two")
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:more")))
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:more")))
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    for version in ("v1", "v2", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    assert versions() == {"v3": True}
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_policy(PolicyArn=arn)


# -- SQS


def test_a_queue_has_its_attributes_and_tags(local: LocalOrganization) -> None:
    sqs = local.client("sqs", "hub")
    url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "60"}, tags={"team": "ml"})["QueueUrl"]
    assert sqs.get_queue_url(QueueName="work")["QueueUrl"] == url

    def attributes() -> dict[str, str]:
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    assert (attributes()["VisibilityTimeout"], attributes()["QueueArn"]) == ("60", f"arn:aws:sqs:{HERE}:{HUB}:work")
    policy = json.dumps(allow("sqs:SendMessage"))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "90", "Policy": policy})
    assert (attributes()["VisibilityTimeout"], attributes()["Policy"]) == ("90", policy)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in attributes()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "43201"})
    assert attributes()["VisibilityTimeout"] == "43201", "AWS takes 12 hours at most"

    with pytest.raises(ClientError, match="QueueAlreadyExists"):
        sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "1"})
    sqs.tag_queue(QueueUrl=url, Tags={"team": "platform", "stage": "dev"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "platform", "stage": "dev"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"stage": "dev"}

    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(ClientError, match="NonExistentQueue"):
        sqs.get_queue_url(QueueName="work")
    assert sqs.create_queue(QueueName="work")["QueueUrl"] == url, "AWS lets 60 seconds pass before the name is free again"


def test_a_message_is_hidden_while_somebody_works_on_it_and_gone_when_deleted(local: LocalOrganization) -> None:
    sqs = local.client("sqs", "hub")
    url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]

    def received() -> list[Any]:
        return list(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]).get("Messages", []))

    sent = sqs.send_message(QueueUrl=url, MessageBody="one")
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"one", usedforsecurity=False).hexdigest()
    (message,) = received()
    assert (message["MessageId"], message["Body"], message["Attributes"]["ApproximateReceiveCount"]) == (sent["MessageId"], "one", "1")
    assert received() == []
    local.advance(61)
    (again,) = received()
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (sent["MessageId"], "2")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    local.advance(61)
    assert received() == []


def test_a_batch_is_sent_entry_by_entry_and_a_delayed_message_comes_later(local: LocalOrganization) -> None:
    sqs = local.client("sqs", "hub")
    url = sqs.create_queue(QueueName="work")["QueueUrl"]
    entries = [{"Id": "now", "MessageBody": "now"}, {"Id": "later", "MessageBody": "later", "DelaySeconds": 100}]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == ["now", "later"]
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["now"]
    local.advance(101)
    assert sorted(message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == ["later", "now"]


def test_a_long_poll_of_an_empty_queue_answers_at_once(local: LocalOrganization) -> None:
    sqs = local.client("sqs", "hub")
    url = sqs.create_queue(QueueName="work", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
    for wait in ({"WaitTimeSeconds": 20}, {}):
        before = local.clock.now
        assert "Messages" not in sqs.receive_message(QueueUrl=url, **wait)
        assert local.clock.now - before == pytest.approx(local.cloud.latency)


# -- SNS


def test_a_topic_has_its_attributes_and_tags(local: LocalOrganization) -> None:
    sns = local.client("sns", "hub")
    arn = sns.create_topic(Name="alarms", Attributes={"DisplayName": "Alarms"}, Tags=tagged(("team", "ml")))["TopicArn"]
    assert arn == f"arn:aws:sns:{HERE}:{HUB}:alarms"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == tagged(("team", "ml"))

    def attributes() -> dict[str, str]:
        found: dict[str, str] = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        return found

    assert (attributes()["DisplayName"], attributes()["Owner"]) == ("Alarms", HUB)
    assert sns.create_topic(Name="alarms", Attributes={"DisplayName": "Other"}, Tags=tagged(("team", "other")))["TopicArn"] == arn
    assert attributes()["DisplayName"] == "Alarms", "AWS answers InvalidParameter"
    policy = json.dumps(allow("sns:Publish"))
    for name, value in (("DisplayName", "All alarms"), ("Policy", policy)):
        sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    assert (attributes()["DisplayName"], json.loads(attributes()["Policy"])) == ("All alarms", json.loads(policy))

    sns.tag_resource(ResourceArn=arn, Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    sns.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == tagged(("stage", "dev"))

    assert sns.list_topics()["Topics"] == [{"TopicArn": arn}]
    sns.delete_topic(TopicArn=arn)
    assert sns.list_topics()["Topics"] == []
    with pytest.raises(ClientError, match="NotFound"):
        attributes()


def inbox_for(sqs: Any, topic: str) -> str:
    """A queue that lets this topic in; its URL."""
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    statement["Condition"] = {"ArnEquals": {"aws:SourceArn": topic}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(sqs.create_queue(QueueName="inbox", Attributes={"Policy": policy})["QueueUrl"])


def test_a_subscription_delivers_what_its_filter_lets_through(local: LocalOrganization) -> None:
    sns, sqs = local.client("sns", "hub"), local.client("sqs", "hub")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    url = inbox_for(sqs, topic)
    endpoint = f"arn:aws:sqs:{HERE}:{HUB}:inbox"
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"]
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed == {"SubscriptionArn": arn, "Owner": HUB, "Protocol": "sqs", "Endpoint": endpoint, "TopicArn": topic}

    def delivered() -> list[str]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    sns.publish(TopicArn=topic, Message="one")
    assert delivered() == ["one"]
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"kind": ["bad"]}')
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"] == '{"kind": ["bad"]}'
    for kind in ("good", "bad"):
        sns.publish(TopicArn=topic, Message=kind, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})
    assert delivered() == ["bad"]
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="false")
    sns.publish(TopicArn=topic, Message="wrapped", MessageAttributes={"kind": {"DataType": "String", "StringValue": "bad"}})
    (wrapped,) = [json.loads(text) for text in delivered()]
    assert (wrapped["Type"], wrapped["TopicArn"], wrapped["Message"]) == ("Notification", topic, "wrapped")
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["RawMessageDelivery"] == "false"

    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    sns.publish(TopicArn=topic, Message="nobody hears this")
    assert delivered() == []


def test_an_endpoint_is_subscribed_without_being_asked_or_looked_for(local: LocalOrganization) -> None:
    sns = local.client("sns", "hub")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    mail = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="team@example.com")["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=mail)["Attributes"]["PendingConfirmation"] == "false"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:{HUB}:nowhere")
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 2


def test_a_message_of_a_topic_reaches_queues_of_its_account_and_nobody_behind_them(local: LocalOrganization) -> None:
    sns, sqs = local.client("sns", "hub"), local.client("sqs", "hub")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    url = inbox_for(sqs, topic)
    inbox = f"arn:aws:sqs:{HERE}:{HUB}:inbox"
    function(local)
    local.client("lambda", "hub").create_event_source_mapping(EventSourceArn=inbox, FunctionName="worker")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox)
    sns.publish(TopicArn=topic, Message="one")
    local.settle()
    assert local.cloud.log.invocations == [], "in AWS the queue's mapping invokes the function"
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "one"

    local.client("sqs", "fraud-dev").create_queue(QueueName="theirs")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:444444444444:theirs")
    with pytest.raises(Refused, match="theirs does not let"):  # AWS drops the message and tells nobody
        sns.publish(TopicArn=topic, Message="two")


# -- S3


def test_a_bucket_is_made_once_and_goes_when_it_is_empty(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    assert s3.head_bucket(Bucket="code")["BucketRegion"] == HERE
    for account in ("hub", "fraud-dev"):
        with pytest.raises(ClientError, match="BucketAlready"):
            local.client("s3", account).create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    s3.delete_bucket(Bucket="code")
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="code")


def test_an_object_is_what_was_put_last(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    for body in (b"one", b"three"):
        s3.put_object(Bucket="code", Key="a/b", Body=body, ContentType="text/plain", Metadata={"by": "me"})
    s3.put_object(Bucket="code", Key="c", Body=b"")
    found = s3.get_object(Bucket="code", Key="a/b")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"three", "text/plain", {"by": "me"})
    head = s3.head_object(Bucket="code", Key="a/b")
    assert (head["ContentLength"], head["ETag"]) == (5, found["ETag"])
    listed = s3.list_objects_v2(Bucket="code", Delimiter="/")
    assert ([each["Key"] for each in listed["Contents"]], listed["CommonPrefixes"]) == (["c"], [{"Prefix": "a/"}])
    assert [(each["Key"], each["Size"]) for each in s3.list_objects_v2(Bucket="code", Prefix="a/")["Contents"]] == [("a/b", 5)]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="code", Key="nowhere")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="code", Key="nowhere")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket="code")


def test_the_settings_of_a_bucket_are_read_as_they_were_put(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    assert "Status" not in s3.get_bucket_versioning(Bucket="code")
    s3.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket="code")["Status"] == "Enabled"
    versions = [s3.put_object(Bucket="code", Key="k", Body=body)["VersionId"] for body in (b"one", b"two")]
    assert [s3.get_object(Bucket="code", Key="k", VersionId=version)["Body"].read() for version in versions] == [b"one", b"two"]

    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="code")
    s3.put_bucket_tagging(Bucket="code", Tagging={"TagSet": tagged(("team", "ml"), ("stage", "dev"))})
    s3.put_bucket_tagging(Bucket="code", Tagging={"TagSet": tagged(("team", "platform"))})
    assert s3.get_bucket_tagging(Bucket="code")["TagSet"] == tagged(("team", "platform"))

    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]
    with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFound"):
        s3.get_bucket_encryption(Bucket="code")  # in AWS every bucket has one
    s3.put_bucket_encryption(Bucket="code", ServerSideEncryptionConfiguration={"Rules": rules})
    assert s3.get_bucket_encryption(Bucket="code")["ServerSideEncryptionConfiguration"]["Rules"] == rules

    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket="code")  # in AWS a new bucket has one
    s3.put_public_access_block(Bucket="code", PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket="code")["PublicAccessBlockConfiguration"] == block


def test_a_bucket_policy_is_kept_as_it_came_and_decides_nothing(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="code")
    with pytest.raises(ClientError, match="MalformedPolicy"):
        s3.put_bucket_policy(Bucket="code", Policy="{}")
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
    s3.put_bucket_policy(Bucket="code", Policy=json.dumps(deny))
    assert s3.get_bucket_policy(Bucket="code")["Policy"] == json.dumps(deny)
    s3.put_object(Bucket="code", Key="k", Body=b"1")
    assert s3.list_objects_v2(Bucket="code")["KeyCount"] == 1
    s3.delete_bucket_policy(Bucket="code")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="code")


def test_a_bucket_opens_to_every_account(local: LocalOrganization) -> None:
    own, other = local.client("s3", "hub"), local.client("s3", "fraud-dev")
    own.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    other.put_object(Bucket="code", Key="k", Body=b"1")
    assert own.get_object(Bucket="code", Key="k")["Body"].read() == b"1"
    assert other.get_object(Bucket="code", Key="k")["Body"].read() == b"1"
    assert (other.head_object(Bucket="code", Key="k")["ContentLength"], other.list_objects_v2(Bucket="code")["KeyCount"]) == (1, 1)
    assert other.head_bucket(Bucket="code")["BucketRegion"] == HERE
    other.put_bucket_tagging(Bucket="code", Tagging={"TagSet": tagged(("team", "other"))})
    other.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Suspended"})
    assert other.get_bucket_tagging(Bucket="code")["TagSet"] == tagged(("team", "other"))
    assert other.get_bucket_versioning(Bucket="code")["Status"] == "Suspended"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        other.put_bucket_policy(Bucket="code", Policy=json.dumps(allow("s3:GetObject")))


# -- CloudWatch and CloudWatch Logs


def test_a_log_group_has_its_retention_and_tags(local: LocalOrganization) -> None:
    logs = local.client("logs", "hub")
    logs.create_log_group(logGroupName="/steward/one", logGroupClass="INFREQUENT_ACCESS", tags={"team": "ml"})
    logs.create_log_group(logGroupName="/other")
    with pytest.raises(ClientError, match="ResourceAlreadyExists"):
        logs.create_log_group(logGroupName="/other")

    def group() -> Any:
        (found,) = logs.describe_log_groups(logGroupNamePrefix="/steward/")["logGroups"]
        return found

    arn = f"arn:aws:logs:{HERE}:{HUB}:log-group:/steward/one"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ml"}
    assert "logGroupClass" not in group(), "moto drops it"
    assert group()["arn"] == f"arn:aws:logs:{HERE}:{HUB}:log-group:/steward/one:*"
    assert "retentionInDays" not in group()
    logs.put_retention_policy(logGroupName="/steward/one", retentionInDays=90)
    assert group()["retentionInDays"] == 90
    logs.delete_retention_policy(logGroupName="/steward/one")
    assert "retentionInDays" not in group()

    logs.put_retention_policy(logGroupName="/steward/one", retentionInDays=17)
    assert group()["retentionInDays"] == 17, "AWS takes certain numbers only"

    logs.tag_resource(resourceArn=arn, tags={"team": "platform", "stage": "dev"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "platform", "stage": "dev"}
    logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "dev"}

    logs.delete_log_group(logGroupName="/steward/one")
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == ["/other"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "dev"}, "AWS answers ResourceNotFoundException"


def test_an_alarm_is_kept_and_never_evaluated(local: LocalOrganization) -> None:
    cloudwatch = local.client("cloudwatch", "hub")
    metric: Any = {
        "AlarmName": "dead letters",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "dead"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "breaching",
        "AlarmActions": [f"arn:aws:sns:{HERE}:{HUB}:alarms"],
    }
    cloudwatch.put_metric_alarm(**metric, Threshold=0, Tags=tagged(("team", "ml")))

    def alarm() -> Any:
        (found,) = cloudwatch.describe_alarms(AlarmNames=["dead letters"])["MetricAlarms"]
        return found

    arn = f"arn:aws:cloudwatch:{HERE}:{HUB}:alarm:dead letters"
    assert {name: alarm()[name] for name in [*metric, "AlarmArn", "Threshold"]} == {**metric, "AlarmArn": arn, "Threshold": 0}
    local.advance(3600)
    assert alarm()["StateValue"] == "OK", "in AWS INSUFFICIENT_DATA at first, and then ALARM, for missing data is breaching"
    cloudwatch.put_metric_alarm(**metric, Threshold=5, ActionsEnabled=False, Tags=tagged(("more", "x")))
    assert (alarm()["Threshold"], alarm()["ActionsEnabled"]) == (5, False)
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "ml"), ("more", "x")), "AWS ignores tags of an update"
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["more"])

    cloudwatch.tag_resource(ResourceARN=arn, Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("stage", "dev"))

    cloudwatch.delete_alarms(AlarmNames=["dead letters"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("stage", "dev")), "AWS answers ResourceNotFoundException"


# -- EventBridge


def test_a_rule_has_its_pattern_and_tags(local: LocalOrganization) -> None:
    events = local.client("events", "hub")
    pattern = json.dumps({"source": ["a"]})
    arn = events.put_rule(Name="watch", EventPattern=pattern, Description="watches", State="DISABLED", Tags=tagged(("team", "ml")))["RuleArn"]
    events.put_rule(Name="other", EventPattern=pattern)
    with pytest.raises(Refused, match="ScheduleExpression"):
        events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    found = events.describe_rule(Name="watch")
    assert (found["Arn"], found["EventPattern"], found["Description"], found["State"]) == (arn, pattern, "watches", "DISABLED")
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="wa")["Rules"]] == ["watch"]
    assert sorted(rule["Name"] for rule in events.list_rules()["Rules"]) == ["other", "watch"]
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "ml"))
    events.put_rule(Name="watch", EventPattern=json.dumps({"source": ["b"]}), Tags=tagged(("more", "x")))
    found = events.describe_rule(Name="watch")
    assert (found["EventPattern"], found.get("Description"), found["State"]) == ('{"source": ["b"]}', None, "ENABLED")
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "ml"), ("more", "x")), "AWS ignores tags of an update"
    events.untag_resource(ResourceARN=arn, TagKeys=["more"])

    events.tag_resource(ResourceARN=arn, Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    events.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("stage", "dev"))

    events.delete_rule(Name="watch")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.describe_rule(Name="watch")


def test_a_rule_keeps_its_targets_by_their_ids_and_goes_only_without_them(local: LocalOrganization) -> None:
    events = local.client("events", "hub")
    events.put_rule(Name="watch", EventPattern=json.dumps({"source": ["a"]}))
    one, two = ({"Id": name, "Arn": f"arn:aws:sqs:{HERE}:{HUB}:{name}"} for name in ("one", "two"))
    assert events.put_targets(Rule="watch", Targets=[one, two])["FailedEntryCount"] == 0
    changed = {**one, "RetryPolicy": {"MaximumRetryAttempts": 4, "MaximumEventAgeInSeconds": 60}}
    events.put_targets(Rule="watch", Targets=[changed])

    def targets() -> Any:
        return sorted(events.list_targets_by_rule(Rule="watch")["Targets"], key=lambda target: target["Id"])

    assert targets() == [changed, two]
    with pytest.raises(Refused, match="arn:aws:lambda"):
        events.put_targets(Rule="watch", Targets=[{"Id": "three", "Arn": f"arn:aws:lambda:{HERE}:{HUB}:function:worker"}])
    assert targets() == [changed, two]
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets"):
        events.delete_rule(Name="watch")
    assert events.remove_targets(Rule="watch", Ids=["one"])["FailedEntryCount"] == 0
    assert targets() == [two]
    events.remove_targets(Rule="watch", Ids=["two"])
    events.delete_rule(Name="watch")
    assert events.list_rules()["Rules"] == []


def test_an_event_bus_has_its_policy_and_tags(local: LocalOrganization) -> None:
    events = local.client("events", "hub")
    arn = events.create_event_bus(Name="hub", Description="of all", Tags=tagged(("team", "ml")))["EventBusArn"]
    assert arn == f"arn:aws:events:{HERE}:{HUB}:event-bus/hub"
    with pytest.raises(ClientError, match="ResourceAlreadyExists"):
        events.create_event_bus(Name="hub")
    with pytest.raises(Refused, match="KmsKeyIdentifier"):
        events.create_event_bus(Name="secret", KmsKeyIdentifier="key")
    assert sorted(bus["Name"] for bus in events.list_event_buses()["EventBuses"]) == ["default", "hub"]
    assert (events.describe_event_bus(Name="hub")["Arn"], events.describe_event_bus(Name="hub")["Description"]) == (arn, "of all")
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "ml"))

    def statements() -> list[str]:
        policy = events.describe_event_bus(Name="hub").get("Policy")
        return [statement["Sid"] for statement in json.loads(policy)["Statement"]] if policy else []

    for name, account in (("One", "444444444444"), ("Two", "555555555555")):
        events.put_permission(EventBusName="hub", StatementId=name, Principal=account, Action="events:PutEvents")
    assert statements() == ["One", "Two"]
    events.remove_permission(EventBusName="hub", StatementId="One")
    assert statements() == ["Two"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.remove_permission(EventBusName="hub", StatementId="One")
    events.remove_permission(EventBusName="hub", RemoveAllPermissions=True)
    assert statements() == []

    events.tag_resource(ResourceARN=arn, Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    events.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("stage", "dev"))

    events.put_rule(Name="watch", EventBusName="hub", EventPattern='{"source": ["a"]}')
    events.delete_event_bus(Name="hub")  # in AWS its rules have to be deleted before
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.describe_event_bus(Name="hub")


# -- Lambda


def function(local: LocalOrganization, code: str = "x = 1", **configuration: Any) -> Any:
    """A function called worker; what CreateFunction answers."""
    return local.client("lambda", "hub").create_function(
        FunctionName="worker",
        Role=role_for(local, "lambda.amazonaws.com"),
        Runtime="python3.13",
        Handler="code.handler",
        Code={"ZipFile": archive(code=code)},
        **configuration,
    )


def test_a_function_has_its_code_configuration_and_tags(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    made = function(local, Timeout=7, MemorySize=256, Environment={"Variables": {"A": "b"}}, Architectures=["arm64"], Tags={"team": "ml"})
    arn = f"arn:aws:lambda:{HERE}:{HUB}:function:worker"

    def configuration() -> Any:
        return client.get_function_configuration(FunctionName="worker")

    found = configuration()
    assert (found["FunctionArn"], found["Handler"], found["Runtime"], found["State"]) == (arn, "code.handler", "python3.13", "Active")
    assert (found["Timeout"], found["MemorySize"], found["Environment"], found["Architectures"]) == (7, 256, {"Variables": {"A": "b"}}, ["arm64"])
    assert found["Version"] == "$LATEST"
    assert not {"RevisionId", "LoggingConfig"} & set(found), "AWS tells both"
    with pytest.raises(ClientError, match="ResourceConflict"):
        client.create_function(FunctionName="worker", Role=made["Role"], Runtime="python3.13", Handler="a.b", Code={"ZipFile": archive(a="")})

    code = archive(code="x = 2")
    client.update_function_code(FunctionName="worker", ZipFile=code, Architectures=["x86_64"])
    assert configuration()["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode() != made["CodeSha256"]
    assert (configuration()["Architectures"], configuration()["LastModified"]) == (["arm64"], made["LastModified"]), "moto changes neither"

    changes: Any = {"Description": "works", "Handler": "a.b", "MemorySize": 512, "Runtime": "python3.12", "Timeout": 9}
    client.update_function_configuration(FunctionName="worker", Environment={"Variables": {}}, **changes)
    found = client.get_function(FunctionName="worker")
    assert {name: found["Configuration"][name] for name in changes} == changes
    assert "Environment" not in found["Configuration"]
    assert found["Code"]["RepositoryType"] == "S3"
    with pytest.raises(Refused, match="nothing leaves loopback"):
        urllib.request.urlopen(found["Code"]["Location"])

    client.tag_resource(Resource=arn, Tags={"team": "platform", "stage": "dev"})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "platform", "stage": "dev"}
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "dev"}
    local.client("sqs", "hub").create_queue(QueueName="work")
    mapping = client.create_event_source_mapping(EventSourceArn=f"arn:aws:sqs:{HERE}:{HUB}:work", FunctionName="worker")["UUID"]
    for change in (partial(client.tag_resource, Tags={"a": "b"}), partial(client.untag_resource, TagKeys=["a"])):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            change(Resource=f"arn:aws:lambda:{HERE}:{HUB}:event-source-mapping:{mapping}")

    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["worker"]
    client.delete_function(FunctionName="worker")
    assert client.list_functions()["Functions"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_function(FunctionName="worker")


def test_settings_of_a_function_that_change_nothing_are_kept_once_or_dropped(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    kept: Any = {"EphemeralStorage": {"Size": 1024}, "KMSKeyArn": f"arn:aws:kms:{HERE}:{HUB}:key/a", "TracingConfig": {"Mode": "Active"}}
    dropped: Any = {"DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:{HERE}:{HUB}:dead"}, "LoggingConfig": {"LogGroup": "/steward"}}
    function(local, **kept, **dropped)
    found = client.get_function_configuration(FunctionName="worker")
    assert {name: found.get(name) for name in [*kept, *dropped]} == {**kept, **dict.fromkeys(dropped)}

    others: Any = {"EphemeralStorage": {"Size": 512}, "KMSKeyArn": "", "TracingConfig": {"Mode": "PassThrough"}}
    client.update_function_configuration(FunctionName="worker", Timeout=9999, **others, **dropped)
    found = client.get_function_configuration(FunctionName="worker")
    assert {name: found.get(name) for name in [*kept, *dropped]} == {**kept, **dict.fromkeys(dropped)}
    assert found["Timeout"] == 9999, "AWS takes 900 seconds at most"


def test_concurrency_that_a_function_reserves_is_told_and_not_kept_to(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    arn = function(local, code="import time\ndef handler(event, context):\n    time.sleep(2)\n")["FunctionArn"]
    client.put_function_concurrency(FunctionName="worker", ReservedConcurrentExecutions=1)
    assert client.get_function(FunctionName="worker")["Concurrency"] == {"ReservedConcurrentExecutions": 1}
    both = [local.cloud.functions.invoke(arn, "{}", local.administrator("hub")) for _ in range(2)]
    local.settle()
    assert [promise.result().function_error for promise in both] == [None, None], "AWS answers TooManyRequestsException to one of them"
    client.delete_function_concurrency(FunctionName="worker")
    assert "Concurrency" not in client.get_function(FunctionName="worker")


def test_a_function_lets_in_whom_its_policy_names(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    arn = function(local)["FunctionArn"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_policy(FunctionName="worker")
    common: Any = {"FunctionName": "worker", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    client.add_permission(StatementId="one", SourceArn=f"arn:aws:events:{HERE}:{HUB}:rule/one", SourceAccount=HUB, **common)
    client.add_permission(StatementId="two", **common)

    def statements() -> Any:
        return json.loads(client.get_policy(FunctionName="worker")["Policy"])["Statement"]

    assert statements()[0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
        "Condition": {"ArnLike": {"AWS:SourceArn": f"arn:aws:events:{HERE}:{HUB}:rule/one"}, "StringEquals": {"AWS:SourceAccount": HUB}},
    }
    client.add_permission(StatementId="two", **common)
    assert [statement["Sid"] for statement in statements()] == ["one", "two", "two"], "AWS answers ResourceConflictException"
    for name in ("one", "two"):
        client.remove_permission(FunctionName="worker", StatementId=name)
    assert [statement["Sid"] for statement in statements()] == ["two"]
    client.remove_permission(FunctionName="worker", StatementId="two")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_policy(FunctionName="worker")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.remove_permission(FunctionName="worker", StatementId="two")


def test_a_layer_is_a_row_of_versions_that_never_come_again(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    given: Any = {"LayerName": "packages", "CompatibleRuntimes": ["python3.13"], "CompatibleArchitectures": ["arm64"], "LicenseInfo": "MIT"}
    content = archive(code="x = 1")

    def publish(text: str) -> str:
        return str(client.publish_layer_version(Description=text, Content={"ZipFile": content}, **given)["LayerVersionArn"])

    arn = f"arn:aws:lambda:{HERE}:{HUB}:layer:packages"
    assert [publish("first"), publish("second")] == [f"{arn}:1", f"{arn}:2"]
    found = client.get_layer_version(LayerName="packages", VersionNumber=1)
    assert (found["LayerArn"], found["LayerVersionArn"], found["Description"]) == (arn, f"{arn}:1", "first")
    assert {name: found[name] for name in given if name != "LayerName"} == {name: value for name, value in given.items() if name != "LayerName"}
    assert found["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert found["Content"]["Location"] == "s3://", "no address to fetch it from"
    client.delete_layer_version(LayerName="packages", VersionNumber=2)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_layer_version(LayerName="packages", VersionNumber=2)
    assert client.get_layer_version(LayerName="packages", VersionNumber=1)["Description"] == "first"
    assert publish("third") == f"{arn}:3"


# -- CloudFormation: what no deployment asks for


def test_change_sets_are_listed_until_they_are_deleted(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    template = "Resources: {Queue: {Type: AWS::SQS::Queue}}"
    for name in ("one", "two"):
        client.create_change_set(StackName="app", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=template)

    def listed() -> list[str]:
        return [change_set["ChangeSetName"] for change_set in client.list_change_sets(StackName="app")["Summaries"]]

    assert listed() == ["one", "two"]
    client.delete_change_set(StackName="app", ChangeSetName="one")
    assert listed() == ["two"]
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        client.delete_change_set(StackName="app", ChangeSetName="one")
