"""idle_app_shutdown and its peers, side by side: rows of ``build/bench/idle_app_shutdown.json``, and whether each goal is met.

One organization is made and its truth put into it; then each subject has a fork of the process, in which the same hours pass. Custodian, which takes
longest, has two, each with half of the accounts; what they count is added up.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from benchmarks.converged import STACK, account, organization_file
from benchmarks.forks import in_forks
from benchmarks.idle_apps import custodian, scores, steward, truth
from benchmarks.idle_apps.scores import Period, Stopped
from benchmarks.idle_apps.subjects import SUBJECTS, Counted, play
from benchmarks.idle_apps.truth import HOUR, Kind
from benchmarks.idle_apps.world import World
from benchmarks.results import Row
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from tests.stories.isolation import leave_on

PATIENCE = 3600.0
PARTS = {"custodian": 2}
RECOVERED_AT_LEAST = 0.95
CALLS_AT_MOST = 0.1
"""Of Custodian's, for each app that is examined."""


@dataclass(frozen=True)
class Size:
    accounts: int = 10
    apps: int = 10_000
    hours: int = 36

    @property
    def case(self) -> str:
        return f"{self.apps} apps in {self.accounts} accounts, {self.hours} hours"


@dataclass(frozen=True)
class Goal:
    text: str
    met: bool


@dataclass(frozen=True)
class _Part:
    """A subject and the accounts that one fork of it looks after."""

    subject: str
    accounts: Sequence[Account]


@dataclass(frozen=True)
class _Outcome:
    counted: Counted
    beats: int
    apps: Sequence[Stopped]
    seconds: float


def measure(size: Size, seed: int, names: Sequence[str] = tuple(SUBJECTS)) -> list[Row]:
    """A row for each subject and metric. Says on standard error how far it is."""
    lives = truth.lives(size.apps, size.hours, seed)
    known = scores.periods(lives, size.hours * HOUR)
    _tell(f"truth: {_kinds(lives)}")
    found: dict[str, list[_Outcome]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder, LocalOrganization(_organization(Path(folder)), seed=seed) as local:
        accounts, world = _prepare(local, size, lives)
        parts = [_Part(name, accounts[number :: PARTS.get(name, 1)]) for name in _longest_first(names) for number in range(PARTS.get(name, 1))]

        def work(part: _Part) -> _Outcome:
            began = time.perf_counter()
            counted = play(world, part.accounts, size.hours, SUBJECTS[part.subject])
            apps = [Stopped(app.life, app.stops, app.down) for app in world.apps]
            return _Outcome(counted, world.beats, apps, time.perf_counter() - began)

        for part, outcome in in_forks(parts, work, 2, seed, PATIENCE):
            _tell(f"{part.subject} played")
            found[part.subject].append(outcome)
    return [row for name in names for row in _rows(name, size.case, found[name], known)]


def _longest_first(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: -PARTS.get(name, 1))


def _organization(folder: Path) -> Path:
    """Of management and hub, with our parameters."""
    file = organization_file(folder)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for stack in document["stacks"]:
        if stack["name"] == STACK:
            stack["parameters"] |= steward.PARAMETERS
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def _prepare(local: LocalOrganization, size: Size, lives: Iterable[truth.Life]) -> tuple[list[Account], World]:
    local.deploy_stacks()
    accounts = [account(number) for number in range(size.accounts)]
    for each in accounts:
        local.vend(each)
    local.settle()
    leave_on(local)
    custodian.let_in(local, accounts)
    world = World(local, accounts, lives)
    gc.collect()
    gc.freeze()  # forks share it, and need not look through it
    _tell(f"{len(world.apps)} apps in {size.accounts} accounts")
    return accounts, world


def _kinds(lives: Sequence[truth.Life]) -> str:
    return ", ".join(f"{kind} {sum(life.kind is kind for life in lives)}" for kind in Kind)


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


# -- figures


UNITS = {"stops": "apps", "wrong_stops": "apps", "protected_stops": "apps"}


def _rows(subject: str, case: str, outcomes: Sequence[_Outcome], known: Mapping[int, Sequence[Period]]) -> list[Row]:
    score = scores.score([app for outcome in outcomes for app in outcome.apps], known)
    calls = sum(outcome.counted.calls for outcome in outcomes)
    examined = sum(outcome.counted.examined for outcome in outcomes)
    values: dict[str, tuple[float, str]] = {
        "calls": (calls, "calls"),
        "examined": (examined, "apps"),
        "calls_per_examined": (round(calls / max(examined, 1), 4), "calls"),
        "never_examined": (sum(outcome.counted.never for outcome in outcomes), "apps"),
        **{name: (round(value, 1), UNITS.get(name, "h")) for name, value in asdict(score).items()},
        "recovered_share": (round(score.idle_hours_recovered / score.idle_hours_recoverable, 4), "ratio"),
        "recovered_share_after_grace": (round(score.recovered_after_grace / score.idle_hours_after_grace, 4), "ratio"),
        "recovered_share_shown": (round(score.recovered_shown / score.idle_hours_shown, 4), "ratio"),
        "reporter_calls": (sum(outcome.beats for outcome in outcomes), "calls"),
        "real_time": (round(max(outcome.seconds for outcome in outcomes), 1), "s"),
    }
    return [Row(subject, case, name, value, unit) for name, (value, unit) in values.items()]


def goals(rows: Iterable[Row]) -> list[Goal]:
    """What is to be reached, with what was. KeyError where a subject was not measured."""
    of = {(row.subject, row.metric): row.value for row in rows}
    wrong, share = of["steward", "wrong_stops"], of["steward", "recovered_share"]
    ours, theirs = of["steward", "calls_per_examined"], of["custodian", "calls_per_examined"]
    return [
        Goal(f"wrong stops: {wrong:g}, of 0", wrong == 0),
        Goal(f"idle hours that evidence can show, recovered: {share:.2%}, of {RECOVERED_AT_LEAST:.0%} at least", share >= RECOVERED_AT_LEAST),
        Goal(
            f"calls for each examined app: {ours:g}, of {CALLS_AT_MOST * theirs:g} at most, a tenth of Custodian's {theirs:g}",
            ours <= CALLS_AT_MOST * theirs,
        ),
    ]


COLUMNS = {
    "calls": "API calls",
    "calls_per_examined": "calls per examined app",
    "never_examined": "apps never examined",
    "wrong_stops": "wrong stops",
    "idle_hours_recovered": "idle hours recovered",
    "recovered_share": "of the recoverable",
}


def side_by_side(rows: Sequence[Row]) -> str:
    """A line for each subject, in Markdown, as docs/benchmarks/idle_app_shutdown.md has it."""
    of = {(row.subject, row.metric): row.value for row in rows}
    lines = [["subject", *COLUMNS.values()], ["---", *("---:" for _ in COLUMNS)]]
    for subject in dict.fromkeys(row.subject for row in rows):
        cells = (f"{of[subject, name]:.1%}" if name == "recovered_share" else f"{of[subject, name]:,.6g}" for name in COLUMNS)
        lines += [[subject, *cells]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
