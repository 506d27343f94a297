"""Redriving a Map Run with its parent: what failed is done again, what succeeded is not."""

from collections.abc import Iterator
from typing import Any

import pytest

from localaws.states import executions
from localaws.states.maps import runs
from tests.localaws.states_machinery import FakeS3, StepFunctions, block, fan_out, function_fails, last, machine, seconds, step_functions, task

DAY = 86_400


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def fails_for(sfn: StepFunctions, *broken: Any) -> None:
    sfn.functions.answer = lambda payload: function_fails("Broken") if payload in broken else payload


def payloads(sfn: StepFunctions) -> list[Any]:
    return [payload for _, _, payload, _ in sfn.functions.calls]


def redrive(sfn: StepFunctions, arn: str) -> dict[str, Any]:
    sfn.call("RedriveExecution", executionArn=arn)
    sfn.clock.settle()
    return sfn.describe(arn)


def map_runs(sfn: StepFunctions, arn: str) -> list[dict[str, Any]]:
    listed = sfn.call("ListMapRuns", executionArn=arn)["mapRuns"]
    return [sfn.call("DescribeMapRun", mapRunArn=run["mapRunArn"]) for run in listed]


@pytest.mark.parametrize(("kind", "actions"), [("STANDARD", []), ("EXPRESS", ["states:StartExecution"])])
def test_what_failed_and_what_was_not_started_is_done_and_nothing_else(sfn: StepFunctions, kind: str, actions: list[str]) -> None:
    fails_for(sfn, 2)
    done = sfn.run(machine(All=fan_out(block(Step=task()), kind, MaxConcurrency=1)), [1, 2, 3])
    assert (done["error"], payloads(sfn)) == ("States.ExceedToleratedFailureThreshold", [1, 2])
    fails_for(sfn)
    sfn.asked.clear()
    again = redrive(sfn, done["arn"])
    assert (again["status"], again["output"], payloads(sfn)) == ("SUCCEEDED", [1, 2, 3], [1, 2, 2, 3])
    (run,) = map_runs(sfn, done["arn"])
    assert (run["status"], run["redriveCount"], run["redriveDate"] >= again["redriveDate"]) == ("SUCCEEDED", 1, True)
    asked = [asked for asked, _ in sfn.asked]
    assert asked == ["states:DescribeExecution", "states:RedriveExecution", *actions, "states:StartExecution"]
    entries = [entry for entry in sfn.cloud.log.executions if "map_run" in entry]
    assert [(entry["redrives"], entry["status"]) for entry in entries] == [(0, "SUCCEEDED"), (1, "SUCCEEDED"), (0, "SUCCEEDED")]


