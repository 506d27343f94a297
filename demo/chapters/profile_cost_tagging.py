"""People get user profiles, by IAM and by Identity Center: each profile carries its cost tags a moment later, and nobody else's does."""

import time
from typing import Any

from demo.report import Report

TITLE = "Chapter 1: user profiles carry their cost tags"
CHAPTER = WORKFLOW = "profile_cost_tagging"


def play(report: Report) -> None:
    """Three profiles in accounts of the ML units, one outside of them, and one event delivered twice."""
    machine = report.stage.outputs()["ProfileCostTaggingStateMachineArn"]

    alice = _profile(report, "fraud-dev", "alice")
    report.say("fraud-dev: the user profile alice was created")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    _expect_tags(report, "fraud-dev", alice, {"ml:user": "alice", "ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"})

    bob = _profile(report, "pricing-prod", "bob", sso_user="bob@example.com")
    report.say("pricing-prod: Identity Center signed bob@example.com in, and his user profile was created")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    tags = {"ml:user": "bob@example.com", "ml:project": "pricing", "ml:cost-center": "R-0815", "ml:owner": "pricing-team"}
    _expect_tags(report, "pricing-prod", bob, tags)

    carol = _profile(report, "newcomer-dev", "carol")
    report.say("newcomer-dev: an account without tags; the user profile carol was created")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    report.expect(len(report.findings) == 3, "not one finding for each tag that newcomer-dev lacks")
    _expect_tags(report, "newcomer-dev", carol, {"ml:user": "carol"})

    outsider = _profile(report, "playground", "dave")
    report.say("playground: an account outside the ML units; the user profile dave was created")
    report.expect(not report.new_executions(CHAPTER, WORKFLOW, machine), "an account outside the ML units started an execution")
    _expect_tags(report, "playground", outsider, {})

    event = next(d["event"] for d in report.stage.log("deliveries") if d["event"].get("detail", {}).get("eventName") == "CreateUserProfile")
    report.stage.send(event)
    report.say("fraud-dev: the event for alice was delivered a second time; no second execution may start")
    report.expect(not report.new_executions(CHAPTER, WORKFLOW, machine), "a second delivery of one event started a second execution")

    report.expect([run.status for run in report.executions] == ["SUCCEEDED"] * 3, "three green executions were to run, no more and none red")


def _profile(report: Report, account: str, name: str, sso_user: str | None = None) -> str:
    """Create a domain, wait for it as anybody would, and create a user profile in it; its ARN."""
    sagemaker = report.stage.client("sagemaker", account)
    settings = {"ExecutionRole": f"arn:aws:iam::{_account_id(report, account)}:role/StudioExecution"}
    domain = sagemaker.create_domain(
        DomainName=f"{account}-studio",
        AuthMode="SSO" if sso_user else "IAM",
        DefaultUserSettings=settings,
        SubnetIds=["subnet-0a1b2c3d"],
        VpcId="vpc-0a1b2c3d",
    )["DomainArn"].rsplit("/", 1)[1]
    for _ in range(100):
        if sagemaker.describe_domain(DomainId=domain)["Status"] == "InService":
            break
        time.sleep(0.1)
    single_sign_on: dict[str, Any] = {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": sso_user} if sso_user else {}
    return str(sagemaker.create_user_profile(DomainId=domain, UserProfileName=name, **single_sign_on)["UserProfileArn"])


def _account_id(report: Report, account: str) -> str:
    return str(report.stage.client("sts", account).get_caller_identity()["Account"])


def _expect_tags(report: Report, account: str, arn: str, tags: dict[str, str]) -> None:
    found = {tag["Key"]: tag["Value"] for tag in report.stage.client("sagemaker", account).list_tags(ResourceArn=arn)["Tags"]}
    print(f"       {arn.rsplit('/', 1)[1]}: {', '.join(f'{key}={value}' for key, value in sorted(found.items())) or 'no tags'}")
    report.expect(found == tags, f"{arn} carries {found}, not {tags}")
