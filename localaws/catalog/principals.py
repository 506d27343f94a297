"""Who may use a portfolio: IAM principals, or patterns of their names.

Sources: AWS Service Catalog API Reference, AssociatePrincipalWithPortfolio, DisassociatePrincipalFromPortfolio; Administrator Guide, "AWS Service
Catalog default service quotas" (100 users, groups and roles per portfolio). That associating again is no error is what the public samples rely on;
the answer to a principal of another account is seen in hashicorp/terraform-provider-aws issue 33038. That the caller has to be allowed to read the
principal is what aws-samples let their functions do that enable project templates: `core.Behaviour.looks_as_caller`.
"""

import re
from typing import Any

from moto.iam.models import IAMBackend, iam_backends

from localaws.authorization import require
from localaws.catalog import core
from localaws.cloud import AwsError, Call, Cloud, operation

MOST = 100
MOST_PATTERNS = 10
_ARN = re.compile(r"arn:aws:iam::(?P<account>[^:]*):(?P<kind>role|user|group)/(?P<name>.+)")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParametersException", message)


@operation("servicecatalog", "AssociatePrincipalWithPortfolio")
def associate_principal(cloud: Cloud, call: Call) -> dict[str, Any]:
    portfolio = core.usable(cloud, call, call.params["PortfolioId"])
    arn, kind = call.params["PrincipalARN"], call.params["PrincipalType"]
    if kind == "IAM":
        _check_principal(cloud, call, arn)
    else:
        _check_pattern(cloud, call, portfolio, arn)
    known = core.principals(cloud, call.account, call.region, portfolio.id)
    if (arn, kind) in known:
        return {}
    patterns = sum(each == "IAM_PATTERN" for _, each in known)
    if len(known) >= MOST or (kind == "IAM_PATTERN" and patterns >= MOST_PATTERNS):
        most = MOST if len(known) >= MOST else f"{MOST_PATTERNS} {kind}"
        raise AwsError("LimitExceededException", f"Portfolio {portfolio.id} has {most} principals already.")
    known[arn, kind] = core.next_number(cloud)
    return {}


def _check_principal(cloud: Cloud, call: Call, arn: str) -> None:
    """A user, group or role of the caller's account."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise _invalid(f"PrincipalARN {arn} is no ARN of an IAM user, group or role.")
    if found["account"] != call.account:
        message = f"Resource not found, caller account id ({call.account}) does not match input account id ({found['account']})"
        raise AwsError("ResourceNotFoundException", message)
    if core.behaviour(cloud).looks_as_caller:
        require(cloud, call, f"iam:Get{found['kind'].capitalize()}", arn, call.account)
    answer = core.behaviour(cloud).missing_principal
    if answer != "associated" and not _is_there(iam_backends[call.account]["aws"], found["kind"], arn):
        raise AwsError(answer, f"Principal {arn} not found.")


def _is_there(iam: IAMBackend, kind: str, arn: str) -> bool:
    known = {"role": iam.roles, "user": iam.users, "group": iam.groups}[kind]
    return any(each.arn == arn for each in known.values())


def _check_pattern(cloud: Cloud, call: Call, portfolio: core.Portfolio, arn: str) -> None:
    found = _ARN.fullmatch(arn)
    if found is None or found["account"]:
        raise _invalid(f"PrincipalARN {arn}: with PrincipalType IAM_PATTERN it is the ARN of a user, group or role without an account id.")
    if portfolio.owner != call.account and not core.behaviour(cloud).imported_takes_patterns:
        raise _invalid(f"Portfolio {portfolio.id} is shared with this account: principals of type IAM_PATTERN cannot be associated with it.")


@operation("servicecatalog", "DisassociatePrincipalFromPortfolio")
def disassociate_principal(cloud: Cloud, call: Call) -> dict[str, Any]:
    """The principal need not be there any more. Without a PrincipalType it is IAM's."""
    portfolio = core.usable(cloud, call, call.params["PortfolioId"])
    key = (call.params["PrincipalARN"], call.params.get("PrincipalType", "IAM"))
    gone = core.principals(cloud, call.account, call.region, portfolio.id).pop(key, None)
    if gone is None and core.behaviour(cloud).not_associated != "ignored":
        raise AwsError("ResourceNotFoundException", f"Principal {key[0]} is not associated with portfolio {portfolio.id}.")
    return {}


@operation("servicecatalog", "ListPrincipalsForPortfolio")
def list_principals(cloud: Cloud, call: Call) -> dict[str, Any]:
    portfolio = core.usable(cloud, call, call.params["PortfolioId"])
    known = core.principals(cloud, call.account, call.region, portfolio.id)
    numbered = [(number, {"PrincipalARN": arn, "PrincipalType": kind}) for (arn, kind), number in known.items()]
    shown, token = core.paged(cloud, call, numbered, call.params.get("PageSize"))
    return {"Principals": shown, **token}
