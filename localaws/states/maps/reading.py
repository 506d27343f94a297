"""ItemReader: the items of a Map out of S3, as ``(value, source)``. Whatever cannot be read is ``States.ItemReaderFailed``.

Built are JSON arrays, JSON Lines and CSV objects, and lists of objects. Refused by name: JSON objects, Parquet, inventories and manifests, compressed
files, ``LOAD_AND_FLATTEN``, ``ItemsPointer``. A file is read whole, the quota of 10 GB is not there.
"""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from localaws.clock import Process
from localaws.cloud import Refused
from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.maps.definition import DELIMITERS, GET_OBJECT, check_arguments
from localaws.states.maps.fields import Fields, call_s3
from localaws.states.rules import Problem

ERROR = "States.ItemReaderFailed"
_COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")


def read(fields: Fields, reader: dict[str, Any]) -> Process:
    """The values of all items, up to MaxItems, and where they come from (``Map.Item.Source``)."""
    arguments = fields.value(reader["Arguments"], "ItemReader/Arguments")
    config = fields.value(reader.get("ReaderConfig", {}), "ItemReader/ReaderConfig")
    try:
        check_arguments(set(arguments) if isinstance(arguments, dict) else set(), reader["Resource"], "ItemReader/Arguments")
    except Problem as problem:
        raise StatesError(ERROR, str(problem)) from problem
    most = fields.whole(config["MaxItems"], "ItemReader/ReaderConfig/MaxItems", 1) if "MaxItems" in config else None
    if reader["Resource"] == GET_OBJECT:
        text = yield from _object(fields, arguments)
        items = _items(text, config)
        source = f"S3://{arguments['Bucket']}/{arguments['Key']}"
    else:
        listed = yield from _listed(fields, arguments, most)
        items, source = iter(listed), f"S3://{arguments['Bucket']}"
    try:
        return list(islice(items, most)), source
    except (ValueError, csv.Error) as error:
        raise StatesError(ERROR, f"The dataset {source} cannot be read: {error}") from error


def _object(fields: Fields, arguments: dict[str, Any]) -> Process:
    if str(arguments["Key"]).endswith(_COMPRESSED):
        raise Refused(f"state '{fields.visit.name}': reading the compressed {arguments['Key']} is not built yet")
    answer = yield from call_s3(fields.caller, ERROR, "get_object", **arguments)
    try:
        return answer["Body"].read().decode()
    except UnicodeDecodeError as error:
        raise StatesError(ERROR, f"{arguments['Key']} is not UTF-8: {error}") from error


def _listed(fields: Fields, arguments: dict[str, Any], most: int | None) -> Process:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = yield from call_s3(fields.caller, ERROR, "list_objects_v2", **arguments, **token)
        found += [_listed_object(item) for item in page.get("Contents", [])]
        if not page.get("IsTruncated") or (most is not None and len(found) >= most):
            return found
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _listed_object(item: dict[str, Any]) -> dict[str, Any]:
    kept = {"Etag": item["ETag"], "Key": item["Key"], "LastModified": int(item["LastModified"].timestamp()), "Size": item["Size"]}
    return kept | {"StorageClass": item.get("StorageClass", "STANDARD")}


def _items(text: str, config: dict[str, Any]) -> Iterator[Any]:
    if config["InputType"] == "JSON":
        values = _json(text)
        if isinstance(values, dict):
            raise Refused("ItemReader: a JSON object is not built yet as dataset, only an array")
        if not isinstance(values, list):
            raise StatesError(ERROR, "Attempting to map over non-iterable node.")
        return iter(values)
    if config["InputType"] == "JSONL":
        return (jsontext.read(line) for line in text.split("\n") if line.strip())  # other ends of lines that Unicode knows can stand in texts
    return _rows(text, config)


def _json(text: str) -> Any:
    try:
        return jsontext.read(text)
    except ValueError as error:
        raise StatesError(ERROR, f"The dataset is not JSON: {error}") from error


def _rows(text: str, config: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Fields are texts; what a row lacks is empty, what it has too much is skipped."""
    delimiter = DELIMITERS[config.get("CSVDelimiter", "COMMA")]
    rows = (row for row in csv.reader(io.StringIO(text), delimiter=delimiter, escapechar="\\") if row)
    headers = config["CSVHeaders"] if config["CSVHeaderLocation"] == "GIVEN" else next(rows, [])
    if len(set(headers)) < len(headers):
        raise StatesError(ERROR, "CSV headers cannot contain duplicates.")
    for row in rows:
        yield dict(zip(headers, [*row, *[""] * len(headers)], strict=False))
