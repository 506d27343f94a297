"""Cost Explorer's cost allocation tags: which tag keys billing has learnt of, and which of them break down the organization's costs.

The payer, which is the management account, has them for the whole organization; Cost Explorer answers every other account as below. Billing learns
of a key up to 24 hours after it was first used [Billing User Guide, "Using user-defined cost allocation tags"]: here always 24 hours after, and of
keys on Studio's resources only. Tags of accounts are cost allocation tags under keys of their own, ``accountTag/ml:project``: none are known here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.paging import page

REGION = "us-east-1"
KNOWN_AFTER = 24 * 3600
PAGE = 100
"""Keys of a page: a request may ask for 1000 [botocore, CostAllocationTagsMaxResults], an answer holds 100 [CostAllocationTagList]."""


@dataclass
class Behaviour:
    """How Cost Explorer answers in one cloud: which keys it refuses, and what AWS's documentation leaves open."""

    unknown_keys: Literal["ValidationException", "Errors"] = "ValidationException"
    """An update that names keys billing has not learnt of. The API's reference has Errors[] for what fails of a request; public reports of requests
    in which no key was known all have a ValidationException. What becomes of the known ones beside them was not observed: here, nothing."""
    learns_from: Literal["use", "costs"] = "use"
    """The guide says that a key has to be applied to a resource. Some have only seen it come after the resource cost something: of Studio, an app."""
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Keys whose update fails beside the others', each with the Code and Message of its entry in Errors[]. AWS documents no codes."""


@dataclass
class TagKey:
    """What billing has of one key: since when it has been in use (virtual seconds), and its status, changed when."""

    used: float
    cost_something: float | None = None
    last_used: float = 0
    active: bool = False
    updated: datetime | None = None


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test or a demo changes its fields."""
    found: Behaviour = cloud.table("ce:Behaviour", "", "").setdefault("ce", Behaviour())
    return found


def note_use(cloud: Cloud, keys: Iterable[str], *, costs: bool) -> None:
    """These tag keys are on a resource now, on one that costs something or on one that does not."""
    table, now = _table(cloud), cloud.clock.now
    for key in keys:
        entry = table.setdefault(key, TagKey(used=now))
        entry.last_used = now
        if costs and entry.cost_something is None:
            entry.cost_something = now


def statuses(cloud: Cloud) -> dict[str, str]:
    """``Active`` or ``Inactive`` for each key that billing has learnt of by now."""
    return {key: _status(entry) for key, entry in _known(cloud).items()}


def _table(cloud: Cloud) -> dict[str, TagKey]:
    return cloud.table("ce:TagKey", cloud.organization.management_id, REGION)


def _known(cloud: Cloud) -> dict[str, TagKey]:
    """The keys that billing has learnt of by now."""
    costs = behaviour(cloud).learns_from == "costs"
    since = {key: entry.cost_something if costs else entry.used for key, entry in _table(cloud).items()}
    return {key: entry for key, entry in _table(cloud).items() if (first := since[key]) is not None and first + KNOWN_AFTER <= cloud.clock.now}


def _require_payer(cloud: Cloud, call: Call, doing: str) -> None:
    if call.region != REGION:
        raise AwsError("InvalidSignatureException", f"Credential should be scoped to a valid region, not '{call.region}'.")
    if call.account != cloud.organization.management_id:
        raise AwsError("AccessDeniedException", f"Failed to {doing}: Linked account doesn't have access to cost allocation tags.")


@operation("ce", "ListCostAllocationTags")
def list_cost_allocation_tags(cloud: Cloud, call: Call) -> dict[str, Any]:
    _require_payer(cloud, call, "list Cost Allocation Tags")
    asked = call.params
    found = [
        _described(key, entry)
        for key, entry in _known(cloud).items()
        if key in asked.get("TagKeys", [key])
        and asked.get("Status", _status(entry)) == _status(entry)
        and asked.get("Type", "UserDefined") == "UserDefined"
    ]
    shown, token = page(
        found,
        key=lambda tag: [tag["TagKey"]],
        scope=[call.operation, {name: value for name, value in sorted(asked.items()) if name not in ("NextToken", "MaxResults")}],
        size=min(asked.get("MaxResults", PAGE), PAGE),
        token=asked.get("NextToken"),
        wrong_token=AwsError("InvalidNextTokenException", "The pagination token is invalid. Try again without a pagination token."),
    )
    return {"CostAllocationTags": shown, **({"NextToken": token} if token else {})}


def _status(entry: TagKey) -> str:
    return "Active" if entry.active else "Inactive"


def _described(key: str, entry: TagKey) -> dict[str, str]:
    """LastUsedDate is a month, LastUpdatedDate is there once somebody has changed the status [botocore, CostAllocationTag]."""
    month = datetime.fromtimestamp(entry.last_used, UTC).strftime("%Y-%m-01T00:00:00Z")
    updated = {"LastUpdatedDate": entry.updated.strftime("%Y-%m-%dT%H:%M:%SZ")} if entry.updated else {}
    return {"TagKey": key, "Type": "UserDefined", "Status": _status(entry), "LastUsedDate": month, **updated}


@operation("ce", "UpdateCostAllocationTagsStatus")
def update_cost_allocation_tags_status(cloud: Cloud, call: Call) -> dict[str, Any]:
    """The status counts at once; AWS's reports follow up to 24 hours later, and there are none here. The same status again has no effect."""
    doing = "update Cost Allocation Tag"
    _require_payer(cloud, call, doing)
    wanted = {entry["TagKey"]: entry["Status"] == "Active" for entry in call.params["CostAllocationTagsStatus"]}
    known, settings = _known(cloud), behaviour(cloud)
    unknown = [key for key in wanted if key not in known]
    if unknown and settings.unknown_keys == "ValidationException":
        raise AwsError("ValidationException", f"Failed to {doing}: Tag keys not found: {','.join(unknown)}")
    refused = {key: ("ValidationException", f"Tag keys not found: {key}") for key in unknown}
    refused |= {key: answer for key, answer in settings.refused.items() if key in wanted and key in known}
    for key, active in wanted.items():
        if key not in refused and known[key].active is not active:
            known[key].active, known[key].updated = active, cloud.clock.datetime()
    return {"Errors": [{"TagKey": key, "Code": code, "Message": message} for key, (code, message) in refused.items()]}
