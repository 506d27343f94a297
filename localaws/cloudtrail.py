"""CloudTrail to EventBridge: each write call of the organization becomes an event on its account's and Region's default bus, some seconds later.

The record's shape follows the CloudTrail User Guide, "CloudTrail record contents": members lower-cased at their first letter, failed calls with
``errorCode`` and no ``responseElements``. No raw record of a Studio call is public, so that part is derived. Reads and data events (messages, items,
invocations, objects, PutEvents) are not management writes and make no event.
"""

from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.core.utils import get_service_model

from localaws.cloud import AwsError, Call, Cloud, Principal
from localaws.eventbridge.service import emit
from localaws.identity import principal_id

DELAY = (1.0, 8.0)
"""Seconds between a call and its event. AWS promises nothing; minutes are seen too."""

_READS = ("Get", "List", "Describe", "Search", "Head", "BatchGet", "Lookup", "Scan", "Simulate", "Validate", "Test")
_NOT_MANAGEMENT_WRITES = {
    "cloudwatch:PutMetricData",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "events:PutEvents",
    "lambda:Invoke",
    "s3:AbortMultipartUpload",
    "s3:CompleteMultipartUpload",
    "s3:CreateMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjects",
    "s3:PutObject",
    "s3:UploadPart",
    "sns:Publish",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:DeleteMessageBatch",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "sqs:SendMessageBatch",
    "sts:AssumeRole",
}
_GLOBAL = {"organizations", "iam"}
"""Services whose events appear in us-east-1 only."""


def record(cloud: Cloud, call: Call, output: dict[str, Any] | None, error: AwsError | None) -> None:
    """Announce a call that was made, if CloudTrail and EventBridge would."""
    if call.operation.startswith(_READS) or call.action in _NOT_MANAGEMENT_WRITES or call.account not in cloud.organization.account_ids:
        return
    endpoint = get_service_model(call.service).metadata["endpointPrefix"].split(".")[-1]
    region = "us-east-1" if call.service in _GLOBAL else call.region
    detail = _detail(cloud, call, endpoint, region, output, error)
    time = cloud.clock.iso()

    def deliver() -> None:
        emit(cloud, call.account, region, f"aws.{endpoint}", "AWS API Call via CloudTrail", detail, time=time)

    cloud.clock.later(cloud.random.uniform(*DELAY), deliver)


def _detail(cloud: Cloud, call: Call, endpoint: str, region: str, output: dict[str, Any] | None, error: AwsError | None) -> dict[str, Any]:
    operation = get_service_model(call.service).operation_model(call.operation)
    detail: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(cloud, call.principal),
        "eventTime": cloud.clock.iso(),
        "eventSource": f"{endpoint}.amazonaws.com",
        "eventName": call.operation,
        "awsRegion": region,
        "sourceIPAddress": call.principal.invoked_by or "192.0.2.10",
        "userAgent": call.principal.invoked_by or "Boto3",
        "requestParameters": _written(operation.input_shape, call.params) or None,
        "responseElements": _written(operation.output_shape, output) or None,
        "requestID": call.request_id,
        "eventID": cloud.uuid(),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
    }
    if error is not None:
        detail |= {"errorCode": error.code, "errorMessage": error.message, "responseElements": None}
    return detail


def _identity(cloud: Cloud, principal: Principal) -> dict[str, Any]:
    """`userIdentity` of a record. A service acting for itself has no ARN and no session issuer: rules must not rely on either."""
    invoked = {"invokedBy": principal.invoked_by} if principal.invoked_by else {}
    if principal.service is not None:
        return {"type": "AWSService", "invokedBy": principal.service}
    known = {"principalId": principal_id(principal), "arn": principal.arn, "accountId": principal.account}
    if principal.role_arn is None:
        return {"type": "IAMUser", **known, "userName": principal.arn.rsplit("/", 1)[-1], **invoked}
    issuer = {
        "type": "Role",
        "principalId": known["principalId"].split(":")[0],
        "arn": principal.role_arn,
        "accountId": principal.account,
        "userName": principal.role_arn.rsplit("/", 1)[1],
    }
    session = {"sessionIssuer": issuer, "attributes": {"creationDate": cloud.clock.iso(), "mfaAuthenticated": "false"}}
    return {"type": "AssumedRole", **known, "sessionContext": session, **invoked}


def _written(shape: Shape | None, value: Any) -> Any:
    """A structure as CloudTrail writes it: member names lower-cased at the first letter; map keys, which are data, as they are."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {name[0].lower() + name[1:]: _written(shape.members.get(name), member) for name, member in value.items() if member is not None}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_written(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _written(shape.value, item) for name, item in value.items()}
    if isinstance(value, datetime):
        return value.strftime("%b %-d, %Y, %-I:%M:%S %p")
    return "***" if isinstance(value, bytes) else value
