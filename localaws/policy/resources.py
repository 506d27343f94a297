"""The ARNs of what a call is about, filled out of its input and of what there is.

The forms are AWS's own (`localaws.policy.actions`). An ARN in the input that has one of the forms is it; else a form is filled from the members that
name its parts. What cannot be filled is `Refused` by name: a guess at ``*`` would let in what AWS keeps out, or the other way round.

Not observed on AWS: what has no id yet stands there as ``*`` (``domain/*`` for CreateDomain, ``stack/app/*`` for CreateStack), and so does the id of
a stack or stack set, which the call's input does not have.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws.cloud import Call, Cloud, Refused
from localaws.eventbridge.buses import Arn
from localaws.policy.actions import resource_formats
from localaws.policy.held import bucket_owner
from localaws.studio.core import behaviour

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_HERE = "localaws/policy/resources.py"

Values = dict[str, str]


def resources_of(cloud: Cloud, call: Call, action: str) -> list[str]:
    """At least one ARN, or just ``*`` where AWS decides without a resource."""
    if action == "iam:ListRoles":  # the reference has no resource for it; AWS's messages name the path
        return [f"arn:aws:iam::{call.account}:role{call.params.get('PathPrefix', '/')}"]
    forms = resource_formats(action)
    if not forms:
        return ["*"]
    given = [text for text in _texts(call.params) if any(_of_form(form).fullmatch(text) for form in forms.values())]
    if given:
        return given
    found: list[str] = []
    for values in _VALUES.get(call.service, _by_name)(cloud, call):
        place = {"Partition": "aws", "Region": call.region, "Account": call.account}
        found += [arn for kind, form in forms.items() if (arn := _filled(form, place | values)) and not _is_other_form(kind, values)]
    if not found:
        raise Refused(f"{action}: which resource it is about cannot be told from {sorted(call.params)} ({_HERE})")
    return list(dict.fromkeys(found))


def account_of(resource: str, call: Call) -> str:
    """Whose a resource is. AWS's organization has one owner, yet no member's call to Organizations counts as one across accounts."""
    if resource == "*" or call.service == "organizations" or call.operation == "CreateBucket":
        return call.account
    place = Arn.read(resource)
    if place.service == "s3":
        return bucket_owner(place.resource.split("/", 1)[0]) or call.account
    return place.account or call.account


def _texts(params: dict[str, Any]) -> list[str]:
    """ARNs that the input gives itself, at its first level: deeper ones are targets, keys and roles, not what is acted upon."""
    return [value for value in params.values() if isinstance(value, str) and value.startswith("arn:")]


@lru_cache(maxsize=1024)
def _of_form(form: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in _VARIABLE.split(form)[::2]]
    slashes = "NameWithPath" in form
    return re.compile((".+" if slashes else "[^:/]*").join(parts) if not form.endswith("${TopicName}") else "[^:/]*".join(parts))


def _filled(form: str, values: Values) -> str | None:
    if any(name not in values for name in _VARIABLE.findall(form)):
        return None
    return _VARIABLE.sub(lambda variable: values[variable[1]], form)


def _is_other_form(kind: str, values: Values) -> bool:
    """A rule has two forms: the one without a bus is for the default bus only."""
    return kind == "rule-on-default-event-bus" and "EventBusName" in values


# -- what names the parts of an ARN, service by service


def _by_name(_: Cloud, call: Call) -> list[Values]:
    return [{name: value for name, value in call.params.items() if isinstance(value, str)}]


def _cloudformation(_: Cloud, call: Call) -> list[Values]:
    return [{**_by_name(_, call)[0], "Id": "*"}]


def _cloudwatch(_: Cloud, call: Call) -> list[Values]:
    return [{"AlarmName": name} for name in [call.params.get("AlarmName"), *call.params.get("AlarmNames", [])] if name]


def _dynamodb(_: Cloud, call: Call) -> list[Values]:
    tables = [call.params.get("TableName"), *call.params.get("RequestItems", {})]
    return [{"TableName": name} for name in tables if isinstance(name, str)]


def _events(_: Cloud, call: Call) -> list[Values]:
    params = call.params
    of_buses = call.operation in ("CreateEventBus", "DeleteEventBus", "DescribeEventBus")
    bus: str = (params.get("Name") if of_buses else params.get("EventBusName")) or "default"
    place: Values = {}
    if bus.startswith("arn:"):
        arn = Arn.read(bus)
        place, bus = {"Region": arn.region, "Account": arn.account}, arn.resource.removeprefix("event-bus/")
    if of_buses:
        return [{**place, "EventBusName": bus}]
    rule = {"RuleName": name} if (name := params.get("Rule") or params.get("Name")) else {}
    return [{**place, **rule, **({"EventBusName": bus} if bus != "default" else {})}]


def _iam(_: Cloud, call: Call) -> list[Values]:
    params, path = call.params, call.params.get("Path", "/")[1:]
    values: Values = {}
    if name := params.get("RoleName"):
        values["RoleNameWithPath"] = f"{path}{name}" if call.operation == "CreateRole" else _role_with_path(call.account, name)
    if name := params.get("PolicyName"):
        values["PolicyNameWithPath"] = f"{path}{name}"
    return [values]


def _role_with_path(account: str, name: str) -> str:
    try:
        return str(iam_backends[account]["aws"].get_role(name).arn.split(":role/", 1)[1])
    except NotFoundException:
        return name


def _lambda(_: Cloud, call: Call) -> list[Values]:
    params = call.params
    values: Values = {"UUID": params["UUID"]} if "UUID" in params else {}
    if name := params.get("FunctionName"):
        found = re.fullmatch(r"(?:(?:arn:aws:lambda:(?P<region>[^:]+):)?(?P<account>\d{12}):function:)?(?P<name>[\w-]+)(?::[\w$-]+)?", name)
        if found is None:
            raise Refused(f"{call.action}: the function name {name} ({_HERE})")
        values |= {"FunctionName": found["name"], "Region": found["region"] or call.region, "Account": found["account"] or call.account}
    if name := params.get("LayerName"):
        values |= {"LayerName": name.split(":")[-1], **({"LayerVersion": str(params["VersionNumber"])} if "VersionNumber" in params else {})}
    return [values]


def _logs(_: Cloud, call: Call) -> list[Values]:
    return [{"LogGroupName": call.params["logGroupName"]}] if "logGroupName" in call.params else []


def _organizations(cloud: Cloud, call: Call) -> list[Values]:
    """Ids say what they are: ``r-ab12``, ``ou-ab12-12345678``, twelve digits."""
    organization = cloud.organization
    ids = [value for name, value in call.params.items() if name.endswith("Id") and isinstance(value, str)]
    place = {"Account": organization.management_id, "OrganizationId": organization.organization_id.removeprefix("o-")}
    kinds = (("AccountId", r"(\d{12})"), ("OrganizationalUnitId", "ou-(.+)"), ("RootId", "r-(.+)"))
    return [{**place, variable: found[1]} for value in ids for variable, pattern in kinds if (found := re.fullmatch(pattern, value))]


def _s3(_: Cloud, call: Call) -> list[Values]:
    bucket = {"BucketName": call.params["Bucket"]}
    objects = [call.params, *call.params.get("Delete", {}).get("Objects", [])]
    keys = [item["Key"] for item in objects if "Key" in item]
    return [{**bucket, "ObjectName": key} for key in keys] or [bucket]


def _sagemaker(cloud: Cloud, call: Call) -> list[Values]:
    """Studio writes ARNs in lower case, an app's type perhaps. An app of a space has the space's name where others have the user profile's."""
    params = call.params
    lowered = ("UserProfileName", "SpaceName", "AppName", *(["AppType"] if behaviour(cloud).app_type_in_arn == "lower" else []))
    names: Values = {name: params[name].lower() for name in lowered if name in params}
    if "AppName" in names and "SpaceName" in names:
        names["UserProfileName"] = names["SpaceName"]
    domain = {"DomainId": "*"} if call.operation == "CreateDomain" else {"DomainId": params["DomainId"].lower()} if "DomainId" in params else {}
    return [{**_by_name(cloud, call)[0], **names, **domain}]


