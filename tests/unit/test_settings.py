"""Settings: all there and readable, or a named error that says which is not."""

from dataclasses import fields

import pytest

from steward.errors import SettingMissing
from steward.rules.idle_settings import IdleLimits
from steward.settings import (
    READ,
    ApplyTagsSettings,
    Brakes,
    CorrectOneSettings,
    DecideSetupSettings,
    DecideTagsSettings,
    IntakeSettings,
    Settings,
    TemplateEnablementSettings,
    UpdateSettingsSettings,
)
from steward.setups import SetupPolicy

BRAKES = {"DRY_RUN": "true", "STOP_ALL_WRITES": "false", "ACTING_ORGANIZATIONAL_UNIT_IDS": "all"}
OF_BOTH = {"ML_ORGANIZATIONAL_UNIT_IDS": "ou-root-ml000000, ou-root-labs0000", "MEMBER_ROLE_NAME": "profile_cost_tagging", **BRAKES}
TO_DECIDE = OF_BOTH | {"USER_TAG_KEY": "ml:user", "ACCOUNT_TAG_KEYS": "ml:project,ml:owner", "RECORDS_TABLE_NAME": "records"}
LIMITS = {"IDLE_TIMEOUT_MINUTES": "120", "IDLE_TIMEOUT_MINIMUM_MINUTES": "60", "IDLE_TIMEOUT_MAXIMUM_MINUTES": "480"}
TO_SET_UP = (
    TO_DECIDE | LIMITS | {"FOREIGN_DOMAINS": "report", "IDLE_OVERRIDES": "correct", "MOST_IDLE_CORRECTIONS": "20", "ACTIVITY_REPORTER": "attach"}
)
TO_APPLY = OF_BOTH | {"CORRECTIONS_TABLE_NAME": "corrections"}

ML, LABS, SANDBOX = "ou-root-ml000000", "ou-root-labs0000", "ou-root-sandbox0"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (TO_SET_UP | TO_APPLY).items():
        monkeypatch.setenv(name, value)


def test_settings_are_read_from_the_environment() -> None:
    brakes = Brakes(dry_run=True, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))
    assert DecideTagsSettings.from_env() == DecideTagsSettings(
        ml_unit_ids=frozenset({ML, LABS}),
        user_tag_key="ml:user",
        account_tag_keys=("ml:project", "ml:owner"),
        member_role_name="profile_cost_tagging",
        records_table="records",
        brakes=brakes,
    )
    assert ApplyTagsSettings.from_env() == ApplyTagsSettings(
        ml_unit_ids=frozenset({ML, LABS}), member_role_name="profile_cost_tagging", corrections_table="corrections", brakes=brakes
    )


@pytest.mark.parametrize("name", TO_DECIDE)
def test_a_setting_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingMissing, match=name):
        DecideTagsSettings.from_env()


@pytest.mark.parametrize("name", TO_APPLY)
def test_so_it_is_where_tags_are_applied(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingMissing, match=name):
        ApplyTagsSettings.from_env()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("DRY_RUN", "STOP_ALL_WRITES") for value in ("yes", "False", "0", " ")),
        *(("ACTING_ORGANIZATIONAL_UNIT_IDS", value) for value in ("ALL", "ML/Dev", f"all,{ML}", f"{ML},", " ")),
        ("ML_ORGANIZATIONAL_UNIT_IDS", "all"),
    ],
)
def test_a_misspelt_brake_is_not_taken_for_an_open_one(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingMissing, match=name):
        DecideTagsSettings.from_env()


@pytest.mark.parametrize(
    ("dry_run", "stop", "acting", "units", "hold"),
    [
        (False, False, "all", {ML, SANDBOX}, False),
        (False, False, "all", set(), False),
        (True, False, "all", {ML}, True),
        (False, True, "all", {ML}, True),
        (False, False, ML, {LABS, ML}, False),
        (False, False, f"{ML},{LABS}", {LABS}, False),
        (False, False, ML, {LABS, SANDBOX}, True),
        (False, False, ML, set(), True),
        (False, True, ML, {ML}, True),
    ],
)
def test_each_brake_holds_by_itself(dry_run: bool, stop: bool, acting: str, units: set[str], hold: bool) -> None:
    assert Brakes(dry_run, stop, frozenset(acting.split(","))).hold(units) is hold


