"""Stories of template_enablement, on the deployed template: who works with which role, and who may use the project templates afterwards."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localaws import catalog
from localaws.studio import fail_next
from localaws.studio.core import behaviour
from tests.schemas import validate
from tests.stories.people import FRAUD, HUB, Platform

pytestmark = pytest.mark.workflow("template_enablement")

WORKFLOW = "template_enablement"
STUDIO = f"arn:aws:iam::{FRAUD}:role/StudioExecution"
OUTPUT = "TemplateEnablementStateMachineArn"


def portfolio(platform: Platform, account: str = "fraud-dev", region: str | None = None) -> str | None:
    """The id of SageMaker's portfolio in the account."""
    shares = platform.client("servicecatalog", account, region).list_accepted_portfolio_shares()["PortfolioDetails"]
    return next((share["Id"] for share in shares if share["ProviderName"] == "Amazon SageMaker"), None)


def roles_let_in(platform: Platform, account: str = "fraud-dev", region: str | None = None) -> set[str]:
    found = portfolio(platform, account, region)
    pages = platform.client("servicecatalog", account, region).get_paginator("list_principals_for_portfolio").paginate(PortfolioId=found or "none")
    return {principal["PrincipalARN"] for page in pages for principal in page["Principals"]}


def with_role(platform: Platform, role: str | None, name: str = "alice", domain: str | None = None, **more: Any) -> str:
    """A new profile with this role of its own, and all that follows; its ARN."""
    settings = {"UserSettings": {"ExecutionRole": role}} if role else {}
    profile = platform.profile("fraud-dev", name, domain=domain, **settings, **more)
    platform.local.settle()
    return profile


def delete(platform: Platform, profile: str) -> None:
    _, domain, name = profile.split("/")
    platform.client("sagemaker", "fraud-dev").delete_user_profile(DomainId=domain, UserProfileName=name)
    platform.local.settle()


def executions(platform: Platform) -> list[dict[str, Any]]:
    return [{**each, "output": json.loads(each.get("output") or "null")} for each in platform.executions(WORKFLOW)]


def last(platform: Platform) -> dict[str, Any]:
    return executions(platform)[-1]


def by_hand(platform: Platform, **scope: str) -> dict[str, Any]:
    """An execution for a domain, or for the whole account, and its end."""
    given = {"account_id": FRAUD, "region": "eu-west-1", "event_id": "by-hand", "event_time": "2026-11-23T09:00:00Z", **scope}
    platform.client("stepfunctions", "hub").start_execution(stateMachineArn=platform.output(OUTPUT), input=json.dumps(given))
    platform.local.settle()
    return last(platform)


def changed(execution: dict[str, Any]) -> list[tuple[str, str | None]]:
    return sorted((change["field"].partition(":")[2], change["after"]) for change in execution["output"]["changes"])


def of_ours(platform: Platform, before: int) -> list[str]:
    """What our member role has called since then."""
    return [call["action"] for call in platform.local.cloud.log.calls[before:] if "assumed-role/template_enablement/" in call["principal"]]


# -- profiles come, change and go


def test_a_profile_with_a_new_role_can_use_templates_and_its_deletion_releases_the_role(platform: Platform) -> None:
    scientist = platform.role("fraud-dev", "FraudScientist")
    announced = platform.watch_hub_bus()
    alice = with_role(platform, scientist)
    assert roles_let_in(platform) == {scientist, STUDIO}
    first = last(platform)
    assert (first["status"], first["output"]["outcome"], first["output"]["dry_run"], first["output"]["findings"]) == (
        "SUCCEEDED",
        "TemplateAccessChanged",
        False,
        [],
    )
    assert first["name"].startswith(f"{FRAUD}-alice-profile-created-")
    assert changed(first) == [(scientist, "associated"), (STUDIO, "associated"), ("eu-west-1", "Enabled")]
    assert all(change["reason"] for change in first["output"]["changes"])
    enabled, associated = platform.messages(announced)
    for event in (enabled, associated):
        validate("template_access_changed", event["detail"])
        assert first["executionArn"] in event["resources"]
    assert (enabled["detail"]["roles_associated"], enabled["detail"]["changes"][0]["after"]) == ([], "Enabled")
    assert (sorted(associated["detail"]["roles_associated"]), associated["detail"]["roles_released"]) == ([scientist, STUDIO], [])

    delete(platform, alice)
    assert roles_let_in(platform) == {STUDIO}
    assert (last(platform)["output"]["outcome"], changed(last(platform))) == ("TemplateAccessChanged", [(scientist, None)])
    released = platform.messages(announced)[-1]
    validate("template_access_changed", released["detail"])
    assert (released["detail"]["roles_associated"], released["detail"]["roles_released"]) == ([], [scientist])
    assert platform.dead_letters() == []


