"""IAM's list of roles. moto's has attributes that AWS leaves out, and the order of ids.

Sources: IAM API Reference, ListRoles (pages of 100; no tags, no boundary, no last use). Not observed on AWS: the order, here by name, and what a
wrong Marker is answered.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC
from typing import Any, TypeVar
from urllib.parse import quote

from moto.iam.models import Role, iam_backends

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.paging import page

T = TypeVar("T")

PAGE = 100


def marked_page(
    call: Call, member: str, items: Iterable[T], key: Callable[[T], list[Any]], describe: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """One page as IAM answers it, with IsTruncated and a Marker (320 characters at most) for the next."""
    asked = {name: value for name, value in call.params.items() if name not in ("Marker", "MaxItems")}
    shown, marker = page(
        items,
        key=key,
        scope=[call.operation, hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]],
        size=call.params.get("MaxItems", PAGE),
        token=call.params.get("Marker"),
        wrong_token=AwsError("ValidationError", f"Invalid Marker: {call.params.get('Marker')}"),
    )
    return {member: [describe(item) for item in shown], "IsTruncated": marker is not None, **({"Marker": marker} if marker else {})}


@operation("iam", "ListRoles")
def list_roles(_: Cloud, call: Call) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    roles = [role for role in iam_backends[call.account]["aws"].roles.values() if role.path.startswith(prefix)]
    return marked_page(call, "Roles", roles, lambda role: [role.name], _described)


def _described(role: Role) -> dict[str, Any]:
    trust = role.assume_role_policy_document
    found = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date.replace(tzinfo=UTC),
        "AssumeRolePolicyDocument": quote(trust if isinstance(trust, str) else json.dumps(trust)),
        "Description": role.description,
        "MaxSessionDuration": int(role.max_session_duration or 3600),
    }
    return {name: value for name, value in found.items() if value is not None}
