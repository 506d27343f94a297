"""Events as nobody meant them: each field missing, of another type, huge, of strange letters, or of a text that would be code somewhere.

The events of `events/` are found by their folders, so that a new event is fuzzed from its first day.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

EVENTS = Path(__file__).parents[2] / "events"
STRANGER = "999999999999"
"""An account that no event comes from."""

Event = dict[str, Any]
Field = tuple[str | int, ...]

HUGE = "x" * 300_000
"""More than the input of an execution may have, less than a message in a queue."""

MISSING = object()

VALUES: dict[str, Any] = {
    "missing": MISSING,
    # of another type
    "null": None,
    "true": True,
    "a number": 7,
    "below zero": -1,
    "a fraction": 0.5,
    "a large number": 10**30,
    "an account as a number": 444444444444,
    "a list": ["a"],
    "an empty list": [],
    "an object": {"a": "b"},
    "an empty object": {},
    "nested deep": json.loads("[" * 90 + "]" * 90),
    "empty": "",
    # huge
    "a huge text": HUGE,
    "a huge list": ["x" * 100] * 3_000,
    "a huge object": {f"{number}": "x" * 100 for number in range(3_000)},
    # strange letters
    "half a surrogate": "\ud800",
    "right to left": "\u202ealice\u202c",
    "nothing to see": "alice\u200b\u200d\ufeff",
    "NUL": "alice\x00",
    "a line break": "alice\nroot",
    "no character": "\ufffe\uffff",
    "a letter that looks like another": "\u0430lice",
    "digits of another script": "\u0664" * 12,
    "beyond the basic plane": "\U0001f600\U0010ffff",
    # what would be code in JSONata, in a template, or in an ARN
    "an expression": "{% $eval('$states.context.Execution.Input') %}",
    "half an expression": "{% 'alice",
    "the context": "$states.context.Execution.RoleArn",
    "a transformer's variable": "<aws.events.event.json>",
    "a substitution": "${AWS::AccountId}",
    "a quote": '"},"account":"999999999999","x":{"y":"',
    "a role": f"arn:aws:iam::{STRANGER}:role/OrganizationAccountAccessRole",
    "any role": "arn:aws:iam::*:role/*",
    "a way out": "../../role/admin",
    "a way out of a profile": f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/../../{STRANGER}",
    "a profile of another account": f"arn:aws:sagemaker:eu-west-1:{STRANGER}:user-profile/d-fraud0dev0001/alice",
    "a profile of another Region": "arn:aws:sagemaker:ap-south-1:444444444444:user-profile/d-fraud0dev0001/alice",
    "a profile of another partition": "arn:aws-cn:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/alice",
    "anything": "*",
    "another account": STRANGER,
    "another Region": "ap-south-1",
    "no Region": "eu-west-1.attacker.example/",
    "the longest name": "a" * 63,
    "a longer name": "a" * 64,
    "a name with a colon": "alice:root",
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(), max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
"""Any JSON, halves of surrogates included."""


def repeatable(examples: int) -> settings:
    """The same examples in each run, however long they take. A failing one is shown as it was found: to make it smaller takes minutes."""
    checks, phases = list(HealthCheck), [Phase.explicit, Phase.generate]
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=checks, phases=phases)


def event_files() -> list[Path]:
    return sorted(EVENTS.glob("*/*.json"))


@cache
def read(file: Path) -> Event:
    """Shared by all: changing it is left to `changed`."""
    return dict(json.loads(file.read_text()))


def workflow_of(file: Path) -> str:
    return file.parent.name


def fields_by_kind() -> dict[str, list[tuple[Path, list[Field]]]]:
    """For each kind of event its files, each with those of its fields that no file of the kind before it has."""
    kinds: dict[str, list[tuple[Path, list[Field]]]] = {}
    for file in event_files():
        event = read(file)
        files = kinds.setdefault(f"{workflow_of(file)} {event['detail-type']} {event['detail'].get('eventName')}", [])
        seen = {field for _, known in files for field in known}
        files.append((file, [field for field in fields(event) if field not in seen]))
    return kinds


def fields(event: Event) -> list[Field]:
    """Every field there is, objects and lists themselves included, and what EventBridge adds to a replay."""
    return [*_fields(event, ()), ("replay-name",)]


def _fields(value: Any, at: Field) -> Iterator[Field]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield (*at, name)
        yield from _fields(item, (*at, name))


def changed(event: Event, field: Field, value: Any) -> Event:
    """A copy with this value there, or without the field. Where an earlier change took away what held it, nothing happens."""
    copied: Event = _changed(event, field, value)
    return copied


def _changed(holder: Any, field: Field, value: Any) -> Any:
    name, rest = field[0], field[1:]
    if isinstance(holder, dict):
        holder, is_there = dict(holder), name in holder
    elif isinstance(holder, list) and isinstance(name, int):
        holder, is_there = list(holder), name < len(holder)
    else:
        return holder
    if rest or value is MISSING:
        if is_there and rest:
            holder[name] = _changed(holder[name], rest, value)
        elif is_there:
            del holder[name]
    elif is_there or isinstance(holder, dict):
        holder[name] = value
    return holder


@st.composite
def strange_events(draw: st.DrawFn) -> tuple[str, Event]:
    """A workflow and an event of it, strange in one to three fields."""
    file = draw(st.sampled_from(event_files()))
    event = read(file)
    for _ in range(draw(st.integers(1, 3))):
        field = draw(st.sampled_from(fields(read(file))))
        event = changed(event, field, draw(st.sampled_from(list(VALUES.values())) | anything))
    return workflow_of(file), event


def message(workflow: Any, event: Any) -> str:
    """As a rule of the hub bus sends it."""
    return json.dumps({"workflow": workflow, "event": event})


def messages_with(workflow: str, event: Event, field: Field) -> Iterator[tuple[Event, str]]:
    """The event with each strange value in that field, and its message: written once and filled in, since most of it is the same."""
    before, after = message(workflow, changed(event, field, _HERE)).split(f'"{_HERE}"')
    for name, value in VALUES.items():
        strange = changed(event, field, value)
        yield strange, message(workflow, strange) if value is MISSING else before + _WRITTEN[name] + after


_HERE = "here stands what is strange"
_WRITTEN = {name: json.dumps(value) for name, value in VALUES.items() if value is not MISSING}
