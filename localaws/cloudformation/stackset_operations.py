"""CloudFormation's operations on stack sets with service-managed permissions. Self-managed ones are refused.

Source: AWS CloudFormation API Reference.
"""

from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.cloudformation.requests import check_capabilities, given_parameters, given_tags, read_source, refuse, template_text
from localaws.cloudformation.resources.base import INVOKED_BY
from localaws.cloudformation.stacksets import (
    Group,
    Instance,
    Operation,
    StackSet,
    all_stack_sets,
    existing_instances,
    in_dependency_order,
    instances_of,
    new_instances,
    new_operation,
    queue_of,
)
from localaws.cloudformation.templates import invalid, parse, transforms
from localaws.organization import is_delegated, state
from localaws.organization_file import DELEGATIONS

_HERE = "localaws/cloudformation/stackset_operations.py"


# -- stack sets


@operation("cloudformation", "CreateStackSet")
def create_stack_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, "AdministrationRoleARN", "ExecutionRoleName", "StackId")
    if call.params.get("PermissionModel", "SELF_MANAGED") != "SERVICE_MANAGED":
        raise Refused(f"{call.action} with PermissionModel SELF_MANAGED: localaws deploys stack sets with service-managed permissions only ({_HERE})")
    _check_caller(cloud, call)
    name = call.params["StackSetName"]
    if any(_is_of(stack_set, call) and stack_set.name == name for stack_set in all_stack_sets(cloud).values()):
        raise AwsError("NameAlreadyExistsException", f"StackSet {name} already exists", 409)
    made = StackSet(name, f"{name}:{cloud.uuid()}", call.account, call.region)
    _take_settings(cloud, call, made, None)
    all_stack_sets(cloud)[made.stack_set_id] = made
    return {"StackSetId": made.stack_set_id}


@operation("cloudformation", "UpdateStackSet")
def update_stack_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    """The stack set changes at once, its instances after it."""
    refuse(call, "Accounts", "AdministrationRoleARN", "DeploymentTargets", "ExecutionRoleName", "Regions")
    stack_set = _find(cloud, call)
    _check_idle(cloud, call, stack_set)
    if call.params.get("PermissionModel", "SERVICE_MANAGED") != "SERVICE_MANAGED":
        refuse(call, "PermissionModel")
    _take_settings(cloud, call, stack_set, stack_set.template)
    for instance in stack_set.instances.values():
        instance.status = "OUTDATED"
    return _start(cloud, call, stack_set, "UPDATE", existing_instances(stack_set))


@operation("cloudformation", "DeleteStackSet")
def delete_stack_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_set = _find(cloud, call)
    if queue_of(cloud, stack_set).is_busy_with(stack_set):
        raise AwsError("OperationInProgressException", f"Another Operation on StackSet {stack_set.stack_set_id} is in progress", 409)
    if stack_set.instances:
        raise AwsError("StackSetNotEmptyException", f"StackSet {stack_set.name} is not empty", 409)
    del all_stack_sets(cloud)[stack_set.stack_set_id]
    return {}


def _take_settings(cloud: Cloud, call: Call, stack_set: StackSet, previous: str | None) -> None:
    """What CreateStackSet and UpdateStackSet give; a template in which something would be dropped is refused here, before it is anywhere."""
    template = template_text(cloud, call, previous)
    if transforms(parse(template)):
        raise invalid("Templates with macros are not supported for stack sets with service-managed permissions")
    given = given_parameters(call, stack_set.parameters)
    source = read_source(template, given, call.region)
    check_capabilities(call, source, expands=False)
    auto = call.params.get("AutoDeployment", stack_set.auto_deployment)
    _check_dependencies(cloud, call, stack_set, auto)
    stack_set.template, stack_set.parameters, stack_set.auto_deployment = template, given, auto
    stack_set.capabilities = call.params.get("Capabilities", [])
    stack_set.tags = given_tags(call) if "Tags" in call.params else stack_set.tags
    stack_set.description = call.params.get("Description", stack_set.description)
    stack_set.managed_execution = bool(call.params.get("ManagedExecution", {}).get("Active", stack_set.managed_execution))


def _check_dependencies(cloud: Cloud, call: Call, stack_set: StackSet, auto: dict[str, Any]) -> None:
    """Each of DependsOn is the ARN of a stack set; whether AWS writes the administrator's or the management account there is not known: both are
    taken."""
    for arn in auto.get("DependsOn", []):
        owner, identifier = arn.split(":")[4], arn.rsplit("stackset/", 1)[-1]
        if identifier not in all_stack_sets(cloud) or owner not in (call.account, cloud.organization.management_id):
            raise invalid(f"AutoDeployment.DependsOn names {arn}, and there is no such stack set")
    others = [other for other in all_stack_sets(cloud).values() if other is not stack_set]
    in_dependency_order([*others, StackSet(stack_set.name, stack_set.stack_set_id, call.account, call.region, auto_deployment=auto)])