def test_trap_18_enabling_is_for_each_region_and_nobody_elses_account_is_touched(platform: Platform) -> None:
    with_role(platform, None)
    assert portfolio(platform) is not None
    assert portfolio(platform, region="us-east-1") is None
    assert portfolio(platform, "pricing-prod") is None
    platform.profile("fraud-dev", region="us-east-1")
    platform.local.settle()
    assert roles_let_in(platform, region="us-east-1") == {STUDIO}


def test_the_straight_way_costs_what_its_page_says(platform: Platform) -> None:
    with_role(platform, None)
    domain = platform.client("sagemaker", "fraud-dev").list_domains()["Domains"][0]["DomainId"]
    before = len(platform.local.cloud.log.calls)
    with_role(platform, platform.role("fraud-dev", "FraudScientist"), "bob", domain)
    ours = [
        call["action"]
        for call in platform.local.cloud.log.calls[before:]
        if ":assumed-role/" in call["principal"] and call["account"] in {HUB, FRAUD}
    ]
    told = [action for action in ours if action.split(":")[0] in {"organizations", "sts", "sagemaker", "servicecatalog", "iam", "dynamodb"}]
    assert told == [
        "organizations:DescribeAccount",
        "sts:AssumeRole",
        "sagemaker:DescribeUserProfile",
        "sagemaker:DescribeDomain",
        "sagemaker:GetSagemakerServicecatalogPortfolioStatus",
        "servicecatalog:ListAcceptedPortfolioShares",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "sagemaker:DescribeUserProfile",
        "sagemaker:DescribeDomain",
        "servicecatalog:ListPrincipalsForPortfolio",
        "iam:ListRoles",
        "organizations:DescribeAccount",
        "sts:AssumeRole",
        "dynamodb:PutItem",
        "servicecatalog:AssociatePrincipalWithPortfolio",
        "dynamodb:Query",
    ]
    assert platform.states_entered(last(platform)) == [
        "GiveItTime",
        "DecideEnablement",
        "SomethingIsToBeChanged",
        "ApplyEnablement",
        "SomethingWasChanged",
        "AnnounceTemplateAccess",
        "MoreIsToBeDone",
        "ThereAreFindings",
        "OutcomeIsKnown",
        "TemplateAccessChanged",
    ]


def test_the_other_ways_cost_what_the_page_says_too(platform: Platform) -> None:
    with_role(platform, None)
    domain, scientist = (
        platform.client("sagemaker", "fraud-dev").list_domains()["Domains"][0]["DomainId"],
        platform.role("fraud-dev", "FraudScientist"),
    )
    bob = with_role(platform, scientist, "bob", domain)

    def cost(act: Callable[[], object]) -> tuple[int, int]:
        before = len(platform.local.cloud.log.calls)
        act()
        principals = [call["principal"] for call in platform.local.cloud.log.calls[before:]]
        ours = [one for one in principals if ":assumed-role/" in one and ("Enablement" in one or "/template_enablement/" in one)]
        return len(platform.states_entered(last(platform))), len(ours)

    assert cost(lambda: with_role(platform, scientist, "carol", domain)) == (6, 12)
    assert cost(lambda: by_hand(platform, domain_id=domain)) == (6, 10)
    delete(platform, bob)
    assert cost(lambda: delete(platform, f"user-profile/{domain}/carol")) == (10, 23)


