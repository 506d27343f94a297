"""SageMaker's project templates in Service Catalog: the switch, the portfolio that comes, shares of others, and who may use it."""

from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError

from localaws.catalog import DISPLAY_NAMES, behaviour
from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for
from tests.localaws.iam_machinery import HERE, HUB, MEMBER, Iam, allow, answer


def accepted(catalog: Any, **asked: Any) -> list[dict[str, Any]]:
    pages = catalog.get_paginator("list_accepted_portfolio_shares").paginate(**asked)
    return [portfolio for page in pages for portfolio in page["PortfolioDetails"]]


def principals(catalog: Any, portfolio_id: str) -> list[str]:
    pages = catalog.get_paginator("list_principals_for_portfolio").paginate(PortfolioId=portfolio_id)
    return [principal["PrincipalARN"] for page in pages for principal in page["Principals"]]


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def catalog(local: LocalOrganization) -> Any:
    return local.client("servicecatalog", "fraud-dev")


@pytest.fixture
def portfolio_id(local: LocalOrganization, catalog: Any) -> str:
    """Of SageMaker's templates in fraud-dev."""
    local.client("sagemaker", "fraud-dev").enable_sagemaker_servicecatalog_portfolio()
    local.advance(10)
    (portfolio,) = accepted(catalog)
    return str(portfolio["Id"])


def share(local: LocalOrganization, name: str) -> str:
    """The id of a portfolio of the hub that fraud-dev has accepted."""
    hub = local.client("servicecatalog", "hub")
    made = hub.create_portfolio(DisplayName=name, ProviderName="platform", IdempotencyToken=name)["PortfolioDetail"]
    hub.create_portfolio_share(PortfolioId=made["Id"], AccountId=MEMBER)
    local.client("servicecatalog", "fraud-dev").accept_portfolio_share(PortfolioId=made["Id"])
    return str(made["Id"])


# -- the switch


@pytest.mark.parametrize("name", DISPLAY_NAMES)
def test_enabling_brings_the_portfolio_some_seconds_later_once(local: LocalOrganization, catalog: Any, name: str) -> None:
    behaviour(local.cloud).display_name = name
    sagemaker = local.client("sagemaker", "fraud-dev")
    assert sagemaker.get_sagemaker_servicecatalog_portfolio_status()["Status"] == "Disabled"
    for _ in range(2):
        sagemaker.enable_sagemaker_servicecatalog_portfolio()
    assert sagemaker.get_sagemaker_servicecatalog_portfolio_status()["Status"] == "Enabled"
    assert accepted(catalog) == []

    local.advance(10)
    sagemaker.enable_sagemaker_servicecatalog_portfolio()
    local.advance(10)
    (portfolio,) = accepted(catalog)
    assert (portfolio["ProviderName"], portfolio["DisplayName"]) == ("Amazon SageMaker", name)
    assert portfolio["ARN"].endswith(f":portfolio/{portfolio['Id']}")
    assert accepted(local.client("servicecatalog", "hub")) == []
    assert local.client("sagemaker", "hub").get_sagemaker_servicecatalog_portfolio_status()["Status"] == "Disabled"


def test_the_portfolio_may_never_come(local: LocalOrganization, catalog: Any) -> None:
    behaviour(local.cloud).import_seconds = None
    sagemaker = local.client("sagemaker", "fraud-dev")
    sagemaker.enable_sagemaker_servicecatalog_portfolio()
    local.advance(24 * 3600)
    assert sagemaker.get_sagemaker_servicecatalog_portfolio_status()["Status"] == "Enabled"
    assert accepted(catalog) == []


@pytest.mark.parametrize("portfolio", ["stays", "goes"])
def test_disabling_takes_the_portfolio_or_leaves_it(
    local: LocalOrganization, catalog: Any, portfolio_id: str, portfolio: Literal["stays", "goes"]
) -> None:
    behaviour(local.cloud).disabled_portfolio = portfolio
    role = role_for(local, "sagemaker.amazonaws.com", "Studio", account="fraud-dev")
    catalog.associate_principal_with_portfolio(PortfolioId=portfolio_id, PrincipalARN=role, PrincipalType="IAM")
    sagemaker = local.client("sagemaker", "fraud-dev")
    sagemaker.disable_sagemaker_servicecatalog_portfolio()
    assert sagemaker.get_sagemaker_servicecatalog_portfolio_status()["Status"] == "Disabled"
    assert len(accepted(catalog)) == (portfolio == "stays")

    sagemaker.enable_sagemaker_servicecatalog_portfolio()
    local.advance(10)
    assert [each["Id"] for each in accepted(catalog)] == [portfolio_id]
    assert principals(catalog, portfolio_id) == ([role] if portfolio == "stays" else [])


