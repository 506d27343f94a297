"""An organization of any size, in the state to which our workflows bring one: nothing in it is left to do.

It is put into localaws's state by the functions that answer the calls by which it would come to be, at once and for as many accounts as are wanted:
no client, no IAM, no CloudTrail event, and nothing of the product runs; of it comes the activity reporter's script, as it is published. That the
product would leave it as it is, is for the product to show.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends

from localaws.cloud import OPERATIONS, Call, compact
from localaws.local import LocalOrganization
from localaws.organization_file import Account
from localaws.studio.core import behaviour, table
from steward.reporter import script

ORGANIZATION = Path(__file__).resolve().parents[1] / "demo" / "organization.yaml"
STACK = "studio-steward"
PRODUCT_TAG = "steward:product"
UNIT = "ML/Dev"
APPS = ("JupyterLab", "CodeEditor")
_PLATFORM = ("management", "hub")

_FIRST_ID = 300_000_000_000
_TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True)
class Size:
    """What each account has: `domains` in every Region of the organization, `profiles` and `spaces` in each domain."""

    domains: int = 3
    profiles: int = 20
    spaces: int = 0


def account(number: int) -> Account:
    """The project account with this number, counted from 0, with all of its tags."""
    name = f"project-{number:04}"
    tags = {"ml:project": name, "ml:stage": "dev", "ml:cost-center": f"R-{number:04}", "ml:owner": f"{name}-team"}
    return Account(f"{name}-dev", str(_FIRST_ID + number), UNIT, tags=tags)


def organization_file(folder: Path) -> Path:
    """The demo's organization without its project accounts, written into a folder: management and hub, and the stacks that are deployed there."""
    document = yaml.safe_load(ORGANIZATION.read_text(encoding="utf-8"))
    document["accounts"] = [account for account in document["accounts"] if account["name"] in _PLATFORM]
    document["stacks"] = [stack for stack in document["stacks"] if stack["account"] in _PLATFORM]
    for stack in document["stacks"]:
        stack["template"] = str((ORGANIZATION.parent / stack["template"]).resolve())
    file = folder / "organization.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


