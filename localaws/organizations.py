"""AWS Organizations as its accounts may see it. moto keeps the state, in the management account's backend; who may ask and what is answered is here.

The management account and delegated administrators of any service read everything; of the operations here only DescribeOrganization is open to
every member. Being a delegated administrator "grants read-only access" [botocore, RegisterDelegatedAdministrator]: what writes is for the management
account, since localaws has no resource policies of Organizations.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from moto.organizations.models import FakeDelegatedAdministrator, FakeServiceAccess

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.organization import AccountMoved, delegate, is_delegated, state, tell_listeners, units_above
from localaws.organization_file import DELEGATIONS
from localaws.paging import page

PAGE = 20
"""Items of a list's page, unless fewer are asked for: AWS's most, and what it gives without MaxResults."""
_CLOSING = 180.0
"""Seconds: "a few minutes" [botocore, CloseAccount]."""
MOST_TAGS = 50
MOST_LEVELS_OF_UNITS = 5


@dataclass
class Behaviour:
    """How Organizations answers in one cloud, where that is changing or not known for sure."""

    account_status_retired: bool = False
    """Accounts without Status: AWS announced that it goes on 2026-09-09, State stays."""
    paths: bool = True
    """Accounts with Paths, units with Path: in botocore's model since 2026; seen of DescribeAccount in August 2026, with a slash at the end."""


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test or a demo changes its fields."""
    found: Behaviour = cloud.table("organizations:Behaviour", "", "").setdefault("organizations", Behaviour())
    return found


# -- who may ask


def _require_member(cloud: Cloud, call: Call) -> None:
    if not cloud.organization.is_member(call.account):
        raise AwsError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")


def _require_reader(cloud: Cloud, call: Call) -> None:
    _require_member(cloud, call)
    if call.account != cloud.organization.management_id and not is_delegated(cloud, call.account):
        raise _denied()


def _require_management(cloud: Cloud, call: Call) -> None:
    _require_member(cloud, call)
    if call.account != cloud.organization.management_id:
        raise _denied()


def _denied() -> AwsError:
    return AwsError("AccessDeniedException", "You don't have permissions to access this resource.")


# -- finding


def _one(items: Iterable[Any], item_id: str, error: str, what: str) -> Any:
    for item in items:
        if item.id == item_id:
            return item
    raise AwsError(error, f"You specified {what} that doesn't exist.")


def _account(cloud: Cloud, account_id: str) -> Any:
    return _one(state(cloud).accounts, account_id, "AccountNotFoundException", "an account")


def _parent(cloud: Cloud, parent_id: str, error: str = "ParentNotFoundException", what: str = "a parent") -> Any:
    return _one(state(cloud).ou, parent_id, error, what)


def _taggable(cloud: Cloud, resource_id: str) -> Any:
    if resource_id.startswith(("rp-", "rt-")):
        raise Refused("tags of Organizations' resource policies and responsibility transfers: localaws has none, see localaws/organizations.py")
    backend = state(cloud)
    return _one([*backend.accounts, *backend.ou, *backend.policies], resource_id, "TargetNotFoundException", "a target")


# -- answering


def _described_account(cloud: Cloud, account: Any) -> dict[str, Any]:
    settings = behaviour(cloud)
    found = {
        "Id": account.id,
        "Arn": account.arn,
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.state,
        "Paths": [_path(cloud, account.parent_id, account.id)],
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": account.create_time.replace(tzinfo=UTC),
    }
    left_out = {"Status"} if settings.account_status_retired else set()
    left_out |= set() if settings.paths else {"Paths"}
    return {name: value for name, value in found.items() if name not in left_out}


def _described_unit(cloud: Cloud, unit: Any) -> dict[str, Any]:
    path = {"Path": _path(cloud, unit.id)} if behaviour(cloud).paths else {}
    return {"Id": unit.id, "Arn": unit.arn, "Name": unit.name, **path}


def _path(cloud: Cloud, parent_id: str, *below: str) -> str:
    """``o-…/r-…/ou-…/<account>/``"""
    organization = cloud.organization
    return "/".join([organization.organization_id, organization.root_id, *reversed(units_above(cloud, parent_id)), *below, ""])


def _page(call: Call, member: str, items: list[Any], describe: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """One page of `items`, which are in the order in which they came to be."""
    filters = {name: value for name, value in sorted(call.params.items()) if name not in ("NextToken", "MaxResults")}
    shown, token = page(
        enumerate(items),
        key=lambda numbered: [numbered[0]],
        scope=[call.operation, filters],
        size=call.params.get("MaxResults", PAGE),
        token=call.params.get("NextToken"),
        wrong_token=AwsError("InvalidInputException", "You specified an invalid pagination token."),
    )
    return {member: [describe(item) for _, item in shown], **({"NextToken": token} if token else {})}


# -- reading


@operation("organizations", "DescribeOrganization")
def describe_organization(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_member(cloud, call)
    answer: dict[str, Any] = state(cloud).describe_organization()
    return answer


@operation("organizations", "DescribeAccount")
def describe_account(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    return {"Account": _described_account(cloud, _account(cloud, call.params["AccountId"]))}


@operation("organizations", "DescribeOrganizationalUnit")
def describe_organizational_unit(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    unit_id = call.params["OrganizationalUnitId"]
    return {"OrganizationalUnit": _described_unit(cloud, _parent(cloud, unit_id, "OrganizationalUnitNotFoundException", "an organizational unit"))}


@operation("organizations", "ListAccounts")
def list_accounts(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    return _page(call, "Accounts", state(cloud).accounts, lambda account: _described_account(cloud, account))


@operation("organizations", "ListAccountsForParent")
def list_accounts_for_parent(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Those directly in this unit or root, not in the units below it."""
    _require_reader(cloud, call)
    parent = _parent(cloud, call.params["ParentId"])
    accounts = [account for account in state(cloud).accounts if account.parent_id == parent.id]
    return _page(call, "Accounts", accounts, lambda account: _described_account(cloud, account))


