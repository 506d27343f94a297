"""What a domain lacks, from what is known of it: changes, and findings in words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from steward.changes import Change
from steward.resources.domains import Domain
from steward.resources.profiles import UserProfile
from steward.resources.spaces import Space
from steward.resources.studios import Studio
from steward.rules.domain_settings import RoleSays
from steward.rules.idle_settings import IdleLimits
from steward.setups import Facts, SetupPolicy, decide_setup, is_of_settings, path_of, tags_to_come, value_of

CHANGED = datetime(2026, 11, 23, 9, tzinfo=UTC)
ROLE = "arn:aws:iam::444444444444:role/StudioExecution"
POLICY = SetupPolicy(
    IdleLimits(120, 60, 480),
    "ml:user",
    ("ml:project",),
    corrects_foreign=False,
    corrects_overrides=False,
    most_corrections=2,
    attaches_reporter=False,
)
IDLE = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MinIdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 480}
PRODUCT = {"steward:product": "studio"}


def arn(path: str) -> str:
    return f"arn:aws:sagemaker:eu-west-1:444444444444:{path}"


def idle(*apps: str, **values: Any) -> dict[str, Any]:
    return {f"{app}AppSettings": {"AppLifecycleManagement": {"IdleSettings": values or IDLE}} for app in apps}


def domain(**more: Any) -> Domain:
    as_it_should_be = Domain(
        arn=arn("domain/d-1"),
        name="fraud",
        status="InService",
        failure_reason=None,
        domain_id="d-1",
        last_modified=CHANGED,
        propagates_tags=True,
        is_of_unified_studio=False,
        default_user_settings={"ExecutionRole": ROLE, **idle("JupyterLab", "CodeEditor")},
        default_space_settings=None,
    )
    return replace(as_it_should_be, **more)


def profile(name: str, status: str = "InService", **settings: Any) -> UserProfile:
    own = {"failure_reason": None, "domain_id": "d-1", "single_sign_on_user": None, "last_modified": CHANGED}
    return UserProfile(arn=arn(f"user-profile/d-1/{name}"), name=name, status=status, user_settings=settings, **own)  # type: ignore[arg-type]


def space(name: str, **settings: Any) -> Space:
    own = {"status": "InService", "failure_reason": None, "domain_id": "d-1", "owner_profile_name": None}
    return Space(arn=arn(f"space/d-1/{name}"), name=name, space_settings=settings, **own)  # type: ignore[arg-type]


def facts(studio: Studio, domain_tags: dict[str, str] = PRODUCT, roles: dict[str, RoleSays] | None = None, **more: Any) -> Facts:
    known = {"tags": {studio.domain.arn: domain_tags}, "account_tags": {}, "copied": {}} | more
    return Facts(studio=studio, roles={ROLE: RoleSays.YES} if roles is None else roles, **known)


def fields(changes: tuple[Change, ...]) -> list[tuple[str, str | None, str | None]]:
    return [(change.field, change.before, change.after) for change in changes]


def kinds(found: Any) -> list[str]:
    return [finding.kind for finding in found.findings]


def test_a_domain_that_is_as_it_should_be_lacks_nothing() -> None:
    setup = decide_setup(facts(Studio(domain(), (profile("mina"),), (space("lab"),))), POLICY)
    assert (setup.changes, setup.findings, setup.is_reported) == ((), (), False)


def test_a_bare_domain_lacks_propagation_idle_settings_and_its_accounts_tags() -> None:
    bare = domain(propagates_tags=False, default_user_settings={"ExecutionRole": ROLE}, default_space_settings={})
    setup = decide_setup(facts(Studio(bare, (), ()), account_tags={"ml:project": "fraud"}), POLICY)
    assert kinds(setup) == []
    found = fields(setup.changes)
    assert found[0] == ("TagPropagation", "DISABLED", "ENABLED")
    assert found[-1] == ("tag:ml:project", None, "fraud")
    assert found[1] == ("DefaultUserSettings.JupyterLabAppSettings.AppLifecycleManagement.IdleSettings.LifecycleManagement", None, "ENABLED")
    assert [field.split(".")[0] + field.split(".")[1] for field, *_ in found[1:-1:4]] == [
        "DefaultUserSettingsJupyterLabAppSettings",
        "DefaultUserSettingsCodeEditorAppSettings",
        "DefaultSpaceSettingsJupyterLabAppSettings",
    ]
    assert {change.resource for change in setup.changes} == {bare.arn}
    assert [is_of_settings(change, bare.arn) for change in setup.changes] == [True] * 13 + [False]


def test_a_change_is_read_back_as_sagemaker_wants_it() -> None:
    change = Change("arn", "DefaultUserSettings.JupyterLabAppSettings.AppLifecycleManagement.IdleSettings.IdleTimeoutInMinutes", None, "120", "why")
    assert (path_of(change)[-1], value_of(change)) == ("IdleTimeoutInMinutes", 120)
    assert value_of(replace(change, field="TagPropagation", after="ENABLED")) == "ENABLED"


def test_a_domain_without_default_space_settings_gets_none() -> None:
    setup = decide_setup(facts(Studio(domain(default_user_settings={}), (), ())), POLICY)
    assert {field.split(".")[0] for field, *_ in fields(setup.changes)} == {"DefaultUserSettings"}


def test_the_domains_tag_chooses_its_timeout() -> None:
    setup = decide_setup(facts(Studio(domain(), (), ()), PRODUCT | {"steward:idle-minutes": "240"}), POLICY)
    found = [(change.before, change.after, change.reason.split(";")[0]) for change in setup.changes]
    assert found == [("120", "240", "domain tag steward:idle-minutes")] * 2


def test_a_tag_out_of_bounds_is_a_finding_and_the_deployments_timeout_stands() -> None:
    setup = decide_setup(facts(Studio(domain(), (), ()), PRODUCT | {"steward:idle-minutes": "9000"}), POLICY)
    assert (setup.changes, kinds(setup)) == ((), ["IdleTagOutOfBounds"])
    assert "'9000', which is no number of minutes from 60 to 480: 120 minutes stand" in setup.findings[0].message


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize(
    ("says", "kind", "on", "off"),
    [
        (RoleSays.NO, "RolesMayNotTag", "is on, so that they can create nothing there", "stays off"),
        (RoleSays.MISSING, "ExecutionRolesMissing", "is on all the same", "stays off"),
    ],
)
def test_a_role_that_cannot_bear_propagation_is_a_finding_on_or_off(is_on: bool, says: RoleSays, kind: str, on: str, off: str) -> None:
    """Trap 33."""
    setup = decide_setup(facts(Studio(domain(propagates_tags=is_on), (), ()), roles={ROLE: says}), POLICY)
    assert (setup.changes, kinds(setup)) == ((), [kind])
    assert ROLE in setup.findings[0].message
    assert (on if is_on else off) in setup.findings[0].message


@pytest.mark.parametrize("is_on", [True, False])
def test_too_many_tags_together_are_a_finding(is_on: bool) -> None:
    """Trap 33. Of 50 that a job may have: 3 automatic, 2 of ours to come, the product's, and 44 others."""
    mina = profile("mina")
    many = {mina.arn: {f"team-{number}": "x" for number in range(44)}}
    studio = Studio(domain(propagates_tags=is_on), (mina,), ())
    setup = decide_setup(facts(studio, tags={studio.domain.arn: PRODUCT} | many), POLICY)
    assert (setup.changes, kinds(setup)) == ((), ["TooManyTagsTogether"])
    assert "would have 50 tags" in setup.findings[0].message
    many[mina.arn].popitem()
    setup = decide_setup(facts(studio, tags={studio.domain.arn: PRODUCT} | many), POLICY)
    assert (fields(setup.changes), kinds(setup)) == ([] if is_on else [("TagPropagation", "DISABLED", "ENABLED")], [])


