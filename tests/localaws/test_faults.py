"""Each kind of fault, as an ordinary client, a function, a machine or a queue meets it."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from localaws.cloud import Principal
from localaws.faults import FOR_EVER, NeverHappened, Passage, error_of
from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, role_for, tagged
from tests.localaws.iam_machinery import answer
from tests.localaws.scheduler_machinery import Scheduling

HUB = "222222222222"
CALLER = Principal(HUB, "states.amazonaws.com", service="states.amazonaws.com")
TAGGER = """
import boto3
seen = []
def handler(event, context):
    seen.append(1)
    sqs = boto3.client("sqs")
    try:
        sqs.tag_queue(QueueUrl=event["queue"], Tags={"by": "handler"})
    finally:
        sqs.untag_queue(QueueUrl=event["queue"], TagKeys=["other"])
    return len(seen)
"""


def client(local: LocalOrganization, service: str, account: str = "hub", region: str = "eu-west-1", **config: Any) -> Any:
    """A client of its own, with these retries."""
    keys = local.keys(account)
    session = boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=region)
    return session.client(service, config=Config(**config))  # type: ignore[call-overload]


def calls(local: LocalOrganization, action: str) -> list[str | None]:
    """How each call of the log ended: None, or its error."""
    return [call["error"] for call in local.cloud.log.calls if call["action"] == action]


def queue(local: LocalOrganization, name: str = "queue", **attributes: str) -> str:
    return str(local.client("sqs", "hub").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def tags(local: LocalOrganization, url: str) -> dict[str, str]:
    return dict(local.client("sqs", "hub").list_queue_tags(QueueUrl=url).get("Tags", {}))


def create(local: LocalOrganization, code: str, **configuration: Any) -> str:
    """A function called worker; its ARN."""
    role = role_for(local, "lambda.amazonaws.com")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}]}
    local.client("iam", "hub").put_role_policy(RoleName="runner", PolicyName="queues", PolicyDocument=json.dumps(policy))
    function = local.client("lambda", "hub").create_function(
        FunctionName="worker", Role=role, Runtime="python3.13", Handler="code.handler", Code={"ZipFile": archive(code=code)}, **configuration
    )
    return str(function["FunctionArn"])


def invoke(local: LocalOrganization, arn: str, event: Any = None) -> Any:
    promise = local.cloud.functions.invoke(arn, json.dumps(event), CALLER)
    local.settle()
    return json.loads(promise.result().payload)


# -- calls


@pytest.mark.parametrize(
    ("action", "code", "status"),
    [
        ("sagemaker:ListDomains", "ThrottlingException", 400),
        ("organizations:DescribeOrganization", "TooManyRequestsException", 400),
        ("sts:GetCallerIdentity", "Throttling", 400),
        ("lambda:ListFunctions", "TooManyRequestsException", 429),
    ],
)
def test_too_many_calls_are_answered_as_the_service_says_it(local: LocalOrganization, action: str, code: str, status: int) -> None:
    service, operation = action.split(":")
    asked = client(local, service, "management", retries={"total_max_attempts": 1})
    method = {"ListDomains": "list_domains", "ListFunctions": "list_functions", "GetCallerIdentity": "get_caller_identity"}
    with local.faults.fail(action), pytest.raises(ClientError) as raised:
        getattr(asked, method.get(operation, "describe_organization"))()
    response: Any = raised.value.response
    assert (response["Error"]["Code"].split("#")[-1], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_named_error_has_the_status_of_its_model_or_of_the_common_errors() -> None:
    assert (error_of("sns", "AuthorizationError").status, error_of("sqs", "AccessDenied").status) == (403, 403)
    assert (error_of("sagemaker", "InternalFailure").status, error_of("sagemaker", "AccessDeniedException").status) == (500, 400)


def test_two_throttled_calls_are_met_by_botocores_own_retries_and_nothing_is_done_twice(local: LocalOrganization) -> None:
    url = queue(local)
    before = local.clock.now
    with local.faults.fail("sqs:TagQueue", times=2) as fault:
        client(local, "sqs", retries={"mode": "standard"}).tag_queue(QueueUrl=url, Tags={"a": "1"})
    assert calls(local, "sqs:TagQueue") == ["RequestThrottled", "RequestThrottled", None]
    assert (fault.seen, fault.fired) == (3, 2)
    assert local.clock.now > before + 3 * local.cloud.latency, "it waited in between"
    assert tags(local, url) == {"a": "1"}


def test_an_outage_lasts_from_its_first_victim_on(local: LocalOrganization) -> None:
    sns = client(local, "sns", retries={"total_max_attempts": 1})
    fault = local.faults.fail("sns:ListTopics", "InternalError", after=1, lasting=60)
    outcomes = []
    for _ in range(6):
        try:
            sns.list_topics()
            outcomes.append(200)
        except ClientError as error:
            outcomes.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
        local.advance(25)
    assert outcomes == [200, 500, 500, 500, 200, 200]
    assert fault.fired == 3


def test_a_fault_strikes_only_the_account_region_and_principal_it_names(local: LocalOrganization) -> None:
    administrator = local.administrator("hub").arn
    local.faults.fail("sns:ListTopics", account=HUB, region="us-east-1", principal=administrator, times=FOR_EVER)
    local.faults.fail("sns:ListTopics", principal="arn:aws:iam::*:role/*", times=FOR_EVER)
    for account, region in (("hub", "eu-west-1"), ("management", "us-east-1")):
        local.client("sns", account, region).list_topics()
    with pytest.raises(ClientError, match="Rate exceeded"):
        client(local, "sns", region="us-east-1", retries={"total_max_attempts": 1}).list_topics()
    assert {injected.passage.principal for injected in local.faults.injected} == {administrator}


def test_an_account_is_asked_once_a_second_whatever_it_is_asked_and_wherever(local: LocalOrganization) -> None:
    """Trap 32, as stories meet it."""
    local.faults.limit_accounts(1)
    now = local.clock.datetime()
    window = {"StartTime": now, "EndTime": now + timedelta(hours=1)}
    metric = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}

    def asked(account: str, region: str = "eu-west-1") -> list[str]:
        clients = [
            client(local, name, account, region, retries={"total_max_attempts": 1})
            for name in ("sagemaker", "resourcegroupstaggingapi", "cloudwatch")
        ]
        studio, tagging, metrics = clients
        return [
            answer(studio.list_apps),
            answer(studio.list_spaces),
            answer(tagging.get_resources, ResourceTypeFilters=["sagemaker"]),
            answer(metrics.get_metric_data, MetricDataQueries=[{"Id": "q", "MetricStat": metric}], **window),
            answer(client(local, "sns", account, region).list_topics),
        ]

    refused = ["ThrottlingException", "ThrottledException", "Throttling"]
    assert asked("hub") == ["done", *refused, "done"]
    assert asked("hub", "us-east-1") == ["ThrottlingException", *refused, "done"]
    assert asked("fraud-dev") == ["done", *refused, "done"]
    local.advance(1)
    assert asked("hub", "us-east-1")[0] == "done"


def test_a_limit_gives_a_burst_and_then_its_rate(local: LocalOrganization) -> None:
    local.cloud.latency = 0.0
    asked = client(local, "sns", retries={"total_max_attempts": 1})
    local.faults.limit("sns:List*", rate=2, burst=5)

    def answered(count: int) -> int:
        done = 0
        for _ in range(count):
            try:
                asked.list_topics()
                done += 1
            except ClientError as error:
                assert error.response["Error"]["Code"] == "Throttling"  # noqa: PT017 - most of them are answered
        return done

    assert answered(8) == 5
    local.advance(2)
    assert answered(8) == 4
    local.client("sns", "hub", "us-east-1").list_topics()
    asked.list_subscriptions_by_topic(TopicArn=local.client("sns", "hub").create_topic(Name="t")["TopicArn"])


def test_the_documented_limits_hold_for_each_account_or_for_the_whole_organization(local: LocalOrganization) -> None:
    local.cloud.latency = 0.0
    local.faults.aws_limits()
    impatient = {"retries": {"total_max_attempts": 1}}
    management, hub = (client(local, "organizations", account, **impatient) for account in ("management", "hub"))
    management.describe_organization()
    hub.describe_organization()
    with pytest.raises(ClientError) as refused:
        hub.describe_organization()
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    for account in ("hub", "management"):
        studio = client(local, "sagemaker", account, **impatient)
        answers = [studio.list_domains() for _ in range(2)]
        assert len(answers) == 2
        with pytest.raises(ClientError, match="ThrottlingException"):
            studio.list_domains()
    patient = client(local, "sagemaker", retries={"mode": "standard", "max_attempts": 10})
    assert [patient.list_domains()["Domains"] for _ in range(10)] == [[]] * 10


@pytest.mark.parametrize("how", ["lose_answer", "reset", "fail"])
def test_what_is_tried_again_is_sent_again_whole(local: LocalOrganization, how: str) -> None:
    """S3's bodies are streams, which the first try has read to their end."""
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="tried-again", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with getattr(local.faults, how)("s3:PutObject", times=1):
        s3.put_object(Bucket="tried-again", Key="k", Body=b"all of it")
    assert s3.get_object(Bucket="tried-again", Key="k")["Body"].read() == b"all of it"


