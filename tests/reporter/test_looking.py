"""What is read off the app's own machine: Code Editor's history, files, terminals and processes as they really are."""

import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steward.reporter import report_activity
from steward.reporter.report_activity import NEVER, UNKNOWN, Eyes, ask_editor, gpu_percent, last_change, looked, of_shells, processes_of, touched_at
from tests.reporter.conftest import Jupyter, until

NOW = 1_795_341_600.0
USER = "sagemaker-code-editor-server-data/data/User"


def file(path: Path, changed: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (changed, changed))
    return path


def test_code_editor_is_unknown_until_its_folder_is_there(tmp_path: Path) -> None:
    assert ask_editor(str(tmp_path), NOW) is UNKNOWN
    file(tmp_path / USER / "settings.json", NOW)
    assert ask_editor(str(tmp_path), NOW) is UNKNOWN, "images have such a folder, which the editor need not be at"
    (tmp_path / USER / "History").mkdir()
    assert ask_editor(str(tmp_path), NOW) == NEVER


@pytest.mark.parametrize("data", ["sagemaker-code-editor-server-data/data/User", "sagemaker-code-editor-user-data/User"])
def test_code_editor_is_asked_wherever_its_image_puts_what_it_keeps(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SageMaker Distribution names both, and makes settings in a third: whichever its editor takes."""
    monkeypatch.setattr(report_activity, "OPT", str(tmp_path / "opt"))
    file(tmp_path / "home" / USER / "settings.json", NOW)
    file(tmp_path / "home" / USER / "History/a/b", NOW - 900)
    file(tmp_path / "opt" / data / "History/a/b", NOW - 60)
    assert ask_editor(str(tmp_path / "home"), NOW) == NOW - 60


def test_the_volume_is_looked_at_whoever_runs_the_reporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a home of its own, as root has, it would see nobody."""
    monkeypatch.setattr(report_activity, "VOLUME", str(tmp_path / "volume"))
    file(tmp_path / "volume" / USER / "History/a/b", NOW - 120)
    file(tmp_path / "volume/models/train.py", NOW - 60)
    seen = Eyes("CodeEditor", str(tmp_path / "root")).look(NOW)
    assert (seen["app"], seen["files"]) == (NOW - 120, NOW - 60)


def test_code_editor_is_in_use_when_it_last_kept_something(tmp_path: Path) -> None:
    file(tmp_path / USER / "History/-5d1f/entries.json", NOW - 600)
    file(tmp_path / USER / "globalStorage/state.vscdb", NOW)
    assert ask_editor(str(tmp_path), NOW) == NOW - 600
    file(tmp_path / USER / "Backups/empty-window/untitled/a", NOW - 5)
    assert ask_editor(str(tmp_path), NOW) == NOW - 5


def test_files_tell_when_they_changed(tmp_path: Path) -> None:
    assert last_change(tmp_path / "nowhere", NOW) == NEVER
    file(tmp_path / "work/train.py", NOW - 60)
    assert last_change(tmp_path, NOW) == NOW - 60


@pytest.mark.parametrize("path", [".bash_history", ".cache/pip/a", "node_modules/a/b.js", f"{USER}/x", "custom-file-systems/efs/theirs"])
def test_what_changes_without_its_user_says_nothing(tmp_path: Path, path: str) -> None:
    file(tmp_path / path, NOW - 1)
    assert last_change(tmp_path, NOW) == NEVER


def test_files_of_the_future_links_and_what_is_too_much_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path / "home/future.py", NOW + 5)
    file(tmp_path / "elsewhere/new.py", NOW - 1)
    (tmp_path / "home/link").symlink_to(tmp_path / "elsewhere")
    os.utime(tmp_path / "home/link", (NOW - 50, NOW - 50), follow_symlinks=False)
    assert last_change(tmp_path / "home", NOW) == NOW - 50
    file(tmp_path / "home/a/b/c.py", NOW - 2)
    assert last_change(tmp_path / "home", NOW) == NOW - 2
    monkeypatch.setattr(report_activity, "MOST_FILES", 2)
    assert last_change(tmp_path / "home", NOW) < NOW - 2


