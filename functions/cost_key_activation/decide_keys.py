"""Which of our tag keys does billing know and not use yet? Reads only."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.changes import Change, Finding, Report
from steward.observability import logger
from steward.resources.accounts import member_session
from steward.resources.clients import hub_client
from steward.resources.cost_keys import BILLING_REGION, known_keys
from steward.rules.cost_keys import FIELD, KeyDecision, decide_cost_keys
from steward.settings import CostKeyActivationSettings

if TYPE_CHECKING:
    from mypy_boto3_ce import CostExplorerClient


class DecideKeysRequest(BaseModel):
    """The execution's name names our session in the payer account, so that its CloudTrail leads back to the execution."""

    execution_name: str


@logger.inject_lambda_context
@event_parser(model=DecideKeysRequest)
def handler(request: DecideKeysRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = CostKeyActivationSettings.from_env()
    payer = member_session(hub_client("sts"), settings.payer_account_id, BILLING_REGION, settings.payer_role_name, request.execution_name)
    report = decide_keys(settings, payer.client("ce"))
    logger.info("looked at cost allocation tags", outcome=report.outcome, changes=len(report.changes), findings=len(report.findings))
    return report.as_output()


def decide_keys(settings: CostKeyActivationSettings, cost_explorer: "CostExplorerClient") -> Report:
    """The report of a run in which everything that can be activated is."""
    decision = decide_cost_keys(settings.tag_keys, known_keys(cost_explorer, settings.tag_keys))
    return Report(
        _outcome(decision),
        dry_run=settings.held,
        changes=tuple(
            Change(settings.payer_account_arn, f"{FIELD}{key}", "Inactive", "Active", "one of our cost tags, and billing knows it")
            for key in decision.to_activate
        ),
        findings=tuple(_waiting(settings, key) for key in decision.waiting),
    )


def _outcome(decision: KeyDecision) -> str:
    if decision.waiting:
        return "CostKeysWaiting"
    return "CostKeysActivated" if decision.to_activate else "NothingToDo"


def _waiting(settings: CostKeyActivationSettings, key: str) -> Finding:
    message = (
        f"Billing does not know the tag key {key} yet, so no cost report can be broken down by it. It learns of a key up to 24 hours after its first "
        "use on a resource. If this stays for days, the key is on nothing that costs something."
    )
    return Finding("CostKeyWaiting", settings.payer_account_arn, message)
