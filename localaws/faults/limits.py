"""How often AWS lets itself be asked, as far as it says.

SageMaker (Service Quotas, the "Rate of … requests" of the operations listed there): 1 a second for each Create, Delete, Update, Start and Stop, 5 for
each Describe, 2 for each List. Studio's own operations are not listed: taken as of the same class, AddTags as a write. Nothing is said of bursts.
Organizations (User Guide, "Quotas for AWS Organizations"): rate and burst, for the whole organization.
STS (IAM User Guide, "IAM and AWS STS quotas"): 600 requests a second for each account and Region; its burst is not said.
Step Functions (Developer Guide, "Quotas related to API action throttling"): refill and bucket. The bucket of ListExecutions is not verified.

Each figure may be raised by AWS or for one customer: a design that needs more than these is too hungry, one that needs less may still meet them.
"""

from typing import NamedTuple


class Limit(NamedTuple):
    """`rate` a second and `burst`, in Step Functions' large Regions `large`; `shared` by the whole organization."""

    action: str
    rate: float
    burst: float
    large: tuple[float, float] | None = None
    shared: bool = False

    def in_region(self, region: str) -> tuple[float, float]:
        return self.large if self.large and region in LARGE_REGIONS else (self.rate, self.burst)


LARGE_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")

STUDIO = ("sagemaker:*", "resourcegroupstaggingapi:*", "cloudwatch:*")
"""What a look at Studio's apps asks. Of the Tagging API AWS says no more than that it throttles."""

LIMITS = (
    *(Limit(f"sagemaker:{verb}", 1, 1) for verb in ("Create*", "Update*", "Delete*", "Start*", "Stop*", "AddTags")),
    Limit("sagemaker:Describe*", 5, 5),
    Limit("sagemaker:List*", 2, 2),
    Limit("organizations:DescribeAccount", 20, 30, shared=True),
    Limit("organizations:DescribeOrganization", 1, 2, shared=True),
    Limit("organizations:DescribeOrganizationalUnit", 2, 2, shared=True),
    Limit("organizations:ListAccounts", 8, 12, shared=True),
    Limit("organizations:ListParents", 5, 8, shared=True),
    Limit("organizations:ListTagsForResource", 10, 15, shared=True),
    Limit("organizations:MoveAccount", 2, 3, shared=True),
    Limit("sts:AssumeRole", 600, 600),
    Limit("stepfunctions:StartExecution", 150, 800, large=(300, 1300)),
    Limit("stepfunctions:DescribeExecution", 10, 250, large=(15, 300)),
    Limit("stepfunctions:ListExecutions", 2, 100, large=(5, 200)),
)
