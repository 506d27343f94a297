"""``make bench``: measure, print, and write ``<name>.json`` into ``build/bench`` for each name. Ends 1 where a goal is missed."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import imports, profile_cost_tagging, reconciliation, results
from benchmarks.converged import Size
from benchmarks.idle_apps import chart, measured, scale, seeds
from benchmarks.idle_apps.subjects import SUBJECTS
from localaws.local import LocalOrganization

ORGANIZATION = Path(__file__).resolve().parents[1] / "demo" / "organization.yaml"

Measure = Callable[[argparse.Namespace], list[results.Row]]


def _tagging(options: argparse.Namespace) -> list[results.Row]:
    with LocalOrganization(ORGANIZATION, seed=options.seed) as local:
        local.deploy_stacks()
        return profile_cost_tagging.measure(local, options.people)


def _reconciliation(options: argparse.Namespace) -> list[results.Row]:
    return reconciliation.measure(options.accounts, Size(options.domains, options.profiles, options.spaces), options.seed)


def _idle_apps(options: argparse.Namespace) -> list[results.Row]:
    size = measured.Size(options.idle_accounts, options.apps, options.hours)
    rows = measured.measure(size, options.seed, options.subjects)
    rows = measured.in_order([*rows, *results.others("idle_app_shutdown", options.seed, rows)])
    whole = size == measured.Size() and {row.subject for row in rows} >= set(SUBJECTS)
    file = options.chart or (chart.FILE if whole else results.BUILD / "idle_app_shutdown.png")
    print(f"{measured.side_by_side(rows)}\n\nchart in {chart.draw(rows, options.seed, file)}\n")
    return rows


def _idle_apps_at_scale(options: argparse.Namespace) -> list[results.Row]:
    return scale.measure(scale.Size(options.scale_accounts, options.scale_regions, options.scale_apps), options.seed)


GOALS: dict[str, Callable[[list[results.Row]], list[measured.Goal]]] = {
    "idle_app_shutdown": measured.goals,
    "idle_app_shutdown_scale": scale.goals,
    "idle_app_shutdown_seeds": seeds.goals,
}
"""Of benchmarks that are to reach something: what of it is reached."""


BENCHMARKS: dict[str, Measure] = {
    "profile_cost_tagging": _tagging,
    "imports": lambda options: imports.measure(options.turns),
    "reconciliation": _reconciliation,
    "idle_app_shutdown": _idle_apps,
    "idle_app_shutdown_scale": _idle_apps_at_scale,
    "idle_app_shutdown_seeds": lambda options: seeds.measure(options.seeds, options.apps, options.hours, options.seed),
}
ON_REQUEST = frozenset({"idle_app_shutdown_scale", "idle_app_shutdown_seeds"})
"""What takes so long that it is only run where it is named."""


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    files, missed = [], 0
    for name in options.names or [name for name in BENCHMARKS if name not in ON_REQUEST]:
        rows = BENCHMARKS[name](options)
        print(results.table(rows), end="\n\n", flush=True)
        files.append(str(results.write(name, options.seed, rows)))
        for goal in GOALS[name](rows) if name in GOALS else []:
            print(f"{'met   ' if goal.met else 'MISSED'}  {name}: {goal.text}")
            missed += not goal.met
    print(f"all of it in {' and '.join(files)}")
    return 1 if missed else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", type=_known, metavar="name", help=f"which to run: {', '.join(BENCHMARKS)} (default: all but the last two)"
    )
    parser.add_argument("--seed", type=int, default=1, help="orders what is due at the same moment (default: 1)")
    parser.add_argument("--people", type=_some, default=25, help="user profiles in each scenario, all at once (default: 25)")
    parser.add_argument("--turns", type=_some, default=7, help="fresh processes for each import, of which the median counts (default: 7)")
    idle = parser.add_argument_group("idle_app_shutdown")
    default = measured.Size()
    idle.add_argument("--idle-accounts", type=_some, default=default.accounts, help=f"of the organization (default: {default.accounts})")
    idle.add_argument("--apps", type=_some, default=default.apps, help=f"in all of them together (default: {default.apps})")
    idle.add_argument("--hours", type=_some, default=default.hours, help=f"which pass, from a Monday at 10:00 on (default: {default.hours})")
    idle.add_argument(
        "--subjects",
        nargs="+",
        choices=SUBJECTS,
        default=list(SUBJECTS),
        help="who stops them (default: all); what is there of others, for the same seed and size, stays",
    )
    idle.add_argument("--chart", type=Path, help=f"where the chart goes (default: {chart.FILE} of all subjects at the usual size, else build/bench)")
    large, usual = parser.add_argument_group("idle_app_shutdown_scale"), scale.Size()
    large.add_argument("--scale-accounts", type=_some, default=usual.accounts, help=f"of the organization (default: {usual.accounts})")
    large.add_argument("--scale-regions", type=_some, default=usual.regions, help=f"in use, {len(scale.REGIONS)} at most (default: {usual.regions})")
    large.add_argument("--scale-apps", type=_some, default=usual.apps, help=f"in each account and Region, 2 at least (default: {usual.apps})")
    many = parser.add_argument_group("idle_app_shutdown_seeds")
    many.add_argument("--seeds", type=_some, default=100, help="so many, from --seed on, each of --apps and --hours (default: 100)")
    sizes = parser.add_argument_group("reconciliation")
    sizes.add_argument(
        "--accounts", type=_some, nargs="+", default=list(reconciliation.SIZES), help="sizes of the organization (default: 100 200 500)"
    )
    sizes.add_argument("--domains", type=_some, default=3, help="in each account and Region (default: 3)")
    sizes.add_argument("--profiles", type=_some, default=20, help="user profiles in each domain (default: 20)")
    sizes.add_argument("--spaces", type=int, default=0, help="private spaces in each domain, of as many of its people (default: 0)")
    return parser


def _known(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"{text}: there is no such benchmark, only {', '.join(BENCHMARKS)}")
    return text


def _some(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError("one at least")
    return number


if __name__ == "__main__":
    sys.exit(main())
