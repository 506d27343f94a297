"""SumUpSweep: each action has its line, the end is green only where all is done, and what others are told has room where it goes."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

import idle_app_shutdown.sum_up_sweep as summing
from idle_app_shutdown.sum_up_sweep import SumUpSweepRequest, sum_up_sweep
from steward.idle_messages import MOST_APPS_TOLD
from steward.idle_sweeps import MOST_OWNERS, NOT_DONE, Acted, Action, ActionPlace, Decided, Done, IdleOwner, Result
from steward.rules.prices import SOURCE, hourly_price
from steward.settings import Brakes, SumUpSweepSettings
from steward.sweeps import trouble
from tests.schemas import validate
from tests.unit.idle_run import BUCKET, EXECUTION, FRAUD, MANIFEST, NOW, PRICING, RUN, Objects, action, done, place

MOST_BYTES = 262_144
"""What SNS, a state and a variable of Step Functions take."""

SETTINGS = SumUpSweepSettings(
    BUCKET, timedelta(hours=2), stops_idle_apps=True, brakes=Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))
)
LISTING = {"outcome": "NothingToDo", "accounts": 3, "not_active": 1, "places": 6, "places_key": "places"}
GOOD = (Result.STOPPED, Result.NOTICED, Result.CALLED_OFF, Result.ALREADY_GONE, Result.NOT_IN_SERVICE, Result.HELD)


class Summing:
    """One run of it: of what was decided, and of the results that children answered, for the actions of `asked` or for these."""

    def __init__(
        self, *results: Done, decided: Decided | None = None, asked: list[Action] | None = None, silent: bool = False, **kept_back: list[Action]
    ) -> None:
        self.s3 = Objects()
        decided = decided or Decided(counts={"running": 50, "stop": len(results)}, reasons={"Stop: Idle": len(results)} if results else {})
        gathered = {
            "decided": decided.model_dump(mode="json"),
            **{name: [one.model_dump(mode="json") for one in of] for name, of in kept_back.items()},
        }
        request: dict[str, Any] = {"run": RUN, "execution": EXECUTION, "time": NOW, "listing": LISTING, "decided_key": self.s3.write("d", gathered)}
        actions = [Action(**dict(one)) for one in results] if asked is None else asked
        if actions:
            items = [ActionPlace(**dict(place()), actions=tuple(actions))]
            self.s3.answers(Acted(done=results).as_answer(), silent=(items,) if silent else ())
            request |= {"items_key": self.s3.write("items", [item.model_dump(mode="json") for item in items]), "manifest_key": MANIFEST}
        self.request = SumUpSweepRequest.model_validate(request)
        self.answer = self.again()
        validate("idle_sweep_details", self.details)
        for event in self.events:
            validate("idle_app_stopped" if "stopped" in event else "idle_app_noticed", event)

    def again(self) -> dict[str, Any]:
        return sum_up_sweep(self.request, SETTINGS, self.s3)  # type: ignore[arg-type]

    @property
    def outcome(self) -> str:
        return str(self.answer["report"]["outcome"])

    @property
    def details(self) -> dict[str, Any]:
        return self.s3.read(f"runs/{RUN}/details.json")  # type: ignore[no-any-return]

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.s3.read(self.answer["news"]["events_key"])  # type: ignore[no-any-return]

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.answer["news"]["message"])  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def measured_anew() -> Iterator[None]:
    """What a test has measured is none of the next one's."""
    yield
    summing.metrics.clear_metrics()


# -- how it ends


@pytest.mark.parametrize("result", Result)
def test_what_became_of_an_action_is_green_or_red_or_left(result: Result) -> None:
    found = Summing(done(1, result=result))
    expected = "SomeAccountsFailed" if result in NOT_DONE else "Swept"
    assert found.outcome == expected
    assert bool(found.answer["why"]) == (expected != "Swept")
    assert found.answer["report"]["counts"]["results"] == {result.value: 1}
    assert {*GOOD, *NOT_DONE, Result.LEFT} == {*Result}


def test_where_no_app_runs_the_outcome_is_that_of_the_places() -> None:
    assert Summing(decided=Decided(counts={"places": 6})).outcome == "NothingToDo"
    assert Summing(decided=Decided(counts={"places": 6, "running": 1, "unknown": 1})).outcome == "Swept"