def test_each_workflow_has_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE_COST_TAGGING_STATE_MACHINE_ARN", "arn:machine")
    monkeypatch.setenv("INTAKE_DLQ_URL", "https://queue")
    assert IntakeSettings.from_env() == IntakeSettings({"profile_cost_tagging": "arn:machine"}, dlq_url="https://queue")


def test_settings_of_domains_are_read_from_the_environment() -> None:
    settings = DecideSetupSettings.from_env()
    assert settings.policy == SetupPolicy(
        idle=IdleLimits(120, 60, 480),
        user_key="ml:user",
        account_keys=("ml:project", "ml:owner"),
        corrects_foreign=False,
        corrects_overrides=True,
        most_corrections=20,
        attaches_reporter=True,
    )
    assert (settings.records_table, settings.member_role_name) == ("records", "profile_cost_tagging")
    assert UpdateSettingsSettings.from_env().corrections_table == "corrections"
    assert CorrectOneSettings.from_env().records_table == "records"


@pytest.mark.parametrize("name", TO_SET_UP)
def test_so_it_is_where_domains_are_set_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingMissing, match=name):
        DecideSetupSettings.from_env()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FOREIGN_DOMAINS", "yes"),
        ("IDLE_OVERRIDES", "Correct"),
        ("ACTIVITY_REPORTER", "correct"),
        ("MOST_IDLE_CORRECTIONS", "many"),
        ("IDLE_TIMEOUT_MINUTES", "2h"),
        ("IDLE_TIMEOUT_MINIMUM_MINUTES", "59"),
        ("IDLE_TIMEOUT_MAXIMUM_MINUTES", "525601"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingMissing, match=name):
        DecideSetupSettings.from_env()


@pytest.mark.parametrize("limits", [("61", "120", "60"), ("120", "481", "480"), ("481", "60", "480"), ("60", "90", "480")])
def test_limits_that_do_not_go_together_are_refused_with_what_to_do(limits: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(LIMITS, limits, strict=True):
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingMissing, match=r"has to lie between .* deploy the stack again with limits that go together"):
        DecideSetupSettings.from_env()


TO_ENABLE = OF_BOTH | {"RECORDS_TABLE_NAME": "records", "TEMPLATES_LOCATION": "s3://templates/ours"}


def test_templates_of_ones_own_may_be_nowhere_but_that_has_to_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TO_ENABLE.items():
        monkeypatch.setenv(name, value)
    assert TemplateEnablementSettings.from_env().templates_location == "s3://templates/ours"
    monkeypatch.setenv("TEMPLATES_LOCATION", "")
    assert TemplateEnablementSettings.from_env() == TemplateEnablementSettings(
        frozenset({ML, LABS}), "profile_cost_tagging", "records", "", Brakes(dry_run=True, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))
    )
    monkeypatch.delenv("TEMPLATES_LOCATION")
    with pytest.raises(SettingMissing, match="TEMPLATES_LOCATION"):
        TemplateEnablementSettings.from_env()


@pytest.mark.parametrize("name", sorted(set(TO_ENABLE) - {"TEMPLATES_LOCATION"}))
def test_so_it_is_where_templates_are_enabled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other, value in TO_ENABLE.items():
        monkeypatch.setenv(other, value)
    monkeypatch.delenv(name)
    with pytest.raises(SettingMissing, match=name):
        TemplateEnablementSettings.from_env()


def test_every_field_of_settings_is_read_from_somewhere_and_nothing_else_is_read() -> None:
    assert {field.name for settings in Settings.__subclasses__() for field in fields(settings)} == set(READ)
