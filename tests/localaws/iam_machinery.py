"""Roles and sessions for tests of IAM: who may do what is said by statements, and asked by calling."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localaws.cloud import Principal
from localaws.local import LocalOrganization

HERE, HUB, MEMBER = "eu-west-1", "222222222222", "444444444444"
NAMES = {HUB: "hub", MEMBER: "fraud-dev", "111111111111": "management"}

Statement = dict[str, Any]


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Statement:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def trusting(principal: Any, **more: Any) -> Statement:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass(frozen=True)
class Iam:
    """Makes roles, and calls as them."""

    local: LocalOrganization

    def role(self, *may: Statement, name: str = "r", account: str = MEMBER, path: str = "/", trust: Statement | None = None, **more: Any) -> str:
        """The ARN of a new role with these statements in one inline policy."""
        iam = self.local.client("iam", NAMES[account])
        trusted = document(trust or trusting({"AWS": account}))
        arn: str = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trusted, **more)["Role"]["Arn"]
        if may:
            iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(*may))
        return arn

    def client(self, service: str, role: str, region: str = HERE) -> Any:
        return self.local.cloud.client(service, region, Principal.of_role(role, "session"))

    def queue(self, name: str = "work", account: str = MEMBER, *policy: Statement, **more: Any) -> str:
        attributes = {"Policy": document(*policy)} if policy else {}
        self.local.client("sqs", NAMES[account]).create_queue(QueueName=name, Attributes=attributes, **more)
        return f"arn:aws:sqs:{HERE}:{account}:{name}"

    def sends(self, role: str, name: str = "work", account: str = MEMBER) -> str:
        """What becomes of a message that the role sends."""
        url = f"https://sqs.{HERE}.amazonaws.com/{account}/{name}"
        return answer(self.client("sqs", role).send_message, QueueUrl=url, MessageBody="x")

    def assumes(self, principal: Principal, role: str, **more: Any) -> str:
        sts = self.local.cloud.client("sts", HERE, principal)
        return answer(sts.assume_role, RoleArn=role, RoleSessionName="session", **more)


def answer(call: Any, **given: Any) -> str:
    """``done``, or the code of the error."""
    try:
        call(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
