"""What moto keeps of Lambda, CloudWatch, Logs and change sets: each thing from its creation to its end, seen through the API after each call.

Where moto is wrong or drops something, the test says what there is, and `coverage.yaml` calls the operation approximated.
"""

import base64
import hashlib
import json
import urllib.request
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, function, tagged

HUB, HERE = "222222222222", "eu-west-1"


# -- Lambda


def test_a_function_has_its_code_configuration_and_tags(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    made = function(local, Timeout=7, MemorySize=256, Environment={"Variables": {"A": "b"}}, Architectures=["arm64"], Tags={"team": "ml"})
    arn = f"arn:aws:lambda:{HERE}:{HUB}:function:worker"

    def configuration() -> Any:
        return client.get_function_configuration(FunctionName="worker")

    found = configuration()
    assert (found["FunctionArn"], found["Handler"], found["Runtime"], found["State"]) == (arn, "code.handler", "python3.13", "Active")
    assert (found["Timeout"], found["MemorySize"], found["Environment"], found["Architectures"]) == (7, 256, {"Variables": {"A": "b"}}, ["arm64"])
    assert found["Version"] == "$LATEST"
    assert not {"RevisionId", "LoggingConfig"} & set(found), "AWS tells both"
    with pytest.raises(ClientError, match="ResourceConflict"):
        client.create_function(FunctionName="worker", Role=made["Role"], Runtime="python3.13", Handler="a.b", Code={"ZipFile": archive(a="")})

    code = archive(code="x = 2")
    client.update_function_code(FunctionName="worker", ZipFile=code, Architectures=["x86_64"])
    assert configuration()["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode() != made["CodeSha256"]
    assert (configuration()["Architectures"], configuration()["LastModified"]) == (["arm64"], made["LastModified"]), "moto changes neither"

    changes: Any = {"Description": "works", "Handler": "a.b", "MemorySize": 512, "Runtime": "python3.12", "Timeout": 9}
    client.update_function_configuration(FunctionName="worker", Environment={"Variables": {}}, **changes)
    found = client.get_function(FunctionName="worker")
    assert {name: found["Configuration"][name] for name in changes} == changes
    assert "Environment" not in found["Configuration"]
    assert found["Code"]["RepositoryType"] == "S3"
    with pytest.raises(Refused, match="nothing leaves loopback"):
        urllib.request.urlopen(found["Code"]["Location"])

    client.tag_resource(Resource=arn, Tags={"team": "platform", "stage": "dev"})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "platform", "stage": "dev"}
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "dev"}
    local.client("sqs", "hub").create_queue(QueueName="work")
    mapping = client.create_event_source_mapping(EventSourceArn=f"arn:aws:sqs:{HERE}:{HUB}:work", FunctionName="worker")["UUID"]
    for change in (partial(client.tag_resource, Tags={"a": "b"}), partial(client.untag_resource, TagKeys=["a"])):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            change(Resource=f"arn:aws:lambda:{HERE}:{HUB}:event-source-mapping:{mapping}")

    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["worker"]
    client.delete_function(FunctionName="worker")
    assert client.list_functions()["Functions"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_function(FunctionName="worker")


def test_settings_of_a_function_that_change_nothing_are_kept_once_or_dropped(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    kept: Any = {"EphemeralStorage": {"Size": 1024}, "KMSKeyArn": f"arn:aws:kms:{HERE}:{HUB}:key/a", "TracingConfig": {"Mode": "Active"}}
    dropped: Any = {"DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:{HERE}:{HUB}:dead"}, "LoggingConfig": {"LogGroup": "/steward"}}
    function(local, **kept, **dropped)
    found = client.get_function_configuration(FunctionName="worker")
    assert {name: found.get(name) for name in [*kept, *dropped]} == {**kept, **dict.fromkeys(dropped)}

    others: Any = {"EphemeralStorage": {"Size": 512}, "KMSKeyArn": "", "TracingConfig": {"Mode": "PassThrough"}}
    client.update_function_configuration(FunctionName="worker", Timeout=9999, **others, **dropped)
    found = client.get_function_configuration(FunctionName="worker")
    assert {name: found.get(name) for name in [*kept, *dropped]} == {**kept, **dict.fromkeys(dropped)}
    assert found["Timeout"] == 9999, "AWS takes 900 seconds at most"


def test_concurrency_that_a_function_reserves_is_told_and_not_kept_to(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    arn = function(local, code="import time\ndef handler(event, context):\n    time.sleep(2)\n")["FunctionArn"]
    client.put_function_concurrency(FunctionName="worker", ReservedConcurrentExecutions=1)
    assert client.get_function(FunctionName="worker")["Concurrency"] == {"ReservedConcurrentExecutions": 1}
    both = [local.cloud.functions.invoke(arn, "{}", local.administrator("hub")) for _ in range(2)]
    local.settle()
    assert [promise.result().function_error for promise in both] == [None, None], "AWS answers TooManyRequestsException to one of them"
    client.delete_function_concurrency(FunctionName="worker")
    assert "Concurrency" not in client.get_function(FunctionName="worker")


def test_a_function_lets_in_whom_its_policy_names(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    arn = function(local)["FunctionArn"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_policy(FunctionName="worker")
    common: Any = {"FunctionName": "worker", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    client.add_permission(StatementId="one", SourceArn=f"arn:aws:events:{HERE}:{HUB}:rule/one", SourceAccount=HUB, **common)
    client.add_permission(StatementId="two", **common)

    def statements() -> Any:
        return json.loads(client.get_policy(FunctionName="worker")["Policy"])["Statement"]

    assert statements()[0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
        "Condition": {"ArnLike": {"AWS:SourceArn": f"arn:aws:events:{HERE}:{HUB}:rule/one"}, "StringEquals": {"AWS:SourceAccount": HUB}},
    }
    client.add_permission(StatementId="two", **common)
    assert [statement["Sid"] for statement in statements()] == ["one", "two", "two"], "AWS answers ResourceConflictException"
    for name in ("one", "two"):
        client.remove_permission(FunctionName="worker", StatementId=name)
    assert [statement["Sid"] for statement in statements()] == ["two"]
    client.remove_permission(FunctionName="worker", StatementId="two")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_policy(FunctionName="worker")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.remove_permission(FunctionName="worker", StatementId="two")


def test_a_layer_is_a_row_of_versions_that_never_come_again(local: LocalOrganization) -> None:
    client = local.client("lambda", "hub")
    given: Any = {"LayerName": "packages", "CompatibleRuntimes": ["python3.13"], "CompatibleArchitectures": ["arm64"], "LicenseInfo": "MIT"}
    content = archive(code="x = 1")

    def publish(text: str) -> str:
        return str(client.publish_layer_version(Description=text, Content={"ZipFile": content}, **given)["LayerVersionArn"])

    arn = f"arn:aws:lambda:{HERE}:{HUB}:layer:packages"
    assert [publish("first"), publish("second")] == [f"{arn}:1", f"{arn}:2"]
    found = client.get_layer_version(LayerName="packages", VersionNumber=1)
    assert (found["LayerArn"], found["LayerVersionArn"], found["Description"]) == (arn, f"{arn}:1", "first")
    assert {name: found[name] for name in given if name != "LayerName"} == {name: value for name, value in given.items() if name != "LayerName"}
    assert found["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert found["Content"]["Location"] == "s3://", "no address to fetch it from"
    client.delete_layer_version(LayerName="packages", VersionNumber=2)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_layer_version(LayerName="packages", VersionNumber=2)
    assert client.get_layer_version(LayerName="packages", VersionNumber=1)["Description"] == "first"
    assert publish("third") == f"{arn}:3"


# -- CloudWatch and CloudWatch Logs


def test_a_log_group_has_its_retention_and_tags(local: LocalOrganization) -> None:
    logs = local.client("logs", "hub")
    logs.create_log_group(logGroupName="/steward/one", logGroupClass="INFREQUENT_ACCESS", tags={"team": "ml"})
    logs.create_log_group(logGroupName="/other")
    with pytest.raises(ClientError, match="ResourceAlreadyExists"):
        logs.create_log_group(logGroupName="/other")

    def group() -> Any:
        (found,) = logs.describe_log_groups(logGroupNamePrefix="/steward/")["logGroups"]
        return found

    arn = f"arn:aws:logs:{HERE}:{HUB}:log-group:/steward/one"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ml"}
    assert "logGroupClass" not in group(), "moto drops it"
    assert group()["arn"] == f"arn:aws:logs:{HERE}:{HUB}:log-group:/steward/one:*"
    assert "retentionInDays" not in group()
    logs.put_retention_policy(logGroupName="/steward/one", retentionInDays=90)
    assert group()["retentionInDays"] == 90
    logs.delete_retention_policy(logGroupName="/steward/one")
    assert "retentionInDays" not in group()

    logs.put_retention_policy(logGroupName="/steward/one", retentionInDays=17)
    assert group()["retentionInDays"] == 17, "AWS takes certain numbers only"

    logs.tag_resource(resourceArn=arn, tags={"team": "platform", "stage": "dev"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "platform", "stage": "dev"}
    logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "dev"}

    logs.delete_log_group(logGroupName="/steward/one")
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == ["/other"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "dev"}, "AWS answers ResourceNotFoundException"


def test_a_dashboard_is_kept_by_its_name(local: LocalOrganization) -> None:
    cloudwatch, body = local.client("cloudwatch", "hub"), json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})
    with pytest.raises(ClientError, match="InvalidParameterInput"):
        cloudwatch.put_dashboard(DashboardName="board", DashboardBody="{")
    for text in ("{}", body):
        assert cloudwatch.put_dashboard(DashboardName="board", DashboardBody=text)["DashboardValidationMessages"] == []
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == body
    assert [entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]] == ["board"]
    cloudwatch.delete_dashboards(DashboardNames=["board"])
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.get_dashboard(DashboardName="board")


def test_an_alarm_is_kept_and_never_evaluated(local: LocalOrganization) -> None:
    cloudwatch = local.client("cloudwatch", "hub")
    metric: Any = {
        "AlarmName": "dead letters",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "dead"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "breaching",
        "AlarmActions": [f"arn:aws:sns:{HERE}:{HUB}:alarms"],
    }
    cloudwatch.put_metric_alarm(**metric, Threshold=0, Tags=tagged(("team", "ml")))

    def alarm() -> Any:
        (found,) = cloudwatch.describe_alarms(AlarmNames=["dead letters"])["MetricAlarms"]
        return found

    arn = f"arn:aws:cloudwatch:{HERE}:{HUB}:alarm:dead letters"
    assert {name: alarm()[name] for name in [*metric, "AlarmArn", "Threshold"]} == {**metric, "AlarmArn": arn, "Threshold": 0}
    local.advance(3600)
    assert alarm()["StateValue"] == "OK", "in AWS INSUFFICIENT_DATA at first, and then ALARM, for missing data is breaching"
    cloudwatch.put_metric_alarm(**metric, Threshold=5, ActionsEnabled=False, Tags=tagged(("more", "x")))
    assert (alarm()["Threshold"], alarm()["ActionsEnabled"]) == (5, False)
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "ml"), ("more", "x")), "AWS ignores tags of an update"
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["more"])

    cloudwatch.tag_resource(ResourceARN=arn, Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("stage", "dev"))

    cloudwatch.delete_alarms(AlarmNames=["dead letters"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tagged(("stage", "dev")), "AWS answers ResourceNotFoundException"


# -- CloudFormation: what no deployment asks for


def test_change_sets_are_listed_until_they_are_deleted(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    template = "Resources: {Queue: {Type: AWS::SQS::Queue}}"
    for name in ("one", "two"):
        client.create_change_set(StackName="app", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=template)

    def listed() -> list[str]:
        return [change_set["ChangeSetName"] for change_set in client.list_change_sets(StackName="app")["Summaries"]]

    assert listed() == ["one", "two"]
    client.delete_change_set(StackName="app", ChangeSetName="one")
    assert listed() == ["two"]
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        client.delete_change_set(StackName="app", ChangeSetName="one")
