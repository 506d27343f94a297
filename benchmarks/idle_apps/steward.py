"""Our own workflow, as it is deployed, on its own schedule."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.idle_apps.world import World
from localaws.organization_file import Account


@contextmanager
def steward(world: World, accounts: Sequence[Account]) -> Iterator[object]:
    raise NotImplementedError
    yield
