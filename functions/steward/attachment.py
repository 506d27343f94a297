"""The activity reporter in a Studio domain: published in its account and Region, attached in its settings, allowed to its execution roles.

Whoever looks, the workflow after an event or the reconciliation, decides by these. What the reporter is stands in `steward.reporter`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from steward.changes import Change, Finding
from steward.reporter import NAME, Script, script
from steward.resources.domains import Domain
from steward.resources.execution_roles import may_tag_apps
from steward.resources.lifecycle_configs import AppType, LifecycleConfig, create_lifecycle_config, describe_lifecycle_config
from steward.resources.studios import Studio
from steward.rules.activity import ACTIVITY_TAG
from steward.rules.idle_settings import APPS_OF_SHARED_SPACES, APPS_OF_USERS, SettingToSet
from steward.rules.reporter_settings import Taken, attach, overridden

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sagemaker import SageMakerClient

CONTENT = "StudioLifecycleConfigContent"
APP_TYPES: Mapping[str, AppType] = {"JupyterLabAppSettings": "JupyterLab", "CodeEditorAppSettings": "CodeEditor"}
"""By the member of settings that each has."""

MOST_NAMED = 20
_PATH = ":studio-lifecycle-config/"
_REASON = f"tells in the tag {ACTIVITY_TAG} whether an app is in use, of apps started from then on (parameter ActivityReporter)"


@dataclass(frozen=True)
class Reporter:
    """`arns`: the lifecycle configuration for each type of app, by the member of settings. `missing` are those that are not there yet, `taken` those
    under whose name there is something else: these are attached nowhere. `silent`: execution roles that may not tell activity."""

    arns: Mapping[str, str]
    missing: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    silent: tuple[str, ...] = ()

    @property
    def usable(self) -> dict[str, str]:
        return {app: arn for app, arn in self.arns.items() if app not in self.taken}


@dataclass(frozen=True)
class Attachment:
    """What is to be written so that the reporter runs in a domain, `settings` in it and `published` beside it, and what stands against that."""

    settings: tuple[Change, ...] = ()
    published: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()


@cache
def our_script() -> Script:
    """Rendered once in an execution environment."""
    return script()


def read_reporter(sagemaker: "SageMakerClient", domain: Domain) -> Reporter:
    """What is published in the domain's account and Region: a call for each type of app."""
    arns = {app: _arn(domain.arn, app_type) for app, app_type in APP_TYPES.items()}
    there = {app: describe_lifecycle_config(sagemaker, _name(app_type)) for app, app_type in APP_TYPES.items()}
    missing = frozenset(app for app, config in there.items() if config is None)
    taken = frozenset(app for app, config in there.items() if config is not None and not _is_ours(config, APP_TYPES[app]))
    return Reporter(arns, missing, taken)


def is_silent(iam: "IAMClient", role_arn: str, domain: Domain) -> bool:
    """May this execution role not put the one tag on apps that tells activity? A role that is not there is another finding's."""
    region, account_id = domain.arn.split(":")[3:5]
    app = f"arn:{domain.arn.split(':')[1]}:sagemaker:{region}:{account_id}:app/{domain.domain_id}/steward/jupyterlab/default"
    return may_tag_apps(iam, role_arn, app, ACTIVITY_TAG) is False


def decide_attachment(reporter: Reporter, studio: Studio, *, is_reported: bool) -> Attachment:
    """`is_reported`: the domain is not to be changed, so that its roles are no matter unless the reporter is attached already."""
    domain = studio.domain
    slots = _slots(reporter, domain)
    to_set = {root_and_app: slot for root_and_app, slot in slots.items() if isinstance(slot, SettingToSet)}
    needed = {app for (_, app), slot in slots.items() if not isinstance(slot, Taken)}
    runs = any(slot is None for slot in slots.values()) or (bool(to_set) and not is_reported)
    return Attachment(
        settings=tuple(_setting(domain, root, slot) for (root, _), slot in to_set.items()),
        published=tuple(_publication(reporter.arns[app]) for app in sorted(needed & reporter.missing, reverse=True)),
        findings=(
            *_names_taken(reporter),
            *_slots_taken(domain, [(root, slot) for (root, _), slot in slots.items() if isinstance(slot, Taken)]),
            *_overridden(reporter, studio),
            *(_roles(reporter, domain) if runs else ()),
        ),
    )


