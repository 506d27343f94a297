"""What would the workflows do in these domains? Reads and decides only: what is to be written is written by an execution of the workflow."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.attachment import Reporter, is_silent, read_reporter
from steward.changes import Finding
from steward.comparisons import Access, Observed, compare
from steward.errors import OutOfTime
from steward.observability import logger
from steward.once import Once
from steward.resources.catalog import find_portfolio, principals_of, templates_are_enabled
from steward.resources.clients import MemberSession, hub_client
from steward.resources.domains import describe_domain
from steward.resources.profiles import UserProfile, describe_user_profile
from steward.resources.records import Records, read_records
from steward.resources.roles import service_role_names
from steward.resources.spaces import Space, describe_space
from steward.resources.studio import Stage, went_meanwhile
from steward.resources.studios import InTurn, Studio, read_studio_of
from steward.resources.tags import read_tags, read_tags_of
from steward.rules.domain_settings import RoleSays
from steward.settings import ReconcileDomainsSettings
from steward.setups import ask_role, tags_to_come
from steward.sweeps import READS_AT_ONCE, DomainBatch, DomainPlace, Looked, Start, answer_of, door, look_at_all
from steward.template_access import of_reading, of_service_roles

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
    look = partial(look_into, settings, Memory(hub_client("dynamodb"), settings.records_table, settings.templates_location))
    looked = look_at_all(batch.items, enter, look, context.get_remaining_time_in_millis)
    logger.info("looked into domains", domains=len(batch.items), troubles=sum(len(one.troubles) for one in looked))
    return answer_of(looked)


def look_into(settings: ReconcileDomainsSettings, memory: "Memory", place: DomainPlace, session: MemberSession) -> Looked:
    """One domain, with threads of its own: they end with it."""
    with ThreadPoolExecutor(max_workers=READS_AT_ONCE) as reading:
        return Look(settings, memory, reading.map).at(place, session)


@dataclass(frozen=True)
class Memory:
    """What domains of a batch have in common, asked once: the records of an account and Region, its templates, and what a role there may do.
    `templates_location` is where templates of our own are, empty for nowhere."""

    dynamodb: "DynamoDBClient"
    records_table: str
    templates_location: str = ""
    _once: Once = field(default_factory=Once)

    def records(self, place: DomainPlace) -> Records:
        where = (place.account_id, place.region)
        return self._once.get(("records", *where), lambda: read_records(self.dynamodb, self.records_table, *where))

    def access(self, place: DomainPlace, session: MemberSession) -> Access:
        """To the project templates there."""
        return self._once.get(("access", place.account_id, place.region), lambda: self._access(place, session))

    def unreadable(self, iam: "IAMClient", role_arn: str) -> tuple[Finding, ...]:
        """Whether it cannot read templates of our own."""
        if not self.templates_location:
            return ()
        return self._once.get(("reading", role_arn), lambda: of_reading(iam, role_arn, self.templates_location))

    def role_says(self, iam: "IAMClient", role_arn: str, region: str, tags: Mapping[str, str]) -> RoleSays:
        """Whether it may add such tags."""
        values = sorted(f"{key}={value}" for key, value in tags.items())
        return self._once.get(("role", role_arn, region, *values), lambda: ask_role(iam, role_arn, region, tags))

    def reporter(self, place: DomainPlace, studio: Studio, session: MemberSession) -> Reporter:
        """What is published there, and which of the domain's roles may not tell activity."""
        where, iam = ("reporter", place.account_id, place.region), session.client("iam")
        published = self._once.get(where, lambda: read_reporter(session.client("sagemaker"), studio.domain))
        silent = {
            role: self._once.get(("silent", role, studio.domain.arn), partial(is_silent, iam, role, studio.domain))
            for role in sorted(studio.execution_roles)
        }
        return replace(published, silent=tuple(role for role, may_not in silent.items() if may_not))

    def _access(self, place: DomainPlace, session: MemberSession) -> Access:
        if not templates_are_enabled(session.client("sagemaker")):
            return Access(is_enabled=False)
        servicecatalog = session.client("servicecatalog")
        portfolio = find_portfolio(servicecatalog)
        principals = principals_of(servicecatalog, portfolio) if portfolio else None
        there = self._once.get(("service roles", place.account_id), lambda: service_role_names(session.client("iam")))
        findings = tuple(of_service_roles(place.account_arn, there, self.templates_location))
        return Access(is_enabled=True, portfolio=portfolio, principals=principals, findings=findings)


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
        members: tuple[UserProfile | Space, ...] = (*studio.profiles, *studio.spaces)
        known = read_tags_of(session.client("resourcegroupstaggingapi"), [domain.arn, *(member.arn for member in members)])
        starts, findings = self._compare(place, studio, known, session)
        unsure: set[str] = set()
        if starts or findings:
            known[domain.arn] = read_tags(sagemaker, domain.arn)
            self._observed(place, studio, known, session)  # asks what depends on the domain's tags, while there is time
            tags, unsure = self._confirm(studio, known, {start.resource for start in starts}, sagemaker)
            unsure = set() if place.held else unsure  # nothing is started for them, and so they are told as they seem
            starts, findings = self._compare(place, studio, {**known, **tags}, session)
        return Looked(
            Counter(user_profiles=len(studio.profiles), spaces=len(studio.spaces)),
            starts=tuple(start for start in starts if start.resource not in unsure),
            findings=tuple(findings),
            starts_left=sum(start.resource in unsure for start in starts),
        )

    def _compare(
        self, place: DomainPlace, studio: Studio, tags: Mapping[str, Tags | None], session: MemberSession
    ) -> tuple[list[Start], list[Finding]]:
        compared = list(compare(self._observed(place, studio, tags, session), self.settings.policy, self.settings.templates_location))
        return [one for one in compared if isinstance(one, Start)], [one for one in compared if isinstance(one, Finding)]

    def _confirm(
        self, studio: Studio, known: Mapping[str, Tags], starts: set[str], sagemaker: "SageMakerClient"
    ) -> tuple[dict[str, Tags | None], set[str]]:
        """GetResources may not know yet, or no more, what is so, and only says where to look: the tags of those members that seem to be wrong, as
        SageMaker itself says, and who could not be asked in the time there is: that is for the next run."""
        domain = studio.domain
        silent = domain.arn in starts  # then all that is made in it counts
        doubtful = [one for one in (*studio.profiles, *studio.spaces) if one.arn in starts or (silent and one.arn not in known)]
        confirmed = list(self.in_turn(partial(_tags_in_time, sagemaker, domain.domain_id), doubtful))
        answers = {member.arn: own for member, own in zip(doubtful, confirmed, strict=True)}
        tags = {arn: own for arn, own in answers.items() if not isinstance(own, OutOfTime)}
        return tags, answers.keys() - tags.keys()

    def _observed(self, place: DomainPlace, studio: Studio, tags: Mapping[str, Tags | None], session: MemberSession) -> Observed:
        to_come = tags_to_come(studio, tags, place.account_tags, self.settings.policy)
        iam = session.client("iam")
        roles = {role: self.memory.role_says(iam, role, place.region, to_come) for role in sorted(studio.execution_roles)}
        unreadable = tuple(finding for role in sorted(studio.execution_roles) for finding in self.memory.unreadable(iam, role))
        reporter = self.memory.reporter(place, studio, session) if self.settings.policy.attaches_reporter else None
        return Observed(place, studio, tags, self.memory.records(place), roles, self.memory.access(place, session), unreadable, reporter)


def _tags_in_time(sagemaker: "SageMakerClient", domain_id: str, member: UserProfile | Space) -> Tags | OutOfTime | None:
    """`_tags`, or that there was no time to ask."""
    try:
        return _tags(sagemaker, domain_id, member)
    except OutOfTime as error:
        return error


def _tags(sagemaker: "SageMakerClient", domain_id: str, member: UserProfile | Space) -> Tags | None:
    """As SageMaker itself says; None where it is gone meanwhile."""
    describe = describe_user_profile if isinstance(member, UserProfile) else describe_space
    try:
        return read_tags(sagemaker, member.arn)
    except ClientError as error:
        if went_meanwhile(error, lambda: describe(sagemaker, domain_id, member.name)):
            return None
        raise
