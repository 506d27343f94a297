"""The stage: a served organization, started and stopped by its process, and ordinary boto3 clients for the people on it."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.session

from localaws.__main__ import main as localaws

FOLDER = Path(__file__).resolve().parent
BUILD = Path("build/demo")
STACK = "studio-steward"


class Stage:
    """Use as a context manager. Everything goes through the served endpoint, or through ``python -m localaws``."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self._server: subprocess.Popen[str] | None = None
        self._loader = botocore.session.Session().get_component("data_loader")  # one for all clients: it reads each service's model once

    def __enter__(self) -> Self:
        BUILD.mkdir(parents=True, exist_ok=True)  # a folder of its own, beside an organization that somebody may be serving from here
        command = [sys.executable, "-m", "localaws", "serve", str(FOLDER / "organization.yaml")]
        environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
        self._server = subprocess.Popen(command, cwd=BUILD, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        line = self._server.stdout.readline() if self._server.stdout else ""
        if not line:
            raise RuntimeError(f"`{' '.join(command)}` ended before it was ready: exit code {self._server.wait()}")
        ready = json.loads(line)
        os.environ |= {"AWS_CONFIG_FILE": str((BUILD / ready["config"]).resolve()), "AWS_ENDPOINT_URL": ready["endpoint"]}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()

    @cache  # noqa: B019 - one stage a run
    def client(self, service: str, account: str, region: str | None = None) -> Any:
        """A boto3 client with the account's profile of the served AWS config, which has the home Region."""
        session = botocore.session.Session(profile=account)
        session.register_component("data_loader", self._loader)
        return boto3.Session(botocore_session=session, region_name=region).client(service)  # type: ignore[call-overload]

    @cache  # noqa: B019
    def outputs(self) -> dict[str, str]:
        """Of the deployed hub stack."""
        stack = self.client("cloudformation", "hub").describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def change_parameters(self, **values: str) -> None:
        """Update the hub stack as the platform team would: these parameters, the others as they are; wait until that is done."""
        cloudformation = self.client("cloudformation", "hub")
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        cloudformation.update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[_parameter(known["ParameterKey"], values) for known in stack["Parameters"]],
        )
        cloudformation.get_waiter("stack_update_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})

    def settle(self) -> str:
        """Let everything happen that is due; virtual time afterwards."""
        return _localaws("settle")

    def advance(self, duration: str) -> str:
        """Let time pass, and with it what is on a schedule; virtual time afterwards."""
        return _localaws("advance", duration)

    def advance_to(self, moment: datetime) -> datetime:
        """The same, until then. What goes on at that moment is let to its end."""
        now = datetime.fromisoformat(self.settle())
        return datetime.fromisoformat(self.advance(f"{(moment - now).total_seconds()}s")) if now < moment else now

    def send(self, event: dict[str, Any]) -> None:
        """Have EventBridge deliver an event, as it is."""
        _with_file("send", event)

    def plant(self, app: dict[str, Any]) -> None:
        """Have an app there that nobody can start by a call."""
        _with_file("plant", app)

    def log(self, what: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in _localaws("log", what, "--json").splitlines()]


def _parameter(name: str, values: dict[str, str]) -> dict[str, Any]:
    return {"ParameterKey": name, **({"ParameterValue": values[name]} if name in values else {"UsePreviousValue": True})}


def _with_file(verb: str, content: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        _localaws(verb, file.name)


def _localaws(*arguments: str) -> str:
    """As ``python -m localaws`` in a shell, without a process for each."""
    out, trouble = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(trouble):
        status = localaws(list(arguments))
    if status:
        raise RuntimeError(f"localaws {' '.join(arguments)}: {trouble.getvalue().strip()}")
    return out.getvalue().strip()
