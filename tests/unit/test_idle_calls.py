"""How many calls a sweep makes in one account and Region: ⌈N/100⌉ + ⌈S/100⌉ + ⌈R/100⌉ + ⌈K/500⌉ + D + 4·I + 1 at most, N apps, S spaces, R tagged
resources, K Canvas apps, D domains, I acted on: noticed, stopped, or called off by the last look; without a domain one."""

from collections import Counter
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Any

import pytest
from botocore.exceptions import ClientError

import steward.idle_actions as acting
from localaws import tagging
from localaws.studio import behaviour
from localaws.studio.core import Resource, by_arn
from steward.idle_sweeps import MOST_ACTIONS_OF_A_PLACE
from steward.rules.activity import ACTIVITY_TAG, NOTICE_TAG, time_text
from tests.unit.idle_world import ACCOUNT_ID, HOUR, OURS, REGION, World


@dataclass(frozen=True)
class Size:
    """What is in an account: `domains` with `spaces` each, of which `labs` have a running app; `canvas` apps; `gone`: apps that ended today. Of the
    labs `notices` are idle, and `stops` noticed long ago; of Canvas `canvas_notices` and `canvas_stops`."""

    domains: int = 1
    spaces: int = 3
    labs: int = 3
    canvas: int = 0
    gone: int = 0
    notices: int = 0
    stops: int = 0
    canvas_notices: int = 0
    canvas_stops: int = 0
    tagged: bool = True


SIZES = [
    Size(domains=1, spaces=0, labs=0),
    Size(domains=3, spaces=0, labs=0, gone=4),
    Size(),
    Size(notices=1),
    Size(stops=1),
    Size(domains=2, stops=1, notices=2),
    Size(spaces=0, labs=0, canvas=1, canvas_notices=1),
    Size(spaces=0, labs=0, canvas=2, canvas_stops=1, canvas_notices=1),
    Size(domains=2, spaces=60, labs=55, canvas=3, notices=7, stops=5, canvas_notices=1, canvas_stops=1),
    Size(domains=1, spaces=230, labs=205, gone=20, stops=40, notices=20),
    Size(domains=4, spaces=30, labs=25, canvas=501, notices=3, canvas_stops=2),
]


def fill(member: World, size: Size) -> None:
    """Spaces are listed, so they are there; a Canvas app's profile is asked for its tags at most, so the first few are. No health check hides
    anybody."""
    behaviour(member.cloud).health_checks_count_as_activity = False
    tags = OURS if size.tagged else None
    for domain in range(size.domains):
        domain_id = member.domain(tags)
        member.profile(domain_id, "mina", tags)
        member.spaces(domain_id, "mina", *(f"space-{number}" for number in range(size.spaces)), tags=tags)
        first = domain == 0
        for number in range(size.labs):
            stop, notice = first and number < size.stops, first and size.stops <= number < size.stops + size.notices
            idle = 8 * HOUR if stop else 3 * HOUR if notice else HOUR / 2
            member.lab(domain_id, f"space-{number}", {**OURS, **member.idle(idle, noticed=3 * HOUR if stop else None)})
        for number in range(size.canvas if first else 0):
            stop, notice = number < size.canvas_stops, size.canvas_stops <= number < size.canvas_stops + size.canvas_notices
            if stop or notice:
                member.profile(domain_id, f"user-{number}", tags)
            noticed = {NOTICE_TAG: time_text(member.now - 3 * HOUR)} if stop else {}
            member.canvas(domain_id, f"user-{number}", {**noticed, **(tags or {})})
            member.unused(domain_id, f"user-{number}", 8 * HOUR if stop else 3 * HOUR if notice else HOUR / 2)
        for number in range(size.gone if first else 0):
            member.lab(domain_id, f"gone-{number}").attributes["Status"] = "Deleted"


def most_calls(member: World, size: Size) -> int:
    apps = size.domains * size.labs + size.canvas + size.gone
    acted = size.notices + size.stops + size.canvas_notices + size.canvas_stops
    pages = ceil(apps / 100) + ceil(size.domains * size.spaces / 100) + ceil(tagged_resources(member) / 100) + ceil(size.canvas / 500)
    return pages + size.domains + 4 * acted + 1


def tagged_resources(member: World) -> int:
    pages = member.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(ResourceTypeFilters=list(tagging.TYPES))
    return sum(len(page["ResourceTagMappingList"]) for page in pages)


def sweep(member: World) -> tuple[Counter[str], Counter[str]]:
    """The calls of both steps, and what came of each action."""
    with member.counted() as calls:
        actions = member.decide().actions
        results = Counter(member.results(actions)) if actions else Counter[str]()
    return calls, results


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_sweep_makes_no_more_calls_than_it_may(member: World, size: Size) -> None:
    """Trap 28: ten a page would be ten times as many."""
    fill(member, size)
    most = most_calls(member, size)
    calls, results = sweep(member)
    notices, stops = size.notices + size.canvas_notices, size.stops + size.canvas_stops
    assert results == Counter(Noticed=notices, Stopped=stops)
    assert sum(results.values()) <= MOST_ACTIONS_OF_A_PLACE
    assert calls.total() <= most, calls
    assert calls["sagemaker:DescribeApp"] == size.canvas_notices + stops
    assert (calls["sagemaker:AddTags"], calls["sagemaker:DeleteApp"]) == (notices, stops)
    assert calls["sagemaker:ListTags"] == (0 if size.notices else size.stops)  # a notice that was just written shows how good GetResources is
    assert calls["cloudwatch:GetMetricData"] == ceil(size.canvas / 500) + (size.canvas_stops > 0) + (size.canvas_notices > 0)
    assert calls["sagemaker:ListApps"] == max(1, ceil((size.domains * size.labs + size.canvas + size.gone) / 100))


