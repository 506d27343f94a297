"""`coverage.yaml` says what there is: each line names an operation of AWS and a test there is, and the README's table is made of it."""

import ast
from pathlib import Path

import pytest
from moto.core.utils import get_service_model

from localaws import coverage, services
from localaws.cloud import OPERATIONS
from tools import coverage_table

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("entry", coverage.operations().values(), ids=lambda entry: f"{entry.service}:{entry.operation}")
def test_each_line_names_an_operation_and_a_test_there_is(entry: coverage.Coverage) -> None:
    assert entry.operation in get_service_model(entry.service).operation_names
    file, _, name = entry.test.partition("::")
    functions = {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}
    assert name in functions


def test_all_that_we_answer_is_listed() -> None:
    assert services.__all__
    assert set(OPERATIONS) - set(coverage.operations()) == set()


def test_the_readme_has_the_table() -> None:
    readme = coverage_table.README.read_text()
    assert coverage_table.written(readme) == readme, "run: .venv/bin/python -m tools.coverage_table"
