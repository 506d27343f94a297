"""Execution roles of Studio: may what is made with them be tagged, and may its apps tell of themselves?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.resources.roles import not_allowed

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

TAGGED_WHEN_MADE = (("CreateSpace", "space"), ("CreateApp", "app"), ("CreateTrainingJob", "training-job"))
"""What people make first, and the value of ``sagemaker:TaggingAction`` when it is tagged: AmazonSageMakerFullAccess lets spaces be tagged by
CreateSpace only, other policies of AWS's ask for the key alone (https://docs.aws.amazon.com/sagemaker/latest/dg/custom-tags-add.html)."""


def may_tag_what_it_makes(iam: "IAMClient", role_arn: str, region: str, tags: Mapping[str, str]) -> bool | None:
    """May this role add such tags to the spaces, apps and jobs that are created with it? None where there is no such role.

    One context has one TaggingAction, so IAM is asked for each of the three, until it says no.
    """
    keys = {"aws:TagKeys": tuple(tags)} | {f"aws:RequestTag/{key}": (value,) for key, value in tags.items()}
    try:
        return not any(
            not_allowed(iam, role_arn, ["sagemaker:AddTags"], _made(role_arn, region, kind), keys | {"sagemaker:TaggingAction": (action,)})
            for action, kind in TAGGED_WHEN_MADE
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return None


def may_tag_apps(iam: "IAMClient", role_arn: str, app_arn: str, key: str) -> bool | None:
    """May this role put this one tag on apps that run? None where there is no such role."""
    keys = {"aws:TagKeys": (key,), f"aws:RequestTag/{key}": ("x",)}
    try:
        return not not_allowed(iam, role_arn, ["sagemaker:AddTags"], app_arn, keys)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return None


def _made(role_arn: str, region: str, kind: str) -> str:
    _, partition, _, _, account_id, _ = role_arn.split(":", 5)
    return f"arn:{partition}:sagemaker:{region}:{account_id}:{kind}/steward"