def test_one_profile_event_reads_one_profile_whatever_their_number(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    for number in range(12):
        with_role(platform, None, f"user-{number}", domain)
    before = len(platform.local.cloud.log.calls)
    alice = with_role(platform, None, "alice", domain)
    calls = of_ours(platform, before)
    assert calls.count("sagemaker:DescribeUserProfile") == 2, "once more after it was recorded"
    assert "sagemaker:ListUserProfiles" not in calls
    assert [call for call in calls if not call.split(":")[1].startswith(("Describe", "Get", "List"))] == []
    assert last(platform)["output"]["outcome"] == "NothingToDo"
    before = len(platform.local.cloud.log.calls)
    delete(platform, alice)
    assert "sagemaker:ListUserProfiles" not in of_ours(platform, before), "nothing is released"
    assert last(platform)["output"]["outcome"] == "ProfileGone"


def test_a_role_of_two_profiles_is_released_with_the_second_after_a_look_at_all_names(platform: Platform) -> None:
    scientist = platform.role("fraud-dev", "FraudScientist")
    alice = with_role(platform, scientist)
    bob = with_role(platform, scientist, "bob", alice.split("/")[1])
    delete(platform, alice)
    assert roles_let_in(platform) == {scientist, STUDIO}
    before = len(platform.local.cloud.log.calls)
    delete(platform, bob)
    assert roles_let_in(platform) == {STUDIO}
    assert of_ours(platform, before).count("sagemaker:ListUserProfiles") == 1


def test_a_profile_whose_role_changes_has_the_new_one_let_in_and_the_old_one_released(platform: Platform) -> None:
    reader, writer = platform.role("fraud-dev", "Reader"), platform.role("fraud-dev", "Writer")
    alice = with_role(platform, reader)
    settings = {"ExecutionRole": writer}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings=settings)
    platform.local.settle()
    assert roles_let_in(platform) == {writer, STUDIO}
    assert changed(last(platform)) == [(reader, None), (writer, "associated")]


def test_trap_17_principals_of_others_stay(platform: Platform) -> None:
    with_role(platform, None, "carol")
    domain = platform.client("sagemaker", "fraud-dev").list_domains()["Domains"][0]["DomainId"]
    scientist, others = platform.role("fraud-dev", "FraudScientist"), platform.role("fraud-dev", "TeamOfTheirOwn")
    service_catalog = platform.client("servicecatalog", "fraud-dev")
    for arn in (scientist, others):
        service_catalog.associate_principal_with_portfolio(PortfolioId=portfolio(platform), PrincipalARN=arn, PrincipalType="IAM")
    alice = with_role(platform, scientist, domain=domain)
    assert last(platform)["output"]["outcome"] == "NothingToDo", "it may use the templates already"
    delete(platform, alice)
    assert last(platform)["output"]["outcome"] == "ProfileGone"
    assert by_hand(platform)["output"]["outcome"] == "NothingToDo"
    assert roles_let_in(platform) == {scientist, others, STUDIO}


def test_a_principal_that_somebody_took_away_is_let_in_again(platform: Platform) -> None:
    """Trap 16: the portfolio is there, and the role is none of its principals."""
    scientist = platform.role("fraud-dev", "FraudScientist")
    alice = with_role(platform, scientist)
    service_catalog = platform.client("servicecatalog", "fraud-dev")
    service_catalog.disassociate_principal_from_portfolio(PortfolioId=portfolio(platform), PrincipalARN=scientist, PrincipalType="IAM")
    with_role(platform, None, "bob", alice.split("/")[1])
    assert roles_let_in(platform) == {scientist, STUDIO}


def test_beyond_a_hundred_principals_is_a_finding_that_says_what_to_do(platform: Platform) -> None:
    alice = with_role(platform, None)
    service_catalog = platform.client("servicecatalog", "fraud-dev")
    for number in range(99):
        arn = platform.role("fraud-dev", f"Other{number}")
        service_catalog.associate_principal_with_portfolio(PortfolioId=portfolio(platform), PrincipalARN=arn, PrincipalType="IAM")
    scientist = platform.role("fraud-dev", "FraudScientist")
    with_role(platform, scientist, "bob", alice.split("/")[1])
    output = last(platform)["output"]
    assert (output["outcome"], output["changes"]) == ("PortfolioFull", [])
    (finding,) = output["findings"]
    assert finding["kind"] == "PortfolioFull"
    assert scientist in finding["message"]
    assert "Disassociate principals" in finding["message"]
    assert len(roles_let_in(platform)) == 100


@pytest.mark.parametrize("answer", ["InvalidParametersException", "ResourceNotFoundException"])
def test_a_role_that_does_not_exist_is_a_finding(platform: Platform, answer: Any) -> None:
    catalog.behaviour(platform.local.cloud).missing_principal = answer
    with_role(platform, f"arn:aws:iam::{FRAUD}:role/NeverMade")
    output = last(platform)["output"]
    assert (output["outcome"], [finding["kind"] for finding in output["findings"]]) == ("RolesRefused", ["RoleRefused"])
    assert roles_let_in(platform) == {STUDIO}


