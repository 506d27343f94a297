"""Event patterns: is this one valid, and does this event match it?

Sources: EventBridge User Guide, "Comparison operators for use in event patterns", and Event Ruler, the engine that AWS published. As there, an event
is a set of leaves under dotted names; all the names of a pattern must match, each by one of its values; leaves out of one array of objects must come
from the same object. Two things are not exactly as in AWS: a wildcard with more than five ``*`` is taken for too complex, where AWS counts the states
of its automaton; and two spellings of one IPv6 address are two strings, unless ``cidr`` compares them.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

Test = Callable[[Any], bool]
Array = tuple[str, int]
Place = tuple[tuple[Array, int], ...]
Leaves = dict[str, list[tuple[Any, Place]]]

_MOST_COMBINATIONS = 1000
_MOST_WILDCARDS = 5


class InvalidPattern(ValueError):
    """AWS would not take this pattern. `path` is where in it, `reason` why, in AWS's own words where they are known."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"Event pattern is not valid. Reason: {reason}" + (f" at {path}" if path else ""))
        self.path, self.reason = path, reason


@dataclass(frozen=True)
class Field:
    """What a pattern asks of one dotted name: a leaf that passes a test, or, where `absent`, no leaf at all."""

    name: str
    tests: tuple[Test, ...]
    absent: bool


class Pattern:
    """A valid event pattern. `alternatives`: one of these lists of fields must match as a whole; ``$or`` makes more than one of them."""

    def __init__(self, alternatives: list[tuple[Field, ...]]):
        self.alternatives = alternatives
        self._names = {field.name for alternative in alternatives for field in alternative}
        self._beginnings = {name[:dot] for name in self._names for dot, letter in enumerate(name) if letter == "."}

    def matches(self, event: dict[str, Any]) -> bool:
        """Does the event, the whole envelope as a dictionary, match?"""
        leaves: Leaves = {}
        for name, value, place in self._leaves(event, "", ()):
            leaves.setdefault(name, []).append((value, place))
        return any(_matches(alternative, leaves, {}) for alternative in self.alternatives)

    def _leaves(self, node: dict[str, Any], above: str, place: Place) -> Iterator[tuple[str, Any, Place]]:
        for key, value in node.items():
            name = f"{above}.{key}" if above else key
            if name in self._names or name in self._beginnings:
                yield from self._below(name, value, place)

    def _below(self, name: str, value: Any, place: Place) -> Iterator[tuple[str, Any, Place]]:
        if isinstance(value, dict):
            yield from self._leaves(value, name, place)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                # Which object of the array a leaf is from matters; which of its plain values does not.
                nested = isinstance(item, (dict, list))
                yield from self._below(name, item, (*place, ((name, len(place)), index)) if nested else place)
        elif name in self._names:
            yield name, value, place


def _matches(fields: tuple[Field, ...], leaves: Leaves, places: dict[Array, int]) -> bool:
    """Do the fields match, given the array elements (`places`) that the ones before have settled on?"""
    if not fields:
        return True
    field, rest = fields[0], fields[1:]
    consistent = [(value, place) for value, place in leaves.get(field.name, ()) if all(places.get(array, index) == index for array, index in place)]
    for value, place in consistent:
        if any(test(value) for test in field.tests) and _matches(rest, leaves, {**places, **dict(place)}):
            return True
    return field.absent and not consistent and _matches(rest, leaves, places)


def compile_pattern(pattern: str | dict[str, Any]) -> Pattern:
    """Read a pattern, JSON text or what it says. `InvalidPattern` names what AWS would not take."""
    return _compile_text(pattern if isinstance(pattern, str) else json.dumps(pattern))


