"""Stacks: kept in moto's CloudFormation, so that moto answers the reading operations; what is in them is ours.

moto's own resource map is replaced whole (`localaws.cloudformation.engine`): it skips types it does not know, drops properties it cannot resolve,
and never deletes most of what it made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.cloudformation.models import CloudFormationBackend, Event, OutputMap, ResourceMap, cloudformation_backends
from moto.cloudformation.models import Stack as MotoStack

from localaws.cloud import AwsError, Cloud
from localaws.cloudformation.parameters import texts
from localaws.cloudformation.resources.base import Existing
from localaws.cloudformation.templates import Document, invalid
from localaws.eventbridge.service import emit

DELAY = (1.0, 5.0)
"""Seconds between a stack's new status and its event."""


@dataclass
class StackResource(Existing):
    """One resource of a stack, as it is now: the properties are resolved, `waits_for` are the resources it was made after."""

    logical_id: str
    type_name: str
    waits_for: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    status: str = "CREATE_COMPLETE"
    reason: str | None = None
    time: Any = None

    @property
    def ref(self) -> str:
        return self.made.ref

    @property
    def attributes(self) -> Mapping[str, Any]:
        return self.made.attributes


@dataclass
class Source:
    """What a stack was asked to be: the template as given, the same with its macros applied, the parameters given and resolved."""

    text: str
    document: Document
    given: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


class Stack(MotoStack):  # type: ignore[misc]
    """One stack. The names of its members are those that moto's answers read."""

    def __init__(self, cloud: Cloud, stack_id: str, tags: Mapping[str, str]):
        _, _, _, region, account, path = stack_id.split(":", 5)
        super().__init__(stack_id, path.split("/")[1], {}, {}, account, region, tags=dict(tags))
        self.cloud = cloud
        self.source = Source("", {"Resources": {}})
        self.resources: dict[str, StackResource] = {}
        self.output_values: list[dict[str, Any]] = []
        self.capabilities: list[str] = []
        self.stack_status_reason: str | None = None
        self.change_set_id: str | None = None
        self.request_token: str | None = None
        self.superseded: list[StackResource] = []

    def _create_resource_map(self) -> Any:
        """Nothing of moto's: it stays empty."""
        return ResourceMap(self.stack_id, self.name, {}, {}, self.region_name, self.account_id, {}, {})

    def _create_output_map(self) -> Any:
        return OutputMap(self.resource_map, {}, self.stack_id)

    def become(self, source: Source) -> None:
        """From now on this is what the stack was asked to be."""
        self.source, self.template = source, source.text
        self.template_dict, self.parameters = source.document, source.given
        self.description = source.document.get("Description")

    @property
    def parameter_list(self) -> list[dict[str, str]]:
        shown = texts(self.source.document, self.source.given)
        return [{"ParameterKey": name, "ParameterValue": value} for name, value in shown.items()]

    @property
    def stack_parameters(self) -> dict[str, str]:
        return dict(self.source.given)

    @property
    def stack_resources(self) -> list[StackResource]:
        return list(self.resources.values())

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return self.output_values

    @property
    def exports(self) -> list[Any]:
        """There are none: an Export is refused."""
        return []

    def set_status(self, status: str, reason: str | None = None) -> None:
        """A new status, with its event. What is rolled back keeps the reason why, though its last event has none."""
        rolled_back = status.endswith("ROLLBACK_COMPLETE") or status.startswith("UPDATE_ROLLBACK_COMPLETE")
        self.status, self.stack_status_reason = status, self.stack_status_reason if rolled_back else reason
        self.add_event(self.name, self.stack_id, "AWS::CloudFormation::Stack", status, reason)
        if status.startswith("UPDATE") and status.endswith("COMPLETE"):
            self.last_updated_time = self.cloud.clock.datetime()
        if status == "DELETE_COMPLETE":
            self.deletion_time = self.cloud.clock.datetime()
        announce(self, status, reason)

    def add_event(self, logical_id: str, physical_id: str, type_name: str, status: str, reason: str | None = None) -> None:
        event = Event(self.stack_id, self.name, logical_id, physical_id, type_name, status, reason, None)
        event.event_id, event.client_request_token = self.cloud.uuid(), self.request_token
        self.events.append(event)

    def mark(self, resource: StackResource, status: str, reason: str | None = None) -> None:
        resource.status, resource.reason, resource.time = status, reason, self.cloud.clock.datetime()
        self.add_event(resource.logical_id, resource.made.physical_id, resource.type_name, status, reason)

    @property
    def failures(self) -> str:
        """Why the last operation failed: the stack's reason, and what each resource that failed in it says."""
        starts = [number for number, event in enumerate(self.events) if event.resource_status_reason == "User Initiated"]
        failed = [event for event in self.events[starts[-1] if starts else 0 :] if event.resource_status.endswith("_FAILED")]
        said = [f"{event.logical_resource_id}: {event.resource_status_reason}" for event in failed if event.physical_resource_id != self.stack_id]
        return "; ".join([(self.stack_status_reason or "").strip(), *said]).strip("; ")

    @property
    def deleted(self) -> bool:
        return bool(self.status == "DELETE_COMPLETE")


def announce(stack: Stack, status: str, reason: str | None) -> None:
    """``CloudFormation Stack Status Change``, on the default bus of the stack's account and Region. Events of single resources are not sent."""
    detail = {
        "stack-id": stack.stack_id,
        "status-details": {"status": status, "status-reason": reason or ""},
        "client-request-token": stack.request_token or "",
    }
    cloud, time = stack.cloud, stack.cloud.clock.iso()

    def deliver() -> None:
        kind, source = "CloudFormation Stack Status Change", "aws.cloudformation"
        emit(cloud, stack.account_id, stack.region_name, source, kind, detail, resources=[stack.stack_id], time=time)

    cloud.clock.later(cloud.random.uniform(*DELAY), deliver)


# -- where they are kept


def backend(account: str, region: str) -> CloudFormationBackend:
    return cloudformation_backends[account][region]


def new_stack(cloud: Cloud, account: str, region: str, name: str, tags: Mapping[str, str]) -> Stack:
    """A stack without anything in it; `AwsError` where there is one of that name."""
    if any(stack.name == name for stack in backend(account, region).stacks.values()):
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
    stack = Stack(cloud, f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{cloud.uuid()}", tags)
    backend(account, region).stacks[stack.stack_id] = stack
    return stack


def find_stack(account: str, region: str, name_or_id: str, *, deleted: bool = False) -> Stack:
    """By name, or by id; with `deleted`, one that is gone by its id. `AwsError` where there is none."""
    kept = backend(account, region)
    for stack in [*kept.stacks.values(), *(kept.deleted_stacks.values() if deleted else ())]:
        if name_or_id == stack.stack_id or (name_or_id == stack.name and not stack.deleted):
            found: Stack = stack
            return found
    raise invalid(f"Stack with id {name_or_id} does not exist" if deleted else f"Stack [{name_or_id}] does not exist")


def discard(stack: Stack) -> None:
    """A stack that never came to be."""
    del backend(stack.account_id, stack.region_name).stacks[stack.stack_id]


def forget(stack: Stack) -> None:
    """A deleted stack is found by its id only."""
    kept = backend(stack.account_id, stack.region_name)
    kept.stacks.pop(stack.stack_id, None)
    kept.deleted_stacks[stack.stack_id] = stack


def stack_outputs(stack: Stack) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.output_values}