class Seeding:
    """Vends accounts and fills them. `local` has been deployed from `organization_file`."""

    def __init__(self, local: LocalOrganization, size: Size):
        self.local, self.size = local, size
        hub = local.client("cloudformation", "hub")
        (stack,) = hub.describe_stacks(StackName=STACK)["Stacks"]
        self.parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}
        records = hub.describe_stack_resource(StackName=STACK, LogicalResourceId="RecordsTable")["StackResourceDetail"]["PhysicalResourceId"]
        home = local.organization.home_region
        self._records = dynamodb_backends[local.organization.account("hub").id][home].get_table(records)

    def vend(self, first: int, last: int) -> None:
        """The accounts with the numbers from `first` to before `last`, each with its roles and rules, planted by the StackSets."""
        for number in range(first, last):
            self.local.vend(account(number))
        self.local.settle()

    def fill(self, first: int, last: int) -> None:
        """Give these accounts what `Size` says. Everything that takes its time is done at once."""
        seconds = behaviour(self.local.cloud).seconds
        usual = dict(seconds)
        seconds.update(dict.fromkeys(seconds, 0.0))
        try:
            for number in range(first, last):
                self._fill(account(number))
        finally:
            seconds.update(usual)

    def _fill(self, account: Account) -> None:
        roles = [self._role(account, f"StudioExecution-{number}") for number in range(self.size.domains)]
        for region in self.local.organization.regions:
            place = Place(self.local, account, region)
            reporters = {app: self._reporter(place, app) for app in APPS}
            domains = {
                place.call("CreateDomain", **self._domain(account, number, role, reporters))["DomainId"]: role for number, role in enumerate(roles)
            }
            self.local.settle()
            for domain in domains:
                for profile in self._profiles(account, domain):
                    place.call("CreateUserProfile", **profile)
            self.local.settle()
            for domain in domains:
                for space in self._spaces(account, domain):
                    place.call("CreateSpace", **space)
            self._open_templates(place, roles)
            self._record(place, domains)

    def _open_templates(self, place: "Place", roles: list[str]) -> None:
        """Project templates are enabled, and the roles may use them."""
        place.call("EnableSagemakerServicecatalogPortfolio")
        self.local.settle()
        shares = place.call("ListAcceptedPortfolioShares", "servicecatalog")["PortfolioDetails"]
        (portfolio,) = [share["Id"] for share in shares if share["ProviderName"] == "Amazon SageMaker"]
        for role in roles:
            place.call("AssociatePrincipalWithPortfolio", "servicecatalog", PortfolioId=portfolio, PrincipalARN=role, PrincipalType="IAM")

    def _record(self, place: "Place", domains: dict[str, str]) -> None:
        """What our workflows have written down of it (docs/decisions/0008): whom they associated, who has which role, which tags they copied."""
        for role in domains.values():
            self._put(place, f"principal#{role}")
        for domain, role in domains.items():
            self._put(place, f"use#{domain}#default", value=role)
            self._put(place, f"use#{domain}#space-default", value=role)
            for key, value in self._cost_tags(place.account).items():
                self._put(place, f"domain-tag#{domain}#{key}", value=value)
        for profile in table(self.local.cloud, "UserProfile", place.account.id, place.region).values():
            seen = profile.attributes["LastModifiedTime"] = profile.attributes["LastModifiedTime"].replace(microsecond=0)
            self._put(place, f"use#{profile.name.key[0]}#profile/{profile.attributes['UserProfileName']}", seen=seen.isoformat())

    def _put(self, place: "Place", what: str, **values: str) -> None:
        item = {"place": f"{place.account.id}/{place.region}", "what": what, **values}
        self._records.put_item({name: {"S": value} for name, value in item.items()}, overwrite=True)

    def _role(self, account: Account, name: str) -> str:
        """An execution role as AWS's own policy has it; its ARN."""
        iam = iam_backends[account.id]["aws"]
        trust = compact({"Version": "2012-10-17", "Statement": [_TRUST]})
        role = iam.create_role(name, trust, "/", None, "Studio's apps and jobs run as this role", [], "3600")
        allow = {"Effect": "Allow", "Action": "sagemaker:AddTags", "Resource": "*"}
        iam.put_role_policy(name, "tags", compact({"Version": "2012-10-17", "Statement": [allow]}))
        return str(role.arn)

    def _reporter(self, place: "Place", app: str) -> str:
        """The activity reporter is published for this type of app; its ARN."""
        name, content = script().name_for(app), b64encode(script().content.encode()).decode()
        given = {"StudioLifecycleConfigName": name, "StudioLifecycleConfigContent": content, "StudioLifecycleConfigAppType": app}
        return str(place.call("CreateStudioLifecycleConfig", **given)["StudioLifecycleConfigArn"])

    def _domain(self, account: Account, number: int, role: str, reporters: dict[str, str]) -> dict[str, Any]:
        idle = {"AppLifecycleManagement": {"IdleSettings": self._idle_settings()}}
        lab, editor = ({**idle, "BuiltInLifecycleConfigArn": reporters[app]} for app in APPS)
        return {
            "DomainName": f"studio-{number}",
            "AuthMode": "IAM",
            "DefaultUserSettings": {"ExecutionRole": role, "JupyterLabAppSettings": lab, "CodeEditorAppSettings": editor},
            "DefaultSpaceSettings": {"ExecutionRole": role, "JupyterLabAppSettings": lab},
            "SubnetIds": ["subnet-0a1b2c3d"],
            "VpcId": "vpc-0a1b2c3d",
            "TagPropagation": "ENABLED",
            "Tags": _written({PRODUCT_TAG: "studio-domain", **self._cost_tags(account)}),
        }

    def _idle_settings(self) -> dict[str, Any]:
        return {
            "LifecycleManagement": "ENABLED",
            "IdleTimeoutInMinutes": int(self.parameters["IdleTimeoutMinutes"]),
            "MinIdleTimeoutInMinutes": int(self.parameters["IdleTimeoutMinimumMinutes"]),
            "MaxIdleTimeoutInMinutes": int(self.parameters["IdleTimeoutMaximumMinutes"]),
        }

    def _profiles(self, account: Account, domain: str) -> Iterator[dict[str, Any]]:
        for number in range(self.size.profiles):
            name = f"person-{number}"
            tags = {self.parameters["UserTagKey"]: name, **self._cost_tags(account)}
            yield {"DomainId": domain, "UserProfileName": name, "Tags": _written(tags)}

    def _spaces(self, account: Account, domain: str) -> Iterator[dict[str, Any]]:
        """Private ones, of the first people in the domain."""
        for number in range(self.size.spaces):
            owner = f"person-{number}"
            yield {
                "DomainId": domain,
                "SpaceName": f"{owner}-lab",
                "OwnershipSettings": {"OwnerUserProfileName": owner},
                "SpaceSharingSettings": {"SharingType": "Private"},
                "Tags": _written({self.parameters["UserTagKey"]: owner, **self._cost_tags(account)}),
            }

    def _cost_tags(self, account: Account) -> dict[str, str]:
        keys = [self.parameters[name] for name in ("ProjectTagKey", "CostCenterTagKey", "OwnerTagKey")]
        return {key: account.tags[key] for key in keys}


@dataclass(frozen=True)
class Place:
    """One account in one Region, where its administrator does things."""

    local: LocalOrganization
    account: Account
    region: str

    def call(self, operation: str, service: str = "sagemaker", **params: Any) -> dict[str, Any]:
        """What localaws answers to this call, at once."""
        cloud = self.local.cloud
        administrator = self.local.administrator(self.account.name)
        call = Call(service, operation, self.account.id, self.region, administrator, params, cloud.uuid())
        return OPERATIONS[service, operation](cloud, call) or {}


def _written(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