def test_a_lost_answer_is_a_call_that_was_done_and_is_tried_again(local: LocalOrganization) -> None:
    with local.faults.lose_answer("sns:CreateTopic"), pytest.raises(ConnectionClosedError):
        client(local, "sns", retries={"total_max_attempts": 1}).create_topic(Name="once")
    assert calls(local, "sns:CreateTopic") == [None]
    for mode in ("legacy", "standard"):
        with local.faults.lose_answer("sns:CreateTopic"):
            client(local, "sns", retries={"mode": mode}).create_topic(Name=mode)
    assert calls(local, "sns:CreateTopic") == [None] * 5
    assert len(local.client("sns", "hub").list_topics()["Topics"]) == 3


def test_a_reset_connection_leaves_nothing_done_and_nothing_logged(local: LocalOrganization) -> None:
    with local.faults.reset("sns:CreateTopic"), pytest.raises(ConnectionClosedError):
        client(local, "sns", retries={"total_max_attempts": 1}).create_topic(Name="never")
    assert calls(local, "sns:CreateTopic") == []
    assert local.client("sns", "hub").list_topics()["Topics"] == []
    with local.faults.reset("sns:CreateTopic", times=2):
        client(local, "sns", retries={"mode": "standard"}).create_topic(Name="at-last")
    assert calls(local, "sns:CreateTopic") == [None]


