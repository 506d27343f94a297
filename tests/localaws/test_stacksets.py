"""Stack sets: a template in every account of a unit, and in those that join later; and what leaves with those that leave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from tests.localaws.stacks_machinery import ADMIN, CHURN, FRAUD, OTHER, SMALL_ORGANIZATION, seconds_of_queue

QUEUE = """
Parameters: {Seconds: {Type: String, Default: "30"}}
Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: planted, VisibilityTimeout: !Ref Seconds}}}
"""


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalOrganization]:
    (tmp_path / "organization.yaml").write_text(SMALL_ORGANIZATION)
    with LocalOrganization(tmp_path / "organization.yaml") as organization:
        yield organization


def create(local: LocalOrganization, name: str = "roles", template: str = QUEUE, *, retain: bool = False, **more: Any) -> Any:
    client = local.client("cloudformation", "hub")
    auto = {"Enabled": True, "RetainStacksOnAccountRemoval": retain, **more.pop("auto", {})}
    client.create_stack_set(StackSetName=name, TemplateBody=template, PermissionModel="SERVICE_MANAGED", AutoDeployment=auto, **ADMIN, **more)
    return client


def plant(local: LocalOrganization, name: str = "roles", unit: str = "ML", regions: tuple[str, ...] = ("eu-west-1",)) -> str:
    targets: Any = {"OrganizationalUnitIds": [local.organization.unit_id(unit)]}
    client = local.client("cloudformation", "hub")
    return str(client.create_stack_instances(StackSetName=name, DeploymentTargets=targets, Regions=list(regions), **ADMIN)["OperationId"])


def instances(local: LocalOrganization, name: str = "roles") -> dict[tuple[str, str], str]:
    found = local.client("cloudformation", "hub").list_stack_instances(StackSetName=name, **ADMIN)["Summaries"]
    return {(instance["Account"], instance["Region"]): instance["Status"] for instance in found}


def operation(local: LocalOrganization, identifier: str, name: str = "roles") -> dict[str, Any]:
    client = local.client("cloudformation", "hub")
    told: dict[str, Any] = client.describe_stack_set_operation(StackSetName=name, OperationId=identifier, **ADMIN)["StackSetOperation"]
    return told


def move(local: LocalOrganization, account: str, source: str, destination: str) -> None:
    unit = local.organization.unit_id
    local.client("organizations", "management").move_account(AccountId=account, SourceParentId=unit(source), DestinationParentId=unit(destination))


def test_every_account_under_the_unit_gets_the_stack_in_every_region_some_time_later(local: LocalOrganization) -> None:
    create(local, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "45"}])
    identifier = plant(local, regions=("eu-west-1", "us-east-1"))
    assert operation(local, identifier)["Status"] == "QUEUED"
    assert seconds_of_queue(local, FRAUD) is None
    before = local.clock.now
    local.settle()
    assert 5 < local.clock.now - before < 120
    assert operation(local, identifier)["Status"] == "SUCCEEDED"
    assert instances(local) == {(account, region): "CURRENT" for account in (FRAUD, CHURN) for region in ("eu-west-1", "us-east-1")}
    assert [seconds_of_queue(local, account, "us-east-1") for account in (FRAUD, CHURN, OTHER)] == ["45", "45", None]
    stacks = local.client("cloudformation", "fraud").describe_stacks()["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    assert stacks[0]["StackName"].startswith("StackSet-roles-")


def test_a_stack_instance_is_deployed_by_the_members_own_role_of_stacksets(local: LocalOrganization) -> None:
    create(local)
    plant(local)
    local.settle()
    made = [call for call in local.cloud.log.calls if call["action"] == "sqs:CreateQueue"]
    assert {call["principal"].split("/")[0] for call in made} == {"arn:aws:sts::444444444444:assumed-role", "arn:aws:sts::555555555555:assumed-role"}
    assert all("/stacksets-exec-" in call["principal"] for call in made)


def test_the_management_account_is_never_a_target(local: LocalOrganization) -> None:
    create(local)
    client = local.client("cloudformation", "hub")
    root: Any = {"OrganizationalUnitIds": [local.organization.root_id]}
    client.create_stack_instances(StackSetName="roles", DeploymentTargets=root, Regions=["eu-west-1"], **ADMIN)
    local.settle()
    assert {account for account, _ in instances(local)} == {"222222222222", FRAUD, CHURN, OTHER}


def test_an_account_that_joins_gets_the_stack(local: LocalOrganization) -> None:
    create(local)
    plant(local)
    local.settle()
    local.organization.add_account(local.cloud, Account("pricing", "777777777777", "ML/Dev"))
    move(local, OTHER, "Sandbox", "ML/Dev")
    local.settle()
    assert set(instances(local).values()) == {"CURRENT"}
    assert {account for account, _ in instances(local)} == {FRAUD, CHURN, OTHER, "777777777777"}
    assert seconds_of_queue(local, OTHER) == "30"


@pytest.mark.parametrize(("retain", "left"), [(False, None), (True, "30")])
def test_an_account_that_leaves_loses_the_stack_unless_it_is_to_be_retained(local: LocalOrganization, retain: bool, left: str | None) -> None:
    create(local, retain=retain)
    plant(local)
    local.settle()
    move(local, CHURN, "ML", "Sandbox")
    assert seconds_of_queue(local, CHURN) == "30"
    local.settle()
    assert set(instances(local)) == {(FRAUD, "eu-west-1")}
    assert seconds_of_queue(local, CHURN) == left
    assert seconds_of_queue(local, FRAUD) == "30"


def test_an_account_that_moves_within_the_unit_keeps_its_stack(local: LocalOrganization) -> None:
    client = create(local)
    plant(local)
    local.settle()
    before = client.describe_stack_instance(StackSetName="roles", StackInstanceAccount=CHURN, StackInstanceRegion="eu-west-1", **ADMIN)
    move(local, CHURN, "ML", "ML/Dev")
    local.settle()
    after = client.describe_stack_instance(StackSetName="roles", StackInstanceAccount=CHURN, StackInstanceRegion="eu-west-1", **ADMIN)
    assert after["StackInstance"] == before["StackInstance"]
    assert len(client.list_stack_set_operations(StackSetName="roles", **ADMIN)["Summaries"]) == 1


def test_without_automatic_deployment_nothing_follows_an_account(local: LocalOrganization) -> None:
    create(local, auto={"Enabled": False})
    plant(local)
    local.settle()
    move(local, OTHER, "Sandbox", "ML")
    move(local, CHURN, "ML", "Sandbox")
    local.settle()
    assert set(instances(local)) == {(FRAUD, "eu-west-1"), (CHURN, "eu-west-1")}


def test_stack_sets_that_depend_on_others_come_after_them(local: LocalOrganization) -> None:
    client = create(local, "z-first")
    arn = client.describe_stack_set(StackSetName="z-first", **ADMIN)["StackSet"]["StackSetARN"]
    other = QUEUE.replace("planted", "after")
    create(local, "a-second", other, auto={"DependsOn": [arn]})
    plant(local, "a-second")
    plant(local, "z-first")
    local.settle()
    move(local, OTHER, "Sandbox", "ML")
    local.settle()
    made = [call["resource"] for call in local.cloud.log.calls if call["action"] == "sqs:CreateQueue" and call["account"] == OTHER]
    assert made == ["planted", "after"]


def test_what_depends_on_a_failed_stack_set_is_not_deployed(local: LocalOrganization) -> None:
    client = create(local, "first")
    arn = client.describe_stack_set(StackSetName="first", **ADMIN)["StackSet"]["StackSetARN"]
    create(local, "second", QUEUE.replace("planted", "after"), auto={"DependsOn": [arn]})
    plant(local, "first")
    plant(local, "second")
    local.settle()
    local.client("sqs", "other").create_queue(QueueName="planted")  # in the way
    move(local, OTHER, "Sandbox", "ML")
    local.settle()
    latest = client.list_stack_set_operations(StackSetName="second", **ADMIN)["Summaries"][0]
    assert latest["Status"] == "FAILED"
    assert latest["StatusReason"] == "first, which second depends on, was not deployed"
    assert (OTHER, "eu-west-1") not in instances(local, "second")


def test_dependencies_are_stack_sets_and_go_in_no_circle(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match="there is no such stack set"):
        create(local, auto={"DependsOn": ["arn:aws:cloudformation:eu-west-1:222222222222:stackset/none:1"]})
    client = create(local, "first")
    arn = client.describe_stack_set(StackSetName="first", **ADMIN)["StackSet"]["StackSetARN"]
    create(local, "second", auto={"DependsOn": [arn]})
    second = client.describe_stack_set(StackSetName="second", **ADMIN)["StackSet"]["StackSetARN"]
    with pytest.raises(ClientError, match="goes in a circle"):
        client.update_stack_set(StackSetName="first", UsePreviousTemplate=True, AutoDeployment={"Enabled": True, "DependsOn": [second]}, **ADMIN)


def test_an_update_comes_to_every_instance(local: LocalOrganization) -> None:
    client = create(local)
    plant(local)
    local.settle()
    given: Any = [{"ParameterKey": "Seconds", "ParameterValue": "60"}]
    client.update_stack_set(StackSetName="roles", UsePreviousTemplate=True, Parameters=given, **ADMIN)
    assert set(instances(local).values()) == {"OUTDATED"}
    local.settle()
    assert set(instances(local).values()) == {"CURRENT"}
    assert [seconds_of_queue(local, account) for account in (FRAUD, CHURN)] == ["60", "60"]


def test_overrides_are_for_some_instances_only(local: LocalOrganization) -> None:
    client = create(local)
    plant(local)
    local.settle()
    targets: Any = {"OrganizationalUnitIds": [local.organization.unit_id("ML/Dev")]}
    given: Any = [{"ParameterKey": "Seconds", "ParameterValue": "90"}]
    client.update_stack_instances(StackSetName="roles", DeploymentTargets=targets, Regions=["eu-west-1"], ParameterOverrides=given, **ADMIN)
    local.settle()
    assert [seconds_of_queue(local, account) for account in (FRAUD, CHURN)] == ["90", "30"]


def test_a_stack_set_goes_only_after_its_instances(local: LocalOrganization) -> None:
    client = create(local)
    plant(local)
    with pytest.raises(ClientError, match="OperationInProgress"):
        client.delete_stack_set(StackSetName="roles", **ADMIN)
    local.settle()
    with pytest.raises(ClientError, match="StackSetNotEmpty"):
        client.delete_stack_set(StackSetName="roles", **ADMIN)
    targets: Any = {"OrganizationalUnitIds": [local.organization.unit_id("ML")]}
    client.delete_stack_instances(StackSetName="roles", DeploymentTargets=targets, Regions=["eu-west-1"], RetainStacks=False, **ADMIN)
    local.settle()
    assert [seconds_of_queue(local, account) for account in (FRAUD, CHURN)] == [None, None]
    client.delete_stack_set(StackSetName="roles", **ADMIN)
    assert client.list_stack_sets(**ADMIN)["Summaries"] == []


def test_a_second_operation_has_to_wait_unless_execution_is_managed(local: LocalOrganization) -> None:
    create(local)
    plant(local)
    with pytest.raises(ClientError, match="OperationInProgress"):
        plant(local, unit="Sandbox")
    create(local, "managed", QUEUE.replace("planted", "managed"), ManagedExecution={"Active": True})
    plant(local, "managed")
    plant(local, "managed", unit="Sandbox")
    local.settle()
    assert {account for account, _ in instances(local, "managed")} == {FRAUD, CHURN, OTHER}


def test_a_failing_instance_is_seen_with_its_reason_and_the_others_are_deployed(local: LocalOrganization) -> None:
    local.client("sqs", "churn").create_queue(QueueName="planted")  # in the way
    client = create(local)
    identifier = plant(local)
    local.settle()
    told = operation(local, identifier)
    assert (told["Status"], told["StatusDetails"]["FailedStackInstancesCount"]) == ("FAILED", 1)
    assert f"first in {CHURN}, eu-west-1" in told["StatusReason"]
    assert instances(local) == {(FRAUD, "eu-west-1"): "CURRENT", (CHURN, "eu-west-1"): "OUTDATED"}
    results = client.list_stack_set_operation_results(StackSetName="roles", OperationId=identifier, **ADMIN)["Summaries"]
    assert {result["Account"]: result["Status"] for result in results} == {FRAUD: "SUCCEEDED", CHURN: "FAILED"}
    assert "'planted' already exists" in next(result["StatusReason"] for result in results if result["Account"] == CHURN)


def test_what_localaws_cannot_do_is_refused_when_the_stack_set_is_made(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="does not know the property Surprise"):
        create(local, template="Resources: {A: {Type: AWS::SQS::Queue, Properties: {Surprise: 1}}}")
    assert local.client("cloudformation", "hub").list_stack_sets(**ADMIN)["Summaries"] == []


def test_what_turns_out_to_be_impossible_in_an_instance_is_refused_aloud(local: LocalOrganization) -> None:
    template = """
    Resources:
      Function:
        Type: AWS::Lambda::Function
        Properties: {Code: {ImageUri: x}, Role: "arn:aws:iam::444444444444:role/r"}
    """
    create(local, template=template)
    identifier = plant(local, unit="ML/Dev")
    with pytest.raises(Refused, match="localaws runs zip packages only"):
        local.settle()
    local.settle()
    assert operation(local, identifier)["Status"] == "FAILED"
    assert "localaws runs zip packages only" in operation(local, identifier)["StatusReason"]


def test_a_template_address_on_loopback_is_one_of_s3(local: LocalOrganization) -> None:
    s3, client = local.client("s3", "hub"), local.client("cloudformation", "hub")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="templates", Key="queue.yaml", Body=QUEUE.encode())
    text = """
    Resources:
      Set:
        Type: AWS::CloudFormation::StackSet
        Properties: {StackSetName: set, PermissionModel: SERVICE_MANAGED, CallAs: DELEGATED_ADMIN, TemplateURL: "http://localhost:4566/templates/queue.yaml"}
    """
    client.create_stack(StackName="app", TemplateBody=text)
    assert client.describe_stack_set(StackSetName="set", **ADMIN)["StackSet"]["TemplateBody"] == QUEUE
    told = client.get_template(StackName="app", TemplateStage="Original")["TemplateBody"]  # for `sam delete`, which cannot read its own address
    assert told == text.replace("http://localhost:4566/", "https://s3.eu-west-1.amazonaws.com/")


def test_who_may_have_service_managed_stack_sets(local: LocalOrganization) -> None:
    request: Any = {"StackSetName": "mine", "TemplateBody": QUEUE, "PermissionModel": "SERVICE_MANAGED"}
    with pytest.raises(ClientError, match="You must be the management account or delegated admin"):
        local.client("cloudformation", "hub").create_stack_set(**request)
    with pytest.raises(ClientError, match="Account used is not a delegated administrator"):
        local.client("cloudformation", "fraud").create_stack_set(**request, **ADMIN)
    assert local.client("cloudformation", "management").create_stack_set(**request)["StackSetId"].startswith("mine:")
    with pytest.raises(Refused, match="SELF_MANAGED"):
        local.client("cloudformation", "hub").create_stack_set(StackSetName="own", TemplateBody=QUEUE)


def test_targets_are_units_that_exist(local: LocalOrganization) -> None:
    client = create(local)
    places: Any = {"StackSetName": "roles", "Regions": ["eu-west-1"], **ADMIN}
    with pytest.raises(ClientError, match="can only have OrganizationalUnit as target"):
        client.create_stack_instances(Accounts=[FRAUD], **places)
    with pytest.raises(ClientError, match="Could not find organizational unit"):
        client.create_stack_instances(DeploymentTargets={"OrganizationalUnitIds": ["ou-none-12345678"]}, **places)
    unit = local.organization.unit_id("ML")
    with pytest.raises(Refused, match=r"DeploymentTargets\.AccountFilterType"):
        client.create_stack_instances(DeploymentTargets={"OrganizationalUnitIds": [unit], "AccountFilterType": "NONE"}, **places)
