"""What a stop saves: an estimate that says what it rests on, and claims nothing where nothing is known."""

from datetime import UTC, datetime, timedelta

import pytest

from steward.rules.prices import hourly_price
from steward.rules.savings import Savings, hours_saved, money_saved, total_savings

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("idle", "saved"),
    [
        (timedelta(hours=4), 4.0),
        (timedelta(minutes=130), 2.17),
        (timedelta(hours=24), 24.0),
        (timedelta(days=9), 24.0),
        (timedelta(minutes=-5), 0.0),
    ],
)
def test_a_stop_saves_as_long_again_as_the_app_was_idle_and_a_day_at_most(idle: timedelta, saved: float) -> None:
    assert hours_saved(NOW - idle, NOW) == saved


def test_where_only_its_age_speaks_against_an_app_nothing_is_claimed() -> None:
    assert hours_saved(None, NOW) == 0.0


def test_money_is_counted_where_the_price_is_known() -> None:
    price = hourly_price("ml.t3.medium")
    assert price is not None
    assert money_saved("ml.t3.medium", 10) == round(10 * price, 2)
    assert money_saved("ml.nobody.knows", 10) is None
    assert money_saved(None, 10) is None


def test_the_sum_says_which_hours_have_no_price() -> None:
    price = hourly_price("ml.t3.medium")
    assert price is not None
    found = total_savings([("ml.t3.medium", 2.5), ("ml.t3.medium", 1.5), ("ml.nobody.knows", 3.0), (None, 1.0), ("ml.other", 0.0)])
    assert found == Savings(8.0, round(4 * price, 2), {"": 1.0, "ml.nobody.knows": 3.0})
    assert total_savings([]) == Savings()
