"""What people are told of project templates, whoever looked: the workflow after an event, or the reconciliation."""

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.changes import Finding
from steward.resources.roles import not_allowed
from steward.rules.access import LOCATION_TAG, MOST_PRINCIPALS, missing_service_roles, objects_of

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

READING = ("s3:GetObject", "s3:GetObjectTagging")
"""What Studio does with a template, as the role of whoever looks at it; the second is often forgotten."""


def portfolio_is_full(where: str, role_arns: Sequence[str]) -> Finding:
    """`where` is the ARN of the portfolio, or of the account while there is none."""
    message = (
        f"A portfolio takes {MOST_PRINCIPALS} principals, so these roles cannot use the project templates: {', '.join(role_arns)}. Disassociate "
        "principals that nobody needs any more, as roles that are deleted, or give profiles a role that several share: ours follow at the next "
        "change there, by the next reconciliation, or when somebody starts an execution for the account."
    )
    return Finding("PortfolioFull", where, message)


def role_refused(role_arn: str, reason: str) -> Finding:
    """`reason` is what Service Catalog said."""
    message = (
        f"Service Catalog does not take {role_arn} as a principal, so whoever works with it has no project templates. Does the role exist? Make it, "
        f"or give its domain and profiles another one. Service Catalog says: {reason}"
    )
    return Finding("RoleRefused", role_arn, message)


def role_not_released(role_arn: str, reason: str) -> Finding:
    """Nobody uses it any more, and it stays associated; `reason` is what Service Catalog said."""
    message = (
        f"No domain and no user profile has {role_arn} any more, and Service Catalog does not take it from the principals of the project templates. "
        "It is tried again at the next change in this account and Region, and by reconciliation; or disassociate it by hand. "
        f"Service Catalog says: {reason}"
    )
    return Finding("RoleNotReleased", role_arn, message)


def of_service_roles(account_arn: str, there: Set[str], location: str) -> Iterator[Finding]:
    """`there` are the names of the account's service roles; `location` is where templates of our own are, empty for nowhere."""
    if names := missing_service_roles(there, templates_in_s3=bool(location)):
        message = (
            f"Project templates pass on service roles that this account lacks: {', '.join(names)}. Projects that need them fail. Where "
            "TemplateServiceRoles is plant, our member roles StackSet makes them; where it is leave, switch projects on for a domain in the console, "
            "which makes them."
        )
        yield Finding("ServiceRolesMissing", account_arn, message)


def location_differs(domain_arn: str, present: str, wanted: str) -> Finding:
    """The domain's tag names another place, which we did not write."""
    message = (
        f"The domain's tag {LOCATION_TAG} is {present} and not {wanted}: somebody has templates of their own there, which stay. Remove the tag if "
        "the organization's are to be had in this domain: it is set again by itself."
    )
    return Finding("TemplatesLocationDiffers", domain_arn, message)


def of_reading(iam: "IAMClient", role_arn: str, location: str) -> tuple[Finding, ...]:
    """Whether the role can read the templates of our own. Of one that is not there nothing is said here: it cannot be associated, which is a finding
    of its own."""
    objects = objects_of(location, iam.meta.partition)
    try:
        denied = not_allowed(iam, role_arn, READING, objects)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return ()
    message = (
        f"{role_arn} is not allowed {' and '.join(denied)} on {objects}: whoever works with it does not see the organization's project templates. "
        "Add that to its policies; the bucket's policy has to let the account in, too."
    )
    return (Finding("TemplatesNotReadable", role_arn, message),) if denied else ()
