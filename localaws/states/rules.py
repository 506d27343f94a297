"""Small rules that several parts of a definition share."""

from datetime import datetime
from typing import Any

from localaws.states.expressions import is_expression

# "A positive integer, at most 99999999", for every number of seconds and for MaxAttempts.
_MOST = 99_999_999


class Problem(ValueError):
    """A definition is wrong at `path`. A message without a code of AWS gets the code of its schema check."""

    def __init__(self, path: str, message: str):
        code, colon, _ = message.partition(": ")
        coded = message if colon and code.isupper() else f"SCHEMA_VALIDATION_FAILED: {message}"
        super().__init__(f"{coded} at {path}")


def check_known_fields(fields: dict[str, Any], known: set[str], path: str) -> None:
    """Raise `Problem` for the first field that is none of these."""
    for name in fields:
        if name not in known:
            raise Problem(f"{path}/{name}", f"Field '{name}' is not supported here; supported are {', '.join(sorted(known))}")


def check_number(value: Any, path: str, *, least: int, most: int = _MOST) -> None:
    """A literal integer within bounds, or an expression, whose result is checked when it is evaluated."""
    if is_expression(value):
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Problem(path, f"Value must be an integer from {least} to {most}, or an expression")


def check_timestamp(value: Any, path: str) -> None:
    """A literal ISO 8601 time with its offset, or an expression."""
    if not is_expression(value) and parse_timestamp(value) is None:
        raise Problem(path, "Value must be a time like 2026-11-02T08:00:00Z, or an expression")


def parse_timestamp(value: Any) -> datetime | None:
    """A time as the States Language wants it: RFC 3339, with an upper-case T and an offset. None for anything else."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
