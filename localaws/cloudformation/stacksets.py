"""Service-managed stack sets: one template as a stack in each account of organizational units, in some Regions, and in each account that joins
later.

Stack instances are real stacks, ``StackSet-<name>-<uuid>``, deployed on the virtual clock as the member account's ``stacksets-exec-…`` role;
never in the management account. Approximated: the operations of one administrator and Region run one after the other, all instances are tried
whatever failed before, and an operation fails if any of them does (so OperationPreferences have no effect); a stack set is kept in its
administrator's account, where AWS keeps those of delegated administrators in the management account.

Source: AWS CloudFormation User Guide, "StackSets concepts", "Enable or disable automatic deployments for StackSets in AWS Organizations"; API
Reference, AutoDeployment, DeploymentTargets, StackInstanceSummary.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from botocore.exceptions import ClientError
from moto.iam.models import iam_backends

from localaws.clock import Entry
from localaws.cloud import AwsError, Cloud, Principal, Refused, compact
from localaws.cloudformation.managed_policies import know_managed_policy
from localaws.cloudformation.stacks import find_stack
from localaws.cloudformation.templates import invalid
from localaws.organization import AccountMoved, accounts_under, on_account_moved, state, units_of
from localaws.policy.held import role_by_arn

INVOKED_BY = "stacksets.cloudformation.amazonaws.com"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_TRUST = compact({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": INVOKED_BY}, "Action": "sts:AssumeRole"}]})
"""Not AWS's own text, which names the service-linked role in the management account: nobody here can assume it either way."""

START, STEP, JOINED = (3.0, 10.0), (2.0, 8.0), (20.0, 90.0)
"""Seconds before an operation starts, before each next instance, and between an account's move and the operation that follows from it. AWS
promises nothing."""


@dataclass
class Instance:
    """A stack of a stack set. `unit_id` is the unit (or root) by which its account is a target."""

    account: str
    region: str
    unit_id: str
    overrides: list[dict[str, str]]
    name: str
    stack_id: str | None = None
    status: str = "OUTDATED"
    detailed_status: str = "PENDING"
    reason: str | None = None
    operation_id: str = ""


@dataclass(frozen=True)
class Group:
    """Where a stack set is to be: accounts under a unit, in a Region, with these parameter overrides."""

    unit_id: str
    region: str
    overrides: tuple[tuple[str, str], ...] = ()


@dataclass
class StackSet:
    """One stack set, in the account and Region of its administrator."""

    name: str
    stack_set_id: str
    account: str
    region: str
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    auto_deployment: dict[str, Any] = field(default_factory=dict)
    managed_execution: bool = False
    groups: list[Group] = field(default_factory=list)
    instances: dict[tuple[str, str], Instance] = field(default_factory=dict)
    operations: "list[Operation]" = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stackset/{self.stack_set_id}"

    @property
    def deploys_by_itself(self) -> bool:
        return bool(self.auto_deployment.get("Enabled"))

    @property
    def depends_on(self) -> list[str]:
        """The ids of the stack sets that go first in automatic deployments."""
        return [arn.rsplit("stackset/", 1)[-1] for arn in self.auto_deployment.get("DependsOn", [])]


@dataclass
class Operation:
    """Work on some instances of a stack set. `targets` gives them when the operation starts; `after` are operations that have to succeed first."""

    operation_id: str
    stack_set: StackSet
    action: str
    targets: Iterator[Instance]
    created: Any
    preferences: dict[str, Any] = field(default_factory=dict)
    deployment_targets: dict[str, Any] | None = None
    retain: bool = False
    after: "list[Operation]" = field(default_factory=list)
    status: str = "QUEUED"
    reason: str | None = None
    ended: Any = None
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def failed_count(self) -> int:
        return sum(result["Status"] == "FAILED" for result in self.results)


# -- operations, one after the other


