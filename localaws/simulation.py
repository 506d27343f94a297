"""IAM's policy simulator, by the engine that decides on calls: what the policies and the permissions boundary of a role would say.

It looks at nothing else: no trust policy, no policy of a resource, and no value of a condition key that the caller does not give. A key that is not
given is absent, and told as missing.

Sources: IAM API Reference, SimulatePrincipalPolicy and EvaluationResult; policy ids and types (``role_<role>_<policy>``, ``IAM Policy``) as public
reports have them. Not observed on AWS, and selectable: see `Behaviour`. Left out: the places of statements in their documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moto.iam.models import iam_backends

from localaws.cloud import AwsError, Call, Cloud, Principal, Refused, operation
from localaws.policy import context
from localaws.policy.actions import privilege, resource_formats
from localaws.policy.decisions import Judgement, Say, judge
from localaws.policy.documents import Document, Request, keys_asked
from localaws.policy.held import Held, boundary_of, identity_policies, role_by_arn
from localaws.policy.keys import Context, Value
from localaws.roles import marked_page

_HERE = "localaws/simulation.py"

_NOT_BUILT = (
    "PolicyInputList",
    "PermissionsBoundaryPolicyInputList",
    "PolicyExclusionList",
    "ResourcePolicy",
    "ResourceOwner",
    "CallerArn",
    "ResourceHandlingOption",
)

_ADMINISTRATOR: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""What IAM users of localaws may do."""

_SEVERITY = ("allowed", "implicitDeny", "explicitDeny")


@dataclass
class Behaviour:
    """How the simulator answers in one cloud, where that changed or is not known for sure."""

    one_result_per_action: bool = True
    """As botocore's model has it since 2026; before that one for each action and resource, each with the decision over all resources."""
    knows_caller: bool = False
    """Keys of the principal itself (``aws:PrincipalArn``, its tags) have values that nobody gave."""


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test changes its fields."""
    found: Behaviour = cloud.table("iam:Behaviour", "", "").setdefault("simulation", Behaviour())
    return found


class _Given(dict[str, Any]):
    """Condition keys by name in lower case. What nobody gave is absent, not unknown."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> None:
        return None


@dataclass(frozen=True)
class _Supposed(Request):
    """A request that nobody makes."""

    @cached_property
    def keys(self) -> Context:
        return _Given({name.lower(): value for name, value in self.context.items()})


@dataclass(frozen=True)
class _Source:
    """Whose policies are asked."""

    principal: Principal
    policies: list[Held]
    boundary: Held | None = None


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(cloud: Cloud, call: Call) -> dict[str, Any]:
    for name in _NOT_BUILT:
        if call.params.get(name):
            raise Refused(f"iam:SimulatePrincipalPolicy with {name}: what is attached to a role is simulated, as it is ({_HERE})")
    source = _source(call, call.params["PolicySourceArn"])
    keys = _context(cloud, source, call.params.get("ContextEntries", []))
    resources = call.params.get("ResourceArns") or ["*"]
    results = [result for action in call.params["ActionNames"] for result in _of_action(cloud, source, action, resources, keys)]
    return marked_page(call, "EvaluationResults", enumerate(results), lambda numbered: [numbered[0]], lambda numbered: numbered[1])


def _source(call: Call, arn: str) -> _Source:
    parts = arn.split(":", 5)
    kind = parts[5].split("/")[0] if len(parts) == 6 and parts[2] == "iam" else ""
    if kind not in ("role", "user", "group") or "/" not in parts[5]:
        raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    if kind == "group" or parts[4] != call.account:
        raise Refused(f"iam:SimulatePrincipalPolicy of {arn}: roles and users of the caller's own account are simulated ({_HERE})")
    name = arn.rsplit("/", 1)[1]
    if kind == "user" and name in iam_backends[call.account]["aws"].users:
        return _Source(Principal(call.account, arn), [Held(arn, "managed arn:aws:iam::aws:policy/AdministratorAccess", "identity", _ADMINISTRATOR)])
    role = role_by_arn(arn) if kind == "role" else None
    if role is None:
        raise AwsError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)
    return _Source(Principal.of_role(arn, "simulation"), identity_policies(role), boundary_of(role))


