"""May this event be put on that bus, may EventBridge send to that queue? The resource's own policy says so; the log of decisions keeps every answer.

Sources: EventBridge User Guide, "Using IAM policy conditions" (the ``events:`` keys, ``aws:SourceArn`` is the rule that sends) and "Using dead-letter
queues"; IAM User Guide, "Global condition keys". Not observed on AWS: that a role's forwarding carries ``aws:SourceArn``, that sending to a queue
carries ``aws:SourceOrgID``. What the role of a target may do by its own policies is not asked yet.
"""

from typing import Any

from localaws.cloud import Cloud, Principal
from localaws.eventbridge.buses import Arn, bus_policy
from localaws.policy import Decision, Document, Request, evaluate, read_document

SERVICE = "events.amazonaws.com"

Context = dict[str, str | list[str] | None]


def may_put(cloud: Cloud, bus: Any, event: dict[str, Any], principal: Principal, rule_arn: str | None = None) -> Decision:
    """events:PutEvents on `bus` for one event, called by `principal` or, with `rule_arn`, done by a rule with that principal's role.

    An account's own callers need no word of the bus, yet a Deny binds them too.
    """
    own = principal.account == bus.account_id
    context: Context = {
        **_moment(cloud),
        "aws:PrincipalOrgID": _organization(cloud, principal.account),
        "aws:SourceArn": rule_arn,
        "aws:SourceAccount": Arn.read(rule_arn).account if rule_arn else None,
        "events:source": event["source"],
        "events:detail-type": event["detail-type"],
    }
    if rule_arn is None or not own:
        # For a bus of the same account AWS does not say what this key is.
        context["events:eventBusInvocation"] = "true" if rule_arn else "false"
    return _decide(cloud, bus_policy(bus), Request(principal, "events:PutEvents", bus.arn, context), own=own)


def may_send(cloud: Cloud, queue: Any, rule_arn: str) -> Decision:
    """sqs:SendMessage by EventBridge for a rule. A queue of the rule's own account has to allow it as well."""
    rule = Arn.read(rule_arn)
    principal = Principal(rule.account, SERVICE, service=SERVICE)
    context: Context = {
        **_moment(cloud),
        "aws:SourceArn": rule_arn,
        "aws:SourceAccount": rule.account,
        "aws:SourceOrgID": _organization(cloud, rule.account),
    }
    documents = [read_document(queue.policy)] if queue.policy else []
    return _decide(cloud, documents, Request(principal, "sqs:SendMessage", queue.queue_arn, context), own=False)


def _decide(cloud: Cloud, documents: list[Document], request: Request, *, own: bool) -> Decision:
    decision = evaluate(documents, request)
    if own and not decision.allowed and not decision.explicit_deny:
        decision = Decision(allowed=True, explicit_deny=False, statement=None, reason="the bus belongs to the caller's account and denies nothing")
    cloud.log.decisions.append(
        {
            "time": cloud.clock.iso(),
            "principal": request.principal.arn,
            "action": request.action,
            "resource": request.resource,
            "allowed": decision.allowed,
            "statement": decision.statement,
            "reason": decision.reason,
        }
    )
    return decision


def _moment(cloud: Cloud) -> Context:
    return {"aws:CurrentTime": cloud.clock.iso(), "aws:EpochTime": str(int(cloud.clock.now)), "aws:SecureTransport": "true"}


def _organization(cloud: Cloud, account: str) -> str | None:
    return cloud.organization.organization_id if cloud.organization.is_member(account) else None
