"""The lists of AWS Organizations as a reader of nested units needs them, through the door, by a role of a delegated administrator. Expectations:
Organizations API Reference (pages of 20 at most, lists one level deep); User Guide, "Monitor the state of your accounts"."""

from typing import Any

import pytest

from localaws.local import LocalOrganization
from localaws.organization_file import Account
from localaws.organizations import behaviour, suspend
from tests.localaws.iam_machinery import HUB, Iam, allow, answer, trusting

READS = [
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListAccountsForParent",
    "organizations:ListAccounts",
]
MORE = ["organizations:ListTagsForResource", "organizations:DescribeAccount"]


@pytest.fixture
def grown(local: LocalOrganization) -> LocalOrganization:
    """Forty-five accounts more: thirty in a unit three levels down, the others in the unit above."""
    organizations = local.client("organizations", "management")
    parent = local.organization.unit_id("ML")
    for name in ("Teams", "Fraud"):
        parent = organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
    for number in range(45):
        account = Account(f"more-{number}", f"7000000000{number:02}", unit="ML", tags={"ml:project": f"p{number}"})
        local.vend(account)
        if number < 30:
            organizations.move_account(AccountId=account.id, SourceParentId=local.organization.unit_id("ML"), DestinationParentId=parent)
    return local


@pytest.fixture
def reader(grown: LocalOrganization) -> Any:
    """The hub is a delegated administrator; this is a role of it."""
    iam = Iam(grown)
    return iam.client("organizations", iam.role(allow([*READS, *MORE]), account=HUB))


def pages(client: Any, operation: str, **given: Any) -> list[int]:
    """How many there are on each page."""
    return [sum(len(value) for value in page.values() if isinstance(value, list)) for page in client.get_paginator(operation).paginate(**given)]


def test_the_whole_tree_is_read_page_by_page(grown: LocalOrganization, reader: Any) -> None:
    (root,) = reader.list_roots()["Roots"]
    found: dict[str, list[str]] = {}

    def walk(parent: str, path: str) -> None:
        accounts = reader.get_paginator("list_accounts_for_parent").paginate(ParentId=parent).build_full_result()["Accounts"]
        found[path] = [account["Name"] for account in accounts]
        for unit in reader.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent).build_full_result()["OrganizationalUnits"]:
            walk(unit["Id"], f"{path}/{unit['Name']}")

    walk(root["Id"], "")
    assert [len(found[path]) for path in ("/ML", "/ML/Teams", "/ML/Teams/Fraud")] == [15, 0, 30]
    assert sorted(name for names in found.values() for name in names) == sorted(account.name for account in grown.organization.accounts)
    listings = [call for call in grown.cloud.log.calls if call["action"] == "organizations:ListAccountsForParent"]
    assert len(listings) == len(found) + 1, "thirty accounts are two pages"


def test_pages_have_twenty_items_at_most_and_as_few_as_asked_for(grown: LocalOrganization, reader: Any) -> None:
    assert pages(reader, "list_accounts") == [20, 20, len(grown.organization.accounts) - 40]
    assert pages(reader, "list_accounts", PaginationConfig={"PageSize": 7})[:2] == [7, 7]
    assert answer(reader.list_accounts, MaxResults=21) == "InvalidInputException"
    first = reader.list_accounts(MaxResults=5)
    assert answer(reader.list_accounts, NextToken=first["NextToken"], MaxResults=5) == "done"
    unit = grown.organization.unit_id("ML")
    assert answer(reader.list_accounts_for_parent, ParentId=unit, NextToken=first["NextToken"]) == "InvalidInputException"
    assert answer(reader.list_accounts_for_parent, ParentId="ou-none-11111111") == "ParentNotFoundException"


def test_lists_tell_of_an_account_what_describing_it_does(grown: LocalOrganization, reader: Any) -> None:
    unit = grown.organization.unit_id("ML/Dev")
    for retired in (False, True):
        behaviour(grown.cloud).account_status_retired = retired
        listed = {account["Id"]: account for account in reader.list_accounts()["Accounts"]}
        below = {account["Id"]: account for account in reader.list_accounts_for_parent(ParentId=unit)["Accounts"]}
        described = reader.describe_account(AccountId="444444444444")["Account"]
        assert listed["444444444444"] == below["444444444444"] == described
        assert (described["State"], "Status" in described) == ("ACTIVE", not retired)
        above = [grown.organization.organization_id, grown.organization.root_id, grown.organization.unit_id("ML"), unit]
    assert described["Paths"] == ["/".join([*above, "444444444444", ""])]
    assert reader.list_tags_for_resource(ResourceId="700000000007")["Tags"] == [{"Key": "ml:project", "Value": "p7"}]


def test_an_account_that_is_closed_stays_listed_and_lets_nobody_in(local: LocalOrganization) -> None:
    iam, management = Iam(local), local.client("organizations", "management")
    caller = iam.role(allow("sts:AssumeRole", "arn:aws:iam::*:role/target"), account=HUB)
    target = iam.role(name="target", trust=trusting({"AWS": HUB}))
    sts = iam.client("sts", caller)

    def is_now() -> tuple[str, str, str]:
        (account,) = [account for account in management.list_accounts()["Accounts"] if account["Id"] == "444444444444"]
        return account["State"], account["Status"], answer(sts.assume_role, RoleArn=target, RoleSessionName="session")

    assert is_now() == ("ACTIVE", "ACTIVE", "done")
    assert answer(local.client("organizations", "fraud-dev").close_account, AccountId="444444444444") == "AccessDeniedException"
    management.close_account(AccountId="444444444444")
    assert is_now() == ("PENDING_CLOSURE", "PENDING_CLOSURE", "done")
    assert answer(management.close_account, AccountId="444444444444") == "ConflictException"
    local.settle()
    assert is_now() == ("CLOSED", "SUSPENDED", "AccessDenied")
    assert answer(management.close_account, AccountId="444444444444") == "AccountAlreadyClosedException"
    assert answer(management.close_account, AccountId="111111111111") == "ConstraintViolationException"
    assert answer(management.close_account, AccountId="999999999999") == "AccountNotFoundException"


def test_an_account_that_aws_suspends_lets_nobody_in(local: LocalOrganization) -> None:
    iam = Iam(local)
    target = iam.role(name="target", trust=trusting({"AWS": HUB}))
    suspend(local.cloud, "444444444444")
    account = local.client("organizations", "management").describe_account(AccountId="444444444444")["Account"]
    assert (account["State"], account["Status"]) == ("SUSPENDED", "SUSPENDED")
    assert iam.assumes(local.administrator("hub"), target) == "AccessDenied"
