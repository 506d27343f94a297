"""Our own events, on the hub bus, for steps that have more of them to tell than a state machine puts there by itself."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steward.errors import AnnouncementRefused

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "studio-steward"
ENTRIES = 10
"""PutEvents takes no more (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html)."""


def announce(events: "EventBridgeClient", bus: str, execution: str, told: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Each is a detail type and a detail. `execution` is the ARN of who did it. Told again, they are the same again.

    Raises AnnouncementRefused where EventBridge takes one of them not.
    """
    for first in range(0, len(told), ENTRIES):
        entries: list[Any] = [
            {"EventBusName": bus, "Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail), "Resources": [execution]}
            for kind, detail in told[first : first + ENTRIES]
        ]
        answer = events.put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            refused = next(entry for entry in answer["Entries"] if "ErrorCode" in entry)
            raise AnnouncementRefused(f"{answer['FailedEntryCount']} of {len(entries)}: {refused['ErrorCode']}: {refused.get('ErrorMessage', '')}")
