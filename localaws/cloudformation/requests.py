"""What a caller of CloudFormation brings: a template from the request or from S3, parameters, capabilities, tags."""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from localaws.cloud import AwsError, Call, Cloud, Principal, Refused
from localaws.cloudformation.handlers import handler_of
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.parameters import resolve_parameters
from localaws.cloudformation.stacks import Source
from localaws.cloudformation.templates import Document, check, invalid, parse, transforms
from localaws.cloudformation.transform import expand

LARGEST_BODY = 51_200
LARGEST_FILE = 1_048_576
"""Bytes of a template in a request, and in S3."""

_LOOPBACK = re.compile(r"(TemplateURL[\"']?:\s*[\"']?)http://(?:localhost|127\.0\.0\.1):\d+/")
_NAMED = {"AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::Role": "RoleName"}


def template_text(cloud: Cloud, call: Call, previous: str | None = None) -> str:
    """The template that a request brings, or names, or means by ``UsePreviousTemplate``.

    An address on loopback in it becomes S3's own: `sam deploy` writes the endpoint's there, and `sam delete` cannot read that back.
    """
    return _LOOPBACK.sub(rf"\1https://s3.{call.region}.amazonaws.com/", _given_text(cloud, call, previous))


def _given_text(cloud: Cloud, call: Call, previous: str | None) -> str:
    params = call.params
    given = [name for name in ("TemplateBody", "TemplateURL", "UsePreviousTemplate") if params.get(name)]
    if len(given) != 1:
        raise invalid(f"Exactly one of TemplateBody, TemplateURL and UsePreviousTemplate must be specified, not {given}")
    if "TemplateURL" in given:
        return _read(cloud, call, params["TemplateURL"])
    if "UsePreviousTemplate" in given:
        if previous is None:
            raise invalid("UsePreviousTemplate is not valid for something that has no template yet")
        return previous
    text: str = params["TemplateBody"]
    largest = LARGEST_FILE if call.principal.invoked_by == "stacksets.cloudformation.amazonaws.com" else LARGEST_BODY
    if len(text.encode()) > largest:
        raise invalid(f"Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {largest}")
    return text


def _read(cloud: Cloud, call: Call, url: str) -> str:
    bucket, key = s3_location(url)
    try:
        answer = cloud.client("s3", call.region, call.principal).get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise invalid(f"S3 error: {error.response['Error'].get('Message', '')} for {url}") from error
    text: bytes = answer["Body"].read()
    if len(text) > LARGEST_FILE:
        raise invalid(f"Template may not exceed {LARGEST_FILE} bytes in size.")
    return text.decode()


def s3_location(url: str) -> tuple[str, str]:
    """Bucket and key of a template's address: path style or with the bucket in the host's name, at Amazon or on loopback."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("http", "https") or not path:
        raise invalid("TemplateURL must be a supported URL.")
    if host in ("localhost", "127.0.0.1") or host.startswith(("s3.", "s3-")):
        bucket, _, key = path.partition("/")
        return bucket, key
    if host.endswith(".amazonaws.com") and ".s3" in host:
        return host.split(".s3", 1)[0], path
    raise invalid(f"TemplateURL must reference a valid S3 object to which you have access: {url}")


def given_parameters(call: Call, previous: dict[str, str]) -> dict[str, str]:
    """Parameters by name; one with ``UsePreviousValue`` as it was."""
    given = {}
    for parameter in call.params.get("Parameters", []):
        name = parameter["ParameterKey"]
        if not parameter.get("UsePreviousValue"):
            given[name] = as_text(parameter.get("ParameterValue", ""))
        elif name in previous:
            given[name] = previous[name]
    return given


def given_tags(call: Call) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags", [])}
    if reserved := [key for key in tags if key.lower().startswith("aws:")]:
        raise invalid(f"aws: prefixed tag key names are not allowed for external use: {reserved[0]}")
    return tags


def read_source(text: str, given: dict[str, str], region: str) -> Source:
    """A template with its parameters, expanded and checked: nothing in it that would be skipped or dropped."""
    document = parse(text)
    parameters = resolve_parameters(document, given)
    expanded = expand(document, parameters, region)
    check(expanded, handler_of)
    return Source(text, expanded, given, parameters)


def check_capabilities(call: Call, source: Source, *, expands: bool) -> None:
    """Refuse IAM resources and (with `expands`) macros that the caller has not acknowledged."""
    given = set(call.params.get("Capabilities", []))
    needed = needed_capability(source.document)
    if needed == "CAPABILITY_NAMED_IAM" and needed not in given:
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if needed == "CAPABILITY_IAM" and not given & {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}:
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    if expands and transforms(parse(source.text)) and "CAPABILITY_AUTO_EXPAND" not in given:
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")


def needed_capability(document: Document) -> str | None:
    """What has to be acknowledged for a template's IAM resources, if it has any."""
    needed = None
    for resource in document["Resources"].values():
        if resource["Type"].startswith("AWS::IAM::"):
            if _NAMED.get(resource["Type"]) in resource.get("Properties", {}):
                return "CAPABILITY_NAMED_IAM"
            needed = "CAPABILITY_IAM"
    return needed


def deployer(call: Call, former_role: str | None = None) -> Principal:
    """Who makes the resources: the role that the stack is given (it keeps it), else the caller."""
    role: str | None = call.params.get("RoleARN") or former_role
    return Principal.of_role(role, "AWSCloudFormation") if role else call.principal


def refuse(call: Call, *names: str) -> None:
    """Refuse what a request asks for by these members."""
    for name in names:
        value: Any = call.params.get(name)
        if value not in (None, False, [], {}, ""):
            raise Refused(f"{call.action} with {name}: localaws does not do that (localaws/cloudformation)")
