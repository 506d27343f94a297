"""What a function was deployed with: frozen, typed, read from the environment when it is invoked and not before."""

import os
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from typing import Any, Self

from steward import environment
from steward.errors import SettingMissing
from steward.rules.caps import Cap
from steward.rules.idle_policy import KEEP_TAG, MINUTES_TAG, IdlePolicy
from steward.rules.idle_settings import IdleLimits
from steward.rules.quiet_hours import read_quiet_hours
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

    @property
    def hold_everything(self) -> bool:
        """May nothing be written, in any account?"""
        return self.dry_run or self.stop_all_writes

    def hold(self, unit_ids: Set[str]) -> bool:
        """May nothing be written in an account that lies in these units?"""
        return self.hold_everything or self.acting_unit_ids.isdisjoint({EVERYWHERE, *unit_ids})


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
    idle = _idle_limits()
    if not idle.minimum <= idle.timeout <= idle.maximum:
        raise SettingMissing(
            f"IdleTimeoutMinutes is {idle.timeout}, and has to lie between IdleTimeoutMinimumMinutes, {idle.minimum}, and IdleTimeoutMaximumMinutes, "
            f"{idle.maximum}: deploy the stack again with limits that go together"
        )
    return SetupPolicy(
        idle=idle,
        user_key=environment.text("USER_TAG_KEY"),
        account_keys=environment.items("ACCOUNT_TAG_KEYS"),
        corrects_foreign=environment.switch("FOREIGN_DOMAINS", "report", "correct"),
        corrects_overrides=environment.switch("IDLE_OVERRIDES", "report", "correct"),
        most_corrections=environment.number("MOST_IDLE_CORRECTIONS"),
        attaches_reporter=environment.switch("ACTIVITY_REPORTER", "leave", "attach"),
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

    def hold(self, unit_ids: Set[str]) -> bool:
        """May nothing be written in an account that lies in these units?"""
        return self.brakes.hold(unit_ids)


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
        return self.brakes.hold_everything


@dataclass(frozen=True)
class FindPlacesSettings(Settings):
    """`regions` are those in use; `bucket` is where items and results lie; `stops_idle_apps`: else they are only reported."""

    ml_unit_ids: frozenset[str]
    regions: tuple[str, ...]
    bucket: str
    stops_idle_apps: bool
    brakes: Brakes

    @property
    def account_tag_keys(self) -> tuple[str, ...]:
        """What an account says of its idle apps."""
        return (KEEP_TAG, MINUTES_TAG)

    def hold(self, unit_ids: Set[str]) -> bool:
        """May nothing be noticed or stopped in an account that lies in these units?"""
        return not self.stops_idle_apps or self.brakes.hold(unit_ids)


@dataclass(frozen=True)
class DecideOnAppsSettings(Settings):
    """`user_tag_key` is the key of the tag that says whose a profile or a space is; `bucket` is where it is remembered which spaces there are."""

    member_role_name: str
    idle_policy: IdlePolicy
    user_tag_key: str
    bucket: str


@dataclass(frozen=True)
class GatherDecisionsSettings(Settings):
    """`idle_cap`: how many apps one sweep may stop."""

    bucket: str
    idle_cap: Cap


@dataclass(frozen=True)
class StopIdleAppsSettings(Settings):
    """The brakes are asked again, those that hold everything: in which units we act was asked where places were found."""

    member_role_name: str
    idle_policy: IdlePolicy
    stops_idle_apps: bool
    brakes: Brakes

    @property
    def held(self) -> bool:
        """Is nothing noticed or stopped, in any account?"""
        return not self.stops_idle_apps or self.brakes.hold_everything


@dataclass(frozen=True)
class SumUpSweepSettings(Settings):
    """What came of a run is written to `bucket`. `grace`: from a notice to the stop."""

    bucket: str
    grace: timedelta
    stops_idle_apps: bool
    brakes: Brakes

    @property
    def held(self) -> bool:
        """Is everything only shown, in all accounts?"""
        return not self.stops_idle_apps or self.brakes.hold_everything


def idle_policy_from_env() -> IdlePolicy:
    """When an app counts as idle here. Raises SettingMissing, naming the variable, or saying what does not go together."""
    try:
        return IdlePolicy(
            bounds=_idle_limits(),
            idle_minutes=environment.numbers("IDLE_MINUTES_BY_APP_TYPE"),
            maximum_age_hours=environment.numbers("MAXIMUM_AGE_HOURS_BY_APP_TYPE"),
            grace=_grace(),
            minimum_age=timedelta(minutes=environment.number("MINIMUM_APP_AGE_MINUTES")),
            quiet_hours=read_quiet_hours(environment.text("QUIET_HOURS", or_else=""), environment.text("QUIET_HOURS_TIME_ZONE")),
        )
    except ValueError as error:
        raise SettingMissing(f"The parameters of idle_app_shutdown do not go together: {error}. Deploy the stack again with others") from error


def _idle_limits() -> IdleLimits:
    names = ("IDLE_TIMEOUT_MINUTES", "IDLE_TIMEOUT_MINIMUM_MINUTES", "IDLE_TIMEOUT_MAXIMUM_MINUTES")
    return IdleLimits(*map(environment.minutes, names))


def _machines() -> dict[str, str]:
    """One variable per workflow: ``PROFILE_COST_TAGGING_STATE_MACHINE_ARN`` is the machine of ``profile_cost_tagging``."""
    return {name.removesuffix(STATE_MACHINE_ARN).lower(): arn for name, arn in os.environ.items() if name.endswith(STATE_MACHINE_ARN)}


def _grace() -> timedelta:
    return timedelta(minutes=environment.number("STOP_GRACE_MINUTES"))


def _idle_cap() -> Cap:
    return Cap(environment.number("MOST_STOPS_PER_SWEEP"), environment.number("MOST_STOPS_PERCENT"))


def _units_of_ml() -> frozenset[str]:
    return frozenset(environment.units("ML_ORGANIZATIONAL_UNIT_IDS"))


def _acting_units() -> frozenset[str]:
    return frozenset(environment.units("ACTING_ORGANIZATIONAL_UNIT_IDS", or_else=EVERYWHERE))


READ: Mapping[str, Callable[[], Any]] = {
    "account_tag_keys": partial(environment.items, "ACCOUNT_TAG_KEYS"),
    "acting_unit_ids": _acting_units,
    "brakes": Brakes.from_env,
    "bucket": partial(environment.text, "RECONCILIATION_BUCKET_NAME"),
    "corrections_table": partial(environment.text, "CORRECTIONS_TABLE_NAME"),
    "dlq_url": partial(environment.text, "INTAKE_DLQ_URL"),
    "dry_run": partial(environment.switch, "DRY_RUN"),
    "grace": _grace,
    "idle_cap": _idle_cap,
    "idle_policy": idle_policy_from_env,
    "member_role_name": partial(environment.text, "MEMBER_ROLE_NAME"),
    "ml_unit_ids": _units_of_ml,
    "most_starts": partial(environment.number, "MOST_STARTS_PER_RECONCILIATION"),
    "payer_account_arn": partial(environment.text, "PAYER_ACCOUNT_ARN"),
    "payer_account_id": partial(environment.text, "PAYER_ACCOUNT_ID"),
    "payer_role_name": partial(environment.text, "PAYER_ROLE_NAME"),
    "policy": setup_policy_from_env,
    "records_table": partial(environment.text, "RECORDS_TABLE_NAME"),
    "regions": partial(environment.items, "REGIONS_IN_USE"),
    "state_machine_arns": _machines,
    "stop_all_writes": partial(environment.switch, "STOP_ALL_WRITES"),
    "stops_idle_apps": partial(environment.switch, "IDLE_APP_SHUTDOWN", "report", "stop"),
    "tag_keys": partial(environment.items, "COST_TAG_KEYS"),
    "templates_location": partial(environment.text, "TEMPLATES_LOCATION", or_else=""),
    "user_tag_key": partial(environment.text, "USER_TAG_KEY"),
}
"""What a field of settings is read from, by the field's name: the same everywhere."""
