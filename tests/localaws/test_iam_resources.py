"""What a call is about, as IAM sees it: the action and the ARNs. Expectations: Service Authorization Reference, and ARNs of published denials."""

from typing import Any

import pytest

from localaws import coverage
from localaws.cloud import Call, Principal, Refused
from localaws.local import LocalOrganization
from localaws.policy.actions import action_name, privilege
from localaws.policy.resources import account_of, resources_of
from localaws.studio import behaviour
from tests.localaws.iam_machinery import HERE, HUB, MEMBER, Iam

WHO = Principal.of_role(f"arn:aws:iam::{MEMBER}:role/r", "session")


def asked(local: LocalOrganization, service: str, operation: str, **params: Any) -> tuple[str, list[str]]:
    call = Call(service, operation, MEMBER, HERE, WHO, params)
    action = action_name(service, operation)
    return action, resources_of(local.cloud, call, action)


@pytest.mark.parametrize("operation", sorted(coverage.operations()), ids=":".join)
def test_iam_knows_an_action_for_every_operation_there_is(operation: tuple[str, str]) -> None:
    assert privilege(action_name(*operation))


STUDIO = f"arn:aws:sagemaker:{HERE}:{MEMBER}"
CATALOG = f"arn:aws:catalog:{HERE}:{MEMBER}:portfolio"
PROFILE: dict[str, Any] = {"DomainId": "d-1", "UserProfileName": "Alice"}
ELSEWHERE, ALARM = f"arn:aws:lambda:us-east-1:{HUB}:function:f", f"arn:aws:cloudwatch:{HERE}:{MEMBER}:alarm"
TWO_OBJECTS = {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2"}]}}
EVENTS, STATES, LAMBDA = (f"arn:aws:{service}:{HERE}:{MEMBER}" for service in ("events", "states", "lambda"))


@pytest.mark.parametrize(
    ("service", "operation", "params", "action", "resources"),
    [
        ("sagemaker", "CreateUserProfile", PROFILE, "sagemaker:CreateUserProfile", [f"{STUDIO}:user-profile/d-1/alice"]),
        ("sagemaker", "DescribeSpace", {"DomainId": "d-1", "SpaceName": "Lab"}, "sagemaker:DescribeSpace", [f"{STUDIO}:space/d-1/lab"]),
        (
            "sagemaker",
            "DeleteApp",
            {**PROFILE, "AppType": "JupyterLab", "AppName": "default"},
            "sagemaker:DeleteApp",
            [f"{STUDIO}:app/d-1/alice/jupyterlab/default"],
        ),
        (
            "sagemaker",
            "CreateApp",
            {"DomainId": "d-1", "SpaceName": "lab", "AppType": "JupyterLab", "AppName": "default"},
            "sagemaker:CreateApp",
            [f"{STUDIO}:app/d-1/lab/jupyterlab/default"],
        ),
        ("sagemaker", "CreateDomain", {"DomainName": "studio"}, "sagemaker:CreateDomain", [f"{STUDIO}:domain/*"]),
        ("sagemaker", "AddTags", {"ResourceArn": f"{STUDIO}:domain/d-1", "Tags": []}, "sagemaker:AddTags", [f"{STUDIO}:domain/d-1"]),
        ("sagemaker", "ListApps", {"DomainIdEquals": "d-1"}, "sagemaker:ListApps", ["*"]),
        ("lambda", "Invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", [f"{LAMBDA}:function:f"]),
        (
            "lambda",
            "GetFunction",
            {"FunctionName": f"arn:aws:lambda:us-east-1:{HUB}:function:f:live"},
            "lambda:GetFunction",
            [f"arn:aws:lambda:us-east-1:{HUB}:function:f"],
        ),
        ("lambda", "GetFunction", {"FunctionName": f"{HUB}:function:f"}, "lambda:GetFunction", [f"arn:aws:lambda:{HERE}:{HUB}:function:f"]),
        ("lambda", "GetLayerVersion", {"LayerName": "l", "VersionNumber": 3}, "lambda:GetLayerVersion", [f"{LAMBDA}:layer:l:3"]),
        ("sqs", "SendMessageBatch", {"QueueUrl": f"https://sqs.{HERE}.amazonaws.com/{HUB}/q"}, "sqs:SendMessage", [f"arn:aws:sqs:{HERE}:{HUB}:q"]),
        ("sqs", "GetQueueUrl", {"QueueName": "q", "QueueOwnerAWSAccountId": HUB}, "sqs:GetQueueUrl", [f"arn:aws:sqs:{HERE}:{HUB}:q"]),
        ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{HERE}:{HUB}:t", "Message": "x"}, "sns:Publish", [f"arn:aws:sns:{HERE}:{HUB}:t"]),
        ("sns", "CreateTopic", {"Name": "t"}, "sns:CreateTopic", [f"arn:aws:sns:{HERE}:{MEMBER}:t"]),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "a/b"}, "s3:GetObject", ["arn:aws:s3:::b/a/b"]),
        ("s3", "ListBuckets", {}, "s3:ListAllMyBuckets", ["*"]),
        ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "a/"}, "s3:ListBucket", ["arn:aws:s3:::b"]),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2"}]}},
            "s3:DeleteObject",
            ["arn:aws:s3:::b/1", "arn:aws:s3:::b/2"],
        ),
        ("stepfunctions", "StartExecution", {"stateMachineArn": f"{STATES}:stateMachine:m"}, "states:StartExecution", [f"{STATES}:stateMachine:m"]),
        ("stepfunctions", "DescribeExecution", {"executionArn": f"{STATES}:execution:m:e"}, "states:DescribeExecution", [f"{STATES}:execution:m:e"]),
        ("stepfunctions", "CreateStateMachine", {"name": "m"}, "states:CreateStateMachine", [f"{STATES}:stateMachine:m"]),
        ("events", "PutRule", {"Name": "r"}, "events:PutRule", [f"{EVENTS}:rule/r"]),
        ("events", "PutTargets", {"Rule": "r", "EventBusName": "hub"}, "events:PutTargets", [f"{EVENTS}:rule/hub/r"]),
        ("events", "DescribeEventBus", {}, "events:DescribeEventBus", [f"{EVENTS}:event-bus/default"]),
        (
            "cloudwatch",
            "DeleteAlarms",
            {"AlarmNames": ["a", "b"]},
            "cloudwatch:DeleteAlarms",
            [f"{ALARM}:a", f"{ALARM}:b"],
        ),
        ("dynamodb", "UpdateItem", {"TableName": "t"}, "dynamodb:UpdateItem", [f"arn:aws:dynamodb:{HERE}:{MEMBER}:table/t"]),
        ("scheduler", "GetSchedule", {"Name": "s"}, "scheduler:GetSchedule", [f"arn:aws:scheduler:{HERE}:{MEMBER}:schedule/default/s"]),
        ("logs", "CreateLogGroup", {"logGroupName": "/a/b"}, "logs:CreateLogGroup", [f"arn:aws:logs:{HERE}:{MEMBER}:log-group:/a/b"]),
        ("cloudformation", "CreateStack", {"StackName": "s"}, "cloudformation:CreateStack", [f"arn:aws:cloudformation:{HERE}:{MEMBER}:stack/s/*"]),
        ("iam", "CreateRole", {"RoleName": "n", "Path": "/a/b/"}, "iam:CreateRole", [f"arn:aws:iam::{MEMBER}:role/a/b/n"]),
        ("ce", "ListCostAllocationTags", {}, "ce:ListCostAllocationTags", ["*"]),
        ("sagemaker", "UpdateDomain", {"DomainId": "d-1"}, "sagemaker:UpdateDomain", [f"{STUDIO}:domain/d-1"]),
        ("sagemaker", "UpdateSpace", {"DomainId": "d-1", "SpaceName": "Lab"}, "sagemaker:UpdateSpace", [f"{STUDIO}:space/d-1/lab"]),
        ("sagemaker", "EnableSagemakerServicecatalogPortfolio", {}, "sagemaker:EnableSagemakerServicecatalogPortfolio", ["*"]),
        ("servicecatalog", "ListPrincipalsForPortfolio", {"PortfolioId": "p"}, "servicecatalog:ListPrincipalsForPortfolio", [f"{CATALOG}/p"]),
        ("servicecatalog", "CreatePortfolio", {"DisplayName": "p"}, "servicecatalog:CreatePortfolio", [f"{CATALOG}/*"]),
        ("servicecatalog", "ListAcceptedPortfolioShares", {}, "servicecatalog:ListAcceptedPortfolioShares", ["*"]),
        ("resourcegroupstaggingapi", "GetResources", {"ResourceARNList": [f"{STUDIO}:domain/d-1"]}, "tag:GetResources", ["*"]),
    ],
)
def test_the_resource_is_told_from_the_input(
    local: LocalOrganization, service: str, operation: str, params: dict[str, Any], action: str, resources: list[str]
) -> None:
    assert asked(local, service, operation, **params) == (action, resources)


