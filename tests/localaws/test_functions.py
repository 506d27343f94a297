"""Lambda in process: what a handler sees as its own, what comes back, and queues that invoke functions."""

import io
import json
import os
import subprocess
import zipfile
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Principal, Refused
from localaws.functions.code import check_layer
from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, role_for

HUB = "222222222222"
CALLER = Principal(HUB, "states.amazonaws.com", service="states.amazonaws.com")


def create(local: LocalOrganization, code: str, name: str = "worker", **configuration: Any) -> str:
    """Create a function of this one file; its ARN."""
    try:
        role = role_for(local, "lambda.amazonaws.com")
    except ClientError:
        role = f"arn:aws:iam::{HUB}:role/runner"
    function = local.client("lambda", "hub").create_function(
        FunctionName=name, Role=role, Runtime="python3.13", Handler="code.handler", Code={"ZipFile": archive(code=code)}, **configuration
    )
    return str(function["FunctionArn"])


def invoke(local: LocalOrganization, arn: str, event: Any = None) -> Any:
    """What the function answers: its value, or the error as Lambda writes it."""
    promise = local.cloud.functions.invoke(arn, json.dumps(event), CALLER)
    local.settle()
    return json.loads(promise.result().payload)


def test_a_handler_calls_aws_as_its_role_with_its_own_environment(local: LocalOrganization) -> None:
    arn = create(
        local,
        """
import os, boto3
def handler(event, context):
    return [event, os.environ["COLOUR"], os.environ["AWS_REGION"], boto3.client("sts").get_caller_identity()["Arn"], context.function_name]
""",
        Environment={"Variables": {"COLOUR": "blue"}},
    )
    assert invoke(local, arn, {"a": 1}) == [{"a": 1}, "blue", "eu-west-1", f"arn:aws:sts::{HUB}:assumed-role/runner/worker", "worker"]


def test_a_function_starts_cold_once_and_keeps_its_modules(local: LocalOrganization) -> None:
    arn = create(local, "count = []\ndef handler(event, context):\n    count.append(1)\n    return len(count)\n")
    assert [invoke(local, arn) for _ in range(3)] == [1, 2, 3]
    assert [entry["cold"] for entry in local.cloud.log.invocations] == [True, False, False]


def test_new_code_starts_cold_again(local: LocalOrganization) -> None:
    arn = create(local, "def handler(event, context):\n    return 'old'\n")
    assert invoke(local, arn) == "old"
    local.client("lambda", "hub").update_function_code(
        FunctionName="worker", ZipFile=archive(code="def handler(event, context):\n    return 'new'\n")
    )
    assert invoke(local, arn) == "new"


def test_two_functions_with_modules_of_the_same_name_do_not_meet(local: LocalOrganization) -> None:
    one = create(local, "def handler(event, context):\n    return 'one'\n", "one")
    two = create(local, "def handler(event, context):\n    return 'two'\n", "two")
    assert [invoke(local, one), invoke(local, two), invoke(local, one)] == ["one", "two", "one"]


def test_the_error_type_is_the_name_of_the_exceptions_class(local: LocalOrganization) -> None:
    arn = create(local, "class ProfileIsGone(Exception): pass\ndef handler(event, context):\n    raise ProfileIsGone('alice')\n")
    answer = invoke(local, arn)
    assert (answer["errorType"], answer["errorMessage"]) == ("ProfileIsGone", "alice")
    assert "handler" in answer["stackTrace"][0]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import no_such_module\n", "Runtime.ImportModuleError"),
        ("other = 1\n", "Runtime.HandlerNotFound"),
        ("def handler(event, context):\n    return {1, 2}\n", "Runtime.MarshalError"),
    ],
)
def test_what_the_runtime_itself_complains_of(local: LocalOrganization, code: str, kind: str) -> None:
    assert invoke(local, create(local, code))["errorType"] == kind


def test_a_timeout_strikes_where_the_turn_passes_and_the_next_start_is_cold(local: LocalOrganization) -> None:
    code = """
import time
def handler(event, context):
    try:
        time.sleep(event)
    except Exception:
        return "a handler must not survive its timeout"
    return context.get_remaining_time_in_millis()
"""
    arn = create(local, code, Timeout=10)
    before = local.clock.now
    answer = invoke(local, arn, 60)
    assert (answer["errorType"], local.clock.now - before) == ("Sandbox.Timedout", 10)
    assert invoke(local, arn, 4) == 6000
    assert [entry["cold"] for entry in local.cloud.log.invocations] == [True, True]


