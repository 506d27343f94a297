"""``make proof``: every fault at every call, delivery and invocation of every play, one at a time. Does it end as without the fault?

First each play runs as it should: that is the end that counts, and the list of places where a fault can strike. Then for each place and each kind of
fault that fits it the play runs in a fork of the deployed process with just that fault, which must come to pass. A run is healed if it ends as the
first did, with nothing red. Else an operator must be able to see it, and ``make redrive`` must bring it to the same end, or a second event where the
first was lost, or the next day's run where a reconciliation left something to that. What does not get there is lost, and so is the proof: exit
status 1.
"""

import argparse
import math
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import results
from benchmarks.fault_kinds import KINDS
from benchmarks.fault_runs import INJECTED, LOST, VERDICTS, Act, Case, Reference, Result, cases_of, deployed, prepare, reference_of, run
from benchmarks.forks import in_forks
from tests.stories.people import Platform
from tests.stories.plays import PLAYS


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    started = time.monotonic()
    with deployed(options.seed) as platform:
        stage = Stage(platform, options.jobs, options.seed)
        references = stage.references(options.plays)
        cases = [case for play in options.plays for case in cases_of(play, references[play]) if _is_wanted(case, options)]
        if options.sample:
            cases = sample(cases, options.sample, options.seed)
        found = stage.run(cases, references)
    rows = rows_of(found)
    print(_table(found))
    for case, result in found.items():
        if result.verdict == LOST:
            print(_told(case, result))
    count = Counter(result.verdict for result in found.values())
    if sys.stderr.isatty():
        sys.stderr.write("\r" + " " * 40 + "\r")
    file = results.write("faults", options.seed, rows, options.folder)
    print(
        f"{len(found)} faults injected in {len(references)} plays, {count[LOST]} lost, {time.monotonic() - started:.0f} seconds; all of it in {file}"
    )
    return 1 if count[LOST] else 0


def _is_wanted(case: Case, options: argparse.Namespace) -> bool:
    return case.kind in options.kinds and options.number in (None, case.number)


@dataclass(frozen=True)
class Stage:
    """The deployed platform, and so many runs on it at a time. Each play is prepared in a fork of its own, whose forks are its runs."""

    platform: Platform
    jobs: int
    seed: int

    def references(self, plays: Sequence[str]) -> dict[str, Reference]:
        def find(play: str) -> Reference:
            act = prepare(self.platform, play)
            ((_, reference),) = in_forks([play], lambda _: reference_of(self.platform, act), 1, self.seed)
            return reference

        return dict(in_forks(plays, find, self.jobs, self.seed, patience=math.inf))

    def run(self, cases: Sequence[Case], references: Mapping[str, Reference]) -> dict[Case, Result]:
        """What came of each. On a terminal it says how far it is."""
        found: dict[Case, Result] = {}

        def run_all(play: str) -> dict[Case, Result]:
            act = prepare(self.platform, play)
            runs = in_forks(
                [case for case in cases if case.play == play], lambda case: _run_one(self, act, case, references[play]), self.jobs, self.seed
            )
            return dict(_with_progress(runs, found, len(cases)))

        plays = list(dict.fromkeys(case.play for case in cases))
        for _, results_of_play in in_forks(plays, run_all, 1, self.seed, patience=math.inf):
            found |= results_of_play
        return found


def _run_one(stage: Stage, act: Act, case: Case, reference: Reference) -> Result:
    try:
        return run(stage.platform, act, case, reference)
    except Exception:  # noqa: BLE001 - one run that breaks is one that is lost, and told as such
        return Result(LOST, reference.passages[case.number], ("the run itself broke", *traceback.format_exc().splitlines()))


def _with_progress(runs: Iterator[tuple[Case, Result]], before: Mapping[Case, Result], total: int) -> Iterator[tuple[Case, Result]]:
    lost = sum(result.verdict == LOST for result in before.values())
    for number, (case, result) in enumerate(runs, len(before) + 1):
        lost += result.verdict == LOST
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number} of {total}, {lost} lost  ")
            sys.stderr.flush()
        yield case, result


def sample(cases: Sequence[Case], each: int, seed: int) -> list[Case]:
    """So many of each kind of fault for each workflow, by chance."""
    chance, by_kind = random.Random(seed), dict[tuple[str, str], list[Case]]()
    for case in cases:
        by_kind.setdefault((PLAYS[case.play].workflow, case.kind), []).append(case)
    return [case for those in by_kind.values() for case in chance.sample(those, min(each, len(those)))]


def rows_of(found: dict[Case, Result]) -> list[results.Row]:
    """For each workflow and kind of fault, how many were injected and what came of them."""
    count = _count(found)
    lines = sorted({(workflow, kind) for workflow, kind, _ in count}, key=lambda line: (line[0], list(KINDS).index(line[1])))
    metrics = (INJECTED, *VERDICTS)
    return [
        results.Row("steward", f"{workflow}: {kind}", metric, count[workflow, kind, metric], "runs") for workflow, kind in lines for metric in metrics
    ]


def _count(found: dict[Case, Result]) -> Counter[tuple[str, str, str]]:
    count: Counter[tuple[str, str, str]] = Counter()
    for case, result in found.items():
        for metric in (INJECTED, result.verdict):
            count[PLAYS[case.play].workflow, case.kind, metric] += 1
    return count


def _table(found: dict[Case, Result]) -> str:
    """A line for each workflow and kind of fault, under each other."""
    figures: dict[str, list[str]] = {}
    for row in rows_of(found):
        figures.setdefault(row.case, []).append(f"{row.value:g}")
    width = max(map(len, figures), default=0)
    heads = (INJECTED, *VERDICTS)
    lines = [" " * width + "".join(f"  {head}" for head in heads)]
    for case, values in figures.items():
        lines.append(case.ljust(width) + "".join(f"  {value:>{len(head)}}" for head, value in zip(heads, values, strict=True)))
    return "\n".join(lines)


def _told(case: Case, result: Result) -> str:
    """A lost case, and how to run it alone."""
    place = f"{result.passage.kind} {result.passage.what}, number {case.number}, {result.passage.principal or result.passage.function}"
    again = f"python -m benchmarks.faults --plays {case.play} --kinds '{case.kind}' --number {case.number}"
    return "\n    ".join([f"LOST {case.play}: {case.kind} at {place}", *result.why, again])


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--plays", type=_some_of(PLAYS), default=list(PLAYS), help="names of plays, with commas; default: all of tests/stories/plays.py"
    )
    parser.add_argument("--kinds", type=_some_of(KINDS), default=list(KINDS), help=f"kinds of faults, with commas; default: all ({', '.join(KINDS)})")
    parser.add_argument("--number", type=int, metavar="N", help="only the place with this number, as a lost case is reported")
    parser.add_argument("--sample", type=int, metavar="N", help="of each kind run only so many for each workflow, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1, help="what chance begins with, in the sample and in localaws; default %(default)s")
    parser.add_argument("--folder", type=Path, default=results.BUILD, help="where faults.json is written; default %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time; default: one for each processor, here %(default)s")
    return parser


def _some_of(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there is no such thing, only {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    sys.exit(main())
