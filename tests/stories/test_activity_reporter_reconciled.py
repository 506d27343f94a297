"""Stories of reconciliation about the activity reporter: where it was taken away unseen it is attached again, by an execution of domain_setup."""

import base64
import json
from typing import Any

import pytest

from steward.reporter import script
from tests.stories.domains_of_ours import described, made
from tests.stories.people import Platform

pytestmark = pytest.mark.workflow("reconciliation")

CONFIGS = "arn:aws:sagemaker:eu-west-1:444444444444:studio-lifecycle-config"
OLD = "steward-activity-reporter-jupyterlab-0123456789ab"


def set_slot(platform: Platform, domain: str, arn: str) -> None:
    settings = {"JupyterLabAppSettings": {"BuiltInLifecycleConfigArn": arn}}
    platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings=settings)
    platform.local.settle()


def slot(platform: Platform, domain: str) -> Any:
    return described(platform, domain)["DefaultUserSettings"]["JupyterLabAppSettings"]["BuiltInLifecycleConfigArn"]


def reconciled(platform: Platform, name: str) -> tuple[dict[str, int], dict[str, int], list[str]]:
    """What a run started and found, and why it started each."""
    output = platform.reconcile("fraud-dev", name)["output"]
    bucket, key = output["details_s3"].removeprefix("s3://").split("/", 1)
    details = json.loads(platform.client("s3", "hub").get_object(Bucket=bucket, Key=key)["Body"].read())
    return output["counts"]["started"], output["counts"]["findings"], [one["reason"] for one in details["started"]]


def writes_in_members(platform: Platform, since: int) -> list[str]:
    reads = ("Describe", "List", "Get", "Simulate", "AssumeRole")
    calls = [call for call in platform.local.cloud.log.calls[since:] if call["account"] == "444444444444"]
    return [call["action"] for call in calls if not call["action"].split(":")[1].startswith(reads)]


def test_it_is_attached_where_that_was_missed_and_then_nothing_is_written(platform: Platform) -> None:
    domain = made(platform)
    started, findings, _ = reconciled(platform, "first")
    assert (started["domain_setup"], findings) == (1, {})
    assert slot(platform, domain) == f"{CONFIGS}/{script().name_for('JupyterLab')}"
    before = len(platform.local.cloud.log.calls)
    assert reconciled(platform, "second") == ({}, {}, [])
    assert writes_in_members(platform, before) == []


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ("None", "the activity reporter of JupyterLab by default is not attached"),
        (f"{CONFIGS}/{OLD}", "the activity reporter of JupyterLab by default is an older one"),
    ],
)
def test_one_that_was_cleared_or_set_back_unseen_is_attached_again(platform: Platform, present: str, words: str) -> None:
    domain = made(platform)
    reconciled(platform, "first")
    set_slot(platform, domain, present)
    assert reconciled(platform, "second") == ({"domain_setup": 1}, {}, [words])
    assert slot(platform, domain) == f"{CONFIGS}/{script().name_for('JupyterLab')}"
    assert reconciled(platform, "third") == ({}, {}, [])


def test_what_it_would_not_write_starts_nothing_and_is_counted(platform: Platform) -> None:
    domain = made(platform)
    reconciled(platform, "first")
    set_slot(platform, domain, f"{CONFIGS}/git")
    role = {"ExecutionRole": platform.role("fraud-dev", "Analysts")}
    platform.profile("fraud-dev", domain=domain, UserSettings=role | {"CodeEditorAppSettings": {"BuiltInLifecycleConfigArn": "None"}})
    platform.local.settle()
    reconciled(platform, "second")  # tags the profile
    before = len(platform.local.cloud.log.calls)
    started, findings, _ = reconciled(platform, "third")
    assert started == {}
    assert {kind: findings[kind] for kind in findings if "Report" in kind} == {
        "ReporterSlotTaken": 1,
        "ReporterOverridden": 1,
        "RolesMayNotReport": 1,
    }
    assert writes_in_members(platform, before) == []


def test_another_script_under_its_name_is_counted_and_starts_nothing(platform: Platform) -> None:
    content = base64.b64encode(b"#!/bin/sh\n").decode()
    for app_type in ("JupyterLab", "CodeEditor"):
        platform.client("sagemaker", "fraud-dev").create_studio_lifecycle_config(
            StudioLifecycleConfigName=script().name_for(app_type), StudioLifecycleConfigContent=content, StudioLifecycleConfigAppType=app_type
        )
    made(platform)
    reconciled(platform, "first")
    assert reconciled(platform, "second") == ({}, {"ReporterNameTaken": 2}, [])


def test_left_it_is_not_looked_for(platform: Platform) -> None:
    platform.deploy(ActivityReporter="leave")
    domain = made(platform)
    reconciled(platform, "first")
    assert reconciled(platform, "second") == ({}, {}, [])
    assert "BuiltInLifecycleConfigArn" not in json.dumps(described(platform, domain), default=str)
    assert not [call for call in platform.local.cloud.log.calls if "StudioLifecycleConfig" in call["action"]]
