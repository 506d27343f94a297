"""CloudFormation's functions: which names they refer to, and what they come to.

Unlike moto's ``clean_json`` this drops nothing: a function that is not built is `Refused` by its name, a value that cannot be found is a
``ValidationError``. Only ``AWS::NoValue`` removes what it stands for, as it does in AWS.

Source: AWS CloudFormation User Guide, "Intrinsic function reference", "Pseudo parameters reference" and "Rule-specific intrinsic functions".
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from localaws.cloud import AwsError, Refused

PSEUDO_PARAMETERS = {
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
}
CONDITION_FUNCTIONS = {"Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals", "Fn::Not", "Fn::Or"}
"""Of the sections Conditions and Rules: `localaws.cloudformation.conditions`."""
NO_VALUE = object()
"""What ``AWS::NoValue`` comes to: the member or item it stands for goes."""

_BUILT = "localaws/cloudformation/intrinsics.py"
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")


@dataclass(frozen=True)
class Reference:
    """A name that a function needs: a parameter or resource (`name`), an attribute of a resource, a condition, a mapping."""

    kind: Literal["name", "attribute", "condition", "map"]
    name: str
    attribute: str = ""


class Made(Protocol):
    """A resource that is there, as far as functions see it."""

    @property
    def ref(self) -> Any: ...

    @property
    def attributes(self) -> Mapping[str, Any]: ...


@dataclass
class Scope:
    """What the functions of one stack can see. `resources` are those that are there by now, `conditions` are decided."""

    values: Mapping[str, Any]
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    resources: Mapping[str, Made] = field(default_factory=dict)


def _error(message: str) -> AwsError:
    return AwsError("ValidationError", f"Template error: {message}")


def function_of(value: Any) -> tuple[str, Any] | None:
    """The name and argument of a function, if that is what a value is. A function stands alone in its mapping."""
    if not isinstance(value, dict):
        return None
    names = [name for name in value if name == "Ref" or str(name).startswith("Fn::")]
    if not names:
        return None
    if len(value) > 1:
        raise _error(f"{names[0]} must stand alone in its mapping, beside it: {sorted(str(name) for name in value if name != names[0])}")
    return str(names[0]), value[names[0]]


# -- what is named


def references(value: Any, conditions: Mapping[str, bool] | None = None) -> Iterator[Reference]:
    """Every name in a value. With `conditions` given, only the branch of each ``Fn::If`` that is taken."""
    function = function_of(value)
    if function is None:
        _refuse_dynamic(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from references(item, conditions)
        return
    name, argument = function
    if name not in _FUNCTIONS and name not in CONDITION_FUNCTIONS:
        raise Refused(f"the function {name}: localaws does not evaluate it ({_BUILT})")
    if name == "Ref":
        yield Reference("name", str(argument))
    elif name == "Fn::GetAtt":
        yield Reference("attribute", *_attribute(argument))
    elif name == "Fn::Sub":
        yield from _references_of_sub(argument, conditions)
    elif name == "Fn::If":
        yield from _references_of_if(argument, conditions)
    else:
        if name == "Fn::FindInMap" and isinstance(argument, list) and isinstance(argument[0], str):
            yield Reference("map", argument[0])
        yield from references(argument, conditions)


def _references_of_sub(argument: Any, conditions: Mapping[str, bool] | None) -> Iterator[Reference]:
    text, variables = _sub(argument)
    yield from references(variables, conditions)
    for literal, name in _PLACEHOLDER.findall(text):
        if not literal and name not in variables:
            yield Reference("attribute", *name.split(".", 1)) if "." in name else Reference("name", name)


def _references_of_if(argument: Any, conditions: Mapping[str, bool] | None) -> Iterator[Reference]:
    condition, then, otherwise = _items("Fn::If", argument, 3)
    yield Reference("condition", condition)
    if conditions is None:
        yield from references([then, otherwise])
    else:
        yield from references(then if conditions[condition] else otherwise, conditions)


def _attribute(argument: Any) -> tuple[str, str]:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise _error(f"Fn::GetAtt takes a resource and an attribute, not {argument}")
    return parts[0], parts[1]


def _sub(argument: Any) -> tuple[str, dict[str, Any]]:
    text, variables = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str) or not isinstance(variables, dict):
        raise _error(f"Fn::Sub takes a string, or a string and a mapping, not {argument}")
    return text, variables


def _items(name: str, argument: Any, count: int) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != count:
        raise _error(f"{name} takes {count} items, not {argument}")
    return argument


# -- what it comes to


def evaluate(value: Any, scope: Scope) -> Any:
    """A value with all its functions resolved; `NO_VALUE` where it is to go."""
    _refuse_dynamic(value)
    function = function_of(value)
    if function is not None:
        name, argument = function
        if name not in _FUNCTIONS:
            raise Refused(f"the function {name}: localaws does not evaluate it here ({_BUILT})")
        return _FUNCTIONS[name](argument, scope)
    if isinstance(value, dict):
        resolved = {key: evaluate(member, scope) for key, member in value.items()}
        return {key: member for key, member in resolved.items() if member is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (evaluate(item, scope) for item in value) if item is not NO_VALUE]
    return value


def _refuse_dynamic(value: Any) -> None:
    if isinstance(value, str) and "{{resolve:" in value:
        raise Refused(f"the dynamic reference {value}: localaws resolves none ({_BUILT})")


def as_text(value: Any) -> str:
    """A scalar as CloudFormation writes it into strings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _error(f"a string is needed, not {value!r}")


