"""The organization that a YAML file describes: its accounts and units, made real in moto's AWS Organizations, and asked for by everything else.

`Organization.load` only reads. `Organization.create` makes it and learns the ids that AWS gives. Where an account is *now* is asked of moto
(`units_of`, `accounts_under`), since accounts move.
"""

from collections.abc import Callable, Iterator
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
from localaws.organization_file import DELEGATIONS, Account, DuplicateName, Reader, Stack, UnknownAccount, UnknownUnit


class OrganizationNotCreated(RuntimeError):
    """An id was asked for that only `Organization.create` can know."""


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
    _ids: tuple[tuple[Account, ...], frozenset[str]] = ((), frozenset())

    @classmethod
    def load(cls, path: Path | str) -> "Organization":
        """Read an organization's file. Raises `InvalidOrganization`. Template paths are taken from the file's folder."""
        path = Path(path)
        return cls.read(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)

    @classmethod
    def read(cls, document: Any, folder: Path) -> "Organization":
        """As `load`, from what the file says."""
        found = Reader(folder).read(document)
        return cls(found.home_region, found.regions, found.units, found.accounts, found.stacks)

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
        if self._ids[0] is not self.accounts:
            self._ids = self.accounts, frozenset(account.id for account in self.accounts)
        return self._ids[1]

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


def is_in_use(cloud: Cloud, account_id: str) -> bool:
    """Whether anybody can act in an account of the organization: not in one that is suspended or closed."""
    return any(account.id == account_id and account.state in ("ACTIVE", "PENDING_CLOSURE") for account in state(cloud).accounts)


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
