"""Cloud Custodian, really run: `c7n-org` in a process of its own, once an hour, against localaws served on loopback.

It comes with `make bench` in an environment of its own (``tools/custodian``). Custodian has no action that stops an app: what its policy selects is
stopped for it, and that call is not counted as its own.
"""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from moto.iam.models import iam_backends
from werkzeug.serving import make_server

from benchmarks.idle_apps.world import World
from localaws.cloud import compact
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from localaws.server import Application, Quiet, Worker

TOOL = Path(__file__).resolve().parents[2] / "tools" / "custodian"
PYTHON = TOOL / ".venv" / "bin" / "python"
POLICY = TOOL / "policy.yaml"
ROLE = "CloudCustodian"
_READS = ["sagemaker:ListApps", "sagemaker:DescribeApp", "sagemaker:ListTags", "tag:GetResources"]

AT_ONCE = 4
"""Accounts and Regions that `c7n-org` runs beside each other."""


class NoCustodian(RuntimeError):
    """Its environment is not there: `make bench` makes it."""


class Custodian:
    """One sweep after the other over the same accounts. Use as a context manager: it serves the organization meanwhile."""

    def __init__(self, local: LocalOrganization, accounts: Sequence[Account]):
        if not PYTHON.exists():
            raise NoCustodian(f"{PYTHON} is not there: make tools/custodian/.venv/installed")
        self._local, self._accounts = local, accounts
'''
'''
