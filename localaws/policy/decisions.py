"""One decision out of all policies that have a say, in AWS's order; every one is written to `cloud.log.decisions`.

An explicit Deny in any policy wins. Within an account the identity's policies or the resource's have to allow, across accounts both. A permissions
boundary allows nothing, and what it leaves out is not allowed by the identity's policies, nor by a resource's that names the role; only one that
names the very session passes by it. A resource's policy that names just the account leaves the decision to the account's own policies. A trust
policy has to allow in any case, as AWS wants it of roles. AWS services have no policies of their own: the resource's alone decide.

There are no service or resource control policies here: Organizations' policies are not built, so nobody can have any.

Sources: IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or deny access", "Cross-account policy evaluation logic",
"Permissions boundaries for IAM entities", "AWS JSON policy elements: Principal".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from localaws.cloud import Cloud
from localaws.policy.documents import Decision, Heard, Request, heard
from localaws.policy.held import Held


@dataclass(frozen=True)
class Say:
    """All that has a say in one decision. `identity` is None for whom no policies of their own bind: administrators and AWS services."""

    identity: Sequence[Held] | None
    boundary: Held | None = None
    resource: Sequence[Held] = ()
    own: bool = True
    needs_resource: bool = False
    """The resource's policy has to allow, whatever else does: trust policies, and whatever AWS services ask for."""


@dataclass(frozen=True)
class Judgement:
    """A decision, with what AWS says of a denial (``no identity-based policy``), and every statement that had its way: (policy, statement)."""

    decision: Decision
    lacking: str = ""
    by: tuple[tuple[Held, str], ...] = field(default_factory=tuple)

    def denial(self, action: str) -> str:
        """The end of AWS's message."""
        return f"with an explicit deny in {self.lacking}" if self.decision.explicit_deny else f"because {self.lacking} allows the {action} action"


Answers = list[tuple[Held, Heard]]

_WITH_ARTICLE = {"identity": "an identity-based policy", "resource": "a resource-based policy", "trust": "the role trust policy"}


def decide(cloud: Cloud, request: Request, say: Say) -> Judgement:
    """Decide, and write it down. `Refused` where a policy asks for what is not known here."""
    judgement = judge(request, say)
    decision = judgement.decision
    cloud.log.decisions.append(
        {
            "time": cloud.clock.iso(),
            "principal": request.principal.arn,
            "role": request.principal.role_arn,
            "action": request.action,
            "resource": request.resource,
            "allowed": decision.allowed,
            "explicit_deny": decision.explicit_deny,
            "statement": decision.statement,
            "by": [{"of": held.of, "policy": held.name, "statement": name} for held, name in judgement.by],
            "reason": decision.reason,
        }
    )
    return judgement


def judge(request: Request, say: Say) -> Judgement:
    """Decide without writing it down: for what is only asked."""
    identity = _ask(say.identity or (), request)
    boundary = _ask([say.boundary] if say.boundary else (), request)
    resource = _ask(say.resource, request)
    everything = identity + boundary + resource
    for held, answer in everything:
        for name in answer.denies:
            return _denied(held, name, boundary=held is say.boundary)
    lacking = _lacking(say, identity, boundary, resource)
    if lacking is not None:
        nearly = [text for _, answer in everything for text in answer.nearly]
        decision = Decision(allowed=False, explicit_deny=False, statement=None, reason="; ".join([f"{lacking} allows it", *nearly]))
        return Judgement(decision, lacking)
    by = tuple((held, name) for held, answer in everything for name, _ in answer.allows)
    statement = by[0][1] if by else None
    reason = f"statement {statement} of {by[0][0].name} allows it" if by else "an administrator, and the resource denies nothing"
    return Judgement(Decision(allowed=True, explicit_deny=False, statement=statement, reason=reason), by=by)


def _ask(policies: Iterable[Held], request: Request) -> Answers:
    return [(held, heard(held.document, request, held.kind)) for held in policies]


def _denied(held: Held, statement: str, *, boundary: bool) -> Judgement:
    reason = f"statement {statement} of {held.name} denies it"
    decision = Decision(allowed=False, explicit_deny=True, statement=statement, reason=reason)
    return Judgement(decision, "a permissions boundary" if boundary else _WITH_ARTICLE[held.kind], ((held, statement),))


def _lacking(say: Say, identity: Answers, boundary: Answers, resource: Answers) -> str | None:
    """What is missing for an Allow, as AWS names it in its messages; None if nothing is."""
    namings = {naming for _, answer in resource for _, naming in answer.allows}
    bounded = say.boundary is not None and not any(answer.allows for _, answer in boundary)
    own = say.identity is None or any(answer.allows for _, answer in identity)
    direct = "session" in namings or ("principal" in namings and not bounded)
    if (say.needs_resource or not say.own) and not namings:
        return "no resource-based policy"
    if say.own and direct:
        return None
    if not own:
        return "no identity-based policy"
    return "no permissions boundary" if bounded else None
