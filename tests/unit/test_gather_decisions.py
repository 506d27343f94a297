"""GatherDecisions: what was decided everywhere is added up, capped over the whole run, and handed on place by place; nothing is lost on the way."""

from typing import Any

import pytest

from idle_app_shutdown.gather_decisions import GatherDecisionsRequest, gather_decisions
from steward.idle_sweeps import MOST_ACTIONS_OF_A_PLACE, ActionPlace, Decided
from steward.rules.caps import Cap
from steward.settings import GatherDecisionsSettings
from steward.sweeps import Place
from tests.unit.idle_run import BUCKET, CHURN, FRAUD, PRICING, RUN, Objects, action, place

PLACES = [place(account_id, region) for account_id in (FRAUD, PRICING, CHURN) for region in ("eu-west-1", "us-east-1")]


class Gathering:
    """One run of it: of places, of what children answered, and of the items of those that did not."""

    def __init__(
        self, *answers: Decided, silent: tuple[list[Place], ...] = (), places: list[Place] = PLACES, most: int = 500, percent: int = 100
    ) -> None:
        self.s3, self.settings = Objects(), GatherDecisionsSettings(BUCKET, Cap(most, percent))
        self.s3.write("places", [one.model_dump(mode="json") for one in places])
        manifest = self.s3.answers(*(answer.as_answer() for answer in answers), silent=silent)
        self.request = GatherDecisionsRequest(run=RUN, places_key="places", manifest_key=manifest)
        self.answer = self.again()

    def again(self) -> dict[str, Any]:
        return gather_decisions(self.request, self.settings, self.s3)  # type: ignore[arg-type]

    @property
    def items(self) -> list[ActionPlace]:
        return [ActionPlace.model_validate(item) for item in self.s3.read(self.answer["items_key"])]

    @property
    def to_do(self) -> list[str | None]:
        """Spaces, in the order in which items have them."""
        return [one.space_name for item in self.items for one in item.actions]

    def kept_back(self, why: str) -> list[str]:
        return [one["space_name"] for one in self.s3.read(self.answer["decided_key"])[why]]


def decided(*actions: Any, running: int = 0, **more: Any) -> Decided:
    return Decided(counts={"running": running}, actions=actions, **more)


def test_items_are_places_with_what_is_to_be_done_there_and_places_without_are_none() -> None:
    stop, elsewhere, there = action(1), action(2, region="us-east-1", verdict="Notice"), action(3, account_id=PRICING)
    found = Gathering(decided(there, stop, running=5), decided(elsewhere, running=2))
    assert (found.answer["actions"], found.answer["items"]) == (3, 3)
    assert [(item.account_id, item.region, item.actions) for item in found.items] == [
        (FRAUD, "eu-west-1", (stop,)),
        (FRAUD, "us-east-1", (elsewhere,)),
        (PRICING, "eu-west-1", (there,)),
    ]
    assert [Place.model_validate(dict(item)) for item in found.items] == [PLACES[0], PLACES[1], PLACES[2]]
    assert found.s3.read(found.answer["decided_key"])["decided"]["counts"] == {"running": 7}


def test_where_nothing_is_to_be_done_there_are_no_items() -> None:
    found = Gathering(decided(running=3), decided())
    assert (found.answer["actions"], found.answer["items"], found.items) == (0, 0, [])


# -- the cap


def test_the_cap_is_of_the_whole_run_and_what_is_idle_longest_comes_first_wherever_it_is() -> None:
    actions = [action(number, account_id=(FRAUD, PRICING, CHURN)[number % 3]) for number in range(9)]
    found = Gathering(*(decided(*actions[number::3], running=3) for number in range(3)), most=4)
    assert sorted(found.to_do, key=str) == [action(number).space_name for number in (5, 6, 7, 8)]
    assert found.kept_back("beyond_cap") == [action(number).space_name for number in (4, 3, 2, 1, 0)]
    assert (found.answer["actions"], found.kept_back("left"), found.kept_back("held")) == (4, [], [])


