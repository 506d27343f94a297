"""Change sets: what a deployment would do, kept until it is executed. `sam deploy` works with these.

Approximated: a change set is ready when CreateChangeSet answers, and what makes it impossible is an error of that call, not a change set that
failed. The one that fails is the one without changes.

Source: AWS CloudFormation API Reference, CreateChangeSet, DescribeChangeSet, ExecuteChangeSet.
"""

from dataclasses import dataclass
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Principal, operation
from localaws.cloudformation.engine import Deployment
from localaws.cloudformation.handlers import handler_of
from localaws.cloudformation.intrinsics import evaluate
from localaws.cloudformation.operations import differs, remember, require_updatable, what_on_failure
from localaws.cloudformation.parameters import texts
from localaws.cloudformation.plan import Plan, plan
from localaws.cloudformation.requests import check_capabilities, deployer, given_parameters, given_tags, read_source, refuse, template_text
from localaws.cloudformation.resources.base import changed
from localaws.cloudformation.stacks import Stack, discard, find_stack, new_stack
from localaws.cloudformation.templates import invalid, parse, transforms

_KIND = "cloudformation:ChangeSet"
_NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
_NOTHING_EXPANDED = "No updates are to be performed."
"""The same of a template with macros. Not observed on AWS: `sam deploy` and `aws cloudformation deploy` look for both."""

_NOT_BUILT = (
    "DeploymentConfig",
    "DeploymentMode",
    "ImportExistingResources",
    "IncludeNestedStacks",
    "NotificationARNs",
    "ResourcesToImport",
    "ResourceTypes",
    "RollbackConfiguration",
)


@dataclass
class ChangeSet:
    """One change set. `call` is the request that made it, `tags` are those the stack would have."""

    change_set_id: str
    name: str
    stack: Stack
    creates: bool
    wanted: Plan
    changes: list[dict[str, Any]]
    call: Call
    principal: Principal
    tags: dict[str, str]
    created: Any
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str = ""

    def described(self) -> dict[str, Any]:
        description = {"Description": self.call.params["Description"]} if "Description" in self.call.params else {}
        failed = {"StatusReason": self.reason} if self.reason else {}
        return {
            "ChangeSetName": self.name,
            "ChangeSetId": self.change_set_id,
            "StackId": self.stack.stack_id,
            "StackName": self.stack.name,
            "CreationTime": self.created,
            "ExecutionStatus": self.execution_status,
            "Status": self.status,
            **description,
            **failed,
        }


@operation("cloudformation", "CreateChangeSet")
def create_change_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    refuse(call, *_NOT_BUILT)
    kind, name = call.params.get("ChangeSetType", "UPDATE"), call.params["ChangeSetName"]
    if kind == "IMPORT":
        refuse(call, "ChangeSetType")
    if kind != "CREATE" and call.params.get("OnStackFailure") == "DELETE":
        raise invalid("OnStackFailure DELETE is only valid for change sets of the type CREATE")
    stack, is_new = _stack_for(cloud, call, kind)
    try:
        change_set = _prepare(cloud, call, stack, name, creates=kind == "CREATE")
    except BaseException:
        if is_new:
            discard(stack)
        raise
    cloud.table(_KIND, call.account, call.region)[change_set.change_set_id] = change_set
    return {"Id": change_set.change_set_id, "StackId": stack.stack_id}


def _stack_for(cloud: Cloud, call: Call, kind: str) -> tuple[Stack, bool]:
    """The stack to change, or a new one that is only looked at so far (``REVIEW_IN_PROGRESS``)."""
    name = call.params["StackName"]
    if kind == "UPDATE":
        stack = find_stack(call.account, call.region, name)
        require_updatable(stack)
        return stack, False
    try:
        stack = find_stack(call.account, call.region, name)
    except AwsError:
        stack = new_stack(cloud, call.account, call.region, name, {})
        stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
        return stack, True
    if stack.status != "REVIEW_IN_PROGRESS":
        raise invalid(f"Stack [{name}] already exists and cannot be created again with the changeSet [{call.params['ChangeSetName']}].")
    return stack, False


def _prepare(cloud: Cloud, call: Call, stack: Stack, name: str, *, creates: bool) -> ChangeSet:
    if any(known.name == name and known.stack is stack for known in cloud.table(_KIND, call.account, call.region).values()):
        raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
    source = read_source(template_text(cloud, call, stack.source.text or None), given_parameters(call, stack.source.given), call.region)
    check_capabilities(call, source, expands=False)
    wanted = plan(stack, source)
    tags = given_tags(call) if "Tags" in call.params else stack.tags
    identifier = f"arn:aws:cloudformation:{call.region}:{call.account}:changeSet/{name}/{cloud.uuid()}"
    principal = deployer(call, stack.role_arn)
    made = ChangeSet(identifier, name, stack, creates, wanted, _changes(stack, wanted), call, principal, tags, cloud.clock.datetime())
    if not creates and not differs(stack, source, tags):
        made.status, made.execution_status, made.changes = "FAILED", "UNAVAILABLE", []
        made.reason = _NOTHING_EXPANDED if transforms(parse(source.text)) else _NOTHING
    return made


