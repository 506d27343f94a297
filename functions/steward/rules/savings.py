"""What does it save to stop an app that is idle? An estimate, since nobody knows when its user would have come back. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from steward.rules.prices import hourly_price

MOST = timedelta(hours=24)
"""No stop counts for more than a day, however long nobody had come."""


def hours_saved(idle_since: datetime | None, stopped: datetime) -> float:
    """As long again as it has been idle, a day at most. Where only its age speaks against an app nothing is claimed."""
    if idle_since is None:
        return 0.0
    return round(min(max(stopped - idle_since, timedelta(0)), MOST) / timedelta(hours=1), 2)


def money_saved(instance_type: str | None, hours: float) -> float | None:
    """In the currency of the price table; None where nobody knows the price."""
    price = hourly_price(instance_type)
    return None if price is None else round(price * hours, 2)


@dataclass(frozen=True)
class Savings:
    """`unpriced`: hours by instance type where nobody knows the price; they are in `hours` and not in `money`. Under ``""``: of no type."""

    hours: float = 0.0
    money: float = 0.0
    unpriced: dict[str, float] = field(default_factory=dict)


def total_savings(stops: Iterable[tuple[str | None, float]]) -> Savings:
    """Of many, each with its instance type and its hours."""
    hours: dict[str, float] = defaultdict(float)
    for instance_type, saved in stops:
        hours[instance_type or ""] += saved
    prices = {kind: hourly_price(kind) for kind in hours}
    return Savings(
        round(sum(hours.values()), 2),
        round(sum((price or 0.0) * hours[kind] for kind, price in prices.items()), 2),
        {kind: round(hours[kind], 2) for kind, price in sorted(prices.items()) if price is None and hours[kind]},
    )
