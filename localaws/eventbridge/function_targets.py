"""Functions as targets of rules: EventBridge invokes them asynchronously, where the function's own policy lets the rule in.

Source: EventBridge User Guide, "Using resource-based policies for Amazon EventBridge": Lambda functions; Lambda Developer Guide, "Invoking a Lambda
function asynchronously".
"""

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.utils import get_backend

from localaws.authorization import may_reach
from localaws.cloud import Call, Cloud, Principal
from localaws.eventbridge.buses import Arn
from localaws.eventbridge.permissions import SERVICE
from localaws.eventbridge.targets import DeliveryFailed, Sending, sender
from localaws.functions.asynchronous import take


@sender("lambda")
def invoke_function(cloud: Cloud, sending: Sending) -> None:
    place = Arn.read(sending.target["Arn"])
    try:
        function = get_backend(place.account, place.region).get_function(place.resource.removeprefix("function:"))
    except UnknownFunctionException:
        raise DeliveryFailed("NO_RESOURCE", f"function {sending.target['Arn']} does not exist") from None
    decision = may_reach(cloud, SERVICE, "lambda:InvokeFunction", function.function_arn, sending.rule_arn)
    if not decision.allowed:
        raise DeliveryFailed("NO_PERMISSIONS", f"{function.function_arn} does not let {SERVICE} in for {sending.rule_arn}: {decision.reason}")
    principal = Principal(place.account, SERVICE, service=SERVICE)
    call = Call("lambda", "Invoke", place.account, place.region, principal, {"FunctionName": function.function_name}, cloud.uuid())
    take(cloud, function.function_arn, sending.body, call.request_id)
    cloud.record(call)
