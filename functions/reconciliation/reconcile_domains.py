"""What would the workflows do in these domains? Reads and decides only: what is to be written is written by an execution of the workflow."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.changes import Finding
from steward.comparisons import Access, Observed, compare
from steward.observability import logger
from steward.resources.catalog import find_portfolio, principals_of, templates_are_enabled
from steward.resources.clients import MemberSession, hub_client
from steward.resources.domains import Domain, describe_domain
from steward.resources.profiles import UserProfile, describe_user_profile
from steward.resources.records import Records, read_records
from steward.resources.spaces import Space, describe_space
from steward.resources.studio import Stage, went_meanwhile
from steward.resources.studios import InTurn, Studio, read_studio_of
from steward.resources.tags import read_tags, read_tags_of
from steward.rules.domain_settings import RoleSays
from steward.settings import ReconcileDomainsSettings
from steward.setups import ask_role, tags_to_come
from steward.sweeps import THREADS, DomainBatch, DomainPlace, Looked, Start, answer_of, door, look_at_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sagemaker import SageMakerClient

Tags = dict[str, str]


@logger.inject_lambda_context
@event_parser(model=DomainBatch)
def handler(batch: DomainBatch, context: LambdaContext) -> dict[str, Any]:
    settings = ReconcileDomainsSettings.from_env()
    enter = door(hub_client("sts"), settings.member_role_name, batch.common.run)
    with ThreadPoolExecutor(max_workers=THREADS) as describing:
        look = Look(settings, Memory(hub_client("dynamodb"), settings.records_table), describing.map)
        looked = look_at_all(batch.items, enter, look.at, context.get_remaining_time_in_millis)
    logger.info("looked into domains", domains=len(batch.items), troubles=sum(len(one.troubles) for one in looked))
    return answer_of(looked)


@dataclass(frozen=True)
class Memory:
    """What domains of a batch have in common, asked once: the records of an account and Region, its templates, and what a role there may do."""

    dynamodb: "DynamoDBClient"
    records_table: str
    _records: dict[tuple[str, str], Records] = field(default_factory=dict)
    _roles: dict[tuple[str, ...], RoleSays] = field(default_factory=dict)
    _access: dict[tuple[str, str], Access] = field(default_factory=dict)

    def records(self, place: DomainPlace) -> Records:
        where = (place.account_id, place.region)
        if where not in self._records:
            self._records[where] = read_records(self.dynamodb, self.records_table, *where)
        return self._records[where]

    def access(self, place: DomainPlace, session: MemberSession) -> Access:
        """To the project templates there."""
        where = (place.account_id, place.region)
        if where not in self._access:
            self._access[where] = _access(session)
        return self._access[where]

    def role_says(self, iam: "IAMClient", role_arn: str, region: str, tags: Mapping[str, str]) -> RoleSays:
        """Whether it may add such tags."""
        what = (role_arn, region, *sorted(f"{key}={value}" for key, value in tags.items()))
        if what not in self._roles:
            self._roles[what] = ask_role(iam, role_arn, region, tags)
        return self._roles[what]


@dataclass(frozen=True)
class Look:
    """Into one domain after the other, by `at`. `in_turn` describes profiles and spaces, some at a time or one after the other."""

    settings: ReconcileDomainsSettings
    memory: Memory
    in_turn: InTurn = map

    def at(self, place: DomainPlace, session: MemberSession) -> Looked:
        """Everything in one domain against what it should be."""
        sagemaker: SageMakerClient = session.client("sagemaker")
        domain = describe_domain(sagemaker, place.domain_id)
        if domain is None or domain.stage is Stage.LEAVING:
            return Looked(Counter(domains_gone=1))
        if domain.is_of_unified_studio:
            return Looked(Counter(domains_of_unified_studio=1))
        studio = read_studio_of(sagemaker, domain, self.in_turn)
        compared = self._compare(place, studio, session, sagemaker)
        return Looked(
            Counter(user_profiles=len(studio.profiles), spaces=len(studio.spaces)),
            starts=tuple(one for one in compared if isinstance(one, Start)),
            findings=tuple(one for one in compared if isinstance(one, Finding)),
        )

    def _compare(self, place: DomainPlace, studio: Studio, session: MemberSession, sagemaker: "SageMakerClient") -> list[Start | Finding]:
        """Twice where something seems to be wrong: GetResources may not know yet, or no more, what is so, and only says where to look."""
        members: tuple[UserProfile | Space, ...] = (*studio.profiles, *studio.spaces)
        known = read_tags_of(session.client("resourcegroupstaggingapi"), [studio.domain.arn, *(member.arn for member in members)])
        compared = list(compare(self._observed(place, studio, known, session), self.settings.policy, self.settings.templates_location))
        if not compared:
            return []
        starts = {one.resource for one in compared if isinstance(one, Start)}
        silent = {member.arn for member in members if member.arn not in known} if studio.domain.arn in starts else set()
        doubtful = (member for member in members if member.arn in starts | silent)
        tags = {**known, **_confirmed(sagemaker, studio.domain, doubtful)}
        return list(compare(self._observed(place, studio, tags, session), self.settings.policy, self.settings.templates_location))

    def _observed(self, place: DomainPlace, studio: Studio, tags: Mapping[str, Tags | None], session: MemberSession) -> Observed:
        to_come = tags_to_come(tags.get(studio.domain.arn) or {}, place.account_tags, self.settings.policy)
        iam = session.client("iam")
        roles = {role: self.memory.role_says(iam, role, place.region, to_come) for role in sorted(studio.execution_roles)}
        return Observed(place, studio, tags, self.memory.records(place), roles, self.memory.access(place, session))


def _access(session: MemberSession) -> Access:
    if not templates_are_enabled(session.client("sagemaker")):
        return Access(is_enabled=False)
    servicecatalog = session.client("servicecatalog")
    portfolio = find_portfolio(servicecatalog)
    principals = principals_of(servicecatalog, portfolio) if portfolio else None
    return Access(is_enabled=True, portfolio=portfolio, principals=principals)


def _confirmed(sagemaker: "SageMakerClient", domain: Domain, members: Iterable[UserProfile | Space]) -> dict[str, Tags | None]:
    """As SageMaker itself says; None where a thing is gone meanwhile."""
    return {domain.arn: read_tags(sagemaker, domain.arn)} | {member.arn: _tags(sagemaker, domain.domain_id, member) for member in members}


def _tags(sagemaker: "SageMakerClient", domain_id: str, member: UserProfile | Space) -> Tags | None:
    describe = describe_user_profile if isinstance(member, UserProfile) else describe_space
    try:
        return read_tags(sagemaker, member.arn)
    except ClientError as error:
        if went_meanwhile(error, lambda: describe(sagemaker, domain_id, member.name)):
            return None
        raise
