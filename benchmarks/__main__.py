"""``make bench``: measure, print, and write ``profile_cost_tagging.json`` and ``imports.json`` in ``build/bench``."""

import argparse
import sys
from pathlib import Path

from benchmarks import imports, profile_cost_tagging, results
from localaws.local import LocalOrganization

ORGANIZATION = Path(__file__).resolve().parents[1] / "demo" / "organization.yaml"


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    measured = {"imports": imports.measure(options.turns)}
    with LocalOrganization(ORGANIZATION, seed=options.seed) as local:
        local.deploy_stacks()
        measured["profile_cost_tagging"] = profile_cost_tagging.measure(local, options.people)
    print(results.table([row for rows in reversed(measured.values()) for row in rows]))
    print(f"\nall of it in {' and '.join(str(results.write(name, options.seed, rows)) for name, rows in measured.items())}")
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
