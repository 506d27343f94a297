"""What CreateStateMachine refuses: wrong definitions with AWS's error, naming state and field; unbuilt features by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import AwsError, Refused
from tests.localaws.states_machinery import ROLE, StepFunctions, block, last, machine, step_functions, task

PASS = last("Pass")


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def only(kind: str, **fields: Any) -> dict[str, Any]:
    return machine(Only=last(kind, **fields))


def sdk(resource: str, arguments: Any) -> dict[str, Any]:
    return only("Task", Resource=f"arn:aws:states:::{resource}", Arguments=arguments)


def waiting(**fields: Any) -> dict[str, Any]:
    return machine(Only=task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", **fields))


def choice(**rule: Any) -> dict[str, Any]:
    return machine(Only={"Type": "Choice", "Choices": [{"Condition": True, "Next": "Then"} | rule]}, Then=PASS)


def retry(**fields: Any) -> dict[str, Any]:
    return machine(Only=task(Retry=[{"ErrorEquals": ["A"]} | fields]))


def catch(*catchers: dict[str, Any]) -> dict[str, Any]:
    return machine(Only=task(Catch=[{"ErrorEquals": ["A"], "Next": "Then"} | catcher for catcher in catchers]), Then=PASS)


def without(definition: dict[str, Any], field: str) -> dict[str, Any]:
    return definition | {
        "States": {name: {key: value for key, value in state.items() if key != field} for name, state in definition["States"].items()}
    }


WRONG: dict[str, tuple[Any, str]] = {
    "no object": ([], "A definition is a JSON object"),
    "unknown field of the machine": (only("Pass") | {"Start": "x"}, "Field 'Start' is not supported here"),
    "another version": (only("Pass") | {"Version": "2.0"}, "at /Version"),
    "timeout of the machine": (only("Pass") | {"TimeoutSeconds": 0}, "at /TimeoutSeconds"),
    "timeout of the machine by expression": (only("Pass") | {"TimeoutSeconds": "{% 1 %}"}, "at /TimeoutSeconds"),
    "no states": ({"QueryLanguage": "JSONata", "StartAt": "A", "States": {}}, "at /States"),
    "StartAt": (only("Pass") | {"StartAt": "Nowhere"}, "MISSING_TRANSITION_TARGET: there is no state 'Nowhere' at /StartAt"),
    "Next": (machine(Only={"Type": "Pass", "Next": "Nowhere"}, End=PASS), "'Nowhere' at /States/Only/Next"),
    "Next is no name": (machine(Only={"Type": "Pass", "Next": ["End"]}, End=PASS), "at /States/Only/Next"),
    "Default": (
        machine(Only={"Type": "Choice", "Choices": [{"Condition": True, "Next": "Then"}], "Default": "Nowhere"}, Then=PASS),
        "/States/Only/Default",
    ),
    "Next of a choice": (choice(Next="Nowhere"), "at /States/Only/Choices[0]/Next"),
    "Next of a catcher": (catch({"Next": "Nowhere"}), "at /States/Only/Catch[0]/Next"),
    "Next out of a branch": (
        machine(Only=last("Parallel", Branches=[block(In={"Type": "Pass", "Next": "Out"})]), Out=PASS),
        "/Branches[0]/States/In/Next",
    ),
    "unreachable": (machine(Only=PASS, Lost=PASS), "State 'Lost' is not reachable at /States/Lost"),
    "unreachable but for itself": (machine(Only=PASS, Lost={"Type": "Pass", "Next": "Lost"}), "State 'Lost' is not reachable"),
    "no end": (machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"}), "No state is terminal"),
    "neither Next nor End": (without(only("Pass"), "End"), "A state has either Next or End at /States/Only"),
    "Next and End": (machine(Only={**PASS, "Next": "Only"}), "A state has either Next or End"),
    "End false": (machine(Only={"Type": "Pass", "End": False}), "at /States/Only/End"),
    "End of a choice": (
        machine(Only={"Type": "Choice", "Choices": [{"Condition": True, "Next": "Then"}], "End": True}, Then=PASS),
        "/States/Only/End",
    ),
    "long name": (machine(**{"x" * 81: PASS}), "1 to 80 characters"),
    "name used twice": (machine(Only=last("Parallel", Branches=[block(Only=PASS)])), "DUPLICATE_STATE_NAME: 'Only'"),
    "type": (only("Loop"), "'Loop' is no type of state"),
    "unknown field": (only("Pass", Result=1), "Field 'Result' is not supported here"),
    "JSONPath field": (only("Pass", InputPath="$.a"), "Field 'InputPath' is not supported here"),
    "Assign of Succeed": (machine(Only={"Type": "Succeed", "Assign": {}}), "Field 'Assign' is not supported here"),
    "unknown field of a choice": (choice(Variable="$.a"), "at /States/Only/Choices[0]/Variable"),
    "unknown field of a branch": (only("Parallel", Branches=[block(In=PASS) | {"QueryLanguage": "JSONata"}]), "Branches[0]/QueryLanguage"),
    "no Resource": (without(machine(Only=task()), "Resource"), "Field 'Resource' is required at /States/Only"),
    "Resource is no text": (only("Task", Resource=1, Arguments={}), "at /States/Only/Resource"),
    "Arguments are no object": (machine(Only=task(Arguments=[])), "at /States/Only/Arguments"),
    "no Choices": (machine(Only={"Type": "Choice", "Choices": []}), "Choices must be a non-empty array"),
    "choice without Next": (machine(Only={"Type": "Choice", "Choices": [{"Condition": True}]}), "A choice must have Next"),
    "Condition is plain text": (choice(Condition="$states.input.a"), "Condition must be an expression"),
    "no Condition": (machine(Only={"Type": "Choice", "Choices": [{"Next": "Then"}]}, Then=PASS), "Condition must be an expression"),
    "Seconds": (only("Wait", Seconds=-1), "at /States/Only/Seconds"),
    "Seconds as text": (only("Wait", Seconds="5"), "at /States/Only/Seconds"),
    "Timestamp": (only("Wait", Timestamp="tomorrow"), "at /States/Only/Timestamp"),
    "Seconds and Timestamp": (only("Wait", Seconds=1, Timestamp="2026-11-02T08:00:00Z"), "either Seconds or Timestamp"),
    "Wait for nothing": (only("Wait"), "either Seconds or Timestamp"),
    "Branches": (only("Parallel", Branches=[]), "at /States/Only/Branches"),
    "no ItemProcessor": (only("Map"), "Field 'ItemProcessor' is required"),
    "Items": (only("Map", Items="a", ItemProcessor=block(In=PASS)), "at /States/Only/Items"),
    "MaxConcurrency": (only("Map", MaxConcurrency=True, ItemProcessor=block(In=PASS)), "at /States/Only/MaxConcurrency"),
    "timeout of a task": (machine(Only=task(TimeoutSeconds=0)), "at /States/Only/TimeoutSeconds"),
    "heartbeat": (waiting(HeartbeatSeconds=0), "at /States/Only/HeartbeatSeconds"),
    "heartbeat not below the timeout": (waiting(HeartbeatSeconds=60, TimeoutSeconds=60), "HeartbeatSeconds must be smaller than TimeoutSeconds"),
    "Retry is no array": (machine(Only=task(Retry={})), "at /States/Only/Retry"),
    "unknown field of a retrier": (retry(MaxAttempt=1), "at /States/Only/Retry[0]/MaxAttempt"),
    "ErrorEquals is empty": (retry(ErrorEquals=[]), "at /States/Only/Retry[0]/ErrorEquals"),
    "ErrorEquals is missing": (machine(Only=task(Retry=[{"MaxAttempts": 1}])), "ErrorEquals must be a non-empty array"),
    "States.ALL with others": (retry(ErrorEquals=["States.ALL", "A"]), "States.ALL must stand alone, and last"),
    "States.ALL before others": (catch({"ErrorEquals": ["States.ALL"]}, {}), "States.ALL must stand alone, and last at /States/Only/Catch[0]"),
    "unknown name of States": (retry(ErrorEquals=["States.Timout"]), "'States.Timout' is no error name"),
    "IntervalSeconds": (retry(IntervalSeconds=0), "at /States/Only/Retry[0]/IntervalSeconds"),
    "MaxAttempts": (retry(MaxAttempts=-1), "at /States/Only/Retry[0]/MaxAttempts"),
    "expression in a retrier": (retry(MaxAttempts="{% 1 %}"), "Retry takes no expressions"),
    "BackoffRate": (retry(BackoffRate=0.5), "at /States/Only/Retry[0]/BackoffRate"),
    "MaxDelaySeconds": (retry(MaxDelaySeconds=31_622_400), "at /States/Only/Retry[0]/MaxDelaySeconds"),
    "JitterStrategy": (retry(JitterStrategy="HALF"), "at /States/Only/Retry[0]/JitterStrategy"),
    "catcher without Next": (machine(Only=task(Catch=[{"ErrorEquals": ["A"]}])), "Field 'Next' is required at /States/Only/Catch[0]"),
    "unknown field of a catcher": (catch({"ResultPath": "$"}), "at /States/Only/Catch[0]/ResultPath"),
    "syntax deep in Arguments": (machine(Only=task({"a": ["{% $states.( %}"]})), "at /States/Only/Arguments/Payload/a/0"),
    "syntax in Output": (only("Pass", Output="{% 1 + %}"), "JSONata cannot parse '1 +'"),
    "syntax in a catcher": (catch({"Output": "{% [ %}"}), "at /States/Only/Catch[0]/Output"),
    "syntax in a condition": (choice(Condition="{% ( %}"), "at /States/Only/Choices[0]/Condition"),
    "syntax in Seconds": (only("Wait", Seconds="{% ( %}"), "at /States/Only/Seconds"),
    "syntax in Error": (machine(Only={"Type": "Fail", "Error": "{% ( %}"}), "at /States/Only/Error"),
    "syntax in Items": (only("Map", Items="{% ( %}", ItemProcessor=block(In=PASS)), "at /States/Only/Items"),
    "syntax in ItemSelector": (only("Map", ItemSelector={"a": "{% ( %}"}, ItemProcessor=block(In=PASS)), "at /States/Only/ItemSelector/a"),
    "an opened expression": (only("Pass", Output="{% 1"), "an expression starts with {% and ends with %}"),
    "a closed expression": (only("Pass", Output="1 %}"), "an expression starts with {% and ends with %}"),
    "spaces around an expression": (only("Pass", Output=" {% 1 %} "), "with no spaces outside"),
    "result of a Pass": (only("Pass", Output="{% $states.result %}"), "$states.result is not available here"),
    "result in Arguments": (machine(Only=task("{% $states.result %}")), "$states.result is not available here"),
    "errorOutput outside of Catch": (machine(Only=task(Output="{% $states.errorOutput %}")), "$states.errorOutput is not available here"),
    "result in a catcher": (catch({"Output": "{% [1, $string($states.result.a)] %}"}), "$states.result is not available here"),
    "a member that is none": (only("Pass", Output="{% $states.output %}"), "$states.output is not available here"),
    "Assign is no object": (only("Pass", Assign="{% {} %}"), "Assign must be an object"),
    "Assign to a part": (only("Pass", Assign={"x.y": 1}), "'x.y' can be no variable's name"),
    "Assign to states": (only("Pass", Assign={"states": 1}), "'states' can be no variable's name"),
    "inner variable of an outer name": (
        machine(Only={**last("Parallel", Branches=[block(In={**PASS, "Assign": {"x": 1}})]), "Assign": {"x": 2}}),
        "The variable 'x' is assigned in an outer scope",
    ),
    "inner variable of a catcher's name": (
        machine(
            Only={"Type": "Map", "ItemProcessor": block(In={**PASS, "Assign": {"why": 1}}), "Next": "Step"},
            Step=task(Catch=[{"ErrorEquals": ["A"], "Next": "Then", "Assign": {"why": 1}}]),
            Then=PASS,
        ),
        "The variable 'why' is assigned in an outer scope",
    ),
    "unknown service": (
        sdk("aws-sdk:sagmaker:listApps", {}),
        "The service 'sagmaker' of 'aws-sdk:sagmaker:listApps' does not exist at /States/Only/Resource",
    ),
    "botocore's name of a service": (sdk("aws-sdk:stepfunctions:listExecutions", {}), "The service 'stepfunctions'"),
    "unknown operation": (sdk("aws-sdk:sagemaker:listApp", {}), "The operation 'listApp' of 'aws-sdk:sagemaker:listApp' does not exist"),
    "operation in PascalCase": (sdk("aws-sdk:sagemaker:ListApps", {}), "The operation 'ListApps'"),
    "half an sdk call": (sdk("aws-sdk:sagemaker", {}), "'aws-sdk:sagemaker' is no service and operation"),
    "unknown argument": (sdk("aws-sdk:sagemaker:listApps", {"Domain": "d"}), 'The field "Domain" is not supported by Step Functions'),
    "argument in the service's own case": (
        sdk("aws-sdk:sfn:listExecutions", {"stateMachineArn": "a"}),
        'The field "stateMachineArn" is not supported',
    ),
    "missing argument": (sdk("aws-sdk:sagemaker:describeDomain", {}), 'The field "DomainId" is required but was missing at /States/Only/Arguments'),
    "lambda without a function": (sdk("lambda:invoke", {"Payload": 1}), 'The field "FunctionName" is required'),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_definitions_are_refused_with_their_place(sfn: StepFunctions, case: str) -> None:
    definition, message = WRONG[case]
    with pytest.raises(AwsError) as refused:
        sfn.create(definition)
    assert refused.value.code == "InvalidDefinition"
    assert refused.value.message.startswith("Invalid State Machine Definition: '")
    assert message in refused.value.message


def test_a_definition_must_be_json(sfn: StepFunctions) -> None:
    with pytest.raises(AwsError, match="INVALID_JSON_DESCRIPTION") as refused:
        sfn.call("CreateStateMachine", name="m", definition="{'a'}", roleArn=ROLE)
    assert refused.value.code == "InvalidDefinition"


UNBUILT: dict[str, tuple[dict[str, Any], str]] = {
    "JSONPath machine": (only("Pass") | {"QueryLanguage": "JSONPath"}, "the machine has QueryLanguage JSONPath"),
    "JSONPath by default": ({key: value for key, value in only("Pass").items() if key != "QueryLanguage"}, "QueryLanguage JSONPath"),
    "JSONPath state": (only("Pass", QueryLanguage="JSONPath"), "state 'Only' has QueryLanguage JSONPath"),
    "function ARN": (
        only("Task", Resource="arn:aws:lambda:eu-west-1:222222222222:function:f", Arguments={}),
        "state 'Only': arn:aws:lambda:.* a function's ARN as Resource is not built yet",
    ),
    "activity": (only("Task", Resource="arn:aws:states:eu-west-1:222222222222:activity:a", Arguments={}), "activity:a: not built yet"),
    "other partition": (only("Task", Resource="arn:aws-cn:states:::lambda:invoke", Arguments={}), "arn:aws-cn:states:::lambda:invoke: not built yet"),
    "sync of another service": (sdk("lambda:invoke.sync", {}), "the pattern sync is not built yet for lambda:invoke"),
    "sdk with sync": (sdk("aws-sdk:sfn:startExecution.sync:2", {}), "the pattern sync:2 is not built yet for aws-sdk:sfn:startExecution"),
    "table with a task token": (sdk("dynamodb:getItem.waitForTaskToken", {}), "the pattern waitForTaskToken is not built yet for dynamodb:getItem"),
    "startSyncExecution": (sdk("states:startSyncExecution", {}), "states:startSyncExecution: this integration is not built yet"),
    "http": (sdk("http:invoke", {}), "http:invoke: this integration is not built yet"),
    "no Arguments": (without(sdk("aws-sdk:sagemaker:listApps", {}), "Arguments"), "state 'Only' has no Arguments"),
    "Credentials": (machine(Only=task(Credentials={"RoleArn": "r"})), "state 'Only' has Credentials: not built yet"),
    "heartbeat without a token": (machine(Only=task(HeartbeatSeconds=5)), "state 'Only' has HeartbeatSeconds and no task token"),
    "an error that is never reported": (
        retry(ErrorEquals=["States.BranchFailed"]),
        "States.BranchFailed at /States/Only/Retry.* never reports this error",
    ),
}


@pytest.mark.parametrize("case", UNBUILT)
def test_what_is_not_built_is_refused_by_name(sfn: StepFunctions, case: str) -> None:
    definition, message = UNBUILT[case]
    with pytest.raises(Refused, match=message):
        sfn.create(definition)


def test_everything_that_is_built_is_accepted(sfn: StepFunctions) -> None:
    handled = {
        "Retry": [
            {
                "ErrorEquals": ["A", "States.Timeout"],
                "IntervalSeconds": 1,
                "MaxAttempts": 0,
                "BackoffRate": 1,
                "MaxDelaySeconds": 9,
                "JitterStrategy": "NONE",
            }
        ],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed", "Assign": {"why": "{% $states.errorOutput %}"}, "Comment": "c"}],
    }
    inline = {"ProcessorConfig": {"Mode": "INLINE"}, **block(One={**PASS, "Assign": {"mine": 1}})}
    definition = machine(
        Step={**task(Next="Many", TimeoutSeconds="{% $states.input.limit %}"), **handled},
        Many={"Type": "Map", "Items": [1], "MaxConcurrency": "{% 3 %}", "ItemProcessor": inline, "Next": "Both", **handled},
        Both={"Type": "Parallel", "Branches": [block(Two={**PASS, "Assign": {"mine": 2}})], "Next": "Which", **handled},
        Which={"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Later", "Comment": "c"}], "Default": "Failed", "Assign": {"x": 1}},
        Later={"Type": "Wait", "Seconds": "{% $states.input.n %}", "QueryLanguage": "JSONata", "Assign": {"y": "{% $x %}"}, "Next": "Done"},
        Done={"Type": "Succeed", "Output": "{% $states.context.Execution.Name %}", "Comment": "c"},
        Failed={"Type": "Fail", "Error": "E", "Cause": "{% $string($why) %}"},
    )
    arn = sfn.create(definition | {"Comment": "c", "Version": "1.0", "TimeoutSeconds": 60})
    assert json.loads(sfn.call("DescribeStateMachine", stateMachineArn=arn)["definition"])["StartAt"] == "Step"
