"""Studio in localaws: what the local SageMaker answers, and when, judged by botocore's model."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import localaws.studio
from localaws.clock import Clock
from localaws.cloud import OPERATIONS, AwsError, Call, Cloud, Principal, Refused
from localaws.organization import Organization
from localaws.organization_file import Account
from localaws.studio import behaviour, fail_next
from localaws.studio.core import SECONDS
from localaws.validation import check_answer, check_input

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
FRAUD_DEV, CHURN_DEV = "444444444444", "555555555555"
ROLE = f"arn:aws:iam::{FRAUD_DEV}:role/service-role/studio"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    assert localaws.studio.apps  # importing the package is what registers its operations
    organization = Organization("eu-west-1", ("eu-west-1",), (), (Account("management", "111111111111", management=True),))
    clock = Clock(START, seed=0)
    yield Cloud(clock, organization, seed=0)
    clock.stop()


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    """One call of SageMaker, its input and its answer checked as the gateway does."""

    def ask(operation: str, account: str = FRAUD_DEV, region: str = "eu-west-1", **params: Any) -> dict[str, Any]:
        call = Call("sagemaker", operation, account, region, Principal(account, f"arn:aws:iam::{account}:root"), params)
        check_input(call)
        output = OPERATIONS["sagemaker", operation](cloud, call) or {}
        check_answer(call, output)
        return output

    return ask


def make_domain(ask: Ask, cloud: Cloud, name: str = "fraud", auth_mode: str = "IAM", **more: Any) -> str:
    settings = {"ExecutionRole": ROLE}
    given: dict[str, Any] = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "DefaultUserSettings": settings} | more
    created = ask("CreateDomain", DomainName=name, AuthMode=auth_mode, **given)
    cloud.clock.advance(SECONDS["Domain", "creation"])
    return str(created["DomainId"])


def make_profile(ask: Ask, cloud: Cloud, domain_id: str, name: str, **more: Any) -> str:
    created = ask("CreateUserProfile", DomainId=domain_id, UserProfileName=name, **more)
    cloud.clock.advance(SECONDS["UserProfile", "creation"])
    return str(created["UserProfileArn"])


def make_space(ask: Ask, cloud: Cloud, domain_id: str, name: str, owner: str, **more: Any) -> str:
    owned = {"OwnershipSettings": {"OwnerUserProfileName": owner}, "SpaceSharingSettings": {"SharingType": "Private"}}
    created = ask("CreateSpace", DomainId=domain_id, SpaceName=name, **owned, **more)
    cloud.clock.advance(SECONDS["Space", "creation"])
    return str(created["SpaceArn"])


def tags(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def tags_of(ask: Ask, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in ask("ListTags", ResourceArn=arn)["Tags"]}


def refusal(ask: Ask, operation: str, **params: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        ask(operation, **params)
    return caught.value


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


# -- apps


@pytest.fixture
def domain_id(ask: Ask, cloud: Cloud) -> str:
    """A domain with a profile ``alice`` and her space ``forecast``."""
    domain_id = make_domain(ask, cloud, Tags=tags(domain="d", both="of the domain"))
    make_profile(ask, cloud, domain_id, "alice", Tags=tags(profile="p", both="of the profile"))
    make_space(ask, cloud, domain_id, "forecast", "alice", SpaceSettings={"AppType": "JupyterLab"}, Tags=tags(space="s"))
    return domain_id


def canvas(domain_id: str) -> dict[str, str]:
    return {"DomainId": domain_id, "UserProfileName": "alice", "AppType": "Canvas", "AppName": "default"}


def jupyter_lab(domain_id: str) -> dict[str, str]:
    return {"DomainId": domain_id, "SpaceName": "forecast", "AppType": "JupyterLab", "AppName": "default"}


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


# -- lists


def test_lists_answer_ten_and_a_token_for_the_rest(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    names = [f"user-{number:02}" for number in range(23)]
    for name in names:
        ask("CreateUserProfile", DomainId=domain_id, UserProfileName=name)
    sizes, found, token = [], [], dict[str, Any]()
    while True:
        answer = ask("ListUserProfiles", DomainIdEquals=domain_id, **token)
        sizes.append(len(answer["UserProfiles"]))
        found += [profile["UserProfileName"] for profile in answer["UserProfiles"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert (sizes, found) == ([10, 10, 3], names)
    assert len(ask("ListUserProfiles", MaxResults=100)["UserProfiles"]) == 23
    assert "NextToken" not in ask("ListUserProfiles", MaxResults=23)


def test_a_page_goes_on_where_it_was_though_profiles_went_meanwhile(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    for name in ("a", "b", "c", "d"):
        make_profile(ask, cloud, domain_id, name)
    first = ask("ListUserProfiles", MaxResults=2)
    for name in ("a", "b"):
        ask("DeleteUserProfile", DomainId=domain_id, UserProfileName=name)
    cloud.clock.advance(SECONDS["UserProfile", "deletion"])
    second = ask("ListUserProfiles", MaxResults=2, NextToken=first["NextToken"])
    assert [profile["UserProfileName"] for profile in second["UserProfiles"]] == ["c", "d"]


def test_a_token_of_another_request_or_of_nobody_is_refused(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    for name in ("alice", "bob"):
        make_profile(ask, cloud, domain_id, name)
    token = ask("ListUserProfiles", MaxResults=1)["NextToken"]
    for wrong in ({"NextToken": "nobody"}, {"NextToken": "bm9ib2R5"}, {"NextToken": token, "DomainIdEquals": domain_id}):
        assert refusal(ask, "ListUserProfiles", **wrong).code == "ValidationException"
    assert refusal(ask, "ListSpaces", NextToken=token).code == "ValidationException"


def test_lists_sort_and_filter(ask: Ask, cloud: Cloud) -> None:
    one, two = make_domain(ask, cloud), make_domain(ask, cloud, "churn")
    for domain_id, name in ((one, "alice"), (two, "Malik"), (one, "bob")):
        make_profile(ask, cloud, domain_id, name)
    ask("UpdateUserProfile", DomainId=one, UserProfileName="alice")
    cloud.clock.advance(60)

    def names(**params: Any) -> list[str]:
        return [profile["UserProfileName"] for profile in ask("ListUserProfiles", **params)["UserProfiles"]]

    assert names() == ["alice", "Malik", "bob"]
    assert names(SortOrder="Descending") == ["bob", "Malik", "alice"]
    assert names(SortBy="LastModifiedTime") == ["Malik", "bob", "alice"]
    assert names(DomainIdEquals=one) == ["alice", "bob"]
    assert names(UserProfileNameContains="ALI") == ["alice", "Malik"]
    first = ask("ListUserProfiles", SortOrder="Descending", MaxResults=1)
    assert names(SortOrder="Descending", MaxResults=1, NextToken=first["NextToken"]) == ["Malik"]

    listed = ask("ListUserProfiles")["UserProfiles"][0]
    assert set(listed) == {"DomainId", "UserProfileName", "Status", "CreationTime", "LastModifiedTime"}


def test_spaces_and_apps_are_found_by_name(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    make_space(ask, cloud, domain_id, "features", "alice")
    ask("CreateApp", **canvas(domain_id))
    ask("CreateApp", **jupyter_lab(domain_id))
    assert [space["SpaceName"] for space in ask("ListSpaces", SpaceNameContains="FEA")["Spaces"]] == ["features"]
    assert ask("ListSpaces", DomainIdEquals="d-other")["Spaces"] == []
    assert [app["AppType"] for app in ask("ListApps", UserProfileNameEquals="Alice")["Apps"]] == ["Canvas"]
    assert [app["AppType"] for app in ask("ListApps", SpaceNameEquals="forecast")["Apps"]] == ["JupyterLab"]
    assert ask("ListApps", DomainIdEquals="d-other")["Apps"] == []
    assert refusal(ask, "ListApps", UserProfileNameEquals="alice", SpaceNameEquals="forecast").code == "ValidationException"


# -- tags


def test_tags_are_added_overwritten_and_deleted(ask: Ask, cloud: Cloud) -> None:
    arn = make_profile(ask, cloud, make_domain(ask, cloud), "alice", Tags=tags(team="fraud", stage="dev"))
    assert ask("AddTags", ResourceArn=arn, Tags=tags(team="churn", owner="alice"))["Tags"] == tags(team="churn", stage="dev", owner="alice")
    assert ask("DeleteTags", ResourceArn=arn, TagKeys=["stage", "never-there"]) == {}
    assert tags_of(ask, arn) == {"team": "churn", "owner": "alice"}


@pytest.mark.parametrize("pairs", [[("aws:team", "fraud")], [("AWS:team", "fraud")], [("team", "fraud"), ("team", "churn")]])
def test_reserved_and_repeated_keys_are_refused_and_nothing_is_tagged(ask: Ask, cloud: Cloud, pairs: list[tuple[str, str]]) -> None:
    domain_id = make_domain(ask, cloud)
    arn = make_profile(ask, cloud, domain_id, "alice")
    wrong = [{"Key": key, "Value": value} for key, value in pairs]
    assert refusal(ask, "AddTags", ResourceArn=arn, Tags=wrong).code == "ValidationException"
    assert tags_of(ask, arn) == {}
    assert refusal(ask, "CreateUserProfile", DomainId=domain_id, UserProfileName="bob", Tags=wrong).code == "ValidationException"
    assert refusal(ask, "DescribeUserProfile", DomainId=domain_id, UserProfileName="bob").code == "ResourceNotFound"


@pytest.mark.parametrize("code", ["ResourceLimitExceeded", "ValidationException"])
def test_fifty_tags_are_enough(ask: Ask, cloud: Cloud, code: Any) -> None:
    behaviour(cloud).too_many_tags = code
    domain_id = make_domain(ask, cloud, Tags=tags(more="1"))
    arn = make_profile(ask, cloud, domain_id, "alice", Tags=tags(**{f"key-{number}": "x" for number in range(49)}))
    ask("AddTags", ResourceArn=arn, Tags=tags(last="1"))
    ask("AddTags", ResourceArn=arn, Tags=tags(last="2"))
    assert refusal(ask, "AddTags", ResourceArn=arn, Tags=tags(over="1")).code == code
    assert len(tags_of(ask, arn)) == 50
    assert refusal(ask, "CreateApp", **canvas(domain_id)).code == code


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFound"])
@pytest.mark.parametrize(
    ("operation", "more"), [("AddTags", {"Tags": [{"Key": "team", "Value": "fraud"}]}), ("DeleteTags", {"TagKeys": ["team"]}), ("ListTags", {})]
)
def test_tags_of_what_is_not_there(ask: Ask, cloud: Cloud, operation: str, more: dict[str, Any], code: Any) -> None:
    behaviour(cloud).tagging_missing = code
    domain_id = make_domain(ask, cloud)
    arn = make_profile(ask, cloud, domain_id, "alice")
    missing = arn.replace("alice", "bob")
    assert refusal(ask, operation, ResourceArn=missing, **more).code == code
    ask("DeleteUserProfile", DomainId=domain_id, UserProfileName="alice")
    cloud.clock.advance(SECONDS["UserProfile", "deletion"])
    assert refusal(ask, operation, ResourceArn=arn, **more).code == code


def test_tagging_a_pending_profile_goes_either_way(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    arn = ask("CreateUserProfile", DomainId=domain_id, UserProfileName="alice")["UserProfileArn"]
    ask("AddTags", ResourceArn=arn, Tags=tags(team="fraud"))
    behaviour(cloud).tagging_pending = "ValidationException"
    error = refusal(ask, "AddTags", ResourceArn=arn, Tags=tags(team="churn"))
    assert error.code == "ValidationException"
    assert "Pending" in error.message
    assert refusal(ask, "DeleteTags", ResourceArn=arn, TagKeys=["team"]).code == "ValidationException"
    assert tags_of(ask, arn) == {"team": "fraud"}
    cloud.clock.advance(SECONDS["UserProfile", "creation"])
    assert ask("AddTags", ResourceArn=arn, Tags=tags(team="churn"))["Tags"] == tags(team="churn")


@pytest.mark.parametrize("operation", ["AddTags", "ListTags"])
def test_tags_of_other_kinds_are_refused_by_name(ask: Ask, operation: str) -> None:
    more = {"Tags": tags(team="fraud")} if operation == "AddTags" else {}
    with pytest.raises(Refused, match="model-package-group"):
        ask(operation, ResourceArn=f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:model-package-group/fraud", **more)


def test_a_wrong_token_of_list_tags_is_refused(ask: Ask, cloud: Cloud) -> None:
    arn = make_profile(ask, cloud, make_domain(ask, cloud), "alice")
    assert refusal(ask, "ListTags", ResourceArn=arn, NextToken="bm9ib2R5").code == "ValidationException"


def test_names_and_ids_are_the_same_in_each_run(ask: Ask, cloud: Cloud) -> None:
    again = Cloud(cloud.clock, cloud.organization, seed=0)
    assert make_domain(ask, cloud) == f"d-{again.identifier(12)}"