def test_a_place_that_could_not_be_looked_at_is_red_even_where_all_others_are_done() -> None:
    troubles = (trouble(place(PRICING), "MemberRoleNotAssumable", "it does not let us in", "idle_app_shutdown"),)
    found = Summing(done(1, result=Result.STOPPED), decided=Decided(counts={"running": 9}, troubles=troubles), asked=[action(1)])
    assert found.outcome == "SomeAccountsFailed"
    assert f"{PRICING} eu-west-1: MemberRoleNotAssumable: it does not let us in" in found.answer["why"]
    assert found.details["troubles"][0]["what_to_do"]


def test_an_action_that_nobody_answered_for_has_its_line_and_nobody_knows_whether_it_was_done() -> None:
    """Trap 37."""
    actions = [action(number) for number in range(3)]
    found = Summing(done(1, result=Result.STOPPED), asked=actions, silent=True)
    assert found.outcome == "SomeAccountsFailed"
    assert sorted((one["space_name"], one["result"]) for one in found.details["done"]) == [
        (actions[0].space_name, "Unanswered"),
        (actions[1].space_name, "Stopped"),
        (actions[2].space_name, "Unanswered"),
    ]
    assert [one["error"] for one in found.details["troubles"]] == ["BatchUnanswered"]
    assert len(found.events) == 1


def test_stops_beyond_the_cap_are_red() -> None:
    capped = Summing(done(1, result=Result.STOPPED), beyond_cap=[action(2), action(3)])
    assert (capped.outcome, capped.answer["report"]["counts"]["left"]) == ("CapReached", 2)
    assert "2 more apps are to be stopped than MostStopsPerSweep and MostStopsPercent allow" in capped.answer["why"]
    assert "raise the parameters" in capped.answer["why"]


def test_what_one_run_leaves_to_the_next_in_an_account_and_region_is_green_and_told() -> None:
    """More than sixty, more than an answer has room for, and what there was no time for."""
    acted = [done(1, result=Result.NOTICED, verdict="Notice"), done(3, result=Result.LEFT)]
    crowded = Summing(*acted, left=[action(2)], decided=Decided(counts={"running": 9}, actions_left=4))
    assert (crowded.outcome, crowded.answer["why"], crowded.answer["report"]["counts"]["left"]) == ("Swept", "", 6)
    assert json.loads(crowded.answer["news"]["message"])["left"] == 6
    assert len(crowded.details["left"]) == 1


def test_a_red_end_says_what_is_left_too() -> None:
    both = Summing(done(1, result=Result.LEFT), beyond_cap=[action(2)])
    assert both.outcome == "CapReached"
    assert "1 more are to be noticed or stopped than one run does, or had time for, in an account and Region" in both.answer["why"]
    assert "1 more apps are to be stopped than MostStopsPerSweep" in both.answer["why"]
    failed = Summing(done(1, result=Result.LEFT), done(3, result=Result.IN_USE))
    assert (failed.outcome, "1 more are to be noticed" in failed.answer["why"]) == ("SomeAccountsFailed", True)


def test_what_is_held_is_counted_by_verdict_and_green() -> None:
    found = Summing(held=[action(1), action(2, verdict="Notice"), action(3, verdict="Notice")])
    assert (found.outcome, found.answer["report"]["counts"]["held"]) == ("Swept", {"Stop": 1, "Notice": 2})
    assert (found.answer["news"]["events"], found.details["savings"]["hours"]) == (0, 0)


def test_a_red_end_names_twenty_and_fits_where_a_cause_goes() -> None:
    troubles = tuple(trouble(place(f"{number:012}"), "AccessDenied", "n" * 5000, "idle_app_shutdown") for number in range(1000))
    found = Summing(*(done(number) for number in range(60)), decided=Decided(counts={"running": 9}, troubles=troubles))
    assert len(found.answer["why"]) < 32_768
    assert "; and 1040 more." in found.answer["why"]
    assert len(found.details["troubles"]) == 1000
    assert "s3://" in found.answer["why"]


# -- what it counts and saves


