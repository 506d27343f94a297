"""What the steps of idle_app_shutdown hand on: nothing is lost on the way, and no answer is longer than a state can bear."""

import json

import pytest

from steward.changes import Finding
from steward.idle_sweeps import MOST_OWNERS, Acted, Decided, IdleOwner, most_idle, total_decided
from steward.sweeps import Trouble
from tests.unit.idle_run import action, done

MOST_BYTES = 262_144


def test_what_is_decided_comes_back_from_its_answer() -> None:
    decided = Decided(
        counts={"running": 3, "stop": 1},
        reasons={"Stop: IdleBeyondThreshold": 1},
        actions=(action(),),
        findings=(Finding("IdleMinutesUnreadable", "arn:1", "no number"),),
        findings_by_kind={"IdleMinutesUnreadable": 1},
        owners=(IdleOwner(owner="alice", account_id="444444444444", apps=2, idle_hours=7.5),),
    )
    assert Decided.model_validate(json.loads(json.dumps(decided.as_answer()))) == decided


def test_ten_places_with_as_much_as_there_may_be_fit_into_an_answer() -> None:
    findings = tuple(Finding("NativeIdleShutdownOff", f"arn:{number}", "m" * 900) for number in range(1000))
    actions = tuple(action(number) for number in range(600))
    answer = Decided(actions=actions, findings=findings, findings_by_kind={"NativeIdleShutdownOff": 1000}).as_answer()
    assert len(json.dumps(answer)) < MOST_BYTES
    assert (len(Decided.model_validate(answer).actions), answer["actions_left"]) == (600, 0)
    told = Acted(done=tuple(done(number) for number in range(600)), findings=findings).as_answer()
    assert len(json.dumps(told)) < MOST_BYTES
    assert Acted.model_validate(told).done == tuple(done(number) for number in range(600))


def test_of_more_actions_than_have_room_stops_come_first_and_the_rest_is_counted() -> None:
    notices = [action(number, verdict="Notice") for number in range(9000)]
    stops = [action(number) for number in range(9000, 9100)]
    answer = Decided(actions=(*notices, *stops), actions_left=5).as_answer()
    told = Decided.model_validate(answer).actions
    assert [one.verdict for one in told[:101]] == ["Stop"] * 100 + ["Notice"]
    assert len(told) + answer["actions_left"] == 9105
    assert len(json.dumps(answer)) < MOST_BYTES


def test_results_that_have_no_room_are_an_error_and_not_cut() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Acted(done=tuple(done(number) for number in range(9000))).as_answer()


def test_many_answers_are_one() -> None:
    finding = Finding("IdleMinutesUnreadable", "arn:1", "no number")
    given = {"region": "eu-west-1", "error": "AccessDenied", "message": "no", "what_to_do": "ask"}
    parts = [
        Decided(
            counts={"running": 2}, reasons={"Keep: InUse": 2}, findings=(finding,), findings_by_kind={"IdleMinutesUnreadable": 1}, actions_left=1
        ),
        Decided(counts={"running": 1, "stop": 1}, findings=(finding,), actions=(action(),), troubles=(Trouble(account_id="5" * 12, **given),)),
    ]
    both = total_decided(parts)
    assert (both.counts, both.reasons, both.actions_left) == ({"running": 3, "stop": 1}, {"Keep: InUse": 2}, 1)
    assert (both.findings, both.actions) == ((finding,), (action(),))
    assert [one.account_id for one in both.troubles] == ["5" * 12]


def test_an_owner_is_one_in_each_account_and_the_most_idle_are_told() -> None:
    owners = [IdleOwner(owner=f"p{number}", account_id="4" * 12, apps=1, idle_hours=number) for number in range(30)]
    again = IdleOwner(owner="p1", account_id="4" * 12, apps=1, idle_hours=100)
    elsewhere = IdleOwner(owner="p1", account_id="5" * 12, apps=1, idle_hours=50)
    first, second, third, *rest = most_idle([*owners, again, elsewhere])
    assert first == IdleOwner(owner="p1", account_id="4" * 12, apps=2, idle_hours=101)
    assert second == elsewhere
    assert third.owner == "p29"
    assert len(rest) == MOST_OWNERS - 3
