"""Studio without a gateway: a cloud, calls judged by botocore's model, and what most tests need to be there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

import localaws.studio
from localaws.clock import Clock
from localaws.cloud import OPERATIONS, AwsError, Call, Cloud, Principal
from localaws.organization import Organization
from localaws.organization_file import Account
from localaws.studio.core import SECONDS
from localaws.validation import check_answer, check_input

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
FRAUD_DEV, CHURN_DEV = "444444444444", "555555555555"
ROLE = f"arn:aws:iam::{FRAUD_DEV}:role/service-role/studio"

Ask = Callable[..., dict[str, Any]]


@contextmanager
def studio() -> Iterator[Cloud]:
    """A cloud of one account, and Studio in it."""
    assert localaws.studio.apps  # importing the package is what registers its operations
    organization = Organization("eu-west-1", ("eu-west-1",), (), (Account("management", "111111111111", management=True),))
    clock = Clock(START, seed=0)
    yield Cloud(clock, organization, seed=0)
    clock.stop()


def asking(cloud: Cloud) -> Ask:
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


def furnish(ask: Ask, cloud: Cloud) -> str:
    """A domain with a profile ``alice`` and her space ``forecast``."""
    domain_id = make_domain(ask, cloud, Tags=tags(domain="d", both="of the domain"))
    make_profile(ask, cloud, domain_id, "alice", Tags=tags(profile="p", both="of the profile"))
    make_space(ask, cloud, domain_id, "forecast", "alice", SpaceSettings={"AppType": "JupyterLab"}, Tags=tags(space="s"))
    return domain_id


def canvas(domain_id: str) -> dict[str, str]:
    return {"DomainId": domain_id, "UserProfileName": "alice", "AppType": "Canvas", "AppName": "default"}


def jupyter_lab(domain_id: str) -> dict[str, str]:
    return {"DomainId": domain_id, "SpaceName": "forecast", "AppType": "JupyterLab", "AppName": "default"}
