"""The Condition element of a policy statement: operators, sets of values, absent keys.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys". Left out, and refused by name: BinaryEquals.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from localaws.cloud import Refused
from localaws.policy.keys import Context, has, value_of
from localaws.policy.wildcards import arn_matches, fill_variables, plain, text_matches

Compare = Callable[[str, str], bool]

_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")
_KEY = re.compile(r"[\w-]+:[\w./${}:-]+")


def _numbers(compare: Callable[[float, float], bool]) -> Compare:
    def compare_texts(have: str, want: str) -> bool:
        try:
            return compare(float(have), float(want))
        except ValueError:
            return False

    return compare_texts


def _moment(text: str) -> float:
    """Seconds since 1970, out of ISO 8601 or a number of seconds."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _dates(compare: Callable[[float, float], bool]) -> Compare:
    def compare_texts(have: str, want: str) -> bool:
        try:
            return compare(_moment(have), _moment(want))
        except ValueError:
            return False

    return compare_texts


def _in_network(have: str, want: str) -> bool:
    try:
        return ip_address(have) in ip_network(want, strict=False)
    except ValueError:
        return False


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda have, want: have == want,
    "LessThan": lambda have, want: have < want,
    "LessThanEquals": lambda have, want: have <= want,
    "GreaterThan": lambda have, want: have > want,
    "GreaterThanEquals": lambda have, want: have >= want,
}

_POSITIVE: dict[str, Compare] = {
    "StringEquals": lambda have, want: have == plain(want),
    "StringEqualsIgnoreCase": lambda have, want: have.lower() == plain(want).lower(),
    "StringLike": lambda have, want: text_matches(want, have),
    "ArnEquals": lambda have, want: arn_matches(want, have),
    "ArnLike": lambda have, want: arn_matches(want, have),
    "Bool": lambda have, want: have.lower() == want.lower(),
    "IpAddress": _in_network,
    **{f"Numeric{name}": _numbers(order) for name, order in _ORDERS.items()},
    **{f"Date{name}": _dates(order) for name, order in _ORDERS.items()},
}

_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def check_condition(condition: dict[str, Any]) -> None:
    """Raise `Refused`, by name, for an operator or a key that is not understood."""
    for operator, wishes in condition.items():
        _parsed(operator)
        for key in wishes:
            if not _KEY.fullmatch(key):
                raise Refused(f"policy condition key {key} (localaws/policy/conditions.py)")
            for want in _listed(wishes[key]) if "Arn" in operator else []:
                if str(want).count(":") < 5:
                    raise Refused(f"policy condition {operator} {key}: {want} is no ARN (localaws/policy/conditions.py)")


def unmet(condition: dict[str, Any], keys: Context, *, variables: bool) -> str | None:
    """The first wish of a Condition that the request's keys (lower case) do not meet, in words; None if all are met."""
    check_condition(condition)
    for operator, wishes in condition.items():
        for key, wanted in wishes.items():
            texts = [_text(want) for want in _listed(wanted)]
            if not has(keys, key):
                raise Refused(f"policy condition {operator} {key}: localaws does not know this key's value here (localaws/policy/conditions.py)")
            have = value_of(keys, key)
            if not _is_met(operator, have, texts, keys if variables else None):
                return f"{operator} {key} {' or '.join(texts)}, it is {have or 'absent'}"
    return None


@cache
def _parsed(operator: str) -> tuple[str | None, str, bool]:
    """(``ForAllValues`` or ``ForAnyValue`` or None, the operator itself, does it pass when the key is absent)."""
    parts = _OPERATOR.fullmatch(operator)
    name = parts.group(2) if parts else operator
    if parts is None or name not in (*_POSITIVE, *_NEGATED, "Null") or (name == "Null" and operator != "Null"):
        raise Refused(f"policy condition operator {operator} (localaws/policy/conditions.py)")
    return parts.group(1), name, parts.group(3) is not None


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_met(operator: str, have: str | list[str] | None, wanted: list[str], variables: Context | None) -> bool:
    every, name, if_exists = _parsed(operator)
    if name == "Null":
        return any((not have) == (want.lower() == "true") for want in wanted)
    if not have:
        return _absent_is_met(every, if_exists=if_exists, negated=name in _NEGATED)
    if isinstance(have, list) and every is None:
        raise Refused(f"policy condition {operator} on several values {have}: IAM wants ForAllValues or ForAnyValue (localaws/policy/conditions.py)")
    values = have if isinstance(have, list) else [have]
    filled = [text for want in wanted if (text := fill_variables(want, variables)) is not None]
    met = [_compares(name, value, filled) for value in values]
    return any(met) if every == "ForAnyValue" else all(met)


def _absent_is_met(every: str | None, *, if_exists: bool, negated: bool) -> bool:
    """An absent key passes ``…IfExists`` and ``ForAllValues``, never ``ForAnyValue``; otherwise it passes what asks for a difference."""
    if every == "ForAnyValue":
        return if_exists
    return every == "ForAllValues" or if_exists or negated


def _compares(name: str, value: str, wanted: list[str]) -> bool:
    """Of several wanted values one must match; for a negated operator none may."""
    if name in _NEGATED:
        return not any(_POSITIVE[_NEGATED[name]](value, want) for want in wanted)
    return any(_POSITIVE[name](value, want) for want in wanted)
