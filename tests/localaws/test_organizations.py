"""The organization of localaws, made in moto and asked for through AWS Organizations."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends
from moto.organizations import utils as moto_ids

import localaws.organizations as organizations_api
from localaws import organization_file as file
from localaws.clock import Clock
from localaws.cloud import OPERATIONS, AwsError, Call, Cloud, Principal, Refused
from localaws.organization import AccountMoved, Organization, accounts_under, is_delegated, on_account_moved, units_of
from localaws.organization_file import Account
from localaws.validation import check_answer, check_input
from tests.localaws.organizations_machinery import FILE, FRAUD_DEV, FRAUD_PROD, HUB, MANAGEMENT, SECURITY, STRANGER, Ask, load


@pytest.fixture
def organization(tmp_path: Path) -> Organization:
    return load(tmp_path)


@pytest.fixture
def cloud(organization: Organization) -> Iterator[Cloud]:
    BackendDict.reset()
    clock = Clock(datetime(2026, 11, 2, 8, tzinfo=UTC), seed=0)
    cloud = Cloud(clock, organization, seed=0)
    organization.create(cloud)
    yield cloud
    clock.stop()
    BackendDict.reset()


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    """One call of Organizations, its input and its answer checked as the gateway does."""

    def ask(operation: str, account: str = MANAGEMENT, **params: Any) -> dict[str, Any]:
        call = Call("organizations", operation, account, "us-east-1", Principal(account, f"arn:aws:iam::{account}:root"), params)
        check_input(call)
        output = OPERATIONS["organizations", operation](cloud, call) or {}
        check_answer(call, output)
        return output

    return ask


def refusal(ask: Ask, operation: str, account: str = MANAGEMENT, **params: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        ask(operation, account, **params)
    return caught.value


# -- making it


def test_it_is_made_with_its_own_account_ids_units_and_tags(ask: Ask, cloud: Cloud, organization: Organization) -> None:
    described = ask("DescribeOrganization")["Organization"]
    assert (described["Id"], described["MasterAccountId"], described["FeatureSet"]) == (organization.organization_id, MANAGEMENT, "ALL")
    assert [(account["Id"], account["Name"]) for account in ask("ListAccounts")["Accounts"]] == [
        (MANAGEMENT, "management"),
        (HUB, "hub"),
        (SECURITY, "security"),
        (FRAUD_DEV, "fraud-dev"),
        (FRAUD_PROD, "fraud-prod"),
    ]
    assert units_of(cloud, FRAUD_DEV) == [organization.unit_id("ML/Dev"), organization.unit_id("ML")]
    assert units_of(cloud, SECURITY) == []
    assert accounts_under(cloud, organization.unit_id("ML")) == [FRAUD_DEV, FRAUD_PROD]
    assert accounts_under(cloud, organization.unit_id("ML/Dev")) == [FRAUD_DEV]
    assert accounts_under(cloud, organization.root_id) == [MANAGEMENT, HUB, SECURITY, FRAUD_DEV, FRAUD_PROD]
    assert ask("ListTagsForResource", ResourceId=FRAUD_DEV)["Tags"] == [{"Key": "ml:project", "Value": "fraud"}, {"Key": "ml:stage", "Value": "dev"}]


def test_ids_follow_from_the_seed(cloud: Cloud, tmp_path: Path) -> None:
    def ids(seed: int) -> tuple[str, str, str]:
        organization = Organization.read(yaml.safe_load(FILE), tmp_path)
        organization.create(Cloud(cloud.clock, organization, seed=seed))
        return organization.organization_id, organization.root_id, organization.unit_id("ML/Dev")

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)


def test_another_management_account_can_follow_in_the_same_process(cloud: Cloud, tmp_path: Path) -> None:
    document = yaml.safe_load(FILE)
    document["accounts"][0], document["accounts"][2] = document["accounts"][2], document["accounts"][0]
    document["accounts"][0]["id"], document["accounts"][2]["id"] = MANAGEMENT, SECURITY
    organization = Organization.read(document, tmp_path)
    again = Cloud(cloud.clock, organization, seed=0)
    organization.create(again)
    assert organization.management_id == SECURITY
    assert set(accounts_under(again, organization.root_id)) == {MANAGEMENT, HUB, SECURITY, FRAUD_DEV, FRAUD_PROD}


def test_moto_draws_account_ids_of_its_own_again(cloud: Cloud) -> None:
    assert moto_ids.make_random_account_id() not in cloud.organization.account_ids


def test_only_members_have_the_role_that_organizations_plants(cloud: Cloud) -> None:
    def roles(account_id: str) -> list[str]:
        return [role.name for role in iam_backends[account_id]["global"].roles.values()]

    assert roles(FRAUD_DEV) == ["OrganizationAccountAccessRole"]
    assert roles(MANAGEMENT) == []


def test_an_account_vended_later_is_a_member_and_is_heard_of(ask: Ask, cloud: Cloud, organization: Organization) -> None:
    heard: list[AccountMoved] = []
    on_account_moved(cloud, lambda _, moved: heard.append(moved))
    organization.add_account(cloud, Account("churn-dev", "666666666666", "ML/Dev", {"ml:project": "churn"}))
    assert heard == [AccountMoved("666666666666", None, organization.unit_id("ML/Dev"))]
    assert organization.is_member("666666666666")
    assert ask("DescribeAccount", AccountId="666666666666")["Account"]["Name"] == "churn-dev"
    assert accounts_under(cloud, organization.unit_id("ML/Dev")) == [FRAUD_DEV, "666666666666"]
    with pytest.raises(file.DuplicateName):
        organization.add_account(cloud, Account("churn-dev", "777777777777"))


# -- who may ask

READS: list[tuple[str, dict[str, str]]] = [
    ("DescribeAccount", {"AccountId": FRAUD_DEV}),
    ("ListAccounts", {}),
    ("ListAccountsForParent", {"ParentId": "ML"}),
    ("ListOrganizationalUnitsForParent", {"ParentId": "ML"}),
    ("DescribeOrganizationalUnit", {"OrganizationalUnitId": "ML"}),
    ("ListParents", {"ChildId": FRAUD_DEV}),
    ("ListRoots", {}),
    ("ListTagsForResource", {"ResourceId": FRAUD_DEV}),
    ("ListDelegatedAdministrators", {}),
]
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("TagResource", {"ResourceId": FRAUD_DEV, "Tags": [{"Key": "ml:project", "Value": "churn"}]}),
    ("UntagResource", {"ResourceId": FRAUD_DEV, "TagKeys": ["ml:project"]}),
    ("MoveAccount", {"AccountId": FRAUD_DEV, "SourceParentId": "ML/Dev", "DestinationParentId": "ML"}),
    ("CreateOrganizationalUnit", {"ParentId": "ML", "Name": "Prod"}),
    ("RegisterDelegatedAdministrator", {"AccountId": SECURITY, "ServicePrincipal": "guardduty.amazonaws.com"}),
    ("EnableAWSServiceAccess", {"ServicePrincipal": "config.amazonaws.com"}),
]


def with_ids(organization: Organization, params: dict[str, Any]) -> dict[str, Any]:
    return {name: organization.unit_id(value) if value in organization.units else value for name, value in params.items()}


@pytest.mark.parametrize(("operation", "params"), READS)
def test_the_management_account_and_delegated_administrators_read_the_same(
    ask: Ask, organization: Organization, operation: str, params: dict[str, str]
) -> None:
    asked = with_ids(organization, params)
    answer = ask(operation, MANAGEMENT, **asked)
    assert all(answer.values())
    if operation == "ListOrganizationalUnitsForParent":
        assert [unit["Name"] for unit in answer["OrganizationalUnits"]] == ["Dev"]
    assert ask(operation, HUB, **asked) == answer


@pytest.mark.parametrize(("operation", "params"), READS + WRITES)
def test_a_plain_member_is_denied(ask: Ask, organization: Organization, operation: str, params: dict[str, Any]) -> None:
    error = refusal(ask, operation, FRAUD_DEV, **with_ids(organization, params))
    assert (error.code, error.message) == ("AccessDeniedException", "You don't have permissions to access this resource.")


@pytest.mark.parametrize(("operation", "params"), WRITES)
def test_a_delegated_administrator_changes_nothing(ask: Ask, organization: Organization, operation: str, params: dict[str, Any]) -> None:
    asked = with_ids(organization, params)
    assert refusal(ask, operation, HUB, **asked).code == "AccessDeniedException"
    ask(operation, MANAGEMENT, **asked)


def test_every_member_sees_its_organization_and_a_stranger_none(ask: Ask, organization: Organization) -> None:
    for account in (MANAGEMENT, HUB, FRAUD_DEV):
        assert ask("DescribeOrganization", account)["Organization"]["Id"] == organization.organization_id
    assert refusal(ask, "DescribeOrganization", STRANGER).code == "AWSOrganizationsNotInUseException"
    assert refusal(ask, "ListAccounts", STRANGER).code == "AWSOrganizationsNotInUseException"


# -- what is answered


def test_an_account_tells_its_state_and_its_path(ask: Ask, cloud: Cloud, organization: Organization) -> None:
    account = ask("DescribeAccount", AccountId=FRAUD_DEV)["Account"]
    assert account["Arn"] == f"arn:aws:organizations::{MANAGEMENT}:account/{organization.organization_id}/{FRAUD_DEV}"
    assert (account["Status"], account["State"], account["JoinedTimestamp"]) == ("ACTIVE", "ACTIVE", datetime(2026, 11, 2, 8, tzinfo=UTC))
    above = f"{organization.organization_id}/{organization.root_id}"
    ml, dev = organization.unit_id("ML"), organization.unit_id("ML/Dev")
    assert account["Paths"] == [f"{above}/{ml}/{dev}/{FRAUD_DEV}/"]
    assert ask("DescribeOrganizationalUnit", OrganizationalUnitId=dev)["OrganizationalUnit"]["Path"] == f"{above}/{ml}/{dev}/"

    organizations_api.behaviour(cloud).account_status_retired = True
    organizations_api.behaviour(cloud).paths = False
    account = ask("DescribeAccount", AccountId=FRAUD_DEV)["Account"]
    assert account["State"] == "ACTIVE"
    assert not {"Status", "Paths"} & set(account)
    assert all("Status" not in account for account in ask("ListAccounts")["Accounts"])
    assert "Path" not in ask("DescribeOrganizationalUnit", OrganizationalUnitId=dev)["OrganizationalUnit"]


def test_lists_of_a_parent_do_not_go_deeper(ask: Ask, organization: Organization) -> None:
    ml, dev = organization.unit_id("ML"), organization.unit_id("ML/Dev")
    assert [account["Id"] for account in ask("ListAccountsForParent", ParentId=ml)["Accounts"]] == [FRAUD_PROD]
    assert [account["Id"] for account in ask("ListAccountsForParent", ParentId=organization.root_id)["Accounts"]] == [MANAGEMENT, SECURITY]
    units = ask("ListOrganizationalUnitsForParent", ParentId=organization.root_id)["OrganizationalUnits"]
    assert [unit["Name"] for unit in units] == ["Infrastructure", "ML"]
    assert ask("ListParents", ChildId=FRAUD_DEV)["Parents"] == [{"Id": dev, "Type": "ORGANIZATIONAL_UNIT"}]
    assert ask("ListParents", ChildId=ml)["Parents"] == [{"Id": organization.root_id, "Type": "ROOT"}]
    assert [root["Id"] for root in ask("ListRoots")["Roots"]] == [organization.root_id]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("DescribeAccount", {"AccountId": STRANGER}, "AccountNotFoundException"),
        ("DescribeOrganizationalUnit", {"OrganizationalUnitId": "ou-abcd-12345678"}, "OrganizationalUnitNotFoundException"),
        ("ListAccountsForParent", {"ParentId": "ou-abcd-12345678"}, "ParentNotFoundException"),
        ("ListOrganizationalUnitsForParent", {"ParentId": "r-none"}, "ParentNotFoundException"),
        ("ListParents", {"ChildId": STRANGER}, "ChildNotFoundException"),
        ("ListTagsForResource", {"ResourceId": STRANGER}, "TargetNotFoundException"),
        ("TagResource", {"ResourceId": STRANGER, "Tags": []}, "TargetNotFoundException"),
        ("UntagResource", {"ResourceId": STRANGER, "TagKeys": ["a"]}, "TargetNotFoundException"),
        ("CreateOrganizationalUnit", {"ParentId": "r-none", "Name": "Prod"}, "ParentNotFoundException"),
        ("RegisterDelegatedAdministrator", {"AccountId": STRANGER, "ServicePrincipal": "ssm.amazonaws.com"}, "AccountNotFoundException"),
        ("MoveAccount", {"AccountId": STRANGER, "SourceParentId": "r-none", "DestinationParentId": "r-none"}, "AccountNotFoundException"),
    ],
)
def test_what_is_not_there_has_an_error_of_its_own(ask: Ask, operation: str, params: dict[str, Any], code: str) -> None:
    assert refusal(ask, operation, **params).code == code


def test_accounts_come_in_pages_of_twenty(ask: Ask, cloud: Cloud, organization: Organization) -> None:
    for number in range(38):
        organization.add_account(cloud, Account(f"account-{number}", f"8888888888{number:02}", "ML"))
    sizes, found, token = [], [], dict[str, Any]()
    while True:
        answer = ask("ListAccounts", **token)
        sizes.append(len(answer["Accounts"]))
        found += [account["Id"] for account in answer["Accounts"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert sizes == [20, 20, 3]
    assert found == [account.id for account in organization.accounts]
    assert len(ask("ListAccounts", MaxResults=7)["Accounts"]) == 7
    assert refusal(ask, "ListAccounts", NextToken="nobody").code == "InvalidInputException"
    assert refusal(ask, "ListAccountsForParent", ParentId=organization.root_id, **token).code == "InvalidInputException"


# -- what changes


def test_a_moved_account_is_elsewhere_at_once_and_listeners_hear_of_it(ask: Ask, cloud: Cloud, organization: Organization) -> None:
    heard: list[AccountMoved] = []
    on_account_moved(cloud, lambda _, moved: heard.append(moved))
    infrastructure, ml, dev = (organization.unit_id(unit) for unit in ("Infrastructure", "ML", "ML/Dev"))
    ask("MoveAccount", AccountId=FRAUD_DEV, SourceParentId=dev, DestinationParentId=infrastructure)
    assert units_of(cloud, FRAUD_DEV) == [infrastructure]
    assert accounts_under(cloud, ml) == [FRAUD_PROD]
    assert ask("ListParents", ChildId=FRAUD_DEV)["Parents"][0]["Id"] == infrastructure
    assert heard == [AccountMoved(FRAUD_DEV, dev, infrastructure)]

    move = {"AccountId": FRAUD_DEV, "SourceParentId": infrastructure, "DestinationParentId": infrastructure}
    assert refusal(ask, "MoveAccount", **move).code == "DuplicateAccountException"
    assert refusal(ask, "MoveAccount", **move | {"SourceParentId": ml, "DestinationParentId": dev}).code == "SourceParentNotFoundException"
    assert refusal(ask, "MoveAccount", **move | {"SourceParentId": "r-none"}).code == "SourceParentNotFoundException"
    assert refusal(ask, "MoveAccount", **move | {"DestinationParentId": "r-none"}).code == "DestinationParentNotFoundException"
    assert (units_of(cloud, FRAUD_DEV), len(heard)) == ([infrastructure], 1)


def test_tags_of_accounts_change_and_keep_their_limits(ask: Ask) -> None:
    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in ask("ListTagsForResource", ResourceId=FRAUD_DEV)["Tags"]}

    ask("TagResource", ResourceId=FRAUD_DEV, Tags=[{"Key": "ml:stage", "Value": "prod"}, {"Key": "ml:owner", "Value": "alice"}])
    ask("UntagResource", ResourceId=FRAUD_DEV, TagKeys=["ml:project"])
    assert tags() == {"ml:stage": "prod", "ml:owner": "alice"}

    def wrong(*keys: str) -> str:
        return refusal(ask, "TagResource", ResourceId=FRAUD_DEV, Tags=[{"Key": key, "Value": "x"} for key in keys]).code

    assert wrong("aws:owner") == "InvalidInputException"
    assert wrong("team", "team") == "InvalidInputException"
    assert wrong(*(f"key-{number}" for number in range(49))) == "ConstraintViolationException"
    assert tags() == {"ml:stage": "prod", "ml:owner": "alice"}


def test_units_are_made_five_deep_and_once_by_name(ask: Ask, organization: Organization) -> None:
    parent = organization.unit_id("ML/Dev")
    assert refusal(ask, "CreateOrganizationalUnit", ParentId=organization.unit_id("ML"), Name="Dev").code == "DuplicateOrganizationalUnitException"
    for name in ("Dev", "Deeper", "Deepest"):
        tags = [{"Key": "level", "Value": name}]
        parent = ask("CreateOrganizationalUnit", ParentId=parent, Name=name, Tags=tags)["OrganizationalUnit"]["Id"]
        assert ask("ListTagsForResource", ResourceId=parent)["Tags"] == tags
    assert refusal(ask, "CreateOrganizationalUnit", ParentId=parent, Name="Abyss").code == "ConstraintViolationException"


def test_delegation_makes_a_reader(ask: Ask, cloud: Cloud) -> None:
    stacksets = "member.org.stacksets.cloudformation.amazonaws.com"
    assert is_delegated(cloud, HUB, stacksets)
    assert is_delegated(cloud, HUB, "servicecatalog.amazonaws.com")
    assert refusal(ask, "ListRoots", SECURITY).code == "AccessDeniedException"
    ask("RegisterDelegatedAdministrator", AccountId=SECURITY, ServicePrincipal=stacksets)
    assert ask("ListRoots", SECURITY)["Roots"]
    again = {"AccountId": SECURITY, "ServicePrincipal": stacksets}
    assert refusal(ask, "RegisterDelegatedAdministrator", **again).code == "AccountAlreadyRegisteredException"
    assert refusal(ask, "RegisterDelegatedAdministrator", **again | {"AccountId": MANAGEMENT}).code == "ConstraintViolationException"

    def administrators(**params: str) -> list[str]:
        return [admin["Id"] for admin in ask("ListDelegatedAdministrators", **params)["DelegatedAdministrators"]]

    assert administrators() == [HUB, SECURITY]
    assert administrators(ServicePrincipal="servicecatalog.amazonaws.com") == [HUB]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("RegisterDelegatedAdministrator", {"AccountId": SECURITY, "ServicePrincipal": "unheard-of.amazonaws.com"}),
        ("EnableAWSServiceAccess", {"ServicePrincipal": "unheard-of.amazonaws.com"}),
    ],
)
def test_services_nobody_here_knows_are_refused_by_name(ask: Ask, operation: str, params: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"unheard-of\.amazonaws\.com"):
        ask(operation, **params)
