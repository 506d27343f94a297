"""``make bench``: measure, print, and write ``build/bench/profile_cost_tagging.json``."""

import argparse
import sys
from pathlib import Path

from benchmarks import imports, profile_cost_tagging, results
from localaws.local import LocalOrganization

ORGANIZATION = Path(__file__).resolve().parents[1] / "demo" / "organization.yaml"


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    rows = imports.measure(options.turns)
    with LocalOrganization(ORGANIZATION, seed=options.seed) as local:
        local.deploy_stacks()
        rows = [*profile_cost_tagging.measure(local, options.people), *rows]
    print(results.table(rows))
    print(f"\nall of it in {results.write('profile_cost_tagging', options.seed, rows)}")
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="orders what is due at the same moment (default: 1)")
    parser.add_argument("--people", type=_some, default=25, help="user profiles in each scenario, all at once (default: 25)")
    parser.add_argument("--turns", type=_some, default=7, help="fresh processes for each import, of which the median counts (default: 7)")
    return parser


def _some(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError("one at least")
    return number


if __name__ == "__main__":
    sys.exit(main())
