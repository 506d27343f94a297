"""`coverage.yaml` says what there is: each line names an operation of AWS and a test that uses it, and the README's table is made of it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from botocore import xform_name
from moto.core.utils import get_service_model

from localaws import coverage, services
from localaws.cloud import FOLLOWS, GUARDS, OPERATIONS
from tools import coverage_table

ROOT = Path(__file__).parents[2]
PER_OPERATION = pytest.mark.parametrize("entry", coverage.operations().values(), ids=lambda entry: f"{entry.service}:{entry.operation}")

Functions = dict[str, list[ast.FunctionDef]]


@cache
def functions_in(file: Path) -> Functions:
    """The functions of a test file by their names, with those of the files beside it that it imports from."""
    tree = ast.parse(file.read_text())
    beside = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tests.localaws.")]
    found: Functions = {}
    for source in [tree, *(ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text()) for module in beside if module)]:
        for node in ast.walk(source):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append(node)
    return found


def used_by(test: ast.FunctionDef, functions: Functions) -> Iterator[ast.FunctionDef]:
    """The test, its fixtures, and what they use of `functions`."""
    seen, open_ends = set[str](), [test]
    while open_ends:
        function = open_ends.pop()
        yield function
        names = {name for node in ast.walk(function) for name in mentioned(node)}
        for name in sorted(names & functions.keys() - seen):
            seen.add(name)
            open_ends += functions[name]


def mentioned(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.Constant(value=str(name)):
            yield name
        case _:
            pass


def named_by(entry: coverage.Coverage) -> tuple[ast.FunctionDef, Functions]:
    file, _, name = entry.test.partition("::")
    functions = functions_in(ROOT / file)
    (test,) = functions[name]
    return test, functions


@PER_OPERATION
def test_each_line_names_an_operation_there_is(entry: coverage.Coverage) -> None:
    assert entry.operation in get_service_model(entry.service).operation_names


@PER_OPERATION
def test_the_test_of_a_line_uses_the_operation_and_asserts_something(entry: coverage.Coverage) -> None:
    """It, or what it uses, has the operation's name, as a string or as boto3's method, and the service's."""
    test, functions = named_by(entry)
    used = list(used_by(test, functions))
    words = {word for function in used for node in ast.walk(function) for word in mentioned(node)}
    assert words & {entry.operation, xform_name(entry.operation)}, f"{entry.test} does not call it"
    assert entry.service in words, f"{entry.test} has no client of {entry.service}"
    asserts = [node for node in ast.walk(test) if isinstance(node, ast.Assert) or (isinstance(node, ast.Attribute) and node.attr == "raises")]
    assert asserts, f"{entry.test} cannot fail"


def test_all_that_we_answer_is_listed() -> None:
    assert services.__all__
    assert set(OPERATIONS) - set(coverage.operations()) == set()


def test_nothing_guards_or_follows_what_is_not_answered() -> None:
    assert (set(GUARDS) | set(FOLLOWS)) - set(coverage.operations()) == set()


def test_the_readme_has_the_table() -> None:
    readme = coverage_table.README.read_text()
    assert coverage_table.written(readme) == readme, "run: .venv/bin/python -m tools.coverage_table"
