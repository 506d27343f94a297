"""What differs in a domain, in words short enough for a message: apps whose idle shutdown lacks the same are named together."""

from collections.abc import Iterable

from steward.changes import Change
from steward.rules.reporter_settings import NOTHING, SLOT

_FOR = {"DefaultUserSettings": "users", "DefaultSpaceSettings": "shared spaces"}
_ALL = ("LifecycleManagement", "IdleTimeoutInMinutes", "MinIdleTimeoutInMinutes", "MaxIdleTimeoutInMinutes")

Leaf = tuple[str, str | None, str | None]


def in_words(changes: Iterable[Change]) -> str:
    """Every field that differs, what it is and what it would be."""
    idle: dict[tuple[str, str], list[Leaf]] = {}
    reporters: dict[tuple[str, str], list[str]] = {}
    tags, others = [], []
    for change in changes:
        if change.field.startswith("tag:"):
            tags.append(f"{change.field} {_is_not(_quoted(change.before), _quoted(change.after))}")
        elif ".IdleSettings." in change.field:
            root, app, *_, name = change.field.split(".")
            idle.setdefault((root, app.removesuffix("AppSettings")), []).append((name, change.before, change.after))
        elif change.field.endswith(f".{SLOT}"):
            root, app, _ = change.field.split(".")
            state = "is missing" if change.before in (None, NOTHING) else "is an older one"
            reporters.setdefault((root, state), []).append(app.removesuffix("AppSettings"))
        else:
            others.append(f"{change.field} {_is_not(change.before, change.after)}")
    alike: dict[tuple[str, tuple[Leaf, ...]], list[str]] = {}
    for (root, app), leaves in idle.items():
        alike.setdefault((root, tuple(leaves)), []).append(app)
    of_idle = (_idle(root, apps, leaves) for (root, leaves), apps in alike.items())
    of_reporter = (f"the activity reporter of {' and '.join(apps)} for {_FOR[root]} {state}" for (root, state), apps in reporters.items())
    return "; ".join((*others, *of_idle, *of_reporter, *tags))


def _idle(root: str, apps: list[str], leaves: tuple[Leaf, ...]) -> str:
    what = f"idle shutdown of {' and '.join(apps)} for {_FOR[root]}"
    after = {name: value for name, _, value in leaves}
    if set(after) == set(_ALL) and all(before is None for _, before, _ in leaves):
        _, timeout, minimum, maximum = (after[name] for name in _ALL)
        return f"{what} is missing, not {timeout} minutes ({minimum} to {maximum})"
    return f"{what}: {', '.join(f'{name} {_is_not(before, value)}' for name, before, value in leaves)}"


def _is_not(before: str | None, after: str | None) -> str:
    return f"is {before or 'missing'}, not {after}"


def _quoted(value: str | None) -> str | None:
    return None if value is None else f"'{value}'"
