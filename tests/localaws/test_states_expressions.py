"""JSONata with Step Functions' own functions, and what an expression may not give."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.localaws.states_machinery import StepFunctions, last, machine, step_functions

INPUT: dict[str, Any] = {"n": 3.0, "none": None, "list": [None, 1.0, 1.5], "empty": [], "one": [1], "text": "abc", "json": '{"a": [1, null]}'}


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("$states.input.n", 3),
        ("$string($states.input.n)", "3"),
        ("$states.input.none", None),
        ("$states.input.list", [None, 1, 1.5]),
        ("$states.input.list.($ = null)", [True, False, False]),
        ("$states.input.empty", []),
        ("$states.input.one", [1]),
        ("{'k': $states.input.missing, 'n': $states.input.none}", {"n": None}),
        ("6 / 4", 1.5),
        ("6 / 3", 2),
        ("[1..3]", [1, 2, 3]),
        ("{'r': [1..3]}", {"r": [1, 2, 3]}),
        ("$map([1..3], function($v){ $v * 2 })", [2, 4, 6]),
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition($states.input.list, 2.9)", [[None, 1], [1.5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$hash('abc', 'SHA-256')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("$hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("$hash({'a': 1}, 'SHA-1') = $hash('{\"a\":1}', 'SHA-1')", True),
        ("$parse($states.input.json)", {"a": [1, None]}),
        ("$parse('null')", None),
        ("$random(7) = $random(7)", True),
        ("$random(7) = $random(8)", False),
        ("$random() < 1", True),
        ("$length($uuid())", 36),
        ("$uuid() = $uuid()", False),
        ("$count($shuffle([1..9]))", 9),
        ("$states.input.missing ? 1 : 2", 2),
        ("$exists($eval)", False),
        ("(\n  $x := 2;\n  $x + 1\n)", 3),
        ("$now()", "2026-11-02T08:00:00.000Z"),
        ("$millis()", 1793606400000),
    ],
)
def test_values(sfn: StepFunctions, code: str, value: Any) -> None:
    assert sfn.output(machine(Only=last("Pass", Output=f"{{% {code} %}}")), INPUT) == value


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("$states.input.missing", "returned nothing (undefined)"),
        ("$unknown", "returned nothing (undefined)"),
        ("1 + 'a'", "threw an error during evaluation"),
        ("$eval('1')", "threw an error during evaluation. Attempted to invoke a non-function"),
        ("$uppercase", "returned a value that is not JSON"),
        ("/ab/", "returned a value that is not JSON"),
        ("$parse('{')", "threw an error during evaluation"),
        ("$parse('NaN')", "threw an error during evaluation. NaN is not JSON"),
        ("$parse(1)", "threw an error during evaluation. $parse needs a string"),
        ("$partition([1], 0)", "threw an error during evaluation. $partition needs a size of at least 1"),
        ("$range(1, 5, 0)", "threw an error during evaluation. $range needs a step other than 0"),
        ("$range(1, 5000, 1)", "threw an error during evaluation. $range gives at most 1000 values"),
        ("$hash('a', 'CRC')", "threw an error during evaluation. $hash knows MD5"),
        ("$error('because')", "threw an error during evaluation. because"),
    ],
)
def test_problems(sfn: StepFunctions, code: str, problem: str) -> None:
    done = sfn.run(machine(Only=last("Pass", Output={"deep": f"{{% {code} %}}"})), INPUT)
    assert done["error"] == "States.QueryEvaluationError"
    assert f"The JSONata expression '{code}' specified for the field 'Output/deep' {problem}" in done["cause"]


@pytest.mark.parametrize(
    ("state", "field", "wanted"),
    [
        ({"Type": "Wait", "Seconds": "{% 'soon' %}"}, "Seconds", "'number', but was 'string' for value: \"soon\""),
        ({"Type": "Wait", "Timestamp": "{% 5 %}"}, "Timestamp", "'string', but was 'number' for value: 5"),
        ({"Type": "Fail", "Cause": "{% null %}"}, "Cause", "'string', but was 'null' for value: null"),
    ],
)
def test_fields_want_their_type(sfn: StepFunctions, state: dict[str, Any], field: str, wanted: str) -> None:
    done = sfn.run(machine(Only=state if state["Type"] == "Fail" else state | {"End": True}))
    assert done["error"] == "States.QueryEvaluationError"
    assert f"specified for the field '{field}' returned an unexpected result type. Expected {wanted}" in done["cause"]


@pytest.mark.parametrize(
    "state", [{"Seconds": "{% -1 %}"}, {"Seconds": "{% 1.5 %}"}, {"Timestamp": "{% 'tomorrow' %}"}, {"Timestamp": "{% '2026-11-02T08:00:00' %}"}]
)
def test_values_out_of_range_are_evaluation_errors(sfn: StepFunctions, state: dict[str, Any]) -> None:
    assert sfn.run(machine(Only=last("Wait", **state)))["error"] == "States.QueryEvaluationError"


def test_the_time_of_a_cached_expression_is_the_time_it_runs(sfn: StepFunctions) -> None:
    now = {"Type": "Pass", "Assign": {"first": "{% $now() %}"}, "Next": "Wait"}
    # Another expression is compiled in between: the library would give that one's time.
    wait = {"Type": "Wait", "Seconds": "{% 60 + 1 - 1 %}", "Next": "Again"}
    assert sfn.output(machine(Now=now, Wait=wait, Again=last("Pass", Output=["{% $now() %}", "{% $first %}"]))) == [
        "2026-11-02T08:01:00.000Z",
        "2026-11-02T08:00:00.000Z",
    ]


def test_an_expression_changes_nothing_of_what_it_is_given(sfn: StepFunctions) -> None:
    changed = {"Type": "Pass", "Output": "{% $states.input ~> |$|{'a': 2}, ['b']| %}", "Assign": {"was": "{% $states.input %}"}, "Next": "Tell"}
    tell = last("Pass", Output=["{% $states.input %}", "{% $was %}", "{% $states.context.Execution.Input %}"])
    given = {"a": 1, "b": 1}
    assert sfn.output(machine(Changed=changed, Tell=tell), given) == [{"a": 2}, given, given]