def _scheduler(_: Cloud, call: Call) -> list[Values]:
    of_groups = call.operation.endswith("ScheduleGroup")
    group = call.params.get("Name") if of_groups else call.params.get("GroupName", "default")
    return [{"GroupName": group, **({} if of_groups else {"ScheduleName": call.params["Name"]})}]


def _servicecatalog(_: Cloud, call: Call) -> list[Values]:
    """In an imported portfolio's ARN Service Catalog writes its owner's account; decisions are on the caller's here. Not observed on AWS."""
    return [{"PortfolioId": "*" if call.operation == "CreatePortfolio" else call.params["PortfolioId"]}]


def _sns(_: Cloud, call: Call) -> list[Values]:
    return [{"TopicName": call.params["Name"]}] if "Name" in call.params else []


def _sqs(_: Cloud, call: Call) -> list[Values]:
    if "QueueUrl" in call.params:
        account, name = call.params["QueueUrl"].rstrip("/").split("/")[-2:]
        return [{"Account": account, "QueueName": name}]
    owner = {"Account": account} if (account := call.params.get("QueueOwnerAWSAccountId")) else {}
    return [{"QueueName": call.params["QueueName"], **owner}] if "QueueName" in call.params else []


def _states(_: Cloud, call: Call) -> list[Values]:
    return [{"StateMachineName": call.params["name"]}] if call.operation == "CreateStateMachine" else []


_VALUES: dict[str, Callable[[Cloud, Call], list[Values]]] = {
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "events": _events,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
    "organizations": _organizations,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "scheduler": _scheduler,
    "servicecatalog": _servicecatalog,
    "sns": _sns,
    "sqs": _sqs,
    "stepfunctions": _states,
}