def test_hours_and_money_are_of_stopped_apps_alone_and_a_type_without_a_price_says_so() -> None:
    price = hourly_price("ml.t3.medium")
    assert price is not None
    since = NOW - timedelta(hours=4)
    found = Summing(
        done(1, result=Result.STOPPED, idle_since=since),
        done(2, result=Result.STOPPED, idle_since=since, instance_type="ml.nobody.knows"),
        done(3, result=Result.STOPPED, idle_since=since, instance_type=None),
        done(4, result=Result.STOPPED, idle_since=None),
        done(5, result=Result.STOPPED, idle_since=NOW - timedelta(days=9)),
        done(6, result=Result.CALLED_OFF, idle_since=since),
        done(7, result=Result.NOTICED, idle_since=since, verdict="Notice"),
    )
    savings = found.details["savings"]
    assert (savings["hours"], savings["money"]) == (36.0, round(28 * price, 2))
    assert (savings["currency"], savings["prices"]) == ("USD", SOURCE)
    assert savings["unpriced_hours"] == {"": 4.0, "ml.nobody.knows": 4.0}
    assert [one["money_saved"] for one in found.events if "stopped" in one] == [round(4 * price, 2), None, None, 0.0, round(24 * price, 2)]
    assert [one["hours_saved"] for one in found.details["done"]] == [4, 4, 4, 0, 24, 0, 0]


def test_idle_apps_are_those_to_do_and_those_kept_for_now() -> None:
    reasons = {"Keep: InGrace": 2, "Keep: AwaitingReport": 1, "Keep: QuietHours": 4, "Keep: Active": 8, "Stop: Idle": 16, "Notice: Idle": 32}
    counts = Summing(decided=Decided(counts={"running": 70, "stop": 16, "notice": 32, "keep": 15, "unknown": 7}, reasons=reasons)).answer["report"][
        "counts"
    ]
    assert (counts["idle"], counts["unknown"], counts["reasons"]) == (55, 7, dict(sorted(reasons.items())))
    assert (counts["accounts"], counts["accounts_not_active"]) == (3, 1)


def test_owners_with_the_most_idle_hours_are_told_and_no_more_than_twenty() -> None:
    owners = tuple(IdleOwner(owner=f"p{number}", account_id=FRAUD, apps=1, idle_hours=number / 3) for number in range(90))
    told = Summing(decided=Decided(counts={"running": 90}, owners=owners)).details["owners"]
    assert [one["owner"] for one in told] == [f"p{number}" for number in range(89, 89 - MOST_OWNERS, -1)]
    assert told[0]["idle_hours"] == 29.67


# -- what it tells


def test_an_event_for_each_app_that_was_stopped_or_noticed_and_none_for_any_other() -> None:
    others = [done(number, result=result) for number, result in enumerate(set(Result) - {Result.STOPPED, Result.NOTICED}, 10)]
    of_profile = {"space_name": None, "user_profile_name": "carol", "app_type": "Canvas"}
    found = Summing(done(1, result=Result.STOPPED), done(2, result=Result.NOTICED, verdict="Notice", **of_profile), *others)
    stopped, noticed = found.events
    assert (stopped["space_name"], stopped["run"], stopped["stopped"]) == (action(1).space_name, RUN, "2026-11-23T10:00:00Z")
    assert (noticed["user_profile_name"], noticed["noticed"], noticed["stops_after"]) == ("carol", "2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z")
    assert ("space_name" in noticed, "user_profile_name" in stopped) == (False, False)
    assert found.answer["news"]["events"] == 2


def test_people_get_one_message_by_owner() -> None:
    found = Summing(
        done(1, result=Result.STOPPED, owner="alice"),
        done(2, result=Result.NOTICED, verdict="Notice", owner="alice"),
        done(3, result=Result.NOTICED, verdict="Notice", owner="alice", account_id=PRICING),
        done(4, result=Result.CALLED_OFF, owner="bob"),
        asked=[action(number) for number in range(1, 5)],
    )
    validate("idle_apps", found.message)
    assert [(one["owner"], one["account_id"], [app["done"] for app in one["apps"]]) for one in found.message["owners"]] == [
        ("alice", FRAUD, ["Stopped", "Noticed"]),
        ("alice", PRICING, ["Noticed"]),
    ]
    assert found.answer["news"]["subject"] == "Studio Steward: 1 idle apps stopped, 2 noticed"
    assert found.message["details_s3"] == f"s3://{BUCKET}/runs/{RUN}/details.json"


