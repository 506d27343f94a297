"""What a function was deployed with: frozen, typed, read from the environment when it is invoked and not before."""

import os
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Self

from steward.errors import SettingMissing
from steward.rules.idle_settings import IdleLimits
from steward.setups import SetupPolicy

STATE_MACHINE_ARN = "_STATE_MACHINE_ARN"
EVERYWHERE = "all"


@dataclass(frozen=True)
class Settings:
    """Of one function, or of several alike: its fields say what it needs, and READ how each is read."""

    @classmethod
    def from_env(cls) -> Self:
        """Raises SettingMissing, naming the variable."""
        return cls(**{field.name: READ[field.name]() for field in fields(cls)})


@dataclass(frozen=True)
class IntakeSettings(Settings):
    """`state_machine_arns`: the state machine of each workflow, by the workflow's name; `dlq_url`: where refused messages are put."""

    state_machine_arns: Mapping[str, str]
    dlq_url: str


@dataclass(frozen=True)
class Brakes(Settings):
    """What may keep us from writing. Each function that writes asks them, and so does the step that decides, so that a report says how it stands.

    `acting_unit_ids`: the organizational units in which we act, in all others we only report; "all" is all of them.
    """

    dry_run: bool
    stop_all_writes: bool
    acting_unit_ids: frozenset[str]

    def hold(self, unit_ids: Set[str]) -> bool:
        """May nothing be written in an account that lies in these units?"""
        return self.dry_run or self.stop_all_writes or self.acting_unit_ids.isdisjoint({EVERYWHERE, *unit_ids})


@dataclass(frozen=True)
class DecideTagsSettings(Settings):
    """`account_tag_keys` are read from account and domain and written under the same keys; `user_tag_key` holds the user. `records_table` is the name
    of the DynamoDB table that knows which tags of domains are copies of ours."""

    ml_unit_ids: frozenset[str]
    user_tag_key: str
    account_tag_keys: tuple[str, ...]
    member_role_name: str
    records_table: str
    brakes: Brakes


@dataclass(frozen=True)
class ApplyTagsSettings(Settings):
    """`corrections_table` is the name of the DynamoDB table that counts how often we have corrected somebody."""

    ml_unit_ids: frozenset[str]
    member_role_name: str
    corrections_table: str
    brakes: Brakes


@dataclass(frozen=True)
class TemplateEnablementSettings(Settings):
    """`records_table` is the name of the DynamoDB table that says what we added. `templates_location` is where templates of our own are, as
    ``s3://bucket/prefix``; empty where there are none."""

    ml_unit_ids: frozenset[str]
    member_role_name: str
    records_table: str
    templates_location: str
    brakes: Brakes


@dataclass(frozen=True)
class DecideSetupSettings(Settings):
    """`records_table` is the name of the DynamoDB table that knows which tags of domains are copies of ours."""

    ml_unit_ids: frozenset[str]
    member_role_name: str
    records_table: str
    policy: SetupPolicy
    brakes: Brakes


def setup_policy_from_env() -> SetupPolicy:
    """What this deployment wants of domains. Raises SettingMissing, naming the variable, or saying which limits do not go together."""
    idle = IdleLimits(_minutes("IDLE_TIMEOUT_MINUTES"), _minutes("IDLE_TIMEOUT_MINIMUM_MINUTES"), _minutes("IDLE_TIMEOUT_MAXIMUM_MINUTES"))
    if not idle.minimum <= idle.timeout <= idle.maximum:
        raise SettingMissing(
            f"IdleTimeoutMinutes is {idle.timeout}, and has to lie between IdleTimeoutMinimumMinutes, {idle.minimum}, and IdleTimeoutMaximumMinutes, "
            f"{idle.maximum}: deploy the stack again with limits that go together"
        )
    return SetupPolicy(
        idle=idle,
        user_key=_text("USER_TAG_KEY"),
        account_keys=_list("ACCOUNT_TAG_KEYS"),
        corrects_foreign=_corrects("FOREIGN_DOMAINS"),
        corrects_overrides=_corrects("IDLE_OVERRIDES"),
        most_corrections=_number("MOST_IDLE_CORRECTIONS"),
    )


@dataclass(frozen=True)
class UpdateSettingsSettings(Settings):
    """`corrections_table` is the name of the DynamoDB table that counts how often we have corrected somebody."""

    ml_unit_ids: frozenset[str]
    member_role_name: str
    corrections_table: str
    brakes: Brakes


@dataclass(frozen=True)
class CorrectOneSettings(Settings):
    """`records_table` is the name of the DynamoDB table that remembers which tags of domains are copies of ours."""

    ml_unit_ids: frozenset[str]
    member_role_name: str
    records_table: str
    brakes: Brakes


@dataclass(frozen=True)
class CostKeyActivationSettings(Settings):
    """`tag_keys` are to be cost allocation tags of the payer, which is the organization's management account."""

    payer_account_id: str
    payer_account_arn: str
    payer_role_name: str
    tag_keys: tuple[str, ...]
    brakes: Brakes

    @property
    def held(self) -> bool:
        """May nothing be activated? The payer lies in no organizational unit: while only some act, it is only reported on."""
        return self.brakes.hold(frozenset())


