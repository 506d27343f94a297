"""The local organization as the modules of localaws see it: one clock, one log, one source of chance, our own services' state, clients for anyone."""

import json
import string
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from localaws.clock import Clock
from localaws.errors import AwsError, Refused
from localaws.faults import Faults

__all__ = ["AwsError", "Call", "Cloud", "Credentials", "Keys", "Log", "Principal", "Refused", "compact", "follow", "guard", "operation"]

if TYPE_CHECKING:
    from localaws.functions.runtime import Functions
    from localaws.organization import Organization


@dataclass(frozen=True)
class Principal:
    """Who makes a call. `arn` is what AWS would say of the caller; `role_arn` is set for a role's session; `service` for AWS services themselves."""

    account: str
    arn: str
    role_arn: str | None = None
    session_name: str | None = None
    service: str | None = None
    invoked_by: str | None = None

    @classmethod
    def of_role(cls, role_arn: str, session_name: str) -> "Principal":
        """A session of `role_arn`, as ``sts:AssumeRole`` would give it. The session's ARN has the role's name without its path."""
        partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
        name = role_arn.rsplit("/", 1)[1]
        return cls(account, f"arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}", role_arn, session_name)


@dataclass(frozen=True)
class Credentials:
    """One access key. `expires` is virtual time in seconds, None for a key that lasts."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    principal: Principal
    expires: float | None = None


class Keys:
    """All access keys of the organization."""

    def __init__(self, clock: Clock, random: Random):
        self._clock, self._random = clock, random
        self._known: dict[str, Credentials] = {}

    def issue(self, principal: Principal, *, seconds: float | None = None, lasting: bool = False) -> Credentials:
        letters = string.ascii_uppercase + string.digits
        pick = self._random.choices
        key = Credentials(
            ("AKIA" if lasting else "ASIA") + "".join(pick(letters, k=16)),
            "".join(pick(string.ascii_letters + string.digits, k=40)),
            None if lasting else "".join(pick(letters, k=64)),
            principal,
            None if seconds is None else self._clock.now + seconds,
        )
        self._known[key.access_key_id] = key
        return key

    def principal(self, access_key_id: str) -> Principal:
        """Who has this key; `AwsError` as AWS answers a key it does not know or that expired."""
        key = self._known.get(access_key_id)
        if key is None:
            raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
        if key.expires is not None and key.expires <= self._clock.now:
            raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)
        return key.principal


@dataclass
class Call:
    """One API call: what was asked, where, by whom. `params` are the operation's input by AWS's own member names."""

    service: str
    operation: str
    account: str
    region: str
    principal: Principal
    params: dict[str, Any]
    request_id: str = ""

    @property
    def action(self) -> str:
        """As it stands in the call log and in coverage.yaml: ``sagemaker:CreateUserProfile``."""
        return f"{self.service}:{self.operation}"

    @property
    def resource(self) -> str | None:
        """What the call is about, as people would name it: its first ARN, else its names and ids."""
        texts = {name: value for name, value in self.params.items() if isinstance(value, str)}
        arns = [value for value in texts.values() if value.startswith("arn:")]
        names = [value for name, value in texts.items() if name.endswith(("Name", "Id", "Url", "Bucket", "Key"))]
        return arns[0] if arns else "/".join(names) or None

    def arn(self, path: str, service: str | None = None) -> str:
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{path}"


@dataclass
class Log:
    """What happened, in order, as JSON-ready dictionaries. `python -m localaws log` prints one of these lists."""

    executions: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    invocations: list[dict[str, Any]] = field(default_factory=list)


Operation = Callable[["Cloud", Call], "dict[str, Any] | None"]
Guard = Callable[["Cloud", Call], None]
Follow = Callable[["Cloud", Call, "dict[str, Any]"], None]

OPERATIONS: dict[tuple[str, str], Operation] = {}
GUARDS: dict[tuple[str, str], list[Guard]] = defaultdict(list)
FOLLOWS: dict[tuple[str, str], list[Follow]] = defaultdict(list)


def operation(service: str, *names: str) -> Callable[[Operation], Operation]:
    """The function answers this operation instead of moto. Input and answer are checked against botocore's model; it refuses with `AwsError`."""

    def register(function: Operation) -> Operation:
        OPERATIONS.update({(service, name): function for name in names})
        return function

    return register


def guard(service: str, *names: str) -> Callable[[Guard], Guard]:
    """The function is asked before moto answers: it raises `AwsError` for what AWS would not take, `Refused` for what localaws cannot do."""

    def register(function: Guard) -> Guard:
        for name in names:
            GUARDS[service, name].append(function)
        return function

    return register


def follow(service: str, *names: str) -> Callable[[Follow], Follow]:
    """The function is called after moto answered well, with the answer."""

    def register(function: Follow) -> Follow:
        for name in names:
            FOLLOWS[service, name].append(function)
        return function

    return register


class Cloud:
    """Everything there is in one local organization. `localaws.gateway` brings calls in, `localaws.organization` makes one from YAML."""

    def __init__(self, clock: Clock, organization: "Organization", *, seed: int = 0, latency: float = 0.05):
        self.clock, self.organization, self.latency = clock, organization, latency
        self.random = Random(f"cloud-{seed}")
        self.log = Log()
        self.keys = Keys(clock, self.random)
        self.faults = Faults(self)
        self.functions: Functions
        self.clients: dict[tuple[str, str, Principal], Any] = {}
        self._tables: dict[tuple[str, str, str], dict[Any, Any]] = {}

    def table(self, kind: str, account: str, region: str) -> dict[Any, Any]:
        """The state that a service of ours keeps in one account and Region, for example ``sagemaker:UserProfile``."""
        return self._tables.setdefault((kind, account, region), {})

    def identifier(self, length: int) -> str:
        """Lower-case hexadecimal, different each time, the same in each run with this seed."""
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def uuid(self) -> str:
        digits = self.identifier(32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def record(self, call: Call, error: str | None = None, why: str | None = None) -> None:
        """Write a call to the log."""
        entry = {
            "time": self.clock.iso(),
            "account": call.account,
            "region": call.region,
            "principal": call.principal.arn,
            "action": call.action,
            "resource": call.resource,
            "error": error,
        }
        self.log.calls.append(entry | ({"why": why} if why else {}))

    def client(self, service: str, region: str, principal: Principal) -> Any:
        """A boto3 client that calls as `principal`, at once and without retries: for what AWS services do on somebody's behalf."""
        from localaws.gateway import client_for  # noqa: PLC0415 - the gateway knows the cloud, not the other way round

        return client_for(self, service, region, principal)


def compact(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), default=str)
