"""Parameters of a template: what was given, checked against what was declared.

Source: AWS CloudFormation User Guide, "Parameters".
"""

import re
from collections.abc import Mapping
from typing import Any

from localaws.cloud import Refused
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.templates import Document, invalid

_TYPES = {"String", "Number", "List<Number>", "CommaDelimitedList"}
_MEMBERS = {
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
}


def resolve_parameters(document: Document, given: Mapping[str, str]) -> dict[str, Any]:
    """The value of each declared parameter: text, or a list of texts. `AwsError` for what is missing, unknown or not allowed."""
    declared: dict[str, Any] = document.get("Parameters", {})
    for name, parameter in declared.items():
        _check_declaration(name, parameter)
    if unknown := sorted(set(given) - set(declared)):
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, parameter in declared.items() if name not in given and "Default" not in parameter]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: _value(name, parameter, as_text(given.get(name, parameter.get("Default")))) for name, parameter in declared.items()}


def texts(document: Document, given: Mapping[str, str]) -> dict[str, str]:
    """Parameters as DescribeStacks shows them: as they were given or declared, NoEcho ones hidden."""
    shown = {}
    for name, parameter in document.get("Parameters", {}).items():
        hidden = as_text(parameter.get("NoEcho", False)).lower() == "true"
        shown[name] = "****" if hidden else as_text(given.get(name, parameter.get("Default", "")))
    return shown


def _check_declaration(name: str, parameter: Any) -> None:
    if unknown := sorted(set(parameter) - _MEMBERS):
        raise invalid(f"Template format error: Invalid template parameter property '{unknown[0]}' of {name}")
    if parameter.get("Type") not in _TYPES:
        raise Refused(f"Parameters.{name}: localaws resolves no parameter of type {parameter.get('Type')} (localaws/cloudformation/parameters.py)")


def _value(name: str, parameter: Document, text: str) -> Any:
    if not parameter["Type"].startswith(("List<", "Comma")):
        _check(name, parameter, text)
        return text
    items = [item.strip() for item in text.split(",")] if text else []
    for item in items:
        _check(name, parameter, item)
    return items


def _check(name: str, parameter: Document, text: str) -> None:
    why = parameter.get("ConstraintDescription")
    allowed = [as_text(value) for value in parameter.get("AllowedValues", [text])]
    if text not in allowed:
        raise invalid(f"Parameter '{name}' must be one of AllowedValues: {why or allowed}")
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, text):
        raise invalid(f"Parameter '{name}' failed to satisfy constraint: {why or f'must match pattern {pattern}'}")
    if "Number" in parameter["Type"]:
        _check_range(name, text, parameter, "Value", _number(name, text), why)
    else:
        _check_range(name, text, parameter, "Length", len(text), why)


def _check_range(name: str, text: str, parameter: Document, kind: str, size: float, why: str | None) -> None:
    least, most = parameter.get(f"Min{kind}", size), parameter.get(f"Max{kind}", size)
    if not float(least) <= size <= float(most):
        raise invalid(f"Parameter '{name}' failed to satisfy constraint: {why or f'{text!r} is not within Min{kind} {least} and Max{kind} {most}'}")


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise invalid(f"Parameter '{name}' must be a number.") from None
