"""What a stack operation does: resources made, changed and deleted in the order of their dependencies, and taken back where one fails.

Approximated: an operation takes no virtual time and does one resource after the other, so nothing is ever cancelled because something else failed.
What cannot be deleted is tried once, where AWS tries three times. The reason of a resource is the service's own message.

Source: AWS CloudFormation User Guide, "Stack failure options", "Update behaviors of stack resources", "DeletionPolicy attribute", "Understand
CloudFormation stack creation events". The words of stack events are those that people have posted; they are not documented.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from localaws.cloud import AwsError, Cloud, Principal, Refused
from localaws.cloudformation.handlers import handler_of
from localaws.cloudformation.intrinsics import NO_VALUE, as_text, evaluate
from localaws.cloudformation.plan import Plan, active_outputs
from localaws.cloudformation.resources.base import INVOKED_BY, Context, Made, changed, tag_map
from localaws.cloudformation.stacks import Stack, StackResource, forget
from localaws.cloudformation.templates import invalid

_CREATE, _UPDATE = "CREATE", "UPDATE"


class ResourceFailed(Exception):
    """One resource could not be made or changed. Its event says why, and the stack's reason which one it was."""


_FAILURES = (ResourceFailed, AwsError, Refused)


class Deployment:
    """One operation on one stack, by one principal."""

    def __init__(self, cloud: Cloud, stack: Stack, principal: Principal):
        self.cloud, self.stack = cloud, stack
        self.principal = replace(principal, invoked_by=INVOKED_BY)
        self._made: list[StackResource] = []
        self._tried: set[str] = set()
        self._refused: Refused | None = None

    # -- create

    def create(self, wanted: Plan, *, on_failure: str = "ROLLBACK") -> None:
        """Make the stack. A failure leaves it as `on_failure` says; `Refused` is raised once that is done.

        ``ROLLBACK`` takes back what was made, last first, and leaves ``ROLLBACK_COMPLETE``, or ``ROLLBACK_FAILED`` where something stays;
        ``DO_NOTHING`` leaves ``CREATE_FAILED`` with what was made; ``DELETE`` deletes the stack.
        """
        stack = self.stack
        stack.become(wanted.source)
        stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
        try:
            for logical_id in wanted.order:
                self._make(wanted, logical_id)
            stack.output_values = self._outputs(wanted)
        except _FAILURES as error:
            self._end_creation(str(error), on_failure)
            self._raise_refused(error)
        else:
            stack.set_status("CREATE_COMPLETE")

    def _end_creation(self, reason: str, on_failure: str) -> None:
        stack = self.stack
        if on_failure == "DO_NOTHING":
            stack.set_status("CREATE_FAILED", reason)
        elif on_failure == "DELETE":
            stack.set_status("DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
            self._end_deletion(self._delete_all(stack.resources.values(), rolling_back=True))
        else:
            stack.set_status("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
            failed = self._delete_all(stack.resources.values(), rolling_back=True)
            stack.set_status("ROLLBACK_FAILED", _failed_to("delete", failed)) if failed else stack.set_status("ROLLBACK_COMPLETE")

    def _make(self, wanted: Plan, logical_id: str, replaced: StackResource | None = None) -> None:
        """Make a resource. One that fails half-way is in the stack, too: it is taken back, or deleted, with the others."""
        stack, verb, type_name = self.stack, _UPDATE if replaced else _CREATE, wanted.resource(logical_id)["Type"]
        if replaced is None:
            stack.add_event(logical_id, "", type_name, "CREATE_IN_PROGRESS")
        context, resource = self._context(logical_id), StackResource(Made(""), {}, logical_id, type_name)
        _describe(resource, wanted)
        try:
            resource.properties = self._resolved(wanted, logical_id)
            handler_of(type_name).check(logical_id, resource.properties)  # again: AWS::NoValue may have taken a required one away
            resource.made = handler_of(type_name).create(context, resource.properties)
        except (AwsError, Refused) as error:
            if context.partial:
                resource.made = context.partial[-1]
                self._keep(resource, verb)
            raise self._failed(resource, verb, error) from error
        self._keep(resource, verb)
        stack.mark(resource, f"{verb}_COMPLETE")

    def _failed(self, resource: StackResource, verb: str, error: AwsError | Refused) -> ResourceFailed:
        self.stack.mark(resource, f"{verb}_FAILED", str(error))
        if isinstance(error, Refused) and self._refused is None:
            self._refused = error if resource.logical_id in str(error) else Refused(f"{resource.logical_id}: {error}")
        return ResourceFailed(_failed_to(verb.lower(), [resource.logical_id]))

    def _raise_refused(self, error: Exception) -> None:
        """What localaws cannot do is said to whoever asked, once the stack has come to rest."""
        if refused := error if isinstance(error, Refused) else self._refused:
            raise refused from None

    def _keep(self, resource: StackResource, verb: str) -> None:
        self._made.append(resource)
        self.stack.resources[resource.logical_id] = resource
        self.stack.mark(resource, f"{verb}_IN_PROGRESS", "Resource creation Initiated")

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
        for name, output in active_outputs(wanted.source.document, wanted.scope.conditions):
            value = evaluate(output["Value"], scope)
            if value is NO_VALUE or not isinstance(value, str | int | float):
                raise invalid(f"Template format error: Output {name} is malformed. The Value must be a string, not {value!r}")
            described = {"Description": output["Description"]} if "Description" in output else {}
            found.append({"OutputKey": name, "OutputValue": as_text(value), **described})
        return found

    # -- update

    def update(self, wanted: Plan, tags: Mapping[str, str], *, rollback: bool = True) -> None:
        """Change the stack. A failure gives every resource back what it had and leaves ``UPDATE_ROLLBACK_COMPLETE``.

        Where a resource does not take its former properties back, what was made stays too, and the stack is ``UPDATE_ROLLBACK_FAILED``. Without
        `rollback` nothing is taken back and it is ``UPDATE_FAILED``. `Refused` is raised once that is done.
        """
        stack, give_back = self.stack, self._remember()
        for logical_id in wanted.order:
            self._check_type(wanted, logical_id)
        stack.become(wanted.source)
        stack.tags = dict(tags)
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        try:
            for logical_id in wanted.order:
                self._change(wanted, logical_id)
            stack.output_values = self._outputs(wanted)
        except _FAILURES as error:
            if rollback:
                stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", str(error))
                give_back()
            else:
                stack.set_status("UPDATE_FAILED", str(error))
            self._raise_refused(error)
            return
        stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        gone = [resource for name, resource in stack.resources.items() if name not in wanted.waits_for]
        clean = self._clean_up([*gone, *stack.superseded])
        stack.set_status("UPDATE_COMPLETE", None if clean else "Update successful. One or more resources could not be deleted.")

    def _check_type(self, wanted: Plan, logical_id: str) -> None:
        if (existing := self.stack.resources.get(logical_id)) and existing.type_name != wanted.resource(logical_id)["Type"]:
            raise invalid(
                f"Update of resource type is not permitted. The new template modifies resource type of the following resources: [{logical_id}]"
            )

    def _change(self, wanted: Plan, logical_id: str) -> None:
        stack, existing = self.stack, self.stack.resources.get(logical_id)
        if existing is None:
            self._make(wanted, logical_id)
            return
        handler, before = handler_of(existing.type_name), replace(existing)
        _describe(existing, wanted)
        try:
            after = self._resolved(wanted, logical_id)
            handler.check(logical_id, after)
            differs = changed(before.properties, after)
            if not differs & handler.create_only:
                if differs:
                    stack.mark(existing, "UPDATE_IN_PROGRESS")
                    self._tried.add(logical_id)
                    existing.properties = after
                    existing.made = handler.update(self._context(logical_id), before, after)
                    stack.mark(existing, "UPDATE_COMPLETE")
                return
            _check_replaceable(before, after, differs & handler.create_only)
        except (AwsError, Refused) as error:
            raise self._failed(existing, _UPDATE, error) from error
        stack.mark(existing, "UPDATE_IN_PROGRESS", "Requested update requires the creation of a new physical resource; hence creating one.")
        self._make(wanted, logical_id, replaced=before)
        if before.replace_policy == "Delete":
            stack.superseded.append(replace(before, deletion_policy="Delete"))

    def _remember(self) -> Callable[[], None]:
        """What gives the stack back what it is now."""
        stack = self.stack
        source, tags, outputs = stack.source, stack.tags, stack.output_values
        resources = {name: replace(resource) for name, resource in stack.resources.items()}

        def give_back() -> None:
            stack.become(source)
            stack.tags, stack.output_values = tags, outputs
            if failed := [former.logical_id for former in _in_order(resources.values()) if not self._restore(former)]:
                stack.superseded = [resource for resource in self._made if resource.logical_id in resources]
                stack.set_status("UPDATE_ROLLBACK_FAILED", _failed_to("update", failed))
                return
            stack.resources = dict(resources)
            stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._clean_up(self._made, rolling_back=True)
            stack.set_status("UPDATE_ROLLBACK_COMPLETE")

        return give_back

    def _restore(self, former: StackResource) -> bool:
        """Give one resource its former properties, or the stack the one that was to be replaced; whether that went well."""
        stack, name, now = self.stack, former.logical_id, self.stack.resources[former.logical_id]
        replaced = now.made.physical_id != former.made.physical_id
        if name in self._tried:
            stack.mark(now, "UPDATE_IN_PROGRESS")
            try:
                former.made = handler_of(now.type_name).update(self._context(name), now, former.properties)
            except (AwsError, Refused) as error:
                self._failed(now, _UPDATE, error)
                return False
        stack.resources[name] = former
        if name in self._tried or replaced:
            stack.mark(former, "UPDATE_COMPLETE")
        return True

    def _clean_up(self, resources: Iterable[StackResource], *, rolling_back: bool = False) -> bool:
        """Delete what the stack does not need any more, last first. What cannot be deleted is the stack's no longer; whether there is none of it."""
        left = [resource for resource in reversed(_in_order(resources)) if not self._delete(resource, rolling_back=rolling_back)]
        for resource in left:
            self._let_go(resource)
        self.stack.superseded = []
        return not left

    # -- delete

    def delete(self, retained: Iterable[str] = ()) -> None:
        """Delete everything but what is to be retained. A failure leaves the stack ``DELETE_FAILED``, with the reason."""
        stack = self.stack
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        for logical_id in retained:
            stack.resources[logical_id].deletion_policy = "Retain"
        self._end_deletion(self._delete_all([*stack.resources.values(), *stack.superseded]))

    def _end_deletion(self, failed: list[str]) -> None:
        if failed:
            self.stack.set_status("DELETE_FAILED", _failed_to("delete", failed))
            return
        self.stack.set_status("DELETE_COMPLETE")
        forget(self.stack)

    def _delete_all(self, resources: Iterable[StackResource], *, rolling_back: bool = False) -> list[str]:
        """Delete in reverse order of making; which could not be. What those wait for is left, too."""
        failed, needed = [], set[str]()
        for resource in reversed(_in_order(resources)):
            if resource.logical_id in needed:
                needed |= resource.waits_for
            elif not self._delete(resource, rolling_back=rolling_back):
                failed.append(resource.logical_id)
                needed |= resource.waits_for
        return failed

    def _delete(self, resource: StackResource, *, rolling_back: bool) -> bool:
        if resource.deletion_policy == "Retain" or (resource.deletion_policy == "RetainExceptOnCreate" and not rolling_back):
            self.stack.mark(resource, "DELETE_SKIPPED")
        else:
            self.stack.mark(resource, "DELETE_IN_PROGRESS")
            try:
                handler_of(resource.type_name).delete(self._context(resource.logical_id), resource)
            except (AwsError, Refused) as error:
                self.stack.mark(resource, "DELETE_FAILED", str(error))
                return False
            self.stack.mark(resource, "DELETE_COMPLETE")
        self._let_go(resource)
        return True

    def _let_go(self, resource: StackResource) -> None:
        if self.stack.resources.get(resource.logical_id) is resource:
            del self.stack.resources[resource.logical_id]
        self.stack.superseded = [other for other in self.stack.superseded if other is not resource]


def _describe(resource: StackResource, wanted: Plan) -> None:
    template = wanted.resource(resource.logical_id)
    resource.waits_for = wanted.waits_for[resource.logical_id]
    resource.deletion_policy = template.get("DeletionPolicy", "Delete")
    resource.replace_policy = template.get("UpdateReplacePolicy", "Delete")


def _check_replaceable(before: StackResource, after: dict[str, Any], why: set[str]) -> None:
    named = handler_of(before.type_name).physical_name
    if named is not None and named in after and after[named] == before.properties.get(named):
        raise invalid(
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing ({', '.join(sorted(why))} changed). "
            f"Rename {after[named]} and update the stack again."
        )


def _in_order(resources: Iterable[StackResource]) -> list[StackResource]:
    """As they were made: each after those it waits for. A superseded resource comes before the one that replaced it."""
    by_name: dict[str, list[StackResource]] = {}
    for resource in resources:
        by_name.setdefault(resource.logical_id, []).append(resource)
    graph = {name: sorted({other for each in same for other in each.waits_for if other in by_name}) for name, same in by_name.items()}
    return [resource for name in TopologicalSorter(graph).static_order() for resource in by_name[name]]


def _failed_to(verb: str, logical_ids: list[str]) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(logical_ids)}]. "
