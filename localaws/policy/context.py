"""The condition keys of a request: who asks, from where, about whose resource, with which tags, and what its input says to the service's own keys.

A key that is not there is unknown, and a policy that asks for it is `Refused`. What AWS documents as absent in these requests is None.

Sources: IAM User Guide, "Global condition context keys"; Service Authorization Reference, the tables of condition keys of each service. Not observed
on AWS: which of the keys for services' requests are there when a service assumes a role.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from localaws.cloud import Call, Cloud, Principal
from localaws.organization import state, units_of
from localaws.policy.held import role_by_arn
from localaws.policy.keys import Context, Value
from localaws.studio.core import by_arn

_GLOBAL = ("iam", "organizations", "ce")
"""Services with one endpoint for all Regions: requests to it are requests to us-east-1."""

_SOURCES = ("Arn", "Account", "OrgID", "OrgPaths", "Owner", "Vpc", "Vpce")
"""``aws:Source…``: absent from what principals ask for themselves, over the internet."""

_TAG_MEMBERS = ("Tags", "tags", "TagList", "Tagging")


def moment(cloud: Cloud) -> Context:
    """What every request has."""
    return {"aws:CurrentTime": cloud.clock.iso(), "aws:EpochTime": str(int(cloud.clock.now)), "aws:SecureTransport": "true"}


def of_service(cloud: Cloud, source_account: str, source_arn: str | None) -> Context:
    """A request that an AWS service makes for a resource of `source_account`."""
    return {
        **moment(cloud),
        "aws:SourceArn": source_arn,
        "aws:SourceAccount": source_account,
        "aws:SourceOrgID": organization_id(cloud, source_account),
        "aws:SourceOrgPaths": partial(paths, cloud, source_account),
    }


def of_principal(cloud: Cloud, principal: Principal, region: str, service: str) -> Context:
    """A request that a principal makes itself, or has a service make in its name."""
    role = role_by_arn(principal.role_arn) if principal.role_arn else None
    tags = {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in (role.tags if role else [])}
    through = principal.invoked_by
    return {
        **moment(cloud),
        **dict.fromkeys(f"aws:Source{name}" for name in _SOURCES),
        "aws:RequestedRegion": "us-east-1" if service in _GLOBAL else region,
        "aws:PrincipalOrgID": organization_id(cloud, principal.account),
        "aws:PrincipalOrgPaths": partial(paths, cloud, principal.account),
        "aws:PrincipalOrgMasterAccountId": partial(_management_id, cloud, principal.account),
        "aws:PrincipalType": "AssumedRole" if principal.role_arn else "User",
        "aws:username": None if principal.role_arn else principal.arn.rsplit("/", 1)[-1],
        "aws:userid": f"{role.id}:{principal.session_name}" if role else None,
        "aws:PrincipalTag/*": None,
        "aws:SourceIdentity": None,
        "aws:FederatedProvider": None,
        "aws:ViaAWSService": "true" if through else "false",
        "aws:CalledVia": [through] if through else None,
        "aws:CalledViaFirst": through,
        "aws:CalledViaLast": through,
        **tags,
    }


def of_resource(cloud: Cloud, resource: str, account: str) -> Context:
    """Whose the resource is, and its tags where localaws can tell them: of Studio's things, roles and accounts."""
    context: dict[str, Value | Callable[[], Value]] = {
        "aws:ResourceAccount": account,
        "aws:ResourceOrgID": organization_id(cloud, account),
        "aws:ResourceOrgPaths": partial(paths, cloud, account),
    }
    tags = _tags(cloud, resource)
    if tags is not None:
        for family in ("aws:ResourceTag", f"{resource.split(':')[2]}:ResourceTag"):
            context |= {f"{family}/*": None, **{f"{family}/{key}": value for key, value in tags.items()}}
    return context


def _tags(cloud: Cloud, resource: str) -> dict[str, str] | None:
    """The tags of a resource, none if it is not there; None where localaws does not look for them."""
    _, _, service, region, account, name = resource.split(":", 5) if resource != "*" else [""] * 6
    if service == "sagemaker":
        found = by_arn(cloud, account, region).get(resource)
        return found.tags if found else {}
    if service == "iam" and name.startswith("role/"):
        role = role_by_arn(resource)
        return {tag["Key"]: tag["Value"] for tag in role.tags} if role else {}
    if service == "organizations" and name.startswith("account/"):
        known = {account.id: account.tags for account in state(cloud).accounts}
        return dict(known.get(name.rsplit("/", 1)[1], {}))
    return None


def of_input(call: Call) -> Context:
    """The tags that a request gives or takes, and what else its input says to the service's condition keys."""
    tags = dict(_requested(call.params))
    keys = list(tags) or call.params.get("TagKeys") or call.params.get("tagKeys")
    return {
        "aws:RequestTag/*": None,
        "aws:TagKeys": keys or None,
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        **(_INPUTS[call.service](call.params) if call.service in _INPUTS else {}),
    }


