"""The step DecideEnablement: what it asks, what it remembers, and what it decides. What is applied is in test_apply_enablement."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

import template_enablement.decide_enablement as step
from steward import template_access
from steward.changes import Change, Report
from steward.resources.records import Place, Use
from steward.settings import Brakes
from steward.targets import TemplateScope
from tests.unit.enablement_world import ACCOUNT_ARN, ACCOUNT_ID, DOMAIN, FREE, HELD, PORTFOLIO_ARN, REGION, STUDIO, World, an_account, refusal, role

READER, WRITER = role("Reader"), role("Writer")
DEFAULT, ALICE, BOB = (DOMAIN, "default"), (DOMAIN, "profile/alice"), (DOMAIN, "profile/bob")
DOMAIN_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:domain/{DOMAIN}"


@pytest.fixture
def world() -> Iterator[World]:
    with an_account() as world:
        yield world


def associated(report: Report) -> list[str]:
    return [change.field.removeprefix("principal:") for change in report.changes if change.after == "associated"]


def released(report: Report) -> list[str]:
    return [change.field.removeprefix("principal:") for change in report.changes if change.before == "associated"]


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


# -- a profile


def test_a_profile_with_a_role_of_its_own_has_it_and_its_domains_associated(world: World) -> None:
    world.profile(own=READER)
    report = world.decide()
    assert (report.outcome, report.dry_run, report.findings) == ("TemplateAccessChanged", False, ())
    assert report.changes == (
        Change(PORTFOLIO_ARN, f"principal:{READER}", None, "associated", "execution role of user profile alice in domain d-1"),
        Change(PORTFOLIO_ARN, f"principal:{STUDIO}", None, "associated", "execution role of domain d-1, default settings"),
    )
    seen = world.profiles[DOMAIN, "alice"]["LastModifiedTime"].isoformat()
    assert world.records.known == {DEFAULT: Use(STUDIO), ALICE: Use(READER, seen)}
    assert world.records.principals == frozenset(), "that is for who associates them"


def test_one_profile_event_reads_one_profile_and_not_the_domain(world: World) -> None:
    for number in range(50):
        world.profile(f"user-{number}", own=WRITER)
    world.principals = {STUDIO, READER}
    world.profile(own=READER)
    assert world.decide().outcome == "NothingToDo"
    assert world.calls == [
        "describe_account",
        "describe_user_profile",
        "describe_domain",
        "get_sagemaker_servicecatalog_portfolio_status",
        "list_accepted_portfolio_shares",
        "describe_user_profile",  # once more after it was recorded
        "describe_domain",
        "list_principals_for_portfolio",
    ]
    world.calls.clear()
    assert world.decide().outcome == "NothingToDo"
    assert world.calls.count("describe_user_profile") == 1, "nothing was recorded"


@pytest.mark.parametrize("status", ["Pending", "Updating"])
def test_a_profile_that_is_not_in_service_is_asked_for_again_and_nothing_else_is_asked(world: World, status: str) -> None:
    world.profile(own=READER, status=status)
    assert world.decide() == Report("NotInServiceYet", dry_run=False)
    assert world.calls == ["describe_account", "describe_user_profile"]
    assert world.records.known == {}


def test_a_profile_that_failed_is_left_as_it_is_recorded(world: World) -> None:
    world.profile(own=READER)
    world.run()
    world.profile(own=READER, status="Delete_Failed")
    assert world.decide() == Report("ProfileFailed", dry_run=False)
    assert ALICE in world.records.known


def test_a_profile_whose_update_failed_works_on_with_what_it_has(world: World) -> None:
    world.profile(own=READER, status="Update_Failed")
    assert READER in associated(world.decide())


def test_of_a_domain_of_unified_studio_nothing_counts(world: World) -> None:
    world.domain(DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_1"}})
    world.profile(own=READER)
    for scope in ((DOMAIN, "alice"), (DOMAIN, None)):
        assert world.decide(*scope) == Report("UnifiedStudioDomain", dry_run=False)
    assert associated(world.decide(None, None)) == []
    assert world.records.known == {}


def test_a_changed_role_is_associated_and_the_old_one_released(world: World) -> None:
    world.profile(own=READER)
    world.run()
    world.profile(own=WRITER)
    report = world.decide()
    assert (associated(report), released(report)) == ([WRITER], [READER])
    assert report.changes[0].reason == "no domain and no user profile has this role any more"


def test_a_role_of_two_profiles_stays_until_the_second_goes(world: World) -> None:
    for name in ("alice", "bob"):
        world.profile(name, own=READER)
        world.run(name=name)
    world.delete()
    world.calls.clear()
    assert world.run() == Report("ProfileGone", dry_run=False)
    assert "list_user_profiles" not in world.calls, "nothing is released, so nobody else is looked at"
    world.delete("bob")
    assert released(world.run(name="bob")) == [READER]
    assert world.principals == {STUDIO}


def test_trap_17_what_others_associated_is_used_and_never_released(world: World) -> None:
    world.principals = {READER, role("SomebodyElses")}
    world.profile(own=READER)
    assert associated(world.run()) == [STUDIO]
    world.delete()
    assert world.run() == Report("ProfileGone", dry_run=False)
    assert {READER, role("SomebodyElses")} <= world.principals


def test_a_principal_that_somebody_took_away_comes_back_at_the_next_event_of_anybody(world: World) -> None:
    world.profile(own=READER)
    world.run()
    world.principals.discard(READER)
    world.profile("bob")
    assert associated(world.run(name="bob")) == [READER]


def test_what_is_ours_no_more_is_forgotten_when_somebody_took_it_away(world: World) -> None:
    world.profile(own=READER)
    world.run()
    world.principals.discard(READER)
    world.delete()
    assert world.run() == Report("ProfileGone", dry_run=False)
    assert world.records.principals == {STUDIO}
    world.principals.add(READER)  # by somebody else, now
    world.profile("bob")
    assert world.run(name="bob").outcome == "NothingToDo"
    assert READER in world.principals


def test_what_is_forgotten_while_somebody_comes_to_use_it_is_ours_again(world: World) -> None:
    """Bob's execution has recorded his use, recorded the role as ours and associated it, all after we asked what is associated."""
    world.profile(own=READER)
    world.run()
    world.principals.discard(READER)
    world.delete()

    def bob_comes() -> None:
        world.profile("bob", own=READER)
        world.place.put_use((DOMAIN, "profile/bob"), Use(READER))
        world.place.put_principal(READER)

    forget = Place.delete_principal
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Place, "delete_principal", lambda place, role_arn: (bob_comes(), forget(place, role_arn)))
        assert world.run() == Report("ProfileGone", dry_run=False)
    world.principals.add(READER)
    assert world.records.principals == {STUDIO, READER}


