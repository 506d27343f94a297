"""CloudFormation: stack sets as a resource of a stack.

Source: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, picked, tag_list
from localaws.cloudformation.stacksets import finish_operations

_SETTINGS = ("AutoDeployment", "Capabilities", "Description", "ManagedExecution", "Parameters", "PermissionModel", "TemplateBody", "TemplateURL")
_HERE = "localaws/cloudformation/resources/stackset.py"


class StackSet(ResourceType):
    """Its instances are deployed on the virtual clock. Unlike in AWS, the stack does not wait for the last operation."""

    name = "AWS::CloudFormation::StackSet"
    properties = frozenset({*_SETTINGS, "CallAs", "OperationPreferences", "StackInstancesGroup", "StackSetName", "Tags"})
    required = frozenset({"PermissionModel", "StackSetName"})
    create_only = frozenset({"PermissionModel", "StackSetName"})
    physical_name = "StackSetName"
    attributes = frozenset({"StackSetId"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "OperationPreferences": "kept and shown; instances are deployed one after the other, whatever failed before",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name, caller = properties["StackSetName"], picked(properties, "CallAs")
        settings = picked(properties, *_SETTINGS)
        made = context.call("cloudformation", "CreateStackSet", StackSetName=name, Tags=tag_list(properties), **settings, **caller)
        created = context.exists(Made(made["StackSetId"], {"StackSetId": made["StackSetId"]}))
        _create_instances(context, properties, properties.get("StackInstancesGroup", []))
        return created

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        name = {"StackSetName": after["StackSetName"], **picked(after, "CallAs")}
        groups_before, groups_after = before.get("StackInstancesGroup", []), after.get("StackInstancesGroup", [])
        _delete_instances(context, after, [group for group in groups_before if group not in groups_after])
        if changed(before, after) - {"StackInstancesGroup"}:
            settings = picked(after, *_SETTINGS, "OperationPreferences")
            context.call("cloudformation", "UpdateStackSet", Tags=tag_list(after), **settings, **name)
            _create_instances(context, after, [group for group in groups_after if group not in groups_before])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        """CloudFormation waits until the instances are gone. A stack operation takes no time here, so they go at once."""
        properties = existing.properties
        _delete_instances(context, properties, properties.get("StackInstancesGroup", []))
        finish_operations(context.cloud, context.account, context.region, properties["StackSetName"])
        context.attempt("cloudformation", "DeleteStackSet", StackSetName=properties["StackSetName"], **picked(properties, "CallAs"))


def _create_instances(context: Context, properties: Properties, groups: list[dict[str, Any]]) -> None:
    for group in groups:
        if unknown := sorted(set(group) - {"DeploymentTargets", "ParameterOverrides", "Regions"}):
            raise Refused(f"{context.logical_id}: localaws does not know StackInstancesGroup.{unknown[0]} ({_HERE})")
        context.call("cloudformation", "CreateStackInstances", **_named(properties), **group)


def _delete_instances(context: Context, properties: Properties, groups: list[dict[str, Any]]) -> None:
    for group in groups:
        targets = picked(group, "DeploymentTargets", "Regions")
        context.attempt("cloudformation", "DeleteStackInstances", RetainStacks=False, **_named(properties), **targets)


def _named(properties: Properties) -> Properties:
    return picked(properties, "StackSetName", "CallAs", "OperationPreferences")
