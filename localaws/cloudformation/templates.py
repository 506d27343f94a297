"""A template's text becomes a dictionary, and what stands in it is checked before anything is created.

CloudFormation refuses a template whose references point nowhere, whose sections it does not know or whose logical ids are no names; so does this,
with AWS's code (``ValidationError``). What AWS would take and localaws cannot do is `Refused` by its name: a resource type without a handler, a
property its handler does not know.

Source: AWS CloudFormation User Guide, "Template sections" and "Resource attributes".
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from localaws.cloud import AwsError, Refused
from localaws.cloudformation.intrinsics import PSEUDO_PARAMETERS, Reference, references

Document = dict[str, Any]

SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
}
SAM_TRANSFORM = "AWS::Serverless-2016-10-31"

_RESOURCE_ATTRIBUTES = {"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"}
_DELETION_POLICIES = {"Delete", "Retain", "RetainExceptOnCreate"}
_OUTPUT_MEMBERS = {"Description", "Value", "Condition"}


def invalid(message: str) -> AwsError:
    """What CloudFormation answers for a template or parameters it does not take."""
    return AwsError("ValidationError", message)


# -- reading


class _Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: short functions, dates as text, no key twice."""


def _without_timestamps(resolvers: dict[str, list[tuple[str, re.Pattern[str]]]]) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"] for first, pairs in resolvers.items()}


_Loader.yaml_implicit_resolvers = _without_timestamps(yaml.SafeLoader.yaml_implicit_resolvers)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    return _unique([(loader.construct_object(key, deep=True), loader.construct_object(value, deep=True)) for key, value in node.value])


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise invalid(f"Template format error: the key {key!r} stands twice in one mapping")
        found[key] = value
    return found


def _short_function(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_object(yaml.MappingNode("tag:yaml.org,2002:map", node.value), deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _short_function)


def read_yaml(text: str) -> Any:
    """YAML or JSON with CloudFormation's short functions; `AwsError` where it is neither."""
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_unique)
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise invalid(f"Template format error: YAML not well-formed. {error}") from error


def parse(text: str) -> Document:
    """A template's sections, each of a kind that somebody evaluates."""
    document = read_yaml(text)
    if not isinstance(document, dict):
        raise invalid("Template format error: unsupported structure.")
    unknown = sorted(set(document) - SECTIONS - ({"Globals"} if SAM_TRANSFORM in transforms(document) else set()))
    if unknown == ["Hooks"]:
        raise Refused("the template section Hooks: localaws evaluates no hooks (localaws/cloudformation/templates.py)")
    if unknown:
        raise invalid(f"Invalid template property or properties {unknown}")
    if document.get("AWSTemplateFormatVersion", "2010-09-09") != "2010-09-09":
        raise invalid("Template format error: unsupported value for AWSTemplateFormatVersion.")
    if not isinstance(document.get("Resources"), dict) or not document["Resources"]:
        raise invalid("Template format error: At least one Resources member must be defined.")
    return document


def transforms(document: Document) -> list[str]:
    """The macros a template asks for."""
    named = document.get("Transform") or []
    return [str(name) for name in ([named] if not isinstance(named, list) else named)]


# -- checking


def check(document: Document, types: Callable[[str], Any]) -> None:
    """Refuse a (transformed) template that names what is not there. `types` gives a type's handler, or raises `Refused`."""
    for logical_id, resource in document["Resources"].items():
        _check_resource(document, logical_id, resource, types)
    for name, output in document.get("Outputs", {}).items():
        _check_output(name, output)
    for owner, value in _evaluated(document):
        for reference in references(value):
            _check_reference(document, owner, reference, types)


def _check_resource(document: Document, logical_id: str, resource: Any, types: Callable[[str], Any]) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{1,255}", str(logical_id)):
        raise invalid(f"Template format error: Resource name {logical_id} is non alphanumeric.")
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise invalid(f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member.")
    unknown = sorted(set(resource) - _RESOURCE_ATTRIBUTES)
    if {"CreationPolicy", "UpdatePolicy"} & set(unknown):
        raise Refused(f"{logical_id}: localaws does not evaluate {', '.join(unknown)} (localaws/cloudformation/templates.py)")
    if unknown:
        raise invalid(f"Invalid template resource property '{unknown[0]}' in {logical_id}")
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(policy, "Delete") not in _DELETION_POLICIES:
            raise Refused(f"{logical_id}: localaws does not know {policy} {resource[policy]} (localaws/cloudformation/templates.py)")
    types(resource["Type"]).check(logical_id, resource.get("Properties", {}))
    for other in depends_on(resource):
        if other not in document["Resources"]:
            raise invalid(f"Template format error: Unresolved resource dependencies [{other}] in the Resources block of the template")
    _check_condition(document, logical_id, resource)


def _check_output(name: str, output: Any) -> None:
    if not isinstance(output, dict) or "Value" not in output:
        raise invalid(f"Template format error: Every Outputs member must contain a Value object: {name}")
    if "Export" in output:
        raise Refused(f"Outputs.{name}.Export: localaws keeps no exports (localaws/cloudformation/templates.py)")
    if unknown := sorted(set(output) - _OUTPUT_MEMBERS):
        raise invalid(f"Invalid template output property '{unknown[0]}' in {name}")


def _check_condition(document: Document, owner: str, holder: Document) -> None:
    if "Condition" in holder and holder["Condition"] not in document.get("Conditions", {}):
        raise invalid(f"Template format error: Unresolved condition dependency {holder['Condition']} in {owner}")


def _evaluated(document: Document) -> Iterator[tuple[str, Any]]:
    """Everything in a template that holds functions, and whose it is."""
    for logical_id, resource in document["Resources"].items():
        yield f"Resources.{logical_id}", resource.get("Properties", {})
    for name, output in document.get("Outputs", {}).items():
        _check_condition(document, f"Outputs.{name}", output)
        yield f"Outputs.{name}", output["Value"]
    for name, condition in document.get("Conditions", {}).items():
        yield f"Conditions.{name}", condition


def _check_reference(document: Document, owner: str, reference: Reference, types: Callable[[str], Any]) -> None:
    name, resources = reference.name, document["Resources"]
    if reference.kind == "condition":
        if name not in document.get("Conditions", {}):
            raise invalid(f"Template error: {owner} names the condition {name}, which is not in the Conditions section")
    elif reference.kind == "map":
        if name not in document.get("Mappings", {}):
            raise invalid(f"Template error: {owner} names the mapping {name}, which is not in the Mappings section")
    elif reference.kind == "attribute":
        if name not in resources:
            raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name} in {owner}")
        types(resources[name]["Type"]).check_attribute(name, reference.attribute)
    elif name not in resources and name not in document.get("Parameters", {}) and name not in PSEUDO_PARAMETERS:
        raise invalid(f"Template format error: Unresolved resource dependencies [{name}] in {owner} of the template")


def depends_on(resource: Document) -> list[str]:
    """The logical ids that a resource waits for, as its DependsOn says."""
    named = resource.get("DependsOn", [])
    return [named] if isinstance(named, str) else list(named)
