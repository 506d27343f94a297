"""Stories of domain_setup about the activity reporter: it runs in whatever app is started, or somebody is told why it does not."""

import base64
import json
from typing import Any

import pytest

from localaws.studio.core import behaviour
from steward.reporter import script
from tests.stories.domains_of_ours import asked_for, described, kinds, made, report, updates
from tests.stories.people import Platform

pytestmark = pytest.mark.workflow("domain_setup")

OLD = "steward-activity-reporter-jupyterlab-0123456789ab"
ROLE = "arn:aws:iam::444444444444:role/StudioExecution"
ONLY_THAT_KEY = {
    "Effect": "Allow",
    "Action": "sagemaker:AddTags",
    "Resource": "arn:aws:sagemaker:*:*:app/*",
    "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["steward:activity"]}, "Null": {"aws:TagKeys": "false"}},
}


@pytest.fixture(params=[("kept", "ValidationException"), ("lost", "allowed")], ids=["kept, looked at", "lost, not looked at"])
def unknown(request: pytest.FixtureRequest, platform: Platform) -> Any:
    """What AWS does not say: whether an update keeps what it leaves out, and whether a lifecycle configuration has to be there to be named."""
    studio = behaviour(platform.local.cloud)
    studio.omitted_settings, studio.missing_lifecycle_configs = request.param
    return request.param


def arn(name: str) -> str:
    return f"arn:aws:sagemaker:eu-west-1:444444444444:studio-lifecycle-config/{name}"


def ours(app_type: str) -> str:
    return arn(script().name_for(app_type))


def slot(settings: dict[str, Any], app_type: str = "JupyterLab") -> Any:
    return settings.get(f"{app_type}AppSettings", {}).get("BuiltInLifecycleConfigArn")


def holding(config: str, app_type: str = "JupyterLab") -> dict[str, Any]:
    return {f"{app_type}AppSettings": {"BuiltInLifecycleConfigArn": config}}


def published(platform: Platform, name: str, app_type: str = "JupyterLab", content: str = "#!/bin/sh\n") -> str:
    given = {"StudioLifecycleConfigName": name, "StudioLifecycleConfigAppType": app_type}
    encoded = base64.b64encode(content.encode()).decode()
    client = platform.client("sagemaker", "fraud-dev")
    return str(client.create_studio_lifecycle_config(StudioLifecycleConfigContent=encoded, **given)["StudioLifecycleConfigArn"])


def content_of(platform: Platform, name: str) -> str:
    answer = platform.client("sagemaker", "fraud-dev").describe_studio_lifecycle_config(StudioLifecycleConfigName=name)
    return base64.b64decode(answer["StudioLifecycleConfigContent"], validate=True).decode()


def users(platform: Platform, domain: str) -> Any:
    return described(platform, domain)["DefaultUserSettings"]


def finding(platform: Platform, kind: str) -> str:
    (found,) = (each["message"] for each in report(platform)["findings"] if each["kind"] == kind)
    return str(found)


def created(platform: Platform) -> list[dict[str, Any]]:
    return platform.calls("sagemaker:CreateStudioLifecycleConfig")


def look_again(platform: Platform, domain: str, **settings: Any) -> None:
    """Somebody updates the domain."""
    given = settings or {"SecurityGroups": ["sg-0a1b2c3d"]}
    platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings=given)
    platform.local.settle()


# -- attached


def test_a_new_domain_runs_exactly_the_script_of_this_repository(platform: Platform, unknown: Any) -> None:
    domain = made(platform, DefaultSpaceSettings={"ExecutionRole": ROLE})
    now = described(platform, domain)
    for app_type in ("JupyterLab", "CodeEditor"):
        assert slot(now["DefaultUserSettings"], app_type) == ours(app_type)
        assert content_of(platform, script().name_for(app_type)) == script().content
    assert slot(now["DefaultSpaceSettings"]) == ours("JupyterLab")
    assert "CodeEditorAppSettings" not in now["DefaultSpaceSettings"]
    assert (len(updates(platform)), len(created(platform)), kinds(platform)) == (1, 2, [])


def test_an_app_is_started_with_it(platform: Platform) -> None:
    domain = made(platform)
    alice = platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    space = platform.space("fraud-dev", alice, SpaceSettings={"AppType": "JupyterLab"})
    platform.local.settle()
    platform.app("fraud-dev", space, "JupyterLab")
    app = platform.client("sagemaker", "fraud-dev").describe_app(DomainId=domain, SpaceName="lab", AppType="JupyterLab", AppName="default")
    assert app["BuiltInLifecycleConfigArn"] == ours("JupyterLab")


