"""Studio lifecycle configurations: scripts that Studio runs when an app starts. One is never changed: another script needs another name."""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

AppType = Literal["JupyterLab", "CodeEditor"]


@dataclass(frozen=True)
class LifecycleConfig:
    """`content` is the script as it runs, None where it is no text in base64."""

    app_type: str
    content: str | None


def describe_lifecycle_config(sagemaker: "SageMakerClient", name: str) -> LifecycleConfig | None:
    """The one of this name in this account and Region, or None where there is none."""
    try:
        answer = sagemaker.describe_studio_lifecycle_config(StudioLifecycleConfigName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    return LifecycleConfig(answer["StudioLifecycleConfigAppType"], _text(answer["StudioLifecycleConfigContent"]))


def create_lifecycle_config(sagemaker: "SageMakerClient", name: str, app_type: AppType, content: str) -> None:
    """Make one. It is fine where one of that name has come to be meanwhile: what it holds is asked afterwards."""
    try:
        sagemaker.create_studio_lifecycle_config(
            StudioLifecycleConfigName=name,
            StudioLifecycleConfigContent=base64.b64encode(content.encode()).decode(),
            StudioLifecycleConfigAppType=app_type,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise


def _text(content: str) -> str | None:
    try:
        return base64.b64decode(content).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
