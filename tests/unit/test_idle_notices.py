"""What a notice is dated, and how long it holds: from the sweep that gives it to the one that stops."""

from datetime import timedelta

import pytest

from localaws.studio import behaviour
from localaws.studio.core import Resource
from steward.rules.activity import BACKDATED_AT_MOST, BEAT, CALLED_OFF, NOTICE_TAG, SKEW, time_text
from steward.rules.idle import FRESH
from tests.unit.idle_world import HOUR, POLICY, World
from tests.unit.test_idle_actions import decided, described, only


@pytest.mark.parametrize("late", [(0, 0, 0), (60, 0, 0), (0, 60, 0), (59, 31, 1), (60, 60, 60)])
@pytest.mark.parametrize("takes", [5, 500])
def test_the_second_hourly_sweep_after_a_notice_stops_whenever_in_its_minute_the_schedule_fires(
    member: World, fresh: Resource, late: tuple[int, int, int], takes: int
) -> None:
    """Seconds that each run starts after its time, and until it comes to act. To decide takes no time here, so that the last one is just in time."""
    behaviour(member.cloud).health_checks_count_as_activity = False  # else they may hide who types when it is acted
    member.local.advance(HOUR.total_seconds() - member.local.clock.now % 3600)
    first, results = member.now, list[list[str]]()
    for number, seconds in enumerate(late):
        scheduled = first + number * HOUR
        member.says(fresh, 4 * HOUR + number * HOUR)
        member.local.advance((scheduled - member.now).total_seconds() + seconds)
        results.append(member.sweep(after=takes, as_of=scheduled))
    assert results == [["Noticed"], ["Keep: InGrace"], ["Stopped"]]


def test_a_redrive_hours_later_gives_the_whole_grace(member: World, fresh: Resource) -> None:
    actions, scheduled = decided(member, "Notice"), member.now
    member.local.advance(5 * 3600)
    member.says(fresh, 8 * HOUR)
    (done,) = member.act(actions, attempt=1, as_of=scheduled).done
    dated = member.now.replace(microsecond=0)
    assert (done.result, done.at, member.tags_of(fresh.arn)[NOTICE_TAG]) == ("Noticed", dated, time_text(dated))
    member.local.advance(POLICY.grace.total_seconds() - 60)
    member.says(fresh, 10 * HOUR)
    assert member.decide().reasons == {"Keep: InGrace": 1}
    member.local.advance(61)
    assert member.decide().reasons == {"Stop: Idle": 1}


def test_a_second_try_after_hours_knows_the_notice_of_the_first_and_tells_the_same_time(member: World, fresh: Resource) -> None:
    actions, scheduled = decided(member, "Notice"), member.now
    member.local.advance(300)
    first = member.act(actions, as_of=scheduled).done[0]
    member.local.advance(1.5 * 3600)
    member.says(fresh, 4 * HOUR)
    again = member.act(actions, attempt=1, as_of=scheduled).done[0]
    assert (first.at, again.at, again.result) == (scheduled.replace(microsecond=0),) * 2 + ("Noticed",)


@pytest.mark.parametrize(("late", "dated"), [(0, 0), (60, 0), (599, 0), (601, 601), (3600, 3600)])
def test_a_notice_is_never_dated_more_than_ten_minutes_before_it_is_written(member: World, fresh: Resource, late: int, dated: int) -> None:
    scheduled = member.now.replace(microsecond=0)
    actions = decided(member, "Notice")
    member.local.advance((scheduled - member.now).total_seconds() + late)
    (done,) = member.act(actions, as_of=scheduled).done
    assert done.at == scheduled + timedelta(seconds=dated)
    assert member.tags_of(fresh.arn)[NOTICE_TAG] == time_text(done.at)


def test_a_run_for_a_time_that_is_still_to_come_dates_nothing_ahead(member: World, fresh: Resource) -> None:
    assert member.act(decided(member, "Notice"), as_of=member.now + 5 * HOUR).done[0].at == member.now.replace(microsecond=0)


def test_what_is_known_of_clocks_holds_for_the_date_of_a_notice() -> None:
    """What leads to a stop was seen after the notice was written, whatever its clock: a live reporter has put a forged tag right by then."""
    assert timedelta() < BACKDATED_AT_MOST < SKEW
    assert 2 * BEAT - BACKDATED_AT_MOST - FRESH > SKEW


def test_trap_22_after_a_visit_that_only_describe_app_knew_the_next_stop_has_a_notice_that_is_newer_than_it(member: World, lab: Resource) -> None:
    """Trap 22. A minute later a health check has overwritten the visit, and the reporter, which did not see it, still says idle."""
    visited = member.now - timedelta(minutes=30)
    with described(last_user_activity=visited, last_health_check=member.now):
        assert only(member, decided(member, "Stop"))[0] == "CalledOff"
    assert member.tags_of(lab.arn)[NOTICE_TAG] == CALLED_OFF == "1970-01-01T00:00:00Z"
    results = list[str]()
    for hours in (9, 10, 11):
        member.local.advance(3600)
        member.says(lab, hours * HOUR)
        results += member.sweep()
    assert results == ["Noticed", "Keep: InGrace", "Stopped"]
