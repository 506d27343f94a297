"""What a policy document says of a request: statements evaluated, for policies of identities and of resources, and for trust policies of roles.

`heard` and `evaluate` know documents and a request, nothing else: how several policies of several kinds come to one decision is in
`localaws.policy.decisions`. What a document says that is not understood here is `Refused` by name, never passed over; so is a condition on a key
that the request neither has nor declares absent, because AWS might have had it.

Source: IAM User Guide, "IAM JSON policy element reference", "Policy evaluation logic", "Condition operators", "Multivalued context keys".
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from localaws.cloud import Principal, Refused
from localaws.policy.conditions import check_condition, unmet
from localaws.policy.keys import Context
from localaws.policy.wildcards import arn_matches, fill_variables, text_matches, variables_in

Document = dict[str, Any]
Kind = Literal["identity", "resource", "trust"]
"""What a document is attached to. Policies of identities name no principal, trust policies no resource."""

Naming = Literal["session", "principal", "account"]
"""How a statement names who asks: the session itself, the role or everybody, or just the account, which leaves the decision to that account."""

_STATEMENT_KEYS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Request:
    """What is asked. `context` holds condition keys."""

    principal: Principal
    action: str
    resource: str
    context: Context = field(default_factory=dict)

    @cached_property
    def keys(self) -> Context:
        """Every condition key there is, in lower case as IAM compares them: what the principal implies, then `context`."""
        return {name.lower(): value for name, value in {**principal_keys(self.principal), **self.context}.items()}


@dataclass(frozen=True)
class Decision:
    """`statement` is the Sid (or the number, from 0) of the statement that decided; `reason` says it in words."""

    allowed: bool
    explicit_deny: bool
    statement: str | None
    reason: str


@dataclass(frozen=True)
class Heard:
    """What one document says: its statements that apply, and of the allowing ones that nearly did which condition they want met."""

    allows: tuple[tuple[str, Naming], ...]
    denies: tuple[str, ...]
    nearly: tuple[str, ...]


def principal_keys(principal: Principal) -> Context:
    """The ``aws:Principal…`` keys. A service that acts for itself has no account, ARN or organization."""
    if principal.service is not None:
        absent = dict.fromkeys(("aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:userid", "aws:username"))
        return {**absent, "aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal.service}
    return {
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalServiceName": None,
    }


def heard(document: Document, request: Request, kind: Kind = "resource") -> Heard:
    """Ask one document. `Refused` for what is not known here."""
    variables = document.get("Version") == "2012-10-17"
    allows: list[tuple[str, Naming]] = []
    denies: list[str] = []
    nearly: list[str] = []
    for name, statement in statements(document, kind):
        naming, why_not = _applies(statement, request, kind, variables=variables)
        if naming is None:
            nearly += [f"{name} wants {why_not}"] if why_not and statement["Effect"] == "Allow" else []
        elif statement["Effect"] == "Deny":
            denies.append(name)
        else:
            allows.append((name, naming))
    return Heard(tuple(allows), tuple(denies), tuple(nearly))


def keys_asked(document: Document, request: Request, kind: Kind) -> Iterator[str]:
    """The condition keys, as written, that the statements about this action and resource ask for, in conditions and in policy variables."""
    variables = document.get("Version") == "2012-10-17"
    for _, statement in statements(document, kind):
        if not _names_action(statement, request.action):
            continue
        if variables:
            yield from variables_in(_listed(statement.get("Resource", statement.get("NotResource"))))
        if _names_resource(statement, request.resource, request.keys if variables else None):
            for wishes in statement.get("Condition", {}).values():
                yield from wishes
                if variables:
                    yield from variables_in(str(want) for wanted in wishes.values() for want in _listed(wanted))


def evaluate(documents: Iterable[Document], request: Request, kind: Kind = "resource") -> Decision:
    """Decide by documents of one kind alone: any Deny that applies wins, else one Allow is needed. `Refused` for what is not known here."""
    answers = [heard(document, request, kind) for document in documents]
    for name in (name for answer in answers for name in answer.denies):
        return Decision(allowed=False, explicit_deny=True, statement=name, reason=f"statement {name} denies it")
    for name in (name for answer in answers for name, _ in answer.allows):
        return Decision(allowed=True, explicit_deny=False, statement=name, reason=f"statement {name} allows it")
    nearly = [text for answer in answers for text in answer.nearly]
    return Decision(allowed=False, explicit_deny=False, statement=None, reason="; ".join(["no statement allows it", *nearly]))


def check_document(document: Document, kind: Kind = "resource") -> None:
    """Raise `Refused`, by name, for whatever in a policy could not be evaluated faithfully."""
    unknown = set(document) - {"Version", "Id", "Statement"}
    if unknown or document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise Refused(f"policy element {', '.join(sorted(unknown)) or 'Version'}: {document.get('Version')} (localaws/policy/documents.py)")
    for _, statement in statements(document, kind):
        check_condition(statement.get("Condition", {}))


@lru_cache(maxsize=4096)
def read_document(text: str, kind: Kind = "resource") -> Document:
    """A policy document out of its JSON text, checked; read once for each text, so not to be changed. `ValueError` if it is none."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("a policy is a JSON object")  # noqa: TRY004 - for the caller it is one more text that is no policy
    check_document(document, kind)
    read = _Read(document)
    read.statements = statements(document, kind)
    return read


