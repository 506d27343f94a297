"""The step ApplyEnablement: what it writes, in which order, what it answers after a cut, and the races that it settles."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

import template_enablement.apply_enablement as step
from steward.changes import Change, Report
from steward.resources.records import Place, Records
from tests.unit.enablement_world import ACCOUNT_ARN, ACCOUNT_ID, DOMAIN, FREE, HELD, REGION, STUDIO, World, an_account, refusal, role

READER, WRITER = role("Reader"), role("Writer")
DOMAIN_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:domain/{DOMAIN}"
TO_ENABLE = Report(
    "PortfolioToEnable", dry_run=False, changes=(Change(ACCOUNT_ARN, f"sagemaker-portfolio:{REGION}", "Disabled", "Enabled", "for people"),)
)


@pytest.fixture
def world() -> Iterator[World]:
    with an_account() as world:
        world.principals = {STUDIO}
        yield world


def denied(*_: object) -> None:
    raise refusal("AccessDeniedException")


def in_use(world: World, name: str, own: str) -> None:
    """A profile that has come and been seen to."""
    world.profile(name, own=own)
    world.run(name=name)


def test_a_role_is_recorded_as_ours_and_associated(world: World) -> None:
    world.profile(own=READER)
    decided = world.decide()
    assert world.apply(decided) == decided
    assert (world.principals, world.records.principals) == ({STUDIO, READER}, {READER})


def test_a_role_that_is_released_is_ours_no_more(world: World) -> None:
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()
    assert world.apply(decided) == decided
    assert (world.principals, world.records.principals) == ({STUDIO}, frozenset())


def test_enabling_is_all_that_is_done_at_first(world: World) -> None:
    world.enabled = False
    assert world.apply(TO_ENABLE) == TO_ENABLE
    assert (world.enabled, world.calls) == (True, ["describe_account", "enable_sagemaker_servicecatalog_portfolio"])


@pytest.mark.parametrize("cut", range(13))
def test_cut_off_after_any_write_the_next_try_answers_the_same_changes(world: World, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world.location = "s3://templates/ours"
    in_use(world, "alice", READER)
    world.tags.clear()
    world.profile(own=WRITER)
    decided = world.decide(DOMAIN, None)
    assert len(decided.changes) == 3
    left = [cut]

    def cut_after(write: Callable[..., Any]) -> Callable[..., Any]:
        def write_and_be_cut(*args: Any, **more: Any) -> Any:
            answer = write(*args, **more)
            left[0] -= 1
            if left[0] == -1:
                raise TimeoutError
            return answer

        return write_and_be_cut

    with monkeypatch.context() as patched:
        for name in ("associate_role", "release_role", "add_tags"):
            patched.setattr(step, name, cut_after(getattr(step, name)))
        for name in ("put_principal", "delete_principal", "put_domain_tags", "read"):
            patched.setattr(Place, name, cut_after(getattr(Place, name)))
        try:
            answered = world.apply(decided)
        except TimeoutError:
            answered = world.apply(decided)
    assert answered == decided
    assert (world.principals, world.records.principals) == ({STUDIO, WRITER}, {WRITER})
    assert list(world.tags) == [DOMAIN_ARN]


# -- the races


def test_a_role_that_is_released_while_a_profile_comes_with_it_is_associated_again(world: World) -> None:
    """Bob's event finds alice's role associated, and has nothing to do; a moment later it is released."""
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()
    world.profile("bob", own=READER)
    assert world.run(name="bob").outcome == "NothingToDo"
    assert world.apply(decided) == Report("NothingToDo", dry_run=False)
    assert (world.principals, world.records.principals) == ({STUDIO, READER}, {READER})


def test_a_profile_that_comes_with_a_role_just_after_its_release_associates_it(world: World) -> None:
    in_use(world, "alice", READER)
    world.delete()
    assert world.run().outcome == "TemplateAccessChanged"
    world.profile("bob", own=READER)
    assert world.run(name="bob").outcome == "TemplateAccessChanged"
    assert (world.principals, world.records.principals) == ({STUDIO, READER}, {READER})


@pytest.mark.parametrize("moment", ["disassociate_principal_from_portfolio", "describe_account"])
def test_whenever_the_profile_comes_while_its_role_is_released_it_has_access_in_the_end(world: World, moment: str) -> None:
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()

    def bob_comes() -> None:
        world.profile("bob", own=READER)
        world.run(name="bob")

    world.before[moment] = bob_comes
    assert world.apply(decided).changes == ()
    assert (world.principals, world.records.principals) == ({STUDIO, READER}, {READER})


def test_between_the_looking_and_the_associating_of_one_the_other_may_release(world: World) -> None:
    """Bob's event has recorded his use and found the role missing; alice's release, decided before, comes in between."""
    in_use(world, "alice", READER)
    world.delete()
    release = world.decide()
    world.principals.discard(READER)
    world.profile("bob", own=READER)
    associate = world.decide(name="bob")
    assert world.apply(release).changes == ()
    assert world.apply(associate, name="bob") == associate
    assert (world.principals, world.records.principals) == ({STUDIO, READER}, {READER})


def test_a_role_whose_last_user_goes_while_it_is_associated_is_released_again(world: World) -> None:
    world.profile(own=READER)
    decided = world.decide()
    world.delete()
    assert world.run() == Report("ProfileGone", dry_run=False), "there is nothing to release yet"
    assert world.apply(decided) == Report("NothingToDo", dry_run=False)
    assert (world.principals, world.records.principals) == ({STUDIO}, frozenset())


def test_a_release_of_what_somebody_took_away_is_as_well(world: World) -> None:
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()
    world.principals.discard(READER)
    assert world.apply(decided) == decided
    assert world.records.principals == frozenset()


# -- what Service Catalog refuses


@pytest.mark.parametrize("code", ["InvalidParametersException", "ResourceNotFoundException"])
def test_a_role_that_is_not_there_is_a_finding_and_the_others_are_associated(world: World, code: str) -> None:
    world.missing_roles, world.how_missing = {READER}, code
    world.profile(own=READER)
    world.domain(space_default=WRITER)
    report = world.apply(world.decide())
    assert report.outcome == "RolesRefused"
    assert [change.field for change in report.changes] == [f"principal:{WRITER}"]
    assert [(finding.kind, finding.resource) for finding in report.findings] == [("RoleRefused", READER)]
    assert "could not resolve principal" in report.findings[0].message
    assert world.records.principals == {WRITER}


def test_a_portfolio_that_is_gone_is_a_failure_and_no_fault_of_the_role(world: World) -> None:
    world.missing_roles, world.how_missing = {READER}, "ResourceNotFoundException"
    world.profile(own=READER)
    decided = world.decide()
    world.portfolio = False
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        world.apply(decided)


def test_a_role_that_is_gone_is_not_given_back(world: World) -> None:
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()
    world.profile("bob", own=READER)
    world.run(name="bob")
    world.missing_roles = {READER}
    assert world.apply(decided) == decided


def test_a_portfolio_that_is_full_meanwhile_is_one_finding_for_all_roles(world: World) -> None:
    world.full = True
    world.profile(own=READER)
    world.domain(space_default=WRITER)
    report = world.apply(world.decide())
    assert (report.outcome, report.changes, [finding.kind for finding in report.findings]) == ("PortfolioFull", (), ["PortfolioFull"])
    assert READER in report.findings[0].message
    assert WRITER in report.findings[0].message
    assert world.records.principals == frozenset()


@pytest.mark.parametrize("operation", ["associate_role", "release_role"])
def test_any_other_refusal_is_a_failure_where_nothing_is_done_yet(world: World, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use(world, "alice", READER)
    if operation == "associate_role":
        world.profile("bob", own=WRITER)
        decided = world.decide(name="bob")
    else:
        world.delete()
        decided = world.decide()
    monkeypatch.setattr(step, operation, denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        world.apply(decided)


def test_what_was_done_before_something_failed_is_told_and_the_rest_is_found_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use(world, "alice", READER)
    world.profile(own=WRITER)
    decided = world.decide()
    released, associated = decided.changes
    with monkeypatch.context() as patched:
        patched.setattr(step, "associate_role", denied)
        assert world.apply(decided) == Report("MoreToDo", dry_run=False, changes=(released,))
        rest = world.decide(something_was_done=True)
        assert rest.changes == (associated,)
        with pytest.raises(ClientError, match="AccessDenied"):
            world.apply(rest)
    assert world.apply(rest).changes == (associated,)
    assert (world.principals, world.records.principals) == ({STUDIO, WRITER}, {WRITER})


def test_a_release_that_cannot_be_forgotten_is_told_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()
    with monkeypatch.context() as patched:
        patched.setattr(Place, "delete_principal", denied)
        assert world.apply(decided) == replace(decided, outcome="MoreToDo")
    assert world.decide(something_was_done=True) == Report("TemplateAccessChanged", dry_run=False)
    assert (world.principals, world.records.principals) == ({STUDIO}, frozenset())


def test_what_is_not_ours_any_more_is_not_released(world: World) -> None:
    """As where an execution is redriven days later, and somebody else has associated the role meanwhile."""
    in_use(world, "alice", READER)
    world.delete()
    decided = world.decide()
    assert world.apply(decided) == decided
    world.principals.add(READER)
    assert world.apply(decided) == decided
    assert (world.principals, world.records.principals) == ({STUDIO, READER}, frozenset())


def test_a_role_that_service_catalog_does_not_release_is_a_finding_and_stays_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use(world, "alice", READER)
    world.profile(own=WRITER)
    decided = world.decide()

    def refused(*_: object) -> None:
        raise refusal("InvalidParametersException", message="could not resolve principal")

    with monkeypatch.context() as patched:
        patched.setattr(step, "release_role", refused)
        report = world.apply(decided)
    assert (report.outcome, [change.field for change in report.changes]) == ("RolesRefused", [f"principal:{WRITER}"])
    assert [(finding.kind, finding.resource) for finding in report.findings] == [("RoleNotReleased", READER)]
    assert "could not resolve principal" in report.findings[0].message
    assert world.records.principals == {READER, WRITER}
    assert [change.after for change in world.decide().changes] == [None], "it is tried again"


# -- the tag of domains


def test_a_domain_that_is_tagged_is_remembered(world: World) -> None:
    world.location = "s3://templates/ours"
    decided = world.decide(DOMAIN, None)
    assert world.apply(decided) == decided
    assert world.records.domain_tags == {(DOMAIN, "sagemaker:projectS3TemplatesLocation"): "s3://templates/ours"}


def test_a_domain_that_went_meanwhile_is_not_tagged(world: World) -> None:
    world.location = "s3://templates/ours"
    decided = world.decide(DOMAIN, None)
    del world.domains[DOMAIN]
    assert world.apply(decided) == Report("NothingToDo", dry_run=False)
    assert world.records.domain_tags == {}


def test_a_tag_that_is_refused_for_another_reason_is_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.location = "s3://templates/ours"
    decided = world.decide(DOMAIN, None)

    def refused(*_: object) -> None:
        raise refusal("ValidationException")

    monkeypatch.setattr(step, "add_tags", refused)
    with pytest.raises(ClientError, match="ValidationException"):
        world.apply(decided)


# -- brakes


@pytest.mark.parametrize(
    ("brakes", "state", "unit"),
    [
        (HELD, "ACTIVE", "ou-root-ml000000"),
        (replace(FREE, stop_all_writes=True), "ACTIVE", "ou-root-ml000000"),
        (FREE, "SUSPENDED", "ou-root-ml000000"),
        (FREE, "ACTIVE", "ou-root-sandbox0"),
    ],
)
def test_what_may_not_be_written_any_more_is_not(world: World, brakes: Any, state: str, unit: str) -> None:
    world.profile(own=READER)
    decided = world.decide()
    world.brakes, world.state, world.unit = brakes, state, unit
    assert world.apply(decided) == replace(decided, dry_run=True)
    assert world.apply(TO_ENABLE) == replace(TO_ENABLE, dry_run=True, outcome="TemplateAccessChanged")
    assert (world.principals, world.records.principals) == ({STUDIO}, frozenset())


def test_an_account_that_left_is_not_written_to(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.profile(own=READER)
    decided = world.decide()
    monkeypatch.setattr(step, "describe_account", lambda *_: None)
    assert world.apply(decided) == replace(decided, dry_run=True)


def test_what_was_enabled_before_is_something_that_was_done(world: World) -> None:
    world.missing_roles = {READER}
    nothing = Report("TemplateAccessChanged", dry_run=False)
    assert world.apply(nothing, something_was_done=True).outcome == "TemplateAccessChanged"
    assert world.apply(nothing).outcome == "NothingToDo"
    assert world.records == Records()


def test_the_handler_takes_what_the_machine_sends_and_answers_the_report(world: World, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.profile(own=READER)
    decided = world.decide()
    monkeypatch.setattr(step, "hub_client", lambda service: {"dynamodb": world.dynamodb, "sts": None}.get(service) or world.client("organizations"))
    monkeypatch.setattr(step, "member_session", lambda *_, **__: world)
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
    assert step.handler({**sent, "replay_name": None, "report": decided.as_output()}, context) == decided.as_output()
