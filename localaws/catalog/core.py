"""What portfolios, their principals and SageMaker's templates have in common."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from localaws.cloud import AwsError, Call, Cloud
from localaws.paging import page

PROVIDER = "Amazon SageMaker"
DISPLAY_NAMES = ("Amazon SageMaker Solutions and ML Ops products", "Amazon SageMaker AI Solutions and ML Ops products")
"""Of the portfolio with SageMaker's templates: AWS's documentation has both."""

MOST_IN_A_PAGE = 20

T = TypeVar("T")


@dataclass
class Behaviour:
    """How Service Catalog behaves in one cloud: how long things take, and which answer AWS gives where its documentation leaves it open."""

    import_seconds: float | None = 10
    """From EnableSagemakerServicecatalogPortfolio until the account has the portfolio; None: it never comes. AWS's samples sleep 10 seconds."""
    enabling_accepts: bool = True
    """Whether SageMaker accepts the portfolio's share in the name of whoever enables its templates, who then needs AcceptPortfolioShare. AWS's
    samples allow that to callers who never call it themselves; no reference says it."""
    display_name: str = DISPLAY_NAMES[0]
    disabled_portfolio: Literal["stays", "goes"] = "goes"
    """Whether the account still has the portfolio once SageMaker's use of it is disabled. If it goes, so do its principals here. Not verified."""
    largest_page: int = MOST_IN_A_PAGE
    """No answer has more, whatever PageSize asks for: botocore's model lets requests for accepted shares ask for 100, AWS's guide speaks of 20."""
    missing_principal: Literal["associated", "InvalidParametersException", "ResourceNotFoundException"] = "InvalidParametersException"
    """Associating an IAM principal of one's own account that is not there. Not verified."""
    looks_as_caller: bool = True
    """Associating an IAM principal needs ``iam:GetRole`` (GetUser, GetGroup) on it: AWS's samples that do nothing else give it. Not verified."""
    not_associated: Literal["ResourceNotFoundException", "ignored"] = "ResourceNotFoundException"
    """Disassociating a principal that is not associated. The error is modelled; of what it tells AWS does not say."""
    imported_takes_patterns: bool = True
    """Whether a portfolio of another account can be associated with IAM_PATTERN principals. Not verified."""


@dataclass(eq=False)
class Portfolio:
    """A portfolio of the account `owner`; `shared_with` are accounts that may accept it. `arn` has the owner's account in it."""

    id: str
    owner: str
    region: str
    name: str
    provider: str
    created: datetime
    number: int
    description: str | None = None
    tags: list[dict[str, str]] = field(default_factory=list)
    shared_with: set[str] = field(default_factory=set)

    @property
    def arn(self) -> str:
        return f"arn:aws:catalog:{self.region}:{self.owner}:portfolio/{self.id}"

    def detail(self) -> dict[str, Any]:
        """Its PortfolioDetail."""
        described = {"Description": self.description} if self.description is not None else {}
        return {"Id": self.id, "ARN": self.arn, "DisplayName": self.name, "CreatedTime": self.created, "ProviderName": self.provider, **described}


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test or a demo changes its fields."""
    found: Behaviour = cloud.table("servicecatalog:Behaviour", "", "").setdefault("catalog", Behaviour())
    return found


def portfolios(cloud: Cloud, region: str) -> dict[str, Portfolio]:
    """All accounts' portfolios by their ids."""
    return cloud.table("servicecatalog:Portfolio", "", region)


def accepted(cloud: Cloud, account: str, region: str) -> dict[str, int]:
    """The ids of the portfolios that an account has of others, each with its place in the order of acceptance."""
    return cloud.table("servicecatalog:Accepted", account, region)


def principals(cloud: Cloud, account: str, region: str, portfolio_id: str) -> dict[tuple[str, str], int]:
    """By ARN and type, each with its place in the order of association. Each account has its own for a portfolio."""
    of_account = cloud.table("servicecatalog:Principal", account, region)
    found: dict[tuple[str, str], int] = of_account.setdefault(portfolio_id, {})
    return found


def next_number(cloud: Cloud) -> int:
    numbers = cloud.table("servicecatalog:Number", "", "")
    numbers["last"] = numbers.get("last", 0) + 1
    return int(numbers["last"])


def make(cloud: Cloud, region: str, owner: str, name: str, provider: str, description: str | None = None) -> Portfolio:
    portfolio_id = f"port-{cloud.identifier(13)}"
    portfolio = Portfolio(portfolio_id, owner, region, name, provider, cloud.clock.datetime(), next_number(cloud), description)
    portfolios(cloud, region)[portfolio_id] = portfolio
    return portfolio


def usable(cloud: Cloud, call: Call, portfolio_id: str) -> Portfolio:
    """A portfolio of the caller's account, or one that it has accepted."""
    portfolio = portfolios(cloud, call.region).get(portfolio_id)
    if portfolio is None or (portfolio.owner != call.account and portfolio_id not in accepted(cloud, call.account, call.region)):
        raise not_found(portfolio_id)
    return portfolio


def not_found(portfolio_id: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Portfolio {portfolio_id} not found.")


def paged(cloud: Cloud, call: Call, items: Iterable[tuple[int, T]], size: int | None) -> tuple[list[T], dict[str, str]]:
    """One page of numbered items, and the NextPageToken if there is more."""
    shown, token = page(
        items,
        key=lambda item: [item[0]],
        scope=[call.operation, call.account, call.region, call.params.get("PortfolioId"), call.params.get("PortfolioShareType")],
        size=min(size or MOST_IN_A_PAGE, behaviour(cloud).largest_page),
        token=call.params.get("PageToken"),
        wrong_token=AwsError("InvalidParametersException", "PageToken is not valid: give the one that the request before answered."),
    )
    return [item for _, item in shown], {"NextPageToken": token} if token else {}
