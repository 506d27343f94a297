"""Template values as an API's own model wants them: numbers that came as text, structures with members the model knows.

CloudFormation turns ``"7"`` into 7 and ``"true"`` into true where the property is a number or a boolean, since parameters are always text.
botocore is strict.
"""

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from localaws.cloud import AwsError
from localaws.cloudformation.intrinsics import as_text


def shaped(value: Any, shape: Shape, path: str = "") -> Any:
    """`value` in the types of `shape`. `AwsError` names a member that the API does not have, for AWS would not take it either."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        if unknown := [name for name in value if name not in shape.members]:
            raise AwsError("ValidationError", f"Encountered unsupported property {_joined(path, unknown[0])}")
        return {name: shaped(member, shape.members[name], _joined(path, name)) for name, member in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [shaped(item, shape.member, f"{path}[{number}]") for number, item in enumerate(value)]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: shaped(item, shape.value, _joined(path, name)) for name, item in value.items()}
    return _scalar(value, shape.type_name, path)


def _scalar(value: Any, kind: str, path: str) -> Any:
    try:
        if kind in ("integer", "long"):
            return int(value)
        if kind in ("float", "double"):
            return float(value)
    except (TypeError, ValueError):
        raise AwsError("ValidationError", f"Properties validation failed: {path} is not a number: {value!r}") from None
    if kind == "boolean" and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise AwsError("ValidationError", f"Properties validation failed: {path} is not a boolean: {value!r}")
        return value.lower() == "true"
    if kind == "string" and isinstance(value, bool | int | float):
        return as_text(value)
    return value


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def camel(value: Any) -> Any:
    """Property names as the APIs that write them in lower case first: Step Functions, CloudWatch Logs."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: camel(member) for name, member in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value
