"""CloudWatch metrics: data points put, and read back by metric queries. Alarms do not look at them: they are never evaluated.

Sources: botocore and the API References of PutMetricData and GetMetricData; CloudTrail User Guide (both are data events). moto answers neither
faithfully: it knows no pages, mixes metrics where a query has no dimensions, and looks through all data for each period.
Not observed on AWS: periods begin at multiples of the period since 1970; the default label is the metric's name; from when on a point is seen.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.paging import page

MOST_QUERIES = 500
MOST_DATA = 1000
DEFAULT_DATAPOINTS = 100_800
_HERE = "localaws/metrics.py"
_MINUTE, _DAY = 60, 24 * 3600
_OLDEST, _NEWEST = 14 * _DAY, 2 * 3600
_COARSER = ((63 * _DAY, 3600), (15 * _DAY, 300))
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")

Dimensions = frozenset[tuple[str, str]]


class Metric(NamedTuple):
    """What AWS tells one metric from another by, in its account and Region. ``frozenset({"DomainId": "d-1"}.items())`` are dimensions."""

    namespace: str
    name: str
    dimensions: Dimensions = frozenset()


class Datum(NamedTuple):
    """What was put at one time: `moment` in seconds since 1970, and the set of its values by their statistics."""

    moment: float
    unit: str
    samples: float
    total: float
    least: float
    most: float


@dataclass
class Behaviour:
    """How CloudWatch behaves in one cloud, where its documentation leaves it open."""

    lag: float = 0
    """Seconds until a data point is seen by GetMetricData. AWS speaks of up to two minutes, and of fifteen for a new metric."""


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test or a demo changes its fields."""
    found: Behaviour = cloud.table("cloudwatch:Behaviour", "", "").setdefault("metrics", Behaviour())
    return found


_STATISTICS: dict[str, Callable[[list[Datum]], float]] = {
    "SampleCount": lambda data: sum(each.samples for each in data),
    "Sum": lambda data: sum(each.total for each in data),
    "Average": lambda data: sum(each.total for each in data) / sum(each.samples for each in data),
    "Minimum": lambda data: min(each.least for each in data),
    "Maximum": lambda data: max(each.most for each in data),
}


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def _wrong_query(message: str) -> AwsError:
    return AwsError("ValidationError", message)


# -- putting


