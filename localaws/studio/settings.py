"""Settings of domains, user profiles and spaces: what an update makes of them, and what idle shutdown may be set to.

Lists are replaced, always. What becomes of members that an update leaves out AWS does not say, see `Behaviour.omitted_settings`: kept, then at every
depth (botocore has "To remove a lifecycle config, you must set LifecycleConfigArns to an empty list", so one that is not given stays); or lost, then
the settings are just what was given. Two members stay either way: ExecutionRole, which an update has no way of taking away, and a space's AppType,
which it may not even name (boto/boto3 issue 4375).
"""

from collections.abc import Iterator
from typing import Any

from localaws.cloud import Call, Cloud
from localaws.studio import core
from localaws.studio.core import Item

_STAY = ("ExecutionRole", "AppType")
_APPS = ("JupyterLabAppSettings", "CodeEditorAppSettings")


def updated(cloud: Cloud, former: Item | None, given: Item) -> Item:
    """Settings after an update with `given`. The former ones are not touched."""
    if core.behaviour(cloud).omitted_settings == "kept":
        return merged(former or {}, given)
    return {name: value for name, value in (former or {}).items() if name in _STAY} | given


def merged(former: Item, given: Item) -> Item:
    """`given` over `former`: structures member by member at every depth, lists and values as given."""
    deeper = {name: merged(former[name], value) for name, value in given.items() if isinstance(value, dict) and isinstance(former.get(name), dict)}
    return former | given | deeper


def check_idle(settings: Item) -> None:
    """Minimum <= timeout <= maximum, of those that are there. The range of each is botocore's: 60 to 525600 minutes."""
    for app, idle in idle_settings(settings):
        ordered = [idle[name] for name in ("MinIdleTimeoutInMinutes", "IdleTimeoutInMinutes", "MaxIdleTimeoutInMinutes") if name in idle]
        if ordered != sorted(ordered):
            raise core.invalid(f"{app}: MinIdleTimeoutInMinutes <= IdleTimeoutInMinutes <= MaxIdleTimeoutInMinutes must hold.")


def idle_settings(settings: Item) -> Iterator[tuple[str, Item]]:
    """The IdleSettings of each type of app that has some, by the member of the settings that they are in."""
    for app in _APPS:
        idle = settings.get(app, {}).get("AppLifecycleManagement", {}).get("IdleSettings")
        if idle:
            yield app, idle


def check_idle_of_space(settings: Item, defaults: list[Item]) -> None:
    """A space's timeout lies within the bounds of whoever's it is: `defaults` are the settings that apply, the nearest first.

    The nearest that has IdleSettings for the type of app counts, and bounds nothing where it has them DISABLED. Sources: SageMaker Developer Guide,
    "Idle shutdown" (the profile's over the domain's); botocore, MinIdleTimeoutInMinutes. What AWS answers to a value beyond is not observed.
    """
    for app, own in idle_settings(settings):
        nearest: Item = next((idle for each in defaults for name, idle in idle_settings(each) if name == app), {})
        if "IdleTimeoutInMinutes" not in own or nearest.get("LifecycleManagement") == "DISABLED":
            continue
        minutes = own["IdleTimeoutInMinutes"]
        least, most = nearest.get("MinIdleTimeoutInMinutes", minutes), nearest.get("MaxIdleTimeoutInMinutes", minutes)
        if not least <= minutes <= most:
            raise core.invalid(f"{app}: IdleTimeoutInMinutes {minutes} is not within {least} and {most}, the bounds of its domain or user profile.")


def update(cloud: Cloud, resource: core.Resource, changes: dict[str, Any]) -> None:
    """Updating now, with these attributes at once; where the update fails, with the former ones again.

    Not observed on AWS: from when on Describe answers the new ones, and which it answers after Update_Failed.
    """
    former = {name: resource.attributes[name] for name in changes if name in resource.attributes}
    resource.attributes.update(changes)

    def undo() -> None:
        for name in changes:
            resource.attributes.pop(name)
        resource.attributes.update(former)

    core.begin(cloud, resource, "update", lambda: core.set_status(cloud, resource, "InService"), undo)


def updatable(cloud: Cloud, call: Call, name: core.Name) -> core.Resource:
    """What is to be updated. While another change is under way AWS takes none; what never came to be cannot be updated; Update_Failed can."""
    resource = core.get(cloud, call, name)
    core.require_idle(resource)
    if resource.status == "Failed":
        raise core.invalid(f"{resource.kind} [{resource.arn}] cannot be updated: its status is Failed.")
    return resource
