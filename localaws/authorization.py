"""May this be done? Asked of every call with a role's credentials before it is performed, and of what AWS services do on a role's behalf.

One call can need several actions: the operation's own, tagging for the tags it brings, ``iam:PassRole`` for the roles it names. Administrators (IAM
users of localaws) may do everything in their account; which roles they may assume is for those roles' trust policies to say.

Sources: Service Authorization Reference; IAM User Guide, "Troubleshoot access denied error messages", "Grant a user permissions to pass a role to an
AWS service", "The confused deputy problem". Codes and messages of SNS and SQS: seen in public reports
(aws-ia/terraform-aws-control_tower_account_factory issue 151, aws/serverless-application-model issue 3633). Not observed on AWS: in which order the
actions that one call needs are asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.core.utils import get_service_model

from localaws.cloud import AwsError, Call, Cloud, Principal, Refused
from localaws.eventbridge.buses import Arn
from localaws.policy import context
from localaws.policy.actions import action_name, passes_roles
from localaws.policy.decisions import Judgement, Say, decide
from localaws.policy.documents import Decision, Request
from localaws.policy.held import boundary_of, identity_policies, resource_policies, role_by_arn, trust_of
from localaws.policy.keys import Context
from localaws.policy.resources import account_of, resources_of

_HERE = "localaws/authorization.py"

_NOT_HERE = {
    "sts:GetCallerIdentity",  # AWS asks for no permission
    "sts:AssumeRole",  # localaws.identity asks, together with the role's trust policy
}

_OF_VERSIONS = {"s3:DeleteObject": "s3:DeleteObjectVersion", "s3:GetObject": "s3:GetObjectVersion"}

_TAGGING = {
    "iam:CreatePolicy": "iam:TagPolicy",
    "iam:CreateRole": "iam:TagRole",
    "sqs:CreateQueue": "sqs:TagQueue",
    **dict.fromkeys((f"sagemaker:Create{kind}" for kind in ("App", "Domain", "Space", "StudioLifecycleConfig", "UserProfile")), "sagemaker:AddTags"),
    **dict.fromkeys(("events:CreateEventBus", "events:PutRule"), "events:TagResource"),
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "lambda:CreateFunction": "lambda:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "organizations:CreateOrganizationalUnit": "organizations:TagResource",
    "scheduler:CreateScheduleGroup": "scheduler:TagResource",
    "s3:CreateMultipartUpload": "s3:PutObjectTagging",
    "s3:PutObject": "s3:PutObjectTagging",
    "sns:CreateTopic": "sns:TagResource",
    "states:CreateStateMachine": "states:TagResource",
}
"""What tags in a request need besides."""

_ROLE = re.compile(r"arn:aws:iam::\d{12}:role/.+")
_ROLE_MEMBER = re.compile(r"(?i).*role(arn)?")

_ELSEWHERE = ("events", "s3", "organizations")
"""Services that localaws can ask for another account's resources."""


@dataclass(frozen=True)
class Need:
    """One action on one resource, with the condition keys that are its own."""

    action: str
    resource: str
    account: str
    keys: Context


def authorize(cloud: Cloud, call: Call) -> None:
    """Let a call pass, or raise `AwsError` as its service denies it. `Refused` for what cannot be decided here."""
    administrator = call.principal.role_arn is None
    if administrator and call.service != "s3":
        return
    action = _action(call)
    if action in _NOT_HERE:
        return
    for need in list(_needs(cloud, call, action)):
        # An administrator is bound by nothing but the policy of a bucket, and by another account's having none for it.
        if administrator and need.account == call.account and not resource_policies(cloud, need.resource):
            continue
        _require(cloud, call, need)


def require(cloud: Cloud, call: Call, action: str, resource: str, account: str) -> None:
    """One action more that a call needs, as it turns out while it is answered. `AwsError` as the service denies it."""
    if call.principal.role_arn is not None or account != call.account or resource_policies(cloud, resource):
        _require(cloud, call, Need(action, resource, account, {}))


def _require(cloud: Cloud, call: Call, need: Need) -> None:
    judgement = _decide(cloud, call, need)
    if not judgement.decision.allowed:
        raise denied(call, need, judgement)
    if need.account != call.account and call.service not in _ELSEWHERE:
        raise Refused(f"{call.action} on {need.resource}, of another account: allowed, yet localaws cannot do it ({_HERE})")


def _action(call: Call) -> str:
    """The operation's own action; a version of an object has one of its own."""
    action = action_name(call.service, call.operation)
    return _OF_VERSIONS.get(action, action) if call.service == "s3" and call.params.get("VersionId") else action


def _decide(cloud: Cloud, call: Call, need: Need) -> Judgement:
    principal = call.principal
    keys = {
        **context.of_principal(cloud, principal, call.region, call.service),
        **context.of_resource(cloud, need.resource, need.account),
        **context.of_input(call),
        **need.keys,
    }
    request = Request(principal, need.action, need.resource, keys)
    own = need.account == principal.account
    # An event for a bus of another account: its policy is asked for each entry, and fails that entry.
    leave_to_bus = need.action == "events:PutEvents" and not own
    policies = [] if need.action == "iam:PassRole" or leave_to_bus else resource_policies(cloud, need.resource)
    return decide(cloud, request, by_role(principal, Say((), resource=policies, own=own or leave_to_bus)))


def by_role(principal: Principal, say: Say) -> Say:
    """The same with the policies of the principal's role; a role that is gone has none. Administrators and services have none to be bound by."""
    if principal.role_arn is None:
        return Say(None, None, say.resource, say.own, say.needs_resource)
    role = role_by_arn(principal.role_arn)
    if role is None:
        return Say((), None, say.resource, say.own, say.needs_resource)
    return Say(identity_policies(role), boundary_of(role), say.resource, say.own, say.needs_resource)


