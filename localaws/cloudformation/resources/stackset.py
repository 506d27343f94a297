"""CloudFormation: stack sets as a resource of a stack.

Source: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, picked, tag_list
from localaws.cloudformation.stacksets import find_stack_set, finish_operations
from localaws.cloudformation.templates import invalid
from localaws.organization import accounts_under

_SETTINGS = ("AutoDeployment", "Capabilities", "Description", "ManagedExecution", "Parameters", "PermissionModel", "TemplateBody", "TemplateURL")
_UNITS = "OrganizationalUnitIds"
_GROUP = {"DeploymentTargets", "ParameterOverrides", "Regions"}
_HERE = "localaws/cloudformation/resources/stackset.py"

Place = tuple[str, str]
"""A unit and a Region."""

Overrides = tuple[tuple[tuple[str, Any], ...], ...]
"""Parameter overrides, each as its sorted items."""


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
        _check_groups(context, properties)
        name, caller = properties["StackSetName"], picked(properties, "CallAs")
        settings = picked(properties, *_SETTINGS)
        made = context.call("cloudformation", "CreateStackSet", StackSetName=name, Tags=tag_list(properties), **settings, **caller)
        created = context.exists(Made(made["StackSetId"], {"StackSetId": made["StackSetId"]}))
        _plant(context, properties, _places(properties))
        return created

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        """What is new is planted before what is gone is taken away, and what stays is left alone.

        Only where units lie in each other does taking one away take accounts of the other along: those are planted again.
        """
        _check_groups(context, after)
        before, wanted, planted = _places(existing.properties), _places(after), _planted(context, after)
        if changed(existing.properties, after) - {"StackInstancesGroup"}:
            settings = picked(after, *_SETTINGS, "OperationPreferences")
            context.call(
                "cloudformation", "UpdateStackSet", Tags=tag_list(after), StackSetName=after["StackSetName"], **settings, **picked(after, "CallAs")
            )
        gone = [place for place in before if place in planted and place not in wanted]
        taken_along = {place: own for place, own in wanted.items() if any(_overlap(context, after, place, other) for other in gone)}
        _plant(context, after, {place: own for place, own in wanted.items() if place not in planted and place not in taken_along})
        _override(context, after, {place: own for place, own in wanted.items() if place in planted and own != before.get(place, ())})
        _uproot(context, after, gone)
        _plant(context, after, taken_along)
        return existing.made

    def delete(self, context: Context, existing: Existing) -> None:
        """CloudFormation waits until the instances are gone. A stack operation takes no time here, so they go at once."""
        properties = existing.properties
        planted = _planted(context, properties)
        _uproot(context, properties, [place for place in _places(properties) if place in planted])
        finish_operations(context.cloud, context.account, context.region, properties["StackSetName"])
        context.attempt("cloudformation", "DeleteStackSet", StackSetName=properties["StackSetName"], **picked(properties, "CallAs"))


def _check_groups(context: Context, properties: Properties) -> None:
    for group in properties.get("StackInstancesGroup", []):
        targets = group.get("DeploymentTargets", {})
        if unknown := [*sorted(set(group) - _GROUP), *sorted(f"DeploymentTargets.{name}" for name in set(targets) - {_UNITS})]:
            raise Refused(f"{context.logical_id}: localaws does not know StackInstancesGroup.{unknown[0]} ({_HERE})")
        if not targets.get(_UNITS) or not group.get("Regions"):
            raise invalid(f"{context.logical_id}: each of StackInstancesGroup needs Regions and, as it is SERVICE_MANAGED, OrganizationalUnitIds")
        if different := [place for place, own in _places_of(group).items() if _places(properties)[place] != own]:
            raise Refused(f"{context.logical_id}: StackInstancesGroup gives {' in '.join(different[0])} different ParameterOverrides ({_HERE})")


def _places(properties: Properties) -> dict[Place, Overrides]:
    """Where the template wants instances, one unit and Region each, with what it gives them for parameters."""
    return {place: own for group in properties.get("StackInstancesGroup", []) for place, own in _places_of(group).items()}


def _places_of(group: Properties) -> dict[Place, Overrides]:
    own = tuple(tuple(sorted(each.items())) for each in group.get("ParameterOverrides", []))
    unit_ids = group.get("DeploymentTargets", {}).get(_UNITS, [])
    return {(unit_id, region): own for region in group.get("Regions", []) for unit_id in unit_ids}


def _planted(context: Context, properties: Properties) -> set[Place]:
    """Where the stack set is to be by now. After a failure that is not what the template says."""
    stack_set = find_stack_set(context.cloud, context.account, context.region, properties["StackSetName"])
    return {(group.unit_id, group.region) for group in stack_set.groups} if stack_set else set()


def _overlap(context: Context, properties: Properties, place: Place, gone: Place) -> bool:
    """Whether what goes with one place stands in an account of the other."""
    stack_set = find_stack_set(context.cloud, context.account, context.region, properties["StackSetName"])
    if stack_set is None or place[1] != gone[1]:
        return False
    by_it = {instance.account for instance in stack_set.instances.values() if (instance.unit_id, instance.region) == gone}
    return bool(by_it.union(accounts_under(context.cloud, gone[0])).intersection(accounts_under(context.cloud, place[0])))


def _plant(context: Context, properties: Properties, places: dict[Place, Overrides]) -> None:
    for targets, own in _targets(places):
        context.call("cloudformation", "CreateStackInstances", **_named(properties), **targets, **({"ParameterOverrides": own} if own else {}))


def _override(context: Context, properties: Properties, places: dict[Place, Overrides]) -> None:
    """An empty list gives the instances the stack set's own parameters again."""
    for targets, own in _targets(places):
        context.call("cloudformation", "UpdateStackInstances", **_named(properties), **targets, ParameterOverrides=own)


def _uproot(context: Context, properties: Properties, places: list[Place]) -> None:
    for targets, _ in _targets(dict.fromkeys(places, ())):
        context.attempt("cloudformation", "DeleteStackInstances", RetainStacks=False, **_named(properties), **targets)


def _targets(places: dict[Place, Overrides]) -> Iterator[tuple[Properties, list[dict[str, Any]]]]:
    """As few calls as hold just these places, with their overrides."""
    units: dict[tuple[str, Overrides], list[str]] = {}
    for (unit_id, region), own in places.items():
        units.setdefault((region, own), []).append(unit_id)
    regions: dict[tuple[tuple[str, ...], Overrides], list[str]] = {}
    for (region, own), unit_ids in units.items():
        regions.setdefault((tuple(unit_ids), own), []).append(region)
    for (unit_ids_, own), regions_ in regions.items():
        yield {"DeploymentTargets": {_UNITS: list(unit_ids_)}, "Regions": regions_}, [dict(each) for each in own]


def _named(properties: Properties) -> Properties:
    return picked(properties, "StackSetName", "CallAs", "OperationPreferences")
