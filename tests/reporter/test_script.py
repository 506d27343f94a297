"""The script as Studio gets it: small, named by its content, the same program; and for real with bash: at once, once, and never red."""

import ast
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import steward.reporter
from steward.reporter import NAME, Script, script
from tests.reporter.conftest import until

SOURCE = Path(steward.reporter.__file__).with_name("report_activity.py")


def inside(content: str) -> str:
    found = re.search(r"<<'REPORT_ACTIVITY'.*?\n(.*)\nREPORT_ACTIVITY\n", content, flags=re.DOTALL)
    assert found
    return found[1]


def without_words(source: str) -> str:
    """Without docstrings and annotations, but those of fields."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            node.body = [_assigned(line) if isinstance(line, ast.AnnAssign) else line for line in node.body]
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.dump(tree)


def _assigned(line: ast.AnnAssign) -> ast.Assign:
    assert line.value is not None
    return ast.Assign([line.target], line.value)


def test_it_is_under_12_kb_and_plain_text_of_bash() -> None:
    content = script().content
    assert len(content.encode()) < 12_000
    assert content.startswith("#!/bin/bash\n")
    assert "\r" not in content
    subprocess.run(["/bin/bash", "-n"], input=content, text=True, check=True)


def test_it_carries_the_same_program_without_its_words() -> None:
    assert without_words(inside(script().content)) == without_words(SOURCE.read_text())


def test_its_name_changes_with_its_content_and_is_one_that_sagemaker_takes() -> None:
    name = script().name
    assert name == script().name
    assert re.fullmatch(rf"{NAME}-[0-9a-f]{{12}}", name)
    for app_type in ("JupyterLab", "CodeEditor"):
        of_type = script().name_for(app_type)
        assert of_type == f"{NAME}-{app_type.lower()}-{name[-12:]}"
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", of_type)


def test_the_name_tells_other_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = script().name
    for name in ("start.sh", "report_activity.py"):
        shutil.copy(SOURCE.with_name(name), tmp_path)
    (tmp_path / "report_activity.py").write_text(SOURCE.read_text().replace("SETTLE, BEAT = 60.0, 900.0", "SETTLE, BEAT = 60.0, 901.0"))
    monkeypatch.setattr(steward.reporter, "__file__", str(tmp_path / "__init__.py"))
    assert script().name != before


def test_it_is_python_3_8_and_imports_only_what_comes_with_it() -> None:
    tree = ast.parse(inside(script().content), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"boto3", "jupyter_client"}


# For real


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the script works; whatever reporter runs from there ends with the test."""
    (tmp_path / "metadata.json").write_text('{"AppType": "JupyterLab", "ResourceArn": "arn:aws:sagemaker:eu-west-1:1:app/d-1/s/JupyterLab/default"}')
    yield tmp_path
    for pid in reporters(tmp_path):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not reporters(tmp_path, "tag"), 600)


def reporters(folder: Path, doing: str | None = None) -> list[int]:
    """The processes that run this folder's program: the reporter itself, or what it starts that is `doing` something for it."""
    words = [str(folder / "work" / "report_activity.py"), doing or str(folder / "work")]
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().decode(errors="replace").split("\0")[1:3] == words:
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


def started(folder: Path, given: Script, *options: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """The script run to its end. Were it to wait for the reporter, or the reporter to hold its output, this would never end and fail."""
    file = folder / "lifecycle_script.sh"
    file.write_text(given.content)
    environment = {"PATH": path, "HOME": str(folder), "STEWARD_FOLDER": str(folder / "work"), "STEWARD_METADATA": str(folder / "metadata.json")}
    return subprocess.run(["/bin/bash", *options, str(file)], env=environment, capture_output=True, text=True, timeout=120, check=False)


def is_at_work(folder: Path) -> bool:
    """One of them has the lock: it reads its metadata next, and begins to look."""
    lock = folder / "work/lock"
    if not lock.exists():
        return False
    with lock.open() as asked:
        try:
            fcntl.flock(asked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def log_of(folder: Path) -> str:
    log = folder / "work/log"
    return log.read_text() if log.exists() else ""


@pytest.mark.parametrize("options", [(), ("-eux", "-o", "pipefail")])
def test_it_returns_at_once_and_the_reporter_stays(folder: Path, options: tuple[str, ...]) -> None:
    ended = started(folder, script(), *options)
    assert (ended.returncode, ended.stdout) == (0, "steward-activity-reporter: started\n")
    until(lambda: is_at_work(folder))
    assert len(reporters(folder)) == 1
    assert "ends" not in log_of(folder)


def test_trap_24_it_is_heard_although_others_compute_on_all_cores(folder: Path) -> None:
    """With the lowest priority it would get a thousandth of a core, and could not say for hours that somebody computes."""
    started(folder, script())
    (writing,) = until(lambda: reporters(folder, "tag"))
    assert os.getpriority(os.PRIO_PROCESS, writing) == os.getpriority(os.PRIO_PROCESS, 0)


def test_started_again_it_starts_no_second_one(folder: Path) -> None:
    started(folder, script())
    until(lambda: is_at_work(folder))
    first = reporters(folder)
    for _ in range(3):
        assert started(folder, script()).returncode == 0
    until(lambda: log_of(folder).count("ends: BlockingIOError") == 3)
    until(lambda: reporters(folder) == first)


def test_without_metadata_it_ends_by_itself_and_the_app_starts(folder: Path) -> None:
    (folder / "metadata.json").unlink()
    assert started(folder, script()).returncode == 0
    until(lambda: "ends: FileNotFoundError" in log_of(folder))
    until(lambda: not reporters(folder))


def test_without_python_it_says_so_and_the_app_starts(folder: Path) -> None:
    tools = folder / "bin"
    tools.mkdir()
    for name in ("mkdir", "cat", "mv", "nohup", "setsid"):
        (tools / name).symlink_to(shutil.which(name) or "")
    content = script().content.replace("/opt/conda/bin/python3", str(folder / "no-python"))
    ended = started(folder, Script("without", content), path=str(tools))
    assert (ended.returncode, ended.stdout) == (0, "steward-activity-reporter: not started\n")


def test_where_nothing_can_be_written_it_says_so_and_the_app_starts(folder: Path) -> None:
    (folder / "work").write_text("a file where a folder should be")
    ended = started(folder, script())
    assert (ended.returncode, ended.stdout) == (0, "steward-activity-reporter: not started\n")
