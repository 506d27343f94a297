"""What a Task calls and what it makes of the answer."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ParamValidationError

from localaws.cloud import AwsError, Principal, Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for
from tests.localaws.states_machinery import (
    ACCOUNT,
    FUNCTION,
    REGION,
    ROLE,
    StepFunctions,
    block,
    function_fails,
    last,
    machine,
    refuses,
    seconds,
    step_functions,
    task,
)


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


class FakeClient:
    """A boto3 client that answers every operation with `answer`, or raises it."""

    def __init__(self, answer: Any):
        self.answer, self.calls = answer, list[tuple[str, dict[str, Any]]]()

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> Any:
            self.calls.append((operation, params))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


@pytest.fixture
def clients(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeClient]:
    """Clients by service; put what a test needs."""
    clients: dict[str, FakeClient] = {}

    def client(service: str, region: str, principal: Principal) -> FakeClient:
        assert (region, principal.role_arn) == (REGION, ROLE)
        return clients[service]

    monkeypatch.setattr(sfn.cloud, "client", client)
    return clients


def sdk(name: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{name}", "Arguments": arguments, **fields} | ({} if "Next" in fields else {"End": True})


# -- lambda:invoke


def test_a_function_is_invoked_as_the_machines_role(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda payload: {"got": payload}
    step = task({"id": "{% $states.input.id %}", "list": [None, 1.0]}, Output="{% $states.result %}")
    assert sfn.output(machine(Step=step), {"id": "4"}) == {
        "ExecutedVersion": "$LATEST",
        "Payload": {"got": {"id": "4", "list": [None, 1]}},
        "StatusCode": 200,
    }
    ((moment, function, payload, principal),) = sfn.functions.calls
    assert (function, payload) == (FUNCTION, {"id": "4", "list": [None, 1]})
    assert principal.role_arn == ROLE
    assert principal.arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/machine/")
    assert moment - sfn.started == pytest.approx(sfn.cloud.latency), "a call takes its time"


def test_a_function_can_be_named_and_its_payload_left_out(sfn: StepFunctions) -> None:
    assert sfn.output(machine(Step=sdk("lambda:invoke", {"FunctionName": "step"}, Output="{% $states.result.Payload %}"))) == {}
    assert sfn.functions.calls[0][1] == FUNCTION


def test_an_exception_of_a_function_is_an_error_by_its_name(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: function_fails("ProfileFailed", "profile is Failed")
    done = sfn.run(machine(Step=task()))
    assert (done["status"], done["error"]) == ("FAILED", "ProfileFailed")
    assert json.loads(done["cause"]) == {"errorType": "ProfileFailed", "errorMessage": "profile is Failed"}


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "TooManyRequestsException"])
def test_an_error_of_lambda_itself_has_lambdas_name(sfn: StepFunctions, code: str) -> None:
    def refuse(_: Any) -> Any:
        raise AwsError(code, "no such thing", 429)

    sfn.functions.answer = refuse
    done = sfn.run(machine(Step=task()))
    assert (done["error"], done["cause"]) == (f"Lambda.{code}", "no such thing (Service: Lambda, Status Code: 429)")


@pytest.mark.parametrize(
    ("more", "refusal"), [({"InvocationType": "{% 'Event' %}"}, "InvocationType Event"), ({"Qualifier": "live"}, "lambda:invoke with Qualifier")]
)
def test_what_is_not_built_of_lambda_is_refused_by_name(sfn: StepFunctions, more: dict[str, Any], refusal: str) -> None:
    arn = sfn.begin(machine(Step=sdk("lambda:invoke", {"FunctionName": "step", **more})))
    with pytest.raises(Refused, match=f"state 'Step': .*{refusal}.* not built yet"):
        sfn.clock.settle()
    assert sfn.describe(arn)["status"] == "FAILED"


def test_a_function_must_be_named_by_a_text(sfn: StepFunctions) -> None:
    done = sfn.run(machine(Step=sdk("lambda:invoke", {"FunctionName": 3})))
    assert done["error"] == "States.Runtime"
    assert (
        "The Parameters '{\"FunctionName\":3}' could not be used to start the Task: [FunctionName must be a function's name or ARN]" in done["cause"]
    )


# -- aws-sdk


def test_an_sdk_call_speaks_pascal_case_both_ways(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    started = datetime(2026, 11, 2, 8, 0, 0, 120_000, tzinfo=UTC)
    clients["stepfunctions"] = FakeClient({"executions": [{"executionArn": "a", "startDate": started}], "ResponseMetadata": {"x": 1}})
    step = sdk("aws-sdk:sfn:listExecutions", {"StateMachineArn": "{% $states.input %}", "MaxResults": 5})
    assert sfn.output(machine(Step=step), "m") == {"Executions": [{"ExecutionArn": "a", "StartDate": "2026-11-02T08:00:00.12Z"}]}
    assert clients["stepfunctions"].calls == [("list_executions", {"stateMachineArn": "m", "maxResults": 5})]


def test_maps_keep_their_keys_and_content_becomes_text(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    clients["s3"] = FakeClient({"Body": io.BytesIO(b"caf\xc3\xa9"), "Metadata": {"lower": "x"}})
    step = sdk("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"})
    assert sfn.output(machine(Step=step)) == {"Body": "café", "Metadata": {"lower": "x"}}


@pytest.mark.parametrize(
    ("service", "resource", "arguments", "code", "name"),
    [
        ("sagemaker", "sagemaker:describeDomain", {"DomainId": "d-1"}, "ResourceNotFound", "SageMaker.ResourceNotFoundException"),
        ("sagemaker", "sagemaker:describeDomain", {"DomainId": "d-1"}, "AccessDeniedException", "SageMaker.SageMakerException"),
        ("dynamodb", "dynamodb:describeTable", {"TableName": "t"}, "ResourceNotFoundException", "DynamoDb.ResourceNotFoundException"),
        ("ce", "costexplorer:listCostAllocationTags", {}, "LimitExceededException", "CostExplorer.LimitExceededException"),
        ("s3", "s3:getObject", {"Bucket": "b", "Key": "k"}, "NoSuchKey", "S3.NoSuchKeyException"),
        ("events", "eventbridge:describeRule", {"Name": "r"}, "ResourceNotFoundException", "EventBridge.ResourceNotFoundException"),
        ("stepfunctions", "sfn:describeExecution", {"ExecutionArn": "e"}, "ExecutionDoesNotExist", "Sfn.ExecutionDoesNotExistException"),
    ],
)
def test_errors_of_services_have_the_names_of_the_java_sdk(
    sfn: StepFunctions, clients: dict[str, FakeClient], service: str, resource: str, arguments: dict[str, Any], code: str, name: str
) -> None:
    clients[service] = FakeClient(refuses(code, "not there"))
    done = sfn.run(machine(Step=sdk(f"aws-sdk:{resource}", arguments)))
    prefix = name.split(".", maxsplit=1)[0]
    assert (done["error"], done["cause"]) == (name, f"not there (Service: {prefix}, Status Code: 400, Request ID: r-1)")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("{% {'domainId': 'd-1'} %}", "The field 'domainId' is not supported by Step Functions"),
        ("{% 'd-1' %}", 'they must be an object, not "d-1"'),
        ("{% {'DomainId': 3} %}", "Parameter validation failed"),
    ],
)
def test_arguments_that_the_operation_cannot_take_break_the_machine(
    sfn: StepFunctions, clients: dict[str, FakeClient], arguments: str, reason: str
) -> None:
    clients["sagemaker"] = FakeClient(ParamValidationError(report="Invalid type for parameter DomainId"))
    done = sfn.run(machine(Step=sdk("aws-sdk:sagemaker:describeDomain", arguments, Retry=[{"ErrorEquals": ["States.ALL"]}])))
    assert done["error"] == "States.Runtime"
    assert "could not be used to start the Task: [" in done["cause"]
    assert reason in done["cause"]


# -- events:putEvents and sns:publish


def entry(**fields: Any) -> dict[str, Any]:
    return {"Source": "steward", "DetailType": "Done", "Detail": {"a": "{% $states.input %}"}, **fields}


def test_events_carry_their_detail_as_text_and_name_the_execution(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    clients["events"] = FakeClient({"FailedEntryCount": 0, "Entries": [{"EventId": "e"}, {"EventId": "f"}]})
    step = sdk("events:putEvents", {"Entries": [entry(), entry(Detail="{}", Resources=["r"])]})
    done = sfn.run(machine(Step=step), 1)
    assert done["output"] == {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}, {"EventId": "f"}]}
    ((operation, params),) = clients["events"].calls
    ours = [done["arn"], done["stateMachineArn"]]
    assert operation == "put_events"
    assert [sent["Detail"] for sent in params["Entries"]] == ['{"a":1}', "{}"]
    assert [sent["Resources"] for sent in params["Entries"]] == [ours, ["r", *ours]]


def test_one_failed_entry_fails_the_task(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    clients["events"] = FakeClient(answer)
    done = sfn.run(machine(Step=sdk("events:putEvents", {"Entries": [entry()]})))
    assert done["error"] == "EventBridge.FailedEntry"
    assert json.loads(done["cause"]) == answer


def test_entries_must_be_objects(sfn: StepFunctions) -> None:
    assert sfn.run(machine(Step=sdk("events:putEvents", {"Entries": "{% ['x'] %}"})))["error"] == "States.Runtime"


@pytest.mark.parametrize(("message", "sent"), [({"a": [1]}, '{"a":[1]}'), ("plain", "plain")])
def test_a_message_can_be_an_object(sfn: StepFunctions, clients: dict[str, FakeClient], message: Any, sent: str) -> None:
    clients["sns"] = FakeClient({"MessageId": "m"})
    step = sdk("sns:publish", {"TopicArn": "t", "Message": message})
    assert sfn.output(machine(Step=step)) == {"MessageId": "m"}
    assert clients["sns"].calls == [("publish", {"TopicArn": "t", "Message": sent})]


def test_an_error_of_a_topic_has_its_name(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    clients["sns"] = FakeClient(refuses("NotFound", status=404))
    done = sfn.run(machine(Step=sdk("sns:publish", {"TopicArn": "t", "Message": "m"})))
    assert done["error"] == "SNS.NotFoundException"


# -- dynamodb


def test_an_item_is_updated_by_the_services_own_names(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    clients["dynamodb"] = FakeClient({"Attributes": {"n": {"N": "3"}}})
    arguments = {
        "TableName": "t",
        "Key": {"id": {"S": "{% $states.input %}"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    assert sfn.output(machine(Step=sdk("dynamodb:updateItem", arguments)), "a") == {"Attributes": {"n": {"N": "3"}}}
    assert clients["dynamodb"].calls == [("update_item", arguments | {"Key": {"id": {"S": "a"}}})]


@pytest.mark.parametrize(("code", "name"), [("ConditionalCheckFailedException",) * 2, ("AccessDeniedException", "AmazonDynamoDBException")])
def test_an_error_of_a_table_has_its_name(sfn: StepFunctions, clients: dict[str, FakeClient], code: str, name: str) -> None:
    clients["dynamodb"] = FakeClient(refuses(code))
    step = sdk("dynamodb:deleteItem", {"TableName": "t", "Key": {"id": {"S": "a"}}})
    assert sfn.run(machine(Step=step))["error"] == f"DynamoDB.{name}"


# -- what is refused, and what never arrives


def test_a_call_that_never_arrives_is_an_error_of_the_client(sfn: StepFunctions, clients: dict[str, FakeClient]) -> None:
    clients["sagemaker"] = FakeClient(ConnectionClosedError(endpoint_url="https://api.sagemaker.eu-west-1.amazonaws.com"))
    caught = {"Catch": [{"ErrorEquals": ["SageMaker.SdkClientException"], "Next": "Told", "Output": "{% $states.errorOutput.Cause %}"}]}
    step = sdk("aws-sdk:sagemaker:describeDomain", {"DomainId": "d-1"}, Next="Told", **caught)
    assert sfn.output(machine(Step=step, Told=last("Pass"))).startswith("Connection was closed")


def test_an_operation_that_nothing_covers_is_refused_by_name(local: LocalOrganization) -> None:
    client, role = local.client("stepfunctions", "hub"), role_for(local, "states.amazonaws.com")
    definition = machine(Step=sdk("aws-sdk:sagemaker:createCluster", {"ClusterName": "c"}))
    arn = client.create_state_machine(name="m", definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    client.start_execution(stateMachineArn=arn)
    with pytest.raises(Refused, match="state 'Step': sagemaker:CreateCluster: not in localaws"):
        local.settle()


# -- stopping oneself


def test_what_answers_a_stopped_execution_is_heard_by_nobody(sfn: StepFunctions) -> None:
    def stop_and_refuse(arn: Any) -> Any:
        sfn.call("StopExecution", executionArn=arn)
        raise AwsError("TooManyRequestsException", "too late", 429)

    sfn.functions.answer = stop_and_refuse
    done = sfn.run(machine(Step=task("{% $states.context.Execution.Id %}")))
    assert done["status"] == "ABORTED"
    assert sfn.kinds(done["arn"])[-2:] == ["TaskStateAborted", "ExecutionAborted"]


def test_a_task_with_a_time_limit_can_stop_its_own_execution(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping:
        def stop_execution(self, **params: str) -> dict[str, Any]:
            return sfn.call("StopExecution", **params)

    monkeypatch.setattr(sfn.cloud, "client", lambda *_: Stopping())
    arguments = {"ExecutionArn": "{% $states.context.Execution.Id %}"}
    done = sfn.run(machine(Stops=sdk("aws-sdk:sfn:stopExecution", arguments, TimeoutSeconds=9, Next="More"), More=task()))
    assert done["status"] == "ABORTED"
    assert sfn.functions.calls == []


def test_a_branch_that_stops_its_own_execution_gets_no_further(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping:
        def stop_execution(self, **params: str) -> dict[str, Any]:
            return sfn.call("StopExecution", **params)

    monkeypatch.setattr(sfn.cloud, "client", lambda *_: Stopping())
    stops = sdk("aws-sdk:sfn:stopExecution", {"ExecutionArn": "{% $states.context.Execution.Id %}", "Error": "Enough"}, Next="More")
    both = last("Parallel", Branches=[block(Stops=stops, More=task()), block(Long=seconds(86_400))])
    done = sfn.run(machine(Both=both))
    assert (done["status"], done["error"]) == ("ABORTED", "Enough")
    assert sfn.functions.calls == []
    assert sfn.kinds(done["arn"])[-1] == "ExecutionAborted"
    assert sfn.clock.now - sfn.started < 1
