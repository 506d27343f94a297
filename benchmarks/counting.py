"""Whose calls are whose, where workflows run beside each other."""

from typing import Any

from tests.stories.people import Platform


def calls_of(platform: Platform, workflow: str, since: int = 0) -> list[dict[str, Any]]:
    """Of the call log from its line `since` on: calls by the roles of this workflow, in the hub and in members, and by any role on its machine."""
    roles = platform.client("iam", "hub").get_paginator("list_roles").paginate(PathPrefix=f"/steward/{workflow}/")
    names = {workflow, *(role["RoleName"] for page in roles for role in page["Roles"])}  # members have one role for each workflow, of its name
    machine = platform.output(f"{workflow.title().replace('_', '')}StateMachineArn")
    return [call for call in platform.local.cloud.log.calls[since:] if (role := _role(call)) and (role in names or call["resource"] == machine)]


def _role(call: dict[str, Any]) -> str:
    """The name of the role whose session made the call; none for people, who call as users."""
    return str(call["principal"]).partition(":assumed-role/")[2].partition("/")[0]
