"""Start an execution for everything that is not as it should be, within the cap, and say what came of the whole run."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.observability import logger, metrics
from steward.resources.clients import hub_client
from steward.resources.objects import get_json, put_json
from steward.settings import StartExecutionsSettings
from steward.sweeps import Answer, Start, Trouble, gather, total

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

ORDER = ("domain_setup", "template_enablement", "profile_cost_tagging")
"""What people wait for first. They take turns: of more than may be started, no workflow takes the place of another day after day."""

TOLD_AT_MOST = 20
"""Troubles that a red end names. All of them are in the details."""


class Listing(BaseModel):
    """What ListAccounts answered."""

    outcome: str
    accounts: int
    not_active: int


class StartExecutionsRequest(BaseModel):
    """`gathered_key`: what came of looking for domains; `manifest_key`: what came of looking into them. Neither is given where there was none.

    `time` is when the run began, as Step Functions writes it.
    """

    run: str
    time: datetime
    account_id: str | None = None
    listing: Listing
    gathered_key: str | None = None
    manifest_key: str | None = None


@dataclass(frozen=True)
class Done:
    """Of everything that would write something: what was started, what a brake holds, and what is left because of the cap. `unsure` are more that
    nobody had the time to ask, or the room to tell of."""

    started: tuple[Start, ...] = ()
    held: tuple[Start, ...] = ()
    left: tuple[Start, ...] = ()
    unsure: int = 0

    @property
    def not_started(self) -> int:
        return len(self.left) + self.unsure


@logger.inject_lambda_context
@event_parser(model=StartExecutionsRequest)
def handler(request: StartExecutionsRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    answer = start_executions(request, StartExecutionsSettings.from_env(), hub_client("stepfunctions"), hub_client("s3"))
    metrics.flush_metrics()
    logger.info("reconciled", outcome=answer["report"]["outcome"], counts=answer["report"]["counts"])
    return answer


def start_executions(
    request: StartExecutionsRequest, settings: StartExecutionsSettings, stepfunctions: "SFNClient", s3: "S3Client"
) -> dict[str, Any]:
    """``{report, why}``: the report of the whole run, and in words why it is red, where it is.

    Tried again after a cut, it starts the same executions under the same names, which Step Functions knows.
    """
    found = total(_found(request, settings.bucket, s3))
    done = _sort_out(found, settings)
    for start in done.started:
        _start(start, request, settings, stepfunctions)
    outcome = _outcome(request.listing.outcome, found, done)
    counts = _counts(request.listing, found, done)
    details = {"version": 1, "run": request.run, "account_id": request.account_id, "outcome": outcome, "dry_run": settings.held, "counts": counts}
    details |= {"troubles": [trouble.model_dump() for trouble in found.troubles]}
    details |= {what: [_told(start, request.run) for start in getattr(done, what)] for what in ("started", "held", "left")}
    details |= {"findings": found.model_dump(mode="json")["findings"]}
    details_s3 = put_json(s3, settings.bucket, f"runs/{request.run}/details.json", details)
    _measure(counts, whole=request.account_id is None)
    report = {"version": 1, "outcome": outcome, "dry_run": settings.held, "counts": counts, "details_s3": details_s3}
    return {"report": report, "why": _why(outcome, done, found, details_s3)}


def _found(request: StartExecutionsRequest, bucket: str, s3: "S3Client") -> list[Answer]:
    of_places = [Answer.model_validate(get_json(s3, bucket, request.gathered_key))] if request.gathered_key else []
    return [*of_places, *([gather(s3, bucket, request.manifest_key)] if request.manifest_key else [])]


def _sort_out(found: Answer, settings: StartExecutionsSettings) -> Done:
    """A brake may have been pulled since: those that hold everything are asked again, and each workflow asks them all before it writes."""
    ordered = list(_in_turns(dict.fromkeys(found.starts)))
    held = tuple(start for start in ordered if start.held or settings.held)
    free = tuple(start for start in ordered if not (start.held or settings.held))
    return Done(free[: settings.most_starts], held, free[settings.most_starts :], 0 if settings.held else found.starts_left)


def _in_turns(starts: Iterable[Start]) -> Iterator[Start]:
    """One of each workflow after the other, and of a workflow by account, Region and subject: always the same for the same."""
    by_subject = sorted(starts, key=lambda start: (start.account_id, start.region, start.subject))
    queues = ([start for start in by_subject if start.workflow == workflow] for workflow in ORDER)
    for turn in zip_longest(*queues):
        yield from (start for start in turn if start)


def _start(start: Start, request: StartExecutionsRequest, settings: StartExecutionsSettings, stepfunctions: "SFNClient") -> None:
    try:
        stepfunctions.start_execution(
            stateMachineArn=settings.state_machine_arns[start.workflow],
            name=start.name(request.run),
            input=json.dumps(start.input(request.run, f"{request.time:%Y-%m-%dT%H:%M:%SZ}")),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":  # else an earlier try of this step has started it
            raise


def _told(start: Start, run: str) -> dict[str, Any]:
    return {**start.model_dump(exclude={"held"}), "execution": start.name(run)}


def _outcome(listed: str, found: Answer, done: Done) -> str:
    if found.troubles:
        return "SomeAccountsFailed"
    if done.not_started:
        return "TooMuchToDo"
    return "Reconciled" if done.started or done.held else listed


def _counts(listing: Listing, found: Answer, done: Done) -> dict[str, Any]:
    return {
        "accounts": listing.accounts,
        "accounts_not_active": listing.not_active,
        **{what: found.counts.get(what, 0) for what in ("places", "domains", "domains_gone", "domains_of_unified_studio", "user_profiles", "spaces")},
        "troubles": len(found.troubles),
        "started": dict(Counter(start.workflow for start in done.started)),
        "held": dict(Counter(start.workflow for start in done.held)),
        "left": done.not_started,
        "findings": found.findings_by_kind,
    }


def _measure(counts: dict[str, Any], *, whole: bool) -> None:
    """For the dashboard and the alarm. A run for one account says nothing of the whole, but may as well run into the cap."""
    metrics.add_metric("StartsLeft", MetricUnit.Count, counts["left"])
    if whole:
        metrics.add_metric("Troubles", MetricUnit.Count, counts["troubles"])
        metrics.add_metric("ExecutionsStarted", MetricUnit.Count, sum(counts["started"].values()))
        metrics.add_metric("Findings", MetricUnit.Count, sum(counts["findings"].values()))


def _why(outcome: str, done: Done, found: Answer, details_s3: str) -> str:
    """For people, and short: the cause of a Fail state has 32,768 characters at most."""
    left = _why_left(done, details_s3)
    if outcome == "TooMuchToDo":
        return left
    if outcome != "SomeAccountsFailed":
        return ""
    lines = "; ".join(map(_line, found.troubles[:TOLD_AT_MOST]))
    more = f"; and {len(found.troubles) - TOLD_AT_MOST} more" if len(found.troubles) > TOLD_AT_MOST else ""
    return (
        f"{len(found.troubles)} could not be looked at, all others are done: {lines}{more}. All of them, with what to do for each, are in "
        f"{details_s3}. Then start a reconciliation by hand for the account, or leave it to the next run."
        + (f" And {left}" if done.not_started else "")
    )


def _why_left(done: Done, details_s3: str) -> str:
    beyond = f"{len(done.left)} more executions are to be started than the parameter MostStartsPerReconciliation allows for one run."
    unsure = (
        f"{done.unsure} more seem to be needed, and could not be confirmed in the time of this run, or were more than its batch could tell of: that "
        "is no matter of the parameter MostStartsPerReconciliation."
    )
    further = ", or raise the parameter" if done.left else ""
    return (
        " ".join([*([beyond] if done.left else []), *([unsure] if done.unsure else [])])
        + f" Look in {details_s3} at what is to be done and why. If it is right, start a reconciliation by hand when those executions are through, "
        f"and again until nothing is left{further}."
    )


def _line(trouble: Trouble) -> str:
    where = " ".join(filter(None, (trouble.account_id, trouble.region, trouble.domain_id)))
    return f"{where}: {trouble.error}: {trouble.message[:200]}"
