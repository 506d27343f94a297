"""The YAML file that describes an organization, read strictly.

Errors of a file, all of them `InvalidOrganization`, with what to do in the message::

    InvalidOrganization
      ├── WrongShape             not a mapping, a list or text where one is needed
      ├── UnknownKey             a key that means nothing here
      ├── MissingKey             a key that is needed
      ├── DuplicateName          two accounts or units with one name, two accounts with one id, two stacks with one name in one account and Region
      ├── BadName                an account's name that cannot be the name of an AWS profile
      ├── BadAccountId           not twelve digits in quotes
      ├── UnknownUnit            a unit that `units` does not list
      ├── UnknownRegion          a Region that `regions` does not list
      ├── UnknownAccount         an account that `accounts` does not list
      ├── UnknownDelegation      a service that localaws does not delegate
      └── ManagementAccount      none, two, or one that is delegated to
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session

DELEGATIONS = {
    "stacksets": "member.org.stacksets.cloudformation.amazonaws.com",
    "servicecatalog": "servicecatalog.amazonaws.com",
}
"""What stands in `delegated`, and the service principal that it is."""

_REGIONS = botocore.session.get_session().get_available_regions("sagemaker")
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ACCOUNT_ID = re.compile(r"\d{12}")


class InvalidOrganization(ValueError):
    """Something in an organization's file has to be put right first."""


class WrongShape(InvalidOrganization):
    pass


class UnknownKey(InvalidOrganization):
    pass


class MissingKey(InvalidOrganization):
    pass


class DuplicateName(InvalidOrganization):
    pass


class BadName(InvalidOrganization):
    pass


class BadAccountId(InvalidOrganization):
    pass


class UnknownUnit(InvalidOrganization):
    pass


class UnknownRegion(InvalidOrganization):
    pass


class UnknownAccount(InvalidOrganization):
    pass


class UnknownDelegation(InvalidOrganization):
    pass


class ManagementAccount(InvalidOrganization):
    pass


@dataclass(frozen=True)
class Account:
    """An account as its file describes it. `unit` is a path like ``ML/Dev``, none for the root; tags and unit may have changed in AWS since."""

    name: str
    id: str
    unit: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    delegated: tuple[str, ...] = ()
    management: bool = False

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


@dataclass(frozen=True)
class Stack:
    """A stack to deploy at the start. `${unit:ML}`, `${organization}` and `${output:STACK.KEY}` in parameters are not replaced yet."""

    name: str
    template: Path
    account: str
    region: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """What a file says, checked as a whole."""

    home_region: str
    regions: tuple[str, ...]
    units: tuple[str, ...]
    accounts: tuple[Account, ...]
    stacks: tuple[Stack, ...]


