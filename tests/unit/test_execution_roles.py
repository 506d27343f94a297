"""May what is made with an execution role be tagged? Asked of IAM's simulator."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from steward.resources.execution_roles import may_tag_what_it_makes

ROLE = "arn:aws:iam::444444444444:role/studio/Mina"
TAGS = {"ml:user": "x", "ml:project": "fraud"}


def asked(action: str, kind: str) -> dict[str, Any]:
    return {
        "PolicySourceArn": ROLE,
        "ActionNames": ["sagemaker:AddTags"],
        "ResourceArns": [f"arn:aws:sagemaker:eu-west-1:444444444444:{kind}/steward"],
        "ContextEntries": [
            {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": ["ml:user", "ml:project"], "ContextKeyType": "stringList"},
            {"ContextKeyName": "aws:RequestTag/ml:user", "ContextKeyValues": ["x"], "ContextKeyType": "string"},
            {"ContextKeyName": "aws:RequestTag/ml:project", "ContextKeyValues": ["fraud"], "ContextKeyType": "string"},
            {"ContextKeyName": "sagemaker:TaggingAction", "ContextKeyValues": [action], "ContextKeyType": "string"},
        ],
    }


def says(decision: str) -> dict[str, Any]:
    return {"EvaluationResults": [{"EvalActionName": "sagemaker:AddTags", "EvalDecision": decision}]}


def test_it_is_asked_for_spaces_apps_and_jobs_each_with_the_action_that_makes_them(scripted: Any) -> None:
    iam, script = scripted.client("iam")
    for action, kind in (("CreateSpace", "space"), ("CreateApp", "app"), ("CreateTrainingJob", "training-job")):
        script.add_response("simulate_principal_policy", says("allowed"), asked(action, kind))
    assert may_tag_what_it_makes(iam, ROLE, "eu-west-1", TAGS) is True


@pytest.mark.parametrize("decision", ["implicitDeny", "explicitDeny"])
def test_the_first_no_is_enough(scripted: Any, decision: str) -> None:
    iam, script = scripted.client("iam")
    script.add_response("simulate_principal_policy", says("allowed"), asked("CreateSpace", "space"))
    script.add_response("simulate_principal_policy", says(decision), asked("CreateApp", "app"))
    assert may_tag_what_it_makes(iam, ROLE, "eu-west-1", TAGS) is False


def test_a_role_that_is_not_there_is_no_answer_and_a_denial_is_not_taken_for_that(scripted: Any) -> None:
    iam, script = scripted.client("iam")
    script.add_client_error("simulate_principal_policy", "NoSuchEntity")
    assert may_tag_what_it_makes(iam, ROLE, "eu-west-1", TAGS) is None
    script.add_client_error("simulate_principal_policy", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        may_tag_what_it_makes(iam, ROLE, "eu-west-1", TAGS)
