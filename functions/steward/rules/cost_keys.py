"""Which cost allocation tags should be activated, which have to wait, and which refusals pass by themselves? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIELD = "cost-allocation-tag:"
"""A change of a key has this before the key for its field."""

_PASSES = ("throttl", "limitexceeded", "toomanyrequests", "internal", "unavailable", "timeout", "timedout")


@dataclass(frozen=True)
class KeyDecision:
    """`to_activate` are keys that billing knows and does not use yet; `waiting` are keys it has not learnt of, which cannot be activated."""

    to_activate: tuple[str, ...]
    waiting: tuple[str, ...]


def decide_cost_keys(wanted: Sequence[str], known: Mapping[str, bool]) -> KeyDecision:
    """`known`: the keys that billing has learnt of, and whether each is active. An active key is never touched, and neither is another's."""
    return KeyDecision(
        to_activate=tuple(key for key in wanted if known.get(key) is False),
        waiting=tuple(key for key in wanted if key not in known),
    )


def passes_by_itself(code: str) -> bool:
    """Whether a refusal with this code is of the moment. AWS documents no codes for single keys: these are the words its services use for it."""
    plain = code.lower().replace(".", "")
    return any(word in plain for word in _PASSES)
