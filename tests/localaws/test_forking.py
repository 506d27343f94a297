"""Forks wait for threads that are on their way out."""

import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import os, ssl, threading
from localaws import forking

more = []  # as counted by who is asked after localaws: the last that is registered is asked first
os.register_at_fork(before=lambda: more.append(len(os.listdir("/proc/self/task")) - threading.active_count()))
forking.install()
for _ in range(300):
    threads = [threading.Thread(target=ssl.SSLContext, args=(ssl.PROTOCOL_TLS_CLIENT,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
print(len(more), max(more))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux says which threads there are")
def test_no_thread_that_has_ended_is_there_any_more_when_a_process_forks() -> None:
    """It would hold a lock of OpenSSL in the fork for ever."""
    ran = subprocess.run([sys.executable, "-c", COUNT], check=True, capture_output=True, text=True, timeout=300)
    assert ran.stdout.split() == ["300", "0"]
