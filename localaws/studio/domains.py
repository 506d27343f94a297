"""Studio domains. Home file systems, networks and IAM Identity Center are not looked at: ids are given back, nothing is made in EFS or EC2."""

from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.studio import core
from localaws.studio.core import Item, Name, Resource
from localaws.studio.tags import requested_tags

_LISTED = ("DomainArn", "DomainId", "DomainName", "Status", "CreationTime", "LastModifiedTime", "Url")
_GIVEN = (
    "DomainName",
    "AuthMode",
    "DefaultUserSettings",
    "DomainSettings",
    "SubnetIds",
    "VpcId",
    "HomeEfsFileSystemKmsKeyId",
    "KmsKeyId",
    "AppSecurityGroupManagement",
    "DefaultSpaceSettings",
)


def domain_name(domain_id: str) -> Name:
    return Name("Domain", (domain_id,), f"domain/{domain_id}")


@operation("sagemaker", "CreateDomain")
def create_domain(cloud: Cloud, call: Call) -> dict[str, Any]:
    _check(call)
    if any(domain.attributes["DomainName"] == call.params["DomainName"] for domain in core.every(cloud, call, "Domain")):
        raise AwsError("ResourceInUse", f"A Domain with the name {call.params['DomainName']} already exists.")
    domain_id = f"d-{cloud.identifier(12)}"
    name = domain_name(domain_id)
    attributes = {
        "DomainArn": call.arn(name.path),
        "DomainId": domain_id,
        "Url": f"https://{domain_id}.studio.{call.region}.sagemaker.aws",
        "AppNetworkAccessType": "PublicInternetOnly",
        "HomeEfsFileSystemCreation": "Enabled",
        "TagPropagation": "DISABLED",
        **core.given(call, *_GIVEN, "AppNetworkAccessType", "HomeEfsFileSystemCreation", "TagPropagation"),
    }
    if attributes["HomeEfsFileSystemCreation"] == "Enabled":
        attributes["HomeEfsFileSystemId"] = f"fs-{cloud.identifier(17)}"
    if attributes["AuthMode"] == "SSO":
        attributes |= _identity_center(cloud, call)
    core.create(cloud, call, name, attributes, requested_tags(cloud, call))
    return {member: attributes[member] for member in ("DomainArn", "DomainId", "Url")}


def _check(call: Call) -> None:
    settings = call.params.get("DomainSettings", {})
    if "RStudioServerProDomainSettings" in settings:
        raise Refused("sagemaker:CreateDomain with RStudioServerProDomainSettings: localaws has no RStudio, see localaws/studio/domains.py")
    if "ExecutionRole" not in call.params["DefaultUserSettings"]:
        # required by CloudFormation's schema of AWS::SageMaker::Domain; the API's own model leaves it open
        raise core.invalid("DefaultUserSettings.ExecutionRole is required.")
    if "UnifiedStudioSettings" not in settings and not {"VpcId", "SubnetIds"} <= set(call.params):
        raise core.invalid("VpcId and SubnetIds are required: only domains of SageMaker Unified Studio go without.")


def _identity_center(cloud: Cloud, call: Call) -> Item:
    instance = f"ssoins-{cloud.identifier(16)}"
    return {
        "SingleSignOnManagedApplicationInstanceId": f"ins-{cloud.identifier(16)}",
        "SingleSignOnApplicationArn": f"arn:aws:sso::{call.account}:application/{instance}/apl-{cloud.identifier(16)}",
    }


@operation("sagemaker", "DescribeDomain")
def describe_domain(cloud: Cloud, call: Call) -> dict[str, Any]:
    return core.described(core.get(cloud, call, domain_name(call.params["DomainId"])))


@operation("sagemaker", "ListDomains")
def list_domains(cloud: Cloud, call: Call) -> dict[str, Any]:
    items, token = core.listed(cloud, call, "Domain", lambda _: True, _LISTED)
    return {"Domains": items, **token}


@operation("sagemaker", "DeleteDomain")
def delete_domain(cloud: Cloud, call: Call) -> None:
    domain = core.get(cloud, call, domain_name(call.params["DomainId"]))

    def inside(kind: core.Kind) -> list[Resource]:
        return [resource for resource in core.every(cloud, call, kind) if resource.attributes["DomainId"] == call.params["DomainId"]]

    core.require_no_dependents(domain, {"UserProfile": inside("UserProfile"), "Space": inside("Space")})
    core.delete(cloud, domain)