# -- in whatever order


def test_a_deletion_that_is_seen_before_the_creation_leaves_no_use(world: World) -> None:
    world.principals = {STUDIO}
    assert world.run() == Report("ProfileGone", dry_run=False)
    assert world.run() == Report("ProfileGone", dry_run=False)
    assert ALICE not in world.records.known


def test_a_profile_that_goes_while_it_is_recorded_is_looked_at_again(world: World) -> None:
    world.principals = {STUDIO}
    world.profile(own=READER)

    def somebody_deletes_it() -> None:
        """And that event is through before we record what we saw."""
        world.delete()
        assert world.decide() == Report("ProfileGone", dry_run=False)

    world.before["list_accepted_portfolio_shares"] = somebody_deletes_it
    assert world.decide().outcome == "NotInServiceYet"
    assert ALICE in world.records.known
    assert world.decide().outcome == "ProfileGone"
    assert ALICE not in world.records.known


def test_an_older_look_that_is_recorded_last_does_not_stay(world: World) -> None:
    world.profile(own=READER)

    def somebody_updates_it() -> None:
        world.profile(own=WRITER)
        world.run()

    world.before["list_accepted_portfolio_shares"] = somebody_updates_it
    assert world.decide().outcome == "NotInServiceYet", "we recorded the role from before"
    world.run()
    assert world.records.uses[ALICE] == WRITER
    assert world.principals == {STUDIO, WRITER}


def test_a_profile_that_records_do_not_know_keeps_its_role(world: World) -> None:
    """It is older than our rules, or its event was lost."""
    world.profile(own=READER)
    world.run()
    world.profile("bob", own=READER)
    world.delete()
    world.calls.clear()
    assert world.run() == Report("ProfileGone", dry_run=False)
    assert world.calls.count("describe_user_profile") == 3, "alice, and again since her use was deleted, and bob, whom nobody knew"
    assert world.records.uses[BOB] == READER