def test_a_foreign_domain_is_reported_with_what_differs_and_what_it_would_be() -> None:
    setup = decide_setup(facts(Studio(domain(propagates_tags=False), (), ()), {}), POLICY)
    assert (setup.changes, kinds(setup), setup.is_reported) == ((), ["ForeignDomainDiffers"], True)
    assert "is not changed: TagPropagation is DISABLED, not ENABLED. Put it right" in setup.findings[0].message


def test_a_foreign_domain_that_is_as_it_should_be_is_no_finding() -> None:
    setup = decide_setup(facts(Studio(domain(), (), ()), {}), POLICY)
    assert (setup.changes, setup.findings, setup.is_reported) == ((), (), True)


def test_a_foreign_domain_is_corrected_where_that_is_wanted() -> None:
    setup = decide_setup(facts(Studio(domain(propagates_tags=False), (), ()), {}), replace(POLICY, corrects_foreign=True))
    assert (len(setup.changes), setup.findings, setup.is_reported) == (1, (), False)


OFF = idle("JupyterLab", LifecycleManagement="DISABLED", IdleTimeoutInMinutes=120)
LONG = idle("CodeEditor", IdleTimeoutInMinutes=9000)


def test_overrides_are_reported() -> None:
    setup = decide_setup(facts(Studio(domain(), (profile("mina", **OFF), profile("omar")), (space("lab", **LONG),))), POLICY)
    assert (setup.changes, kinds(setup)) == ((), ["IdleSettingsOutOfBounds"])
    message = setup.findings[0].message
    assert "of 2 profiles and spaces" in message
    assert "user-profile/d-1/mina (JupyterLab LifecycleManagement 'DISABLED'), space/d-1/lab (CodeEditor IdleTimeoutInMinutes '9000')" in message
    assert "(parameter IdleOverrides)" in message


