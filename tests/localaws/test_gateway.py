"""The one door: who may come in, what is refused by name, what is written down."""

import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

from localaws import gateway
from localaws.cloud import Principal, Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for
from tests.localaws.iam_machinery import answer


def test_an_operation_that_coverage_does_not_list_is_refused_by_name(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match=r"sagemaker:ListModels: not in localaws/coverage\.yaml"):
        local.client("sagemaker", "fraud-dev").list_models()
    with pytest.raises(Refused, match="kinesis"):
        local.client("kinesis", "fraud-dev").list_streams()


def test_a_region_that_the_organization_does_not_have_is_refused_by_name(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="sqs:ListQueueTags in ap-south-1: the organization's file has eu-west-1, us-east-1"):
        local.client("sqs", "hub", region="ap-south-1").list_queue_tags(QueueUrl="work")
    with pytest.raises(Refused, match="sts:GetCallerIdentity in ap-south-1"):
        local.client("sts", "hub", region="ap-south-1").get_caller_identity()
    with pytest.raises(ClientError, match="NoSuchEntity"):  # IAM's endpoint is one for all Regions
        local.client("iam", "hub", region="ap-south-1").get_role(RoleName="nobody")


def test_an_unknown_key_is_nobody(local: LocalOrganization) -> None:
    stranger = boto3.Session("AKIAAAAAAAAAAAAAAAAA", "secret", region_name="eu-west-1")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.client("sts").get_caller_identity()


def test_a_session_of_a_role_acts_in_the_roles_account_until_it_expires(local: LocalOrganization) -> None:
    role = role_for(local, {"AWS": "222222222222"}, "visitor", account="fraud-dev")
    given = local.client("sts", "hub").assume_role(RoleArn=role, RoleSessionName="alice", DurationSeconds=900)["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name="eu-west-1")
    identity = session.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("444444444444", "arn:aws:sts::444444444444:assumed-role/visitor/alice")
    assert identity["UserId"].endswith(":alice")
    local.advance(900)
    with pytest.raises(ClientError, match="ExpiredToken"):
        session.client("sts").get_caller_identity()


def test_a_role_that_is_not_there_cannot_be_assumed(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        local.client("sts", "hub").assume_role(RoleArn="arn:aws:iam::444444444444:role/nobody", RoleSessionName="alice")


def test_a_call_takes_its_time_and_is_written_down(local: LocalOrganization) -> None:
    before = local.clock.now
    local.client("sqs", "hub").create_queue(QueueName="work")
    assert local.clock.now - before == pytest.approx(0.05)
    entry = local.cloud.log.calls[-1]
    assert {key: entry[key] for key in ("account", "region", "principal", "action", "resource", "error")} == {
        "account": "222222222222",
        "region": "eu-west-1",
        "principal": "arn:aws:iam::222222222222:user/administrator",
        "action": "sqs:CreateQueue",
        "resource": "work",
        "error": None,
    }


def test_a_failed_call_is_written_down_with_its_error(local: LocalOrganization) -> None:
    with pytest.raises(ClientError):
        local.client("sqs", "hub").receive_message(QueueUrl="https://sqs.eu-west-1.amazonaws.com/222222222222/nowhere")
    assert "NonExistentQueue" in str(local.cloud.log.calls[-1]["error"]) or "QueueDoesNotExist" in str(local.cloud.log.calls[-1]["error"])


def test_input_that_the_service_would_not_take_is_a_validation_error(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*roleSessionName|RoleSessionName"):
        local.client("sts", "hub").assume_role(RoleArn="arn:aws:iam::444444444444:role/somebody", RoleSessionName="not a name!")


def test_nothing_leaves_loopback(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="nothing leaves loopback"):
        urllib.request.urlopen("http://aws.amazon.com")


def test_a_client_for_a_service_calls_at_once(local: LocalOrganization) -> None:
    before = local.clock.now
    with local.clock.atomic():
        local.cloud.client("sqs", "eu-west-1", Principal("222222222222", "a-service", service="a-service")).create_queue(QueueName="work")
    assert local.clock.now == before


def test_clients_share_what_is_costly_and_each_signs_as_its_own(local: LocalOrganization) -> None:
    hub, member = (local.client("organizations", account) for account in ("hub", "fraud-dev"))
    assert hub.meta is member.meta
    listed, pages = hub.get_paginator("list_accounts"), []
    for page in listed.paginate(PaginationConfig={"PageSize": 1}):
        assert answer(member.list_accounts) == "AccessDeniedException"
        pages.append(page["Accounts"][0]["Name"])
    assert sorted(pages) == sorted(account.name for account in local.organization.accounts)
    with pytest.raises(hub.exceptions.AccountNotFoundException):
        hub.describe_account(AccountId="999999999999")


def test_clients_of_services_that_are_not_used_any_more_make_room(local: LocalOrganization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MOST_CLIENTS", 2)
    local.cloud.clients.clear()

    def identity(number: int) -> str:
        principal = Principal.of_role(f"arn:aws:iam::222222222222:role/role-{number}", "session")
        return str(local.cloud.client("sts", "eu-west-1", principal).get_caller_identity()["Arn"])

    for number in (1, 2, 1, 3):
        assert identity(number) == f"arn:aws:sts::222222222222:assumed-role/role-{number}/session"
    kept = [principal.role_arn for _, _, principal in local.cloud.clients]
    assert kept == ["arn:aws:iam::222222222222:role/role-1", "arn:aws:iam::222222222222:role/role-3"]


def test_a_call_is_tried_again_by_whom_it_was_made_whoever_called_meanwhile(local: LocalOrganization) -> None:
    mine, theirs = local.client("sts", "hub"), local.client("sts", "fraud-dev")
    others: list[str] = []
    with local.faults.fail("sts:GetCallerIdentity", times=1):
        local.clock.later(0.06, lambda: others.append(theirs.get_caller_identity()["Account"]))
        account = mine.get_caller_identity()["Account"]
    local.settle()
    assert (account, others) == ("222222222222", ["444444444444"])
    assert [call["account"] for call in local.cloud.log.calls[-3:]] == ["222222222222", "444444444444", "222222222222"]


def test_an_address_is_not_signed_ahead(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="presigned"):
        local.client("s3", "hub").generate_presigned_url("get_object", Params={"Bucket": "items", "Key": "today"})
