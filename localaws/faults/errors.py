"""By which error a service says what went wrong.

Sources: the services' "Common errors" pages for what botocore's models leave out; its models for the rest.
"""

from moto.core.utils import get_service_model

from localaws.errors import AwsError

_THROTTLED: dict[str, tuple[str, int]] = {
    "ce": ("LimitExceededException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "organizations": ("TooManyRequestsException", 400),
    "resourcegroupstaggingapi": ("ThrottledException", 400),
    "s3": ("SlowDown", 503),
    "scheduler": ("ThrottlingException", 429),
    "sqs": ("RequestThrottled", 400),
    **dict.fromkeys(("cloudformation", "cloudwatch", "iam", "sns", "sts"), ("Throttling", 400)),
}
_STATUSES = {
    "AccessDenied": 403,
    "AuthorizationError": 403,
    "ExpiredToken": 403,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InvalidClientTokenId": 403,
    "ServiceException": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
}


def error_of(service: str, code: str | None = None) -> AwsError:
    """The error by which this service answers, with its HTTP status. Without a code: the one that says *too many calls*."""
    throttled, status = _THROTTLED.get(service, ("ThrottlingException", 400))
    if code in (None, throttled):
        return AwsError(throttled, "Rate exceeded", status)
    shape = get_service_model(service).shape_for_error_code(code)
    known = shape.metadata.get("error", {}).get("httpStatusCode") if shape else None
    message = "Rate exceeded" if "Thrott" in str(code) else f"{code}, by request of a test"
    return AwsError(str(code), message, known or _STATUSES.get(str(code), 400))


def denial_of(service: str) -> str:
    """The code by which this service says that the caller may not."""
    if service == "sns":
        return "AuthorizationError"
    by_xml = service == "sqs" or get_service_model(service).metadata["protocol"] in ("query", "rest-xml")
    return "AccessDenied" if by_xml else "AccessDeniedException"