def test_a_profile_that_changed_since_it_was_recorded_is_described_before_a_release_and_others_are_not(world: World) -> None:
    for name, own in (("alice", READER), ("bob", WRITER), ("carol", WRITER)):
        world.profile(name, own=own)
        world.run(name=name)
    world.profile("bob", own=READER)  # and the event of this is lost
    world.delete()
    world.calls.clear()
    report = world.run()
    assert (report.outcome, report.changes) == ("ProfileGone", ())
    assert world.calls.count("describe_user_profile") == 3, "alice twice, and bob; not carol"


def test_a_role_that_an_unknown_profile_has_is_associated_after_it_was_recorded(world: World) -> None:
    world.profile(own=READER)
    world.run()
    world.profile("bob", own=WRITER)
    world.delete()
    report = world.decide()
    assert (released(report), associated(report)) == ([READER], [WRITER])
    assert world.calls[-1] == "list_principals_for_portfolio", "asked again after bob's use was recorded"


def test_a_pending_profile_of_somebody_else_counts_and_is_described_again_the_next_time(world: World) -> None:
    world.profile("bob", own=WRITER, status="Pending")
    assert WRITER in associated(world.decide(DOMAIN, None))
    assert world.records.known[BOB] == Use(WRITER, None)
    world.calls.clear()
    world.decide(DOMAIN, None)
    assert world.calls.count("describe_user_profile") == 1


# -- a domain, and everything


def test_a_domain_is_looked_at_with_all_its_profiles_and_only_once_as_long_as_nothing_changes(world: World) -> None:
    world.domain(space_default=WRITER)
    world.domain("d-2")
    for name in ("alice", "bob"):
        world.profile(name, own=READER)
    world.profile("carol", own=role("Other"), domain_id="d-2")
    assert set(associated(world.run(DOMAIN, None))) == {STUDIO, WRITER, READER}
    world.calls.clear()
    assert world.run(DOMAIN, None).outcome == "NothingToDo"
    assert "describe_user_profile" not in world.calls
    assert world.calls.count("describe_domain") == 1
    assert associated(world.run(None, None)) == [role("Other")]


def test_a_lost_deletion_is_found_by_the_domain(world: World) -> None:
    for name in ("alice", "bob"):
        world.profile(name, own=READER if name == "alice" else WRITER)
        world.run(name=name)
    world.delete()
    assert world.run(name="bob").outcome == "NothingToDo"
    assert released(world.run(DOMAIN, None)) == [READER]


@pytest.mark.parametrize("scope", [(DOMAIN, None), (None, None)])
def test_a_domain_that_is_gone_takes_all_its_roles_with_it(world: World, scope: Any) -> None:
    world.domain("d-2", default=WRITER)
    world.profile(own=READER)
    world.run(None, None)
    assert world.principals == {STUDIO, READER, WRITER}
    del world.domains[DOMAIN]
    world.profiles.clear()
    report = world.run(*scope)
    assert sorted(released(report)) == [READER, STUDIO]
    assert (report.outcome, set(world.records.known)) == ("TemplateAccessChanged", {("d-2", "default")})


def test_a_domain_that_is_being_deleted_is_gone_and_a_second_event_of_it_finds_nothing(world: World) -> None:
    world.run(DOMAIN, None)
    world.domains[DOMAIN]["Status"] = "Deleting"
    assert released(world.run(DOMAIN, None)) == [STUDIO]
    assert world.run(DOMAIN, None) == Report("DomainGone", dry_run=False)


@pytest.mark.parametrize(("status", "outcome"), [("Updating", "NotInServiceYet"), ("Pending", "NotInServiceYet"), ("Failed", "DomainFailed")])
def test_a_domain_is_waited_for_and_a_broken_one_is_not(world: World, status: str, outcome: str) -> None:
    world.domains[DOMAIN]["Status"] = status
    assert world.decide(DOMAIN, None) == Report(outcome, dry_run=False)


def test_of_a_profile_that_is_broken_nothing_is_learnt_by_its_domain(world: World) -> None:
    world.profile(own=READER, status="Failed")
    assert associated(world.decide(DOMAIN, None)) == [STUDIO]


def test_a_profile_that_is_being_deleted_has_no_role(world: World) -> None:
    world.profile(own=READER, status="Deleting")
    assert associated(world.decide(DOMAIN, None)) == [STUDIO]
    assert world.decide().outcome == "TemplateAccessChanged"
    assert ALICE not in world.records.known


def test_a_profile_without_a_domain_is_no_scope() -> None:
    with pytest.raises(ValidationError, match="with its domain"):
        TemplateScope(account_id=ACCOUNT_ID, region=REGION, user_profile_name="alice", event_id="event-1")


