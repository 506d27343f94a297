"""AWS's own managed policies, there when somebody attaches them: moto has their texts, and would otherwise load all thousand into every account.

Source: moto 5.2.5, moto/iam/aws_managed_policies.py.
"""

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from localaws.cloud import Call, Cloud, guard

PREFIX = "arn:aws:iam::aws:policy/"


@guard("iam", "AttachRolePolicy", "CreateRole", "GetPolicy", "GetPolicyVersion", "ListPolicyVersions", "PutRolePermissionsBoundary")
def know_named_policy(_: Cloud, call: Call) -> None:
    know_managed_policy(call.account, call.params.get("PolicyArn") or call.params.get("PermissionsBoundary") or "")


def know_managed_policy(account: str, arn: str) -> None:
    """Put the policy where moto looks for it. One that AWS does not have stays unknown."""
    backend = iam_backends[account]["aws"]
    if arn in backend.managed_policies or arn not in _by_arn():
        return
    name, data = _by_arn()[arn]
    policy = AWSManagedPolicy.from_data(name, account, "us-east-1", data)
    backend.aws_managed_policies.append(policy)
    backend.managed_policies[arn] = policy


@cache
def _by_arn() -> dict[str, tuple[str, dict[str, Any]]]:
    known = json.loads(aws_managed_policies_data)
    return {f"{PREFIX}{data['Path'].lstrip('/')}{name}": (name, data) for name, data in known.items()}
