"""What a Task's Resource names: which service, which operation, by which names Step Functions speaks to it.

Four kinds are built: ``lambda:invoke``, ``events:putEvents``, ``sns:publish`` and ``aws-sdk:<service>:<operation>``. Any other is `Refused` by name.

The names of errors follow the AWS SDK for Java 2, which Step Functions is seen to use: an error of the service's model is
``<Service>.<Shape>Exception``, any other is ``<Service>.<Service>Exception`` (``SageMaker.SageMakerException`` stands in many published machines).
AWS documents no such rule, so these names are NOT VERIFIED: catch ``States.ALL`` last wherever it matters.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from localaws.cloud import Refused
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


@dataclass(frozen=True)
class Integration:
    """One operation as a Task calls it. `resource_type` and `resource` are what the history calls it; `errors` is the first half of error names."""

    resource_type: str
    resource: str
    service: str
    operation: str
    errors: str

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
        return _from_service(self.model.output_shape, answer) if self.model.output_shape else {}

    def error_name(self, code: str) -> str:
        """The error name for a service's error code; see the module for how sure that is."""
        shape = service_model(self.service).shape_for_error_code(code)  # type: ignore[arg-type] # the stubs have it as int
        return f"{self.errors}.{_exception_name(shape.name) if shape else f'{self.errors}Exception'}"


_OPTIMIZED = {
    "lambda:invoke": Integration("lambda", "invoke", "lambda", "Invoke", "Lambda"),
    "events:putEvents": Integration("events", "putEvents", "events", "PutEvents", "EventBridge"),
    "sns:publish": Integration("sns", "publish", "sns", "Publish", "SNS"),
}
# lambda:invoke takes these of Lambda's Invoke; the others (a qualifier goes into the function's ARN) are not built.
LAMBDA_ARGUMENTS = {"FunctionName", "Payload", "InvocationType"}


@cache
def parse(resource: str) -> Integration:
    """Read a Resource. Raises `Refused` for what AWS has and localaws has not, `Unknown` for what AWS has not either."""
    if re.fullmatch(r"arn:[^:]+:lambda:[^:]*:\d+:function:.+", resource):
        raise Refused(f"{resource}: a function's ARN as Resource is not built yet, call it through arn:aws:states:::lambda:invoke")
    if not resource.startswith("arn:aws:states:::"):
        raise Refused(f"{resource}: not built yet. Built are lambda:invoke, events:putEvents, sns:publish and aws-sdk:* of arn:aws:states:::")
    name = resource.removeprefix("arn:aws:states:::")
    if "." in name:
        raise Refused(f"{resource}: the pattern {name.split('.', 1)[1]} is not built yet, only request and response")
    if name.startswith("aws-sdk:"):
        return _sdk(name)
    if name not in _OPTIMIZED:
        raise Refused(f"{resource}: this integration is not built yet")
    return _OPTIMIZED[name]


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
    return Integration(f"aws-sdk:{parts[1]}", parts[2], service, operation, _sdk_name(str(service_model(service).service_id)))


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
    return value


def _from_service(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {_pascal(name): _from_service(shape.members[name], item) for name, item in value.items() if name in shape.members}
    if isinstance(shape, ListShape):
        return [_from_service(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {name: _from_service(shape.value, item) for name, item in value.items()}
    if isinstance(value, datetime):
        return iso(value)
    if shape.type_name == "blob":
        content = value if isinstance(value, bytes) else value.read()
        return content.decode()
    return value
