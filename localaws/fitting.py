"""Whether a value fits a shape of AWS's model, compiled once for each shape: a page of a hundred items has thousands of values.

It is the short form of what `localaws.validation` asks at length, and says no more than yes or perhaps not: what does not fit here is looked at
there, where it gets its words or is let pass. So this may be stricter, and must never let pass what is stopped there.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

Fits = Callable[[Any], bool]

_ANSWERED_TOO = {
    "PolicySourceType": {"IAM Policy"},
    "ResourceStatus": {"REVIEW_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"},
}
"""What a model leaves out of an enumeration and AWS answers, by shape: events of a stack have the stack's own statuses."""


@cache
def fits(shape: Shape) -> Fits:
    """What says of a value whether it fits."""
    if "jsonvalue" in shape.serialization or shape.serialization.get("hostLabel"):
        return _at_length
    return _MAKERS.get(shape.type_name, lambda _: _at_length)(shape)


def _at_length(_: Any) -> bool:
    return False


def _structure(shape: StructureShape) -> Fits:
    """Its members are compiled when they are first seen: shapes can hold themselves."""
    if shape.is_document_type or shape.is_tagged_union:
        return _at_length
    required, shapes, members = frozenset(shape.metadata.get("required", ())), shape.members, dict[str, Fits]()

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or not required <= value.keys():
            return False
        for name, item in value.items():
            if name not in members:
                if name not in shapes:
                    return False
                members[name] = fits(shapes[name])
            if not members[name](item):
                return False
        return True

    return check


def _list(shape: ListShape) -> Fits:
    member, has_length = fits(shape.member), _bounds(shape)
    return lambda value: isinstance(value, list | tuple) and has_length(len(value)) and all(map(member, value))


def _map(shape: MapShape) -> Fits:
    key, item = fits(shape.key), fits(shape.value)
    return lambda value: isinstance(value, dict) and all(map(key, value)) and all(map(item, value.values()))


def _string(shape: StringShape) -> Fits:
    has_length, known, pattern = _bounds(shape), values_of(shape), shape.metadata.get("pattern")
    matches = compiled(pattern).fullmatch if pattern else None

    def check(value: Any) -> bool:
        if not isinstance(value, str) or (known and value not in known):
            return False
        return has_length(len(value)) and (matches is None or matches(value) is not None)

    return check


def _number(*types: type) -> Callable[[Shape], Fits]:
    def make(shape: Shape) -> Fits:
        is_within = _bounds(shape)
        return lambda value: isinstance(value, types) and is_within(value)

    return make


def _bounds(shape: Shape) -> Fits:
    least, most = shape.metadata.get("min", float("-inf")), shape.metadata.get("max", float("inf"))
    return lambda value: least <= value <= most


def _of_type(*types: type) -> Callable[[Shape], Fits]:
    return lambda _: lambda value: isinstance(value, types)


_MAKERS: dict[str, Callable[[Any], Fits]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number(int),
    "long": _number(int),
    "float": _number(float, int),
    "double": _number(float, int),
    "boolean": _of_type(bool),
    "blob": _of_type(bytes, bytearray, str),
    "timestamp": _of_type(datetime),
}


# -- what both forms ask


def values_of(shape: StringShape) -> frozenset[str]:
    """The values that a text may have; none where it may be any."""
    return frozenset((*shape.enum, *_ANSWERED_TOO.get(shape.name, ()))) if shape.enum else frozenset()


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Service models write Java's Unicode classes; these are the nearest of Python's, each a little wider."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d"), (r"\p{ASCII}", r"[\x00-\x7f]")):
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
