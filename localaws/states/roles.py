"""State machines run as roles: Step Functions has to be able to take one when a machine is given it, and when an execution starts.

Source: AWS Step Functions Developer Guide, "Creating IAM roles", "Cross-service confused deputy prevention". The message:
lumigo-io/lumigo-CLI issue 83.
"""

from localaws.authorization import may_take
from localaws.cloud import AwsError, Call, Cloud, Refused, guard
from localaws.states.executions import machines

SERVICE = "states.amazonaws.com"


@guard("stepfunctions", "CreateStateMachine", "UpdateStateMachine")
def check_role(cloud: Cloud, call: Call) -> None:
    """The role trusts Step Functions, for this machine."""
    params = call.params
    machine = params.get("stateMachineArn") or call.arn(f"stateMachine:{params.get('name')}", "states")
    if "roleArn" in params and not _may_take(cloud, call, machine, params["roleArn"]):
        services = f"Neither the global service principal {SERVICE}, nor the regional one"
        raise AwsError("AccessDeniedException", f"{services} is authorized to assume the provided role.")


@guard("stepfunctions", "StartExecution")
def check_role_still(cloud: Cloud, call: Call) -> None:
    """The role of the machine still trusts Step Functions. What an execution does that cannot have its role AWS does not say."""
    arn = call.params["stateMachineArn"]
    machine = machines(cloud, call.account, call.region).get(arn)
    if machine is not None and not _may_take(cloud, call, arn, machine.revision.role_arn):
        raise Refused(f"{call.action}: {machine.revision.role_arn} does not trust {SERVICE} any more (localaws/states/roles.py)")


def _may_take(cloud: Cloud, call: Call, machine: str, role: str) -> bool:
    return may_take(cloud, SERVICE, role, call.account, machine).decision.allowed
