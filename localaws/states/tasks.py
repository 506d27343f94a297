"""Carrying out a Task: one generator per kind of integration, each given the evaluated Arguments and returning the Task's result.

An error of the service becomes a `StatesError` by the name that Step Functions gives it (see `localaws.states.integrations`). Arguments that the
operation cannot take are ``States.Runtime``, which nothing catches. What never reached the service is ``<Service>.SdkClientException``.

Two patterns wait for more than the answer: ``.sync`` and ``.sync:2`` for the end of the execution that was started, ``.waitForTaskToken`` for whoever
sends the token back.

Source: "Discover service integration patterns" and "Start a new AWS Step Functions state machine from a running execution" of the developer guide.
AWS learns of the end of an execution by an EventBridge rule of its own and by polling DescribeExecution: here it asks once, when it is over, as the
machine's role. The rule is not made, so nobody here needs ``events:PutTargets``, ``events:PutRule`` and ``events:DescribeRule`` on
``rule/StepFunctionsGetEventsForStepFunctionsExecutionRule``: AWS asks for them when the machine is created.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from localaws.clock import Process, Promise
from localaws.cloud import AwsError, Cloud, Principal, Refused
from localaws.states import jsontext
from localaws.states.callbacks import answered
from localaws.states.errors import StatesError
from localaws.states.integrations import DESCRIBE_EXECUTION, LAMBDA_ARGUMENTS, Integration, Unknown


@dataclass(frozen=True)
class Caller:
    """Who calls, from where, on behalf of which execution. `ended` promises the end of another execution, by its ARN."""

    cloud: Cloud
    region: str
    principal: Principal
    execution_arn: str
    machine_arn: str
    ended: Callable[[str], Promise]


@dataclass(frozen=True)
class Job:
    """One attempt of a Task. `submitted` is told the answer that a pattern goes on waiting from; `heartbeat` is in seconds."""

    caller: Caller
    integration: Integration
    arguments: Any
    submitted: Callable[[Any], object]
    token: str | None = None
    heartbeat: int | None = None


class UnusableArguments(ValueError):
    """The operation does not take these Arguments."""


def perform(job: Job) -> Process:
    """The steps of one attempt. Raises `StatesError` for what the service answers, `UnusableArguments` before anything is called."""
    if not isinstance(job.arguments, dict):
        raise UnusableArguments(f"they must be an object, not {jsontext.write(job.arguments)}")
    integration = job.integration
    steps = _OPTIMIZED.get((integration.service, integration.operation), _call) if ":" not in integration.resource_type else _call
    if job.token is not None:
        return answered(job.caller, job.token, job.heartbeat, _submitted(job, steps))
    if integration.pattern:
        return _finished(job)
    return steps(job.caller, integration, job.arguments)


def _submitted(job: Job, steps: "Steps") -> Process:
    job.submitted((yield from steps(job.caller, job.integration, job.arguments)))


def _call(caller: Caller, integration: Integration, arguments: dict[str, Any]) -> Process:
    """Any operation through a client. Takes the cloud's `latency`."""
    yield caller.cloud.latency
    client = caller.cloud.client(integration.service, caller.region, caller.principal)
    try:
        answer = getattr(client, xform_name(integration.operation))(**integration.to_service(arguments))
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode")
        request = error.response["ResponseMetadata"].get("RequestId")
        code, message = error.response["Error"]["Code"].split("#")[-1], error.response["Error"]["Message"]
        cause = f"{message} (Service: {integration.errors}, Status Code: {status}, Request ID: {request})"
        raise StatesError(integration.error_name(code), cause) from error
    except (ParamValidationError, Unknown) as error:
        raise UnusableArguments(str(error)) from error
    except BotoCoreError as error:
        raise StatesError(f"{integration.errors}.SdkClientException", str(error)) from error
    return integration.from_service(answer)


# -- states:startExecution


def _start(caller: Caller, integration: Integration, arguments: dict[str, Any]) -> Process:
    """An Input may be any JSON; a text is taken for the JSON text that StartExecution wants."""
    return (yield from _call(caller, integration, _with_text({"Input": {}} | arguments, "Input")))


