"""Lambda: functions, layers, event source mappings, permissions.

Source: AWS CloudFormation Template Reference, AWS::Lambda; AWS Lambda API Reference.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, picked, retag, tag_map

_CONFIGURATION = (
    "Description",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
)
_DEFAULTS: Properties = {
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "KmsKeyArn": "",
    "Layers": [],
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
"""What a property that an update takes away goes back to."""


class Function(ResourceType):
    """Its code lies in S3, or stands in the template as ``ZipFile``.

    A DeadLetterConfig is refused, since moto drops it and failed events would be lost; so are ReservedConcurrentExecutions, since nothing keeps to
    them.
    """

    name = "AWS::Lambda::Function"
    properties = frozenset({*_CONFIGURATION, "Architectures", "Code", "FunctionName", "PackageType", "Tags"})
    required = frozenset({"Code", "Role"})
    create_only = frozenset({"FunctionName", "PackageType"})
    physical_name = "FunctionName"
    attributes = frozenset({"Arn"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "Architectures": "functions run on the laptop's own processor",
        "EphemeralStorage": "temporary files are the laptop's own; moto drops a change",
        "KmsKeyArn": "environment variables are not encrypted at rest; moto drops a change",
        "LoggingConfig": "what functions print goes to the log of invocations; moto drops it",
        "MemorySize": "no limit is enforced",
        "TracingConfig": "nothing is traced; moto drops a change",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("FunctionName") or context.name(64)
        given = _api_names(picked(properties, *_CONFIGURATION, "Architectures", "PackageType"))
        made = context.call("lambda", "CreateFunction", FunctionName=name, Code=_code(properties), Tags=tag_map(properties), **given)
        return Made(name, {"Arn": made["FunctionArn"]})

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        differs = changed(before, after)
        name = made.physical_id
        if differs & {"Code", "Architectures"}:
            context.call("lambda", "UpdateFunctionCode", FunctionName=name, **_code(after), **picked(after, "Architectures"))
        if different := differs & set(_CONFIGURATION):
            wanted = {property_: after[property_] if property_ in after else _default(context, property_) for property_ in sorted(different)}
            context.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, **_api_names(wanted))
        retag(context, "lambda", "Resource", (before, after), dict, Resource=made.attributes["Arn"])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("lambda", "DeleteFunction", FunctionName=made.physical_id)


def _default(context: Context, property_: str) -> Any:
    if property_ not in _DEFAULTS:
        raise Refused(f"{context.logical_id}: localaws cannot take {property_} away from a function (localaws/cloudformation/resources/lambda_.py)")
    return _DEFAULTS[property_]


def _api_names(properties: Properties) -> Properties:
    return {"KMSKeyArn" if name == "KmsKeyArn" else name: value for name, value in properties.items()}


def _code(properties: Properties) -> Properties:
    code = dict(properties["Code"])
    if unknown := sorted(set(code) - {"S3Bucket", "S3Key", "S3ObjectVersion", "ZipFile"}):
        raise Refused(f"Code.{unknown[0]} of a function: localaws runs zip packages only (localaws/cloudformation/resources/lambda_.py)")
    if "ZipFile" in code:
        return {"ZipFile": _inline(code["ZipFile"], str(properties.get("Runtime", "")))}
    return code


def _inline(source: str, runtime: str) -> bytes:
    """CloudFormation puts inline code into a file called index."""
    if not runtime.startswith("python"):
        raise Refused(f"inline code for {runtime or 'no runtime'}: localaws runs Python only (localaws/cloudformation/resources/lambda_.py)")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", (1980, 1, 1, 0, 0, 0)), source)
    return packed.getvalue()


class LayerVersion(ResourceType):
    """Every change publishes a new version."""

    name = "AWS::Lambda::LayerVersion"
    properties = frozenset({"CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LayerName", "LicenseInfo"})
    required = frozenset({"Content"})
    create_only = properties
    attributes = frozenset({"LayerVersionArn"})
    no_effect: ClassVar[Mapping[str, str]] = {"CompatibleArchitectures": "layers are unpacked on the laptop, whatever its processor"}

    def create(self, context: Context, properties: Properties) -> Made:
        given = {"LayerName": context.name(64), **properties}
        arn = context.call("lambda", "PublishLayerVersion", **given)["LayerVersionArn"]
        return Made(arn, {"LayerVersionArn": arn})

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        name, version = made.physical_id.split(":")[-2:]
        context.attempt("lambda", "DeleteLayerVersion", LayerName=name, VersionNumber=version)


class EventSourceMapping(ResourceType):
    """Of an SQS queue; other sources have properties that are not built."""

    name = "AWS::Lambda::EventSourceMapping"
    properties = frozenset(
        {
            "BatchSize",
            "Enabled",
            "EventSourceArn",
            "FilterCriteria",
            "FunctionName",
            "FunctionResponseTypes",
            "MaximumBatchingWindowInSeconds",
            "ScalingConfig",
            "Tags",
        }
    )
    required = frozenset({"EventSourceArn", "FunctionName"})
    create_only = frozenset({"EventSourceArn"})
    attributes = frozenset({"Id", "EventSourceMappingArn"})

    def create(self, context: Context, properties: Properties) -> Made:
        given = {name: value for name, value in properties.items() if name != "Tags"}
        tags = tag_map(properties)
        made = context.call("lambda", "CreateEventSourceMapping", **given, **({"Tags": tags} if tags else {}))
        return Made(
            made["UUID"], {"Id": made["UUID"], "EventSourceMappingArn": made.get("EventSourceMappingArn", _mapping_arn(context, made["UUID"]))}
        )

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        differs = changed(before, after)
        if tag_map(before) != tag_map(after) or not differs <= set(after):
            gone = ", ".join(sorted(differs))
            raise Refused(f"{context.logical_id}: localaws cannot take away or re-tag {gone} of an event source mapping in place (lambda_.py)")
        context.call("lambda", "UpdateEventSourceMapping", UUID=made.physical_id, **picked(after, *sorted(differs)))
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("lambda", "DeleteEventSourceMapping", UUID=made.physical_id)


def _mapping_arn(context: Context, identifier: str) -> str:
    return f"arn:aws:lambda:{context.region}:{context.account}:event-source-mapping:{identifier}"


class EventInvokeConfig(ResourceType):
    """Of the function itself: versions and aliases are not built."""

    name = "AWS::Lambda::EventInvokeConfig"
    properties = frozenset({"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"})
    required = frozenset({"FunctionName", "Qualifier"})
    create_only = frozenset({"FunctionName", "Qualifier"})

    updates_by_create = True

    def create(self, context: Context, properties: Properties) -> Made:
        context.call("lambda", "PutFunctionEventInvokeConfig", **properties)
        return Made(f"{properties['FunctionName']}|{properties['Qualifier']}")

    def delete(self, context: Context, existing: Existing) -> None:
        context.attempt("lambda", "DeleteFunctionEventInvokeConfig", **picked(existing.properties, "FunctionName", "Qualifier"))


class Permission(ResourceType):
    """One statement of a function's policy."""

    name = "AWS::Lambda::Permission"
    properties = frozenset(
        {"Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"}
    )
    required = frozenset({"Action", "FunctionName", "Principal"})
    create_only = properties
    attributes = frozenset({"Id"})

    def create(self, context: Context, properties: Properties) -> Made:
        statement = context.name(100)
        context.call("lambda", "AddPermission", StatementId=statement, **properties)
        return Made(statement, {"Id": statement})

    def delete(self, context: Context, existing: Existing) -> None:
        made, properties = existing.made, existing.properties
        context.attempt("lambda", "RemovePermission", FunctionName=properties["FunctionName"], StatementId=made.physical_id)
