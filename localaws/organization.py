"""The organization that a YAML file describes: its accounts and units, made real in moto's AWS Organizations, and asked for by everything else.

`Organization.load` only reads. `Organization.create` makes it and learns the ids that AWS gives. Where an account is *now* is asked of moto
(`units_of`, `accounts_under`), since accounts move.

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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random
from moto.organizations import utils as moto_ids
from moto.organizations.models import FakeDelegatedAdministrator, organizations_backends

from localaws.cloud import Cloud

DELEGATIONS = {
    "stacksets": "member.org.stacksets.cloudformation.amazonaws.com",
    "servicecatalog": "servicecatalog.amazonaws.com",
}
"""What stands in `delegated`, and the service principal that it is."""

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


class OrganizationNotCreated(RuntimeError):
    """An id was asked for that only `Organization.create` can know."""


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
class AccountMoved:
    """An account came into a unit (or the root): from another one, or newly, then `source_id` is None."""

    account_id: str
    source_id: str | None
    destination_id: str


Listener = Callable[[Cloud, AccountMoved], None]


@dataclass
class Organization:
    """See the module. Ids are there after `create`; `listeners` hear of each account that moves or is added, inside the call that did it."""

    home_region: str
    regions: tuple[str, ...]
    units: tuple[str, ...]
    accounts: tuple[Account, ...]
    stacks: tuple[Stack, ...] = ()
    listeners: list[Listener] = field(default_factory=list)
    _organization_id: str | None = None
    _root_id: str | None = None
    _unit_ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | str) -> "Organization":
        """Read an organization's file. Raises `InvalidOrganization`. Template paths are taken from the file's folder."""
        path = Path(path)
        return cls.read(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)

    @classmethod
    def read(cls, document: Any, folder: Path) -> "Organization":
        """As `load`, from what the file says."""
        return _Reader(folder).organization(document)

    # -- who is who

    @property
    def organization_id(self) -> str:
        return _created(self._organization_id, "organization_id")

    @property
    def root_id(self) -> str:
        return _created(self._root_id, "root_id")

    @property
    def management_id(self) -> str:
        return next(account.id for account in self.accounts if account.management)

    @property
    def account_ids(self) -> frozenset[str]:
        return frozenset(account.id for account in self.accounts)

    def is_member(self, account_id: str) -> bool:
        """Whether this account is of the organization; the management account is."""
        return account_id in self.account_ids

    def account(self, name: str) -> Account:
        for account in self.accounts:
            if account.name == name:
                return account
        raise UnknownAccount(f"there is no account {name}: accounts are {', '.join(account.name for account in self.accounts)}")

    def account_of(self, account_id: str) -> Account:
        for account in self.accounts:
            if account.id == account_id:
                return account
        raise UnknownAccount(f"there is no account with the id {account_id}")

    def unit_id(self, unit: str) -> str:
        """The id of a unit by its path in the file, for example ``ML/Dev``."""
        if unit not in self.units:
            raise UnknownUnit(f"there is no unit {unit}: units are {', '.join(self.units)}")
        return _created(self._unit_ids.get(unit), f"unit_id({unit})")

    # -- making it

    def create(self, cloud: Cloud) -> None:
        """Make it in moto, with ids that follow from the cloud's seed.

        There is one organization a process: what moto held of an earlier one is forgotten.
        """
        mock_random.seed(cloud.random.getrandbits(64))
        organizations_backends.master_accounts.clear()
        state(cloud).reset()
        self._create_management()
        backend = state(cloud)
        self._organization_id, self._root_id = backend.org.id, backend.org.root_id
        for unit in self.units:
            parent, _, name = unit.rpartition("/")
            made = backend.create_organizational_unit(ParentId=self._parent_id(parent or None), Name=name)
            self._unit_ids[unit] = made["OrganizationalUnit"]["Id"]
        for account in self.accounts:
            self._make_account(cloud, account)
        for service_principal in DELEGATIONS.values():
            backend.enable_aws_service_access(ServicePrincipal=service_principal)

    def add_account(self, cloud: Cloud, account: Account) -> None:
        """One more account, as if it had just been vended into its unit: listeners hear of it."""
        if any(account.name == other.name or account.id == other.id for other in self.accounts):
            raise DuplicateName(f"account {account.name} ({account.id}): that name or id is taken, choose another")
        self.accounts += (account,)
        self._make_account(cloud, account)
        tell_listeners(cloud, AccountMoved(account.id, None, self._parent_id(account.unit)))

    def _create_management(self) -> None:
        """moto gives each account the role that Organizations plants in accounts it creates; the management account has none."""
        management = self.account_of(self.management_id)
        backend = organizations_backends[management.id]["aws"]
        with _account_id(management.id):
            backend.create_organization(region=self.home_region, FeatureSet="ALL")
        iam_backends[management.id]["global"].delete_role("OrganizationAccountAccessRole")
        made = backend.accounts[0]
        made.name, made.email, made.joined_method = management.name, management.email, "INVITED"
        backend.org.master_account_email = management.email

    def _make_account(self, cloud: Cloud, account: Account) -> None:
        backend = state(cloud)
        if not account.management:
            with _account_id(account.id):
                backend.create_account(AccountName=account.name, Email=account.email)
        made = backend.get_account_by_id(account.id)
        made.parent_id = self._parent_id(account.unit)
        made.tags = dict(account.tags)
        for delegation in account.delegated:
            delegate(cloud, account.id, DELEGATIONS[delegation])

    def _parent_id(self, unit: str | None) -> str:
        return self.unit_id(unit) if unit else self.root_id


def _created(value: str | None, what: str) -> str:
    if value is None:
        raise OrganizationNotCreated(f"{what} is not known yet: call Organization.create first")
    return value


@contextmanager
def _account_id(account_id: str) -> Iterator[None]:
    """moto draws the ids of new accounts; within this, it draws ours."""
    drawn = moto_ids.make_random_account_id
    moto_ids.make_random_account_id = lambda: account_id
    try:
        yield
    finally:
        moto_ids.make_random_account_id = drawn


# -- the organization as it is now


def state(cloud: Cloud) -> Any:
    """moto's `OrganizationsBackend` of the management account: it holds the whole organization."""
    return organizations_backends[cloud.organization.management_id]["aws"]


