"""Apps that are there without a call: of types that nobody can start any more, started long ago, or more than a test would want to start one by one.

A planted app is InService at once. No call is logged, nothing goes to CloudTrail, and the clock has nothing to do for it.
"""

from datetime import datetime
from typing import Any

from localaws.cloud import Call, Cloud, Principal
from localaws.studio import core
from localaws.studio.apps import app_name
from localaws.studio.core import Name, Resource
from localaws.studio.spaces import space_name
from localaws.studio.user_profiles import profile_name
from localaws.validation import check_input

RSTUDIO_OWNER = "domain-shared"
"""The UserProfileName of a domain's RStudioServerPro app [SageMaker Developer Guide, "Delete RStudio"]. There is no profile of this name."""


def plant_app(
    cloud: Cloud,
    account: str,
    region: str,
    *,
    created: datetime | None = None,
    tags: dict[str, str] | None = None,
    **params: Any,
) -> Resource:
    """An app with the members that CreateApp would be given, `created` at some time, with just these tags. Nothing looks for its domain and owner."""
    call = Call("sagemaker", "CreateApp", account, region, Principal(account, f"arn:aws:iam::{account}:root"), params)
    check_input(call)
    name = app_name(cloud, _owner(params), params["AppType"], params["AppName"])
    since = created or cloud.clock.datetime()
    attributes = {"AppArn": call.arn(name.path), **params, "Status": "InService", "CreationTime": since, "LastModifiedTime": since}
    return core.put(cloud, call, name, attributes, tags or {})


def _owner(params: dict[str, Any]) -> Name:
    if ("UserProfileName" in params) == ("SpaceName" in params):
        raise ValueError("an app has exactly one of UserProfileName and SpaceName")
    if "SpaceName" in params:
        return space_name(params["DomainId"], params["SpaceName"])
    return profile_name(params["DomainId"], params["UserProfileName"])