@pytest.fixture
def shell() -> Iterator[tuple[int, int]]:
    """A real shell in a real terminal: its process and the other end."""
    pid, master = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run behind a shell, and then by all that this one starts
        os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
    yield pid, master
    os.close(master)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def in_use(pid: int, at: float) -> float:
    """As of_shells sees this shell alone."""
    mine = [each for each in processes_of(Path("/proc")) if each.session == pid]
    touched = {each.terminal: touched_at(Path("/dev/pts", str(each.terminal))) for each in mine if each.terminal is not None}
    return of_shells(mine, touched, at)


def test_trap_24_a_command_in_a_terminal_is_use_however_silent_it_is(shell: tuple[int, int]) -> None:
    pid, master = shell
    later = time.time() + 10_000
    quiet = until(lambda: 0 < (now := in_use(pid, later)) < later and now)
    assert abs(quiet - time.time()) < 600
    os.write(master, b"sleep 600\n")
    until(lambda: in_use(pid, later) == later)
    until(lambda: os.write(master, b"\x03") and in_use(pid, later) < later)


def test_trap_24_a_job_behind_a_terminal_is_use_until_it_is_suspended_or_ends(shell: tuple[int, int]) -> None:
    """It waits for something elsewhere, without computing, printing or writing files: nothing else would tell of it."""
    pid, master = shell
    later = time.time() + 10_000
    until(lambda: 0 < in_use(pid, later) < later)
    os.write(master, b"nohup sleep 600 > /dev/null 2>&1 &\n")
    until(lambda: in_use(pid, later) == later)
    os.write(master, b"kill -STOP %1\n")
    until(lambda: in_use(pid, later) < later)
    os.write(master, b"kill -CONT %1\n")
    until(lambda: in_use(pid, later) == later)
    os.write(master, b"kill -KILL %1\n")
    until(lambda: in_use(pid, later) < later)


def test_trap_24_a_command_that_has_a_terminal_to_itself_is_use() -> None:
    """As `tmux new -d 'python wait.py'`, `screen -dm` and an editor's tasks start it: no shell stays."""
    pid, master = pty.fork()
    if pid == 0:
        os.execv("/bin/sleep", ["sleep", "600"])
    later = time.time() + 10_000
    try:
        until(lambda: [each.name for each in processes_of(Path("/proc")) if each.pid == pid] == ["sleep"])
        assert in_use(pid, later) == later
    finally:
        os.close(master)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_it_asks_nobody_but_its_own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, connect = set[str](), socket.socket.connect

    def told(own: socket.socket, address: tuple[str, int]) -> None:
        asked.add(address[0])
        connect(own, address)

    monkeypatch.setattr(socket.socket, "connect", told)
    Eyes("JupyterLab", str(tmp_path)).look(time.time())
    assert asked == {"127.0.0.1"}


def test_a_shell_within_a_shell_in_which_nothing_runs_is_no_use(shell: tuple[int, int]) -> None:
    """Whoever left it open has left."""
    pid, master = shell
    later = time.time() + 10_000
    os.write(master, b"bash --norc\n")
    until(lambda: len([each for each in processes_of(Path("/proc")) if each.session == pid and each.name == "bash"]) == 2)
    assert 0 < in_use(pid, later) < later


def test_output_of_a_terminal_moves_its_time(shell: tuple[int, int]) -> None:
    pid, master = shell
    (terminal,) = until(lambda: [each.terminal for each in processes_of(Path("/proc")) if each.pid == pid and each.name == "bash"])
    path = Path("/dev/pts", str(terminal))
    until(lambda: in_use(pid, 0.0) != NEVER)
    os.utime(path, (NOW, NOW))
    os.write(master, b"echo something\n")
    until(lambda: touched_at(path) != NOW)
    assert abs(in_use(pid, 0.0) - time.time()) < 600


