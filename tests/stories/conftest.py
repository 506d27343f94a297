"""Stories run on a deployed organization, each on a fresh one: a process that deployed it once is forked for each test."""

import json
import os
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from localaws.local import LocalOrganization
from localaws.policy.usage import denied
from tests.stories.people import Platform

ORGANIZATION = Path(__file__).parents[2] / "demo" / "organization.yaml"

_deployed: list[LocalOrganization] = []


class Deployed:
    """The process with the deployed organization. It forks itself for each test, and passes on the child's reports."""

    def __init__(self, session: pytest.Session):
        context = get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_deploy_and_fork, args=(session, theirs), daemon=False)
        self._process.start()
        theirs.close()

    def run(self, number: int) -> list[dict[str, Any]]:
        """The reports of the session's test with this number, as pytest serializes them."""
        self._pipe.send(number)
        reports: list[dict[str, Any]] = self._pipe.recv()
        return reports

    def stop(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _deploy_and_fork(session: pytest.Session, pipe: Connection) -> None:
    local = LocalOrganization(ORGANIZATION, seed=1)
    local.deploy_stacks()
    for function in local.client("lambda", "hub").list_functions()["Functions"]:
        local.cloud.functions.warm(function["FunctionArn"])
    _deployed.append(local)
    while (number := pipe.recv()) is not None:
        pipe.send(_in_a_fork(session.items[number]))
    local.close()


def _in_a_fork(item: pytest.Item) -> list[dict[str, Any]]:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        status = 1
        try:
            reports = runtestprotocol(item, log=False, nextitem=None)
            data = [item.config.hook.pytest_report_to_serializable(config=item.config, report=report) for report in reports]
            with os.fdopen(sending, "w") as out:
                json.dump(data, out)
            status = 0
        finally:
            os._exit(status)
    os.close(sending)
    with os.fdopen(receiving) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError(f"{item.nodeid}: the forked process ended without a report")
    reports: list[dict[str, Any]] = json.loads(text)
    return reports


_processes: dict[pytest.Session, Deployed] = {}


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that uses `deployed_organization` in a fork of the deployed process."""
    if "deployed_organization" not in getattr(item, "fixturenames", ()):
        return None
    session = item.session
    if session not in _processes:
        _processes[session] = Deployed(session)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for data in _processes[session].run(session.items.index(item)):
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    session._setupstate.teardown_exact(nextitem)  # what a test before this one, of this folder and not forked, left for its next
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session in _processes:
        _processes.pop(session).stop()


@pytest.fixture
def deployed_organization() -> Iterator[LocalOrganization]:
    """The deployed organization of `demo/organization.yaml`, this test's own."""
    local = _deployed[0]
    local.clock.own()
    yield local
    local.settle()


@pytest.fixture
def platform(deployed_organization: LocalOrganization) -> Iterator[Platform]:
    """The same, asked as people ask it. What IAM denies in the story, and only that, has to be declared by `Platform.expect_denied`."""
    asked, before = Platform(deployed_organization), len(denied(deployed_organization.cloud))
    yield asked
    deployed_organization.settle()
    denials = denied(deployed_organization.cloud)[before:]
    matched = {(action, who) for action, who in asked.denials for denial in denials if is_denial_of(denial, action, who)}
    unexpected = [denial for denial in denials if not any(is_denial_of(denial, *expected) for expected in asked.denials)]
    assert unexpected == []
    assert matched == set(asked.denials), "declared, and never denied"


def is_denial_of(denial: dict[str, Any], action: str, who: str) -> bool:
    return denial["action"] == action and who in (denial["role"] or denial["principal"])
