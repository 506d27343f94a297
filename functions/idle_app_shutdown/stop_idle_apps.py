"""Notice the apps that were decided on, or stop them after another look. What comes of one is a line of the result, the others go on."""

from collections import Counter
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.idle_actions import ActOnPlace, act_on_each
from steward.idle_sweeps import WORKFLOW, ActionBatch, total_acted
from steward.observability import logger
from steward.resources.clients import hub_client
from steward.settings import StopIdleAppsSettings
from steward.sweeps import door, look_at_each


@logger.inject_lambda_context
@event_parser(model=ActionBatch)
def handler(batch: ActionBatch, context: LambdaContext) -> dict[str, Any]:
    settings, clock = StopIdleAppsSettings.from_env(), partial(datetime.now, UTC)
    enter = cache(door(hub_client("sts"), settings.member_role_name, batch.common.run))
    remaining_ms = context.get_remaining_time_in_millis
    act = ActOnPlace(settings.idle_policy, settings.held, batch.common.as_of or batch.common.time, batch.attempt, clock)
    acted = total_acted(act_on_each(batch.items, act, lambda places, at: look_at_each(places, enter, at, remaining_ms, WORKFLOW), remaining_ms))
    logger.info("acted on apps", places=len(batch.items), results=Counter(one.result for one in acted.done))
    return acted.as_answer()
