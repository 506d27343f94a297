"""The statement that docs/activity-reporter.md gives to execution roles allows this one tag on apps, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from localaws.local import LocalOrganization
from steward.reporter.report_activity import KEY, tag_text
from tests.localaws.conftest import local  # noqa: F401
from tests.localaws.iam_machinery import HERE, MEMBER, Iam, answer

PAGE = Path(__file__).parents[2] / "docs" / "activity-reporter.md"
APP = f"arn:aws:sagemaker:{HERE}:{MEMBER}:app"


def statement() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


@pytest.fixture
def space(local: LocalOrganization) -> str:  # noqa: F811
    """A domain with a space of alice's in which JupyterLab runs: `<domain>/<space>`."""
    sagemaker = local.client("sagemaker", "fraud-dev")
    role = f"arn:aws:iam::{MEMBER}:role/Studio"
    domain = sagemaker.create_domain(
        DomainName="studio", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": role}, SubnetIds=["subnet-1"], VpcId="vpc-1"
    )["DomainId"]
    local.advance(600)
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="alice")
    local.advance(60)
    sagemaker.create_space(
        DomainId=domain,
        SpaceName="lab",
        OwnershipSettings={"OwnerUserProfileName": "alice"},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab"},
    )
    local.advance(60)
    sagemaker.create_app(DomainId=domain, SpaceName="lab", AppType="JupyterLab", AppName="default", ResourceSpec={"InstanceType": "ml.t3.medium"})
    local.advance(120)
    return f"{domain}/lab"


def arn_of(local: LocalOrganization, space: str) -> str:  # noqa: F811
    domain, name = space.split("/")
    described = local.client("sagemaker", "fraud-dev").describe_app(DomainId=domain, SpaceName=name, AppType="JupyterLab", AppName="default")
    return str(described["AppArn"])


def adds(iam: Iam, arn: str, *keys: str) -> str:
    """What becomes of AddTags by a role with the page's statement."""
    role = f"arn:aws:iam::{MEMBER}:role/Studio"
    tags = [{"Key": key, "Value": tag_text(0.0, 7200.0)} for key in keys]
    return answer(iam.client("sagemaker", role).add_tags, ResourceArn=arn, Tags=tags)


def test_exactly_this_tag_on_an_app_is_allowed(local: LocalOrganization, space: str) -> None:  # noqa: F811
    iam, arn = Iam(local), arn_of(local, space)
    iam.role(statement(), name="Studio")
    assert adds(iam, arn, KEY) == "done"
    tags = local.client("sagemaker", "fraud-dev").list_tags(ResourceArn=arn)["Tags"]
    assert {"Key": KEY, "Value": "idle since=1970-01-01T00:00:00Z seen=1970-01-01T02:00:00Z"} in tags
    for keys in (("team",), (KEY, "team"), ("steward:stop-notice",), ("steward:keep-until",), ("Steward:Activity-x",)):
        assert adds(iam, arn, *keys) == "AccessDeniedException"
    domain, name = space.split("/")
    for other in (f"space/{domain}/{name}", f"user-profile/{domain}/alice", f"domain/{domain}"):
        assert adds(iam, f"arn:aws:sagemaker:{HERE}:{MEMBER}:{other}", KEY) == "AccessDeniedException"
    assert (
        answer(iam.client("sagemaker", f"arn:aws:iam::{MEMBER}:role/Studio").delete_tags, ResourceArn=arn, TagKeys=[KEY]) == "AccessDeniedException"
    )


def test_no_tags_at_all_are_refused(local: LocalOrganization, space: str) -> None:  # noqa: F811
    """ForAllValues is true of nothing: without the Null condition a call without keys would be allowed."""
    iam, arn = Iam(local), arn_of(local, space)
    iam.role(statement(), name="Studio")
    assert adds(iam, arn) == "AccessDeniedException"
    careless = {**statement(), "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": [KEY]}}}
    local.client("iam", "fraud-dev").put_role_policy(
        RoleName="Studio", PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [careless]})
    )
    assert adds(iam, arn) == "done"


def test_without_the_statement_it_is_refused(local: LocalOrganization, space: str) -> None:  # noqa: F811
    iam = Iam(local)
    iam.role(name="Studio")
    assert adds(iam, arn_of(local, space), KEY) == "AccessDeniedException"
