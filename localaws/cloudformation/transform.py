"""The SAM transform, by the code that AWS runs itself: aws-sam-translator.

Source: AWS SAM specification; aws/serverless-application-model 1.115.0.
"""

import copy
from collections.abc import Mapping
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from localaws.cloud import Refused
from localaws.cloudformation.templates import SAM_TRANSFORM, Document, invalid, transforms


def expand(document: Document, parameters: Mapping[str, Any], region: str) -> Document:
    """The template with its macros applied, as CloudFormation does before anything else. `AwsError` names what SAM does not take."""
    asked = transforms(document)
    if others := [name for name in asked if name != SAM_TRANSFORM]:
        raise Refused(f"the transform {', '.join(others)}: localaws knows {SAM_TRANSFORM} only (localaws/cloudformation/transform.py)")
    if not asked:
        return document
    values = {**parameters, "AWS::Region": region, "AWS::Partition": "aws"}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        expanded: Document = translator.translate(copy.deepcopy(document), values)
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes) or str(error)
        raise invalid(f"Transform {SAM_TRANSFORM} failed with: Invalid Serverless Application Specification document. {causes}") from error
    finally:
        translator.metrics.publish()  # to nobody; else the translator warns that nobody took them
    expanded.pop("Globals", None)
    return expanded
