"""Metrics in the log of functions are read back as CloudWatch would read them, and what it would not read is an error."""

import json
from datetime import timedelta
from typing import Any

import pytest

from localaws.embedded_metrics import NotInTheFormat
from localaws.local import START, LocalOrganization
from tests.localaws.conftest import archive, role_for

POWERTOOLS = """
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
metrics = Metrics(namespace="StudioSteward", service="idle")
@metrics.log_metrics
def handler(event, context):
    print("nothing of it")
    for value in event["idle"]:
        metrics.add_metric(name="IdleApps", unit=MetricUnit.Count, value=value)
    metrics.add_dimension(name="Kind", value="JupyterLab")
"""
PRINTS = """
import json
def handler(event, context):
    print(json.dumps(event))
"""


def invoke(local: LocalOrganization, code: str, event: dict[str, Any]) -> None:
    function = local.client("lambda", "hub")
    role = role_for(local, "lambda.amazonaws.com")
    function.create_function(FunctionName="worker", Role=role, Runtime="python3.13", Handler="code.handler", Code={"ZipFile": archive(code=code)})
    function.invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps(event))
    local.settle()


def test_what_powertools_writes_is_read_back(local: LocalOrganization) -> None:
    local.advance(60)
    invoke(local, POWERTOOLS, {"idle": [3, 4]})
    (metric,) = local.emitted()
    assert (metric.function, metric.account, metric.region) == ("worker", "222222222222", "eu-west-1")
    assert (metric.namespace, metric.name, metric.unit, metric.values) == ("StudioSteward", "IdleApps", "Count", (3.0, 4.0))
    assert metric.dimensions == {("service", "idle"), ("Kind", "JupyterLab")}
    assert START < metric.time <= START + timedelta(seconds=120)


def test_each_set_of_dimensions_is_a_metric_of_its_own(local: LocalOrganization) -> None:
    directive = {"Namespace": "N", "Dimensions": [["a"], ["a", "b"], []], "Metrics": [{"Name": "M"}]}
    invoke(local, PRINTS, {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, "a": "1", "b": "2", "M": 5})
    assert [metric.dimensions for metric in local.emitted()] == [{("a", "1")}, {("a", "1"), ("b", "2")}, frozenset()]


@pytest.mark.parametrize("wrong", [{"M": "five"}, {"M": []}, {"M": [1] * 101}, {}, {"M": True}])
def test_a_line_that_cloudwatch_would_pass_over_is_an_error(local: LocalOrganization, wrong: dict[str, Any]) -> None:
    directive = {"Namespace": "N", "Dimensions": [], "Metrics": [{"Name": "M"}]}
    invoke(local, PRINTS, {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, **wrong})
    with pytest.raises(NotInTheFormat, match="M"):
        local.emitted()
