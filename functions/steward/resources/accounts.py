"""Accounts of the organization: what Organizations knows of them, and the one door into them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.errors import MemberRoleNotAssumable
from steward.resources.clients import MemberSession

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sts import STSClient

ROLE_PATH = "steward"


def member_session(sts: "STSClient", account_id: str, region: str, role_name: str, session_name: str) -> MemberSession:
    """A session in a member account: the only ``sts:AssumeRole`` there is. `session_name` is what the member's CloudTrail will say of us.

    Raises MemberRoleNotAssumable where STS answers AccessDenied, which is also its answer for a role that does not exist.
    """
    role_arn = f"arn:{sts.meta.partition}:iam::{account_id}:role/{ROLE_PATH}/{role_name}"
    try:
        answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=re.sub(r"[^\w+=,.@-]", "-", session_name, flags=re.ASCII)[:64])
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        raise MemberRoleNotAssumable(f"{role_arn} does not let us in: is our role deployed to account {account_id}, and for us?") from error
    return MemberSession(region, answer["Credentials"])


@dataclass(frozen=True)
class Account:
    """`unit_ids` are all the organizational units it lies in, however deep."""

    account_id: str
    arn: str
    is_active: bool
    unit_ids: frozenset[str]


def describe_account(organizations: "OrganizationsClient", account_id: str) -> Account | None:
    """One account, or None where this organization has none of that id.

    `State` follows `Status`, which is retired (https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html); `Paths` is as
    young. Both ways are read until the old is gone everywhere; without `Paths` it costs a call of ListParents per level.
    """
    try:
        account = organizations.describe_account(AccountId=account_id)["Account"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccountNotFoundException":
            raise
        return None
    path = [part for path in account["Paths"] for part in path.split("/")] if account.get("Paths") else parents(organizations, account_id)
    return Account(
        account_id=account_id,
        arn=account["Arn"],
        is_active=(account.get("State") or account.get("Status")) == "ACTIVE",
        unit_ids=frozenset(part for part in path if part.startswith("ou-")),
    )


def account_tags(organizations: "OrganizationsClient", account_id: str) -> dict[str, str]:
    """The account's tags in Organizations: they say what the account is for."""
    pages = organizations.get_paginator("list_tags_for_resource").paginate(ResourceId=account_id)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def parents(organizations: "OrganizationsClient", child_id: str) -> Iterator[str]:
    """What an account or a unit lies in, the nearest first, the root last."""
    while not child_id.startswith("r-"):
        child_id = organizations.list_parents(ChildId=child_id)["Parents"][0]["Id"]
        yield child_id