# -- that it happened


def test_a_declared_fault_that_nothing_meets_fails_its_test(local: LocalOrganization) -> None:
    with pytest.raises(NeverHappened, match="sns:CreateTopic: of 0"), local.faults.fail("sns:CreateTopic"):
        pass
    with pytest.raises(NeverHappened, match="of 1 that matched"), local.faults.fail("sns:CreateTopic", after=1):
        local.client("sns", "hub").create_topic(Name="t")
    with pytest.raises(ZeroDivisionError), local.faults.fail("sns:ListTopics"):  # what went wrong first is what is told
        raise ZeroDivisionError
    local.client("sns", "hub").list_topics()


def test_what_was_injected_stays_on_record_when_all_is_well_again(local: LocalOrganization) -> None:
    local.faults.fail("sns:ListTopics", times=FOR_EVER)
    with pytest.raises(ClientError):
        local.client("sns", "hub").list_topics()
    count = len(local.faults.injected)
    local.faults.clear()
    local.client("sns", "hub").list_topics()
    assert count == len(local.faults.injected) == 3, "botocore asks three times, where nothing else is said"
    injected = local.faults.injected[0]
    assert (injected.fault, injected.passage) == ("fail", Passage("call", "sns:ListTopics", HUB, "eu-west-1", local.administrator("hub").arn))
    assert injected.time.startswith("2026-11-02T08:00")


def test_what_could_be_struck_can_be_watched(local: LocalOrganization) -> None:
    url = queue(local)
    arn = create(local, TAGGER)
    with local.faults.watched() as passages:
        invoke(local, arn, {"queue": url})
    local.client("sns", "hub").list_topics()
    runner = f"arn:aws:iam::{HUB}:role/runner"
    assert passages == [
        Passage("call", "lambda:Invoke", HUB, "eu-west-1", CALLER.arn),
        Passage("invocation", "worker", HUB, "eu-west-1"),
        Passage("call", "sqs:TagQueue", HUB, "eu-west-1", runner, "worker"),
        Passage("call", "sqs:UntagQueue", HUB, "eu-west-1", runner, "worker"),
    ]


