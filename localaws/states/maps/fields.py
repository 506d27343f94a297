"""What a Distributed Map needs of the interpreter: fields evaluated in its visit of the state, and who calls AWS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.clock import Process
from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.tasks import Caller
from localaws.states.visits import Visit


@dataclass(frozen=True)
class Fields:
    """`evaluate(visit, template, location, kind, **states)` gives a value, `failed(visit, location, cause)` the error of one that cannot be used."""

    caller: Caller
    visit: Visit
    evaluate: Callable[..., Any]
    failed: Callable[[Visit, str, str], StatesError]

    def value(self, template: Any, location: str, **states: Any) -> Any:
        return self.evaluate(self.visit, template, location, **states)

    def whole(self, template: Any, location: str, least: int, most: int | None = None) -> int:
        """An integer within these bounds."""
        value = self.evaluate(self.visit, template, location, "number")
        if not isinstance(value, int) or value < least or (most is not None and value > most):
            bounds = f"at least {least}" if most is None else f"{least} to {most}"
            raise self.failed(self.visit, location, f"The field '{location}' must be an integer of {bounds}, not {jsontext.write(value)}")
        return value

    def percentage(self, template: Any, location: str) -> float:
        value = self.evaluate(self.visit, template, location, "number")
        if not 0 <= value <= 100:
            raise self.failed(self.visit, location, f"The field '{location}' must be a number from 0 to 100, not {jsontext.write(value)}")
        return float(value)


def call_s3(caller: Caller, error: str, operation: str, **params: Any) -> Process:
    """One call of S3 as the machine's role. Takes the cloud's `latency`; what goes wrong is `error` (``States.ItemReaderFailed``)."""
    yield caller.cloud.latency
    return call_s3_now(caller, error, operation, **params)


def call_s3_now(caller: Caller, error: str, operation: str, **params: Any) -> Any:
    client = caller.cloud.client("s3", caller.region, caller.principal)
    try:
        return getattr(client, operation)(**params)
    except (ClientError, BotoCoreError) as failure:
        raise StatesError(error, str(failure)) from failure