# -- domains


def test_a_domain_that_is_deleted_takes_its_roles_with_it(platform: Platform) -> None:
    scientist = platform.role("fraud-dev", "FraudScientist")
    alice = with_role(platform, scientist)
    kept = platform.domain("fraud-dev", DefaultUserSettings={"ExecutionRole": platform.role("fraud-dev", "Kept")})
    assert by_hand(platform, domain_id=kept)["output"]["outcome"] == "TemplateAccessChanged"
    delete(platform, alice)
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.delete_domain(DomainId=alice.split("/")[1], RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    platform.local.settle()
    assert roles_let_in(platform) == {f"arn:aws:iam::{FRAUD}:role/Kept"}
    assert changed(last(platform)) == [(STUDIO, None)]
    assert by_hand(platform, domain_id=alice.split("/")[1])["output"]["outcome"] == "DomainGone"


def test_a_lost_deletion_is_found_when_the_domain_is_looked_at(platform: Platform) -> None:
    scientist = platform.role("fraud-dev", "FraudScientist")
    alice = with_role(platform, scientist)
    events = platform.client("events", "fraud-dev")
    events.disable_rule(Name="steward-template_enablement")
    delete(platform, alice)
    assert roles_let_in(platform) == {scientist, STUDIO}
    execution = by_hand(platform, domain_id=alice.split("/")[1])
    assert changed(execution) == [(scientist, None)]
    assert roles_let_in(platform) == {STUDIO}


def test_shared_spaces_have_a_role_too_and_a_whole_account_is_looked_at_once(platform: Platform) -> None:
    spaces = platform.role("fraud-dev", "SharedSpaces")
    domain = platform.domain("fraud-dev", DefaultSpaceSettings={"ExecutionRole": spaces})
    scientist = platform.role("fraud-dev", "FraudScientist")
    platform.client("events", "fraud-dev").disable_rule(Name="steward-profile_cost_tagging")
    with_role(platform, scientist, domain=domain)
    assert executions(platform) == []
    assert sorted(arn for arn, after in changed(by_hand(platform)) if after == "associated") == sorted([scientist, spaces, STUDIO])
    before = len(platform.local.cloud.log.calls)
    assert by_hand(platform)["output"]["outcome"] == "NothingToDo"
    assert [call for call in of_ours(platform, before) if not call.split(":")[1].startswith(("Describe", "Get", "List"))] == []
    assert "sagemaker:DescribeUserProfile" not in of_ours(platform, before), "its time is the recorded one"


def test_domains_of_unified_studio_are_left_alone(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}})
    with_role(platform, platform.role("fraud-dev", "FraudScientist"), domain=domain)
    assert last(platform)["output"]["outcome"] == "UnifiedStudioDomain"
    assert portfolio(platform) is None


# -- templates in S3, and service roles


def test_trap_19_service_roles_are_planted_and_one_that_is_missing_is_named(platform: Platform) -> None:
    iam = platform.client("iam", "fraud-dev")
    planted = iam.get_role(RoleName="AmazonSageMakerServiceCatalogProductsLaunchRole")["Role"]
    assert planted["Path"] == "/service-role/"
    assert len(iam.list_roles(PathPrefix="/service-role/")["Roles"]) == 11
    (policy,) = iam.list_attached_role_policies(RoleName=planted["RoleName"])["AttachedPolicies"]
    iam.detach_role_policy(RoleName=planted["RoleName"], PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=planted["RoleName"])
    with_role(platform, None)
    (finding,) = last(platform)["output"]["findings"]
    assert finding["kind"] == "ServiceRolesMissing"
    assert "lacks: AmazonSageMakerServiceCatalogProductsLaunchRole. " in finding["message"]


def test_service_roles_that_were_planted_stay_where_they_are_left_to_others_and_none_is_made(platform: Platform) -> None:
    """Projects go on using them, and what somebody deletes then does not come back."""
    iam = platform.client("iam", "fraud-dev")
    platform.deploy(TemplatesLocation="s3://ml-templates/projects")
    planted = {role["RoleName"]: role["RoleId"] for role in iam.list_roles(PathPrefix="/service-role/")["Roles"]}
    assert len(planted) == 19
    platform.deploy(TemplatesLocation="", TemplateServiceRoles="leave")
    assert {role["RoleName"]: role["RoleId"] for role in iam.list_roles(PathPrefix="/service-role/")["Roles"]} == planted
    iam.delete_role_policy(RoleName="AmazonSageMakerProjectsLaunchRole", PolicyName="pass-on-the-roles-of-projects")
    for policy in iam.list_attached_role_policies(RoleName="AmazonSageMakerProjectsLaunchRole")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="AmazonSageMakerProjectsLaunchRole", PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName="AmazonSageMakerProjectsLaunchRole")
    platform.deploy(TemplatesLocation="s3://ml-templates/projects")
    assert len(iam.list_roles(PathPrefix="/service-role/")["Roles"]) == 18
    assert iam.get_role(RoleName="template_enablement")["Role"]["Path"] == "/steward/"