def test_where_it_runs_already_nothing_is_written_and_other_domains_share_it(platform: Platform) -> None:
    first, second = made(platform), made(platform)
    assert slot(users(platform, second)) == slot(users(platform, first)) == ours("JupyterLab")
    assert (len(created(platform)), len(updates(platform))) == (2, 2)
    look_again(platform, first)
    assert (report(platform)["outcome"], len(created(platform)), len(updates(platform))) == ("NothingToDo", 2, 2)


def test_a_slot_that_is_cleared_is_free(platform: Platform, unknown: Any) -> None:
    domain = made(platform, DefaultUserSettings={"ExecutionRole": ROLE, **holding("None")})
    assert slot(users(platform, domain)) == ours("JupyterLab")


def test_an_older_one_of_ours_is_replaced(platform: Platform, unknown: Any) -> None:
    old = published(platform, OLD)
    domain = made(platform, DefaultUserSettings={"ExecutionRole": ROLE, **holding(old)})
    assert slot(users(platform, domain)) == ours("JupyterLab")
    (change,) = (one for one in report(platform)["changes"] if one["before"] == old)
    assert (change["after"], kinds(platform)) == (ours("JupyterLab"), [])
    assert content_of(platform, OLD) == "#!/bin/sh\n", "it stays: apps that run were started with it"


# -- not attached, and somebody is told


def test_a_slot_that_is_taken_stays_taken_and_the_rest_is_attached(platform: Platform, unknown: Any) -> None:
    git = published(platform, "git")
    domain = made(platform, DefaultUserSettings={"ExecutionRole": ROLE, **holding(git)})
    assert (slot(users(platform, domain)), slot(users(platform, domain), "CodeEditor")) == (git, ours("CodeEditor"))
    assert (kinds(platform), len(updates(platform))) == (["ReporterSlotTaken"], 1)
    assert f"DefaultUserSettings.JupyterLabAppSettings.BuiltInLifecycleConfigArn is {git}" in finding(platform, "ReporterSlotTaken")
    assert [call["resource"] for call in created(platform)] == [script().name_for("CodeEditor")], "what nothing would run is not published"


def test_a_slot_that_somebody_takes_between_decision_and_update_is_theirs(platform: Platform, unknown: Any) -> None:
    git = published(platform, "git")
    with platform.local.faults.crash("*UpdateSettings*", "before", "sagemaker:UpdateDomain"):
        domain = asked_for(platform).split("/")[1]
        while not platform.local.faults.injected:
            platform.local.advance(1)
        platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings=holding(git))
        platform.local.settle()
    assert (slot(users(platform, domain)), slot(users(platform, domain), "CodeEditor")) == (git, ours("CodeEditor"))
    assert kinds(platform) == ["ReporterSlotTaken"]


@pytest.mark.parametrize(
    ("app_type", "content"), [("JupyterLab", "#!/bin/sh\nanother"), ("CodeEditor", None)], ids=["another script", "another type"]
)
def test_another_script_under_our_name_is_not_attached(platform: Platform, app_type: str, content: str | None) -> None:
    published(platform, script().name_for("JupyterLab"), app_type, script().content if content is None else content)
    domain = made(platform)
    assert (slot(users(platform, domain)), slot(users(platform, domain), "CodeEditor")) == (None, ours("CodeEditor"))
    assert kinds(platform) == ["ReporterNameTaken"]
    assert content_of(platform, script().name_for("JupyterLab")) == (script().content if content is None else content)


@pytest.mark.parametrize("own", ["None", arn("git"), arn(OLD)], ids=["none", "another", "an older one of ours"])
def test_a_profiles_own_value_is_reported_and_stays(platform: Platform, own: str) -> None:
    platform.deploy(IdleOverrides="correct")
    domain = made(platform)
    idle = {"AppLifecycleManagement": {"IdleSettings": {"IdleTimeoutInMinutes": 9000}}}
    settings = {"JupyterLabAppSettings": {"BuiltInLifecycleConfigArn": own, **idle}}
    platform.profile("fraud-dev", domain=domain, UserSettings=settings)
    platform.profile("fraud-dev", "omar", domain=domain, UserSettings=holding(ours("JupyterLab")))
    platform.local.settle()
    look_again(platform, domain)
    now = platform.client("sagemaker", "fraud-dev").describe_user_profile(DomainId=domain, UserProfileName="alice")["UserSettings"]
    assert now["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"] == {"IdleTimeoutInMinutes": 480}, (
        "written whole, for its idle timeout"
    )
    assert (slot(now), kinds(platform)) == (own, ["ReporterOverridden"])
    assert f"1 user profiles in domain {domain}" in finding(platform, "ReporterOverridden")
    assert f"alice (JupyterLab {own})" in finding(platform, "ReporterOverridden")


