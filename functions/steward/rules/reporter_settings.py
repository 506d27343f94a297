"""Where is the activity reporter's lifecycle configuration to be set, and who has set another one there? Pure.

`BuiltInLifecycleConfigArn` is the one that Studio always runs when an app starts, whatever lifecycle configuration the user chooses. It is there for
JupyterLab and Code Editor, in the domain's defaults and in a profile's own settings; default space settings have JupyterLab only, a space has none
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_JupyterLabAppSettings.html).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steward.rules.idle_settings import Path, SettingToSet

SLOT = "BuiltInLifecycleConfigArn"
NOTHING = "None"
"""SageMaker's word, in the place of an ARN, for no lifecycle configuration."""


@dataclass(frozen=True)
class Taken:
    """A slot that holds what is not ours to replace. `path` are AWS's member names, from the settings structure down."""

    path: Path
    arn: str


def attach(settings: Mapping[str, Any], arns: Mapping[str, str], *, prefix: str, reason: str) -> Iterator[SettingToSet | Taken]:
    """What default settings lack so that each of these apps runs its lifecycle configuration. `arns`: which, by the member of the settings that the
    app has (``JupyterLabAppSettings``).

    `prefix` is how the names of ours begin: an older one is replaced, somebody else's never.
    """
    for app, wanted in arns.items():
        present = _slot(settings, app)
        if present == wanted:
            continue
        if present in (None, NOTHING) or _name(present or "").startswith(prefix):
            yield SettingToSet((app, SLOT), present, wanted, reason)
        else:
            yield Taken((app, SLOT), present or "")


def overridden(settings: Mapping[str, Any], arns: Mapping[str, str]) -> Iterator[Taken]:
    """The slots of a profile's own settings that say anything but this: there the domain's do not count. Silence overrides nothing."""
    for app, wanted in arns.items():
        present = _slot(settings, app)
        if present not in (None, wanted):
            yield Taken((app, SLOT), present or "")


def _slot(settings: Mapping[str, Any], app: str) -> str | None:
    return settings.get(app, {}).get(SLOT) or None


def _name(arn: str) -> str:
    return arn.partition(":studio-lifecycle-config/")[2]
