"""What Organizations answers, in its old and its new ways, and the door into member accounts."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from steward.errors import MemberRoleNotAssumable
from steward.resources.accounts import Account, account_tags, describe_account, member_session

ACCOUNT_ID, ARN = "444444444444", "arn:aws:organizations::111111111111:account/o-steward0001/444444444444"
UNITS = ["ou-root-ml000000", "ou-root-dev00000"]
CREDENTIALS = {"AccessKeyId": "ASIAMEMBER0000000001", "SecretAccessKey": "secret", "SessionToken": "token", "Expiration": 0}


def account(**fields: object) -> dict[str, Any]:
    return {"Account": {"Id": ACCOUNT_ID, "Arn": ARN} | fields}


def test_state_and_paths_are_read_where_they_are(scripted: Any) -> None:
    organizations, script = scripted.client("organizations")
    path = f"o-steward0001/r-root/{UNITS[0]}/{UNITS[1]}/{ACCOUNT_ID}/"
    script.add_response("describe_account", account(State="ACTIVE", Status="SUSPENDED", Paths=[path]))
    assert describe_account(organizations, ACCOUNT_ID) == Account(ACCOUNT_ID, ARN, is_active=True, unit_ids=frozenset(UNITS))


def test_without_them_the_retired_status_is_read_and_the_parents_are_walked(scripted: Any) -> None:
    organizations, script = scripted.client("organizations")
    script.add_response("describe_account", account(Status="ACTIVE"))
    for child, parent in ((ACCOUNT_ID, UNITS[1]), (UNITS[1], UNITS[0]), (UNITS[0], "r-root")):
        kind = "ROOT" if parent == "r-root" else "ORGANIZATIONAL_UNIT"
        script.add_response("list_parents", {"Parents": [{"Id": parent, "Type": kind}]}, {"ChildId": child})
    assert describe_account(organizations, ACCOUNT_ID) == Account(ACCOUNT_ID, ARN, is_active=True, unit_ids=frozenset(UNITS))


@pytest.mark.parametrize("state", ["PENDING_ACTIVATION", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"])
def test_only_an_active_account_is_active(scripted: Any, state: str) -> None:
    organizations, script = scripted.client("organizations")
    script.add_response("describe_account", account(State=state, Paths=["o-steward0001/r-root/"]))
    described = describe_account(organizations, ACCOUNT_ID)
    assert described is not None
    assert not described.is_active


def test_an_account_of_another_organization_is_none(scripted: Any) -> None:
    organizations, script = scripted.client("organizations")
    script.add_client_error("describe_account", "AccountNotFoundException")
    assert describe_account(organizations, ACCOUNT_ID) is None


def test_a_refusal_of_organizations_is_not_taken_for_a_missing_account(scripted: Any) -> None:
    organizations, script = scripted.client("organizations")
    script.add_client_error("describe_account", "AccessDeniedException")
    with pytest.raises(ClientError):
        describe_account(organizations, ACCOUNT_ID)


def test_tags_are_read_to_the_last_page(scripted: Any) -> None:
    organizations, script = scripted.client("organizations")
    script.add_response(
        "list_tags_for_resource", {"Tags": [{"Key": "ml:project", "Value": "fraud"}], "NextToken": "more"}, {"ResourceId": ACCOUNT_ID}
    )
    script.add_response(
        "list_tags_for_resource", {"Tags": [{"Key": "ml:owner", "Value": "fraud-team"}]}, {"ResourceId": ACCOUNT_ID, "NextToken": "more"}
    )
    assert account_tags(organizations, ACCOUNT_ID) == {"ml:project": "fraud", "ml:owner": "fraud-team"}


def test_a_member_is_entered_by_the_role_of_the_workflow(scripted: Any) -> None:
    sts, script = scripted.client("sts")
    role_arn = f"arn:aws:iam::{ACCOUNT_ID}:role/steward/profile_cost_tagging"
    script.add_response("assume_role", {"Credentials": CREDENTIALS}, {"RoleArn": role_arn, "RoleSessionName": "event-1"})
    session = member_session(sts, ACCOUNT_ID, "us-east-1", "profile_cost_tagging", "event-1")
    client = session.client("sagemaker")
    credentials = client._request_signer._credentials
    assert (client.meta.region_name, credentials.access_key, credentials.token) == ("us-east-1", "ASIAMEMBER0000000001", "token")
    assert "secret" not in repr(session)


def test_a_session_name_that_sts_would_refuse_is_made_fit(scripted: Any) -> None:
    """Trap 52."""
    sts, script = scripted.client("sts")
    role_arn = f"arn:aws:iam::{ACCOUNT_ID}:role/steward/profile_cost_tagging"
    script.add_response("assume_role", {"Credentials": CREDENTIALS}, {"RoleArn": role_arn, "RoleSessionName": "m-ller-" + "x" * 57})
    member_session(sts, ACCOUNT_ID, "eu-west-1", "profile_cost_tagging", "müller/" + "x" * 90)


def test_a_role_that_does_not_let_us_in_is_named(scripted: Any) -> None:
    sts, script = scripted.client("sts")
    script.add_client_error("assume_role", "AccessDenied")
    with pytest.raises(MemberRoleNotAssumable, match=f"{ACCOUNT_ID}:role/steward/profile_cost_tagging"):
        member_session(sts, ACCOUNT_ID, "eu-west-1", "profile_cost_tagging", "event-1")


def test_a_fault_of_sts_is_not_taken_for_a_closed_door(scripted: Any) -> None:
    sts, script = scripted.client("sts")
    script.add_client_error("assume_role", "RegionDisabledException")
    with pytest.raises(ClientError):
        member_session(sts, ACCOUNT_ID, "eu-west-1", "profile_cost_tagging", "event-1")
