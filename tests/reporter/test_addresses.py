"""What the reporter talks to: the app that it runs in, and by boto3 or the AWS CLI the API that takes its tag. It needs no internet."""

import re
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from steward.reporter import script
from steward.reporter.report_activity import Eyes


def test_every_address_in_the_script_is_the_app_itself() -> None:
    addresses = re.findall(r"\w+://[^\s\"']+", script().content)
    assert addresses, "it asks the Jupyter server"
    assert {urlsplit(address.replace("%d", "1")).hostname for address in addresses} == {"127.0.0.1"}


@pytest.mark.parametrize("app_type", ["JupyterLab", "CodeEditor"])
def test_a_look_connects_to_nothing_but_the_app_itself(app_type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the app is told of."""
    asked: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    monkeypatch.setattr(socket.socket, "connect", connect)
    Eyes(app_type, str(tmp_path)).look(time.time())
    assert {host for host, _ in asked} == ({"127.0.0.1"} if app_type == "JupyterLab" else set())
