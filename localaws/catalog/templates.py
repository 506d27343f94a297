"""SageMaker's switch for its project templates: it makes Service Catalog import the portfolio of AWS's that has them, in one account and Region.

Source: botocore, the three operations; "in each account and Region" is inferred from their endpoints. The portfolio has an id of its own in each
account here, and the same one again if it comes a second time: neither is observed on AWS.
"""

from dataclasses import replace
from typing import Any

from localaws.authorization import require
from localaws.catalog import core
from localaws.cloud import Call, Cloud, operation

_OWNER = "999999999999"
"""Stands for the account of AWS's that shares the portfolio."""


def _switch(cloud: Cloud, account: str, region: str) -> dict[str, Any]:
    """``enabled``, and the ``portfolio`` once they were."""
    return cloud.table("sagemaker:Servicecatalog", account, region)


@operation("sagemaker", "EnableSagemakerServicecatalogPortfolio")
def enable(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Enabled at once, and again without an error; the portfolio comes later, or not at all."""
    switch, seconds = _switch(cloud, call.account, call.region), core.behaviour(cloud).import_seconds
    if "portfolio" not in switch:
        switch["portfolio"] = core.make(cloud, call.region, _OWNER, core.behaviour(cloud).display_name, core.PROVIDER)
    if core.behaviour(cloud).enabling_accepts:
        in_their_name = replace(call, principal=replace(call.principal, invoked_by="sagemaker.amazonaws.com"))
        require(cloud, in_their_name, "servicecatalog:AcceptPortfolioShare", switch["portfolio"].arn, call.account)
    if not switch.get("enabled"):
        since = switch["enabled"] = cloud.uuid()
        if seconds is not None:
            cloud.clock.later(seconds, lambda: _import(cloud, call.account, call.region, since))
    return {}


def _import(cloud: Cloud, account: str, region: str, since: str) -> None:
    switch = _switch(cloud, account, region)
    if switch.get("enabled") != since:
        return
    core.accepted(cloud, account, region).setdefault(switch["portfolio"].id, core.next_number(cloud))


@operation("sagemaker", "DisableSagemakerServicecatalogPortfolio")
def disable(cloud: Cloud, call: Call) -> dict[str, Any]:
    switch = _switch(cloud, call.account, call.region)
    switch["enabled"] = None
    if "portfolio" in switch and core.behaviour(cloud).disabled_portfolio == "goes":
        core.accepted(cloud, call.account, call.region).pop(switch["portfolio"].id, None)
        core.principals(cloud, call.account, call.region, switch["portfolio"].id).clear()
    return {}


@operation("sagemaker", "GetSagemakerServicecatalogPortfolioStatus")
def status(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"Status": "Enabled" if _switch(cloud, call.account, call.region).get("enabled") else "Disabled"}
