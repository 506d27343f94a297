"""Write the domain's settings that DecideSetup has decided on, unless a brake holds or somebody will not have them: one UpdateDomain, or none."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.attachment import is_publication, publish
from steward.changes import Change, Finding, Report
from steward.observability import logger
from steward.resources.accounts import describe_account, member_session
from steward.resources.clients import hub_client
from steward.resources.corrections import CORRECTIONS_A_DAY, may_correct
from steward.resources.domains import Domain, describe_domain, update_domain
from steward.resources.studio import Stage
from steward.rules.idle_settings import value_at, with_values
from steward.settings import UpdateSettingsSettings
from steward.setups import is_of_settings, path_of, value_of
from steward.targets import DomainTarget

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient


class DecidedSetup(DomainTarget):
    """`report` and `seen` are DecideSetup's answer. `is_updated`: this execution has had UpdateDomain's answer already, and waits for the outcome."""

    report: Report
    seen: str
    is_updated: bool


@logger.inject_lambda_context
@event_parser(model=DecidedSetup)
def handler(decided: DecidedSetup, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = UpdateSettingsSettings.from_env()
    enter = partial(member_session, hub_client("sts"), decided.account_id, decided.region, settings.member_role_name, session_name=decided.event_id)
    report = update_settings(decided, settings, hub_client("organizations"), hub_client("dynamodb"), lambda: enter().client("sagemaker"))
    logger.info("updated settings", outcome=report.outcome, dry_run=report.dry_run, changes=len(report.changes))
    return report.as_output()


def update_settings(
    decided: DecidedSetup,
    settings: UpdateSettingsSettings,
    organizations: "OrganizationsClient",
    dynamodb: "DynamoDBClient",
    sagemaker_of_member: Callable[[], "SageMakerClient"],
) -> Report:
    """The report, its changes those of the domain's settings alone, once they are as decided and the domain is in service.

    What it was told is compared with what is there by now, so that whoever was cut off after UpdateDomain waits for it and makes no second one. Until
    then the outcome is `SettingsUpdating` after our own UpdateDomain, or `DomainBusy` while somebody else's change is under way: ask again. After
    such a change it is `DomainChanged`: it may have brought a role that cannot bear what was decided, so decide anew.
    `UpdateFailed` is the end: since the decision an update has failed, which may have been ours.
    """
    report = decided.report
    account = describe_account(organizations, decided.account_id)
    if account is None or not (account.is_active and account.unit_ids & settings.ml_unit_ids) or settings.brakes.hold(account.unit_ids):
        return replace(report, dry_run=True)
    sagemaker = sagemaker_of_member()
    domain = describe_domain(sagemaker, decided.domain_id)
    if domain is None or domain.stage is Stage.LEAVING:
        return replace(report, outcome="DomainGone", changes=(), findings=())
    return _of_domain(decided, domain, sagemaker, lambda: _may(decided, settings, dynamodb, domain))


def _of_domain(decided: DecidedSetup, domain: Domain, sagemaker: "SageMakerClient", may: Callable[[], bool]) -> Report:
    report = decided.report
    if domain.stage is Stage.COMING:
        return replace(report, outcome="SettingsUpdating" if decided.is_updated else "DomainBusy", changes=())
    if domain.status != "InService" and domain.last_modified.isoformat() != decided.seen:
        return replace(report, outcome="UpdateFailed", changes=(), findings=(_failed(domain),))
    changes = tuple(change for change in report.changes if is_of_settings(change, domain.arn))
    return _write(decided, domain, sagemaker, changes, may)


def _write(decided: DecidedSetup, domain: Domain, sagemaker: "SageMakerClient", changes: tuple[Change, ...], may: Callable[[], bool]) -> Report:
    """A lifecycle configuration is made before the domain names it. One that came to be something else since the decision is decided on anew."""
    report = decided.report
    to_publish = () if decided.is_updated else tuple(filter(is_publication, changes))
    left = tuple(change for change in changes if not is_publication(change) and _present(domain, change) != value_of(change))
    if left and not decided.is_updated and domain.last_modified.isoformat() != decided.seen:
        return replace(report, outcome="DomainChanged", changes=())
    if left and (decided.is_updated or not may()):
        return replace(report, outcome="SettingsContested", changes=(), findings=(*report.findings, _contested(decided.writer, domain, left)))
    if not publish(sagemaker, to_publish):
        return replace(report, outcome="DomainChanged", changes=())
    if not left:
        return replace(report, changes=changes)
    is_asked_for = update_domain(sagemaker, decided.domain_id, **_request(domain, left))
    return replace(report, outcome="SettingsUpdating" if is_asked_for else "DomainBusy", changes=())


def _may(decided: DecidedSetup, settings: UpdateSettingsSettings, dynamodb: "DynamoDBClient", domain: Domain) -> bool:
    if decided.writer is None:
        return True
    identity = {"event_id": decided.event_id, "event_time": decided.event_time}
    return may_correct(dynamodb, settings.corrections_table, domain.arn, decided.writer, **identity)


def _structures(domain: Domain) -> dict[str, Any]:
    """What UpdateDomain takes of what DescribeDomain gives, as far as we change it."""
    return {
        "TagPropagation": "ENABLED" if domain.propagates_tags else "DISABLED",
        "DefaultUserSettings": domain.default_user_settings,
        "DefaultSpaceSettings": domain.default_space_settings or {},
    }


def _present(domain: Domain, change: Change) -> str | int | None:
    return value_at(_structures(domain), path_of(change))


def _request(domain: Domain, left: tuple[Change, ...]) -> dict[str, Any]:
    """Each structure in which something is left to set, whole as it was read."""
    request: dict[str, Any] = {}
    for root in {path_of(change)[0] for change in left}:
        values = {path_of(change)[1:]: value_of(change) for change in left if path_of(change)[0] == root}
        whole = _structures(domain)[root]
        request[root] = values[()] if () in values else with_values(whole, values)
    return request


def _failed(domain: Domain) -> Finding:
    message = f"domain {domain.domain_id} is {domain.status}. SageMaker says: {domain.failure_reason or 'nothing'}"
    return Finding("DomainUpdateFailed", domain.arn, message)


def _contested(writer: str | None, domain: Domain, left: tuple[Change, ...]) -> Finding:
    values = "; ".join(f"{change.field} is {change.before or 'missing'}, not {change.after}" for change in left)
    why = (
        f"Settings of domain {domain.domain_id} differ again, after {CORRECTIONS_A_DAY} corrections on one day (UTC) of what {writer} did"
        if writer
        else f"Settings of domain {domain.domain_id} were set back while we waited for our update"
    )
    message = (
        f"{why}: {values}. They stay so until the next reconciliation, or until another writer updates the domain. Have whoever writes them leave "
        "these settings alone, or write the same values."
    )
    return Finding("SettingsContested", domain.arn, message)
