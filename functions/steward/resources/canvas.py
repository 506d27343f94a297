"""What SageMaker Canvas says of its use: the one app of Studio whose idleness AWS itself measures, as a metric of CloudWatch.

``TimeSinceLastActive``, in seconds, by domain and user profile
(https://aws.amazon.com/blogs/machine-learning/optimizing-costs-for-amazon-sagemaker-canvas-with-automatic-shutdown-of-idle-apps/).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef, MetricTypeDef

NAMESPACE, METRIC = "/aws/sagemaker/Canvas/AppActivity", "TimeSinceLastActive"
MOST_METRICS_OF_A_CALL = 500
RECENT = timedelta(minutes=30)
"""Older values are silence. How often there is one is not documented; AWS's own sample takes those of twenty minutes together."""

CanvasUser = tuple[str, str]
"""A domain's id and the name of a user profile in it: each has one Canvas app at most."""


@dataclass(frozen=True)
class Unused:
    """When it was `measured` that Canvas had not been used `since` a time before."""

    measured: datetime
    since: datetime

    @property
    def time(self) -> timedelta:
        return self.measured - self.since


def canvas_unused(cloudwatch: "CloudWatchClient", users: Iterable[CanvasUser], now: datetime) -> dict[CanvasUser, Unused]:
    """For how long each of them has not used Canvas, as the newest value of the last RECENT says; who has none has no entry. 500 users a call.

    Of several values in a minute the smallest counts.
    """
    users = list(dict.fromkeys(users))
    found: dict[CanvasUser, Unused] = {}
    for first in range(0, len(users), MOST_METRICS_OF_A_CALL):
        for user, at, seconds in _values(cloudwatch, users[first : first + MOST_METRICS_OF_A_CALL], now):
            if user not in found or at > found[user].measured:
                found[user] = Unused(at, at - timedelta(seconds=seconds))
    return found


def _values(cloudwatch: "CloudWatchClient", users: Sequence[CanvasUser], now: datetime) -> Iterator[tuple[CanvasUser, datetime, float]]:
    by_id = {f"user{number}": user for number, user in enumerate(users)}
    queries = [_query(id_, *user) for id_, user in by_id.items()]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, StartTime=now - RECENT, EndTime=now)
    for page in pages:
        for result in page["MetricDataResults"]:
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                yield by_id[result["Id"]], at, value


def _query(id_: str, domain_id: str, user_profile_name: str) -> "MetricDataQueryTypeDef":
    of_user: list[DimensionTypeDef] = [{"Name": "DomainId", "Value": domain_id}, {"Name": "UserProfileName", "Value": user_profile_name}]
    metric: MetricTypeDef = {"Namespace": NAMESPACE, "MetricName": METRIC, "Dimensions": of_user}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Minimum"}}
