"""Asynchronous invocations: Lambda takes the event, answers, and runs the function later, again where it fails, and tells a destination how it ended.

Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation" (one minute, then two; throttling and service
errors from one second to five minutes, up to the event's age) and "Capturing records of Lambda asynchronous invocations". Not observed on AWS: how
long an event waits before its first run, and that the record of an event that never ran has no response. Events run
twice, late or never only where `localaws.faults` says so.
"""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from moto.awslambda.utils import get_backend

from localaws.clock import Process
from localaws.cloud import AwsError, Call, Cloud, Principal, Refused, compact, operation
from localaws.faults import Passage
from localaws.functions.invoke_configs import config_of, find_function
from localaws.functions.runtime import Invocation

DELAY = (0.05, 0.3)
"""Seconds from the call to the first run."""

FUNCTION_RETRIES = (60.0, 120.0)
"""Seconds before the second and the third run of a function that failed."""

FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 300.0
"""Seconds; after throttling and service errors they double."""

_HERE = "localaws/functions/asynchronous.py"


@operation("lambda", "Invoke")
def invoke(cloud: Cloud, call: Call) -> dict[str, Any]:
    """With InvocationType Event only: whoever waits for an answer would hold the one turn there is."""
    kind = call.params.get("InvocationType", "RequestResponse")
    if kind != "Event":
        raise Refused(f"{call.action} with InvocationType {kind}: only Event is answered ({_HERE})")
    function_arn = find_function(call).function_arn
    payload = call.params.get("Payload") or b"{}"
    text = payload.decode() if isinstance(payload, bytes) else str(payload)
    take(cloud, function_arn, text, call.request_id)
    return {"StatusCode": 202}


def take(cloud: Cloud, function_arn: str, payload: str, request_id: str) -> None:
    """Lambda takes in an event. `AwsError` (InvalidRequestContentException) if it is no JSON."""
    try:
        value = json.loads(payload)
    except ValueError as error:
        raise AwsError("InvalidRequestContentException", f"Could not parse request body into json: {error}") from None
    _, _, _, region, account, _ = function_arn.split(":", 5)

    def start() -> None:
        cloud.clock.process(_Event(cloud, function_arn, value, request_id, cloud.clock.now).work())

    cloud.faults.schedule(Passage("asynchronous", function_arn, account, region), 0, start)


def _session(function_arn: str) -> Principal:
    """The function's own: its role's."""
    _, _, _, region, account, _, name = function_arn.split(":")[:7]
    return Principal.of_role(get_backend(account, region).get_function(name).role, name)


def _words(error: AwsError | HTTPClientError) -> str:
    return f"{error.code}: {error.message}" if isinstance(error, AwsError) else str(error)


@dataclass
class _Event:
    """One event that Lambda took in. `received` is seconds since 1970; `runs` counts how often the function ran."""

    cloud: Cloud
    function_arn: str
    value: Any
    request_id: str
    received: float
    runs: int = 0
    last: Invocation | None = None

    def work(self) -> Process:
        yield self.cloud.random.uniform(*DELAY)
        backoff = FIRST_BACKOFF
        while True:
            try:
                self.last = yield self.cloud.functions.run(self.function_arn, json.dumps(self.value), self.request_id)
            except (AwsError, HTTPClientError) as error:
                problem, wait, condition = _words(error), backoff, None
                if isinstance(error, AwsError) and error.status != 429 and error.status < 500:
                    self._log("dropped", self.function_arn, problem)
                    return
                backoff = min(LONGEST_BACKOFF, 2 * backoff)
            else:
                self.runs += 1
                if not self.last.function_error:
                    break
                problem, wait, condition = json.loads(self.last.payload)["errorType"], FUNCTION_RETRIES[min(self.runs, 2) - 1], self._exhausted()
            condition = condition or self._too_old(wait)
            if condition is not None:
                self._failed(condition, problem)
                return
            self._log("failed", self.function_arn, problem)
            yield wait
        self._succeeded()

    def _exhausted(self) -> str | None:
        return "RetriesExhausted" if self.runs > config_of(self.cloud, self.function_arn).retries else None

    def _too_old(self, wait: float) -> str | None:
        config = config_of(self.cloud, self.function_arn)
        return "EventAgeExceeded" if self.cloud.clock.now + wait > self.received + config.age else None

    # -- how it ended

    def _succeeded(self) -> None:
        self._log("delivered", self.function_arn)
        destination = config_of(self.cloud, self.function_arn).destination("OnSuccess")
        if destination is not None:
            self._tell(destination, "Success")

    def _failed(self, condition: str, problem: str) -> None:
        self._log("dropped", self.function_arn, f"{condition}: {problem}")
        destination = config_of(self.cloud, self.function_arn).destination("OnFailure")
        if destination is not None:
            self._tell(destination, condition)

    def _tell(self, destination: str, condition: str) -> None:
        """Send the record with the function's role. What the destination does not take is lost, as in AWS."""
        try:
            self._send(destination, condition)
        except ClientError as error:
            said = error.response["Error"]
            self._log("dropped", destination, f"{said.get('Code')}: {said.get('Message')}")
        except HTTPClientError as error:
            self._log("dropped", destination, str(error))
        else:
            self._log("delivered", destination)

    def _send(self, destination: str, condition: str) -> None:
        _, _, service, region, account, resource = destination.split(":", 5)
        client = self.cloud.client(service, region, _session(self.function_arn))
        record = compact(self._record(condition))
        match service:
            case "sqs":
                client.send_message(QueueUrl=f"https://sqs.{region}.amazonaws.com/{account}/{resource}", MessageBody=record)
            case "sns":
                client.publish(TopicArn=destination, Message=record)
            case "lambda":
                client.invoke(FunctionName=destination, InvocationType="Event", Payload=record.encode())
            case "events":
                self._put(client, destination, condition, record)

    def _put(self, client: Any, bus: str, condition: str, record: str) -> None:
        ended = "Success" if condition == "Success" else "Failure"
        entry = {
            "EventBusName": bus,
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {ended}",
            "Resources": [f"{self.function_arn}:$LATEST", bus],
            "Detail": record,
        }
        (answer,) = client.put_events(Entries=[entry])["Entries"]
        if "ErrorCode" in answer:
            raise ClientError({"Error": {"Code": answer["ErrorCode"], "Message": answer["ErrorMessage"]}}, "PutEvents")

    def _record(self, condition: str) -> dict[str, Any]:
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": f"{self.cloud.clock.datetime():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": f"{self.function_arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": self.runs,
            },
            "requestPayload": self.value,
        }
        if self.last is None:
            return record
        error = {"functionError": self.last.function_error} if self.last.function_error else {}
        response = {"responseContext": {"statusCode": 200, "executedVersion": "$LATEST", **error}, "responsePayload": json.loads(self.last.payload)}
        return record | response

    def _log(self, outcome: str, target: str, error: str | None = None) -> None:
        _, _, _, region, account, _, name = self.function_arn.split(":")[:7]
        self.cloud.log.deliveries.append(
            {
                "time": self.cloud.clock.iso(),
                "account": account,
                "region": region,
                "bus": None,
                "rule": None,
                "function": name,
                "target": target,
                "event_id": self.request_id,
                "detail_type": None,
                "event": self.value if isinstance(self.value, dict) else {"payload": self.value},
                "outcome": outcome,
                "error": error,
                "attempt": self.runs,
            }
        )