def test_what_is_disabled_before_it_came_does_not_come(local: LocalOrganization, catalog: Any) -> None:
    sagemaker = local.client("sagemaker", "fraud-dev")
    sagemaker.enable_sagemaker_servicecatalog_portfolio()
    sagemaker.disable_sagemaker_servicecatalog_portfolio()
    local.advance(60)
    assert accepted(catalog) == []


# -- portfolios


def test_a_portfolio_is_shared_and_accepted(local: LocalOrganization, catalog: Any) -> None:
    hub = local.client("servicecatalog", "hub")
    asked = {"DisplayName": "Data", "ProviderName": "platform", "Description": "For all", "IdempotencyToken": "once"}
    made = hub.create_portfolio(**asked, Tags=[{"Key": "team", "Value": "data"}])
    assert made["Tags"] == [{"Key": "team", "Value": "data"}]
    assert made["PortfolioDetail"]["ARN"] == f"arn:aws:catalog:{HERE}:{HUB}:portfolio/{made['PortfolioDetail']['Id']}"
    assert hub.create_portfolio(**asked, Tags=[{"Key": "team", "Value": "data"}]) | {"ResponseMetadata": 0} == made | {"ResponseMetadata": 0}
    assert hub.create_portfolio(**asked | {"DisplayName": "Else"})["PortfolioDetail"]["Id"] != made["PortfolioDetail"]["Id"]

    of_hub = {"PortfolioId": made["PortfolioDetail"]["Id"]}
    assert refused(catalog.accept_portfolio_share, **of_hub)[0] == "ResourceNotFoundException"
    assert refused(catalog.create_portfolio_share, **of_hub, AccountId=MEMBER)[0] == "ResourceNotFoundException"
    for _ in range(2):
        hub.create_portfolio_share(**of_hub, AccountId=MEMBER)
    assert refused(catalog.accept_portfolio_share, **of_hub, PortfolioShareType="AWS_ORGANIZATIONS")[0] == "ResourceNotFoundException"
    assert refused(catalog.list_principals_for_portfolio, **of_hub)[0] == "ResourceNotFoundException"
    for _ in range(2):
        catalog.accept_portfolio_share(**of_hub)
    assert [each["DisplayName"] for each in accepted(catalog, PortfolioShareType="IMPORTED")] == ["Data"]
    assert accepted(catalog, PortfolioShareType="AWS_ORGANIZATIONS") == []
    with pytest.raises(Refused, match="CreatePortfolioShare"):
        hub.create_portfolio_share(**of_hub, OrganizationNode={"Type": "ORGANIZATION", "Value": "o-0123456789"})


def test_the_portfolio_stands_behind_others_on_a_later_page(local: LocalOrganization, catalog: Any) -> None:
    others = [share(local, f"other-{number}") for number in range(20)]
    local.client("sagemaker", "fraud-dev").enable_sagemaker_servicecatalog_portfolio()
    local.advance(10)
    first = catalog.list_accepted_portfolio_shares(PageSize=100)
    assert [each["Id"] for each in first["PortfolioDetails"]] == others
    second = catalog.list_accepted_portfolio_shares(PageSize=100, PageToken=first["NextPageToken"])
    assert ([each["ProviderName"] for each in second["PortfolioDetails"]], "NextPageToken" in second) == (["Amazon SageMaker"], False)
    assert refused(catalog.list_accepted_portfolio_shares, PageToken="nobody")[0] == "InvalidParametersException"


# -- principals


def test_a_principal_is_associated_until_it_is_not(local: LocalOrganization, catalog: Any, portfolio_id: str) -> None:
    role = role_for(local, "sagemaker.amazonaws.com", "Studio", account="fraud-dev")
    given = {"PortfolioId": portfolio_id, "PrincipalARN": role}
    for _ in range(2):
        catalog.associate_principal_with_portfolio(**given, PrincipalType="IAM")
    assert principals(catalog, portfolio_id) == [role]
    local.client("iam", "fraud-dev").delete_role_policy(RoleName="Studio", PolicyName="may")
    local.client("iam", "fraud-dev").delete_role(RoleName="Studio")
    assert principals(catalog, portfolio_id) == [role]

    code, message = refused(catalog.disassociate_principal_from_portfolio, **given, PrincipalType="IAM_PATTERN")
    assert (code, role in message) == ("ResourceNotFoundException", True)
    catalog.disassociate_principal_from_portfolio(**given, PrincipalType="IAM")
    assert principals(catalog, portfolio_id) == []
    assert refused(catalog.disassociate_principal_from_portfolio, **given)[0] == "ResourceNotFoundException"
    behaviour(local.cloud).not_associated = "ignored"
    catalog.disassociate_principal_from_portfolio(**given)


