"""Which domains are there in some accounts and Regions? Reads only. One that cannot be looked into is a line of the result, the others go on."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.comparisons import compare_records
from steward.observability import logger
from steward.resources.clients import MemberSession, hub_client
from steward.resources.domains import list_domain_ids
from steward.resources.records import Records, read_records
from steward.settings import FindDomainsSettings
from steward.sweeps import Batch, Found, Looked, Place, answer_of, door, look_at_all

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@logger.inject_lambda_context
@event_parser(model=Batch)
def handler(batch: Batch, context: LambdaContext) -> dict[str, Any]:
    settings = FindDomainsSettings.from_env()
    enter = door(hub_client("sts"), settings.member_role_name, batch.common.run)
    records = partial(read_records, hub_client("dynamodb"), settings.records_table)
    looked = look_at_all(batch.items, enter, partial(find_domains, records), context.get_remaining_time_in_millis)
    logger.info("found domains", places=len(batch.items), troubles=sum(len(one.troubles) for one in looked))
    return answer_of(looked)


def find_domains(records: Callable[[str, str], Records], place: Place, session: MemberSession) -> Looked:
    """The domains of one account in one Region, and what is still remembered of domains that are gone. `records` reads what is remembered: before the
    domains are listed, since one that comes between may be remembered at once."""
    sagemaker: SageMakerClient = session.client("sagemaker")
    remembered = records(place.account_id, place.region)
    domain_ids = list_domain_ids(sagemaker)
    return Looked(
        Counter(places=1, domains=len(domain_ids)),
        starts=tuple(compare_records(place, remembered, domain_ids)),
        domains=tuple(Found(account_id=place.account_id, region=place.region, domain_id=domain_id) for domain_id in domain_ids),
    )
