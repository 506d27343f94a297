"""Stories of domain_setup about what is in a domain, whose tags it has, and runs that are cut off, or fail in part."""

import json
from typing import Any

import pytest

from localaws.studio import fail_next
from localaws.studio.core import behaviour
from tests.stories.domains_of_ours import asked_for
from tests.stories.people import Platform

pytestmark = pytest.mark.workflow("domain_setup")

OURS = {"Key": "steward:product", "Value": "studio"}
REPOSITORIES = [{"RepositoryUrl": "https://git.example.com/fraud.git"}]


def made(platform: Platform, account: str = "fraud-dev") -> str:
    return platform.domain(account, TagPropagation="DISABLED", Tags=[OURS])


def touch(platform: Platform, domain: str, account: str = "fraud-dev") -> dict[str, Any]:
    """Somebody updates the domain; what the execution for that came to."""
    platform.client("sagemaker", account).update_domain(DomainId=domain, DefaultUserSettings={"SecurityGroups": ["sg-0a1b2c3d"]})
    platform.local.settle()
    output: dict[str, Any] = json.loads(platform.executions("domain_setup")[-1].get("output") or "{}")
    return output


def announced(platform: Platform, queue: str) -> list[dict[str, Any]]:
    return [event for event in platform.messages(queue) if event["detail-type"] == "Domain Set Up"]


def idle(**values: Any) -> dict[str, Any]:
    return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": values}, "CodeRepositories": REPOSITORIES}}


def idle_of(settings: dict[str, Any]) -> Any:
    return settings["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"]


@pytest.fixture
def studio(platform: Platform) -> tuple[str, str, str]:
    """A domain of ours with a profile that has idle shutdown off, and its space with a far too long timeout: all named by ARN but the domain."""
    domain = made(platform)
    settings = {"ExecutionRole": "arn:aws:iam::444444444444:role/StudioExecution", **idle(LifecycleManagement="DISABLED", IdleTimeoutInMinutes=60)}
    alice = platform.profile("fraud-dev", domain=domain, UserSettings=settings)
    platform.local.settle()
    space = platform.space("fraud-dev", alice, SpaceSettings={"AppType": "JupyterLab", **idle(IdleTimeoutInMinutes=9000)})
    platform.local.settle()
    return domain, alice, space


def profile_of(platform: Platform, domain: str) -> Any:
    return platform.client("sagemaker", "fraud-dev").describe_user_profile(DomainId=domain, UserProfileName="alice")["UserSettings"]


def space_of(platform: Platform, domain: str) -> Any:
    return platform.client("sagemaker", "fraud-dev").describe_space(DomainId=domain, SpaceName="lab")["SpaceSettings"]


def test_settings_that_break_the_limits_are_reported(platform: Platform, studio: tuple[str, str, str]) -> None:
    output = touch(platform, studio[0])
    assert (output["outcome"], output["changes"]) == ("NothingToDo", [])
    assert [finding["kind"] for finding in output["findings"]] == ["IdleSettingsOutOfBounds"]
    assert platform.calls("sagemaker:UpdateUserProfile", "sagemaker:UpdateSpace") == []


@pytest.mark.parametrize("omitted", ["kept", "lost"])
def test_they_are_corrected_where_that_is_wanted_and_nothing_is_lost(platform: Platform, studio: tuple[str, str, str], omitted: Any) -> None:
    behaviour(platform.local.cloud).omitted_settings = omitted
    platform.deploy(IdleOverrides="correct")
    queue = platform.watch_hub_bus()
    domain, alice, space = studio
    output = touch(platform, domain)
    inside = [change for change in output["changes"] if ":domain/" not in change["resource"]]
    assert [(change["resource"], change["before"], change["after"]) for change in inside] == [
        (alice, "DISABLED", "ENABLED"),
        (space, "9000", "480"),
    ]
    assert idle_of(profile_of(platform, domain)) == {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 60}
    assert profile_of(platform, domain)["ExecutionRole"].endswith("role/StudioExecution")
    assert idle_of(space_of(platform, domain)) == {"IdleTimeoutInMinutes": 480}
    assert space_of(platform, domain)["AppType"] == "JupyterLab"
    for settings in (profile_of(platform, domain), space_of(platform, domain)):
        assert settings["JupyterLabAppSettings"]["CodeRepositories"] == REPOSITORIES
    assert [event["detail"]["resource_arn"] for event in announced(platform, queue)][-2:] == [alice, space]


