"""How many apps may one sweep stop? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

FEW_APPS = 20
"""Where no more run, a percentage says nothing: half of three."""

Stop = TypeVar("Stop")


@dataclass(frozen=True)
class Cap:
    """At most `most` apps, and at most `percent` of those that run."""

    most: int
    percent: int


def most_stops(running: int, cap: Cap) -> int:
    """`running`: the apps that were seen in service. The percentage is rounded down, and counts only where more than 20 run."""
    return max(0, cap.most if running <= FEW_APPS else min(cap.most, running * cap.percent // 100))


def within_cap(wanted: Sequence[Stop], running: int, cap: Cap) -> tuple[tuple[Stop, ...], tuple[Stop, ...]]:
    """Those that may be stopped, and those beyond the cap. In the order given: whoever calls puts first what has been idle longest."""
    most = most_stops(running, cap)
    return tuple(wanted[:most]), tuple(wanted[most:])