class Queue:
    """The operations of one administrator's account in one Region."""

    def __init__(self, cloud: Cloud):
        self._cloud, self._pending = cloud, deque[Operation]()
        self._entry: Entry | None = None

    def add(self, operation: Operation, delay: tuple[float, float] = START) -> None:
        operation.stack_set.operations.append(operation)
        self._pending.append(operation)
        if self._entry is None:
            self._later(delay)

    def is_busy_with(self, stack_set: StackSet) -> bool:
        return any(operation.stack_set is stack_set for operation in self._pending)

    def finish(self, stack_set: StackSet) -> None:
        """End the operations of this stack set now, for whoever has waited for them."""
        while self.is_busy_with(stack_set):
            if self._entry is not None:
                self._entry.cancel()
            self._step()

    def _later(self, delay: tuple[float, float]) -> None:
        self._entry = self._cloud.clock.later(self._cloud.random.uniform(*delay), self._step)

    def _step(self) -> None:
        """The next instance of the first operation. `Refused` goes on to whoever drives the clock, and the operations go on, too."""
        self._entry, operation = None, self._pending[0]
        try:
            advance(self._cloud, operation)
        finally:
            if operation.is_over:
                self._pending.popleft()
            if self._pending:
                self._later(START if operation.is_over else STEP)


def queue_of(cloud: Cloud, stack_set: StackSet) -> Queue:
    kept: Queue = cloud.table("cloudformation:StackSetQueue", stack_set.account, stack_set.region).setdefault("queue", Queue(cloud))
    return kept


def advance(cloud: Cloud, operation: Operation) -> None:
    """Start an operation, work on its next instance, or end it."""
    if operation.status == "QUEUED":
        if any(not first.is_over for first in operation.after):
            return
        operation.status = "RUNNING"
        if failed := [first for first in operation.after if first.status != "SUCCEEDED"]:
            operation.targets = iter(())
            operation.reason = f"{failed[0].stack_set.name}, which {operation.stack_set.name} depends on, was not deployed"
    try:
        instance = next(operation.targets, None)
    except Refused as refused:
        operation.reason = str(refused)
        raise
    if instance is not None:
        instance.operation_id = operation.operation_id
        work_on(cloud, operation, instance)
        return
    operation.status = "FAILED" if operation.failed_count or operation.reason else "SUCCEEDED"
    if operation.failed_count:
        first = next(result for result in operation.results if result["Status"] == "FAILED")
        operation.reason = (
            f"{operation.failed_count} stack instance(s) failed, first in {first['Account']}, {first['Region']}: {first['StatusReason']}"
        )
    operation.ended = cloud.clock.datetime()


def work_on(cloud: Cloud, operation: Operation, instance: Instance) -> None:
    """Create, update or delete one stack instance, and write down what came of it."""
    deleting = operation.action == "DELETE"
    try:
        if deleting:
            delete_instance(cloud, operation, instance)
        else:
            deploy_instance(cloud, operation.stack_set, instance)
    except (AwsError, ClientError, Refused) as error:
        instance.status, instance.detailed_status, instance.reason = "INOPERABLE" if deleting else "OUTDATED", "FAILED", str(error)
        _record(operation, instance, "FAILED", str(error))
        if isinstance(error, Refused):
            raise
    else:
        instance.status, instance.detailed_status, instance.reason = "CURRENT", "SUCCEEDED", None
        _record(operation, instance, "SUCCEEDED", None)


def _record(operation: Operation, instance: Instance, status: str, reason: str | None) -> None:
    result = {"Account": instance.account, "Region": instance.region, "Status": status, "OrganizationalUnitId": instance.unit_id}
    operation.results.append(result | ({"StatusReason": reason} if reason else {}))


# -- stack instances


