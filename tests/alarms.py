"""What CloudWatch's alarms say of metric data: localaws keeps alarms and evaluates none, so tests do.

Sources: CloudWatch User Guide, "Using Amazon CloudWatch alarms" (evaluation periods, missing data) and "Using math expressions" (FILL, IF). An
expression with anything else is refused.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Data = Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]
"""Values with their times, by namespace and name of the metric."""

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {"Sum": sum, "Maximum": max}


def goes_off(alarm: Mapping[str, Any], data: Data, now: datetime) -> bool:
    """Is it in alarm, by all of its last periods that are over? `alarm` is as a template or DescribeAlarms has it."""
    single = {"Id": "the", "MetricStat": {"Stat": alarm.get("Statistic"), "Period": alarm.get("Period"), "Metric": alarm}}
    metrics = alarm.get("Metrics") or [single]
    period = timedelta(seconds=max(metric["MetricStat"]["Period"] for metric in metrics if "MetricStat" in metric))
    last = now - (now - datetime(2000, 1, 1, tzinfo=UTC)) % period
    points = [_point(metrics, data, last - number * period, period) for number in range(1, alarm["EvaluationPeriods"] + 1)]
    compare, threshold = _COMPARISONS[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    return all(missing if point is None else compare(point, threshold) for point in points)


def _point(metrics: Sequence[Mapping[str, Any]], data: Data, start: datetime, period: timedelta) -> float | None:
    """What the alarm looks at in one period: its one metric, or the expression."""
    values: dict[str, float | None] = {}
    for metric in metrics:
        if "MetricStat" in metric:
            of = metric["MetricStat"]["Metric"]
            found = [value for time, value in data.get((of["Namespace"], of["MetricName"]), ()) if start <= time < start + period]
            values[metric["Id"]] = _STATISTICS[metric["MetricStat"]["Stat"]](found) if found else None
    expression = next((metric["Expression"] for metric in metrics if "Expression" in metric), None)
    if expression is None:
        (value,) = values.values()
        return value
    return _value(ast.parse(expression, mode="eval").body, values)


def _value(node: ast.AST, values: Mapping[str, float | None]) -> Any:
    """None where data that it needs is missing."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[metric, filling]):
            found = _value(metric, values)
            return _value(filling, values) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            holds = _value(condition, values)
            return None if holds is None else _value(yes if holds else no, values)
        case ast.BinOp(left=left, op=operation, right=right) | ast.Compare(left=left, ops=[operation], comparators=[right]):
            sides = _value(left, values), _value(right, values)
            return None if None in sides else _OPERATORS[type(operation)](*sides)
    raise NotImplementedError(ast.dump(node))
