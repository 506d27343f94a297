"""No role of ours may do less than it has to, nor anything that it does not do: every permission is used by what people do, and what must not be is
denied to each role by asking as it. New roles are picked up by themselves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto.iam.models import iam_backends

from localaws import billing, coverage, organizations
from localaws.authorization import authorize, may_take
from localaws.cloud import AwsError, Call, Principal
from localaws.policy.actions import action_name, privilege
from localaws.policy.usage import Permission, permissions, unused
from localaws.policy.wildcards import text_matches
from tests.stories import plays
from tests.stories.idle_apps import start_another, sweep
from tests.stories.intake_troubles import created, cut_off, message
from tests.stories.isolation import leave_on
from tests.stories.people import FRAUD, HUB, PRICING, Platform
from tests.stories.plays import PLAYS

pytestmark = pytest.mark.workflow("profile_cost_tagging")

OURS = "/steward/"
HERE = "eu-west-1"

NEVER_USED_HERE = {
    "logs:CreateLogStream": "what functions print is no call in localaws",
    "logs:PutLogEvents": "what functions print is no call in localaws",
    "logs:*LogDeliver*": "Step Functions sets its log delivery up by itself",
    "logs:*ResourcePolic*": "Step Functions sets its log delivery up by itself",
    "logs:DescribeLogGroups": "Step Functions sets its log delivery up by itself",
    "states:StopExecution": "children of type Express cannot be stopped; AWS's guide asks for it all the same",
    "events:PutRule": "AWS asks for it when a machine that waits for executions is created; localaws does not",
    "events:PutTargets": "the same",
    "events:DescribeRule": "the same",
    "sns:Publish by Alarms": "no alarm is evaluated in localaws",
    "xray:*": "traces are no call in localaws",
}
"""What no play can use, an action and where it matters a statement, and why. An entry that fits nothing any more fails the test."""


def role_arns(platform: Platform) -> list[str]:
    """Every role of ours, in every account."""
    accounts = sorted(platform.local.organization.account_ids)
    return [role.arn for account in accounts for role in iam_backends[account]["aws"].get_roles() if role.path.startswith(OURS)]


def name_of(arn: str) -> str:
    """``profile_cost_tagging/DecideTagsFunctionRole``: without what CloudFormation adds."""
    path, _, name = arn.split(f":role{OURS}")[1].rpartition("/")
    return f"{path}/{name.removeprefix('studio-steward-').rpartition('-')[0]}" if path else name


def once(permission: Permission) -> Permission:
    """Roles of members are made from one template: what one of them used, they all may."""
    parts = permission.of.split(":")
    of = permission.of if parts[4] == HUB or parts[2] != "iam" else ":".join([*parts[:4], "member", *parts[5:]])
    return Permission(of, permission.policy, permission.statement, permission.action)


def speaks_of(words: str, permission: Permission) -> bool:
    """Whether an entry of `NEVER_USED_HERE` is about this permission."""
    return text_matches(words, permission.action) or words == f"{permission.action} by {permission.statement}"


# -- nothing too much


def events_come_again_or_cannot_be_read(platform: Platform) -> None:
    platform.take_in("not JSON")
    cut_off(platform)
    platform.take_in(message(created(platform)))


def an_account_has_more_spaces_than_a_page(platform: Platform) -> None:
    owner = platform.profile("pricing-prod")
    platform.local.settle()
    for number in range(101):
        platform.space("pricing-prod", owner, f"one-of-many-{number}")
    platform.local.settle()
    start_another(platform, "pricing-prod", owner)
    sweep(platform, "over-many-spaces")


def paths_are_not_told(platform: Platform) -> None:
    organizations.behaviour(platform.local.cloud).paths = False
    owner = platform.profile("pricing-prod", UserSettings={"ExecutionRole": platform.role("pricing-prod", "NewToTheCatalog")})
    platform.local.settle()
    platform.space("pricing-prod", owner)
    platform.local.settle()
    platform.domain("pricing-prod", TagPropagation="DISABLED", Tags=[plays.OURS])


def deliveries_fail(platform: Platform) -> None:
    """First from the hub bus, whose target lets nobody in, then from a member, whom the hub bus does not let in."""
    intake, bus = platform.output("IntakeQueueUrl"), platform.output("HubBusArn").rsplit("/", 1)[1]
    platform.client("sqs", "hub").set_queue_attributes(QueueUrl=intake, Attributes={"Policy": ""})
    platform.profile("fraud-dev")
    platform.local.settle()
    platform.client("events", "hub").remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    platform.profile("fraud-dev")
    platform.local.settle()
    platform.expect_denied("sqs:SendMessage", "events.amazonaws.com")
    platform.expect_denied("events:PutEvents", "role/steward/event_forwarder")


def test_every_permission_is_used_by_what_people_do(platform: Platform) -> None:
    events_come_again_or_cannot_be_read(platform)
    for play in PLAYS.values():
        play.act(platform)
        billing.behaviour(platform.local.cloud).learns_from = "use"  # a play that says otherwise says it for itself
    an_account_has_more_spaces_than_a_page(platform)
    leave_on(platform.local, "profile_cost_tagging", "template_enablement", "domain_setup")
    paths_are_not_told(platform)
    granted = permissions(platform.local.cloud, OURS)
    deliveries_fail(platform)
    left = set(unused(platform.local.cloud, OURS))
    never = {once(permission) for permission in left} - {once(permission) for permission in granted if permission not in left}
    excused = {words: {permission for permission in never if speaks_of(words, permission)} for words in NEVER_USED_HERE}
    assert sorted(str(permission) for permission in never - set().union(*excused.values())) == []
    assert [words for words, found in excused.items() if not found] == [], "nothing needs this excuse any more"


# -- nothing besides


@dataclass(frozen=True)
class Attempt:
    """What roles must not do, except those whose names begin with one of `but`. `given` makes the input, for the account of the role."""

    service: str
    operation: str
    given: Callable[[Platform, str], dict[str, Any]]
    but: tuple[str, ...] = ()
    lacking: str = ""
    """The action that some may not do, where they may do the operation itself, without what is given here."""


def tagging(path: str, *keys: str) -> Callable[[Platform, str], dict[str, Any]]:
    tags = [{"Key": key, "Value": "x"} for key in keys]
    return lambda _, account: {"ResourceArn": f"arn:aws:sagemaker:{HERE}:{account}:{path}", "Tags": tags}


def just(**given: Any) -> Callable[[Platform, str], dict[str, Any]]:
    return lambda *_: given


def event(source: str) -> Callable[[Platform, str], dict[str, Any]]:
    entry = {"Source": source, "DetailType": "Cost Tags Applied", "Detail": "{}"}
    return lambda platform, _: {"Entries": [{**entry, "EventBusName": platform.output("HubBusArn")}]}


def queue(key: str, **more: Any) -> Callable[[Platform, str], dict[str, Any]]:
    return lambda platform, _: {"QueueUrl": platform.output(key), **more}


def machine(name: str) -> Callable[[Platform, str], dict[str, Any]]:
    return lambda platform, _: {"stateMachineArn": platform.output(f"{name}StateMachineArn"), "input": "{}"}


def execution(machine: str) -> Callable[[Platform, str], dict[str, Any]]:
    def given(platform: Platform, _: str) -> dict[str, Any]:
        return {"executionArn": platform.output(f"{machine}StateMachineArn").replace(":stateMachine:", ":execution:") + ":any"}

    return given


def table(name: str, **more: Any) -> Callable[[Platform, str], dict[str, Any]]:
    def given(platform: Platform, _: str) -> dict[str, Any]:
        (found,) = (own for own in platform.client("dynamodb", "hub").list_tables()["TableNames"] if f"-{name}Table-" in own)
        return {"TableName": found, **more}

    return given


def bucket(**more: Any) -> Callable[[Platform, str], dict[str, Any]]:
    return lambda platform, _: {"Bucket": platform.output("ReconciliationBucketName"), **more}


TRUST = '{"Version": "2012-10-17", "Statement": []}'
DOMAIN, PROFILE = {"DomainId": "d-000000000000"}, {"DomainId": "d-000000000000", "UserProfileName": "alice"}
MACHINES = (
    "domain_setup/DomainSetupStateMachineRole",
    "template_enablement/TemplateEnablementStateMachineRole",
    "profile_cost_tagging/ProfileCostTaggingStateMachineRole",
    "cost_key_activation/CostKeyActivationStateMachineRole",
    "idle_app_shutdown/IdleAppShutdownStateMachineRole",
)
TEMPLATES = ("template_enablement",)
OF_TEMPLATES = ("template_enablement/DecideEnablementFunctionRole", "template_enablement/ApplyEnablementFunctionRole")
COUNTERS = ("domain_setup/UpdateSettingsFunctionRole", "profile_cost_tagging/ApplyTagsFunctionRole")
RUNNERS = tuple(
    f"reconciliation/{name}Role"
    for name in ("ReconciliationStateMachine", "ListAccountsFunction", "GatherDomainsFunction", "StartExecutionsFunction")
)
RUNNERS += tuple(
    f"idle_app_shutdown/{name}Role" for name in ("IdleAppShutdownStateMachine", "FindPlacesFunction", "GatherDecisionsFunction", "SumUpSweepFunction")
)
READERS = tuple(role for role in RUNNERS if "ListAccounts" not in role and "FindPlaces" not in role)
RECORD = {"place": {"S": f"{FRAUD}/{HERE}"}, "what": {"S": "principal#x"}}
CONFIG = {"StudioLifecycleConfigContent": "eA==", "StudioLifecycleConfigAppType": "JupyterLab"}
COUNT = {"resource": {"S": "x"}, "writer_and_day": {"S": "x"}}
ANOTHER_ROLE = {"ExecutionRole": f"arn:aws:iam::{FRAUD}:role/AdministratorAccess"}
STARTERS = ("intake/", "reconciliation/StartExecutionsFunctionRole")
PRINCIPAL = {"PortfolioId": "port-0000000000000", "PrincipalARN": f"arn:aws:iam::{FRAUD}:role/x", "PrincipalType": "IAM"}

FORBIDDEN = [
    Attempt("sagemaker", "CreateDomain", just(DomainName="x", AuthMode="IAM", DefaultUserSettings={})),
    Attempt("sagemaker", "UpdateDomain", just(**DOMAIN), ("domain_setup",)),
    Attempt("sagemaker", "UpdateDomain", just(**DOMAIN, DefaultUserSettings=ANOTHER_ROLE), lacking="iam:PassRole"),
    Attempt("sagemaker", "UpdateDomain", just(**DOMAIN, DefaultSpaceSettings=ANOTHER_ROLE), lacking="iam:PassRole"),
    Attempt("sagemaker", "UpdateUserProfile", just(**PROFILE, UserSettings=ANOTHER_ROLE), lacking="iam:PassRole"),
    Attempt("sagemaker", "CreateStudioLifecycleConfig", just(**CONFIG, StudioLifecycleConfigName="steward-activity-reporter-x"), ("domain_setup",)),
    Attempt("sagemaker", "CreateStudioLifecycleConfig", just(**CONFIG, StudioLifecycleConfigName="git")),
    Attempt("sagemaker", "DeleteStudioLifecycleConfig", just(StudioLifecycleConfigName="steward-activity-reporter-x")),
    Attempt("sagemaker", "DeleteDomain", just(**DOMAIN)),
    Attempt("sagemaker", "CreateUserProfile", just(**PROFILE)),
    Attempt("sagemaker", "UpdateUserProfile", just(**PROFILE), ("domain_setup",)),
    Attempt("sagemaker", "DeleteUserProfile", just(**PROFILE)),
    Attempt("sagemaker", "UpdateSpace", just(**DOMAIN, SpaceName="lab"), ("domain_setup",)),
    Attempt("sagemaker", "DeleteSpace", just(**DOMAIN, SpaceName="lab")),
    Attempt("sagemaker", "DeleteApp", just(**PROFILE, AppType="JupyterLab", AppName="default"), ("idle_app_shutdown",)),
    Attempt("sagemaker", "DeleteApp", just(**DOMAIN, UserProfileName="domain-shared", AppType="RStudioServerPro", AppName="default")),
    Attempt("sagemaker", "CreateApp", just(**PROFILE, AppType="JupyterLab", AppName="default")),
    Attempt("sagemaker", "AddTags", tagging("app/d-000000000000/alice/jupyterlab/default", "steward:stop-notice"), ("idle_app_shutdown",)),
    Attempt("sagemaker", "AddTags", tagging("app/d-000000000000/alice/jupyterlab/default", "steward:activity")),
    Attempt("sagemaker", "AddTags", tagging("app/d-000000000000/alice/jupyterlab/default", "steward:stop-notice", "steward:keep-until")),
    Attempt("sagemaker", "AddTags", tagging("space/d-000000000000/lab", "steward:stop-notice")),
    Attempt("sagemaker", "AddTags", tagging("user-profile/d-000000000000/alice", "team")),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "ml:user"), ("domain_setup",)),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "steward:product")),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "team")),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "ml:owner", "team")),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "steward:idle-minutes")),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "ml:owner", "sagemaker:projectS3TemplatesLocation")),
    Attempt("sagemaker", "AddTags", tagging("app/d-000000000000/alice/jupyterlab/default", "ml:user")),
    Attempt("sagemaker", "DeleteTags", lambda _, account: {"ResourceArn": f"arn:aws:sagemaker:{HERE}:{account}:domain/d-1", "TagKeys": ["ml:user"]}),
    Attempt("sagemaker", "AddTags", tagging("domain/d-000000000000", "sagemaker:projectS3TemplatesLocation"), TEMPLATES),
    Attempt("sagemaker", "AddTags", tagging("user-profile/d-000000000000/alice", "sagemaker:projectS3TemplatesLocation")),
    Attempt("sagemaker", "EnableSagemakerServicecatalogPortfolio", just(), TEMPLATES),
    Attempt("sagemaker", "DisableSagemakerServicecatalogPortfolio", just()),
    Attempt("servicecatalog", "AssociatePrincipalWithPortfolio", just(**PRINCIPAL), TEMPLATES),
    Attempt("servicecatalog", "DisassociatePrincipalFromPortfolio", just(**PRINCIPAL), TEMPLATES),
    Attempt("servicecatalog", "AcceptPortfolioShare", just(PortfolioId="port-0000000000000")),
    Attempt("iam", "CreateRole", just(RoleName="mine", Path="/steward/", AssumeRolePolicyDocument=TRUST)),
    Attempt("iam", "PutRolePolicy", just(RoleName="event_forwarder", PolicyName="x", PolicyDocument=TRUST)),
    Attempt("iam", "AttachRolePolicy", just(RoleName="event_forwarder", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")),
    Attempt("iam", "UpdateAssumeRolePolicy", just(RoleName="event_forwarder", PolicyDocument=TRUST)),
    Attempt("organizations", "TagResource", just(ResourceId=FRAUD, Tags=[{"Key": "ml:project", "Value": "x"}])),
    Attempt("organizations", "MoveAccount", just(AccountId=FRAUD, SourceParentId="r-ab12", DestinationParentId="ou-ab12-12345678")),
    Attempt("ce", "UpdateCostAllocationTagsStatus", just(CostAllocationTagsStatus=[{"TagKey": "x", "Status": "Active"}]), ("cost_key_activation",)),
    Attempt("events", "PutEvents", event("studio-steward"), MACHINES),
    Attempt("events", "PutEvents", event("somebody.else")),
    Attempt("events", "DeleteRule", just(Name="steward-profile_cost_tagging")),
    Attempt("events", "RemoveTargets", just(Rule="steward-profile_cost_tagging", Ids=["hub-bus"])),
    Attempt("sqs", "SendMessage", queue("IntakeQueueUrl", MessageBody="x"), ("schedules/",)),
    Attempt("sqs", "SendMessage", queue("UndeliveredQueueUrl", MessageBody="x"), ("schedules/",)),
    Attempt("sqs", "ReceiveMessage", queue("IntakeQueueUrl"), ("intake/",)),
    Attempt("sqs", "ReceiveMessage", queue("IntakeDlqUrl")),
    Attempt("sqs", "DeleteQueue", queue("IntakeDlqUrl")),
    Attempt("stepfunctions", "StartExecution", machine("TemplateEnablement"), (*STARTERS, "domain_setup/DomainSetupStateMachineRole")),
    Attempt("stepfunctions", "StartExecution", machine("DomainSetup"), STARTERS),
    Attempt("stepfunctions", "StartExecution", machine("ProfileCostTagging"), STARTERS),
    Attempt("stepfunctions", "StartExecution", machine("CostKeyActivation"), ("intake/",)),
    Attempt("stepfunctions", "StartExecution", machine("Reconciliation"), ("intake/", "reconciliation/ReconciliationStateMachineRole")),
    Attempt("stepfunctions", "StartExecution", machine("IdleAppShutdown"), ("intake/", "idle_app_shutdown/IdleAppShutdownStateMachineRole")),
    Attempt("stepfunctions", "StopExecution", execution("IdleAppShutdown"), ("idle_app_shutdown/IdleAppShutdownStateMachineRole",)),
    Attempt("stepfunctions", "DeleteStateMachine", lambda platform, _: {"stateMachineArn": platform.output("ProfileCostTaggingStateMachineArn")}),
    Attempt("stepfunctions", "StopExecution", execution("ProfileCostTagging")),
    Attempt("stepfunctions", "StopExecution", execution("DomainSetup")),
    Attempt("stepfunctions", "StopExecution", execution("TemplateEnablement"), ("domain_setup/DomainSetupStateMachineRole",)),
    Attempt("stepfunctions", "StopExecution", execution("Reconciliation"), ("reconciliation/ReconciliationStateMachineRole",)),
    Attempt("stepfunctions", "RedriveExecution", execution("DomainSetup"), ("intake/",)),
    Attempt("dynamodb", "PutItem", table("Records", Item=RECORD), (*OF_TEMPLATES, "domain_setup/CorrectOneFunctionRole")),
    Attempt("dynamodb", "DeleteItem", table("Records", Key=RECORD), OF_TEMPLATES),
    Attempt("dynamodb", "UpdateItem", table("Records", Key=RECORD)),
    Attempt("dynamodb", "UpdateItem", table("Corrections", Key=COUNT), COUNTERS),
    Attempt("dynamodb", "DeleteItem", table("Corrections", Key=COUNT)),
    Attempt("dynamodb", "Scan", table("Records")),
    Attempt("dynamodb", "DeleteTable", table("Records")),
    Attempt("s3", "PutObject", bucket(Key="runs/x/accounts.jsonl", Body=b"x"), RUNNERS),
    Attempt("s3", "PutObject", bucket(Key="elsewhere", Body=b"x")),
    Attempt("s3", "GetObject", bucket(Key="runs/x/accounts.jsonl"), READERS),
    Attempt("s3", "DeleteObject", bucket(Key="runs/x/accounts.jsonl")),
    Attempt("s3", "PutBucketPolicy", bucket(Policy=TRUST)),
    Attempt("lambda", "UpdateFunctionConfiguration", just(FunctionName="studio-steward", Role=f"arn:aws:iam::{HUB}:role/steward/x")),
    Attempt("s3", "CreateBucket", just(Bucket="anything", CreateBucketConfiguration={"LocationConstraint": HERE})),
]
"""Asked for by every role of ours, in its own account. IAM decides before anything is looked for, so that what is named need not be there."""

_DENIALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


def outcome(platform: Platform, role: str, attempt: Attempt) -> str:
    """The error code that the call as this role ends with, or what it answers."""
    account = role.split(":")[4]
    given = attempt.given(platform, account)
    principal = Principal.of_role(role, "attempt")
    if (attempt.service, attempt.operation) not in coverage.operations():  # localaws could not do it, and decides about it all the same
        try:
            authorize(platform.local.cloud, Call(attempt.service, attempt.operation, account, HERE, principal, given))
        except AwsError as error:
            return error.code
        return "allowed"
    try:
        answer = getattr(platform.local.cloud.client(attempt.service, HERE, principal), xform_name(attempt.operation))(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(answer["Entries"][0].get("ErrorCode", "done")) if "Entries" in answer else "done"


@pytest.mark.parametrize("attempt", FORBIDDEN, ids=lambda attempt: attempt.operation)
def test_no_role_may_do_what_is_not_its_own(platform: Platform, attempt: Attempt) -> None:
    roles = [role for role in role_arns(platform) if not name_of(role).startswith(attempt.but)] if attempt.but else role_arns(platform)
    assert len(roles) > 10
    outcomes = {role: outcome(platform, role, attempt) for role in roles}
    for action in {action_name(attempt.service, attempt.operation), attempt.lacking} - {""}:
        platform.expect_denied(action, f"role{OURS}")
    assert {role: code for role, code in outcomes.items() if code not in _DENIALS} == {}


WRITTEN_IN_MEMBERS = {
    "domain_setup": {
        "sagemaker:AddTags",
        "sagemaker:CreateStudioLifecycleConfig",
        "sagemaker:UpdateDomain",
        "sagemaker:UpdateUserProfile",
        "sagemaker:UpdateSpace",
    },
    "template_enablement": {
        "sagemaker:AddTags",
        "sagemaker:EnableSagemakerServicecatalogPortfolio",
        "servicecatalog:AcceptPortfolioShare",
        "servicecatalog:AssociatePrincipalWithPortfolio",
        "servicecatalog:DisassociatePrincipalFromPortfolio",
    },
    "profile_cost_tagging": {"sagemaker:AddTags"},
    "cost_key_activation": {"ce:UpdateCostAllocationTagsStatus"},
    "event_forwarder": {"events:PutEvents"},
    "idle_app_shutdown": {"sagemaker:AddTags", "sagemaker:DeleteApp"},
    "reconciliation": set[str](),
}


def test_what_each_role_may_change_outside_of_the_hub_is_listed_here_and_reconciliation_changes_nothing(platform: Platform) -> None:
    """By what AWS says each action is: to read, to list, or something else. No wildcards, whose actions would be those of tomorrow, too."""
    roles = {role: set[str]() for role in role_arns(platform) if role.split(":")[4] != HUB}
    for permission in permissions(platform.local.cloud, OURS):
        if permission.of in roles and permission.action != "sts:AssumeRole":
            assert "*" not in permission.action
            if privilege(permission.action)["access_level"] not in ("Read", "List"):
                roles[permission.of].add(permission.action)
    assert len({role.split(":")[4] for role in roles}) > 3
    for role, written in roles.items():
        assert written == WRITTEN_IN_MEMBERS[name_of(role)], role


def test_each_role_enters_only_where_its_own_workflow_is_at_home(platform: Platform) -> None:
    platform.expect_denied("sts:AssumeRole", f"role{OURS}")
    roles = role_arns(platform)
    entered = {
        (role, target) for role in roles for target in roles if role != target and assumes(platform, Principal.of_role(role, "attempt"), target)
    }
    assert entered
    for role, target in entered:
        assert name_of(role).split("/")[0] == name_of(target)
        assert (role.split(":")[4], target.split(":")[4] != HUB) == (HUB, True)


def test_nobody_else_enters(platform: Platform) -> None:
    """Neither an administrator, nor a role of another name or account, whatever its own policies allow."""
    platform.expect_denied("sts:AssumeRole", "")
    target = f"arn:aws:iam::{FRAUD}:role/steward/profile_cost_tagging"
    administrators = [platform.local.administrator(account.name) for account in platform.local.organization.accounts]
    assert [administrator.arn for administrator in administrators if assumes(platform, administrator, target)] == []
    strangers = []
    for account, name, path in (
        ("hub", "outside", "/"),
        ("hub", "near", "/steward/"),
        ("pricing-prod", "elsewhere", "/steward/profile_cost_tagging/"),
    ):
        iam = platform.client("iam", account)
        role = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(everything))
        strangers.append(Principal.of_role(role, "attempt"))
    assert [stranger.arn for stranger in strangers if assumes(platform, stranger, target)] == []


def assumes(platform: Platform, principal: Principal, role: str) -> bool:
    try:
        platform.local.cloud.client("sts", HERE, principal).assume_role(RoleArn=role, RoleSessionName="attempt")
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("service", "rule", "account"),
    [
        ("events.amazonaws.com", f"arn:aws:events:{HERE}:{FRAUD}:rule/somebody-elses", FRAUD),
        ("events.amazonaws.com", f"arn:aws:events:{HERE}:{PRICING}:rule/steward-profile_cost_tagging", PRICING),
        ("scheduler.amazonaws.com", f"arn:aws:events:{HERE}:{FRAUD}:rule/steward-profile_cost_tagging", FRAUD),
        ("lambda.amazonaws.com", None, FRAUD),
    ],
)
def test_the_forwarder_is_taken_by_eventbridge_for_our_rules_only(platform: Platform, service: str, rule: str | None, account: str) -> None:
    role = f"arn:aws:iam::{FRAUD}:role/steward/event_forwarder"
    ours = may_take(platform.local.cloud, "events.amazonaws.com", role, FRAUD, f"arn:aws:events:{HERE}:{FRAUD}:rule/steward-profile_cost_tagging")
    assert ours.decision.allowed
    assert not may_take(platform.local.cloud, service, role, account, rule).decision.allowed
    platform.expect_denied("sts:AssumeRole", service)
