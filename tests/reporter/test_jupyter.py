"""A real Jupyter server is asked: terminals open, with output and closed; and what is said where it does not answer. Kernels: test_kernels.py."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket

from steward.reporter.report_activity import NEVER, UNKNOWN, ask_jupyter, jupyter_servers
from tests.reporter.conftest import Jupyter, served, until


def used(jupyter: Jupyter, at: float) -> float:
    said = ask_jupyter([jupyter.server], at)
    assert said is not None
    return said


@contextmanager
def terminal(jupyter: Jupyter) -> Iterator[Any]:
    """A terminal that somebody opened, and the connection of its page."""
    name = jupyter.ask("api/terminals", "POST", {})["name"]
    url = f"ws://127.0.0.1:{jupyter.port}{jupyter.base}terminals/websocket/{name}"
    connection = websocket.create_connection(url, timeout=60)
    try:
        yield connection
    finally:
        connection.close()
        jupyter.ask(f"api/terminals/{name}", "DELETE")


def test_a_server_with_nothing_open_answers_and_nothing_was_used(jupyter: Jupyter) -> None:
    assert ask_jupyter([jupyter.server], time.time()) == NEVER


def test_a_terminal_is_in_use_when_something_is_typed_or_printed_and_gone_when_it_is_closed(jupyter: Jupyter) -> None:
    def later_than(before: float, typed: str = "") -> float:
        if typed:
            page.send(json.dumps(["stdin", typed]))
        now = used(jupyter, time.time())
        return now if now > before else 0.0

    with terminal(jupyter) as page:
        quiet = used(jupyter, time.time())
        typed = until(lambda: later_than(quiet, " "))
        page.send(json.dumps(["stdin", "sleep 2.5; echo printed\r"]))
        printed = until(lambda: later_than(typed + 1))
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


def test_a_server_with_a_token_and_without_terminals_is_found_where_it_says_it_is_and_another_one_is_asked_too(
    jupyter: Jupyter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, "--ServerApp.terminals_enabled=False", base="/", token="secret") as another:
        url, token = another.server
        assert ask_jupyter([(url, "")], time.time()) is UNKNOWN
        assert ask_jupyter([(url, "wrong")], time.time()) is UNKNOWN
        assert ask_jupyter([(url, token)], time.time()) == NEVER
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(another.runtime))
        (another.runtime / "jpserver-0.json").write_text("not json")
        found = list(jupyter_servers(str(tmp_path)))
        assert found == [("http://127.0.0.1:8888/jupyterlab/default/", ""), ("http://127.0.0.1:8888/", ""), another.server]
        with terminal(jupyter):
            assert ask_jupyter([another.server, jupyter.server], time.time()) == used(jupyter, time.time()) > NEVER
