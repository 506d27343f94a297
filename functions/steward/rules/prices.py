"""What an instance of a Studio app costs by the hour, on demand. Pure.

From AWS's public price list, offer AmazonSageMaker, usage types `USE1-Studio:JupyterLab-ml.…`, in the issue of 2026-09-24, as a public note of the
day after renders it (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html: how to ask for today's). Only what
that note has is here: a type that is missing has a price which we do not know, and is never taken for a similar one. Other Regions have other prices.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

REGION = "us-east-1"
CURRENCY = "USD"
PUBLISHED = date(2026, 9, 24)
SOURCE = f"AWS price list AmazonSageMaker, {REGION}, {PUBLISHED}"

HOURLY: Mapping[str, float] = MappingProxyType(
    {
        "ml.t3.medium": 0.05,
        "ml.m5.xlarge": 0.23,
        "ml.m5.4xlarge": 0.922,
        "ml.m6i.4xlarge": 0.922,
        "ml.c6i.8xlarge": 1.632,
        "ml.r5.4xlarge": 1.21,
        "ml.r6i.4xlarge": 1.21,
        "ml.r6i.8xlarge": 2.419,
        "ml.r7i.2xlarge": 0.635,
        "ml.r7i.4xlarge": 1.27,
        "ml.g4dn.xlarge": 0.7364,
        "ml.g5.xlarge": 1.41,
        "ml.g6.xlarge": 1.127,
        "system": 0.0,
    }
)
"""`system` hosts Studio Classic's server and is not charged."""


def hourly_price(instance_type: str | None) -> float | None:
    """In `CURRENCY`, in `REGION`; None where nobody knows."""
    return HOURLY.get(instance_type or "")
