"""What came of a Map Run: an array for the next state, or files in S3 by ResultWriter. What goes wrong with these is ``States.ResultWriterFailed``.

Files of one Map Run stand under ``<Prefix>/<Map Run id>/``: ``manifest.json``, ``SUCCEEDED_0.json``, ``FAILED_0.json`` (what failed, timed out or was
aborted) and ``PENDING_0.json`` (what was never started), each only where it has something; with OutputType JSONL they end in ``.jsonl``. The split of
files at 5 GB is not there. The role needs all that the guide calls the least for writing, though nothing is uploaded in parts. Not documented, so
ours: which members a pending one has, and that a redrive writes the files anew under the same names.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.clock import Process
from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.executions import Execution, redrive_status
from localaws.states.history import iso
from localaws.states.maps.definition import PUT_OBJECT, check_arguments
from localaws.states.maps.fields import Fields, call_s3, call_s3_now
from localaws.states.maps.runs import UNSUCCESSFUL, Child, MapRun
from localaws.states.rules import Problem
from localaws.states.visits import check_size

ERROR = "States.ResultWriterFailed"
# Besides s3:PutObject, which the calls themselves need.
_NEEDED = ("s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")


@dataclass(frozen=True)
class Writer:
    """How results are given back, and where they are written: `bucket` is None where they go to the next state."""

    transformation: str
    output_type: str = "JSON"
    bucket: str | None = None
    prefix: str = ""


def writer_of(fields: Fields) -> Writer:
    """ResultWriter, evaluated."""
    writer = fields.visit.state.get("ResultWriter", {})
    config = writer.get("WriterConfig", {})
    if "Resource" not in writer:
        return Writer(config.get("Transformation", "NONE" if writer else "COMPACT"))
    arguments = fields.value(writer["Arguments"], "ResultWriter/Arguments")
    try:
        check_arguments(set(arguments) if isinstance(arguments, dict) else set(), PUT_OBJECT, "ResultWriter/Arguments")
    except Problem as problem:
        raise StatesError(ERROR, str(problem)) from problem
    kind, output_type = config.get("Transformation", "NONE"), config.get("OutputType", "JSON")
    return Writer(kind, output_type, arguments["Bucket"], arguments.get("Prefix", ""))


def results(fields: Fields, run: MapRun, writer: Writer) -> Process:
    """The result of the Map state."""
    if writer.bucket is None:
        value = [item for child in run.children or [] for item in _results(run, child, writer.transformation)]
        check_size(fields.visit.name, value)
        return value
    yield from write(fields, run, writer)
    return {"MapRunArn": run.arn, "ResultWriterDetails": {"Bucket": writer.bucket, "Key": _key(run, writer, "manifest.json")}}


def write(fields: Fields, run: MapRun, writer: Writer) -> Process:
    """All files, the manifest last. Nothing where there is no bucket."""
    if writer.bucket is None:
        return
    place = f"arn:aws:s3:::{writer.bucket}/{_key(run, writer, 'manifest.json')}"
    for action in _NEEDED:
        run.need(action, place, ERROR)
    for key, body in _files(run, writer):
        yield from call_s3(fields.caller, ERROR, "put_object", Bucket=writer.bucket, Key=key, Body=body)


def write_now(fields: Fields, run: MapRun, writer: Writer) -> None:
    """The same at once, for a Map Run that is aborted. What came of it is in the call log: nobody is left to be told."""
    with suppress(StatesError):
        for key, body in _files(run, writer):
            call_s3_now(fields.caller, ERROR, "put_object", Bucket=writer.bucket, Key=key, Body=body)


def _files(run: MapRun, writer: Writer) -> list[tuple[str, bytes]]:
    if writer.bucket is None or run.children is None:
        return []
    of_files = {"FAILED": UNSUCCESSFUL, "PENDING": {"PENDING"}, "SUCCEEDED": {"SUCCEEDED"}}
    files, listed, run.written = list[tuple[str, bytes]](), dict[str, list[dict[str, Any]]](), []
    for name, statuses in of_files.items():
        children = [child for child in run.children if child.status in statuses]
        listed[name] = []
        if children:
            body = _body([item for child in children for item in _results(run, child, writer.transformation)], writer.output_type)
            key = _key(run, writer, f"{name}_0.{writer.output_type.lower()}")
            files.append((key, body))
            listed[name] = [{"Key": key, "Size": len(body)}]
            run.written += children
    manifest = {"DestinationBucket": writer.bucket, "MapRunArn": run.arn, "ResultFiles": listed}
    return [*files, (_key(run, writer, "manifest.json"), jsontext.write(manifest).encode())]


def _key(run: MapRun, writer: Writer, name: str) -> str:
    return "/".join([*([writer.prefix] if writer.prefix else []), run.id, name])


def _body(values: list[Any], output_type: str) -> bytes:
    if output_type == "JSONL":
        return "".join(f"{jsontext.write(value)}\n" for value in values).encode()
    return jsontext.write(values).encode()


def _results(run: MapRun, child: Child, transformation: str) -> list[Any]:
    """What one child adds. "If a child workflow execution fails, Step Functions returns its execution result unchanged"."""
    execution = child.execution
    if execution is None or execution.output is None or transformation == "NONE":
        return [_described(run, child, execution)]
    output = jsontext.read(execution.output)
    return output if transformation == "FLATTEN" and isinstance(output, list) else [output]


def _described(run: MapRun, child: Child, execution: Execution | None) -> dict[str, Any]:
    said: dict[str, Any] = {"Input": child.text, "InputDetails": {"Included": True}, "StateMachineArn": run.children_arn, "Status": child.status}
    if execution is not None:
        said |= {
            "Cause": execution.cause,
            "Error": execution.error,
            "ExecutionArn": execution.arn,
            "Name": execution.name,
            "Output": execution.output,
            "OutputDetails": {"Included": True},
            "RedriveCount": execution.redrives,
            **{f"{name[0].upper()}{name[1:]}": value for name, value in redrive_status(execution, run.cloud.clock.datetime()).items()},
            "StartDate": iso(execution.started),
            "StopDate": _iso(execution.stopped),
        }
    return {name: value for name, value in sorted(said.items()) if value is not None}


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
