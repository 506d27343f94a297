"""Apps of Studio: when they run, what they say of themselves, and how long a deleted one is listed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localaws.cloud import Cloud, Refused
from localaws.studio import behaviour, fail_next
from localaws.studio.core import SECONDS
from tests.localaws.studio_machinery import FRAUD_DEV, Ask, asking, canvas, furnish, jupyter_lab, refusal, studio, tags, tags_of


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
