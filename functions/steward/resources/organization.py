"""The tree of the organization: all accounts that lie in some units, however deep. One reader a run: Organizations answers few calls a second."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from steward.resources.accounts import Account, parents

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


def accounts_in_units(organizations: "OrganizationsClient", unit_ids: Iterable[str]) -> tuple[Account, ...]:
    """Each account once, by its id, also where one of the units lies in another. `unit_ids` of an account are all the units above it.

    Costs a page of ListAccountsForParent and one of ListOrganizationalUnitsForParent for each unit, 20 a page, and ListParents up to the root for
    each of `unit_ids`.
    """
    found: dict[str, Account] = {}
    for unit_id in unit_ids:
        above = frozenset(parent for parent in parents(organizations, unit_id) if parent.startswith("ou-"))
        for account in _accounts_below(organizations, unit_id, above):
            found[account.account_id] = account
    return tuple(found[account_id] for account_id in sorted(found))


def _accounts_below(organizations: "OrganizationsClient", unit_id: str, above: frozenset[str]) -> Iterator[Account]:
    path = above | {unit_id}
    for page in organizations.get_paginator("list_accounts_for_parent").paginate(ParentId=unit_id):
        for account in page["Accounts"]:
            is_active = (account.get("State") or account.get("Status")) == "ACTIVE"
            yield Account(account["Id"], account["Arn"], is_active, path)
    for units in organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=unit_id):
        for unit in units["OrganizationalUnits"]:
            yield from _accounts_below(organizations, unit["Id"], path)