# -- invocations


@pytest.mark.parametrize(("when", "tagged_by_then"), [("before", {}), ("after", {"by": "handler"})])
def test_a_crash_at_a_call_ends_the_runtime_there_and_no_finally_gets_anything_done(
    local: LocalOrganization, when: Any, tagged_by_then: dict[str, str]
) -> None:
    url = queue(local)
    arn = create(local, TAGGER)
    assert invoke(local, arn, {"queue": queue(local, "other")}) == 1
    with local.faults.crash("work*", when, "sqs:TagQueue"):
        answer = invoke(local, arn, {"queue": url})
    assert answer["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in answer["errorMessage"]
    assert tags(local, url) == tagged_by_then
    assert len(calls(local, "sqs:UntagQueue")) == 1, "that of the first invocation"
    assert invoke(local, arn, {"queue": url}) == 1, "a new environment"
    assert [entry["cold"] for entry in local.cloud.log.invocations] == [True, False, True]


@pytest.mark.parametrize(("when", "tagged_by_then"), [("before", {}), ("after", {"by": "handler"})])
def test_a_crash_without_a_call_is_at_the_start_or_at_the_end(local: LocalOrganization, when: Any, tagged_by_then: dict[str, str]) -> None:
    url = queue(local)
    arn = create(local, TAGGER)
    with local.faults.crash("worker", when):
        assert invoke(local, arn, {"queue": url})["errorType"] == "Runtime.ExitError"
    assert tags(local, url) == tagged_by_then
    assert invoke(local, arn, {"queue": url}) == 1


@pytest.mark.parametrize("action", ["sqs:TagQueue", None])
@pytest.mark.parametrize(("when", "tagged_by_then"), [("before", {}), ("after", {"by": "handler"})])
def test_an_invocation_that_hangs_ends_with_its_timeout(
    local: LocalOrganization, when: Any, tagged_by_then: dict[str, str], action: str | None
) -> None:
    url = queue(local)
    arn = create(local, TAGGER, Timeout=20)
    with local.faults.time_out("worker", when, action):
        assert "timed out after 20.00 seconds" in invoke(local, arn, {"queue": url})["errorMessage"]
    assert tags(local, url) == tagged_by_then
    assert local.cloud.log.invocations[0]["seconds"] == 20.0


def test_faults_of_one_function_leave_calls_of_others_alone(local: LocalOrganization) -> None:
    url = queue(local)
    local.faults.crash("worker", "before", "sqs:TagQueue")
    local.client("sqs", "hub").tag_queue(QueueUrl=url, Tags={"by": "a person"})
    assert local.faults.injected == []


# -- machines


def machine(local: LocalOrganization, **states: dict[str, Any]) -> str:
    role = role_for(local, "states.amazonaws.com", "machine")
    allowed = {"Effect": "Allow", "Action": ["lambda:InvokeFunction", "sns:Publish"], "Resource": "*"}
    local.client("iam", "hub").put_role_policy(
        RoleName="machine", PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    made = local.client("stepfunctions", "hub").create_state_machine(name="machine", definition=json.dumps(definition), roleArn=role)
    return str(made["stateMachineArn"])


def run(local: LocalOrganization, machine_arn: str) -> dict[str, Any]:
    states = local.client("stepfunctions", "hub")
    execution = states.start_execution(stateMachineArn=machine_arn)["executionArn"]
    local.settle()
    return dict(states.describe_execution(executionArn=execution))


def test_a_machine_sees_throttling_and_lost_answers_by_their_names(local: LocalOrganization) -> None:
    topic = local.client("sns", "hub").create_topic(Name="news")["TopicArn"]
    publish = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Arguments": {"TopicArn": topic, "Message": "m"}, "End": True}
    arn = machine(local, Publish=publish)
    for declare, error in (
        (local.faults.lose_answer, "SNS.SdkClientException"),
        (local.faults.reset, "SNS.SdkClientException"),
        (local.faults.fail, "SNS.SNSException"),
    ):
        with declare("sns:Publish"):
            assert run(local, arn)["error"] == error
    assert calls(local, "sns:Publish") == [None, "Throttling"]


def test_an_invocation_by_a_machine_is_a_call_with_faults_of_its_own(local: LocalOrganization) -> None:
    url = queue(local)
    function = create(local, TAGGER)
    arguments = {"FunctionName": function, "Payload": {"queue": url}}
    arn = machine(local, Work={"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, "End": True})
    with local.faults.fail("lambda:Invoke"):
        assert run(local, arn)["error"] == "Lambda.TooManyRequestsException"
    with local.faults.reset("lambda:Invoke"):
        assert run(local, arn)["error"] == "Lambda.SdkClientException"
    assert local.cloud.log.invocations == []
    with local.faults.lose_answer("lambda:Invoke"):
        assert run(local, arn)["error"] == "Lambda.SdkClientException"
    assert [entry["error"] for entry in local.cloud.log.invocations] == [None]
    assert calls(local, "lambda:Invoke") == ["TooManyRequestsException", None]
    with local.faults.crash("worker"):
        assert run(local, arn)["error"] == "Runtime.ExitError"


# -- deliveries


def watched_bus(local: LocalOrganization) -> tuple[str, str]:
    """A queue that gets every event of `source: test` on hub's default bus; its URL and ARN."""
    arn = f"arn:aws:sqs:eu-west-1:{HUB}:events"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    url = queue(local, "events", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    events = local.client("events", "hub")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])
    return url, arn


def put(local: LocalOrganization, *names: str) -> None:
    entries = [{"Source": "test", "DetailType": name, "Detail": "{}"} for name in names]
    local.client("events", "hub").put_events(Entries=entries)


def received(local: LocalOrganization, url: str) -> list[str]:
    """The detail types of the events in the queue, which is empty then."""
    sqs = local.client("sqs", "hub")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"])["detail-type"] for message in messages]


def test_events_come_twice_late_or_never(local: LocalOrganization) -> None:
    url, target = watched_bus(local)
    with local.faults.deliver("twice", target, after=1, by=30):
        put(local, "first")
        local.settle()
        put(local, "second")
        local.settle()
    assert Counter(received(local, url)) == {"first": 1, "second": 2}
    assert [entry["attempt"] for entry in local.cloud.log.deliveries] == [1, 1, 1]

    with local.faults.deliver("late", "*:events", by=100):
        put(local, "late")
        local.advance(99)
        assert received(local, url) == []
        local.settle()
    assert received(local, url) == ["late"]

    with local.faults.deliver("never", target):
        put(local, "lost")
        local.settle()
    assert received(local, url) == []
    assert len(local.cloud.log.deliveries) == 4


def test_an_event_is_overtaken_by_the_next_one_or_comes_late_if_there_is_none(local: LocalOrganization) -> None:
    url, target = watched_bus(local)
    with local.faults.deliver("out of order", target, by=600):
        put(local, "first")
        local.advance(10)
        put(local, "second")
        local.advance(10)
    assert received(local, url) == ["second", "first"]
    with local.faults.deliver("out of order", target, by=600):
        put(local, "alone")
        local.advance(500)
        assert received(local, url) == []
        local.settle()
    assert received(local, url) == ["alone"]


def test_a_schedule_fires_twice_or_not_at_all_and_its_next_time_comes_all_the_same(local: LocalOrganization) -> None:
    scheduler = Scheduling(local)
    arn = scheduler.put("cron(0 10 * * ? *)")
    with local.faults.deliver("twice", scheduler.queue, principal=arn, by=30):
        scheduler.advance_to("2026-11-02T11:00:00")
    assert scheduler.times() == ["2026-11-02T10:00:00Z"] * 2
    with local.faults.deliver("never", scheduler.queue):
        scheduler.advance_to("2026-11-03T11:00:00")
    assert scheduler.times() == []
    scheduler.advance_to("2026-11-04T11:00:00")
    assert scheduler.times() == ["2026-11-04T10:00:00Z"]


def test_lambda_runs_an_event_that_it_took_in_twice_late_or_never(local: LocalOrganization) -> None:
    create(local, "def handler(event, context):\n    print(event)\n")
    functions = local.client("lambda", "hub")

    def invoked(event: str) -> list[str]:
        before = len(local.cloud.log.invocations)
        functions.invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps(event))
        local.settle()
        return [entry["log"].strip() for entry in local.cloud.log.invocations[before:]]

    with local.faults.asynchronous("twice", "*:worker", by=30):
        assert invoked("a") == ["a", "a"]
    started = local.clock.now
    with local.faults.asynchronous("late", by=3600):
        assert invoked("b") == ["b"]
    assert local.clock.now > started + 3600
    with local.faults.asynchronous("never"):
        assert invoked("c") == []
    assert invoked("d") == ["d"]


def worker_of(local: LocalOrganization, code: str, **mapping: Any) -> str:
    """A queue that a function reads; its URL."""
    url = queue(local, "work", VisibilityTimeout="60")
    create(local, code)
    arn = f"arn:aws:sqs:eu-west-1:{HUB}:work"
    local.client("lambda", "hub").create_event_source_mapping(FunctionName="worker", EventSourceArn=arn, **mapping)
    local.settle()
    return url


WRITER = """
import json
def handler(event, context):
    print(json.dumps([record["body"] for record in event["Records"]]))
"""


def bodies(local: LocalOrganization) -> list[str]:
    """What the function was given, in order."""
    return [body for entry in local.cloud.log.invocations for body in json.loads(entry["log"] or "[]")]


def test_a_message_comes_late_or_twice_and_is_never_lost(local: LocalOrganization) -> None:
    url = worker_of(local, WRITER)
    sqs = local.client("sqs", "hub")
    with local.faults.poll("late", "*:work", by=120):
        sqs.send_message(QueueUrl=url, MessageBody="late")
        sqs.send_message(QueueUrl=url, MessageBody="prompt")
        local.settle()
    assert bodies(local) == ["prompt", "late"]
    with local.faults.poll("twice", "*:work", by=5):
        sqs.send_message(QueueUrl=url, MessageBody="again")
        local.settle()
    assert bodies(local)[2:] == ["again", "again"]
    assert int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]) == 0
    with pytest.raises(ValueError, match="SQS does not deliver never"):
        local.faults.poll("never")  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["sqs:ReceiveMessage", "lambda:Invoke", "sqs:DeleteMessage"])
