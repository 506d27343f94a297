"""Clients, made by the one session of an execution environment: a session reads each service's model once, and a new one reads them all again."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3


@cache
def hub_client(service: str) -> Any:
    """A client of our own account, made at the first need and kept as long as the execution environment."""
    return boto3.client(service)  # type: ignore[call-overload]  # any service


@dataclass(frozen=True)
class MemberSession:
    """Temporary credentials in one member account and Region, as STS gave them."""

    region: str
    credentials: Mapping[str, Any]

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # any service
            service,
            region_name=self.region,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
        )

    def __repr__(self) -> str:
        """Without the secrets: what is logged by accident says no more than which key."""
        return f"MemberSession({self.region}, {self.credentials['AccessKeyId']})"
