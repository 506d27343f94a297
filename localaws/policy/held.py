"""The policies in force: of roles, and of the resources that have policies of their own. moto keeps them, we read each text once."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.utils import get_backend
from moto.events.models import events_backends
from moto.iam.exceptions import NotFoundException
from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from localaws.cloud import Cloud, Refused
from localaws.policy.documents import Document, Kind, read_document

BUCKET_POLICIES = "s3:BucketPolicy"
"""Where bucket policies are kept: not by moto, which decides by them without their conditions."""


@dataclass(frozen=True)
class Held:
    """One policy: `of` is the ARN of the role or resource that has it, `name` says which one it is, ``inline tag-user-profiles`` or ``trust``."""

    of: str
    name: str
    kind: Kind
    document: Document


def role_by_arn(role_arn: str) -> Role | None:
    """moto's role; None if there is none of this ARN, its path included."""
    try:
        role = iam_backends[role_arn.split(":")[4]]["aws"].get_role(role_arn.rsplit("/", 1)[1])
    except NotFoundException:
        return None
    return role if role.arn == role_arn else None


def identity_policies(role: Role) -> list[Held]:
    """Inline policies and attached managed ones."""
    inline = [Held(role.arn, f"inline {name}", "identity", _read(text, "identity")) for name, text in role.policies.items()]
    managed = [Held(role.arn, f"managed {arn}", "identity", _in_force(policy)) for arn, policy in role.managed_policies.items()]
    return inline + managed


def boundary_of(role: Role) -> Held | None:
    """The permissions boundary; `Refused` if the policy that is to be it does not exist."""
    arn = role.permissions_boundary_arn
    if not arn:
        return None
    policy = iam_backends[role.account_id]["aws"].managed_policies.get(arn)
    if policy is None:
        raise Refused(f"{role.arn} has the permissions boundary {arn}, which does not exist (localaws/policy/held.py)")
    return Held(role.arn, f"boundary {arn}", "identity", _in_force(policy))


def trust_of(role: Role) -> Held:
    return Held(role.arn, "trust", "trust", _read(role.assume_role_policy_document, "trust"))


def resource_policies(cloud: Cloud, arn: str) -> list[Held]:
    """The resource's own policy, if it has one: of event buses, queues, topics, functions and buckets. Any other kind has none here."""
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    text = _TEXTS[service](cloud, arn) if service in _TEXTS else None
    return [Held(arn, "resource policy", "resource", _read(text, "resource"))] if text else []


def _in_force(policy: ManagedPolicy) -> Document:
    """The default version of a managed policy."""
    return _read(next(version.document for version in policy.versions if version.version_id == policy.default_version_id), "identity")


def _read(document: str | Document, kind: Kind) -> Document:
    return read_document(document if isinstance(document, str) else json.dumps(document), kind)


# -- where moto keeps the policies of resources


def _of_bus(_: Cloud, arn: str) -> str | None:
    region, account, resource = arn.split(":", 5)[3:]
    bus = events_backends[account][region].event_buses.get(resource.removeprefix("event-bus/"))
    return bus.policy if bus is not None and resource.startswith("event-bus/") else None


def _of_queue(_: Cloud, arn: str) -> str | None:
    region, account, name = arn.split(":", 5)[3:]
    queue = sqs_backends[account][region].queues.get(name)
    return queue.policy if queue is not None else None


def _of_topic(_: Cloud, arn: str) -> str | None:
    region, account = arn.split(":")[3:5]
    topic = sns_backends[account][region].topics.get(arn)
    return topic.policy if topic is not None else None


def _of_function(_: Cloud, arn: str) -> str | None:
    region, account, kind, name = arn.split(":")[3:7]
    try:
        said = get_backend(account, region).get_function(name).policy.statements
    except UnknownFunctionException:
        return None
    # Of accounts, users and roles moto keeps just the name.
    named = [{**one, "Principal": {"AWS": one["Principal"]}} if isinstance(one["Principal"], str) else one for one in said]
    return json.dumps({"Version": "2012-10-17", "Statement": named}) if named and kind == "function" else None


def _of_bucket(cloud: Cloud, arn: str) -> str | None:
    policy: str | None = cloud.table(BUCKET_POLICIES, "", "").get(arn.split(":::", 1)[1].split("/", 1)[0])
    return policy


def bucket_owner(name: str) -> str | None:
    """The account of a bucket."""
    for account, backend in s3_backends.items():
        if name in backend["aws"].buckets:
            return str(account)
    return None


_TEXTS: dict[str, Callable[[Cloud, str], str | None]] = {
    "events": _of_bus,
    "sqs": _of_queue,
    "sns": _of_topic,
    "lambda": _of_function,
    "s3": _of_bucket,
}
