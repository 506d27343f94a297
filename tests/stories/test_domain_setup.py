"""Stories of domain_setup: a domain is made or changed, and it is as the platform needs it, or somebody is told why it is not."""

from typing import Any

import pytest

from localaws.studio.core import behaviour
from tests.schemas import validate
from tests.stories.domains_of_ours import PRODUCT, described, idle_of, kinds, made, report, updates
from tests.stories.people import Platform

pytestmark = pytest.mark.workflow("domain_setup")

IDLE = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MinIdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 480}
ACCOUNT_TAGS = {"ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}
OWN = {
    "SecurityGroups": ["sg-0a1b2c3d"],
    "JupyterLabAppSettings": {
        "LifecycleConfigArns": ["arn:aws:sagemaker:eu-west-1:444444444444:studio-lifecycle-config/git"],
        "CustomImages": [{"ImageName": "own", "AppImageConfigName": "own"}],
    },
    "CanvasAppSettings": {"TimeSeriesForecastingSettings": {"Status": "ENABLED"}},
}


@pytest.fixture(params=["kept", "lost"])
def omitted(request: pytest.FixtureRequest, platform: Platform) -> str:
    """Whether AWS keeps what an update leaves out is not documented: both ways."""
    behaviour(platform.local.cloud).omitted_settings = request.param
    return str(request.param)


def test_a_new_domain_of_ours_is_set_up_with_one_update(platform: Platform, omitted: str) -> None:
    queue = platform.watch_hub_bus()
    domain = made(platform, DefaultSpaceSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/StudioExecution"})
    now = described(platform, domain)
    assert (now["Status"], now["TagPropagation"]) == ("InService", "ENABLED")
    assert [idle_of(now["DefaultUserSettings"], app) for app in ("JupyterLab", "CodeEditor")] == [IDLE, IDLE]
    assert idle_of(now["DefaultSpaceSettings"], "JupyterLab") == IDLE
    assert platform.tags("fraud-dev", now["DomainArn"]) == ACCOUNT_TAGS | {"steward:product": "studio"}
    assert len(updates(platform)) == 1
    execution = platform.the_execution("domain_setup")
    assert execution["name"].startswith(f"444444444444-{domain}-domain-created-")
    output = execution["output"]
    assert (output["outcome"], len(output["changes"]), output["findings"]) == ("DomainSetUp", 1 + 12 + 5 + 3, [])
    events = [event for event in platform.messages(queue) if event["detail-type"] == "Domain Set Up"]
    assert len(events) == 2
    (templates,) = platform.executions("template_enablement")
    assert templates["status"] == "SUCCEEDED"
    assert f"-{domain}-domain-set-up-" in templates["name"]
    assert [change for event in events for change in event["detail"]["changes"]] == output["changes"]
    for event in events:
        validate("domain_set_up", event["detail"])


def test_nothing_that_was_in_the_settings_is_lost_and_no_role_is_sent(platform: Platform, omitted: str) -> None:
    role = "arn:aws:iam::444444444444:role/StudioExecution"
    spaces = {"ExecutionRole": role, "SecurityGroups": ["sg-0a1b2c3d"]}
    domain = made(platform, DefaultUserSettings={"ExecutionRole": role, **OWN}, DefaultSpaceSettings=spaces)
    now = described(platform, domain)
    users = now["DefaultUserSettings"]
    assert users["ExecutionRole"] == now["DefaultSpaceSettings"]["ExecutionRole"] == role
    assert {name: users[name] for name in ("SecurityGroups", "CanvasAppSettings")} == {
        name: OWN[name] for name in ("SecurityGroups", "CanvasAppSettings")
    }
    lab = users["JupyterLabAppSettings"]
    assert {name: lab[name] for name in OWN["JupyterLabAppSettings"]} == OWN["JupyterLabAppSettings"]
    assert now["DefaultSpaceSettings"]["SecurityGroups"] == ["sg-0a1b2c3d"]
    assert idle_of(users, "JupyterLab") == idle_of(now["DefaultSpaceSettings"], "JupyterLab") == IDLE
    assert platform.calls("iam:PassRole") == []


def test_a_domain_without_default_space_settings_gets_none(platform: Platform) -> None:
    domain = made(platform)
    assert "DefaultSpaceSettings" not in described(platform, domain)
    assert report(platform)["outcome"] == "DomainSetUp"


def test_a_domain_that_is_as_it_should_be_is_not_written_to(platform: Platform) -> None:
    domain = made(platform)
    before = len(platform.local.cloud.log.calls)
    platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings={"SecurityGroups": ["sg-1"]})
    platform.local.settle()
    behaviours = {call["action"] for call in platform.local.cloud.log.calls[before:] if "/domain_setup/" in call["principal"]}
    assert report(platform)["outcome"] == "NothingToDo"
    assert behaviours & {"sagemaker:UpdateDomain", "sagemaker:AddTags", "dynamodb:PutItem", "dynamodb:UpdateItem"} == set()


def test_a_foreign_domain_is_reported_and_not_touched(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED")
    assert (report(platform)["outcome"], report(platform)["changes"], kinds(platform)) == ("ForeignDomain", [], ["ForeignDomainDiffers"])
    assert "TagPropagation is DISABLED, not ENABLED" in report(platform)["findings"][0]["message"]
    assert updates(platform) == platform.calls("sagemaker:AddTags") == []
    assert idle_of(described(platform, domain)["DefaultUserSettings"], "JupyterLab") is None


def test_a_foreign_domain_is_corrected_where_that_is_wanted(platform: Platform) -> None:
    platform.deploy(ForeignDomains="correct")
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED")
    assert report(platform)["outcome"] == "DomainSetUp"
    assert described(platform, domain)["TagPropagation"] == "ENABLED"


def test_limits_are_parameters_and_the_domains_tag_chooses_within_them(platform: Platform) -> None:
    platform.deploy(IdleTimeoutMinutes="90", IdleTimeoutMaximumMinutes="600")
    idle = IDLE | {"IdleTimeoutInMinutes": 90, "MaxIdleTimeoutInMinutes": 600}
    assert idle_of(described(platform, made(platform))["DefaultUserSettings"], "JupyterLab") == idle
    chosen = made(platform, {"Key": "steward:idle-minutes", "Value": "600"})
    assert idle_of(described(platform, chosen)["DefaultUserSettings"], "CodeEditor") == idle | {"IdleTimeoutInMinutes": 600}
    other = made(platform, {"Key": "steward:idle-minutes", "Value": "601"})
    assert idle_of(described(platform, other)["DefaultUserSettings"], "CodeEditor") == idle
    assert kinds(platform) == ["IdleTagOutOfBounds"]


def test_limits_that_do_not_go_together_are_refused_and_set_right_by_a_deployment(platform: Platform) -> None:
    platform.deploy(IdleTimeoutMinutes="60", IdleTimeoutMinimumMinutes="120")
    domain = made(platform)
    execution = platform.executions("domain_setup")[-1]
    assert (execution["status"], execution["error"]) == ("FAILED", "SetupFailed")
    assert "SettingMissing: IdleTimeoutMinutes is 60, and has to lie between IdleTimeoutMinimumMinutes, 120" in execution["cause"]
    assert updates(platform) == []
    platform.deploy(IdleTimeoutMinutes="120", IdleTimeoutMinimumMinutes="60")
    platform.client("stepfunctions", "hub").start_execution(
        stateMachineArn=platform.output("DomainSetupStateMachineArn"), name="again", input=execution["input"]
    )
    platform.local.settle()
    assert described(platform, domain)["TagPropagation"] == "ENABLED"


# -- tag propagation is asked about before


def kinds_but_of_the_reporter(platform: Platform) -> list[str]:
    """Of roles that may not tag what they make some may still say that an app is in use, see test_activity_reporter.py."""
    return [kind for kind in kinds(platform) if kind != "RolesMayNotReport"]


ADD_TAGS = {"Effect": "Allow", "Action": "sagemaker:AddTags", "Resource": "*"}
FULL_ACCESS = [
    {
        "Effect": "Allow",
        "Action": "sagemaker:*",
        "NotResource": [f"arn:aws:sagemaker:*:*:{kind}/*" for kind in ("domain", "user-profile", "app", "space", "flow-definition")],
    },
    {**ADD_TAGS, "Resource": "arn:aws:sagemaker:*:*:space/*", "Condition": {"StringEquals": {"sagemaker:TaggingAction": "CreateSpace"}}},
    {**ADD_TAGS, "Resource": "arn:aws:sagemaker:*:*:app/*"},
]
ON_CREATION = [{**ADD_TAGS, "Resource": "arn:aws:sagemaker:*:*:*/*", "Condition": {"Null": {"sagemaker:TaggingAction": "false"}}}]
ONLY_SPACES = [{**ADD_TAGS, "Condition": {"StringEquals": {"sagemaker:TaggingAction": "CreateSpace"}}}]
ONLY_A_TEAM = [{**ADD_TAGS, "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}}}]
DENIED = [ADD_TAGS, {**ADD_TAGS, "Effect": "Deny", "Resource": "arn:aws:sagemaker:*:*:training-job/*"}]


@pytest.mark.parametrize("statements", [[ADD_TAGS], FULL_ACCESS, ON_CREATION], ids=["plain", "AmazonSageMakerFullAccess", "tag on creation"])
def test_tags_are_propagated_where_the_role_may_tag_what_it_makes(platform: Platform, statements: list[dict[str, Any]]) -> None:
    role = platform.role("fraud-dev", "studio/DataScience", *statements)
    domain = made(platform, DefaultUserSettings={"ExecutionRole": role})
    assert described(platform, domain)["TagPropagation"] == "ENABLED"
    assert kinds_but_of_the_reporter(platform) == []


@pytest.mark.parametrize("statements", [[], ONLY_SPACES, ONLY_A_TEAM, DENIED], ids=["nothing", "only spaces", "only other keys", "denied on jobs"])
def test_they_are_not_where_it_may_not_and_the_rest_is_done(platform: Platform, statements: list[dict[str, Any]]) -> None:
    """Trap 33: switched on blindly, nobody could create anything any more."""
    role = platform.role("fraud-dev", "DataScience", *statements)
    domain = made(platform, DefaultUserSettings={"ExecutionRole": role})
    assert described(platform, domain)["TagPropagation"] == "DISABLED"
    assert (report(platform)["outcome"], kinds_but_of_the_reporter(platform)) == ("DomainSetUp", ["RolesMayNotTag"])
    assert role in report(platform)["findings"][0]["message"]
    assert idle_of(described(platform, domain)["DefaultUserSettings"], "JupyterLab") == IDLE


def only_keys(*keys: str) -> dict[str, Any]:
    return {**ADD_TAGS, "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["ml:user", *ACCOUNT_TAGS, *keys]}}}


AUTOMATIC = ("sagemaker:domain-arn", "sagemaker:user-profile-arn", "sagemaker:space-arn")


@pytest.mark.parametrize(
    ("keys", "is_enough"),
    [
        (("steward:product", "team", *AUTOMATIC), True),
        (("steward:product", *AUTOMATIC), False),
        (("team", *AUTOMATIC), False),
        (("steward:product", "team"), False),
    ],
    ids=["all", "not the domain's own", "not the product's", "not SageMaker's"],
)
def test_a_role_that_may_use_some_keys_only_has_to_allow_all_that_are_propagated(platform: Platform, keys: tuple[str, ...], is_enough: bool) -> None:
    role = platform.role("fraud-dev", "DataScience", only_keys(*keys))
    domain = made(platform, {"Key": "team", "Value": "red"}, DefaultUserSettings={"ExecutionRole": role})
    assert described(platform, domain)["TagPropagation"] == ("ENABLED" if is_enough else "DISABLED")
    assert kinds_but_of_the_reporter(platform) == ([] if is_enough else ["RolesMayNotTag"])
    assert len(platform.calls("iam:SimulatePrincipalPolicy")) <= 2 * 4, "four a role, each time it is decided on"


def test_where_it_is_on_already_and_a_role_cannot_bear_it_somebody_is_told(platform: Platform) -> None:
    made(platform, TagPropagation="ENABLED", DefaultUserSettings={"ExecutionRole": platform.role("fraud-dev", "DataScience")})
    assert kinds_but_of_the_reporter(platform) == ["RolesMayNotTag"]
    assert "is on, so that they can create nothing there" in report(platform)["findings"][0]["message"]


def test_a_role_that_does_not_exist_is_a_finding(platform: Platform) -> None:
    domain = made(platform, DefaultUserSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/NeverMade"})
    assert described(platform, domain)["TagPropagation"] == "DISABLED"
    assert kinds(platform) == ["ExecutionRolesMissing"]


# -- whose settings


def test_who_sets_settings_back_is_corrected_three_times_a_day(platform: Platform) -> None:
    domain = made(platform)
    sagemaker = platform.as_role("sagemaker", "fraud-dev", "Terraform", "sagemaker:UpdateDomain")
    for _ in range(3):
        sagemaker.update_domain(DomainId=domain, TagPropagation="DISABLED")
        platform.local.settle()
        assert described(platform, domain)["TagPropagation"] == "ENABLED"
    sagemaker.update_domain(DomainId=domain, TagPropagation="DISABLED")
    platform.local.settle()
    assert described(platform, domain)["TagPropagation"] == "DISABLED"
    assert (report(platform)["outcome"], report(platform)["changes"], kinds(platform)) == ("SettingsContested", [], ["SettingsContested"])
    assert "role/Terraform did: TagPropagation is DISABLED, not ENABLED" in report(platform)["findings"][0]["message"]


def test_a_domain_of_unified_studio_is_left_alone(platform: Platform) -> None:
    platform.domain("fraud-dev", DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}}, Tags=[PRODUCT])
    assert (report(platform)["outcome"], updates(platform)) == ("UnifiedStudioDomain", [])


@pytest.mark.parametrize("brake", [{"DryRun": "true"}, {"StopAllWrites": "true"}, {"ActingOrganizationalUnitIds": "ou-ab12-11111111"}])
def test_with_a_brake_on_nothing_is_written_and_the_changes_are_shown(platform: Platform, brake: dict[str, str]) -> None:
    queue = platform.watch_hub_bus()
    platform.deploy(**brake)
    domain = made(platform)
    output = report(platform)
    assert (output["outcome"], output["dry_run"], len(output["changes"])) == ("DomainSetUp", True, 16)
    assert updates(platform) == platform.calls("sagemaker:AddTags", "dynamodb:PutItem") == []
    assert described(platform, domain)["TagPropagation"] == "DISABLED"
    assert platform.messages(queue) == []