def has_tags(call: Call) -> bool:
    """Whether a request gives tags."""
    return any(True for _ in _requested(call.params))


def _requested(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for given in (params[name] for name in _TAG_MEMBERS if params.get(name)):
        if isinstance(given, str):
            yield from parse_qsl(given, keep_blank_values=True)
        elif isinstance(given, dict) and "TagSet" not in given:
            yield from given.items()
        else:
            tags = given["TagSet"] if isinstance(given, dict) else given
            yield from ((tag.get("Key", tag.get("key")), tag.get("Value", tag.get("value", ""))) for tag in tags)


# -- what inputs say to the keys of their service


def _cloudwatch(params: dict[str, Any]) -> Context:
    return {"cloudwatch:namespace": params.get("Namespace")}


def _events(params: dict[str, Any]) -> Context:
    targets = [target["Arn"] for target in params.get("Targets", [])]
    return {"events:TargetArn": targets or None}


def _iam(params: dict[str, Any]) -> Context:
    makes_role = {"AssumeRolePolicyDocument", "PermissionsBoundary"} & set(params)
    boundary = {"iam:PermissionsBoundary": params.get("PermissionsBoundary")} if makes_role else {}
    return {"iam:PolicyARN": params.get("PolicyArn"), **boundary}


def _lambda(params: dict[str, Any]) -> Context:
    layers = params.get("Layers")
    return {"lambda:Layer": layers or None, "lambda:Principal": params.get("Principal"), "lambda:FunctionUrlAuthType": None}


def _s3(params: dict[str, Any]) -> Context:
    given = {
        "s3:prefix": params.get("Prefix"),
        "s3:delimiter": params.get("Delimiter"),
        "s3:max-keys": params.get("MaxKeys"),
        "s3:VersionId": params.get("VersionId"),
        "s3:x-amz-acl": params.get("ACL"),
        "s3:x-amz-server-side-encryption": params.get("ServerSideEncryption"),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": params.get("SSEKMSKeyId"),
        "s3:x-amz-storage-class": params.get("StorageClass"),
    }
    texts = {name: None if value is None else str(value) for name, value in given.items()}
    return {**texts, "s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256", "s3:TlsVersion": "1.3"}


def _sagemaker(params: dict[str, Any]) -> Context:
    """Source: Service Authorization Reference, condition keys of SageMaker; which members of the input they are of is told by their names."""
    sharing = {"sagemaker:SpaceSharingType": params["SpaceSharingSettings"]["SharingType"]} if "SpaceSharingSettings" in params else {}
    lists = {f"sagemaker:{key}": sorted(set(_all_of(params, *names))) or None for key, names in _SAGEMAKER_LISTS.items()}
    # The action that makes what is tagged: `localaws.authorization` knows it. AddTags asked for by itself has none.
    return {**lists, "sagemaker:TaggingAction": None, "sagemaker:AppNetworkAccessType": params.get("AppNetworkAccessType"), **sharing}


_SAGEMAKER_LISTS = {
    "ImageArns": ("SageMakerImageArn",),
    "ImageVersionArns": ("SageMakerImageVersionArn",),
    "InstanceTypes": ("InstanceType",),
    "StudioLifecycleConfigArns": ("LifecycleConfigArn", "LifecycleConfigArns", "BuiltInLifecycleConfigArn"),
    "VpcSecurityGroupIds": ("SecurityGroups", "SecurityGroupIds"),
    "VpcSubnets": ("SubnetIds",),
}


def _sts(params: dict[str, Any]) -> Context:
    names = {"sts:ExternalId": params.get("ExternalId"), "sts:RoleSessionName": params.get("RoleSessionName")}
    return {**names, "sts:SourceIdentity": None, "sts:TransitiveTagKeys": None}


def _all_of(value: Any, *names: str) -> Iterator[str]:
    """Every text of these members, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in names and isinstance(item, str):
                yield item
            elif key in names and isinstance(item, list):
                yield from (text for text in item if isinstance(text, str))
            else:
                yield from _all_of(item, *names)
    elif isinstance(value, list):
        for item in value:
            yield from _all_of(item, *names)


_INPUTS: dict[str, Callable[[dict[str, Any]], Context]] = {
    "cloudwatch": _cloudwatch,
    "events": _events,
    "iam": _iam,
    "lambda": _lambda,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "sts": _sts,
}


# -- where an account stands


def organization_id(cloud: Cloud, account: str) -> str | None:
    return cloud.organization.organization_id if cloud.organization.is_member(account) else None


def paths(cloud: Cloud, account: str) -> Value:
    """Of one account there is one: ``o-1/r-ab12/ou-ab12-1/ou-ab12-2/``."""
    if not cloud.organization.is_member(account):
        return None
    organization = cloud.organization
    return ["/".join([organization.organization_id, organization.root_id, *reversed(units_of(cloud, account)), ""])]


def _management_id(cloud: Cloud, account: str) -> Value:
    return cloud.organization.management_id if cloud.organization.is_member(account) else None
