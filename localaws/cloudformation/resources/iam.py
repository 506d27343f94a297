"""IAM: roles, and the policies on them.

Source: AWS CloudFormation Template Reference, AWS::IAM; IAM API Reference.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import (
    Context,
    Existing,
    Made,
    Properties,
    ResourceType,
    changed,
    listed,
    picked,
    policy_text,
    retag,
    tag_list,
)

_HERE = "localaws/cloudformation/resources/iam.py"
_VERSIONS = 5
"""A managed policy keeps this many versions; the oldest has to go before a sixth."""


class Role(ResourceType):
    """A role with its inline and managed policies."""

    name = "AWS::IAM::Role"
    properties = frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        }
    )
    required = frozenset({"AssumeRolePolicyDocument"})
    create_only = frozenset({"Path", "RoleName"})
    physical_name = "RoleName"
    attributes = frozenset({"Arn", "RoleId"})
    no_effect: ClassVar[Mapping[str, str]] = {"MaxSessionDuration": "kept and shown; AssumeRole does not look at it"}

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("RoleName") or context.name(64)
        given = picked(properties, "Description", "MaxSessionDuration", "Path", "PermissionsBoundary")
        trust = policy_text(properties["AssumeRolePolicyDocument"])
        made = context.call("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust, Tags=tag_list(properties), **given)["Role"]
        created = context.exists(Made(name, {"Arn": made["Arn"], "RoleId": made["RoleId"]}))
        _attach(context, name, properties.get("ManagedPolicyArns", []))
        _put_inline(context, name, _inline(properties))
        return created

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        name, differs = made.physical_id, changed(before, after)
        if "AssumeRolePolicyDocument" in differs:
            context.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=policy_text(after["AssumeRolePolicyDocument"]))
        if differs & {"Description", "MaxSessionDuration"}:
            description, duration = after.get("Description", ""), after.get("MaxSessionDuration", 3600)
            context.call("iam", "UpdateRole", RoleName=name, Description=description, MaxSessionDuration=duration)
        if "PermissionsBoundary" in differs:
            _bound(context, name, after.get("PermissionsBoundary"))
        _change_attached(context, name, before.get("ManagedPolicyArns", []), after.get("ManagedPolicyArns", []))
        _change_inline(context, name, _inline(before), _inline(after))
        retag(context, "iam", "Role", (before, after), listed, RoleName=name)
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made, properties = existing.made, existing.properties
        name = made.physical_id
        _change_inline(context, name, _inline(properties), {})
        _change_attached(context, name, properties.get("ManagedPolicyArns", []), [])
        context.attempt("iam", "DeleteRole", RoleName=name)


def _inline(properties: Properties) -> dict[str, str]:
    return {policy["PolicyName"]: policy_text(policy["PolicyDocument"]) for policy in properties.get("Policies", [])}


def _put_inline(context: Context, role: str, policies: dict[str, str]) -> None:
    for name, document in policies.items():
        context.call("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=document)


def _change_inline(context: Context, role: str, before: dict[str, str], after: dict[str, str]) -> None:
    for name in before:
        if name not in after:
            context.attempt("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)
    _put_inline(context, role, {name: document for name, document in after.items() if before.get(name) != document})


def _attach(context: Context, role: str, arns: list[str]) -> None:
    for arn in arns:
        context.call("iam", "AttachRolePolicy", RoleName=role, PolicyArn=arn)


def _change_attached(context: Context, role: str, before: list[str], after: list[str]) -> None:
    for arn in before:
        if arn not in after:
            context.attempt("iam", "DetachRolePolicy", RoleName=role, PolicyArn=arn)
    _attach(context, role, [arn for arn in after if arn not in before])


def _bound(context: Context, role: str, boundary: str | None) -> None:
    if boundary is None:
        context.attempt("iam", "DeleteRolePermissionsBoundary", RoleName=role)
    else:
        context.call("iam", "PutRolePermissionsBoundary", RoleName=role, PermissionsBoundary=boundary)


class Policy(ResourceType):
    """An inline policy of some roles. Those of users and groups are not built: localaws has roles only."""

    name = "AWS::IAM::Policy"
    properties = frozenset({"PolicyDocument", "PolicyName", "Roles"})
    required = frozenset({"PolicyDocument", "PolicyName"})
    attributes = frozenset({"Id"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = context.name(100)
        made = context.exists(Made(name, {"Id": name}, ref_value=properties["PolicyName"]))
        _each_role(context, properties.get("Roles", []), properties)
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        renamed = before["PolicyName"] != after["PolicyName"]
        for role in before.get("Roles", []):
            if renamed or role not in after.get("Roles", []):
                context.attempt("iam", "DeleteRolePolicy", RoleName=role, PolicyName=before["PolicyName"])
        _each_role(context, after.get("Roles", []), after)
        return Made(made.physical_id, made.attributes, ref_value=after["PolicyName"])

    def delete(self, context: Context, existing: Existing) -> None:
        properties = existing.properties
        for role in properties.get("Roles", []):
            context.attempt("iam", "DeleteRolePolicy", RoleName=role, PolicyName=properties["PolicyName"])


def _each_role(context: Context, roles: list[str], properties: Properties) -> None:
    for role in roles:
        _put_inline(context, role, {properties["PolicyName"]: policy_text(properties["PolicyDocument"])})


class RolePolicy(ResourceType):
    """An inline policy of one role."""

    name = "AWS::IAM::RolePolicy"
    properties = frozenset({"PolicyDocument", "PolicyName", "RoleName"})
    required = properties
    create_only = frozenset({"PolicyName", "RoleName"})

    updates_by_create = True

    def create(self, context: Context, properties: Properties) -> Made:
        _each_role(context, [properties["RoleName"]], properties)
        return Made(f"{properties['PolicyName']}|{properties['RoleName']}")

    def delete(self, context: Context, existing: Existing) -> None:
        properties = existing.properties
        context.attempt("iam", "DeleteRolePolicy", RoleName=properties["RoleName"], PolicyName=properties["PolicyName"])


class ManagedPolicy(ResourceType):
    """A policy of its own, attached to some roles."""

    name = "AWS::IAM::ManagedPolicy"
    properties = frozenset({"Description", "ManagedPolicyName", "Path", "PolicyDocument", "Roles"})
    required = frozenset({"PolicyDocument"})
    create_only = frozenset({"Description", "ManagedPolicyName", "Path"})
    physical_name = "ManagedPolicyName"
    attributes = frozenset({"PolicyArn", "PolicyId"})

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("ManagedPolicyName") or context.name(100)
        document = policy_text(properties["PolicyDocument"])
        given = picked(properties, "Description", "Path")
        made: dict[str, Any] = context.call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=document, **given)["Policy"]
        created = context.exists(Made(made["Arn"], {"PolicyArn": made["Arn"], "PolicyId": made["PolicyId"]}))
        for role in properties.get("Roles", []):
            _attach(context, role, [made["Arn"]])
        return created

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        arn = made.physical_id
        if before["PolicyDocument"] != after["PolicyDocument"]:
            others = _other_versions(context, arn)
            if len(others) >= _VERSIONS - 1:
                context.attempt("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=others[0])
            context.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=policy_text(after["PolicyDocument"]), SetAsDefault=True)
        roles_before, roles_after = before.get("Roles", []), after.get("Roles", [])
        for role in {*roles_before, *roles_after}:
            _change_attached(context, role, [arn] if role in roles_before else [], [arn] if role in roles_after else [])
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        made, properties = existing.made, existing.properties
        arn = made.physical_id
        for role in properties.get("Roles", []):
            _change_attached(context, role, [arn], [])
        for version in _other_versions(context, arn):
            context.attempt("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version)
        context.attempt("iam", "DeletePolicy", PolicyArn=arn)


def _other_versions(context: Context, arn: str) -> list[str]:
    """All but the default one, oldest first."""
    answer = context.call("iam", "ListPolicyVersions", PolicyArn=arn)
    if answer.get("IsTruncated"):
        raise Refused(f"{arn}: more versions than one page ({_HERE})")
    others = [version["VersionId"] for version in answer["Versions"] if not version["IsDefaultVersion"]]
    return sorted(others, key=lambda version: int(version.removeprefix("v")))
