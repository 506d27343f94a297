"""Step Functions: state machines, with every placeholder of the definition substituted and every substitution used.

Source: AWS CloudFormation Template Reference, AWS::StepFunctions::StateMachine ("The state machine definition must be a JSON or YAML file").
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import AwsError, Refused
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, listed, retag, tag_list
from localaws.cloudformation.resources.shapes import camel
from localaws.cloudformation.templates import read_yaml

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+(?:,[A-Za-z0-9_]+)*)\}")
_DEFINITIONS = ("Definition", "DefinitionS3Location", "DefinitionString")
_HERE = "localaws/cloudformation/resources/stepfunctions.py"


class StateMachine(ResourceType):
    """The definition comes from S3 (JSON or YAML), from text, or from the template itself."""

    name = "AWS::StepFunctions::StateMachine"
    properties = frozenset(
        {
            *_DEFINITIONS,
            "DefinitionSubstitutions",
            "LoggingConfiguration",
            "RoleArn",
            "StateMachineName",
            "StateMachineType",
            "Tags",
            "TracingConfiguration",
        }
    )
    required = frozenset({"RoleArn"})
    create_only = frozenset({"StateMachineName", "StateMachineType"})
    physical_name = "StateMachineName"
    attributes = frozenset({"Arn", "Name"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "LoggingConfiguration": "executions are in localaws' own log, none are written to CloudWatch Logs",
        "TracingConfiguration": "nothing is traced",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("StateMachineName") or context.name(80)
        arn = f"arn:aws:states:{context.region}:{context.account}:stateMachine:{name}"
        context.require_new(name, "stepfunctions", "DescribeStateMachine", stateMachineArn=arn)
        given = _settings(properties) | {"type": properties.get("StateMachineType", "STANDARD"), "tags": camel(tag_list(properties))}
        arn = context.call("stepfunctions", "CreateStateMachine", name=name, definition=definition(context, properties), **given)["stateMachineArn"]
        return Made(arn, {"Arn": arn, "Name": name})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        if changed(before, after) - {"Tags"}:
            settings = {"loggingConfiguration": {"level": "OFF"}, "tracingConfiguration": {"enabled": False}, **_settings(after)}
            context.call("stepfunctions", "UpdateStateMachine", stateMachineArn=made.physical_id, definition=definition(context, after), **settings)
        retag(context, "stepfunctions", "Resource", (before, after), lambda tags: camel(listed(tags)), resourceArn=made.physical_id)
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("stepfunctions", "DeleteStateMachine", stateMachineArn=made.physical_id)


def _settings(properties: Properties) -> Properties:
    settings = {"roleArn": properties["RoleArn"]}
    for name in ("LoggingConfiguration", "TracingConfiguration"):
        if name in properties:
            settings[name[0].lower() + name[1:]] = camel(properties[name])
    return settings


def definition(context: Context, properties: Properties) -> str:
    """The definition as JSON, substituted. `AwsError` for a placeholder without a value, `Refused` for a value without a placeholder."""
    given = [name for name in _DEFINITIONS if name in properties]
    if len(given) != 1:
        raise AwsError("ValidationError", f"{context.logical_id}: exactly one of {', '.join(_DEFINITIONS)} is needed, not {given}")
    text = _text(context, properties[given[0]], given[0])
    return json.dumps(read_yaml(substitute(context.logical_id, text, properties.get("DefinitionSubstitutions", {}))))


def substitute(logical_id: str, text: str, substitutions: Properties) -> str:
    """`text` with its placeholders replaced, all of them, by all of the substitutions."""
    placeholders = set(_PLACEHOLDER.findall(text))
    if several := sorted(name for name in placeholders if "," in name):
        raise Refused(f"{logical_id}: localaws does not substitute several variables at once: ${{{several[0]}}} ({_HERE})")
    if missing := sorted(placeholders - set(substitutions)):
        raise AwsError("ValidationError", f"{logical_id}: the definition has ${{{missing[0]}}}, and DefinitionSubstitutions has no {missing[0]}")
    if unused := sorted(set(substitutions) - placeholders):
        raise Refused(
            f"{logical_id}: DefinitionSubstitutions has {unused[0]}, and the definition has no ${{{unused[0]}}}: it would be dropped ({_HERE})"
        )
    return _PLACEHOLDER.sub(lambda match: as_text(substitutions[match.group(1)]), text)


def _text(context: Context, value: Any, source: str) -> str:
    if source == "Definition":
        return json.dumps(value)
    if source == "DefinitionString":
        return str(value)
    location = {"VersionId" if name == "Version" else name: part for name, part in value.items()}
    body: bytes = context.call("s3", "GetObject", **location)["Body"].read()
    return body.decode()
