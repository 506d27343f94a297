"""The local organization over HTTP on loopback, for boto3, the AWS CLI and any other client with an ``endpoint_url``.

One thread, the worker, runs everything: requests come to it through a queue, and between requests it lets the clock run through all that is due.
"""

import configparser
import fcntl
import json
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from werkzeug.datastructures import Headers
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from localaws.cloud import AwsError, Refused
from localaws.cloudformation import DeploymentFailed
from localaws.cloudformation.packaging import PackageNotFound
from localaws.gateway import refusal_answer
from localaws.local import LocalOrganization
from localaws.organization_file import InvalidOrganization
from localaws.studio.planting import plant_app


class FolderTaken(RuntimeError):
    """Another organization is served from this folder: its config and endpoint would be overwritten."""


UNUSABLE = (InvalidOrganization, yaml.YAMLError, AwsError, DeploymentFailed, FileNotFoundError, PackageNotFound, Refused)
"""What an organization's file, or a template it names, can be wrong with."""

BUILD = Path("build/localaws")
CONTROL = "/_localaws/"
LOGS = ("executions", "calls", "deliveries", "decisions", "invocations")


@dataclass
class _Job:
    work: Callable[[], Any]
    answer: "Future[Any]"


class Worker(threading.Thread):
    """The only thread that touches the organization."""

    def __init__(self, local: LocalOrganization):
        super().__init__(daemon=True, name="localaws-worker")
        self._local = local
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self.failures: list[str] = []

    def run(self) -> None:
        self._local.clock.own()
        while True:
            due = self._local.clock.next_due is not None
            try:
                job = self._jobs.get(block=not due)
            except queue.Empty:
                self._run_next()
                continue
            if job is None:
                return
            try:
                job.answer.set_result(job.work())
            except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asked
                job.answer.set_exception(error)

    def _run_next(self) -> None:
        self._local.clock.run_next()
        self._keep_failures()

    def _keep_failures(self) -> None:
        """Nobody waits for what an entry raises: it is printed, and told to the next `settle`."""
        for error in self._local.clock.take_failures():
            self.failures.append(f"{type(error).__name__}: {error}")
            traceback.print_exception(error, file=sys.stderr)

    def do(self, work: Callable[[], Any]) -> Any:
        """Have the worker do it, and wait."""
        job = _Job(work, Future())
        self._jobs.put(job)
        return job.answer.result()

    def drive(self, work: Callable[[], None]) -> None:
        """Let the clock run, and keep what comes of it."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the first of the failures, or that the clock is stuck
            self.failures.append(f"{type(error).__name__}: {error}")
            traceback.print_exception(error, file=sys.stderr)
        self._keep_failures()

    def stop(self) -> None:
        self._jobs.put(None)
        self.join()


class Application:
    """WSGI: AWS calls go to the gateway, `CONTROL` paths drive the clock and read the logs."""

    def __init__(self, local: LocalOrganization, worker: Worker):
        self._local, self._worker = local, worker

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        response = self._control(request) if request.path.startswith(CONTROL) else self._aws(request)
        return response(environ, start_response)

    def _aws(self, request: Request) -> Response:
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        path = environ_path(request)
        headers = HTTPHeaders.from_dict(dict(request.headers))
        prepared = AWSPreparedRequest(request.method, f"http://{request.host}{path}{query}", headers, request.get_data(), stream_output=False)
        try:
            status, answered, body = self._worker.do(lambda: self._local.gateway.handle(prepared))
        except Refused as refused:
            status, answered, body = refusal_answer(refused, request.content_type or "")
        # What HEAD tells is the length of what GET would answer.
        ours = {"status", "connection", "server"} | (set() if request.method == "HEAD" else {"content-length"})
        kept = {name: value for name, value in answered.items() if name.lower() not in ours}
        return Response(None if request.method == "HEAD" else body, status, Headers(kept))

    def _control(self, request: Request) -> Response:
        verb = request.path.removeprefix(CONTROL)
        if request.method == "GET" and verb.removeprefix("log/") in LOGS:
            name = verb.removeprefix("log/")
            return _json(self._worker.do(lambda: list(getattr(self._local.cloud.log, name))))
        if request.method != "POST" or verb not in {"settle", "advance", "send", "plant"}:
            return _json({"error": f"no such thing: {request.method} {request.path}"}, 404)
        try:
            return _json(self._worker.do(lambda: self._drive(verb, request)))
        except (ValueError, KeyError, TypeError, AwsError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    def _drive(self, verb: str, request: Request) -> dict[str, Any]:
        if verb == "send":
            for event in json.loads(request.get_data()):
                self._local.send(event)
        if verb == "plant":
            for app in json.loads(request.get_data()):
                account, region = app.pop("Account"), app.pop("Region")
                plant_app(self._local.cloud, account, region, **app)
        if verb == "advance":
            seconds = float(parse_qs(request.query_string.decode())["seconds"][0])
            self._worker.drive(lambda: self._local.advance(seconds))
        self._worker.drive(self._local.settle)
        failures, self._worker.failures = self._worker.failures, []
        return {"now": self._local.clock.iso(), "failures": failures}


def environ_path(request: Request) -> str:
    """The path as it came, not decoded: S3 keys need it so."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path)
    return raw.split("?", 1)[0] or "/"


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, default=str), status, mimetype="application/json")


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The call log has it, with who and what."""


@contextmanager
def own_folder() -> Iterator[None]:
    """`BUILD` is this process' own. The lock ends with the process, however that ends."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderTaken(f"{BUILD.resolve()} is in use: stop what is served from this folder, or serve in another one") from None
        yield


def write_config(local: LocalOrganization, endpoint: str) -> Path:
    """An AWS config file whose profiles are the account names."""
    config = configparser.RawConfigParser()
    for account in local.organization.accounts:
        key = local.keys(account.name)
        config[f"profile {account.name}"] = {
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret_access_key,
            "region": local.organization.home_region,
            "endpoint_url": endpoint,
        }
    file = BUILD / "aws-config"
    with file.open("w") as out:
        config.write(out)
    return file


def serve(organization: Path, port: int, seed: int) -> None:
    """Serve until SIGINT or SIGTERM. Says that it is ready in one line of JSON, also in ``build/localaws/endpoint.json``.

    `FolderTaken` if something is served from this folder already.
    """
    with own_folder(), LocalOrganization(organization, seed=seed) as local:
        local.deploy_stacks()
        worker = Worker(local)
        server = make_server("127.0.0.1", port, Application(local, worker), threaded=True, request_handler=Quiet)
        endpoint = f"http://localhost:{server.server_port}"
        ready = json.dumps({"endpoint": endpoint, "config": str(write_config(local, endpoint))})
        (BUILD / "endpoint.json").write_text(ready + "\n")
        worker.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        sys.stdout.write(ready + "\n")
        sys.stdout.flush()
        try:
            server.serve_forever()
        finally:
            worker.stop()
            server.server_close()
            (BUILD / "endpoint.json").unlink(missing_ok=True)
