"""What a cold start imports: each handler of the template, against ``import boto3, aws_lambda_powertools`` measured in the same run.

Each import is a process of its own, all by turns, so that what else the machine does falls on all alike. A first turn is not counted: it writes
the bytecode that Lambda's layer has, too.
"""

import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from benchmarks.results import Row

ROOT = Path(__file__).resolve().parents[1]
BASE = "boto3, aws_lambda_powertools"
_PROGRAM = """
import time
start = time.perf_counter()
import {modules}
seconds = time.perf_counter() - start
import pathlib, re
status = pathlib.Path("/proc/self/status")  # getrusage would count what the parent had before this program began
print(seconds, re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1] if status.exists() else "nan")
"""


def handlers() -> list[str]:
    """The modules of the template's functions, in its order: ``intake.start_execution``."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"].values()
    functions = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::Serverless::Function"]
    return [function["Handler"].removesuffix(".handler") for function in functions]


def measure(turns: int) -> list[Row]:
    """For each handler the median of its import time, what it is of the base's median and, on Linux, the memory of the process."""
    found: dict[str, list[tuple[float, float]]] = {modules: [] for modules in (BASE, *handlers())}
    for turn in range(turns + 1):
        for modules, figures in found.items():
            figure = _import(modules)
            if turn:
                figures.append(figure)
    base = statistics.median(seconds for seconds, _ in found[BASE])
    rows = []
    for modules, figures in found.items():
        subject, case = (BASE, "import") if modules == BASE else ("steward", f"import {modules}")
        seconds = statistics.median(seconds for seconds, _ in figures)
        rows.append(Row(subject, case, "time", round(seconds, 4), "s"))
        if not math.isnan(memory := statistics.median(kibibytes for _, kibibytes in figures)):
            rows.append(Row(subject, case, "memory", round(memory / 1024, 1), "MiB"))
        if modules != BASE:
            rows.append(Row(subject, case, "time against the peer's", round(seconds / base, 3), "ratio"))
    return rows


def _import(modules: str) -> tuple[float, float]:
    """Seconds of the import, and the most memory that the process had, in KiB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "functions"), "POWERTOOLS_SERVICE_NAME": "studio-steward"}
    command = [sys.executable, "-c", _PROGRAM.format(modules=modules)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603 - our own
    seconds, memory = run.stdout.split()
    return float(seconds), float(memory)