def test_the_history_tells_of_the_redriven_map_run(sfn: StepFunctions) -> None:
    fails_for(sfn, 1)
    done = sfn.run(machine(All=fan_out(block(Step=task()))), [1])
    fails_for(sfn)
    redrive(sfn, done["arn"])
    events = sfn.history(done["arn"])
    assert [event["type"] for event in events][7:] == [
        "ExecutionRedriven",
        "MapRunRedriven",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    (run,) = map_runs(sfn, done["arn"])
    assert events[8]["mapRunRedrivenEventDetails"] == {"mapRunArn": run["mapRunArn"], "redriveCount": 1}


def test_a_standard_child_goes_on_where_it_was_and_an_express_child_begins_anew(sfn: StepFunctions) -> None:
    steps = block(First=task(["first", "{% $states.input %}"], Next="Second"), Second=task(["second", "{% $states.input[1] %}"]))
    for kind, repeated in (("STANDARD", [["second", 1]]), ("EXPRESS", [["first", 1], ["second", 1]])):
        fails_for(sfn, ["second", 1])
        arn = sfn.start(sfn.create(machine(All=fan_out(steps, kind)), kind), [1])
        sfn.clock.settle()
        entry = sfn.cloud.log.executions[-1]
        sfn.functions.calls.clear()
        fails_for(sfn)
        assert redrive(sfn, arn)["status"] == "SUCCEEDED"
        assert payloads(sfn) == repeated
        assert sfn.cloud.log.executions[-1] is entry, "under the same ARN"
    express = sfn.call("DescribeExecution", executionArn=entry["arn"])
    assert (express["redriveCount"], "redriveDate" in express) == (1, False)


def test_children_wait_for_their_turn_to_be_redriven(sfn: StepFunctions) -> None:
    fails_for(sfn, 1, 2)
    done = sfn.run(machine(All=fan_out(block(Step=task()), MaxConcurrency=1, ToleratedFailureCount=1)), [1, 2])
    fails_for(sfn)
    sfn.functions.seconds = 10
    sfn.call("RedriveExecution", executionArn=done["arn"])
    sfn.clock.advance(5)
    (run,) = map_runs(sfn, done["arn"])
    assert (run["status"], run["executionCounts"]["running"], run["executionCounts"]["pendingRedrive"]) == ("RUNNING", 1, 1)
    waiting = sfn.call("ListExecutions", mapRunArn=run["mapRunArn"], statusFilter="PENDING_REDRIVE")["executions"]
    assert [child["status"] for child in waiting] == ["PENDING_REDRIVE"]
    sfn.call("StopExecution", executionArn=done["arn"])
    (run,) = map_runs(sfn, done["arn"])
    assert (run["status"], run["executionCounts"]["pendingRedrive"]) == ("ABORTED", 0)


def test_a_child_that_can_no_longer_be_redriven_has_failed_for_good(sfn: StepFunctions) -> None:
    fails_for(sfn, 1)
    slow = block(Step=task(Next="Wait"), Wait=seconds(10 * DAY))
    arn = sfn.begin(machine(All=fan_out(slow, ToleratedFailureCount=1)), [1, 2])
    sfn.clock.advance(9 * DAY)
    sfn.call("StopExecution", executionArn=arn)
    sfn.clock.advance(10 * DAY)
    sfn.functions.calls.clear()
    fails_for(sfn)
    again = redrive(sfn, arn)
    assert (again["status"], payloads(sfn), again["output"][0]["Status"]) == ("SUCCEEDED", [], "FAILED")
    (run,) = map_runs(sfn, arn)
    assert run["executionCounts"]["failuresNotRedrivable"] == 1


def test_a_map_run_that_never_read_its_items_is_started_for_the_first_time(sfn: StepFunctions) -> None:
    s3 = FakeS3(sfn)
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "b", "Key": "k"}, "ReaderConfig": {"InputType": "JSON"}}
    done = sfn.run(machine(All=fan_out(block(Echo=last("Pass")), ItemReader=reader)))
    assert done["error"] == "States.ItemReaderFailed"
    s3.objects["b", "k"] = b"[1]"
    assert redrive(sfn, done["arn"])["output"] == [1]
    first, second = map_runs(sfn, done["arn"])
    assert (first["status"], second["status"], second["redriveCount"]) == ("FAILED", "SUCCEEDED", 0)


def test_results_that_were_too_large_make_a_new_map_run(sfn: StepFunctions) -> None:
    large = block(Grow=last("Pass", Output="{% $pad('', 30000, 'x') %}"))
    done = sfn.run(machine(All=fan_out(large)), list(range(9)))
    assert redrive(sfn, done["arn"])["error"] == "States.DataLimitExceeded"
    assert len(map_runs(sfn, done["arn"])) == 2


def test_a_redrive_waits_for_express_children_of_before(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(All=fan_out(block(Wait=seconds(50)), "EXPRESS", MaxConcurrency=1)), [1, 2])
    sfn.clock.advance(10)
    sfn.call("StopExecution", executionArn=arn)
    again = redrive(sfn, arn)
    assert (again["status"], (again["stopDate"] - again["startDate"]).total_seconds()) == ("SUCCEEDED", 100)


def test_a_map_run_is_redriven_a_thousand_times_at_most(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs.MOST_REDRIVES == 1000
    monkeypatch.setattr(runs, "MOST_REDRIVES", 1)
    fails_for(sfn, 1)
    done = sfn.run(machine(All=fan_out(block(Step=task()))), [1])
    assert redrive(sfn, done["arn"])["error"] == "States.ExceedToleratedFailureThreshold"
    assert redrive(sfn, done["arn"])["error"] == "States.Runtime"


def test_children_of_standard_type_are_redriven_while_their_history_has_room(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_for(sfn, 1)
    done = sfn.run(machine(All=fan_out(block(Step=task()))), [1])
    fails_for(sfn)
    parent_events = len(sfn.history(done["arn"]))
    steps = block(**{f"S{number}": {"Type": "Pass", "Next": f"S{number + 1}"} for number in range(6)}, S6=task())
    fails_for(sfn, 1)
    arn = sfn.start(sfn.create(machine(All=fan_out(steps)), "long"), [1])
    sfn.clock.settle()
    monkeypatch.setattr(executions, "MOST_EVENTS", parent_events + 6)
    fails_for(sfn)
    assert redrive(sfn, arn)["error"] == "States.ExceedToleratedFailureThreshold", "its last error is permanent"
    assert redrive(sfn, done["arn"])["status"] == "SUCCEEDED"
