"""Resource Groups Tagging API: the tags of many Studio resources in one call.

"Returns all the tagged or previously tagged resources": here only those that have a tag now. One that never had any is not in the answer, and neither
is an ARN that nobody knows [https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html].
"""

from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Refused, operation
from localaws.studio import core

_LOOKED_FOR = {"ResourceARNList"}


@operation("resourcegroupstaggingapi", "GetResources")
def get_resources(cloud: Cloud, call: Call) -> dict[str, Any]:
    """By ARNs only: "Do not specify" filters beside them, and there are no pages."""
    if set(call.params) != _LOOKED_FOR:
        raise Refused(f"{call.action}: only ResourceARNList is built, not {', '.join(sorted(set(call.params) - _LOOKED_FOR)) or 'nothing at all'}")
    arns = call.params["ResourceARNList"]
    if not 1 <= len(arns) <= 100:
        raise AwsError("InvalidParameterException", "ResourceARNList has 1 to 100 ARNs.")
    for arn in arns:
        if arn.split(":")[2:3] != ["sagemaker"]:
            raise Refused(f"{call.action}: {arn} is none of SageMaker Studio's, whose tags are all that is known here")
    known = core.by_arn(cloud, call.account, call.region)
    tagged = [(arn, known[arn].tags) for arn in dict.fromkeys(arns) if arn in known and known[arn].tags]
    return {
        "PaginationToken": "",
        "ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]} for arn, tags in tagged
        ],
    }