# -- the portfolio


def test_templates_that_are_off_are_enabled_first_and_nothing_else_is_looked_at(world: World) -> None:
    world.enabled = world.portfolio = False
    world.profile(own=READER)
    report = world.decide()
    assert (report.outcome, [(change.resource, change.field, change.before, change.after) for change in report.changes]) == (
        "PortfolioToEnable",
        [(ACCOUNT_ARN, f"sagemaker-portfolio:{REGION}", "Disabled", "Enabled")],
    )
    assert world.records.known == {}


def test_a_portfolio_that_is_not_there_yet_is_asked_for_again(world: World) -> None:
    world.portfolio = False
    world.profile(own=READER)
    assert world.decide() == Report("PortfolioNotThereYet", dry_run=False)
    assert world.records.known == {}


def test_templates_that_are_enabled_and_not_yet_said_to_be_are_waited_for(world: World) -> None:
    world.enabled = world.portfolio = False
    world.profile(own=READER)
    assert world.decide(something_was_done=True) == Report("PortfolioNotThereYet", dry_run=False)


def test_an_account_with_nothing_in_it_is_enabled_all_the_same(world: World) -> None:
    world.domains.clear()
    world.enabled = False
    assert world.decide(None, None).outcome == "PortfolioToEnable"
    world.enabled = True
    assert world.decide(None, None, something_was_done=True).outcome == "TemplateAccessChanged"


def test_of_a_profile_that_is_gone_nothing_is_enabled_and_its_use_is_forgotten(world: World) -> None:
    world.profile(own=READER)
    world.run()
    world.delete()
    world.enabled = world.portfolio = False
    assert world.decide() == Report("ProfileGone", dry_run=False)
    assert ALICE not in world.records.known
    assert "get_sagemaker_servicecatalog_portfolio_status" not in world.calls[-6:]


def test_beyond_a_hundred_principals_there_is_a_finding_that_names_the_role(world: World) -> None:
    world.principals = {role(f"Other{number}") for number in range(98)} | {STUDIO}
    world.patterns = 1
    world.profile(own=READER)
    report = world.decide()
    assert (report.outcome, report.changes, kinds(report)) == ("PortfolioFull", (), ["PortfolioFull"])
    assert READER in report.findings[0].message
    assert report.findings[0].resource == PORTFOLIO_ARN


# -- brakes, and whose the account is


@pytest.mark.parametrize(
    "brakes",
    [HELD, replace(FREE, stop_all_writes=True), replace(FREE, acting_unit_ids=frozenset({"ou-root-other000"}))],
    ids=["dry run", "stop", "ring"],
)
def test_while_a_brake_holds_all_is_shown_and_nothing_is_remembered(world: World, brakes: Brakes) -> None:
    world.brakes = brakes
    world.profile(own=READER)
    report = world.decide()
    assert (report.outcome, report.dry_run, associated(report)) == ("TemplateAccessChanged", True, [READER, STUDIO])
    world.enabled = world.portfolio = False
    report = world.decide()
    assert [change.resource for change in report.changes] == [ACCOUNT_ARN] * 3
    assert (report.changes[0].after, associated(report)) == ("Enabled", [READER, STUDIO])
    assert world.records == type(world.records)()


def test_while_a_brake_holds_a_release_is_shown_with_the_same_evidence(world: World) -> None:
    world.profile(own=READER)
    world.run()
    before = world.records
    world.delete()
    world.brakes = HELD
    assert released(world.decide()) == [READER]
    world.profile("bob", own=READER)
    assert world.decide() == Report("ProfileGone", dry_run=True)
    assert world.records == before


@pytest.mark.parametrize(
    ("state", "unit", "outcome"), [("ACTIVE", "ou-root-sandbox0", "AccountOutOfScope"), ("SUSPENDED", "ou-root-ml000000", "AccountNotActive")]
)
def test_an_account_that_is_not_ours_or_not_active_is_not_entered(world: World, state: str, unit: str, outcome: str) -> None:
    world.state, world.unit = state, unit
    assert world.decide().outcome == outcome
    assert world.calls == ["describe_account"]


# -- service roles, and templates in S3


