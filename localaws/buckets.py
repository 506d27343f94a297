"""What moto leaves out of S3: what a new bucket has by itself, and what is told of an object that is not there.

Sources: Amazon S3 User Guide, "Setting default server-side encryption behavior", "Default settings for new S3 buckets FAQ"; API Reference, GetObject
(without ``s3:ListBucket`` a missing object is a 403), PutBucketLifecycleConfiguration.
"""

from typing import Any

from moto.s3.models import FakeBucket, s3_backends

from localaws.authorization import require
from localaws.cloud import Call, Cloud, Refused, follow, guard
from localaws.policy.held import BUCKET_POLICIES, bucket_owner

_HERE = "localaws/buckets.py"

_PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_RULE = {"AbortIncompleteMultipartUpload", "Expiration", "Filter", "ID", "NoncurrentVersionExpiration", "Prefix", "Status"}


def bucket_of(name: str) -> FakeBucket | None:
    owner = bucket_owner(name)
    return s3_backends[owner]["aws"].buckets.get(name) if owner else None


@follow("s3", "CreateBucket")
def set_defaults(_cloud: Cloud, call: Call, _: dict[str, Any]) -> None:
    """Encrypted with keys of S3, closed to the public, without ACLs."""
    backend, name = s3_backends[call.account]["aws"], call.params["Bucket"]
    backend.put_bucket_encryption(name, {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}})
    backend.put_public_access_block(name, dict.fromkeys(_PUBLIC_ACCESS, "true"))
    backend.put_bucket_ownership_controls(name, call.params.get("ObjectOwnership", "BucketOwnerEnforced"))


@follow("s3", "DeleteBucket")
def forget_policy(cloud: Cloud, call: Call, _: dict[str, Any]) -> None:
    cloud.table(BUCKET_POLICIES, "", "").pop(call.params["Bucket"], None)


@guard("s3", "GetObject", "HeadObject")
def hide_missing(cloud: Cloud, call: Call) -> None:
    """Who may not list a bucket is not told that an object is missing, but that it may not know."""
    bucket = bucket_of(call.params["Bucket"])
    if bucket is not None and call.params["Key"] not in bucket.keys:
        require(cloud, call, "s3:ListBucket", f"arn:aws:s3:::{bucket.name}", bucket.account_id)


@guard("s3", "PutBucketLifecycleConfiguration")
def check_lifecycle(_: Cloud, call: Call) -> None:
    """moto drops what else a rule can say."""
    for rule in call.params["LifecycleConfiguration"]["Rules"]:
        unknown = set(rule) - _RULE | set(rule.get("Filter", {})) - {"Prefix"} | set(rule.get("NoncurrentVersionExpiration", {})) - {"NoncurrentDays"}
        if unknown:
            raise Refused(f"{call.action} with {', '.join(sorted(unknown))}: localaws does not keep that ({_HERE})")
