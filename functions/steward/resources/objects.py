"""JSON documents in an S3 bucket of the hub."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def put_json(s3: "S3Client", bucket: str, key: str, document: Any) -> str:
    """Writes it, over whatever was there, and answers where it is, as ``s3://<bucket>/<key>``."""
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document, ensure_ascii=False).encode(), ContentType="application/json")
    return f"s3://{bucket}/{key}"


def find_json(s3: "S3Client", bucket: str, key: str) -> Any:
    """What `put_json` wrote, or None where nobody did. Whoever may not list the bucket is refused instead."""
    try:
        return get_json(s3, bucket, key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None


def get_json(s3: "S3Client", bucket: str, key: str) -> Any:
    """What `put_json` wrote, or Step Functions."""
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
