"""Service Catalog as far as SageMaker's project templates need it: portfolios, their shares, their principals. Importing it registers its operations.

Products, constraints, provisioning and shares with an organization are not here. moto keeps portfolios too, but no shares that anybody accepts and no
principals; none of it is used. What AWS does not say for sure is a field of `core.Behaviour`.
"""

from localaws.catalog import portfolios, principals, templates
from localaws.catalog.core import DISPLAY_NAMES, PROVIDER, Behaviour, behaviour

__all__ = ["DISPLAY_NAMES", "PROVIDER", "Behaviour", "behaviour", "portfolios", "principals", "templates"]
