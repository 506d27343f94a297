"""What would the workflows do for this Studio? Foretold by the same functions that they decide by, and nothing else: a rule of its own would one day
say something else than they do, and start executions for nothing, day after day."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steward.attachment import Reporter, is_publication
from steward.changes import Change, Finding
from steward.cost_tags import broken, user_of, what_is_unknown
from steward.resources.catalog import Portfolio, Principals
from steward.resources.profiles import UserProfile
from steward.resources.records import DEFAULT, PROFILE, SPACE_DEFAULT, Records
from steward.resources.spaces import Space
from steward.resources.studio import Stage
from steward.resources.studios import Studio
from steward.rules.access import LOCATION_TAG, decide_access, decide_location
from steward.rules.domain_settings import RoleSays
from steward.rules.reporter_settings import NOTHING, SLOT
from steward.rules.tags import decide_cost_tags
from steward.setups import Facts, SetupPolicy, decide_setup, domain_failed
from steward.sweeps import DomainPlace, Place, Start
from steward.template_access import location_differs, portfolio_is_full

Tags = Mapping[str, str]

LONGEST_REASON = 200

IDLE_IN_WORDS = {
    "LifecycleManagement": "idle shutdown",
    "IdleTimeoutInMinutes": "the idle timeout",
    "MinIdleTimeoutInMinutes": "the shortest idle timeout",
    "MaxIdleTimeoutInMinutes": "the longest idle timeout",
}


@dataclass(frozen=True)
class Access:
    """To the project templates of an account and Region. `portfolio` and its `principals` are None where it is not there, though enabled. `findings`
    are of the roles that they need."""

    is_enabled: bool
    portfolio: Portfolio | None = None
    principals: Principals | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Observed:
    """One domain as it is. `tags` by ARN: who is not in there has none, and who has None is gone meanwhile. `roles`: the execution roles in use, and
    whether they may tag. `unreadable`: that some of them cannot read templates of our own. `reporter`: the activity reporter, None where it
    is left."""

    place: DomainPlace
    studio: Studio
    tags: Mapping[str, Tags | None]
    records: Records
    roles: Mapping[str, RoleSays]
    access: Access
    unreadable: tuple[Finding, ...] = ()
    reporter: Reporter | None = None

    @property
    def domain_tags(self) -> Tags:
        return self.tags.get(self.studio.domain.arn) or {}

    def start(self, workflow: str, resource: str, reason: str, **subject: Any) -> Start:
        """Of an execution for this domain, or for something in it."""
        place = self.place
        return Start(
            workflow=workflow,
            account_id=place.account_id,
            region=place.region,
            held=place.held,
            resource=resource,
            reason=reason[:LONGEST_REASON],
            domain_id=place.domain_id,
            **subject,
        )

    def start_for_place(self, workflow: str, reason: str) -> Start:
        """Of one for the whole account and Region: the same, whichever domain of it is looked at."""
        return self.start(workflow, self.place.account_arn, reason).model_copy(update={"domain_id": None})


def compare_records(place: Place, records: Records, domain_ids: Collection[str]) -> Iterator[Start]:
    """An execution of template_enablement for each domain that has gone and whose roles are still remembered as in use; or one where we associated
    roles and there is no domain any more. Where there is one, whoever looks into it compares the roles."""
    gone = sorted({domain_id for domain_id, _ in records.known} - set(domain_ids))
    whats: list[tuple[str | None, str]] = [(domain_id, f"domain {domain_id} is gone, and its roles are remembered") for domain_id in gone]
    if records.principals and not gone and not domain_ids:
        whats.append((None, "there is no domain any more, and roles that we associated are remembered"))
    for domain_id, reason in whats:
        yield Start(
            workflow="template_enablement",
            account_id=place.account_id,
            region=place.region,
            held=place.held,
            resource=place.account_arn,
            reason=reason,
            domain_id=domain_id,
        )


def compare(observed: Observed, policy: SetupPolicy, templates_location: str) -> Iterator[Start | Finding]:
    """With everything that a domain should be. What is not in service yet has an execution that waits for it; should that have been lost, it is found
    the next time."""
    of_setup = list(compare_setup(observed, policy))
    yield from of_setup
    is_set_up = any(isinstance(one, Start) for one in of_setup)
    templates = compare_templates(observed, templates_location)
    yield from (one for one in templates if not (is_set_up and isinstance(one, Start)))  # domain_setup ends with template_enablement
    yield from compare_cost_tags(observed, policy)


def compare_setup(observed: Observed, policy: SetupPolicy) -> Iterator[Start | Finding]:
    """An execution of domain_setup where that would write something."""
    domain = observed.studio.domain
    if domain.stage is Stage.BROKEN:
        yield domain_failed(domain)
    if domain.stage is not Stage.USABLE:
        return
    facts = Facts(
        studio=observed.studio,
        tags={arn: tags for arn, tags in observed.tags.items() if tags is not None},
        roles=observed.roles,
        account_tags=observed.place.account_tags,
        copied=observed.records.copies_on(domain.domain_id),
        reporter=observed.reporter,
    )
    setup = decide_setup(facts, policy)
    yield from setup.findings
    if setup.changes:
        yield observed.start("domain_setup", domain.arn, _in_words(_of_change(change, domain.arn) for change in setup.changes))


def compare_templates(observed: Observed, location: str) -> Iterator[Start | Finding]:
    """An execution of template_enablement where that would enable, associate, release or tag something: for the domain where something is different
    in it, else for its whole account and Region. `location` is where templates of our own are, empty for nowhere."""
    domain, access = observed.studio.domain, observed.access
    if domain.stage is not Stage.USABLE:
        return
    of_domain = list(_differences_of_uses(observed))
    if location:
        recorded = observed.records.domain_tags.get((domain.domain_id, LOCATION_TAG))
        decided = decide_location(observed.domain_tags.get(LOCATION_TAG), location, recorded)
        of_domain += [f"the domain's tag {LOCATION_TAG} does not say where the project templates are"] if decided.to_set else []
        if decided.is_somebody_elses:
            yield location_differs(domain.arn, observed.domain_tags[LOCATION_TAG], location)
    yield from (*access.findings, *observed.unreadable)
    if not access.is_enabled:
        yield observed.start_for_place("template_enablement", "project templates are not enabled")
    elif of_domain:
        yield observed.start("template_enablement", domain.arn, _in_words(of_domain))
    elif access.portfolio is None or access.principals is None:
        if observed.records.uses:
            yield observed.start_for_place("template_enablement", "project templates are enabled, and their portfolio is not there")
    else:
        decision = decide_access(observed.records.uses, access.principals.roles, observed.records.principals, principals=access.principals.count)
        if decision.to_associate or decision.to_release:
            yield observed.start_for_place("template_enablement", "the execution roles in use are not those that the portfolio lets in")
        if decision.without_room:
            yield portfolio_is_full(access.portfolio.arn, decision.without_room)


def _differences_of_uses(observed: Observed) -> Iterator[str]:
    """Whose execution role is not the one that is recorded. A profile that is no use to anybody yet, or broken, counts as recorded."""
    domain, recorded = observed.studio.domain, {user: role for user, role in observed.records.uses.items() if user[0] == observed.place.domain_id}
    roles = {DEFAULT: domain.default_user_settings.get("ExecutionRole"), SPACE_DEFAULT: (domain.default_space_settings or {}).get("ExecutionRole")}
    for profile in observed.studio.profiles:
        who = PROFILE + profile.name
        roles[who] = profile.execution_role if profile.stage is Stage.USABLE else recorded.get((domain.domain_id, who))
    now = {(domain.domain_id, who): role for who, role in roles.items() if role}
    for user in sorted(now.keys() | recorded.keys()):
        if now.get(user) != recorded.get(user):
            yield f"the execution role of {_user(user[1])} is not the one that is remembered"


def compare_cost_tags(observed: Observed, policy: SetupPolicy) -> Iterator[Start | Finding]:
    """An execution of profile_cost_tagging for each profile and space that lacks a tag that it can have."""
    profiles = {profile.name: profile for profile in observed.studio.profiles}
    members: tuple[UserProfile | Space, ...] = (*observed.studio.profiles, *observed.studio.spaces)
    for resource in members:
        present = observed.tags.get(resource.arn, {})
        if resource.stage is Stage.BROKEN:
            yield broken(resource)
        elif resource.stage is Stage.USABLE and present is not None:
            yield from _compare_tags(observed, policy, resource, profiles, present)


def _compare_tags(
    observed: Observed, policy: SetupPolicy, resource: UserProfile | Space, profiles: Mapping[str, UserProfile], present: Tags
) -> Iterator[Start | Finding]:
    place = observed.place
    decision = decide_cost_tags(
        user_of(resource, profiles.get),
        account_tags=place.account_tags,
        domain_tags=observed.domain_tags,
        present=present,
        user_key=policy.user_key,
        account_keys=policy.account_keys,
        copied=observed.records.copies_on(place.domain_id),
    )
    yield from what_is_unknown(resource, decision, account_id=place.account_id, account_arn=place.account_arn, user_tag_key=policy.user_key)
    if decision.to_set:
        subject = {"user_profile_name": resource.name} if isinstance(resource, UserProfile) else {"space_name": resource.name}
        differences = (_of_tag(tag.key, tag.before, tag.after) for tag in decision.to_set)
        yield observed.start("profile_cost_tagging", resource.arn, _in_words(differences), **subject)


# -- in words


def _in_words(differences: Iterable[str]) -> str:
    """What differs, as far as there is room: the rest is counted, and no word cut off."""
    told = list(dict.fromkeys(differences))
    kept, room = 0, LONGEST_REASON - len("; and 1000 more")
    while kept < len(told) and (not kept or len("; ".join(told[: kept + 1])) <= room):
        kept += 1
    return "; ".join(told[:kept]) + (f"; and {len(told) - kept} more" if kept < len(told) else "")


def _of_change(change: Change, domain_arn: str) -> str:
    """Of a setting what it is and the app that it is of, not the whole path to it."""
    if change.field == "TagPropagation":
        return "tag propagation is off"
    if is_publication(change):
        return "the activity reporter is not published"
    if change.field.startswith("tag:"):
        return _of_tag(change.field.removeprefix("tag:"), change.before, change.after)
    app = next((name.removesuffix("AppSettings") for name in change.field.split(".") if name.endswith("AppSettings")), "")
    whose = "by default" if change.resource == domain_arn else f"of {' '.join(change.resource.rsplit(':', 1)[-1].split('/')[::2])}"
    name = change.field.rsplit(".", 1)[-1]
    if name == SLOT:
        return f"the activity reporter of {app} {whose} is {'not attached' if change.before in (None, NOTHING) else 'an older one'}"
    what = " of ".join(filter(None, (IDLE_IN_WORDS.get(name, name), app)))
    return f"{what} {whose} is {'not set' if change.before is None else change.before}, to be {change.after}"


def _of_tag(key: str, before: str | None, after: str | None) -> str:
    return f"the tag {key} is missing" if before is None else f"the tag {key} is not '{after}'"


def _user(who: str) -> str:
    """Of a role in a domain, as it is remembered."""
    named = {DEFAULT: "the domain's users by default", SPACE_DEFAULT: "its shared spaces by default"}
    return named.get(who) or f"user profile {who.removeprefix(PROFILE)}"
