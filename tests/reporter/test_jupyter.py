"""A real Jupyter server is asked: kernels busy and idle, terminals open, with output and closed; and what is said where it does not answer."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket
from jupyter_client.blocking import BlockingKernelClient

from steward.reporter.report_activity import NEVER, UNKNOWN, ask_jupyter, jupyter_servers
from tests.reporter.conftest import Jupyter, served, until

LATER = 10_000.0
"""Seconds. Asked as of so much later, what is in use right now can be told from what was in use just now."""


def used(jupyter: Jupyter, at: float) -> float:
    said = ask_jupyter([jupyter.server], at)
    assert said is not None
    return said


@contextmanager
def kernel(jupyter: Jupyter) -> Iterator[tuple[str, BlockingKernelClient]]:
    """A kernel that somebody opened and that is ready, and a client to run code in it."""
    identity = jupyter.ask("api/kernels", "POST", {"name": "python3"})["id"]
    file = jupyter.runtime / f"kernel-{identity}.json"
    until(file.exists)
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        until(lambda: state(jupyter, identity) == "idle")
        yield identity, client
    finally:
        client.stop_channels()
        client.context.term()
        jupyter.ask(f"api/kernels/{identity}", "DELETE")


def state(jupyter: Jupyter, identity: str) -> str:
    return str(jupyter.ask(f"api/kernels/{identity}")["execution_state"])


@contextmanager
def terminal(jupyter: Jupyter) -> Iterator[Any]:
    """A terminal that somebody opened, and the connection of its page."""
    name = jupyter.ask("api/terminals", "POST", {})["name"]
    url = f"ws://127.0.0.1:{jupyter.port}{jupyter.base}terminals/websocket/{name}"
    connection = websocket.create_connection(url, timeout=10)
    try:
        yield connection
    finally:
        connection.close()
        jupyter.ask(f"api/terminals/{name}", "DELETE")


def test_a_server_with_nothing_open_answers_and_nothing_was_used(jupyter: Jupyter) -> None:
    assert ask_jupyter([jupyter.server], time.time()) == NEVER


def test_trap_24_a_busy_kernel_is_in_use_and_an_idle_one_since_it_was_busy(jupyter: Jupyter) -> None:
    before = time.time()
    with kernel(jupyter) as (identity, client):
        assert before - 2 < used(jupyter, before + LATER) < before + 120
        client.execute("import time; time.sleep(600)")
        until(lambda: state(jupyter, identity) == "busy")
        assert used(jupyter, time.time() + LATER) > before + LATER
        jupyter.ask(f"api/kernels/{identity}/interrupt", "POST")
        until(lambda: state(jupyter, identity) == "idle")
        idle = used(jupyter, before + LATER)
        assert before < idle < time.time() + 1
        time.sleep(1.5)
        assert used(jupyter, before + LATER) == idle


def test_a_kernel_of_a_notebook_is_seen(jupyter: Jupyter) -> None:
    before = time.time()
    session = jupyter.ask("api/sessions", "POST", {"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"name": "python3"}})
    assert before - 2 < used(jupyter, before + LATER) < before + 120
    jupyter.ask(f"api/sessions/{session['id']}", "DELETE")
    assert used(jupyter, time.time()) == NEVER


def test_a_terminal_is_in_use_when_something_is_typed_or_printed_and_gone_when_it_is_closed(jupyter: Jupyter) -> None:
    with terminal(jupyter) as page:
        time.sleep(2.5)
        quiet = used(jupyter, time.time())
        assert quiet < time.time() - 1
        page.send(json.dumps(["stdin", "sleep 2; echo printed\r"]))
        typed = until(lambda: (now := used(jupyter, time.time())) > quiet and now)
        printed = until(lambda: (now := used(jupyter, time.time())) > typed and now)
        assert quiet < typed < printed <= time.time()
    assert used(jupyter, time.time()) == NEVER


def test_asking_is_no_activity_of_the_server(jupyter: Jupyter) -> None:
    before = jupyter.ask("api/status")["last_activity"]
    time.sleep(0.1)
    used(jupyter, time.time())
    assert jupyter.ask("api/status")["last_activity"] == before


def test_no_proxy_stands_between(jupyter: Jupyter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask_jupyter([jupyter.server], time.time()) == NEVER


def test_a_server_that_does_not_answer_or_answers_something_else_is_unknown_and_the_next_is_asked(jupyter: Jupyter) -> None:
    nobody, elsewhere = ("http://127.0.0.1:9/", ""), (jupyter.server[0] + "elsewhere/", "")
    assert ask_jupyter([], time.time()) is UNKNOWN
    assert ask_jupyter([nobody, elsewhere], time.time()) is UNKNOWN
    assert ask_jupyter([nobody, elsewhere, jupyter.server], time.time()) == NEVER


def test_a_server_with_a_token_and_without_terminals_is_found_where_it_says_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path, "--ServerApp.terminals_enabled=False", base="/", token="secret") as jupyter:
        url, token = jupyter.server
        assert ask_jupyter([(url, "")], time.time()) is UNKNOWN
        assert ask_jupyter([(url, "wrong")], time.time()) is UNKNOWN
        assert ask_jupyter([(url, token)], time.time()) == NEVER
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(jupyter.runtime))
        (jupyter.runtime / "jpserver-0.json").write_text("not json")
        found = list(jupyter_servers(str(tmp_path)))
        assert found == [("http://127.0.0.1:8888/jupyterlab/default/", ""), ("http://127.0.0.1:8888/", ""), jupyter.server]
