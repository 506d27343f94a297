"""Enable the portfolio, associate and release roles, and tag domains, as DecideEnablement has decided, unless a brake holds."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from steward.changes import Change, Finding, Report
from steward.observability import logger
from steward.resources.accounts import describe_account, member_session
from steward.resources.catalog import Portfolio, associate_role, enable_templates, find_portfolio, release_role
from steward.resources.clients import MemberSession, hub_client
from steward.resources.domains import describe_domain
from steward.resources.records import Place
from steward.resources.studio import went_meanwhile
from steward.resources.tags import add_tags
from steward.rules.access import PRINCIPAL
from steward.settings import TemplateEnablementSettings
from steward.targets import TemplateScope
from steward.template_access import portfolio_is_full, role_not_released, role_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_servicecatalog import ServiceCatalogClient

TAG = "tag:"
REFUSED, NOT_FOUND, FULL = "InvalidParametersException", "ResourceNotFoundException", "LimitExceededException"
"""What Service Catalog answers for a role that is not there, and for one too many. Throttling has other names."""


class DecidedEnablement(TemplateScope):
    """`report` is DecideEnablement's answer, with a change at least."""

    report: Report


@logger.inject_lambda_context
@event_parser(model=DecidedEnablement)
def handler(decided: DecidedEnablement, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = TemplateEnablementSettings.from_env()
    enter = partial(member_session, hub_client("sts"), decided.account_id, decided.region, settings.member_role_name, session_name=decided.event_id)
    report = apply_enablement(decided, settings, hub_client("organizations"), hub_client("dynamodb"), enter)
    logger.info("applied templates", outcome=report.outcome, dry_run=report.dry_run, changes=len(report.changes))
    return report.as_output()


def apply_enablement(
    decided: DecidedEnablement,
    settings: TemplateEnablementSettings,
    organizations: "OrganizationsClient",
    dynamodb: "DynamoDBClient",
    enter: Callable[[], MemberSession],
) -> Report:
    """Run again after a cut, it does the same again, and answers the same changes, which are then announced.

    Whether we may write is asked once more: an execution can be redriven days after its decision, and brakes are pulled at any time.
    """
    report, is_first = decided.report, decided.report.outcome == "PortfolioToEnable"
    account = describe_account(organizations, decided.account_id)
    if account is None or not (account.is_active and account.unit_ids & settings.ml_unit_ids) or settings.brakes.hold(account.unit_ids):
        return replace(report, dry_run=True, outcome="TemplateAccessChanged" if is_first else report.outcome)
    member = enter()
    if is_first:
        enable_templates(member.client("sagemaker"))
        return report
    place = Place(dynamodb, settings.records_table, decided.account_id, decided.region)
    hand = Hand(place, member.client("sagemaker"), member.client("servicecatalog"))
    return hand.apply(report, something_was_done=decided.something_was_done)


@dataclass(frozen=True)
class Work:
    """What became of the changes: those that are `done`, and those that Service Catalog `refused`, with its error."""

    done: dict[Change, None] = field(default_factory=dict)
    refused: dict[Change, ClientError] = field(default_factory=dict)

    def file(self, change: Change, refusal: ClientError | None) -> None:
        if refusal is None:
            self.done[change] = None
        else:
            self.refused[change] = refusal

    def undo(self, change: Change, refusal: ClientError | None) -> None:
        """What could not be undone stays done."""
        if refusal is None:
            del self.done[change]


@dataclass(frozen=True)
class Hand:
    """What writes in one account and Region."""

    place: Place
    sagemaker: "SageMakerClient"
    servicecatalog: "ServiceCatalogClient"

    def apply(self, report: Report, *, something_was_done: bool) -> Report:
        """What could not be done, or had to be taken back, is left out of the changes that are answered.

        Where something was done and the rest fails, the answer is what was done, so that it is told, and `MoreToDo`: whoever decides once more finds
        the rest, and meets what failed.
        """
        work = Work()
        try:
            self._write(report.changes, work)
        except (ClientError, BotoCoreError) as error:
            if not work.done:
                raise
            logger.warning("applied some of it", done=len(work.done), error=str(error))
            return replace(report, outcome="MoreToDo", changes=tuple(work.done), findings=())
        outcome = _outcome(report.outcome, work.refused.values(), something_was_done=bool(work.done) or something_was_done)
        return replace(report, outcome=outcome, changes=tuple(work.done), findings=(*report.findings, *_findings(work.refused)))

    def _write(self, changes: Collection[Change], work: Work) -> None:
        """Releases first: they make room. Only what is recorded as ours still: else it is released already, and whoever associated it since are
        others."""
        releases = [change for change in changes if _is_of_principal(change) and change.after is None]
        ours = self.place.read().principals if releases else frozenset()
        for change in releases:
            if _role_of(change) in ours:
                self._release(change, partial(work.file, change))
            else:
                work.file(change, None)
        for change in changes:
            if _is_of_principal(change) and change.after is not None:
                work.file(change, self._associate(change))
        self._take_back(work)
        for change in changes:
            if change.field.startswith(TAG) and self._tag(change):
                work.file(change, None)

    def _release(self, change: Change, file: Callable[[ClientError | None], None]) -> None:
        """A role that is not associated any more is as well. What Service Catalog does not release stays ours. It is filed before it is forgotten, so
        that it is told even where the table does not take that."""
        try:
            release_role(self.servicecatalog, Portfolio(change.resource), _role_of(change))
        except ClientError as error:
            if error.response["Error"]["Code"] == REFUSED:
                file(error)
                return
            if error.response["Error"]["Code"] != NOT_FOUND:
                raise
        file(None)
        self.place.delete_principal(_role_of(change))

    def _take_back(self, work: Work) -> None:
        """Somebody may have come to use a released role since we decided, and have found it associated; the last user of one that we associated may
        have gone, and nobody found anything to release. Uses are recorded before anybody asks what is associated, so that they are seen now
        (docs/decisions/0008)."""
        used = set(self.place.read().uses.values()) if work.done else set()
        for change in list(work.done):
            is_used = _role_of(change) in used
            if change.after is None and is_used:
                work.undo(change, self._associate(change))
            elif change.after is not None and not is_used:
                self._release(change, partial(work.undo, change))

    def _associate(self, change: Change) -> ClientError | None:
        """Recorded first, as ours; what Service Catalog refused is not ours."""
        self.place.put_principal(_role_of(change))
        try:
            associate_role(self.servicecatalog, Portfolio(change.resource), _role_of(change))
        except ClientError as error:
            if not self._is_refusal(error, Portfolio(change.resource)):
                raise
            self.place.delete_principal(_role_of(change))
            return error
        return None

    def _is_refusal(self, error: ClientError, portfolio: Portfolio) -> bool:
        """How a role that is not there is refused is not documented: where the portfolio itself is there, it is the role that was not found."""
        code = error.response["Error"]["Code"]
        return code in {REFUSED, FULL} or (code == NOT_FOUND and find_portfolio(self.servicecatalog) == portfolio)

    def _tag(self, change: Change) -> bool:
        """Whether it was written; False where the domain is gone."""
        domain_id, tags = change.resource.rsplit("/", 1)[1], {change.field.removeprefix(TAG): change.after or ""}
        self.place.put_domain_tags(domain_id, tags)
        try:
            add_tags(self.sagemaker, change.resource, tags)
        except ClientError as error:
            if not went_meanwhile(error, lambda: describe_domain(self.sagemaker, domain_id)):
                raise
            self.place.delete_domain_tags(domain_id, *tags)
            return False
        return True


def _is_of_principal(change: Change) -> bool:
    return change.field.startswith(PRINCIPAL)


def _role_of(change: Change) -> str:
    return change.field.removeprefix(PRINCIPAL)


def _is_full(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == FULL


def _outcome(decided: str, refusals: Collection[ClientError], *, something_was_done: bool) -> str:
    if decided == "PortfolioFull" or any(map(_is_full, refusals)):
        return "PortfolioFull"
    if refusals:
        return "RolesRefused"
    return decided if something_was_done else "NothingToDo"


def _findings(refused: Mapping[Change, ClientError]) -> Iterator[Finding]:
    """One for each portfolio that is full, and one for each role that was refused."""
    full = [change for change, error in refused.items() if _is_full(error)]
    if full:
        yield portfolio_is_full(full[0].resource, [_role_of(change) for change in full])
    for change, error in refused.items():
        if not _is_full(error):
            tell = role_not_released if change.after is None else role_refused
            yield tell(_role_of(change), error.response["Error"].get("Message", ""))
