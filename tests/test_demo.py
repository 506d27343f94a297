"""``make demo``, played whole as a person plays it: what its last chapter shows of two working days, and its summary."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

Table = dict[str, dict[str, str]]
"""The cells of each app, by the heads of their columns."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What it prints, and its summary. It notices itself what is not as it should be, and fails."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-m", "demo"], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    return run.stdout, json.loads((folder / "build" / "demo" / "summary.json").read_text())


@pytest.fixture(scope="module")
def table(played: tuple[str, dict[str, Any]]) -> Table:
    return {cells["app"]: cells for cells in _cells(played[0].splitlines())}


def _cells(lines: list[str]) -> Iterator[dict[str, str]]:
    """Of the rows below the head that begins with `app`: each column is as wide as its widest cell, with two blanks between."""
    start = next(number for number, line in enumerate(lines) if re.match(r"app +type +instance", line))
    heads = list(re.finditer(r"\S+(?: \S+)*", lines[start]))
    bounds = [(head.group(), head.start(), after.start() if after else None) for head, after in zip(heads, [*heads[1:], None], strict=True)]
    for line in lines[start + 1 :]:
        if not line:
            return
        yield {name: line[begin:end].strip() for name, begin, end in bounds}


def test_a_kernel_that_computes_overnight_is_kept_and_stopped_only_when_it_is_done(table: Table) -> None:
    training = table["tom-training"]
    assert training["kept meanwhile"] == "cell ran until Tue 11:30"
    assert re.fullmatch(r"Tue 1[4-9]:00", training["notice"])
    assert re.fullmatch(r"Tue 1[6-9]:00|Tue 20:00", training["stopped"])


def test_what_a_tag_keeps_is_neither_noticed_nor_stopped(table: Table) -> None:
    talk = table["vera-talk"]
    assert (talk["notice"], talk["stopped"], talk["saved"]) == ("", "", "")
    assert talk["in the end"] == "runs, by the tag steward:keep-until on its space"


def test_who_is_back_within_the_grace_is_not_stopped(table: Table) -> None:
    report = table["vera-report"]
    assert report["kept meanwhile"] == "back Mon 14:30"
    assert report["notice"].startswith("Mon 14:00, ")
    assert report["stopped"] > "Mon 20:00", "not before she has left in the evening, and was noticed anew"
    assert report["in the end"] == "runs, in use", "she started it again"


def test_what_nobody_ever_opened_is_stopped_and_its_hours_and_money_are_counted(table: Table) -> None:
    model = table["alice-old-model"]
    assert (model["notice"], model["stopped"]) == ("Mon 12:00", "Mon 14:00")
    assert re.fullmatch(r"[56]\.\d h, [78]\.\d\d USD", model["saved"])
    assert model["in the end"].startswith("stopped: idle since Mon 08:1")


def test_an_app_that_says_nothing_stays(table: Table) -> None:
    silent = table["walt-silent"]
    assert (silent["notice"], silent["stopped"]) == ("", "")
    assert silent["in the end"] == "runs: nobody knows whether it is in use, so it stays"


def test_where_no_price_is_known_only_hours_are_told(table: Table) -> None:
    assert re.fullmatch(r"\d\.\d h, no price known", table["uma's Canvas"]["saved"])


def test_every_app_of_the_table_says_what_became_of_it(table: Table) -> None:
    assert len(table) == 13
    assert all(re.match(r"runs|stopped: ", cells["in the end"]) for cells in table.values())
    assert all(bool(cells["stopped"]) == bool(cells["saved"]) for cells in table.values())


def test_it_plays_as_many_days_as_it_is_said_to(played: tuple[str, dict[str, Any]]) -> None:
    days = re.findall(r"^(2026-\d\d-\d\d) \d\d:\d\d  ", played[0], flags=re.MULTILINE)
    assert (days[0], days[-1]) == ("2026-11-02", "2026-11-10")
    for page in ("README.md", "Makefile"):
        assert re.search(r"\bplays? nine days\b", (ROOT / page).read_text(), flags=re.IGNORECASE), page


def test_the_summary_has_the_chapter_and_counts_what_the_table_shows(played: tuple[str, dict[str, Any]], table: Table) -> None:
    _, summary = played
    assert set(summary) == {"version", "seconds", "virtual_seconds", "executions", "dead_letters", "findings"}
    sweeps = [row for row in summary["executions"] if row["chapter"] == "idle_app_shutdown"]
    assert {row["status"] for row in sweeps} == {"SUCCEEDED"}
    assert len(sweeps) == 37, "hourly from Monday at eight to Tuesday at eight in the evening"
    shown = [time for cells in table.values() for column in ("notice", "stopped") for time in cells[column].split(", ") if time]
    assert sum(row["changes"] for row in sweeps) == len(shown)
