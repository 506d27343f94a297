"""Apps of Studio: when they run, what they say of themselves, and how long a deleted one is listed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localaws.cloud import Cloud, Refused
from localaws.studio import behaviour, fail_next
from localaws.studio.apps import use
from localaws.studio.core import SECONDS
from localaws.studio.planting import RSTUDIO_OWNER, plant_app
from tests.localaws.studio_machinery import (
    FRAUD_DEV,
    ROLE,
    Ask,
    asking,
    canvas,
    furnish,
    jupyter_lab,
    make_domain,
    make_profile,
    make_space,
    refusal,
    studio,
    tags,
    tags_of,
)

CONFIG = f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:studio-lifecycle-config"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with studio() as cloud:
        yield cloud


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    return asking(cloud)


@pytest.fixture
def domain_id(ask: Ask, cloud: Cloud) -> str:
    return furnish(ask, cloud)


def test_an_app_runs_after_a_minute_and_its_activity_says_nothing(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    created_at = cloud.clock.datetime()
    ask("CreateApp", **jupyter_lab(domain_id), ResourceSpec={"InstanceType": "ml.t3.medium"})
    pending = ask("DescribeApp", **jupyter_lab(domain_id))
    assert pending["Status"] == "Pending"
    assert "LastUserActivityTimestamp" not in pending
    cloud.clock.advance(60)
    cloud.clock.advance(2 * 3600 + 1)
    described = ask("DescribeApp", **jupyter_lab(domain_id))
    assert (described["Status"], described["CreationTime"]) == ("InService", created_at)
    assert described["LastUserActivityTimestamp"] == described["LastHealthCheckTimestamp"] == created_at + timedelta(seconds=60, hours=2)


@pytest.mark.parametrize("counted", [True, False])
def test_what_somebody_does_is_seen_until_the_next_health_check_and_for_good_if_checks_did_not_count(
    ask: Ask, cloud: Cloud, domain_id: str, counted: bool
) -> None:
    """Trap 22, as botocore documents it: the time of the last activity is that of the last health check."""
    behaviour(cloud).health_checks_count_as_activity = counted
    ask("CreateApp", **jupyter_lab(domain_id))
    with pytest.raises(ValueError, match="does not run"):
        use(cloud, FRAUD_DEV, "eu-west-1", **jupyter_lab(domain_id))
    cloud.clock.advance(60)
    started = cloud.clock.datetime()
    cloud.clock.advance(1000)
    use(cloud, FRAUD_DEV, "eu-west-1", **jupyter_lab(domain_id))
    cloud.clock.advance(100)

    def times() -> list[timedelta]:
        described = ask("DescribeApp", **jupyter_lab(domain_id))
        return [described[f"Last{name}Timestamp"] - started for name in ("HealthCheck", "UserActivity")]

    assert times() == [timedelta(seconds=900), timedelta(seconds=1000)]
    cloud.clock.advance(100)
    assert times() == [timedelta(seconds=1200), timedelta(seconds=1200 if counted else 1000)]


def test_listed_apps_have_a_profile_or_a_space_and_no_arn(ask: Ask, domain_id: str) -> None:
    ask("CreateApp", **canvas(domain_id))
    ask("CreateApp", **jupyter_lab(domain_id), ResourceSpec={"InstanceType": "ml.t3.medium"})
    of_profile, of_space = ask("ListApps")["Apps"]
    assert set(of_profile) == {"DomainId", "UserProfileName", "AppType", "AppName", "Status", "CreationTime"}
    assert set(of_space) == {"DomainId", "SpaceName", "AppType", "AppName", "Status", "CreationTime", "ResourceSpec"}


@pytest.mark.parametrize(("setting", "segment"), [("lower", "jupyterlab"), ("as given", "JupyterLab")])
def test_an_apps_arn_writes_its_type_either_way(ask: Ask, cloud: Cloud, domain_id: str, setting: Any, segment: str) -> None:
    behaviour(cloud).app_type_in_arn = setting
    arn = ask("CreateApp", **jupyter_lab(domain_id))["AppArn"]
    assert arn == f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:app/{domain_id}/forecast/{segment}/default"
    assert ask("DescribeApp", **jupyter_lab(domain_id))["AppArn"] == arn
    assert tags_of(ask, arn)["space"] == "s"


@pytest.mark.parametrize("owner", [{}, {"UserProfileName": "alice", "SpaceName": "forecast"}])
@pytest.mark.parametrize("operation", ["CreateApp", "DescribeApp", "DeleteApp"])
def test_an_app_belongs_to_a_profile_or_a_space(ask: Ask, domain_id: str, operation: str, owner: dict[str, str]) -> None:
    assert refusal(ask, operation, DomainId=domain_id, AppType="Canvas", AppName="default", **owner).code == "ValidationException"


@pytest.mark.parametrize(
    ("owner", "app_type", "code"),
    [
        ({"UserProfileName": "alice"}, "JupyterLab", "ValidationException"),
        ({"SpaceName": "forecast"}, "CodeEditor", "ValidationException"),
        ({"UserProfileName": "bob"}, "Canvas", "ResourceNotFound"),
    ],
)
def test_apps_that_aws_would_not_make(ask: Ask, domain_id: str, owner: dict[str, str], app_type: str, code: str) -> None:
    assert refusal(ask, "CreateApp", DomainId=domain_id, AppType=app_type, AppName="default", **owner).code == code
    assert ask("ListApps")["Apps"] == []


def test_rstudio_apps_are_refused_by_name(ask: Ask, domain_id: str) -> None:
    with pytest.raises(Refused, match="RSessionGateway"):
        ask("CreateApp", DomainId=domain_id, UserProfileName="alice", AppType="RSessionGateway", AppName="default")


def test_an_rstudio_server_can_be_there_nevertheless_and_be_deleted(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    server = {"DomainId": domain_id, "UserProfileName": RSTUDIO_OWNER, "AppType": "RStudioServerPro", "AppName": "default"}
    long_ago = cloud.clock.datetime() - timedelta(days=200)
    plant_app(cloud, FRAUD_DEV, "eu-west-1", created=long_ago, tags={"team": "r"}, **server, ResourceSpec={"InstanceType": "ml.t3.medium"})
    (app,) = ask("ListApps")["Apps"]
    assert (app["UserProfileName"], app["Status"], app["CreationTime"]) == ("domain-shared", "InService", long_ago)
    assert tags_of(ask, ask("DescribeApp", **server)["AppArn"]) == {"team": "r"}
    ask("DeleteApp", **server)
    cloud.clock.advance(SECONDS["App", "deletion"])
    assert ask("DescribeApp", **server)["Status"] == "Deleted"
    with pytest.raises(ValueError, match="exactly one"):
        plant_app(cloud, FRAUD_DEV, "eu-west-1", **(server | {"SpaceName": "forecast"}))


@pytest.mark.parametrize("app_type", ["JupyterServer", "KernelGateway"])
def test_classic_apps_start_or_do_not_start_any_more(ask: Ask, cloud: Cloud, domain_id: str, app_type: str) -> None:
    asked = {"DomainId": domain_id, "UserProfileName": "alice", "AppType": app_type, "AppName": "default", "ResourceSpec": {"InstanceType": "system"}}
    behaviour(cloud).new_classic_apps = "ValidationException"
    assert refusal(ask, "CreateApp", **asked).code == "ValidationException"
    behaviour(cloud).new_classic_apps = "allowed"
    ask("CreateApp", **asked)
    assert ask("ListApps")["Apps"][0]["Status"] == "Pending"


def test_an_app_says_what_it_was_started_with(ask: Ask, domain_id: str) -> None:
    plan = f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:training-plan/p5"
    image = "arn:aws:sagemaker:eu-west-1:819792524951:image"
    spec = {
        "InstanceType": "ml.p5.48xlarge",
        "SageMakerImageArn": f"{image}/sagemaker-distribution-gpu",
        "SageMakerImageVersionAlias": "2.1.0",
        "TrainingPlanArn": plan,
    }
    ask("CreateApp", **jupyter_lab(domain_id), ResourceSpec=spec | {"SageMakerImageVersionArn": "None"}, RecoveryMode=True)
    described = ask("DescribeApp", **jupyter_lab(domain_id))
    assert (described["ResourceSpec"], described["RecoveryMode"]) == (spec, True)
    assert ask("ListApps")["Apps"][0]["ResourceSpec"] == spec
    assert refusal(ask, "CreateApp", **canvas(domain_id), ResourceSpec={"TrainingPlanArn": plan}).code == "ValidationException"


@pytest.mark.parametrize(
    ("app_type", "given", "runs_on"),
    [
        ("JupyterServer", None, "system"),
        ("JupyterServer", "ml.t3.medium", None),
        ("KernelGateway", None, None),
        ("KernelGateway", "system", "ml.t3.medium"),
        ("KernelGateway", "ml.m5.large", "ml.m5.large"),
    ],
)
def test_classic_apps_run_on_what_their_type_may(ask: Ask, domain_id: str, app_type: str, given: str | None, runs_on: str | None) -> None:
    asked: dict[str, Any] = {"DomainId": domain_id, "UserProfileName": "alice", "AppType": app_type, "AppName": "default"}
    if given:
        asked["ResourceSpec"] = {"InstanceType": given}
    if runs_on is None:
        assert refusal(ask, "CreateApp", **asked).code == "ValidationException"
    else:
        ask("CreateApp", **asked)
        assert ask("ListApps")["Apps"][0]["ResourceSpec"] == {"InstanceType": runs_on}


def test_an_app_starts_with_the_nearest_defaults(ask: Ask, cloud: Cloud) -> None:
    def lab(instance: str, script: str) -> dict[str, Any]:
        return {"JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": instance}, "BuiltInLifecycleConfigArn": script}}

    for_spaces = {"ExecutionRole": ROLE, **lab("ml.t3.medium", f"{CONFIG}/of-spaces")}
    domain_id = make_domain(
        ask, cloud, DefaultUserSettings={"ExecutionRole": ROLE, **lab("ml.t3.large", f"{CONFIG}/of-users")}, DefaultSpaceSettings=for_spaces
    )
    make_profile(ask, cloud, domain_id, "alice", UserSettings=lab("ml.m5.large", "None"))
    make_profile(ask, cloud, domain_id, "bob")
    for name, owner in (("hers", "alice"), ("his", "bob")):
        make_space(ask, cloud, domain_id, name, owner)
    ask("CreateSpace", DomainId=domain_id, SpaceName="ours")
    cloud.clock.advance(60)

    def started(space: str, **spec: str) -> tuple[str, str | None]:
        app = {"DomainId": domain_id, "SpaceName": space, "AppType": "JupyterLab", "AppName": "default"}
        ask("CreateApp", **app, ResourceSpec=spec)
        described = ask("DescribeApp", **app)
        return described["ResourceSpec"]["InstanceType"], described.get("BuiltInLifecycleConfigArn")

    assert started("hers") == ("ml.m5.large", None)
    assert started("his") == ("ml.t3.large", f"{CONFIG}/of-users")
    assert started("ours", InstanceType="ml.g5.xlarge") == ("ml.g5.xlarge", f"{CONFIG}/of-spaces")


def test_apps_of_the_whole_account_come_in_pages_the_oldest_or_the_newest_first(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    other = make_domain(ask, cloud, "churn")
    for number in range(120):
        of = {"DomainId": other if number % 2 else domain_id, "SpaceName": f"space-{number}", "AppType": "JupyterLab", "AppName": "default"}
        plant_app(cloud, FRAUD_DEV, "eu-west-1", **of)
    assert len(ask("ListApps")["Apps"]) == 10
    first = ask("ListApps", MaxResults=100)
    second = ask("ListApps", MaxResults=100, NextToken=first["NextToken"])
    assert [app["SpaceName"] for app in first["Apps"] + second["Apps"]] == [f"space-{number}" for number in range(120)]
    assert ask("ListApps", SortOrder="Descending", SortBy="CreationTime")["Apps"][0]["SpaceName"] == "space-119"
    assert {app["DomainId"] for app in ask("ListApps", DomainIdEquals=other)["Apps"]} == {other}


@pytest.mark.parametrize("code", ["ResourceInUse", "ValidationException"])
def test_an_app_that_comes_or_goes_is_not_deleted(ask: Ask, cloud: Cloud, domain_id: str, code: Any) -> None:
    behaviour(cloud).deleting_while_changing = code
    ask("CreateApp", **jupyter_lab(domain_id))
    assert refusal(ask, "DeleteApp", **jupyter_lab(domain_id)).code == code
    cloud.clock.advance(60)
    ask("DeleteApp", **jupyter_lab(domain_id))
    assert ask("DescribeApp", **jupyter_lab(domain_id))["Status"] == "Deleting"
    assert refusal(ask, "DeleteApp", **jupyter_lab(domain_id)).code == code
    cloud.clock.advance(SECONDS["App", "deletion"] - 1)
    assert ask("DescribeApp", **jupyter_lab(domain_id))["Status"] == "Deleting"
    cloud.clock.advance(1)
    assert ask("DescribeApp", **jupyter_lab(domain_id))["Status"] == "Deleted"


def test_what_has_ended_may_be_deleted_with_either_answer(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    behaviour(cloud).deleting_what_failed = "allowed"
    behaviour(cloud).deleting_what_is_gone = "ResourceNotFound"
    fail_next(cloud, "App", "out of capacity")
    ask("CreateApp", **canvas(domain_id))
    cloud.clock.advance(60)
    assert ask("DescribeApp", **canvas(domain_id))["Status"] == "Failed"
    ask("DeleteApp", **canvas(domain_id))
    cloud.clock.advance(SECONDS["App", "deletion"])
    assert ask("DescribeApp", **canvas(domain_id))["Status"] == "Deleted"
    assert refusal(ask, "DeleteApp", **canvas(domain_id)).code == "ResourceNotFound"


def test_a_deleted_app_is_listed_for_a_day_and_no_longer(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    arn = ask("CreateApp", **canvas(domain_id))["AppArn"]
    assert refusal(ask, "DeleteApp", **canvas(domain_id)).code == "ResourceInUse"
    cloud.clock.advance(60)
    assert ask("DeleteApp", **canvas(domain_id)) == {}
    assert refusal(ask, "DeleteApp", **canvas(domain_id)).code == "ResourceInUse"
    cloud.clock.advance(SECONDS["App", "deletion"])

    error = refusal(ask, "DeleteApp", **canvas(domain_id))
    assert error.code == "ValidationException"
    assert "has already been deleted" in error.message
    assert refusal(ask, "ListTags", ResourceArn=arn).code == "ValidationException"
    cloud.clock.advance(24 * 3600 - 1)
    assert [app["Status"] for app in ask("ListApps")["Apps"]] == ["Deleted"]
    cloud.clock.advance(1)
    assert ask("ListApps")["Apps"] == []
    assert refusal(ask, "DeleteApp", **canvas(domain_id)).code == "ResourceNotFound"


def test_nobody_waits_until_a_deleted_app_is_listed_no_more(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    ask("CreateApp", **canvas(domain_id))
    cloud.clock.settle()
    ask("DeleteApp", **canvas(domain_id))
    began = cloud.clock.now
    cloud.clock.settle()
    assert cloud.clock.now - began < 3600
    assert [app["Status"] for app in ask("ListApps")["Apps"]] == ["Deleted"]


@pytest.mark.parametrize("keeps", [True, False])
def test_an_app_started_again_within_a_day_is_the_same_app(ask: Ask, cloud: Cloud, domain_id: str, keeps: bool) -> None:
    behaviour(cloud).restart_keeps_creation_time = keeps
    first = cloud.clock.datetime()
    ask("CreateApp", **canvas(domain_id))
    cloud.clock.advance(60)
    assert refusal(ask, "CreateApp", **canvas(domain_id)).code == "ResourceInUse"
    ask("DeleteApp", **canvas(domain_id))
    cloud.clock.advance(3600)

    second = cloud.clock.datetime()
    ask("CreateApp", **canvas(domain_id))
    cloud.clock.advance(24 * 3600)
    (app,) = ask("ListApps")["Apps"]
    assert (app["Status"], app["CreationTime"]) == ("InService", first if keeps else second)


def test_a_failed_app_says_why_and_holds_nothing(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    fail_next(cloud, "App", "The service limit of ml.p5 is 0.")
    ask("CreateApp", **canvas(domain_id))
    cloud.clock.advance(60)
    described = ask("DescribeApp", **canvas(domain_id))
    assert (described["Status"], described["FailureReason"]) == ("Failed", "The service limit of ml.p5 is 0.")
    assert "previously failed and was automatically deleted" in refusal(ask, "DeleteApp", **canvas(domain_id)).message
    ask("CreateApp", **canvas(domain_id))
    cloud.clock.advance(60)
    assert ask("DescribeApp", **canvas(domain_id))["Status"] == "InService"


def test_apps_carry_the_tags_their_domain_and_owner_had_at_launch(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    arn = ask("CreateApp", **canvas(domain_id), Tags=tags(app="a"))["AppArn"]
    ask("AddTags", ResourceArn=f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:user-profile/{domain_id}/alice", Tags=tags(later="yes"))
    assert tags_of(ask, arn) == {"domain": "d", "both": "of the profile", "profile": "p", "app": "a"}
    of_space = ask("CreateApp", **jupyter_lab(domain_id))["AppArn"]
    assert tags_of(ask, of_space) == {"domain": "d", "both": "of the domain", "space": "s"}


def test_an_app_of_a_space_may_not_carry_its_tags(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    behaviour(cloud).space_tags_on_apps = False
    arn = ask("CreateApp", **jupyter_lab(domain_id))["AppArn"]
    assert tags_of(ask, arn) == {"domain": "d", "both": "of the domain"}


def test_a_running_apps_tags_are_added_overwritten_and_deleted(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    arn = ask("CreateApp", **jupyter_lab(domain_id))["AppArn"]
    cloud.clock.advance(60)
    for seen in ("10:00", "11:00"):
        ask("AddTags", ResourceArn=arn, Tags=[{"Key": "steward:activity", "Value": f"active seen=2026-11-02T{seen}:00Z"}])
    assert tags_of(ask, arn)["steward:activity"] == "active seen=2026-11-02T11:00:00Z"
    ask("DeleteTags", ResourceArn=arn, TagKeys=["steward:activity"])
    assert "steward:activity" not in tags_of(ask, arn)
