"""People get user profiles, by IAM and by Identity Center, and spaces: each carries its cost tags a moment later, and nobody else's does. Who changes
them is corrected, until it is plain that they will not have it."""

from typing import Any

from demo import people
from demo.report import Report

TITLE = "Chapter 1: user profiles and spaces carry their cost tags"
CHAPTER = WORKFLOW = "profile_cost_tagging"
FRAUD = {"ml:user": "alice", "ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}


def play(report: Report) -> None:
    """Three profiles in accounts of the ML units, one outside of them, one event delivered twice, a space, and tags that somebody changes."""
    machine = report.stage.outputs()["ProfileCostTaggingStateMachineArn"]

    alice = _profile(report, "fraud-dev", "alice")
    report.say("fraud-dev: the user profile alice was created")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    people.expect_tags(report, "fraud-dev", alice, FRAUD)

    bob = _profile(report, "pricing-prod", "bob", sso_user="bob@example.com")
    report.say("pricing-prod: Identity Center signed bob@example.com in, and his user profile was created")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    tags = {"ml:user": "bob@example.com", "ml:project": "pricing", "ml:cost-center": "R-0815", "ml:owner": "pricing-team"}
    people.expect_tags(report, "pricing-prod", bob, tags)

    carol = _profile(report, "newcomer-dev", "carol")
    report.say("newcomer-dev: an account without tags; the user profile carol was created")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    report.expect(len(report.findings) == 3, "not one finding for each tag that newcomer-dev lacks")
    people.expect_tags(report, "newcomer-dev", carol, {"ml:user": "carol"})

    outsider = _profile(report, "playground", "dave")
    report.say("playground: an account outside the ML units; the user profile dave was created")
    report.expect(not report.new_executions(CHAPTER, WORKFLOW, machine), "an account outside the ML units started an execution")
    people.expect_tags(report, "playground", outsider, {})

    event = next(d["event"] for d in report.stage.log("deliveries") if d["event"].get("detail", {}).get("eventName") == "CreateUserProfile")
    report.stage.send(event)
    report.say("fraud-dev: the event for alice was delivered a second time; no second execution may start")
    report.expect(not report.new_executions(CHAPTER, WORKFLOW, machine), "a second delivery of one event started a second execution")

    _space(report, machine, alice)
    _drift(report, machine, alice)

    report.expect([run.status for run in report.executions] == ["SUCCEEDED"] * 8, "eight green executions were to run, no more and none red")


def _space(report: Report, machine: str, owner: str) -> None:
    """The owner of a profile gets a private space."""
    _, domain, name = owner.split("/")
    space = report.stage.client("sagemaker", "fraud-dev").create_space(
        DomainId=domain,
        SpaceName="alice-lab",
        OwnershipSettings={"OwnerUserProfileName": name},
        SpaceSharingSettings={"SharingType": "Private"},
    )["SpaceArn"]
    report.say("fraud-dev: alice got a space of her own, alice-lab")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    people.expect_tags(report, "fraud-dev", space, FRAUD)


def _drift(report: Report, machine: str, profile: str) -> None:
    """Somebody writes another cost center, and again, and again: three times in a day it is put right, then it is theirs and people are told."""
    sagemaker = report.stage.client("sagemaker", "fraud-dev")
    found = len(report.findings)
    for which_time in ("", " again", " a third time", " a fourth time"):
        sagemaker.add_tags(ResourceArn=profile, Tags=[{"Key": "ml:cost-center", "Value": "R-0001"}])
        report.say(f"fraud-dev: somebody wrote another cost center on alice{which_time}")
        report.new_executions(CHAPTER, WORKFLOW, machine)
        people.expect_tags(report, "fraud-dev", profile, FRAUD if which_time != " a fourth time" else {**FRAUD, "ml:cost-center": "R-0001"})
    report.expect([finding["kind"] for finding in report.findings[found:]] == ["TagsContested"], "people were to be told once, of the fourth time")


def _profile(report: Report, account: str, name: str, sso_user: str | None = None) -> str:
    """Create a domain and a user profile in it; its ARN."""
    role = f"arn:aws:iam::{people.account_id(report, account)}:role/StudioExecution"
    auth_mode = "SSO" if sso_user else "IAM"
    shared = {"ExecutionRole": role}
    domain = people.domain(report, account, role, f"{account}-studio", AuthMode=auth_mode, TagPropagation="ENABLED", DefaultSpaceSettings=shared)
    single_sign_on: dict[str, Any] = {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": sso_user} if sso_user else {}
    sagemaker = report.stage.client("sagemaker", account)
    return str(sagemaker.create_user_profile(DomainId=domain, UserProfileName=name, **single_sign_on)["UserProfileArn"])
