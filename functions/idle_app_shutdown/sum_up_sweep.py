"""What came of the whole sweep: written down, measured, put into words for others, and how it ends."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.idle_messages import events_of, message_of
from steward.idle_summaries import Gathered, Listing, Sweep
from steward.idle_sweeps import WORKFLOW, Acted, ActionPlace, Done, Result, total_acted
from steward.observability import logger, metrics
from steward.resources.clients import hub_client
from steward.resources.map_results import read_children
from steward.resources.objects import get_json, put_json
from steward.settings import SumUpSweepSettings
from steward.sweeps import unanswered

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class SumUpSweepRequest(BaseModel):
    """`execution`: its ARN, `time`: when it began. `decided_key` and `items_key`: what GatherDecisions wrote, where it was asked; `manifest_key`: the
    second Map's, where there was something to do."""

    run: str
    execution: str
    time: datetime
    account_id: str | None = None
    listing: Listing
    decided_key: str | None = None
    items_key: str | None = None
    manifest_key: str | None = None


@logger.inject_lambda_context
@event_parser(model=SumUpSweepRequest)
def handler(request: SumUpSweepRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    answer = sum_up_sweep(request, SumUpSweepSettings.from_env(), hub_client("s3"))
    metrics.flush_metrics()
    logger.info("swept", outcome=answer["report"]["outcome"], counts=answer["report"]["counts"])
    return answer


def sum_up_sweep(request: SumUpSweepRequest, settings: SumUpSweepSettings, s3: "S3Client") -> dict[str, Any]:
    """``{report, why, news}``: the report of the whole run; in words why it is red, where it is; and what the machine tells others: ``{events,
    events_key, subject, message}``, so many events under that key of the bucket, and one message for people.

    Tried again after a cut it writes the same.
    """
    sweep, grace, folder = _read(request, settings, s3), settings.grace, f"runs/{request.run}"
    details_s3 = put_json(s3, settings.bucket, f"{folder}/details.json", sweep.details(dry_run=settings.held))
    events, (subject, message) = events_of(sweep, grace), message_of(sweep, request.execution, grace, details_s3)
    put_json(s3, settings.bucket, f"{folder}/events.json", events)
    counts = sweep.counts()
    _measure(counts, len(sweep.gathered.beyond_cap), whole=request.account_id is None)
    return {
        "report": {"version": 1, "outcome": sweep.outcome, "dry_run": settings.held, "counts": counts, "details_s3": details_s3},
        "why": sweep.why(details_s3),
        "news": {"events": len(events), "events_key": f"{folder}/events.json", "subject": subject, "message": message},
    }


def _read(request: SumUpSweepRequest, settings: SumUpSweepSettings, s3: "S3Client") -> Sweep:
    gathered = Gathered.model_validate(get_json(s3, settings.bucket, request.decided_key)) if request.decided_key else Gathered()
    acted = Acted()
    if request.manifest_key and request.items_key:
        asked = [ActionPlace.model_validate(item) for item in get_json(s3, settings.bucket, request.items_key)]
        acted = gather_results(asked, s3, settings.bucket, request.manifest_key, request.time)
    return Sweep(request.run, request.account_id, request.listing, gathered, acted)


def gather_results(asked: list[ActionPlace], s3: "S3Client", bucket: str, manifest_key: str, time: datetime) -> Acted:
    """The answers of all children as one, with a line for each action of each of the items `asked`. Of one that nobody answered it is not known
    whether it was done: a child that failed may have come far."""
    children = read_children(s3, bucket, manifest_key)
    failed = partial(unanswered, item=ActionPlace, workflow=WORKFLOW)
    acted = total_acted(Acted(troubles=failed(child)) if child.output is None else Acted.model_validate(child.output) for child in children)
    answered = {done.key for done in acted.done}
    silent = [action for place in asked for action in place.actions if action.key not in answered]
    given = {"result": Result.UNANSWERED, "at": time, "message": "its batch failed: look whether it still runs"}
    lost = (Done.model_validate({**action.model_dump(), **given}) for action in silent)
    return acted.model_copy(update={"done": (*acted.done, *lost)})


def _measure(counts: dict[str, Any], beyond_cap: int, *, whole: bool) -> None:
    """For the dashboard and the alarms. A run for one account says nothing of the whole, but may run into the cap, and what it saved is saved."""
    metrics.add_metric("StopsLeft", MetricUnit.Count, beyond_cap)
    metrics.add_metric("AppsStopped", MetricUnit.Count, counts["results"].get("Stopped", 0))
    metrics.add_metric("HoursSaved", MetricUnit.Count, counts["hours_saved"])
    if whole:
        metrics.add_metric("AppsRunning", MetricUnit.Count, counts["running"])
        metrics.add_metric("AppsIdle", MetricUnit.Count, counts["idle"])
        metrics.add_metric("AppsUnknown", MetricUnit.Count, counts["unknown"])
