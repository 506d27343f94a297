"""Which accounts are ours, and in which Regions is there to look? The only step that asks Organizations: it answers few calls a second."""

from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.observability import logger
from steward.places import PlacesRequest, list_places
from steward.resources.clients import hub_client
from steward.settings import ListAccountsSettings


@logger.inject_lambda_context
@event_parser(model=PlacesRequest)
def handler(request: PlacesRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    answer = list_places(request, ListAccountsSettings.from_env(), hub_client("organizations"), hub_client("s3"))
    logger.info("listed accounts", accounts=answer["accounts"], places=answer["places"])
    return answer
