"""What goes wrong with events, and what people see of it then."""

import json
from typing import Any

from tests.stories.people import Platform

PROFILE_ROLE = "profile_cost_tagging"


def created(platform: Platform) -> dict[str, Any]:
    """The event of the profile's creation, as it was delivered to the hub bus."""
    events = [delivery["event"] for delivery in platform.local.cloud.log.deliveries]
    return next(event for event in events if event["detail"].get("eventName") == "CreateUserProfile")


def message(event: dict[str, Any]) -> str:
    return json.dumps({"workflow": "profile_cost_tagging", "event": event})


def statuses(platform: Platform) -> list[tuple[str, str]]:
    """Status and suffix of each execution, the oldest first."""
    executions = platform.executions()
    first = executions[0]["name"]
    return [(execution["status"], execution["name"].removeprefix(first)) for execution in executions]


def without_role(platform: Platform) -> dict[str, Any]:
    """Take our role out of the member account; what it was, to put it back."""
    iam = platform.client("iam", "fraud-dev")
    role: dict[str, Any] = iam.get_role(RoleName=PROFILE_ROLE)["Role"]
    (name,) = iam.list_role_policies(RoleName=PROFILE_ROLE)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=PROFILE_ROLE, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=PROFILE_ROLE, PolicyName=name)
    iam.delete_role(RoleName=PROFILE_ROLE)
    platform.expect_denied("sts:AssumeRole", f"role/steward/{PROFILE_ROLE}/")
    return {"trust": role["AssumeRolePolicyDocument"], "policy": policy}


def put_role_back(platform: Platform, role: dict[str, Any]) -> None:
    iam = platform.client("iam", "fraud-dev")
    iam.create_role(RoleName=PROFILE_ROLE, Path="/steward/", AssumeRolePolicyDocument=json.dumps(role["trust"]))
    iam.put_role_policy(RoleName=PROFILE_ROLE, PolicyName="put-back", PolicyDocument=json.dumps(role["policy"]))


def cut_off(platform: Platform) -> str:
    """A profile whose execution somebody stopped while it waited for our role, which is there again now; the profile's ARN."""
    role = without_role(platform)
    profile = platform.profile("fraud-dev")
    platform.local.advance(180)
    (running,) = platform.executions()
    platform.client("stepfunctions", "hub").stop_execution(executionArn=running["executionArn"], error="Stopped", cause="by hand")
    platform.local.settle()
    put_role_back(platform, role)
    return profile
