"""May this event be put on that bus, may EventBridge send to that queue? Every answer is kept in the log of decisions.

Sources: EventBridge User Guide, "Using IAM policy conditions" (the ``events:`` keys, ``aws:SourceArn`` is the rule that sends) and "Using dead-letter
queues"; IAM User Guide, "Global condition keys". Not observed on AWS: that a role's forwarding carries ``aws:SourceArn``, that sending to a queue
carries ``aws:SourceOrgID``.
"""

from typing import Any

from localaws.authorization import by_role, may_reach
from localaws.cloud import Cloud, Principal
from localaws.eventbridge.buses import Arn
from localaws.policy import Decision, Request, context
from localaws.policy.decisions import Say, decide
from localaws.policy.held import resource_policies
from localaws.policy.keys import Context

SERVICE = "events.amazonaws.com"


def may_put(cloud: Cloud, bus: Any, event: dict[str, Any], principal: Principal, rule_arn: str | None = None) -> Decision:
    """events:PutEvents on `bus` for one event, called by `principal` or, with `rule_arn`, done by a rule with that principal's role.

    A role's own policies are asked where a rule forwards: for a call they were before it came here.
    """
    own = principal.account == bus.account_id
    keys: Context = {
        **context.of_principal(cloud, principal, bus.region, "events"),
        **context.of_resource(cloud, bus.arn, bus.account_id),
        "aws:SourceArn": rule_arn,
        "aws:SourceAccount": Arn.read(rule_arn).account if rule_arn else None,
        "events:source": event["source"],
        "events:detail-type": event["detail-type"],
        # For a bus of the same account AWS does not say what this key is.
        **({"events:eventBusInvocation": "true" if rule_arn else "false"} if rule_arn is None or not own else {}),
    }
    said = Say(None, resource=resource_policies(cloud, bus.arn), own=own)
    return decide(cloud, Request(principal, "events:PutEvents", bus.arn, keys), by_role(principal, said) if rule_arn else said).decision


def may_send(cloud: Cloud, queue: Any, rule_arn: str) -> Decision:
    """sqs:SendMessage by EventBridge for a rule. A queue of the rule's own account has to allow it as well."""
    return may_reach(cloud, SERVICE, "sqs:SendMessage", queue.queue_arn, rule_arn)
