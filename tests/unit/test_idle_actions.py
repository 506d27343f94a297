"""The step StopIdleApps for one account and Region: each app looked at once more, and whatever comes of it a line of the result."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import steward.idle_actions as acting
from localaws import tagging
from localaws.studio import behaviour
from localaws.studio.core import SECONDS, Resource, forget
from steward.errors import OutOfTime
from steward.idle_sweeps import MOST_ACTIONS_OF_A_PLACE, Action, ActionPlace
from steward.idle_tags import AT_ONCE, WITNESSES
from steward.resources.apps import DescribedApp
from steward.rules.activity import ACTIVITY_TAG, CALLED_OFF, NOTICE_TAG, time_text
from steward.rules.quiet_hours import QuietHours
from steward.sweeps import trouble
from tests.unit.idle_world import HOUR, OURS, PLACE, POLICY, World


def decided(member: World, verdict: str | None = None) -> tuple[Action, ...]:
    actions = member.decide().actions
    assert actions, "there is something to do"
    assert verdict is None or {action.verdict for action in actions} == {verdict}
    return actions


def only(member: World, actions: tuple[Action, ...], **more: Any) -> tuple[str, str]:
    (done,) = member.act(actions, **more).done
    return done.result.value, done.message


# -- notices and stops


def test_a_notice_is_one_tag_on_the_app_with_the_time_and_nothing_else_is_touched(member: World, domain_id: str, fresh: Resource) -> None:
    bystander = member.lab(domain_id, "code", OURS)
    before = member.tags_of(fresh.arn)
    assert only(member, decided(member, "Notice"))[0] == "Noticed"
    assert member.tags_of(fresh.arn).keys() - before.keys() == {NOTICE_TAG}
    assert member.tags_of(fresh.arn)[NOTICE_TAG][:16] == time_text(member.now)[:16]
    assert (fresh.status, bystander.status, member.tags_of(bystander.arn)) == ("InService", "InService", OURS)


def test_after_its_grace_an_app_is_stopped_and_only_that(member: World, domain_id: str, lab: Resource) -> None:
    others = [member.lab(domain_id, "code", member.idle(timedelta(minutes=5))), member.canvas(domain_id, "mina", OURS)]
    assert only(member, decided(member, "Stop"))[0] == "Stopped"
    assert lab.status == "Deleting"
    assert [app.status for app in others] == ["InService"] * 2


def test_trap_27_apps_of_profiles_and_of_spaces_are_stopped_as_what_they_are(member: World, domain_id: str, lab: Resource) -> None:
    canvas = member.canvas(domain_id, "mina", {NOTICE_TAG: time_text(member.now - 3 * HOUR)})
    member.unused(domain_id, "mina", 8 * HOUR)
    assert member.results(decided(member, "Stop")) == ["Stopped"] * 2
    assert (lab.status, canvas.status) == ("Deleting", "Deleting")


@pytest.mark.parametrize("segment", ["lower", "as given"])
def test_the_tag_is_written_under_the_arn_that_describe_app_says(member: World, domain_id: str, segment: Any) -> None:
    behaviour(member.cloud).app_type_in_arn = segment
    app = member.lab(domain_id, "lab", member.idle(3 * HOUR))
    assert only(member, decided(member))[0] == "Noticed"
    assert NOTICE_TAG in member.tags_of(app.arn)


def test_stops_come_before_notices_but_for_the_few_that_show_how_good_get_resources_is(member: World, domain_id: str) -> None:
    called_off(member, domain_id)
    for number in range(2 * WITNESSES + 2):
        member.lab(domain_id, f"notice-{number}", member.idle(3 * HOUR))
    for number in range(AT_ONCE + 1):
        member.lab(domain_id, f"stop-{number}", member.idle(8 * HOUR, noticed=3 * HOUR))
    done = member.act(decided(member)).done
    first, second = ["Notice"] * WITNESSES + ["Stop"] * AT_ONCE, ["Notice"] * WITNESSES + ["Stop"]
    assert [one.verdict for one in done] == first + second + ["Notice"] * 3
    assert done[-1].space_name == "code", "who has to be asked for can wait longest"


# -- evidence read again


def test_who_comes_back_between_decision_and_stop_goes_on_working(member: World, lab: Resource) -> None:
    """What was known when it was decided counts no more: what is known just before DeleteApp does."""
    actions = decided(member, "Stop")
    member.says(lab, None)
    assert only(member, actions) == ("CalledOff", "now Keep: activity reporter: in use")
    assert lab.status == "InService"


def test_a_report_that_comes_while_apps_before_it_are_stopped_still_counts(member: World, domain_id: str, lab: Resource) -> None:
    later = member.lab(domain_id, "code", member.idle(7 * HOUR, noticed=3 * HOUR))
    actions = decided(member, "Stop")
    stop = acting.delete_app

    def stop_and_somebody_comes_back(sagemaker: Any, name: dict[str, Any]) -> Any:
        member.says(later, None)
        return stop(sagemaker, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acting, "delete_app", stop_and_somebody_comes_back)
        assert member.results(actions) == ["Stopped", "CalledOff"]
    assert later.status == "InService"


def test_canvas_is_asked_again_too(member: World, domain_id: str) -> None:
    canvas = member.canvas(domain_id, "mina", {NOTICE_TAG: time_text(member.now - 3 * HOUR)})
    member.unused(domain_id, "mina", 8 * HOUR)
    actions = decided(member, "Stop")
    member.local.advance(120)
    member.unused(domain_id, "mina", timedelta(minutes=1))
    assert only(member, actions)[0] == "CalledOff"
    assert canvas.status == "InService"


def test_a_new_idle_period_gets_a_new_notice_and_no_stop(member: World, lab: Resource) -> None:
    actions = decided(member, "Stop")
    member.says(lab, timedelta(hours=2, minutes=30))
    result, message = only(member, actions)
    assert (result, message.startswith("now Notice: ")) == ("CalledOff", True)


def test_a_notice_that_somebody_takes_away_is_given_again_by_the_next_run(member: World, lab: Resource) -> None:
    actions = decided(member, "Stop")
    member.sagemaker.delete_tags(ResourceArn=lab.arn, TagKeys=[NOTICE_TAG])
    assert only(member, actions)[0] == "CalledOff"
    assert (lab.status, member.decide().reasons) == ("InService", {"Notice: Idle": 1})


@pytest.mark.parametrize("silent", [(), ("sagemaker:space", "sagemaker:user-profile", "sagemaker:domain")])
@pytest.mark.parametrize("kind", ["app", "space", "user-profile", "domain"])
def test_an_exception_that_comes_between_decision_and_stop_is_heard(
    member: World, domain_id: str, lab: Resource, kind: str, silent: tuple[str, ...]
) -> None:
    """Where GetResources knows nothing of such a thing, too."""
    tagging.behaviour(member.cloud).unknown_types = frozenset(silent)
    actions = decided(member, "Stop")
    paths = {"space": f"space/{domain_id}/lab", "user-profile": f"user-profile/{domain_id}/mina", "domain": f"domain/{domain_id}"}
    arn = lab.arn if kind == "app" else ":".join([*lab.arn.split(":", 5)[:5], paths[kind]])
    member.tag(arn, {"steward:keep-until": "2099-12-31"})
    result, message = only(member, actions)
    assert (result, "to be kept until 2099-12-31" in message, lab.status) == ("CalledOff", True, "InService")


def test_an_exception_whose_key_is_written_in_another_case_keeps_and_is_not_forgotten(member: World, domain_id: str, lab: Resource) -> None:
    """GetResources, asked once more, is silent on its space: the action remembers what was there when it was decided on."""
    del lab
    actions = decided(member, "Stop")
    remembered = tuple(action.model_copy(update={"tags": {**action.tags, "space": {"Steward:Keep-Until": "2099-12-31"}}}) for action in actions)
    tagging.behaviour(member.cloud).unknown_types = frozenset({"sagemaker:space"})
    result, message = only(member, remembered)
    assert (result, "its space is to be kept until 2099-12-31" in message) == ("CalledOff", True)
    member.tag(f"arn:aws:sagemaker:{PLACE.region}:{PLACE.account_id}:space/{domain_id}/lab", {"Steward:Keep-Until": "2099-12-31"})
    tagging.behaviour(member.cloud).unknown_types = frozenset()
    assert member.decide().actions == ()


def test_what_get_resources_forgets_meanwhile_says_what_it_said_before(member: World, domain_id: str) -> None:
    """A space wants less than the parameter, and GetResources is silent when it is asked again."""
    patient = replace(POLICY, idle_minutes={"JupyterLab": 480})
    app = member.lab(domain_id, "lab", member.idle(3 * HOUR, noticed=timedelta(hours=2, minutes=30)))
    member.tag(":".join([*app.arn.split(":", 5)[:5], f"space/{domain_id}/lab"]), {"steward:idle-minutes": "60"})
    actions = member.decide(patient).actions
    tagging.behaviour(member.cloud).unknown_types = frozenset({"sagemaker:space", "sagemaker:user-profile", "sagemaker:domain"})
    assert [(action.verdict, action.threshold_minutes) for action in actions] == [("Stop", 60)]
    assert only(member, actions, policy=patient)[0] == "Stopped"


@contextmanager
def described(**more: datetime) -> Iterator[None]:
    """DescribeApp says something else of when it was used, or started."""
    describe = acting.describe_app

    def answer(sagemaker: Any, name: dict[str, Any]) -> DescribedApp | None:
        found = describe(sagemaker, name)
        return replace(found, **more) if found else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acting, "describe_app", answer)
        yield


def called_off(member: World, domain_id: str) -> Resource:
    """An app of which only DescribeApp knew that it was used, so that its notice is void."""
    return member.lab(domain_id, "code", {**member.idle(3 * HOUR), NOTICE_TAG: CALLED_OFF})


@pytest.mark.parametrize("app", ["lab", "fresh"])
def test_trap_22_user_activity_counts_where_it_is_no_health_check_and_only_keeps(
    member: World, domain_id: str, app: str, request: pytest.FixtureRequest
) -> None:
    """Before a stop, and before a notice where it was known to count."""
    called_off(member, domain_id) if app == "fresh" else request.getfixturevalue(app)
    actions, now = decided(member), member.now
    with described(last_user_activity=now - timedelta(minutes=30), last_health_check=now - timedelta(minutes=1)):
        assert only(member, actions)[0] == "CalledOff"
    if app == "fresh":
        with described(last_user_activity=now - timedelta(minutes=1), last_health_check=now - timedelta(minutes=1)):
            assert only(member, actions)[0] == "Noticed"


def test_trap_22_whoever_only_reads_is_noticed_once_and_kept_as_long_as_describe_app_shows_it(member: World, fresh: Resource) -> None:
    """Trap 22. No reporter sees it. DescribeApp is asked before the stop; and once a notice was called off, before others."""
    results = []
    for _ in range(8):
        with described(last_user_activity=member.now - timedelta(seconds=90), last_health_check=member.now - timedelta(seconds=10)):
            results += member.sweep()
        member.local.advance(3600)
        member.says(fresh, 4 * HOUR)
    assert results[:3] == ["Noticed", "Keep: InGrace", "CalledOff"]
    assert set(results[3:]) == {"CalledOff"}
    assert fresh.status == "InService"


def test_trap_22_a_health_check_of_the_same_moment_as_the_last_activity_says_nothing_and_the_stop_goes_on(member: World, lab: Resource) -> None:
    """Trap 22."""
    actions, now = decided(member, "Stop"), member.now
    with described(last_user_activity=now - timedelta(minutes=1), last_health_check=now - timedelta(minutes=1)):
        assert only(member, actions)[0] == "Stopped"


def just_checked(member: World, domain_id: str, space: str = "code", noticed: timedelta = 2 * HOUR) -> Resource:
    """An app that is to be stopped, with a health check of ten seconds ago."""
    return member.lab(domain_id, space, member.idle(8 * HOUR, noticed), created=member.now - 24 * HOUR - timedelta(seconds=10))


def test_trap_22_what_a_health_check_has_just_hidden_is_looked_at_again_a_minute_after_it(member: World, domain_id: str, lab: Resource) -> None:
    """Trap 22. Whoever types would not show before. Nobody is there, so it is stopped, for one call more."""
    hidden, actions = just_checked(member, domain_id), decided(member, "Stop")
    before = member.now
    with member.counted() as calls:
        done = member.act(actions).done
    assert [(one.space_name, one.result.value) for one in done] == [("lab", "Stopped"), ("code", "Stopped")]
    assert done[0].at - before < timedelta(seconds=5)
    assert done[1].at - before > timedelta(seconds=49)
    assert (lab.status, hidden.status) == ("Deleting", "Deleting")
    assert (calls["sagemaker:DescribeApp"], calls["sagemaker:ListTags"]) == (3, 2)


def test_trap_22_whoever_types_meanwhile_shows_at_the_second_look_and_so_does_what_the_reporter_says(member: World, domain_id: str) -> None:
    """Trap 22."""
    apps = [just_checked(member, domain_id, space) for space in ("code", "lab")]
    actions = decided(member, "Stop")
    clock = member.local.clock
    clock.at(clock.now + 20, lambda: setattr(apps[0], "used", member.now))
    clock.at(clock.now + 30, lambda: apps[1].tag(apps[1].tags | {ACTIVITY_TAG: member.report(None)}, clock.now))
    assert member.results(actions) == ["CalledOff", "CalledOff"]
    assert [member.tags_of(app.arn)[NOTICE_TAG] == CALLED_OFF for app in apps] == [True, False]


def test_trap_22_where_health_checks_always_hide_who_types_the_next_run_looks_again_once(
    member: World, domain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 22. So often that no look is free of them; after an hour that has to be enough."""
    monkeypatch.setattr("localaws.studio.apps.HEALTH_CHECK_EVERY", 7)
    lab, results = just_checked(member, domain_id), list[tuple[str, float]]()
    noticed = member.tags_of(lab.arn)[NOTICE_TAG]
    for more in (0, 3600):
        member.local.advance(more)
        member.says(lab, 8 * HOUR + timedelta(seconds=more))
        before = member.now
        result = only(member, decided(member, "Stop"))[0]
        results.append((result, (member.now - before) // timedelta(seconds=50)))
        assert member.tags_of(lab.arn)[NOTICE_TAG] == noticed
    assert results == [("Held", 1), ("Stopped", 1)]


def test_trap_22_canvas_apps_are_looked_at_again_too_their_metric_in_one_call(member: World, domain_id: str) -> None:
    """Trap 22."""
    member.profile(domain_id, "ada", OURS)
    since, noticed = member.now - 24 * HOUR - timedelta(seconds=10), {NOTICE_TAG: time_text(member.now - 2 * HOUR)}
    for person in ("mina", "ada"):
        member.canvas(domain_id, person, noticed, created=since)
        member.unused(domain_id, person, 8 * HOUR)
    actions = decided(member, "Stop")
    with member.counted() as calls:
        assert member.results(actions) == ["Stopped", "Stopped"]
    assert (calls["sagemaker:DescribeApp"], calls["cloudwatch:GetMetricData"], calls["sagemaker:ListTags"]) == (4, 1, 0)


def test_the_metric_is_asked_again_where_a_minute_went_by_since(member: World, domain_id: str) -> None:
    """An account that answers slowly: somebody came back to the second app meanwhile."""
    member.profile(domain_id, "ada", OURS)
    for person in ("mina", "ada"):
        member.canvas(domain_id, person, {NOTICE_TAG: time_text(member.now - 3 * HOUR)})
        member.unused(domain_id, person, 8 * HOUR)
    actions, stop = decided(member, "Stop"), acting.delete_app

    def slowly(sagemaker: Any, name: dict[str, Any]) -> Any:
        member.local.advance(120)
        member.unused(domain_id, actions[1].user_profile_name or "", timedelta(minutes=1))
        return stop(sagemaker, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acting, "delete_app", slowly)
        assert member.results(actions) == ["Stopped", "CalledOff"]


def test_nobody_waits_for_a_second_look_where_no_time_is_left_for_it(member: World, domain_id: str) -> None:
    lab, before = just_checked(member, domain_id), member.now
    (done,) = member.act(decided(member, "Stop"), remaining=timedelta(seconds=100)).done
    assert (done.result.value, done.at - before < timedelta(seconds=5), lab.status) == ("Left", True, "InService")
    assert "no time was left to look again" in done.message


def test_where_no_time_is_left_to_wait_for_one_place_others_whose_minute_is_over_are_looked_at_again(member: World, domain_id: str) -> None:
    """A slow place comes late to what a health check hides; that of another is over by then. And what cannot be entered again has its lines."""
    for space in ("code", "lab"):
        just_checked(member, domain_id, space)
    places = [ActionPlace(**dict(PLACE), actions=(action,)) for action in decided(member, "Stop")]
    how, rounds = acting.ActOnPlace(POLICY, held=False, as_of=member.now, attempt=0, clock=lambda: member.now), list[int]()

    def look(asked: Sequence[ActionPlace], at: Any) -> list[Any]:
        rounds.append(len(asked))
        found = [at(one, member) for one in asked]
        return [found[0]._replace(until=member.now - HOUR / 60), *found[1:]] if len(rounds) == 1 else [trouble(PLACE, "AccessDenied", "no more")]

    acted = acting.act_on_each(places, how, look, lambda: 70_000)
    assert rounds == [2, 1]
    assert [(one.space_name, one.result.value) for each in acted for one in each.done] == [("lab", "Left"), ("code", "Refused")]


def test_what_is_said_of_a_space_and_quiet_hours_that_begin_while_it_is_waited_are_heard(member: World, domain_id: str) -> None:
    lab = just_checked(member, domain_id)
    space = ":".join([*lab.arn.split(":", 5)[:5], f"space/{domain_id}/code"])
    actions, clock = decided(member, "Stop"), member.local.clock
    clock.at(clock.now + 20, lambda: member.tag(space, {"steward:keep-until": "2099-12-31"}))
    assert only(member, actions)[0] == "CalledOff"
    member.tag(space, {"steward:keep-until": "2020-12-31"})
    begins = (member.now + timedelta(seconds=30)).time()
    lab.attributes["LastModifiedTime"] = member.now - timedelta(seconds=305)
    quiet = replace(POLICY, quiet_hours=QuietHours(begins, time(23, 59), ZoneInfo("UTC")))
    assert only(member, actions, policy=quiet)[0] == "Held"
    assert lab.status == "InService"


def test_whoever_ends_his_app_while_it_is_waited_is_not_told_of_as_stopped_by_us(member: World, domain_id: str) -> None:
    lab = just_checked(member, domain_id)
    actions, clock = decided(member, "Stop"), member.local.clock
    clock.at(clock.now + 20, lambda: lab.attributes.update(Status="Deleted"))
    assert only(member, actions, attempt=1)[0] == "AlreadyGone"


def test_a_second_look_that_is_refused_is_a_line_of_its_app_and_the_others_have_theirs(member: World, domain_id: str, lab: Resource) -> None:
    just_checked(member, domain_id)
    actions = decided(member, "Stop")
    with member.local.faults.fail("sagemaker:DescribeApp", "AccessDeniedException", after=2):
        done = member.act(actions).done
    assert [(one.space_name, one.result.value) for one in done] == [("lab", "Stopped"), ("code", "Refused")]
    assert lab.status == "Deleting"


@pytest.mark.parametrize("later", [timedelta(seconds=30), 22 * HOUR])
def test_trap_25_an_app_that_was_started_again_since_it_was_decided_is_not_stopped(member: World, lab: Resource, later: timedelta) -> None:
    """Trap 25. However old it is by now, and whatever tags it has from before: a redrive may come hours later."""
    with described(created=lab.attributes["CreationTime"] + later):
        assert only(member, decided(member)) == ("CalledOff", "somebody has started it again since it was decided")


@pytest.mark.parametrize(
    ("restarted", "noticed", "result"), [(60, 90, "Noticed"), (60, 590, "Noticed"), (60, 1000, "CalledOff"), (890, 900, "CalledOff")]
)
def test_trap_25_a_notice_on_an_app_that_was_started_again_since_it_was_decided_is_void(
    member: World, domain_id: str, fresh: Resource, restarted: int, noticed: int, result: str
) -> None:
    """Trap 25. However many seconds after the decision it comes: what is idle then gets a notice of its own."""
    actions, decided_at = decided(member, "Notice"), member.now
    forget(member.cloud, fresh)
    member.local.advance(restarted)
    again = member.lab(domain_id, "lab", created=member.now)
    member.local.advance(noticed - restarted)
    assert only(member, actions, as_of=decided_at)[0] == result
    member.local.advance(4 * 3600)
    member.says(again, 4 * HOUR)
    assert member.decide().reasons == {"Notice: Idle": 1}


@pytest.mark.parametrize(("left", "result"), [("Deleted", "AlreadyGone"), ("Failed", "NotInService"), (None, "AlreadyGone")])
def test_an_app_that_ends_before_its_notice_is_no_trouble(member: World, fresh: Resource, left: str | None, result: str) -> None:
    actions = decided(member, "Notice")
    if left:
        fresh.attributes["Status"] = left
    else:
        forget(member.cloud, fresh)
    refused = ClientError({"Error": {"Code": "ValidationException", "Message": "App does not exist."}}, "AddTags")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acting, "add_tags", Mock(side_effect=refused))
        assert only(member, actions)[0] == result


def test_a_notice_that_cannot_be_written_on_an_app_that_runs_is_told(member: World, fresh: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    del fresh
    refused = ClientError({"Error": {"Code": "ValidationException", "Message": "Too many tags"}}, "AddTags")
    monkeypatch.setattr(acting, "add_tags", Mock(side_effect=refused))
    result, message = only(member, decided(member, "Notice"))
    assert (result, message.startswith("ValidationException: ")) == ("Refused", True)


def test_in_quiet_hours_that_have_begun_nothing_is_done(member: World, domain_id: str, lab: Resource) -> None:
    member.lab(domain_id, "code", member.idle(3 * HOUR))
    actions = decided(member)
    quiet = replace(POLICY, quiet_hours=QuietHours(time(0, 0), time(23, 59), ZoneInfo("UTC")))
    assert member.results(actions, policy=quiet) == ["Held", "Held"]
    assert lab.status == "InService"


def test_while_a_brake_holds_nobody_is_even_asked(member: World, lab: Resource) -> None:
    actions = decided(member, "Stop")
    with member.counted() as calls:
        assert only(member, actions, held=True)[0] == "Held"
    assert calls == {}


# -- what DeleteApp comes to


def test_traps_30_and_31_each_end_of_an_app_is_a_line_and_the_others_are_stopped(member: World, domain_id: str) -> None:
    """Traps 30 and 31."""
    apps = [member.lab(domain_id, f"space-{number}", member.idle((20 - number) * HOUR, noticed=3 * HOUR)) for number in range(6)]
    actions = decided(member, "Stop")
    for gone in (0, 1):
        member.sagemaker.delete_app(DomainId=domain_id, SpaceName=f"space-{gone}", AppType="JupyterLab", AppName="default")
        member.local.advance(SECONDS["App", "deletion"] * (1 - gone))
    apps[2].attributes["Status"] = "Failed"
    apps[3].attributes["Status"] = "Pending"
    forget(member.cloud, apps[4])
    assert member.results(actions) == ["AlreadyGone", "NotInService", "NotInService", "NotInService", "AlreadyGone", "Stopped"]
    assert apps[5].status == "Deleting"


@pytest.mark.parametrize(
    ("code", "message", "result"),
    [
        ("ResourceNotFound", "no", "AlreadyGone"),
        ("ValidationException", "App [arn] has already been deleted.", "AlreadyGone"),
        ("ValidationException", "App [arn] previously failed and was automatically deleted.", "AlreadyGone"),
        ("ValidationException", "App [arn] cannot be deleted: its status is Pending.", "Refused"),
        ("ResourceInUse", "no", "InUse"),
        ("ThrottlingException", "Rate exceeded", "Refused"),
        ("AccessDeniedException", "an explicit deny in a service control policy", "Refused"),
        ("InternalFailure", "no", "Refused"),
    ],
)
def test_traps_30_31_and_32_whatever_delete_app_answers_is_a_line_and_the_next_is_stopped(
    member: World, domain_id: str, lab: Resource, monkeypatch: pytest.MonkeyPatch, code: str, message: str, result: str
) -> None:
    """Traps 30, 31 and 32."""
    other = member.lab(domain_id, "code", member.idle(7 * HOUR, noticed=3 * HOUR))
    actions = decided(member, "Stop")
    delete = member.sagemaker.delete_app

    def answer(**name: Any) -> Any:
        if name["SpaceName"] == "lab":
            raise ClientError({"Error": {"Code": code, "Message": message}}, "DeleteApp")
        return delete(**name)

    monkeypatch.setattr(member.sagemaker, "delete_app", answer)
    done = member.act(actions).done
    assert [one.result.value for one in done] == [result, "Stopped"]
    assert result != "Refused" or done[0].message.startswith(f"{code}: ")
    assert (lab.status, other.status) == ("InService", "Deleting")


@pytest.mark.parametrize(("says", "answers", "result"), [(None, True, "CalledOff"), (8 * HOUR, True, "Refused"), (None, False, "Refused")])
def test_a_stop_that_is_denied_is_called_off_where_the_app_says_by_now_that_it_is_in_use(
    member: World, lab: Resource, monkeypatch: pytest.MonkeyPatch, says: timedelta | None, answers: bool, result: str
) -> None:
    """Our role may not delete such an app, whatever was decided. Whoever is denied for another reason is told, and whoever cannot be asked why."""
    actions = decided(member, "Stop")

    def denied(**_: Any) -> None:
        member.says(lab, says)
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "an explicit deny"}}, "DeleteApp")

    def silent(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "ListTags")

    monkeypatch.setattr(member.sagemaker, "delete_app", denied)
    tags = acting.read_tags
    monkeypatch.setattr(
        acting, "read_tags", lambda *asked: tags(*asked) if answers or member.tags_of(lab.arn)[ACTIVITY_TAG][:4] == "idle" else silent()
    )
    found, message = only(member, actions)
    assert (found, lab.status) == (result, "InService")
    assert result != "Refused" or message.startswith("AccessDeniedException")


