"""How a function reads its environment: each kind of value in one way. What cannot be read raises SettingMissing, which names the variable."""

import os

from steward.errors import SettingMissing


def text(name: str, or_else: str | None = None) -> str:
    """`or_else` may stand for an empty value, not for one that is not there."""
    if value := os.environ.get(name, "").strip():
        return value
    if name in os.environ and or_else is not None:
        return or_else
    raise SettingMissing(f"{name} is not set: deploy the stack again")


def number(name: str) -> int:
    """A whole number that is not negative."""
    value = text(name)
    if not (value.isascii() and value.isdigit()):
        raise SettingMissing(f"{name} is {value!r}: it must be a whole number")
    return int(value)


def minutes(name: str) -> int:
    """Of an idle timeout, within what SageMaker takes."""
    value = number(name)
    if not 60 <= value <= 525600:
        raise SettingMissing(f"{name} is {value}: it must lie between 60 and 525600 minutes")
    return value


def numbers(name: str) -> dict[str, int]:
    """``JupyterLab=120,Canvas=60``; empty for none."""
    found: dict[str, int] = {}
    for pair in filter(None, text(name, or_else="").split(",")):
        word, _, value = pair.strip().partition("=")
        if not word or word in found or not (value.isascii() and value.isdigit()):
            raise SettingMissing(f"{name} is {os.environ[name]!r}: it must be like JupyterLab=120,Canvas=60, each type once, or empty")
        found[word] = int(value)
    return found


def items(name: str) -> tuple[str, ...]:
    """By commas."""
    return tuple(item.strip() for item in text(name).split(","))


def units(name: str, or_else: str = "") -> tuple[str, ...]:
    """Ids of organizational units, or just `or_else`."""
    found = items(name)
    if found != (or_else,) and not all(unit.startswith("ou-") for unit in found):
        raise SettingMissing(f"{name} is {','.join(found)!r}: it must be ids of organizational units" + (f", or {or_else!r}" if or_else else ""))
    return found


def switch(name: str, off: str = "false", on: str = "true") -> bool:
    """A brake that is misspelt must not be taken for an open one."""
    value = text(name)
    if value not in {off, on}:
        raise SettingMissing(f"{name} is {value!r}: it must be {off} or {on}")
    return value == on
