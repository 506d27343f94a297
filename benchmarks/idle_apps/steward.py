"""Our own workflow, as it is deployed, on its own schedule."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.idle_apps.world import World
from localaws.organization_file import Account
from tests.stories.idle_apps import details
from tests.stories.isolation import leave_on
from tests.stories.people import Platform

WORKFLOW = "idle_app_shutdown"
PARAMETERS = {
    "IdleAppShutdown": "stop",
    "DryRun": "false",
    "IdleAppShutdownSchedule": "cron(0 * * * ? *)",
    "MostStopsPerSweep": "2000",
}
"""Everything else is as it is by default. The cap is for an organization of this size, on the first day, when years of forgotten apps go."""


class SweepFailed(RuntimeError):
    """An execution did not do all that it was to do."""


@contextmanager
def steward(world: World, accounts: Sequence[Account]) -> Iterator[Callable[[], set[int]]]:  # noqa: ARG001 - it finds them itself
    """The schedule fires at each hour's begin, as soon as time passes: what runs just then is what it looks at."""
    leave_on(world.local, WORKFLOW)
    looked_at: list[int] = []

    def sweep() -> set[int]:
        running = {app.life.number for app in world.apps if app.runs}
        looked_at.append(len(running))
        return running

    yield sweep
    _check(world, looked_at)


def _check(world: World, looked_at: Sequence[int]) -> None:
    """That it swept each hour, everywhere, and saw what ran: users start a few while it does. It may have left something to the next sweep."""
    platform = Platform(world.local)
    runs = platform.executions(WORKFLOW)
    if len(runs) != len(looked_at):
        raise SweepFailed(f"{len(runs)} executions in {len(looked_at)} hours")
    for running, run in zip(looked_at, runs, strict=True):
        if run["status"] != "SUCCEEDED" and run["error"] != "CapReached":
            raise SweepFailed(f"{run['name']}: {run['error']}: {run['cause']}")
        counts = details(platform, run)["counts"]
        if abs(counts["running"] - running) > max(5, running // 50):
            raise SweepFailed(f"{run['name']}: {running} apps ran, and it counts {counts}")
