"""What came of a Distributed Map: the files that its ResultWriter left in S3."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steward.resources.objects import get_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Child:
    """One child execution and its `input`. `output` is None where it did not succeed; then `error` and `cause` say why, or its status does."""

    input: Any
    output: Any
    error: str
    cause: str


def read_children(s3: "S3Client", bucket: str, manifest_key: str) -> Iterator[Child]:
    """Every child of a map run: those that succeeded, those that failed, timed out or were aborted, and those that were never started.

    `manifest_key` is ``ResultWriterDetails.Key`` of the Map's output. The files are arrays of child executions, whose input and output are JSON as
    text (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html).
    """
    files = get_json(s3, bucket, manifest_key)["ResultFiles"]
    for outcome in ("SUCCEEDED", "FAILED", "PENDING"):
        for file in files.get(outcome, []):
            for execution in get_json(s3, bucket, file["Key"]):
                yield _child(execution, outcome)


def _child(execution: dict[str, Any], outcome: str) -> Child:
    succeeded = outcome == "SUCCEEDED"
    return Child(
        input=_read(execution.get("Input")),
        output=_read(execution.get("Output")) if succeeded else None,
        error="" if succeeded else execution.get("Error") or execution.get("Status") or outcome,
        cause="" if succeeded else execution.get("Cause") or "",
    )


def _read(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text
