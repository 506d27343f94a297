"""Roles of a member account: which service roles there are, and what a role may do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import ContextEntryTypeDef

SERVICE_ROLES = "/service-role/"
_PAGE = 1000
_LISTS = frozenset({"aws:TagKeys"})
"""Condition keys with several values, told as a list where there is one."""


def service_role_names(iam: "IAMClient") -> frozenset[str]:
    """The names of all roles under the path that AWS's console makes service roles under."""
    pages = iam.get_paginator("list_roles").paginate(PathPrefix=SERVICE_ROLES, PaginationConfig={"PageSize": _PAGE})
    return frozenset(role["RoleName"] for page in pages for role in page["Roles"])


def not_allowed(
    iam: "IAMClient", role_arn: str, actions: Sequence[str], resource: str, context: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, ...]:
    """Those of the actions that the role's own policies, its boundary and the organization's do not allow on the resource. `context` are condition
    keys that hold texts, and their values.

    What a resource's policy says is not asked. IAM's NoSuchEntity where the role is not there
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
    """
    entries: list[ContextEntryTypeDef] = [
        {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": "stringList" if key in _LISTS else "string"}
        for key, values in (context or {}).items()
    ]
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=role_arn, ActionNames=list(actions), ResourceArns=[resource], ContextEntries=entries
    )
    return tuple(result["EvalActionName"] for page in pages for result in page["EvaluationResults"] if result["EvalDecision"] != "allowed")
