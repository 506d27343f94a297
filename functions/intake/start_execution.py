"""Start the execution that an event asks for, under a name that says what happened to whom, and under that name only once."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.base import FailureResponse
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from steward.errors import EventUnreadable, WorkflowUnknown
from steward.lifecycle_events import LifecycleEvent, parse_lifecycle_event
from steward.observability import logger
from steward.resources.clients import hub_client
from steward.settings import IntakeSettings

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class IntakeProcessor(BatchProcessor):
    """Says which message failed and why. Without it a failure would only be seen in the message's coming back."""

    def failure_handler(self, record: Any, exception: Any) -> FailureResponse:
        logger.error("message not taken in", message_id=record.message_id, error=exception[0].__name__, exc_info=exception)
        return super().failure_handler(record, exception)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    settings = IntakeSettings.from_env()
    start = partial(start_execution, state_machine_arns=settings.state_machine_arns, stepfunctions=hub_client("stepfunctions"))
    processor = IntakeProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=start, processor=processor, context=context)


def start_execution(record: SQSRecord, state_machine_arns: Mapping[str, str], stepfunctions: "SFNClient") -> None:
    """Take in one message of the intake queue. An event that was delivered before meets its own execution, and is done.

    Raises EventUnreadable and WorkflowUnknown; the message then comes back, and at last goes to the dead-letter queue.
    """
    workflow, event = read_message(record.body)
    if workflow not in state_machine_arns:
        raise WorkflowUnknown(f"no state machine here for the workflow {workflow!r}")
    name = execution_name(event)
    try:
        stepfunctions.start_execution(stateMachineArn=state_machine_arns[workflow], name=name, input=event.model_dump_json())
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        logger.info("execution already exists, the event was delivered before", workflow=workflow, execution=name)
    else:
        logger.info("execution started", workflow=workflow, execution=name)


def read_message(body: str) -> tuple[str, LifecycleEvent]:
    """The workflow and the event of a message ``{"workflow": "…", "event": {…}}``, as every rule of the hub bus sends it."""
    try:
        message = json.loads(body)
        workflow, event = str(message["workflow"]), dict(message["event"])
    except (ValueError, TypeError, KeyError) as error:
        raise EventUnreadable(f'the message is not {{"workflow": …, "event": …}}: {type(error).__name__}') from error
    return workflow, parse_lifecycle_event(event)


def execution_name(event: LifecycleEvent) -> str:
    """``<account>-<subject, 32 at most>-<verb, 16 at most>-<12 hex of Region and event id>``: 75 of the 80 characters that a name may have.

    Only letters, digits, ``-`` and ``_``: with others Step Functions runs, but cannot log to CloudWatch
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    digest = hashlib.sha256(f"{event.region}/{event.event_id}".encode()).hexdigest()[:12]
    subject = re.sub(r"[^0-9A-Za-z_-]", "-", event.subject)[:32]
    return f"{event.account_id}-{subject}-{event.verb[:16]}-{digest}"
