"""Run every test, in two processes beside each other, then what is said of all stories: python -m tools.every_test

A story runs in a fork of the process that deployed (docs/decisions/0006), and a process with threads, as a worker of pytest-xdist is one, should not
be forked. So each half of the tests is a pytest of its own. The output of the first is seen as it comes, that of the second when both are over.
"""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
STORIES = ROOT / "tests" / "stories"
OF_ALL_STORIES = STORIES / "test_every_state.py"
BUILD = ROOT / "build" / "tests"

TOLD = "STORIES_TOLD"
"""The environment's name of the folder in which both leave what their stories entered."""

REST = 0.37
"""The share of all other tests in what all tests take."""


def first_half() -> list[Path]:
    """Files of stories. The longest are dealt out first, each to the half that has less to do; the second half has all other tests, too."""
    files = sorted(STORIES.glob("test_*.py"), key=lambda path: (-path.stat().st_size, path.name))
    files.remove(OF_ALL_STORIES)
    first, in_first = list[Path](), 0.0
    in_second = sum(path.stat().st_size for path in files) * REST / (1 - REST)
    for path in files:
        if in_first <= in_second:
            first.append(path)
            in_first += path.stat().st_size
        else:
            in_second += path.stat().st_size
    return first


def main() -> int:
    """The worst of the exit codes."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    first = first_half()
    second = ["tests", *(f"--ignore={path}" for path in (*first, OF_ALL_STORIES))]
    pytest = partial(subprocess.Popen, cwd=ROOT, env=os.environ | {TOLD: str(BUILD)})
    with (BUILD / "second.txt").open("w+") as out, pytest(_run(*second), stdout=out, stderr=subprocess.STDOUT) as beside:
        ended = [pytest(_run(*map(str, first))).wait(), beside.wait()]
        out.seek(0)
        print(out.read())
    return max(*ended, pytest(_run(str(OF_ALL_STORIES))).wait())


def _run(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


if __name__ == "__main__":
    sys.exit(main())
