"""A small organization without stacks, fresh for each test: management, hub and one project account."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import localaws
from localaws.local import LocalOrganization

SMALL = Path(localaws.__file__).with_name("organization.yaml")


@pytest.fixture
def local() -> Iterator[LocalOrganization]:
    with LocalOrganization(SMALL, seed=0) as organization:
        yield organization


def archive(**files: str) -> bytes:
    """A zip with these Python files; ``app__handler`` stands for ``app/handler``."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name.replace("__", "/") + ".py", text)
    return out.getvalue()


EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def role_for(
    local: LocalOrganization,
    principal: str | dict[str, Any],
    name: str = "runner",
    account: str = "hub",
    *,
    may: Sequence[dict[str, Any]] = (EVERYTHING,),
) -> str:
    """The ARN of a new role that the service (or another Principal) may take, and that may do what these statements allow."""
    trusted = {"Service": principal} if isinstance(principal, str) else principal
    iam = local.client("iam", account)
    trust = policy({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"})
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])
    if may:
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(*may))
    return arn


@pytest.fixture
def machine_role(local: LocalOrganization) -> str:
    """A role for state machines, ``role/machine`` in the hub."""
    return role_for(local, "states.amazonaws.com", "machine")


def tagged(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Tags as most services write them."""
    return [{"Key": key, "Value": value} for key, value in pairs]


def function(local: LocalOrganization, code: str = "x = 1", **configuration: Any) -> Any:
    """A function called worker; what CreateFunction answers."""
    return local.client("lambda", "hub").create_function(
        FunctionName="worker",
        Role=role_for(local, "lambda.amazonaws.com"),
        Runtime="python3.13",
        Handler="code.handler",
        Code={"ZipFile": archive(code=code)},
        **configuration,
    )
