"""UpdateDomain, UpdateUserProfile, UpdateSpace in localaws: what an update keeps, refuses and takes, under either answer that AWS leaves open."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest

from localaws.cloud import Cloud, Refused
from localaws.studio import behaviour, fail_next
from localaws.studio.core import SECONDS
from tests.localaws.studio_machinery import (
    FRAUD_DEV,
    ROLE,
    START,
    Ask,
    asking,
    canvas,
    furnish,
    jupyter_lab,
    make_domain,
    make_profile,
    refusal,
    studio,
)

OTHER_ROLE = f"arn:aws:iam::{FRAUD_DEV}:role/other"
IMAGES = [{"ImageName": name, "AppImageConfigName": name} for name in ("one", "two")]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with studio() as cloud:
        yield cloud


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    return asking(cloud)


def idle(app: str = "JupyterLab", **minutes: Any) -> dict[str, Any]:
    """Settings of one type of app with these IdleSettings: ``Min=60`` for MinIdleTimeoutInMinutes, ``Idle=60`` for the timeout itself."""
    members = {"Idle": "IdleTimeoutInMinutes", "Min": "MinIdleTimeoutInMinutes", "Max": "MaxIdleTimeoutInMinutes"}
    return {f"{app}AppSettings": {"AppLifecycleManagement": {"IdleSettings": {members.get(name, name): value for name, value in minutes.items()}}}}


def domain(ask: Ask, domain_id: str) -> dict[str, Any]:
    return ask("DescribeDomain", DomainId=domain_id)


# -- domains


def test_an_updated_domain_is_updating_for_some_seconds_and_takes_nothing_meanwhile(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    answer = ask(
        "UpdateDomain", DomainId=domain_id, TagPropagation="ENABLED", DomainSettingsForUpdate={"DockerSettings": {"EnableDockerAccess": "ENABLED"}}
    )
    assert answer == {"DomainArn": f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:domain/{domain_id}"}
    described = domain(ask, domain_id)
    assert (described["Status"], described["TagPropagation"]) == ("Updating", "ENABLED")
    assert described["DomainSettings"] == {"DockerSettings": {"EnableDockerAccess": "ENABLED"}}
    assert refusal(ask, "UpdateDomain", DomainId=domain_id).code == "ResourceInUse"
    assert refusal(ask, "DeleteDomain", DomainId=domain_id).code == "ResourceInUse"

    cloud.clock.advance(SECONDS["Domain", "update"])
    described = domain(ask, domain_id)
    assert (described["Status"], described["DefaultUserSettings"]) == ("InService", {"ExecutionRole": ROLE})
    assert described["LastModifiedTime"] == START + timedelta(seconds=SECONDS["Domain", "creation"] + SECONDS["Domain", "update"])


def test_a_domain_not_there_yet_or_any_more_takes_no_update(ask: Ask, cloud: Cloud) -> None:
    assert refusal(ask, "UpdateDomain", DomainId="d-000000000000").code == "ResourceNotFound"
    behaviour(cloud).seconds["Domain", "creation"] = 3600
    domain_id = make_domain(ask, cloud)
    assert refusal(ask, "UpdateDomain", DomainId=domain_id).code == "ResourceInUse"
    cloud.clock.advance(3600)
    ask("DeleteDomain", DomainId=domain_id)
    assert refusal(ask, "UpdateDomain", DomainId=domain_id).code == "ResourceInUse"


def test_a_failed_update_leaves_the_domain_as_it_was_and_another_may_follow(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    fail_next(cloud, "Domain", "The security group sg-1 does not exist.", "update")
    ask("UpdateDomain", DomainId=domain_id, TagPropagation="ENABLED", DefaultUserSettings=idle(Idle=60))
    cloud.clock.advance(SECONDS["Domain", "update"])
    described = domain(ask, domain_id)
    assert (described["Status"], described["FailureReason"]) == ("Update_Failed", "The security group sg-1 does not exist.")
    assert (described["TagPropagation"], described["DefaultUserSettings"]) == ("DISABLED", {"ExecutionRole": ROLE})
    assert make_profile(ask, cloud, domain_id, "alice")

    ask("UpdateDomain", DomainId=domain_id, TagPropagation="ENABLED")
    cloud.clock.advance(SECONDS["Domain", "update"])
    described = domain(ask, domain_id)
    assert (described["Status"], described["TagPropagation"], "FailureReason" in described) == ("InService", "ENABLED", False)


def test_a_domain_that_failed_to_come_is_not_updated(ask: Ask, cloud: Cloud) -> None:
    fail_next(cloud, "Domain", "no")
    assert refusal(ask, "UpdateDomain", DomainId=make_domain(ask, cloud)).code == "ValidationException"


@pytest.mark.parametrize("omitted", ["kept", "lost"])
def test_what_an_update_leaves_out_is_kept_or_lost_but_lists_are_replaced_and_roles_stay(
    ask: Ask, cloud: Cloud, omitted: Literal["kept", "lost"]
) -> None:
    behaviour(cloud).omitted_settings = omitted
    lab = {"CustomImages": IMAGES, "DefaultResourceSpec": {"InstanceType": "ml.t3.medium"}}
    before = {"ExecutionRole": ROLE, "JupyterLabAppSettings": lab, "SecurityGroups": ["sg-1"], **idle("CodeEditor", Idle=90)}
    domain_id = make_domain(ask, cloud, DefaultUserSettings=before, DefaultSpaceSettings={"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"]})
    given = {"JupyterLabAppSettings": {"CustomImages": IMAGES[1:], **idle(Idle=120)["JupyterLabAppSettings"]}}
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings=given, DefaultSpaceSettings=idle(Idle=120))

    described = domain(ask, domain_id)
    if omitted == "kept":
        assert described["DefaultUserSettings"] == before | {"JupyterLabAppSettings": lab | given["JupyterLabAppSettings"]}
        assert described["DefaultSpaceSettings"] == {"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"], **idle(Idle=120)}
    else:
        assert described["DefaultUserSettings"] == {"ExecutionRole": ROLE, **given}
        assert described["DefaultSpaceSettings"] == {"ExecutionRole": ROLE, **idle(Idle=120)}
    assert before["JupyterLabAppSettings"] == lab


@pytest.mark.parametrize("omitted", ["kept", "lost"])
def test_settings_sent_back_whole_are_the_same_either_way(ask: Ask, cloud: Cloud, omitted: Literal["kept", "lost"]) -> None:
    behaviour(cloud).omitted_settings = omitted
    domain_id = make_domain(ask, cloud, DefaultUserSettings={"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"], **idle(Idle=90)})
    settings = domain(ask, domain_id)["DefaultUserSettings"]
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings={name: value for name, value in settings.items() if name != "ExecutionRole"})
    assert domain(ask, domain_id)["DefaultUserSettings"] == settings


def test_a_role_changes_at_any_time_but_not_the_network_while_apps_run(ask: Ask, cloud: Cloud) -> None:
    domain_id = furnish(ask, cloud)
    ask("CreateApp", **canvas(domain_id))
    network = (
        {"AppNetworkAccessType": "VpcOnly"},
        {"SubnetIds": ["subnet-2"]},
        {"DomainSettingsForUpdate": {"ExecutionRoleIdentityConfig": "DISABLED"}},
    )
    for change in network:
        error = refusal(ask, "UpdateDomain", DomainId=domain_id, **change)
        assert error.code == "ResourceInUse"
        assert "have not ended" in error.message
    ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings={"ExecutionRole": OTHER_ROLE}, AppNetworkAccessType="PublicInternetOnly")
    assert domain(ask, domain_id)["DefaultUserSettings"] == {"ExecutionRole": OTHER_ROLE}

    cloud.clock.advance(60)
    ask("DeleteApp", **canvas(domain_id))
    cloud.clock.advance(SECONDS["App", "deletion"])
    ask("UpdateDomain", DomainId=domain_id, AppNetworkAccessType="VpcOnly", SubnetIds=["subnet-2"])
    described = domain(ask, domain_id)
    assert (described["AppNetworkAccessType"], described["SubnetIds"]) == ("VpcOnly", ["subnet-2"])


def test_a_home_file_system_comes_and_does_not_go(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud, HomeEfsFileSystemCreation="Disabled")
    assert "HomeEfsFileSystemId" not in domain(ask, domain_id)
    ask("UpdateDomain", DomainId=domain_id, HomeEfsFileSystemCreation="Enabled")
    cloud.clock.advance(SECONDS["Domain", "update"])
    assert domain(ask, domain_id)["HomeEfsFileSystemId"].startswith("fs-")
    assert refusal(ask, "UpdateDomain", DomainId=domain_id, HomeEfsFileSystemCreation="Disabled").code == "ValidationException"


def test_a_network_is_given_once(ask: Ask, cloud: Cloud) -> None:
    assert refusal(ask, "UpdateDomain", DomainId=make_domain(ask, cloud), VpcId="vpc-2").code == "ValidationException"
    settings = {"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001", "ProjectId": "4fraud000001"}}
    created = ask("CreateDomain", DomainName="project", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": ROLE}, DomainSettings=settings)
    cloud.clock.advance(SECONDS["Domain", "creation"])
    ask("UpdateDomain", DomainId=created["DomainId"], VpcId="vpc-2", SubnetIds=["subnet-2"])
    assert domain(ask, created["DomainId"])["VpcId"] == "vpc-2"


def test_rstudio_is_refused_by_name(ask: Ask, cloud: Cloud) -> None:
    update = {"RStudioServerProDomainSettingsForUpdate": {"DomainExecutionRoleArn": ROLE}}
    with pytest.raises(Refused, match="RStudioServerProDomainSettingsForUpdate"):
        ask("UpdateDomain", DomainId=make_domain(ask, cloud), DomainSettingsForUpdate=update)


# -- idle shutdown


@pytest.mark.parametrize(
    ("minutes", "taken"),
    [
        ({"Idle": 60, "Min": 60, "Max": 525600}, True),
        ({"Idle": 120, "Min": 120, "Max": 120, "LifecycleManagement": "ENABLED"}, True),
        ({"LifecycleManagement": "DISABLED"}, True),
        ({"Idle": 59}, False),
        ({"Idle": 525601}, False),
        ({"Min": 59}, False),
        ({"Max": 525601}, False),
        ({"Idle": 60, "Min": 90}, False),
        ({"Idle": 120, "Max": 90}, False),
        ({"Min": 120, "Max": 90}, False),
    ],
)
@pytest.mark.parametrize("app", ["JupyterLab", "CodeEditor"])
def test_idle_settings_have_a_range_and_an_order(ask: Ask, cloud: Cloud, app: str, minutes: dict[str, Any], taken: bool) -> None:
    domain_id = make_domain(ask, cloud)
    update = {"DomainId": domain_id, "DefaultUserSettings": idle(app, **minutes)}
    if taken:
        ask("UpdateDomain", **update)
        assert domain(ask, domain_id)["DefaultUserSettings"] == {"ExecutionRole": ROLE, **idle(app, **minutes)}
    else:
        assert refusal(ask, "UpdateDomain", **update).code == "ValidationException"
        assert domain(ask, domain_id)["DefaultUserSettings"] == {"ExecutionRole": ROLE}


def test_the_order_is_that_of_the_settings_as_they_would_be(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud, DefaultUserSettings={"ExecutionRole": ROLE, **idle(Idle=60, Min=60, Max=90)})
    assert refusal(ask, "UpdateDomain", DomainId=domain_id, DefaultUserSettings=idle(Idle=120)).code == "ValidationException"
    behaviour(cloud).omitted_settings = "lost"
    assert ask("UpdateDomain", DomainId=domain_id, DefaultUserSettings=idle(Idle=120))


def test_settings_are_looked_at_wherever_they_come_from(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    wrong = idle(Idle=60, Min=90)
    named = {"DomainId": domain_id, "UserProfileName": "alice"}
    assert refusal(ask, "CreateUserProfile", **named, UserSettings=wrong).code == "ValidationException"
    make_profile(ask, cloud, domain_id, "alice")
    assert refusal(ask, "UpdateUserProfile", **named, UserSettings=wrong).code == "ValidationException"
    assert "ExecutionRole" in refusal(ask, "UpdateDomain", DomainId=domain_id, DefaultSpaceSettings=idle(Idle=60)).message
    spaces = {"ExecutionRole": ROLE, **wrong}
    assert "IdleTimeoutInMinutes" in refusal(ask, "UpdateDomain", DomainId=domain_id, DefaultSpaceSettings=spaces).message


# -- user profiles and spaces


@pytest.mark.parametrize("omitted", ["kept", "lost"])
def test_a_profile_keeps_or_loses_what_its_update_leaves_out_and_has_its_role(ask: Ask, cloud: Cloud, omitted: Literal["kept", "lost"]) -> None:
    behaviour(cloud).omitted_settings = omitted
    domain_id = make_domain(ask, cloud)
    before = {"ExecutionRole": OTHER_ROLE, "SecurityGroups": ["sg-1"]}
    make_profile(ask, cloud, domain_id, "alice", UserSettings=before)
    ask("UpdateUserProfile", DomainId=domain_id, UserProfileName="alice", UserSettings=idle(Idle=60))
    described = ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")
    assert described["UserSettings"] == idle(Idle=60) | (before if omitted == "kept" else {"ExecutionRole": OTHER_ROLE})


@pytest.mark.parametrize("omitted", ["kept", "lost"])
def test_a_space_is_updated_and_stays_of_its_type(ask: Ask, cloud: Cloud, omitted: Literal["kept", "lost"]) -> None:
    behaviour(cloud).omitted_settings = omitted
    domain_id = furnish(ask, cloud)
    named = {"DomainId": domain_id, "SpaceName": "Forecast"}
    ask("UpdateSpace", **named, SpaceSettings={"RemoteAccess": "ENABLED"}, SpaceDisplayName="Next year")
    assert ask("DescribeSpace", **named)["Status"] == "Updating"
    assert refusal(ask, "UpdateSpace", **named).code == "ResourceInUse"
    cloud.clock.advance(SECONDS["Space", "update"])

    ask("UpdateSpace", **named, SpaceSettings=idle(Idle=60))
    cloud.clock.advance(SECONDS["Space", "update"])
    (listed,) = ask("ListSpaces")["Spaces"]
    remote = {"RemoteAccess": "ENABLED"} if omitted == "kept" else {}
    assert (listed["Status"], listed["SpaceDisplayName"], listed["LastModifiedTime"]) == ("InService", "Next year", cloud.clock.datetime())
    assert listed["SpaceSettingsSummary"] == {"AppType": "JupyterLab", **remote}
    assert ask("DescribeSpace", **named)["SpaceSettings"] == {"AppType": "JupyterLab", **remote, **idle(Idle=60)}


def test_the_type_of_a_space_may_not_even_be_named_and_nothing_is_made_for_it(ask: Ask, cloud: Cloud) -> None:
    named = {"DomainId": furnish(ask, cloud), "SpaceName": "forecast"}
    error = refusal(ask, "UpdateSpace", **named, SpaceSettings={"AppType": "JupyterLab"})
    assert (error.code, error.message) == ("ValidationException", "Updating AppType for Space is not supported.")
    with pytest.raises(Refused, match="SpaceManagedResources"):
        ask("UpdateSpace", **named, SpaceSettings={"SpaceManagedResources": "ENABLED"})


def test_a_space_whose_app_runs_is_updated_or_in_use(ask: Ask, cloud: Cloud) -> None:
    domain_id = furnish(ask, cloud)
    ask("CreateApp", **jupyter_lab(domain_id))
    named = {"DomainId": domain_id, "SpaceName": "forecast"}
    behaviour(cloud).space_update_with_apps = "ResourceInUse"
    assert refusal(ask, "UpdateSpace", **named).code == "ResourceInUse"
    behaviour(cloud).space_update_with_apps = "allowed"
    assert ask("UpdateSpace", **named)["SpaceArn"].endswith("/forecast")


def test_the_timeout_of_a_space_is_bound_by_its_owners_settings_or_the_domains(ask: Ask, cloud: Cloud) -> None:
    bounds: dict[str, Any] = {"LifecycleManagement": "ENABLED", "Idle": 120, "Min": 60, "Max": 180}
    domain_id = make_domain(ask, cloud, DefaultUserSettings={"ExecutionRole": ROLE, **idle(**bounds)})
    make_profile(ask, cloud, domain_id, "alice")
    make_profile(ask, cloud, domain_id, "bob", UserSettings=idle(**bounds | {"Max": 600}))
    make_profile(ask, cloud, domain_id, "carol", UserSettings=idle(LifecycleManagement="DISABLED"))

    def space(owner: str, sharing: str = "Private") -> dict[str, Any]:
        name = f"{owner}-{sharing}"
        owned = {"OwnershipSettings": {"OwnerUserProfileName": owner}, "SpaceSharingSettings": {"SharingType": sharing}}
        ask("CreateSpace", DomainId=domain_id, SpaceName=name, **owned)
        cloud.clock.advance(SECONDS["Space", "creation"])
        return {"DomainId": domain_id, "SpaceName": name, "SpaceSettings": idle(Idle=500)}

    error = refusal(ask, "UpdateSpace", **space("alice"))
    assert (error.code, "60 and 180" in error.message) == ("ValidationException", True)
    for allowed in (space("bob"), space("carol"), space("alice", "Shared")):
        assert ask("UpdateSpace", **allowed)
    owned = {"OwnershipSettings": {"OwnerUserProfileName": "alice"}, "SpaceSharingSettings": {"SharingType": "Private"}}
    assert refusal(ask, "CreateSpace", DomainId=domain_id, SpaceName="new", **owned, SpaceSettings=idle(Idle=500)).code == "ValidationException"
    assert ask("UpdateSpace", DomainId=domain_id, SpaceName="alice-Private", SpaceSettings=idle("CodeEditor", Idle=500))
