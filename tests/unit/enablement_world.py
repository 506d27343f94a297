# ruff: noqa: N803  the arguments have the names of the API
"""One member account and Region as template_enablement meets it: a Studio, a portfolio and roles that can be changed between any two calls.

The clients answer what the steps read of AWS's answers, and no call besides: one that is not here is an AttributeError. Records are kept in moto.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

import template_enablement.apply_enablement as applying
import template_enablement.decide_enablement as deciding
from steward.changes import Report
from steward.resources.records import Place, Records
from steward.rules.access import missing_service_roles
from steward.settings import Brakes, TemplateEnablementSettings
from steward.targets import TemplateScope

ACCOUNT_ID, REGION, UNIT, DOMAIN = "444444444444", "eu-west-1", "ou-root-ml000000", "d-1"
ACCOUNT_ARN = f"arn:aws:organizations::111111111111:account/o-steward0001/{ACCOUNT_ID}"
PORTFOLIO_ARN = "arn:aws:catalog:eu-west-1:999999999999:portfolio/port-abc"
FREE = Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))
HELD = Brakes(dry_run=True, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"


STUDIO = role("StudioExecution")


def refusal(code: str, operation: str = "Call", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class World:
    """`calls` are the operations in their order, `before` what happens just before one of them is answered, once."""

    dynamodb: Any
    state: str = "ACTIVE"
    unit: str = UNIT
    enabled: bool = True
    portfolio: bool = True
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    profiles: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    principals: set[str] = field(default_factory=set)
    patterns: int = 0
    missing_roles: set[str] = field(default_factory=set)
    service_roles: set[str] = field(default_factory=set)
    denied: dict[str, list[str]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    how_missing: str = "InvalidParametersException"
    full: bool = False
    location: str = ""
    brakes: Brakes = FREE
    calls: list[str] = field(default_factory=list)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 23, 9, tzinfo=UTC)

    # -- what people do

    def domain(self, domain_id: str = DOMAIN, default: str | None = STUDIO, space_default: str | None = None, **more: Any) -> None:
        spaces = {"DefaultSpaceSettings": {"ExecutionRole": space_default}} if space_default else {}
        settings = {"ExecutionRole": default} if default else {}
        self.domains[domain_id] = {"DefaultUserSettings": settings, "Status": "InService", **spaces, **more}

    def profile(self, name: str = "alice", own: str | None = None, domain_id: str = DOMAIN, status: str = "InService") -> None:
        """Made, or changed: its time moves."""
        self.now += timedelta(seconds=1)
        self.profiles[domain_id, name] = {
            "Status": status,
            "LastModifiedTime": self.now,
            **({"UserSettings": {"ExecutionRole": own}} if own else {}),
        }

    def delete(self, name: str = "alice", domain_id: str = DOMAIN) -> None:
        del self.profiles[domain_id, name]

    # -- what the steps do

    @property
    def place(self) -> Place:
        return Place(self.dynamodb, "records", ACCOUNT_ID, REGION)

    @property
    def records(self) -> Records:
        return self.place.read()

    def decide(self, domain_id: str | None = DOMAIN, name: str | None = "alice", **more: Any) -> Report:
        scope = TemplateScope(account_id=ACCOUNT_ID, region=REGION, domain_id=domain_id, user_profile_name=name, event_id="event-1", **more)
        return deciding.decide_enablement(scope, self.settings, self.client("organizations"), self.dynamodb, lambda: self)  # type: ignore[arg-type]

    def apply(self, report: Report, domain_id: str | None = DOMAIN, name: str | None = "alice", **more: Any) -> Report:
        decided = applying.DecidedEnablement(
            account_id=ACCOUNT_ID, region=REGION, domain_id=domain_id, user_profile_name=name, event_id="event-1", report=report, **more
        )
        return applying.apply_enablement(decided, self.settings, self.client("organizations"), self.dynamodb, lambda: self)  # type: ignore[arg-type]

    def run(self, domain_id: str | None = DOMAIN, name: str | None = "alice") -> Report:
        """As the machine runs it, once everything is in service and the portfolio there."""
        report = self.decide(domain_id, name)
        return self.apply(report, domain_id, name) if report.changes and not report.dry_run else report

    @property
    def settings(self) -> TemplateEnablementSettings:
        return TemplateEnablementSettings(frozenset({UNIT}), "template_enablement", "records", self.location, self.brakes)

    def client(self, service: str) -> Any:
        if service == "sts":
            self.calls.append("AssumeRole")
        return _Client(self, service)


class _Client:
    """boto3's names for the operations of one service."""

    def __init__(self, world: World, service: str):
        self._world, self._answers = world, _ANSWERS[service]
        self.meta = SimpleNamespace(partition="aws")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._answers:
            raise AttributeError(name)
        return lambda **given: self._ask(name, **given)

    def get_paginator(self, name: str) -> Any:
        """All on one page; how pages are asked for is tested with botocore's stubs."""
        return SimpleNamespace(
            paginate=lambda **given: [self._ask(name, **{key: value for key, value in given.items() if key != "PaginationConfig"})]
        )

    def _ask(self, name: str, **given: Any) -> Any:
        world = self._world
        world.before.pop(name, lambda: None)()
        world.calls.append(name)
        return self._answers[name](world, **given)


def _account(world: World, AccountId: str) -> Any:
    return {"Account": {"Id": AccountId, "Arn": ACCOUNT_ARN, "State": world.state, "Paths": [f"o-steward0001/r-root/{world.unit}/{AccountId}/"]}}


