"""Tags just before stops: by GetResources, where what was written a moment ago shows that it is not behind; else by ListTags for each app."""

from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

import steward.idle_actions as acting
import steward.idle_tags as tags_before_stops
from localaws import tagging
from localaws.studio.core import Resource
from steward.idle_sweeps import Action
from steward.idle_tags import AT_ONCE, MOST_WITNESSES, READ_LATELY, WITNESSED_LATELY, WITNESSES
from steward.resources.tags import MOST_ARNS_OF_A_CALL
from steward.rules.activity import NOTICE_TAG, time_text
from tests.unit.idle_world import HOUR, OURS, World

GET, LIST = "resourcegroupstaggingapi:GetResources", "sagemaker:ListTags"
KEPT = {"steward:keep-until": "2099-12-31"}


def stops(member: World, domain_id: str, number: int) -> list[Resource]:
    member.spaces(domain_id, "mina", *(f"stop-{each}" for each in range(number)), tags=OURS)
    return [member.lab(domain_id, f"stop-{each}", member.idle(8 * HOUR, noticed=3 * HOUR)) for each in range(number)]


def notice(member: World, domain_id: str) -> Resource:
    return member.lab(domain_id, "code", member.idle(3 * HOUR))


def decided(member: World, lag: float = 0) -> tuple[Action, ...]:
    """A while after all was written, so that GetResources knows it, however far it is behind from now on."""
    member.local.advance(600)
    tagging.behaviour(member.cloud).lag = lag
    return member.decide().actions


