"""The tree of the organization, walked: which calls, and which accounts come of them."""

from typing import Any

from steward.resources.accounts import Account
from steward.resources.organization import accounts_in_units

ML, DEV, ROOT = "ou-root-ml000000", "ou-root-dev00000", "r-root"


def account(account_id: str, **state: str) -> dict[str, Any]:
    return {"Id": account_id, "Arn": f"arn:aws:organizations::111111111111:account/o-steward0001/{account_id}", **state}


class Tree:
    def __init__(self, scripted: Any):
        self.organizations, self.script = scripted.client("organizations")

    def parent(self, child: str, parent: str) -> None:
        kind = "ROOT" if parent.startswith("r-") else "ORGANIZATIONAL_UNIT"
        self.script.add_response("list_parents", {"Parents": [{"Id": parent, "Type": kind}]}, {"ChildId": child})

    def unit(self, unit_id: str, accounts: list[dict[str, Any]], units: tuple[str, ...] = ()) -> None:
        pages = [accounts[:1], accounts[1:]] if len(accounts) > 1 else [accounts]
        for number, page in enumerate(pages):
            token = {"NextToken": "more"} if number < len(pages) - 1 else {}
            asked = {"ParentId": unit_id} | ({"NextToken": "more"} if number else {})
            self.script.add_response("list_accounts_for_parent", {"Accounts": page, **token}, asked)
        self.script.add_response(
            "list_organizational_units_for_parent", {"OrganizationalUnits": [{"Id": one} for one in units]}, {"ParentId": unit_id}
        )


def test_accounts_of_nested_units_are_found_with_all_units_above_them(scripted: Any) -> None:
    tree = Tree(scripted)
    tree.parent(ML, "ou-root-work0000")
    tree.parent("ou-root-work0000", ROOT)
    tree.script.add_response("list_accounts_for_parent", {"Accounts": []}, {"ParentId": ML})
    tree.script.add_response("list_organizational_units_for_parent", {"OrganizationalUnits": [{"Id": DEV}]}, {"ParentId": ML})
    tree.unit(DEV, [account("555555555555", State="ACTIVE", Status="SUSPENDED"), account("444444444444", Status="ACTIVE")])
    found = accounts_in_units(tree.organizations, [ML])
    assert [(one.account_id, one.is_active) for one in found] == [("444444444444", True), ("555555555555", True)]
    assert {one.unit_ids for one in found} == {frozenset({"ou-root-work0000", ML, DEV})}


def test_an_account_under_two_of_the_units_is_one_and_a_suspended_one_is_not_active(scripted: Any) -> None:
    tree = Tree(scripted)
    tree.parent(ML, ROOT)
    tree.unit(ML, [], (DEV,))
    tree.unit(DEV, [account("444444444444", State="SUSPENDED")])
    tree.parent(DEV, ML)
    tree.parent(ML, ROOT)
    tree.unit(DEV, [account("444444444444", State="SUSPENDED")])
    arn = "arn:aws:organizations::111111111111:account/o-steward0001/444444444444"
    assert accounts_in_units(tree.organizations, [ML, DEV]) == (Account("444444444444", arn, is_active=False, unit_ids=frozenset({ML, DEV})),)