def test_processes_are_those_that_run_with_the_time_they_computed() -> None:
    def mine() -> report_activity.Process:
        return next(each for each in processes_of(Path("/proc")) if each.pid == os.getpid())

    before = mine().seconds
    deadline = time.process_time() + 0.5
    while time.process_time() < deadline:
        pass
    assert mine().seconds >= before + 0.4
    assert mine().session == os.getsid(0)


def test_a_process_whose_name_is_cut_within_a_letter_is_one_like_any(tmp_path: Path) -> None:
    """The kernel keeps fifteen bytes of a name: here the first of two that make an ü."""
    program = tmp_path / "vierzehnbytesxü"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "600"]) as running:
        try:
            until(lambda: b"vierzehnbytesx" in Path(f"/proc/{running.pid}/comm").read_bytes())
            with pytest.raises(UnicodeDecodeError):
                Path(f"/proc/{running.pid}/stat").read_bytes().decode()
            assert running.pid in [each.pid for each in processes_of(Path("/proc"))]
        finally:
            running.kill()


def test_a_look_that_fails_is_one_that_cannot_tell_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_proc: Path) -> Iterator[report_activity.Process]:
        raise OSError("too many open files")

    monkeypatch.setattr(report_activity, "processes_of", fails)
    seen, trouble = looked(Eyes("JupyterLab", str(tmp_path)), NOW)
    assert not seen.known
    assert "too many open files" in trouble


def test_a_long_computation_in_the_background_is_seen_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    total = [100.0]
    process = report_activity.Process(7, "train", "R", 7, None, 0.0)
    monkeypatch.setattr(report_activity, "processes_of", lambda _proc: [process._replace(seconds=total[0])])
    monkeypatch.setattr(report_activity, "gpu_percent", lambda: 0.0)
    eyes, seen = Eyes("CodeEditor", str(tmp_path)), []
    for minute in range(12):
        seen.append(eyes.look(NOW + 60 * minute)["load"] == NOW + 60 * minute)
        total[0] += 40.0 if minute < 4 else -50.0 if minute == 6 else 0.0
    assert seen == [False, False, True, True, True, True, True, True, False, False, False, False]


def test_every_source_is_asked_and_another_app_type_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / USER / "History").mkdir(parents=True)
    monkeypatch.setattr(report_activity, "gpu_percent", lambda: None)
    seen = Eyes("CodeEditor", str(tmp_path)).look(time.time())
    assert set(seen) == {"app", "shells", "load", "files", "marks"}
    assert (seen["app"], seen["load"]) == (NEVER, UNKNOWN)
    assert Eyes("Canvas", str(tmp_path)).look(time.time())["app"] is UNKNOWN


def test_jupyterlab_is_asked_and_its_marks_and_workspaces_are_read(jupyter: Jupyter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_activity, "jupyter_servers", lambda _home: [jupyter.server])
    now = time.time()
    file(tmp_path / ".sagemaker-last-active-timestamp", now - 20)
    file(tmp_path / ".jupyter/lab/workspaces/default.jupyterlab-workspace", now - 10)
    seen = Eyes("JupyterLab", str(tmp_path)).look(now)
    assert seen["app"] == NEVER
    assert seen["files"] == pytest.approx(now - 10, abs=0.01)
    assert (seen["marks"] or 0) >= now - 21


@pytest.mark.parametrize(
    ("there", "prints", "said"), [(False, "exit 1", 0.0), (True, "echo 3; echo 87", 87.0), (True, "exit 9", None), (True, "echo N/A", None)]
)
def test_a_gpu_is_asked_where_there_is_one(there: bool, prints: str, said: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{prints}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: there if str(path) == "/dev/nvidia0" else exists(path))
    assert gpu_percent() == said
