"""Cost Explorer in localaws: which tag keys billing knows, who may activate them, and what becomes of those that cannot be."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws import billing
from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import tagged

DAY = 24 * 3600


def payer(local: LocalOrganization) -> Any:
    return local.client("ce", "management")


def use(local: LocalOrganization, *keys: str) -> str:
    """A domain in fraud-dev with these tag keys; its ARN."""
    arn: str = local.client("sagemaker", "fraud-dev").create_domain(
        DomainName="studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/StudioExecution"},
        SubnetIds=["subnet-0a1b2c3d"],
        VpcId="vpc-0a1b2c3d",
        Tags=tagged(*((key, "value") for key in keys)),
    )["DomainArn"]
    return arn


def known(local: LocalOrganization, **filters: Any) -> dict[str, str]:
    """The status of each key."""
    return {tag["TagKey"]: tag["Status"] for tag in payer(local).list_cost_allocation_tags(**filters)["CostAllocationTags"]}


def activate(local: LocalOrganization, *keys: str, status: str = "Active") -> list[dict[str, str]]:
    """What the answer's Errors are."""
    entries = [{"TagKey": key, "Status": status} for key in keys]
    errors: list[dict[str, str]] = payer(local).update_cost_allocation_tags_status(CostAllocationTagsStatus=entries)["Errors"]
    return errors


def test_billing_learns_of_a_key_a_day_after_its_first_use(local: LocalOrganization) -> None:
    domain = use(local, "ml:project")
    local.advance(DAY / 2)
    local.client("sagemaker", "fraud-dev").add_tags(ResourceArn=domain, Tags=tagged(("ml:project", "churn"), ("ml:owner", "mina")))
    assert known(local) == {}
    local.advance(DAY / 2)
    assert known(local) == {"ml:project": "Inactive"}
    local.advance(DAY / 2)
    (owner, _) = payer(local).list_cost_allocation_tags()["CostAllocationTags"]
    assert owner == {"TagKey": "ml:owner", "Type": "UserDefined", "Status": "Inactive", "LastUsedDate": "2026-11-01T00:00:00Z"}


def test_a_known_key_is_active_at_once_and_activating_it_again_changes_nothing(local: LocalOrganization) -> None:
    use(local, "ml:project", "ml:owner")
    local.advance(DAY)
    assert activate(local, "ml:project") == []
    assert known(local) == {"ml:owner": "Inactive", "ml:project": "Active"}
    before = payer(local).list_cost_allocation_tags(Status="Active")["CostAllocationTags"]
    assert before[0]["LastUpdatedDate"].startswith("2026-11-03T08:0")
    local.advance(DAY)
    assert activate(local, "ml:project") == []
    assert payer(local).list_cost_allocation_tags(Status="Active")["CostAllocationTags"] == before
    assert activate(local, "ml:project", status="Inactive") == []
    assert set(known(local).values()) == {"Inactive"}


def test_a_list_is_what_the_filters_ask_for_page_by_page(local: LocalOrganization) -> None:
    use(local, *(f"key-{number:02}" for number in range(45)))
    local.advance(DAY)
    activate(local, "key-07")
    assert known(local, TagKeys=["key-01", "key-07", "nobody"]) == {"key-01": "Inactive", "key-07": "Active"}
    assert known(local, Status="Active") == {"key-07": "Active"}
    assert known(local, Type="AWSGenerated") == {}
    pages = list(payer(local).get_paginator("list_cost_allocation_tags").paginate(MaxResults=20))
    assert [len(page["CostAllocationTags"]) for page in pages] == [20, 20, 5]
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        payer(local).list_cost_allocation_tags(NextToken=pages[0]["NextToken"], Status="Active")


def test_an_update_that_names_an_unknown_key_fails_as_a_whole(local: LocalOrganization) -> None:
    use(local, "ml:project")
    local.advance(DAY)
    with pytest.raises(ClientError, match=r"ValidationException.*Failed to update Cost Allocation Tag: Tag keys not found: ml:user,ml:owner"):
        activate(local, "ml:project", "ml:user", "ml:owner")
    assert known(local) == {"ml:project": "Inactive"}


def test_or_an_unknown_key_fails_alone(local: LocalOrganization) -> None:
    billing.behaviour(local.cloud).unknown_keys = "Errors"
    use(local, "ml:project")
    local.advance(DAY)
    (error,) = activate(local, "ml:project", "ml:user")
    assert (error["TagKey"], error["Code"]) == ("ml:user", "ValidationException")
    assert known(local) == {"ml:project": "Active"}


def test_a_key_that_is_refused_fails_beside_the_others(local: LocalOrganization) -> None:
    use(local, "ml:project", "ml:owner")
    local.advance(DAY)
    billing.behaviour(local.cloud).refused["ml:owner"] = ("LimitExceeded", "500 keys are active")
    assert activate(local, "ml:project", "ml:owner") == [{"TagKey": "ml:owner", "Code": "LimitExceeded", "Message": "500 keys are active"}]
    assert known(local) == {"ml:owner": "Inactive", "ml:project": "Active"}


def test_or_billing_learns_only_from_what_costs_something(local: LocalOrganization) -> None:
    billing.behaviour(local.cloud).learns_from = "costs"
    domain_id = use(local, "ml:project").rsplit("/", 1)[1]
    local.advance(DAY)
    assert known(local) == {}
    sagemaker = local.client("sagemaker", "fraud-dev")
    sagemaker.create_user_profile(DomainId=domain_id, UserProfileName="mina")
    local.settle()
    sagemaker.create_app(DomainId=domain_id, UserProfileName="mina", AppType="JupyterServer", AppName="default")
    local.advance(DAY)
    assert known(local) == {"ml:project": "Inactive"}


@pytest.mark.parametrize("account", ["hub", "fraud-dev"])
def test_only_the_payer_has_cost_allocation_tags(local: LocalOrganization, account: str) -> None:
    member = local.client("ce", account)
    with pytest.raises(ClientError, match=r"AccessDeniedException.*Failed to list Cost Allocation Tags: Linked account doesn't have access"):
        member.list_cost_allocation_tags()
    with pytest.raises(ClientError, match=r"AccessDeniedException.*Failed to update Cost Allocation Tag: Linked account doesn't have access"):
        member.update_cost_allocation_tags_status(CostAllocationTagsStatus=[{"TagKey": "ml:project", "Status": "Active"}])


def test_it_is_in_one_region_wherever_a_client_is(local: LocalOrganization) -> None:
    assert payer(local).list_cost_allocation_tags()["CostAllocationTags"] == []
    assert local.cloud.log.calls[-1]["region"] == "us-east-1"
    elsewhere = local.cloud.client("ce", "eu-west-1", local.administrator("management"))
    elsewhere.meta.events.register("before-sign", lambda request, **_: request.context.update(signing={"region": "eu-west-1"}))
    with pytest.raises(ClientError, match=r"InvalidSignatureException.*not 'eu-west-1'"):
        elsewhere.list_cost_allocation_tags()


def test_more_than_twenty_keys_are_no_update(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*less than or equal to 20"):
        activate(local, *(f"key-{number}" for number in range(21)))


def test_a_backfill_is_refused_by_name(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="ce:StartCostAllocationTagBackfill"):
        payer(local).start_cost_allocation_tag_backfill(BackfillFrom="2026-10-01T00:00:00Z")
