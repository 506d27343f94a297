"""Subscriptions to topics: only to where a message comes as it would in AWS, or where nobody here could miss it.

moto runs functions and posts to addresses by itself, past localaws' Lambda and the guard of the network, and puts messages into queues without
looking at their policies. A publication to a queue that does not let its topic in is refused: AWS drops it, and tells nobody.

Source: Amazon SNS API Reference, Subscribe; Developer Guide, "Subscribing an Amazon SQS queue to an Amazon SNS topic".
"""

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from localaws.authorization import may_reach
from localaws.cloud import Call, Cloud, Refused, guard
from localaws.policy import Decision

_PROTOCOLS = ("email", "email-json", "sqs")
_SERVICE = "sns.amazonaws.com"
_HERE = "localaws/subscriptions.py"


@guard("sns", "Subscribe")
def check_protocol(_: Cloud, call: Call) -> None:
    """Mails go nowhere; queues get their messages."""
    protocol = call.params.get("Protocol")
    if protocol not in _PROTOCOLS:
        raise Refused(f"{call.action} with the protocol {protocol}: localaws delivers by {', '.join(_PROTOCOLS)} only ({_HERE})")


@guard("sns", "Publish")
def check_queues(cloud: Cloud, call: Call) -> None:
    """Each queue behind the topic lets it in, whether or not a filter would hold this message back."""
    topic = call.params.get("TopicArn") or call.params.get("TargetArn")
    for subscription in sns_backends[call.account][call.region].subscriptions.values():
        if subscription.protocol == "sqs" and subscription.topic.arn == topic:
            decision = _may_send(cloud, subscription.topic.arn, subscription.endpoint)
            if decision is not None and not decision.allowed:
                raise Refused(f"{call.action}: {subscription.endpoint} does not let {_SERVICE} in for {topic}: {decision.reason} ({_HERE})")


def _may_send(cloud: Cloud, topic: str, endpoint: str) -> Decision | None:
    """sqs:SendMessage by SNS for a topic, by the policy of the queue; None where there is no queue."""
    _, _, _, region, account, name = endpoint.split(":")
    queue = sqs_backends[account][region].queues.get(name)
    if queue is None:
        return None
    return may_reach(cloud, _SERVICE, "sqs:SendMessage", endpoint, topic)
