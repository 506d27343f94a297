"""What can somebody do about an account, a Region or a domain that could not be looked at? Pure: the error's code comes in, advice goes out."""

_DISABLED = {
    "AuthFailure",
    "InvalidClientTokenId",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "EndpointConnectionError",
}
_BUSY = ("throttl", "toomanyrequests", "limitexceeded", "slowdown", "unavailable", "internal", "timeout", "timedout")

NOT_ASSUMABLE, NO_TIME, UNANSWERED = "MemberRoleNotAssumable", "OutOfTime", "BatchUnanswered"
"""Troubles that are no error of AWS's: we are not let in; the time of the batch was over; the batch as a whole failed."""

_OURS = {
    NOT_ASSUMABLE: (
        "Was the account suspended or closed since it was listed? Then nothing. Else see that the member roles StackSet has a current stack "
        "instance there, and that no service control policy forbids role/steward/{workflow} to be assumed. Where the instance's StatusReason "
        "says of a service role AmazonSageMaker…Role that it already exists, that account needs TemplateServiceRoles=leave: "
        "docs/workflows/template_enablement.md, Service roles."
    ),
    NO_TIME: (
        "Its batch took all the time there was. {by_hand} for this account. A domain for which the time is never enough has "
        "more profiles and spaces than AWS lets be described in four minutes: split it, or start executions of the workflows for it by hand."
    ),
    UNANSWERED: "{by_hand} for this account. If it fails again, tell the developers: the log of the function says with what.",
}

_OF_ONE_WORKFLOW = {
    ("idle_app_shutdown", NO_TIME): (
        "Its batch took all the time there was: an account in which that happens run after run is throttled, or has more apps than can be "
        "asked for in four minutes. The next run looks again, or one by hand for this account, which has the time for itself."
    ),
}


def what_to_do(code: str, workflow: str = "reconciliation") -> str:
    """Advice for people. `code` is the error code of AWS's answer, the name of botocore's error, or one of ours; `workflow` is whose sweep met it."""
    sweep = "a reconciliation" if workflow == "reconciliation" else f"an execution of {workflow}"
    return _advice(code, workflow).format(workflow=workflow, by_hand=f"Start {sweep} by hand")


def _advice(code: str, workflow: str) -> str:
    if (workflow, code) in _OF_ONE_WORKFLOW:
        return _OF_ONE_WORKFLOW[workflow, code]
    if code in _OURS:
        return _OURS[code]
    if code in _DISABLED:
        return "Is the Region enabled in this account? Enable it, or take it from the parameter RegionsInUse."
    if code.startswith(("AccessDenied", "UnauthorizedOperation", "NotAuthorized")):
        return (
            "Update the stack instances of the member roles StackSet, whose role may be older than the hub; then look for a service control policy "
            "that keeps role/steward/{workflow} from what it does there."
        )
    if any(word in code.lower().replace(".", "") for word in _BUSY):
        return "AWS was busy for longer than we try. The next run looks again, or one by hand for this account."
    return "Put the cause right. {by_hand} for this account, or leave it to the next run."
