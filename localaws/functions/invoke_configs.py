"""How a function's asynchronous invocations are retried, and where their records go. moto's own answers with the first of what was put, for ever.

Source: AWS Lambda API Reference, PutFunctionEventInvokeConfig and FunctionEventInvokeConfig.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from localaws.cloud import AwsError, Call, Cloud, Refused, follow, operation

LONGEST_AGE, MOST_RETRIES = 21_600, 2
"""Seconds, and attempts after the first: what counts where nothing else is put."""

DESTINATIONS = ("events", "lambda", "sns", "sqs")

_HERE = "localaws/functions/invoke_configs.py"
_TABLE = "lambda:EventInvokeConfig"
_FUNCTION = re.compile(r"(arn:aws:lambda:(?P<region>[^:]+):)?((?P<account>\d{12}):)?(function:)?(?P<name>[^:]+)(:(?P<qualifier>[^:]+))?")
"""A name, or more of an ARN: ``worker``, ``222222222222:function:worker``, each with or without ``:$LATEST``."""


@dataclass
class EventInvokeConfig:
    """`settings` as they were put."""

    function_arn: str
    settings: dict[str, Any] = field(default_factory=dict)
    modified: datetime | None = None

    @property
    def retries(self) -> int:
        return int(self.settings.get("MaximumRetryAttempts", MOST_RETRIES))

    @property
    def age(self) -> int:
        return int(self.settings.get("MaximumEventAgeInSeconds", LONGEST_AGE))

    def destination(self, kind: str) -> str | None:
        """The ARN for ``OnSuccess`` or ``OnFailure``, if there is one."""
        arn: str | None = self.settings.get("DestinationConfig", {}).get(kind, {}).get("Destination")
        return arn or None

    def described(self) -> dict[str, Any]:
        destinations = {"OnSuccess": {}, "OnFailure": {}} | self.settings.get("DestinationConfig", {})
        return {"FunctionArn": f"{self.function_arn}:$LATEST", "LastModified": self.modified, **self.settings, "DestinationConfig": destinations}


def find_function(call: Call) -> LambdaFunction:
    """The function that a call names, unqualified. `AwsError` (ResourceNotFoundException) if there is none, `Refused` for one of elsewhere."""
    named = _FUNCTION.fullmatch(call.params["FunctionName"])
    if named is None:
        raise Refused(f"{call.action}: {call.params['FunctionName']} names no function of the partition aws ({_HERE})")
    qualifier = call.params.get("Qualifier") or named["qualifier"]
    if qualifier not in (None, "$LATEST"):
        raise Refused(f"{call.action}: qualifier {qualifier}: functions have no versions or aliases here ({_HERE})")
    region, account, plain = named["region"] or call.region, named["account"] or call.account, named["name"]
    arn = f"arn:aws:lambda:{region}:{account}:function:{plain}"
    if (account, region) != (call.account, call.region):
        raise Refused(f"{call.action}: {arn} is of another account or Region ({_HERE})")
    try:
        found: LambdaFunction = get_backend(account, region).get_function(plain)
    except UnknownFunctionException:
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404) from None
    return found


def config_of(cloud: Cloud, function_arn: str) -> EventInvokeConfig:
    """What counts for a function now."""
    _, _, _, region, account, *_ = function_arn.split(":")
    found: EventInvokeConfig = cloud.table(_TABLE, account, region).get(function_arn, EventInvokeConfig(function_arn))
    return found


@operation("lambda", "PutFunctionEventInvokeConfig")
def put_function_event_invoke_config(cloud: Cloud, call: Call) -> dict[str, Any]:
    """What is not given is removed."""
    return _put(cloud, call, {})


@operation("lambda", "UpdateFunctionEventInvokeConfig")
def update_function_event_invoke_config(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _put(cloud, call, _find(cloud, call).settings)


def _put(cloud: Cloud, call: Call, before: dict[str, Any]) -> dict[str, Any]:
    function_arn = find_function(call).function_arn
    given = {name: value for name, value in call.params.items() if name not in ("FunctionName", "Qualifier")}
    for kind, one in given.get("DestinationConfig", {}).items():
        _check_destination(call, kind, one.get("Destination"))
    config = EventInvokeConfig(function_arn, {**before, **given}, cloud.clock.datetime())
    cloud.table(_TABLE, call.account, call.region)[function_arn] = config
    return config.described()


def _check_destination(call: Call, kind: str, arn: str | None) -> None:
    if not arn:
        return
    _, _, service, region, account, *rest = arn.split(":")
    if service not in DESTINATIONS or arn.endswith(".fifo") or (service == "events" and not rest[0].startswith("event-bus/")):
        raise Refused(f"{call.action}: {kind} {arn}, only standard queues, standard topics, functions and event buses take records ({_HERE})")
    if (account, region) != (call.account, call.region):
        raise Refused(f"{call.action}: {kind} {arn} is of another account or Region ({_HERE})")


@operation("lambda", "GetFunctionEventInvokeConfig")
def get_function_event_invoke_config(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _find(cloud, call).described()


@operation("lambda", "ListFunctionEventInvokeConfigs")
def list_function_event_invoke_configs(cloud: Cloud, call: Call) -> dict[str, Any]:
    """There is one at most, that of $LATEST."""
    config = cloud.table(_TABLE, call.account, call.region).get(find_function(call).function_arn)
    return {"FunctionEventInvokeConfigs": [config.described()] if config else []}


@operation("lambda", "DeleteFunctionEventInvokeConfig")
def delete_function_event_invoke_config(cloud: Cloud, call: Call) -> None:
    del cloud.table(_TABLE, call.account, call.region)[_find(cloud, call).function_arn]


def _find(cloud: Cloud, call: Call) -> EventInvokeConfig:
    function_arn = find_function(call).function_arn
    config: EventInvokeConfig | None = cloud.table(_TABLE, call.account, call.region).get(function_arn)
    if config is None:
        raise AwsError("ResourceNotFoundException", f"The function {function_arn}:$LATEST doesn't have an EventInvokeConfig", 404)
    return config


@follow("lambda", "DeleteFunction")
def function_is_gone(cloud: Cloud, call: Call, _: dict[str, Any]) -> None:
    name = call.params["FunctionName"].split(":")[-1]
    cloud.table(_TABLE, call.account, call.region).pop(call.arn(f"function:{name}"), None)
