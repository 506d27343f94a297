"""What was decided, in all accounts: added up, the cap applied over the whole run, and the actions as items of the next Map."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.idle_sweeps import BYTES_OF_A_PLACE, MOST_ACTIONS_OF_A_PLACE, WORKFLOW, Action, ActionPlace, Decided, by_urgency, total_decided
from steward.observability import logger
from steward.resources.clients import hub_client
from steward.resources.map_results import read_children
from steward.resources.objects import get_json, put_json
from steward.rules.caps import within_cap
from steward.settings import GatherDecisionsSettings
from steward.sweeps import Place, unanswered

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class GatherDecisionsRequest(BaseModel):
    """`manifest_key` is where the first Map's ResultWriter says what it wrote."""

    run: str
    places_key: str
    manifest_key: str


@dataclass(frozen=True)
class Sorted:
    """`to_do` fits the cap and the items; `beyond_cap` are stops that the cap of the run keeps back, `left` is too much for one run of its account
    and Region, and `held` what a brake holds."""

    to_do: tuple[Action, ...]
    beyond_cap: tuple[Action, ...]
    left: tuple[Action, ...]
    held: tuple[Action, ...]


@logger.inject_lambda_context
@event_parser(model=GatherDecisionsRequest)
def handler(request: GatherDecisionsRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    answer = gather_decisions(request, GatherDecisionsSettings.from_env(), hub_client("s3"))
    logger.info("gathered decisions", actions=answer["actions"], items=answer["items"])
    return answer


def gather_decisions(request: GatherDecisionsRequest, settings: GatherDecisionsSettings, s3: "S3Client") -> dict[str, Any]:
    """``{actions, items, items_key, decided_key}``: `items` of the next Map lie under `items_key`, one for each account and Region with something to
    do; what was decided, and what of it is not done now, under `decided_key`."""
    places = {(place.account_id, place.region): place for place in map(Place.model_validate, get_json(s3, settings.bucket, request.places_key))}
    decided = decisions(s3, settings.bucket, request.manifest_key)
    found = sort_out(decided, places, settings)
    items = _items(found.to_do, places)
    folder = f"runs/{request.run}"
    gathered = {"decided": decided.model_dump(mode="json"), **{name: _dump(getattr(found, name)) for name in ("beyond_cap", "left", "held")}}
    put_json(s3, settings.bucket, f"{folder}/actions.json", [item.model_dump(mode="json") for item in items])
    put_json(s3, settings.bucket, f"{folder}/decided.json", gathered)
    return {"actions": len(found.to_do), "items": len(items), "items_key": f"{folder}/actions.json", "decided_key": f"{folder}/decided.json"}


def decisions(s3: "S3Client", bucket: str, manifest_key: str) -> Decided:
    """The answers of all children as one. A child that gave none is a trouble for each of its items."""
    children = read_children(s3, bucket, manifest_key)
    lost = partial(unanswered, workflow=WORKFLOW)
    return total_decided(Decided(troubles=lost(child)) if child.output is None else Decided.model_validate(child.output) for child in children)


def sort_out(decided: Decided, places: dict[tuple[str, str], Place], settings: GatherDecisionsSettings) -> Sorted:
    """What has been idle longest comes first, everywhere. A cap is for what would be done: what a brake holds takes none of its room."""
    ordered = sorted(decided.actions, key=by_urgency)
    free = [action for action in ordered if not places[action.account_id, action.region].held]
    stops = [action for action in free if action.verdict == "Stop"]
    allowed, beyond_cap = within_cap(stops, decided.counts.get("running", 0), settings.idle_cap)
    to_do, left = _within_places([*allowed, *(action for action in free if action.verdict == "Notice")])
    held = tuple(action for action in ordered if places[action.account_id, action.region].held)
    return Sorted(to_do, tuple(beyond_cap), left, held)


def _within_places(actions: Sequence[Action]) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """So many of each account and Region as one item takes, and the rest."""
    taken, size = defaultdict[tuple[str, str], int](int), defaultdict[tuple[str, str], int](int)
    kept, left = list[Action](), list[Action]()
    for action in actions:
        where = (action.account_id, action.region)
        taken[where] += 1
        size[where] += len(action.model_dump_json().encode())
        (kept if taken[where] <= MOST_ACTIONS_OF_A_PLACE and size[where] <= BYTES_OF_A_PLACE else left).append(action)
    return tuple(kept), tuple(left)


def _items(actions: Sequence[Action], places: dict[tuple[str, str], Place]) -> list[ActionPlace]:
    """Those of an account stand together, so that a batch enters as few accounts as may be."""
    by_place: dict[tuple[str, str], list[Action]] = defaultdict(list)
    for action in actions:
        by_place[action.account_id, action.region].append(action)
    return [ActionPlace(**dict(places[where]), actions=tuple(by_place[where])) for where in sorted(by_place)]


def _dump(actions: Sequence[Action]) -> list[dict[str, Any]]:
    return [action.model_dump(mode="json") for action in actions]
