"""The truth, put into localaws: accounts with domains, people, spaces and apps, whose hours pass as their users' do.

It is put into localaws's state by the functions that answer the calls (`benchmarks.converged`): people and reporters call no endpoint here, so that
its log has the calls of whoever stops apps. What reporters write is counted in `beats`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any

from benchmarks.converged import Place
from benchmarks.idle_apps.reports import Reports
from benchmarks.idle_apps.truth import CLOCK_AT_START, HOUR, MEASURED_EVERY, MINUTE, OF_PROFILES, OWN_THRESHOLD, Life, Sight, Span
from localaws.cloud import OPERATIONS, Call, Cloud
from localaws.local import LocalOrganization
from localaws.metrics import Metric, plant_metric
from localaws.organization_file import Account
from localaws.studio.core import Resource, behaviour, forget
from localaws.studio.planting import plant_app

TAG = "steward:activity"
KEEP = ("steward:keep-until", "2026-12-31")
OWN = ("steward:idle-minutes", str(int(OWN_THRESHOLD // MINUTE)))
APPS_OF_A_PERSON = 4
BEFORE = 1.0
"""So many seconds before an hour it is made ready: what a schedule starts at its begin finds it so."""

INSTANCES = ("ml.t3.medium", "ml.t3.large", "ml.m5.xlarge", "ml.m5.4xlarge", "ml.g4dn.xlarge", "ml.g5.2xlarge")
_OFF = {"AppLifecycleManagement": {"IdleSettings": {"LifecycleManagement": "DISABLED"}}}


@dataclass(eq=False)
class App:
    """One life in one world. `resource` and `reports` are of its present run, None while it is down; `stops` are when somebody ended one."""

    life: Life
    place: Place
    asked: dict[str, Any]
    resource: Resource | None = None
    reports: Reports | None = None
    former: Resource | None = None
    stops: list[float] = field(default_factory=list)
    down: list[Span] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        return self.resource is not None and self.resource.status == "InService"


class World:
    """Apps are as their users had them just before second 0, which is `zero` in seconds since 1970. `beats`: tags that reporters wrote since."""

    def __init__(self, local: LocalOrganization, accounts: Iterable[Account], lives: Iterable[Life], domains: int = 2):
        self.local, self.beats, self._reporting = local, 0, True
        self.accounts = tuple(accounts)
        seconds = behaviour(local.cloud).seconds
        seconds.update(dict.fromkeys(seconds, 0.0))
        self._people: set[tuple[str, str]] = set()
        self.zero = _next_monday(local.clock.datetime()).timestamp()
        places = [Place(local, account, region) for account, region in product(self.accounts, local.organization.regions)]
        homes = [(place, self._domain(place, number)) for number, place in product(range(domains), places)]
        by_home = [(life, *homes[life.number % len(homes)]) for life in lives]
        self.apps = [App(life, place, self._owner(life, place, domain, len(homes))) for life, place, domain in by_home]
        local.settle()
        local.advance(self.zero - BEFORE - local.clock.now)
        self.numbers = {key_of(app.place.account.id, app.place.region, app.asked): app.life.number for app in self.apps}
        for app in self.apps:
            if app.life.born < 0:
                self._start(app, app.life.born, before=3 * HOUR)

    def show_use(self) -> None:
        """From now on DescribeApp knows when somebody last typed, as localaws shows it: until the next health check, whose time it then has."""
        describe = OPERATIONS["sagemaker", "DescribeApp"]
        apps = {app.life.number: app for app in self.apps}

        def described(cloud: Cloud, call: Call) -> dict[str, Any] | None:
            number = self.numbers.get(key_of(call.account, call.region, call.params))
            if number is not None and (resource := apps[number].resource) is not None:
                typed = apps[number].life.last_typed(cloud.clock.now - self.zero)
                resource.used = datetime.fromtimestamp(self.zero + typed, UTC) if typed is not None else None
            return describe(cloud, call)

        OPERATIONS["sagemaker", "DescribeApp"] = described

    # -- what is there

    def _domain(self, place: Place, number: int) -> str:
        role = f"arn:aws:iam::{place.account.id}:role/StudioExecution"
        settings = {"ExecutionRole": role, "JupyterLabAppSettings": _OFF, "CodeEditorAppSettings": _OFF}
        spaces = {"ExecutionRole": role, "JupyterLabAppSettings": _OFF}
        network: dict[str, Any] = {"SubnetIds": ["subnet-0a1b2c3d"], "VpcId": "vpc-0a1b2c3d"}
        tags = _tags({"ml:owner": place.account.tags["ml:owner"]})  # as domain_setup copies them from the account
        answer = place.call(
            "CreateDomain",
            DomainName=f"studio-{number}",
            AuthMode="IAM",
            DefaultUserSettings=settings,
            DefaultSpaceSettings=spaces,
            Tags=tags,
            **network,
        )
        self.local.settle()
        return str(answer["DomainId"])

    def _owner(self, life: Life, place: Place, domain: str, homes: int) -> dict[str, Any]:
        """Makes the profile, and the space, that the app belongs to; whose it is, as DeleteApp names it."""
        own_profile = life.app_type in OF_PROFILES or life.protected == "profile"
        person = f"person-of-{life.number}" if own_profile else f"person-{life.number // homes // APPS_OF_A_PERSON}"
        named = {
            "DomainId": domain,
            "AppType": life.app_type,
            "AppName": "default",
            "ResourceSpec": {"InstanceType": INSTANCES[life.number % len(INSTANCES)]},
        }
        tags = _tags({"ml:user": person, "ml:owner": place.account.tags["ml:owner"]})
        if (domain, person) not in self._people:
            kept = _tags(_exceptions(life, "profile")) if own_profile else []
            place.call("CreateUserProfile", DomainId=domain, UserProfileName=person, Tags=tags + kept)
            self.local.settle()
            self._people.add((domain, person))
        if life.app_type in OF_PROFILES:
            return {**named, "UserProfileName": person}
        space = f"space-{life.number}"
        place.call(
            "CreateSpace",
            DomainId=domain,
            SpaceName=space,
            SpaceSettings={"AppType": life.app_type},
            OwnershipSettings={"OwnerUserProfileName": person},
            SpaceSharingSettings={"SharingType": "Private"},
            Tags=tags + _tags(_exceptions(life, "space")),
        )
        return {**named, "SpaceName": space}

    # -- what happens

    def narrow(self, accounts: Collection[Account], *, reporting: bool) -> None:
        """From now on only these accounts live. Where nobody reads what reporters say they need not be played."""
        ids = {account.id for account in accounts}
        self.apps = [app for app in self.apps if app.place.account.id in ids]
        self._reporting = reporting

    def begin_hour(self, hour: int) -> None:
        """From here on until the next hour, as the clock runs, work begins and reporters report; apps that are missing at work are started again."""
        begin, end = hour * HOUR, (hour + 1) * HOUR
        self._note_stops()
        for app in self.apps:
            for moment in (app.life.born, *(work.begin for work in app.life.work)):
                if begin <= moment < end:
                    self._at(moment, partial(self._start_if_down, app, end))
            if app.runs:
                self._plan(app, begin, end)
            elif app.life.work_at(begin):
                self._start_if_down(app, end)

    def end(self, hours: int) -> None:
        """The time that is looked at is over: who is down stays so until then."""
        self._note_stops()
        for app in self.apps:
            if not app.runs and app.stops:
                app.down.append(Span(app.stops[-1], hours * HOUR))

    def _note_stops(self) -> None:
        """Which runs have been ended since somebody last looked."""
        for app in self.apps:
            self._note_stop(app)

    def _note_stop(self, app: App) -> None:
        if app.resource is not None and not app.runs:
            app.stops.append(app.resource.attributes["LastModifiedTime"].timestamp() - self.zero)
            app.former, app.resource, app.reports = app.resource, None, None

    def _start_if_down(self, app: App, until: float) -> None:
        self._note_stop(app)
        now = self.local.clock.now - self.zero
        if not app.runs:
            if app.stops:
                app.down.append(Span(app.stops[-1], now))
            self._start(app, now)
            self._plan(app, now, until)

    def _start(self, app: App, born: float, before: float = 0.0) -> None:
        """It runs, since `born`; its reporter began then, of which the last `before` seconds are played."""
        life = app.life
        if app.former is not None:
            forget(self.local.cloud, app.former)  # the new one takes its place in lists, as CreateApp has it
        tags = _exceptions(life, "app")
        if life.sight in _REPORTED:
            app.reports = Reports(life, self.zero, max(born, -before))
            texts = [text for _, text in app.reports.until(0.0)] if before else []
            tags |= {TAG: texts[-1]} if texts else {}
        created = datetime.fromtimestamp(self.zero + born, UTC)
        app.resource = plant_app(self.local.cloud, app.place.account.id, app.place.region, created=created, tags=tags, **app.asked)
        app.resource.attributes["LastModifiedTime"] = created

    def _plan(self, app: App, begin: float, end: float) -> None:
        """What is said of this app until `end`, while it is this run of it."""
        if app.life.sight is Sight.CANVAS:
            self._measure_canvas(app, begin, end)
        if app.reports is None or app.resource is None or not self._reporting:
            return
        for at, text in app.reports.until(end):
            self._at(at, partial(self._write, app, app.resource, text))

    def _write(self, app: App, run: Resource, text: str) -> None:
        if app.resource is run and app.runs:
            self.beats += 1
            app.place.call("AddTags", ResourceArn=run.arn, Tags=_tags({TAG: text}))

    def _measure_canvas(self, app: App, begin: float, end: float) -> None:
        dimensions = frozenset({"DomainId": app.asked["DomainId"], "UserProfileName": app.asked["UserProfileName"]}.items())
        metric = Metric("/aws/sagemaker/Canvas/AppActivity", "TimeSinceLastActive", dimensions)
        first = app.life.last_measured(begin)
        for number in range(int((end - first) // MEASURED_EVERY) + 1):
            at = first + number * MEASURED_EVERY
            used = app.life.last_use(at)
            idle = at - (app.life.born if used is None else used)
            moment = datetime.fromtimestamp(self.zero + at, UTC)
            plant_metric(self.local.cloud, app.place.account.id, app.place.region, metric, idle, moment)

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        self.local.clock.at(self.zero + moment, action)


_REPORTED = (Sight.REPORTER, Sight.DENIED, Sight.WRONG_CLOCK)


def key_of(account: str, region: str, named: Mapping[str, Any]) -> tuple[str, str, frozenset[str]]:
    """One app of the organization, by what DeleteApp is given. Whoever has an app without a space here has no other: its type says nothing more."""
    return account, region, frozenset({named["DomainId"], named["AppName"], named.get("SpaceName") or named["UserProfileName"]})


def _exceptions(life: Life, where: str) -> dict[str, str]:
    """The tags of this life that are on its app, its space or its profile."""
    kept = dict([KEEP]) if life.protected == where else {}
    own_on = "profile" if life.app_type in OF_PROFILES else "space"
    return kept | (dict([OWN]) if life.threshold == OWN_THRESHOLD and where == own_on else {})


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _next_monday(now: datetime) -> datetime:
    """The next one at which second 0 of the truth can be."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=int(CLOCK_AT_START // HOUR), minute=0, second=0, microsecond=0)
    return monday if monday > now else monday + timedelta(days=7)
