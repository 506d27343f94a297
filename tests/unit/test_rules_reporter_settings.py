"""Where the reporter's lifecycle configuration is to be set: free places and older ones of ours, nobody else's."""

from typing import Any

import pytest

from steward.rules.idle_settings import SettingToSet
from steward.rules.reporter_settings import Taken, attach, overridden

LAB, EDITOR = "JupyterLabAppSettings", "CodeEditorAppSettings"
SLOT = "BuiltInLifecycleConfigArn"


def arn(name: str) -> str:
    return f"arn:aws:sagemaker:eu-west-1:444444444444:studio-lifecycle-config/{name}"


OURS = {LAB: arn("ours-jupyterlab-2"), EDITOR: arn("ours-codeeditor-2")}


def held(lab: str | None, **more: Any) -> dict[str, Any]:
    return {LAB: {**({SLOT: lab} if lab is not None else {}), **more}, EDITOR: {SLOT: OURS[EDITOR]}}


def decided(settings: dict[str, Any]) -> list[SettingToSet | Taken]:
    return list(attach(settings, OURS, prefix="ours-", reason="why"))


def test_settings_without_any_lack_both() -> None:
    assert decided({}) == [SettingToSet((app, SLOT), None, OURS[app], "why") for app in (LAB, EDITOR)]


def test_where_it_is_set_nothing_is_lacking() -> None:
    assert decided(held(OURS[LAB])) == []


@pytest.mark.parametrize(("present", "before"), [(None, None), ("", None), ("None", "None"), (arn("ours-jupyterlab-1"), arn("ours-jupyterlab-1"))])
def test_a_free_place_and_an_older_one_of_ours_are_set(present: str | None, before: str | None) -> None:
    assert decided(held(present, LifecycleConfigArns=[arn("git")])) == [SettingToSet((LAB, SLOT), before, OURS[LAB], "why")]


@pytest.mark.parametrize("name", ["git", "not-ours-jupyterlab-1", "oursjupyterlab"])
def test_somebody_elses_stays(name: str) -> None:
    assert decided(held(arn(name))) == [Taken((LAB, SLOT), arn(name))]


def test_an_app_that_is_not_asked_for_is_not_looked_at() -> None:
    assert list(attach({LAB: {SLOT: arn("git")}}, {EDITOR: OURS[EDITOR]}, prefix="ours-", reason="why")) == [
        SettingToSet((EDITOR, SLOT), None, OURS[EDITOR], "why")
    ]


@pytest.mark.parametrize("own", ["None", arn("git"), arn("ours-jupyterlab-1")])
def test_a_profiles_own_value_that_is_another_overrides(own: str) -> None:
    assert list(overridden(held(own), OURS)) == [Taken((LAB, SLOT), own)]


@pytest.mark.parametrize("settings", [{}, held(None), held(OURS[LAB])])
def test_silence_and_the_same_value_override_nothing(settings: dict[str, Any]) -> None:
    assert list(overridden(settings, OURS)) == []
