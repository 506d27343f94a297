"""Bucket policies, for roles (see `localaws.authorization`). moto does not keep them.

It would decide by them without their conditions, so the usual statement that denies requests without TLS would lock a bucket for ever; that of ``sam
deploy``'s own bucket does.

Source: Amazon S3 API Reference, PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy.
"""

import json
from typing import Any

from moto.s3.models import s3_backends

from localaws.cloud import AwsError, Call, Cloud, operation
from localaws.policy.held import BUCKET_POLICIES


@operation("s3", "PutBucketPolicy")
def put_bucket_policy(cloud: Cloud, call: Call) -> dict[str, Any]:
    bucket = _bucket(call)
    try:
        document = json.loads(call.params["Policy"])
    except ValueError:
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        raise AwsError("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    cloud.table(BUCKET_POLICIES, "", "")[bucket] = call.params["Policy"]
    return {}


@operation("s3", "GetBucketPolicy")
def get_bucket_policy(cloud: Cloud, call: Call) -> dict[str, Any]:
    policies = cloud.table(BUCKET_POLICIES, "", "")
    if _bucket(call) not in policies:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
    return {"Policy": policies[call.params["Bucket"]]}


@operation("s3", "DeleteBucketPolicy")
def delete_bucket_policy(cloud: Cloud, call: Call) -> dict[str, Any]:
    cloud.table(BUCKET_POLICIES, "", "").pop(_bucket(call), None)
    return {}


def _bucket(call: Call) -> str:
    name: str = call.params["Bucket"]
    if name not in s3_backends[call.account]["aws"].buckets:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
    return name
