"""Where a rule can send: one function for each kind of target. Queues are here, buses and state machines in `delivery`, functions in
`function_targets`; the next kinds are added by `@sender`.

Source: EventBridge User Guide, "Event bus targets" and "Using dead-letter queues to process undelivered events" (the error codes).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import sqs_backends

from localaws.cloud import FOLLOWS, Call, Cloud, Principal, Refused
from localaws.eventbridge.buses import Arn
from localaws.eventbridge.permissions import SERVICE, may_send


class DeliveryFailed(Exception):
    """A target did not take an event. `code` is what a dead-letter queue says (``NO_PERMISSIONS``); only a `retryable` failure is tried again."""

    def __init__(self, code: str, message: str, *, retryable: bool = False):
        super().__init__(message)
        self.code, self.message, self.retryable = code, message, retryable


@dataclass(frozen=True)
class Sending:
    """One event on its way from a rule to a target. `sender` is the account and Region it came to the rule's bus from, if from elsewhere."""

    event: dict[str, Any]
    rule_arn: str
    target: dict[str, Any]
    body: str
    sender: tuple[str, str] | None


Sender = Callable[[Cloud, Sending], None]

SENDERS: dict[str, Sender] = {}


def sender(service: str) -> Callable[[Sender], Sender]:
    """The function sends to targets whose ARN names this service. It raises `DeliveryFailed` for what AWS would count as a failed invocation."""

    def register(function: Sender) -> Sender:
        SENDERS[service] = function
        return function

    return register


@sender("sqs")
def send_to_queue(cloud: Cloud, sending: Sending) -> None:
    put_in_queue(cloud, sending.target["Arn"], sending.rule_arn, sending.body, {})


def put_in_queue(cloud: Cloud, queue_arn: str, rule_arn: str, body: str, attributes: dict[str, str]) -> None:
    """Send a message as EventBridge does for a rule. `DeliveryFailed` if the queue is gone, does not let EventBridge in, or takes no such message."""
    place = Arn.read(queue_arn)
    backend = sqs_backends[place.account][place.region]
    try:
        queue = backend.get_queue(place.resource)
    except QueueDoesNotExist:
        raise DeliveryFailed("NO_RESOURCE", f"queue {queue_arn} does not exist") from None
    if queue.kms_master_key_id:
        raise Refused(f"EventBridge to {queue_arn}: the policy of its KMS key is not evaluated (localaws/eventbridge/targets.py)")
    decision = may_send(cloud, queue, rule_arn)
    if not decision.allowed:
        raise DeliveryFailed("NO_PERMISSIONS", f"{queue_arn} does not let {SERVICE} in for {rule_arn}: {decision.reason}")
    message_attributes = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    try:
        message = backend.send_message(queue_name=place.resource, message_body=body, message_attributes=message_attributes)
    except ServiceException as error:
        raise DeliveryFailed("SDK_CLIENT_ERROR", str(error)) from None
    _tell_readers(cloud, place, {"MessageBody": body, "MessageAttributes": message_attributes}, message.id)


def _tell_readers(cloud: Cloud, queue: Arn, params: dict[str, Any], message_id: str) -> None:
    """Whoever reads the queue learns of the message as of any other. A service's own call is in no call log and no trail."""
    url = f"https://sqs.{queue.region}.amazonaws.com/{queue.account}/{queue.resource}"
    call = Call("sqs", "SendMessage", queue.account, queue.region, Principal(queue.account, SERVICE, service=SERVICE), {"QueueUrl": url, **params})
    for follow in FOLLOWS["sqs", "SendMessage"]:
        follow(cloud, call, {"MessageId": message_id})