WORST = {"owner": "\U0001f9ea" * 256, "space_name": "s" * 63, "domain_id": "d-" + "x" * 61, "app_name": "a" * 63, "region": "ap-southeast-2"}


@pytest.mark.parametrize("more", [{}, WORST, {**WORST, "message": 'é\\"' * 130}])
def test_however_much_is_stopped_the_message_and_the_answer_have_room_and_the_rest_is_counted(more: dict[str, str]) -> None:
    """Each with an owner of its own, and as long as names may be."""
    apps = [done(number, **{"result": Result.STOPPED, **more, "account_id": f"{number:012}"}) for number in range(500)]
    found = Summing(*apps, asked=[Action(**dict(one)) for one in apps])
    text = found.answer["news"]["message"]
    assert len(text.encode()) < MOST_BYTES
    assert len(json.dumps(found.answer)) < MOST_BYTES
    validate("idle_apps", found.message)
    named = sum(len(owner["apps"]) for owner in found.message["owners"])
    assert named + found.message["not_named"] == 500
    assert named == MOST_APPS_TOLD if not more else 30 < named < MOST_APPS_TOLD
    assert len(found.events) == 500


def test_the_subject_has_room_whatever_the_numbers() -> None:
    """SNS takes 100 characters, and no line break."""
    apps = [done(number, result=Result.STOPPED) for number in range(300)]
    subject = Summing(*apps).answer["news"]["subject"]
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject.replace("300", "1000000").replace(" 0 ", " 1000000 ")) <= 100


def test_asked_again_it_writes_and_answers_the_same() -> None:
    found = Summing(
        done(1, result=Result.STOPPED), done(2, result=Result.NOTICED, verdict="Notice"), asked=[action(number) for number in range(4)], silent=True
    )
    before = dict(found.s3.written)
    assert found.again() == found.answer
    assert found.s3.written == before


# -- metrics


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


@pytest.mark.parametrize("account_id", [None, FRAUD])
def test_metrics_have_no_dimension_of_an_account_or_an_app_and_a_run_for_one_account_says_nothing_of_the_whole(
    account_id: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], context: Any
) -> None:
    given = {
        "RECONCILIATION_BUCKET_NAME": BUCKET,
        "STOP_GRACE_MINUTES": "120",
        "IDLE_APP_SHUTDOWN": "stop",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    counts = {"running": 50, "stop": 3, "notice": 1, "unknown": 30}
    acted = [done(1, result=Result.STOPPED, idle_since=NOW - timedelta(hours=3)), done(4, result=Result.LEFT)]
    made = Summing(*acted, beyond_cap=[action(2), action(3)], decided=Decided(counts=counts))
    summing.metrics.clear_metrics()
    capsys.readouterr()
    monkeypatch.setattr(summing, "hub_client", lambda _: made.s3)
    answer = summing.handler({**made.request.model_dump(mode="json"), "account_id": account_id}, context)
    assert answer["report"] == made.answer["report"]
    (line,) = emitted(capsys)
    (of,) = line["_aws"]["CloudWatchMetrics"]
    assert of["Namespace"] == "StudioSteward"
    assert {name for dimensions in of["Dimensions"] for name in dimensions} <= {"service"}
    values = {metric["Name"]: line[metric["Name"]][0] for metric in of["Metrics"]}
    always = {"AppsStopped": 1, "HoursSaved": 3, "StopsLeft": 2}
    assert values == always | ({} if account_id else {"AppsRunning": 50, "AppsIdle": 4, "AppsUnknown": 30})


def test_each_pair_of_results_of_which_one_is_red_is_red() -> None:
    """Whatever came first, and however many are good."""
    for first, second in permutations(Result, 2):
        found = Summing(done(1, result=first), done(2, result=second))
        assert (found.outcome == "SomeAccountsFailed") == bool({first, second} & NOT_DONE), (first, second)
