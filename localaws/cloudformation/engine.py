"""What a stack operation does: resources made, changed and deleted in the order of their dependencies, and taken back where one fails.

Approximated: an operation takes no virtual time and makes one resource after the other. A rollback deletes what was created and gives what was
changed its former properties; it does not retry.

Source: AWS CloudFormation User Guide, "Stack failure options", "Update behaviors of stack resources", "DeletionPolicy attribute".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from localaws.cloud import AwsError, Cloud, Principal, Refused
from localaws.cloudformation.conditions import check_rules, decide_conditions, pseudo_values
from localaws.cloudformation.handlers import handler_of
from localaws.cloudformation.intrinsics import NO_VALUE, Scope, as_text, evaluate, references
from localaws.cloudformation.resources.base import INVOKED_BY, Context, Existing, Made, changed, tag_map
from localaws.cloudformation.stacks import Source, Stack, StackResource, forget
from localaws.cloudformation.templates import Document, depends_on, invalid


@dataclass(frozen=True)
class Plan:
    """A template decided for one stack: its resources in order, each with those it waits for."""

    source: Source
    scope: Scope
    order: tuple[str, ...]
    waits_for: Mapping[str, frozenset[str]]

    def resource(self, logical_id: str) -> Document:
        found: Document = self.source.document["Resources"][logical_id]
        return found


def plan(stack: Stack, source: Source) -> Plan:
    """Decide conditions and rules, and find the order. `AwsError` for what CloudFormation would refuse before it creates anything."""
    document = source.document
    values = {**source.parameters, **pseudo_values(stack.name, stack.stack_id)}
    scope = Scope(values, document.get("Mappings", {}))
    check_rules(document, scope)
    conditions = decide_conditions(document, scope)
    scope = Scope(values, document.get("Mappings", {}), conditions)
    resources = {name: resource for name, resource in document["Resources"].items() if conditions.get(resource.get("Condition", ""), True)}
    waits_for = {name: _waits_for(name, resource, document, resources, conditions) for name, resource in resources.items()}
    for name, output in _active_outputs(document, conditions):
        _check_active(f"Outputs.{name}", _named(output["Value"], document, conditions), resources)
    try:
        order = tuple(TopologicalSorter({name: sorted(others) for name, others in waits_for.items()}).static_order())
    except CycleError as error:
        raise invalid(f"Circular dependency between resources: [{', '.join(error.args[1][:-1])}]") from error
    return Plan(source, scope, order, waits_for)


def _waits_for(name: str, resource: Document, document: Document, active: Mapping[str, Document], conditions: Mapping[str, bool]) -> frozenset[str]:
    named = _named(resource.get("Properties", {}), document, conditions)
    _check_active(f"Resources.{name}", named, active)
    return frozenset({*named, *(other for other in depends_on(resource) if other in active)})


def _named(value: Any, document: Document, conditions: Mapping[str, bool]) -> set[str]:
    named = (reference.name for reference in references(value, conditions) if reference.kind in ("name", "attribute"))
    return {name for name in named if name in document["Resources"]}


def _check_active(owner: str, named: Iterable[str], active: Mapping[str, Document]) -> None:
    if missing := sorted(set(named) - set(active)):
        raise invalid(f"Template format error: Unresolved resource dependencies [{missing[0]}] in {owner}: its condition is false")


def _active_outputs(document: Document, conditions: Mapping[str, bool]) -> list[tuple[str, Document]]:
    return [(name, output) for name, output in document.get("Outputs", {}).items() if conditions.get(output.get("Condition", ""), True)]


class Deployment:
    """One operation on one stack, by one principal."""

    def __init__(self, cloud: Cloud, stack: Stack, principal: Principal):
        self.cloud, self.stack = cloud, stack
        self.principal = replace(principal, invoked_by=INVOKED_BY)
        self._superseded: list[StackResource] = []

    # -- create

    def create(self, wanted: Plan, *, rollback: bool = True) -> None:
        """Make the stack. A failure leaves it ``ROLLBACK_COMPLETE``, with the reason; `Refused` is raised once all is taken back."""
        stack = self.stack
        stack.become(wanted.source)
        stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
        try:
            for logical_id in wanted.order:
                self._make(wanted, logical_id)
            stack.output_values = self._outputs(wanted)
        except (AwsError, Refused) as error:
            self._roll_back_creation(error, rollback=rollback)
            if isinstance(error, Refused):
                raise
        else:
            stack.set_status("CREATE_COMPLETE")

    def _roll_back_creation(self, error: Exception, *, rollback: bool) -> None:
        stack = self.stack
        if not rollback:
            stack.set_status("CREATE_FAILED", _reason(error))
            return
        stack.set_status("ROLLBACK_IN_PROGRESS", _reason(error))
        failed = self._delete_all(list(stack.resources.values()), rolling_back=True)
        stack.set_status("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", f"{_reason(error)}{failed}")

    def _make(self, wanted: Plan, logical_id: str) -> StackResource:
        template = wanted.resource(logical_id)
        type_name = template["Type"]
        self.stack.add_event(logical_id, "", type_name, "CREATE_IN_PROGRESS", None)
        try:
            properties = self._resolved(wanted, logical_id)
            handler_of(type_name).check(logical_id, properties)  # again: AWS::NoValue may have taken a required one away
            made = self._create(type_name, self._context(logical_id), properties)
        except (AwsError, Refused) as error:
            self.stack.add_event(logical_id, "", type_name, "CREATE_FAILED", str(error))
            raise _named_failure(logical_id, error) from error
        resource = StackResource(made, properties, logical_id, type_name)
        self._describe(resource, wanted)
        self.stack.resources[logical_id] = resource
        self.stack.mark(resource, "CREATE_COMPLETE")
        return resource

    def _create(self, type_name: str, context: Context, properties: dict[str, Any]) -> Made:
        """Make it whole, or take back the part that was made."""
        handler = handler_of(type_name)
        try:
            return handler.create(context, properties)
        except (AwsError, Refused):
            if context.partial:
                handler.delete(context, Existing(context.partial[-1], properties))
            raise

    def _describe(self, resource: StackResource, wanted: Plan) -> None:
        template = wanted.resource(resource.logical_id)
        resource.waits_for = wanted.waits_for[resource.logical_id]
        resource.deletion_policy = template.get("DeletionPolicy", "Delete")
        resource.replace_policy = template.get("UpdateReplacePolicy", "Delete")

    def _resolved(self, wanted: Plan, logical_id: str) -> dict[str, Any]:
        scope = replace(wanted.scope, resources=self.stack.resources)
        template = wanted.resource(logical_id)
        properties: dict[str, Any] = evaluate(template.get("Properties", {}), scope)
        if self.stack.tags and "Tags" in handler_of(template["Type"]).properties:
            tags = {**self.stack.tags, **tag_map(properties)}
            properties["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return properties

    def _context(self, logical_id: str) -> Context:
        stack = self.stack
        return Context(self.cloud, stack.account_id, stack.region_name, self.principal, stack.name, stack.stack_id, logical_id)

    def _outputs(self, wanted: Plan) -> list[dict[str, Any]]:
        scope = replace(wanted.scope, resources=self.stack.resources)
        found = []
        for name, output in _active_outputs(wanted.source.document, wanted.scope.conditions):
            value = evaluate(output["Value"], scope)
            if value is NO_VALUE or not isinstance(value, str | int | float):
                raise invalid(f"Template format error: Output {name} is malformed. The Value must be a string, not {value!r}")
            described = {"Description": output["Description"]} if "Description" in output else {}
            found.append({"OutputKey": name, "OutputValue": as_text(value), **described})
        return found

    # -- update

    def update(self, wanted: Plan) -> None:
        """Change the stack. A failure takes back what was done and leaves it ``UPDATE_ROLLBACK_COMPLETE`` (or ``_FAILED``), with the reason."""
        stack = self.stack
        former, resources, outputs = stack.source, dict(stack.resources), stack.output_values
        for logical_id in wanted.order:
            self._check_type(wanted, logical_id)
        stack.become(wanted.source)
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        try:
            for logical_id in wanted.order:
                self._change(wanted, logical_id)
            stack.output_values = self._outputs(wanted)
        except (AwsError, Refused) as error:
            stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", _reason(error))
            failed = self._take_back(resources)
            stack.become(former)
            stack.output_values = outputs
            stack.set_status("UPDATE_ROLLBACK_FAILED" if failed else "UPDATE_ROLLBACK_COMPLETE", f"{_reason(error)}{failed}")
            if isinstance(error, Refused):
                raise
            return
        stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        gone = [resource for name, resource in stack.resources.items() if name not in wanted.waits_for]
        self._delete_all([*gone, *self._superseded])
        for resource in gone:
            stack.resources.pop(resource.logical_id, None)
        stack.set_status("UPDATE_COMPLETE")

    def _check_type(self, wanted: Plan, logical_id: str) -> None:
        if (existing := self.stack.resources.get(logical_id)) and existing.type_name != wanted.resource(logical_id)["Type"]:
            raise invalid(
                f"Update of resource type is not permitted. The new template modifies resource type of the following resources: [{logical_id}]"
            )

    def _change(self, wanted: Plan, logical_id: str) -> None:
        existing = self.stack.resources.get(logical_id)
        if existing is None:
            self._make(wanted, logical_id)
            return
        handler, properties = handler_of(existing.type_name), self._resolved(wanted, logical_id)
        differs = changed(existing.properties, properties)
        self._describe(existing, wanted)
        if not differs:
            return
        if differs & handler.create_only:
            self._replace(wanted, existing, properties, sorted(differs & handler.create_only))
            return
        self.stack.mark(existing, "UPDATE_IN_PROGRESS")
        try:
            made = handler.update(self._context(logical_id), existing, properties)
        except (AwsError, Refused) as error:
            self.stack.resources[logical_id] = halfway = replace(existing, properties=properties)
            self.stack.mark(halfway, "UPDATE_FAILED", str(error))
            raise _named_failure(logical_id, error) from error
        after = replace(existing, made=made, properties=properties)
        self.stack.resources[logical_id] = after
        self.stack.mark(after, "UPDATE_COMPLETE")

    def _replace(self, wanted: Plan, existing: StackResource, properties: dict[str, Any], why: list[str]) -> None:
        named = handler_of(existing.type_name).physical_name
        if named is not None and named in properties and properties[named] == existing.properties.get(named):
            raise invalid(
                f"{existing.logical_id}: CloudFormation cannot update a stack when a custom-named resource requires replacing "
                f"({', '.join(why)} changed). "
                f"Rename {properties[named]} and update the stack again."
            )
        self.stack.mark(
            existing, "UPDATE_IN_PROGRESS", f"Requested update requires the creation of a new physical resource: {', '.join(why)} changed"
        )
        self._make(wanted, existing.logical_id)
        if existing.replace_policy == "Delete":
            self._superseded.append(replace(existing, deletion_policy="Delete"))

    def _take_back(self, before: dict[str, StackResource]) -> str:
        """Give the stack the resources it had; why it could not, if so."""
        failed = ""
        for name, resource in reversed(list(self.stack.resources.items())):
            former = before.get(name)
            if former is None or former.made.physical_id != resource.made.physical_id:
                failed += self._delete_all([resource], rolling_back=True)
                if former is not None:
                    self.stack.resources[name] = former
            elif former is not resource:
                failed += self._restore(resource, former)
        return failed

    def _restore(self, resource: StackResource, former: StackResource) -> str:
        try:
            handler_of(resource.type_name).update(self._context(resource.logical_id), resource, former.properties)
        except (AwsError, Refused) as error:
            return f"; {resource.logical_id} could not be given its former properties: {error}"
        self.stack.resources[resource.logical_id] = former
        self.stack.mark(former, "UPDATE_COMPLETE", "Rollback")
        return ""

    # -- delete

    def delete(self) -> None:
        """Delete everything but what is to be retained. A failure leaves the stack ``DELETE_FAILED``, with the reason."""
        stack = self.stack
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        if failed := self._delete_all(list(stack.resources.values())):
            stack.set_status("DELETE_FAILED", f"The following resource(s) failed to delete{failed}")
            return
        stack.set_status("DELETE_COMPLETE")
        forget(stack)

    def _delete_all(self, resources: list[StackResource], *, rolling_back: bool = False) -> str:
        """Delete in reverse order of making; why some could not be, if so. What those wait for is left, too."""
        failed, needed = "", set[str]()
        for resource in reversed(_in_order(resources)):
            if resource.logical_id in needed:
                needed |= resource.waits_for
            elif problem := self._delete(resource, rolling_back=rolling_back):
                failed += problem
                needed |= resource.waits_for
        return failed

    def _delete(self, resource: StackResource, *, rolling_back: bool) -> str:
        retained = resource.deletion_policy == "Retain" or (resource.deletion_policy == "RetainExceptOnCreate" and not rolling_back)
        if retained:
            self.stack.mark(resource, "DELETE_SKIPPED")
        else:
            self.stack.mark(resource, "DELETE_IN_PROGRESS")
            try:
                handler_of(resource.type_name).delete(self._context(resource.logical_id), resource)
            except (AwsError, Refused) as error:
                self.stack.mark(resource, "DELETE_FAILED", str(error))
                return f"; {resource.logical_id}: {error}"
            self.stack.mark(resource, "DELETE_COMPLETE")
        if self.stack.resources.get(resource.logical_id) is resource:
            del self.stack.resources[resource.logical_id]
        return ""


def _in_order(resources: list[StackResource]) -> list[StackResource]:
    """As they were made: each after those it waits for. A superseded resource comes before the one that replaced it."""
    by_name: dict[str, list[StackResource]] = {}
    for resource in resources:
        by_name.setdefault(resource.logical_id, []).append(resource)
    graph = {name: sorted({other for each in same for other in each.waits_for if other in by_name}) for name, same in by_name.items()}
    return [resource for name in TopologicalSorter(graph).static_order() for resource in by_name[name]]


def _reason(error: Exception) -> str:
    return f"The following resource(s) failed: {error}" if isinstance(error, AwsError) else str(error)


def _named_failure(logical_id: str, error: AwsError | Refused) -> AwsError | Refused:
    """The same error, naming the resource."""
    if isinstance(error, Refused):
        return error if str(error).startswith(logical_id) else Refused(f"{logical_id}: {error}")
    return AwsError(error.code, error.message if error.message.startswith(logical_id) else f"{logical_id}: {error.message}", error.status)
