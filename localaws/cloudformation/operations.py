"""CloudFormation's operations on stacks. Reading them is left to moto where its answer is right.

Approximated: CreateStack, UpdateStack and DeleteStack are over when they answer.

Source: AWS CloudFormation API Reference.
"""

import json
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.cloudformation.engine import Deployment
from localaws.cloudformation.handlers import handler_of
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.plan import plan
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
from localaws.paging import page

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
_HERE = "localaws/cloudformation/operations.py"
_EVENTS_A_PAGE = 100
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


@operation("cloudformation", "CreateStack")
def create_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, *_NOT_BUILT)
    on_failure = what_on_failure(call.params.get("OnFailure"), call)
    source = read_source(template_text(cloud, call), given_parameters(call, {}), call.region)
    check_capabilities(call, source, expands=True)
    stack = new_stack(cloud, call.account, call.region, call.params["StackName"], given_tags(call))
    try:
        wanted = plan(stack, source)
    except BaseException:
        discard(stack)
        raise
    remember(stack, call)
    Deployment(cloud, stack, deployer(call)).create(wanted, on_failure=on_failure)
    return {"StackId": stack.stack_id}


@operation("cloudformation", "UpdateStack")
def update_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, *_NOT_BUILT)
    stack = find_stack(call.account, call.region, call.params["StackName"])
    require_updatable(stack)
    source = read_source(template_text(cloud, call, stack.source.text), given_parameters(call, stack.source.given), call.region)
    check_capabilities(call, source, expands=True)
    tags = given_tags(call) if "Tags" in call.params else stack.tags
    if not differs(stack, source, tags):
        raise invalid("No updates are to be performed.")
    wanted = plan(stack, source)
    remember(stack, call)
    Deployment(cloud, stack, deployer(call, stack.role_arn)).update(wanted, tags, rollback=not call.params.get("DisableRollback"))
    return {"StackId": stack.stack_id}


@operation("cloudformation", "DeleteStack")
def delete_stack(cloud: Cloud, call: Call) -> None:
    refuse(call, "DeletionMode", "DeploymentConfig")
    try:
        stack = find_stack(call.account, call.region, call.params["StackName"])
    except AwsError:
        return  # as AWS answers, too
    if stack.enable_termination_protection:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    retained = call.params.get("RetainResources", [])
    if retained and stack.status != "DELETE_FAILED":
        raise invalid(
            f"Invalid operation on stack [{stack.stack_id}]. RetainResources can only be specified when the stack is in DELETE_FAILED state."
        )
    if unknown := sorted(set(retained) - set(stack.resources)):
        raise invalid(f"The following resources do not exist in the stack [{stack.name}]: {unknown}")
    stack.request_token = call.params.get("ClientRequestToken")
    Deployment(cloud, stack, deployer(call, stack.role_arn)).delete(retained)


def what_on_failure(asked: str | None, call: Call) -> str:
    """``ROLLBACK``, ``DO_NOTHING`` or ``DELETE``: what becomes of a stack where it fails, as asked by this name, or by ``DisableRollback``."""
    disable = call.params.get("DisableRollback")
    if asked and disable is not None:
        raise invalid("Either DisableRollback or what to do on failure can be specified, not both.")
    return "DO_NOTHING" if disable else asked or "ROLLBACK"


def remember(stack: Stack, call: Call) -> None:
    """What a stack keeps of the request that made or changed it."""
    stack.role_arn = call.params.get("RoleARN") or stack.role_arn
    stack.request_token = call.params.get("ClientRequestToken")
    stack.capabilities = call.params.get("Capabilities", stack.capabilities)
    stack.enable_termination_protection = bool(call.params.get("EnableTerminationProtection", stack.enable_termination_protection))


def require_updatable(stack: Stack) -> None:
    if stack.status in ("CREATE_FAILED", "UPDATE_FAILED"):
        raise Refused(f"{stack.name} is {stack.status}: localaws does not go on with what failed without a rollback, delete the stack ({_HERE})")
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


@operation("cloudformation", "DescribeStackEvents")
def describe_stack_events(_: Cloud, call: Call) -> dict[str, Any]:
    """Newest first, a hundred on a page."""
    stack = find_stack(call.account, call.region, call.params["StackName"], deleted=True)
    shown, token = page(
        enumerate(stack.events),
        key=lambda numbered: [numbered[0]],
        scope=["DescribeStackEvents", stack.stack_id],
        size=_EVENTS_A_PAGE,
        token=call.params.get("NextToken"),
        wrong_token=invalid("Invalid NextToken"),
        descending=True,
    )
    return {"StackEvents": [_event(event) for _, event in shown]} | ({"NextToken": token} if token else {})


def _event(event: Any) -> dict[str, Any]:
    told = {
        "StackId": event.stack_id,
        "EventId": event.event_id,
        "StackName": event.stack_name,
        "LogicalResourceId": event.logical_resource_id,
        "PhysicalResourceId": event.physical_resource_id,
        "ResourceType": event.resource_type,
        "Timestamp": event.timestamp,
        "ResourceStatus": event.resource_status,
        "ResourceStatusReason": event.resource_status_reason,
        "ClientRequestToken": event.client_request_token,
    }
    return {name: value for name, value in told.items() if value is not None}


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
