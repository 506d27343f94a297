"""A domain of our products and what became of it, for the stories of domain_setup."""

import json
from typing import Any

from tests.stories.people import Platform

PRODUCT = {"Key": "steward:product", "Value": "studio"}


def made(platform: Platform, *tags: dict[str, str], role: str = "StudioExecution", **more: Any) -> str:
    """A domain of our products, bare: its id."""
    return platform.domain("fraud-dev", **{"TagPropagation": "DISABLED", "Tags": [PRODUCT, *tags], **more})


def asked_for(platform: Platform, account: str = "fraud-dev") -> str:
    """The same, asked for and not waited for: its ARN."""
    account_id = platform.local.organization.account(account).id
    arn: str = platform.client("sagemaker", account).create_domain(
        DomainName="studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": f"arn:aws:iam::{account_id}:role/StudioExecution"},
        SubnetIds=["subnet-0a1b2c3d"],
        VpcId="vpc-0a1b2c3d",
        Tags=[PRODUCT],
    )["DomainArn"]
    return arn


def described(platform: Platform, domain: str) -> dict[str, Any]:
    found: dict[str, Any] = platform.client("sagemaker", "fraud-dev").describe_domain(DomainId=domain)
    return found


def idle_of(settings: dict[str, Any], app: str) -> Any:
    return settings.get(f"{app}AppSettings", {}).get("AppLifecycleManagement", {}).get("IdleSettings")


def updates(platform: Platform) -> list[dict[str, Any]]:
    return platform.calls("sagemaker:UpdateDomain")


def report(platform: Platform) -> dict[str, Any]:
    execution = platform.executions("domain_setup")[-1]
    found: dict[str, Any] = json.loads(execution["output"])
    return found


def kinds(platform: Platform) -> list[str]:
    return [finding["kind"] for finding in report(platform)["findings"]]


def start(platform: Platform, given: dict[str, Any], name: str = "by-hand") -> None:
    """An execution that somebody starts, and all that follows."""
    machine = platform.output("DomainSetupStateMachineArn")
    platform.client("stepfunctions", "hub").start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))
    platform.local.settle()
