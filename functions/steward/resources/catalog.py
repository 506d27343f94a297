"""SageMaker's project templates in Service Catalog, in one member account and Region: the portfolio that SageMaker shares, and who may use it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_servicecatalog import ServiceCatalogClient

PROVIDER = "Amazon SageMaker"
"""Of the portfolio with the templates. Its display name has changed, and its id is another one in each account."""

_SHARES, _PRINCIPALS = 100, 20
"""The most that a page has."""


@dataclass(frozen=True)
class Portfolio:
    """`arn` ends with the portfolio's id. Whose account stands in it is AWS's affair."""

    arn: str

    @property
    def portfolio_id(self) -> str:
        return self.arn.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Principals:
    """`roles` are ARNs; `count` is of all principals, users and patterns too."""

    roles: frozenset[str]
    count: int


def templates_are_enabled(sagemaker: "SageMakerClient") -> bool:
    """Whether projects are switched on in this account and Region."""
    return sagemaker.get_sagemaker_servicecatalog_portfolio_status().get("Status") == "Enabled"


def enable_templates(sagemaker: "SageMakerClient") -> None:
    """Enabled again, they are enabled as they were. Service Catalog has the portfolio some time later."""
    sagemaker.enable_sagemaker_servicecatalog_portfolio()


def find_portfolio(servicecatalog: "ServiceCatalogClient") -> Portfolio | None:
    """The portfolio, or None while it is not there yet. It is found by its provider only, and may be on any page."""
    pages = servicecatalog.get_paginator("list_accepted_portfolio_shares").paginate(
        PortfolioShareType="IMPORTED", PaginationConfig={"PageSize": _SHARES}
    )
    found = (each["ARN"] for page in pages for each in page.get("PortfolioDetails", []) if each.get("ProviderName") == PROVIDER)
    arn = next(found, None)
    return Portfolio(arn) if arn else None


def principals_of(servicecatalog: "ServiceCatalogClient", portfolio: Portfolio) -> Principals:
    """All principals of the portfolio, of which 20 come a page."""
    pages = servicecatalog.get_paginator("list_principals_for_portfolio").paginate(
        PortfolioId=portfolio.portfolio_id, PaginationConfig={"PageSize": _PRINCIPALS}
    )
    principals = [principal for page in pages for principal in page.get("Principals", [])]
    return Principals(frozenset(each["PrincipalARN"] for each in principals if each.get("PrincipalType") == "IAM"), len(principals))


def associate_role(servicecatalog: "ServiceCatalogClient", portfolio: Portfolio, role_arn: str) -> None:
    """A role that is associated stays so. Service Catalog's InvalidParametersException where it does not take the role, as one that is not there;
    LimitExceededException where the portfolio is full."""
    servicecatalog.associate_principal_with_portfolio(PortfolioId=portfolio.portfolio_id, PrincipalARN=role_arn, PrincipalType="IAM")


def release_role(servicecatalog: "ServiceCatalogClient", portfolio: Portfolio, role_arn: str) -> None:
    """Service Catalog's ResourceNotFoundException where the portfolio is gone, or the role is not associated with it."""
    servicecatalog.disassociate_principal_from_portfolio(PortfolioId=portfolio.portfolio_id, PrincipalARN=role_arn, PrincipalType="IAM")
