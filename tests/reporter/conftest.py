"""A real Jupyter server on loopback, as SageMaker Distribution starts it, but on a port of its own."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Jupyter:
    """A server that runs, with `runtime` the folder where it says where it is."""

    port: int
    base: str
    token: str
    runtime: Path

    @property
    def server(self) -> tuple[str, str]:
        return f"http://127.0.0.1:{self.port}{self.base}", self.token

    def ask(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server[0] + path, method=method, headers=headers, data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


def until(what: Callable[[], Any], seconds: float = 120) -> Any:
    """What it says as soon as it says something that is true. A machine may be busy with other things: nobody waits so long where it is not."""
    deadline = time.monotonic() + seconds
    while not (said := what()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return said


@contextmanager
def served(folder: Path, *options: str, base: str = "/jupyterlab/default/", token: str = "") -> Iterator[Jupyter]:
    """A server of its own in this folder. It and what it started end here, by the id of the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}", *options]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.base_url={base}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    places = {name: str(folder / name.lower()) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    environment = {**os.environ, **places, "HOME": str(folder), "SHELL": "/bin/bash"}
    with (folder / "jupyter.log").open("w") as log:
        process = subprocess.Popen([*command, "--ServerApp.disable_check_xsrf=True"], env=environment, stdout=log, stderr=log, cwd=folder)
        try:
            jupyter = Jupyter(port, base, token, Path(places["JUPYTER_RUNTIME_DIR"]))
            until(lambda: _answers(jupyter, process, folder))
            yield jupyter
        finally:
            process.terminate()
            process.wait(timeout=60)


def _answers(jupyter: Jupyter, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "jupyter.log").read_text()
    try:
        return isinstance(jupyter.ask("api/kernels"), list)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """One for all tests: whoever opens something there closes it again."""
    with served(tmp_path_factory.mktemp("jupyter")) as running:
        yield running
