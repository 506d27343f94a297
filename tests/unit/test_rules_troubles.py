"""Advice for what could not be looked at: each kind of error has its own, and none is without."""

import pytest

from steward.rules.troubles import NO_TIME, NOT_ASSUMABLE, UNANSWERED, what_to_do


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([NOT_ASSUMABLE], "suspended or closed"),
        ([NOT_ASSUMABLE], "TemplateServiceRoles=leave"),
        ([NO_TIME], "by hand for this account"),
        ([UNANSWERED], "tell the developers"),
        (["UnrecognizedClientException", "AuthFailure", "InvalidClientTokenId", "OptInRequired", "EndpointConnectionError"], "RegionsInUse"),
        (["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"], "service control policy"),
        (["ThrottlingException", "Throttling", "TooManyRequestsException", "InternalFailure", "ReadTimeoutError", "RequestTimedOut"], "AWS was busy"),
        (["ValidationException", "SomethingNew"], "Put the cause right"),
    ],
)
def test_each_error_has_advice(codes: list[str], said: str) -> None:
    for code in codes:
        assert said in what_to_do(code), code
