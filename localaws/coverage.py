"""What there is of AWS here: `coverage.yaml`, read once. An operation it does not list is refused, even where moto has one."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

FILE = Path(__file__).with_name("coverage.yaml")


@dataclass(frozen=True)
class Coverage:
    """One operation: whether it behaves as AWS documents (`real`) or comes near (`approximated`, and `how`), and the test that shows it."""

    service: str
    operation: str
    behaves: Literal["real", "approximated"]
    how: str
    test: str


@cache
def operations() -> dict[tuple[str, str], Coverage]:
    """By boto3 service name and operation name: ``("sagemaker", "CreateUserProfile")``."""
    listed: dict[tuple[str, str], Coverage] = {}
    for service, entries in yaml.safe_load(FILE.read_text())["operations"].items():
        for name, entry in entries.items():
            how = entry.get("approximated", "")
            listed[service, name] = Coverage(service, name, "approximated" if how else "real", how, entry["test"])
    return listed


@cache
def services() -> frozenset[str]:
    return frozenset(service for service, _ in operations())
