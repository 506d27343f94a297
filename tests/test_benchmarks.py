"""The benchmarks: what they count is the same in each run, and what they write has the form that others read."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import imports, profile_cost_tagging, results
from benchmarks.__main__ import BENCHMARKS, ORGANIZATION, main
from benchmarks.results import Row
from localaws.local import LocalOrganization

COUNTS = {
    ("created", "calls"): 15,
    ("created", "transitions"): 9,
    ("nothing to do", "calls"): 9,
    ("nothing to do", "transitions"): 6,
    ("drift", "calls"): 16,
    ("drift", "transitions"): 9,
    ("space", "calls"): 16,
    ("space", "transitions"): 9,
}
"""Of one execution. A change that makes it dearer has to be made here, too."""


@pytest.fixture
def local() -> Iterator[LocalOrganization]:
    with LocalOrganization(ORGANIZATION, seed=3) as organization:
        organization.deploy_stacks()
        yield organization


def test_an_execution_costs_what_it_cost_before(local: LocalOrganization) -> None:
    rows = profile_cost_tagging.measure(local, people=3)
    assert {(row.case, row.metric): row.value for row in rows if row.metric in {"calls", "transitions"}} == COUNTS
    rates = {row.case: row.value for row in rows if row.metric == "executions a second"}
    assert set(rates) == {scenario.name for scenario in profile_cost_tagging.SCENARIOS}
    assert min(rates.values()) > 0


def test_a_scenario_that_does_not_end_green_is_no_measurement(local: LocalOrganization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_cost_tagging, "SCENARIOS", (profile_cost_tagging.Scenario("idle", lambda *_: None),))
    with pytest.raises(RuntimeError, match="idle: 1 green executions were to run"):
        profile_cost_tagging.measure(local, people=1)


def test_every_handler_of_the_template_is_measured_beside_its_peer() -> None:
    rows = imports.measure(turns=1)
    times = {(row.subject, row.case): row.value for row in rows if row.metric == "time"}
    assert len(imports.handlers()) >= 4
    assert set(times) == {(imports.BASE, "import"), *(("steward", f"import {module}") for module in imports.handlers())}
    ratios = {row.case.removeprefix("import "): row.value for row in rows if row.metric == "time against the peer's"}
    assert ratios == {
        module: pytest.approx(times["steward", f"import {module}"] / times[imports.BASE, "import"], rel=0.01) for module in imports.handlers()
    }


def test_figures_are_written_for_machines_and_for_people(tmp_path: Path) -> None:
    rows = [Row("steward", "created", "calls", 9, "calls an execution")]
    document = json.loads(results.write("some", 7, rows, tmp_path / "bench").read_text())
    assert set(document) == {"version", "seed", "python", "rows"}
    assert (document["version"], document["seed"]) == (1, 7)
    assert document["rows"] == [{"subject": "steward", "case": "created", "metric": "calls", "value": 9, "unit": "calls an execution"}]
    assert results.table(rows).splitlines()[1].split() == ["steward", "created", "calls", "9", "calls", "an", "execution"]


def test_each_measurement_has_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All but idle_app_shutdown, which plays hours: tests/test_benchmarks_idle_apps.py."""
    monkeypatch.chdir(tmp_path)
    tiny = ["--accounts", "1", "--domains", "1", "--profiles", "1"]
    tiny += ["--scale-accounts", "1", "--scale-regions", "1", "--scale-apps", "2", "--seeds", "2", "--apps", "100", "--hours", "12"]
    assert main([*(name for name in BENCHMARKS if name != "idle_app_shutdown"), "--people", "1", "--turns", "1", *tiny]) == 0
    cases = {file.stem: {row["case"] for row in json.loads(file.read_text())["rows"]} for file in results.BUILD.iterdir()}
    assert cases == {
        "idle_app_shutdown_scale": {"1 accounts in 1 Regions, 2 apps each"},
        "idle_app_shutdown_seeds": {"2 seeds of 100 apps, 12 hours, from seed 1 on"},
        "imports": {"import", *(f"import {module}" for module in imports.handlers())},
        "profile_cost_tagging": {scenario.name for scenario in profile_cost_tagging.SCENARIOS},
        "reconciliation": {"1 accounts", "1 accounts, 1 profiles without tags"},
    }


def test_what_was_measured_of_others_stays_where_it_is_of_the_same_seed_and_case(tmp_path: Path) -> None:
    ours, theirs = Row("steward", "small", "calls", 9, "calls"), Row("custodian", "small", "calls", 90, "calls")
    larger = Row("custodian", "large", "calls", 900, "calls")
    assert results.others("some", 7, [ours], tmp_path) == []
    results.write("some", 7, [Row("steward", "small", "calls", 8, "calls"), theirs, larger], tmp_path)
    assert results.others("some", 7, [ours], tmp_path) == [theirs]
    assert results.others("some", 8, [ours], tmp_path) == []


def test_the_command_finds_by_itself_what_it_needs() -> None:
    """As make starts it: with no PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_says_what_can_be_asked_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "--seed" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--people", "0"])
    with pytest.raises(SystemExit):
        main(["reconciliation", "something else"])