def test_overrides_are_corrected_where_that_is_wanted_and_no_more_than_the_cap_in_a_run() -> None:
    profiles = tuple(profile(name, **OFF) for name in ("ann", "ben", "cleo"))
    policy = replace(POLICY, corrects_overrides=True)
    setup = decide_setup(facts(Studio(domain(), profiles, (space("lab", **LONG),))), policy)
    assert [change.resource.split("/")[-1] for change in setup.changes] == ["ann", "ben"]
    assert kinds(setup) == ["IdleSettingsOutOfBounds"]
    assert "of 2 profiles and spaces" in setup.findings[0].message
    assert "MostIdleCorrections" in setup.findings[0].message
    setup = decide_setup(facts(Studio(domain(), profiles[:1], (space("lab", **LONG),))), policy)
    assert (len(setup.changes), setup.findings) == (2, ())


def test_overrides_in_a_foreign_domain_are_only_reported() -> None:
    setup = decide_setup(facts(Studio(domain(), (profile("mina", **OFF),), ()), {}), replace(POLICY, corrects_overrides=True))
    assert (setup.changes, kinds(setup)) == ((), ["IdleSettingsOutOfBounds"])


@pytest.mark.parametrize("status", ["Pending", "Updating", "Failed"])
def test_what_is_not_in_service_is_left_to_the_next_run(status: str) -> None:
    setup = decide_setup(facts(Studio(domain(), (profile("mina", status, **OFF),), ())), replace(POLICY, corrects_overrides=True))
    assert (setup.changes, setup.findings) == ((), ())


def test_many_names_are_not_all_named() -> None:
    profiles = tuple(profile(f"user-{number}", **OFF) for number in range(25))
    setup = decide_setup(facts(Studio(domain(), profiles, ())), POLICY)
    assert setup.findings[0].message.endswith("user-19 (JupyterLab LifecycleManagement 'DISABLED'), and 5 more.")


def test_a_domain_whose_last_update_failed_is_set_up_and_that_is_said() -> None:
    failed = domain(status="Update_Failed", failure_reason="no such subnet", propagates_tags=False)
    setup = decide_setup(facts(Studio(failed, (), ())), POLICY)
    assert (len(setup.changes), kinds(setup)) == (1, ["DomainUpdateFailed"])
    assert "no such subnet" in setup.findings[0].message


def test_roles_are_asked_with_every_tag_that_something_can_come_to_have() -> None:
    """TagPropagation hands on all tags, not only ours: a value is told where it is one, and any where there are several or none is known."""
    studio = Studio(domain(), (profile("mina"), profile("noor")), (space("lab"),))
    tags = {
        arn("domain/d-1"): {"steward:product": "studio", "aws:cloudformation:stack-name": "studio"},
        arn("user-profile/d-1/mina"): {"team": "red", "ml:user": "mina", "ml:project": "their own"},
        arn("user-profile/d-1/noor"): {"team": "blue", "empty": ""},
        arn("space/d-1/lab"): None,
    }
    assert tags_to_come(studio, tags, {"ml:project": "fraud"}, POLICY) == {
        "ml:user": "x",
        "ml:project": "x",
        "steward:product": "studio",
        "team": "x",
        "empty": "x",
        "sagemaker:domain-arn": arn("domain/d-1"),
        "sagemaker:user-profile-arn": "x",
        "sagemaker:space-arn": "x",
    }
    assert tags_to_come(Studio(domain(), (), ()), {}, {"ml:project": "fraud"}, POLICY)["ml:project"] == "fraud"


def test_trap_23_whoever_reads_of_an_idle_setting_reads_where_it_takes_effect() -> None:
    """Of the domain's, a profile's and a space's alike; other changes say nothing of it."""
    bare = domain(propagates_tags=False, default_user_settings={"ExecutionRole": ROLE}, default_space_settings={})
    off, long = idle("JupyterLab", LifecycleManagement="DISABLED"), idle("JupyterLab", IdleTimeoutInMinutes=9000)
    studio = Studio(bare, (profile("mina", **off),), (space("lab", **long),))
    setup = decide_setup(facts(studio, account_tags={"ml:project": "fraud"}), replace(POLICY, corrects_overrides=True))
    told = {change for change in setup.changes if change.reason.endswith("in apps started from then on, SageMaker Distribution 2.0 or later")}
    assert told == {change for change in setup.changes if "IdleSettings" in change.field}
    assert {change.resource for change in told} == {bare.arn, arn("user-profile/d-1/mina"), arn("space/d-1/lab")}