@pytest.mark.parametrize("number", [1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_where_a_notice_of_just_now_shows_some_stops_are_one_call(member: World, domain_id: str, number: int) -> None:
    stops(member, domain_id, number)
    notice(member, domain_id)
    actions = member.decide().actions
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["Noticed"] + ["Stopped"] * number
    assert (calls[GET], calls[LIST]) == (-(-number // AT_ONCE), 0)


def test_without_a_notice_each_is_asked_for_by_itself(member: World, domain_id: str) -> None:
    stops(member, domain_id, 3)
    actions = member.decide().actions
    with member.counted() as calls:
        assert member.results(actions) == ["Stopped"] * 3
    assert calls[LIST] == 3


def test_where_get_resources_is_behind_what_was_written_nothing_that_it_says_of_an_app_is_believed(member: World, domain_id: str) -> None:
    """Somebody has come back since it was decided, and only ListTags knows."""
    back, *others = stops(member, domain_id, AT_ONCE + 2)
    notice(member, domain_id)
    actions = decided(member, lag=120)
    member.says(back, None)
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["CalledOff", "Noticed"] + ["Stopped"] * len(others)
    assert (calls[LIST], back.status) == (AT_ONCE + 2, "InService")


def test_where_one_of_several_notices_is_missing_nothing_is_believed(member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stops(member, domain_id, 2)
    late, read = notice(member, domain_id), tags_before_stops.read_tags_of
    member.lab(domain_id, "third", member.idle(4 * HOUR))
    actions = member.decide().actions
    monkeypatch.setattr(tags_before_stops, "read_tags_of", lambda *asked: {arn: tags for arn, tags in read(*asked).items() if arn != late.arn})
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["Noticed", "Noticed", "Stopped", "Stopped"]
    assert calls[LIST] == 2


@pytest.mark.parametrize(("lag", "waited"), [(45, 40), (20, 15)])
def test_a_notice_of_a_while_ago_shows_nothing_of_what_was_written_since(member: World, domain_id: str, lag: float, waited: float) -> None:
    """Whoever puts an exception on the app then is heard at the second look: GetResources knows the notice by then, and not the exception."""
    since = member.now - 24 * HOUR - timedelta(seconds=10)
    hidden = member.lab(domain_id, "lab", member.idle(8 * HOUR, noticed=3 * HOUR), created=since)
    notice(member, domain_id)
    actions, clock = decided(member, lag), member.local.clock
    clock.at(clock.now + waited, lambda: hidden.tag(hidden.tags | KEPT, clock.now))
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["CalledOff", "Noticed"]
    assert (calls[LIST], hidden.status) == (1, "InService")


@pytest.mark.parametrize("lag", [0, 120])
def test_of_canvas_it_is_believed_unless_it_is_seen_to_be_behind(member: World, domain_id: str, lag: float) -> None:
    canvas = member.canvas(domain_id, "mina", {NOTICE_TAG: time_text(member.now - 3 * HOUR)})
    member.unused(domain_id, "mina", 8 * HOUR)
    if lag:
        notice(member, domain_id)
    actions = decided(member, lag)
    member.tag(canvas.arn, KEPT)
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["CalledOff", "Noticed"][: len(actions)]
    assert (calls[LIST], canvas.status) == (len(actions) - 1, "InService")


def test_that_it_was_seen_to_be_behind_holds_for_canvas_at_second_looks_too(member: World, domain_id: str) -> None:
    """At the first look all that was seen of it is a stop that was asked for by itself."""
    stops(member, domain_id, 1)
    notice(member, domain_id)
    since = member.now - 24 * HOUR - timedelta(seconds=10)
    canvas = member.canvas(domain_id, "mina", {NOTICE_TAG: time_text(member.now - 3 * HOUR)}, created=since)
    member.local.clock.at(member.local.clock.now + 600, lambda: member.unused(domain_id, "mina", 8 * HOUR))
    actions, clock = decided(member, lag=300), member.local.clock
    clock.at(clock.now + 20, lambda: canvas.tag(canvas.tags | KEPT, clock.now))
    results = dict(zip((action.app_type + action.verdict for action in actions), member.results(actions), strict=True))
    assert results == {"JupyterLabStop": "Stopped", "JupyterLabNotice": "Noticed", "CanvasStop": "CalledOff"}


def test_where_canvas_apps_are_stopped_slowly_their_tags_are_asked_for_by_themselves(
    member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = []
    for person in ("mina", "ada"):
        member.profile(domain_id, person, OURS) if person == "ada" else None
        apps.append(member.canvas(domain_id, person, {NOTICE_TAG: time_text(member.now - 3 * HOUR)}))
        member.unused(domain_id, person, 8 * HOUR)
    actions, delete = member.decide().actions, acting.delete_app

    def slowly(*asked: object) -> object:
        member.local.advance(READ_LATELY.total_seconds())
        for app in apps:
            member.tag(app.arn, KEPT)
        return delete(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(acting, "delete_app", slowly)
    with member.counted() as calls:
        assert member.results(actions) == ["Stopped", "CalledOff"]
    assert (calls[GET], calls[LIST]) == (1, 1)


def test_a_notice_is_a_witness_for_some_seconds_and_later_ones_for_the_next_stops(
    member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first thirteen some come too late for theirs, and are asked for one by one."""
    stops(member, domain_id, AT_ONCE + 4)
    for each in range(2 * WITNESSES):
        member.lab(domain_id, f"notice-{each}", member.idle(3 * HOUR))
    actions, delete, asked = member.decide().actions, acting.delete_app, count()

    def slowly(*named: object) -> object:
        member.local.advance(WITNESSED_LATELY.total_seconds() if next(asked) == 5 else 0)
        return delete(*named)  # type: ignore[arg-type]

    monkeypatch.setattr(acting, "delete_app", slowly)
    with member.counted() as calls:
        assert Counter(member.results(actions)) == Counter(Stopped=AT_ONCE + 4, Noticed=2 * WITNESSES)
    assert (calls[GET], calls[LIST]) == (3, AT_ONCE - 6)


@pytest.mark.parametrize("spelled", ["Stop-7", "stop-7"])
def test_an_exception_on_a_space_is_heard_however_its_name_is_spelled_in_its_arn(
    member: World, domain_id: str, spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with thirteen of them, in both cases, and nine notices, a call asks for a hundred ARNs at most."""
    member.spaces(domain_id, "mina", *(f"Stop-{each}" for each in range(AT_ONCE)), tags=OURS)
    for each in range(AT_ONCE):
        member.lab(domain_id, f"Stop-{each}", member.idle(8 * HOUR, noticed=3 * HOUR))
    for each in range(WITNESSES):
        member.lab(domain_id, f"notice-{each}", member.idle(3 * HOUR))
    actions, asked, read = member.decide().actions, list[int](), tags_before_stops.read_tags_of

    def read_tags_of(api: Any, arns: list[str]) -> dict[str, dict[str, str]]:
        asked.append(len(arns))
        plain = {arn: tags for arn, tags in read(api, arns).items() if not arn.endswith(f"space/{domain_id}/stop-7")}
        return plain | {arn: KEPT for arn in arns if arn.endswith(f":space/{domain_id}/{spelled}")}

    monkeypatch.setattr(tags_before_stops, "read_tags_of", read_tags_of)
    results = dict(zip((action.space_name for action in actions), member.results(actions), strict=True))
    assert [name for name, result in results.items() if result == "CalledOff"] == ["Stop-7"]
    assert asked == [WITNESSES + 3 * AT_ONCE + 2]
    assert MOST_WITNESSES + 7 * AT_ONCE <= MOST_ARNS_OF_A_CALL


def test_an_app_that_get_resources_forgot_is_asked_for_by_itself(member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stops(member, domain_id, 3)
    witness, read = notice(member, domain_id), tags_before_stops.read_tags_of
    actions = member.decide().actions
    monkeypatch.setattr(tags_before_stops, "read_tags_of", lambda *asked: {arn: tags for arn, tags in read(*asked).items() if arn == witness.arn})
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["Noticed", "Stopped", "Stopped", "Stopped"]
    assert calls[LIST] == 3


@pytest.mark.parametrize("silent", ["sagemaker:app", "sagemaker:space", ""])
def test_whoever_comes_back_and_whatever_is_to_be_kept_between_decision_and_stop_is_heard(member: World, domain_id: str, silent: str) -> None:
    back, kept, idle = stops(member, domain_id, 3)
    notice(member, domain_id)
    actions = member.decide().actions
    tagging.behaviour(member.cloud).unknown_types = frozenset({silent})
    member.says(back, None)
    member.tag(kept.arn, KEPT)
    results = dict(zip((action.space_name for action in actions), member.results(actions), strict=True))
    assert results == {"stop-0": "CalledOff", "stop-1": "CalledOff", "stop-2": "Stopped", "code": "Noticed"}
    assert [app.status for app in (back, kept, idle)] == ["InService", "InService", "Deleting"]


def test_in_an_account_that_answers_slowly_tags_are_read_again_before_they_are_old(
    member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody comes back while the first of them are stopped."""
    first, *others = stops(member, domain_id, 4)
    notice(member, domain_id)
    actions, delete = member.decide().actions, acting.delete_app

    def slowly(*asked: object) -> object:
        member.local.advance(READ_LATELY.total_seconds())
        for app in others:
            member.says(app, None)
        return delete(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(acting, "delete_app", slowly)
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["CalledOff", "CalledOff", "CalledOff", "Noticed", "Stopped"]
    assert (calls[GET], calls[LIST]) == (2, 0)
    assert [app.status for app in (first, *others)] == ["Deleting", "InService", "InService", "InService"]
