"""When idle apps should stop: what settings lack or break, and how a change is put into them."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward.rules.idle_settings import (
    APPS_OF_SHARED_SPACES,
    APPS_OF_USERS,
    IdleLimits,
    idle_of_defaults,
    idle_of_profile,
    idle_of_space,
    limits_of_domain,
    value_at,
    with_values,
)

LIMITS = IdleLimits(timeout=120, minimum=60, maximum=480)
RIGHT = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MinIdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 480}


def settings(app: str = "JupyterLabAppSettings", **idle: Any) -> dict[str, Any]:
    return {app: {"AppLifecycleManagement": {"IdleSettings": idle}}}


def short(found: Any) -> list[tuple[str, str, Any, Any]]:
    return [(one.path[0].removesuffix("AppSettings"), one.path[-1], one.before, one.after) for one in found]


def test_defaults_that_say_nothing_lack_all_for_each_app() -> None:
    found = short(idle_of_defaults({}, APPS_OF_USERS, LIMITS, "why"))
    assert found == [(app, name, None, value) for app in ("JupyterLab", "CodeEditor") for name, value in RIGHT.items()]
    assert {app for app, *_ in short(idle_of_defaults({}, APPS_OF_SHARED_SPACES, LIMITS, "why"))} == {"JupyterLab"}


def test_only_what_differs_is_set() -> None:
    present = settings(**RIGHT | {"IdleTimeoutInMinutes": 600}) | settings("CodeEditorAppSettings", **RIGHT)
    assert short(idle_of_defaults(present, APPS_OF_USERS, LIMITS, "why")) == [("JupyterLab", "IdleTimeoutInMinutes", 600, 120)]


@pytest.mark.parametrize("minutes", ["60", "90", "480"])
def test_a_domain_chooses_its_timeout_within_bounds(minutes: str) -> None:
    assert limits_of_domain(LIMITS, minutes) == IdleLimits(int(minutes), 60, 480)


def test_a_domain_without_the_tag_has_the_timeout_of_the_deployment() -> None:
    assert limits_of_domain(LIMITS, None) == LIMITS


@pytest.mark.parametrize("tag", ["59", "481", "", "soon", "-90", "9.5", "٩٠", "90 "])
def test_a_tag_out_of_bounds_or_that_is_no_number_is_none(tag: str) -> None:
    assert limits_of_domain(LIMITS, tag) is None


def test_a_profile_that_says_nothing_or_stays_within_bounds_breaks_nothing() -> None:
    assert list(idle_of_profile({"SecurityGroups": ["sg-1"]}, LIMITS)) == []
    own = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 60, "MinIdleTimeoutInMinutes": 90, "MaxIdleTimeoutInMinutes": 480}
    assert list(idle_of_profile(settings(**own), LIMITS)) == []


def test_a_profile_with_idle_shutdown_off_gets_the_domains_timeout() -> None:
    assert short(idle_of_profile(settings("CodeEditorAppSettings", LifecycleManagement="DISABLED"), LIMITS)) == [
        ("CodeEditor", "LifecycleManagement", "DISABLED", "ENABLED"),
        ("CodeEditor", "IdleTimeoutInMinutes", None, 120),
    ]


@pytest.mark.parametrize(("bounds", "timeout"), [({"MinIdleTimeoutInMinutes": 200}, 200), ({"MaxIdleTimeoutInMinutes": 90}, 90)])
def test_a_timeout_that_is_added_lies_within_the_profiles_own_bounds(bounds: dict[str, int], timeout: int) -> None:
    found = short(idle_of_profile(settings(LifecycleManagement="DISABLED", **bounds), LIMITS))
    assert found[1] == ("JupyterLab", "IdleTimeoutInMinutes", None, timeout)


def test_a_profile_out_of_bounds_is_brought_to_the_nearest() -> None:
    own = {"LifecycleManagement": "DISABLED", "IdleTimeoutInMinutes": 525600, "MinIdleTimeoutInMinutes": 59, "MaxIdleTimeoutInMinutes": 1000}
    assert short(idle_of_profile(settings(**own), LIMITS)) == [
        ("JupyterLab", "LifecycleManagement", "DISABLED", "ENABLED"),
        ("JupyterLab", "IdleTimeoutInMinutes", 525600, 480),
        ("JupyterLab", "MinIdleTimeoutInMinutes", 59, 60),
        ("JupyterLab", "MaxIdleTimeoutInMinutes", 1000, 480),
    ]


@pytest.mark.parametrize(("minutes", "nearest"), [(59, 60), (481, 480)])
def test_a_space_out_of_bounds_is_brought_to_the_nearest(minutes: int, nearest: int) -> None:
    assert short(idle_of_space(settings(IdleTimeoutInMinutes=minutes), LIMITS, {})) == [("JupyterLab", "IdleTimeoutInMinutes", minutes, nearest)]
    assert list(idle_of_space(settings(IdleTimeoutInMinutes=nearest), LIMITS, {})) == []


@pytest.mark.parametrize(("own", "nearest"), [({"MaxIdleTimeoutInMinutes": 200}, 200), ({"MinIdleTimeoutInMinutes": 500}, 480), ({}, 480)])
def test_a_space_is_brought_within_its_owners_bounds_which_may_be_narrower(own: dict[str, int], nearest: int) -> None:
    found = list(idle_of_space(settings(IdleTimeoutInMinutes=9000), LIMITS, settings(**own)))
    assert [one.after for one in found] == [nearest]
    assert str(nearest) in found[0].reason
    narrow = settings("CodeEditorAppSettings", MaxIdleTimeoutInMinutes=90)
    assert [one.after for one in idle_of_space(settings(IdleTimeoutInMinutes=9000), LIMITS, narrow)] == [480], "each type of app by itself"


def test_a_space_that_breaks_its_owners_bounds_alone_is_left_to_sagemaker() -> None:
    assert list(idle_of_space(settings(IdleTimeoutInMinutes=400), LIMITS, settings(MaxIdleTimeoutInMinutes=200))) == []


def test_a_structure_is_sent_whole_without_its_role_and_the_one_that_was_read_stays() -> None:
    read = {
        "ExecutionRole": "arn",
        "AppType": "JupyterLab",
        "SecurityGroups": ["sg-1"],
        "JupyterLabAppSettings": {"CustomImages": [{"ImageName": "own"}]},
    }
    before = deepcopy(read)
    path = ("JupyterLabAppSettings", "AppLifecycleManagement", "IdleSettings", "IdleTimeoutInMinutes")
    sent = with_values(read, {path: 120})
    assert sent == {
        "SecurityGroups": ["sg-1"],
        "JupyterLabAppSettings": {"CustomImages": [{"ImageName": "own"}], "AppLifecycleManagement": {"IdleSettings": {"IdleTimeoutInMinutes": 120}}},
    }
    assert read == before
    assert (value_at(sent, path), value_at(read, path)) == (120, None)


IDLE = st.fixed_dictionaries(
    {},
    optional={
        "LifecycleManagement": st.sampled_from(["ENABLED", "DISABLED"]),
        "IdleTimeoutInMinutes": st.integers(60, 525600),
        "MinIdleTimeoutInMinutes": st.integers(60, 525600),
        "MaxIdleTimeoutInMinutes": st.integers(60, 525600),
    },
)


@given(IDLE, IDLE)
def test_what_was_corrected_is_right_the_next_time(lab: dict[str, Any], editor: dict[str, Any]) -> None:
    own = settings(**lab) | settings("CodeEditorAppSettings", **editor)
    corrected = with_values(own, {one.path: one.after for one in idle_of_profile(own, LIMITS)})
    assert list(idle_of_profile(corrected, LIMITS)) == []
    defaults = with_values(own, {one.path: one.after for one in idle_of_defaults(own, APPS_OF_USERS, LIMITS, "why")})
    assert defaults == settings(**RIGHT) | settings("CodeEditorAppSettings", **RIGHT)
