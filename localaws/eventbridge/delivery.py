"""From a bus to the targets of its rules: matching, sending, retrying, dead-lettering.

Deliveries are entries of the clock, each some tenths of a second after the event, in no order. What fails for good goes to the target's dead-letter
queue, or is lost, which the log of deliveries says. Sources: EventBridge User Guide, "How EventBridge retries delivering events", "Using dead-letter
queues", "Sending and receiving events between AWS accounts", "… between AWS Regions".

Approximated: the waits between attempts (AWS says "exponential backoff and jitter"), and that nothing is delivered twice, which AWS does not promise.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from localaws.authorization import may_take
from localaws.cloud import AwsError, Cloud, Principal, Refused, compact
from localaws.eventbridge.archives import keep
from localaws.eventbridge.buses import Arn, find_bus
from localaws.eventbridge.patterns import compile_pattern
from localaws.eventbridge.permissions import SERVICE, may_put
from localaws.eventbridge.targets import SENDERS, DeliveryFailed, Sending, put_in_queue, sender
from localaws.eventbridge.transformer import Firing, NotDelivered, target_input
from localaws.faults import Passage

DELAY = (0.1, 0.5)
"""Seconds from an event's arrival on a bus to the first attempt at a target."""

FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 600.0
"""Seconds; each wait is drawn from the upper half of what the doubling has come to."""

_ARCHIVER = "prod.vhs.events.aws.internal"

Place = tuple[str, str]


def put_event(cloud: Cloud, bus_arn: str, event: dict[str, Any], principal: Principal, *, rule_arn: str | None = None) -> None:
    """Put a whole event on a bus as `principal`; with `rule_arn`, as that rule's forwarding.

    `AwsError`: ResourceNotFoundException, or AccessDeniedException where the bus's policy, or that of the rule's role, does not let it in. What a
    role asks of a bus of its own account was decided with its call.
    """
    bus = find_bus(bus_arn)
    decided = rule_arn is None and principal.role_arn is not None and principal.account == bus.account_id
    decision = None if decided else may_put(cloud, bus, event, principal, rule_arn)
    if decision is not None and not decision.allowed:
        kind = "with an explicit deny in a resource-based policy" if decision.explicit_deny else "because no resource-based policy allows it"
        raise AwsError("AccessDeniedException", f"User: {principal.arn} is not authorized to perform: events:PutEvents on resource: {bus.arn} {kind}")
    came_from = (Arn.read(rule_arn).account, Arn.read(rule_arn).region) if rule_arn else (principal.account, bus.region)
    accept(cloud, bus, event, came_from if rule_arn or principal.account != bus.account_id else None)


def accept(cloud: Cloud, bus: Any, event: dict[str, Any], came_from: Place | None = None, only: Collection[str] | None = None) -> None:
    """An event is on a bus, by right: let every rule that matches fire, of `only` these ARNs if they are given.

    `came_from`: the account and Region of whoever elsewhere sent it.
    """
    event = json.loads(compact(event))
    for rule in list(bus.rules.values()):
        if not _fires(rule, event) or (only is not None and rule.arn not in only):
            continue
        if rule.managed_by == _ARCHIVER:
            keep(cloud, rule, event)
            continue
        for target in rule.targets:
            delivery = Delivery(cloud, bus.name, Firing(event, rule.arn, rule.name, cloud.clock.iso()), dict(target), came_from, cloud.clock.now)
            where = Passage("event", target["Arn"], rule.account_id, rule.region_name, rule.arn, event_id=event["id"])
            cloud.faults.schedule(where, cloud.random.uniform(*DELAY), partial(_attempt, delivery))


def _attempt(delivery: "Delivery") -> None:
    """Each delivery of an event has attempts of its own, also where there are two."""
    replace(delivery).attempt()


def _fires(rule: Any, event: dict[str, Any]) -> bool:
    if rule.state == "DISABLED" or not rule.event_pattern.get_pattern():
        return False
    if rule.state == "ENABLED" and event["detail-type"] == "AWS API Call via CloudTrail" and event["detail"].get("readOnly") is True:
        # Only ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS gets reads.
        return False
    return compile_pattern(rule.event_pattern.dump()).matches(event)


