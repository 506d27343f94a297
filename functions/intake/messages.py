"""What a message in the intake queue asks for, and the name of the execution that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from steward.errors import EventUnreadable
from steward.executions import execution_name
from steward.lifecycle_events import LifecycleEvent, ScheduleFired, parse_lifecycle_event, parse_schedule

Occasion = LifecycleEvent | ScheduleFired


@dataclass(frozen=True)
class Request:
    """An execution of `workflow`, because of `occasion`."""

    workflow: str
    occasion: Occasion


class _Message(BaseModel):
    workflow: str
    event: Mapping[str, Any] | None = None
    schedule: Mapping[str, Any] | None = None


def read_message(body: str) -> Request:
    """The request in ``{"workflow": …, "event": …}``, as rules send it, or ``{"workflow": …, "schedule": …}``, as schedules do.

    Raises EventUnreadable. pydantic reads the JSON: unlike the standard library it refuses surrogates and too deep a nesting as it refuses the rest.
    """
    try:
        message = _Message.model_validate_json(body)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in error.errors())
        raise EventUnreadable(f'the message is not {{"workflow": …, "event" or "schedule": …}}: {faults}') from None
    if message.event is not None and message.schedule is None:
        return Request(message.workflow, parse_lifecycle_event(message.event))
    if message.schedule is not None and message.event is None:
        return Request(message.workflow, parse_schedule(message.schedule))
    raise EventUnreadable("the message has to bring an event or a schedule, and not both")


def name_of_execution(occasion: Occasion) -> str:
    """What the execution is called: see `steward.executions`. Of a schedule ``keys-2026-11-22T10``, and the minute where it is not the full hour."""
    if isinstance(occasion, ScheduleFired):
        return f"{occasion.name}-{occasion.time:%Y-%m-%dT%H}" + (f"-{occasion.time:%M}" if occasion.time.minute else "")
    return execution_name(occasion.account_id, occasion.region, occasion.subject, occasion.verb, occasion.event_id)