@operation("cloudwatch", "PutMetricData")
def put_metric_data(cloud: Cloud, call: Call) -> None:
    """All of it or nothing. AWS's own metrics, such as Canvas's, a test puts with `plant_metric`: nothing here measures anything."""
    params = call.params
    if unbuilt := sorted({"EntityMetricData", "StrictEntityValidation"} & params.keys()):
        raise Refused(f"{call.action} with {', '.join(unbuilt)}: localaws does not do that ({_HERE})")
    if params["Namespace"].startswith("AWS/"):
        raise _invalid(f"The value {params['Namespace']} for parameter Namespace is invalid: AWS/ is for AWS services.")
    data = params.get("MetricData", [])
    if len(data) > MOST_DATA:
        raise _invalid(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    read = [(each["MetricName"], _dimensions(each), _datum(cloud, call, each)) for each in data]
    for name, dimensions, datum in read:
        _keep(cloud, call.account, call.region, Metric(params["Namespace"], name, dimensions), datum)


def _datum(cloud: Cloud, call: Call, given: dict[str, Any]) -> Datum:
    if given.get("StorageResolution", _MINUTE) != _MINUTE:
        raise Refused(f"{call.action} with StorageResolution {given['StorageResolution']}: localaws keeps metrics of regular resolution ({_HERE})")
    moment = _seconds(given["Timestamp"]) if "Timestamp" in given else cloud.clock.datetime().timestamp()
    now = cloud.clock.datetime().timestamp()
    if not now - _OLDEST <= moment <= now + _NEWEST:
        raise _invalid("The parameter MetricData.Timestamp must be within two weeks before and two hours after now.")
    if sum(name in given for name in ("Value", "Values", "StatisticValues")) != 1:
        raise AwsError("InvalidParameterCombination", "Exactly one of Value, Values and StatisticValues must be specified.")
    return Datum(moment, given.get("Unit", "None"), *_values(given))


def _values(given: dict[str, Any]) -> tuple[float, float, float, float]:
    if "StatisticValues" in given:
        values = given["StatisticValues"]
        return values["SampleCount"], values["Sum"], values["Minimum"], values["Maximum"]
    values = given.get("Values", [given.get("Value")])
    counts = given.get("Counts", [1.0] * len(values))
    if not values or len(values) != len(counts):
        raise _invalid("The parameters Values and Counts must have the same size, and one value at least.")
    return sum(counts), sum(value * count for value, count in zip(values, counts, strict=True)), min(values), max(values)


def plant_metric(cloud: Cloud, account: str, region: str, metric: Metric, value: float, at: datetime) -> None:
    """A data point that an AWS service has put, at whatever time."""
    _keep(cloud, account, region, metric, Datum(at.timestamp(), "None", 1, value, value, value))


def _keep(cloud: Cloud, account: str, region: str, metric: Metric, datum: Datum) -> None:
    """In the order of time, with the virtual second since when it is there."""
    kept = cloud.table("cloudwatch:Metric", account, region).setdefault(metric, [])
    kept.insert(bisect_left(kept, (datum, 0.0)), (datum, cloud.clock.now))


def _metric(given: dict[str, Any]) -> Metric:
    return Metric(given["Namespace"], given["MetricName"], _dimensions(given))


def _dimensions(given: dict[str, Any]) -> Dimensions:
    return frozenset((each["Name"], each["Value"]) for each in given.get("Dimensions", []))


# -- reading


@operation("cloudwatch", "GetMetricData")
def get_metric_data(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Each query's points, the newest first where nothing else is said; on the next page those beyond MaxDatapoints."""
    params = call.params
    queries = params["MetricDataQueries"]
    if "LabelOptions" in params:
        raise Refused(f"{call.action} with LabelOptions: localaws fills no label in ({_HERE})")
    _check_queries(call, queries)
    start, end = _seconds(params["StartTime"]), _seconds(params["EndTime"])
    if start >= end:
        raise _wrong_query("The parameter EndTime must be greater than StartTime.")
    newest_first = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    found = {query["Id"]: sorted(_points(cloud, call, query["MetricStat"], start, end), reverse=newest_first) for query in queries}
    shown, token = page(
        [(number, rank, point) for number, query in enumerate(queries) for rank, point in enumerate(found[query["Id"]])],
        key=lambda entry: [entry[0], entry[1]],
        scope=[call.operation, call.account, call.region, start, end, newest_first, [repr(query) for query in queries]],
        size=params.get("MaxDatapoints", DEFAULT_DATAPOINTS),
        token=params.get("NextToken"),
        wrong_token=AwsError("InvalidNextToken", "The next token specified is invalid."),
    )
    here: dict[int, list[tuple[int, tuple[float, float]]]] = {}
    for number, rank, point in shown:
        here.setdefault(number, []).append((rank, point))
    results = []
    for number, query in enumerate(queries):
        points, last = here.get(number, []), len(found[query["Id"]]) - 1
        empty = last < 0 and "NextToken" not in params
        if query.get("ReturnData", True) and (points or empty):
            results.append(_result(query, [point for _, point in points], whole=empty or points[-1][0] == last))
    return {"MetricDataResults": results, "Messages": [], **({"NextToken": token} if token else {})}


def _result(query: dict[str, Any], points: list[tuple[float, float]], *, whole: bool) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label", query["MetricStat"]["Metric"]["MetricName"]),
        "Timestamps": [datetime.fromtimestamp(moment, UTC) for moment, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete" if whole else "PartialData",
    }


def _check_queries(call: Call, queries: list[dict[str, Any]]) -> None:
    if not 1 <= len(queries) <= MOST_QUERIES:
        raise _wrong_query(f"The collection MetricDataQueries must have between 1 and {MOST_QUERIES} members.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids) or not all(_ID.fullmatch(each) for each in ids):
        raise _wrong_query("The values for parameter id in MetricDataQueries must be unique, and begin with a lowercase letter.")
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise _wrong_query("Exactly one of MetricStat and Expression must be specified in a MetricDataQuery.")
        if unbuilt := sorted({"Expression", "AccountId", "Period"} & query.keys()):
            raise Refused(f"{call.action} with {', '.join(unbuilt)}: localaws answers MetricStat of the caller's account only ({_HERE})")
        if "${" in query.get("Label", ""):
            raise Refused(f"{call.action} with the label {query['Label']}: localaws fills no label in ({_HERE})")
        statistic, period = query["MetricStat"]["Stat"], query["MetricStat"]["Period"]
        if statistic not in _STATISTICS:
            raise Refused(f"{call.action} of {statistic}: localaws knows {', '.join(_STATISTICS)} only ({_HERE})")
        if period % _MINUTE:
            raise Refused(f"{call.action} with a period of {period} seconds: localaws keeps metrics of regular resolution ({_HERE})")


def _points(cloud: Cloud, call: Call, wanted: dict[str, Any], start: float, end: float) -> Iterator[tuple[float, float]]:
    """Of one metric: when a period with data began, and its statistic."""
    metric, period = wanted["Metric"], wanted["Period"]
    age = cloud.clock.datetime().timestamp() - start
    rounded = next((step for older, step in _COARSER if age > older), _MINUTE)
    if period % rounded:
        return  # what is that old is not kept so finely
    first = start - start % rounded
    kept = cloud.table("cloudwatch:Metric", call.account, call.region).get(_metric(metric), [])
    seen = cloud.clock.now - behaviour(cloud).lag
    periods: dict[float, list[Datum]] = {}
    for datum, since in kept:
        if first <= datum.moment < end and since <= seen and wanted.get("Unit", datum.unit) == datum.unit:
            periods.setdefault(datum.moment - datum.moment % period, []).append(datum)
    for moment, data in periods.items():
        yield moment, _STATISTICS[wanted["Stat"]](data)


def _seconds(time: datetime) -> float:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