def _context(cloud: Cloud, source: _Source, entries: list[dict[str, Any]]) -> Context:
    keys: dict[str, Value] = {}
    for entry in entries:
        name, kind, values = entry["ContextKeyName"], entry.get("ContextKeyType", "string"), entry.get("ContextKeyValues", [])
        if kind.startswith("binary"):
            raise Refused(f"iam:SimulatePrincipalPolicy with {name} of type {kind}: no operator compares such values here ({_HERE})")
        if not kind.endswith("List") and len(values) > 1:
            raise AwsError("InvalidInput", f"Context key {name} is of type {kind}, and has {len(values)} values.")
        keys[name.lower()] = (values if kind.endswith("List") else values[0]) if values else None
    if not behaviour(cloud).knows_caller:
        return keys
    known = {
        **context.of_principal(cloud, source.principal, "us-east-1", "iam"),
        "aws:PrincipalArn": source.principal.role_arn or source.principal.arn,
    }
    own = {name.lower(): value for name, value in known.items() if name.startswith(("aws:Principal", "aws:user"))}
    return {**own, **keys}


# -- answering


def _of_action(cloud: Cloud, source: _Source, action: str, resources: list[str], keys: Context) -> Iterator[dict[str, Any]]:
    """One result with the decision over all resources, or that for each of them."""
    privilege(action)
    each = [_of_resource(source, action, resource, keys) for resource in resources]
    summary = _over_all(cloud, source, action, each)
    named = [result for result in each if result["EvalResourceName"] != "*"]
    if behaviour(cloud).one_result_per_action:
        yield {**summary, **({"ResourceSpecificResults": named} if named else {})}
        return
    for result in each:
        own = {"ResourceSpecificResults": [result]} if result in named else {}
        yield {**summary, "EvalResourceName": result["EvalResourceName"], **own}


def _over_all(cloud: Cloud, source: _Source, action: str, each: list[dict[str, Any]]) -> dict[str, Any]:
    worst = max((result["EvalResourceDecision"] for result in each), key=_SEVERITY.index)
    deciding = [result for result in each if result["EvalResourceDecision"] == worst]
    bounded = [result["PermissionsBoundaryDecisionDetail"] for result in each if source.boundary]
    in_organization = cloud.organization.is_member(source.principal.account)
    return {
        "EvalActionName": action,
        "EvalResourceName": next(iter(resource_formats(action).values()), "*"),
        "EvalDecision": worst,
        "MatchedStatements": _distinct(statement for result in deciding for statement in result["MatchedStatements"]),
        "MissingContextValues": _distinct(name for result in each for name in result["MissingContextValues"]),
        **({"OrganizationsDecisionDetail": {"AllowedByOrganizations": True}} if in_organization else {}),
        **({"PermissionsBoundaryDecisionDetail": min(bounded, key=lambda detail: detail["AllowedByPermissionsBoundary"])} if bounded else {}),
    }


def _of_resource(source: _Source, action: str, resource: str, keys: Context) -> dict[str, Any]:
    request = _Supposed(source.principal, action, resource, keys)
    judgement = judge(request, Say(source.policies, source.boundary))
    documents = [held.document for held in (*source.policies, *([source.boundary] if source.boundary else []))]
    asked = sorted({name for document in documents for name in keys_asked(document, request, "identity")})
    boundary = source.boundary and judge(request, Say([source.boundary])).decision.allowed
    return {
        "EvalResourceName": resource,
        "EvalResourceDecision": _word(judgement),
        "MatchedStatements": _distinct(_matched(held) for held, _ in judgement.by if held is not source.boundary),
        "MissingContextValues": [name for name in asked if keys.get(name.lower()) is None],
        **({"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": boundary}} if boundary is not None else {}),
    }


def _word(judgement: Judgement) -> str:
    if judgement.decision.allowed:
        return "allowed"
    return "explicitDeny" if judgement.decision.explicit_deny else "implicitDeny"


def _matched(held: Held) -> dict[str, Any]:
    """``inline may`` of role r is ``role_r_may``, a managed policy has its own name."""
    kind, name = held.name.split(" ", 1)
    own = name.rsplit("/", 1)[1] if kind == "managed" else f"role_{held.of.rsplit('/', 1)[1]}_{name}"
    return {"SourcePolicyId": own, "SourcePolicyType": "IAM Policy"}


def _distinct(items: Iterator[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
