"""Step Functions and SQS as intake meets them: boto3's clients, whose calls are held to AWS's limits and answered here. Any other is an error."""

import json
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3

MACHINE = "arn:aws:states:eu-west-1:222222222222:stateMachine:{}"
DLQ = "https://sqs.eu-west-1.amazonaws.com/222222222222/dlq"

# "A message can include only XML, JSON, and unformatted text": the characters that the API reference of SendMessage lists; and 1 MiB with attributes.
_TEXT = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_LARGEST_MESSAGE = 1_048_576
_LARGEST_INPUT = 262_144


@dataclass
class Pretended:
    """`started` are executions by name with their input, `dead` the messages in the dead-letter queue: body and attributes."""

    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    dead: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
        self._clients = {service: session.client(service) for service in ("stepfunctions", "sqs")}  # type: ignore[call-overload]
        self._params: dict[str, Any] = {}
        for client in self._clients.values():
            client.meta.events.register("provide-client-params", self._asked)
            client.meta.events.register("before-call", self._answer)

    def client(self, service: str) -> Any:
        return self._clients[service]

    def forget(self) -> None:
        self.started.clear()
        self.dead.clear()

    def _asked(self, params: dict[str, Any], **_: Any) -> None:
        self._params = params

    def _answer(self, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        answers = {"StartExecution": self._start, "DescribeExecution": self._describe, "SendMessage": self._send}
        answers["ListExecutions"] = lambda _: {"executions": []}
        answered = answers[model.name](self._params)
        return SimpleNamespace(status_code=400 if "Error" in answered else 200), answered

    def _start(self, params: dict[str, Any]) -> dict[str, Any]:
        assert set(params) == {"stateMachineArn", "name", "input"}
        assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", params["name"])
        assert len(params["input"].encode()) <= _LARGEST_INPUT
        json.loads(params["input"])
        if params["name"] in self.started:
            return {"Error": {"Code": "ExecutionAlreadyExists", "Message": ""}}
        self.started[params["name"]] = params
        return {"executionArn": "arn", "startDate": 0}

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.started[params["executionArn"].rsplit(":", 1)[1]]
        return {"status": "RUNNING", "input": known["input"]}

    def _send(self, params: dict[str, Any]) -> dict[str, Any]:
        attributes = {name: value["StringValue"] for name, value in params["MessageAttributes"].items()}
        texts = [params["MessageBody"], *attributes.values()]
        assert all(text and _TEXT.fullmatch(text) for text in texts)
        assert sum(len(text.encode()) for text in texts) <= _LARGEST_MESSAGE
        assert params["QueueUrl"] == DLQ
        self.dead.append((params["MessageBody"], attributes))
        return {"MessageId": "m"}
