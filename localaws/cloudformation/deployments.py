"""Deploying from this disk, as ``sam deploy`` does: package, create or update, wait, outputs."""

from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from localaws.cloud import AwsError, Cloud, Principal
from localaws.cloudformation.packaging import Artifacts, package
from localaws.cloudformation.resources.base import failure
from localaws.cloudformation.stacks import Stack, find_stack, stack_outputs

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class DeploymentFailed(RuntimeError):
    """A stack did not come to what was asked of it. The message has its status and the reason."""


def deploy(
    cloud: Cloud,
    principal: Principal,
    name: str,
    template: Path,
    account_id: str,
    region: str,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Create the stack, or update it; its outputs. Parameters that are not given have their defaults, also in an update.

    Raises `DeploymentFailed`, `AwsError` for a template or parameters that CloudFormation does not take, and `Refused` for what localaws cannot do.
    """
    _check_account(principal, account_id)
    artifacts = Artifacts(cloud, principal, region)
    url = artifacts.url(artifacts.put(package(Path(template), artifacts).encode(), ".template"))
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
    client = cloud.client("cloudformation", region, principal)
    request = {"StackName": name, "TemplateURL": url, "Parameters": given, "Capabilities": _CAPABILITIES}
    existing = _existing(account_id, region, name)
    try:
        if existing is not None and existing.status == "ROLLBACK_COMPLETE":  # nothing is in it, and it cannot be updated
            client.delete_stack(StackName=name)
            existing = None
        if existing is None:
            client.create_stack(**request)
        else:
            client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise failure(error) from error
    return stack_outputs(_completed(account_id, region, name))


def delete(cloud: Cloud, principal: Principal, name: str, account_id: str, region: str) -> None:
    """Delete the stack and what is in it. Raises `DeploymentFailed` where something stays."""
    _check_account(principal, account_id)
    stack = _existing(account_id, region, name)
    if stack is None:
        return
    cloud.client("cloudformation", region, principal).delete_stack(StackName=name)
    if not stack.deleted:
        raise DeploymentFailed(f"{name} is {stack.status}: {stack.failures}")


def _check_account(principal: Principal, account_id: str) -> None:
    if principal.account != account_id:
        raise ValueError(f"{principal.arn} cannot deploy into {account_id}: it is of another account")


def _existing(account_id: str, region: str, name: str) -> Stack | None:
    try:
        return find_stack(account_id, region, name)
    except AwsError:
        return None


def _completed(account_id: str, region: str, name: str) -> Stack:
    stack = find_stack(account_id, region, name)
    if stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeploymentFailed(f"{name} is {stack.status}: {stack.failures}")
    return stack