def _changes(stack: Stack, wanted: Plan) -> list[dict[str, Any]]:
    """What would be added, modified and removed, as far as it can be told before."""
    found = []
    for name in wanted.order:
        type_name = wanted.resource(name)["Type"]
        if name not in stack.resources:
            found.append({"Action": "Add", "LogicalResourceId": name, "ResourceType": type_name})
        elif modified := _modified(stack, wanted, name):
            found.append(modified | {"LogicalResourceId": name, "ResourceType": type_name})
    for name, resource in stack.resources.items():
        if name not in wanted.waits_for:
            removed = {"Action": "Remove", "LogicalResourceId": name, "ResourceType": resource.type_name}
            found.append(removed | {"PhysicalResourceId": resource.made.physical_id})
    return [{"Type": "Resource", "ResourceChange": change} for change in found]


def _modified(stack: Stack, wanted: Plan, name: str) -> dict[str, Any] | None:
    existing = stack.resources[name]
    modified = {"Action": "Modify", "PhysicalResourceId": existing.made.physical_id, "Scope": ["Properties"]}
    scope = type(wanted.scope)(wanted.scope.values, wanted.scope.mappings, wanted.scope.conditions, stack.resources)
    try:
        properties = evaluate(wanted.resource(name).get("Properties", {}), scope)
    except AwsError:
        return modified | {"Replacement": "Conditional"}  # it refers to what is to be added
    differing = changed(existing.properties, properties)
    if not differing:
        return None
    return modified | {"Replacement": "True" if differing & handler_of(existing.type_name).create_only else "False"}


@operation("cloudformation", "DescribeChangeSet")
def describe_change_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All changes on one page."""
    refuse(call, "NextToken", "IncludePropertyValues")
    change_set = _find(cloud, call)
    source = change_set.wanted.source
    shown = texts(source.document, source.given)
    return change_set.described() | {
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in shown.items()],
        "Capabilities": change_set.call.params.get("Capabilities", []),
        "Tags": [{"Key": key, "Value": value} for key, value in change_set.tags.items()],
        "Changes": change_set.changes,
        "NotificationARNs": [],
        "RollbackConfiguration": {},
    }


@operation("cloudformation", "ListChangeSets")
def list_change_sets(cloud: Cloud, call: Call) -> dict[str, Any]:
    """All on one page."""
    refuse(call, "NextToken")
    stack = find_stack(call.account, call.region, call.params["StackName"])
    kept = cloud.table(_KIND, call.account, call.region).values()
    return {"Summaries": [change_set.described() for change_set in kept if change_set.stack is stack]}


@operation("cloudformation", "ExecuteChangeSet")
def execute_change_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Approximated: it is over when it answers."""
    refuse(call, "RetainExceptOnCreate")
    change_set = _find(cloud, call)
    if change_set.execution_status != "AVAILABLE":
        message = f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of [{change_set.status}]"
        raise AwsError("InvalidChangeSetStatus", message)
    on_failure = what_on_failure(change_set.call.params.get("OnStackFailure"), call)
    kept, stack = cloud.table(_KIND, call.account, call.region), change_set.stack
    for identifier in [key for key, other in kept.items() if other.stack is stack and other is not change_set]:
        del kept[identifier]
    stack.change_set_id = change_set.change_set_id
    remember(stack, change_set.call)
    stack.request_token = call.params.get("ClientRequestToken")
    change_set.execution_status = "EXECUTE_FAILED"
    deployment = Deployment(cloud, stack, change_set.principal)
    if change_set.creates:
        stack.tags = change_set.tags
        deployment.create(change_set.wanted, on_failure=on_failure)
    else:
        deployment.update(change_set.wanted, change_set.tags, rollback=on_failure != "DO_NOTHING")
    if stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        change_set.execution_status = "EXECUTE_COMPLETE"
    return {}


@operation("cloudformation", "DeleteChangeSet")
def delete_change_set(cloud: Cloud, call: Call) -> dict[str, Any]:
    change_set = _find(cloud, call)
    del cloud.table(_KIND, call.account, call.region)[change_set.change_set_id]
    return {}


def _find(cloud: Cloud, call: Call) -> ChangeSet:
    name, stack = call.params["ChangeSetName"], call.params.get("StackName")
    if not name.startswith("arn:") and stack is None:
        raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
    for change_set in cloud.table(_KIND, call.account, call.region).values():
        if name == change_set.change_set_id or (name == change_set.name and stack in (change_set.stack.name, change_set.stack.stack_id)):
            found: ChangeSet = change_set
            return found
    raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