def test_a_space_is_brought_within_narrower_bounds_of_its_owner(platform: Platform) -> None:
    platform.deploy(IdleOverrides="correct")
    domain = made(platform)
    alice = platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    platform.space("fraud-dev", alice, SpaceSettings={"AppType": "JupyterLab"})
    platform.local.settle()
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.update_domain(DomainId=domain, DefaultUserSettings=idle(LifecycleManagement="DISABLED"))  # so long the space may have any timeout
    platform.local.advance(20)
    sagemaker.update_space(DomainId=domain, SpaceName="lab", SpaceSettings=idle(IdleTimeoutInMinutes=9000))
    own = idle(LifecycleManagement="ENABLED", IdleTimeoutInMinutes=90, MinIdleTimeoutInMinutes=60, MaxIdleTimeoutInMinutes=200)
    sagemaker.update_user_profile(DomainId=domain, UserProfileName="alice", UserSettings=own)
    platform.local.settle()
    touch(platform, domain)
    assert platform.executions("domain_setup")[-1]["status"] == "SUCCEEDED"
    assert idle_of(space_of(platform, domain)) == {"IdleTimeoutInMinutes": 200}


def test_one_that_fails_leaves_the_others_done_and_told_and_the_execution_red(platform: Platform, studio: tuple[str, str, str]) -> None:
    platform.deploy(IdleOverrides="correct")
    queue = platform.watch_hub_bus()
    domain, _, space = studio
    fail_next(platform.local.cloud, "UserProfile", "no such image", "update")
    touch(platform, domain)
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "SomeNotCorrected"
    assert "user-profile/" in execution["cause"]
    assert "no such image" in execution["cause"]
    assert [event["detail"]["resource_arn"] for event in announced(platform, queue)] == [space]
    assert touch(platform, domain)["changes"][0]["after"] == "ENABLED", "the next run goes on with it"


