"""Asynchronous invocations: taken in at once, run later, again where they fail, and told to a destination."""

import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.faults import FOR_EVER
from localaws.functions.runtime import SERVICE
from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, role_for
from tests.localaws.scheduler_machinery import HERE, HUB, Scheduling
from tests.localaws.stacks_machinery import Stack

FAILS = "def handler(event, context):\n    raise ValueError('no')\n"
WORKS = "def handler(event, context):\n    print(context.aws_request_id)\n    return {'did': event}\n"


class Async:
    """Functions of the hub account with one role, which may write to every destination."""

    def __init__(self, local: LocalOrganization):
        self.local, self.client, self.sqs = local, local.client("lambda", "hub"), local.client("sqs", "hub")
        self.role = role_for(local, "lambda.amazonaws.com")
        actions = ["sqs:*", "sns:Publish", "lambda:InvokeFunction", "events:PutEvents"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        local.client("iam", "hub").put_role_policy(RoleName="runner", PolicyName="tells", PolicyDocument=json.dumps(policy))

    def function(self, code: str, name: str = "worker") -> str:
        made = self.client.create_function(
            FunctionName=name, Role=self.role, Runtime="python3.13", Handler="code.handler", Code={"ZipFile": archive(code=code)}
        )
        return str(made["FunctionArn"])

    def queue(self, name: str) -> str:
        self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})
        return f"arn:aws:sqs:{HERE}:{HUB}:{name}"

    def send(self, event: Any, name: str = "worker") -> str:
        """Invoke; the request's id."""
        answer = self.client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
        assert answer["StatusCode"] == 202
        return str(answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"])

    def configure(self, name: str = "worker", **config: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.put_function_event_invoke_config(FunctionName=name, **config)
        return answer

    def bodies(self, queue: str) -> list[Any]:
        found = self.sqs.receive_message(QueueUrl=self.sqs.get_queue_url(QueueName=queue)["QueueUrl"], MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    def runs(self) -> list[float]:
        """Seconds between the first run and each."""
        times = [datetime.fromisoformat(entry["time"]).timestamp() for entry in self.local.cloud.log.invocations]
        return [time - times[0] for time in times]

    def outcomes(self) -> list[tuple[str, str, str]]:
        log = self.local.cloud.log.deliveries
        return [(entry["outcome"], entry["target"].split(":")[2], (entry["error"] or "").split(":")[0]) for entry in log if "function" in entry]


@pytest.fixture
def stage(local: LocalOrganization) -> Async:
    return Async(local)


def test_an_event_is_taken_in_at_once_and_the_function_runs_later(local: LocalOrganization) -> None:
    stage = Async(local)
    stage.function(WORKS)
    answer = local.client("lambda", "hub").invoke(FunctionName="worker", InvocationType="Event", Payload=b'{"n": 1}')
    assert (answer["StatusCode"], local.cloud.log.invocations) == (202, [])
    local.settle()
    (run,) = local.cloud.log.invocations
    request = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert (run["error"], run["request_id"], run["log"]) == (None, request, f"{request}\n")
    assert stage.outcomes() == [("delivered", "lambda", "")]


def test_a_function_that_fails_runs_again_after_a_minute_and_after_two_more(stage: Async) -> None:
    stage.function(FAILS)
    request = stage.send({})
    stage.local.settle()
    assert stage.runs() == [0, 60, 180]
    assert {entry["request_id"] for entry in stage.local.cloud.log.invocations} == {request}, "one request, three runs"
    assert stage.outcomes() == [("failed", "lambda", "ValueError")] * 2 + [("dropped", "lambda", "RetriesExhausted")]


@pytest.mark.parametrize(
    ("config", "runs", "condition"),
    [
        ({"MaximumRetryAttempts": 0}, [0], "RetriesExhausted"),
        ({"MaximumRetryAttempts": 1}, [0, 60], "RetriesExhausted"),
        ({"MaximumEventAgeInSeconds": 60}, [0], "EventAgeExceeded"),
        ({"MaximumEventAgeInSeconds": 120}, [0, 60], "EventAgeExceeded"),
    ],
)
def test_how_often_and_how_long_is_configured(stage: Async, config: dict[str, int], runs: list[int], condition: str) -> None:
    stage.function(FAILS)
    stage.configure(**config, DestinationConfig={"OnFailure": {"Destination": stage.queue("failed")}})
    stage.send({})
    stage.local.settle()
    assert stage.runs() == runs
    (record,) = stage.bodies("failed")
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == (condition, len(runs))


def test_the_record_of_a_failure_is_as_aws_writes_it(stage: Async) -> None:
    arn = stage.function(FAILS)
    stage.configure(DestinationConfig={"OnFailure": {"Destination": stage.queue("failed")}, "OnSuccess": {"Destination": stage.queue("done")}})
    request = stage.send({"order": 7})
    stage.local.settle()
    (record,) = stage.bodies("failed")
    assert record.pop("timestamp").startswith("2026-11-02T08:03:")
    assert record.pop("responsePayload")["errorMessage"] == "no"
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request,
            "functionArn": f"{arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"order": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }
    assert stage.bodies("done") == []


def test_a_success_is_told_to_a_queue_a_function_and_a_bus(stage: Async) -> None:
    stage.function(WORKS)
    stage.function(WORKS, "next")
    bus = f"arn:aws:events:{HERE}:{HUB}:event-bus/default"
    for destination in (stage.queue("done"), f"arn:aws:lambda:{HERE}:{HUB}:function:next", bus):
        stage.configure(DestinationConfig={"OnSuccess": {"Destination": destination}})
        stage.send({"n": 1})
        stage.local.settle()
    (record,) = stage.bodies("done")
    assert (record["requestContext"]["condition"], record["responsePayload"]) == ("Success", {"did": {"n": 1}})
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert [entry["function"] for entry in stage.local.cloud.log.invocations] == ["worker", "worker", "next", "worker"]
    sent = [call for call in stage.local.cloud.log.calls if call["action"] in ("sqs:SendMessage", "lambda:Invoke", "events:PutEvents")]
    assert sum(call["principal"].endswith("assumed-role/runner/worker") for call in sent) == 3


def test_what_goes_to_a_bus_is_an_event_of_lambda(stage: Async) -> None:
    arn, events = stage.function(FAILS), stage.local.client("events", "hub")
    target = stage.queue("seen")
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": target}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    stage.sqs.set_queue_attributes(QueueUrl=stage.sqs.get_queue_url(QueueName="seen")["QueueUrl"], Attributes={"Policy": policy})
    events.put_rule(Name="seen", EventPattern='{"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Failure"]}')
    events.put_targets(Rule="seen", Targets=[{"Id": "t", "Arn": target}])
    bus = f"arn:aws:events:{HERE}:{HUB}:event-bus/default"
    stage.configure(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bus}})
    request = stage.send({})
    stage.local.settle()
    (event,) = stage.bodies("seen")
    assert (event["resources"], event["detail"]["requestContext"]["requestId"]) == ([f"{arn}:$LATEST", bus], request)


def test_a_topic_gets_the_record_and_wakes_who_reads_the_queue_behind_it(stage: Async) -> None:
    """SNS puts it into the queue itself: the event source mapping hears of it all the same."""
    stage.function(FAILS)
    stage.function(WORKS, "reader")
    sns, queue = stage.local.client("sns", "hub"), stage.queue("behind")
    topic = sns.create_topic(Name="failures")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    url = stage.sqs.get_queue_url(QueueName="behind")["QueueUrl"]
    stage.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    stage.client.create_event_source_mapping(EventSourceArn=queue, FunctionName="reader")
    stage.configure(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
    stage.send({})
    stage.local.settle()
    assert [entry["function"] for entry in stage.local.cloud.log.invocations] == ["worker", "reader"]


def test_a_destination_that_is_gone_loses_the_record_and_the_log_says_so(stage: Async) -> None:
    stage.function(WORKS)
    stage.configure(DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:sqs:{HERE}:{HUB}:missing"}})
    stage.send({})
    stage.local.settle()
    (ran, told) = stage.outcomes()
    assert (ran, told[:2]) == (("delivered", "lambda", ""), ("dropped", "sqs"))
    assert "NonExistentQueue" in told[2]


@pytest.mark.parametrize("error", ["TooManyRequestsException", "ServiceException"])
def test_throttling_and_service_errors_do_not_count_as_runs(stage: Async, error: str) -> None:
    stage.function(WORKS)
    stage.configure(MaximumRetryAttempts=0, DestinationConfig={"OnSuccess": {"Destination": stage.queue("done")}})
    before = stage.local.clock.now
    with stage.local.faults.fail("lambda:Invoke", error, times=10, principal=SERVICE):
        stage.send({})
        stage.local.settle()
    assert [outcome for outcome, *_ in stage.outcomes()] == ["failed"] * 10 + ["delivered", "delivered"]
    assert 511 <= stage.local.clock.now - before - 300 <= 520, "1, 2, 4 … 256 seconds, then five minutes at most"
    (record,) = stage.bodies("done")
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_an_event_that_is_throttled_until_it_is_too_old_never_ran(stage: Async) -> None:
    stage.function(WORKS)
    stage.configure(MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": stage.queue("failed")}})
    with stage.local.faults.fail("lambda:Invoke", times=FOR_EVER, principal=SERVICE):
        stage.send({"n": 1})
        stage.local.settle()
    (record,) = stage.bodies("failed")
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == ("EventAgeExceeded", 0)
    assert "responseContext" not in record
    assert stage.local.cloud.log.invocations == []


def test_an_event_whose_run_is_not_heard_of_runs_again(stage: Async) -> None:
    stage.function(WORKS)
    with stage.local.faults.lose_answer("lambda:Invoke", principal=SERVICE):
        stage.send({})
        stage.local.settle()
    assert [outcome for outcome, *_ in stage.outcomes()] == ["failed", "delivered"]
    assert len(stage.local.cloud.log.invocations) == 2


def test_a_function_that_is_gone_before_it_runs_loses_its_event(stage: Async) -> None:
    stage.function(WORKS)
    stage.send({})
    stage.client.delete_function(FunctionName="worker")
    stage.local.settle()
    assert stage.outcomes() == [("dropped", "lambda", "ResourceNotFoundException")]


def test_an_invoke_config_is_kept_until_it_is_deleted(stage: Async) -> None:
    client, arn = stage.client, stage.function(WORKS)
    queue = {"OnFailure": {"Destination": stage.queue("failed")}}
    put = client.put_function_event_invoke_config(FunctionName="worker", MaximumRetryAttempts=1, DestinationConfig=queue)
    assert (put["FunctionArn"], put["MaximumRetryAttempts"], put["DestinationConfig"]) == (f"{arn}:$LATEST", 1, {"OnSuccess": {}, **queue})
    updated = client.update_function_event_invoke_config(FunctionName="worker", MaximumEventAgeInSeconds=120)
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (1, 120)
    client.put_function_event_invoke_config(FunctionName=arn, Qualifier="$LATEST", MaximumRetryAttempts=2)
    kept = client.get_function_event_invoke_config(FunctionName="worker")
    assert (kept["MaximumRetryAttempts"], "MaximumEventAgeInSeconds" in kept, kept["DestinationConfig"]["OnFailure"]) == (2, False, {})
    (listed,) = client.list_function_event_invoke_configs(FunctionName="worker")["FunctionEventInvokeConfigs"]
    assert listed["LastModified"] == kept["LastModified"]
    client.delete_function_event_invoke_config(FunctionName="worker")
    assert client.list_function_event_invoke_configs(FunctionName="worker")["FunctionEventInvokeConfigs"] == []
    for gone in (client.get_function_event_invoke_config, client.delete_function_event_invoke_config, client.update_function_event_invoke_config):
        with pytest.raises(ClientError, match="doesn't have an EventInvokeConfig"):
            gone(FunctionName="worker")


def test_a_function_of_the_same_name_starts_without_the_config_of_the_one_before(stage: Async) -> None:
    stage.function(WORKS)
    stage.configure(MaximumRetryAttempts=0)
    stage.client.delete_function(FunctionName="worker")
    stage.function(WORKS)
    assert stage.client.list_function_event_invoke_configs(FunctionName="worker")["FunctionEventInvokeConfigs"] == []


def test_what_is_no_event_and_who_is_no_function_is_told(stage: Async) -> None:
    stage.function(WORKS)
    with pytest.raises(ClientError, match="InvalidRequestContent"):
        stage.client.invoke(FunctionName="worker", InvocationType="Event", Payload=b"{")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        stage.client.invoke(FunctionName="missing", InvocationType="Event")


@pytest.mark.parametrize("name", [f"arn:aws:lambda:{HERE}:{HUB}:function:worker", f"{HUB}:function:worker", "worker:$LATEST"])
def test_a_function_is_found_by_its_name_and_by_more_of_its_arn(stage: Async, name: str) -> None:
    stage.function(WORKS)
    stage.send({}, name)
    stage.local.settle()
    assert stage.outcomes() == [("delivered", "lambda", "")]


@pytest.mark.parametrize(("name", "said"), [("444444444444:function:worker", "another account"), ("worker:live", "qualifier live")])
def test_a_function_of_another_account_or_version_is_not_taken_for_ours(stage: Async, name: str, said: str) -> None:
    stage.function(WORKS)
    with pytest.raises(Refused, match=said):
        stage.send({}, name)


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        ("arn:aws:s3:::records", "only standard queues"),
        (f"arn:aws:sqs:{HERE}:{HUB}:work.fifo", "only standard queues"),
        (f"arn:aws:sqs:us-east-1:{HUB}:work", "another account or Region"),
    ],
)
def test_destinations_that_nothing_here_tells_are_refused(stage: Async, destination: str, said: str) -> None:
    stage.function(WORKS)
    with pytest.raises(Refused, match=said):
        stage.configure(DestinationConfig={"OnFailure": {"Destination": destination}})


def test_whoever_waits_for_an_answer_and_versions_are_refused(stage: Async) -> None:
    stage.function(WORKS)
    with pytest.raises(Refused, match="InvocationType RequestResponse: only Event"):
        stage.client.invoke(FunctionName="worker")
    with pytest.raises(Refused, match="qualifier live"):
        stage.client.invoke(FunctionName="worker", InvocationType="Event", Qualifier="live")


# -- who else invokes so


def test_a_rule_invokes_a_function_that_lets_it_in(stage: Async) -> None:
    arn, events = stage.function(WORKS), stage.local.client("events", "hub")
    rule = events.put_rule(Name="seen", EventPattern='{"source": ["my.app"]}')["RuleArn"]
    events.put_targets(Rule="seen", Targets=[{"Id": "t", "Arn": arn, "InputPath": "$.detail"}])
    for allowed in (False, True):
        if allowed:
            named = {"Principal": "events.amazonaws.com", "SourceArn": rule}
            stage.client.add_permission(FunctionName="worker", StatementId="rule", Action="lambda:InvokeFunction", **named)
        events.put_events(Entries=[{"Source": "my.app", "DetailType": "d", "Detail": '{"n": 1}'}])
        stage.local.settle()
    from_rule = [(entry["outcome"], entry["error"] and entry["error"].split(":")[0]) for entry in stage.local.cloud.log.deliveries if entry["rule"]]
    assert from_rule == [("dropped", "NO_PERMISSIONS"), ("delivered", None)]
    assert stage.outcomes() == [("delivered", "lambda", "")]


def test_a_rule_starts_an_execution_with_its_role(stage: Async) -> None:
    local = stage.local
    events, machines = local.client("events", "hub"), local.client("stepfunctions", "hub")
    runs, starts = role_for(local, "states.amazonaws.com", "runs"), role_for(local, "events.amazonaws.com", "starts")
    allow = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    local.client("iam", "hub").put_role_policy(RoleName="starts", PolicyName="starts", PolicyDocument=policy)
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    machine = machines.create_state_machine(name="sweep", definition=definition, roleArn=runs)["stateMachineArn"]
    events.put_rule(Name="seen", EventPattern='{"source": ["my.app"]}')
    with pytest.raises(ClientError, match="RoleArn is required"):
        events.put_targets(Rule="seen", Targets=[{"Id": "t", "Arn": machine}])
    events.put_targets(Rule="seen", Targets=[{"Id": "t", "Arn": machine, "RoleArn": starts, "InputPath": "$.detail"}])
    put = lambda: events.put_events(Entries=[{"Source": "my.app", "DetailType": "d", "Detail": '{"n": 1}'}])  # noqa: E731 - twice the same
    put()
    local.settle()
    (execution,) = local.cloud.log.executions
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", {"n": 1})
    machines.delete_state_machine(stateMachineArn=machine)
    local.settle()
    put()
    local.settle()
    assert local.cloud.log.deliveries[-1]["error"].startswith("NO_RESOURCE")


def test_a_schedule_invokes_a_function(stage: Async) -> None:
    arn, scheduling = stage.function(WORKS), Scheduling(stage.local)
    scheduling.put("at(2026-11-02T10:00:00)", Target=scheduling.target(arn))
    scheduling.advance_to("2026-11-02T10:00:01")
    stage.local.settle()
    (run,) = stage.local.cloud.log.invocations
    assert (run["function"], run["error"]) == ("worker", None)
    (invoked,) = [call for call in stage.local.cloud.log.calls if call["action"] == "lambda:Invoke"]
    assert ":assumed-role/schedules/" in invoked["principal"]


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Failed: {Type: AWS::SQS::Queue}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      InlineCode: "def handler(event, context): raise ValueError('no')"
      Role: !GetAtt Role.Arn
      EventInvokeConfig:
        MaximumRetryAttempts: %s
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failed.Arn}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
"""


def test_sams_invoke_config_changes_in_place_and_goes_with_its_stack(local: LocalOrganization) -> None:
    stack, client = Stack(local, TEMPLATE).create(1), local.client("lambda", "hub")
    name = stack.physical("Worker")
    config = client.get_function_event_invoke_config(FunctionName=name)
    assert (config["MaximumRetryAttempts"], config["DestinationConfig"]["OnFailure"]["Destination"].split(":")[2]) == (1, "sqs")
    stack.update(0)
    assert stack.changes() == ["lambda:PutFunctionEventInvokeConfig"]
    assert client.get_function_event_invoke_config(FunctionName=name)["MaximumRetryAttempts"] == 0
    stack.delete()
