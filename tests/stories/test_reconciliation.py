"""Stories of reconciliation, on the deployed template. Only its own schedule is on: for everything else the event was lost, and nobody knows."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from benchmarks.counting import calls_of
from localaws.organization_file import Account
from tests.schemas import validate
from tests.stories.people import FRAUD, FRAUD_TAGS, HUB, NEWCOMER, PRICING, Platform

pytestmark = pytest.mark.workflow("reconciliation")

DAY = 24 * 3600
MEMBER_ROLE = ":assumed-role/reconciliation/"
LOOKS = re.compile(r":(Describe|List|Get|Query|AssumeRole|Simulate|Head)")


def as_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def last(platform: Platform) -> dict[str, Any]:
    """The run that began last."""
    return platform.last("reconciliation")


def details(platform: Platform, run: dict[str, Any]) -> dict[str, Any]:
    """What the run wrote down of itself."""
    document: dict[str, Any] = platform.details(run)
    validate("reconciliation_details", document)
    return document


def calls_since(platform: Platform, before: int) -> list[dict[str, Any]]:
    """What our roles have called since then."""
    calls: list[dict[str, Any]] = platform.local.cloud.log.calls[before:]
    return [call for call in calls if "/steward" in call["principal"] or ":assumed-role/" in call["principal"]]


# -- an event was lost


def test_what_lost_its_event_is_put_right_the_next_morning_and_the_day_after_there_is_nothing_to_do(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    space = platform.space("fraud-dev", profile)
    bystander = platform.profile("playground", "dave")
    platform.local.advance(DAY)

    assert platform.tags("fraud-dev", profile) == platform.tags("fraud-dev", space) == FRAUD_TAGS
    assert platform.tags("playground", bystander) == {}
    run = last(platform)
    assert (run["name"], run["status"], run["output"]["outcome"]) == ("reconciliation-2026-11-03T04", "SUCCEEDED", "Reconciled")
    counts = run["output"]["counts"]
    assert (counts["accounts"], counts["places"], counts["domains"], counts["user_profiles"], counts["spaces"]) == (3, 6, 1, 1, 1)
    started = {"profile_cost_tagging": 2, "template_enablement": 1}
    assert (counts["started"], counts["left"], counts["troubles"]) == (started, 0, 0)
    told = details(platform, run)
    assert (told["counts"], told["outcome"], {one["kind"] for one in told["findings"]}) == (counts, "Reconciled", {"ForeignDomainDiffers"})
    tagged, (enabled,) = platform.executions(), platform.executions("template_enablement")
    assert {one["name"] for one in (*tagged, enabled)} == {one["execution"] for one in told["started"]}
    assert all(re.fullmatch(rf"{FRAUD}-(alice|lab)-reconciled-[0-9a-f]{{12}}", one["name"]) for one in tagged)
    assert [json.loads(one["output"])["outcome"] for one in (*tagged, enabled)] == ["ProfileTagged", "SpaceTagged", "TemplateAccessChanged"]

    platform.local.advance(DAY)
    run = last(platform)
    assert (run["name"], run["output"]["outcome"], run["output"]["counts"]["started"]) == ("reconciliation-2026-11-04T04", "NothingToDo", {})
    assert len(platform.executions()) == 2
    assert platform.dead_letters() == []


def test_a_tag_that_somebody_removed_unseen_comes_back(platform: Platform) -> None:
    profile = platform.profile("fraud-dev", region="us-east-1", Tags=as_tags(FRAUD_TAGS))
    platform.local.settle()
    platform.client("sagemaker", "fraud-dev", "us-east-1").delete_tags(ResourceArn=profile, TagKeys=["ml:owner"])
    platform.local.advance(DAY)
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    one = details(platform, last(platform))["started"][-1]
    assert (one["resource"], one["reason"], one["region"]) == (profile, "the tag ml:owner is missing", "us-east-1")


def test_a_tag_of_the_account_that_changes_is_taken_over_everywhere(platform: Platform) -> None:
    """It makes no event in the hub."""
    profile = platform.profile("fraud-dev", Tags=as_tags(FRAUD_TAGS))
    platform.local.settle()
    platform.client("organizations", "management").tag_resource(ResourceId=FRAUD, Tags=as_tags({"ml:cost-center": "R-0042"}))
    platform.local.advance(DAY)
    assert platform.tags("fraud-dev", profile) == {**FRAUD_TAGS, "ml:cost-center": "R-0042"}


# -- domains


def a_domain_of_ours(platform: Platform, account: str = "fraud-dev", **more: Any) -> str:
    return platform.domain(account, Tags=as_tags({"steward:product": "studio"}), TagPropagation="DISABLED", **more)


def test_a_domain_that_lost_its_event_is_set_up_and_the_day_after_there_is_nothing_to_do(platform: Platform) -> None:
    domain = a_domain_of_ours(platform)
    platform.local.advance(DAY)
    run = last(platform)
    assert (run["output"]["outcome"], run["output"]["counts"]["started"]) == ("Reconciled", {"domain_setup": 1})
    (setup,) = platform.executions("domain_setup")
    assert (setup["status"], json.loads(setup["output"])["outcome"]) == ("SUCCEEDED", "DomainSetUp")
    assert setup["name"] == details(platform, run)["started"][0]["execution"]
    described = platform.client("sagemaker", "fraud-dev").describe_domain(DomainId=domain)
    assert described["TagPropagation"] == "ENABLED"
    before = len(platform.local.cloud.log.calls)
    platform.local.advance(DAY)
    assert (last(platform)["output"]["outcome"], last(platform)["output"]["counts"]["findings"]) == ("NothingToDo", {})
    assert not [call for call in calls_since(platform, before) if call["account"] == FRAUD and not LOOKS.search(call["action"])]


def test_domain_settings_that_somebody_changed_unseen_come_back(platform: Platform) -> None:
    domain = a_domain_of_ours(platform)
    platform.local.advance(DAY)
    sagemaker = platform.client("sagemaker", "fraud-dev")
    settings = {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": {"LifecycleManagement": "DISABLED"}}}}
    sagemaker.update_domain(DomainId=domain, DefaultUserSettings=settings)
    platform.local.advance(DAY)
    idle = sagemaker.describe_domain(DomainId=domain)["DefaultUserSettings"]["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"]
    assert idle["LifecycleManagement"] == "ENABLED"
    assert last(platform)["output"]["counts"]["started"] == {"domain_setup": 1}


def test_a_foreign_domain_is_counted_and_where_foreign_domains_are_corrected_it_is(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED")
    platform.local.advance(DAY)
    assert last(platform)["output"]["counts"]["findings"] == {"ForeignDomainDiffers": 1}
    assert platform.executions("domain_setup") == []
    platform.deploy(ForeignDomains="correct")
    platform.local.advance(DAY)
    assert last(platform)["output"]["counts"]["started"] == {"domain_setup": 1}
    assert platform.client("sagemaker", "fraud-dev").describe_domain(DomainId=domain)["TagPropagation"] == "ENABLED"


# -- project templates


def portfolio_of(platform: Platform) -> str | None:
    shares = platform.client("servicecatalog", "fraud-dev").list_accepted_portfolio_shares()["PortfolioDetails"]
    return next((share["Id"] for share in shares if share["ProviderName"] == "Amazon SageMaker"), None)


def principals(platform: Platform) -> set[str]:
    """Who may use the project templates in the account."""
    answer = platform.client("servicecatalog", "fraud-dev").list_principals_for_portfolio(PortfolioId=portfolio_of(platform))
    return {principal["PrincipalARN"] for principal in answer["Principals"]}


def test_a_profile_with_a_role_of_its_own_whose_event_was_lost_can_use_templates_and_its_deletion_releases_them(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    role = platform.role("fraud-dev", "Analysts")
    platform.profile("fraud-dev", domain=domain, UserSettings={"ExecutionRole": role})
    platform.local.advance(DAY)
    assert last(platform)["output"]["counts"]["started"]["template_enablement"] == 1
    assert role in principals(platform)
    platform.local.advance(DAY)
    assert (last(platform)["output"]["outcome"], last(platform)["output"]["counts"]["started"]) == ("NothingToDo", {})

    platform.client("sagemaker", "fraud-dev").delete_user_profile(DomainId=domain, UserProfileName="alice")
    platform.local.advance(DAY)
    assert role not in principals(platform)
    platform.local.advance(DAY)
    assert last(platform)["output"]["outcome"] == "NothingToDo"


def test_a_domain_that_was_deleted_unseen_is_forgotten_and_its_roles_released(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    platform.local.advance(DAY)
    assert len(principals(platform)) == 1
    platform.client("sagemaker", "fraud-dev").delete_domain(DomainId=domain, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    platform.local.advance(DAY)
    assert principals(platform) == set()
    platform.local.advance(DAY)
    assert last(platform)["output"]["outcome"] == "NothingToDo"


def test_roles_of_a_domain_that_was_forgotten_and_not_released_are_released_the_next_morning(platform: Platform) -> None:
    """A brake was pulled between the two, so that the execution is green and its roles are there."""
    domain = platform.domain("fraud-dev")
    platform.local.advance(DAY)
    platform.client("sagemaker", "fraud-dev").delete_domain(DomainId=domain, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    platform.local.settle()
    _forget(platform, domain)
    assert len(principals(platform)) == 1
    platform.local.advance(DAY)
    assert (last(platform)["output"]["counts"]["started"], principals(platform)) == ({"template_enablement": 1}, set())
    platform.local.advance(DAY)
    assert last(platform)["output"]["outcome"] == "NothingToDo"


def _forget(platform: Platform, domain: str) -> None:
    dynamodb = platform.client("dynamodb", "hub")
    (table,) = [name for name in dynamodb.list_tables()["TableNames"] if "RecordsTable" in name]
    for item in dynamodb.scan(TableName=table)["Items"]:
        if item["what"]["S"].startswith(f"use#{domain}#"):
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("place", "what")})


def test_a_role_that_somebody_took_from_the_portfolio_comes_back(platform: Platform) -> None:
    platform.domain("fraud-dev")
    platform.local.advance(DAY)
    (role,) = principals(platform)
    catalog, portfolio = platform.client("servicecatalog", "fraud-dev"), portfolio_of(platform)
    catalog.disassociate_principal_from_portfolio(PortfolioId=portfolio, PrincipalARN=role, PrincipalType="IAM")
    platform.local.advance(DAY)
    assert principals(platform) == {role}
    assert last(platform)["output"]["counts"]["started"] == {"template_enablement": 1}


# -- nothing is to be done


def test_on_a_converged_organization_no_role_of_ours_makes_a_write_call(platform: Platform) -> None:
    """The objects of the run in our own bucket, and its own children and functions, are the run itself: they are counted apart."""
    for account, name, tags in (("fraud-dev", "alice", FRAUD_TAGS), ("pricing-prod", "bob", {})):
        platform.profile(account, name, Tags=as_tags(tags))
    platform.local.advance(DAY)
    found, announced = platform.watch_findings(), platform.watch_hub_bus()
    before = len(platform.local.cloud.log.calls)
    platform.local.advance(DAY)
    assert last(platform)["output"]["outcome"] == "NothingToDo"

    calls = calls_since(platform, before)
    members = [call for call in calls if MEMBER_ROLE in call["principal"]]
    assert {call["account"] for call in members} == {FRAUD, PRICING, NEWCOMER}
    writes = Counter((call["account"], call["action"]) for call in calls if not LOOKS.search(call["action"]))
    assert {account for account, _ in writes} <= {HUB}
    ours = {"s3:PutObject", "lambda:Invoke", "lambda:InvokeFunction", "stepfunctions:StartExecution"}
    ours |= {"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"}  # how the schedule comes in
    assert {action for _, action in writes} <= ours
    starts = [call for call in calls if call["action"] == "stepfunctions:StartExecution"]
    assert {call["resource"] for call in starts} == {platform.output("ReconciliationStateMachineArn")}
    objects = [call for call in calls if call["action"] == "s3:PutObject"]
    assert all(platform.output("ReconciliationBucketName") in call["resource"] for call in objects)
    assert platform.messages(found) == platform.messages(announced) == []


def test_a_quiet_run_costs_what_its_page_says(platform: Platform) -> None:
    """Here 3 accounts, 2 Regions, 2 domains, 2 profiles and a space, and each account has one execution role. The domains are not ours, which is a
    finding each: their tags are confirmed."""
    alice = platform.profile("fraud-dev", Tags=as_tags(FRAUD_TAGS))
    platform.local.settle()
    platform.space("fraud-dev", alice, Tags=as_tags(FRAUD_TAGS))
    bob = {"ml:user": "bob", "ml:project": "pricing", "ml:cost-center": "R-0815", "ml:owner": "pricing-team"}
    platform.profile("pricing-prod", "bob", Tags=as_tags(bob))
    platform.local.settle()
    platform.local.advance(DAY)
    before = len(platform.local.cloud.log.calls)
    platform.local.advance(DAY)
    run = last(platform)
    assert run["output"]["outcome"] == "NothingToDo"
    calls = Counter(call["action"] for call in calls_of(platform, "reconciliation", before))
    accounts, regions, domains, profiles, spaces = 3, 2, 2, 2, 1
    assert calls["organizations:ListTagsForResource"] == accounts
    assert calls["organizations:ListAccountsForParent"] == calls["organizations:ListOrganizationalUnitsForParent"] == 3, "ML and the two units in it"
    assert calls["organizations:ListParents"] == 1
    assert calls["sts:AssumeRole"] == accounts + 2, "each for its Regions, and two for their domains"
    assert calls["sagemaker:ListDomains"] == accounts * regions
    for action in ("sagemaker:DescribeDomain", "sagemaker:ListUserProfiles", "sagemaker:ListSpaces", "resourcegroupstaggingapi:GetResources"):
        assert calls[action] == domains, action
    assert (calls["sagemaker:DescribeUserProfile"], calls["sagemaker:DescribeSpace"]) == (profiles, spaces)
    assert calls["sagemaker:ListTags"] == domains
    assert calls["iam:SimulatePrincipalPolicy"] == 4 * 2, "for each role in use"
    assert calls["sagemaker:DescribeStudioLifecycleConfig"] == 2 * domains, "for JupyterLab and Code Editor, in each account and Region with a domain"
    assert calls["iam:ListRoles"] == 2, "for each account with a domain"
    assert calls["dynamodb:Query"] == accounts * regions + 2, "for each account and Region, and again for those with a domain"
    for action in ("sagemaker:GetSagemakerServicecatalogPortfolioStatus", "servicecatalog:ListPrincipalsForPortfolio"):
        assert calls[action] == 2, action
    assert platform.states_entered(run) == [
        "InputIsReadable",
        "ListAccounts",
        "ThereAreAccounts",
        "LookIntoAccounts",
        "GatherDomains",
        "ThereAreDomains",
        "LookIntoDomains",
        "StartExecutions",
        "OutcomeIsKnown",
        "NothingToDo",
    ]


def test_where_there_is_no_domain_there_is_nothing_to_do(platform: Platform) -> None:
    platform.local.advance(DAY)
    run = last(platform)
    assert (run["output"]["outcome"], run["output"]["counts"]["places"], run["output"]["counts"]["domains"]) == ("NothingToDo", 6, 0)
    assert "LookIntoDomains" not in platform.states_entered(run)


def test_what_nobody_knows_is_counted_each_day_and_nobody_is_told_each_day(platform: Platform) -> None:
    found = platform.watch_findings()
    platform.profile("newcomer-dev", "carol", Tags=as_tags({"ml:user": "carol"}))
    platform.local.advance(2 * DAY)
    run = last(platform)
    kinds = {"AccountTagMissing": 3, "ForeignDomainDiffers": 1}
    assert (run["output"]["outcome"], run["output"]["counts"]["findings"]) == ("NothingToDo", kinds)
    assert {one["kind"] for one in details(platform, run)["findings"]} == set(kinds)
    assert platform.messages(found) == []


def test_the_first_reconciliation_mails_nobody_for_each_old_profile(platform: Platform) -> None:
    """Their domain does not propagate tags, an app runs in it, and their account has no tags: one mail for each of 10,000 would be 10,000."""
    found = platform.watch_findings()
    domain = platform.domain("newcomer-dev", TagPropagation="DISABLED")
    profiles = [platform.profile("newcomer-dev", f"person-{number}", domain=domain) for number in range(3)]
    platform.local.settle()
    platform.app("newcomer-dev", profiles[0], "JupyterServer")
    platform.local.advance(DAY)
    assert [platform.tags("newcomer-dev", profile) for profile in profiles] == [{"ml:user": f"person-{number}"} for number in range(3)]
    kinds = {finding["kind"] for output in platform.outputs() for finding in output["findings"]}
    assert kinds == {"AccountTagMissing", "TagPropagationOff", "AppsMissTags"}, "the outputs have it"
    assert platform.messages(found) == []


def test_what_is_wrong_with_one_thing_alone_is_mailed_though_a_reconciliation_started_it(platform: Platform) -> None:
    found = platform.watch_findings()
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED")
    full = as_tags({"ml:owner": "nobody", **{f"team-{number}": "x" for number in range(44)}})
    profile = platform.profile("fraud-dev", domain=domain, Tags=full)
    platform.local.advance(DAY)
    assert platform.tags("fraud-dev", profile)["ml:owner"] == "fraud-team"
    assert [finding["kind"] for finding in platform.last_output()["findings"]] == ["TagLimitReached", "TagPropagationOff"]
    (message,) = platform.messages(found)
    validate("findings", message)
    assert (message["outcome"], [finding["kind"] for finding in message["findings"]]) == ("TagLimitReached", ["TagLimitReached"])


def test_a_domain_of_unified_studio_is_counted_and_left_alone(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}})
    profile = platform.profile("fraud-dev", domain=domain)
    platform.local.advance(DAY)
    assert last(platform)["output"]["counts"]["domains_of_unified_studio"] == 1
    assert platform.tags("fraud-dev", profile) == {}


# -- by hand


def test_by_hand_one_account_is_looked_into_and_no_other(platform: Platform) -> None:
    ours, others = platform.profile("fraud-dev"), platform.profile("pricing-prod", "bob")
    platform.local.settle()
    run = platform.reconcile("fraud-dev")
    assert (run["status"], run["output"]["outcome"], run["output"]["counts"]["accounts"]) == ("SUCCEEDED", "Reconciled", 1)
    assert details(platform, run)["account_id"] == FRAUD
    assert platform.tags("fraud-dev", ours) == FRAUD_TAGS
    assert platform.tags("pricing-prod", others) == {}


def test_by_hand_all_accounts_may_be_asked_for(platform: Platform) -> None:
    assert platform.reconcile()["output"]["counts"]["accounts"] == 3


def test_by_hand_an_account_that_is_closed_is_an_outcome(platform: Platform) -> None:
    platform.client("organizations", "management").close_account(AccountId=FRAUD)
    run = platform.reconcile("fraud-dev")
    assert (run["status"], run["output"]["outcome"]) == ("SUCCEEDED", "AccountNotActive")


def test_by_hand_an_account_that_is_not_ours_is_an_outcome(platform: Platform) -> None:
    run = platform.reconcile("playground")
    assert (run["status"], run["output"]["outcome"]) == ("SUCCEEDED", "AccountOutOfScope")
    assert "LookIntoAccounts" not in platform.states_entered(run)


def test_by_hand_and_by_schedule_at_the_same_time_do_no_harm(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    for name in ("one", "two"):
        platform.begin_reconciliation(name)
    platform.local.settle()
    assert [run["status"] for run in platform.executions("reconciliation")] == ["SUCCEEDED"] * 2
    assert [one["status"] for one in platform.executions()] == ["SUCCEEDED"] * 2
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_a_schedule_is_skipped_while_the_run_before_goes_on(platform: Platform) -> None:
    with platform.local.faults.fail("organizations:ListAccountsForParent", lasting=120):
        platform.begin_reconciliation("before")
        platform.local.advance(1)
        platform.take_in('{"workflow": "reconciliation", "schedule": {"name": "reconciliation", "time": "2026-11-02T09:00:00Z"}}')
    assert [run["name"] for run in platform.executions("reconciliation")] == ["before"]


# -- something cannot be looked at


def test_an_account_without_our_role_is_one_red_line_and_the_others_are_done(platform: Platform) -> None:
    """Traps 31 and 37."""
    ours = platform.profile("pricing-prod", "bob")
    platform.profile("fraud-dev")
    plant = platform.without_role("fraud-dev", "reconciliation")
    platform.local.advance(DAY)
    run = last(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    assert f"{FRAUD} eu-west-1: MemberRoleNotAssumable" in run["cause"]
    assert f"{FRAUD} us-east-1: MemberRoleNotAssumable" in run["cause"]
    assert PRICING not in run["cause"]
    lines = details(platform, run)["troubles"]
    assert [(line["account_id"], line["region"]) for line in lines] == [(FRAUD, "eu-west-1"), (FRAUD, "us-east-1")]
    assert all("StackSet" in line["what_to_do"] for line in lines)
    assert platform.tags("pricing-prod", ours)["ml:user"] == "bob"
    plant()
    assert platform.reconcile("fraud-dev")["output"]["counts"]["started"] == {"profile_cost_tagging": 1, "template_enablement": 1}


def test_an_account_that_has_just_joined_and_has_no_role_yet_is_a_red_line_until_it_has(platform: Platform) -> None:
    platform.local.vend(Account("fraud-preprod", "888888888888", "ML/Dev", tags={"ml:project": "fraud"}))
    platform.expect_denied("sts:AssumeRole", "role/steward/reconciliation/")
    platform.begin_reconciliation("too-early")
    platform.local.settle()
    assert last(platform)["error"] == "SomeAccountsFailed"
    platform.local.advance(DAY)
    assert (last(platform)["output"]["outcome"], last(platform)["output"]["counts"]["accounts"]) == ("NothingToDo", 4)


def test_an_account_that_is_suspended_between_the_list_and_the_look_is_a_red_line_and_none_the_day_after(platform: Platform) -> None:
    ours = platform.profile("pricing-prod", "bob")
    platform.local.settle()
    with platform.local.faults.crash("*FindDomains*", times=1):
        platform.begin_reconciliation("suspended")
        while "LookIntoAccounts" not in platform.states_entered(last(platform)):
            platform.local.advance(0.05)
        platform.client("organizations", "management").close_account(AccountId=NEWCOMER)
        platform.without_role("newcomer-dev", "reconciliation")  # of an account that is suspended no role can be assumed; in localaws it could
        platform.local.settle()
    run = last(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    lines = details(platform, run)["troubles"]
    assert [(line["account_id"], line["error"]) for line in lines] == [(NEWCOMER, "MemberRoleNotAssumable")] * 2
    assert all("suspended or closed since it was listed? Then nothing" in line["what_to_do"] for line in lines)
    assert platform.tags("pricing-prod", ours)["ml:user"] == "bob"
    platform.local.advance(DAY)
    counts = last(platform)["output"]["counts"]
    assert (counts["accounts"], counts["accounts_not_active"], counts["troubles"]) == (2, 1, 0)


def test_a_region_that_is_disabled_is_a_red_line_and_the_other_region_is_done(platform: Platform) -> None:
    """Trap 51."""
    profile = platform.profile("fraud-dev", region="us-east-1")
    platform.local.settle()
    with platform.local.faults.fail("sagemaker:ListDomains", "UnrecognizedClientException", region="eu-west-1", account=FRAUD, lasting=2 * DAY):
        platform.local.advance(DAY)
    (line,) = details(platform, last(platform))["troubles"]
    assert (line["account_id"], line["region"], line["error"]) == (FRAUD, "eu-west-1", "UnrecognizedClientException")
    assert "RegionsInUse" in line["what_to_do"]
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_throttling_that_outlasts_our_retries_is_a_line_for_the_domain_and_the_others_are_done(platform: Platform) -> None:
    """Trap 32."""
    ours = platform.profile("pricing-prod", "bob")
    platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.fail("resourcegroupstaggingapi:GetResources", account=FRAUD, lasting=2 * DAY):
        platform.local.advance(DAY)
    (line,) = details(platform, last(platform))["troubles"]
    assert (line["account_id"], line["region"]) == (FRAUD, "eu-west-1")
    assert line["domain_id"].startswith("d-")
    assert "AWS was busy" in line["what_to_do"]
    assert platform.tags("pricing-prod", ours)["ml:user"] == "bob"


def test_a_throttled_call_that_passes_leaves_no_trace(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.fail("sagemaker:*", account=FRAUD, times=3):
        platform.local.advance(DAY)
    assert last(platform)["output"]["outcome"] == "Reconciled"


@pytest.mark.parametrize(("function", "places"), [("*FindDomains*", 6), ("*ReconcileDomains*", 1)])
def test_a_batch_whose_function_dies_is_named_item_by_item(platform: Platform, function: str, places: int) -> None:
    """Trap 37: a child that fails does not fail the Map."""
    platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.crash(function, lasting=2 * DAY):
        platform.local.advance(DAY)
    run = last(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    lines = details(platform, run)["troubles"]
    assert [line["error"] for line in lines] == ["BatchUnanswered"] * places
    assert all("Runtime.ExitError" in line["message"] for line in lines)


def test_a_batch_that_takes_too_long_is_named_item_by_item(platform: Platform) -> None:
    """Trap 41: an Express child has five minutes."""
    platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.time_out("*ReconcileDomains*", lasting=2 * DAY):
        platform.local.advance(DAY)
    (line,) = details(platform, last(platform))["troubles"]
    assert (line["account_id"], line["error"]) == (FRAUD, "BatchUnanswered")


def test_a_domain_that_is_deleted_while_we_look_is_nothing_to_do(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    with platform.local.faults.time_out("*ReconcileDomains*", times=1):
        platform.begin_reconciliation("slow")
        platform.local.advance(60)
        platform.client("sagemaker", "fraud-dev").delete_domain(DomainId=domain, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
        platform.local.settle()
    assert (last(platform)["output"]["outcome"], last(platform)["output"]["counts"]["domains_gone"]) == ("NothingToDo", 1)


# -- too much


def test_beyond_the_cap_nothing_is_started_and_the_next_run_goes_on(platform: Platform) -> None:
    platform.deploy(MostStartsPerReconciliation="3")
    domain = platform.domain("fraud-dev")
    profiles = [platform.profile("fraud-dev", name, domain=domain) for name in ("ann", "ben", "cid")]
    platform.local.advance(DAY)
    run = last(platform)
    assert (run["status"], run["error"]) == ("FAILED", "TooMuchToDo")
    assert "MostStartsPerReconciliation" in run["cause"]
    assert [len(platform.tags("fraud-dev", profile)) for profile in profiles] == [4, 4, 0]
    assert [one["user_profile_name"] for one in details(platform, run)["left"]] == ["cid"]
    assert platform.reconcile()["output"]["counts"]["started"] == {"profile_cost_tagging": 1}
    assert len(platform.tags("fraud-dev", profiles[2])) == 4
    assert len(platform.executions()) == 3


# -- brakes


@pytest.mark.parametrize("brake", ["DryRun", "StopAllWrites", "ActingOrganizationalUnitIds"])
def test_where_a_brake_holds_nothing_is_started_and_it_is_told_what_would_be(platform: Platform, brake: str) -> None:
    ring = brake.endswith("Ids")
    platform.deploy(**{brake: platform.local.organization.unit_id("ML/Prod") if ring else "true"})
    profile, bob = platform.profile("fraud-dev"), platform.profile("pricing-prod", "bob")
    platform.local.advance(DAY)
    report = last(platform)["output"]
    assert (report["outcome"], report["dry_run"]) == ("Reconciled", not ring)
    assert (report["counts"]["held"], report["counts"]["started"]) == (
        dict.fromkeys(("template_enablement", "profile_cost_tagging"), 1 if ring else 2),
        {"template_enablement": 1, "profile_cost_tagging": 1} if ring else {},
    )
    assert platform.tags("fraud-dev", profile) == {}
    assert bool(platform.tags("pricing-prod", bob)) is ring
    assert {one["account_id"] for one in details(platform, last(platform))["held"]} == ({FRAUD} if ring else {FRAUD, PRICING})


def test_when_the_brake_is_let_go_what_ran_dry_is_done(platform: Platform) -> None:
    platform.deploy(StopAllWrites="true")
    profile = platform.profile("fraud-dev")
    platform.local.advance(DAY)
    platform.deploy(StopAllWrites="false")
    platform.local.advance(DAY)
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


# -- the machine


@pytest.mark.parametrize(
    ("step", "action", "principal"),
    [
        ("ListAccounts", "organizations:ListAccountsForParent", "*ListAccountsFunctionRole*"),
        ("LookIntoAccounts", "s3:GetObject", "*ReconciliationStateMachineRole*"),
        ("LookIntoAccounts", "s3:PutObject", "*ReconciliationStateMachineRole*"),
        ("GatherDomains", "s3:PutObject", "*GatherDomainsFunctionRole*"),
        ("StartExecutions", "s3:PutObject", "*StartExecutionsFunctionRole*"),
    ],
)
def test_a_step_that_fails_again_and_again_ends_red_and_the_run_is_repeated_when_it_is_mended(
    platform: Platform, step: str, action: str, principal: str
) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.fail(action, "AccessDeniedException", principal=principal, lasting=2 * DAY):
        platform.local.advance(DAY)
    run = last(platform)
    assert (run["status"], run["error"]) == ("FAILED", "ReconciliationFailed")
    assert f"The step {step} failed" in run["cause"]
    platform.take_in('{"workflow": "reconciliation", "schedule": {"name": "reconciliation", "time": "2026-11-03T04:00:00Z"}}')
    assert last(platform)["name"] == "reconciliation-2026-11-03T04-r1"
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


@pytest.mark.parametrize(
    "given",
    [
        {"account": FRAUD},
        {"account_id": FRAUD, "region": "eu-west-1"},
        {"account_id": 444444444444},
        {"account_id": "4444"},
        {"account_id": None},
        [],
    ],
)
def test_an_input_that_cannot_be_read_ends_red_before_anything_is_looked_at(platform: Platform, given: Any) -> None:
    """One with a mistyped key must not reconcile all accounts."""
    states, machine = platform.client("stepfunctions", "hub"), platform.output("ReconciliationStateMachineArn")
    states.start_execution(stateMachineArn=machine, name="mistyped", input=json.dumps(given))
    platform.local.settle()
    run = last(platform)
    assert (run["status"], run["error"], platform.states_entered(run)) == ("FAILED", "InputUnreadable", ["InputIsReadable", "InputUnreadable"])
    assert '{"account_id": "twelve digits"}' in run["cause"]
    assert run["cause"].endswith(json.dumps(given, separators=(",", ":")))


def test_an_outcome_that_the_machine_does_not_know_ends_red(platform: Platform) -> None:
    """As where a function is newer than its machine."""
    states, arn = platform.client("stepfunctions", "hub"), platform.output("ReconciliationStateMachineArn")
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    states.update_state_machine(stateMachineArn=arn, definition=definition.replace("$report.outcome = 'NothingToDo'", "$report.outcome = 'Nothing'"))
    run = platform.reconcile()
    assert (run["status"], run["error"]) == ("FAILED", "OutcomeUnknown")
    assert "StartExecutions answered NothingToDo" in run["cause"]


def test_the_second_map_that_fails_is_named(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    with platform.local.faults.fail("s3:GetObject", "AccessDenied", principal="*ReconciliationStateMachineRole*", after=1, lasting=2 * DAY):
        platform.local.advance(DAY)
    assert "The step LookIntoDomains failed" in last(platform)["cause"]


def test_executions_that_could_not_be_started_are_started_once_when_the_step_is_tried_again(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    profiles = [platform.profile("fraud-dev", name, domain=domain) for name in ("ann", "ben", "cid")]
    platform.local.settle()
    with platform.local.faults.crash("*StartExecutions*", "after", "stepfunctions:StartExecution", after=1):
        platform.local.advance(DAY)
    assert (last(platform)["output"]["outcome"], last(platform)["output"]["counts"]["started"]) == (
        "Reconciled",
        {"profile_cost_tagging": 3, "template_enablement": 1},
    )
    assert len(platform.executions()) == 3
    assert [len(platform.tags("fraud-dev", profile)) for profile in profiles] == [4] * 3


def test_a_run_that_is_stopped_in_a_map_goes_on_when_it_is_redriven(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    arn = platform.begin_reconciliation("stopped")
    while "LookIntoAccounts" not in platform.states_entered(last(platform)):
        platform.local.advance(0.05)
    platform.client("stepfunctions", "hub").stop_execution(executionArn=arn)
    platform.local.settle()
    assert last(platform)["status"] == "ABORTED"
    platform.client("stepfunctions", "hub").redrive_execution(executionArn=arn)
    platform.local.settle()
    assert last(platform)["output"]["outcome"] == "Reconciled"
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert len(platform.executions()) == 1