def test_a_handler_that_swallows_its_timeout_has_timed_out_all_the_same(local: LocalOrganization) -> None:
    code = """
import time
def handler(event, context):
    try:
        time.sleep(100)
    except BaseException:
        return "survived"
"""
    assert invoke(local, create(local, code, Timeout=5))["errorType"] == "Sandbox.Timedout"


def test_a_handler_that_exits_is_an_error_of_its_own(local: LocalOrganization) -> None:
    answer = invoke(local, create(local, "import sys\ndef handler(event, context):\n    sys.exit(3)\n"))
    assert (answer["errorType"], "exit status 3" in answer["errorMessage"]) == ("Runtime.ExitError", True)


def test_invocations_take_turns_at_api_calls_in_an_order_of_the_seed(local: LocalOrganization) -> None:
    code = """
import boto3
def handler(event, context):
    for step in range(3):
        boto3.client("sts").get_caller_identity()
        print(f"{event}{step}")
"""
    arn = create(local, code)
    for name in "ab":
        local.cloud.functions.invoke(arn, json.dumps(name), CALLER)
    local.settle()
    calls = [call["time"] for call in local.cloud.log.calls if call["action"] == "sts:GetCallerIdentity"]
    assert len(calls) == 6
    assert [entry["log"] for entry in local.cloud.log.invocations] in (["a0\na1\na2\n", "b0\nb1\nb2\n"], ["b0\nb1\nb2\n", "a0\na1\na2\n"])
    assert [entry["cold"] for entry in local.cloud.log.invocations] == [True, True], "at one time, each has an environment of its own"


def test_an_unknown_function_is_what_aws_says(local: LocalOrganization) -> None:
    promise = local.cloud.functions.invoke(f"arn:aws:lambda:eu-west-1:{HUB}:function:nobody", "{}", CALLER)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        promise.result()


# -- layers


def layer(requirements: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("requirements.txt", requirements)
    return out.getvalue()


def test_a_layers_packages_come_from_this_interpreter() -> None:
    check_layer("packages", layer(f"boto3=={boto3.__version__} \\\n    --hash=sha256:0\n"))


@pytest.mark.parametrize(
    ("requirements", "why"),
    [("boto3==1.0.0\n", "boto3 1.0.0 in the layer"), ("no-such-package==1\n", "not installed"), ("# nothing\n", "code of a layer's own")],
)
def test_a_layer_of_other_versions_is_refused(requirements: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check_layer("packages", layer(requirements))


# -- event source mappings


PARTIAL = """
def handler(event, context):
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"].startswith("bad")]}
"""


def map_queue(local: LocalOrganization, code: str, **mapping: Any) -> tuple[str, str]:
    """A queue with a dead-letter queue after three receives, read by a function of this code; both queue URLs."""
    sqs = local.client("sqs", "hub")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:{HUB}:dead", "maxReceiveCount": 3})
    queue = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "60", "RedrivePolicy": policy})["QueueUrl"]
    create(local, code)
    local.client("lambda", "hub").create_event_source_mapping(EventSourceArn=f"arn:aws:sqs:eu-west-1:{HUB}:work", FunctionName="worker", **mapping)
    return queue, dead


def left_in(local: LocalOrganization, queue: str) -> list[str]:
    return [message["Body"] for message in local.client("sqs", "hub").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])]


def test_a_partial_batch_response_keeps_what_failed_until_it_is_dead(local: LocalOrganization) -> None:
    queue, dead = map_queue(local, PARTIAL, FunctionResponseTypes=["ReportBatchItemFailures"])
    local.client("sqs", "hub").send_message_batch(
        QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "good"}, {"Id": "2", "MessageBody": "bad"}, {"Id": "3", "MessageBody": "good too"}]
    )
    local.settle()
    assert (left_in(local, queue), left_in(local, dead)) == ([], ["bad"])
    assert len(local.cloud.log.invocations) == 3, "once with all three, twice more with what failed"


def test_a_message_that_somebody_gives_back_is_taken_at_once(local: LocalOrganization) -> None:
    queue, _ = map_queue(local, PARTIAL, Enabled=False)
    functions, sqs = local.client("lambda", "hub"), local.client("sqs", "hub")
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=600)["Messages"]
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    local.settle()
    assert local.cloud.log.invocations == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    local.settle()
    assert len(local.cloud.log.invocations) == 1