# -- statements


class _Read(dict[str, Any]):
    """A document that was read, and its statements that were checked then."""

    statements: list[tuple[str, dict[str, Any]]]


def statements(document: Document, kind: Kind) -> list[tuple[str, dict[str, Any]]]:
    """Each statement with its Sid, or its number from 0, checked."""
    if isinstance(document, _Read):
        return document.statements
    said = document.get("Statement", [])
    listed = said if isinstance(said, list) else [said]
    return [(str(statement.get("Sid", number)), _checked(statement, kind)) for number, statement in enumerate(listed)]


def _checked(statement: dict[str, Any], kind: Kind) -> dict[str, Any]:
    unknown = sorted(set(statement) - _STATEMENT_KEYS)
    if unknown:
        raise Refused(f"policy element {', '.join(unknown)} (localaws/policy/documents.py)")
    sid = statement.get("Sid", "")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"))[: 1 if kind == "trust" else 2]:
        if (one in statement) == (other in statement):
            raise Refused(f"policy statement {sid}: exactly one of {one} and {other} is understood (localaws/policy/documents.py)")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise Refused(f"policy statement {sid}: Effect {statement.get('Effect')} (localaws/policy/documents.py)")
    unfit = {"identity": {"Principal"}, "trust": {"Resource", "NotResource"}, "resource": set[str]()}[kind] & set(statement)
    if unfit:
        raise Refused(f"policy statement {sid}: {', '.join(sorted(unfit))} in a policy of kind {kind} (localaws/policy/documents.py)")
    for pattern in _listed(statement.get("Resource", statement.get("NotResource", []))):
        if pattern != "*" and pattern.count(":") < 5:
            raise Refused(f"policy resource {pattern}: * or an ARN is understood (localaws/policy/documents.py)")
    if kind != "identity":
        _principals(statement)
    return statement


def _applies(statement: dict[str, Any], request: Request, kind: Kind, *, variables: bool) -> tuple[Naming | None, str | None]:
    """How a statement that speaks of this request names who asks, or None; if only its conditions say no, which one."""
    naming = _names_principal(statement, request.principal) if kind != "identity" else "principal"
    if naming is None or not _names_action(statement, request.action):
        return None, None
    if kind != "trust" and not _names_resource(statement, request.resource, request.keys if variables else None):
        return None, None
    why_not = unmet(statement.get("Condition", {}), request.keys, variables=variables)
    return (naming, None) if why_not is None else (None, why_not)


def _names_action(statement: dict[str, Any], action: str) -> bool:
    named = any(text_matches(pattern.lower(), action.lower()) for pattern in _listed(statement.get("Action", statement.get("NotAction"))))
    return named == ("Action" in statement)


def _names_resource(statement: dict[str, Any], resource: str, keys: Context | None) -> bool:
    patterns = _listed(statement.get("Resource", statement.get("NotResource")))
    named = any(_resource_matches(fill_variables(pattern, keys), resource) for pattern in patterns)
    return named == ("Resource" in statement)


def _resource_matches(pattern: str | None, resource: str) -> bool:
    # A variable without a value (None) names no resource.
    return pattern is not None and (pattern == "*" or arn_matches(pattern, resource))


# -- principals

_ACCOUNT = re.compile(r"(?:arn:aws[\w-]*:iam::)?(\d{12})(?::root)?")


def _principals(statement: dict[str, Any]) -> dict[str, list[str]]:
    """``{"AWS": […], "Service": […]}``; ``"*"`` is ``{"AWS": ["*"]}``, as IAM takes it in policies of resources."""
    said = statement.get("Principal")
    if said == "*":
        return {"AWS": ["*"]}
    if not isinstance(said, dict) or not said:
        raise Refused(f"policy statement {statement.get('Sid', '')}: a resource's policy without Principal, {said!r} (localaws/policy/documents.py)")
    principals = {kind: _listed(names) for kind, names in said.items()}
    if unknown := sorted(set(principals) - {"AWS", "Service"}):
        raise Refused(f"policy principal {', '.join(unknown)} (localaws/policy/documents.py)")
    for name in principals.get("AWS", []):
        if name != "*" and not _ACCOUNT.fullmatch(name) and (not name.startswith("arn:") or "*" in name or "?" in name):
            raise Refused(f"policy principal {name}: an account, a whole ARN or * is understood (localaws/policy/documents.py)")
    return principals


def _names_principal(statement: dict[str, Any], principal: Principal) -> Naming | None:
    """The closest way in which a statement names this principal."""
    principals = _principals(statement)
    if principal.service is not None and principal.service in principals.get("Service", []):
        return "principal"
    found = {_naming(name, principal) for name in principals.get("AWS", [])}
    closest: tuple[Naming, ...] = ("session", "principal", "account")
    return next((naming for naming in closest if naming in found), None)


def _naming(name: str, principal: Principal) -> Naming | None:
    if name == "*":
        return "principal"
    if principal.service is not None:
        return None
    if account := _ACCOUNT.fullmatch(name):
        return "account" if account.group(1) == principal.account else None
    if name == principal.arn and principal.role_arn is not None:
        return "session"
    return "principal" if name in (principal.arn, principal.role_arn) else None


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
