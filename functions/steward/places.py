"""Where is there to look? Accounts of ours by Regions in use, for sweeps: the only code that asks Organizations for all of them."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.utilities.parser import BaseModel
from pydantic import Field

from steward.resources.accounts import Account, account_tags, describe_account
from steward.resources.objects import put_json
from steward.resources.organization import accounts_in_units
from steward.sweeps import Place

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_s3 import S3Client


class PlacesRequest(BaseModel):
    """`run` is the execution's name; `account_id` is given where it was started by hand for one account."""

    run: str
    account_id: str | None = Field(default=None, pattern=r"^[0-9]{12}$")


class PlacesSettings(Protocol):
    """What listing needs of a function's settings. `bucket` is where the places are written."""

    @property
    def ml_unit_ids(self) -> frozenset[str]: ...
    @property
    def regions(self) -> tuple[str, ...]: ...
    @property
    def account_tag_keys(self) -> tuple[str, ...]: ...
    @property
    def bucket(self) -> str: ...
    def hold(self, unit_ids: Set[str]) -> bool:
        """May nothing be written in an account that lies in these units?"""


@dataclass(frozen=True)
class Listed:
    """The accounts to look into, and the outcome where there is none. `not_active`: the ids of those of ours that are suspended, or being closed."""

    accounts: tuple[Account, ...]
    not_active: tuple[str, ...] = ()
    outcome: str = field(default="NothingToDo")


def list_places(request: PlacesRequest, settings: PlacesSettings, organizations: "OrganizationsClient", s3: "S3Client") -> dict[str, Any]:
    """``{outcome, accounts, not_active, not_active_accounts, places, places_key}``: `places` items, an account in a Region each, lie under
    `places_key` in the bucket. Accounts that are not active are counted and named, and there is no place of theirs.
    """
    listed = _list(request.account_id, settings, organizations)
    places = [place for account in listed.accounts for place in _places(account, settings, account_tags(organizations, account.account_id))]
    key = f"runs/{request.run}/places.json"
    put_json(s3, settings.bucket, key, [place.model_dump(mode="json") for place in places])
    return {
        "outcome": listed.outcome,
        "accounts": len(listed.accounts),
        "not_active": len(listed.not_active),
        "not_active_accounts": list(listed.not_active),
        "places": len(places),
        "places_key": key,
    }


def _list(account_id: str | None, settings: PlacesSettings, organizations: "OrganizationsClient") -> Listed:
    if account_id is None:
        accounts = accounts_in_units(organizations, settings.ml_unit_ids)
        active = tuple(account for account in accounts if account.is_active)
        return Listed(active, tuple(account.account_id for account in accounts if not account.is_active))
    account = describe_account(organizations, account_id)
    if account is None or not account.unit_ids & settings.ml_unit_ids:
        return Listed((), outcome="AccountOutOfScope")
    return Listed((account,)) if account.is_active else Listed((), (account_id,), "AccountNotActive")


def _places(account: Account, settings: PlacesSettings, tags: dict[str, str]) -> Iterable[Place]:
    ours = {key: tags[key] for key in settings.account_tag_keys if key in tags}
    held = settings.hold(account.unit_ids)
    for region in settings.regions:
        yield Place(account_id=account.account_id, account_arn=account.arn, region=region, account_tags=ours, held=held)
