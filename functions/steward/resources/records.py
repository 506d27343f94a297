"""What we must remember because AWS does not say it: a table of the hub, one partition for each account and Region (docs/decisions/0008).

Three kinds of items, by their sort key `what`::

    principal#<role ARN>                                       a principal of the template portfolio that we associated
    use#<domain id>#<default | space-default | profile/<name>> which execution role a domain or a user profile has: `value`
    domain-tag#<domain id>#<tag key>                           a tag of a domain that is a copy of ours: `value`
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DEFAULT, SPACE_DEFAULT, PROFILE = "default", "space-default", "profile/"
"""Who has an execution role: the default user settings of a domain, its default space settings, or ``profile/`` and the name of a user profile."""

User = tuple[str, str]
"""The id of a domain, and who in it."""


@dataclass(frozen=True)
class Use:
    """`role` is the ARN of the user's own execution role, None where it has none of its own. `seen` is the LastModifiedTime, in ISO format, of the
    profile that this was read from: as long as it is the same, nothing has changed. None: that is not known."""

    role: str | None
    seen: str | None = None


@dataclass(frozen=True)
class Records:
    """Of one account and Region. `principals` are ARNs of roles; `known` are all users that were ever looked at and are still there."""

    principals: frozenset[str] = frozenset()
    known: Mapping[User, Use] = field(default_factory=dict)
    domain_tags: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def uses(self) -> dict[User, str]:
        """The role of each user that has one of its own."""
        return {user: use.role for user, use in self.known.items() if use.role}

    def copies_on(self, domain_id: str) -> dict[str, str]:
        """The tags, key and value, that this domain had from its account through us."""
        return {key: value for (of, key), value in self.domain_tags.items() if of == domain_id}


@dataclass(frozen=True)
class Place:
    """The records of one account and Region, to be read and written."""

    dynamodb: "DynamoDBClient"
    table: str
    account_id: str
    region: str

    def read(self) -> Records:
        return read_records(self.dynamodb, self.table, self.account_id, self.region)

    def put_use(self, user: User, use: Use) -> None:
        """Whoever has the same use recorded already need not call this."""
        self._put(_of_use(user), **({"value": use.role} if use.role else {}), **({"seen": use.seen} if use.seen else {}))

    def delete_use(self, user: User) -> None:
        """A use that is not there stays so, as with all that is deleted here."""
        self._delete(_of_use(user))

    def put_principal(self, role_arn: str) -> None:
        """Before the role is associated: an association that is not recorded would be taken for somebody else's, and stay for ever."""
        self._put(f"principal#{role_arn}")

    def delete_principal(self, role_arn: str) -> None:
        """After the role is disassociated."""
        self._delete(f"principal#{role_arn}")

    def put_domain_tags(self, domain_id: str, tags: Mapping[str, str]) -> None:
        """Before they are written on the domain."""
        for key, value in tags.items():
            self._put(f"domain-tag#{domain_id}#{key}", value=value)

    def delete_domain_tags(self, domain_id: str, *keys: str) -> None:
        """They are the domain's own by now, or gone with it."""
        for key in keys:
            self._delete(f"domain-tag#{domain_id}#{key}")

    def _put(self, what: str, **values: str) -> None:
        item = {"place": _place(self.account_id, self.region), "what": what, **values}
        self.dynamodb.put_item(TableName=self.table, Item={name: {"S": value} for name, value in item.items()})

    def _delete(self, what: str) -> None:
        key = {"place": _place(self.account_id, self.region), "what": what}
        self.dynamodb.delete_item(TableName=self.table, Key={name: {"S": value} for name, value in key.items()})


def read_records(dynamodb: "DynamoDBClient", table: str, account_id: str, region: str) -> Records:
    """All of one account and Region, read consistently: what anybody wrote before this call is in it."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="place = :place",
        ExpressionAttributeValues={":place": {"S": _place(account_id, region)}},
    )
    items = {item["what"]["S"]: {name: value["S"] for name, value in item.items()} for page in pages for item in page["Items"]}
    uses, tags = _of_kind("use", items), _of_kind("domain-tag", items)
    return Records(
        principals=frozenset(_of_kind("principal", items)),
        known={_two(rest): Use(item.get("value"), item.get("seen")) for rest, item in uses.items()},
        domain_tags={_two(rest): item["value"] for rest, item in tags.items()},
    )


def _of_kind(kind: str, items: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {what.removeprefix(f"{kind}#"): item for what, item in items.items() if what.startswith(f"{kind}#")}


def _two(text: str) -> tuple[str, str]:
    domain_id, _, rest = text.partition("#")
    return domain_id, rest


def _place(account_id: str, region: str) -> str:
    return f"{account_id}/{region}"


def _of_use(user: User) -> str:
    return f"use#{user[0]}#{user[1]}"