def test_a_portfolio_that_is_not_there_has_no_principals(catalog: Any) -> None:
    nowhere = {"PortfolioId": "port-nowhere", "PrincipalARN": f"arn:aws:iam::{MEMBER}:role/Studio", "PrincipalType": "IAM"}
    for call in (catalog.associate_principal_with_portfolio, catalog.disassociate_principal_from_portfolio):
        assert refused(call, **nowhere)[0] == "ResourceNotFoundException"
    assert refused(catalog.list_principals_for_portfolio, PortfolioId="port-nowhere")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("answers", ["associated", "InvalidParametersException", "ResourceNotFoundException"])
def test_a_principal_that_is_not_there_is_taken_or_refused(local: LocalOrganization, catalog: Any, portfolio_id: str, answers: Any) -> None:
    behaviour(local.cloud).missing_principal = answers
    given = {"PortfolioId": portfolio_id, "PrincipalARN": f"arn:aws:iam::{MEMBER}:role/nobody", "PrincipalType": "IAM"}
    if answers == "associated":
        catalog.associate_principal_with_portfolio(**given)
        assert principals(catalog, portfolio_id) == [given["PrincipalARN"]]
    else:
        assert refused(catalog.associate_principal_with_portfolio, **given)[0] == answers
        assert principals(catalog, portfolio_id) == []


def test_what_is_no_principal_of_the_account_is_refused(catalog: Any, portfolio_id: str) -> None:
    def code(arn: str, kind: str = "IAM") -> str:
        return refused(catalog.associate_principal_with_portfolio, PortfolioId=portfolio_id, PrincipalARN=arn, PrincipalType=kind)[0]

    assert code(f"arn:aws:iam::{MEMBER}:root") == "InvalidParametersException"
    assert code(f"arn:aws:iam::{HUB}:role/Studio") == "ResourceNotFoundException"
    assert code(f"arn:aws:iam::{MEMBER}:role/Studio", "IAM_PATTERN") == "InvalidParametersException"


def test_a_portfolio_has_a_hundred_principals_at_most(local: LocalOrganization, catalog: Any, portfolio_id: str) -> None:
    behaviour(local.cloud).missing_principal = "associated"
    roles = [f"arn:aws:iam::{MEMBER}:role/r{number}" for number in range(100)]
    for role in roles:
        catalog.associate_principal_with_portfolio(PortfolioId=portfolio_id, PrincipalARN=role, PrincipalType="IAM")
    one_more = {"PortfolioId": portfolio_id, "PrincipalARN": f"arn:aws:iam::{MEMBER}:role/more", "PrincipalType": "IAM"}
    assert refused(catalog.associate_principal_with_portfolio, **one_more)[0] == "LimitExceededException"
    catalog.associate_principal_with_portfolio(PortfolioId=portfolio_id, PrincipalARN=roles[0], PrincipalType="IAM")
    assert principals(catalog, portfolio_id) == roles
    assert len(catalog.list_principals_for_portfolio(PortfolioId=portfolio_id)["Principals"]) == 20


def test_patterns_are_ten_at_most_or_not_for_an_imported_portfolio(local: LocalOrganization, catalog: Any, portfolio_id: str) -> None:
    def associate(number: int) -> str:
        arn = f"arn:aws:iam:::role/team-{number}-*"
        return answer(catalog.associate_principal_with_portfolio, PortfolioId=portfolio_id, PrincipalARN=arn, PrincipalType="IAM_PATTERN")

    assert {associate(number) for number in range(10)} == {"done"}
    assert associate(10) == "LimitExceededException"
    behaviour(local.cloud).imported_takes_patterns = False
    assert associate(11) == "InvalidParametersException"


def test_principals_are_associated_by_who_may_on_that_portfolio(local: LocalOrganization, portfolio_id: str) -> None:
    iam, studio = Iam(local), role_for(local, "sagemaker.amazonaws.com", "Studio", account="fraud-dev")
    given = {"PortfolioId": portfolio_id, "PrincipalARN": studio, "PrincipalType": "IAM"}

    def associates(name: str, portfolio: str, looked_at: str = studio) -> str:
        may = allow("servicecatalog:AssociatePrincipalWithPortfolio", f"arn:aws:catalog:{HERE}:{MEMBER}:portfolio/{portfolio}")
        role = iam.role(may, allow("iam:GetRole", looked_at), name=name)
        return answer(iam.client("servicecatalog", role).associate_principal_with_portfolio, **given)

    assert associates("this", portfolio_id) == "done"
    assert associates("another", "port-another") == "AccessDeniedException"
    assert associates("blind", portfolio_id, f"arn:aws:iam::{MEMBER}:role/Other") == "AccessDeniedException"
    behaviour(local.cloud).looks_as_caller = False
    assert associates("not-asked", portfolio_id, f"arn:aws:iam::{MEMBER}:role/Other") == "done"
    lister = iam.client("servicecatalog", iam.role(allow("servicecatalog:ListAcceptedPortfolioShares"), name="lister"))
    assert [each["Id"] for each in accepted(lister)] == [portfolio_id]
