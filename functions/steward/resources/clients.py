"""Clients, made by the one session of an execution environment: a session reads each service's model once, and a new one reads them all again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

import boto3

_MAKING = Lock()


@cache
def hub_client(service: str) -> Any:
    """A client of our own account, made at the first need and kept as long as the execution environment."""
    return boto3.client(service)  # type: ignore[call-overload]  # any service


@dataclass(frozen=True)
class MemberSession:
    """Temporary credentials in one member account and Region, as STS gave them. `before_call` is asked before each request, a second try of one
    too, and may raise; `after_call` hears the code of the error that it was answered, None where it was none."""

    region: str
    credentials: Mapping[str, Any]
    before_call: Callable[[], None] | None = None
    after_call: Callable[[str | None], None] | None = None
    _clients: dict[str, Any] = field(default_factory=dict, init=False, compare=False)

    def client(self, service: str) -> Any:
        """One of each service. Clients may be shared by threads, the session that makes them may not
        (https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients)."""
        with _MAKING:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        client = boto3.client(  # type: ignore[call-overload]  # any service
            service,
            region_name=self.region,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
        )
        if self.before_call is not None:
            before = self.before_call
            client.meta.events.register_first("before-send", lambda **_: before())
        if self.after_call is not None:
            after = self.after_call
            client.meta.events.register("response-received", lambda parsed_response=None, **_: after(_error_code(parsed_response)))
        return client

    def __repr__(self) -> str:
        """Without the secrets: what is logged by accident says no more than which key."""
        return f"MemberSession({self.region}, {self.credentials['AccessKeyId']})"


def _error_code(answer: Mapping[str, Any] | None) -> str | None:
    return answer.get("Error", {}).get("Code") if answer else None
