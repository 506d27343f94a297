"""What people look at, on the deployed template."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stories.people import HUB, Platform

pytestmark = pytest.mark.together


def spelt_out(metrics: list[list[Any]]) -> Iterator[list[Any]]:
    """Metrics of a dashboard's widget, each dot replaced by what stands above it."""
    above: list[Any] = []
    for metric in metrics:
        above = [above[place] if value == "." else value for place, value in enumerate(metric)]
        yield above


def test_the_dashboard_shows_what_is_there_and_its_costs_do_not_grow_with_accounts(platform: Platform) -> None:
    board = platform.client("cloudwatch", "hub").get_dashboard(DashboardName="studio-steward-eu-west-1")
    widgets = json.loads(board["DashboardBody"])["widgets"]
    shown = [metric for widget in widgets for metric in spelt_out(widget["properties"].get("metrics", []))]
    functions = {function["FunctionName"] for function in platform.client("lambda", "hub").list_functions()["Functions"]}
    machines = {machine["stateMachineArn"] for machine in platform.client("stepfunctions", "hub").list_state_machines()["stateMachines"]}
    queues = {platform.output(key).rsplit("/", 1)[1] for key in ("IntakeQueueUrl", "IntakeDlqUrl", "UndeliveredQueueUrl")}
    topic = platform.output("FindingsTopicArn").rsplit(":", 1)[1]
    there = {"FunctionName": functions, "StateMachineArn": machines, "QueueName": queues, "TopicName": {topic}, "service": {"studio-steward"}}
    for _, _, dimension, value in shown:
        assert value in there[dimension]
    for dimension, values in there.items():
        assert {value for _, _, name, value in shown if name == dimension} == values, f"every {dimension} is shown"


def test_the_dashboard_shows_every_alarm_and_each_alarm_reaches_people(platform: Platform) -> None:
    board = platform.client("cloudwatch", "hub").get_dashboard(DashboardName="studio-steward-eu-west-1")
    (alarms,) = [widget["properties"]["alarms"] for widget in json.loads(board["DashboardBody"])["widgets"] if widget["type"] == "alarm"]
    deployed = platform.client("cloudwatch", "hub").describe_alarms()["MetricAlarms"]
    assert sorted(alarms) == sorted(alarm["AlarmArn"] for alarm in deployed)
    assert {tuple(alarm["AlarmActions"]) for alarm in deployed} == {(platform.output("FindingsTopicArn"),)}
    assert all(f":{HUB}:" in arn for arn in alarms)
