"""Which apps of some places are idle, and what is to become of them? Reads only, in members. A place that cannot be read is a line of the result."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.idle_decisions import DecideOnPlace
from steward.idle_spaces import SpaceMemory
from steward.idle_sweeps import WORKFLOW, Decided, PlaceBatch, total_decided
from steward.observability import logger
from steward.resources.clients import hub_client
from steward.settings import DecideOnAppsSettings
from steward.sweeps import Trouble, door, look_at_each


@logger.inject_lambda_context
@event_parser(model=PlaceBatch)
def handler(batch: PlaceBatch, context: LambdaContext) -> dict[str, Any]:
    settings = DecideOnAppsSettings.from_env()
    enter = door(hub_client("sts"), settings.member_role_name, batch.common.run)
    memory = SpaceMemory(hub_client("s3"), settings.bucket)
    decide = DecideOnPlace(settings.idle_policy, settings.user_tag_key, memory, partial(datetime.now, UTC))
    looked = look_at_each(batch.items, enter, decide.at, context.get_remaining_time_in_millis, WORKFLOW)
    decided = total_decided(Decided(troubles=(one,)) if isinstance(one, Trouble) else one for one in looked)
    logger.info("decided on apps", places=len(batch.items), troubles=len(decided.troubles), counts=decided.counts)
    return decided.as_answer()
