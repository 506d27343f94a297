"""Stories run on a deployed organization, each on a fresh one: a process that deployed it once is forked for each test.

A story says which workflows it is about: ``pytest.mark.workflow("…", …)``. Only they start by themselves in it; in one marked ``together`` all do.
Between the deployed process and the tests is one process for each such choice, in which the others were disabled once.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from localaws.local import LocalOrganization
from localaws.policy.usage import denied
from tests.stories import entered
from tests.stories.isolation import leave_on
from tests.stories.people import Platform

ORGANIZATION = Path(__file__).parents[2] / "demo" / "organization.yaml"

Workflows = tuple[str, ...] | None

_deployed: list[LocalOrganization] = []


Reports = list[dict[str, Any]]


class Process:
    """A fork of this process that does what it is asked for: tests by their numbers in the session. It passes on their reports."""

    def __init__(self, serve: Callable[[Connection], None]):
        context = get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=False)
        self._process.start()
        theirs.close()

    def run(self, number: int) -> Reports:
        """The reports of the session's test with this number, as pytest serializes them."""
        self._pipe.send(number)
        reports: Reports = self._pipe.recv()
        return reports

    def stop(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(run: Callable[[int], Reports], pipe: Connection) -> None:
    while (number := pipe.recv()) is not None:
        pipe.send(run(number))


def _deploy_and_fork(session: pytest.Session, pipe: Connection) -> None:
    entered.listen()
    local = LocalOrganization(ORGANIZATION, seed=1)
    local.deploy_stacks()
    for function in local.client("lambda", "hub").list_functions()["Functions"]:
        local.cloud.functions.warm(function["FunctionArn"])
    _deployed.append(local)
    stages: dict[Workflows, Process] = {}

    def run(number: int) -> Reports:
        workflows = workflows_of(session.items[number])
        if workflows not in stages:
            stages[workflows] = Process(partial(_stage, session, workflows))
        return stages[workflows].run(number)

    _serve(run, pipe)
    for stage in stages.values():
        stage.stop()
    local.close()


def _stage(session: pytest.Session, workflows: Workflows, pipe: Connection) -> None:
    if workflows is not None:
        _deployed[0].clock.own()
        leave_on(_deployed[0], *workflows)
    _serve(lambda number: _in_a_fork(session.items[number]), pipe)


def workflows_of(item: pytest.Item) -> Workflows:
    """The workflows that start by themselves in this test; None: all."""
    marker, together = item.get_closest_marker("workflow"), item.get_closest_marker("together")
    if together:
        return None
    if not (marker and marker.args):
        raise pytest.UsageError(f"{item.nodeid}: a story says pytest.mark.workflow(…), or pytest.mark.together")
    return tuple(sorted(marker.args))


def _in_a_fork(item: pytest.Item) -> Reports:
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
    reports: Reports = json.loads(text)
    return reports


_processes: dict[pytest.Session, Process] = {}


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that uses `deployed_organization` in a fork of the deployed process."""
    if "deployed_organization" not in getattr(item, "fixturenames", ()):
        return None
    session = item.session
    workflows_of(item)
    if session not in _processes:
        _processes[session] = Process(partial(_deploy_and_fork, session))
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for data in _processes[session].run(session.items.index(item)):
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    session._setupstate.teardown_exact(nextitem)  # what a test before this one, of this folder and not forked, left for its next
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is said of all stories comes after them."""
    items.sort(key=lambda item: bool(item.get_closest_marker("after_all_stories")))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What the forked process of a story entered is heard here, in the session's own."""
    entered.ways |= {tuple(way) for name, ways in report.user_properties if name == entered.PROPERTY for way in ways}  # type: ignore[misc]


@pytest.fixture
def ways_of_all_stories(request: pytest.FixtureRequest) -> set[entered.Way]:
    """All ways that were gone, here or beside (`tools.every_test`). Skips where not every story was run: then nothing can be said."""
    here = entered.Told({item.path.name for item in request.session.items}, entered.ways)
    told = [here, *entered.told()]
    every = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    if request.config.option.keyword or not set().union(*(one.files for one in told)) >= every:
        pytest.skip("it is about all stories, and some are not run")
    return set().union(*(one.ways for one in told))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session in _processes:
        _processes.pop(session).stop()
        entered.tell({item.path.name for item in session.items})


@pytest.fixture
def deployed_organization(request: pytest.FixtureRequest) -> Iterator[LocalOrganization]:
    """The deployed organization of `demo/organization.yaml`, this test's own."""
    local = _deployed[0]
    local.clock.own()
    yield local
    local.settle()
    request.node.user_properties.append((entered.PROPERTY, sorted(entered.ways)))


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


@pytest.fixture
def keys_of_the_hub(deployed_organization: LocalOrganization, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools find the hub as the AWS CLI would."""
    keys = deployed_organization.keys("hub")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def is_denial_of(denial: dict[str, Any], action: str, who: str) -> bool:
    return denial["action"] == action and who in (denial["role"] or denial["principal"])
