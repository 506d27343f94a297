"""Carrying out a Task: one generator per kind of integration, each given the evaluated Arguments and returning the Task's result.

An error of the service becomes a `StatesError` by the name that Step Functions gives it (see `localaws.states.integrations`). Arguments that the
operation cannot take are ``States.Runtime``, which nothing catches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from localaws.clock import Process
from localaws.cloud import AwsError, Cloud, Principal, Refused
from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.integrations import LAMBDA_ARGUMENTS, Integration, Unknown


@dataclass(frozen=True)
class Caller:
    """Who calls, from where, on behalf of which execution."""

    cloud: Cloud
    region: str
    principal: Principal
    execution_arn: str
    machine_arn: str


class UnusableArguments(ValueError):
    """The operation does not take these Arguments."""


def perform(caller: Caller, integration: Integration, arguments: Any) -> Process:
    """The steps of one call. Raises `StatesError` for what the service answers, `UnusableArguments` before anything is called."""
    if not isinstance(arguments, dict):
        raise UnusableArguments(f"they must be an object, not {jsontext.write(arguments)}")
    steps = _OPTIMIZED.get((integration.service, integration.operation)) if ":" not in integration.resource_type else None
    return (steps or _call)(caller, integration, arguments)


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
    return integration.from_service(answer)


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
        raise StatesError(f"{integration.errors}.{error.code}", cause) from error
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


_OPTIMIZED: dict[tuple[str, str], Callable[[Caller, Integration, dict[str, Any]], Process]] = {
    ("lambda", "Invoke"): _invoke,
    ("events", "PutEvents"): _put_events,
    ("sns", "Publish"): _publish,
}
