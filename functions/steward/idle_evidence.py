"""All that is known of the apps of one account and Region, in as few calls as may be: one for a hundred apps, spaces or tagged things, one for each
domain in which an app runs, one for five hundred Canvas apps. Where none runs, the list of apps is all. Where there are many spaces, they and user
profiles are asked for their tags only where these can matter, of idle apps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steward.idle_spaces import SpaceMemory, space_path
from steward.resources.apps import App, describe_app, list_apps
from steward.resources.canvas import CanvasUser, Unused, canvas_unused
from steward.resources.clients import MemberSession
from steward.resources.domains import Domain, describe_domain
from steward.resources.spaces import OwnedSpace
from steward.resources.tags import MOST_ARNS_OF_A_CALL, NOT_THERE, path_of, read_tags, read_tags_of, read_tags_of_types
from steward.rules.idle import AppSeen, CanvasIdle
from steward.rules.idle_policy import Place as Where
from steward.rules.native_idle import SETTINGS, NativeIdle, native_of
from steward.sweeps import Place

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Tags = Mapping[str, str]
NONE: Tags = {}

OF_APPS, OF_WHAT_THEY_BELONG_TO = ("sagemaker:app", "sagemaker:domain"), ("sagemaker:space", "sagemaker:user-profile")
FEW_SPACES = 100
"""So many are listed with their tags, as their user profiles are: to ask for those of idle apps alone would take as many calls."""

PROBES, MOST_ASKED = 3, 20
"""Where GetResources knows no app: so many are asked for their tags by themselves, to learn whether they have none or GetResources is silent on them;
and so many in all, in turns from run to run, where it is the second. Each takes two calls."""

DISTRIBUTION = "/sagemaker-distribution"
"""Part of the ARN of each image whose versions are those of SageMaker Distribution."""


@dataclass(frozen=True)
class Studios:
    """What was read. `apps`: those in service; `listed`: how many there are that did not end. `tags`, `spaces` and `arns`, which are those of what
    GetResources knows, are by `path_of` the ARN. `is_whole`: spaces and user profiles are among them. `hidden_tags`: apps there have tags, and
    GetResources knows none of them."""

    place: Place
    partition: str
    apps: tuple[App, ...] = ()
    listed: int = 0
    tags: Mapping[str, Tags] = field(default_factory=dict)
    arns: Mapping[str, str] = field(default_factory=dict)
    spaces: Mapping[str, OwnedSpace] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    canvas: Mapping[CanvasUser, Unused] = field(default_factory=dict)
    is_whole: bool = True
    hidden_tags: bool = False

    @cached_property
    def known_types(self) -> frozenset[str]:
        """The types of what GetResources knows here, as they begin paths: of others it may know nothing at all."""
        return frozenset(path.split("/")[0] for path in self.tags)

    def space_of(self, app: App) -> OwnedSpace | None:
        return self.spaces.get(space_path(app.domain_id, app.space_name)) if app.space_name else None

    def profile_of(self, app: App) -> str | None:
        """The name of the user profile that it, or its space, belongs to."""
        space = self.space_of(app)
        return app.user_profile_name or (space.owner_profile_name if space else None)

    def native_of(self, app: App) -> NativeIdle | None:
        """As the domain has it: for its users, or for the spaces that they share."""
        domain, space = self.domains[app.domain_id], self.space_of(app)
        is_shared = space is not None and not space.is_private
        settings = domain.default_space_settings if is_shared else domain.default_user_settings
        return native_of(settings, app.app_type, domain.last_modified) if app.app_type in SETTINGS else None

    def tags_around(self, app: App) -> dict[Where, Tags]:
        """Those of its space, user profile and domain, as far as GetResources knows them."""
        paths = paths_around(app.domain_id, app.space_name, self.profile_of(app))
        return {where: self.tags.get(path, NONE) for where, path in paths.items() if path in self.tags or self._is_listed(path.split("/")[0])}

    def _is_listed(self, kind: str) -> bool:
        """Whether GetResources knows things of this type, and was asked for all of them: what it does not say has no tags."""
        return kind in self.known_types and (self.is_whole or kind == "domain")

    def seen(self, app: App) -> AppSeen:
        """The app as the rules want it."""
        tags = self.tags_around(app)
        return AppSeen(
            domain_id=app.domain_id,
            app_type=app.app_type,
            app_name=app.app_name,
            created=app.created,
            status=app.status,
            user_profile_name=app.user_profile_name,
            space_name=app.space_name,
            instance_type=app.instance_type,
            image_version=app.image_version if app.image_arn is None or DISTRIBUTION in app.image_arn else None,
            training_plan=app.training_plan_arn is not None,
            of_unified_studio=self.domains[app.domain_id].is_of_unified_studio,
            native=self.native_of(app),
            tags=self.tags.get(app.path, NONE),
            space_tags=tags.get(Where.SPACE, NONE),
            profile_tags=tags.get(Where.PROFILE, NONE),
            domain_tags=tags.get(Where.DOMAIN, NONE),
            account_tags=self.place.account_tags,
        )

    @property
    def prefix(self) -> str:
        """Of each ARN here, down to the account."""
        return f"arn:{self.partition}:sagemaker:{self.place.region}:{self.place.account_id}"

    def arn(self, app: App, where: Where) -> str:
        """Of the app, or what it belongs to, for people: the case of an app's type in it may be another."""
        if where is Where.ACCOUNT:
            return self.place.account_arn
        path = app.path if where is Where.APP else paths_around(app.domain_id, app.space_name, self.profile_of(app))[where]
        return f"{self.prefix}:{path}"

    def canvas_idle(self, app: App) -> CanvasIdle | None:
        return canvas_idle(self.canvas, app.domain_id, app.user_profile_name) if app.app_type == "Canvas" else None


