"""What moto keeps of SQS, SNS and EventBridge: each thing from its creation to its end, seen through the API after each call.

Where moto is wrong or drops something, the test says what there is, and `coverage.yaml` calls the operation approximated.
"""

import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import function, tagged

HUB, HERE = "222222222222", "eu-west-1"


def allow(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


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


def test_a_message_given_back_is_there_for_the_next_at_once(local: LocalOrganization) -> None:
    sqs = local.client("sqs", "hub")
    url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert again["MessageId"] == message["MessageId"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=600)
    local.advance(61)
    assert "Messages" not in sqs.receive_message(QueueUrl=url), "it is hidden for longer than the queue says"


def test_an_old_message_is_hidden_for_twelve_hours_from_its_receive_and_no_longer(local: LocalOrganization) -> None:
    sqs = local.client("sqs", "hub")
    url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sent = int(local.clock.now)
    for days, hidden in ((2, 600), (1, 0)):
        local.advance(days * 86_400)
        (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["SentTimestamp"])["Messages"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=hidden)
    assert int(message["Attributes"]["SentTimestamp"]) // 1000 == sent
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    local.advance(1800)
    with pytest.raises(ClientError, match=r"beyond the limit \[43200 seconds\]"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=43_200 - 1700)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=43_200 - 1900)
    with pytest.raises(ClientError, match="receipt handle is invalid"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle="another", VisibilityTimeout=0)


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


def test_a_message_of_a_topic_reaches_queues_of_its_account_and_who_reads_them(local: LocalOrganization) -> None:
    sns, sqs = local.client("sns", "hub"), local.client("sqs", "hub")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    url = inbox_for(sqs, topic)
    inbox = f"arn:aws:sqs:{HERE}:{HUB}:inbox"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox)
    sns.publish(TopicArn=topic, Message="one")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "one"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    function(local, "def handler(event, context):\n    print(event['Records'][0]['body'])\n")
    local.client("lambda", "hub").create_event_source_mapping(EventSourceArn=inbox, FunctionName="worker")
    local.settle()
    sns.publish(TopicArn=topic, Message="two")
    local.settle()
    (run,) = local.cloud.log.invocations
    assert (run["error"], json.loads(run["log"])["Message"]) == (None, "two")

    local.client("sqs", "fraud-dev").create_queue(QueueName="theirs")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:444444444444:theirs")
    with pytest.raises(Refused, match="theirs does not let"):  # AWS drops the message and tells nobody
        sns.publish(TopicArn=topic, Message="three")


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
    with pytest.raises(Refused, match="arn:aws:sns"):
        events.put_targets(Rule="watch", Targets=[{"Id": "three", "Arn": f"arn:aws:sns:{HERE}:{HUB}:topic"}])
    assert targets() == [changed, two]
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets"):
        events.delete_rule(Name="watch")
    assert events.remove_targets(Rule="watch", Ids=["one"])["FailedEntryCount"] == 0
    assert targets() == [two]
    events.remove_targets(Rule="watch", Ids=["two"])
    events.delete_rule(Name="watch")
    assert events.list_rules()["Rules"] == []


def test_a_rule_that_is_disabled_sends_nothing_until_it_is_enabled(local: LocalOrganization) -> None:
    events, sqs = local.client("events", "hub"), local.client("sqs", "hub")
    (statement,) = allow("sqs:SendMessage")["Statement"]
    policy = {"Version": "2012-10-17", "Statement": [statement | {"Principal": {"Service": "events.amazonaws.com"}}]}
    url = sqs.create_queue(QueueName="watched", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
    events.create_event_bus(Name="hub")
    events.put_rule(Name="watch", EventBusName="hub", EventPattern=json.dumps({"source": ["a"]}))
    events.put_targets(Rule="watch", EventBusName="hub", Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:{HERE}:{HUB}:watched"}])

    def heard(detail: str) -> list[str]:
        events.put_events(Entries=[{"Source": "a", "DetailType": detail, "Detail": "{}", "EventBusName": "hub"}])
        local.settle()
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"])["detail-type"] for message in messages]

    assert heard("first") == ["first"]
    events.disable_rule(Name="watch", EventBusName=f"arn:aws:events:{HERE}:{HUB}:event-bus/hub")
    assert events.describe_rule(Name="watch", EventBusName="hub")["State"] == "DISABLED"
    assert heard("second") == []
    events.enable_rule(Name="watch", EventBusName="hub")
    assert heard("third") == ["third"]
    for change in (events.disable_rule, events.enable_rule):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            change(Name="watch")
        with pytest.raises(Refused, match="of another account or Region"):
            change(Name="watch", EventBusName=f"arn:aws:events:us-east-1:{HUB}:event-bus/hub")


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
