"""May this request be made? The evaluator of policy documents, so far for those of resources: event buses and queues.

`evaluate` knows documents and a request, nothing else: whether an account's own callers need the resource's consent at all, and whether another
account's need both sides', is for whoever asks. What a document says that is not understood here is `Refused` by name, never passed over; so is a
condition on a key that the request neither has nor declares absent, because AWS might have had it.

Source: IAM User Guide, "IAM JSON policy element reference", "Policy evaluation logic", "Condition operators", "Multivalued context keys".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localaws.cloud import Principal, Refused
from localaws.policy.conditions import check_condition, unmet
from localaws.policy.wildcards import arn_matches, fill_variables, text_matches

Document = dict[str, Any]

_STATEMENT_KEYS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Request:
    """What is asked. `context` holds condition keys: a text, a list of texts for a multivalued key, or None for a key known to be absent."""

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, str | list[str] | None] = field(default_factory=dict)

    def keys(self) -> dict[str, str | list[str] | None]:
        """Every condition key there is, in lower case as IAM compares them: what the principal implies, then `context`."""
        return {name.lower(): value for name, value in {**principal_keys(self.principal), **self.context}.items()}


@dataclass(frozen=True)
class Decision:
    """`statement` is the Sid (or the number, from 0) of the statement that decided; `reason` says it in words."""

    allowed: bool
    explicit_deny: bool
    statement: str | None
    reason: str


def principal_keys(principal: Principal) -> dict[str, str | list[str] | None]:
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


def evaluate(documents: Iterable[Document], request: Request) -> Decision:
    """Decide by the policy documents of a resource: any Deny that applies wins, else one Allow is needed. `Refused` for what is not known here."""
    allow: str | None = None
    nearly: list[str] = []
    for document in documents:
        variables = document.get("Version") == "2012-10-17"
        for name, statement in _statements(document):
            applies, why_not = _applies(statement, request, variables=variables)
            if not applies:
                nearly += [f"{name} wants {why_not}"] if why_not and statement["Effect"] == "Allow" else []
            elif statement["Effect"] == "Deny":
                return Decision(allowed=False, explicit_deny=True, statement=name, reason=f"statement {name} denies it")
            else:
                allow = allow or name
    if allow is not None:
        return Decision(allowed=True, explicit_deny=False, statement=allow, reason=f"statement {allow} allows it")
    return Decision(allowed=False, explicit_deny=False, statement=None, reason="; ".join(["no statement allows it", *nearly]))


def check_document(document: Document) -> None:
    """Raise `Refused`, by name, for whatever in a resource's policy could not be evaluated faithfully."""
    unknown = set(document) - {"Version", "Id", "Statement"}
    if unknown or document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise Refused(f"policy element {', '.join(sorted(unknown)) or 'Version'}: {document.get('Version')} (localaws/policy/documents.py)")
    for _, statement in _statements(document):
        check_condition(statement.get("Condition", {}))


def read_document(text: str) -> Document:
    """A policy document out of its JSON text, checked. `ValueError` if it is none."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("a policy is a JSON object")  # noqa: TRY004 - for the caller it is one more text that is no policy
    check_document(document)
    return document


# -- statements


def _statements(document: Document) -> list[tuple[str, dict[str, Any]]]:
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return [(str(statement.get("Sid", number)), _checked(statement)) for number, statement in enumerate(listed)]


def _checked(statement: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(statement) - _STATEMENT_KEYS)
    if unknown:
        raise Refused(f"policy element {', '.join(unknown)} (localaws/policy/documents.py)")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in statement) == (other in statement):
            raise Refused(
                f"policy statement {statement.get('Sid', '')}: exactly one of {one} and {other} is understood (localaws/policy/documents.py)"
            )
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise Refused(f"policy statement {statement.get('Sid', '')}: Effect {statement.get('Effect')} (localaws/policy/documents.py)")
    for pattern in _listed(statement.get("Resource", statement.get("NotResource"))):
        if pattern != "*" and pattern.count(":") < 5:
            raise Refused(f"policy resource {pattern}: * or an ARN is understood (localaws/policy/documents.py)")
    _principals(statement)
    return statement


def _applies(statement: dict[str, Any], request: Request, *, variables: bool) -> tuple[bool, str | None]:
    """Whether a statement speaks of this request; if only its conditions say no, which one."""
    keys = request.keys()
    if not (_names_principal(statement, request.principal) and _names_action(statement, request.action)):
        return False, None
    if not _names_resource(statement, request.resource, keys if variables else None):
        return False, None
    why_not = unmet(statement.get("Condition", {}), keys, variables=variables)
    return why_not is None, why_not


def _names_action(statement: dict[str, Any], action: str) -> bool:
    named = any(text_matches(pattern.lower(), action.lower()) for pattern in _listed(statement.get("Action", statement.get("NotAction"))))
    return named == ("Action" in statement)


def _names_resource(statement: dict[str, Any], resource: str, keys: Mapping[str, str | list[str] | None] | None) -> bool:
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


def _names_principal(statement: dict[str, Any], principal: Principal) -> bool:
    principals = _principals(statement)
    if principal.service is not None and principal.service in principals.get("Service", []):
        return True
    return any(_is_principal(name, principal) for name in principals.get("AWS", []))


def _is_principal(name: str, principal: Principal) -> bool:
    if name == "*":
        return True
    if principal.service is not None:
        return False
    if account := _ACCOUNT.fullmatch(name):
        return account.group(1) == principal.account
    return name in (principal.arn, principal.role_arn)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