def deploy_instance(cloud: Cloud, stack_set: StackSet, instance: Instance) -> None:
    """Bring an instance's stack to what its stack set says now. `AwsError` with the stack's reason where it does not come to that."""
    client = cloud.client("cloudformation", instance.region, execution_role(cloud, instance.account))
    values = {**stack_set.parameters, **{override["ParameterKey"]: override["ParameterValue"] for override in instance.overrides}}
    request = {
        "StackName": instance.name,
        "TemplateBody": stack_set.template,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        "Capabilities": stack_set.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in stack_set.tags.items()],
    }
    former = _stack(instance)
    if former is not None and former.status == "ROLLBACK_COMPLETE":
        client.delete_stack(StackName=instance.name)
        former = None
    if former is None:
        instance.stack_id = client.create_stack(**request)["StackId"]
    else:
        _update(client, request)
    stack = find_stack(instance.account, instance.region, instance.name)
    if stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise AwsError("StackFailed", f"Stack {instance.name} is {stack.status}: {stack.failures}")


def _update(client: Any, request: dict[str, Any]) -> None:
    try:
        client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


def delete_instance(cloud: Cloud, operation: Operation, instance: Instance) -> None:
    """Take an instance out of its stack set, with its stack unless that is to stay."""
    if not operation.retain and _stack(instance) is not None:
        client = cloud.client("cloudformation", instance.region, execution_role(cloud, instance.account))
        client.delete_stack(StackName=instance.name)
        if (left := _stack(instance)) is not None:
            raise AwsError("StackFailed", f"Stack {instance.name} is {left.status}: {left.failures}")
    del operation.stack_set.instances[instance.account, instance.region]


def _stack(instance: Instance) -> Any:
    try:
        return find_stack(instance.account, instance.region, instance.name)
    except AwsError:
        return None


def execution_role(cloud: Cloud, account: str) -> Principal:
    """Who deploys in a member account: an administrator's role that StackSets keeps there for itself, made when it is first needed."""
    name = f"stacksets-exec-{cloud.organization.organization_id.removeprefix('o-').ljust(32, '0')}"
    role_arn = f"arn:aws:iam::{account}:role/{name}"
    if role_by_arn(role_arn) is None:
        iam = iam_backends[account]["aws"]
        iam.create_role(name, _TRUST, "/", None, "Service-managed stack sets deploy as this role", [], "3600")
        know_managed_policy(account, ADMINISTRATOR)
        iam.attach_role_policy(ADMINISTRATOR, name)
    return replace(Principal.of_role(role_arn, f"{account}-stacksets"), invoked_by=INVOKED_BY)


# -- targets


def new_instances(cloud: Cloud, stack_set: StackSet, groups: Iterable[Group]) -> Iterator[Instance]:
    """An instance for each account that is under the groups' units by now, where there is none that is up to date."""
    for group in groups:
        for account in sorted(set(accounts_under(cloud, group.unit_id)) - {cloud.organization.management_id}):
            instance = stack_set.instances.get((account, group.region))
            if instance is None:
                instance = add_instance(cloud, stack_set, group, account)
            if instance.status != "CURRENT":
                yield instance


def add_instance(cloud: Cloud, stack_set: StackSet, group: Group, account: str) -> Instance:
    if (status := state(cloud).get_account_by_id(account).status) != "ACTIVE":
        raise Refused(
            f"a stack instance in {account}, which is {status}: localaws deploys to active accounts only (localaws/cloudformation/stacksets.py)"
        )
    overrides = [{"ParameterKey": name, "ParameterValue": value} for name, value in group.overrides]
    name = f"StackSet-{stack_set.name}-{cloud.uuid()}"
    instance = Instance(account, group.region, group.unit_id, overrides, name)
    stack_set.instances[account, group.region] = instance
    return instance


def existing_instances(stack_set: StackSet) -> Iterator[Instance]:
    yield from list(stack_set.instances.values())


