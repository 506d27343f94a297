"""What a handler has to itself, and what of a process it cannot have here. Threads are in test_threads.py."""

import sys
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from localaws.turns import Surroundings
from tests.localaws.test_functions import CALLER, create
from tests.localaws.test_threads import HEAD, run


def test_a_module_of_the_same_name_outside_is_not_the_handlers_however_many_there_are(tmp_path: Path) -> None:
    (tmp_path / "of_a_handler.py").touch()
    surroundings = Surroundings([tmp_path], {}, StringIO())
    outside = ModuleType("of_a_handler")
    sys.modules["of_somebody"] = ModuleType("of_somebody")
    surroundings.enter()
    surroundings.leave()
    del sys.modules["of_somebody"]
    sys.modules["of_a_handler"] = outside  # as many as before
    try:
        surroundings.enter()
        assert "of_a_handler" not in sys.modules
        surroundings.leave()
        assert sys.modules["of_a_handler"] is outside
    finally:
        del sys.modules["of_a_handler"]


def test_no_thread_is_started_on_the_way_out_of_what_is_over(local: LocalOrganization) -> None:
    body = """
    try:
        time.sleep(100)
    finally:
        threading.Thread(target=who).start()
"""
    assert run(local, body, Timeout=5)["errorType"] == "Sandbox.Timedout"
    calls = len(local.cloud.log.calls)
    local.advance(60)
    assert len(local.cloud.log.calls) == calls


def test_coroutines_that_wait_for_nothing_run(local: LocalOrganization) -> None:
    body = """
    import asyncio
    async def work(number):
        await asyncio.sleep(0)
        return [number, who()]
    async def all_of_it():
        return await asyncio.gather(*map(work, range(3)))
    return asyncio.run(all_of_it())
"""
    assert run(local, body) == [[0, "runner"], [1, "runner"], [2, "runner"]]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("    import asyncio\n    asyncio.run(asyncio.sleep(2))\n", "an event loop that waits"),
        ("    import subprocess\n    subprocess.run(['true'])\n", "a process of a handler's own"),
        ("    import os\n    os.system('true')\n", "a process of a handler's own"),
        ("    import multiprocessing\n    multiprocessing.get_context('fork').Process(target=who).start()\n", "a process of a handler's own"),
    ],
)
def test_what_would_leave_the_turn_is_refused_by_name(local: LocalOrganization, body: str, named: str) -> None:
    promise = local.cloud.functions.invoke(create(local, HEAD + body), "{}", CALLER)
    local.settle()
    with pytest.raises(Refused, match=named):
        promise.result()
