"""Studio domains. Home file systems, networks and IAM Identity Center are not looked at: ids are given back, nothing is made in EFS or EC2."""

from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.studio import core, settings
from localaws.studio.core import Item, Name, Resource
from localaws.studio.lifecycle_configs import check_named
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
_UPDATED = ("AppNetworkAccessType", "AppSecurityGroupManagement", "HomeEfsFileSystemCreation", "SubnetIds", "TagPropagation", "VpcId")


def domain_name(domain_id: str) -> Name:
    return Name("Domain", (domain_id,), f"domain/{domain_id}")


@operation("sagemaker", "CreateDomain")
def create_domain(cloud: Cloud, call: Call) -> dict[str, Any]:
    check_named(cloud, call)
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
    of_domain = call.params.get("DomainSettings", {})
    if "RStudioServerProDomainSettings" in of_domain:
        raise Refused("sagemaker:CreateDomain with RStudioServerProDomainSettings: localaws has no RStudio, see localaws/studio/domains.py")
    if "ExecutionRole" not in call.params["DefaultUserSettings"]:
        # required by CloudFormation's schema of AWS::SageMaker::Domain; the API's own model leaves it open
        raise core.invalid("DefaultUserSettings.ExecutionRole is required.")
    if "UnifiedStudioSettings" not in of_domain and not {"VpcId", "SubnetIds"} <= set(call.params):
        raise core.invalid("VpcId and SubnetIds are required: only domains of SageMaker Unified Studio go without.")
    _check_defaults(call.params)


def _check_defaults(attributes: Item) -> None:
    """Of a domain as it is to be. That spaces need a role CloudFormation's schema says, the API's own model leaves it open."""
    for_spaces = attributes.get("DefaultSpaceSettings")
    if for_spaces is not None and "ExecutionRole" not in for_spaces:
        raise core.invalid("DefaultSpaceSettings.ExecutionRole is required.")
    for member in ("DefaultUserSettings", "DefaultSpaceSettings"):
        settings.check_idle(attributes.get(member, {}))


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


@operation("sagemaker", "UpdateDomain")
def update_domain(cloud: Cloud, call: Call) -> dict[str, Any]:
    """What is not given stays. Network and source identity change only while no app runs [botocore, UpdateDomain]; nothing says so of roles."""
    domain = settings.updatable(cloud, call, domain_name(call.params["DomainId"]))
    _check_update(call.params, domain.attributes)
    check_named(cloud, call)
    changes = core.given(call, *_UPDATED)
    for member in ("DefaultUserSettings", "DefaultSpaceSettings"):
        if member in call.params:
            changes[member] = settings.updated(cloud, domain.attributes.get(member), call.params[member])
    if "DomainSettingsForUpdate" in call.params:
        changes["DomainSettings"] = settings.merged(domain.attributes.get("DomainSettings", {}), call.params["DomainSettingsForUpdate"])
    _check_defaults(changes)
    _require_no_apps(cloud, call, domain, changes)
    if changes.get("HomeEfsFileSystemCreation") == "Enabled" and "HomeEfsFileSystemId" not in domain.attributes:
        changes["HomeEfsFileSystemId"] = f"fs-{cloud.identifier(17)}"
    settings.update(cloud, domain, changes)
    return {"DomainArn": domain.arn}


def _check_update(params: Item, attributes: Item) -> None:
    if "RStudioServerProDomainSettingsForUpdate" in params.get("DomainSettingsForUpdate", {}):
        raise Refused("sagemaker:UpdateDomain with RStudioServerProDomainSettingsForUpdate: localaws has no RStudio, see localaws/studio/domains.py")
    if params.get("HomeEfsFileSystemCreation") == "Disabled" and attributes["HomeEfsFileSystemCreation"] == "Enabled":
        raise core.invalid("HomeEfsFileSystemCreation cannot be changed from Enabled to Disabled.")
    if "VpcId" in params and "VpcId" in attributes:
        raise core.invalid("VpcId can only be given to a domain of SageMaker Unified Studio that was created without one.")


def _require_no_apps(cloud: Cloud, call: Call, domain: Resource, changes: Item) -> None:
    before = domain.attributes
    identity = "ExecutionRoleIdentityConfig"
    subnets: list[str] = before.get("SubnetIds", [])
    touched = {
        "AppNetworkAccessType": changes.get("AppNetworkAccessType", before["AppNetworkAccessType"]) != before["AppNetworkAccessType"],
        "SubnetIds": bool(set(subnets) - set(changes.get("SubnetIds", subnets))),
        identity: changes.get("DomainSettings", {}).get(identity) not in (None, before.get("DomainSettings", {}).get(identity)),
    }
    names = [name for name, is_touched in touched.items() if is_touched]
    apps = (app for app in core.every(cloud, call, "App") if app.name.key[0] == domain.name.key[0])
    if names and any(app.status not in core.ENDED for app in apps):
        raise AwsError("ResourceInUse", f"Domain [{domain.arn}] has apps that have not ended: {', '.join(names)} cannot be changed.")


@operation("sagemaker", "DeleteDomain")
def delete_domain(cloud: Cloud, call: Call) -> None:
    domain = core.get(cloud, call, domain_name(call.params["DomainId"]))

    def inside(kind: core.Kind) -> list[Resource]:
        return [resource for resource in core.every(cloud, call, kind) if resource.attributes["DomainId"] == call.params["DomainId"]]

    core.require_no_dependents(domain, {"UserProfile": inside("UserProfile"), "Space": inside("Space")})
    core.delete(cloud, domain)
