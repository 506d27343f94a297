"""What stories take for granted of the accounts that they play in."""

import pytest

from tests.stories.people import FRAUD, Platform

pytestmark = pytest.mark.together


def may(platform: Platform, account: str, role: str, action: str) -> bool:
    simulated = platform.client("iam", account).simulate_principal_policy(PolicySourceArn=role, ActionNames=[action])
    return {result["EvalDecision"] for result in simulated["EvaluationResults"]} == {"allowed"}


def test_execution_roles_are_there_and_may_do_what_is_said_of_them(platform: Platform) -> None:
    studio = f"arn:aws:iam::{FRAUD}:role/StudioExecution"
    here = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:app/d-1/alice/jupyterlab/default"
    iam = platform.client("iam", "fraud-dev")
    answer = iam.simulate_principal_policy(PolicySourceArn=studio, ActionNames=["sagemaker:AddTags"], ResourceArns=[here])
    assert [result["EvalDecision"] for result in answer["EvaluationResults"]] == ["allowed"]
    tagging = {"Effect": "Allow", "Action": "sagemaker:AddTags", "Resource": "*"}
    bearing = platform.role("fraud-dev", "ml/Bearing", tagging)
    assert bearing == f"arn:aws:iam::{FRAUD}:role/ml/Bearing"
    assert may(platform, "fraud-dev", bearing, "sagemaker:AddTags")
    assert not may(platform, "fraud-dev", bearing, "sagemaker:DeleteTags")
    assert not may(platform, "fraud-dev", platform.role("fraud-dev", "Unbearing"), "sagemaker:AddTags")
