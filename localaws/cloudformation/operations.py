"""CloudFormation's operations on stacks. Reading them is left to moto where its answer is right.

Approximated: CreateStack, UpdateStack and DeleteStack are over when they answer.

Source: AWS CloudFormation API Reference.
"""

import json
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.cloudformation.engine import Deployment, plan
from localaws.cloudformation.handlers import handler_of
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.requests import (
    check_capabilities,
    deployer,
    given_parameters,
    given_tags,
    needed_capability,
    read_source,
    refuse,
    template_text,
)
from localaws.cloudformation.stacks import Stack, StackResource, discard, find_stack, new_stack
from localaws.cloudformation.templates import Document, check, invalid, parse, transforms

_NOT_BUILT = (
    "DeploymentConfig",
    "NotificationARNs",
    "ResourceTypes",
    "RetainExceptOnCreate",
    "RollbackConfiguration",
    "StackPolicyBody",
    "StackPolicyURL",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "TimeoutInMinutes",
)
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


@operation("cloudformation", "CreateStack")
def create_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, *_NOT_BUILT)
    rollback = not call.params.get("DisableRollback") and call.params.get("OnFailure", "ROLLBACK") != "DO_NOTHING"
    if call.params.get("OnFailure") == "DELETE":
        refuse(call, "OnFailure")
    source = read_source(template_text(cloud, call), given_parameters(call, {}), call.region)
    check_capabilities(call, source, expands=True)
    stack = new_stack(cloud, call.account, call.region, call.params["StackName"], given_tags(call))
    try:
        wanted = plan(stack, source)
    except BaseException:
        discard(stack)
        raise
    remember(stack, call)
    Deployment(cloud, stack, deployer(call)).create(wanted, rollback=rollback)
    return {"StackId": stack.stack_id}


@operation("cloudformation", "UpdateStack")
def update_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, *_NOT_BUILT, "DisableRollback")
    stack = find_stack(call.account, call.region, call.params["StackName"])
    require_updatable(stack)
    source = read_source(template_text(cloud, call, stack.source.text), given_parameters(call, stack.source.given), call.region)
    check_capabilities(call, source, expands=True)
    tags = given_tags(call) if "Tags" in call.params else stack.tags
    if not differs(stack, source, tags):
        raise invalid("No updates are to be performed.")
    wanted = plan(stack, source)
    stack.tags = tags
    remember(stack, call)
    Deployment(cloud, stack, deployer(call, stack.role_arn)).update(wanted)
    return {"StackId": stack.stack_id}


@operation("cloudformation", "DeleteStack")
def delete_stack(cloud: Cloud, call: Call) -> None:
    refuse(call, "DeletionMode", "DeploymentConfig", "RetainResources")
    try:
        stack = find_stack(call.account, call.region, call.params["StackName"])
    except AwsError:
        return  # as AWS answers, too
    if stack.enable_termination_protection:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    Deployment(cloud, stack, deployer(call, stack.role_arn)).delete()


def remember(stack: Stack, call: Call) -> None:
    """What a stack keeps of the request that made or changed it."""
    stack.role_arn = call.params.get("RoleARN") or stack.role_arn
    stack.capabilities = call.params.get("Capabilities", stack.capabilities)
    stack.enable_termination_protection = bool(call.params.get("EnableTerminationProtection", stack.enable_termination_protection))


def require_updatable(stack: Stack) -> None:
    if stack.status not in _UPDATABLE:
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


def differs(stack: Stack, source: Any, tags: dict[str, str]) -> bool:
    """Whether an update would change anything."""
    same = stack.source.document == source.document and stack.source.parameters == source.parameters and stack.tags == tags
    return not same


# -- reading: what moto gets wrong


@operation("cloudformation", "GetTemplate")
def get_template(_: Cloud, call: Call) -> dict[str, Any]:
    """The template with its macros applied, or as it was given; moto knows no difference."""
    refuse(call, "ChangeSetName")
    stack = find_stack(call.account, call.region, call.params.get("StackName", ""), deleted=True)
    original = call.params.get("TemplateStage", "Processed") == "Original" or not transforms(parse(stack.source.text))
    text = stack.source.text if original else json.dumps(stack.source.document)
    return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}