@lru_cache(maxsize=4096)
def _compile_text(text: str) -> Pattern:
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPattern("", f"it is not JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("", "Filter is not an object")
    # Fields are looked at in the order of their names, as in Event Ruler: for "exists": false beside arrays of objects the order makes a difference.
    return Pattern([tuple(sorted(fields.values(), key=lambda field: field.name)) for fields in _read_object(pattern, "", [{}], inside_or=False)])


# -- the structure of a pattern

_KEYWORDS = """
exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >= regex not-wildcard not-equals-ignore-case date-after
date-on-or-after date-before date-on-or-before in-date-range ip-address-in-range ip-address-not-in-range
"""
_RESERVED_IN_OR = frozenset(_KEYWORDS.split())

Alternatives = list[dict[str, Field]]


def _read_object(node: dict[str, Any], path: str, before: Alternatives, *, inside_or: bool) -> Alternatives:
    """The alternatives that `before` become with this object: one each, or several each where it holds an ``$or``."""
    if not node:
        raise InvalidPattern(path, "Empty objects are not allowed")
    for key, value in node.items():
        name = f"{path}.{key}" if path else key
        if key == "$or":
            before = _read_or(value, path, before)
            continue
        if inside_or and key in _RESERVED_IN_OR:
            raise InvalidPattern(name, f"{key} is Ruler reserved fieldName which cannot be used inside $or.")
        if isinstance(value, dict):
            before = _read_object(value, name, before, inside_or=inside_or)
        elif isinstance(value, list):
            field = _read_field(name, value)
            # A name met again, inside an $or, replaces what stood for it: so does Event Ruler.
            before = [{**fields, name: field} for fields in before]
        else:
            raise InvalidPattern(name, f'"{key}" must be an object or an array')
    return before


def _read_or(choices: Any, path: str, before: Alternatives) -> Alternatives:
    path = f"{path}.$or" if path else "$or"
    if not isinstance(choices, list):
        raise InvalidPattern(path, "It must be an Array followed with $or.")
    if not all(isinstance(choice, dict) for choice in choices):
        raise InvalidPattern(path, "Only JSON object is allowed in array of $or relationship.")
    if len(choices) < 2:
        raise InvalidPattern(path, "There must have at least 2 Objects in $or relationship.")
    above = path.removesuffix("$or").removesuffix(".")
    after = [fields for choice in choices for fields in _read_object(choice, above, before, inside_or=True)]
    if len(after) > _MOST_COMBINATIONS:
        raise InvalidPattern(path, f"more than {_MOST_COMBINATIONS} combinations of $or")
    return after


def _read_field(name: str, values: list[Any]) -> Field:
    if not values:
        raise InvalidPattern(name, "Empty arrays are not allowed")
    tests: list[Test] = []
    absent = False
    for value in values:
        if value == {"exists": False}:
            absent = True
        elif isinstance(value, dict):
            tests.append(_read_comparison(name, value))
        elif isinstance(value, list):
            raise InvalidPattern(name, "Match value must be String, number, true, false, or null")
        else:
            tests.append(_equals(value))
    return Field(name, tuple(tests), absent)


def _read_comparison(name: str, comparison: dict[str, Any]) -> Test:
    if not comparison:
        raise InvalidPattern(name, "Match expression name not found")
    operator, operand = next(iter(comparison.items()))
    if operator not in _COMPARISONS:
        raise InvalidPattern(name, f"Unrecognized match type {operator}")
    if len(comparison) > 1:
        raise InvalidPattern(name, "Only one key allowed in match expression")
    return _COMPARISONS[operator](name, operand)


# -- comparisons with a leaf


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equals(wanted: Any) -> Test:
    """JSON equality: ``1`` is ``1.0`` and neither ``true`` nor ``"1"``."""
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: type(value) is type(wanted) and value == wanted


def _of_text(accepts: Callable[[str], bool]) -> Test:
    return lambda value: isinstance(value, str) and accepts(value)


def _text(name: str, operator: str, operand: Any) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(name, f"{operator} match pattern must be a string")
    return operand


def _affix(operator: str, name: str, operand: Any) -> Test:
    """``prefix`` and ``suffix``, as they are or ignoring case."""
    ends = str.startswith if operator == "prefix" else str.endswith
    if not isinstance(operand, dict):
        wanted = _text(name, operator, operand)
        return _of_text(lambda value: ends(value, wanted))
    if list(operand) != ["equals-ignore-case"]:
        raise InvalidPattern(name, f"Unsupported {operator} pattern: {', '.join(operand)}")
    folded = _text(name, "equals-ignore-case", operand["equals-ignore-case"]).lower()
    return _of_text(lambda value: ends(value.lower(), folded))


def _prefix(name: str, operand: Any) -> Test:
    return _affix("prefix", name, operand)


def _suffix(name: str, operand: Any) -> Test:
    return _affix("suffix", name, operand)


def _equals_ignore_case(name: str, operand: Any) -> Test:
    folded = _text(name, "equals-ignore-case", operand).lower()
    return _of_text(lambda value: value.lower() == folded)


def _wildcard(name: str, operand: Any) -> Test:
    r"""``*`` stands for any characters, ``\*`` and ``\\`` for themselves."""
    pattern = _text(name, "wildcard", operand)
    expression, stars = "", 0
    for part in re.finditer(r"(?s)\\[*\\]|\*+|.", pattern):
        piece = part.group()
        if piece.startswith("**"):
            raise InvalidPattern(name, f"Consecutive wildcard characters at pos {part.start() + 1}")
        if piece == "\\":
            raise InvalidPattern(name, f"Invalid escape character at pos {part.start() + 1}")
        stars += piece == "*"
        expression += ".*" if piece == "*" else re.escape(piece[-1])
    if stars > _MOST_WILDCARDS:
        reason = "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"
        raise InvalidPattern(name, reason)
    compiled = re.compile(expression, re.DOTALL)
    return _of_text(lambda value: compiled.fullmatch(value) is not None)


def _cidr(name: str, operand: Any) -> Test:
    """Addresses in a network. Event Ruler takes host bits, and no mask that leaves a single address."""
    # Event Ruler's message does speak of a prefix here.
    address, slash, mask = _text(name, "prefix", operand).partition("/")
    if not slash or "/" in mask:
        raise InvalidPattern(name, "Malformed CIDR, one '/' required")
    if not mask.isascii() or not mask.isdigit():
        raise InvalidPattern(name, "Malformed CIDR, mask bits must be an integer")
    try:
        bits = ip_address(address).max_prefixlen
    except ValueError:
        raise InvalidPattern(name, f"Nonstandard IP address: {address}") from None
    if int(mask) >= bits:
        raise InvalidPattern(name, f"IPv{4 if bits == 32 else 6} mask bits must be < {bits}")
    network = ip_network(operand, strict=False)

    def inside(value: str) -> bool:
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return _of_text(inside)


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, limit: value == limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


def _numeric(name: str, operand: Any) -> Test:
    """``["=", 5]``, one bound, or a lower bound followed by an upper one."""
    if not isinstance(operand, list):
        raise InvalidPattern(name, "Value of numeric must be an array.")
    if not operand or operand[0] not in list(_ORDER):
        raise InvalidPattern(name, f"Unrecognized numeric range operator: {operand[0] if operand else ''}")
    if len(operand) > 2 and operand[0] not in (">", ">="):
        raise InvalidPattern(name, "Too many elements in numeric expression")
    if len(operand) > 2 and operand[2] not in ("<", "<="):
        raise InvalidPattern(name, f"Bad numeric range operator: {operand[2]}")
    if len(operand) > 4:
        raise InvalidPattern(name, "Too many terms in numeric range expression")
    bounds: list[tuple[str, Any]] = [(operand[at], operand[at + 1] if at + 1 < len(operand) else None) for at in range(0, len(operand), 2)]
    for operator, limit in bounds:
        if not _is_number(limit):
            raise InvalidPattern(name, f"Value of {'equals' if operator == '=' else operator} must be numeric")
    if len(bounds) == 2 and bounds[0][1] >= bounds[1][1]:
        raise InvalidPattern(name, "Bottom must be less than top")
    return lambda value: _is_number(value) and all(_ORDER[operator](value, limit) for operator, limit in bounds)


def _exists(name: str, operand: Any) -> Test:
    # "exists": false is no test of a leaf: `_read_field` has taken it already.
    if operand is not True:
        raise InvalidPattern(name, "exists match pattern must be either true or false.")
    return lambda _: True


def _anything_but(name: str, operand: Any) -> Test:
    """There is a leaf and it is none of these. A leaf of another type is none of them, so it matches."""
    if isinstance(operand, dict):
        tests = _anything_but_comparison(name, operand)
    elif isinstance(operand, list):
        if not all(isinstance(value, str) or _is_number(value) for value in operand):
            raise InvalidPattern(name, "Inside anything but list, start|null|boolean is not supported.")
        if len({isinstance(value, str) for value in operand}) != 1:
            raise InvalidPattern(name, "Inside anything but list, either all values are number or string, mixed type is not supported")
        tests = [_equals(value) for value in operand]
    elif isinstance(operand, str) or _is_number(operand):
        tests = [_equals(operand)]
    else:
        raise InvalidPattern(name, "Value of anything-but must be an array or single string/number value.")
    return lambda value: not any(test(value) for test in tests)


def _anything_but_comparison(name: str, comparison: dict[str, Any]) -> list[Test]:
    """``{"anything-but": {"prefix": …}}``, with one string or a list of them."""
    operator, operand = next(iter(comparison.items()), ("", None))
    if operator not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        raise InvalidPattern(name, f"Unsupported anything-but pattern: {operator}")
    if len(comparison) > 1:
        raise InvalidPattern(name, "Only one key allowed in match expression")
    if isinstance(operand, dict) or operand is None or isinstance(operand, bool):
        raise InvalidPattern(name, "Value of anything-but must be an array or single string/number value.")
    values = operand if isinstance(operand, list) else [operand]
    if not values:
        raise InvalidPattern(name, "Empty arrays are not allowed")
    for value in values:
        if not isinstance(value, str):
            raise InvalidPattern(name, _NOT_TEXT.get(operator, "prefix/suffix match pattern must be a string"))
        if not value and operator in ("prefix", "suffix"):
            raise InvalidPattern(name, "Null prefix/suffix not allowed")
    return [_COMPARISONS[operator](name, value) for value in values]


_NOT_TEXT = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    "wildcard": "wildcard match pattern must be a string",
}

_COMPARISONS: dict[str, Callable[[str, Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "exists": _exists,
    "anything-but": _anything_but,
}
