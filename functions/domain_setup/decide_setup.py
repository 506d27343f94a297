"""What does this domain lack, and why? Reads only; what is decided here is written by UpdateSettings and CorrectOne."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.attachment import Reporter, is_silent, read_reporter
from steward.changes import Report
from steward.observability import logger
from steward.resources.accounts import account_tags, describe_account, member_session
from steward.resources.clients import hub_client
from steward.resources.domains import Domain, describe_domain
from steward.resources.records import Records, read_records
from steward.resources.studio import Stage, went_meanwhile
from steward.resources.studios import Studio, read_studio_of
from steward.resources.tags import read_tags, read_tags_of
from steward.rules.tags import differ
from steward.scope import out_of_scope
from steward.settings import DecideSetupSettings
from steward.setups import Facts, ask_role, decide_setup, domain_failed, is_of_settings, tags_to_come
from steward.targets import DomainTarget

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

ClientOf = Callable[[str], Any]
"""A client of a service, in the member account and Region."""


@logger.inject_lambda_context
@event_parser(model=DomainTarget)
def handler(target: DomainTarget, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = DecideSetupSettings.from_env()
    enter = partial(member_session, hub_client("sts"), target.account_id, target.region, settings.member_role_name, session_name=target.event_id)
    records = partial(read_records, hub_client("dynamodb"), settings.records_table, target.account_id, target.region)
    answer = decide(target, settings, hub_client("organizations"), records, lambda: enter().client)
    logger.info("decided on a domain", outcome=answer["report"]["outcome"], changes=len(answer["report"]["changes"]))
    return answer


def decide(
    target: DomainTarget,
    settings: DecideSetupSettings,
    organizations: "OrganizationsClient",
    records: Callable[[], Records],
    enter: Callable[[], ClientOf],
) -> dict[str, Any]:
    """``{report, seen, rest}``: `seen` is when the domain last changed, by which a later update of it is known, and `rest` are the changes that come
    after the domain's settings, ``{"changes": …}`` for each thing that is changed by itself.

    `NotInServiceYet` means: ask again later; every other outcome is the end, once its changes are applied.
    """
    account = describe_account(organizations, target.account_id)
    if account is None or not account.unit_ids & settings.ml_unit_ids:
        return _answer(Report("AccountOutOfScope", settings.brakes.hold(frozenset()), findings=(out_of_scope(target.account_id),)))
    end = partial(Report, dry_run=settings.brakes.hold(account.unit_ids))
    if not account.is_active:
        return _answer(end("AccountNotActive"))
    client_of = enter()
    sagemaker = client_of("sagemaker")
    domain = describe_domain(sagemaker, target.domain_id)
    early = _before_it_is_looked_at(domain)
    if domain is None or early:
        return _answer(end(early, findings=(domain_failed(domain),) if domain and early == "DomainFailed" else ()))
    try:
        facts = _facts(target, settings, client_of, domain, account_tags(organizations, target.account_id), records)
    except ClientError as error:
        if went_meanwhile(error, lambda: describe_domain(sagemaker, target.domain_id)):
            return _answer(end("DomainGone"))
        raise
    setup = decide_setup(facts, settings.policy)
    outcome = "ForeignDomain" if setup.is_reported else "DomainSetUp" if setup.changes else "NothingToDo"
    return _answer(end(outcome, changes=setup.changes, findings=setup.findings), domain)


def _before_it_is_looked_at(domain: Domain | None) -> str:
    """The outcome, where it is known already: of a domain that is not there, or not yet, or not ours to look after."""
    if domain is None or domain.stage is Stage.LEAVING:
        return "DomainGone"
    if domain.stage is Stage.COMING:
        return "NotInServiceYet"
    if domain.is_of_unified_studio:
        return "UnifiedStudioDomain"
    return "DomainFailed" if domain.stage is Stage.BROKEN else ""


def _facts(
    target: DomainTarget,
    settings: DecideSetupSettings,
    client_of: ClientOf,
    domain: Domain,
    tags_of_account: Mapping[str, str],
    records: Callable[[], Records],
) -> Facts:
    """Everything, each thing once. What the tagging API does not know is asked of SageMaker, and records only where domain and account differ."""
    sagemaker, iam = client_of("sagemaker"), client_of("iam")
    domain_tags = read_tags(sagemaker, domain.arn)
    studio = read_studio_of(sagemaker, domain)
    tags = _tags(studio, client_of) | {domain.arn: domain_tags}
    added = tags_to_come(studio, tags, tags_of_account, settings.policy)
    return Facts(
        studio=studio,
        tags=tags,
        roles={role: ask_role(iam, role, target.region, added) for role in sorted(studio.execution_roles)},
        account_tags=tags_of_account,
        reporter=_reporter(studio, client_of) if settings.policy.attaches_reporter else None,
        copied=records().copies_on(domain.domain_id) if differ(domain_tags, tags_of_account, settings.policy.account_keys) else {},
    )


def _reporter(studio: Studio, client_of: ClientOf) -> Reporter:
    reporter, iam = read_reporter(client_of("sagemaker"), studio.domain), client_of("iam")
    return replace(reporter, silent=tuple(role for role in sorted(studio.execution_roles) if is_silent(iam, role, studio.domain)))


def _tags(studio: Studio, client_of: ClientOf) -> dict[str, dict[str, str]]:
    arns = [one.arn for one in (*studio.profiles, *studio.spaces)]
    known = read_tags_of(client_of("resourcegroupstaggingapi"), arns)
    return known | {arn: read_tags(client_of("sagemaker"), arn) for arn in arns if arn not in known}


def _answer(report: Report, domain: Domain | None = None) -> dict[str, Any]:
    if domain is None:
        return {"report": report.as_output(), "seen": "", "rest": []}
    rest = [change for change in report.changes if not is_of_settings(change, domain.arn)]
    calls = [{"changes": [asdict(change) for change in changes]} for _, changes in groupby(rest, key=lambda change: change.resource)]
    return {"report": report.as_output(), "seen": domain.last_modified.isoformat(), "rest": calls}
