"""JSON text as Step Functions reads and writes it: without spaces, without escapes for other alphabets, and without NaN."""

import json
from typing import Any

# The quota for the input or output of a task, a state or an execution is 256 KiB of UTF-8.
MOST_BYTES = 262_144


def write(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read(text: str) -> Any:
    """The value of a JSON text. Raises ValueError for anything else, NaN and Infinity included."""
    return json.loads(text, parse_constant=_not_json)


def is_too_large(text: str) -> bool:
    return len(text.encode()) > MOST_BYTES


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
