"""AWS STS: the sessions of roles, and who one is. Replaces moto's STS, which knows no expiry and lets anybody assume a role that does not exist.

Source: AWS Security Token Service API Reference, AssumeRole and GetCallerIdentity.
"""

from datetime import UTC, datetime
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws.authorization import may_assume
from localaws.cloud import AwsError, Call, Cloud, Principal, Refused, operation
from localaws.organization import is_in_use
from localaws.policy.held import role_by_arn

_NOT_BUILT = ("Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "SerialNumber", "TokenCode", "ProvidedContexts")


@operation("sts", "AssumeRole")
def assume_role(cloud: Cloud, call: Call) -> dict[str, Any]:
    """A session of an existing role whose trust policy, and the caller's own policies, let the caller in."""
    for name in _NOT_BUILT:
        if call.params.get(name):
            raise Refused(f"sts:AssumeRole with {name}: sessions are the role's own here (localaws/identity.py)")
    role_arn: str = call.params["RoleArn"]
    role = role_by_arn(role_arn)
    if not may_assume(cloud, call).decision.allowed or role is None or _is_shut(cloud, role_arn.split(":")[4]):
        raise AwsError("AccessDenied", f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}", 403)
    seconds = call.params.get("DurationSeconds", 3600)
    chained = call.principal.role_arn is not None
    if chained and seconds > 3600:
        raise AwsError("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
    session_name = call.params["RoleSessionName"]
    principal = Principal.of_role(role_arn, session_name)
    key = cloud.keys.issue(principal, seconds=seconds)
    return {
        "Credentials": {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": key.session_token,
            "Expiration": datetime.fromtimestamp(cloud.clock.now + seconds, UTC),
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session_name}", "Arn": principal.arn},
    }


def _is_shut(cloud: Cloud, account: str) -> bool:
    return cloud.organization.is_member(account) and not is_in_use(cloud, account)


@operation("sts", "GetCallerIdentity")
def get_caller_identity(_: Cloud, call: Call) -> dict[str, Any]:
    principal = call.principal
    return {"UserId": principal_id(principal), "Account": principal.account, "Arn": principal.arn}


def principal_id(principal: Principal) -> str:
    """The unique id that AWS puts into events and answers."""
    backend = iam_backends[principal.account]["aws"]
    if principal.role_arn is not None:
        try:
            role_id = backend.get_role(principal.role_arn.rsplit("/", 1)[1]).id
        except NotFoundException:
            role_id = "AROADELETEDROLE00000"
        return f"{role_id}:{principal.session_name}"
    name = principal.arn.rsplit("/", 1)[-1]
    return str(backend.users[name].id) if name in backend.users else principal.account
