"""Start the execution that a message asks for, under a name that says what happened to whom, and once for each event."""

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.base import FailureResponse
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from intake.attempts import MOST_REPEATS, Verdict, attempt_names, judge
from intake.messages import Occasion, name_of_execution, read_message
from steward.errors import MessageRefused, RepeatedTooOften, WorkflowUnknown
from steward.lifecycle_events import ScheduleFired
from steward.observability import logger
from steward.resources.clients import hub_client
from steward.settings import IntakeSettings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class IntakeProcessor(BatchProcessor):
    """Says which message failed and why. Without it a failure would only be seen in the message's coming back."""

    def failure_handler(self, record: Any, exception: Any) -> FailureResponse:
        logger.error("message not taken in", message_id=record.message_id, error=exception[0].__name__, exc_info=exception)
        return super().failure_handler(record, exception)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    take_in_one = partial(take_in, settings=IntakeSettings.from_env(), stepfunctions=hub_client("stepfunctions"), sqs=hub_client("sqs"))
    processor = IntakeProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=take_in_one, processor=processor, context=context)


def take_in(record: SQSRecord, settings: IntakeSettings, stepfunctions: "SFNClient", sqs: "SQSClient") -> None:
    """One message of the intake queue. What is refused goes to the dead-letter queue at once, with its reason, and is done.

    Whatever else is raised is of the moment: the message comes back, five times, before SQS moves it to the dead-letter queue.
    """
    try:
        request = read_message(record.body)
        if request.workflow not in settings.state_machine_arns:
            raise WorkflowUnknown(f"no state machine here for the workflow {request.workflow!r}")
        start_execution(settings.state_machine_arns[request.workflow], request.occasion, stepfunctions)
    except MessageRefused as error:
        lay_aside(record, error, settings.dlq_url, sqs)


def lay_aside(record: SQSRecord, error: MessageRefused, dlq_url: str, sqs: "SQSClient") -> None:
    """Put a message into the dead-letter queue. Its attributes have the names that EventBridge gives to those of an event it could not deliver."""
    reason = {"ERROR_CODE": type(error).__name__, "ERROR_MESSAGE": _printable(str(error))}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in reason.items()}
    sqs.send_message(QueueUrl=dlq_url, MessageBody=record.body, MessageAttributes=attributes)  # type: ignore[arg-type]  # plain dictionaries
    logger.error("message refused", message_id=record.message_id, error=reason["ERROR_CODE"], reason=reason["ERROR_MESSAGE"])


def start_execution(machine_arn: str, occasion: Occasion, stepfunctions: "SFNClient") -> None:
    """Start the execution, or see to the one that is there already. A schedule waits for its next time while an execution before it runs.

    Raises RepeatedTooOften.
    """
    if isinstance(occasion, ScheduleFired) and _is_running(machine_arn, stepfunctions):
        logger.info("skipped: the execution before still runs", schedule=occasion.name)
        return
    replay_name = None if isinstance(occasion, ScheduleFired) else occasion.replay_name
    for name in attempt_names(name_of_execution(occasion)):
        if _start(machine_arn, name, occasion, stepfunctions):
            logger.info("execution started", execution=name)
            return
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        verdict = judge(stepfunctions.describe_execution(executionArn=arn), replay_name)
        logger.info("execution already exists", execution=name, verdict=verdict.name)
        if verdict is Verdict.REDRIVE:
            stepfunctions.redrive_execution(executionArn=arn)
        if verdict is not Verdict.REPEAT:
            return
    raise RepeatedTooOften(
        f"{name_of_execution(occasion)} was repeated {MOST_REPEATS} times: find out why, then start an execution with its input by hand"
    )


def _start(machine_arn: str, name: str, occasion: Occasion, stepfunctions: "SFNClient") -> bool:
    """Whether it was started, now or by a first try whose answer was lost; False where an execution of that name is there for another reason."""
    try:
        stepfunctions.start_execution(stateMachineArn=machine_arn, name=name, input=occasion.model_dump_json())
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        return False
    return True


def _is_running(machine_arn: str, stepfunctions: "SFNClient") -> bool:
    """As far as Step Functions knows: its lists lag behind a little. Two at once do no harm, they are a waste."""
    return bool(stepfunctions.list_executions(stateMachineArn=machine_arn, statusFilter="RUNNING", maxResults=1)["executions"])


def _printable(text: str) -> str:
    """Without the characters that SQS does not take in an attribute, and not long: it counts with the message's size."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)[:1000]
