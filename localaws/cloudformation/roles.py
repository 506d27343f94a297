"""Stacks are deployed as a role, where one is given: CloudFormation has to be able to take it."""

from localaws.authorization import may_take
from localaws.cloud import AwsError, Call, Cloud, guard

SERVICE = "cloudformation.amazonaws.com"


@guard("cloudformation", "CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ExecuteChangeSet")
def check_role(cloud: Cloud, call: Call) -> None:
    """The role trusts CloudFormation. The message is AWS's, as public reports have it."""
    role = call.params.get("RoleARN")
    if role and not may_take(cloud, SERVICE, role, call.account).decision.allowed:
        raise AwsError("ValidationError", f"Role {role} is invalid or cannot be assumed")
