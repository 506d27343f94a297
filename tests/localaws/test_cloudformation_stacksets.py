"""Stack sets as resources of a stack: what changes of their instances is done, and what stays is left alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import demo
from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import ADMIN, CHURN, FRAUD, OTHER, SMALL_ORGANIZATION, seconds_of_queue

HERE, THERE = "eu-west-1", "us-east-1"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalOrganization]:
    (tmp_path / "organization.yaml").write_text(SMALL_ORGANIZATION)
    with LocalOrganization(tmp_path / "organization.yaml") as organization:
        yield organization


STACK = """
Parameters: {Unit: {Type: String}, Seconds: {Type: String, Default: "30"}}
Resources:
  Set:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: !Sub "${AWS::StackName}-queues"
      PermissionModel: SERVICE_MANAGED
      CallAs: DELEGATED_ADMIN
      ManagedExecution: {Active: true}
      AutoDeployment: {Enabled: true, RetainStacksOnAccountRemoval: false}
      TemplateBody: |
        Parameters: {Seconds: {Type: String}}
        Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: planted, VisibilityTimeout: !Ref Seconds}}}
      Parameters: [{ParameterKey: Seconds, ParameterValue: !Ref Seconds}]
      StackInstancesGroup: [{DeploymentTargets: {OrganizationalUnitIds: [!Ref Unit]}, Regions: [!Ref AWS::Region]}]
"""


def test_a_stack_plants_changes_and_takes_back_its_stack_set(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    given: Any = [{"ParameterKey": "Unit", "ParameterValue": local.organization.unit_id("ML")}]
    client.create_stack(StackName="app", TemplateBody=STACK, Parameters=given)
    local.settle()
    assert [seconds_of_queue(local, account) for account in (FRAUD, CHURN, OTHER)] == ["30", "30", None]
    client.update_stack(StackName="app", TemplateBody=STACK, Parameters=[*given, {"ParameterKey": "Seconds", "ParameterValue": "60"}])
    local.settle()
    assert [seconds_of_queue(local, account) for account in (FRAUD, CHURN)] == ["60", "60"]
    given = [{"ParameterKey": "Unit", "ParameterValue": local.organization.unit_id("Sandbox")}]
    client.update_stack(StackName="app", TemplateBody=STACK, Parameters=given)
    local.settle()
    assert [seconds_of_queue(local, account) for account in (FRAUD, CHURN, OTHER)] == [None, None, "30"]
    client.delete_stack(StackName="app")
    assert client.describe_stacks()["Stacks"] == []
    assert seconds_of_queue(local, OTHER) is None
    assert client.list_stack_sets(**ADMIN)["Summaries"] == []


GROUPS = """
Parameters: {Group: {Type: String, Default: none}}
Resources:
  Set:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: queues
      PermissionModel: SERVICE_MANAGED
      CallAs: DELEGATED_ADMIN
      AutoDeployment: {Enabled: true, RetainStacksOnAccountRemoval: false}
      TemplateBody: |
        Parameters: {Seconds: {Type: String, Default: "30"}}
        Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: planted, VisibilityTimeout: !Ref Seconds}}}
      StackInstancesGroup: [%s]
