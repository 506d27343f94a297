"""The tag is written for real: the script starts the reporter, which calls an AWS endpoint on loopback as the app's role, whatever keys are about."""

import configparser
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from localaws.__main__ import main
from steward.reporter import report_activity, script
from steward.reporter.report_activity import KEY, trouble_in_adding
from tests.reporter.conftest import until

ROOT = Path(__file__).parents[2]
TEXT = "active seen=2026-11-22T10:00:00Z"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The small organization, served by a process of its own, in which an app runs: its endpoint, the keys of fraud-dev, and the app's ARN."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "localaws", "serve", "--seed", "7"]
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout:
        try:
            ready = json.loads(server.stdout.readline())
            config = configparser.ConfigParser()
            config.read(folder / ready["config"])
            said = {"endpoint": ready["endpoint"], "folder": str(folder), **dict(config["profile fraud-dev"])}
            with pytest.MonkeyPatch.context() as there:
                there.chdir(folder)
                yield {**said, "app": app_in(client(said))}
        finally:
            server.terminate()
            server.wait(timeout=60)


def client(served: dict[str, str]) -> Any:
    keys = {f"aws_{name}": served[f"aws_{name}"] for name in ("access_key_id", "secret_access_key")}
    return boto3.client("sagemaker", region_name="eu-west-1", endpoint_url=served["endpoint"], **keys)


def app_in(sagemaker: Any) -> str:
    """The ARN of a JupyterLab app that runs from now on."""
    settings = {"ExecutionRole": "arn:aws:iam::444444444444:role/Studio"}
    made = sagemaker.create_domain(DomainName="studio", AuthMode="IAM", DefaultUserSettings=settings, SubnetIds=["subnet-1"], VpcId="vpc-1")
    domain = {"DomainId": made["DomainArn"].rsplit("/", 1)[1]}
    assert main(["settle"]) == 0
    sagemaker.create_user_profile(**domain, UserProfileName="alice")
    assert main(["settle"]) == 0
    owned = {"OwnershipSettings": {"OwnerUserProfileName": "alice"}, "SpaceSharingSettings": {"SharingType": "Private"}}
    sagemaker.create_space(**domain, SpaceName="lab", **owned, SpaceSettings={"AppType": "JupyterLab"})
    assert main(["settle"]) == 0
    arn = sagemaker.create_app(**domain, SpaceName="lab", AppType="JupyterLab", AppName="default", ResourceSpec={"InstanceType": "ml.t3.medium"})
    assert main(["settle"]) == 0
    return str(arn["AppArn"])


@pytest.fixture(scope="module")
def sagemaker(served: dict[str, str]) -> Any:
    return client(served)


@pytest.fixture
def app(served: dict[str, str]) -> str:
    """The ARN of the app."""
    return served["app"]


def said_of(sagemaker: Any, arn: str) -> str | None:
    return next((tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"] if tag["Key"] == KEY), None)


class Credentials(http.server.BaseHTTPRequestHandler):
    """What a container's agent answers on its address."""

    keys: Mapping[str, str] = {}

    def do_GET(self) -> None:
        said = {"AccessKeyId": self.keys["aws_access_key_id"], "SecretAccessKey": self.keys["aws_secret_access_key"]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({**said, "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}).encode())

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def as_an_app(served: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of an app: its role's keys come from the container; at home lie others, which are nobody's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = wrong\n")
    Credentials.keys = served
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AWS_PROFILE", "of-the-user")
        monkeypatch.setenv("AWS_ENDPOINT_URL", served["endpoint"])
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_address[1]}/")
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("as_an_app")
def test_the_script_starts_what_writes_the_tag(sagemaker: Any, app: str, tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text(json.dumps({"AppType": "JupyterLab", "ResourceArn": app}))
    (tmp_path / ".sagemaker-last-active-timestamp").touch()
    places = {"STEWARD_FOLDER": str(tmp_path / "work"), "STEWARD_METADATA": str(tmp_path / "metadata.json")}
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    content = script().content.replace("/opt/conda/bin/python3", sys.executable)
    subprocess.run(["/bin/bash", "-c", content], env={**os.environ, **places, **tools}, timeout=120, check=True)
    program = str(tmp_path / "work/report_activity.py").encode()
    try:
        text = until(lambda: said_of(sagemaker, app))
        log = until((tmp_path / "work/log").read_text)
        assert text.startswith("active seen=")
        assert log.rstrip().endswith(f"says {text}")
    finally:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            if program in path.read_bytes().split(b"\0")[:3]:
                os.kill(int(path.parent.name), signal.SIGKILL)


@pytest.mark.usefixtures("as_an_app")
def test_why_a_tag_is_not_written_is_told_in_a_line(sagemaker: Any, app: str) -> None:
    assert trouble_in_adding(app, TEXT) == ""
    assert said_of(sagemaker, app) == TEXT
    trouble = trouble_in_adding(app.replace("/lab/", "/nowhere/"), TEXT)
    assert "\n" not in trouble
    assert "when calling the AddTags operation" in trouble


@pytest.mark.usefixtures("as_an_app")
def test_without_boto3_the_command_line_is_asked(app: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin/aws"
    tool.parent.mkdir()
    asks = f'for word in "$@"; do echo "$word" >> {tmp_path}/asked; done'
    tool.write_text(f'#!/bin/sh\n{asks}\n[ -z "$AWS_PROFILE$DENY" ] || {{ echo AccessDenied >&2; exit 254; }}\n')
    tool.chmod(0o755)
    for name in ("boto3", "botocore"):
        (tmp_path / f"hidden/{name}").mkdir(parents=True)
        (tmp_path / f"hidden/{name}/__init__.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    assert trouble_in_adding(app, TEXT) == ""
    words = (tmp_path / "asked").read_text().splitlines()
    assert words == ["sagemaker", "add-tags", "--region", "eu-west-1", "--resource-arn", app, "--tags", json.dumps([{"Key": KEY, "Value": TEXT}])]
    monkeypatch.setenv("DENY", "1")
    assert trouble_in_adding(app, TEXT) == "AccessDenied"


def test_a_write_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_activity.sys, "executable", "/nowhere/python")
    assert "FileNotFoundError" in trouble_in_adding("arn", TEXT)


def test_a_denial_is_known_however_long_its_reason_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS says who may not do what to whom, and why."""
    who = "arn:aws:sts::444444444444:assumed-role/AmazonSageMaker-ExecutionRole-20261122T100000/SageMaker"
    what = "sagemaker:AddTags on resource: arn:aws:sagemaker:eu-west-1:444444444444:app/d-0123456789ab/alices-own-space/JupyterLab/default"
    said = f"An error occurred (AccessDeniedException) when calling the AddTags operation: User: {who} is not authorized to perform: {what}"
    text = f"Traceback\n  one line\nbotocore.exceptions.ClientError: {said} because no identity-based policy allows the sagemaker:AddTags action\n"
    monkeypatch.setattr(report_activity, "_run", lambda *words, **_: subprocess.CompletedProcess(words, 1, b"", text.encode()))
    assert "AccessDenied" in trouble_in_adding("arn", TEXT)
