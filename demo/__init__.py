"""A day on the platform, played on a local AWS organization with boto3 alone. Only what runs in people's apps is the product's own: the reporter."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "functions"))
