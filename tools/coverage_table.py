"""Write the table of `localaws/coverage.yaml` into `localaws/README.md`. ``python -m tools.coverage_table``"""

import sys
from itertools import groupby
from pathlib import Path

from localaws import coverage

README = coverage.FILE.with_name("README.md")
_BEGIN, _END = "<!-- coverage -->", "<!-- /coverage -->"


def table() -> str:
    """One row a service: what is real, and what is approximated, how."""
    rows = ["| service | as AWS documents it | approximated |", "|---|---|---|"]
    ordered = sorted(coverage.operations().values(), key=lambda entry: (entry.service, entry.operation))
    for service, entries in groupby(ordered, key=lambda entry: entry.service):
        listed = list(entries)
        real = ", ".join(entry.operation for entry in listed if entry.behaves == "real")
        near = "; ".join(f"{entry.operation}: {entry.how}" for entry in listed if entry.behaves == "approximated")
        rows.append(f"| {service} | {real} | {near} |")
    return "\n".join(rows)


def written(readme: str) -> str:
    before, _, rest = readme.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


def main(file: Path = README) -> int:
    file.write_text(written(file.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
