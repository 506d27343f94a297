"""What ML teams read of idle apps (docs/for-ml-teams.md) is what is deployed by default, and what is sent."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.schemas import FOLDER
from tests.test_conventions import template

ROOT = Path(__file__).parents[1]
PAGE = " ".join((ROOT / "docs" / "for-ml-teams.md").read_text().split())


@pytest.mark.parametrize(
    ("parameter", "default", "sentence"),
    [
        ("IdleAppShutdownSchedule", "cron(0 * * * ? *)", "looks at each of them once an hour"),
        ("IdleMinutesByAppType", "JupyterLab=120,CodeEditor=120,Canvas=120", "nothing, for two hours or more"),
        ("StopGraceMinutes", "120", "the app is stopped two hours after it; not before four hours in all"),
        ("IdleTimeoutMinimumMinutes", "60", "sets the bounds, 60 to 480 minutes"),
        ("IdleTimeoutMaximumMinutes", "480", "sets the bounds, 60 to 480 minutes"),
        ("MinimumAppAgeMinutes", "60", "an app that is younger than an hour"),
        ("MaximumAgeHoursByAppType", "", "They are left alone, unless your platform team set a maximum age for their type"),
    ],
)
def test_its_numbers_are_the_defaults(parameter: str, default: str, sentence: str) -> None:
    assert str(template()["Parameters"][parameter]["Default"]) == default
    assert sentence in PAGE


def test_the_part_of_a_message_that_it_shows_is_as_it_is_sent() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "for-ml-teams.md").read_text(), flags=re.DOTALL)
    schema = json.loads((FOLDER / "idle_apps.schema.json").read_text())
    Draft202012Validator(schema["properties"]["owners"]["items"]).validate(json.loads(block))