# -- what a call needs


def _needs(cloud: Cloud, call: Call, action: str) -> Iterator[Need]:
    if action == "events:PutEvents":
        yield from _put_events(cloud, call)
        return
    resources = resources_of(cloud, call, action)
    yield from (Need(action, resource, account_of(resource, call), {}) for resource in resources)
    if action in _TAGGING and context.has_tags(call):
        keys = {f"{call.service}:TaggingAction": call.operation} if call.service == "sagemaker" else {}
        yield from (Need(_TAGGING[action], resource, account_of(resource, call), keys) for resource in resources)
    if passes_roles(action):
        for role in sorted(set(_roles(call.params))):
            keys = {"iam:PassedToService": f"{action.partition(':')[0]}.amazonaws.com"}
            yield Need("iam:PassRole", role, role.split(":")[4], keys)


def _put_events(cloud: Cloud, call: Call) -> Iterator[Need]:
    """One decision for each bus, over all entries for it."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in call.params["Entries"]:
        about = Call("events", "DescribeEventBus", call.account, call.region, call.principal, {"Name": entry.get("EventBusName") or "default"})
        (bus,) = resources_of(cloud, about, "events:PutEvents")
        entries.setdefault(bus, []).append(entry)
    for bus, own in entries.items():
        sources, kinds = ({str(entry.get(name, "")) for entry in own} - {""} for name in ("Source", "DetailType"))
        keys = {"events:source": _one_or_all(sources), "events:detail-type": _one_or_all(kinds), "events:eventBusInvocation": "false"}
        yield Need("events:PutEvents", bus, account_of(bus, call), keys)


def _one_or_all(texts: set[str]) -> str | list[str] | None:
    """Policies ask for the source of one event without a quantifier, and AWS's own examples do."""
    return next(iter(texts)) if len(texts) == 1 else sorted(texts) or None


def _roles(value: Any, name: str = "") -> Iterator[str]:
    """The roles that a request hands to a service: where a member is called so, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _roles(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _roles(item, name)
    elif isinstance(value, str) and _ROLE_MEMBER.fullmatch(name) and _ROLE.fullmatch(value):
        yield value


# -- what AWS answers


def denied(call: Call, need: Need, judgement: Judgement) -> AwsError:
    """AWS's error. SNS writes its prefix in capitals, SQS the action in small letters, S3 the resource in quotes; STS gives no reason."""
    code, status = _code(call.service)
    action = {"sns": f"SNS:{need.action.partition(':')[2]}", "sqs": need.action.lower()}.get(call.service, need.action)
    why = "" if call.service == "sts" else f" {judgement.denial(action)}"
    resource = f'"{need.resource}"' if call.service == "s3" else need.resource
    return AwsError(code, f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {resource}{why}", status)


def _code(service: str) -> tuple[str, int]:
    if service == "sns":
        return "AuthorizationError", 403
    protocol = get_service_model(service).metadata["protocol"]
    if service == "sqs" or protocol in ("query", "rest-xml", "ec2"):
        return "AccessDenied", 403
    return "AccessDeniedException", 403 if protocol == "rest-json" else 400


def may_by_role(cloud: Cloud, role_arn: str, action: str, resource: str) -> bool:
    """Whether a role may do this, asked ahead by the AWS service that will do it as the role."""
    principal = Principal.of_role(role_arn, "check")
    service, _, operation = action.partition(":")
    call = Call(service, operation, principal.account, Arn.read(resource).region, principal, {})
    return _decide(cloud, call, Need(action, resource, account_of(resource, call), {})).decision.allowed


def may_reach(cloud: Cloud, service: str, action: str, resource: str, source_arn: str) -> Decision:
    """Whether an AWS service may do this for `source_arn`. The resource's own policy has to allow it, in the source's account too."""
    account = Arn.read(source_arn).account
    request = Request(Principal(account, service, service=service), action, resource, context.of_service(cloud, account, source_arn))
    return decide(cloud, request, Say(None, resource=resource_policies(cloud, resource), own=False, needs_resource=True)).decision


# -- roles taken on


def may_assume(cloud: Cloud, call: Call) -> Judgement:
    """``sts:AssumeRole`` by whoever calls: the role's trust policy has to allow, and the caller's own policies unless it names the caller."""
    principal, arn = call.principal, call.params["RoleArn"]
    role = role_by_arn(arn)
    account = arn.split(":")[4]
    keys = {**context.of_principal(cloud, principal, call.region, "sts"), **context.of_resource(cloud, arn, account), **context.of_input(call)}
    say = Say((), resource=[trust_of(role)] if role else [], own=account == principal.account, needs_resource=True)
    return decide(cloud, Request(principal, "sts:AssumeRole", arn, keys), by_role(principal, say))


def may_take(cloud: Cloud, service: str, role_arn: str, source_account: str, source_arn: str | None = None) -> Judgement:
    """``sts:AssumeRole`` by an AWS service (``events.amazonaws.com``) for a resource of `source_account`. Roles of other accounts it cannot take."""
    role = role_by_arn(role_arn)
    principal = Principal(source_account, service, service=service)
    keys = {**context.of_service(cloud, source_account, source_arn), "sts:ExternalId": None}
    trust = [trust_of(role)] if role is not None and role_arn.split(":")[4] == source_account else []
    return decide(cloud, Request(principal, "sts:AssumeRole", role_arn, keys), Say(None, resource=trust, own=False, needs_resource=True))
