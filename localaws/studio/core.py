"""What domains, user profiles, spaces and apps have in common: names, statuses that change with time, and lists."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from localaws.billing import note_use
from localaws.cloud import AwsError, Call, Cloud
from localaws.paging import page

Kind = Literal["Domain", "UserProfile", "Space", "App", "StudioLifecycleConfig"]
Change = Literal["creation", "update", "deletion"]
Item = dict[str, Any]

SECONDS: dict[tuple[Kind, Change], float] = {
    ("Domain", "creation"): 120,
    ("Domain", "update"): 15,
    ("Domain", "deletion"): 120,
    ("UserProfile", "creation"): 15,
    ("UserProfile", "update"): 5,
    ("UserProfile", "deletion"): 15,
    ("Space", "creation"): 5,
    ("Space", "update"): 5,
    ("Space", "deletion"): 10,
    ("App", "creation"): 60,
    ("App", "deletion"): 120,
}
"""How long each change takes. AWS gives no figures; deleting an app has been seen to take up to 20 minutes (cloudformation-coverage-roadmap 1754)."""

ENDED = ("Deleted", "Failed")
"""An app's statuses after its end: it keeps nothing in use any more, and its name is free again."""

TAGS_REMEMBERED = 24 * 3600

DEFAULT_PAGE = 10
"""MaxResults of every list of Studio, where none is given [botocore, doc of MaxResults]."""

_STATUS_WHILE: dict[Change, str] = {"creation": "Pending", "update": "Updating", "deletion": "Deleting"}
_STATUS_FAILED: dict[Change, str] = {"creation": "Failed", "update": "Update_Failed", "deletion": "Delete_Failed"}


@dataclass
class Behaviour:
    """How Studio behaves in one cloud: how long things take, what fails next, and which answer AWS gives where its documentation leaves it open."""

    seconds: dict[tuple[Kind, Change], float] = field(default_factory=lambda: dict(SECONDS))
    failing: list[tuple[Kind, Change, str]] = field(default_factory=list)
    tagging_pending: Literal["allowed", "ValidationException"] = "allowed"
    """AddTags and DeleteTags on something whose creation is not over. Not verified."""
    tagging_missing: Literal["ValidationException", "ResourceNotFound"] = "ValidationException"
    """Tag calls for an ARN that is not there. Verified for deleted apps only: aws/amazon-sagemaker-feedback issue 108."""
    too_many_tags: Literal["ResourceLimitExceeded", "ValidationException"] = "ResourceLimitExceeded"
    """More than 50 tags on one thing. Neither is modelled for AddTags."""
    app_type_in_arn: Literal["lower", "as given"] = "lower"
    """``app/d-1/alice/jupyterlab/default``, or ``JupyterLab``: published ARNs have both."""
    omitted_settings: Literal["kept", "lost"] = "kept"
    """Members of settings that UpdateDomain, UpdateUserProfile or UpdateSpace leave out of a structure they give, see `localaws.studio.settings`."""
    space_update_with_apps: Literal["allowed", "ResourceInUse"] = "allowed"
    """UpdateSpace while an app of the space runs. AWS Toolkit for VS Code updates a space before it starts an app; nothing says that it has to."""
    restart_keeps_creation_time: bool = True
    """An app created again within 24 hours of its end keeps its CreationTime: botocore says so of DescribeApp, nobody has measured it."""
    missing_lifecycle_configs: Literal["allowed", "ValidationException"] = "allowed"
    """Settings or apps that name a lifecycle configuration that is not there, or is for apps of another type. Not documented."""
    space_tags_on_apps: bool = True
    """An app of a space carries the space's tags. AddTags' documentation promises it of domains and user profiles only."""
    new_classic_apps: Literal["allowed", "ValidationException"] = "allowed"
    """CreateApp of JupyterServer and KernelGateway: no new one starts since 2025 [Developer Guide]; old ones can be planted."""
    health_checks_count_as_activity: bool = True
    """An app's health check moves LastUserActivityTimestamp too [botocore, DescribeAppResponse]. False: as it would be if AWS mended that."""
    deleting_while_changing: Literal["ResourceInUse", "ValidationException"] = "ResourceInUse"
    """DeleteApp of an app that is Pending or Deleting. The first is modelled, neither is observed."""
    deleting_what_is_gone: Literal["ValidationException", "ResourceNotFound"] = "ValidationException"
    """DeleteApp of an app that is Deleted and still listed. The first is what Terraform's provider looks for."""
    deleting_what_failed: Literal["ValidationException", "allowed"] = "ValidationException"
    """DeleteApp of an app that is Failed. The first is what Terraform's provider looks for."""