def _domain(world: World, DomainId: str) -> Any:
    if DomainId not in world.domains:
        raise refusal("ResourceNotFound")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:domain/{DomainId}"
    return {"DomainArn": arn, "DomainName": DomainId, "DomainId": DomainId, "LastModifiedTime": world.now, **world.domains[DomainId]}


def _profile(world: World, DomainId: str, UserProfileName: str) -> Any:
    if (DomainId, UserProfileName) not in world.profiles:
        raise refusal("ResourceNotFound")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:user-profile/{DomainId}/{UserProfileName}"
    return {"UserProfileArn": arn, "UserProfileName": UserProfileName, "DomainId": DomainId, **world.profiles[DomainId, UserProfileName]}


def _domains(world: World) -> Any:
    return {"Domains": [{"DomainId": id_, "Status": domain["Status"]} for id_, domain in world.domains.items()]}


def _profiles(world: World, DomainIdEquals: str | None = None) -> Any:
    listed = [
        {"DomainId": id_, "UserProfileName": name, "Status": profile["Status"], "LastModifiedTime": profile["LastModifiedTime"]}
        for (id_, name), profile in world.profiles.items()
        if DomainIdEquals in (None, id_)
    ]
    return {"UserProfiles": listed}


def _enable(world: World) -> Any:
    world.enabled = True
    return {}


def _shares(world: World, PortfolioShareType: str) -> Any:
    assert PortfolioShareType == "IMPORTED"
    others = [{"ARN": PORTFOLIO_ARN.replace("abc", "other"), "ProviderName": "Platform team"}, {"ARN": PORTFOLIO_ARN.replace("abc", "none")}]
    return {"PortfolioDetails": others + ([{"ARN": PORTFOLIO_ARN, "ProviderName": "Amazon SageMaker"}] if world.portfolio else [])}


def _principals(world: World, PortfolioId: str) -> Any:
    assert PortfolioId == "port-abc"
    patterns = [{"PrincipalARN": f"arn:aws:iam:::role/{number}*", "PrincipalType": "IAM_PATTERN"} for number in range(world.patterns)]
    return {"Principals": [{"PrincipalARN": arn, "PrincipalType": "IAM"} for arn in sorted(world.principals)] + patterns}


def _associate(world: World, PortfolioId: str, PrincipalARN: str, PrincipalType: str) -> Any:
    assert (PortfolioId, PrincipalType) == ("port-abc", "IAM")
    if PrincipalARN in world.missing_roles:
        raise refusal(world.how_missing, message="could not resolve principal")
    if world.full:
        raise refusal("LimitExceededException")
    world.principals.add(PrincipalARN)
    return {}


def _disassociate(world: World, PortfolioId: str, PrincipalARN: str, PrincipalType: str) -> Any:
    assert (PortfolioId, PrincipalType) == ("port-abc", "IAM")
    if PrincipalARN not in world.principals:
        raise refusal("ResourceNotFoundException")
    world.principals.discard(PrincipalARN)
    return {}


def _list_roles(world: World, PathPrefix: str) -> Any:
    assert PathPrefix == "/service-role/"
    return {"Roles": [{"RoleName": name} for name in world.service_roles]}


def _simulate(world: World, PolicySourceArn: str, ActionNames: list[str], ResourceArns: list[str], ContextEntries: list[Any]) -> Any:
    assert not ContextEntries
    assert ResourceArns == ["arn:aws:s3:::templates/ours/*"]
    if PolicySourceArn in world.missing_roles:
        raise refusal("NoSuchEntity")
    denied = world.denied.get(PolicySourceArn, [])
    results = [{"EvalActionName": action, "EvalDecision": "implicitDeny" if action in denied else "allowed"} for action in ActionNames]
    return {"EvaluationResults": results}


def _list_tags(world: World, ResourceArn: str) -> Any:
    return {"Tags": [{"Key": key, "Value": value} for key, value in world.tags.get(ResourceArn, {}).items()]}


def _add_tags(world: World, ResourceArn: str, Tags: list[dict[str, str]]) -> Any:
    if ResourceArn.rsplit("/", 1)[1] not in world.domains:
        raise refusal("ValidationException")
    world.tags.setdefault(ResourceArn, {}).update({tag["Key"]: tag["Value"] for tag in Tags})
    return {}


_ANSWERS: dict[str, dict[str, Callable[..., Any]]] = {
    "organizations": {"describe_account": _account},
    "sagemaker": {
        "describe_domain": _domain,
        "describe_user_profile": _profile,
        "list_domains": _domains,
        "list_user_profiles": _profiles,
        "get_sagemaker_servicecatalog_portfolio_status": lambda world: {"Status": "Enabled" if world.enabled else "Disabled"},
        "enable_sagemaker_servicecatalog_portfolio": _enable,
        "list_tags": _list_tags,
        "add_tags": _add_tags,
    },
    "servicecatalog": {
        "list_accepted_portfolio_shares": _shares,
        "list_principals_for_portfolio": _principals,
        "associate_principal_with_portfolio": _associate,
        "disassociate_principal_from_portfolio": _disassociate,
    },
    "iam": {
        "list_roles": _list_roles,
        "simulate_principal_policy": _simulate,
    },
}


@contextmanager
def an_account() -> Iterator[World]:
    """With a domain, and nothing remembered of it."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
        dynamodb.create_table(
            TableName="records",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("place", "what")],
            KeySchema=[{"AttributeName": "place", "KeyType": "HASH"}, {"AttributeName": "what", "KeyType": "RANGE"}],
        )
        world = World(dynamodb, service_roles=set(missing_service_roles(set(), templates_in_s3=True)))
        world.domain()
        yield world
