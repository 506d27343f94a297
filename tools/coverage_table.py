"""Write the tables of `localaws/README.md`: what `coverage.yaml` lists, and which template properties are kept without effect.

``python -m tools.coverage_table``
"""

import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from localaws import coverage
from localaws.cloudformation import handlers

README = coverage.FILE.with_name("README.md")


def operations() -> str:
    """One row a service: what is real, and what is approximated, how."""
    rows = ["| service | as AWS documents it | approximated |", "|---|---|---|"]
    ordered = sorted(coverage.operations().values(), key=lambda entry: (entry.service, entry.operation))
    for service, entries in groupby(ordered, key=lambda entry: entry.service):
        listed = list(entries)
        real = ", ".join(entry.operation for entry in listed if entry.behaves == "real")
        near = "; ".join(f"{entry.operation}: {entry.how}" for entry in listed if entry.behaves == "approximated")
        rows.append(f"| {service} | {real} | {near} |")
    return "\n".join(rows)


def properties() -> str:
    """One row a resource type: its properties that AWS honours and a laptop does not."""
    rows = ["| resource type | kept without effect |", "|---|---|"]
    for kind, entries in groupby(handlers.no_effect_table(), key=itemgetter(0)):
        rows.append(f"| {kind} | {'; '.join(f'{name}: {why}' for _, name, why in entries)} |")
    return "\n".join(rows)


def written(readme: str) -> str:
    """The README with its tables as they are now."""
    for name, table in (("coverage", operations()), ("properties", properties())):
        before, _, rest = readme.partition(f"<!-- {name} -->")
        after = rest.partition(f"<!-- /{name} -->")[2]
        readme = f"{before}<!-- {name} -->\n{table}\n<!-- /{name} -->{after}"
    return readme


def main(file: Path = README) -> int:
    file.write_text(written(file.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