# -- roles


@pytest.mark.parametrize(
    ("statement", "may"),
    [
        (ONLY_THAT_KEY, True),
        (ONLY_THAT_KEY | {"Resource": "arn:aws:sagemaker:eu-west-1:444444444444:app/*/*/jupyterlab/*"}, True),
        ({**ONLY_THAT_KEY, "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}, False),
        (ONLY_THAT_KEY | {"Resource": "arn:aws:sagemaker:*:*:space/*"}, False),
        ({**ONLY_THAT_KEY, "Condition": {"StringEquals": {"sagemaker:TaggingAction": "CreateApp"}}}, False),
    ],
    ids=["that key", "that key, of JupyterLab", "another key", "spaces", "as it is created"],
)
def test_roles_that_may_not_tell_are_a_finding_and_it_is_attached_all_the_same(platform: Platform, statement: dict[str, Any], may: bool) -> None:
    role = platform.role("fraud-dev", "DataScience", statement)
    domain = made(platform, DefaultUserSettings={"ExecutionRole": role})
    assert slot(users(platform, domain)) == ours("JupyterLab")
    assert kinds(platform) == ["RolesMayNotTag", *([] if may else ["RolesMayNotReport"])]
    if not may:
        assert role in finding(platform, "RolesMayNotReport")


def test_a_role_that_does_not_exist_is_one_finding_not_two(platform: Platform) -> None:
    made(platform, DefaultUserSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/NeverMade"})
    assert kinds(platform) == ["ExecutionRolesMissing"]


# -- whether


def test_left_it_is_neither_attached_nor_looked_for(platform: Platform) -> None:
    attached = made(platform)
    platform.deploy(ActivityReporter="leave")
    before = len(platform.local.cloud.log.calls)
    domain = made(platform, DefaultUserSettings={"ExecutionRole": platform.role("fraud-dev", "DataScience"), **holding(arn("git"))})
    since = platform.local.cloud.log.calls[before:]
    assert slot(users(platform, domain)) == arn("git")
    assert "LifecycleConfig" not in json.dumps([call["action"] for call in since])
    assert "RolesMayNotReport" not in kinds(platform)
    look_again(platform, attached)
    assert (slot(users(platform, attached)), report(platform)["outcome"]) == (ours("JupyterLab"), "NothingToDo"), "where it is, it stays"


@pytest.mark.parametrize("brake", [{"DryRun": "true"}, {"StopAllWrites": "true"}, {"ActingOrganizationalUnitIds": "ou-ab12-11111111"}])
def test_with_a_brake_on_it_is_shown_and_nothing_is_published(platform: Platform, brake: dict[str, str]) -> None:
    platform.deploy(**brake)
    domain = made(platform)
    shown = [change["resource"].rsplit("/", 1)[1] for change in report(platform)["changes"] if "lifecycle-config" in change["resource"]]
    assert sorted(shown) == sorted(script().name_for(app_type) for app_type in ("JupyterLab", "CodeEditor"))
    assert (created(platform), updates(platform), slot(users(platform, domain))) == ([], [], None)


def test_of_a_foreign_domain_it_is_reported_and_nothing_is_published(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", DefaultUserSettings={"ExecutionRole": platform.role("fraud-dev", "DataScience")})
    assert (report(platform)["outcome"], report(platform)["changes"]) == ("ForeignDomain", [])
    assert kinds(platform) == ["RolesMayNotTag", "ForeignDomainDiffers"], "what its roles may tell is no matter where nothing runs"
    assert "the activity reporter of JupyterLab and CodeEditor for users is missing" in finding(platform, "ForeignDomainDiffers")
    assert (created(platform), updates(platform)) == ([], [])
    platform.deploy(ForeignDomains="correct")
    look_again(platform, domain)
    assert slot(users(platform, domain)) == ours("JupyterLab")


def test_where_it_may_not_be_published_the_end_is_red_and_names_it_and_nothing_is_updated(platform: Platform) -> None:
    statement = {"Effect": "Deny", "Action": "sagemaker:CreateStudioLifecycleConfig", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    platform.client("iam", "fraud-dev").put_role_policy(RoleName="domain_setup", PolicyName="guard", PolicyDocument=document)
    platform.expect_denied("sagemaker:CreateStudioLifecycleConfig", "domain_setup")
    made(platform)
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "SetupFailed"
    assert "CreateStudioLifecycleConfig" in execution["cause"]
    assert updates(platform) == []
