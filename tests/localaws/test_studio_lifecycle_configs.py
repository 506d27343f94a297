"""Studio lifecycle configurations: kept as they are, listed, and gone only when nothing names them."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localaws.cloud import Cloud
from localaws.studio import behaviour
from localaws.studio.core import SECONDS
from tests.localaws.studio_machinery import FRAUD_DEV, ROLE, Ask, asking, furnish, jupyter_lab, make_domain, refusal, studio, tags, tags_of

SCRIPT = base64.b64encode(b"#!/bin/bash\nnohup true &\n").decode()
ARN = f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:studio-lifecycle-config"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with studio() as cloud:
        yield cloud


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    return asking(cloud)


def config(name: str, app_type: str = "JupyterLab", content: str = SCRIPT, **more: Any) -> dict[str, Any]:
    return {"StudioLifecycleConfigName": name, "StudioLifecycleConfigContent": content, "StudioLifecycleConfigAppType": app_type, **more}


def lab(name: str) -> dict[str, Any]:
    return {"JupyterLabAppSettings": {"BuiltInLifecycleConfigArn": f"{ARN}/{name}"}}


def test_a_configuration_is_kept_as_it_was_created(ask: Ask, cloud: Cloud) -> None:
    now = cloud.clock.datetime()
    arn = ask("CreateStudioLifecycleConfig", **config("reporter-1a2b", Tags=tags(team="platform")))["StudioLifecycleConfigArn"]
    assert arn == f"{ARN}/reporter-1a2b"
    described = ask("DescribeStudioLifecycleConfig", StudioLifecycleConfigName="reporter-1a2b")
    assert described == {**config("reporter-1a2b"), "StudioLifecycleConfigArn": arn, "CreationTime": now, "LastModifiedTime": now}
    assert tags_of(ask, arn) == {"team": "platform"}
    ask("AddTags", ResourceArn=arn, Tags=tags(team="ml"))
    assert tags_of(ask, arn) == {"team": "ml"}


def test_a_name_that_is_taken_stays_what_it_was(ask: Ask) -> None:
    ask("CreateStudioLifecycleConfig", **config("reporter"))
    assert refusal(ask, "CreateStudioLifecycleConfig", **config("reporter")).code == "ResourceInUse"
    assert refusal(ask, "DescribeStudioLifecycleConfig", StudioLifecycleConfigName="other").code == "ResourceNotFound"


@pytest.mark.parametrize(
    "wrong",
    [
        config("x" * 64),
        config("-reporter"),
        config("under_score"),
        config("reporter", content="A" * 16388),
        config("reporter", content=""),
        config("reporter", content="no base64"),
        config("reporter", app_type="Canvas"),
    ],
)
def test_what_aws_would_not_take_is_not_there(ask: Ask, wrong: dict[str, Any]) -> None:
    assert refusal(ask, "CreateStudioLifecycleConfig", **wrong).code == "ValidationException"
    assert ask("ListStudioLifecycleConfigs")["StudioLifecycleConfigs"] == []


def test_the_longest_script_is_taken(ask: Ask) -> None:
    ask("CreateStudioLifecycleConfig", **config("reporter", content="A" * 16384))
    assert len(ask("DescribeStudioLifecycleConfig", StudioLifecycleConfigName="reporter")["StudioLifecycleConfigContent"]) == 16384


def test_configurations_are_listed_the_newest_first_in_pages(ask: Ask, cloud: Cloud) -> None:
    start = cloud.clock.datetime()
    for number in range(12):
        ask("CreateStudioLifecycleConfig", **config(f"script-{number:02}", "CodeEditor" if number % 2 else "JupyterLab"))
        cloud.clock.advance(60)

    def names(**asked: Any) -> list[str]:
        return [each["StudioLifecycleConfigName"][-2:] for each in ask("ListStudioLifecycleConfigs", **asked)["StudioLifecycleConfigs"]]

    first = ask("ListStudioLifecycleConfigs")
    assert [each["StudioLifecycleConfigName"] for each in first["StudioLifecycleConfigs"]] == [f"script-{number:02}" for number in range(11, 1, -1)]
    assert "StudioLifecycleConfigContent" not in first["StudioLifecycleConfigs"][0]
    assert names(NextToken=first["NextToken"]) == ["01", "00"]
    assert names(SortBy="Name", SortOrder="Ascending", MaxResults=3) == ["00", "01", "02"]
    assert names(AppTypeEquals="CodeEditor", NameContains="script-0") == ["09", "07", "05", "03", "01"]
    assert names(CreationTimeAfter=start + timedelta(minutes=10)) == ["11", "10"]
    assert names(ModifiedTimeBefore=start + timedelta(minutes=1)) == ["00"]


def test_a_configuration_goes_when_nothing_uses_it_any_more(ask: Ask, cloud: Cloud) -> None:
    domain_id = furnish(ask, cloud)
    ask("CreateStudioLifecycleConfig", **config("reporter"))
    named = {"StudioLifecycleConfigName": "reporter"}
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings=lab("reporter"))
    cloud.clock.advance(60)
    assert f"domain/{domain_id}" in refusal(ask, "DeleteStudioLifecycleConfig", **named).message
    ask("CreateApp", **jupyter_lab(domain_id))
    cloud.clock.advance(60)
    assert ask("DescribeApp", **jupyter_lab(domain_id))["BuiltInLifecycleConfigArn"] == f"{ARN}/reporter"
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings={"JupyterLabAppSettings": {"BuiltInLifecycleConfigArn": "None"}})
    error = refusal(ask, "DeleteStudioLifecycleConfig", **named)
    assert (error.code, "app/" in error.message) == ("ResourceInUse", True)
    ask("DeleteApp", **jupyter_lab(domain_id))
    cloud.clock.advance(SECONDS["App", "deletion"])
    ask("DeleteStudioLifecycleConfig", **named)
    assert ask("ListStudioLifecycleConfigs")["StudioLifecycleConfigs"] == []
    assert refusal(ask, "DeleteStudioLifecycleConfig", **named).code == "ResourceNotFound"


def test_settings_may_name_what_is_not_there(ask: Ask, cloud: Cloud) -> None:
    domain_id = furnish(ask, cloud)
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings=lab("nowhere"))
    assert ask("DescribeDomain", DomainId=domain_id)["DefaultUserSettings"]["JupyterLabAppSettings"]["BuiltInLifecycleConfigArn"] == f"{ARN}/nowhere"


def test_or_settings_and_apps_may_not_name_what_is_not_there_or_of_another_type(ask: Ask, cloud: Cloud) -> None:
    behaviour(cloud).missing_lifecycle_configs = "ValidationException"
    domain_id = furnish(ask, cloud)
    ask("CreateStudioLifecycleConfig", **config("editor", "CodeEditor"))
    ask("CreateStudioLifecycleConfig", **config("lab"))
    spec = {"ResourceSpec": {"InstanceType": "ml.t3.medium", "LifecycleConfigArn": f"{ARN}/editor"}}
    settings = {"ExecutionRole": ROLE}
    network = {"AuthMode": "IAM", "VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}
    refused: list[tuple[str, dict[str, Any]]] = [
        ("UpdateDomain", {"DomainId": domain_id, "DefaultUserSettings": lab("nowhere")}),
        ("UpdateDomain", {"DomainId": domain_id, "DefaultUserSettings": lab("editor")}),
        ("CreateDomain", {"DomainName": "other", **network, "DefaultUserSettings": settings | lab("nowhere")}),
        ("CreateUserProfile", {"DomainId": domain_id, "UserProfileName": "bob", "UserSettings": lab("nowhere")}),
        ("UpdateUserProfile", {"DomainId": domain_id, "UserProfileName": "alice", "UserSettings": lab("nowhere")}),
        ("CreateApp", {**jupyter_lab(domain_id), **spec}),
    ]
    for operation, params in refused:
        assert refusal(ask, operation, **params).code == "ValidationException"
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings=lab("lab"))
    assert make_domain(ask, cloud, "another", DefaultUserSettings=settings | lab("lab"))
