"""Studio in localaws: domains, user profiles and spaces, what the local SageMaker answers, and when."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localaws.cloud import Cloud, Refused
from localaws.studio import behaviour, fail_next
from localaws.studio.core import SECONDS
from tests.localaws.studio_machinery import (
    CHURN_DEV,
    FRAUD_DEV,
    ROLE,
    START,
    Ask,
    asking,
    make_domain,
    make_profile,
    make_space,
    refusal,
    studio,
    tags,
    tags_of,
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with studio() as cloud:
        yield cloud


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    return asking(cloud)


# -- domains


def test_a_domain_is_pending_at_once_and_in_service_after_its_time(ask: Ask, cloud: Cloud) -> None:
    settings = {"ExecutionRole": ROLE}
    created = ask("CreateDomain", DomainName="fraud", AuthMode="IAM", DefaultUserSettings=settings, VpcId="vpc-1", SubnetIds=["subnet-1"])
    domain_id = created["DomainId"]
    assert created["DomainArn"] == f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:domain/{domain_id}"
    assert domain_id.startswith("d-")
    assert len(domain_id) == 14

    cloud.clock.advance(119)
    assert ask("DescribeDomain", DomainId=domain_id)["Status"] == "Pending"

    cloud.clock.advance(1)
    described = ask("DescribeDomain", DomainId=domain_id)
    assert described["Status"] == "InService"
    assert (described["CreationTime"], described["LastModifiedTime"]) == (START, START + timedelta(seconds=120))
    assert (described["TagPropagation"], described["AppNetworkAccessType"]) == ("DISABLED", "PublicInternetOnly")
    assert described["DefaultUserSettings"] == settings


def test_a_domain_of_unified_studio_needs_no_network_and_names_its_domain_there(ask: Ask) -> None:
    settings = {"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001", "ProjectId": "4fraud000001", "StudioWebPortalAccess": "DISABLED"}}
    created = ask("CreateDomain", DomainName="project", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": ROLE}, DomainSettings=settings)
    assert ask("DescribeDomain", DomainId=created["DomainId"])["DomainSettings"] == settings


def test_a_domain_of_identity_center_names_its_application(ask: Ask, cloud: Cloud) -> None:
    described = ask("DescribeDomain", DomainId=make_domain(ask, cloud, auth_mode="SSO"))
    assert described["SingleSignOnApplicationArn"].startswith(f"arn:aws:sso::{FRAUD_DEV}:application/")


@pytest.mark.parametrize(
    ("left_out", "says"), [({"DefaultUserSettings": {}}, "ExecutionRole"), ({"SubnetIds": None}, "SubnetIds"), ({"VpcId": None}, "VpcId")]
)
def test_a_domain_needs_a_role_and_a_network(ask: Ask, left_out: dict[str, Any], says: str) -> None:
    params = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "DefaultUserSettings": {"ExecutionRole": ROLE}} | left_out
    given = {name: value for name, value in params.items() if value is not None}
    error = refusal(ask, "CreateDomain", DomainName="fraud", AuthMode="IAM", **given)
    assert error.code == "ValidationException"
    assert says in error.message


def test_a_second_domain_of_that_name_is_in_use_but_not_elsewhere(ask: Ask, cloud: Cloud) -> None:
    make_domain(ask, cloud)
    again = {"DomainName": "fraud", "AuthMode": "IAM", "DefaultUserSettings": {"ExecutionRole": ROLE}, "VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}
    assert refusal(ask, "CreateDomain", **again).code == "ResourceInUse"
    assert ask("CreateDomain", account=CHURN_DEV, **again)["DomainId"]
    assert ask("CreateDomain", region="us-east-1", **again)["DomainId"]


def test_rstudio_is_refused_by_name(ask: Ask, cloud: Cloud) -> None:
    with pytest.raises(Refused, match="RStudioServerProDomainSettings"):
        make_domain(ask, cloud, DomainSettings={"RStudioServerProDomainSettings": {"DomainExecutionRoleArn": ROLE}})


def test_domains_of_other_accounts_and_regions_are_not_there(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    assert [domain["DomainId"] for domain in ask("ListDomains")["Domains"]] == [domain_id]
    assert ask("ListDomains", account=CHURN_DEV)["Domains"] == []
    error = refusal(ask, "DescribeDomain", region="us-east-1", DomainId=domain_id)
    assert (error.code, error.message) == ("ResourceNotFound", f"Domain [arn:aws:sagemaker:us-east-1:{FRAUD_DEV}:domain/{domain_id}] does not exist.")


def test_a_domain_with_a_space_of_nobody_stays_too(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    ask("CreateSpace", DomainId=domain_id, SpaceName="classic")
    assert "because Space(s) are associated with it" in refusal(ask, "DeleteDomain", DomainId=domain_id).message


def test_a_domain_goes_only_when_nobody_is_in_it(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    make_profile(ask, cloud, domain_id, "alice")
    error = refusal(ask, "DeleteDomain", DomainId=domain_id)
    assert error.code == "ResourceInUse"
    assert "because UserProfile(s) are associated with it" in error.message

    ask("DeleteUserProfile", DomainId=domain_id, UserProfileName="alice")
    assert refusal(ask, "DeleteDomain", DomainId=domain_id).code == "ResourceInUse"
    cloud.clock.advance(SECONDS["UserProfile", "deletion"])

    assert ask("DeleteDomain", DomainId=domain_id) == {}
    assert ask("DescribeDomain", DomainId=domain_id)["Status"] == "Deleting"
    cloud.clock.advance(SECONDS["Domain", "deletion"])
    assert refusal(ask, "DescribeDomain", DomainId=domain_id).code == "ResourceNotFound"
    assert ask("ListDomains")["Domains"] == []


# -- user profiles


def test_a_profile_appears_pending_with_its_tags_and_becomes_in_service(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    arn = ask("CreateUserProfile", DomainId=domain_id, UserProfileName="Alice", Tags=tags(team="fraud"))["UserProfileArn"]
    assert arn == f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:user-profile/{domain_id}/alice"
    assert ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="ALICE")["Status"] == "Pending"

    cloud.clock.advance(SECONDS["UserProfile", "creation"])
    described = ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")
    assert (described["Status"], described["UserProfileName"]) == ("InService", "Alice")
    assert tags_of(ask, arn) == {"team": "fraud"}


def test_a_profile_needs_a_domain_in_service(ask: Ask, cloud: Cloud) -> None:
    assert refusal(ask, "CreateUserProfile", DomainId="d-000000000000", UserProfileName="alice").code == "ResourceNotFound"
    behaviour(cloud).seconds["Domain", "creation"] = 3600
    domain_id = make_domain(ask, cloud)
    error = refusal(ask, "CreateUserProfile", DomainId=domain_id, UserProfileName="alice")
    assert error.code == "ValidationException"
    assert "Pending" in error.message


def test_a_name_is_taken_in_any_case_but_free_in_another_domain(ask: Ask, cloud: Cloud) -> None:
    domain_id, other_id = make_domain(ask, cloud), make_domain(ask, cloud, "churn")
    make_profile(ask, cloud, domain_id, "alice")
    assert refusal(ask, "CreateUserProfile", DomainId=domain_id, UserProfileName="Alice").code == "ResourceInUse"
    assert make_profile(ask, cloud, other_id, "alice")


@pytest.mark.parametrize(
    ("auth_mode", "fields", "taken"),
    [
        ("SSO", {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": "alice@example.com"}, True),
        ("SSO", {"SingleSignOnUserIdentifier": "UserName"}, False),
        ("SSO", {}, False),
        ("IAM", {}, True),
        ("IAM", {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": "alice@example.com"}, False),
    ],
)
def test_identity_center_fields_belong_to_sso_domains(ask: Ask, cloud: Cloud, auth_mode: str, fields: dict[str, str], taken: bool) -> None:
    domain_id = make_domain(ask, cloud, auth_mode=auth_mode)
    if taken:
        make_profile(ask, cloud, domain_id, "alice", **fields)
        described = ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")
        assert {name: described[name] for name in fields} == fields
    else:
        assert refusal(ask, "CreateUserProfile", DomainId=domain_id, UserProfileName="alice", **fields).code == "ValidationException"


def test_the_next_profile_fails_with_its_reason_and_only_that_one(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    fail_next(cloud, "UserProfile", "The security group sg-1 does not exist.")
    make_profile(ask, cloud, domain_id, "alice")
    make_profile(ask, cloud, domain_id, "bob")
    alice = ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")
    assert (alice["Status"], alice["FailureReason"]) == ("Failed", "The security group sg-1 does not exist.")
    assert ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="bob")["Status"] == "InService"

    assert refusal(ask, "UpdateUserProfile", DomainId=domain_id, UserProfileName="alice").code == "ValidationException"
    ask("DeleteUserProfile", DomainId=domain_id, UserProfileName="alice")
    cloud.clock.advance(SECONDS["UserProfile", "deletion"])
    assert [profile["UserProfileName"] for profile in ask("ListUserProfiles")["UserProfiles"]] == ["bob"]


def test_a_failure_that_aws_has_no_status_for_cannot_be_asked_for(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="deletion of a App"):
        fail_next(cloud, "App", "no", "deletion")


def test_an_update_replaces_what_it_names_and_takes_its_time(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    make_profile(ask, cloud, domain_id, "alice", UserSettings={"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"]})
    ask("UpdateUserProfile", DomainId=domain_id, UserProfileName="alice", UserSettings={"SecurityGroups": ["sg-2"]})
    described = ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")
    assert (described["Status"], described["UserSettings"]) == ("Updating", {"ExecutionRole": ROLE, "SecurityGroups": ["sg-2"]})
    assert refusal(ask, "UpdateUserProfile", DomainId=domain_id, UserProfileName="alice").code == "ResourceInUse"
    assert refusal(ask, "DeleteUserProfile", DomainId=domain_id, UserProfileName="alice").code == "ResourceInUse"

    cloud.clock.advance(SECONDS["UserProfile", "update"])
    assert ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")["Status"] == "InService"

    fail_next(cloud, "UserProfile", "no", "update")
    ask("UpdateUserProfile", DomainId=domain_id, UserProfileName="alice")
    cloud.clock.advance(SECONDS["UserProfile", "update"])
    assert ask("DescribeUserProfile", DomainId=domain_id, UserProfileName="alice")["Status"] == "Update_Failed"


def test_a_profile_with_a_space_or_a_running_app_stays(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    for name in ("alice", "bob", "carol"):
        make_profile(ask, cloud, domain_id, name)
    make_space(ask, cloud, domain_id, "alices", "Alice")
    app = {"DomainId": domain_id, "UserProfileName": "bob", "AppType": "Canvas", "AppName": "default"}
    ask("CreateApp", **app)
    cloud.clock.advance(60)

    assert "Space(s)" in refusal(ask, "DeleteUserProfile", DomainId=domain_id, UserProfileName="alice").message
    error = refusal(ask, "DeleteUserProfile", DomainId=domain_id, UserProfileName="bob")
    arn = f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:user-profile/{domain_id}/bob"
    assert (error.code, error.message) == ("ResourceInUse", f"Unable to delete UserProfile [{arn}] because App(s) are associated with it.")
    assert ask("DeleteUserProfile", DomainId=domain_id, UserProfileName="carol") == {}

    ask("DeleteApp", **app)
    cloud.clock.advance(SECONDS["App", "deletion"])
    assert ask("DeleteUserProfile", DomainId=domain_id, UserProfileName="bob") == {}


# -- spaces


def test_a_private_space_is_listed_with_owner_and_type_but_without_arn(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    make_profile(ask, cloud, domain_id, "alice")
    arn = make_space(ask, cloud, domain_id, "Forecast", "alice", SpaceSettings={"AppType": "JupyterLab"}, SpaceDisplayName="Forecast of the year")
    assert arn == f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:space/{domain_id}/forecast"

    described = ask("DescribeSpace", DomainId=domain_id, SpaceName="Forecast")
    assert described["Status"] == "InService"
    assert described["OwnershipSettings"] == {"OwnerUserProfileName": "alice"}
    assert "OwnershipSettingsSummary" not in described

    (listed,) = ask("ListSpaces")["Spaces"]
    assert listed["OwnershipSettingsSummary"] == {"OwnerUserProfileName": "alice"}
    assert listed["SpaceSharingSettingsSummary"] == {"SharingType": "Private"}
    assert listed["SpaceSettingsSummary"] == {"AppType": "JupyterLab"}
    assert "SpaceArn" not in listed


def test_a_space_needs_an_owner_that_is_there(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    named = {"DomainId": domain_id, "SpaceName": "forecast"}
    sharing = {"SpaceSharingSettings": {"SharingType": "Private"}}
    assert refusal(ask, "CreateSpace", **named, **sharing).code == "ValidationException"
    owner = {"OwnershipSettings": {"OwnerUserProfileName": "alice"}}
    assert refusal(ask, "CreateSpace", **named, **sharing, **owner).code == "ResourceNotFound"
    assert ask("CreateSpace", **named)["SpaceArn"]


def test_what_aws_would_make_for_a_space_by_itself_is_refused_by_name(ask: Ask, cloud: Cloud) -> None:
    with pytest.raises(Refused, match="SpaceManagedResources"):
        ask("CreateSpace", DomainId=make_domain(ask, cloud), SpaceName="forecast", SpaceSettings={"SpaceManagedResources": "ENABLED"})


def test_a_space_goes_after_its_apps(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    make_profile(ask, cloud, domain_id, "alice")
    make_space(ask, cloud, domain_id, "forecast", "alice")
    app = {"DomainId": domain_id, "SpaceName": "forecast", "AppType": "JupyterLab", "AppName": "default"}
    ask("CreateApp", **app)
    cloud.clock.advance(60)
    assert "App(s)" in refusal(ask, "DeleteSpace", DomainId=domain_id, SpaceName="forecast").message
    ask("DeleteApp", **app)
    cloud.clock.advance(SECONDS["App", "deletion"])
    ask("DeleteSpace", DomainId=domain_id, SpaceName="forecast")
    cloud.clock.advance(SECONDS["Space", "deletion"])
    assert refusal(ask, "DescribeSpace", DomainId=domain_id, SpaceName="forecast").code == "ResourceNotFound"
