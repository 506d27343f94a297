"""Which permissions were used, and what was denied: what a deployment's policies allow, held against the log of decisions.

What no decision ever used is too much, or not tried out. Statement by statement and action by action::

    for permission in unused(cloud, "/steward/"):
        print(permission)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.awslambda.utils import get_backend
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from localaws.cloud import Cloud
from localaws.policy.documents import statements
from localaws.policy.held import Held, identity_policies, resource_policies, trust_of
from localaws.policy.wildcards import text_matches


@dataclass(frozen=True)
class Permission:
    """One action that one Allow statement of one policy lists. `of` is the ARN of the role or resource that has the policy."""

    of: str
    policy: str
    statement: str
    action: str

    def __str__(self) -> str:
        return f"{self.of}: {self.policy}, statement {self.statement}: {self.action}"


def permissions(cloud: Cloud, path: str = "/") -> list[Permission]:
    """All that is allowed: by policies and trust of roles under this path, and by those of buses, queues, topics, functions and buckets."""
    return [permission for held in policies(cloud, path) for permission in _allowed(held)]


def unused(cloud: Cloud, path: str = "/") -> list[Permission]:
    """What is allowed, and no decision so far was allowed by."""
    used: dict[tuple[str, str, str], set[str]] = {}
    for decision in cloud.log.decisions:
        for by in decision["by"] if decision["allowed"] else []:
            used.setdefault((by["of"], by["policy"], by["statement"]), set()).add(decision["action"])

    def is_used(permission: Permission) -> bool:
        actions = used.get((permission.of, permission.policy, permission.statement), set())
        return any(text_matches(permission.action.lower(), action.lower()) for action in actions)

    return [permission for permission in permissions(cloud, path) if not is_used(permission)]


def denied(cloud: Cloud) -> list[dict[str, Any]]:
    """Every decision so far that denied."""
    return [decision for decision in cloud.log.decisions if not decision["allowed"]]


def policies(cloud: Cloud, path: str = "/") -> Iterator[Held]:
    """Every policy in force in the accounts of the organization; of roles, those under this path."""
    for account in sorted(cloud.organization.account_ids):
        for role in iam_backends[account]["aws"].roles.values():
            if role.path.startswith(path):
                yield trust_of(role)
                yield from identity_policies(role)
        for arn in _resources(account):
            yield from resource_policies(cloud, arn)


def _resources(account: str) -> Iterator[str]:
    """The ARNs of what can have a policy of its own."""
    for region in sorted({*events_backends[account], *sqs_backends[account], *sns_backends[account]}):
        yield from (bus.arn for bus in events_backends[account][region].event_buses.values())
        yield from (queue.queue_arn for queue in sqs_backends[account][region].queues.values())
        yield from (str(arn) for arn in sns_backends[account][region].topics)
        yield from (function.function_arn for function in get_backend(account, region).list_functions())
    yield from (f"arn:aws:s3:::{name}" for name in s3_backends[account]["aws"].buckets)


def _allowed(held: Held) -> Iterator[Permission]:
    for name, statement in statements(held.document, held.kind):
        # What NotAction allows cannot be listed: it counts as one permission, of everything.
        actions = statement.get("Action", "*")
        for action in [actions] if isinstance(actions, str) else actions:
            if statement["Effect"] == "Allow":
                yield Permission(held.of, held.name, name, action)