def test_a_failing_function_gets_its_whole_batch_again(local: LocalOrganization) -> None:
    queue, dead = map_queue(local, "def handler(event, context):\n    raise ValueError\n")
    local.client("sqs", "hub").send_message(QueueUrl=queue, MessageBody="one")
    local.settle()
    assert (left_in(local, queue), left_in(local, dead)) == ([], ["one"])


def test_an_answer_that_names_unknown_messages_fails_the_batch(local: LocalOrganization) -> None:
    wrong = "def handler(event, context):\n    return {'batchItemFailures': [{'itemIdentifier': 'of another batch'}]}\n"
    queue, dead = map_queue(local, wrong, FunctionResponseTypes=["ReportBatchItemFailures"])
    local.client("sqs", "hub").send_message(QueueUrl=queue, MessageBody="one")
    local.settle()
    assert left_in(local, dead) == ["one"]


def test_a_disabled_or_deleted_mapping_leaves_the_queue_alone(local: LocalOrganization) -> None:
    queue, _ = map_queue(local, PARTIAL, Enabled=False)
    functions = local.client("lambda", "hub")
    (mapping,) = functions.list_event_source_mappings(FunctionName="worker")["EventSourceMappings"]
    assert functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled"
    local.client("sqs", "hub").send_message(QueueUrl=queue, MessageBody="one")
    local.settle()
    assert local.cloud.log.invocations == []
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    local.settle()
    assert len(local.cloud.log.invocations) == 1
    functions.delete_event_source_mapping(UUID=mapping["UUID"])
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


def test_more_batches_than_may_run_at_a_time_are_all_done(local: LocalOrganization) -> None:
    slow = "import time\ndef handler(event, context):\n    time.sleep(2)\n"
    queue, dead = map_queue(local, slow, BatchSize=1)
    for number in range(20):
        local.client("sqs", "hub").send_message(QueueUrl=queue, MessageBody=str(number))
    local.clock.settle(budget=2_000)
    assert (left_in(local, queue), left_in(local, dead), len(local.cloud.log.invocations)) == ([], [], 20)


def test_a_mapping_needs_a_function_and_a_queue_that_waits_long_enough_for_it(local: LocalOrganization) -> None:
    sqs, functions = local.client("sqs", "hub"), local.client("lambda", "hub")
    sqs.create_queue(QueueName="impatient", Attributes={"VisibilityTimeout": "5"})
    queue = f"arn:aws:sqs:eu-west-1:{HUB}:impatient"
    with pytest.raises(ClientError, match="Function not found"):
        functions.create_event_source_mapping(EventSourceArn=queue, FunctionName="nobody")
    create(local, PARTIAL, Timeout=10)
    with pytest.raises(ClientError, match="less than Function timeout"):
        functions.create_event_source_mapping(EventSourceArn=queue, FunctionName="worker")
    with pytest.raises(ClientError, match="Queue does not exist"):
        functions.create_event_source_mapping(EventSourceArn=f"{queue}-not", FunctionName="worker")


def test_other_sources_and_filters_are_refused_by_name(local: LocalOrganization) -> None:
    create(local, PARTIAL)
    functions = local.client("lambda", "hub")
    with pytest.raises(Refused, match="FilterCriteria"):
        functions.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:eu-west-1:{HUB}:q", FunctionName="worker", FilterCriteria={"Filters": [{"Pattern": "{}"}]}
        )
    with pytest.raises(Refused, match="kinesis"):
        functions.create_event_source_mapping(EventSourceArn=f"arn:aws:kinesis:eu-west-1:{HUB}:stream/s", FunctionName="worker")


def test_what_a_handler_does_to_its_environment_stays_in_it(local: LocalOrganization, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the process too: what is started from outside has the outside's variables."""
    monkeypatch.setenv("OUTSIDE", "here")
    arn = create(
        local,
        """
import os
def handler(event, context):
    before = [os.environ.get("INSIDE"), os.environ.get("OUTSIDE")]
    os.environ |= {"INSIDE": "x", "OUTSIDE": "y"}
    return before
""",
    )
    assert [invoke(local, arn), invoke(local, arn)] == [[None, None], ["x", "y"]], "the second time it is warm"
    assert (os.environ.get("INSIDE"), os.environ["OUTSIDE"]) == (None, "here")
    printed = subprocess.run(["/usr/bin/env"], check=True, capture_output=True, text=True).stdout.splitlines()
    assert "OUTSIDE=here" in printed
    assert "INSIDE=x" not in printed
