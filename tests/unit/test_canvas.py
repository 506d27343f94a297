"""Canvas's metric: the newest value of each user, on however many pages, and silence where the last is old."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steward.resources.canvas import METRIC, NAMESPACE, RECENT, Unused, canvas_unused
from tests.unit.idle_world import HOUR, world

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def minutes_ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize("order", [(10, 5), (5, 10)])
def test_of_all_pages_the_newest_value_counts(scripted: Any, order: tuple[int, int]) -> None:
    cloudwatch, script = scripted.client("cloudwatch")
    dimensions = [{"Name": "DomainId", "Value": "d-1"}, {"Name": "UserProfileName", "Value": "mina"}]
    metric = {"Namespace": NAMESPACE, "MetricName": METRIC, "Dimensions": dimensions}
    queries = [{"Id": "user0", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Minimum"}}]
    asked = {"MetricDataQueries": queries, "StartTime": NOW - RECENT, "EndTime": NOW}
    pages = [[{"Id": "user0", "Timestamps": [minutes_ago(ago)], "Values": [600.0 + ago], "StatusCode": "PartialData"}] for ago in order]
    script.add_response("get_metric_data", {"MetricDataResults": pages[0], "NextToken": "more"}, asked)
    script.add_response("get_metric_data", {"MetricDataResults": pages[1]}, {**asked, "NextToken": "more"})
    assert canvas_unused(cloudwatch, [("d-1", "mina")] * 2, NOW) == {("d-1", "mina"): Unused(minutes_ago(5), minutes_ago(5) - timedelta(seconds=605))}


def test_who_has_no_value_lately_has_no_entry() -> None:
    with world() as member:
        member.unused("d-1", "mina", HOUR)
        member.unused("d-1", "noor", 2 * HOUR)
        users = [("d-1", "mina"), ("d-1", "noor"), ("d-2", "mina")]
        found = canvas_unused(member.client("cloudwatch"), users, member.now)
        assert {user: unused.time for user, unused in found.items()} == {("d-1", "mina"): HOUR, ("d-1", "noor"): 2 * HOUR}
        member.local.advance(RECENT.total_seconds())
        assert canvas_unused(member.client("cloudwatch"), users, member.now) == {}


def test_of_nobody_nothing_is_asked(scripted: Any) -> None:
    cloudwatch, _ = scripted.client("cloudwatch")
    assert canvas_unused(cloudwatch, [], NOW) == {}
