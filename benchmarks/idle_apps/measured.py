"""idle_app_shutdown and its peers, side by side: rows of ``build/bench/idle_app_shutdown.json``, and whether each goal is met.

One organization is made and its truth put into it; then each subject has a fork of the process, in which the same hours pass. Custodian, which takes
longest, has two, each with half of the accounts; what they count is added up.
"""

import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

PATIENCE = 3 * HOUR
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
class Outcome:
    """What a part of a subject did. `beats`: tags that reporters wrote; `apps`: what became of them."""

    counted: Counted
    beats: int
    apps: Sequence[Stopped]
    seconds: float


def measure(size: Size, seed: int, names: Sequence[str] = tuple(SUBJECTS)) -> list[Row]:
    """A row for each subject and metric. Says on standard error how far it is."""
    lives = truth.lives(size.apps, size.hours, seed)
    _tell(f"truth: {_kinds(lives)}")
    with prepared(lives, size.accounts, seed) as world:
        found = played(world, size.hours, seed, names)
    known = scores.periods(lives, size.hours * HOUR)
    return [row for name in names for row in rows_of(name, size.case, found[name], known)]


@contextmanager
def prepared(lives: Iterable[truth.Life], accounts: int, seed: int) -> Iterator[World]:
    """The organization, with the truth in it."""
    with tempfile.TemporaryDirectory() as folder, LocalOrganization(_organization(Path(folder)), seed=seed) as local:
        local.deploy_stacks()
        members = [account(number) for number in range(accounts)]
        for each in members:
            local.vend(each)
        local.settle()
        leave_on(local)
        custodian.let_in(local, members)
        world = World(local, members, lives)
        gc.collect()
        gc.freeze()  # forks share it, and need not look through it
        _tell(f"{len(world.apps)} apps in {accounts} accounts")
        try:
            yield world
        finally:
            gc.unfreeze()


def played(world: World, hours: int, seed: int, names: Sequence[str]) -> dict[str, list[Outcome]]:
    """What became of it with each subject, in parts; the world itself stays as it is."""

    def work(part: _Part) -> Outcome:
        began = time.perf_counter()
        counted = play(world, part.accounts, hours, SUBJECTS[part.subject], lambda hour: _tell(f"{part.subject}: {hour} h of {hours}"))
        apps = [Stopped(app.life, app.stops, app.down) for app in world.apps]
        return Outcome(counted, world.beats, apps, time.perf_counter() - began)

    found: dict[str, list[Outcome]] = {name: [] for name in names}
    for part, outcome in in_forks(_parts(names, world.accounts), work, 2, seed, PATIENCE):
        _tell(f"{part.subject} played{_some_of(scores.wrong_stops(outcome.apps))}")
        found[part.subject].append(outcome)
    return found


def _parts(names: Sequence[str], accounts: Sequence[Account]) -> list[_Part]:
    """Those with many parts, which take longest, first."""
    ordered = sorted(names, key=lambda name: -PARTS.get(name, 1))
    shares = [(name, accounts[number :: PARTS.get(name, 1)]) for name in ordered for number in range(PARTS.get(name, 1))]
    return [_Part(name, share) for name, share in shares if share]


def _organization(folder: Path) -> Path:
    """Of management and hub, with our parameters."""
    file = organization_file(folder)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for stack in document["stacks"]:
        if stack["name"] == STACK:
            stack["parameters"] |= steward.PARAMETERS
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def _some_of(wrong: Sequence[tuple[truth.Life, float]]) -> str:
    """Whoever wants to know why finds the life in the truth of the same seed."""
    few = [f"app {life.number}, {life.kind}, {life.sight}, at {at / HOUR:.3f} h" for life, at in wrong[:5]]
    return f"; {len(wrong)} wrong stops, such as {'; '.join(few)}" if few else ""


def _kinds(lives: Sequence[truth.Life]) -> str:
    return ", ".join(f"{kind} {sum(life.kind is kind for life in lives)}" for kind in Kind)


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


# -- figures


UNITS = {"stops": "apps", "wrong_stops": "apps", "protected_stops": "apps"}


def rows_of(subject: str, case: str, outcomes: Sequence[Outcome], known: Mapping[int, Sequence[Period]]) -> list[Row]:
    score = scores.score([app for outcome in outcomes for app in outcome.apps], known)
    actions = sum((Counter(outcome.counted.actions) for outcome in outcomes), Counter[str]())
    calls = actions.total()
    examined = sum(outcome.counted.examined for outcome in outcomes)
    values: dict[str, tuple[float, str]] = {
        "calls": (calls, "calls"),
        "examined": (examined, "apps"),
        "calls_per_examined": (round(calls / max(examined, 1), 4), "calls"),
        "never_examined": (sum(outcome.counted.never for outcome in outcomes), "apps"),
        **{name: (round(value, 1), UNITS.get(name, "h")) for name, value in asdict(score).items()},
        "recovered_share": (_share(score.idle_hours_recovered, score.idle_hours_recoverable), "ratio"),
        "recovered_share_after_grace": (_share(score.recovered_after_grace, score.idle_hours_after_grace), "ratio"),
        "recovered_share_shown": (_share(score.recovered_shown, score.idle_hours_shown), "ratio"),
        "reporter_calls": (sum(outcome.beats for outcome in outcomes), "calls"),
        "real_time": (round(max(outcome.seconds for outcome in outcomes), 1), "s"),
        **{action: (number, "calls") for action, number in actions.most_common()},
    }
    return [Row(subject, case, name, value, unit) for name, (value, unit) in values.items()]


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The subjects as they are always named."""
    names = list(SUBJECTS)
    return sorted(rows, key=lambda row: names.index(row.subject))


def _share(recovered: float, of: float) -> float:
    """All of it where there is nothing to recover."""
    return round(recovered / of, 4) if of else 1.0


def goals(rows: Iterable[Row]) -> list[Goal]:
    """What is to be reached, with what was; of what was not measured nothing is said."""
    of = {(row.subject, row.metric): row.value for row in rows}
    subjects = {subject for subject, _ in of}
    return [*(_goals_of_stops(of) if "steward" in subjects else ()), *(_goals_of_calls(of) if {"steward", "custodian"} <= subjects else ())]


def _goals_of_stops(of: Mapping[tuple[str, str], float]) -> Iterator[Goal]:
    wrong, share = of["steward", "wrong_stops"], of["steward", "recovered_share"]
    yield Goal(f"wrong stops: {wrong:g}, of 0", wrong == 0)
    yield Goal(f"idle hours that evidence can show, recovered: {share:.2%}, of {RECOVERED_AT_LEAST:.0%} at least", share >= RECOVERED_AT_LEAST)


def _goals_of_calls(of: Mapping[tuple[str, str], float]) -> Iterator[Goal]:
    ours, theirs = of["steward", "calls_per_examined"], of["custodian", "calls_per_examined"]
    most = round(CALLS_AT_MOST * theirs, 4)
    yield Goal(f"calls for each examined app: {ours:g}, of {most:g} at most, a tenth of Custodian's {theirs:g}", ours <= most)


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
