"""The organization that most tests of organizations read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from localaws.organization import Organization

MANAGEMENT, HUB, SECURITY, FRAUD_DEV, FRAUD_PROD = "111111111111", "222222222222", "333333333333", "444444444444", "555555555555"
STRANGER = "999999999999"

FILE = """
home_region: eu-west-1
regions: [eu-west-1, us-east-1]
units: [Infrastructure, ML, ML/Dev]
accounts:
  - {name: management, id: "111111111111", management: true}
  - {name: hub, id: "222222222222", unit: Infrastructure, delegated: [stacksets, servicecatalog]}
  - {name: security, id: "333333333333"}
  - {name: fraud-dev, id: "444444444444", unit: ML/Dev, tags: {"ml:project": fraud, "ml:stage": dev}}
  - {name: fraud-prod, id: "555555555555", unit: ML}
stacks:
  - {name: studio-steward, template: ../template.yaml, account: hub, region: eu-west-1, parameters: {MachineLearningUnit: "${unit:ML}"}}
"""

Ask = Callable[..., dict[str, Any]]


def load(folder: Path) -> Organization:
    """Read it from a file in this folder."""
    path = folder / "organization.yaml"
    path.write_text(FILE)
    return Organization.load(path)
