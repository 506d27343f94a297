"""Settings: all there and readable, or a named error that says which is not."""

import pytest

from steward.errors import SettingMissing
from steward.settings import ApplyTagsSettings, Brakes, DecideTagsSettings, IntakeSettings

BRAKES = {"DRY_RUN": "true", "STOP_ALL_WRITES": "false", "ACTING_ORGANIZATIONAL_UNIT_IDS": "all"}
OF_BOTH = {"ML_ORGANIZATIONAL_UNIT_IDS": "ou-root-ml000000, ou-root-labs0000", "MEMBER_ROLE_NAME": "profile_cost_tagging", **BRAKES}
TO_DECIDE = OF_BOTH | {"USER_TAG_KEY": "ml:user", "ACCOUNT_TAG_KEYS": "ml:project,ml:owner"}
TO_APPLY = OF_BOTH | {"CORRECTIONS_TABLE_NAME": "corrections"}

ML, LABS, SANDBOX = "ou-root-ml000000", "ou-root-labs0000", "ou-root-sandbox0"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (TO_DECIDE | TO_APPLY).items():
        monkeypatch.setenv(name, value)


def test_settings_are_read_from_the_environment() -> None:
    brakes = Brakes(dry_run=True, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))
    assert DecideTagsSettings.from_env() == DecideTagsSettings(
        ml_unit_ids=frozenset({ML, LABS}),
        user_tag_key="ml:user",
        account_tag_keys=("ml:project", "ml:owner"),
        member_role_name="profile_cost_tagging",
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
