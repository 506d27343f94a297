"""The activity reporter as Studio runs it: one lifecycle configuration script, in a name that says what is in it.

`script()` puts `report_activity.py` into `start.sh`. What runs in an app is this repository's file without its docstrings, comments, blank
lines and annotations, since SageMaker takes 16,384 characters of base64 (CreateStudioLifecycleConfig).
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "steward-activity-reporter"
PLACE = "@report_activity.py@"


@dataclass(frozen=True)
class Script:
    """`content` is plain text: CreateStudioLifecycleConfig wants it in base64."""

    name: str
    content: str

    def name_for(self, app_type: str) -> str:
        """A lifecycle configuration is for one app type, and its name is there once in an account and Region: `…-jupyterlab-<hash>`."""
        return f"{NAME}-{app_type.lower()}-{self.name.removeprefix(f'{NAME}-')}"


def script() -> Script:
    """The script, the same for JupyterLab and Code Editor. Its name changes whenever its content does."""
    here = Path(__file__).parent
    content = (here / "start.sh").read_text().replace(PLACE, _without_words((here / "report_activity.py").read_text()))
    return Script(f"{NAME}-{hashlib.sha256(content.encode()).hexdigest()[:12]}", content)


def _without_words(source: str) -> str:
    """The same program with an indentation of one space and no docstrings, comments, blank lines and annotations: it has no other texts of many
    lines, and no annotation of many."""
    tree = ast.parse(source)
    docstrings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    lines = source.splitlines()
    for number, begin, end in sorted(_annotations(tree, lines), reverse=True):
        lines[number - 1] = lines[number - 1][:begin] + lines[number - 1][end:]
    kept = [line for number, line in enumerate(lines, 1) if number not in docstrings and line.strip()[:1] not in ("", "#")]
    return "\n".join(" " * ((len(line) - len(line.lstrip())) // 4) + line.lstrip() for line in kept)


def _annotations(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, int, int]]:
    """Where they are: line, begin and end. Fields of tuples need theirs."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        if function.returns:
            line = function.returns.lineno
            yield line, lines[line - 1].rindex(" -> ", 0, function.returns.col_offset), function.returns.end_col_offset or 0
        for node in ast.walk(function):
            if isinstance(node, ast.arg) and node.annotation:
                yield node.lineno, node.col_offset + len(node.arg), node.annotation.end_col_offset or 0
            if isinstance(node, ast.AnnAssign):
                yield node.lineno, node.target.end_col_offset or 0, node.annotation.end_col_offset or 0
