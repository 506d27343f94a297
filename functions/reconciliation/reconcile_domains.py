"""What would the workflows do in these domains? Reads and decides only: what is to be written is written by an execution of the workflow."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.changes import Finding
from steward.comparisons import CostTags
from steward.observability import logger
from steward.resources.clients import MemberSession, hub_client
from steward.resources.domains import describe_domain
from steward.resources.profiles import UserProfile, describe_user_profile
from steward.resources.spaces import Space, describe_space
from steward.resources.studio import Stage, went_meanwhile
from steward.resources.studios import InTurn, read_studio_of
from steward.resources.tags import read_tags, read_tags_of
from steward.settings import ReconcileDomainsSettings
from steward.sweeps import THREADS, DomainBatch, DomainPlace, Looked, Start, answer_of, door, look_at_all

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@logger.inject_lambda_context
@event_parser(model=DomainBatch)
def handler(batch: DomainBatch, context: LambdaContext) -> dict[str, Any]:
    settings = ReconcileDomainsSettings.from_env()
    enter = door(hub_client("sts"), settings.member_role_name, batch.common.run)
    with ThreadPoolExecutor(max_workers=THREADS) as describing:
        look = partial(reconcile_domain, settings, in_turn=describing.map)
        looked = look_at_all(batch.items, enter, look, context.get_remaining_time_in_millis)
    logger.info("looked into domains", domains=len(batch.items), troubles=sum(len(one.troubles) for one in looked))
    return answer_of(looked)


def reconcile_domain(settings: ReconcileDomainsSettings, place: DomainPlace, session: MemberSession, in_turn: InTurn = map) -> Looked:
    """Everything in one domain against what it should be."""
    sagemaker: SageMakerClient = session.client("sagemaker")
    domain = describe_domain(sagemaker, place.domain_id)
    if domain is None or domain.stage is Stage.LEAVING:
        return Looked(Counter(domains_gone=1))
    if domain.is_of_unified_studio:
        return Looked(Counter(domains_of_unified_studio=1))
    studio = read_studio_of(sagemaker, domain, in_turn)
    members: tuple[UserProfile | Space, ...] = (*studio.profiles, *studio.spaces)
    resources = {member.arn: member for member in members}
    tags: dict[str, dict[str, str] | None] = {**read_tags_of(session.client("resourcegroupstaggingapi"), [domain.arn, *resources])}
    compare = partial(CostTags(settings.user_tag_key, settings.account_tag_keys).compare, place, studio)
    if compared := list(compare(tags)):  # GetResources may not know yet, or no more, what is so: what it says is where to look
        doubtful = [resources[one.resource] for one in compared if isinstance(one, Start)]
        tags |= {one.arn: _tags(sagemaker, place.domain_id, one) for one in doubtful}
        tags[domain.arn] = read_tags(sagemaker, domain.arn)
        compared = list(compare(tags))
    return Looked(
        Counter(user_profiles=len(studio.profiles), spaces=len(studio.spaces)),
        starts=tuple(one for one in compared if isinstance(one, Start)),
        findings=tuple(one for one in compared if isinstance(one, Finding)),
    )


def _tags(sagemaker: "SageMakerClient", domain_id: str, resource: UserProfile | Space) -> dict[str, str] | None:
    """As SageMaker itself says; None where the thing is gone meanwhile."""
    describe = describe_user_profile if isinstance(resource, UserProfile) else describe_space
    try:
        return read_tags(sagemaker, resource.arn)
    except ClientError as error:
        if went_meanwhile(error, lambda: describe(sagemaker, domain_id, resource.name)):
            return None
        raise