def instances_of(cloud: Cloud, stack_set: StackSet, unit_ids: Iterable[str], regions: Iterable[str]) -> Iterator[Instance]:
    """The instances in these Regions whose accounts are under these units, or were when they were made."""
    units, places = set(unit_ids), set(regions)
    under = {account for unit_id in units for account in accounts_under(cloud, unit_id)}
    yield from [
        instance
        for instance in stack_set.instances.values()
        if instance.region in places and (instance.account in under or instance.unit_id in units)
    ]


# -- automatic deployment


def all_stack_sets(cloud: Cloud) -> dict[str, StackSet]:
    """Every stack set of the organization, by its id. The first question makes moves of accounts heard."""
    kept: dict[str, StackSet] = cloud.table("cloudformation:StackSet", "", "")
    heard = cloud.table("cloudformation:StackSetListener", "", "")
    if "listener" not in heard:
        heard["listener"] = follow_account
        on_account_moved(cloud, follow_account)
    return kept


def follow_account(cloud: Cloud, moved: AccountMoved) -> None:
    """Some time after an account came into a unit, the stack sets of that unit come to it, and those of units that it left go."""
    if moved.account_id == cloud.organization.management_id:
        return

    def react() -> None:
        started = dict[str, Operation]()
        for stack_set in in_dependency_order(list(all_stack_sets(cloud).values())):
            if stack_set.deploys_by_itself:
                _leave(cloud, stack_set, moved.account_id)
                _join(cloud, stack_set, moved.account_id, started)

    cloud.clock.later(cloud.random.uniform(*JOINED), react)


def _leave(cloud: Cloud, stack_set: StackSet, account: str) -> None:
    units = {*units_of(cloud, account), cloud.organization.root_id}
    targeted = {group.region for group in stack_set.groups if group.unit_id in units}
    gone = [instance for instance in stack_set.instances.values() if instance.account == account and instance.region not in targeted]
    if gone:
        retain = bool(stack_set.auto_deployment.get("RetainStacksOnAccountRemoval"))
        operation = new_operation(cloud, stack_set, "DELETE", iter(gone))
        operation.retain = retain
        queue_of(cloud, stack_set).add(operation)


def _join(cloud: Cloud, stack_set: StackSet, account: str, started: dict[str, Operation]) -> None:
    units = {*units_of(cloud, account), cloud.organization.root_id}
    groups = [group for group in stack_set.groups if group.unit_id in units and (account, group.region) not in stack_set.instances]
    if groups:
        operation = new_operation(cloud, stack_set, "CREATE", (add_instance(cloud, stack_set, group, account) for group in groups))
        operation.after = [started[name] for name in stack_set.depends_on if name in started]
        started[stack_set.stack_set_id] = operation
        queue_of(cloud, stack_set).add(operation)


def new_operation(cloud: Cloud, stack_set: StackSet, action: str, targets: Iterator[Instance], operation_id: str | None = None) -> Operation:
    return Operation(operation_id or cloud.uuid(), stack_set, action, targets, cloud.clock.datetime())


def in_dependency_order(stack_sets: list[StackSet]) -> list[StackSet]:
    """Each after those that its AutoDeployment.DependsOn names. `AwsError` for a circle."""
    by_id = {stack_set.stack_set_id: stack_set for stack_set in stack_sets}
    graph = {name: [other for other in stack_set.depends_on if other in by_id] for name, stack_set in by_id.items()}
    try:
        return [by_id[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise invalid(f"AutoDeployment.DependsOn goes in a circle: {' -> '.join(error.args[1])}") from error


def finish_operations(cloud: Cloud, account: str, region: str, name: str) -> None:
    """For a stack that has waited for its stack set: what is still to be done is done now."""
    if (stack_set := find_stack_set(cloud, account, region, name)) is not None:
        queue_of(cloud, stack_set).finish(stack_set)


def find_stack_set(cloud: Cloud, account: str, region: str, name: str) -> StackSet | None:
    """The stack set of this name of an administrator's account and Region."""
    found = (each for each in all_stack_sets(cloud).values() if (each.account, each.region, each.name) == (account, region, name))
    return next(found, None)