def test_trap_19_service_roles_that_are_missing_are_named_where_something_changes(world: World) -> None:
    world.service_roles.discard("AmazonSageMakerServiceCatalogProductsLaunchRole")
    world.profile(own=READER)
    report = world.run()
    assert kinds(report) == ["ServiceRolesMissing"]
    assert "AmazonSageMakerServiceCatalogProductsLaunchRole" in report.findings[0].message
    assert kinds(world.run()) == [], "nothing changes"
    assert kinds(world.run(DOMAIN, None)) == ["ServiceRolesMissing"]


def test_domains_are_told_where_templates_are_and_roles_that_cannot_read_them_are_findings(world: World) -> None:
    world.location = "s3://templates/ours"
    world.denied = {READER: ["s3:GetObjectTagging"]}
    world.profile(own=READER)
    report = world.run(DOMAIN, None)
    assert world.tags == {DOMAIN_ARN: {"sagemaker:projectS3TemplatesLocation": "s3://templates/ours"}}
    assert [(finding.kind, finding.resource) for finding in report.findings] == [("TemplatesNotReadable", READER)]
    assert "s3:GetObjectTagging on arn:aws:s3:::templates/ours/*" in report.findings[0].message
    assert world.run(None, None).changes == ()


def test_of_a_profile_its_own_role_is_asked_or_its_domains(world: World) -> None:
    world.location = "s3://templates/ours"
    world.denied = {STUDIO: ["s3:GetObject"], READER: ["s3:GetObject"]}
    world.profile(own=READER)
    assert [finding.resource for finding in world.run().findings] == [READER]
    world.profile("bob", own=WRITER)
    world.run(name="bob")
    world.principals.clear()
    world.profile("bob")
    assert [finding.resource for finding in world.run(name="bob").findings] == [STUDIO]


def test_a_domain_that_says_another_place_keeps_it(world: World) -> None:
    world.location = "s3://templates/ours"
    world.tags = {DOMAIN_ARN: {"sagemaker:projectS3TemplatesLocation": "s3://theirs"}}
    report = world.run(DOMAIN, None)
    assert kinds(report) == ["TemplatesLocationDiffers"]
    assert world.tags[DOMAIN_ARN] == {"sagemaker:projectS3TemplatesLocation": "s3://theirs"}


def test_a_domain_follows_when_the_organizations_place_changes(world: World) -> None:
    world.location = "s3://templates/ours"
    world.run(DOMAIN, None)
    world.tags[DOMAIN_ARN] = {"sagemaker:projectS3TemplatesLocation": "s3://older"}
    world.place.put_domain_tags(DOMAIN, {"sagemaker:projectS3TemplatesLocation": "s3://older"})
    (change,) = world.run(DOMAIN, None).changes
    assert (change.before, change.after) == ("s3://older", "s3://templates/ours")


def test_a_role_that_is_not_there_is_no_finding_of_reading(world: World) -> None:
    world.location = "s3://templates/ours"
    world.missing_roles = {STUDIO}
    assert kinds(world.decide(DOMAIN, None)) == []


def test_a_simulation_that_is_denied_is_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.location = "s3://templates/ours"

    def denied(*_: Any) -> None:
        raise refusal("AccessDenied")

    monkeypatch.setattr(template_access, "not_allowed", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        world.decide(DOMAIN, None)


def test_the_handler_takes_what_the_machine_sends_and_answers_the_report(world: World, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.profile(own=READER)
    doors: list[tuple[Any, ...]] = []

    def enter(sts: object, *where: str, session_name: str) -> World:
        doors.append((*where, session_name))
        return world

    monkeypatch.setattr(
        step, "hub_client", lambda service: world.dynamodb if service == "dynamodb" else world.client(service) if service != "sts" else None
    )
    monkeypatch.setattr(step, "member_session", enter)
    for name, value in {
        "ML_ORGANIZATIONAL_UNIT_IDS": "ou-root-ml000000",
        "MEMBER_ROLE_NAME": "template_enablement",
        "RECORDS_TABLE_NAME": "records",
        "TEMPLATES_LOCATION": "",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }.items():
        monkeypatch.setenv(name, value)
    sent = {"account_id": ACCOUNT_ID, "region": REGION, "domain_id": DOMAIN, "user_profile_name": "alice", "event_id": "event-1"}
    answer = step.handler({**sent, "event_time": "2026-11-23T09:05:41Z", "writer": "x", "replay_name": None, "something_was_done": False}, context)
    assert (answer["outcome"], len(answer["changes"])) == ("TemplateAccessChanged", 2)
    assert doors == [(ACCOUNT_ID, REGION, "template_enablement", "event-1")]
