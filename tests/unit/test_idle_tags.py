"""Tags just before stops: by GetResources, where what was written a moment ago shows that it is not behind; else by ListTags for each app."""

import pytest

import steward.idle_actions as acting
import steward.idle_tags as tags_before_stops
from localaws import tagging
from localaws.studio.core import Resource
from steward.idle_tags import AT_ONCE
from tests.unit.idle_world import HOUR, OURS, World

GET, LIST = "resourcegroupstaggingapi:GetResources", "sagemaker:ListTags"


def stops(member: World, domain_id: str, number: int) -> list[Resource]:
    member.spaces(domain_id, "mina", *(f"stop-{each}" for each in range(number)), tags=OURS)
    return [member.lab(domain_id, f"stop-{each}", member.idle(8 * HOUR, noticed=3 * HOUR)) for each in range(number)]


def notice(member: World, domain_id: str) -> Resource:
    return member.lab(domain_id, "code", member.idle(3 * HOUR))


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
    actions = member.decide().actions
    tagging.behaviour(member.cloud).lag = 120
    member.says(back, None)
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["CalledOff", "Noticed"] + ["Stopped"] * len(others)
    assert (calls[LIST], back.status) == (AT_ONCE + 2, "InService")


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
    member.tag(kept.arn, {"steward:keep-until": "2099-12-31"})
    results = dict(zip((action.space_name for action in actions), member.results(actions), strict=True))
    assert results == {"stop-0": "CalledOff", "stop-1": "CalledOff", "stop-2": "Stopped", "code": "Noticed"}
    assert [app.status for app in (back, kept, idle)] == ["InService", "InService", "Deleting"]


def test_in_an_account_that_answers_slowly_tags_are_read_again_before_they_are_old(
    member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody comes back while the first of them are stopped."""
    *_, last = stops(member, domain_id, 4)
    notice(member, domain_id)
    actions, delete = member.decide().actions, acting.delete_app

    def slowly(*asked: object) -> object:
        member.local.advance(11)
        member.says(last, None)
        return delete(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(acting, "delete_app", slowly)
    with member.counted() as calls:
        assert sorted(member.results(actions)) == ["CalledOff", "Noticed", "Stopped", "Stopped", "Stopped"]
    assert (calls[GET], last.status) == (2, "InService")
