"""The chart of docs/benchmarks/idle_app_shutdown.md: a panel for each of the three things that count."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.results import Row

FILE = Path("docs/benchmarks/idle_app_shutdown.png")
_PANELS = {
    "wrong_stops": "wrong stops (apps)",
    "recovered_share": "recoverable idle hours recovered",
    "calls_per_examined": "API calls per examined app",
}
_OURS, _THEIRS = "#1b6ca8", "#b0b7bf"


def draw(rows: Sequence[Row], seed: int, file: Path = FILE) -> Path:
    """The file that was written. The same rows give the same bytes."""
    of = {(row.subject, row.metric): row.value for row in rows}
    subjects = list(dict.fromkeys(row.subject for row in rows))
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for panel, (metric, title) in zip(figure.subplots(1, len(_PANELS)), _PANELS.items(), strict=True):
        values = [of[subject, metric] for subject in subjects]
        bars = panel.barh(subjects, values, color=[_OURS if subject == "steward" else _THEIRS for subject in subjects])
        panel.bar_label(
            bars, [f"{value:.0%}" if metric == "recovered_share" else f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in values]
        )
        panel.set_title(title, fontsize=10)
        panel.invert_yaxis()
        panel.margins(x=0.25)
        panel.set_xticks([])
        panel.spines[["top", "right", "bottom"]].set_visible(False)
    figure.supxlabel(f"{rows[0].case}, seed {seed}", fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130, metadata={"Software": None})
    return file
