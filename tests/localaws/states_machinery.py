"""What the tests of Step Functions share: a cloud with nothing in it, its API without a gateway, and a Lambda that answers from a script."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

import localaws.states.maps.service
import localaws.states.service  # noqa: F401 - registers the operations
from localaws.clock import Clock, Promise
from localaws.cloud import OPERATIONS, AwsError, Call, Cloud, Principal
from localaws.validation import check_answer, check_input

ACCOUNT, REGION = "222222222222", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/steward/machine"
CALLER = Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/test")
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:step"

Definition = dict[str, Any]


@dataclass
class Outcome:
    payload: str
    function_error: str | None = None


@dataclass
class FakeFunctions:
    """Lambda, as the machine sees it: `answer` is asked for each payload, and after `seconds` the promise carries what it gave or raised."""

    clock: Clock
    answer: Callable[[Any], Any] = lambda payload: payload
    seconds: float = 0.0
    calls: list[tuple[float, str, Any, Principal]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    def invoke(self, function: str, payload: str, principal: Principal) -> Promise:
        self.calls.append((self.clock.now, function, json.loads(payload), principal))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        promise = self.clock.promise()
        self.clock.later(self.seconds, lambda: self._finish(promise, json.loads(payload)))
        return promise

    def _finish(self, promise: Promise, payload: Any) -> None:
        self.running -= 1
        try:
            answer = self.answer(payload)
        except Exception as error:  # noqa: BLE001 - a promise carries any
            promise.reject(error)
        else:
            promise.resolve(answer if isinstance(answer, Outcome) else Outcome(json.dumps(answer)))


def function_fails(error: str, message: str = "no") -> Outcome:
    return Outcome(json.dumps({"errorType": error, "errorMessage": message}), "Unhandled")


class StepFunctions:
    """The API, each call checked against botocore's model on its way in and out, and short ways to write a story."""

    def __init__(self, clock: Clock, seed: int):
        self.clock = clock
        self.cloud = Cloud(clock, SimpleNamespace(), seed=seed)  # type: ignore[arg-type]
        self.functions = FakeFunctions(clock)
        self.cloud.functions = self.functions  # type: ignore[assignment]
        self.started = clock.now
        self.asked: list[tuple[str, str]] = []
        self.denied: set[str] = set()

    def may_by_role(self, cloud: Cloud, role: str, action: str, resource: str) -> bool:
        """What the machine's role is asked for, instead of IAM: all but what is `denied`."""
        assert (cloud, role) == (self.cloud, ROLE)
        self.asked.append((action, resource))
        return action not in self.denied

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        call = Call("stepfunctions", operation, ACCOUNT, REGION, CALLER, params)
        check_input(call)
        answer = OPERATIONS["stepfunctions", operation](self.cloud, call) or {}
        check_answer(call, answer)
        return answer

    def create(self, definition: Definition, name: str = "machine") -> str:
        answer = self.call("CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE)
        return str(answer["stateMachineArn"])

    def start(self, machine: str, value: Any = None, **params: Any) -> str:
        answer = self.call("StartExecution", stateMachineArn=machine, input=json.dumps({} if value is None else value), **params)
        return str(answer["executionArn"])

    def begin(self, definition: Definition, value: Any = None) -> str:
        """A machine of this definition, and an execution of it that has not run yet."""
        return self.start(self.create(definition), value)

    def run(self, definition: Definition, value: Any = None) -> dict[str, Any]:
        """An execution from start to end, as DescribeExecution has it, with the parsed `output`, its `arn` and the virtual `seconds` it took."""
        arn = self.begin(definition, value)
        self.clock.settle()
        return self.describe(arn)

    def describe(self, arn: str) -> dict[str, Any]:
        answer = self.call("DescribeExecution", executionArn=arn)
        output = json.loads(answer["output"]) if "output" in answer else None
        seconds = (answer["stopDate"] - answer["startDate"]).total_seconds() if "stopDate" in answer else None
        return answer | {"arn": arn, "output": output, "seconds": seconds}

    def output(self, definition: Definition, value: Any = None) -> Any:
        """The output of an execution that must succeed."""
        done = self.run(definition, value)
        assert done["status"] == "SUCCEEDED", done
        return done["output"]

    def history(self, arn: str) -> list[dict[str, Any]]:
        events = self.call("GetExecutionHistory", executionArn=arn, maxResults=1000)["events"]
        assert isinstance(events, list)
        return events

    def kinds(self, arn: str) -> list[str]:
        return [event["type"] for event in self.history(arn)]


class FakeS3:
    """S3 as the machine's role reaches it: `objects` by bucket and key. It may not do what is `denied`, and lists `page` objects at a time."""

    def __init__(self, sfn: StepFunctions):
        self.objects: dict[tuple[str, str], bytes] = {}
        self.denied: set[str] = set()
        self.calls: list[str] = []
        self.page = 1000
        self._clock = sfn.clock
        sfn.cloud.client = lambda *_: self  # type: ignore[assignment,method-assign,return-value]

    def json(self, key: str) -> Any:
        return json.loads(self.objects["results", key])

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._may("get_object")
        if (Bucket, Key) not in self.objects:
            raise refuses("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:  # noqa: N803
        self._may("put_object")
        self.objects[Bucket, Key] = Body
        return {}

    def list_objects_v2(self, Bucket: str, Prefix: str = "", ContinuationToken: str = "0") -> dict[str, Any]:  # noqa: N803
        self._may("list_objects_v2")
        found = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        first = int(ContinuationToken)
        listed = [{"Key": key, "ETag": '"e"', "Size": 1, "LastModified": self._clock.datetime()} for key in found[first : first + self.page]]
        more = {"NextContinuationToken": str(first + self.page)} if first + self.page < len(found) else {}
        return {"Contents": listed, "IsTruncated": bool(more), **more}

    def _may(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.denied:
            raise refuses("AccessDenied", "not authorized", 403)


class OwnClient:
    """A boto3 client of Step Functions, without a gateway: what a machine calls with it is kept in `calls`. It may not do what is `denied`."""

    def __init__(self, sfn: StepFunctions):
        self.sfn, self.calls, self.denied = sfn, list[tuple[str, dict[str, Any]]](), set[str]()

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**params: Any) -> dict[str, Any]:
            self.calls.append((operation, params))
            if operation in self.denied:
                raise refuses("AccessDeniedException")
            try:
                return self.sfn.call("".join(word.capitalize() for word in operation.split("_")), **params)
            except AwsError as error:
                raise refuses(error.code, error.message, error.status) from error

        return call


def refuses(code: str, message: str = "no", status: int = 400) -> ClientError:
    """What a boto3 client raises."""
    metadata = {"HTTPStatusCode": status, "RequestId": "r-1", "HostId": "", "HTTPHeaders": {}, "RetryAttempts": 0}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Any")  # type: ignore[typeddict-item]


@contextmanager
def step_functions(seed: int = 0) -> Iterator[StepFunctions]:
    clock = Clock(datetime(2026, 11, 2, 8, tzinfo=UTC), seed)
    api = StepFunctions(clock, seed)
    try:
        with mock.patch("localaws.states.running.may_by_role", api.may_by_role):
            yield api
    finally:
        clock.stop()


# -- definitions


def machine(**states: dict[str, Any]) -> Definition:
    """A machine that starts at the first of these states."""
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def block(**states: dict[str, Any]) -> Definition:
    """A branch, or an item processor."""
    return {"StartAt": next(iter(states)), "States": states}


def fan_out(processor: Definition, kind: str = "STANDARD", **fields: Any) -> dict[str, Any]:
    """A Distributed Map at the end, labelled Each."""
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    way_on = {} if "Next" in fields else {"End": True}
    return {"Type": "Map", "ItemProcessor": processor | config, "Label": "Each"} | fields | way_on


def last(kind: str, **fields: Any) -> dict[str, Any]:
    """A state at the end."""
    return {"Type": kind, **fields, "End": True}


def task(payload: Any = "{% $states.input %}", **fields: Any) -> dict[str, Any]:
    """A Task at the end that invokes the function, and gives what that answered."""
    arguments = {"FunctionName": FUNCTION, "Payload": payload}
    way_on = {} if "Next" in fields else {"End": True}
    return (
        {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, "Output": "{% $states.result.Payload %}"}
        | fields
        | way_on
    )


def seconds(wanted: float) -> dict[str, Any]:
    return last("Wait", Seconds=wanted)
