"""How long a message may stay hidden: 12 hours from when it was received. moto counts them from when it was sent.

Source: Amazon SQS Developer Guide, "Amazon SQS visibility timeout"; API Reference, ChangeMessageVisibility.
"""

from weakref import WeakKeyDictionary

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, SQSBackend

_mark_received, _change_message_visibility = Message.mark_received, SQSBackend.change_message_visibility
_received: WeakKeyDictionary[Message, int] = WeakKeyDictionary()
"""When a message was received last, in milliseconds since 1970."""


def _receive(message: Message, visibility_timeout: int | None = None) -> None:
    _mark_received(message, visibility_timeout)
    _received[message] = int(unix_time_millis())


def _change(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """moto's own, which meanwhile takes the message to be sent when it was received."""
    held = [message for message in backend.get_queue(queue_name)._messages if message.had_receipt_handle(receipt_handle)]  # noqa: SLF001 - also those that are hidden
    sent = [message.sent_timestamp for message in held]
    for message in held:
        message.sent_timestamp = _received[message]
    try:
        _change_message_visibility(backend, queue_name, receipt_handle, visibility_timeout)
    finally:
        for message, timestamp in zip(held, sent, strict=True):
            message.sent_timestamp = timestamp


Message.mark_received = _receive
SQSBackend.change_message_visibility = _change
