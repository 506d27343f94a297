"""CloudWatch metrics: what was put is what is read, by periods, in pages, and never somebody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import START, LocalOrganization
from localaws.metrics import Metric, behaviour, plant_metric
from tests.localaws.iam_machinery import HERE, MEMBER, Iam, allow, answer

CANVAS = "/aws/sagemaker/Canvas/AppActivity"


def client(local: LocalOrganization) -> Any:
    return local.client("cloudwatch", "fraud-dev")


def put(local: LocalOrganization, *values: float, namespace: str = "Steward", name: str = "Idle", minutes: int = 0, **dimensions: str) -> None:
    written = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    data = [{"MetricName": name, "Dimensions": written, "Value": value, "Timestamp": START + timedelta(minutes=minutes)} for value in values]
    client(local).put_metric_data(Namespace=namespace, MetricData=data)


def query(identifier: str = "q", stat: str = "Average", period: int = 300, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": more.pop("namespace", "Steward"), "MetricName": more.pop("name", "Idle")}
    metric["Dimensions"] = [{"Name": key, "Value": value} for key, value in more.pop("dimensions", {}).items()]
    unit = {"Unit": more.pop("unit")} if "unit" in more else {}
    return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat, **unit}, **more}


def read(local: LocalOrganization, *queries: dict[str, Any], hours: float = 2, **more: Any) -> Any:
    window = {"StartTime": START - timedelta(hours=1), "EndTime": START + timedelta(hours=hours)} | more
    return client(local).get_metric_data(MetricDataQueries=list(queries), **window)


def values(local: LocalOrganization, *queries: dict[str, Any], **more: Any) -> dict[str, list[float]]:
    return {each["Id"]: each["Values"] for each in read(local, *queries, **more)["MetricDataResults"]}


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


def test_what_was_put_is_read_by_periods(local: LocalOrganization) -> None:
    put(local, 10, 30, minutes=6)
    put(local, 50, minutes=12)
    (result,) = client(local).get_metric_data(
        MetricDataQueries=[query()], StartTime=START, EndTime=START + timedelta(hours=1), ScanBy="TimestampAscending"
    )["MetricDataResults"]
    assert (result["Id"], result["Label"], result["StatusCode"], result["Values"]) == ("q", "Idle", "Complete", [20, 50])
    assert [each.astimezone(UTC) for each in result["Timestamps"]] == [START + timedelta(minutes=5), START + timedelta(minutes=10)]
    assert values(local, query()) == {"q": [50, 20]}


@pytest.mark.parametrize(("stat", "value"), [("SampleCount", 5), ("Sum", 18), ("Average", 3.6), ("Minimum", 1), ("Maximum", 7)])
def test_each_statistic_counts_all_values_of_a_period(local: LocalOrganization, stat: str, value: float) -> None:
    at = {"MetricName": "Idle", "Timestamp": START}
    sets = [{**at, "Values": [1.0, 2.0], "Counts": [2.0, 1.0]}, {**at, "Value": 7.0}]
    sets.append({**at, "StatisticValues": {"SampleCount": 1.0, "Sum": 7.0, "Minimum": 7.0, "Maximum": 7.0}})
    client(local).put_metric_data(Namespace="Steward", MetricData=sets)
    assert values(local, query(stat=stat)) == {"q": [value]}


def test_a_metric_is_its_namespace_name_and_dimensions_in_its_account_and_region(local: LocalOrganization) -> None:
    put(local, 1)
    put(local, 2, team="a")
    put(local, 3, team="a", stage="dev")
    put(local, 4, name="Other")
    put(local, 5, namespace="Other")
    found = values(
        local,
        query("none"),
        query("team", dimensions={"team": "a"}),
        query("both", dimensions={"stage": "dev", "team": "a"}),
        query("absent", dimensions={"team": "b"}),
    )
    assert found == {"none": [1], "team": [2], "both": [3], "absent": []}
    window = {"StartTime": START - timedelta(hours=1), "EndTime": START + timedelta(hours=1)}
    elsewhere = local.client("cloudwatch", "hub").get_metric_data(MetricDataQueries=[query()], **window)["MetricDataResults"][0]
    assert (elsewhere["Values"], elsewhere["StatusCode"]) == ([], "Complete")
    assert (
        local.client("cloudwatch", "fraud-dev", "us-east-1").get_metric_data(MetricDataQueries=[query()], **window)["MetricDataResults"][0]["Values"]
        == []
    )


def test_the_window_begins_with_its_start_rounded_down_and_ends_before_its_end(local: LocalOrganization) -> None:
    for minutes in (0, 5, 10):
        put(local, minutes, minutes=minutes)
    asked = {"StartTime": START + timedelta(minutes=5, seconds=59), "EndTime": START + timedelta(minutes=10)}
    assert values(local, query(period=60), **asked) == {"q": [5]}


def test_a_point_without_a_time_is_of_now_and_a_unit_keeps_points_apart(local: LocalOrganization) -> None:
    local.advance(1800)
    client(local).put_metric_data(Namespace="Steward", MetricData=[{"MetricName": "Idle", "Value": 5.0, "Unit": "Seconds"}])
    (result,) = read(local, query(period=60))["MetricDataResults"]
    assert result["Timestamps"][0].astimezone(UTC) == START + timedelta(minutes=30)
    assert values(local, query("s", unit="Seconds"), query("c", unit="Count")) == {"s": [5], "c": []}


def test_many_points_come_in_pages(local: LocalOrganization) -> None:
    for minutes in range(0, 50, 10):
        put(local, minutes, minutes=minutes, team="a")
        put(local, 100 + minutes, minutes=minutes, team="b")
    both = (query("a", dimensions={"team": "a"}), query("b", dimensions={"team": "b"}), query("empty"))
    first = read(local, *both, MaxDatapoints=7)
    assert [(each["Id"], each["Values"], each["StatusCode"]) for each in first["MetricDataResults"]] == [
        ("a", [40, 30, 20, 10, 0], "Complete"),
        ("b", [140, 130], "PartialData"),
        ("empty", [], "Complete"),
    ]
    second = read(local, *both, MaxDatapoints=7, NextToken=first["NextToken"])
    assert [(each["Id"], each["Values"], each["StatusCode"]) for each in second["MetricDataResults"]] == [("b", [120, 110, 100], "Complete")]
    assert "NextToken" not in second
    pages = (
        client(local)
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=list(both), StartTime=START, EndTime=START + timedelta(hours=1), PaginationConfig={"PageSize": 3})
    )
    assert sum(len(each["Values"]) for page in pages for each in page["MetricDataResults"]) == 10


def test_five_hundred_queries_are_answered_and_no_more(local: LocalOrganization) -> None:
    for number in range(500):
        whose = {"DomainId": "d-1", "UserProfileName": f"p{number}"}
        plant_metric(local.cloud, MEMBER, HERE, Metric(CANVAS, "TimeSinceLastActive", frozenset(whose.items())), number, START)

    def of(count: int) -> list[dict[str, Any]]:
        whose = [{"DomainId": "d-1", "UserProfileName": f"p{number}"} for number in range(count)]
        return [query(f"q{number}", namespace=CANVAS, name="TimeSinceLastActive", dimensions=each) for number, each in enumerate(whose)]

    assert values(local, *of(500)) == {f"q{number}": [number] for number in range(500)}
    assert refused(lambda: read(local, *of(501))) == "ValidationError"


@pytest.mark.parametrize(
    ("queries", "more"),
    [
        ([], {}),
        ([query("Q")], {}),
        ([query(), query()], {}),
        ([{"Id": "q"}], {}),
        ([query(Expression="1")], {}),
        ([query()], {"EndTime": START - timedelta(hours=1)}),
    ],
)
def test_queries_that_aws_would_not_take(local: LocalOrganization, queries: list[dict[str, Any]], more: dict[str, Any]) -> None:
    assert refused(lambda: read(local, *queries, **more)) == "ValidationError"


def test_a_token_of_another_request_is_invalid(local: LocalOrganization) -> None:
    assert refused(lambda: read(local, query(), NextToken="nothing")) == "InvalidNextToken"


@pytest.mark.parametrize(
    "asked",
    [
        {"Id": "q", "Expression": 'SELECT AVG(TimeSinceLastActive) FROM "x"'},
        query(stat="p99"),
        query(period=30),
        query(AccountId=MEMBER),
        query(Period=300),
        query(Label="${MAX}"),
    ],
)
def test_what_localaws_cannot_compute_is_refused_by_name(local: LocalOrganization, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="GetMetricData"):
        read(local, asked)


def test_what_localaws_would_pass_over_is_refused_by_name(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="GetMetricData with LabelOptions"):
        read(local, query(), LabelOptions={"Timezone": "+0100"})
    with pytest.raises(Refused, match="PutMetricData with StrictEntityValidation"):
        client(local).put_metric_data(Namespace="Steward", MetricData=[{"MetricName": "Idle", "Value": 1.0}], StrictEntityValidation=True)
    with pytest.raises(Refused, match="PutMetricData with StorageResolution 1"):
        client(local).put_metric_data(Namespace="Steward", MetricData=[{"MetricName": "Idle", "Value": 1.0, "StorageResolution": 1}])


@pytest.mark.parametrize(
    ("namespace", "data", "code"),
    [
        ("AWS/Lambda", {"Value": 1.0}, "InvalidParameterValue"),
        ("Steward", {"Value": 1.0, "Timestamp": START - timedelta(days=15)}, "InvalidParameterValue"),
        ("Steward", {"Value": 1.0, "Timestamp": START + timedelta(hours=3)}, "InvalidParameterValue"),
        ("Steward", {"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ("Steward", {"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ("Steward", {}, "InvalidParameterCombination"),
    ],
)
def test_points_that_aws_would_not_take(local: LocalOrganization, namespace: str, data: dict[str, Any], code: str) -> None:
    given = [{"MetricName": "Idle", "Value": 1.0}, {"MetricName": "Idle", **data}]
    assert refused(client(local).put_metric_data, Namespace=namespace, MetricData=given) == code
    assert values(local, query(namespace=namespace)) == {"q": []}


def test_old_points_are_read_by_coarse_periods_only(local: LocalOrganization) -> None:
    plant_metric(local.cloud, MEMBER, HERE, Metric("Steward", "Idle"), 9, START - timedelta(days=20))
    asked = {"StartTime": START - timedelta(days=21), "EndTime": START}
    assert values(local, query(period=60), **asked) == {"q": []}
    assert values(local, query(period=300), **asked) == {"q": [9]}


def test_a_point_may_be_seen_only_after_a_while(local: LocalOrganization) -> None:
    behaviour(local.cloud).lag = 120
    put(local, 7)
    assert values(local, query()) == {"q": []}
    local.advance(121)
    assert values(local, query()) == {"q": [7]}


def test_metrics_need_their_permissions_and_namespaces_can_be_told_apart(local: LocalOrganization) -> None:
    iam = Iam(local)
    writer = iam.role(allow("cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": "Steward"}}), name="writer")
    reader = iam.role(allow("cloudwatch:GetMetricData"), name="reader")
    data = [{"MetricName": "Idle", "Value": 1.0}]
    window = {"StartTime": datetime(2026, 11, 2, tzinfo=UTC), "EndTime": datetime(2026, 11, 3, tzinfo=UTC)}
    writes, reads = iam.client("cloudwatch", writer), iam.client("cloudwatch", reader)
    assert answer(writes.put_metric_data, Namespace="Steward", MetricData=data) == "done"
    assert answer(writes.put_metric_data, Namespace="Other", MetricData=data) == "AccessDeniedException"
    assert answer(writes.get_metric_data, MetricDataQueries=[query()], **window) == "AccessDeniedException"
    assert answer(reads.get_metric_data, MetricDataQueries=[query()], **window) == "done"
