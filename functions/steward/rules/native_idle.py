"""Does SageMaker stop an idle app by itself, and where does it not? Pure.

It does so for JupyterLab and Code Editor, in apps started after it was enabled, in images of SageMaker Distribution 2.0 or later, and only where
no kernel and no terminal is open (https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-idle-shutdown.html). So an abandoned notebook whose
kernel is open stays for ever: there the reporter knows better.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from steward.rules.activity import BEAT
from steward.rules.idle_policy import IdleFinding, Place
from steward.rules.idle_settings import MAXIMUM, MINIMUM, TIMEOUT, IdleLimits

SETTINGS = {"JupyterLab": "JupyterLabAppSettings", "CodeEditor": "CodeEditorAppSettings"}
"""The types of apps that it is for, and where their settings are."""

FIRST_MAJOR = 2
MARGIN = BEAT


@dataclass(frozen=True)
class NativeIdle:
    """The `IdleSettings` of one app type as a domain has them, in minutes, None for what is not said. `changed`: when the domain was last changed."""

    enabled: bool
    timeout: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    changed: datetime | None = None


def native_of(settings: Mapping[str, Any] | None, app_type: str, changed: datetime | None = None) -> NativeIdle | None:
    """`settings` are DefaultUserSettings, or DefaultSpaceSettings for an app of a shared space. None for a type of app that does not have it; not
    enabled where the settings do not say so."""
    if app_type not in SETTINGS:
        return None
    found: Mapping[str, Any] = (settings or {}).get(SETTINGS[app_type], {}).get("AppLifecycleManagement", {}).get("IdleSettings", {})
    return NativeIdle(found.get("LifecycleManagement") == "ENABLED", found.get(TIMEOUT), found.get(MINIMUM), found.get(MAXIMUM), changed)


def longest_idle(native: NativeIdle, bounds: IdleLimits) -> timedelta:
    """After this long at the latest it has to have stopped an idle app: the most that a space may choose, where the domain says; else the most that
    the organization allows anybody."""
    return timedelta(minutes=native.maximum or max(native.timeout or 0, bounds.maximum))


def supports(image_version: str | None) -> bool | None:
    """Whether images of this version of SageMaker Distribution (`2.1.0`, `1.11`) stop when idle; None for an image of which nobody knows."""
    found = re.match(r"v?(\d+)(?:\.|$)", image_version or "", re.ASCII)
    return None if found is None else int(found[1]) >= FIRST_MAJOR


def findings_of_native(native: NativeIdle | None, app_type: str, bounds: IdleLimits) -> Iterator[IdleFinding]:
    """Of a domain, once for each app type that runs in it."""
    if native is None:
        return
    if not native.enabled:
        message = f"{app_type} apps do not stop by themselves when idle. domain_setup enables it, where the domain is ours to set up."
        yield IdleFinding("NativeIdleShutdownOff", Place.DOMAIN, message)
        return
    named = {TIMEOUT: native.timeout, MINIMUM: native.minimum, MAXIMUM: native.maximum}
    out = [f"{name} is {value}" for name, value in named.items() if value is not None and not bounds.minimum <= value <= bounds.maximum]
    if native.maximum is None:
        out.append(f"{MAXIMUM} is not set, so that a space may choose any")
    if out:
        wanted = f"{bounds.minimum} to {bounds.maximum} minutes"
        message = f"Idle settings of {app_type} lie outside of {wanted}: {', '.join(out)}. domain_setup corrects a domain that is ours to set up."
        yield IdleFinding("NativeIdleShutdownOutOfBounds", Place.DOMAIN, message)
