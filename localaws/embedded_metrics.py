"""Metrics that functions write to their log, in CloudWatch's embedded metric format: read where a test asks, not by GetMetricData or alarms.

Source: CloudWatch User Guide, "Specification: Embedded metric format". A line that has the format's mark and breaks its rules is an error here, where
AWS would pass over it in silence.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localaws.cloud import Cloud

MOST_VALUES = 100
_MARK = '"_aws"'


class NotInTheFormat(ValueError):
    """A line of a log that is meant to be metrics, and that CloudWatch would not read."""


@dataclass(frozen=True)
class Emitted:
    """One metric under one set of dimensions, as one line of a log has it. `values` are one or several; `time` is what the line says of itself."""

    account: str
    region: str
    function: str
    time: datetime
    namespace: str
    name: str
    unit: str
    dimensions: frozenset[tuple[str, str]]
    values: tuple[float, ...]


def emitted(cloud: Cloud) -> Iterator[Emitted]:
    """All of it, in the order in which invocations ended."""
    for invocation in cloud.log.invocations:
        for line in invocation["log"].splitlines():
            if _MARK in line and line.startswith("{"):
                yield from _of_line(invocation, line)


def _of_line(invocation: dict[str, Any], line: str) -> Iterator[Emitted]:
    record = json.loads(line)
    try:
        time = datetime.fromtimestamp(record["_aws"]["Timestamp"] / 1000, UTC)
        for directive in record["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                values = _values(record[metric["Name"]], line)
                for keys in directive["Dimensions"] or [[]]:
                    dimensions = frozenset((key, str(record[key])) for key in keys)
                    place = (invocation["account"], invocation["region"], invocation["function"])
                    yield Emitted(*place, time, directive["Namespace"], metric["Name"], metric.get("Unit", "None"), dimensions, values)
    except (KeyError, TypeError) as error:
        raise NotInTheFormat(f"{error!r} in {line}") from error


def _values(given: Any, line: str) -> tuple[float, ...]:
    values = given if isinstance(given, list) else [given]
    if not 1 <= len(values) <= MOST_VALUES or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        raise NotInTheFormat(f"{given!r} is no number, nor up to {MOST_VALUES} of them, in {line}")
    return tuple(float(each) for each in values)
