"""S3: buckets and their policies.

Source: AWS CloudFormation Template Reference, AWS::S3; Amazon S3 API Reference.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from localaws.cloud import Refused
from localaws.cloudformation.resources.base import Context, Existing, Made, Properties, ResourceType, changed, policy_text, tag_list

_HERE = "localaws/cloudformation/resources/s3.py"


class Bucket(ResourceType):
    """A bucket with its settings, each of them one call."""

    name = "AWS::S3::Bucket"
    properties = frozenset(
        {
            "BucketEncryption",
            "BucketName",
            "LifecycleConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "Tags",
            "VersioningConfiguration",
        }
    )
    create_only = frozenset({"BucketName"})
    physical_name = "BucketName"
    attributes = frozenset({"Arn", "DomainName", "RegionalDomainName"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "BucketEncryption": "objects are not encrypted at rest",
        "LifecycleConfiguration": "nothing expires",
        "OwnershipControls": "objects have no ACLs",
    }

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("BucketName") or context.name(63).lower()
        context.require_new(name, "s3", "HeadBucket", Bucket=name)
        place = {} if context.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": context.region}}
        context.call("s3", "CreateBucket", Bucket=name, **place)
        attributes = {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{context.region}.amazonaws.com",
        }
        made = context.exists(Made(name, attributes))
        _set(context, name, properties, set(properties))
        return made

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        made, before = existing.made, existing.properties
        differs = changed(before, after)
        if gone := sorted(differs - set(after)):
            raise Refused(f"{context.logical_id}: localaws cannot take {gone[0]} away from a bucket in place ({_HERE})")
        _set(context, made.physical_id, after, differs)
        return made

    def delete(self, context: Context, existing: Existing) -> None:
        """Fails for a bucket with objects in it, as in AWS."""
        made = existing.made
        context.attempt("s3", "DeleteBucket", Bucket=made.physical_id)


def _set(context: Context, name: str, properties: Properties, which: set[str]) -> None:
    if "Tags" in which:
        context.call("s3", "PutBucketTagging", Bucket=name, Tagging={"TagSet": tag_list(properties)})
    if "VersioningConfiguration" in which:
        context.call("s3", "PutBucketVersioning", Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "PublicAccessBlockConfiguration" in which:
        block = properties["PublicAccessBlockConfiguration"]
        context.call("s3", "PutPublicAccessBlock", Bucket=name, PublicAccessBlockConfiguration=block)
    if "BucketEncryption" in which:
        context.call("s3", "PutBucketEncryption", Bucket=name, ServerSideEncryptionConfiguration=_encryption(properties["BucketEncryption"]))
    if "OwnershipControls" in which:
        context.call("s3", "PutBucketOwnershipControls", Bucket=name, OwnershipControls=properties["OwnershipControls"])
    if "LifecycleConfiguration" in which:
        rules = [_lifecycle(context.logical_id, rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        context.call("s3", "PutBucketLifecycleConfiguration", Bucket=name, LifecycleConfiguration={"Rules": rules})


def _encryption(configuration: dict[str, Any]) -> dict[str, Any]:
    """The template's names are not the API's."""
    rules = []
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        renamed = {"ApplyServerSideEncryptionByDefault" if key == "ServerSideEncryptionByDefault" else key: value for key, value in rule.items()}
        rules.append(renamed)
    return {"Rules": rules}


_OF_RULES: dict[str, tuple[str, ...]] = {
    "AbortIncompleteMultipartUpload": ("AbortIncompleteMultipartUpload",),
    "ExpirationDate": ("Expiration", "Date"),
    "ExpirationInDays": ("Expiration", "Days"),
    "ExpiredObjectDeleteMarker": ("Expiration", "ExpiredObjectDeleteMarker"),
    "Id": ("ID",),
    "NoncurrentVersionExpiration": ("NoncurrentVersionExpiration",),
    "NoncurrentVersionExpirationInDays": ("NoncurrentVersionExpiration", "NoncurrentDays"),
    "Prefix": ("Filter", "Prefix"),
    "Status": ("Status",),
}
"""Where the API has what a template's rule says."""


def _lifecycle(logical_id: str, rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of a template as the API has it."""
    if unknown := sorted(set(rule) - set(_OF_RULES)):
        raise Refused(f"{logical_id}: localaws does not know {', '.join(unknown)} in a rule of LifecycleConfiguration ({_HERE})")
    made: dict[str, Any] = {"Filter": {"Prefix": ""}}
    for name, value in rule.items():
        *above, last = _OF_RULES[name]
        inner = made
        for member in above:
            inner = inner.setdefault(member, {})
        inner[last] = value
    return made


class BucketPolicy(ResourceType):
    """The policy of one bucket."""

    name = "AWS::S3::BucketPolicy"
    properties = frozenset({"Bucket", "PolicyDocument"})
    required = properties
    create_only = frozenset({"Bucket"})
    no_effect: ClassVar[Mapping[str, str]] = {"PolicyDocument": "decides on calls of roles and of administrators, not on those of AWS services"}

    updates_by_create = True

    def create(self, context: Context, properties: Properties) -> Made:
        bucket = properties["Bucket"]
        context.call("s3", "PutBucketPolicy", Bucket=bucket, Policy=policy_text(properties["PolicyDocument"]))
        return Made(bucket)

    def delete(self, context: Context, existing: Existing) -> None:
        made = existing.made
        context.attempt("s3", "DeleteBucketPolicy", Bucket=made.physical_id)
