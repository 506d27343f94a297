"""What a Task's Resource names: which service, which operation, by which names Step Functions speaks to it.

Built are ``lambda:invoke``, ``events:putEvents``, ``sns:publish``, ``states:startExecution``, the four of ``dynamodb`` and
``aws-sdk:<service>:<operation>``, each with the patterns that AWS has for it: the bare name, ``.waitForTaskToken``, and ``.sync`` and ``.sync:2`` of
``states:startExecution``. Any other is `Refused` by name.

The names of errors follow the AWS SDK for Java 2, which Step Functions is seen to use: an error of the service's model is
``<Service>.<Shape>Exception``, any other is ``<Service>.<Service>Exception`` (``SageMaker.SageMakerException`` stands in many published machines).
The optimized integrations came first and follow the SDK for Java 1: there any other is ``DynamoDB.AmazonDynamoDBException`` or
``Lambda.AWSLambdaException``. AWS documents no such rule, so these names are NOT VERIFIED: catch ``States.ALL`` last wherever it matters.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from localaws.cloud import Refused, compact
from localaws.states.history import iso

# Step Functions names services as the SDK for Java does: the service id in lower case. botocore's own name differs for these.
_BOTOCORE_NAMES = {
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "ssooidc": "sso-oidc",
}


class Unknown(ValueError):
    """There is no such service, operation or argument in AWS."""


def milliseconds(moment: datetime) -> int:
    """As the optimized integration of Step Functions itself writes times: seen on AWS by others, not documented."""
    return int(moment.timestamp() * 1000)


@dataclass(frozen=True)
class Integration:
    """One operation as a Task calls it. `resource_type` and `resource` are what the history calls it.

    `errors` is the first half of error names, `other` the second half for errors that the service's model does not have. `pattern`, one of
    `patterns` or empty, is what follows the name in a Resource. `moment` writes times.
    """

    resource_type: str
    resource: str
    service: str
    operation: str
    errors: str
    other: str
    patterns: tuple[str, ...] = ("waitForTaskToken",)
    moment: Callable[[datetime], Any] = iso
    pattern: str = ""

    @property
    def model(self) -> OperationModel:
        return service_model(self.service).operation_model(self.operation)

    def check_arguments(self, names: set[str]) -> None:
        """Raise `Unknown` where literal Arguments name what the operation does not take, or leave out what it needs."""
        shape = self.model.input_shape
        members = {} if shape is None else _by_step_functions_name(shape)
        for name in sorted(names - set(members)):
            raise Unknown(f'The field "{name}" is not supported by Step Functions')
        for name, member in members.items():
            if name not in names and _is_needed(shape, member):
                raise Unknown(f'The field "{name}" is required but was missing')

    def to_service(self, arguments: Any) -> Any:
        """Arguments by the service's own member names. Raises `Unknown` for names it does not have."""
        return _to_service(self.model.input_shape, arguments)

    def from_service(self, answer: dict[str, Any]) -> Any:
        """An answer as JSON: PascalCase names, times as text, blobs as text."""
        answer = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        return _from_service(self.model.output_shape, answer, self.moment) if self.model.output_shape else {}

    def error_name(self, code: str) -> str:
        """The error name for a service's error code; see the module for how sure that is."""
        shape = service_model(self.service).shape_for_error_code(code)  # type: ignore[arg-type] # the stubs have it as int
        return f"{self.errors}.{_exception_name(shape.name) if shape else self.other}"


_OPTIMIZED = {
    "lambda:invoke": Integration("lambda", "invoke", "lambda", "Invoke", "Lambda", "AWSLambdaException"),
    "events:putEvents": Integration("events", "putEvents", "events", "PutEvents", "EventBridge", "EventBridgeException"),
    "sns:publish": Integration("sns", "publish", "sns", "Publish", "SNS", "SNSException"),
    "states:startExecution": Integration(
        "states",
        "startExecution",
        "stepfunctions",
        "StartExecution",
        "StepFunctions",
        "AWSStepFunctionsException",
        ("waitForTaskToken", "sync", "sync:2"),
        milliseconds,
    ),
    **{
        f"dynamodb:{name[0].lower()}{name[1:]}": Integration(
            "dynamodb", f"{name[0].lower()}{name[1:]}", "dynamodb", name, "DynamoDB", "AmazonDynamoDBException", ()
        )
        for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
    },
}
# What a Task that waits for an execution asks when it is over.
DESCRIBE_EXECUTION = replace(_OPTIMIZED["states:startExecution"], operation="DescribeExecution")
# lambda:invoke takes these of Lambda's Invoke; the others (a qualifier goes into the function's ARN) are not built.
LAMBDA_ARGUMENTS = {"FunctionName", "Payload", "InvocationType"}


