"""Events come in: `PutEvents` for callers, `emit` for AWS's own services, `send` for events out of files. `TestEventPattern` says what would match.

Source: PutEvents and PutEventsResultEntry in the EventBridge API Reference; User Guide, "Calculating PutEvents event entry size". Observed on AWS
(LocalStack's snapshot tests): an event for a bus that does not exist gets an id and is lost. Not observed: that a refusal by another account's bus
fails the entry, as PutEventsResultEntry lists it, and not the whole call.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.eventbridge import function_targets, rules  # noqa: F401 - senders and guards are registered with this service
from localaws.eventbridge.archives import start_replay
from localaws.eventbridge.buses import Arn, bus_arn, find_bus
from localaws.eventbridge.delivery import accept, put_event
from localaws.eventbridge.patterns import InvalidPattern, compile_pattern

LARGEST_REQUEST = 1024 * 1024
"""Bytes, over all entries of one call."""

_ENVELOPE = ("id", "account", "source", "time", "region", "detail-type")


def emit(  # noqa: PLR0913 - an event has that many members
    cloud: Cloud,
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    *,
    resources: Sequence[str] = (),
    event_id: str | None = None,
    time: str | None = None,
) -> dict[str, Any]:
    """What an AWS service puts on the default bus of an account and Region. `time` is ISO 8601, now if not given. Returns the event."""
    event = {
        "version": "0",
        "id": event_id or cloud.uuid(),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": time or cloud.clock.iso(),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }
    accept(cloud, find_bus(bus_arn(account, region)), event)
    return event


def send(cloud: Cloud, event: dict[str, Any]) -> None:
    """Put a whole event, as it is, on the default bus of its own `account` and `region`. `ValueError` if it is no event of this organization."""
    missing = [name for name in (*_ENVELOPE, "detail") if name not in event]
    if missing:
        raise ValueError(f"an event needs {', '.join(missing)}")
    if not isinstance(event["detail"], dict):
        raise ValueError("an event's detail is an object")  # noqa: TRY004 - for the caller it is one more event that is none
    if not cloud.organization.is_member(event["account"]):
        raise ValueError(f"{event['account']} is no account of this organization")
    if event["region"] not in cloud.organization.regions:
        raise ValueError(f"{event['region']} is no Region of this organization")
    accept(cloud, find_bus(bus_arn(event["account"], event["region"])), event)


@operation("events", "StartReplay")
def replay(cloud: Cloud, call: Call) -> dict[str, Any]:
    return start_replay(cloud, call, lambda cloud, bus, event, only: accept(cloud, bus, event, only=only))


@operation("events", "TestEventPattern")
def would_match(_: Cloud, call: Call) -> dict[str, Any]:
    try:
        event = json.loads(call.params["Event"])
    except ValueError:
        event = None
    if not isinstance(event, dict) or not all(name in event for name in _ENVELOPE):
        raise AwsError("ValidationException", "Parameter Event is not valid.")
    try:
        return {"Result": compile_pattern(call.params["EventPattern"]).matches(event)}
    except InvalidPattern as error:
        raise AwsError("InvalidEventPatternException", str(error)) from None


@operation("events", "PutEvents")
def put_events(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Entries stand for themselves: one may fail beside others that are accepted. `AwsError` for what fails the call as a whole."""
    entries = call.params["Entries"]
    if call.params.get("EndpointId"):
        raise Refused("events:PutEvents: EndpointId, global endpoints (localaws/eventbridge/service.py)")
    if len(entries) > 10:
        reason = "failed to satisfy constraint: Member must have length less than or equal to 10"
        raise AwsError("ValidationException", f"1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' {reason}")
    if sum(map(_size, entries)) > LARGEST_REQUEST:
        raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
    results = [_put(cloud, call, entry) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


def _size(entry: dict[str, Any]) -> int:
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")] + list(entry.get("Resources") or [])
    return sum(len(text.encode()) for text in texts) + (14 if entry.get("Time") is not None else 0)


def _put(cloud: Cloud, call: Call, entry: dict[str, Any]) -> dict[str, Any]:
    if entry.get("TraceHeader"):
        raise Refused("events:PutEvents: TraceHeader (localaws/eventbridge/service.py)")
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {name} is not valid. Reason: {name} is a required argument."}
    detail = _detail(entry["Detail"])
    if detail is None:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    event = {
        "version": "0",
        "id": cloud.uuid(),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": call.account,
        "time": _time(cloud, entry.get("Time")),
        "region": call.region,
        "resources": list(entry.get("Resources") or []),
        "detail": detail,
    }
    return _put_on_bus(cloud, call, entry.get("EventBusName") or "default", event)


def _put_on_bus(cloud: Cloud, call: Call, bus: str, event: dict[str, Any]) -> dict[str, Any]:
    arn = bus if bus.startswith("arn:") else bus_arn(call.account, call.region, bus)
    place = Arn.read(arn)
    if place.region != call.region:
        raise Refused(f"events:PutEvents: {arn} from {call.region}: AWS does not say what it does (localaws/eventbridge/service.py)")
    try:
        put_event(cloud, arn, event, call.principal)
    except AwsError as error:
        if error.code == "AccessDeniedException":
            return {"ErrorCode": error.code, "ErrorMessage": error.message}
        lost = {"time": cloud.clock.iso(), "account": place.account, "region": place.region, "bus": place.resource.removeprefix("event-bus/")}
        about = {"rule": None, "target": None, "event_id": event["id"], "detail_type": event["detail-type"], "event": event}
        cloud.log.deliveries.append({**lost, **about, "outcome": "dropped", "error": error.message, "attempt": 0})
    return {"EventId": event["id"]}


def _detail(text: str) -> dict[str, Any] | None:
    try:
        detail = json.loads(text)
    except ValueError:
        return None
    return detail if isinstance(detail, dict) else None


def _time(cloud: Cloud, time: Any) -> str:
    """ISO 8601 without fractions, out of what a caller gave: a moment, seconds since 1970, or a text."""
    if time is None:
        return cloud.clock.iso()
    if isinstance(time, (int, float)):
        moment = datetime.fromtimestamp(time, UTC)
    else:
        moment = time if isinstance(time, datetime) else datetime.fromisoformat(str(time))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