@pytest.mark.parametrize(("code", "tries"), [("AccessDeniedException", 1), ("ThrottlingException", 5)])
@pytest.mark.parametrize("operation", ["DescribeApp", "ListTags", "AddTags"])
def test_traps_31_and_32_whatever_is_refused_on_the_way_is_a_line_of_its_app(
    member: World, domain_id: str, operation: str, code: str, tries: int
) -> None:
    """Traps 31 and 32: denied, or throttled as often as the SDK tries where nobody tells it to try oftener."""
    for space in ("lab", "code"):
        member.lab(domain_id, space, member.idle(8 * HOUR, noticed=None if operation == "AddTags" else 3 * HOUR))
    actions = decided(member)
    with member.local.faults.fail(f"sagemaker:{operation}", code, times=tries):
        first, second = member.act(actions).done
    assert (first.result, second.result) == ("Refused", "Noticed" if operation == "AddTags" else "Stopped")
    assert first.message.startswith(f"{code}: ")


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://api.sagemaker"),
        ClientError({"Error": {"Code": "UnrecognizedClientException", "Message": "not valid"}}, "DescribeApp"),
        ClientError({"Error": {"Code": "OptInRequired", "Message": "suspended"}}, "DescribeApp"),
    ],
)
def test_an_account_that_was_suspended_or_a_region_that_was_switched_off_is_asked_once_and_each_app_has_its_line(
    member: World, domain_id: str, lab: Resource, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    member.lab(domain_id, "code", member.idle(7 * HOUR, noticed=3 * HOUR))
    actions, asked = decided(member, "Stop"), list[str]()

    def closed(**_: Any) -> None:
        asked.append("asked")
        raise error

    monkeypatch.setattr(member.sagemaker, "describe_app", closed)
    assert member.results(actions) == ["Refused", "Refused"]
    assert asked == ["asked"]


def test_trap_41_what_there_is_no_time_for_is_left_and_what_was_done_is_told(
    member: World, domain_id: str, lab: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    member.lab(domain_id, "code", member.idle(7 * HOUR, noticed=3 * HOUR))
    actions, describe = decided(member, "Stop"), acting.describe_app

    def in_time(sagemaker: Any, name: dict[str, Any]) -> Any:
        if name["SpaceName"] == "code":
            raise OutOfTime("its batch took all the time there was")
        return describe(sagemaker, name)

    monkeypatch.setattr(acting, "describe_app", in_time)
    assert member.results(actions) == ["Stopped", "Left"]


def test_more_than_sixty_in_one_place_are_left_to_the_next_run(member: World, domain_id: str) -> None:
    for number in range(62):
        member.lab(domain_id, f"space-{number}", member.idle(3 * HOUR))
    results = [one.result.value for one in member.act(decided(member, "Notice")).done]
    assert (results.count("Noticed"), results.count("Left")) == (MOST_ACTIONS_OF_A_PLACE, 2)


# -- tried again


def test_a_second_try_of_a_batch_tells_what_the_first_did_and_does_nothing_twice(member: World, domain_id: str, lab: Resource) -> None:
    noticed = member.lab(domain_id, "code", member.idle(3 * HOUR))
    member.lab(domain_id, "third", member.idle(7 * HOUR, noticed=3 * HOUR))
    actions = decided(member)
    began = member.now
    first = member.act(actions)
    tag = member.tags_of(noticed.arn)[NOTICE_TAG]
    member.local.advance(60)
    place = ActionPlace(**dict(PLACE), actions=actions)
    with member.counted() as calls:
        again = acting.ActOnPlace(POLICY, held=False, as_of=began, attempt=1, clock=lambda: member.now).at(place, member).acted  # type: ignore[arg-type]
    assert [(one.key, one.result) for one in again.done] == [(one.key, one.result) for one in first.done]
    assert calls["sagemaker:DeleteApp"] == calls["sagemaker:AddTags"] == 0
    assert member.tags_of(noticed.arn)[NOTICE_TAG] == tag


def test_a_notice_from_before_the_run_is_none_of_it(member: World, fresh: Resource) -> None:
    actions = decided(member, "Notice")
    member.tag(fresh.arn, {NOTICE_TAG: time_text(member.now - timedelta(minutes=30))})
    assert only(member, actions, attempt=1)[0] == "CalledOff"


def test_a_notice_that_get_resources_did_not_know_yet_is_given_again_and_nothing_worse(member: World, fresh: Resource) -> None:
    """The app has had its notice for hours: it is not stopped, since nobody counted it as a stop, but noticed once more."""
    actions = decided(member, "Notice")
    member.tag(fresh.arn, member.idle(8 * HOUR, noticed=3 * HOUR))
    result, message = only(member, actions, attempt=1)
    assert (result, message.startswith("now Stop: "), fresh.status) == ("CalledOff", True, "InService")
    assert only(member, actions)[0] == "Noticed"
    assert member.tags_of(fresh.arn)[NOTICE_TAG] == time_text(member.now)


def test_an_idle_period_that_began_since_the_decision_is_not_stopped(member: World, lab: Resource) -> None:
    """Even where a notice of it is there, forged or not."""
    actions = tuple(action.model_copy(update={"idle_since": member.now - 9 * HOUR}) for action in decided(member, "Stop"))
    assert only(member, actions)[0] == "CalledOff"
    assert lab.status == "InService"


# -- places that cannot be looked at


@pytest.mark.parametrize(("error", "result"), [("OutOfTime", "Left"), ("MemberRoleNotAssumable", "Refused"), ("AccessDenied", "Refused")])
def test_of_a_place_that_could_not_be_entered_each_action_has_its_line(member: World, lab: Resource, error: str, result: str) -> None:
    place = ActionPlace(**dict(PLACE), actions=decided(member, "Stop"))
    line = trouble(place, error, "no way in", "idle_app_shutdown")
    acted = acting.not_tried(place, line, member.now)
    assert ([one.result.value for one in acted.done], acted.troubles) == ([result], () if result == "Left" else (line,))
    assert acted.done[0].message == f"{error}: no way in"
