"""``make bench``: measure, print, and write ``<name>.json`` into ``build/bench`` for each name."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import imports, profile_cost_tagging, reconciliation, results
from benchmarks.converged import Size
from localaws.local import LocalOrganization

ORGANIZATION = Path(__file__).resolve().parents[1] / "demo" / "organization.yaml"

Measure = Callable[[argparse.Namespace], list[results.Row]]


def _tagging(options: argparse.Namespace) -> list[results.Row]:
    with LocalOrganization(ORGANIZATION, seed=options.seed) as local:
        local.deploy_stacks()
        return profile_cost_tagging.measure(local, options.people)


def _reconciliation(options: argparse.Namespace) -> list[results.Row]:
    return reconciliation.measure(options.accounts, Size(options.domains, options.profiles, options.spaces), options.seed)


BENCHMARKS: dict[str, Measure] = {
    "profile_cost_tagging": _tagging,
    "imports": lambda options: imports.measure(options.turns),
    "reconciliation": _reconciliation,
}


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    files = []
    for name in options.names or BENCHMARKS:
        rows = BENCHMARKS[name](options)
        print(results.table(rows), end="\n\n", flush=True)
        files.append(str(results.write(name, options.seed, rows)))
    print(f"all of it in {' and '.join(files)}")
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", type=_known, metavar="name", help=f"which to run: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="orders what is due at the same moment (default: 1)")
    parser.add_argument("--people", type=_some, default=25, help="user profiles in each scenario, all at once (default: 25)")
    parser.add_argument("--turns", type=_some, default=7, help="fresh processes for each import, of which the median counts (default: 7)")
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