MANY = Size(spaces=70, labs=60, stops=60)
STOPPING = pytest.mark.parametrize("size", [Size(stops=1), Size(stops=3), MANY, Size(domains=2, spaces=60, labs=55, notices=7, stops=5)], ids=str)


def noticed(member: World) -> list[Resource]:
    return [one for one in by_arn(member.cloud, ACCOUNT_ID, REGION).values() if NOTICE_TAG in one.tags]


@STOPPING
def test_stops_that_the_last_look_calls_off_cost_no_more(member: World, size: Size) -> None:
    fill(member, size)
    most = most_calls(member, size)
    with member.counted() as to_decide:
        actions = member.decide().actions
    for app in noticed(member):
        member.says(app, None)
    with member.counted() as to_act:
        results = Counter(member.results(actions))
    assert results == Counter(Noticed=size.notices, CalledOff=size.stops)
    assert to_decide.total() + to_act.total() <= most


@pytest.mark.parametrize(("twice", "result"), [(False, "CalledOff"), (True, "Refused")])
@STOPPING
def test_stops_that_iam_denies_since_somebody_came_back_just_then_cost_no_more(
    member: World, size: Size, twice: bool, result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(member, size)
    if twice:
        monkeypatch.setattr(acting, "hidden_until", lambda *_: member.now + HOUR / 100)
    most, denied = most_calls(member, size), list[Resource]()

    def deny(**named: Any) -> None:
        (app,) = (one for one in noticed(member) if f"/{named['SpaceName']}/" in one.arn)
        app.tag(app.tags | {ACTIVITY_TAG: member.report(None)}, member.cloud.clock.now)
        denied.append(app)
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "an explicit deny"}}, "DeleteApp")

    monkeypatch.setattr(member.sagemaker, "delete_app", deny)
    calls, results = sweep(member)
    assert results == Counter({"Noticed": size.notices, result: size.stops})
    assert len(denied) == size.stops
    assert calls.total() + len(denied) <= most


@pytest.mark.parametrize("others", [0, 1, 2], ids=["all", "one of two", "one of three"])
@pytest.mark.parametrize(
    "size",
    [
        Size(stops=1),
        Size(stops=3),
        MANY,
        Size(domains=2, spaces=60, labs=55, notices=7, stops=5),
        Size(domains=2, spaces=60, labs=60, notices=20, stops=40),
        Size(canvas=1, canvas_stops=1),
        Size(canvas=2, canvas_stops=2, stops=1),
    ],
    ids=str,
)
def test_stops_that_are_looked_at_twice_cost_no_more(member: World, size: Size, others: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since a health check of just now hid who types, of all or of some."""
    fill(member, size)
    most, looks, stops = most_calls(member, size), count(), size.stops + size.canvas_stops
    monkeypatch.setattr(acting, "hidden_until", lambda *_: None if next(looks) % (others + 1) else member.now + HOUR / 100)
    calls, results = sweep(member)
    twice = calls["sagemaker:DescribeApp"] - stops
    assert results == Counter(Noticed=size.notices, Stopped=stops)
    assert (twice == stops) if not others else (0 < twice <= stops)
    assert calls.total() <= most, (calls, most)


def test_an_account_without_a_domain_costs_one_call(member: World) -> None:
    calls, _ = sweep(member)
    assert calls == {"sagemaker:ListApps": 1}


def test_where_no_app_runs_the_list_of_apps_is_all_that_is_asked_for(member: World) -> None:
    fill(member, Size(labs=0, gone=3))
    calls, _ = sweep(member)
    assert calls == {"sagemaker:ListApps": 1}


def test_where_nothing_but_apps_has_tags_what_they_belong_to_is_asked_by_itself_once_each(member: World) -> None:
    """GetResources may be silent on whole types: before a stop it is not believed. That is more than the formula has, by the spaces, profiles and
    domains of what is stopped."""
    fill(member, Size(stops=3, tagged=False))
    most = most_calls(member, Size(stops=3))
    calls, results = sweep(member)
    assert results == {"Stopped": 3}
    assert calls["sagemaker:ListTags"] == 3 + 3 + 1 + 1
    assert calls.total() <= most + 5


def test_where_no_app_has_any_tag_three_at_most_are_asked_in_vain(member: World) -> None:
    """The formula knows nothing of this: two calls for each of three, whether GetResources is silent on apps or they have no tags."""
    fill(member, Size(spaces=0, labs=0, canvas=5, canvas_notices=5, tagged=False))
    most = most_calls(member, Size(spaces=0, labs=0, canvas=5, canvas_notices=5))
    calls, results = sweep(member)
    assert results == {"Noticed": 5}
    assert calls.total() <= most + 2 * 3
