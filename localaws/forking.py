"""Before this process forks: threads that have ended are really gone.

A thread that Python has done with lives on for some microseconds, in which OpenSSL takes a lock to forget it. A process that is forked just then has
that lock for ever, and nobody in it to let it go: it stands still at its next ``ssl.SSLContext``, that is at its next boto3 client.
"""

import os
import select
import threading
from functools import cache
from pathlib import Path

_THREADS = Path("/proc/self/task")
PATIENCE = 1.0
"""Real seconds. A thread that Python knows nothing of may be there as long as it likes."""
_LOOKS = 5000


@cache
def install() -> None:
    """From now on a fork waits for them, where the operating system says which threads there are: on Linux. Once is enough."""
    if _THREADS.is_dir():
        os.register_at_fork(before=_wait)


def _wait() -> None:
    for _ in range(_LOOKS):
        if sum(1 for _ in _THREADS.iterdir()) <= threading.active_count():
            return
        select.select([], [], [], PATIENCE / _LOOKS)  # ``time.sleep`` may be on the virtual clock
