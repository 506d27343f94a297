"""Who may change Studio: the resources and condition keys of its updates, and the roles they pass on."""

import pytest

from localaws.local import LocalOrganization
from tests.localaws.iam_machinery import HERE, MEMBER, Iam, Statement, allow, answer, deny

ROLE = f"arn:aws:iam::{MEMBER}:role/Studio"
DOMAINS = f"arn:aws:sagemaker:{HERE}:{MEMBER}:domain/*"
DENIED = "AccessDeniedException"


@pytest.fixture
def iam(local: LocalOrganization) -> Iam:
    return Iam(local)


@pytest.fixture
def domain_id(local: LocalOrganization) -> str:
    made = local.client("sagemaker", "fraud-dev").create_domain(
        DomainName="studio", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": ROLE}, SubnetIds=["subnet-1"], VpcId="vpc-1"
    )
    local.advance(120)
    return str(made["DomainId"])


def updates(iam: Iam, domain_id: str, name: str, *may: Statement, **given: object) -> str:
    """What becomes of UpdateDomain by a role with these statements."""
    said = answer(iam.client("sagemaker", iam.role(*may, name=name)).update_domain, DomainId=domain_id, **given)
    iam.local.advance(60)
    return said


def test_a_domain_is_updated_by_its_arn(iam: Iam, domain_id: str) -> None:
    assert updates(iam, domain_id, "own", allow("sagemaker:UpdateDomain", f"arn:aws:sagemaker:{HERE}:{MEMBER}:domain/{domain_id}")) == "done"
    assert updates(iam, domain_id, "another", allow("sagemaker:UpdateDomain", f"arn:aws:sagemaker:{HERE}:{MEMBER}:domain/d-other")) == DENIED


def test_an_update_that_names_a_role_passes_it_on(iam: Iam, domain_id: str) -> None:
    update, settings = allow("sagemaker:UpdateDomain", DOMAINS), {"DefaultUserSettings": {"ExecutionRole": ROLE}}
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert updates(iam, domain_id, "without", update, **settings) == DENIED
    assert updates(iam, domain_id, "passing", update, allow("iam:PassRole", ROLE, Condition=to_sagemaker), **settings) == "done"
    assert updates(iam, domain_id, "nothing-passed", update, DefaultUserSettings={"StudioWebPortal": "ENABLED"}) == "done"


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ({"ForAnyValue:StringLike": {"sagemaker:InstanceTypes": "ml.p*"}}, {"DefaultResourceSpec": {"InstanceType": "ml.p3.2xlarge"}}),
        (
            {"ForAnyValue:StringLike": {"sagemaker:ImageArns": "*:image/x"}},
            {"DefaultResourceSpec": {"SageMakerImageArn": f"arn:aws:sagemaker:{HERE}:1:image/x"}},
        ),
        (
            {"ForAnyValue:StringLike": {"sagemaker:StudioLifecycleConfigArns": "*/x"}},
            {"LifecycleConfigArns": [f"arn:aws:sagemaker:{HERE}:{MEMBER}:studio-lifecycle-config/x"]},
        ),
    ],
)
def test_settings_are_seen_by_conditions(iam: Iam, domain_id: str, condition: dict[str, dict[str, str]], given: dict[str, object]) -> None:
    may = allow("sagemaker:UpdateDomain", DOMAINS), deny("sagemaker:UpdateDomain", Condition=condition)
    assert updates(iam, domain_id, "plain", *may, DefaultUserSettings={"JupyterLabAppSettings": {}}) == "done"
    assert updates(iam, domain_id, "seen", *may, DefaultUserSettings={"JupyterLabAppSettings": given}) == DENIED


def test_the_network_is_seen_by_conditions(iam: Iam, domain_id: str) -> None:
    network = {"StringEquals": {"sagemaker:AppNetworkAccessType": "PublicInternetOnly"}}
    groups = {"ForAnyValue:StringEquals": {"sagemaker:VpcSecurityGroupIds": ["sg-1"]}}
    may = allow("sagemaker:UpdateDomain", DOMAINS), *(deny("sagemaker:UpdateDomain", Condition=each) for each in (network, groups))
    assert updates(iam, domain_id, "closed", *may, AppNetworkAccessType="VpcOnly", DefaultUserSettings={"SecurityGroups": ["sg-2"]}) == "done"
    assert updates(iam, domain_id, "open", *may, AppNetworkAccessType="PublicInternetOnly") == DENIED
    assert updates(iam, domain_id, "grouped", *may, DefaultUserSettings={"SecurityGroups": ["sg-1"]}) == DENIED
