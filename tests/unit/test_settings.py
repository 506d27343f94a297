"""Settings: all there and readable, or a named error that says which is not."""

import pytest

from steward.errors import SettingMissing
from steward.settings import IntakeSettings, ProfileCostTaggingSettings

ENVIRONMENT = {
    "ML_ORGANIZATIONAL_UNIT_IDS": "ou-root-ml000000, ou-root-labs0000",
    "USER_TAG_KEY": "ml:user",
    "ACCOUNT_TAG_KEYS": "ml:project,ml:owner",
    "MEMBER_ROLE_NAME": "profile_cost_tagging",
    "DRY_RUN": "true",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_settings_are_read_from_the_environment() -> None:
    assert ProfileCostTaggingSettings.from_env() == ProfileCostTaggingSettings(
        ml_unit_ids=frozenset({"ou-root-ml000000", "ou-root-labs0000"}),
        user_tag_key="ml:user",
        account_tag_keys=("ml:project", "ml:owner"),
        member_role_name="profile_cost_tagging",
        dry_run=True,
    )


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_setting_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingMissing, match=name):
        ProfileCostTaggingSettings.from_env()


@pytest.mark.parametrize("value", ["yes", "False", "0", " "])
def test_a_misspelt_brake_is_not_taken_for_an_open_one(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRY_RUN", value)
    with pytest.raises(SettingMissing, match="DRY_RUN"):
        ProfileCostTaggingSettings.from_env()


def test_each_workflow_has_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE_COST_TAGGING_STATE_MACHINE_ARN", "arn:machine")
    monkeypatch.setenv("INTAKE_DLQ_URL", "https://queue")
    assert IntakeSettings.from_env() == IntakeSettings({"profile_cost_tagging": "arn:machine"}, dlq_url="https://queue")
