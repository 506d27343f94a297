"""Which cost tags does this user profile or space lack, and why? Reads only; what is decided here is written by ApplyTags."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.changes import Change, Finding, Report
from steward.cost_tags import broken, user_of, what_is_unknown
from steward.observability import logger
from steward.resources.accounts import Account, account_tags, describe_account, member_session
from steward.resources.apps import Owner, running_apps
from steward.resources.clients import hub_client
from steward.resources.domains import Domain, describe_domain
from steward.resources.profiles import UserProfile, describe_user_profile
from steward.resources.records import Records, read_records
from steward.resources.spaces import Space
from steward.resources.studio import Stage, went_meanwhile
from steward.resources.tags import read_tags
from steward.rules.tags import Decision, decide_cost_tags, differ
from steward.scope import out_of_scope
from steward.settings import DecideTagsSettings
from steward.targets import Target

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient


@logger.inject_lambda_context
@event_parser(model=Target)
def handler(target: Target, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = DecideTagsSettings.from_env()
    enter = partial(member_session, hub_client("sts"), target.account_id, target.region, settings.member_role_name, session_name=target.event_id)
    records = partial(read_records, hub_client("dynamodb"), settings.records_table, target.account_id, target.region)
    report = decide_tags(target, settings, hub_client("organizations"), records, lambda: enter().client("sagemaker"))
    logger.info("decided on tags", outcome=report.outcome, changes=len(report.changes), findings=len(report.findings))
    return report.as_output()


def decide_tags(
    target: Target,
    settings: DecideTagsSettings,
    organizations: "OrganizationsClient",
    records: Callable[[], Records],
    sagemaker_of_member: Callable[[], "SageMakerClient"],
) -> Report:
    """`NotInServiceYet` means: ask again later; every other outcome is the end, once its changes are applied.

    The member account is entered only when it is one of ours: where our role was never planted, asking for it would look like a fault.
    """
    account = describe_account(organizations, target.account_id)
    if account is None or not account.unit_ids & settings.ml_unit_ids:
        return Report("AccountOutOfScope", settings.brakes.hold(frozenset()), findings=(out_of_scope(target.account_id),))
    end = partial(Report, dry_run=settings.brakes.hold(account.unit_ids))
    if not account.is_active:
        return end("AccountNotActive")
    sagemaker = sagemaker_of_member()
    try:
        return _decide_inside(target, settings, account, partial(account_tags, organizations, target.account_id), records, sagemaker)
    except ClientError as error:
        if went_meanwhile(error, lambda: target.describe(sagemaker)):
            return end(target.ends.gone)
        raise


def _decide_inside(
    target: Target,
    settings: DecideTagsSettings,
    account: Account,
    tags_of_account: Callable[[], dict[str, str]],
    records: Callable[[], Records],
    sagemaker: "SageMakerClient",
) -> Report:
    """The cheapest questions first: a profile is looked at many times while it is pending, and its tags once."""
    end = partial(Report, dry_run=settings.brakes.hold(account.unit_ids))
    resource = target.describe(sagemaker)
    if resource is None or resource.stage is Stage.LEAVING:
        return end(target.ends.gone)
    if resource.stage is Stage.COMING:
        return end("NotInServiceYet")
    domain = describe_domain(sagemaker, target.domain_id)
    if domain is None:
        return end(target.ends.gone)
    if domain.is_of_unified_studio:
        return end("UnifiedStudioDomain")
    if resource.stage is Stage.BROKEN:
        return end(target.ends.failed, findings=(broken(resource),))
    user = user_of(resource, partial(describe_user_profile, sagemaker, target.domain_id))
    of_account, of_domain = tags_of_account(), read_tags(sagemaker, domain.arn)
    decision = decide_cost_tags(
        user,
        account_tags=of_account,
        domain_tags=of_domain,
        present=read_tags(sagemaker, resource.arn),
        user_key=settings.user_tag_key,
        account_keys=settings.account_tag_keys,
        copied=records().copies_on(target.domain_id) if differ(of_domain, of_account, settings.account_tag_keys) else {},
    )
    return end(
        _outcome(target, settings, decision),
        changes=tuple(Change(resource.arn, f"tag:{tag.key}", tag.before, tag.after, tag.reason) for tag in decision.to_set),
        findings=(
            *what_is_unknown(resource, decision, account_id=account.account_id, account_arn=account.arn, user_tag_key=settings.user_tag_key),
            *(_out_of_reach(target, sagemaker, domain, resource) if decision.to_set else ()),
        ),
    )


def _outcome(target: Target, settings: DecideTagsSettings, decision: Decision) -> str:
    if decision.without_room:
        return "TagLimitReached"
    if set(decision.missing) & set(settings.account_tag_keys):
        return "AccountTagsMissing"
    return target.ends.tagged if decision.to_set else "NothingToDo"


# -- what only people can put right


def _out_of_reach(target: Target, sagemaker: "SageMakerClient", domain: Domain, resource: UserProfile | Space) -> Iterator[Finding]:
    """Costs that the tags will not be seen on, though they are where they should be."""
    if not domain.propagates_tags:
        message = (
            f"TagPropagation of domain {target.domain_id} is off: jobs, endpoints and whatever else {resource.name} makes in Studio will cost "
            "without these tags. It is switched on by itself in a domain of ours, or with ForeignDomains=correct in any, once every execution role "
            "there may call sagemaker:AddTags."
        )
        yield Finding("TagPropagationOff", domain.arn, message)
    owner: Owner = {"SpaceNameEquals": resource.name} if isinstance(resource, Space) else {"UserProfileNameEquals": resource.name}
    apps = running_apps(sagemaker, target.domain_id, **owner)
    if apps:
        message = (
            f"Apps of {resource.name} run since before these tags, and cost without them until they are started anew: {', '.join(apps)}. Have them "
            "stopped and started again; files stay, unsaved work and what is in memory do not."
        )
        yield Finding("AppsMissTags", resource.arn, message)
