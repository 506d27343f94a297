"""Input and answers of our own operations against botocore's model: what a client checks, and what it leaves to the service."""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from moto.core.utils import get_service_model

from localaws.cloud import AwsError, Call
from localaws.fitting import compiled, fits, values_of

_INVALID = {
    "cloudwatch": "ValidationError",
    "iam": "ValidationError",
    "organizations": "InvalidInputException",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "sts": "ValidationError",
}
"""What services answer to input against their model, where it is not ``ValidationException``."""


def check_input(call: Call) -> None:
    """Raise AWS's ValidationException, or the service's own word for it, for input that its model does not allow."""
    shape = get_service_model(call.service).operation_model(call.operation).input_shape
    problems = _problems(shape, call.params) if shape is not None else []
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise AwsError(_INVALID.get(call.service, "ValidationException"), f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def check_answer(call: Call, output: dict[str, Any]) -> None:
    """Fail where an operation of ours answers what AWS's model does not allow: that is a bug here, not the caller's."""
    shape = get_service_model(call.service).operation_model(call.operation).output_shape
    if shape is None:
        if output:
            raise AssertionError(f"{call.action} answers nothing in AWS, here {output}")
        return
    if problems := _problems(shape, output):
        raise AssertionError(f"{call.action} gave an answer that AWS could not give: {problems}")


def _problems(shape: Shape, value: dict[str, Any]) -> list[str]:
    return [] if fits(shape)(value) else problems_at_length(shape, value)


def problems_at_length(shape: Shape, value: Any) -> list[str]:
    """What the model does not allow, in words."""
    report = ParamValidator().validate(value, shape)
    return [report.generate_report()] if report.has_errors() else list(_beyond_types(shape, value, ""))


def _beyond_types(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            if name in shape.members:
                yield from _beyond_types(shape.members[name], member, f"{path}.{name}" if path else name)
    elif isinstance(shape, ListShape):
        yield from _length(shape, value, path)
        for number, item in enumerate(value):
            yield from _beyond_types(shape.member, item, f"{path}.{number + 1}.member")
    elif isinstance(shape, MapShape):
        for name, item in value.items():
            yield from _beyond_types(shape.value, item, f"{path}.{name}")
    else:
        yield from _scalar(shape, value, path)


def _length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield f"Value at '{path}' failed to satisfy constraint: Member must have length less than or equal to {most}"


def _scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StringShape) and isinstance(value, str):
        yield from _string(shape, value, path)
    elif shape.type_name in {"integer", "long"} and value > shape.metadata.get("max", value):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must have value less than or equal to {shape.metadata['max']}"


def _string(shape: StringShape, value: str, path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    if shape.enum and value not in values_of(shape):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
