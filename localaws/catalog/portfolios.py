"""Portfolios of an account, and those that others have shared with it. Source: AWS Service Catalog API Reference."""

from typing import Any

from localaws.catalog import core
from localaws.cloud import Call, Cloud, Refused, operation

_HERE = "localaws/catalog/portfolios.py"


@operation("servicecatalog", "CreatePortfolio")
def create_portfolio(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Asked again with the same IdempotencyToken, the same portfolio is answered."""
    asked = {name: value for name, value in call.params.items() if name != "AcceptLanguage"}
    tokens = cloud.table("servicecatalog:IdempotencyToken", call.account, call.region)
    known = next((portfolio for before, portfolio in tokens.get(asked["IdempotencyToken"], []) if before == asked), None)
    portfolio = known or core.make(cloud, call.region, call.account, asked["DisplayName"], asked["ProviderName"], asked.get("Description"))
    if known is None:
        portfolio.tags = asked.get("Tags", [])
        tokens.setdefault(asked["IdempotencyToken"], []).append((asked, portfolio))
    return {"PortfolioDetail": portfolio.detail(), "Tags": portfolio.tags}


@operation("servicecatalog", "CreatePortfolioShare")
def create_portfolio_share(cloud: Cloud, call: Call) -> dict[str, Any]:
    """With one account, by the owner; shared already, it stays so without an error."""
    if "AccountId" not in call.params or call.params.get("ShareTagOptions") or call.params.get("SharePrincipals"):
        raise Refused(f"{call.action} other than with one AccountId, without tag options and principals: localaws does not do that ({_HERE})")
    portfolio = core.portfolios(cloud, call.region).get(call.params["PortfolioId"])
    if portfolio is None or portfolio.owner != call.account:
        raise core.not_found(call.params["PortfolioId"])
    portfolio.shared_with.add(call.params["AccountId"])
    return {}


@operation("servicecatalog", "AcceptPortfolioShare")
def accept_portfolio_share(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Of an account's share, whose type is IMPORTED: there are no others here, and AWS does not find what is asked for by a wrong type."""
    portfolio = core.portfolios(cloud, call.region).get(call.params["PortfolioId"])
    imported = call.params.get("PortfolioShareType", "IMPORTED") == "IMPORTED"
    if portfolio is None or call.account not in portfolio.shared_with or not imported:
        raise core.not_found(call.params["PortfolioId"])
    core.accepted(cloud, call.account, call.region).setdefault(portfolio.id, core.next_number(cloud))
    return {}


@operation("servicecatalog", "ListAcceptedPortfolioShares")
def list_accepted_portfolio_shares(cloud: Cloud, call: Call) -> dict[str, Any]:
    """In the order of acceptance. A wrong PortfolioShareType has an empty list, no error."""
    imported = call.params.get("PortfolioShareType", "IMPORTED") == "IMPORTED"
    known = core.portfolios(cloud, call.region)
    found = [(number, known[each]) for each, number in core.accepted(cloud, call.account, call.region).items()] if imported else []
    shown, token = core.paged(cloud, call, found, call.params.get("PageSize"))
    return {"PortfolioDetails": [portfolio.detail() for portfolio in shown], **token}
