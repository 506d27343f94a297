"""Which cost tags does this user profile lack? Give it those, and say what was changed and why."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.changes import Change, Finding, Report
from steward.observability import logger
from steward.resources.accounts import Account, account_tags, describe_account, member_session
from steward.resources.clients import hub_client
from steward.resources.profiles import Stage, UserProfile, add_tags, describe_user_profile, read_tags
from steward.rules.tags import Decision, ProfileOwner, decide_cost_tags
from steward.settings import ProfileCostTaggingSettings

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient


class TagProfileRequest(BaseModel):
    """Which profile; the event's id names our session in the member account, so that its CloudTrail leads back to the execution."""

    account_id: str
    region: str
    domain_id: str
    user_profile_name: str
    event_id: str


@logger.inject_lambda_context
@event_parser(model=TagProfileRequest)
def handler(request: TagProfileRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = ProfileCostTaggingSettings.from_env()
    enter = partial(member_session, hub_client("sts"), request.account_id, request.region, settings.member_role_name, session_name=request.event_id)
    report = tag_profile(request, settings, hub_client("organizations"), lambda: enter().client("sagemaker"))
    logger.info("looked at a profile", outcome=report.outcome, changes=len(report.changes), findings=len(report.findings))
    return report.as_output()


def tag_profile(
    request: TagProfileRequest,
    settings: ProfileCostTaggingSettings,
    organizations: "OrganizationsClient",
    sagemaker_of_member: Callable[[], "SageMakerClient"],
) -> Report:
    """Read, decide, apply. `ProfilePending` means: ask again later; every other outcome is the end.

    The member account is entered only when it is one of ours: where our role was never planted, asking for it would look like a fault.
    """
    end = partial(Report, dry_run=settings.dry_run)
    account = describe_account(organizations, request.account_id)
    if account is None or not account.unit_ids & settings.ml_unit_ids:
        return end("AccountOutOfScope", findings=(_out_of_scope(request.account_id),))
    if not account.is_active:
        return end("AccountNotActive")
    sagemaker = sagemaker_of_member()
    profile = describe_user_profile(sagemaker, request.domain_id, request.user_profile_name)
    if profile is None or profile.stage is Stage.LEAVING:
        return end("ProfileGone")
    if profile.stage is Stage.COMING:
        return end("ProfilePending")
    if profile.stage is Stage.BROKEN:
        return end("ProfileFailed", findings=(_broken(profile),))
    decision = decide_cost_tags(
        ProfileOwner(profile.name, profile.single_sign_on_user),
        account_tags=account_tags(organizations, request.account_id),
        profile_tags=read_tags(sagemaker, profile.arn),
        user_key=settings.user_tag_key,
        account_keys=settings.account_tag_keys,
    )
    if not settings.dry_run:
        add_tags(sagemaker, profile.arn, {tag.key: tag.after for tag in decision.to_set})
    return end(
        _outcome(decision),
        changes=tuple(Change(profile.arn, f"tag:{tag.key}", tag.before, tag.after, tag.reason) for tag in decision.to_set),
        findings=tuple(_missing_tag(account, key) for key in decision.missing_account_tags),
    )


def _outcome(decision: Decision) -> str:
    if decision.missing_account_tags:
        return "AccountTagsMissing"
    return "ProfileTagged" if decision.to_set else "NothingToDo"


def _missing_tag(account: Account, key: str) -> Finding:
    message = f"Account {account.account_id} has no value for the tag {key}, so its user profiles have none. Tag the account in Organizations."
    return Finding("AccountTagMissing", account.arn, message)


def _out_of_scope(account_id: str) -> Finding:
    message = f"Account {account_id} sends us events but lies in none of the ML units. Move it into one, or delete the stacks it kept of ours."
    return Finding("AccountOutOfScope", account_id, message)


def _broken(profile: UserProfile) -> Finding:
    message = f"User profile {profile.name} is {profile.status}, it was not tagged. SageMaker says: {profile.failure_reason or 'nothing'}"
    return Finding("ProfileFailed", profile.arn, message)
