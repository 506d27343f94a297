"""Run a real tool, `sam` or `aws`, of the environment in `tools/sam`, with Python 3.13 first on the path: python -m tools.real sam build"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

BIN = Path(__file__).parent / "sam" / ".venv" / "bin"
_WHERE = "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable))) if sys.version_info[:2] == (3, 13) else sys.exit(1)"


class NoPython(RuntimeError):
    """`sam build` builds for python3.13 with a python3.13 that is on the path."""


def python_bin() -> str:
    """The folder of a python3.13 that runs. pyenv's shim runs only where that version is chosen, so pyenv's own versions are looked at too."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in [shutil.which("python3.13"), *sorted(map(str, root.glob("versions/3.13*/bin/python3.13")))]:
        found = candidate and subprocess.run([candidate, "-c", _WHERE], capture_output=True, text=True, check=False)  # noqa: S603
        if found and found.returncode == 0:
            return str(found.stdout).strip()
    raise NoPython(
        "sam build needs Python 3.13: install it (from your system's packages, python.org, or `pyenv install 3.13`), so that `python3.13` runs"
    )


def environment() -> dict[str, str]:
    """This process' environment for the real tools: nothing is told to anybody, and polls are short."""
    return os.environ | {"PATH": os.pathsep.join([str(BIN), python_bin(), os.environ["PATH"]]), "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.3"}


def main() -> int:
    try:
        return subprocess.run([str(BIN / sys.argv[1]), *sys.argv[2:]], env=environment(), check=False).returncode  # noqa: S603
    except NoPython as missing:
        print(missing, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