@operation("cloudformation", "GetTemplateSummary")
def get_template_summary(cloud: Cloud, call: Call) -> dict[str, Any]:
    """What is in a template as it was given, macros not applied."""
    refuse(call, "StackSetName", "TemplateSummaryConfig")
    stack = find_stack(call.account, call.region, call.params["StackName"]) if "StackName" in call.params else None
    document = parse(stack.source.text if stack else template_text(cloud, call))
    constraints = {
        name: {"AllowedValues": [as_text(value) for value in parameter.get("AllowedValues", [])]} for name, parameter in _declared(document)
    }
    return _validated(document) | {
        "Parameters": [
            _parameter(name, parameter) | {"ParameterType": parameter["Type"], "ParameterConstraints": constraints[name]}
            for name, parameter in _declared(document)
        ],
        "ResourceTypes": sorted({resource["Type"] for resource in document["Resources"].values()}),
        "Version": "2010-09-09",
    }


@operation("cloudformation", "ValidateTemplate")
def validate_template(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Approximated: a SAM template is only read, since it cannot be expanded without parameters; another is checked as CreateStack does it."""
    document = parse(template_text(cloud, call))
    if not transforms(document):
        check(document, handler_of)
    return _validated(document) | {"Parameters": [_parameter(name, parameter) for name, parameter in _declared(document)]}


def _declared(document: Document) -> list[tuple[str, Document]]:
    return list(document.get("Parameters", {}).items())


def _parameter(name: str, parameter: Document) -> dict[str, Any]:
    described = {"Description": parameter["Description"]} if "Description" in parameter else {}
    default = {"DefaultValue": as_text(parameter["Default"])} if "Default" in parameter else {}
    return {"ParameterKey": name, "NoEcho": as_text(parameter.get("NoEcho", False)).lower() == "true", **default, **described}


def _validated(document: Document) -> dict[str, Any]:
    needed = needed_capability(document)
    capabilities = ([needed] if needed else []) + (["CAPABILITY_AUTO_EXPAND"] if transforms(document) else [])
    described = {"Description": document["Description"]} if "Description" in document else {}
    return {"Capabilities": capabilities, "DeclaredTransforms": transforms(document), **described}


@operation("cloudformation", "DescribeStackResource")
def describe_stack_resource(_: Cloud, call: Call) -> dict[str, Any]:
    stack = find_stack(call.account, call.region, call.params["StackName"], deleted=True)
    name = call.params["LogicalResourceId"]
    if name not in stack.resources:
        raise invalid(f"Resource {name} does not exist for stack {stack.name}")
    return {"StackResourceDetail": _named(stack) | _described(stack.resources[name]) | {"LastUpdatedTimestamp": stack.resources[name].time}}


@operation("cloudformation", "DescribeStackResources")
def describe_stack_resources(_: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, "PhysicalResourceId")
    stack = find_stack(call.account, call.region, call.params.get("StackName", ""), deleted=True)
    wanted = call.params.get("LogicalResourceId")
    resources = [resource for resource in stack.stack_resources if wanted in (None, resource.logical_id)]
    return {"StackResources": [_named(stack) | _described(resource) | {"Timestamp": resource.time} for resource in resources]}


@operation("cloudformation", "ListStackResources")
def list_stack_resources(_: Cloud, call: Call) -> dict[str, Any]:
    """All on one page."""
    refuse(call, "NextToken")
    stack = find_stack(call.account, call.region, call.params["StackName"], deleted=True)
    return {"StackResourceSummaries": [_described(resource) | {"LastUpdatedTimestamp": resource.time} for resource in stack.stack_resources]}


def _named(stack: Stack) -> dict[str, Any]:
    return {"StackName": stack.name, "StackId": stack.stack_id}


def _described(resource: StackResource) -> dict[str, Any]:
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.made.physical_id,
        "ResourceType": resource.type_name,
        "ResourceStatus": resource.status,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    } | ({"ResourceStatusReason": resource.reason} if resource.reason else {})