def test_an_apps_type_is_written_as_its_arn_has_it(local: LocalOrganization) -> None:
    behaviour(local.cloud).app_type_in_arn = "as given"
    app = {**PROFILE, "AppType": "JupyterLab", "AppName": "Default"}
    assert asked(local, "sagemaker", "DeleteApp", **app) == ("sagemaker:DeleteApp", [f"{STUDIO}:app/d-1/alice/JupyterLab/default"])


def test_a_role_that_is_there_is_known_with_its_path(local: LocalOrganization) -> None:
    role = Iam(local).role(name="deep", path="/a/b/")
    assert asked(local, "iam", "GetRole", RoleName="deep") == ("iam:GetRole", [role])


def test_what_belongs_to_the_organization_is_the_management_accounts(local: LocalOrganization) -> None:
    organization = local.organization
    owned = f"arn:aws:organizations::{organization.management_id}"
    action, accounts = asked(local, "organizations", "ListParents", ChildId=MEMBER)
    assert accounts == [f"{owned}:account/{organization.organization_id}/{MEMBER}"]
    unit, root = organization.unit_id("ML"), organization.root_id
    assert asked(local, "organizations", "ListParents", ChildId=unit)[1] == [f"{owned}:ou/{organization.organization_id}/{unit}"]
    moved = asked(local, "organizations", "MoveAccount", AccountId=MEMBER, SourceParentId=root, DestinationParentId=unit)[1]
    assert sorted(text.split(":")[5].split("/")[0] for text in moved) == ["account", "ou", "root"]
    call = Call("organizations", "ListParents", MEMBER, HERE, WHO, {"ChildId": MEMBER})
    assert (action, account_of(accounts[0], call)) == ("organizations:ListParents", MEMBER), "no member asks across accounts"


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("cloudwatch", "DescribeAlarms", {}),
        ("cloudformation", "DescribeStacks", {}),
        ("sns", "Publish", {"PhoneNumber": "+49", "Message": "x"}),
        ("cloudformation", "DescribeChangeSet", {"ChangeSetName": "arn:aws:cloudformation:eu-west-1:444444444444:changeSet/c/1"}),
    ],
)
def test_what_cannot_be_told_is_refused_and_never_taken_for_everything(
    local: LocalOrganization, service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match=f"{service}:{operation}: which resource"):
        asked(local, service, operation, **params)


def test_what_iam_does_not_know_is_refused() -> None:
    with pytest.raises(Refused, match="no such action"):
        privilege("sagemaker:DrinkCoffee")