@operation("cloudformation", "DescribeStackSet")
def describe_stack_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_set = _find(cloud, call)
    described = _summary(stack_set) | {
        "TemplateBody": stack_set.template,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in stack_set.parameters.items()],
        "Capabilities": stack_set.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in stack_set.tags.items()],
        "StackSetARN": stack_set.arn,
        "OrganizationalUnitIds": list(dict.fromkeys(group.unit_id for group in stack_set.groups)),
        "Regions": list(dict.fromkeys(instance.region for instance in stack_set.instances.values())),
    }
    described.pop("DriftStatus")
    return {"StackSet": described}


@operation("cloudformation", "ListStackSets")
def list_stack_sets(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All on one page; deleted ones are forgotten."""
    refuse(call, "NextToken")
    _check_caller(cloud, call)
    if call.params.get("Status") == "DELETED":
        return {"Summaries": []}
    return {"Summaries": [_summary(stack_set) for stack_set in all_stack_sets(cloud).values() if _is_of(stack_set, call)]}


def _summary(stack_set: StackSet) -> dict[str, Any]:
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.stack_set_id,
        "Status": "ACTIVE",
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": stack_set.auto_deployment,
        "ManagedExecution": {"Active": stack_set.managed_execution},
        "DriftStatus": "NOT_CHECKED",
    } | ({"Description": stack_set.description} if stack_set.description else {})


# -- stack instances


@operation("cloudformation", "CreateStackInstances")
def create_stack_instances(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_set = _find(cloud, call)
    _check_idle(cloud, call, stack_set)
    units = _target_units(cloud, call)
    overrides = tuple((override["ParameterKey"], override["ParameterValue"]) for override in call.params.get("ParameterOverrides", []))
    _check_overrides(stack_set, overrides)
    groups = [Group(unit_id, region, overrides) for region in call.params["Regions"] for unit_id in units]
    stack_set.groups += [group for group in groups if group not in stack_set.groups]
    return _start(cloud, call, stack_set, "CREATE", new_instances(cloud, stack_set, groups))


@operation("cloudformation", "UpdateStackInstances")
def update_stack_instances(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Other parameter overrides, for accounts that have the stack by now."""
    stack_set = _find(cloud, call)
    _check_idle(cloud, call, stack_set)
    units, regions = _target_units(cloud, call), call.params["Regions"]
    overrides = call.params.get("ParameterOverrides", [])
    _check_overrides(stack_set, tuple((override["ParameterKey"], override["ParameterValue"]) for override in overrides))
    instances = list(instances_of(cloud, stack_set, units, regions))
    for instance in instances:
        instance.overrides, instance.status = overrides, "OUTDATED"
    return _start(cloud, call, stack_set, "UPDATE", iter(instances))


@operation("cloudformation", "DeleteStackInstances")
def delete_stack_instances(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_set = _find(cloud, call)
    _check_idle(cloud, call, stack_set)
    units, regions = _target_units(cloud, call), call.params["Regions"]
    stack_set.groups = [group for group in stack_set.groups if group.unit_id not in units or group.region not in regions]
    return _start(cloud, call, stack_set, "DELETE", instances_of(cloud, stack_set, units, regions))


def _target_units(cloud: Cloud, call: Call) -> list[str]:
    targets = call.params.get("DeploymentTargets", {})
    if call.params.get("Accounts") or not targets.get("OrganizationalUnitIds"):
        raise invalid("StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target")
    if set(targets) - {"OrganizationalUnitIds"}:
        others = ", ".join(sorted(set(targets) - {"OrganizationalUnitIds"}))
        raise Refused(f"{call.action} with DeploymentTargets.{others}: localaws targets whole organizational units only ({_HERE})")
    known = {unit.id for unit in state(cloud).ou}
    if missing := [unit_id for unit_id in targets["OrganizationalUnitIds"] if unit_id not in known]:
        raise invalid(f"Could not find organizational unit {missing[0]}")
    if foreign := sorted(set(call.params["Regions"]) - set(cloud.organization.regions)):
        raise invalid(f"Region {foreign[0]} is not one that this organization has")
    return list(targets["OrganizationalUnitIds"])


def _check_overrides(stack_set: StackSet, overrides: tuple[tuple[str, str], ...]) -> None:
    declared = parse(stack_set.template).get("Parameters", {})
    if unknown := [name for name, _ in overrides if name not in declared]:
        raise invalid(f"Parameters: [{unknown[0]}] do not exist in the template")


@operation("cloudformation", "ListStackInstances")
def list_stack_instances(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All on one page."""
    refuse(call, "NextToken", "Filters")
    stack_set = _find(cloud, call)
    account, region = call.params.get("StackInstanceAccount"), call.params.get("StackInstanceRegion")
    found = [each for each in stack_set.instances.values() if account in (None, each.account) and region in (None, each.region)]
    return {"Summaries": [_described_instance(stack_set, instance) for instance in found]}


@operation("cloudformation", "DescribeStackInstance")
def describe_stack_instance(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_set = _find(cloud, call)
    place = call.params["StackInstanceAccount"], call.params["StackInstanceRegion"]
    if place not in stack_set.instances:
        raise AwsError("StackInstanceNotFoundException", f"StackInstance not found for StackSet {stack_set.name} in {place[0]}, {place[1]}", 404)
    instance = stack_set.instances[place]
    return {"StackInstance": _described_instance(stack_set, instance) | {"ParameterOverrides": instance.overrides}}


def _described_instance(stack_set: StackSet, instance: Instance) -> dict[str, Any]:
    return {
        "StackSetId": stack_set.stack_set_id,
        "Region": instance.region,
        "Account": instance.account,
        "Status": instance.status,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed_status},
        "OrganizationalUnitId": instance.unit_id,
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": instance.operation_id,
        **({"StackId": instance.stack_id} if instance.stack_id else {}),
        **({"StatusReason": instance.reason} if instance.reason else {}),
    }


# -- operations on stack sets


@operation("cloudformation", "DescribeStackSetOperation")
def describe_stack_set_operation(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_set = _find(cloud, call)
    found = _operation(stack_set, call)
    described = _described_operation(found) | {"StackSetId": stack_set.stack_set_id}
    if found.action == "DELETE":
        described["RetainStacks"] = found.retain
    if found.deployment_targets is not None:
        described["DeploymentTargets"] = found.deployment_targets
    return {"StackSetOperation": described}


@operation("cloudformation", "ListStackSetOperations")
def list_stack_set_operations(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All on one page, the latest first."""
    refuse(call, "NextToken")
    return {"Summaries": [_described_operation(each) for each in reversed(_find(cloud, call).operations)]}


@operation("cloudformation", "ListStackSetOperationResults")
def list_stack_set_operation_results(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All on one page."""
    refuse(call, "NextToken", "Filters")
    return {"Summaries": _operation(_find(cloud, call), call).results}


def _operation(stack_set: StackSet, call: Call) -> Operation:
    for found in stack_set.operations:
        if found.operation_id == call.params["OperationId"]:
            return found
    raise AwsError("OperationNotFoundException", f"Operation {call.params['OperationId']} not found for StackSet {stack_set.name}", 404)


def _described_operation(found: Operation) -> dict[str, Any]:
    return {
        "OperationId": found.operation_id,
        "Action": found.action,
        "Status": found.status,
        "CreationTimestamp": found.created,
        "OperationPreferences": found.preferences,
        "StatusDetails": {"FailedStackInstancesCount": found.failed_count},
        **({"EndTimestamp": found.ended} if found.ended else {}),
        **({"StatusReason": found.reason} if found.reason else {}),
    }


# -- who may, and what may be now


def _check_caller(cloud: Cloud, call: Call) -> None:
    management = call.account == cloud.organization.management_id
    if call.params.get("CallAs", "SELF") == "SELF":
        if not management:
            message = "You must be the management account or delegated admin account of an organization before operating a SERVICE_MANAGED stack set"
            raise invalid(message)
    elif management or not is_delegated(cloud, call.account, DELEGATIONS["stacksets"]):
        raise invalid("Account used is not a delegated administrator")


def _is_of(stack_set: StackSet, call: Call) -> bool:
    return (stack_set.account, stack_set.region) == (call.account, call.region)


def _find(cloud: Cloud, call: Call) -> StackSet:
    _check_caller(cloud, call)
    name = call.params["StackSetName"]
    for stack_set in all_stack_sets(cloud).values():
        if _is_of(stack_set, call) and name in (stack_set.name, stack_set.stack_set_id):
            return stack_set
    raise AwsError("StackSetNotFoundException", f"StackSet {name} not found", 404)


def _check_idle(cloud: Cloud, call: Call, stack_set: StackSet) -> None:
    """With managed execution operations wait for each other; without, a second one is refused. A stack waits by itself."""
    waits = stack_set.managed_execution or call.principal.invoked_by == INVOKED_BY
    if not waits and queue_of(cloud, stack_set).is_busy_with(stack_set):
        raise AwsError("OperationInProgressException", f"Another Operation on StackSet {stack_set.stack_set_id} is in progress", 409)


def _start(cloud: Cloud, call: Call, stack_set: StackSet, action: str, targets: Any) -> dict[str, Any]:
    identifier = call.params.get("OperationId")
    if any(known.operation_id == identifier for known in stack_set.operations):
        raise AwsError("OperationIdAlreadyExistsException", f"Operation {identifier} already exists", 409)
    made = new_operation(cloud, stack_set, action, targets, identifier)
    made.preferences = call.params.get("OperationPreferences", {})
    made.deployment_targets, made.retain = call.params.get("DeploymentTargets"), bool(call.params.get("RetainStacks"))
    queue_of(cloud, stack_set).add(made)
    return {"OperationId": made.operation_id}
