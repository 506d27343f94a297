"""What a rule and its targets may be: `AwsError` for what AWS would not take, `Refused`, by name, for what would have no effect here.

Sources: PutRule and PutTargets in the EventBridge API Reference; "Amazon EventBridge quotas". moto keeps the rules; its own
delivery is shut off here.
"""

from typing import Any

from moto.events.models import Rule, events_backends

from localaws.cloud import AwsError, Call, Cloud, Refused, guard
from localaws.eventbridge.buses import Arn
from localaws.eventbridge.patterns import InvalidPattern, compile_pattern
from localaws.eventbridge.targets import SENDERS
from localaws.eventbridge.transformer import InvalidInput, check_target_input
from localaws.validation import check_input

LONGEST_PATTERN = 2048
"""Characters; the default quota. AWS raises it on request, up to 4,096."""

MOST_TARGETS = 5

_TARGET_FIELDS = {"Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig", "RetryPolicy"}
_ON_RULES = ("PutRule", "EnableRule", "DisableRule", "DeleteRule", "DescribeRule", "ListRules", "ListTargetsByRule")
_ON_BUSES = ("DescribeEventBus", "DeleteEventBus")


def _refuse(call: Call, what: str) -> Refused:
    return Refused(f"{call.action}: {what} (localaws/eventbridge/rules.py)")


@guard("events", *_ON_RULES, "PutTargets", "RemoveTargets", *_ON_BUSES)
def bus_is_here(_: Cloud, call: Call) -> None:
    """moto takes only the name out of a bus's ARN, and would look it up in the caller's own account and Region."""
    bus = call.params.get("EventBusName" if call.operation not in _ON_BUSES else "Name") or "default"
    if bus.startswith("arn:") and (Arn.read(bus).account, Arn.read(bus).region) != (call.account, call.region):
        raise _refuse(call, f"{bus} is of another account or Region")


@guard("events", "CreateEventBus")
def bus_is_plain(_: Cloud, call: Call) -> None:
    if unknown := sorted(set(call.params) - {"Name", "Description", "Tags"}):
        raise _refuse(call, ", ".join(unknown))


@guard("events", "PutRule")
def rule_is_understood(_: Cloud, call: Call) -> None:
    """A pattern AWS would take, and nothing but a pattern."""
    for name in ("ScheduleExpression", "RoleArn"):
        if call.params.get(name):
            raise _refuse(call, name)
    _check_pattern(call.params.get("EventPattern"))


@guard("events", "CreateArchive", "UpdateArchive")
def archive_is_understood(_: Cloud, call: Call) -> None:
    if call.params.get("KmsKeyIdentifier"):
        raise _refuse(call, "KmsKeyIdentifier")
    source = Arn.read(call.params["EventSourceArn"]) if "EventSourceArn" in call.params else None
    if source and (source.account, source.region) != (call.account, call.region):
        raise _refuse(call, f"{call.params['EventSourceArn']} is of another account or Region")
    _check_pattern(call.params.get("EventPattern"))


def _check_pattern(pattern: str | None) -> None:
    if pattern is None:
        return
    if len(pattern) > LONGEST_PATTERN:
        raise AwsError("LimitExceededException", f"Event pattern is {len(pattern)} characters long, the quota is {LONGEST_PATTERN}.")
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        raise AwsError("InvalidEventPatternException", str(error)) from None


@guard("events", "PutTargets")
def targets_are_understood(_: Cloud, call: Call) -> None:
    check_input(call)
    targets = call.params["Targets"]
    for target in targets:
        _check_target(call, target)
    name = (call.params.get("EventBusName") or "default").rsplit("/", 1)[-1]
    bus = events_backends[call.account][call.region].event_buses.get(name)
    rule = bus.rules.get(call.params["Rule"]) if bus else None
    if rule is not None and len({target["Id"] for target in [*rule.targets, *targets]}) > MOST_TARGETS:
        raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def _check_target(call: Call, target: dict[str, Any]) -> None:
    if unknown := sorted(set(target) - _TARGET_FIELDS):
        raise _refuse(call, f"{', '.join(unknown)} of target {target['Id']}")
    try:
        place = Arn.read(target["Arn"])
        check_target_input(target)
    except InvalidInput as error:
        raise AwsError("ValidationException", str(error)) from None
    except ValueError:
        raise AwsError("ValidationException", f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.") from None
    if place.service not in SENDERS:
        raise _refuse(call, f"target {target['Arn']}, only {' and '.join(sorted(SENDERS))} are delivered to")
    if place.service == "sqs":
        _check_queue(call, target, place)
    if place.service in ("lambda", "states"):
        _check_worker(call, target, place)
    if place.service == "events":
        _check_bus(call, target, place)
    _check_dead_letters(call, target)


def _check_queue(call: Call, target: dict[str, Any], place: Arn) -> None:
    if (place.account, place.region) != (call.account, call.region):
        raise _refuse(call, f"target {target['Arn']}, a queue of another account or Region")
    if place.resource.endswith(".fifo"):
        raise _refuse(call, f"target {target['Arn']}, a FIFO queue")
    if "RoleArn" in target:
        raise _refuse(call, f"RoleArn of target {target['Id']}, a queue")


def _check_worker(call: Call, target: dict[str, Any], place: Arn) -> None:
    if (place.account, place.region) != (call.account, call.region):
        raise _refuse(call, f"target {target['Arn']}, of another account or Region")
    if place.resource.count(":") > 1:
        raise _refuse(call, f"target {target['Arn']}, a version or an alias")
    if place.service == "lambda" and "RoleArn" in target:
        raise _refuse(call, f"RoleArn of target {target['Id']}, a function")
    if place.service == "states" and "RoleArn" not in target:
        raise AwsError("ValidationException", f"RoleArn is required for target {target['Arn']}.")


def _check_bus(call: Call, target: dict[str, Any], place: Arn) -> None:
    if not place.resource.startswith("event-bus/"):
        raise _refuse(call, f"target {target['Arn']}, only event buses are delivered to")
    if {"Input", "InputPath", "InputTransformer"} & set(target):
        if place.account == call.account:
            raise _refuse(call, f"an input of target {target['Id']}, an event bus")
        raise AwsError("ValidationException", f"Input, InputPath and InputTransformer are not available for target {target['Id']}.")
    if "RoleArn" not in target:
        if place.account == call.account:
            raise _refuse(call, f"target {target['Id']}, a bus of the same account without RoleArn")
        raise AwsError("ValidationException", f"RoleArn is required for target {target['Arn']}.")
    if Arn.read(target["RoleArn"]).account != call.account:
        raise AwsError("ValidationException", f"RoleArn of target {target['Id']} is of another account.")


def _check_dead_letters(call: Call, target: dict[str, Any]) -> None:
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue is None:
        return
    place = Arn.read(queue)
    if place.service != "sqs" or place.region != call.region or place.resource.endswith(".fifo"):
        raise AwsError("ValidationException", f"DeadLetterConfig of target {target['Id']}: {queue} is no standard queue in {call.region}.")


def _delivery_of_moto(rule: Any, *_: Any, **__: Any) -> None:
    raise Refused(f"moto's own delivery for {rule.arn}: events go through localaws/eventbridge/delivery.py")


Rule.send_to_targets = _delivery_of_moto
