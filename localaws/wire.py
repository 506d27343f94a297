"""The JSON protocol of AWS, which most calls speak, without the general machinery that moto has for all of them.

Source: Smithy, "AWS JSON 1.0 and 1.1 protocols": the operation in ``X-Amz-Target``, times as seconds since 1970, blobs in base64.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from botocore.awsrequest import AWSPreparedRequest
from botocore.model import ListShape, MapShape, Shape, StructureShape


@dataclass
class JsonRequest:
    """What of a request the JSON protocol has a use for, by the names that moto's parsers read."""

    method: str
    headers: Mapping[str, str]
    data: bytes
    content_type: str
    path: str = "/"
    values: Mapping[str, str] = field(default_factory=dict)

    MARK: ClassVar[str] = "application/x-amz-json-"

    @classmethod
    def of(cls, request: AWSPreparedRequest) -> "JsonRequest | None":
        """None if it speaks another protocol."""
        kind = _text(request.headers.get("Content-Type", ""))
        if "X-Amz-Target" not in request.headers or not kind.startswith(cls.MARK):
            return None
        headers = {"X-Amz-Target": _text(request.headers["X-Amz-Target"])}
        body: Any = request.body or b""
        return cls(str(request.method), headers, body if isinstance(body, bytes) else body.encode(), kind)


def json_body(shape: Shape | None, output: Mapping[str, Any]) -> str:
    """An answer's body. `TypeError` for what JSON cannot say."""
    return json.dumps(_plain(shape, output) if shape is not None else {})


def _plain(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        members = shape.members
        return (
            value
            if shape.is_document_type
            else {
                members[name].serialization.get("name", name): _plain(members[name], item)
                for name, item in value.items()
                if item is not None and name in members
            }
        )
    if isinstance(shape, ListShape):
        return [_plain(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {name: _plain(shape.value, item) for name, item in value.items()}
    if isinstance(value, datetime):
        return _moment(shape, value)
    if shape.type_name == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return value


def _moment(shape: Shape, value: datetime) -> float | str:
    if shape.serialization.get("timestampFormat", "unixTimestamp") == "iso8601":
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    seconds = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return int(seconds) if seconds == int(seconds) else seconds


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
