"""What Studio Steward costs and how fast it is, measured on localaws. `results` writes what the others measure. Where the idle apps of people are
played, what runs in them is the product's own reporter."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "functions"))