def _finished(job: Job) -> Process:
    """Start an execution and wait for its end. Given up meanwhile, it is stopped; where it fails, its description is the cause."""
    caller = job.caller
    started = yield from _start(caller, job.integration, job.arguments)
    try:
        job.submitted(started)
        yield caller.ended(started["ExecutionArn"])
    except BaseException:
        _stop(caller, started["ExecutionArn"])
        raise
    described = yield from _call(caller, DESCRIBE_EXECUTION, {"ExecutionArn": started["ExecutionArn"]})
    if job.integration.pattern == "sync:2":
        described |= {name: jsontext.read(described[name]) for name in ("Input", "Output") if name in described}
    result = dict(sorted(described.items()))
    if result["Status"] != "SUCCEEDED":
        raise StatesError("States.TaskFailed", jsontext.write(result))
    return result


def _stop(caller: Caller, execution: str) -> None:
    """ "Step Functions will make a best-effort attempt to cancel the task." What came of it is in the call log.

    Documented where an execution is stopped, and where another branch or iteration failed. That a Task's own timeout does it too is assumed.
    """
    cause = f"The Task state in AWS Step Functions execution [{caller.execution_arn}] which was managing this resource was aborted"
    client = caller.cloud.client("stepfunctions", caller.region, caller.principal)
    with suppress(ClientError, BotoCoreError):
        client.stop_execution(executionArn=execution, cause=cause)


# -- events:putEvents, sns:publish and lambda:invoke


def _put_events(caller: Caller, integration: Integration, arguments: dict[str, Any]) -> Process:
    """As documented: a Detail may be an object, both ARNs join Resources, and one failed entry fails the Task as ``EventBridge.FailedEntry``."""
    entries = arguments.get("Entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnusableArguments("Entries must be an array of objects")
    ours = [caller.execution_arn, caller.machine_arn]
    sent = [_with_text(entry, "Detail") | {"Resources": [*entry.get("Resources", []), *ours]} for entry in entries]
    answer = yield from _call(caller, integration, arguments | {"Entries": sent})
    if answer.get("FailedEntryCount"):
        raise StatesError("EventBridge.FailedEntry", jsontext.write(answer))
    return answer


def _publish(caller: Caller, integration: Integration, arguments: dict[str, Any]) -> Process:
    """A Message may be an object."""
    return (yield from _call(caller, integration, _with_text(arguments, "Message")))


def _with_text(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in arguments or isinstance(arguments[name], str):
        return arguments
    return arguments | {name: jsontext.write(arguments[name])}


def _invoke(caller: Caller, integration: Integration, arguments: dict[str, Any]) -> Process:
    """``{ExecutedVersion, Payload, StatusCode}``; AWS adds SdkHttpMetadata and SdkResponseMetadata, which are left out here.

    A function's error carries the name of its exception, and its whole payload as cause.
    """
    if unknown := set(arguments) - LAMBDA_ARGUMENTS:
        raise Refused(f"lambda:invoke with {', '.join(sorted(unknown))} is not built yet")
    if (kind := arguments.get("InvocationType", "RequestResponse")) != "RequestResponse":
        raise Refused(f"lambda:invoke with InvocationType {kind} is not built yet")
    function = _function_arn(caller, arguments.get("FunctionName"))
    yield caller.cloud.latency
    try:
        outcome = yield caller.cloud.functions.invoke(function, jsontext.write(arguments.get("Payload", {})), caller.principal)
    except AwsError as error:
        cause = f"{error.message} (Service: Lambda, Status Code: {error.status})"
        raise StatesError(integration.error_name(error.code), cause) from error
    except BotoCoreError as error:
        raise StatesError(f"{integration.errors}.SdkClientException", str(error)) from error
    payload = _payload(outcome.payload)
    if outcome.function_error:
        name = payload.get("errorType") if isinstance(payload, dict) else None
        raise StatesError(name or "Exception", outcome.payload)
    return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}


def _payload(text: str) -> Any:
    try:
        return jsontext.read(text)
    except ValueError:
        return text


def _function_arn(caller: Caller, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise UnusableArguments("FunctionName must be a function's name or ARN")
    if name.startswith("arn:"):
        return name
    return f"arn:aws:lambda:{caller.region}:{caller.principal.account}:function:{name}"


Steps = Callable[[Caller, Integration, dict[str, Any]], Process]

_OPTIMIZED: dict[tuple[str, str], Steps] = {
    ("lambda", "Invoke"): _invoke,
    ("events", "PutEvents"): _put_events,
    ("sns", "Publish"): _publish,
    ("stepfunctions", "StartExecution"): _start,
}
