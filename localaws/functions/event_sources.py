"""SQS queues that invoke functions: event source mappings, with partial batch responses.

A mapping asks its queue when something arrives in it and when something taken from it becomes visible again, never in between. It calls SQS with the
function's own role, as Lambda does. Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS".
"""

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.utils import get_backend
from moto.sns.models import sns_backends
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from localaws.authorization import may_by_role
from localaws.clock import Process
from localaws.cloud import AwsError, Call, Cloud, Principal, Refused, follow, operation
from localaws.functions.runtime import SERVICE, Invocation

ARRIVAL = 0.1
"""Seconds from a message's arrival to the poll that takes it."""

_TABLE = "lambda:EventSourceMapping"
_KNOWN = {"EventSourceArn", "FunctionName", "Enabled", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig"}


@dataclass
class Mapping:
    """One event source mapping. `visibility` is the queue's visibility timeout in seconds."""

    uuid: str
    queue_arn: str
    function_arn: str
    batch_size: int
    window: int
    reports_failures: bool
    most_at_once: int
    enabled: bool
    modified: Any
    running: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        return {
            "UUID": self.uuid,
            "EventSourceArn": self.queue_arn,
            "FunctionArn": self.function_arn,
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if self.reports_failures else [],
            "State": "Enabled" if self.enabled else "Disabled",
            "StateTransitionReason": "USER_INITIATED",
            "LastModified": self.modified,
            **self.extra,
        }


def _function_arn(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else call.arn(f"function:{name}", "lambda")


def _set(cloud: Cloud, mapping: Mapping, params: dict[str, Any]) -> None:
    mapping.batch_size = params.get("BatchSize", mapping.batch_size)
    mapping.window = params.get("MaximumBatchingWindowInSeconds", mapping.window)
    if "FunctionResponseTypes" in params:
        mapping.reports_failures = "ReportBatchItemFailures" in params["FunctionResponseTypes"]
    mapping.enabled = params.get("Enabled", mapping.enabled)
    if "ScalingConfig" in params:
        mapping.most_at_once = params["ScalingConfig"].get("MaximumConcurrency", mapping.most_at_once)
        mapping.extra["ScalingConfig"] = params["ScalingConfig"]
    mapping.modified = cloud.clock.datetime()
    if mapping.batch_size > 10 and not mapping.window:
        raise AwsError(
            "InvalidParameterValueException", "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


@operation("lambda", "CreateEventSourceMapping")
def create_event_source_mapping(cloud: Cloud, call: Call) -> dict[str, Any]:
    params = call.params
    unknown = sorted(set(params) - _KNOWN)
    if unknown or ":sqs:" not in params.get("EventSourceArn", ""):
        raise Refused(f"lambda:CreateEventSourceMapping: only SQS queues, without {unknown or params.get('EventSourceArn')}")
    mapping = Mapping(
        cloud.uuid(),
        params["EventSourceArn"],
        _function_arn(call, params["FunctionName"]),
        batch_size=10,
        window=0,
        reports_failures=False,
        most_at_once=5,
        enabled=True,
        modified=None,
    )
    _check_ends(cloud, mapping)
    table = cloud.table(_TABLE, call.account, call.region)
    if any((known.queue_arn, known.function_arn) == (mapping.queue_arn, mapping.function_arn) for known in table.values()):
        raise AwsError("ResourceConflictException", "The event source arn and function already have a mapping", 409)
    _set(cloud, mapping, params)
    table[mapping.uuid] = mapping
    cloud.clock.later(ARRIVAL, lambda: _poll(cloud, mapping))
    return mapping.described()


def _check_ends(cloud: Cloud, mapping: Mapping) -> None:
    """The function is there, its role may read the queue, and it has done with a message before the queue shows it again."""
    _, _, _, region, account, name = mapping.queue_arn.split(":")
    try:
        queue = sqs_backends[account][region].get_queue(name)
    except QueueDoesNotExist:
        raise AwsError("InvalidParameterValueException", f"Error occurred while ReceiveMessage. Queue does not exist: {mapping.queue_arn}") from None
    try:
        function = get_backend(account, region).get_function(mapping.function_arn.split(":")[6])
    except UnknownFunctionException:
        raise AwsError("ResourceNotFoundException", f"Function not found: {mapping.function_arn}", 404) from None
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        if not may_by_role(cloud, function.role, f"sqs:{action}", mapping.queue_arn):
            text = f"The provided execution role does not have permissions to call {action} on SQS"
            raise AwsError("InvalidParameterValueException", text)
    if int(queue.visibility_timeout) < int(function.timeout):
        text = f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function timeout: {function.timeout} seconds"
        raise AwsError("InvalidParameterValueException", text)


def _find(cloud: Cloud, call: Call) -> Mapping:
    mapping: Mapping | None = cloud.table(_TABLE, call.account, call.region).get(call.params["UUID"])
    if mapping is None:
        raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    return mapping


@operation("lambda", "GetEventSourceMapping")
def get_event_source_mapping(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _find(cloud, call).described()


@operation("lambda", "ListEventSourceMappings")
def list_event_source_mappings(cloud: Cloud, call: Call) -> dict[str, Any]:
    queue, function = call.params.get("EventSourceArn"), call.params.get("FunctionName")
    wanted = function and _function_arn(call, function)
    table = cloud.table(_TABLE, call.account, call.region).values()
    return {"EventSourceMappings": [m.described() for m in table if queue in (None, m.queue_arn) and wanted in (None, m.function_arn)]}


@operation("lambda", "UpdateEventSourceMapping")
def update_event_source_mapping(cloud: Cloud, call: Call) -> dict[str, Any]:
    mapping = _find(cloud, call)
    unknown = sorted(set(call.params) - _KNOWN - {"UUID"})
    if unknown:
        raise Refused(f"lambda:UpdateEventSourceMapping: {unknown}")
    if "FunctionName" in call.params:
        mapping.function_arn = _function_arn(call, call.params["FunctionName"])
    _set(cloud, mapping, call.params)
    cloud.clock.later(ARRIVAL, lambda: _poll(cloud, mapping))
    return mapping.described()


@operation("lambda", "DeleteEventSourceMapping")
def delete_event_source_mapping(cloud: Cloud, call: Call) -> dict[str, Any]:
    mapping = _find(cloud, call)
    mapping.enabled = False
    del cloud.table(_TABLE, call.account, call.region)[mapping.uuid]
    return {**mapping.described(), "State": "Deleting"}


@follow("sqs", "SendMessage", "SendMessageBatch")
def on_arrival(cloud: Cloud, call: Call, answer: dict[str, Any]) -> None:
    """Something came into a queue: whoever reads it looks."""
    delays = {entry.get("DelaySeconds", 0) for entry in call.params.get("Entries", [call.params])}
    _wake(cloud, call, delays, {entry["MessageId"] for entry in answer.get("Successful", [answer])})


@follow("sqs", "ChangeMessageVisibility")
def on_release(cloud: Cloud, call: Call, _: dict[str, Any]) -> None:
    """A message that somebody has in hand is to be seen again, now or later."""
    _wake(cloud, call, {call.params["VisibilityTimeout"]}, set())


def _wake(cloud: Cloud, call: Call, delays: set[float], new: set[str]) -> None:
    """`delays`: when there will be something to read. `new`: the ids of the messages that have just come."""
    account, name = call.params["QueueUrl"].rstrip("/").split("/")[-2:]
    queue_arn = f"arn:aws:sqs:{call.region}:{account}:{name}"
    readers = [mapping for mapping in cloud.table(_TABLE, account, call.region).values() if mapping.queue_arn == queue_arn]
    if readers:
        delays = delays | _held_back(cloud, queue_arn, new)
    for mapping in readers:
        for delay in sorted(delays):
            _poll_later(cloud, mapping, delay + mapping.window + ARRIVAL)


def _held_back(cloud: Cloud, queue_arn: str, message_ids: set[str]) -> set[float]:
    """Hide the messages that a fault makes late; after how many seconds they are there."""
    _, _, _, region, account, name = queue_arn.split(":")
    found = set()
    for message in sqs_backends[account][region].get_queue(name).messages:
        if message.id in message_ids and (late := cloud.faults.message_arrives(queue_arn)):
            message.delay(int(late))
            found.add(late)
    return found


@follow("sns", "Publish")
def on_publication(cloud: Cloud, call: Call, _: dict[str, Any]) -> None:
    """SNS put it into the queues behind the topic: whoever reads them looks, in vain where a filter held it back."""
    topic = call.params.get("TopicArn") or call.params.get("TargetArn")
    for subscription in sns_backends[call.account][call.region].subscriptions.values():
        if subscription.protocol == "sqs" and subscription.topic.arn == topic:
            _, _, _, region, account, _ = subscription.endpoint.split(":")
            for mapping in cloud.table(_TABLE, account, region).values():
                if mapping.queue_arn == subscription.endpoint:
                    _poll_later(cloud, mapping, mapping.window + ARRIVAL)


def _poll_later(cloud: Cloud, mapping: Mapping, seconds: float, failures: int = 0) -> None:
    cloud.clock.later(seconds, lambda: _poll(cloud, mapping, failures))


def _poll(cloud: Cloud, mapping: Mapping, failures: int = 0) -> None:
    if mapping.enabled and mapping.running < mapping.most_at_once:
        cloud.clock.process(_take_batch(cloud, mapping, failures))


def _take_batch(cloud: Cloud, mapping: Mapping, failures: int) -> Process:
    """Receive, invoke, delete what was done. What was not comes back when its visibility timeout ends.

    A poll that failed is tried again after waits that double, as long as a message can live: `failures` counts them. Their answers may have been lost
    and not the calls, so the queue is looked at once more when what they took is visible again.
    """
    _, _, _, region, account, name = mapping.queue_arn.split(":")
    function = get_backend(account, region).get_function(mapping.function_arn.split(":")[6])
    queue = sqs_backends[account][region].get_queue(name)
    reader = _Reader(cloud, mapping, queue, cloud.client("sqs", region, Principal.of_role(function.role, function.function_name)))
    mapping.running += 1
    messages: list[dict[str, Any]] = []
    try:
        messages = reader.receive()
        if failures:
            _poll_later(cloud, mapping, reader.visibility + ARRIVAL)
        if messages:
            yield from reader.serve(messages)
    except (ClientError, HTTPClientError):
        if 2**failures < int(queue.message_retention_period):
            _poll_later(cloud, mapping, 2.0**failures, failures + 1)
    finally:
        if messages and mapping.running == mapping.most_at_once:  # others may have found no free place meanwhile
            _poll_later(cloud, mapping, 0)
        mapping.running -= 1


@dataclass
class _Reader:
    """One batch of a mapping's queue. `sqs` calls with the function's role."""

    cloud: Cloud
    mapping: Mapping
    queue: Queue
    sqs: Any

    @property
    def visibility(self) -> int:
        return int(self.queue.visibility_timeout)

    @property
    def url(self) -> str:
        return f"https://sqs.{self.queue.region}.amazonaws.com/{self.queue.account_id}/{self.queue.name}"

    def receive(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while len(messages) < self.mapping.batch_size:
            asked = min(10, self.mapping.batch_size - len(messages))
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=asked, AttributeNames=["All"], MessageAttributeNames=["All"])
            more = answer.get("Messages", [])
            messages += more
            if len(more) < asked:
                break
        return messages

    def serve(self, messages: list[dict[str, Any]]) -> Process:
        if len(messages) == self.mapping.batch_size:
            _poll_later(self.cloud, self.mapping, 0)
        again = self.cloud.clock.later(self.visibility + ARRIVAL, lambda: _poll(self.cloud, self.mapping))
        event = {"Records": [_record(message, self.mapping, self.queue.region) for message in messages]}
        poller = Principal(self.queue.account_id, SERVICE, service=SERVICE)
        try:
            invocation = yield self.cloud.functions.invoke(self.mapping.function_arn, json.dumps(event), poller)
        except (AwsError, HTTPClientError):
            return
        failed = _failed_items(self.mapping, invocation, {message["MessageId"] for message in messages})
        gone = [self.delete(message) for message in messages if message["MessageId"] not in failed]
        if not failed and all(gone):
            again.cancel()

    def delete(self, message: dict[str, Any]) -> bool:
        """Whether it is gone. One that SQS would not delete is visible again after its timeout; one that a fault brings back, when that says."""
        receipt = message["ReceiptHandle"]
        again = self.cloud.faults.message_done(self.mapping.queue_arn)
        if again is not None:
            sqs_backends[self.queue.account_id][self.queue.region].change_message_visibility(self.queue.name, receipt, int(again))
            _poll_later(self.cloud, self.mapping, again + ARRIVAL)
            return True
        try:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)
        except (ClientError, HTTPClientError):
            return False
        return True


def _record(message: dict[str, Any], mapping: Mapping, region: str) -> dict[str, Any]:
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: {key[0].lower() + key[1:]: value for key, value in one.items()} for name, one in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.queue_arn,
        "awsRegion": region,
    }


def _failed_items(mapping: Mapping, invocation: Invocation, batch: set[str]) -> set[str]:
    """Which messages stay: all where the function failed, or where its partial batch response names none that was in the batch."""
    if invocation.function_error:
        return batch
    if not mapping.reports_failures:
        return set()
    answer = json.loads(invocation.payload)
    if not isinstance(answer, dict) or not answer.get("batchItemFailures"):
        return set() if answer is None or isinstance(answer, dict) else batch
    named = {item.get("itemIdentifier") for item in answer["batchItemFailures"]}
    return named if named <= batch else batch


_receive_of_moto = SQSBackend.receive_message


def _receive_at_once(backend: SQSBackend, queue: str, count: int, _: int, visibility: int, attributes: list[str] | None = None) -> Any:
    """A long poll would wait in real time for a clock that stands still meanwhile: here it answers at once with what there is."""
    return _receive_of_moto(backend, queue, count, 0, visibility, attributes)


SQSBackend.receive_message = _receive_at_once
