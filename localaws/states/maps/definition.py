"""What may stand in a Map state of mode DISTRIBUTED, and what its children of type EXPRESS may hold."""

import re
from typing import Any

from localaws.cloud import Refused
from localaws.states import integrations
from localaws.states.expressions import is_expression
from localaws.states.jsontext import MOST_BYTES
from localaws.states.rules import Problem, check_known_fields, check_number

FIELDS = {"ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailurePercentage", "Label"}
TEMPLATES = FIELDS - {"Label"}
GET_OBJECT, LIST_OBJECTS = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"
PUT_OBJECT = "arn:aws:states:::s3:putObject"
DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}

_LONGEST_LABEL = 40
_NOT_IN_LABELS = re.compile('[\\s?*<>{}\\[\\]:;,\\\\|^~$#%&`"/\u0000-\u001f\u007f-\u009f]')
_MOST_ITEMS = 100_000_000
_ARGUMENTS = {GET_OBJECT: {"Bucket", "Key"}, LIST_OBJECTS: {"Bucket", "Prefix"}, PUT_OBJECT: {"Bucket", "Prefix"}}
_NEEDED = {GET_OBJECT: {"Bucket", "Key"}, LIST_OBJECTS: {"Bucket"}, PUT_OBJECT: {"Bucket"}}
_CSV = {"CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"}
_INPUT_TYPES = {"CSV", "JSON", "JSONL"}


