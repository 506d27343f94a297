"""What a Studio domain lacks, whoever looks: the workflow after an event, or the reconciliation. And how a change is written back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from steward.attachment import Attachment, Reporter, decide_attachment, is_publication
from steward.changes import Change, Finding
from steward.differences import in_words
from steward.resources.domains import Domain
from steward.resources.execution_roles import may_tag_what_it_makes
from steward.resources.profiles import UserProfile
from steward.resources.spaces import Space
from steward.resources.studio import Stage
from steward.resources.studios import Studio
from steward.rules.domain_settings import (
    AUTOMATIC_TAGS,
    MOST_TAGS,
    Propagation,
    RoleSays,
    decide_domain_tags,
    decide_propagation,
    is_propagated,
    most_tags_together,
)
from steward.rules.idle_settings import (
    APPS_OF_SHARED_SPACES,
    APPS_OF_USERS,
    IdleLimits,
    Path,
    SettingToSet,
    Value,
    idle_of_defaults,
    idle_of_profile,
    idle_of_space,
    limits_of_domain,
)
from steward.rules.tags import fit_for_tag

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

PRODUCT_TAG = "steward:product"
"""Domains that our products made carry it."""
IDLE_TAG = "steward:idle-minutes"

MOST_NAMED = 20
IDLE_HOLDS_FOR = "in apps started from then on, SageMaker Distribution 2.0 or later"
"""Native idle shutdown leaves all others alone: told with each setting of it that is written."""
ANY = "x"
"""A tag's value, where no certain one is meant."""


@dataclass(frozen=True)
class SetupPolicy:
    """What this deployment wants of a domain. `user_key` and `account_keys`: the tags that profiles and spaces get; the second a domain has, too.

    `corrects_foreign`: domains that no product of ours made are changed as well; `corrects_overrides`: profiles and spaces whose own idle settings
    break the limits are changed as well, `most_corrections` of them in a run. What is not corrected is reported. `attaches_reporter`: the activity
    reporter is to run in every app; otherwise it is left as it is, there or not.
    """

    idle: IdleLimits
    user_key: str
    account_keys: tuple[str, ...]
    corrects_foreign: bool
    corrects_overrides: bool
    most_corrections: int
    attaches_reporter: bool


@dataclass(frozen=True)
class Facts:
    """All that is known of a domain. `tags` by ARN, of the domain and of each profile and space in it. `roles`: every execution role in use, and
    whether it may tag. `copied`: the domain's tags, key and value, that are copies of ours. `reporter`: the activity reporter there, None where it is
    to be left."""

    studio: Studio
    tags: Mapping[str, Mapping[str, str]]
    roles: Mapping[str, RoleSays]
    account_tags: Mapping[str, str]
    copied: Mapping[str, str]
    reporter: Reporter | None = None

    @property
    def domain_tags(self) -> Mapping[str, str]:
        return self.tags.get(self.studio.domain.arn, {})


@dataclass(frozen=True)
class Setup:
    """`is_reported`: the domain is not ours to change, so there are no changes, and what differs is a finding."""

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    is_reported: bool


def decide_setup(facts: Facts, policy: SetupPolicy) -> Setup:
    """What is to be changed in a domain that is in service, and what only people can put right."""
    domain = facts.studio.domain
    is_reported = PRODUCT_TAG not in facts.domain_tags and not policy.corrects_foreign
    limits = limits_of_domain(policy.idle, facts.domain_tags.get(IDLE_TAG))
    propagation = _propagation(facts, policy)
    attachment = decide_attachment(facts.reporter, facts.studio, is_reported=is_reported) if facts.reporter else Attachment()
    of_domain = tuple(_of_domain(facts, policy, limits or policy.idle, propagation, attachment))
    overrides = tuple(_overrides(facts.studio, limits or policy.idle))
    corrected = overrides[: policy.most_corrections] if policy.corrects_overrides and not is_reported else ()
    findings = (
        *(_update_failed(facts) if domain.status == "Update_Failed" else ()),
        *(() if limits else [_tag_out_of_bounds(facts, policy.idle)]),
        *_against_propagation(facts, propagation),
        *attachment.findings,
        *([_differs(facts, of_domain)] if is_reported and of_domain else ()),
        *([_left_out_of_bounds(facts, overrides[len(corrected) :], some_corrected=bool(corrected))] if overrides[len(corrected) :] else ()),
    )
    return Setup(() if is_reported else (*of_domain, *attachment.published, *chain.from_iterable(corrected)), findings, is_reported)


