"""What a target is sent: the event, a constant, a part of the event, or a template filled from it.

Sources: EventBridge User Guide, "Amazon EventBridge input transformation"; PutTargets in the API Reference. What a variable without a value becomes,
what objects become inside a string, and the members of ``aws.events.event`` are as observed on AWS (recorded by LocalStack's snapshot tests of its
events service). Not observed, so approximated: ``null`` is written as ``null``, and an `InputPath` that finds nothing is a failed delivery.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localaws.cloud import Refused

RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)
_VARIABLE = re.compile(r"<([^<>\s]+)>")
_PATH = re.compile(r"\$(?:\.[\w/-]+|\[\d+\])*")
_STEP = re.compile(r"\.([\w/-]+)|\[(\d+)\]")
ABSENT = object()


class InvalidInput(ValueError):
    """`PutTargets` would not take this input."""


class NotDelivered(Exception):
    """The input made for this event is no JSON, so EventBridge does not deliver it."""


@dataclass(frozen=True)
class Firing:
    """A rule that matched an event: what the reserved variables say. `ingestion_time` is ISO 8601, when the bus received the event."""

    event: dict[str, Any]
    rule_arn: str
    rule_name: str
    ingestion_time: str

    def reserved(self) -> dict[str, Any]:
        # AWS writes this variable from its own record of the event: other names, and the time it came in.
        own = {"detailType" if name == "detail-type" else name: value for name, value in self.event.items() if name != "detail"}
        values = (self.rule_arn, self.rule_name, self.ingestion_time, {**own, "time": self.ingestion_time}, self.event)
        return dict(zip(RESERVED, values, strict=True))


def target_input(target: dict[str, Any], firing: Firing) -> str:
    """The text that `target`, as PutTargets takes it, is sent. `NotDelivered` where EventBridge gives up."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        part = find(target["InputPath"], firing.event)
        if part is ABSENT:
            raise NotDelivered(f"{target['InputPath']} is not in the event")
        return _json(part)
    if "InputTransformer" in target:
        return _transform(target["InputTransformer"], firing)
    return _json(firing.event)


def check_target_input(target: dict[str, Any]) -> None:
    """What PutTargets checks of a target's input: `InvalidInput` for what AWS would not take, `Refused` for JSON paths not followed here."""
    target_id = target["Id"]
    if len({"Input", "InputPath", "InputTransformer"} & set(target)) > 1:
        raise InvalidInput(f"Only one of Input, InputPath, or InputTransformer must be provided for target {target_id}.")
    if "Input" in target and not _is_json(target["Input"]):
        raise InvalidInput(f"JSON syntax error in input for target {target_id}")
    transformer = target.get("InputTransformer", {})
    paths = transformer.get("InputPathsMap", {})
    for path in [*paths.values(), *([target["InputPath"]] if "InputPath" in target else [])]:
        _check_path(path)
    if len(paths) > 100 or len(transformer.get("InputTemplate", "")) > 8192:
        raise InvalidInput(f"InputTransformer for target {target_id} has more than 100 paths or a template of more than 8192 characters.")
    for name in paths:
        if name.lower().startswith("aws."):
            raise InvalidInput(f"InputPathsMap for target {target_id} contains reserved key {name}.")
    for name in _VARIABLE.findall(transformer.get("InputTemplate", "")):
        if name not in paths and name not in RESERVED:
            raise InvalidInput(f"InputTemplate for target {target_id} contains invalid placeholder {name}.")


# -- JSON paths


def _check_path(path: str) -> None:
    if not _PATH.fullmatch(path):
        raise Refused(f"events:PutTargets: JSON path {path}: only $, .name and [0] are followed (localaws/eventbridge/transformer.py)")


def find(path: str, event: dict[str, Any]) -> Any:
    """The value at a path like ``$.detail.items[0].instance-id``; `ABSENT` where there is none."""
    _check_path(path)
    value: Any = event
    for name, index in _STEP.findall(path):
        if name:
            value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else ABSENT
    return value


# -- templates


def _transform(transformer: dict[str, Any], firing: Firing) -> str:
    """Fill the template. One that begins with a quote is text: strings, one a line. Every other must become JSON."""
    values = {name: find(path, firing.event) for name, path in transformer.get("InputPathsMap", {}).items()} | firing.reserved()
    template: str = transformer["InputTemplate"]
    is_text = template.lstrip().startswith('"')
    filled = "".join(_pieces(template, values, is_text=is_text))
    if not all(_is_json(line) for line in (filled.splitlines() if is_text else [filled]) if line.strip() or not is_text):
        raise NotDelivered(f"the template became invalid JSON: {filled[:200]}")
    return filled


def _pieces(template: str, values: dict[str, Any], *, is_text: bool) -> Iterator[str]:
    """The template piece by piece, knowing at each variable whether it stands inside a JSON string."""
    quoted = False
    end = 0
    for variable in _VARIABLE.finditer(template):
        literal = template[end : variable.start()]
        quoted ^= _quotes(literal) % 2 == 1
        end = variable.end()
        yield literal
        value = values[variable.group(1)]
        yield _inside_string(value, is_text=is_text) if quoted else _as_json(value)
    yield template[end:]


def _quotes(literal: str) -> int:
    """How many quotes open or close a string: an escaped one does not."""
    return len(re.findall(r'"', re.sub(r"\\.", "", literal, flags=re.DOTALL)))


def _as_json(value: Any) -> str:
    return '""' if value is ABSENT else _json(value)


def _inside_string(value: Any, *, is_text: bool) -> str:
    """EventBridge escapes nothing: a quote in a value, or an object in a JSON template's string, is invalid JSON. Text loses an object's quotes."""
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return _json(value).replace('"', "") if is_text else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