@operation("organizations", "ListOrganizationalUnitsForParent")
def list_organizational_units_for_parent(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    parent = _parent(cloud, call.params["ParentId"])
    units = [unit for unit in state(cloud).ou if unit.parent_id == parent.id]
    return _page(call, "OrganizationalUnits", units, lambda unit: _described_unit(cloud, unit))


@operation("organizations", "ListParents")
def list_parents(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    backend = state(cloud)
    child = _one([*backend.accounts, *backend.ou], call.params["ChildId"], "ChildNotFoundException", "a child")
    parent = _parent(cloud, child.parent_id)
    return _page(call, "Parents", [parent], lambda found: {"Id": found.id, "Type": found.type})


@operation("organizations", "ListRoots")
def list_roots(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    return _page(call, "Roots", state(cloud).list_roots()["Roots"], dict)


@operation("organizations", "ListTagsForResource")
def list_tags_for_resource(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    tags = list(_taggable(cloud, call.params["ResourceId"]).tags.items())
    return _page(call, "Tags", tags, lambda tag: {"Key": tag[0], "Value": tag[1]})


@operation("organizations", "ListDelegatedAdministrators")
def list_delegated_administrators(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_reader(cloud, call)
    wanted = call.params.get("ServicePrincipal")
    admins = [admin for admin in state(cloud).admins if wanted is None or wanted in admin.services]
    return _page(call, "DelegatedAdministrators", admins, lambda admin: _described_administrator(cloud, admin))


def _described_administrator(cloud: Cloud, admin: Any) -> dict[str, Any]:
    """Since when: the first delegation."""
    found = _described_account(cloud, admin.account)
    found.pop("Paths", None)
    since = min(service["DelegationEnabledDate"] for service in admin.services.values())
    return found | {"DelegationEnabledDate": datetime.fromtimestamp(since, UTC)}


# -- writing


@operation("organizations", "TagResource")
def tag_resource(cloud: Cloud, call: Call) -> None:
    _require_management(cloud, call)
    target = _taggable(cloud, call.params["ResourceId"])
    target.tags = _checked_tags(target.tags, call.params["Tags"])


@operation("organizations", "UntagResource")
def untag_resource(cloud: Cloud, call: Call) -> None:
    _require_management(cloud, call)
    target = _taggable(cloud, call.params["ResourceId"])
    target.tags = {key: value for key, value in target.tags.items() if key not in call.params["TagKeys"]}


def _checked_tags(tags: dict[str, str], more: list[dict[str, str]]) -> dict[str, str]:
    added = {tag["Key"]: tag["Value"] for tag in more}
    if len(added) < len(more):
        raise AwsError("InvalidInputException", "DUPLICATE_TAG_KEY: Tag keys must be unique among the tags attached to the same entity.")
    if any(key.lower().startswith("aws:") for key in added):
        raise AwsError("InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER: System tag keys, which begin with aws:, are not yours to change.")
    both = tags | added
    if len(both) > MOST_TAGS:
        raise AwsError("ConstraintViolationException", f"MAX_TAG_LIMIT_EXCEEDED: a resource can have {MOST_TAGS} tags at most.")
    return both


@operation("organizations", "MoveAccount")
def move_account(cloud: Cloud, call: Call) -> None:
    _require_management(cloud, call)
    account = _account(cloud, call.params["AccountId"])
    source = _parent(cloud, call.params["SourceParentId"], "SourceParentNotFoundException", "a source root or OU")
    destination = _parent(cloud, call.params["DestinationParentId"], "DestinationParentNotFoundException", "a destination root or OU")
    if account.parent_id == destination.id:
        raise AwsError("DuplicateAccountException", "That account is already present in the specified destination.")
    if account.parent_id != source.id:
        raise AwsError("SourceParentNotFoundException", f"Account {account.id} is not in the source root or OU that you specified.")
    account.parent_id = destination.id
    tell_listeners(cloud, AccountMoved(account.id, source.id, destination.id))


@operation("organizations", "CloseAccount")
def close_account(cloud: Cloud, call: Call) -> None:
    """It is closed some minutes later, and stays listed. AWS forgets it after 90 days."""
    _require_management(cloud, call)
    account = _account(cloud, call.params["AccountId"])
    if account.id == cloud.organization.management_id:
        raise AwsError("ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT: you can't close the management account.")
    if account.state == "PENDING_CLOSURE":
        raise AwsError("ConflictException", "The request to close this account is being processed.")
    if account.state == "CLOSED":
        raise AwsError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    account.state = account.status = "PENDING_CLOSURE"
    cloud.clock.later(_CLOSING, partial(_become, account, "CLOSED"))


def suspend(cloud: Cloud, account_id: str) -> None:
    """What AWS does to an account of whose payment or use it doubts: no API asks for it."""
    _become(_account(cloud, account_id), "SUSPENDED")


def _become(account: Any, new: str) -> None:
    """Of a closed account, Status tells that it is suspended."""
    account.state, account.status = new, "SUSPENDED"


@operation("organizations", "CreateOrganizationalUnit")
def create_organizational_unit(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_management(cloud, call)
    backend, parent, name = state(cloud), _parent(cloud, call.params["ParentId"]), call.params["Name"]
    tags = _checked_tags({}, call.params.get("Tags", []))
    if any(unit.parent_id == parent.id and unit.name == name for unit in backend.ou):
        raise AwsError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
    if len(units_above(cloud, parent.id)) == MOST_LEVELS_OF_UNITS:
        raise AwsError("ConstraintViolationException", f"OU_DEPTH_LIMIT_EXCEEDED: OUs can be nested {MOST_LEVELS_OF_UNITS} levels deep.")
    unit_id = backend.create_organizational_unit(ParentId=parent.id, Name=name)["OrganizationalUnit"]["Id"]
    unit = _parent(cloud, unit_id)
    unit.tags = tags
    return {"OrganizationalUnit": _described_unit(cloud, unit)}


@operation("organizations", "RegisterDelegatedAdministrator")
def register_delegated_administrator(cloud: Cloud, call: Call) -> None:
    _require_management(cloud, call)
    account, service_principal = _account(cloud, call.params["AccountId"]), call.params["ServicePrincipal"]
    if account.id == cloud.organization.management_id:
        raise AwsError("ConstraintViolationException", "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR: you can only designate a member account.")
    if service_principal not in {*FakeDelegatedAdministrator.SUPPORTED_SERVICES, *DELEGATIONS.values()}:
        raise Refused(f"{call.action} for {service_principal}: localaws delegates nothing of it, see localaws/organizations.py")
    if is_delegated(cloud, account.id, service_principal):
        raise AwsError("AccountAlreadyRegisteredException", "The provided account is already a delegated administrator for your organization.")
    delegate(cloud, account.id, service_principal)


@operation("organizations", "EnableAWSServiceAccess")
def enable_aws_service_access(cloud: Cloud, call: Call) -> None:
    _require_management(cloud, call)
    service_principal = call.params["ServicePrincipal"]
    if service_principal not in FakeServiceAccess.TRUSTED_SERVICES:
        raise Refused(f"{call.action} for {service_principal}: moto does not know whether AWS has it, see localaws/organizations.py")
    state(cloud).enable_aws_service_access(ServicePrincipal=service_principal)
