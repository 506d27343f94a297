"""A real kernel of a real Jupyter server: idle, busy for long, and busy while its server takes it for idle."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from steward.reporter import report_activity
from steward.reporter.report_activity import CALM, NEVER, Eyes, ask_jupyter
from tests.reporter.conftest import Jupyter, until

LATER = 10_000.0
"""Seconds. Asked as of so much later, what is in use right now can be told from what was in use just now."""


@dataclass(frozen=True)
class Kernel:
    """One that somebody opened, and a page that talks to it."""

    jupyter: Jupyter
    name: str
    page: BlockingKernelClient

    @property
    def state(self) -> str:
        return str(self.jupyter.ask(f"api/kernels/{self.name}")["execution_state"])

    def begins(self, code: str) -> None:
        """A cell that goes on for long."""
        self.page.execute(code)
        until(lambda: self.state == "busy")

    def ends(self) -> None:
        """Whatever runs is interrupted; and the shell answers again."""
        self.jupyter.ask(f"api/kernels/{self.name}/interrupt", "POST")
        until(self._has_answered)

    def _has_answered(self) -> bool:
        """Asked anew each time: a server that did not listen to its kernel yet has missed that the one before was over."""
        self.page.execute("None", reply=True, timeout=120)
        time.sleep(0.1)
        return self.state == "idle"

    def is_asked_aside(self) -> None:
        """As pages do that show how much memory it takes: from then on its server says that it is idle."""
        self.page.control_channel.send(self.page.session.msg("usage_request", {}))
        until(lambda: self.state == "idle")


@pytest.fixture(scope="module")
def kernel(jupyter: Jupyter) -> Iterator[Kernel]:
    """One for all tests here."""
    name = jupyter.ask("api/kernels", "POST", {"name": "python3"})["id"]
    file = jupyter.runtime / f"kernel-{name}.json"
    until(file.exists)
    page = BlockingKernelClient(connection_file=str(file))
    page.load_connection_file()
    page.start_channels()
    try:
        page.kernel_info(reply=True, timeout=120)
        opened = Kernel(jupyter, name, page)
        opened.ends()
        yield opened
    finally:
        page.stop_channels()
        page.context.term()
        jupyter.ask(f"api/kernels/{name}", "DELETE")


@pytest.fixture
def calm(kernel: Kernel) -> Iterator[Kernel]:
    """It, and whatever it is at ends with the test."""
    yield kernel
    kernel.ends()


@pytest.fixture
def eyes(jupyter: Jupyter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Eyes:
    """Those of the reporter, in an app whose server and kernels are these."""
    monkeypatch.setattr(report_activity, "jupyter_servers", lambda _home: [jupyter.server])
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(jupyter.runtime))
    monkeypatch.setattr(report_activity, "processes_of", lambda _proc: [])
    return Eyes("JupyterLab", str(tmp_path))


def used(jupyter: Jupyter, at: float) -> float:
    said = ask_jupyter([jupyter.server], at)
    assert said is not None
    return said


def test_trap_24_a_busy_kernel_is_in_use_and_an_idle_one_since_it_was_busy(jupyter: Jupyter, calm: Kernel) -> None:
    before = time.time()
    assert used(jupyter, before + LATER) < before + 1
    calm.begins("import time; time.sleep(600)")
    assert used(jupyter, time.time() + LATER) > before + LATER
    calm.ends()
    idle = used(jupyter, before + LATER)
    assert before - 1 < idle < time.time() + 1
    time.sleep(1.1)
    assert used(jupyter, before + LATER) == idle


def test_trap_24_a_cell_that_waits_for_a_person_is_in_use(jupyter: Jupyter, calm: Kernel) -> None:
    calm.page.execute("input()", allow_stdin=True)
    until(lambda: calm.state == "busy")
    later = time.time() + LATER
    assert used(jupyter, later) == later
    calm.page.get_stdin_msg(timeout=120)
    calm.page.input("nothing")


def test_trap_24_a_silent_cell_is_in_use_although_its_server_takes_the_kernel_for_idle(calm: Kernel, eyes: Eyes) -> None:
    calm.begins("import time; time.sleep(600)")
    calm.is_asked_aside()
    later = time.time() + LATER
    assert eyes.look(later)["app"] == later
    calm.ends()
    assert 0 < (eyes.look(later + 120)["app"] or 0) < time.time() + 1


def test_a_kernel_that_is_idle_is_asked_once_and_stays_idle_since_then(calm: Kernel, eyes: Eyes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, run = [], report_activity._run
    monkeypatch.setattr(report_activity, "_run", lambda *words, timeout: asked.append(words) or run(*words, timeout=timeout))
    calm.page.execute("None", reply=True, timeout=120)
    until(lambda: calm.state == "idle")
    now = time.time()
    idle = eyes.look(now)["app"]
    assert asked == []
    assert [eyes.look(now + LATER + 60 * minute)["app"] for minute in range(3)] == [idle] * 3
    assert asked == [("kernel", calm.name)]


def said(state: str, last: float) -> dict[str, Any]:
    return {"id": "k-1", "execution_state": state, "last_activity": time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime(last))}


def test_a_server_that_counts_the_question_as_activity_says_nothing_new_by_it(eyes: Eyes, monkeypatch: pytest.MonkeyPatch) -> None:
    """As jupyter_server does up to 2.14."""
    now = time.time()
    asked: list[float] = []
    monkeypatch.setattr(report_activity, "_run", lambda *_words, timeout: asked.append(timeout) or type("Ended", (), {"returncode": 0}))
    before = said("idle", now - CALM - 5)
    assert eyes.truth(before, now) == before
    assert eyes.truth(said("idle", now), now + 600) == before
    assert len(asked) == 1
    again = said("idle", now + 900)
    assert eyes.truth(again, now + 1800) == again
    assert len(asked) == 2


@pytest.mark.parametrize("state", ["starting", "restarting", "dead", "busy"])
def test_only_a_kernel_that_is_said_to_be_idle_is_asked(state: str, eyes: Eyes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_activity, "_run", lambda *_words, timeout: pytest.fail(f"asked for {timeout}"))
    assert eyes.truth(said(state, 0.0), time.time()) == said(state, 0.0)


def test_a_kernel_that_cannot_be_asked_is_believed(eyes: Eyes) -> None:
    """It has no connection file here: it runs elsewhere, or is of a server of its own kind."""
    assert eyes.truth(said("idle", 0.0), time.time()) == said("idle", 0.0)


def test_a_kernel_of_a_notebook_is_seen_once_more(jupyter: Jupyter, kernel: Kernel) -> None:
    asked = {"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"id": kernel.name}}
    session = jupyter.ask("api/sessions", "POST", asked)
    seen: list[str] = []

    def truth(one: dict[str, Any], _at: float) -> dict[str, Any]:
        seen.append(one["id"])
        return one

    assert (ask_jupyter([jupyter.server], time.time(), truth) or NEVER) > NEVER
    assert seen == [kernel.name] == [session["kernel"]["id"]]
