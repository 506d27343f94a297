"""Functions as targets of rules: EventBridge invokes them asynchronously, where the function's own policy lets the rule in.

Source: EventBridge User Guide, "Using resource-based policies for Amazon EventBridge": Lambda functions; Lambda Developer Guide, "Invoking a Lambda
function asynchronously".
"""

from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.utils import get_backend

from localaws.cloud import Call, Cloud, Principal
from localaws.eventbridge.buses import Arn
from localaws.eventbridge.permissions import SERVICE
from localaws.eventbridge.targets import DeliveryFailed, Sending, sender
from localaws.functions.asynchronous import take
from localaws.policy import Decision, Request, check_document, evaluate


@sender("lambda")
def invoke_function(cloud: Cloud, sending: Sending) -> None:
    place = Arn.read(sending.target["Arn"])
    try:
        function = get_backend(place.account, place.region).get_function(place.resource.removeprefix("function:"))
    except UnknownFunctionException:
        raise DeliveryFailed("NO_RESOURCE", f"function {sending.target['Arn']} does not exist") from None
    decision = _may_invoke(cloud, function, sending.rule_arn)
    if not decision.allowed:
        raise DeliveryFailed("NO_PERMISSIONS", f"{function.function_arn} does not let {SERVICE} in for {sending.rule_arn}: {decision.reason}")
    principal = Principal(place.account, SERVICE, service=SERVICE)
    call = Call("lambda", "Invoke", place.account, place.region, principal, {"FunctionName": function.function_name}, cloud.uuid())
    take(cloud, function.function_arn, sending.body, call.request_id)
    cloud.record(call)


def _may_invoke(cloud: Cloud, function: Any, rule_arn: str) -> Decision:
    rule = Arn.read(rule_arn)
    document = {"Version": "2012-10-17", "Statement": function.policy.statements}
    check_document(document)
    context: dict[str, str | list[str] | None] = {
        "aws:SourceArn": rule_arn,
        "aws:SourceAccount": rule.account,
        "aws:PrincipalOrgID": None,
        "aws:SourceOrgID": cloud.organization.organization_id if cloud.organization.is_member(rule.account) else None,
    }
    request = Request(Principal(rule.account, SERVICE, service=SERVICE), "lambda:InvokeFunction", function.function_arn, context)
    decision = evaluate([document], request)
    cloud.log.decisions.append(
        {
            "time": cloud.clock.iso(),
            "principal": request.principal.arn,
            "action": request.action,
            "resource": request.resource,
            "allowed": decision.allowed,
            "statement": decision.statement,
            "reason": decision.reason,
        }
    )
    return decision
