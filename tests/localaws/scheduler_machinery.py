"""A queue, a role and schedules of the hub account, for tests of EventBridge Scheduler."""

import json
from datetime import UTC, datetime
from typing import Any

from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for

HERE, HUB = "eu-west-1", "222222222222"
WHEN = '{"time": "<aws.scheduler.scheduled-time>"}'


class Scheduling:
    """One queue that schedules send to. Virtual time begins on Monday, 2 November 2026, at eight."""

    def __init__(self, local: LocalOrganization):
        self.local, self.client, self.sqs = local, local.client("scheduler", "hub"), local.client("sqs", "hub")
        self.role = role_for(local, "scheduler.amazonaws.com", "schedules", may=())
        actions = ["sqs:SendMessage", "states:StartExecution", "events:PutEvents", "lambda:InvokeFunction"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        local.client("iam", "hub").put_role_policy(RoleName="schedules", PolicyName="calls", PolicyDocument=json.dumps(policy))
        self.queue = self.new_queue("work")

    def new_queue(self, name: str) -> str:
        self.sqs.create_queue(QueueName=name)
        return f"arn:aws:sqs:{HERE}:{HUB}:{name}"

    def target(self, arn: str | None = None, **more: Any) -> dict[str, Any]:
        return {"Arn": arn or self.queue, "RoleArn": self.role, "Input": WHEN, **more}

    def put(self, expression: str, name: str = "keys", *, update: bool = False, **more: Any) -> str:
        call = self.client.update_schedule if update else self.client.create_schedule
        given = {"FlexibleTimeWindow": {"Mode": "OFF"}, "Target": self.target(), **more}
        return str(call(Name=name, ScheduleExpression=expression, **given)["ScheduleArn"])

    def messages(self, queue: str = "work") -> list[dict[str, Any]]:
        """What came into the queue since it was last asked, oldest first."""
        url, found = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"], list[dict[str, Any]]()
        while more := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
            found += more
            for message in more:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def times(self, queue: str = "work") -> list[str]:
        """The scheduled times that came into the queue since it was last asked."""
        return sorted(json.loads(message["Body"])["time"] for message in self.messages(queue))

    def fired(self) -> list[str]:
        """All scheduled times so far: queues forget."""
        return [entry["event"]["time"] for entry in self.local.cloud.log.deliveries]

    def advance_to(self, text: str) -> None:
        self.local.advance(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() - self.local.clock.now)

    def outcomes(self) -> list[tuple[str, str, int]]:
        return [(entry["outcome"], (entry["error"] or "").split(":")[0], entry["attempt"]) for entry in self.local.cloud.log.deliveries]
