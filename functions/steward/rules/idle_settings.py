"""After how many idle minutes should Studio's apps stop, and which settings say otherwise? Pure.

SageMaker stops idle apps of JupyterLab and Code Editor by itself where their `IdleSettings` say so, each app type on its own; those of a user profile
go before the domain's, and a space may choose its own timeout between minimum and maximum. Default space settings have JupyterLab only
(https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-idle-shutdown.html).
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

APPS_OF_USERS = ("JupyterLabAppSettings", "CodeEditorAppSettings")
APPS_OF_SHARED_SPACES = ("JupyterLabAppSettings",)
TIMEOUT, MINIMUM, MAXIMUM = "IdleTimeoutInMinutes", "MinIdleTimeoutInMinutes", "MaxIdleTimeoutInMinutes"

Value = str | int
Path = tuple[str, ...]


@dataclass(frozen=True)
class IdleLimits:
    """Minutes, each from 60 to 525600: apps stop after `timeout`; whoever sets another stays between `minimum` and `maximum`."""

    timeout: int
    minimum: int
    maximum: int


@dataclass(frozen=True)
class SettingToSet:
    """One leaf of a settings structure that is not as it should be. `path` are AWS's member names, from the structure down."""

    path: Path
    before: Value | None
    after: Value
    reason: str


def limits_of_domain(limits: IdleLimits, tag: str | None) -> IdleLimits | None:
    """The limits, with the timeout that the domain's own tag asks for; None where it asks for what is no number within bounds."""
    if tag is None:
        return limits
    if not (tag.isascii() and tag.isdigit() and limits.minimum <= int(tag) <= limits.maximum):
        return None
    return replace(limits, timeout=int(tag))


def idle_of_defaults(settings: Mapping[str, Any], apps: Iterable[str], limits: IdleLimits, reason: str) -> Iterator[SettingToSet]:
    """What default user settings, or default space settings, lack so that each of these apps stops when idle."""
    wanted: dict[str, Value] = {
        "LifecycleManagement": "ENABLED",
        TIMEOUT: limits.timeout,
        MINIMUM: limits.minimum,
        MAXIMUM: limits.maximum,
    }
    for app in apps:
        present = _idle_settings(settings, app) or {}
        yield from (SettingToSet(_path(app, name), present.get(name), value, reason) for name, value in wanted.items() if present.get(name) != value)


def idle_of_profile(settings: Mapping[str, Any], limits: IdleLimits) -> Iterator[SettingToSet]:
    """What a profile's own settings break: idle shutdown switched off, and timeouts, or bounds for spaces, out of bounds. Silence breaks nothing."""
    for app in APPS_OF_USERS:
        present = _idle_settings(settings, app) or {}
        if present.get("LifecycleManagement") == "DISABLED":
            yield SettingToSet(_path(app, "LifecycleManagement"), "DISABLED", "ENABLED", "idle shutdown is not to be switched off")
            if TIMEOUT not in present:
                yield SettingToSet(_path(app, TIMEOUT), None, _nearest(limits.timeout, _narrowed(limits, present)), "idle timeout of the domain")
        for name in (TIMEOUT, MINIMUM, MAXIMUM):
            yield from _within(app, name, present, limits, limits)


def idle_of_space(settings: Mapping[str, Any], limits: IdleLimits, owner: Mapping[str, Any]) -> Iterator[SettingToSet]:
    """What a space's own timeouts break. `owner` are the settings of the user profile that it belongs to, none where several work in it: bounds of
    its own, as they are once they are right, may be narrower, and SageMaker takes no timeout beyond them."""
    for app in APPS_OF_USERS:
        bounds = _narrowed(limits, _idle_settings(owner, app) or {})
        yield from _within(app, TIMEOUT, _idle_settings(settings, app) or {}, limits, bounds)


def value_at(settings: Mapping[str, Any], path: Path) -> Value | None:
    """What stands there, None for nothing."""
    for name in path:
        settings = settings.get(name) or {}
    return settings or None  # type: ignore[return-value]  # a leaf by now


def with_values(settings: Mapping[str, Any], values: Mapping[Path, Value]) -> dict[str, Any]:
    """A copy of a whole settings structure with these values in it, and without what is not sent back: an ExecutionRole would ask for iam:PassRole,
    and an update may not name a space's AppType (https://github.com/boto/boto3/issues/4375)."""
    whole = {name: deepcopy(value) for name, value in settings.items() if name not in ("ExecutionRole", "AppType")}
    for path, value in values.items():
        inner = whole
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return whole


def _nearest(minutes: int, limits: IdleLimits) -> int:
    return min(max(minutes, limits.minimum), limits.maximum)


def _narrowed(limits: IdleLimits, present: Mapping[str, Any]) -> IdleLimits:
    """Within the bounds that a profile has of its own."""
    least, most = (_nearest(present.get(name, otherwise), limits) for name, otherwise in ((MINIMUM, limits.minimum), (MAXIMUM, limits.maximum)))
    return replace(limits, minimum=least, maximum=most)


def _within(app: str, name: str, present: Mapping[str, Any], limits: IdleLimits, bounds: IdleLimits) -> Iterator[SettingToSet]:
    """Where it breaks the limits it is brought within bounds, which may be narrower."""
    if name in present and _nearest(present[name], limits) != present[name]:
        nearest = _nearest(present[name], bounds)
        yield SettingToSet(_path(app, name), present[name], nearest, f"the nearest within {bounds.minimum} to {bounds.maximum} minutes")


def _idle_settings(settings: Mapping[str, Any], app: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = settings.get(app, {}).get("AppLifecycleManagement", {}).get("IdleSettings")
    return found


def _path(app: str, name: str) -> Path:
    return (app, "AppLifecycleManagement", "IdleSettings", name)
