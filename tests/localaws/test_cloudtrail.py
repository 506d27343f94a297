"""Each write call becomes the event that rules wait for; reads and messages do not."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Principal
from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for


def events(local: LocalOrganization) -> list[dict[str, Any]]:
    """What a rule for everything on fraud-dev's default bus has sent to a queue since the last time."""
    sqs = local.client("sqs", "fraud-dev")
    local.settle()
    url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.fixture
def watched(local: LocalOrganization) -> LocalOrganization:
    """fraud-dev with a rule that sends CloudTrail's events to a queue, after the dust of that has settled."""
    sqs, bus = local.client("sqs", "fraud-dev"), local.client("events", "fraud-dev")
    queue = "arn:aws:sqs:eu-west-1:444444444444:seen"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    sqs.create_queue(QueueName="seen", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    bus.put_rule(Name="all", EventPattern=json.dumps({"detail-type": ["AWS API Call via CloudTrail"]}))
    bus.put_targets(Rule="all", Targets=[{"Id": "seen", "Arn": queue}])
    events(local)
    return local


def create_domain(client: Any, **more: Any) -> Any:
    return client.create_domain(
        DomainName="studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/Studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
        **more,
    )


def test_a_write_call_becomes_an_event_in_the_shape_of_cloudtrail(watched: LocalOrganization) -> None:
    domain = create_domain(watched.client("sagemaker", "fraud-dev"), Tags=[{"Key": "Team", "Value": "Fraud"}])
    (event,) = events(watched)
    assert {key: event[key] for key in ("source", "detail-type", "account", "region")} == {
        "source": "aws.sagemaker",
        "detail-type": "AWS API Call via CloudTrail",
        "account": "444444444444",
        "region": "eu-west-1",
    }
    detail = event["detail"]
    assert (detail["eventSource"], detail["eventName"], detail["readOnly"]) == ("sagemaker.amazonaws.com", "CreateDomain", False)
    assert detail["requestParameters"]["tags"] == [{"key": "Team", "value": "Fraud"}]
    assert detail["responseElements"]["domainArn"] == domain["DomainArn"]
    assert detail["userIdentity"]["arn"] == "arn:aws:iam::444444444444:user/administrator"
    assert "errorCode" not in detail


def test_a_failed_call_carries_its_error_and_no_answer(watched: LocalOrganization) -> None:
    with pytest.raises(ClientError):
        watched.client("sagemaker", "fraud-dev").create_user_profile(DomainId="d-nowhere", UserProfileName="alice")
    (event,) = events(watched)
    assert event["detail"]["errorCode"]
    assert event["detail"]["responseElements"] is None
    assert event["detail"]["requestParameters"] == {"domainId": "d-nowhere", "userProfileName": "alice"}


def test_reads_and_messages_make_no_event(watched: LocalOrganization) -> None:
    watched.client("sagemaker", "fraud-dev").list_domains()
    url = watched.client("sqs", "fraud-dev").get_queue_url(QueueName="seen")["QueueUrl"]
    watched.client("sqs", "fraud-dev").send_message(QueueUrl=url, MessageBody='"a message"')
    assert events(watched) == ["a message"]


def test_a_roles_session_names_its_issuer(watched: LocalOrganization) -> None:
    role = role_for(watched, "lambda.amazonaws.com", "studio-maker", account="fraud-dev")
    events(watched)
    create_domain(watched.cloud.client("sagemaker", "eu-west-1", Principal.of_role(role, "alice")))
    (event,) = events(watched)
    identity = event["detail"]["userIdentity"]
    assert (identity["type"], identity["sessionContext"]["sessionIssuer"]["arn"]) == ("AssumedRole", role)
    assert identity["arn"] == "arn:aws:sts::444444444444:assumed-role/studio-maker/alice"


def test_a_service_acting_for_itself_has_no_session_issuer(watched: LocalOrganization) -> None:
    service = Principal("444444444444", "sagemaker.amazonaws.com", service="sagemaker.amazonaws.com")
    create_domain(watched.cloud.client("sagemaker", "eu-west-1", service))
    (event,) = events(watched)
    assert event["detail"]["userIdentity"] == {"type": "AWSService", "invokedBy": "sagemaker.amazonaws.com"}


def test_updates_and_deletions_of_studio_name_what_they_are_about(watched: LocalOrganization) -> None:
    sagemaker = watched.client("sagemaker", "fraud-dev")
    domain = create_domain(sagemaker)
    named = {"DomainId": domain["DomainId"], "UserProfileName": "alice"}
    watched.advance(120)
    profile = sagemaker.create_user_profile(**named)
    watched.advance(15)
    events(watched)

    minutes = {"AppLifecycleManagement": {"IdleSettings": {"IdleTimeoutInMinutes": 60}}}
    sagemaker.update_domain(DomainId=domain["DomainId"], DefaultUserSettings={"JupyterLabAppSettings": minutes}, TagPropagation="ENABLED")
    sagemaker.update_user_profile(**named, UserSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/Studio"})
    watched.advance(15)
    sagemaker.delete_user_profile(**named)
    watched.advance(15)
    sagemaker.delete_domain(DomainId=domain["DomainId"], RetentionPolicy={"HomeEfsFileSystem": "Delete"})

    recorded = {event["detail"]["eventName"]: event["detail"] for event in events(watched)}
    asked = {name: (detail["requestParameters"], detail["responseElements"]) for name, detail in recorded.items()}
    of_domain, of_profile = {"domainId": domain["DomainId"]}, {"domainId": domain["DomainId"], "userProfileName": "alice"}
    idle = {"appLifecycleManagement": {"idleSettings": {"idleTimeoutInMinutes": 60}}}
    changed = {"defaultUserSettings": {"jupyterLabAppSettings": idle}, "tagPropagation": "ENABLED"}
    role = {"userSettings": {"executionRole": "arn:aws:iam::444444444444:role/Studio"}}
    assert asked == {
        "UpdateDomain": (of_domain | changed, {"domainArn": domain["DomainArn"]}),
        "UpdateUserProfile": (of_profile | role, {"userProfileArn": profile["UserProfileArn"]}),
        "DeleteUserProfile": (of_profile, None),
        "DeleteDomain": (of_domain | {"retentionPolicy": {"homeEfsFileSystem": "Delete"}}, None),
    }
