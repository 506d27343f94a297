"""Where measurements go: ``build/bench/<name>.json`` for machines, a table for people."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

BUILD = Path("build/bench")
CONTRACT_VERSION = 1


@dataclass(frozen=True)
class Row:
    """One figure. `subject` is ``steward``, or a peer that was measured beside it in the same run."""

    subject: str
    case: str
    metric: str
    value: float
    unit: str


def write(name: str, seed: int, rows: Sequence[Row], folder: Path = BUILD) -> Path:
    """The file that was written. An incompatible change of its form raises `version`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    document = {"version": CONTRACT_VERSION, "seed": seed, "python": platform.python_version(), "rows": [asdict(row) for row in rows]}
    file.write_text(json.dumps(document, indent=2) + "\n")
    return file


def others(name: str, seed: int, rows: Sequence[Row], folder: Path = BUILD) -> list[Row]:
    """What the file that is there says of subjects that are not in `rows`, where it is of the same seed and cases. None where there is none."""
    file = folder / f"{name}.json"
    document = json.loads(file.read_text()) if file.exists() else {}
    if (document.get("version"), document.get("seed")) != (CONTRACT_VERSION, seed):
        return []
    subjects, cases = ({getattr(row, field) for row in rows} for field in ("subject", "case"))
    return [Row(**row) for row in document["rows"] if row["subject"] not in subjects and row["case"] in cases]


def table(rows: Sequence[Row]) -> str:
    """One line a row, its columns under each other."""
    cells = [("subject", "case", "metric", "value", "unit"), *((row.subject, row.case, row.metric, f"{row.value:g}", row.unit) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)
