"""Clients that answer what a test has written down, in that order, and refuse every other call; and a member account with an app that is idle."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import HealthCheck, settings

from localaws.studio.core import Resource
from tests.unit.idle_world import HOUR, OURS, World, world

settings.register_profile("counts, never seconds", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("counts, never seconds")


class ScriptedClients:
    """`client("sagemaker")` gives a client and its script. At the test's end every answer written down must have been asked for."""

    def __init__(self, stack: ExitStack):
        self._stack = stack
        self._session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
        self.scripts: list[Stubber] = []

    def client(self, service: Any) -> tuple[Any, Stubber]:
        client = self._session.client(service)
        script = Stubber(client)
        self._stack.enter_context(script)
        self.scripts.append(script)
        return client, script


@pytest.fixture
def scripted() -> Iterator[ScriptedClients]:
    with ExitStack() as stack:
        clients = ScriptedClients(stack)
        yield clients
        for script in clients.scripts:
            script.assert_no_pending_responses()


class Context:
    """What Powertools reads of Lambda's context."""

    function_name = "function"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-west-1:222222222222:function:function"
    aws_request_id = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def member() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def domain_id(member: World) -> str:
    made = member.domain(OURS)
    member.profile(made, "mina", OURS)
    member.spaces(made, "mina", "lab", "code", "third", tags=OURS)
    return made


@pytest.fixture
def lab(member: World, domain_id: str) -> Resource:
    """An app of a space that is to be stopped."""
    return member.lab(domain_id, "lab", member.idle(8 * HOUR, noticed=3 * HOUR))


@pytest.fixture
def fresh(member: World, domain_id: str) -> Resource:
    """One that is to be noticed."""
    return member.lab(domain_id, "lab", member.idle(3 * HOUR))
