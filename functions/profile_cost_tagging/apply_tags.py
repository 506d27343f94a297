"""Write the tags that DecideTags has decided on, unless a brake holds, somebody will not have them, or the thing is gone meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.changes import Change, Finding, Report
from steward.observability import logger
from steward.resources.accounts import describe_account, member_session
from steward.resources.clients import hub_client
from steward.resources.corrections import CORRECTIONS_A_DAY, may_correct
from steward.resources.studio import went_meanwhile
from steward.resources.tags import add_tags
from steward.settings import ApplyTagsSettings
from steward.targets import Target

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient

ABOUT_WRITING = {"TagPropagationOff", "AppsMissTags"}
"""Findings about tags that are being written: where none are, they would only be noise."""


class DecidedTags(Target):
    """`report` is DecideTags' answer, with a change at least."""

    report: Report


@logger.inject_lambda_context
@event_parser(model=DecidedTags)
def handler(decided: DecidedTags, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = ApplyTagsSettings.from_env()
    enter = partial(member_session, hub_client("sts"), decided.account_id, decided.region, settings.member_role_name, session_name=decided.event_id)
    report = apply_tags(decided, settings, hub_client("organizations"), hub_client("dynamodb"), lambda: enter().client("sagemaker"))
    logger.info("applied tags", outcome=report.outcome, dry_run=report.dry_run, changes=len(report.changes))
    return report.as_output()


def apply_tags(
    decided: DecidedTags,
    settings: ApplyTagsSettings,
    organizations: "OrganizationsClient",
    dynamodb: "DynamoDBClient",
    sagemaker_of_member: Callable[[], "SageMakerClient"],
) -> Report:
    """Run again after a cut, it writes the same tags again, and answers the same changes, which are then announced.

    Whether we may write is asked once more: an execution can be redriven days after its decision, and brakes are pulled at any time.
    """
    report = decided.report
    account = describe_account(organizations, decided.account_id)
    if account is None or not (account.is_active and account.unit_ids & settings.ml_unit_ids) or settings.brakes.hold(account.unit_ids):
        return replace(report, dry_run=True)
    arn = report.changes[0].resource
    if decided.writer is not None and not may_correct(
        dynamodb, settings.corrections_table, arn, decided.writer, event_id=decided.event_id, event_time=decided.event_time
    ):
        rest = tuple(finding for finding in report.findings if finding.kind not in ABOUT_WRITING)
        return replace(report, outcome="TagsContested", changes=(), findings=(*rest, _contested(decided.writer, report.changes)))
    sagemaker = sagemaker_of_member()
    try:
        add_tags(sagemaker, arn, {change.field.removeprefix("tag:"): change.after or "" for change in report.changes})
    except ClientError as error:
        if went_meanwhile(error, lambda: decided.describe(sagemaker)):
            return replace(report, outcome=decided.ends.gone, changes=(), findings=())
        raise
    return report


def _contested(writer: str, changes: tuple[Change, ...]) -> Finding:
    values = "; ".join(f"{change.field.removeprefix('tag:')} is {_quoted(change.before)}, not {_quoted(change.after)}" for change in changes)
    message = (
        f"These tags differ again, after {CORRECTIONS_A_DAY} corrections on one day (UTC) of what {writer} did: {values}. They stay so until "
        f"something next happens to this resource on another day (UTC), or by another writer. Have {writer} leave these keys alone, or write the "
        "same values as the account's tags; or put the account's tags right."
    )
    return Finding("TagsContested", changes[0].resource, message)


def _quoted(value: str | None) -> str:
    return "missing" if value is None else f"'{value}'"
