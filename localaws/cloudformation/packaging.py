"""What ``sam package`` does: what a template names on this disk goes to S3, and the template names it there.

Objects are keyed by the hash of what is in them, so a second deployment of the same uploads nothing. A layer with ``Metadata.BuildMethod`` is
packed as it lies, not built: its requirements.txt says what has to be in it.

Source: AWS SAM CLI 1.170.0, samcli/lib/package/packageable_resources.py; AWS CLI, ``aws cloudformation package``.
"""

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localaws.cloud import Cloud, Principal, Refused
from localaws.cloudformation.templates import Document, parse

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
_HERE = "localaws/cloudformation/packaging.py"


class PackageNotFound(FileNotFoundError):
    """A template names something that is not on this disk."""


@dataclass(frozen=True)
class Artifacts:
    """A bucket of one account and Region that packages are uploaded to."""

    cloud: Cloud
    principal: Principal
    region: str

    @property
    def bucket(self) -> str:
        return f"localaws-artifacts-{self.principal.account}-{self.region}"

    def put(self, content: bytes, suffix: str) -> str:
        """Upload unless it is there; its key."""
        key = f"{hashlib.sha256(content).hexdigest()}{suffix}"
        client = self.cloud.client("s3", self.region, self.principal)
        if not _exists(client.head_bucket, Bucket=self.bucket):
            place = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            client.create_bucket(Bucket=self.bucket, **place)
        if not _exists(client.head_object, Bucket=self.bucket, Key=key):
            client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def url(self, key: str) -> str:
        return f"https://s3.{self.region}.amazonaws.com/{self.bucket}/{key}"


def _exists(head: Callable[..., Any], **what: str) -> bool:
    try:
        head(**what)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return False
    return True


def package(template: Path, artifacts: Artifacts) -> str:
    """The text of the template at this path, with everything it names uploaded."""
    document = copy.deepcopy(parse(template.read_text(encoding="utf-8")))
    folder = template.parent
    common = document.get("Globals", {}).get("Function", {})
    if _is_local(common.get("CodeUri")):
        common["CodeUri"] = _uploaded_folder(common["CodeUri"], folder, artifacts)
    for logical_id, resource in document["Resources"].items():
        _package_resource(logical_id, resource, folder, artifacts)
    return json.dumps(document)


def _package_resource(logical_id: str, resource: Document, folder: Path, artifacts: Artifacts) -> None:
    kind, properties = resource.get("Type", ""), resource.get("Properties", {})
    for (type_name, name), change in _PACKAGED.items():
        if type_name == kind and _is_local(properties.get(name)):
            properties[name] = change(properties[name], folder, artifacts)
    for type_name, name in _NOT_PACKAGED:
        if type_name == kind and _is_local(properties.get(name)):
            raise Refused(f"{logical_id}: localaws does not package {name} of {kind} ({_HERE})")


def _is_local(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith(("s3://", "http://", "https://"))


def _uploaded_folder(name: str, folder: Path, artifacts: Artifacts) -> str:
    return f"s3://{artifacts.bucket}/{artifacts.put(packed(_found(folder / name)), '.zip')}"


def _uploaded_function(name: str, folder: Path, artifacts: Artifacts) -> Document:
    return {"S3Bucket": artifacts.bucket, "S3Key": artifacts.put(packed(_found(folder / name)), ".zip")}


def _uploaded_file(name: str, folder: Path, artifacts: Artifacts) -> Document:
    path = _found(folder / name)
    return {"Bucket": artifacts.bucket, "Key": artifacts.put(path.read_bytes(), "".join(path.suffixes))}


def _uploaded_template(name: str, folder: Path, artifacts: Artifacts) -> str:
    """A template of its own, packaged like this one."""
    return artifacts.url(artifacts.put(package(_found(folder / name), artifacts).encode(), ".template"))


_PACKAGED: dict[tuple[str, str], Callable[[str, Path, Artifacts], Any]] = {
    ("AWS::Serverless::Function", "CodeUri"): _uploaded_folder,
    ("AWS::Serverless::LayerVersion", "ContentUri"): _uploaded_folder,
    ("AWS::Serverless::StateMachine", "DefinitionUri"): _uploaded_file,
    ("AWS::StepFunctions::StateMachine", "DefinitionS3Location"): _uploaded_file,
    ("AWS::Lambda::Function", "Code"): _uploaded_function,
    ("AWS::Lambda::LayerVersion", "Content"): _uploaded_function,
    ("AWS::CloudFormation::StackSet", "TemplateURL"): _uploaded_template,
}
_NOT_PACKAGED = (
    ("AWS::CloudFormation::Stack", "TemplateURL"),
    ("AWS::Serverless::Api", "DefinitionUri"),
    ("AWS::Serverless::Application", "Location"),
    ("AWS::Serverless::HttpApi", "DefinitionUri"),
)


def _found(path: Path) -> Path:
    if not path.exists():
        raise PackageNotFound(f"{path}: the template names it, and it is not there")
    return path


def packed(path: Path) -> bytes:
    """A zip archive of a folder (or one file; an archive is taken as it is): the same bytes for the same files, whatever their dates and order."""
    if path.is_file() and path.suffix == ".zip":
        return path.read_bytes()
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file() and not _LEFT_OUT & set(file.parts))
    root = path.parent if path.is_file() else path
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _EPOCH)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return content.getvalue()
