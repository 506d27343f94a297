"""What a schedule may call: queues, functions, state machines and event buses, each through its API, with a session of the schedule's role.

Source: EventBridge Scheduler User Guide, "Managing targets", "Set up the execution role" and "Confused deputy prevention": ``aws:SourceArn`` in a
role's trust is the schedule's group.
"""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from localaws.authorization import may_take
from localaws.cloud import AwsError, Call, Cloud, Principal, Refused
from localaws.eventbridge.buses import Arn

SERVICE = "scheduler.amazonaws.com"

_HERE = "localaws/scheduler/targets.py"
_FIELDS = {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig", "EventBridgeParameters"}
_NO_ROLE = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."

Target = dict[str, Any]
ClientOf = Callable[[str], Any]


def send(cloud: Cloud, target: Target, body: str, session: str) -> None:
    """Call the target once. `AwsError` for what the target, or the role, answers."""
    place = Arn.read(target["Arn"])
    _as_the_target_answers(lambda: _SENDERS[place.service](_client_of(cloud, target, session), target, place, body))


def put_in_queue(cloud: Cloud, target: Target, body: str, attributes: dict[str, str], session: str) -> None:
    """Send to the target's dead-letter queue, with the target's role. `AwsError` as `send`."""
    queue = Arn.read(target["DeadLetterConfig"]["Arn"])
    values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    client_of = _client_of(cloud, target, session)
    _as_the_target_answers(lambda: client_of("sqs").send_message(QueueUrl=_url(queue), MessageBody=body, MessageAttributes=values))


def _client_of(cloud: Cloud, target: Target, session: str) -> ClientOf:
    principal = Principal.of_role(target["RoleArn"], session)
    region = Arn.read(target["Arn"]).region
    return lambda service: cloud.client(service, region, principal)


def _as_the_target_answers(call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        said = error.response["Error"]
        raise AwsError(said.get("Code", "InternalFailure"), said.get("Message", "")) from None
    except HTTPClientError as error:
        raise AwsError("InternalFailure", str(error), 500) from None


def _url(queue: Arn) -> str:
    return f"https://sqs.{queue.region}.amazonaws.com/{queue.account}/{queue.resource}"


def _send_to_queue(client_of: ClientOf, _: Target, place: Arn, body: str) -> None:
    client_of("sqs").send_message(QueueUrl=_url(place), MessageBody=body)


def _invoke_function(client_of: ClientOf, target: Target, _: Arn, body: str) -> None:
    client_of("lambda").invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=body.encode())


def _start_execution(client_of: ClientOf, target: Target, _: Arn, body: str) -> None:
    client_of("stepfunctions").start_execution(stateMachineArn=target["Arn"], input=body)


def _put_on_bus(client_of: ClientOf, target: Target, _: Arn, body: str) -> None:
    said = target["EventBridgeParameters"]
    entry = {"EventBusName": target["Arn"], "DetailType": said["DetailType"], "Source": said["Source"], "Detail": body}
    (answer,) = client_of("events").put_events(Entries=[entry])["Entries"]
    if "ErrorCode" in answer:
        raise AwsError(answer["ErrorCode"], answer["ErrorMessage"])


_SENDERS: dict[str, Callable[[ClientOf, Target, Arn, str], None]] = {
    "sqs": _send_to_queue,
    "lambda": _invoke_function,
    "states": _start_execution,
    "events": _put_on_bus,
}


# -- what CreateSchedule takes


def check_target(cloud: Cloud, call: Call, target: Target, group_arn: str) -> None:
    """`AwsError` for what AWS would not take, `Refused` for what nothing here would deliver to."""
    if unknown := sorted(set(target) - _FIELDS):
        raise Refused(f"{call.action}: {', '.join(unknown)} ({_HERE})")
    if target["Arn"].startswith("arn:aws:scheduler:::"):
        raise Refused(f"{call.action}: the universal target {target['Arn']}, only templated targets are called ({_HERE})")
    for arn in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn")):
        if arn is not None:
            _check_place(call, arn)
    if "Input" not in target:
        raise Refused(f"{call.action}: a target without Input: AWS does not say what it delivers then ({_HERE})")
    _check_parameters(target)
    if (Arn.read(target["Arn"]).service != "sqs") and not _is_json(target["Input"]):
        raise AwsError("ValidationException", f"Invalid Target Input: {target['Arn']} takes JSON.")
    if not may_assume(cloud, target["RoleArn"], group_arn):
        raise AwsError("ValidationException", _NO_ROLE)


def _check_place(call: Call, arn: str) -> None:
    try:
        place = Arn.read(arn)
    except ValueError:
        raise AwsError("ValidationException", f"Provided Arn is not in correct format: {arn}") from None
    if place.service not in _SENDERS:
        raise Refused(f"{call.action}: target {arn}, only {', '.join(sorted(_SENDERS))} are called ({_HERE})")
    if (place.account, place.region) != (call.account, call.region) or arn.endswith(".fifo"):
        raise Refused(f"{call.action}: {arn}, a FIFO queue, or of another account or Region ({_HERE})")


def _check_parameters(target: Target) -> None:
    if ("EventBridgeParameters" in target) != (Arn.read(target["Arn"]).service == "events"):
        raise AwsError("ValidationException", "EventBridgeParameters are for the target of an event bus, which needs them.")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def may_assume(cloud: Cloud, role_arn: str, group_arn: str) -> bool:
    """Whether the role is there and trusts Scheduler for schedules of this group."""
    return may_take(cloud, SERVICE, role_arn, Arn.read(group_arn).account, group_arn).decision.allowed
