"""One invocation of a schedule's target, attempt after attempt, until it is taken, dead-lettered or dropped.

Source: EventBridge Scheduler User Guide, "Adding context attributes" and "Configuring a schedule's dead-letter queue"; API Reference, RetryPolicy.
Not observed on AWS: that every failure is tried again, the waits between attempts, and that the message in the dead-letter queue is the input as it
was last sent.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localaws.cloud import AwsError, Cloud
from localaws.eventbridge.buses import Arn
from localaws.eventbridge.delivery import FIRST_BACKOFF, LONGEST_BACKOFF
from localaws.scheduler.targets import Target, may_assume, put_in_queue, send

MOST_RETRIES, LONGEST_AGE = 185, 86_400
"""What a target's RetryPolicy is where it does not say: attempts after the first, and seconds."""


@dataclass
class Delivery:
    """`scheduled` and `received` are seconds since 1970: the time of the schedule, and when it came to be delivered. `done` is called at the end."""

    cloud: Cloud
    schedule_arn: str
    target: Target
    scheduled: float
    received: float
    done: Callable[[], None]
    attempts: int = 0
    body: str = ""
    execution_id: str = ""

    def attempt(self) -> None:
        self.attempts += 1
        self.execution_id = self.cloud.identifier(16)
        self.body = self._filled(self.target["Input"])
        try:
            self._check_role()
            send(self.cloud, self.target, self.body, self.execution_id)
        except AwsError as error:
            self._failed(error)
        else:
            self._end("delivered")

    def _filled(self, text: str) -> str:
        for name, value in self._attributes().items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text

    def _attributes(self) -> dict[str, str]:
        return {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": _iso(self.scheduled),
            "execution-id": self.execution_id,
            "attempt-number": str(self.attempts),
        }

    def _check_role(self) -> None:
        """The role may have changed since the schedule was made."""
        group_arn = self.schedule_arn.rsplit("/", 1)[0].replace(":schedule/", ":schedule-group/")
        if not may_assume(self.cloud, self.target["RoleArn"], group_arn):
            raise AwsError("AccessDeniedException", f"EventBridge Scheduler may not assume the role {self.target['RoleArn']}")

    def _failed(self, error: AwsError) -> None:
        policy = self.target["RetryPolicy"]
        wait = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self.attempts - 1, 20)) * self.cloud.random.uniform(0.5, 1.0)
        if self.attempts > policy["MaximumRetryAttempts"]:
            self._give_up(error, "MaximumRetryAttempts")
        elif self.cloud.clock.now + wait > self.received + policy["MaximumEventAgeInSeconds"]:
            self._give_up(error, "MaximumEventAgeInSeconds")
        else:
            self._log("failed", error)
            self.cloud.clock.later(wait, self.attempt)

    def _give_up(self, error: AwsError, exhausted: str) -> None:
        if "DeadLetterConfig" not in self.target:
            self._end("dropped", error)
            return
        attributes = {
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message,
            "EXECUTION_ID": self.execution_id,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(self.attempts - 1),
            "SCHEDULED_TIME": _iso(self.scheduled),
            "SCHEDULE_ARN": self.schedule_arn,
            "TARGET_ARN": self.target["Arn"],
        }
        try:
            self._check_role()
            put_in_queue(self.cloud, self.target, self.body, attributes, self.execution_id)
        except AwsError as again:
            self._end("dropped", error, also=f"; dead-letter queue: {again.code}: {again.message}")
        else:
            self._end("dead-lettered", error)

    def _end(self, outcome: str, error: AwsError | None = None, also: str = "") -> None:
        self._log(outcome, error, also)
        self.done()

    def _log(self, outcome: str, error: AwsError | None = None, also: str = "") -> None:
        place = Arn.read(self.schedule_arn)
        self.cloud.log.deliveries.append(
            {
                "time": self.cloud.clock.iso(),
                "account": place.account,
                "region": place.region,
                "bus": None,
                "rule": None,
                "schedule": place.resource.removeprefix("schedule/"),
                "target": self.target["Arn"],
                "event_id": self.execution_id,
                "detail_type": None,
                "event": _read(self.body),
                "outcome": outcome,
                "error": f"{error.code}: {error.message}{also}" if error else None,
                "attempt": self.attempts,
            }
        )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(body: str) -> dict[str, Any]:
    """An object as it is, anything else under a name: who reads the log finds an object in each line."""
    try:
        value = json.loads(body)
    except ValueError:
        value = body
    return value if isinstance(value, dict) else {"input": value}