def test_domains_are_told_where_templates_are_and_who_cannot_read_them_is_a_finding(platform: Platform) -> None:
    platform.deploy(TemplatesLocation="s3://ml-templates/projects")
    assert len(platform.client("iam", "fraud-dev").list_roles(PathPrefix="/service-role/")["Roles"]) == 19
    allowed = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectTagging"], "Resource": "arn:aws:s3:::ml-templates/projects/*"}
    reader, blind = platform.role("fraud-dev", "Reader", allowed), platform.role("fraud-dev", "Blind")
    domain = platform.domain("fraud-dev", DefaultUserSettings={"ExecutionRole": reader})
    with_role(platform, blind, domain=domain)
    (finding,) = last(platform)["output"]["findings"]
    assert (finding["kind"], finding["resource"]) == ("TemplatesNotReadable", blind)
    assert "s3:GetObject and s3:GetObjectTagging" in finding["message"]
    execution = by_hand(platform, domain_id=domain)
    arn = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:domain/{domain}"
    assert platform.tags("fraud-dev", arn)["sagemaker:projectS3TemplatesLocation"] == "s3://ml-templates/projects"
    assert changed(execution) == [("sagemaker:projectS3TemplatesLocation", "s3://ml-templates/projects")]
    assert by_hand(platform, domain_id=domain)["output"]["changes"] == []
    platform.deploy(TemplatesLocation="s3://ml-templates/newer")
    assert by_hand(platform)["output"]["changes"][0]["before"] == "s3://ml-templates/projects"
    platform.set_tags("fraud-dev", arn, {"sagemaker:projectS3TemplatesLocation": "s3://their-own"})
    output = by_hand(platform)["output"]
    assert "TemplatesLocationDiffers" in [finding["kind"] for finding in output["findings"]]
    assert platform.tags("fraud-dev", arn)["sagemaker:projectS3TemplatesLocation"] == "s3://their-own"


# -- brakes, and accounts that are not ours


@pytest.mark.parametrize("brake", [{"DryRun": "true"}, {"StopAllWrites": "true"}, {"ActingOrganizationalUnitIds": "ou-ab12-00000000"}])
def test_while_a_brake_holds_all_is_shown_and_nothing_is_written_or_remembered(platform: Platform, brake: dict[str, str]) -> None:
    announced = platform.watch_hub_bus()
    platform.deploy(**brake)
    scientist = platform.role("fraud-dev", "FraudScientist")
    with_role(platform, scientist)
    output = last(platform)["output"]
    assert (output["outcome"], output["dry_run"]) == ("TemplateAccessChanged", True)
    assert changed(last(platform)) == [(scientist, "associated"), (STUDIO, "associated"), ("eu-west-1", "Enabled")]
    assert portfolio(platform) is None
    dynamodb = platform.client("dynamodb", "hub")
    (records,) = [name for name in dynamodb.list_tables()["TableNames"] if "RecordsTable" in name]
    assert dynamodb.scan(TableName=records)["Count"] == 0
    assert platform.messages(announced) == []


def test_an_account_that_left_the_units_is_a_finding_and_nothing_else(platform: Platform) -> None:
    alice = with_role(platform, None)
    organizations, unit = platform.client("organizations", "management"), platform.local.organization.unit_id
    organizations.move_account(AccountId=FRAUD, SourceParentId=unit("ML/Dev"), DestinationParentId=unit("Sandbox"))
    delete(platform, alice)
    output = last(platform)["output"]
    assert (output["outcome"], [finding["kind"] for finding in output["findings"]]) == ("AccountOutOfScope", ["AccountOutOfScope"])


def test_an_account_that_is_closed_is_nothing_to_do(platform: Platform) -> None:
    alice = with_role(platform, None)
    platform.client("organizations", "management").close_account(AccountId=FRAUD)
    platform.local.settle()
    assert by_hand(platform, domain_id=alice.split("/")[1])["output"]["outcome"] == "AccountNotActive"


@pytest.mark.parametrize(("kind", "outcome"), [("UserProfile", "ProfileFailed"), ("Domain", "DomainFailed")])
def test_what_could_not_be_made_has_no_role(platform: Platform, kind: str, outcome: str) -> None:
    fail_next(platform.local.cloud, kind, "the execution role is not there")
    domain = platform.domain("fraud-dev")
    if kind == "UserProfile":
        with_role(platform, platform.role("fraud-dev", "FraudScientist"), domain=domain)
    else:
        by_hand(platform, domain_id=domain)
    assert (last(platform)["status"], last(platform)["output"]["outcome"]) == ("SUCCEEDED", outcome)
    assert portfolio(platform) is None


# -- the ends that are red, and what failed for a while


def test_a_portfolio_that_never_comes_ends_red_after_ten_minutes_and_says_what_to_do(platform: Platform) -> None:
    """Trap 16: said to be enabled, and never imported."""
    catalog.behaviour(platform.local.cloud).import_seconds = None
    start = platform.local.clock.now
    platform.profile("fraud-dev")
    platform.local.advance(3600)
    execution = last(platform)
    assert (execution["status"], execution["error"]) == ("FAILED", "PortfolioNeverCame")
    assert "Disable and enable them in the console" in execution["cause"]
    assert platform.states_entered(execution).count("DecideEnablement") == 40
    assert platform.local.clock.now - start >= 600


def test_a_portfolio_that_comes_late_is_waited_for(platform: Platform) -> None:
    """Trap 16: said to be enabled, and not imported yet."""
    catalog.behaviour(platform.local.cloud).import_seconds = 300
    with_role(platform, None)
    assert last(platform)["output"]["outcome"] == "TemplateAccessChanged"
    assert roles_let_in(platform) == {STUDIO}


def test_a_profile_that_is_never_in_service_ends_red(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    behaviour(platform.local.cloud).seconds["UserProfile", "creation"] = 24 * 3600
    platform.profile("fraud-dev", domain=domain)
    platform.local.advance(3600)
    execution = last(platform)
    assert (execution["status"], execution["error"]) == ("FAILED", "NeverInService")
    assert "User profile alice" in execution["cause"]


def test_without_our_role_it_waits_and_ends_red_saying_what_to_do(platform: Platform) -> None:
    plant = platform.without_role("fraud-dev", "template_enablement")
    platform.profile("fraud-dev")
    platform.local.settle()
    execution = last(platform)
    assert (execution["status"], execution["error"]) == ("FAILED", "MemberRoleNeverPlanted")
    plant()


def test_without_our_role_when_it_is_to_be_applied_it_ends_red_too(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    platform.profile("fraud-dev", domain=domain)
    with platform.local.faults.fail("sts:AssumeRole", "AccessDenied", after=1, lasting=24 * 3600, principal="*ApplyEnablement*"):
        platform.local.settle()
    execution = last(platform)
    assert (execution["status"], execution["error"]) == ("FAILED", "MemberRoleNeverPlanted")


@pytest.mark.parametrize("step", ["DecideEnablement", "ApplyEnablement"])
def test_a_step_that_fails_again_and_again_ends_red_and_its_repetition_finishes(platform: Platform, step: str) -> None:
    platform.profile("fraud-dev")
    with platform.local.faults.crash(f"*{step}*", lasting=24 * 3600):
        platform.local.settle()
    execution = last(platform)
    assert (execution["status"], execution["error"]) == ("FAILED", "EnablementFailed")
    assert f"The step {step} failed" in execution["cause"]
    states = platform.client("stepfunctions", "hub")
    states.start_execution(stateMachineArn=platform.output(OUTPUT), name="again", input=execution["input"])
    platform.local.settle()
    assert last(platform)["output"]["outcome"] == "TemplateAccessChanged"
    assert roles_let_in(platform) == {STUDIO}


def test_what_is_done_before_a_step_fails_is_announced_though_the_execution_ends_red(platform: Platform) -> None:
    reader, writer = platform.role("fraud-dev", "Reader"), platform.role("fraud-dev", "Writer")
    alice = with_role(platform, reader)
    announced = platform.watch_hub_bus()
    settings = {"ExecutionRole": writer}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings=settings)
    with platform.local.faults.fail("servicecatalog:AssociatePrincipalWithPortfolio", "AccessDeniedException", lasting=24 * 3600):
        platform.local.settle()
    execution = last(platform)
    assert (execution["status"], execution["error"]) == ("FAILED", "EnablementFailed")
    assert [event["detail"]["roles_released"] for event in platform.messages(announced)] == [[reader]]
    platform.client("stepfunctions", "hub").start_execution(stateMachineArn=platform.output(OUTPUT), name="again", input=execution["input"])
    platform.local.settle()
    assert platform.messages(announced)[-1]["detail"]["roles_associated"] == [writer]
    assert roles_let_in(platform) == {writer, STUDIO}


def test_what_failed_for_a_moment_is_found_by_another_look(platform: Platform) -> None:
    reader, writer = platform.role("fraud-dev", "Reader"), platform.role("fraud-dev", "Writer")
    alice = with_role(platform, reader)
    settings = {"ExecutionRole": writer}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings=settings)
    with platform.local.faults.fail("servicecatalog:AssociatePrincipalWithPortfolio", "AccessDeniedException", times=1):
        platform.local.settle()
    assert last(platform)["status"] == "SUCCEEDED"
    assert changed(last(platform)) == [(reader, None), (writer, "associated")], "all of it in one report"
    assert platform.states_entered(last(platform)).count("AnnounceTemplateAccess") == 2


@pytest.mark.parametrize("accepts", [True, False])
def test_sagemaker_accepts_the_share_in_our_name_or_need_not(platform: Platform, accepts: bool) -> None:
    catalog.behaviour(platform.local.cloud).enabling_accepts = accepts
    with_role(platform, None)
    assert roles_let_in(platform) == {STUDIO}
    decided = {(each["action"], each["allowed"]) for each in platform.local.cloud.log.decisions if "template_enablement" in each["principal"]}
    assert (("servicecatalog:AcceptPortfolioShare", True) in decided) is accepts


def test_an_outcome_that_the_machine_does_not_know_ends_red(platform: Platform) -> None:
    """As where a function is newer than its machine."""
    states, arn = platform.client("stepfunctions", "hub"), platform.output(OUTPUT)
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(
        stateMachineArn=arn, definition=definition.replace("$report.outcome = 'DomainGone'", "$report.outcome = 'DomainLeft'")
    )
    execution = by_hand(platform, domain_id="d-000000000000")
    assert (execution["status"], execution["error"]) == ("FAILED", "OutcomeUnknown")
    assert "A step answered DomainGone" in execution["cause"]


# -- ordered by nothing


@pytest.mark.parametrize("seed", range(4))
def test_in_whichever_order_things_happen_exactly_the_roles_in_use_are_let_in(platform: Platform, seed: int) -> None:
    """Profiles come with roles that others leave at the same time."""
    roles = [platform.role("fraud-dev", f"Role{number}") for number in range(3)]
    domain = platform.domain("fraud-dev")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    for number, role in enumerate(roles):
        sagemaker.create_user_profile(DomainId=domain, UserProfileName=f"first-{number}", UserSettings={"ExecutionRole": role})
    platform.local.settle()
    platform.local.clock.reseed(seed)
    for number, role in enumerate(roles):
        sagemaker.delete_user_profile(DomainId=domain, UserProfileName=f"first-{number}")
        if number:
            sagemaker.create_user_profile(DomainId=domain, UserProfileName=f"second-{number}", UserSettings={"ExecutionRole": role})
    platform.local.settle()
    assert roles_let_in(platform) == {*roles[1:], STUDIO}
    assert {execution["status"] for execution in executions(platform)} == {"SUCCEEDED"}


def test_a_profile_that_is_deleted_before_we_came_leaves_nothing(platform: Platform) -> None:
    with_role(platform, None, "carol")
    domain = platform.client("sagemaker", "fraud-dev").list_domains()["Domains"][0]["DomainId"]
    behaviour(platform.local.cloud).seconds["UserProfile", "creation"] = 3
    settings = {"ExecutionRole": platform.role("fraud-dev", "FraudScientist")}
    alice = platform.profile("fraud-dev", domain=domain, UserSettings=settings)
    platform.local.advance(4)
    delete(platform, alice)
    assert [execution["output"]["outcome"] for execution in executions(platform)[1:]] == ["ProfileGone"] * 2
    assert roles_let_in(platform) == {STUDIO}