class Reader:
    """Strict: what it does not know, it does not pass over. Template paths are taken from `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, document: Any) -> Description:
        where = "the organization"
        found = _mapping(document, where, needed=("home_region", "regions", "accounts"), allowed=("units", "stacks"))
        regions = tuple(_text(region, "regions") for region in _list(found["regions"], "regions"))
        for region in regions:
            _known(region, _REGIONS, UnknownRegion, "regions", "AWS's Regions")
        home_region = _text(found["home_region"], "home_region")
        _known(home_region, regions, UnknownRegion, "home_region", "regions")
        units = _units(found.get("units", []))
        accounts = tuple(_account(entry, units) for entry in _list(found["accounts"], "accounts"))
        _different((account.name for account in accounts), "accounts", "name")
        _different((account.id for account in accounts), "accounts", "id")
        managing = [account.name for account in accounts if account.management]
        if len(managing) != 1:
            raise ManagementAccount(f"accounts: {len(managing)} have `management: true` ({', '.join(managing)}), give it to exactly one")
        stacks = tuple(self._stack(entry, accounts, regions) for entry in _list(found.get("stacks", []), "stacks"))
        _different((f"{stack.name} in {stack.account}, {stack.region}" for stack in stacks), "stacks", "name")
        return Description(home_region, regions, units, accounts, stacks)

    def _stack(self, entry: Any, accounts: tuple[Account, ...], regions: tuple[str, ...]) -> Stack:
        where = f"stack {_label(entry)}"
        found = _mapping(entry, where, needed=("name", "template", "account", "region"), allowed=("parameters",))
        account, region = _text(found["account"], f"{where}: account"), _text(found["region"], f"{where}: region")
        _known(account, [account.name for account in accounts], UnknownAccount, f"{where}: account", "accounts")
        _known(region, regions, UnknownRegion, f"{where}: region", "regions")
        template = self.folder / _text(found["template"], f"{where}: template")
        return Stack(_text(found["name"], where), template, account, region, _texts(found.get("parameters", {}), f"{where}: parameters"))


def _units(entries: Any) -> tuple[str, ...]:
    units = tuple(_text(entry, "units") for entry in _list(entries, "units"))
    _different(units, "units", "path")
    for number, unit in enumerate(units):
        parent, _, name = unit.rpartition("/")
        if not name:
            raise BadName(f"unit {unit!r}: write names with / between them, as in ML/Dev")
        if parent and parent not in units[:number]:
            raise UnknownUnit(f"unit {unit}: list {parent} before it, a unit is made in one that is there")
    return units


def _account(entry: Any, units: tuple[str, ...]) -> Account:
    where = f"account {_label(entry)}"
    found = _mapping(entry, where, needed=("name", "id"), allowed=("management", "unit", "delegated", "tags"))
    name, account_id, unit, management = _text(found["name"], where), found["id"], found.get("unit"), found.get("management", False)
    if not _ACCOUNT_NAME.fullmatch(name):
        raise BadName(f"{where}: its name becomes an AWS profile, use letters, digits, - and _ only")
    if not isinstance(account_id, str) or not _ACCOUNT_ID.fullmatch(account_id):
        raise BadAccountId(f'{where}: id {account_id!r} must be twelve digits in quotes, as in id: "444444444444"')
    if not isinstance(management, bool):
        raise WrongShape(f"{where}: management is true or false, not {management!r}")
    if unit is not None:
        _known(_text(unit, f"{where}: unit"), units, UnknownUnit, f"{where}: unit", "units")
    delegated = tuple(_text(service, f"{where}: delegated") for service in _list(found.get("delegated", []), f"{where}: delegated"))
    for service in delegated:
        _known(service, DELEGATIONS, UnknownDelegation, f"{where}: delegated", "what localaws delegates")
    if management and delegated:
        raise ManagementAccount(f"{where}: AWS delegates nothing to the management account, leave `delegated` out")
    return Account(name, account_id, unit, _texts(found.get("tags", {}), f"{where}: tags"), delegated, management)


def _label(entry: Any) -> str:
    return str(entry.get("name", entry)) if isinstance(entry, dict) else repr(entry)


def _mapping(value: Any, where: str, *, needed: tuple[str, ...], allowed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongShape(f"{where}: write keys and values, not {value!r}")
    unknown = [str(key) for key in value if key not in needed + allowed]
    if unknown:
        raise UnknownKey(f"{where}: {', '.join(unknown)} means nothing here, keys are {', '.join(needed + allowed)}")
    missing = [key for key in needed if key not in value]
    if missing:
        raise MissingKey(f"{where}: give it {', '.join(missing)}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise WrongShape(f"{where}: write a list, not {value!r}")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise WrongShape(f"{where}: write text, in quotes where YAML reads something else, not {value!r}")
    return value


def _texts(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise WrongShape(f"{where}: write keys and values, not {value!r}")
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise WrongShape(f"{where}: {key!r} is {text!r}, put it in quotes, AWS knows text only")
    return value


def _known(value: str, listed: Any, error: type[InvalidOrganization], where: str, source: str) -> None:
    if value not in listed:
        raise error(f"{where}: {value} is not one of {source} ({', '.join(listed)}), add it there or choose one of them")


def _different(values: Any, where: str, what: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise DuplicateName(f"{where}: two have the {what} {value}, change one")
        seen.add(value)
