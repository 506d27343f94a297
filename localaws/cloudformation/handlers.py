"""All handlers of resource types, each registered by its module. What a type is called is asked here."""

from localaws.cloudformation.resources import cloudwatch, dynamodb, events, iam, lambda_, logs, s3, scheduler, sns, sqs, stackset, stepfunctions
from localaws.cloudformation.resources.base import ResourceType, all_types, handler_of, no_effect_table

MODULES = (cloudwatch, dynamodb, events, iam, lambda_, logs, s3, scheduler, sns, sqs, stackset, stepfunctions)

__all__ = ["MODULES", "ResourceType", "all_types", "handler_of", "no_effect_table"]
