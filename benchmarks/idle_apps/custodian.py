"""Cloud Custodian, really run: `c7n-org` in a process of its own, once an hour, against localaws served on loopback.

It comes with `make bench` in an environment of its own (``tools/custodian``). Custodian has no action that stops an app: what its policy selects is
stopped for it, and that call is not counted as its own. The clock stands still while it runs, as if it took no time.
"""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from moto.iam.models import iam_backends
from werkzeug.serving import make_server

from localaws.cloud import compact
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from localaws.server import Application, Quiet, Worker

TOOL = Path(__file__).resolve().parents[2] / "tools" / "custodian"
PYTHON = TOOL / ".venv" / "bin" / "python"
POLICY = TOOL / "policy.yaml"
POLICY_NAME = "idle-studio-apps"
ROLE = "CloudCustodian"
_READS = ["sagemaker:ListApps", "sagemaker:DescribeApp", "sagemaker:ListTags", "tag:GetResources"]

AT_ONCE = "4"
"""Accounts and Regions that `c7n-org` looks at beside each other."""


class NoCustodian(RuntimeError):
    """Its environment is not there: `make bench` makes it."""


class CustodianFailed(RuntimeError):
    """It did not run to its end, in every account and Region."""


def let_in(local: LocalOrganization, accounts: Sequence[Account]) -> None:
    """A role for Custodian in each account, which the hub may assume, with what its policy needs."""
    hub = local.organization.account("hub").id
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{hub}:root"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": _READS, "Resource": "*"}
    for account in accounts:
        iam = iam_backends[account.id]["aws"]
        document = compact({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(ROLE, document, "/", None, "Cloud Custodian reads Studio's apps", [], "3600")
        iam.put_role_policy(role.name, "reads", compact({"Version": "2012-10-17", "Statement": [allow]}))


class Custodian:
    """Sweeps over some accounts, in all Regions. `endpoint` is where the organization is served."""

    def __init__(self, local: LocalOrganization, accounts: Sequence[Account], endpoint: str, folder: Path):
        if not PYTHON.exists():
            raise NoCustodian(f"{PYTHON} is not there: `make tools/custodian/.venv/installed` makes it")
        self._local, self._accounts, self._folder = local, accounts, folder
        key = local.keys("hub")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_DEFAULT_REGION": local.organization.home_region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "C7N_ORG_PARALLEL": AT_ONCE,
        }
        described = [{"account_id": each.id, "name": each.name, "role": f"arn:aws:iam::{each.id}:role/{ROLE}"} for each in accounts]
        (folder / "accounts.yaml").write_text(yaml.safe_dump({"accounts": described}))

    def sweep(self) -> list[str]:
        """One run; the ARNs that its policy selects."""
        with tempfile.TemporaryDirectory(dir=self._folder) as out:
            regions = [word for region in self._local.organization.regions for word in ("--region", region)]
            chosen = ["-c", str(self._folder / "accounts.yaml"), "-u", str(POLICY), "-s", out, "--cache-period", "0", *regions]
            command = [str(PYTHON), str(TOOL / "at_time.py"), self._local.clock.datetime().isoformat(), "run", *chosen]
            done = subprocess.run(command, env=self._environment, cwd=out, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode or " exception:" in done.stderr or "Exception running" in done.stderr:
                raise CustodianFailed(f"{' '.join(command)} ended {done.returncode}: {done.stderr[-3000:]}")
            return [arn for account in self._accounts for arn in self._selected(Path(out) / account.name)]

    def _selected(self, folder: Path) -> Iterator[str]:
        for region in self._local.organization.regions:
            file = folder / region / POLICY_NAME / "resources.json"
            if not file.exists():
                raise CustodianFailed(f"{file} is not there: the policy did not run")
            yield from (str(resource["AppArn"]) for resource in json.loads(file.read_text()))


class _Still(Worker):
    """Answers as requests come, one at a time, and never lets the clock run."""

    def __init__(self, local: LocalOrganization):
        super().__init__(local)
        self._one, self._clock = threading.Lock(), local.clock

    def do(self, work: Callable[[], Any]) -> Any:
        with self._one:
            self._clock.own()
            return work()


@contextmanager
def served(local: LocalOrganization) -> Iterator[str]:
    """The endpoint of the organization, served from threads of this process while the clock stands still. Calls take no time from here on."""
    local.cloud.latency = 0.0
    server = make_server("127.0.0.1", 0, Application(local, _Still(local)), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        local.clock.own()