def delegate(cloud: Cloud, account_id: str, service_principal: str) -> None:
    """Register a delegated administrator. moto knows too few services that can be delegated, so this does not ask it."""
    backend = state(cloud)
    admin = next((admin for admin in backend.admins if admin.account.id == account_id), None)
    if admin is None:
        admin = FakeDelegatedAdministrator(backend.get_account_by_id(account_id))
        backend.admins.append(admin)
    admin.services[service_principal] = {"ServicePrincipal": service_principal, "DelegationEnabledDate": cloud.clock.now}


def is_delegated(cloud: Cloud, account_id: str, service_principal: str | None = None) -> bool:
    """Whether the account is a delegated administrator: for this service, or for any."""
    admins = [admin for admin in state(cloud).admins if admin.account.id == account_id]
    return any(service_principal is None or service_principal in admin.services for admin in admins)


def units_of(cloud: Cloud, account_id: str) -> list[str]:
    """The ids of the units that an account is in now, from the account upwards, without the root. Raises `UnknownAccount`."""
    cloud.organization.account_of(account_id)
    return units_above(cloud, state(cloud).get_account_by_id(account_id).parent_id)


def units_above(cloud: Cloud, unit_id: str) -> list[str]:
    """The unit itself and those it lies in, without the root."""
    parents = {unit.id: unit.parent_id for unit in state(cloud).ou}
    found = []
    while unit_id != cloud.organization.root_id:
        found.append(unit_id)
        unit_id = parents[unit_id]
    return found


def accounts_under(cloud: Cloud, unit_id: str) -> list[str]:
    """The ids of the accounts that are now in this unit or root, or in any unit below it."""
    if unit_id == cloud.organization.root_id:
        return [account.id for account in state(cloud).accounts]
    return [account.id for account in state(cloud).accounts if unit_id in units_above(cloud, account.parent_id)]


def on_account_moved(cloud: Cloud, listener: Listener) -> None:
    """From now on `listener` hears of each account that moves or is added."""
    cloud.organization.listeners.append(listener)


def tell_listeners(cloud: Cloud, moved: AccountMoved) -> None:
    for listener in list(cloud.organization.listeners):
        listener(cloud, moved)


# -- reading the file


class _Reader:
    """Strict: what it does not know, it does not pass over."""

    def __init__(self, folder: Path):
        self.folder = folder

    def organization(self, document: Any) -> Organization:
        where = "the organization"
        found = _mapping(document, where, needed=("home_region", "regions", "accounts"), allowed=("units", "stacks"))
        regions = tuple(_text(region, "regions") for region in _list(found["regions"], "regions"))
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
        return Organization(home_region, regions, units, accounts, stacks)

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