"""
FAILS = "  Taken: {Type: AWS::SQS::Queue, DependsOn: Set, Properties: {QueueName: taken}}\n"
Ids = dict[tuple[str, str], str]


def group(local: LocalOrganization, units: str, regions: str = HERE, more: str = "") -> str:
    ids = ", ".join(local.organization.unit_id(unit) for unit in units.split())
    return f"{{DeploymentTargets: {{OrganizationalUnitIds: [{ids}]}}, Regions: [{', '.join(regions.split())}]{more}}}"


def seconds(value: int) -> str:
    return f', ParameterOverrides: [{{ParameterKey: Seconds, ParameterValue: "{value}"}}]'


def put(local: LocalOrganization, *groups: str, status: str = "UPDATE_COMPLETE", template: str = GROUPS) -> Ids:
    """Create or update the stack; which stacks its stack set has, by account and Region, once all is done."""
    client = local.client("cloudformation", "hub")
    exists = any(stack["StackName"] == "app" for stack in client.describe_stacks()["Stacks"])
    (client.update_stack if exists else client.create_stack)(StackName="app", TemplateBody=template % ", ".join(groups))
    if exists:
        assert client.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == status
    local.settle()
    return instances(local)


def instances(local: LocalOrganization, name: str = "queues") -> Ids:
    found = local.client("cloudformation", "hub").list_stack_instances(StackSetName=name, **ADMIN)["Summaries"]
    assert {instance["Status"] for instance in found} <= {"CURRENT"}
    return {(instance["Account"], instance["Region"]): instance["StackId"] for instance in found}


def actions(local: LocalOrganization) -> list[str]:
    told = local.client("cloudformation", "hub").list_stack_set_operations(StackSetName="queues", **ADMIN)["Summaries"]
    return [operation["Action"] for operation in reversed(told)]


def test_regions_come_and_go_and_what_stays_is_left_alone(local: LocalOrganization) -> None:
    first = put(local, group(local, "ML"))
    assert set(first) == {(FRAUD, HERE), (CHURN, HERE)}
    both = put(local, group(local, "ML", f"{HERE} {THERE}"))
    assert set(both) == {(account, region) for account in (FRAUD, CHURN) for region in (HERE, THERE)}
    assert both.items() >= first.items()
    assert seconds_of_queue(local, FRAUD, THERE) == "30"
    assert put(local, group(local, "ML", HERE)) == first
    assert seconds_of_queue(local, FRAUD, THERE) is None
    assert actions(local) == ["CREATE", "CREATE", "DELETE"]


def test_units_come_and_go_and_what_stays_is_left_alone(local: LocalOrganization) -> None:
    first = put(local, group(local, "ML"))
    both = put(local, group(local, "ML Sandbox"))
    assert set(both) == {(FRAUD, HERE), (CHURN, HERE), (OTHER, HERE)}
    assert both.items() >= first.items()
    assert put(local, group(local, "ML")) == first
    assert put(local, group(local, "Sandbox")).keys() == {(OTHER, HERE)}
    assert actions(local) == ["CREATE", "CREATE", "DELETE", "CREATE", "DELETE"]


def test_the_same_places_written_otherwise_change_nothing(local: LocalOrganization) -> None:
    first = put(local, group(local, "ML Sandbox", f"{HERE} {THERE}"))
    assert put(local, group(local, "Sandbox", THERE), group(local, "ML", f"{THERE} {HERE}"), group(local, "Sandbox")) == first
    assert actions(local) == ["CREATE"]


def test_overrides_change_in_the_stacks_that_are_there(local: LocalOrganization) -> None:
    first = put(local, group(local, "ML"), group(local, "Sandbox", HERE, seconds(40)))
    assert [seconds_of_queue(local, account) for account in (FRAUD, OTHER)] == ["30", "40"]
    assert put(local, group(local, "ML", HERE, seconds(50)), group(local, "Sandbox", HERE)) == first
    assert [seconds_of_queue(local, account) for account in (FRAUD, OTHER)] == ["50", "30"]
    assert actions(local) == ["CREATE", "CREATE", "UPDATE", "UPDATE"]


def test_a_unit_inside_of_another_keeps_its_accounts_when_the_other_goes(local: LocalOrganization) -> None:
    assert set(put(local, group(local, "ML"))) == {(FRAUD, HERE), (CHURN, HERE)}
    assert set(put(local, group(local, "ML/Dev"))) == {(FRAUD, HERE)}
    assert set(put(local, group(local, "ML ML/Dev"))) == {(FRAUD, HERE), (CHURN, HERE)}
    assert set(put(local, group(local, "ML/Dev"))) == {(FRAUD, HERE)}


def test_a_rollback_leaves_the_instances_as_they_were(local: LocalOrganization) -> None:
    first, before = put(local, group(local, "ML")), group(local, "ML")
    local.client("sqs", "hub").create_queue(QueueName="taken")
    rolled_back: Any = {"status": "UPDATE_ROLLBACK_COMPLETE", "template": GROUPS + FAILS}
    assert put(local, group(local, "ML", f"{HERE} {THERE}"), **rolled_back) == first
    assert put(local, before, group(local, "Sandbox"), **rolled_back) == first
    assert put(local, group(local, "Sandbox"), **rolled_back).keys() == first.keys()
    assert seconds_of_queue(local, OTHER) is None


def test_an_update_to_what_is_not_there_takes_nothing_away(local: LocalOrganization) -> None:
    first = put(local, group(local, "ML"))
    assert put(local, group(local, "ML", "ap-south-1"), status="UPDATE_ROLLBACK_COMPLETE") == first
    assert actions(local) == ["CREATE"]


def test_groups_that_localaws_does_not_know_are_refused_by_name(local: LocalOrganization) -> None:
    first, known = put(local, group(local, "ML")), group(local, "ML")
    some = known.replace("{Org", "{AccountFilterType: NONE, Org")
    for groups, message in (
        ([some], r"does not know StackInstancesGroup\.DeploymentTargets\.AccountFilterType"),
        ([group(local, "ML", HERE, ", Surprise: 1")], r"does not know StackInstancesGroup\.Surprise"),
        ([known, group(local, "ML", HERE, seconds(40))], "different ParameterOverrides"),
    ):
        with pytest.raises(Refused, match=message):
            put(local, *groups)
        local.settle()
        assert local.client("cloudformation", "hub").describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert instances(local) == first


def test_studio_steward_goes_to_another_region_and_back() -> None:
    with LocalOrganization(Path(demo.__file__).with_name("organization.yaml")) as local:
        stack = next(stack for stack in local.organization.stacks if stack.name == "studio-steward")

        def rules(regions: str) -> Ids:
            local.deploy(stack, {"RegionsInUse": regions})
            return instances(local, f"{stack.name}-member-rules")

        first, both, last = rules(HERE), rules(f"{HERE},{THERE}"), rules(HERE)
        members = {"444444444444", "555555555555", "666666666666"}
        assert (set(first), set(both)) == (
            {(account, HERE) for account in members},
            {(account, region) for account in members for region in (HERE, THERE)},
        )
        assert both.items() >= first.items()
        assert last == first
        assert [bool(local.client("events", "fraud-dev", region).list_rules()["Rules"]) for region in (HERE, THERE)] == [True, False]
