"""The benchmark of reconciliation: a converged organization is left as it is, and what that takes is what the workflow's page says."""

from math import ceil

import pytest

from benchmarks import converged, reconciliation
from benchmarks.converged import Seeding, Size
from benchmarks.results import Row

SIZE = Size(domains=2, profiles=3, spaces=1)
REGIONS = 2
OF_EACH_BATCH = (
    "sagemaker:GetSagemakerServicecatalogPortfolioStatus",
    "servicecatalog:ListAcceptedPortfolioShares",
    "servicecatalog:ListPrincipalsForPortfolio",
    "sagemaker:DescribeStudioLifecycleConfig",
)
"""What an account and Region cost in each batch in which domains of it are."""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return reconciliation.measure([4, 2], SIZE, seed=3)


def values(rows: list[Row], case: str) -> dict[str, float]:
    return {row.metric: row.value for row in rows if row.case == case}


@pytest.mark.parametrize("accounts", [2, 4])
def test_calls_are_as_the_page_says_and_nothing_is_written(rows: list[Row], accounts: int) -> None:
    """docs/workflows/reconciliation.md, "What a run costs"."""
    found = values(rows, f"{accounts} accounts")
    places = accounts * REGIONS
    domains = places * SIZE.domains
    expected = {
        "organizations:ListTagsForResource": accounts,
        "sagemaker:ListDomains": places,
        "sagemaker:DescribeDomain": domains,
        "sagemaker:ListUserProfiles": domains,
        "sagemaker:ListSpaces": domains,
        "sagemaker:DescribeUserProfile": domains * SIZE.profiles,
        "sagemaker:DescribeSpace": domains * SIZE.spaces,
        "resourcegroupstaggingapi:GetResources": domains,
    }
    assert all(found[action] >= places for action in OF_EACH_BATCH), "in a batch or two"
    assert found["iam:SimulatePrincipalPolicy"] == domains * 4, "each domain has a role of its own"
    assert {action: found[action] for action in expected} == expected
    assert found["profiles"] == domains * SIZE.profiles
    assert found["lambda:Invoke"] == 3 + ceil(places / 10) + ceil(domains / 10)
    assert (found["writes in members"], found["executions started"]) == (0, 0)
    assert found["calls"] == sum(value for metric, value in found.items() if ":" in metric)


def test_profiles_that_lost_their_tags_have_an_execution_each(rows: list[Row]) -> None:
    profiles = 2 * REGIONS * SIZE.domains * SIZE.profiles
    lost = ceil(profiles / reconciliation.ONE_IN)
    assert values(rows, f"2 accounts, {lost} profiles without tags")["executions started"] == lost


def test_growth_is_told_from_the_smallest_to_the_largest(rows: list[Row]) -> None:
    growth = values(rows, "2 to 4 accounts")
    small, large = values(rows, "2 accounts"), values(rows, "4 accounts")
    assert growth["calls an account"] == pytest.approx(large["calls"] / small["calls"] / 2, abs=0.001)
    assert growth["calls an account"] <= 1, "what is done once a run is shared by more accounts"


def test_an_organization_that_is_not_converged_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forgets a tag in seeding hears of it."""
    everything = Seeding._cost_tags
    monkeypatch.setattr(Seeding, "_cost_tags", lambda self, account: dict(list(everything(self, account).items())[1:]))
    with pytest.raises(RuntimeError, match="nothing was missing, yet there were"):
        reconciliation.measure([1], Size(domains=1, profiles=1), seed=3)


def test_accounts_are_numbered_and_different() -> None:
    accounts = [converged.account(number) for number in range(500)]
    assert len({account.id for account in accounts}) == len({account.name for account in accounts}) == 500
    assert {len(account.id) for account in accounts} == {12}