@pytest.mark.parametrize(("running", "percent", "stopped"), [(20, 10, 15), (21, 10, 2), (40, 25, 10), (40, 100, 15), (29, 50, 14)])
def test_a_percentage_is_of_all_running_apps_and_counts_only_where_more_than_20_run(running: int, percent: int, stopped: int) -> None:
    actions = [action(number, account_id=(FRAUD, PRICING, CHURN)[number % 3]) for number in range(15)]
    first = decided(*actions[:7], running=running - 3)
    found = Gathering(first, decided(*actions[7:], running=3), percent=percent)
    assert (found.answer["actions"], len(found.kept_back("beyond_cap"))) == (stopped, 15 - stopped)


def test_notices_are_not_capped_and_take_no_room_of_stops() -> None:
    notices = [action(number, verdict="Notice") for number in range(10, 30)]
    found = Gathering(decided(action(1), action(2), *notices, running=40), most=1)
    assert len(found.to_do) == 21
    assert found.kept_back("beyond_cap") == [action(1).space_name]


def test_what_a_brake_holds_is_told_and_takes_no_room_of_the_cap() -> None:
    held, free = action(9, account_id=PRICING), [action(number) for number in range(3)]
    notice = action(7, account_id=PRICING, verdict="Notice")
    places = [place(FRAUD), place(PRICING, held=True)]
    found = Gathering(decided(held, notice, *free, running=5), places=places, most=3)
    assert sorted(found.to_do, key=str) == [one.space_name for one in free]
    assert found.kept_back("held") == [held.space_name, notice.space_name]
    assert found.kept_back("beyond_cap") == []


def test_sixty_of_a_place_are_done_stops_first_and_the_rest_is_left_to_the_next_run() -> None:
    stops, notices = [action(number) for number in range(50)], [action(number, verdict="Notice") for number in range(50, 80)]
    elsewhere = [action(number, region="us-east-1") for number in range(80, 90)]
    found = Gathering(decided(*notices, *stops, running=80), decided(*elsewhere, running=10))
    here, there = found.items
    assert (len(here.actions), len(there.actions)) == (MOST_ACTIONS_OF_A_PLACE, 10)
    assert {one.space_name for one in stops} < {one.space_name for one in here.actions}
    assert len(found.kept_back("left")) == 20
    assert {*found.to_do, *found.kept_back("left")} == {one.space_name for one in (*stops, *notices, *elsewhere)}


def test_an_item_has_room_however_long_what_is_said_there_is_and_the_rest_is_left_to_the_next_run() -> None:
    """Trap 31: an item too large for a child would end the Map for all accounts."""
    tags = {
        place: {"steward:idle-minutes": "\N{CJK UNIFIED IDEOGRAPH-6F22}" * 256, **{f"steward:{n}": "x" * 256 for n in range(8)}} for place in "abcd"
    }
    found = Gathering(decided(*(action(number, tags=tags) for number in range(50)), action(60, region="us-east-1"), running=60))
    here, there = found.items
    assert len(here.model_dump_json().encode()) < 200_000, "as its Map allows a batch"
    assert 10 < len(here.actions) < 50
    assert (len(there.actions), len(found.to_do) + len(found.kept_back("left"))) == (1, 51)


# -- children


def test_a_child_without_an_answer_is_a_trouble_for_each_of_its_places_and_the_others_go_on() -> None:
    """Trap 37."""
    found = Gathering(decided(action(1), running=4), silent=(PLACES[2:4], PLACES[4:]))
    told = found.s3.read(found.answer["decided_key"])["decided"]
    assert [(one["account_id"], one["region"], one["error"]) for one in told["troubles"]] == [
        (one.account_id, one.region, "BatchUnanswered") for one in PLACES[2:]
    ]
    assert all(one["message"] == "Gone: it died" and one["what_to_do"] for one in told["troubles"])
    assert (found.to_do, told["counts"]) == ([action(1).space_name], {"running": 4})


def test_many_actions_come_back_packed_and_what_had_no_room_is_counted() -> None:
    many = [action(number, account_id=(FRAUD, PRICING, CHURN)[number % 3]) for number in range(600)]
    found = Gathering(decided(*many, running=900, actions_left=3), most=10_000)
    told = found.s3.read(found.answer["decided_key"])
    assert (found.answer["actions"], len(told["left"]), told["decided"]["actions_left"]) == (180, 420, 3)


def test_asked_again_it_writes_and_answers_the_same() -> None:
    found = Gathering(decided(*(action(number) for number in range(70)), running=90), silent=([PLACES[3]],), most=65)
    before = dict(found.s3.written)
    assert found.again() == found.answer
    assert found.s3.written == before