@dataclass
class Delivery:
    """One event for one target of one rule, attempt after attempt. `received`: when the event came to the bus, in the clock's seconds."""

    cloud: Cloud
    bus: str
    firing: Firing
    target: dict[str, Any]
    came_from: Place | None
    received: float
    attempts: int = 0

    def attempt(self) -> None:
        self.attempts += 1
        try:
            self._send()
        except DeliveryFailed as failure:
            self._failed(failure)
        else:
            self._log("delivered")

    def _send(self) -> None:
        try:
            body = target_input(self.target, self.firing)
        except NotDelivered as error:
            raise DeliveryFailed("INVALID_JSON", str(error)) from None
        send = SENDERS[Arn.read(self.target["Arn"]).service]
        send(self.cloud, Sending(self.firing.event, self.firing.rule_arn, self.target, body, self.came_from))

    def _failed(self, failure: DeliveryFailed) -> None:
        policy = self.target.get("RetryPolicy", {})
        wait = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self.attempts - 1, 20)) * self.cloud.random.uniform(0.5, 1.0)
        exhausted = None
        if self.attempts > policy.get("MaximumRetryAttempts", 185):
            exhausted = "MaximumRetryAttempts"
        elif self.cloud.clock.now + wait > self.received + policy.get("MaximumEventAgeInSeconds", 86_400):
            exhausted = "MaximumEventAgeInSeconds"
        if failure.retryable and exhausted is None:
            self._log("failed", failure)
            self.cloud.clock.later(wait, self.attempt)
        else:
            self._give_up(failure, exhausted if failure.retryable else None)

    def _give_up(self, failure: DeliveryFailed, exhausted: str | None) -> None:
        queue_arn = self.target.get("DeadLetterConfig", {}).get("Arn")
        if queue_arn is None:
            self._log("dropped", failure)
            return
        attributes = {
            "RULE_ARN": self.firing.rule_arn,
            "TARGET_ARN": self.target["Arn"],
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": str(self.attempts - 1),
            **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
        }
        try:
            put_in_queue(self.cloud, queue_arn, self.firing.rule_arn, json.dumps(self.firing.event, separators=(",", ":")), attributes)
        except DeliveryFailed as again:
            self._log("dropped", failure, also=f"; dead-letter queue: {again.code}: {again.message}")
        else:
            self._log("dead-lettered", failure)

    def _log(self, outcome: str, failure: DeliveryFailed | None = None, also: str = "") -> None:
        rule = Arn.read(self.firing.rule_arn)
        self.cloud.log.deliveries.append(
            {
                "time": self.cloud.clock.iso(),
                "account": rule.account,
                "region": rule.region,
                "bus": self.bus,
                "rule": self.firing.rule_name,
                "target": self.target["Arn"],
                "event_id": self.firing.event["id"],
                "detail_type": self.firing.event["detail-type"],
                "event": self.firing.event,
                "outcome": outcome,
                "error": f"{failure.code}: {failure.message}{also}" if failure else None,
                "attempt": self.attempts,
            }
        )


@sender("events")
def send_to_bus(cloud: Cloud, sending: Sending) -> None:
    """Forward to another bus, with the role of the target. The event keeps its account and Region; crossing Regions gives it a new id."""
    here, there = Arn.read(sending.rule_arn), Arn.read(sending.target["Arn"])
    _check_hop(sending, here, there)
    role = _role(cloud, sending)
    event = sending.event if there.region == here.region else {**sending.event, "id": cloud.uuid()}
    principal = Principal.of_role(role, sending.event["id"].replace("-", "")[:64])
    try:
        put_event(cloud, sending.target["Arn"], event, principal, rule_arn=sending.rule_arn)
    except AwsError as error:
        code = "NO_RESOURCE" if error.code == "ResourceNotFoundException" else "NO_PERMISSIONS"
        raise DeliveryFailed(code, error.message) from None


@sender("states")
def start_execution(cloud: Cloud, sending: Sending) -> None:
    """Start an execution, with the role of the target. The name of the execution is new each time."""
    machine, session = Arn.read(sending.target["Arn"]), sending.event["id"].replace("-", "")[:64]
    client = cloud.client("stepfunctions", machine.region, Principal.of_role(_role(cloud, sending), session))
    try:
        client.start_execution(stateMachineArn=sending.target["Arn"], input=sending.body)
    except ClientError as error:
        said = error.response["Error"]
        code = {"StateMachineDoesNotExist": "NO_RESOURCE", "AccessDeniedException": "NO_PERMISSIONS"}.get(said["Code"])
        raise DeliveryFailed(code or "SDK_CLIENT_ERROR", said["Message"], retryable=code is None) from None
    except HTTPClientError as error:
        raise DeliveryFailed("SDK_CLIENT_ERROR", str(error), retryable=True) from None


def _check_hop(sending: Sending, here: Arn, there: Arn) -> None:
    """One hop is all: what came from another account or Region is not sent on to a further one."""
    if sending.sender is None:
        return
    account, region = sending.sender
    if here.account not in (account, there.account):
        raise DeliveryFailed("THIRD_ACCOUNT_HOP_DETECTED", f"{sending.target['Arn']}: the event came from account {account} already")
    if here.region not in (region, there.region):
        raise DeliveryFailed("THIRD_REGION_HOP_DETECTED", f"{sending.target['Arn']}: the event came from Region {region} already")
    raise Refused(
        f"EventBridge: a second hop of an event, to {sending.target['Arn']}: AWS does not say what it does (localaws/eventbridge/delivery.py)"
    )


def _role(cloud: Cloud, sending: Sending) -> str:
    """The role of the target, if it trusts EventBridge in this rule's name."""
    role_arn: str = sending.target["RoleArn"]
    decision = may_take(cloud, SERVICE, role_arn, Arn.read(sending.rule_arn).account, sending.rule_arn).decision
    if not decision.allowed:
        raise DeliveryFailed("FAILED_TO_ASSUME_ROLE", f"role {role_arn} cannot be taken for {sending.rule_arn}: {decision.reason}")
    return role_arn