def is_distributed(state: dict[str, Any]) -> bool:
    """Whether a Map state that was checked starts executions."""
    return bool(state["ItemProcessor"].get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def check(state: dict[str, Any], path: str, labels: set[str]) -> None:
    """All but the states of the ItemProcessor. `labels` are those of the machine so far. Raises `Problem`, or `Refused` for what is not built."""
    config, where = state["ItemProcessor"]["ProcessorConfig"], f"{path}/ItemProcessor/ProcessorConfig"
    check_known_fields(config, {"Mode", "ExecutionType"}, where)
    if config.get("ExecutionType") not in {"STANDARD", "EXPRESS"}:
        raise Problem(where, "A Map of mode DISTRIBUTED needs the ExecutionType STANDARD or EXPRESS")
    if "Label" in state:
        _check_label(state["Label"], f"{path}/Label", labels)
    if "ItemReader" in state:
        if "Items" in state:
            raise Problem(f"{path}/Items", "A Map has either Items or ItemReader")
        _check_reader(state["ItemReader"], f"{path}/ItemReader")
    if "ItemBatcher" in state:
        _check_batcher(state["ItemBatcher"], f"{path}/ItemBatcher")
    if "ResultWriter" in state:
        _check_writer(state["ResultWriter"], f"{path}/ResultWriter")
    if "ToleratedFailureCount" in state:
        check_number(state["ToleratedFailureCount"], f"{path}/ToleratedFailureCount", least=0)
    if "ToleratedFailurePercentage" in state:
        _check_percentage(state["ToleratedFailurePercentage"], f"{path}/ToleratedFailurePercentage")
    if config["ExecutionType"] == "EXPRESS":
        _check_express(state["ItemProcessor"], f"{path}/ItemProcessor")


def _check_label(label: Any, path: str, labels: set[str]) -> None:
    if not isinstance(label, str) or not 1 <= len(label) <= _LONGEST_LABEL or _NOT_IN_LABELS.search(label):
        raise Problem(path, f"A label has 1 to {_LONGEST_LABEL} characters, and no white space, wildcards, brackets or special characters")
    if label in labels:
        raise Problem(path, f"The label '{label}' is that of more than one Map")
    labels.add(label)


def _check_reader(reader: Any, path: str) -> None:
    _check_object(reader, {"Resource", "Arguments", "ReaderConfig"}, path)
    resource = reader.get("Resource")
    if resource not in {GET_OBJECT, LIST_OBJECTS}:
        raise Problem(f"{path}/Resource", f"An ItemReader's Resource is {GET_OBJECT} or {LIST_OBJECTS}")
    _check_arguments(reader.get("Arguments"), resource, f"{path}/Arguments")
    config, where = reader.get("ReaderConfig", {}), f"{path}/ReaderConfig"
    for name in ("ManifestType", "ItemsPointer"):
        if isinstance(config, dict) and name in config:
            raise Refused(f"{where}/{name}: not built yet")
    _check_object(config, {"InputType", "MaxItems", "Transformation", *_CSV}, where)
    if config.get("Transformation", "NONE") != "NONE":
        raise Refused(f"{where}/Transformation: {config['Transformation']} is not built yet")
    if "MaxItems" in config:
        check_number(config["MaxItems"], f"{where}/MaxItems", least=1, most=_MOST_ITEMS)
    if resource == GET_OBJECT:
        _check_input_type(config, where)


def _check_input_type(config: dict[str, Any], path: str) -> None:
    kind = config.get("InputType")
    if kind in {"PARQUET", "MANIFEST"}:
        raise Refused(f"{path}/InputType: {kind} is not built yet")
    if kind not in _INPUT_TYPES:
        raise Problem(f"{path}/InputType", f"InputType is one of {', '.join(sorted(_INPUT_TYPES))}")
    if kind != "CSV":
        if given := _CSV & set(config):
            raise Problem(path, f"{', '.join(sorted(given))} go with InputType CSV only")
        return
    if config.get("CSVHeaderLocation") not in {"FIRST_ROW", "GIVEN"}:
        raise Problem(f"{path}/CSVHeaderLocation", "CSVHeaderLocation is FIRST_ROW or GIVEN")
    if (config["CSVHeaderLocation"] == "GIVEN") != ("CSVHeaders" in config):
        raise Problem(f"{path}/CSVHeaders", "CSVHeaders go with CSVHeaderLocation GIVEN, and with nothing else")
    if config.get("CSVDelimiter", "COMMA") not in DELIMITERS:
        raise Problem(f"{path}/CSVDelimiter", f"CSVDelimiter is one of {', '.join(DELIMITERS)}")


def _check_batcher(batcher: Any, path: str) -> None:
    _check_object(batcher, {"MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput"}, path)
    limits = {"MaxItemsPerBatch": _MOST_ITEMS, "MaxInputBytesPerBatch": MOST_BYTES}
    if not limits.keys() & set(batcher):
        raise Problem(path, "An ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch")
    for name, most in limits.items():
        if name in batcher:
            check_number(batcher[name], f"{path}/{name}", least=1, most=most)


def _check_writer(writer: Any, path: str) -> None:
    _check_object(writer, {"Resource", "Arguments", "WriterConfig"}, path)
    if "WriterConfig" not in writer and "Resource" not in writer:
        raise Problem(path, "A ResultWriter has WriterConfig, or Resource and Arguments, or all three")
    if ("Resource" in writer) != ("Arguments" in writer):
        raise Problem(path, "Resource and Arguments go together")
    if "Resource" in writer:
        if writer["Resource"] != PUT_OBJECT:
            raise Problem(f"{path}/Resource", f"A ResultWriter's Resource is {PUT_OBJECT}")
        _check_arguments(writer["Arguments"], PUT_OBJECT, f"{path}/Arguments")
    config = writer.get("WriterConfig", {})
    _check_object(config, {"Transformation", "OutputType"}, f"{path}/WriterConfig")
    for name, known in {"Transformation": ("NONE", "COMPACT", "FLATTEN"), "OutputType": ("JSON", "JSONL")}.items():
        if config.get(name, known[0]) not in known:
            raise Problem(f"{path}/WriterConfig/{name}", f"{name} is one of {', '.join(known)}")
    if config.get("OutputType") == "JSONL" and "Resource" not in writer:
        raise Refused(f"{path}/WriterConfig/OutputType: JSONL without a bucket is not built yet, what a state's output is then is not documented")


def _check_percentage(value: Any, path: str) -> None:
    if is_expression(value):
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise Problem(path, "Value must be a number from 0 to 100, or an expression")


def _check_object(value: Any, known: set[str], path: str) -> None:
    if not isinstance(value, dict):
        raise Problem(path, "Value must be an object")
    check_known_fields(value, known, path)


def _check_arguments(arguments: Any, resource: str, path: str) -> None:
    if is_expression(arguments):
        return
    if not isinstance(arguments, dict):
        raise Problem(path, "Arguments must be an object or an expression")
    check_arguments(set(arguments), resource, path)


def check_arguments(names: set[str], resource: str, path: str) -> None:
    """Raise `Problem` where one is missing, `Refused` for those that are not built."""
    if missing := _NEEDED[resource] - names:
        raise Problem(path, f"Field '{min(missing)}' is required")
    if unknown := names - _ARGUMENTS[resource]:
        raise Refused(f"{path}: {', '.join(sorted(unknown))} not built yet")


def _check_express(block: dict[str, Any], path: str) -> None:
    """Express workflows take no ``.sync``, no task tokens and no Distributed Map, at any depth."""
    for name, state in block["States"].items():
        where = f"{path}/States/{name}"
        if state["Type"] == "Task":
            pattern = integrations.parse(state["Resource"]).pattern
            if pattern:
                raise Problem(f"{where}/Resource", f"The pattern {pattern} is not supported in EXPRESS executions")
        if state["Type"] == "Map":
            if is_distributed(state):
                raise Problem(where, "A Map of mode DISTRIBUTED is not supported in EXPRESS executions")
            _check_express(state["ItemProcessor"], f"{where}/ItemProcessor")
        for number, branch in enumerate(state.get("Branches", [])):
            _check_express(branch, f"{where}/Branches[{number}]")