@dataclass(frozen=True)
class Name:
    """What a call names: its place in our table, and its ARN after the account. AWS takes names in any case and writes ARNs in lower case."""

    kind: Kind
    key: tuple[str, ...]
    path: str


@dataclass(eq=False)
class Resource:
    """One thing of Studio. `attributes` are what Describe answers, by AWS's member names; `number` is its place in the order of creation.

    `tagged` are its tags by the virtual time since when they have been these, in the order of time; empty if it never had a tag. `used` is when
    somebody last did something in an app, as far as a test has said so.
    """

    name: Name
    arn: str
    account: str
    region: str
    number: int
    attributes: Item
    tags: dict[str, str]
    tagged: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    used: datetime | None = None

    @property
    def kind(self) -> Kind:
        return self.name.kind

    @property
    def status(self) -> str:
        return str(self.attributes["Status"])

    def tag(self, tags: dict[str, str], now: float) -> None:
        """These are its tags from now on. What was so until more than a day ago nobody asks for."""
        self.tags = tags
        self.tagged = [each for each, (until, _) in pairwise(self.tagged) if until > now - TAGS_REMEMBERED] + self.tagged[-1:]
        if tags or self.tagged:
            self.tagged.append((now, tags))

    def tags_at(self, moment: float) -> dict[str, str] | None:
        """Its tags at a time of the last day, {} after the last was deleted; None before it had the first."""
        return next((tags for since, tags in reversed(self.tagged) if since <= moment), None)


def behaviour(cloud: Cloud) -> Behaviour:
    """The one `Behaviour` of this cloud: a test or a demo changes its fields."""
    found: Behaviour = cloud.table("sagemaker:Behaviour", "", "").setdefault("studio", Behaviour())
    return found


def fail_next(cloud: Cloud, kind: Kind, reason: str, change: Change = "creation") -> None:
    """The next creation (update, deletion) of this kind, in whichever account, takes its time and then ends Failed with this FailureReason."""
    if (kind, change) not in SECONDS or (kind, change) == ("App", "deletion"):
        raise ValueError(f"AWS has no status for the failed {change} of a {kind}")
    behaviour(cloud).failing.append((kind, change, reason))


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


# -- finding


def table(cloud: Cloud, kind: Kind, account: str, region: str) -> dict[tuple[str, ...], Resource]:
    return cloud.table(f"sagemaker:{kind}", account, region)


def by_arn(cloud: Cloud, account: str, region: str) -> dict[str, Resource]:
    return cloud.table("sagemaker:Arn", account, region)


def find(cloud: Cloud, call: Call, name: Name) -> Resource | None:
    return table(cloud, name.kind, call.account, call.region).get(name.key)


def get(cloud: Cloud, call: Call, name: Name) -> Resource:
    resource = find(cloud, call, name)
    if resource is None:
        raise AwsError("ResourceNotFound", f"{name.kind} [{call.arn(name.path)}] does not exist.")
    return resource


def every(cloud: Cloud, call: Call, kind: Kind) -> list[Resource]:
    return list(table(cloud, kind, call.account, call.region).values())


def get_in_service(cloud: Cloud, call: Call, name: Name) -> Resource:
    """For what something else is to be made in or on: InService, or as it was before an update that failed. AWS models no error for it."""
    resource = get(cloud, call, name)
    if resource.status not in ("InService", "Update_Failed"):
        raise invalid(f"{resource.kind} [{resource.arn}] is not InService: its status is {resource.status}.")
    return resource


def require_idle(resource: Resource) -> None:
    """While one change is under way AWS takes no other."""
    if resource.status in _STATUS_WHILE.values():
        raise AwsError("ResourceInUse", f"{resource.kind} [{resource.arn}] is in use: its status is {resource.status}.")


def apps_of(cloud: Cloud, call: Call, owner: Resource) -> list[Resource]:
    """The owner's apps that have not ended."""
    domain_id, name = owner.name.key
    apps = [app for app in every(cloud, call, "App") if app.name.key[:3] == (domain_id, owner.kind, name)]
    return [app for app in apps if app.status not in ENDED]


def require_no_dependents(resource: Resource, dependents: dict[str, list[Resource]]) -> None:
    for kind, found in dependents.items():
        if found:
            raise AwsError("ResourceInUse", f"Unable to delete {resource.kind} [{resource.arn}] because {kind}(s) are associated with it.")


