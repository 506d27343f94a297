"""A local AWS organization, started and driven from Python: what tests use in process, and what `localaws.server` serves."""

import gc
import random
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

import boto3
from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random

from localaws import forking, loopback, services  # noqa: F401 - services registers all that answers
from localaws.clock import Clock
from localaws.cloud import Cloud, Credentials, Principal
from localaws.cloudformation import deploy
from localaws.embedded_metrics import Emitted, emitted
from localaws.eventbridge.service import send
from localaws.faults import Faults
from localaws.functions.runtime import Functions
from localaws.gateway import Gateway, as_somebody, close_gateway, open_gateway
from localaws.organization import Organization
from localaws.organization_file import Account, Stack
from localaws.studio.apps import use

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
"""Virtual time begins on a Monday morning, the same in each run."""

ADMINISTRATOR = "administrator"
"""The IAM user whose keys the profiles of the AWS config have, in each account."""

_REFERENCE = re.compile(r"\$\{(unit:(?P<unit>[^}]+)|(?P<organization>organization)|output:(?P<stack>[^.}]+)\.(?P<key>[^}]+))\}")


def _repeat_chance(seed: int) -> Callable[[], uuid.UUID]:
    """Have Python's chance repeat itself too: botocore's tokens and jitter, and what handlers draw. Returns the real ``uuid.uuid4``."""
    real, chance = uuid.uuid4, random.Random(f"uuid-{seed}")
    random.seed(seed)
    uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
    return real


class LocalOrganization:
    """One organization in this process. Use as a context manager, or `close` it: the clock, the network and boto3 are this process's only ones."""

    def __init__(self, file: Path, *, seed: int = 0):
        organization = Organization.load(file)
        BackendDict.reset()
        mock_random.seed(seed)
        self._uuid4 = _repeat_chance(seed)
        loopback.guard()
        forking.install()
        self.clock = Clock(START, seed)
        self.cloud = Cloud(self.clock, organization, seed=seed)
        self.cloud.functions = Functions(self.cloud)
        self.gateway: Gateway = open_gateway(self.cloud)
        self.outputs: dict[str, dict[str, str]] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._keys: dict[str, Credentials] = {}
        organization.create(self.cloud)
        for account in organization.accounts:
            self._let_in(account)
        _keep_imports()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failures = self.clock.take_failures()
        self.close()
        if failures and kind is None:
            raise failures[0]

    def close(self) -> None:
        uuid.uuid4 = self._uuid4
        close_gateway()
        self.cloud.functions.close()
        self.clock.stop()
        loopback.release()

    def vend(self, account: Account) -> None:
        """Add an account, as Control Tower would: what automatic deployment plants in it comes later."""
        with self.clock.atomic():
            self.organization.add_account(self.cloud, account)
        self._let_in(account)

    def _let_in(self, account: Account) -> None:
        iam_backends[account.id]["aws"].create_user(self.organization.home_region, ADMINISTRATOR)
        self._keys[account.name] = self.cloud.keys.issue(self.administrator(account.name), lasting=True)

    # -- who and where

    @property
    def organization(self) -> Organization:
        return self.cloud.organization

    @property
    def faults(self) -> Faults:
        """What is to go wrong: see `localaws.faults`."""
        return self.cloud.faults

    def administrator(self, account: str) -> Principal:
        account_id = self.organization.account(account).id
        return Principal(account_id, f"arn:aws:iam::{account_id}:user/{ADMINISTRATOR}")

    def keys(self, account: str) -> Credentials:
        return self._keys[account]

    def client(self, service: str, account: str, region: str | None = None) -> Any:
        """An ordinary boto3 client with the keys of the account's administrator."""
        key = (service, account, region or self.organization.home_region)
        if key not in self._clients:
            first = (service, "", key[2])
            if first not in self._clients:
                self._clients[first] = boto3.Session("nobody", "nobody", region_name=key[2]).client(service)  # type: ignore[call-overload]
            self._clients[key] = as_somebody(self._clients[first], self._keys[account])
        return self._clients[key]

    # -- what happens

    def deploy_stacks(self) -> None:
        """Deploy the organization's stacks in their order, each settled before the next."""
        for stack in self.organization.stacks:
            self.deploy(stack)

    def deploy(self, stack: Stack, parameters: dict[str, str] | None = None) -> dict[str, str]:
        """Create or update one stack; its outputs. `parameters` go over those of the organization's file."""
        values = {name: self._resolved(value) for name, value in {**stack.parameters, **(parameters or {})}.items()}
        account = self.organization.account(stack.account)
        with self.clock.atomic():
            outputs = deploy(self.cloud, self.administrator(stack.account), stack.name, stack.template, account.id, stack.region, values)
        self.outputs[stack.name] = outputs
        self.settle()
        return outputs

    def _resolved(self, value: str) -> str:
        def resolve(found: re.Match[str]) -> str:
            if found["unit"]:
                return self.organization.unit_id(found["unit"])
            return self.organization.organization_id if found["organization"] else self.outputs[found["stack"]][found["key"]]

        return _REFERENCE.sub(resolve, value)

    def settle(self) -> None:
        """Run until nothing is due any more."""
        self.clock.settle()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def use_app(self, account: str, *, region: str | None = None, **app: str) -> None:
        """Somebody works in a Studio app now: DomainId, AppType, AppName, and SpaceName or UserProfileName say in which."""
        with self.clock.atomic():
            use(self.cloud, self.organization.account(account).id, region or self.organization.home_region, **app)

    def emitted(self) -> list[Emitted]:
        """The metrics that functions have written to their log so far. Nothing evaluates alarms on them."""
        return list(emitted(self.cloud))

    def send(self, event: dict[str, Any]) -> None:
        """Put an event, whole as it is, on the default bus of its account and Region."""
        with self.clock.atomic():
            send(self.cloud, event)


@cache
def _keep_imports() -> None:
    """The collector of garbage need not look through all of AWS's models, some million objects that stay, again and again."""
    gc.collect()
    gc.freeze()