def paths_around(domain_id: str, space_name: str | None, profile_name: str | None) -> dict[Where, str]:
    """The paths of what an app belongs to, in lower case."""
    return {where: path.lower() for where, path in _as_named(domain_id, space_name, profile_name).items()}


def _as_named(domain_id: str, space_name: str | None, profile_name: str | None) -> dict[Where, str]:
    space = {Where.SPACE: f"space/{domain_id}/{space_name}"} if space_name else {}
    profile = {Where.PROFILE: f"user-profile/{domain_id}/{profile_name}"} if profile_name else {}
    return {Where.DOMAIN: f"domain/{domain_id}", **space, **profile}


def arns_around(prefix: str, domain_id: str, space_name: str | None, profile_name: str | None) -> dict[Where, tuple[str, ...]]:
    """What an app belongs to may have these ARNs: with names as they are listed, or all in lower case. Which of the two AWS does not say; under the
    other nothing is known. `prefix`: down to the account."""
    paths = _as_named(domain_id, space_name, profile_name)
    return {where: tuple(dict.fromkeys((f"{prefix}:{path}", f"{prefix}:{path.lower()}"))) for where, path in paths.items()}


def canvas_idle(canvas: Mapping[CanvasUser, Unused], domain_id: str, profile_name: str | None) -> CanvasIdle | None:
    """As the rules want it; None where CloudWatch has no value."""
    unused = canvas.get((domain_id, profile_name or ""))
    return CanvasIdle(unused.measured, unused.time) if unused else None


def read_studios(place: Place, session: MemberSession, memory: SpaceMemory, now: datetime) -> Studios:
    """Whatever runs there, and all that says something of it, but nothing that takes a call for each app."""
    sagemaker: SageMakerClient = session.client("sagemaker")
    listed = [app for app in list_apps(sagemaker) if app.status != "Deleted"]
    running = [app for app in listed if app.status == "InService"]
    if not running:
        return Studios(place, sagemaker.meta.partition, listed=len(listed))
    needed = {space_path(app.domain_id, app.space_name) for app in running if app.space_name}
    spaces = memory.spaces(place, sagemaker, needed, now) if needed else {}
    is_whole = len(spaces) <= FEW_SPACES
    known = read_tags_of_types(session.client("resourcegroupstaggingapi"), *OF_APPS, *(OF_WHAT_THEY_BELONG_TO if is_whole else ()))
    described = {domain_id: describe_domain(sagemaker, domain_id) for domain_id in dict.fromkeys(app.domain_id for app in running)}
    domains = {domain_id: domain for domain_id, domain in described.items() if domain is not None}
    users = [(app.domain_id, app.user_profile_name) for app in running if app.app_type == "Canvas" and app.user_profile_name]
    return Studios(
        place,
        sagemaker.meta.partition,
        apps=tuple(app for app in running if app.domain_id in domains),
        listed=len(listed),
        tags={path_of(arn): tags for arn, tags in known.items()},
        arns={path_of(arn): arn for arn in known},
        spaces=spaces,
        domains=domains,
        canvas=canvas_unused(session.client("cloudwatch"), users, now) if users else {},
        is_whole=is_whole,
    )


def ask_around(studios: Studios, session: MemberSession, matters: Callable[[App], bool]) -> Studios:
    """The same, with the tags of the spaces and user profiles of those apps for which they matter, where they are not known yet: by their ARNs or, if
    these are more than a call takes, of all that GetResources knows."""
    owners = [] if studios.is_whole else [(app.domain_id, app.space_name, studios.profile_of(app)) for app in studios.apps if matters(app)]
    both = (arns_around(studios.prefix, *owner) for owner in owners)
    arns = list(dict.fromkeys(arn for around in both for where, either in around.items() if where is not Where.DOMAIN for arn in either))
    if not arns:
        return studios
    tagging = session.client("resourcegroupstaggingapi")
    is_whole = len(arns) > MOST_ARNS_OF_A_CALL
    known = read_tags_of_types(tagging, *OF_WHAT_THEY_BELONG_TO) if is_whole else read_tags_of(tagging, arns)
    return replace(studios, tags={**studios.tags, **{path_of(arn): tags for arn, tags in known.items()}}, is_whole=is_whole)


def ask_for_tags(studios: Studios, session: MemberSession, now: datetime, matters: Callable[[App], bool]) -> Studios:
    """The same, with the tags of some apps by themselves, where GetResources knows of none: of those that matter, others from run to run. Where the
    first of them have no tag either, apps there have none."""
    candidates = [app for app in studios.apps if matters(app)]
    if "app" in studios.known_types or not candidates:
        return studios
    sagemaker: SageMakerClient = session.client("sagemaker")
    first = int(now.timestamp()) // 3600 * MOST_ASKED % len(candidates)
    in_turn = (candidates[first:] + candidates[:first])[:MOST_ASKED]
    found = _tags_of(sagemaker, in_turn[:PROBES])
    if found:
        found |= _tags_of(sagemaker, in_turn[PROBES:])
    return replace(studios, tags={**studios.tags, **found}, hidden_tags=bool(found))


def _tags_of(sagemaker: "SageMakerClient", apps: Iterable[App]) -> dict[str, Tags]:
    """Of those that have any, under the ARN that DescribeApp says they have. One that goes meanwhile has none."""
    found: dict[str, Tags] = {}
    for app in apps:
        described = describe_app(sagemaker, app.name)
        if described is None or described.status != "InService":
            continue
        try:
            found[app.path] = read_tags(sagemaker, described.arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_THERE:
                raise
    return {path: tags for path, tags in found.items() if tags}