@pytest.mark.parametrize("how", ["fail", "lose_answer", "reset"])
def test_whichever_call_of_a_poll_fails_the_message_is_worked_on_and_leaves_the_queue(local: LocalOrganization, action: str, how: str) -> None:
    url = worker_of(local, WRITER)
    with getattr(local.faults, how)(action):
        local.client("sqs", "hub").send_message(QueueUrl=url, MessageBody="one")
        local.settle()
    done_before_the_fault = (action, how) in {("lambda:Invoke", "lose_answer"), ("sqs:DeleteMessage", "fail"), ("sqs:DeleteMessage", "reset")}
    assert bodies(local) == ["one", "one"] if done_before_the_fault else ["one"]
    local.advance(1000)
    assert received_bodies(local, url) == []


def test_a_poller_that_may_not_read_asks_as_long_as_a_message_lives_and_no_longer(local: LocalOrganization) -> None:
    url = worker_of(local, WRITER)
    with local.faults.fail("sqs:ReceiveMessage", "AccessDenied", times=FOR_EVER, principal="arn:aws:iam::*:role/*") as fault:
        local.client("sqs", "hub").send_message(QueueUrl=url, MessageBody="one")
        local.settle()
    assert bodies(local) == []
    assert fault.fired < 30


def received_bodies(local: LocalOrganization, url: str) -> list[str]:
    return [message["Body"] for message in local.client("sqs", "hub").receive_message(QueueUrl=url).get("Messages", [])]


def test_an_outage_of_the_poller_is_over_when_it_is_over(local: LocalOrganization) -> None:
    url = worker_of(local, WRITER)
    with local.faults.fail("sqs:ReceiveMessage", lasting=3600, principal="arn:aws:iam::*:role/*"):
        local.client("sqs", "hub").send_message(QueueUrl=url, MessageBody="one")
        local.settle()
    assert bodies(local) == ["one"]


def test_the_administrators_tags_are_no_business_of_a_fault_that_is_withdrawn(local: LocalOrganization) -> None:
    fault = local.faults.fail("sns:TagResource")
    local.faults.withdraw(fault)
    topic = local.client("sns", "hub").create_topic(Name="t")["TopicArn"]
    local.client("sns", "hub").tag_resource(ResourceArn=topic, Tags=tagged(("a", "1")))
    assert fault.seen == 0
