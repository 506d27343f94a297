"""Clients that answer what a test has written down, in that order, and refuse every other call."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import HealthCheck, settings

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
