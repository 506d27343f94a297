"""Every type of state, how data and variables flow between them, and what an execution is when they end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.localaws.states_machinery import StepFunctions, block, function_fails, last, machine, seconds, step_functions, task


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


# -- Pass, Succeed, Fail, Wait


def test_pass_gives_its_input_on_where_it_has_no_output(sfn: StepFunctions) -> None:
    assert sfn.output(machine(Only=last("Pass")), {"a": [1, None]}) == {"a": [1, None]}


def test_output_can_be_any_json_with_expressions_at_any_depth(sfn: StepFunctions) -> None:
    output = {"deep": [{"sum": "{% $states.input.a + 1 %}"}, True, None, "plain"]}
    assert sfn.output(machine(Only=last("Pass", Output=output)), {"a": 2}) == {"deep": [{"sum": 3}, True, None, "plain"]}


def test_succeed_ends_with_its_output(sfn: StepFunctions) -> None:
    assert sfn.output(machine(Done={"Type": "Succeed", "Output": "{% $states.input.a %}"}), {"a": "x"}) == "x"


def test_fail_ends_with_its_error_and_cause(sfn: StepFunctions) -> None:
    done = sfn.run(machine(No={"Type": "Fail", "Error": "{% 'Account' & 'Gone' %}", "Cause": "{% 'account ' & $states.input.id %}"}), {"id": "4"})
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "AccountGone", "account 4")


def test_fail_without_error_or_cause_has_neither(sfn: StepFunctions) -> None:
    done = sfn.run(machine(No={"Type": "Fail"}))
    assert done["status"] == "FAILED"
    assert "error" not in done
    assert "cause" not in done


@pytest.mark.parametrize(("wait", "taken"), [(5, 5), ("{% $states.input.n * 60 %}", 180), (0, 0)])
def test_wait_lets_virtual_seconds_pass(sfn: StepFunctions, wait: Any, taken: float) -> None:
    assert sfn.run(machine(Wait=seconds(wait)), {"n": 3})["seconds"] == taken


@pytest.mark.parametrize(
    ("timestamp", "taken"),
    [("2026-11-02T09:00:00Z", 3600), ("{% $states.input.until %}", 90), ("2026-11-02T09:00:30+01:00", 30), ("2020-01-01T00:00:00Z", 0)],
)
def test_wait_lets_time_pass_until_a_moment(sfn: StepFunctions, timestamp: str, taken: float) -> None:
    done = sfn.run(machine(Wait=last("Wait", Timestamp=timestamp)), {"until": "2026-11-02T08:01:30Z"})
    assert done["seconds"] == taken


# -- Choice


CHOICE = {
    "Type": "Choice",
    "Choices": [
        {"Condition": "{% $states.input.n > 10 %}", "Next": "Large", "Output": "{% $states.input.n %}", "Assign": {"size": "large"}},
        {"Condition": "{% $states.input.n > 5 %}", "Next": "Medium"},
        {"Condition": False, "Next": "Never"},
    ],
    "Default": "Small",
    "Output": "the state's own",
    "Assign": {"size": "small"},
}
ENDS = {
    name: last("Pass", Output=[name, "{% $states.input %}", "{% $exists($size) ? $size : 'none' %}"])
    for name in ("Large", "Medium", "Never", "Small")
}


@pytest.mark.parametrize(
    ("value", "output"),
    [({"n": 11}, ["Large", 11, "large"]), ({"n": 6}, ["Medium", {"n": 6}, "none"]), ({"n": 1}, ["Small", "the state's own", "small"])],
)
def test_choice_takes_the_first_that_matches_and_what_that_says(sfn: StepFunctions, value: Any, output: Any) -> None:
    assert sfn.output(machine(Which=CHOICE, **ENDS), value) == output


def test_a_choice_that_matches_nothing_breaks_the_machine(sfn: StepFunctions) -> None:
    which = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n = 1 %}", "Next": "One"}]}
    done = sfn.run(machine(Which=which, One=last("Pass")), {"n": 2})
    assert done["error"] == "States.Runtime"
    assert done["cause"] == (
        "An error occurred while executing the state 'Which' (entered at the event id #2). "
        "Failed to transition out of the state. The state does not point to a next state."
    )


def test_a_condition_must_be_true_or_false(sfn: StepFunctions) -> None:
    which = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n %}", "Next": "One"}], "Default": "One"}
    done = sfn.run(machine(Which=which, One=last("Pass")), {"n": 2})
    assert done["error"] == "States.QueryEvaluationError"
    assert (
        "specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'number' for value: 2"
        in done["cause"]
    )


# -- variables


def test_assigned_variables_are_seen_from_the_next_state_on(sfn: StepFunctions) -> None:
    first = {"Type": "Pass", "Assign": {"x": 3, "a": 6}, "Next": "Swap"}
    swap = {"Type": "Pass", "Assign": {"x": "{% $a %}", "nextX": "{% $x %}"}, "Output": "{% $x %}", "Next": "Read"}
    read = last("Pass", Output=["{% $states.input %}", "{% $x %}", "{% $nextX %}"])
    assert sfn.output(machine(First=first, Swap=swap, Read=read)) == [3, 6, 3]


def test_null_is_a_value_that_a_variable_can_have(sfn: StepFunctions) -> None:
    keep = {"Type": "Pass", "Assign": {"x": None, "list": [None, 1]}, "Next": "Read"}
    assert sfn.output(machine(Keep=keep, Read=last("Pass", Output=["{% $x = null %}", "{% $list %}", "{% $x %}"]))) == [True, [None, 1], None]


def test_inner_scopes_read_outer_variables_and_keep_their_own(sfn: StepFunctions) -> None:
    outer = {"Type": "Pass", "Assign": {"project": "fraud"}, "Next": "Both"}
    inside = {"Type": "Pass", "Assign": {"mine": "{% $project & '-' & $states.input %}"}, "Next": "Give"}
    branch = block(Inside=inside, Give=last("Pass", Output="{% $mine %}"))
    other = block(Other=last("Pass", Output="{% $exists($mine) %}"))
    both = {"Type": "Parallel", "Arguments": "dev", "Branches": [branch, other], "Next": "After"}
    after = last("Pass", Output=["{% $states.input %}", "{% $exists($mine) %}", "{% $project %}"])
    assert sfn.output(machine(Outer=outer, Both=both, After=after)) == [["fraud-dev", False], False, "fraud"]


def test_parallel_can_assign_its_result_to_its_own_scope(sfn: StepFunctions) -> None:
    both = {"Type": "Parallel", "Branches": [block(One=last("Pass", Output=1))], "Assign": {"ones": "{% $states.result %}"}, "Next": "After"}
    assert sfn.output(machine(Both=both, After=last("Pass", Output="{% $ones %}"))) == [1]


# -- the Context object


def test_the_context_object_says_who_runs_what_since_when(sfn: StepFunctions) -> None:
    wait = {"Type": "Wait", "Seconds": 90, "Next": "Tell"}
    done = sfn.run(machine(Wait=wait, Tell=last("Pass", Output="{% $states.context %}")), {"a": 1})
    assert done["output"] == {
        "Execution": {
            "Id": done["arn"],
            "Input": {"a": 1},
            "Name": done["name"],
            "RoleArn": "arn:aws:iam::222222222222:role/steward/machine",
            "StartTime": "2026-11-02T08:00:00Z",
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": done["stateMachineArn"], "Name": "machine"},
        "State": {"Name": "Tell", "EnteredTime": "2026-11-02T08:01:30Z", "RetryCount": 0},
    }


# -- Parallel


def test_parallel_runs_its_branches_side_by_side_and_keeps_their_order(sfn: StepFunctions) -> None:
    slow = block(Slow={"Type": "Wait", "Seconds": 30, "Next": "SlowDone"}, SlowDone=last("Pass", Output="slow"))
    quick = block(Quick=last("Pass", Output="{% $states.input.a %}"))
    done = sfn.run(machine(Both=last("Parallel", Branches=[slow, quick], Output={"all": "{% $states.result %}"})), {"a": 1})
    assert done["output"] == {"all": ["slow", 1]}
    assert done["seconds"] == 30


def test_a_failing_branch_fails_the_parallel_and_gives_up_its_siblings(sfn: StepFunctions) -> None:
    fails = block(Soon={"Type": "Wait", "Seconds": 10, "Next": "Fails"}, Fails={"Type": "Fail", "Error": "Tainted", "Cause": "why"})
    done = sfn.run(machine(Both=last("Parallel", Branches=[fails, block(Long=seconds(86_400))])))
    assert (done["status"], done["error"], done["cause"], done["seconds"]) == ("FAILED", "Tainted", "why", 10)
    assert sfn.kinds(done["arn"])[-3:] == ["WaitStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    assert sfn.clock.now - sfn.started == 10, "nothing of the given-up branch is left for the clock to wait for"


def test_an_error_inside_a_branch_can_be_caught_inside_it(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda _: function_fails("Gone")
    tries = task(Catch=[{"ErrorEquals": ["Gone"], "Next": "Instead"}])
    branch = block(Tries=tries, Instead=last("Pass", Output="instead"))
    assert sfn.output(machine(Both=last("Parallel", Branches=[branch]))) == ["instead"]


# -- Map


def test_map_gives_each_item_and_keeps_the_order(sfn: StepFunctions) -> None:
    each = last("Map", Items="{% $states.input.ids %}", ItemProcessor=block(One=last("Pass", Output="{% $states.input * 2 %}")))
    assert sfn.output(machine(Each=each), {"ids": [3, 1, 2]}) == [6, 2, 4]


def test_map_takes_its_input_as_items_where_it_names_none(sfn: StepFunctions) -> None:
    assert sfn.output(machine(Each=last("Map", ItemProcessor=block(One=last("Pass")))), [1, None]) == [1, None]


def test_map_over_nothing_gives_nothing(sfn: StepFunctions) -> None:
    assert sfn.output(machine(Each=last("Map", Items=[], ItemProcessor=block(One=last("Pass"))))) == []


def test_item_selector_and_the_states_inside_know_index_and_value(sfn: StepFunctions) -> None:
    selector = {"n": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value %}", "in": "{% $states.input.from %}"}
    inside = block(One=last("Pass", Output=["{% $states.input %}", "{% $states.context.Map.Item.Index %}"]))
    each = last("Map", Items=["a", "b"], ItemSelector=selector, ItemProcessor=inside)
    first, second = {"n": 0, "v": "a", "in": "x"}, {"n": 1, "v": "b", "in": "x"}
    assert sfn.output(machine(Each=each), {"from": "x"}) == [[first, 0], [second, 1]]


@pytest.mark.parametrize(("limit", "rounds", "at_once"), [(1, 6, 1), (2, 3, 2), (0, 1, 6), ("{% $states.input.limit %}", 2, 3)])
def test_max_concurrency_bounds_what_runs_at_the_same_time(sfn: StepFunctions, limit: Any, rounds: int, at_once: int) -> None:
    sfn.functions.seconds = 10
    sfn.cloud.latency = 0
    each = last("Map", Items="{% [1..6] %}", MaxConcurrency=limit, ItemProcessor=block(One=task()))
    done = sfn.run(machine(Each=each), {"limit": 3})
    assert done["output"] == [1, 2, 3, 4, 5, 6]
    assert done["seconds"] == rounds * 10
    assert sfn.functions.most_running == at_once


def test_an_inline_map_never_runs_more_than_forty_at_a_time(sfn: StepFunctions) -> None:
    sfn.functions.seconds = 10
    sfn.run(machine(Each=last("Map", Items="{% [1..90] %}", MaxConcurrency=80, ItemProcessor=block(One=task()))))
    assert (sfn.functions.most_running, len(sfn.functions.calls)) == (40, 90)


def test_a_failing_item_fails_the_map_and_starts_no_more_items(sfn: StepFunctions) -> None:
    sfn.functions.seconds = 1
    sfn.functions.answer = lambda number: function_fails("Bad") if number == 2 else number
    done = sfn.run(machine(Each=last("Map", Items=[1, 2, 3, 4], MaxConcurrency=1, ItemProcessor=block(One=task()))))
    assert (done["status"], done["error"]) == ("FAILED", "Bad")
    assert [payload for _, _, payload, _ in sfn.functions.calls] == [1, 2]


def test_maps_in_maps_know_their_own_item(sfn: StepFunctions) -> None:
    inner = last("Map", Items="{% $states.input %}", ItemProcessor=block(Cell=last("Pass", Output="{% $states.context.Map.Item.Index %}")))
    assert sfn.output(machine(Rows=last("Map", Items=[[7, 7], [7]], ItemProcessor=block(Row=inner)))) == [[0, 1], [0]]


def test_map_wants_an_array(sfn: StepFunctions) -> None:
    done = sfn.run(machine(Each=last("Map", Items="{% 'one' %}", ItemProcessor=block(One=last("Pass")))))
    assert done["error"] == "States.QueryEvaluationError"


# -- time-outs and limits


def test_a_machine_that_takes_too_long_is_timed_out(sfn: StepFunctions) -> None:
    done = sfn.run(machine(Long=seconds(3600)) | {"TimeoutSeconds": 60})
    assert (done["status"], done["seconds"]) == ("TIMED_OUT", 60)
    assert sfn.kinds(done["arn"])[-2:] == ["WaitStateAborted", "ExecutionTimedOut"]
    assert sfn.clock.now - sfn.started == 60


def test_the_timeout_of_a_machine_that_ended_is_forgotten(sfn: StepFunctions) -> None:
    assert sfn.run(machine(Short=seconds(5)) | {"TimeoutSeconds": 60})["status"] == "SUCCEEDED"
    assert sfn.clock.now - sfn.started == 5


def test_a_state_cannot_give_more_than_256_kib(sfn: StepFunctions) -> None:
    much = last("Pass", Output="{% $pad('', 262143, 'x') %}")
    assert sfn.run(machine(Much=much))["error"] == "States.DataLimitExceeded"


def test_a_state_can_give_256_kib(sfn: StepFunctions) -> None:
    assert len(sfn.output(machine(Much=last("Pass", Output="{% $pad('', 262142, 'x') %}")))) == 262_142


# -- the log


def test_the_log_has_an_execution_from_its_start_to_its_end(sfn: StepFunctions) -> None:
    arn = sfn.begin(machine(Wait={"Type": "Wait", "Seconds": 60, "Next": "Done"}, Done=last("Pass", Output=[1])), {"a": 1})
    sfn.clock.advance(1)
    (entry,) = sfn.cloud.log.executions
    assert (entry["status"], entry["time"], entry["output"], entry["transitions"]) == ("RUNNING", None, None, 1)
    sfn.clock.settle()
    described = sfn.describe(arn)
    assert sfn.cloud.log.executions == [
        {
            "time": "2026-11-02T08:01:00.000Z",
            "account": "222222222222",
            "region": "eu-west-1",
            "machine": "machine",
            "machine_arn": described["stateMachineArn"],
            "name": described["name"],
            "arn": arn,
            "status": "SUCCEEDED",
            "input": {"a": 1},
            "output": [1],
            "error": None,
            "cause": None,
            "start": "2026-11-02T08:00:00.000Z",
            "transitions": 2,
            "redrives": 0,
        }
    ]


def test_a_crash_of_localaws_ends_the_execution_and_is_raised_from_the_clock(sfn: StepFunctions) -> None:
    def crash(_: Any) -> Any:
        raise LookupError("a bug")

    sfn.functions.answer = crash
    arn = sfn.begin(machine(Step=task(Retry=[{"ErrorEquals": ["States.ALL"]}])))
    with pytest.raises(LookupError, match="a bug"):
        sfn.clock.settle()
    done = sfn.describe(arn)
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "States.Runtime", "LookupError: a bug")


def test_a_crash_inside_a_branch_is_raised_as_well(sfn: StepFunctions) -> None:
    def crash(_: Any) -> Any:
        raise LookupError("a bug")

    sfn.functions.answer = crash
    sfn.begin(machine(Both=last("Parallel", Branches=[block(Step=task()), block(Long=seconds(60))])))
    with pytest.raises(LookupError, match="a bug"):
        sfn.clock.settle()
    assert sfn.cloud.log.executions[0]["status"] == "FAILED"


def test_one_seed_gives_one_run() -> None:
    chance = machine(Chance=last("Pass", Output=["{% $uuid() %}", "{% $random() %}", "{% $shuffle([1..9]) %}"]))
    runs = []
    for seed in (0, 0, 1):
        with step_functions(seed) as api:
            runs.append(api.output(chance))
    assert runs[0] == runs[1]
    assert all(ours != other for ours, other in zip(runs[0], runs[2], strict=True))
