"""Condition keys: by name in lower case, as IAM compares them, each with its value, or with how to find it out when a policy asks."""

from collections.abc import Callable, Mapping

Value = str | list[str] | None
"""A text, several texts for a multivalued key, or None for a key known to be absent."""

Context = Mapping[str, Value | Callable[[], Value]]
"""Keys as AWS writes them. One like ``aws:RequestTag/*`` stands for all of its family that are not there by their own name."""


def has(keys: Context, key: str) -> bool:
    """Whether a key is known, be it as absent."""
    return _place(keys, key) in keys


def value_of(keys: Context, key: str) -> Value:
    """The value of a known key. `KeyError` for one that is not."""
    value = keys[_place(keys, key)]
    return value() if callable(value) else value


def _place(keys: Context, key: str) -> str:
    name = key.lower()
    return name if name in keys else f"{name.partition('/')[0]}/*"