def _ref(argument: Any, scope: Scope) -> Any:
    if argument == "AWS::NoValue":
        return NO_VALUE
    if argument in scope.values:
        return scope.values[argument]
    return _resource(argument, scope).ref


def _get_att(argument: Any, scope: Scope) -> Any:
    name, attribute = _attribute(argument)
    attributes = _resource(name, scope).attributes
    if attribute not in attributes:
        raise _error(f"resource {name} does not support attribute type {attribute} in Fn::GetAtt")
    return attributes[attribute]


def _resource(name: str, scope: Scope) -> Made:
    if name not in scope.resources:
        raise AwsError("ValidationError", f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template")
    return scope.resources[name]


def _evaluate_sub(argument: Any, scope: Scope) -> str:
    text, variables = _sub(argument)
    given = {name: as_text(evaluate(value, scope)) for name, value in variables.items()}

    def replaced(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return "${" + name + "}"
        if name in given:
            return given[name]
        return as_text(_get_att(name, scope) if "." in name else _ref(name, scope))

    return _PLACEHOLDER.sub(replaced, text)


def _evaluate_if(argument: Any, scope: Scope) -> Any:
    condition, then, otherwise = _items("Fn::If", argument, 3)
    return evaluate(then if scope.conditions[condition] else otherwise, scope)


def _join(argument: Any, scope: Scope) -> str:
    delimiter, items = _items("Fn::Join", argument, 2)
    return as_text(delimiter).join(as_text(item) for item in _list("Fn::Join", items, scope))


def _split(argument: Any, scope: Scope) -> list[str]:
    delimiter, text = _items("Fn::Split", argument, 2)
    return as_text(evaluate(text, scope)).split(as_text(delimiter))


def _select(argument: Any, scope: Scope) -> Any:
    index, items = _items("Fn::Select", argument, 2)
    number, chosen = int(as_text(evaluate(index, scope))), _list("Fn::Select", items, scope)
    if not 0 <= number < len(chosen):
        raise _error(f"Fn::Select cannot select nonexistent value at index {number}")
    return chosen[number]


def _find_in_map(argument: Any, scope: Scope) -> Any:
    names = [as_text(evaluate(item, scope)) for item in _items("Fn::FindInMap", argument, 3)]
    found: Any = scope.mappings
    for name in names:
        if not isinstance(found, Mapping) or name not in found:
            raise _error(f"Unable to get mapping for {'::'.join(names)}")
        found = found[name]
    return found


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(as_text(evaluate(argument, scope)).encode()).decode()


def _list(name: str, items: Any, scope: Scope) -> list[Any]:
    resolved = evaluate(items, scope)
    if not isinstance(resolved, list):
        raise _error(f"{name} needs a list, not {resolved!r}")
    return resolved


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::If": _evaluate_if,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _evaluate_sub,
}
