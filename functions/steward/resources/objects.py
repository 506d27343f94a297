"""JSON documents in an S3 bucket of the hub."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def put_json(s3: "S3Client", bucket: str, key: str, document: Any) -> str:
    """Writes it, over whatever was there, and answers where it is, as ``s3://<bucket>/<key>``."""
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document, ensure_ascii=False).encode(), ContentType="application/json")
    return f"s3://{bucket}/{key}"


def get_json(s3: "S3Client", bucket: str, key: str) -> Any:
    """What `put_json` wrote, or Step Functions."""
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
