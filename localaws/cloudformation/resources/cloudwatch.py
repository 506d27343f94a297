"""CloudWatch: alarms and dashboards.

Source: AWS CloudFormation Template Reference, AWS::CloudWatch; Amazon CloudWatch API Reference, PutMetricAlarm, PutDashboard.
"""

from collections.abc import Mapping
from typing import ClassVar

from localaws.cloud import AwsError
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, listed, retag, tag_list


class Alarm(ResourceType):
    """A metric alarm."""

    name = "AWS::CloudWatch::Alarm"
    properties = frozenset(
        {
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "AlarmName",
            "ComparisonOperator",
            "DatapointsToAlarm",
            "Dimensions",
            "EvaluateLowSampleCountPercentile",
            "EvaluationPeriods",
            "ExtendedStatistic",
            "InsufficientDataActions",
            "MetricName",
            "Metrics",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "Tags",
            "Threshold",
            "ThresholdMetricId",
            "TreatMissingData",
            "Unit",
        }
    )
    create_only = frozenset({"AlarmName"})
    physical_name = "AlarmName"
    attributes = frozenset({"Arn"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "AlarmActions": "no metric is evaluated: alarms never change",
        "InsufficientDataActions": "no metric is evaluated: alarms never change",
        "OKActions": "no metric is evaluated: alarms never change",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("AlarmName") or context.name(255)
        if context.call("cloudwatch", "DescribeAlarms", AlarmNames=[name])["MetricAlarms"]:
            raise AwsError("AlreadyExists", f"Resource with identifier '{name}' already exists.")
        given = {key: value for key, value in properties.items() if key not in ("AlarmName", "Tags")}
        tags = tag_list(properties)
        context.call("cloudwatch", "PutMetricAlarm", AlarmName=name, **given, **({"Tags": tags} if tags else {}))
        return Made(name, {"Arn": f"arn:aws:cloudwatch:{context.region}:{context.account}:alarm:{name}"})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        given = {key: value for key, value in after.items() if key not in ("AlarmName", "Tags")}
        context.call("cloudwatch", "PutMetricAlarm", AlarmName=made.physical_id, **given)
        retag(context, "cloudwatch", "Resource", (before, after), listed, ResourceARN=made.attributes["Arn"])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("cloudwatch", "DeleteAlarms", AlarmNames=[made.physical_id])


class Dashboard(ResourceType):
    """A dashboard; ``Ref`` is its name. Its body has to be JSON: what the widgets say is not looked at."""

    name = "AWS::CloudWatch::Dashboard"
    properties = frozenset({"DashboardBody", "DashboardName"})
    required = frozenset({"DashboardBody"})
    create_only = frozenset({"DashboardName"})
    physical_name = "DashboardName"

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("DashboardName") or context.name(255)
        context.require_new(name, "cloudwatch", "GetDashboard", DashboardName=name)
        context.call("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=properties["DashboardBody"])
        return Made(name)

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        context.call("cloudwatch", "PutDashboard", DashboardName=existing.made.physical_id, DashboardBody=after["DashboardBody"])
        return existing.made

    def delete(self, context: Context, existing: Existing) -> None:
        context.attempt("cloudwatch", "DeleteDashboards", DashboardNames=[existing.made.physical_id])