# -- changing


def create(cloud: Cloud, call: Call, name: Name, attributes: Item, tags: dict[str, str]) -> Resource:
    """Pending at once, InService when its time has come."""
    now = cloud.clock.datetime()
    resource = put(cloud, call, name, {"CreationTime": now, "LastModifiedTime": now, **attributes}, tags)
    begin(cloud, resource, "creation", lambda: set_status(cloud, resource, "InService"))
    return resource


def put(cloud: Cloud, call: Call, name: Name, attributes: Item, tags: dict[str, str]) -> Resource:
    """Into its table, as the last that was created. `ResourceInUse` if its name is taken."""
    resources = table(cloud, name.kind, call.account, call.region)
    arn = call.arn(name.path)
    if name.key in resources:
        raise AwsError("ResourceInUse", f"{name.kind} [{arn}] already exists.")
    numbers = cloud.table("sagemaker:Number", "", "")
    numbers["last"] = numbers.get("last", 0) + 1
    resource = Resource(name, arn, call.account, call.region, numbers["last"], attributes, {})
    resource.tag(tags, cloud.clock.now)
    resources[name.key] = by_arn(cloud, call.account, call.region)[arn] = resource
    note_use(cloud, tags, costs=name.kind == "App")
    return resource


def begin(cloud: Cloud, resource: Resource, change: Change, end: Callable[[], None], undo: Callable[[], None] = lambda: None) -> None:
    """The status that says so now, `end` after this change's time, at once if that is 0; or `undo` and Failed where `fail_next` has said so."""
    settings = behaviour(cloud)
    failure = next((entry for entry in settings.failing if entry[:2] == (resource.kind, change)), None)
    if failure:
        settings.failing.remove(failure)
        reason = failure[2]

        def end() -> None:
            undo()
            set_status(cloud, resource, _STATUS_FAILED[change], reason)

    seconds = settings.seconds[resource.kind, change]
    set_status(cloud, resource, _STATUS_WHILE[change])
    if seconds:
        cloud.clock.later(seconds, end)
    else:
        end()


def set_status(cloud: Cloud, resource: Resource, status: str, reason: str | None = None) -> None:
    resource.attributes["Status"] = status
    resource.attributes["LastModifiedTime"] = cloud.clock.datetime()
    resource.attributes.pop("FailureReason", None)
    if reason is not None:
        resource.attributes["FailureReason"] = reason


def delete(cloud: Cloud, resource: Resource) -> None:
    """Deleting now, gone when its time has come."""
    require_idle(resource)
    begin(cloud, resource, "deletion", lambda: forget(cloud, resource))


def forget(cloud: Cloud, resource: Resource) -> None:
    """As if it had never been, unless something else has taken its name since."""
    resources = table(cloud, resource.kind, resource.account, resource.region)
    if resources.get(resource.name.key) is resource:
        del resources[resource.name.key]
    arns = by_arn(cloud, resource.account, resource.region)
    if arns.get(resource.arn) is resource:
        del arns[resource.arn]


# -- answering


def described(resource: Resource, *left_out: str) -> Item:
    return {name: value for name, value in resource.attributes.items() if name not in left_out}


def given(call: Call, *names: str) -> Item:
    return {name: call.params[name] for name in names if name in call.params}


def listed(cloud: Cloud, call: Call, kind: Kind, keep: Callable[[Resource], bool], members: tuple[str, ...]) -> tuple[list[Item], Item]:
    """One page of what `keep` keeps, with the members that AWS's list has, and the NextToken if there is more."""
    sort_by = call.params.get("SortBy", "CreationTime")
    descending = call.params.get("SortOrder") == "Descending"
    filters = {name: value for name, value in sorted(call.params.items()) if name not in ("NextToken", "MaxResults")}

    def key(resource: Resource) -> list[Any]:
        when: datetime = resource.attributes[sort_by]
        return [when.timestamp(), resource.number]

    shown, token = page(
        filter(keep, every(cloud, call, kind)),
        key=key,
        scope=[call.operation, call.account, call.region, filters],
        size=call.params.get("MaxResults", DEFAULT_PAGE),
        token=call.params.get("NextToken"),
        wrong_token=invalid("Invalid NextToken: give the one that the request before answered, with the same filters."),
        descending=descending,
    )
    items = [{name: resource.attributes[name] for name in members if name in resource.attributes} for resource in shown]
    return items, {"NextToken": token} if token else {}