@dataclass(frozen=True)
class ListAccountsSettings(Settings):
    """`regions` are those in use; `bucket` is where items and results lie."""

    ml_unit_ids: frozenset[str]
    regions: tuple[str, ...]
    account_tag_keys: tuple[str, ...]
    bucket: str
    brakes: Brakes


@dataclass(frozen=True)
class FindDomainsSettings(Settings):
    """The role that lets us look into members, and the table of what we remember of them."""

    member_role_name: str
    records_table: str


@dataclass(frozen=True)
class GatherDomainsSettings(Settings):
    """The bucket where items and results lie."""

    bucket: str


@dataclass(frozen=True)
class ReconcileDomainsSettings(Settings):
    """What the workflows are deployed with, so that they are foretold and not guessed at."""

    member_role_name: str
    records_table: str
    templates_location: str
    policy: SetupPolicy


@dataclass(frozen=True)
class StartExecutionsSettings(Settings):
    """`most_starts`: how many executions one run may start; `state_machine_arns` by the workflow's name."""

    state_machine_arns: Mapping[str, str]
    bucket: str
    most_starts: int
    brakes: Brakes

    @property
    def held(self) -> bool:
        """Is everything only shown, in all accounts?"""
        return self.brakes.dry_run or self.brakes.stop_all_writes


def _machines() -> dict[str, str]:
    """One variable per workflow: ``PROFILE_COST_TAGGING_STATE_MACHINE_ARN`` is the machine of ``profile_cost_tagging``."""
    return {name.removesuffix(STATE_MACHINE_ARN).lower(): arn for name, arn in os.environ.items() if name.endswith(STATE_MACHINE_ARN)}


def _text(name: str, or_else: str | None = None) -> str:
    """`or_else` may stand for an empty value, not for one that is not there."""
    if value := os.environ.get(name, "").strip():
        return value
    if name in os.environ and or_else is not None:
        return or_else
    raise SettingMissing(f"{name} is not set: deploy the stack again")


def _number(name: str) -> int:
    text = _text(name)
    if not (text.isascii() and text.isdigit()):
        raise SettingMissing(f"{name} is {text!r}: it must be a whole number")
    return int(text)


def _minutes(name: str) -> int:
    minutes = _number(name)
    if not 60 <= minutes <= 525600:  # SageMaker takes no others
        raise SettingMissing(f"{name} is {minutes}: it must lie between 60 and 525600 minutes")
    return minutes


def _corrects(name: str) -> bool:
    value = _text(name)
    if value not in {"report", "correct"}:
        raise SettingMissing(f"{name} is {value!r}: it must be report or correct")
    return value == "correct"


def _list(name: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in _text(name).split(","))


def _units(name: str, or_else: str = "") -> tuple[str, ...]:
    units = _list(name)
    if units != (or_else,) and not all(unit.startswith("ou-") for unit in units):
        raise SettingMissing(f"{name} is {','.join(units)!r}: it must be ids of organizational units" + (f", or {or_else!r}" if or_else else ""))
    return units


def _switch(name: str) -> bool:
    value = _text(name)
    if value not in {"true", "false"}:  # a brake that is misspelt must not be taken for an open one
        raise SettingMissing(f"{name} is {value!r}: it must be true or false")
    return value == "true"


def _units_of_ml() -> frozenset[str]:
    return frozenset(_units("ML_ORGANIZATIONAL_UNIT_IDS"))


def _acting_units() -> frozenset[str]:
    return frozenset(_units("ACTING_ORGANIZATIONAL_UNIT_IDS", or_else=EVERYWHERE))


READ: Mapping[str, Callable[[], Any]] = {
    "account_tag_keys": partial(_list, "ACCOUNT_TAG_KEYS"),
    "acting_unit_ids": _acting_units,
    "brakes": Brakes.from_env,
    "bucket": partial(_text, "RECONCILIATION_BUCKET_NAME"),
    "corrections_table": partial(_text, "CORRECTIONS_TABLE_NAME"),
    "dlq_url": partial(_text, "INTAKE_DLQ_URL"),
    "dry_run": partial(_switch, "DRY_RUN"),
    "member_role_name": partial(_text, "MEMBER_ROLE_NAME"),
    "ml_unit_ids": _units_of_ml,
    "most_starts": partial(_number, "MOST_STARTS_PER_RECONCILIATION"),
    "payer_account_arn": partial(_text, "PAYER_ACCOUNT_ARN"),
    "payer_account_id": partial(_text, "PAYER_ACCOUNT_ID"),
    "payer_role_name": partial(_text, "PAYER_ROLE_NAME"),
    "policy": setup_policy_from_env,
    "records_table": partial(_text, "RECORDS_TABLE_NAME"),
    "regions": partial(_list, "REGIONS_IN_USE"),
    "state_machine_arns": _machines,
    "stop_all_writes": partial(_switch, "STOP_ALL_WRITES"),
    "tag_keys": partial(_list, "COST_TAG_KEYS"),
    "templates_location": partial(_text, "TEMPLATES_LOCATION", or_else=""),
    "user_tag_key": partial(_text, "USER_TAG_KEY"),
}
"""What a field of settings is read from, by the field's name: the same everywhere."""
