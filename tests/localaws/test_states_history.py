"""The events of an execution, in the shape that AWS gives them."""

from collections.abc import Iterator

import pytest

from tests.localaws.states_machinery import ROLE, StepFunctions, block, function_fails, last, machine, seconds, step_functions, task


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def test_the_history_of_a_task_says_what_was_called_with_what(sfn: StepFunctions) -> None:
    sfn.functions.seconds = 2
    done = sfn.run(machine(Step=task({"a": 1}, Assign={"x": [1]}, TimeoutSeconds=30)), {"in": "é"})
    names = {"resourceType": "lambda", "resource": "invoke"}
    complete = {"truncated": False}
    parameters = '{"FunctionName":"arn:aws:lambda:eu-west-1:222222222222:function:step","Payload":{"a":1}}'
    result = '{"ExecutedVersion":"$LATEST","Payload":{"a":1},"StatusCode":200}'
    events = sfn.history(done["arn"])
    assert [(event["timestamp"] - done["startDate"]).total_seconds() for event in events] == [0, 0, 0, 0, 2.05, 2.05, 2.05]
    assert [{name: value for name, value in event.items() if name != "timestamp"} for event in events] == [
        {
            "id": 1,
            "previousEventId": 0,
            "type": "ExecutionStarted",
            "executionStartedEventDetails": {"input": '{"in": "\\u00e9"}', "inputDetails": complete, "roleArn": ROLE},
        },
        {
            "id": 2,
            "previousEventId": 0,
            "type": "TaskStateEntered",
            "stateEnteredEventDetails": {"name": "Step", "input": '{"in":"é"}', "inputDetails": complete},
        },
        {
            "id": 3,
            "previousEventId": 2,
            "type": "TaskScheduled",
            "taskScheduledEventDetails": {**names, "region": "eu-west-1", "parameters": parameters, "timeoutInSeconds": 30},
        },
        {"id": 4, "previousEventId": 3, "type": "TaskStarted", "taskStartedEventDetails": names},
        {"id": 5, "previousEventId": 4, "type": "TaskSucceeded", "taskSucceededEventDetails": {**names, "output": result, "outputDetails": complete}},
        {
            "id": 6,
            "previousEventId": 5,
            "type": "TaskStateExited",
            "stateExitedEventDetails": {
                "name": "Step",
                "output": '{"a":1}',
                "outputDetails": complete,
                "assignedVariables": {"x": "[1]"},
                "assignedVariablesDetails": complete,
            },
        },
        {
            "id": 7,
            "previousEventId": 6,
            "type": "ExecutionSucceeded",
            "executionSucceededEventDetails": {"output": '{"a":1}', "outputDetails": complete},
        },
    ]


def test_a_retried_task_is_scheduled_again_and_entered_once(sfn: StepFunctions) -> None:
    sfn.functions.answer = lambda payload: function_fails("Busy") if len(sfn.functions.calls) == 1 else payload
    done = sfn.run(machine(Step=task(Retry=[{"ErrorEquals": ["Busy"]}])))
    once = ["TaskScheduled", "TaskStarted"]
    assert sfn.kinds(done["arn"]) == [
        "ExecutionStarted",
        "TaskStateEntered",
        *once,
        "TaskFailed",
        *once,
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    failed = next(event for event in sfn.history(done["arn"]) if event["type"] == "TaskFailed")
    assert failed["taskFailedEventDetails"]["error"] == "Busy"


def test_the_events_of_branches_are_lines_of_their_own(sfn: StepFunctions) -> None:
    waits = block(Wait={"Type": "Wait", "Seconds": 1, "Next": "Then"}, Then=last("Pass"))
    done = sfn.run(machine(Both=last("Parallel", Branches=[waits, block(Quick=last("Pass"))])))
    events = {event["id"]: event for event in sfn.history(done["arn"])}
    before = {
        event["type"] + event.get("stateEnteredEventDetails", {}).get("name", ""): events.get(event["previousEventId"], {})
        for event in events.values()
    }
    assert before["WaitStateEnteredWait"]["type"] == "ParallelStateStarted"
    assert before["PassStateEnteredQuick"]["type"] == "ParallelStateStarted"
    assert before["PassStateEnteredThen"]["type"] == "WaitStateExited"
    assert before["ParallelStateSucceeded"]["stateExitedEventDetails"]["name"] == "Then"
    assert before["ParallelStateExited"]["type"] == "ParallelStateSucceeded"


def test_the_history_of_a_map_tells_of_each_iteration(sfn: StepFunctions) -> None:
    which = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 2 %}", "Next": "No"}], "Default": "Long"}
    inside = block(Which=which, No={"Type": "Fail", "Error": "Two"}, Long=seconds(60))
    done = sfn.run(machine(Each=last("Map", Items=[1, 2], ItemProcessor=inside)))
    told = [
        (event["type"], *[details["index"] for name, details in event.items() if name.startswith("mapIteration")])
        for event in sfn.history(done["arn"])
        if "Map" in event["type"]
    ]
    assert sorted(told[2:4]) == [("MapIterationStarted", 0), ("MapIterationStarted", 1)]
    assert told[:2] + told[4:] == [
        ("MapStateEntered",),
        ("MapStateStarted",),
        ("MapIterationFailed", 1),
        ("MapIterationAborted", 0),
        ("MapStateFailed",),
    ]
    started = next(event for event in sfn.history(done["arn"]) if event["type"] == "MapStateStarted")
    assert started["mapStateStartedEventDetails"] == {"length": 2}


def test_a_broken_expression_is_an_event_that_names_the_field(sfn: StepFunctions) -> None:
    done = sfn.run(machine(Only=last("Pass", Output={"a": [1, "{% $states.input.missing %}"]})))
    event = sfn.history(done["arn"])[2]
    assert event["type"] == "EvaluationFailed"
    assert event["evaluationFailedEventDetails"] == {
        "state": "Only",
        "location": "Output/a/1",
        "error": "States.QueryEvaluationError",
        "cause": done["cause"],
    }


def test_a_history_comes_in_pages_in_both_directions_and_without_data(sfn: StepFunctions) -> None:
    done = sfn.run(machine(Only=last("Pass")))
    first = sfn.call("GetExecutionHistory", executionArn=done["arn"], maxResults=3, reverseOrder=True, includeExecutionData=False)
    second = sfn.call("GetExecutionHistory", executionArn=done["arn"], maxResults=3, reverseOrder=True, nextToken=first["nextToken"])
    assert [event["id"] for page in (first, second) for event in page["events"]] == [4, 3, 2, 1]
    assert first["events"][1]["stateExitedEventDetails"] == {"name": "Only"}
    assert second["events"][0]["executionStartedEventDetails"]["input"] == "{}"


def test_long_causes_are_cut_to_what_the_api_can_carry(sfn: StepFunctions) -> None:
    done = sfn.run(machine(No={"Type": "Fail", "Error": "{% $pad('', 300, 'e') %}", "Cause": "{% $pad('', 40000, 'c') %}"}))
    assert (len(done["error"]), len(done["cause"])) == (256, 32_768)