def tags_to_come(
    studio: Studio, tags: Mapping[str, Mapping[str, str] | None], account_tags: Mapping[str, str], policy: SetupPolicy
) -> dict[str, str]:
    """The tags that something made in a domain can come to have: those of domain, profiles and spaces, by ARN, ours, and SageMaker's own.

    A value that is not one, or not known, is any: what a role may do hardly depends on it, while it may well depend on the key.
    """
    domain, members = studio.domain, (*studio.profiles, *studio.spaces)
    values: dict[str, set[str]] = {key: set() for key in (policy.user_key, *policy.account_keys)}
    of_domain = tags.get(domain.arn) or {}
    for key in policy.account_keys:
        values[key].add(of_domain.get(key) or fit_for_tag(account_tags.get(key, ""))[0])
    for key, value in chain(of_domain.items(), *((tags.get(one.arn) or {}).items() for one in members)):
        if is_propagated(key):
            values.setdefault(key, set()).add(value)
    known = {key: next(iter(found)) if len(found) == 1 else "" for key, found in values.items()}
    automatic = dict.fromkeys(AUTOMATIC_TAGS, "") | {AUTOMATIC_TAGS[0]: domain.arn}
    return {key: value or ANY for key, value in ({**known, policy.user_key: ""} | automatic).items()}


def ask_role(iam: "IAMClient", role_arn: str, region: str, tags: Mapping[str, str]) -> RoleSays:
    """May it add such tags to what is made with it?"""
    says = {True: RoleSays.YES, False: RoleSays.NO, None: RoleSays.MISSING}
    return says[may_tag_what_it_makes(iam, role_arn, region, tags)]


def is_of_settings(change: Change, domain_arn: str) -> bool:
    """Is it one that UpdateDomain makes, or has to find made?"""
    return is_publication(change) or (change.resource == domain_arn and not change.field.startswith("tag:"))


def path_of(change: Change) -> Path:
    return tuple(change.field.split("."))


def value_of(change: Change) -> Value:
    """What SageMaker is told: minutes are numbers there."""
    text = change.after or ""
    return int(text) if change.field.endswith("InMinutes") else text


def _propagation(facts: Facts, policy: SetupPolicy) -> Propagation:
    def keys(one: UserProfile | Space) -> Iterable[str]:
        return facts.tags.get(one.arn, {})

    together = most_tags_together(
        facts.domain_tags,
        {profile.name: keys(profile) for profile in facts.studio.profiles},
        [(space.owner_profile_name, keys(space)) for space in facts.studio.spaces],
        {policy.user_key, *policy.account_keys},
    )
    return decide_propagation(facts.roles, together, is_on=facts.studio.domain.propagates_tags)


def _of_domain(facts: Facts, policy: SetupPolicy, limits: IdleLimits, propagation: Propagation, attachment: Attachment) -> Iterator[Change]:
    domain = facts.studio.domain
    if propagation.switch_on:
        yield Change(domain.arn, "TagPropagation", "DISABLED", "ENABLED", "every execution role in use may tag, and 50 tags are not reached")
    reason = f"domain tag {IDLE_TAG}" if limits != policy.idle else "parameters of the deployment"
    defaults = {"DefaultUserSettings": idle_of_defaults(domain.default_user_settings, APPS_OF_USERS, limits, reason)}
    if domain.default_space_settings is not None:
        defaults["DefaultSpaceSettings"] = idle_of_defaults(domain.default_space_settings, APPS_OF_SHARED_SPACES, limits, reason)
    for root, settings in defaults.items():
        yield from (_change(domain.arn, setting, root) for setting in settings)
    yield from attachment.settings
    tags = decide_domain_tags(facts.account_tags, facts.domain_tags, facts.copied, policy.account_keys)
    yield from (Change(domain.arn, f"tag:{tag.key}", tag.before, tag.after, tag.reason) for tag in tags)


def _overrides(studio: Studio, limits: IdleLimits) -> Iterator[tuple[Change, ...]]:
    """The changes of each profile and space that breaks the limits. What is not in service cannot be changed, nor the spaces of a profile that breaks
    them and is not: they are looked at when it is."""
    profiles = {profile.name: profile for profile in studio.profiles}
    for profile in studio.profiles:
        if profile.stage is Stage.USABLE and (settings := tuple(idle_of_profile(profile.user_settings, limits))):
            yield tuple(_change(profile.arn, setting) for setting in settings)
    for space in studio.spaces:
        owner = profiles.get(space.owner_profile_name or "")
        of_owner = owner.user_settings if owner else {}
        if owner and owner.stage is not Stage.USABLE and any(idle_of_profile(of_owner, limits)):
            continue
        if space.stage is Stage.USABLE and (settings := tuple(idle_of_space(space.space_settings, limits, of_owner))):
            yield tuple(_change(space.arn, setting) for setting in settings)


