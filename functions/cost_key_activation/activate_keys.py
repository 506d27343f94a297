"""Activate the tag keys that were decided on, and say which of them billing refused."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.changes import Finding, Report
from steward.observability import logger
from steward.resources.accounts import member_session
from steward.resources.clients import hub_client
from steward.resources.cost_keys import BILLING_REGION, RefusedKey, activate
from steward.rules.cost_keys import FIELD, passes_by_itself
from steward.settings import CostKeyActivationSettings

if TYPE_CHECKING:
    from mypy_boto3_ce import CostExplorerClient


class ActivateKeysRequest(BaseModel):
    """`report` is what DecideKeys answered: whoever is cut off after the write still tells, on its next try, what was decided."""

    execution_name: str
    report: Report


@logger.inject_lambda_context
@event_parser(model=ActivateKeysRequest)
def handler(request: ActivateKeysRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = CostKeyActivationSettings.from_env()
    if settings.held:
        return replace(request.report, dry_run=True).as_output()
    payer = member_session(hub_client("sts"), settings.payer_account_id, BILLING_REGION, settings.payer_role_name, request.execution_name)
    report = activate_keys(request.report, payer.client("ce"))
    logger.info("activated cost allocation tags", outcome=report.outcome, changes=len(report.changes), findings=len(report.findings))
    return report.as_output()


def activate_keys(decided: Report, cost_explorer: "CostExplorerClient") -> Report:
    """The report with what came of it. Activating an active key has no effect, so this can be done over and over with the same decision."""
    keys = [change.field.removeprefix(FIELD) for change in decided.changes]
    refused = activate(cost_explorer, keys)
    not_done = {FIELD + one.key for one in refused}
    changes = tuple(change for change in decided.changes if change.field not in not_done)
    findings = tuple(_refused(decided.changes[0].resource, one) for one in refused)
    return replace(decided, outcome="CostKeysRefused" if refused else decided.outcome, changes=changes, findings=decided.findings + findings)


def _refused(payer_account_arn: str, one: RefusedKey) -> Finding:
    kind = "CostKeyRefusedForNow" if passes_by_itself(one.code) else "CostKeyRefused"
    message = f"Billing did not activate the tag key {one.key} ({one.code}: {one.message}). The next run tries again."
    return Finding(kind, payer_account_arn, message)