def _slots(reporter: Reporter, domain: Domain) -> dict[tuple[str, str], SettingToSet | Taken | None]:
    """Every slot of the domain's defaults, by structure and app: what is to be set there, whose it is, or None where it is ours already."""
    found: dict[tuple[str, str], SettingToSet | Taken | None] = {}
    defaults: dict[str, tuple[Mapping[str, Any], Iterable[str]]] = {"DefaultUserSettings": (domain.default_user_settings, APPS_OF_USERS)}
    if domain.default_space_settings is not None:
        defaults["DefaultSpaceSettings"] = (domain.default_space_settings, APPS_OF_SHARED_SPACES)
    for root, (settings, apps) in defaults.items():
        arns = {app: arn for app, arn in reporter.usable.items() if app in apps}
        found |= {(root, app): None for app in arns}
        found |= {(root, each.path[0]): each for each in attach(settings, arns, prefix=f"{NAME}-", reason=_REASON)}
    return found


def _setting(domain: Domain, root: str, slot: SettingToSet) -> Change:
    return Change(domain.arn, ".".join((root, *slot.path)), None if slot.before is None else str(slot.before), str(slot.after), slot.reason)


def _publication(arn: str) -> Change:
    digest = hashlib.sha256(our_script().content.encode()).hexdigest()
    return Change(arn, CONTENT, None, f"sha256 {digest}", "the activity reporter, to be attached to domains of this account and Region")


# -- publishing


def is_publication(change: Change) -> bool:
    """Is it a lifecycle configuration that is to be made?"""
    return change.field == CONTENT


def publish(sagemaker: "SageMakerClient", changes: Iterable[Change]) -> bool:
    """Make those lifecycle configurations that are not there yet. False where one is not what was decided on, which was another script's, or where
    somebody else's is under its name: decide anew."""
    app_types = {_name(app_type): app_type for app_type in APP_TYPES.values()}
    for name in (change.resource.partition(_PATH)[2] for change in changes):
        if name not in app_types:
            return False
        app_type = app_types[name]
        there = describe_lifecycle_config(sagemaker, name)
        if there is None:
            create_lifecycle_config(sagemaker, name, app_type, our_script().content)
            there = describe_lifecycle_config(sagemaker, name)
        if there is None or not _is_ours(there, app_type):
            return False
    return True


def _is_ours(config: LifecycleConfig, app_type: str) -> bool:
    return (config.app_type, config.content) == (app_type, our_script().content)


def _name(app_type: str) -> str:
    return our_script().name_for(app_type)


def _arn(domain_arn: str, app_type: str) -> str:
    return domain_arn.partition(":domain/")[0] + _PATH + _name(app_type)


# -- what only people can put right


def _names_taken(reporter: Reporter) -> Iterator[Finding]:
    for app in sorted(reporter.taken):
        message = (
            f"There is a lifecycle configuration under the name of our activity reporter for {APP_TYPES[app]}, and it is another script, or for apps "
            "of another type. The reporter is not attached for these apps, which are Unknown to idle_app_shutdown. Look who made it; once it is "
            "deleted, ours follows by the next reconciliation."
        )
        yield Finding("ReporterNameTaken", reporter.arns[app], message)


def _slots_taken(domain: Domain, taken: list[tuple[str, Taken]]) -> Iterator[Finding]:
    if taken:
        slots = "; ".join(f"{root}.{'.'.join(slot.path)} is {slot.arn}" for root, slot in taken)
        message = (
            f"Domain {domain.domain_id} runs another lifecycle configuration where our activity reporter would be, and it stays: {slots}. Apps of "
            "that type say nothing of their activity, and are Unknown to idle_app_shutdown. Have that script set as LifecycleConfigArns, or in the "
            "image, and the slot cleared (None): the reporter follows by itself. Or call the reporter from that script."
        )
        yield Finding("ReporterSlotTaken", domain.arn, message)


def _overridden(reporter: Reporter, studio: Studio) -> Iterator[Finding]:
    names = [
        f"{profile.name} ({', '.join(f'{APP_TYPES[slot.path[0]]} {slot.arn}' for slot in own)})"
        for profile in studio.profiles
        if (own := list(overridden(profile.user_settings, reporter.usable)))
    ]
    if names:
        domain = studio.domain
        message = (
            f"{len(names)} user profiles in domain {domain.domain_id} have a BuiltInLifecycleConfigArn of their own, which goes before the domain's, "
            f"and it stays: {_named(names)}. Their apps of that type do not run our activity reporter, and are Unknown to idle_app_shutdown. Have "
            "the domain's value set there, too."
        )
        yield Finding("ReporterOverridden", domain.arn, message)


def _roles(reporter: Reporter, domain: Domain) -> Iterator[Finding]:
    if reporter.silent:
        message = (
            f"Execution roles of domain {domain.domain_id} may not put the tag {ACTIVITY_TAG} on apps: {_named(reporter.silent)}. The activity "
            "reporter is attached all the same, and harms nothing; apps with these roles are Unknown to idle_app_shutdown until they may: allow "
            f"sagemaker:AddTags on app/* with aws:TagKeys being {ACTIVITY_TAG} alone."
        )
        yield Finding("RolesMayNotReport", domain.arn, message)


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = f", and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more
