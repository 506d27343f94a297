"""Event buses as moto keeps them: finding one by its ARN, and the resource policy on it.

`PutPermission` is answered here: moto's drops other statements with the same principal and keeps old ones beside a whole new policy.
Source: PutPermission in the EventBridge API Reference; User Guide, "Permissions for event buses".
"""

import re
from typing import Any, NamedTuple

from moto.events.exceptions import ResourceNotFoundException
from moto.events.models import events_backends

from localaws.cloud import AwsError, Call, Cloud, Refused, compact, operation
from localaws.policy import Document, read_document


class Arn(NamedTuple):
    """The parts of an ARN that matter here. `resource` is all that follows the account."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def read(cls, text: str) -> "Arn":
        """`ValueError` if `text` is no ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise ValueError(f"{text} is no ARN")
        return cls(*parts[1:])


def bus_arn(account: str, region: str, name: str = "default") -> str:
    return f"arn:aws:events:{region}:{account}:event-bus/{name}"


def find_bus(arn: str) -> Any:
    """moto's bus: `name`, `arn`, `account_id`, `region`, `rules`. `AwsError` (ResourceNotFoundException) if there is none."""
    place = Arn.read(arn)
    name = place.resource.removeprefix("event-bus/")
    try:
        return events_backends[place.account][place.region].describe_event_bus(name)
    except ResourceNotFoundException:
        raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.") from None


def bus_policy(bus: Any) -> list[Document]:
    """The documents to evaluate for a request to this bus: its policy, or none."""
    return [read_document(bus.policy)] if bus.policy else []


class KeptStatement:
    """A statement in the place where moto keeps its own, written back as it came."""

    def __init__(self, statement: dict[str, Any]):
        self.statement = statement
        self.principal = statement.get("Principal")

    def describe(self) -> dict[str, Any]:
        return self.statement


@operation("events", "PutPermission")
def put_permission(_: Cloud, call: Call) -> None:
    """Replace the whole policy by `Policy`, or add one statement by `StatementId`."""
    bus = find_bus(bus_arn(call.account, call.region, call.params.get("EventBusName") or "default"))
    whole = call.params.get("Policy")
    added = _whole_policy(whole) if whole is not None else {call.params.get("StatementId"): _statement(bus, call.params)}
    kept = {} if whole is not None else bus._statements  # noqa: SLF001 - moto's only place for it
    statements = {**kept, **{sid: KeptStatement(statement) for sid, statement in added.items()}}
    text = compact([statement.describe() for statement in statements.values()])
    if len(text) > 10_240:
        raise AwsError("PolicyLengthExceededException", "The event bus policy length exceeds the limit of 10240 characters.")
    bus._statements = statements  # noqa: SLF001


def _whole_policy(text: str) -> dict[str, dict[str, Any]]:
    try:
        document = read_document(text)
    except ValueError:
        raise AwsError("ValidationException", "This policy contains invalid Json") from None
    if set(document) != {"Version", "Statement"} or document["Version"] != "2012-10-17":
        raise Refused("events:PutPermission: a policy of Version 2012-10-17 with Statement and nothing else is kept (localaws/eventbridge/buses.py)")
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    named = {str(statement.get("Sid", number)): statement for number, statement in enumerate(statements)}
    if len(named) < len(statements):
        raise AwsError("ValidationException", "Statement IDs (SID) in a single policy must be unique.")
    return named


def _statement(bus: Any, params: dict[str, Any]) -> dict[str, Any]:
    """One statement out of `Principal`, `Action`, `StatementId` and `Condition`."""
    principal, condition = params.get("Principal"), params.get("Condition")
    for name in ("Action", "Principal", "StatementId"):
        if name not in params:
            raise AwsError("ValidationException", f"Parameter {name} must be specified.")
    if params["Action"] != "events:PutEvents":
        raise AwsError("ValidationException", "Provided value in parameter 'action' is not supported.")
    if condition and principal != "*":
        raise AwsError("ValidationException", "Value of the parameter 'principal' must be '*' when the parameter 'condition' is set.")
    if principal != "*" and not re.fullmatch(r"\d{12}", str(principal)):
        raise AwsError("ValidationException", f"Value {principal} at 'principal' failed to satisfy constraint: (\\d{{12}}|\\*)")
    return {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": "events:PutEvents",
        "Resource": bus.arn,
        **({"Condition": {condition["Type"]: {condition["Key"]: condition["Value"]}}} if condition else {}),
    }
