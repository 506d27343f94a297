"""A sample of ``make proof``, and that the proof itself can fail."""

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.fault_kinds import KINDS, which
from benchmarks.fault_runs import HEALED, INJECTED, LOST, Case, Result
from benchmarks.faults import rows_of, sample
from benchmarks.forks import RunFailed, in_forks
from localaws.faults import Passage
from tests.stories.plays import PLAYS

ROOT = Path(__file__).resolve().parents[1]
CALL = Passage("call", "sns:Publish", "222222222222", "eu-west-1", "arn:aws:iam::222222222222:role/machine")


SAMPLED = {
    "profile_cost_tagging": "somebody_changes_a_tag",
    "cost_key_activation": "billing_learns_of_our_keys",
    "reconciliation": "a_profile_lost_its_event",
    "template_enablement": "a_profile_comes_with_a_new_role",
    "domain_setup": "a_domain_of_ours_is_created",
    "idle_app_shutdown": "somebody_leaves_an_app_and_somebody_works_on",
}
"""Of each workflow a play in which every kind of fault can strike."""


def test_a_sample_of_all_kinds_of_faults_loses_nothing_of_any_workflow(tmp_path: Path) -> None:
    """Traps 13 and 14. In a process of its own: it deploys an organization, and forks."""
    assert set(SAMPLED) == {play.workflow for play in PLAYS.values()}
    command = [sys.executable, "-m", "benchmarks.faults", "--plays", ",".join(SAMPLED.values()), "--sample", "1"]
    said = tmp_path / "said.txt"  # a file: a run that is left over would keep a pipe open
    with said.open("w") as out:
        ran = subprocess.run([*command, "--folder", str(tmp_path)], cwd=ROOT, check=False, stdout=out, stderr=out, timeout=900)
    assert ran.returncode == 0, said.read_text()
    document = json.loads((tmp_path / "faults.json").read_text())
    assert (document["version"], document["seed"]) == (1, 1)
    counted = {(row["case"], row["metric"]): row["value"] for row in document["rows"]}
    met = [kind for kind in KINDS if not kind.startswith("asynchronous")]  # no function of ours is invoked so
    assert {case: value for (case, metric), value in counted.items() if metric == INJECTED} == {
        f"{workflow}: {kind}": 1 for workflow in SAMPLED for kind in met
    }
    assert {value for (_, metric), value in counted.items() if metric == LOST} == {0}


def test_a_sample_has_each_kind_for_each_workflow_and_the_same_again_for_the_same_seed() -> None:
    plays = ("a_profile_is_created", "a_profile_is_updated", "billing_learns_of_our_keys")
    kinds = ("throttled twice", "answer lost")
    cases = [Case(play, kind, number) for play in plays for number in range(50) for kind in kinds] + [Case(plays[0], "event never", 0)]
    chosen = sample(cases, 2, seed=3)
    assert Counter((PLAYS[case.play].workflow, case.kind) for case in chosen) == {
        **{(workflow, kind): 2 for workflow in ("profile_cost_tagging", "cost_key_activation") for kind in kinds},
        ("profile_cost_tagging", "event never"): 1,
    }
    assert chosen == sample(cases, 2, seed=3) != sample(cases, 2, seed=4)
    assert sorted(sample(cases, 1000, seed=3), key=cases.index) == cases


def test_a_fault_strikes_the_one_passage_it_is_meant_for() -> None:
    other = Passage("call", "sns:Publish", "222222222222", "us-east-1", CALL.principal)
    assert which(CALL, [CALL, other, CALL]) == {
        "after": 2,
        "account": CALL.account,
        "region": CALL.region,
        "principal": CALL.principal,
        "function": "",
    }


def test_what_is_lost_is_counted_for_its_workflow_and_kind() -> None:
    play = next(iter(PLAYS))
    found = {Case(play, "answer lost", number): Result(LOST if number else HEALED, CALL) for number in range(3)}
    rows = {row.metric: row.value for row in rows_of(found)}
    assert (rows[INJECTED], rows[HEALED], rows[LOST]) == (3, 1, 2)


def test_a_run_that_ends_without_an_answer_is_an_error_and_not_a_success() -> None:
    def work(case: int) -> int:
        if case == 2:
            raise SystemExit
        return case * 10

    assert dict(in_forks([1, 3], work, 2, seed=0)) == {1: 10, 3: 30}
    with pytest.raises(RunFailed, match="2: ended without an answer"):
        list(in_forks([1, 2], work, 1, seed=0))


def test_a_run_that_stands_still_says_where_and_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunFailed, match="1: ended without an answer, or was not done in its time"):
        list(in_forks([1], lambda _: threading.Event().wait(), 1, seed=0, patience=0.2))
    assert "most recent call first" in capfd.readouterr().err