def test_a_step_that_fails_again_and_again_for_one_is_named_and_the_others_are_done(platform: Platform, studio: tuple[str, str, str]) -> None:
    platform.deploy(IdleOverrides="correct")
    iam = platform.client("iam", "fraud-dev")
    statement = {"Effect": "Deny", "Action": "sagemaker:UpdateUserProfile", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_role_policy(RoleName="domain_setup", PolicyName="guard", PolicyDocument=document)
    platform.expect_denied("sagemaker:UpdateUserProfile", "domain_setup")
    touch(platform, studio[0])
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "SomeNotCorrected"
    assert "UpdateUserProfile" in execution["cause"]
    assert idle_of(space_of(platform, studio[0])) == {"IdleTimeoutInMinutes": 480}


def test_a_profile_that_never_gets_ready_ends_red(platform: Platform, studio: tuple[str, str, str]) -> None:
    platform.deploy(IdleOverrides="correct")
    behaviour(platform.local.cloud).seconds["UserProfile", "update"] = 3600
    touch(platform, studio[0])
    execution = platform.executions("domain_setup")[-1]
    assert execution["error"] == "SomeNotCorrected"
    assert "(Updating)" in execution["cause"]
    assert len(platform.calls("sagemaker:UpdateUserProfile")) == 1


def test_a_space_whose_app_runs_is_a_finding_and_follows_once_it_has_ended(platform: Platform, studio: tuple[str, str, str]) -> None:
    """Where UpdateSpace is refused as long as an app runs, which is nobody's fault: the end is green, the rest is done."""
    behaviour(platform.local.cloud).space_update_with_apps = "ResourceInUse"
    platform.deploy(IdleOverrides="correct")
    domain, alice, space = studio
    platform.app("fraud-dev", space, "JupyterLab")
    output = touch(platform, domain)
    assert [change["resource"] for change in output["changes"]] == [alice]
    assert [(finding["kind"], finding["resource"]) for finding in output["findings"]] == [("InUseNotCorrected", space)]
    assert f"space/{domain}/lab" in output["findings"][0]["message"]
    assert "IdleTimeoutInMinutes is 9000, not 480" in output["findings"][0]["message"]
    assert len(platform.calls("sagemaker:UpdateSpace")) == 4
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.delete_app(DomainId=domain, SpaceName="lab", AppType="JupyterLab", AppName="default")
    platform.local.settle()
    again = touch(platform, domain)
    assert ([change["resource"] for change in again["changes"]], again["findings"]) == ([space], [])


def test_no_more_are_corrected_in_a_run_than_the_cap(platform: Platform, studio: tuple[str, str, str]) -> None:
    platform.deploy(IdleOverrides="correct", MostIdleCorrections="1")
    domain, alice, space = studio
    output = touch(platform, domain)
    assert [change["resource"] for change in output["changes"]] == [alice]
    assert [finding["kind"] for finding in output["findings"]] == ["IdleSettingsOutOfBounds"]
    assert [change["resource"] for change in touch(platform, domain)["changes"]] == [space]


# -- tags


def own_tag(platform: Platform, owner: str) -> None:
    platform.client("organizations", "management").tag_resource(ResourceId="666666666666", Tags=[{"Key": "ml:owner", "Value": owner}])


def test_a_tag_that_is_a_copy_follows_its_account_and_one_of_the_domains_own_stays(platform: Platform) -> None:
    own_tag(platform, "first")
    domain = made(platform, "newcomer-dev")
    arn = f"arn:aws:sagemaker:eu-west-1:666666666666:domain/{domain}"
    assert platform.tags("newcomer-dev", arn)["ml:owner"] == "first"
    for owner in ("second", "third"):
        own_tag(platform, owner)
        assert [change["after"] for change in touch(platform, domain, "newcomer-dev")["changes"]] == [owner]
    platform.set_tags("newcomer-dev", arn, {"ml:owner": "their own"})
    assert touch(platform, domain, "newcomer-dev")["outcome"] == "NothingToDo"
    assert platform.tags("newcomer-dev", arn)["ml:owner"] == "their own"


def test_a_tag_that_somebody_sets_between_decision_and_writing_is_theirs(platform: Platform) -> None:
    own_tag(platform, "first")
    with platform.local.faults.crash("*CorrectOne*", "before", "sagemaker:AddTags"):
        domain = asked_for(platform, "newcomer-dev").split("/")[1]
        while not platform.local.faults.injected:
            platform.local.advance(1)
        arn = f"arn:aws:sagemaker:eu-west-1:666666666666:domain/{domain}"
        platform.set_tags("newcomer-dev", arn, {"ml:owner": "their own"})
        platform.local.settle()
    execution = platform.executions("domain_setup")[-1]
    assert [change["field"] for change in json.loads(execution["output"])["changes"] if change["field"].startswith("tag:")] == []
    assert platform.tags("newcomer-dev", arn)["ml:owner"] == "their own"
    own_tag(platform, "second")
    assert touch(platform, domain, "newcomer-dev")["outcome"] == "NothingToDo"
    assert platform.tags("newcomer-dev", arn)["ml:owner"] == "their own"


# -- cut off


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("step", "action"),
    [
        ("*UpdateSettings*", "sagemaker:CreateStudioLifecycleConfig"),
        ("*UpdateSettings*", "sagemaker:UpdateDomain"),
        ("*CorrectOne*", "sagemaker:AddTags"),
        ("*CorrectOne*", "dynamodb:PutItem"),
        ("*DecideSetup*", "sagemaker:DescribeDomain"),
    ],
)
def test_wherever_it_is_cut_off_all_is_written_once_and_announced(platform: Platform, step: str, action: str, when: Any) -> None:
    queue = platform.watch_hub_bus()
    with platform.local.faults.crash(step, when, action):
        domain = made(platform)
    output = platform.the_execution("domain_setup")["output"]
    assert (output["outcome"], len(output["changes"])) == ("DomainSetUp", 16)
    assert len(platform.calls("sagemaker:UpdateDomain")) == 1
    assert len(platform.calls("sagemaker:CreateStudioLifecycleConfig")) == 2, "one for JupyterLab, one for Code Editor"
    changes = [change for event in announced(platform, queue) for change in event["detail"]["changes"]]
    assert changes == output["changes"]
    assert platform.tags("fraud-dev", f"arn:aws:sagemaker:eu-west-1:444444444444:domain/{domain}")["ml:owner"] == "fraud-team"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", ["sagemaker:UpdateUserProfile", "sagemaker:UpdateSpace"])
def test_so_it_is_with_profiles_and_spaces(platform: Platform, studio: tuple[str, str, str], action: str, when: Any) -> None:
    platform.deploy(IdleOverrides="correct")
    queue = platform.watch_hub_bus()
    with platform.local.faults.crash("*CorrectOne*", when, action):
        output = touch(platform, studio[0])
    assert [change["resource"] for change in output["changes"]] == [*studio[1:]]
    assert len(platform.calls(action)) == 1
    assert [event["detail"]["resource_arn"] for event in announced(platform, queue)] == [*studio[1:]]
