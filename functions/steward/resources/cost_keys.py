"""Cost allocation tags of the payer account: which keys billing knows, and activating them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ce import CostExplorerClient

BILLING_REGION = "us-east-1"
"""Cost Explorer has this one endpoint in the commercial partition."""

MOST_KEYS_OF_A_CALL = 20


@dataclass(frozen=True)
class RefusedKey:
    """One key that was not activated, in Cost Explorer's own words."""

    key: str
    code: str
    message: str


def known_keys(cost_explorer: "CostExplorerClient", keys: Sequence[str]) -> dict[str, bool]:
    """Those of the keys, 100 at most, that billing has learnt of, and whether each is active."""
    pages = cost_explorer.get_paginator("list_cost_allocation_tags").paginate(TagKeys=list(keys), Type="UserDefined")
    return {tag["TagKey"]: tag["Status"] == "Active" for page in pages for tag in page["CostAllocationTags"]}


def activate(cost_explorer: "CostExplorerClient", keys: Sequence[str]) -> tuple[RefusedKey, ...]:
    """Activates keys; those refused are answered, since such a call fails in part and with HTTP 200. An active key stays as it is.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_UpdateCostAllocationTagsStatus.html
    """
    refused: list[RefusedKey] = []
    for first in range(0, len(keys), MOST_KEYS_OF_A_CALL):
        batch = keys[first : first + MOST_KEYS_OF_A_CALL]
        answer = cost_explorer.update_cost_allocation_tags_status(CostAllocationTagsStatus=[{"TagKey": key, "Status": "Active"} for key in batch])
        refused += (RefusedKey(error["TagKey"], error.get("Code", ""), error.get("Message", "")) for error in answer.get("Errors", []))
    return tuple(refused)
