"""The JSON schemas of what we tell others: `docs/events/<name>.schema.json`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "docs" / "events"


@cache
def validator(name: str) -> Draft202012Validator:
    """Of ``cost_keys_activated``, for example. Raises SchemaError where the schema itself is none."""
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def validate(name: str, value: Any) -> None:
    """Raises ValidationError, which says where `value` is not as the schema says."""
    validator(name).validate(value)