def _change(arn: str, setting: SettingToSet, *root: str) -> Change:
    before = None if setting.before is None else str(setting.before)
    return Change(arn, ".".join((*root, *setting.path)), before, str(setting.after), f"{setting.reason}; {IDLE_HOLDS_FOR}")


# -- what only people can put right


def domain_failed(domain: Domain) -> Finding:
    """SageMaker could not make it, or not delete it."""
    message = f"Domain {domain.domain_id} is {domain.status}, nothing was set up. SageMaker says: {domain.failure_reason or 'nothing'}"
    return Finding("DomainFailed", domain.arn, message)


def _update_failed(facts: Facts) -> Iterator[Finding]:
    domain = facts.studio.domain
    message = (
        f"The last update of domain {domain.domain_id} failed: it works on with its settings from before. SageMaker says: "
        f"{domain.failure_reason or 'nothing'}"
    )
    yield Finding("DomainUpdateFailed", domain.arn, message)


def _tag_out_of_bounds(facts: Facts, limits: IdleLimits) -> Finding:
    domain = facts.studio.domain
    message = (
        f"Tag {IDLE_TAG} of domain {domain.domain_id} is '{facts.domain_tags[IDLE_TAG]}', which is no number of minutes from {limits.minimum} to "
        f"{limits.maximum}: {limits.timeout} minutes stand. Correct the tag, or remove it."
    )
    return Finding("IdleTagOutOfBounds", domain.arn, message)


def _against_propagation(facts: Facts, propagation: Propagation) -> Iterator[Finding]:
    domain = facts.studio.domain
    state = "is on, so that they can create nothing there" if domain.propagates_tags else "stays off"
    if propagation.not_allowed:
        message = (
            "Execution roles may not tag what is made with them (sagemaker:AddTags on spaces, apps and jobs, as they are created, with every tag "
            "key of domain, profiles and spaces, ours, and sagemaker:domain-arn, sagemaker:user-profile-arn and sagemaker:space-arn): "
            f"{_named(propagation.not_allowed)}. TagPropagation of domain {domain.domain_id} {state}. Allow it, as AmazonSageMakerFullAccess does: "
            "the rest follows by the next reconciliation, or when the domain is changed."
        )
        yield Finding("RolesMayNotTag", domain.arn, message)
    if propagation.missing:
        message = (
            f"Execution roles of domain {domain.domain_id}, or of profiles in it, do not exist: {_named(propagation.missing)}. Make them, or have "
            f"others used there. TagPropagation {'is on all the same' if domain.propagates_tags else 'stays off'}."
        )
        yield Finding("ExecutionRolesMissing", domain.arn, message)
    if propagation.most_tags:
        state = "is on, so that it cannot be created" if domain.propagates_tags else "stays off"
        message = (
            f"Something made in domain {domain.domain_id} would have {propagation.most_tags} tags, of domain, profile and space together, with ours "
            f"and SageMaker's own, and {MOST_TAGS} are too many: TagPropagation {state}. Remove tags that are not needed."
        )
        yield Finding("TooManyTagsTogether", domain.arn, message)


def _differs(facts: Facts, changes: Iterable[Change]) -> Finding:
    domain = facts.studio.domain
    message = (
        f"Domain {domain.domain_id} was not made by a product of ours (it has no tag {PRODUCT_TAG}) and is not changed: {in_words(changes)}. "
        "Put it right, or have such domains corrected (parameter ForeignDomains)."
    )
    return Finding("ForeignDomainDiffers", domain.arn, message)


def _left_out_of_bounds(facts: Facts, left: tuple[tuple[Change, ...], ...], *, some_corrected: bool) -> Finding:
    domain = facts.studio.domain
    names = [f"{changes[0].resource.split(':')[5]} ({', '.join(_short(change) for change in changes)})" for changes in left]
    why = (
        "more than are corrected in one run (parameter MostIdleCorrections): the next one goes on with them"
        if some_corrected
        else "reported and not corrected (parameter IdleOverrides)"
    )
    message = f"Own idle settings of {len(left)} profiles and spaces in domain {domain.domain_id} break the bounds, {why}: {_named(names)}."
    return Finding("IdleSettingsOutOfBounds", domain.arn, message)


def _short(change: Change) -> str:
    path = path_of(change)
    return f"{path[0].removesuffix('AppSettings')} {path[-1]} {_quoted(change.before)}"


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = f", and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more


def _quoted(value: str | None) -> str:
    return "missing" if value is None else f"'{value}'"
