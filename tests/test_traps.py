"""Traps that systems like ours met in production: `docs/traps.md` lists them, and each has tests that say its number. Those here read the files."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tests.test_conventions import MACHINES, all_states, as_list, everything_in, machine, resources

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "traps.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)


SAID = re.compile(r"\bTraps? ([\d, and]+)")


def said_by_tests() -> set[tuple[int, str]]:
    """The number of each trap that a test (``tests/file.py::name``) says: ``test_trap_17_…``, or "Traps 31 and 37" in its docstring."""
    found = set[tuple[int, str]]()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                texts = [*re.findall(r"trap_(\d+)", node.name), *SAID.findall(ast.get_docstring(node) or "")]
                found |= {(int(number), f"{path.relative_to(ROOT)}::{node.name}") for text in texts for number in re.findall(r"\d+", text)}
    return found


def test_every_trap_of_the_page_is_held_by_tests_that_say_its_number_and_all_that_say_one_are_on_it() -> None:
    listed = {(int(number), test) for number, tests in ROWS for test in re.findall(r"`(tests/[^`]+)`", tests)}
    assert listed - said_by_tests() == set(), "on the page, and the test does not say the number"
    assert said_by_tests() - listed == set(), "said by a test that is not on the page"
    numbers = [int(number) for number, _ in ROWS]
    assert numbers == sorted({number for number, _ in listed}), "each once, in order, and none without a test"


# -- read off the files


def _function_of(state: dict[str, Any]) -> str:
    """The logical id of the function that a state invokes."""
    return str(state.get("Arguments", {}).get("FunctionName", "")).removeprefix("${").removesuffix("Arn}")


@pytest.mark.parametrize("workflow", [name for name in MACHINES if name != "cost_key_activation"])
def test_trap_10_a_role_that_is_planted_a_moment_later_is_waited_for_twenty_minutes_and_more(workflow: str) -> None:
    """All but cost_key_activation, whose role is deployed by hand before it starts. Not again for items of a Map: the door
    was open by then, or they have five minutes, and who reads their results says which were left."""
    functions = resources("AWS::Serverless::Function")
    for name, state in machine(workflow)["States"].items():
        if "MEMBER_ROLE_NAME" not in functions.get(_function_of(state), {}).get("Environment", {}).get("Variables", {}):
            continue
        rules = [rule for rule in state["Retry"] if rule["ErrorEquals"] == ["MemberRoleNotAssumable"]]
        assert len(rules) == 1, f"{workflow}.{name}"
        (rule,) = rules
        assert (rule["BackoffRate"], rule["JitterStrategy"]) == (1, "NONE"), "full jitter waits half as long on average"
        assert rule["IntervalSeconds"] * rule["MaxAttempts"] >= 20 * 60, f"{workflow}.{name}"


IN_THE_HUB = re.compile(
    r"arn:aws:states:::(lambda:invoke|events:putEvents|sns:publish|states:startExecution(\.sync:2)?|dynamodb:\w+|s3:(get|put)Object)"
)


@pytest.mark.parametrize("workflow", MACHINES)
def test_trap_35_a_machine_itself_calls_nothing_outside_of_the_hub(workflow: str) -> None:
    """Its integrations cannot cross Regions, and accounts only in some: what is done in members is done by functions."""
    for node in everything_in(machine(workflow)):
        if isinstance(node, dict):
            assert "Credentials" not in node
            if str(node.get("Resource", "")).startswith("arn:aws:states:"):
                assert IN_THE_HUB.fullmatch(node["Resource"]), node["Resource"]


@pytest.mark.parametrize("workflow", MACHINES)
def test_trap_36_what_failed_takes_the_place_of_nothing_that_is_still_needed(workflow: str) -> None:
    """After a Catch a state's input is the error: only the first state of a block reads its input, all else is kept in variables."""
    definition = machine(workflow)
    assert definition["QueryLanguage"] == "JSONata"
    blocks = [definition, *(state["ItemProcessor"] for _, state in all_states(definition) if "ItemProcessor" in state)]
    for block in blocks:
        for name, state in block["States"].items():
            inner = {"ItemProcessor": None}
            texts = [node for node in everything_in({**state, **(inner if "ItemProcessor" in state else {})}) if isinstance(node, str)]
            assert name == block["StartAt"] or not any("$states.input" in text for text in texts), f"{workflow}.{name}"
    for name, state in all_states(definition):
        for rule in as_list(state.get("Catch", [])):
            assert any("$states.errorOutput" in kept for kept in rule["Assign"].values()), f"{workflow}.{name}"


@pytest.mark.parametrize("workflow", MACHINES)
def test_trap_38_whatever_goes_round_in_circles_counts_its_rounds(workflow: str) -> None:
    """A Wait in the midst is reached by a Choice that compares a counter with a number: an execution's history ends at 25,000 events."""
    states = machine(workflow)["States"]
    for name, state in states.items():
        if state["Type"] == "Wait" and name != machine(workflow)["StartAt"]:
            ways = [rule["Condition"] for other in states.values() for rule in other.get("Choices", []) if rule["Next"] == name]
            bounds = [int(found) for way in ways for found in re.findall(r"\$\w+ < (\d+)", way)]
            assert bounds, f"nobody counts how often {name} is entered"
            assert max(bounds) <= 500, name
