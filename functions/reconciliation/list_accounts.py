"""Which accounts are ours, and in which Regions is there to look? The only step that asks Organizations: it answers few calls a second."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from steward.observability import logger
from steward.resources.accounts import Account, account_tags, describe_account
from steward.resources.clients import hub_client
from steward.resources.objects import put_json
from steward.resources.organization import accounts_in_units
from steward.settings import ListAccountsSettings
from steward.sweeps import Place

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_s3 import S3Client


class ListAccountsRequest(BaseModel):
    """`run` is the execution's name; `account_id` is given where it was started by hand for one account."""

    run: str
    account_id: str | None = Field(default=None, pattern=r"^[0-9]{12}$")


@dataclass(frozen=True)
class Listed:
    """The accounts to look into, and the outcome where there is none. `not_active`: accounts of ours that are suspended, or being closed."""

    accounts: tuple[Account, ...]
    not_active: int = 0
    outcome: str = field(default="NothingToDo")


@logger.inject_lambda_context
@event_parser(model=ListAccountsRequest)
def handler(request: ListAccountsRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = ListAccountsSettings.from_env()
    answer = list_accounts(request, settings, hub_client("organizations"), hub_client("s3"))
    logger.info("listed accounts", accounts=answer["accounts"], places=answer["places"])
    return answer


def list_accounts(
    request: ListAccountsRequest, settings: ListAccountsSettings, organizations: "OrganizationsClient", s3: "S3Client"
) -> dict[str, Any]:
    """``{outcome, accounts, not_active, places, places_key}``: `places` items, an account in a Region each, lie under `places_key` in the bucket."""
    listed = _list(request.account_id, settings, organizations)
    places = [place for account in listed.accounts for place in _places(account, settings, account_tags(organizations, account.account_id))]
    key = f"runs/{request.run}/places.json"
    put_json(s3, settings.bucket, key, [place.model_dump(mode="json") for place in places])
    return {
        "outcome": listed.outcome,
        "accounts": len(listed.accounts),
        "not_active": listed.not_active,
        "places": len(places),
        "places_key": key,
    }


def _list(account_id: str | None, settings: ListAccountsSettings, organizations: "OrganizationsClient") -> Listed:
    if account_id is None:
        accounts = accounts_in_units(organizations, settings.ml_unit_ids)
        active = tuple(account for account in accounts if account.is_active)
        return Listed(active, len(accounts) - len(active))
    account = describe_account(organizations, account_id)
    if account is None or not account.unit_ids & settings.ml_unit_ids:
        return Listed((), outcome="AccountOutOfScope")
    return Listed((account,)) if account.is_active else Listed((), 1, "AccountNotActive")


def _places(account: Account, settings: ListAccountsSettings, tags: dict[str, str]) -> Iterable[Place]:
    ours = {key: tags[key] for key in settings.account_tag_keys if key in tags}
    held = settings.brakes.hold(account.unit_ids)
    for region in settings.regions:
        yield Place(account_id=account.account_id, account_arn=account.arn, region=region, account_tags=ours, held=held)
