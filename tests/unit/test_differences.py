"""What a finding says of a domain that differs: short, and nothing left out."""

import pytest

from steward.changes import Change
from steward.differences import in_words

IDLE = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": "120", "MinIdleTimeoutInMinutes": "60", "MaxIdleTimeoutInMinutes": "480"}


def idle(app: str, root: str = "DefaultUserSettings", **before: str) -> list[Change]:
    path = f"{root}.{app}AppSettings.AppLifecycleManagement.IdleSettings"
    return [Change("d", f"{path}.{name}", before.get(name), after, "") for name, after in IDLE.items() if before.get(name) != after]


def reporter(app: str, root: str = "DefaultUserSettings", before: str | None = None) -> Change:
    return Change("d", f"{root}.{app}AppSettings.BuiltInLifecycleConfigArn", before, "ours", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [*idle("JupyterLab"), *idle("CodeEditor"), *idle("JupyterLab", "DefaultSpaceSettings")],
            "idle shutdown of JupyterLab and CodeEditor for users is missing, not 120 minutes (60 to 480); "
            "idle shutdown of JupyterLab for shared spaces is missing, not 120 minutes (60 to 480)",
        ),
        (
            [*idle("JupyterLab"), *idle("CodeEditor", **{**IDLE, "IdleTimeoutInMinutes": "30"})],
            "idle shutdown of JupyterLab for users is missing, not 120 minutes (60 to 480); "
            "idle shutdown of CodeEditor for users: IdleTimeoutInMinutes is 30, not 120",
        ),
        (
            idle("JupyterLab", **{**IDLE, "LifecycleManagement": "DISABLED", "MaxIdleTimeoutInMinutes": "900"}),
            "idle shutdown of JupyterLab for users: LifecycleManagement is DISABLED, not ENABLED, MaxIdleTimeoutInMinutes is 900, not 480",
        ),
        (
            [
                Change("d", "TagPropagation", "DISABLED", "ENABLED", ""),
                Change("d", "tag:ml:owner", "us", "fraud team", ""),
                Change("d", "tag:ml:project", None, "fraud", ""),
            ],
            "TagPropagation is DISABLED, not ENABLED; tag:ml:owner is 'us', not 'fraud team'; tag:ml:project is missing, not 'fraud'",
        ),
        (
            [reporter("JupyterLab"), reporter("CodeEditor", before="None"), reporter("JupyterLab", "DefaultSpaceSettings", before="older")],
            "the activity reporter of JupyterLab and CodeEditor for users is missing; "
            "the activity reporter of JupyterLab for shared spaces is an older one",
        ),
    ],
    ids=["nothing set", "one app otherwise", "some of one app", "tags and propagation", "the reporter"],
)
def test_what_differs_is_told_in_few_words(changes: list[Change], words: str) -> None:
    assert in_words(changes) == words
