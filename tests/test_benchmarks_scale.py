"""One sweep over many accounts that answer once a second: in how much time, in how many calls, with how many history events."""

from math import ceil
from pathlib import Path

import pytest
import yaml

from benchmarks.idle_apps import scale
from benchmarks.idle_apps.scale import EVENTS_AT_MOST, MINUTES_AT_MOST, Size

ACCOUNTS, REGIONS, APPS = 5, 4, 20
MACHINE = yaml.safe_load((Path(__file__).resolve().parents[1] / "statemachines" / "idle_app_shutdown.asl.yaml").read_text(encoding="utf-8"))
MAPS = [MACHINE["States"][name] for name in ("LookAtApps", "ActOnApps")]


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    return {row.metric: row.value for row in scale.measure(Size(ACCOUNTS, REGIONS, APPS), seed=1)}


def test_every_app_is_looked_at_and_every_idle_one_noticed_or_stopped(figures: dict[str, float]) -> None:
    """Though the accounts throttle: what they refuse is asked again until they answer."""
    places = ACCOUNTS * REGIONS
    assert (figures["apps"], figures["noticed"], figures["stopped"]) == (places * APPS, places, places)
    assert figures["throttled"] > 0


def test_accounts_that_throttle_are_asked_more_slowly_and_not_more_often(figures: dict[str, float]) -> None:
    assert figures["throttled"] < figures["calls"] / 3


def test_as_many_batches_as_a_thousand_accounts_are_end_in_fifteen_minutes(figures: dict[str, float]) -> None:
    """One batch after the other takes as long as the longest of these, and a hundred go beside each other."""
    in_turn = max(ceil(1_000 * REGIONS / one["ItemBatcher"]["MaxItemsPerBatch"] / one["MaxConcurrency"]) for one in MAPS)
    assert figures["virtual_minutes"] * in_turn < MINUTES_AT_MOST


def test_no_execution_has_more_than_a_handful_of_history_events(figures: dict[str, float]) -> None:
    """Children of a Distributed Map have histories of their own: that of the run is as long for a thousand accounts as for five."""
    assert figures["history_events"] <= figures["history_events_at_most"] < EVENTS_AT_MOST / 50