@cache
def parse(resource: str) -> Integration:
    """Read a Resource. Raises `Refused` for what AWS has and localaws has not, `Unknown` for what AWS has not either."""
    if re.fullmatch(r"arn:[^:]+:lambda:[^:]*:\d+:function:.+", resource):
        raise Refused(f"{resource}: a function's ARN as Resource is not built yet, call it through arn:aws:states:::lambda:invoke")
    if not resource.startswith("arn:aws:states:::"):
        raise Refused(f"{resource}: not built yet. Built are {', '.join(_OPTIMIZED)} and aws-sdk:* of arn:aws:states:::")
    name, _, pattern = resource.removeprefix("arn:aws:states:::").partition(".")
    if not name.startswith("aws-sdk:") and name not in _OPTIMIZED:
        raise Refused(f"{resource}: this integration is not built yet")
    integration = _sdk(name) if name.startswith("aws-sdk:") else _OPTIMIZED[name]
    if not pattern:
        return integration
    if pattern not in integration.patterns:
        raise Refused(f"{resource}: the pattern {pattern} is not built yet for {name}")
    return replace(integration, resource=f"{integration.resource}.{pattern}", pattern=pattern)


def _sdk(name: str) -> Integration:
    parts = name.split(":")
    if len(parts) != 3:
        raise Unknown(f"'{name}' is no service and operation")
    service = _botocore_service(parts[1])
    if service is None:
        raise Unknown(f"The service '{parts[1]}' of '{name}' does not exist")
    operation = parts[2][:1].upper() + parts[2][1:]
    if parts[2][:1].isupper() or operation not in service_model(service).operation_names:
        raise Unknown(f"The operation '{parts[2]}' of '{name}' does not exist")
    errors = _sdk_name(str(service_model(service).service_id))
    return Integration(f"aws-sdk:{parts[1]}", parts[2], service, operation, errors, f"{errors}Exception")


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def service_model(service: str) -> ServiceModel:
    return _session().get_service_model(service)


def _botocore_service(name: str) -> str | None:
    available = {service.replace("-", ""): service for service in _session().get_available_services()}
    service = _BOTOCORE_NAMES.get(name) or available.get(name)
    if service is None:
        return None
    service_id = re.sub(r"[^a-z0-9]", "", str(service_model(service).service_id).lower())
    return service if service_id == name else None


def _sdk_name(service_id: str) -> str:
    """``SFN`` is Sfn, ``DynamoDB`` is DynamoDb, ``Cost Explorer`` is CostExplorer, as the SDK for Java names its clients."""
    words = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z\d]+", service_id)
    return "".join(word.capitalize() for word in words)


def _exception_name(shape_name: str) -> str:
    if shape_name.endswith("Exception"):
        return shape_name
    return f"{shape_name.removesuffix('Fault')}Exception"


# -- names and values


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _by_step_functions_name(shape: StructureShape) -> dict[str, str]:
    return {_pascal(name): name for name in shape.members}


def _is_needed(shape: StructureShape | None, member: str) -> bool:
    """Idempotency tokens are required, and made by the client."""
    return shape is not None and member in shape.required_members and not shape.members[member].metadata.get("idempotencyToken")


def _to_service(shape: Shape | None, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names = _by_step_functions_name(shape)
        for name in value:
            if name not in names:
                raise Unknown(f"The field '{name}' is not supported by Step Functions")
        return {names[name]: _to_service(shape.members[names[name]], item) for name, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_service(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _to_service(shape.value, item) for name, item in value.items()}
    if shape is not None and shape.type_name == "blob" and isinstance(value, dict | list):
        return compact(value)
    return value


def _from_service(shape: Shape, value: Any, moment: Callable[[datetime], Any]) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {_pascal(name): _from_service(shape.members[name], item, moment) for name, item in value.items() if name in shape.members}
    if isinstance(shape, ListShape):
        return [_from_service(shape.member, item, moment) for item in value]
    if isinstance(shape, MapShape):
        return {name: _from_service(shape.value, item, moment) for name, item in value.items()}
    if isinstance(value, datetime):
        return moment(value)
    if shape.type_name == "blob":
        content = value if isinstance(value, bytes) else value.read()
        return content.decode()
    return value
