"""Say what waits for a person in a deployed Studio Steward, and, when told to, set it going again.

Three places, each with its own way back. A message that intake gave up goes back into the intake queue. An event that a rule could not deliver goes
into the intake queue too, for the workflow of that rule. A failed execution of the last 14 days is started again under its name with the next suffix
``-r<n>``, unless that has been done; one that was aborted or timed out, or could not tell what it had done, is redriven. All of it is safe to do
twice: intake knows an event that it has seen, and a step writes only what differs.

Of reconciliations only the last for all accounts is started again, and those for one account since then; none whose rest the next one does.
Sweeps over idle apps go on where they could not tell what they had done; the next one does the rest.

``make redrive`` only looks, ``make redrive EXECUTE=1`` moves. Exit status: 0, it was done; 1, something could not be moved, and is where it was;
2, AWS would not let it look, or not to the end.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

HIDDEN = 600
"""Seconds that a message is hidden from others while we have it in hand."""

LONGEST_NAME = 80

LEFT_TO_THE_NEXT = {"SomeAccountsFailed", "TooMuchToDo"}
"""Ends of a reconciliation that has done all it could: the next one does the rest. Repeated at once, each would be a whole run."""

ENDS_OF_SWEEPS = {"CapReached", "InputUnreadable", "OutcomeUnknown", "SomeAccountsFailed", "SweepFailed"}
"""Red ends of idle_app_shutdown. Whatever they left the next sweep does, within the hour. With any other error it stands in a state that knows what
was done and could not say so: it goes on there."""


@dataclass(frozen=True)
class Waiting:
    """One thing that waits. `move` is None where it cannot be moved by us, and `todo` says what a person can do; else what moving it means."""

    place: str
    name: str
    reason: str
    todo: str
    move: Callable[[], object] | None
    release: Callable[[], object] = lambda: None

    def let_go(self) -> None:
        """Release it. Where that fails it is only hidden for a while, which is no reason to leave the others."""
        try:
            self.release()
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(f"redrive: {self.name} stays hidden for up to {HIDDEN // 60} minutes, it could not be let go: {error}\n")


class NotFound(Exception):
    """There is no such stack, or it is not ours: the message says what is wrong."""


class Stack:
    """A deployed hub stack: where its queues and machines are, by its outputs, and which workflow a rule of it is for."""

    def __init__(self, session: boto3.Session, name: str):
        self.session, self.name = session, name
        self.sqs, self.states = session.client("sqs"), session.client("stepfunctions")
        self._cloudformation = session.client("cloudformation")
        stack = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        self.account, self.region = stack["StackId"].split(":")[4], stack["StackId"].split(":")[3]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        lacking = sorted({"IntakeQueueUrl", "IntakeDlqUrl", "UndeliveredQueueUrl"} - set(outputs))
        if lacking:
            raise NotFound(f"the stack {name} has no output {', '.join(lacking)}: is it Studio Steward's hub stack, and up to date?")
        self.intake, self.dlq, self.undelivered = outputs["IntakeQueueUrl"], outputs["IntakeDlqUrl"], outputs["UndeliveredQueueUrl"]
        machines = {key.removesuffix("StateMachineArn"): arn for key, arn in outputs.items() if key.endswith("StateMachineArn")}
        self.machines = {_snake(name): arn for name, arn in machines.items()}
        self._ends: dict[str, set[str]] = {}
        self.left_out: list[str] = []
        """What is not to be moved, and why, in words."""

    def ends_of(self, machine: str) -> set[str]:
        """The errors of a machine's Fail states."""
        if machine not in self._ends:
            definition = self.states.describe_state_machine(stateMachineArn=machine)["definition"]
            self._ends[machine] = set(re.findall(r'"Error"\s*:\s*"(\w+)"', definition))
        return self._ends[machine]

    def workflow_of_rule(self, rule_arn: str) -> str | None:
        """A member's rule is named after its workflow; one on the hub bus has a name that CloudFormation made."""
        name = rule_arn.rsplit("/", 1)[-1]
        workflow = name.removeprefix("steward-") if name.startswith("steward-") else self._own_rules().get(name)
        return workflow if workflow in self.machines else None

    def _own_rules(self) -> dict[str, str]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        resources = (resource for page in pages for resource in page["StackResourceSummaries"])
        rules = (resource for resource in resources if resource["ResourceType"] == "AWS::Events::Rule")
        return {rule["PhysicalResourceId"].rsplit("|", 1)[-1]: _snake(rule["LogicalResourceId"].removesuffix("Rule")) for rule in rules}


def dead_letters(stack: Stack) -> Iterator[Waiting]:
    """What intake gave up. It says why in the message's attributes, or, where it failed five times, in its log."""
    for message in _messages(stack, stack.dlq):
        why = _attributes(message)
        reason = f"{why['ERROR_CODE']}: {why.get('ERROR_MESSAGE')}" if "ERROR_CODE" in why else "failed five times; the log of intake says with what"
        yield _movable(stack, "intake DLQ", stack.dlq, message, message["Body"], reason)


def undelivered_events(stack: Stack) -> Iterator[Waiting]:
    """What EventBridge could not deliver, and why, which it says in the message's attributes."""
    for message in _messages(stack, stack.undelivered):
        why = _attributes(message)
        reason = f"{why.get('ERROR_CODE', 'no ERROR_CODE')}: {why.get('ERROR_MESSAGE', 'no reason given')}"
        try:
            body = intake_message(stack, json.loads(message["Body"]), why)
        except (ValueError, TypeError, KeyError) as error:
            todo = f"not moved, look at it by hand: {type(error).__name__}: {error}"
            name = f"message {message['MessageId']}"
            yield Waiting("undelivered", name, _brief(reason), _brief(todo), None, _release(stack, stack.undelivered, message))
        else:
            yield _movable(stack, "undelivered", stack.undelivered, message, json.dumps(body), reason)


def intake_message(stack: Stack, body: Mapping[str, Any], why: Mapping[str, str]) -> dict[str, Any]:
    """An undelivered message as intake reads it. Raises ValueError, KeyError or TypeError where it is none of ours.

    A member's rule could have written anything into the event, so that it is believed only about the account and Region of the rule itself.
    """
    if why.get("SCHEDULE_ARN", "").split(":")[2:5] == ["scheduler", stack.region, stack.account]:
        schedule = {**body["schedule"], "time": why.get("SCHEDULED_TIME", body["schedule"]["time"])}
        return {"workflow": body["workflow"], "schedule": schedule}
    workflow = stack.workflow_of_rule(why.get("RULE_ARN", ""))
    if workflow is None:
        raise ValueError(f"no workflow here has the rule {why.get('RULE_ARN')}")
    event = body["event"] if set(body) == {"workflow", "event"} else dict(body)
    _, _, _, region, account, _ = why["RULE_ARN"].split(":", 5)
    if account != stack.account and (event["account"], event["region"]) != (account, region):
        raise ValueError(f"the event says account {event['account']}, its rule is of account {account}")
    return {"workflow": workflow, "event": event}


def unsuccessful_executions(stack: Stack) -> Iterator[Waiting]:
    """Executions that ended red within 14 days, which is as long as Step Functions calls them redrivable, and that no later one was started for."""
    for workflow, machine in stack.machines.items():
        if workflow == "reconciliation":
            yield from unsuccessful_reconciliations(stack, machine)
            continue
        if workflow == "idle_app_shutdown":
            yield from unsuccessful_sweeps(stack, machine)
            continue
        for status in ("FAILED", "TIMED_OUT", "ABORTED"):
            latest: dict[str, ExecutionListItemTypeDef] = {}
            pages = stack.states.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter=status)
            for execution in (execution for page in pages for execution in page["executions"]):
                name, number = _base(execution["name"])
                if name not in latest or number > _base(latest[name]["name"])[1]:
                    latest[name] = execution
            for execution in latest.values():
                yield from _unsuccessful(stack, f"{workflow}, {status}", execution)


def unsuccessful_reconciliations(stack: Stack, machine: str) -> Iterator[Waiting]:
    """The same of reconciliations: the last run for all accounts, and those for one account since then. A later run of the same has done what an
    earlier one could not, and so has one that is running."""
    done: set[str] = set()
    pages = stack.states.get_paginator("list_executions").paginate(stateMachineArn=machine)
    for listed in (execution for page in pages for execution in page["executions"]):  # the latest first
        execution = stack.states.describe_execution(executionArn=listed["executionArn"])
        error = execution.get("error", "")
        if error == "InputUnreadable":
            stack.left_out.append(f"reconciliation {listed['name']}, {error}: start a new one with an input that it can read")
            continue
        account_id = json.loads(execution["input"]).get("account_id", "")
        if account_id in done:
            continue
        done.add(account_id)
        if error in LEFT_TO_THE_NEXT:
            stack.left_out.append(f"reconciliation {listed['name']}, {error}: the next reconciliation does what it left")
        elif listed["status"] in {"FAILED", "TIMED_OUT", "ABORTED"}:
            yield from _unsuccessful(stack, f"reconciliation, {listed['status']}", listed)
        if not account_id:
            return


def unsuccessful_sweeps(stack: Stack, machine: str) -> Iterator[Waiting]:
    """Sweeps over idle apps that were cut off, or could not tell what they had done. None is started anew: that is what the next one is for."""
    told = False
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        pages = stack.states.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter=status)
        for listed in (execution for page in pages for execution in page["executions"]):  # the latest first
            execution = stack.states.describe_execution(executionArn=listed["executionArn"])
            error = execution.get("error", status)
            if error in ENDS_OF_SWEEPS:
                if not told:
                    stack.left_out.append(f"sweep {listed['name']}, {error}, and any before it: the next sweep does what it left")
                told = True
            elif execution.get("redriveStatus") == "REDRIVABLE":
                reason = f"{error}: {_brief(execution.get('cause', 'no cause given'))}"
                redrive_it = partial(stack.states.redrive_execution, executionArn=listed["executionArn"])
                yield Waiting(f"idle_app_shutdown, {status}", listed["name"], reason, "redrive it", redrive_it)


def _unsuccessful(stack: Stack, place: str, listed: Mapping[str, Any]) -> Iterator[Waiting]:
    name, number = _base(listed["name"])
    again, arn = f"{name}-r{number + 1}", listed["executionArn"]
    if _describe(stack, f"{arn.removesuffix(listed['name'])}{again}") is not None:
        return
    execution = stack.states.describe_execution(executionArn=arn)
    if execution.get("redriveStatus") != "REDRIVABLE":
        return
    reason = f"{execution.get('error', 'no error given')}: {_brief(execution.get('cause', 'no cause given'))}"
    if listed["status"] != "FAILED" or _could_not_tell(stack, execution):
        yield Waiting(place, listed["name"], reason, "redrive it", lambda: stack.states.redrive_execution(executionArn=arn))
    elif len(again) > LONGEST_NAME:
        yield Waiting(place, listed["name"], reason, "not moved, its name has no room for a suffix: start one with its input by hand", None)
    else:
        yield Waiting(place, listed["name"], reason, f"start {again} with its input", lambda: _start(stack, execution, again))


def _could_not_tell(stack: Stack, execution: Mapping[str, Any]) -> bool:
    """It stands in a Task that announces, reports, or looks whether what it is to announce is done: nobody else knows what is to be told. All others
    catch what fails, and end in a Fail state. ``States.…`` is a fault in the machine, which a redrive would only meet again."""
    error = execution.get("error", "")
    return bool(error) and error not in stack.ends_of(execution["stateMachineArn"]) and not error.startswith("States.")


def _start(stack: Stack, execution: Mapping[str, Any], name: str) -> None:
    stack.states.start_execution(stateMachineArn=execution["stateMachineArn"], name=name, input=execution["input"])


def _describe(stack: Stack, arn: str) -> Mapping[str, Any] | None:
    try:
        return stack.states.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return None


def _base(name: str) -> tuple[str, int]:
    """The name without its suffix, and the suffix's number: ``keys-2026-11-22T10-r2`` is ("keys-2026-11-22T10", 2)."""
    found = re.fullmatch(r"(?P<name>.+?)(-r(?P<number>[1-9][0-9]?))?", name)
    assert found is not None  # noqa: S101 - every name has a character
    return found["name"], int(found["number"] or 0)


def _messages(stack: Stack, url: str) -> Iterator["MessageTypeDef"]:
    """One message after the other, each hidden from others meanwhile."""
    while received := stack.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=HIDDEN, WaitTimeSeconds=2, MessageAttributeNames=["All"]
    ).get("Messages"):
        yield from received


def _movable(stack: Stack, place: str, url: str, message: Mapping[str, Any], body: str, reason: str) -> Waiting:
    def move() -> None:
        stack.sqs.send_message(QueueUrl=stack.intake, MessageBody=body)
        stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    name = _subject(body, message["MessageId"])
    return Waiting(place, name, _brief(reason), "put it into the intake queue", move, _release(stack, url, message))


def _release(stack: Stack, url: str, message: Mapping[str, Any]) -> Callable[[], object]:
    return lambda: stack.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def _attributes(message: Mapping[str, Any]) -> dict[str, str]:
    return {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}


def _subject(body: str, message_id: str) -> str:
    """What a message is about, by names alone: its payload may hold what no terminal should show."""
    try:
        message = json.loads(body)
        event = message.get("event") or {}
        detail = event.get("detail") or {}
        names = [
            message.get("workflow"),
            detail.get("eventName"),
            event.get("account"),
            event.get("region"),
            (message.get("schedule") or {}).get("name"),
        ]
    except (ValueError, AttributeError):
        names = []
    known = [name for name in names if isinstance(name, str)]
    return " ".join([*known, f"(message {message_id})"])


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:159] + "…"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def in_other_hands(stack: Stack) -> int:
    """How many messages are hidden from us, before we hide any ourselves. SQS says that the number is approximate."""
    hidden = 0
    for url in (stack.dlq, stack.undelivered):
        answer = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
        hidden += int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])
    return hidden


def look(stack: Stack, most: int) -> list[Waiting]:
    """At most so many things that wait: queues first, since what is in them has not been tried."""
    found: list[Waiting] = []
    try:
        for waiting in islice((one for place in (dead_letters, undelivered_events, unsuccessful_executions) for one in place(stack)), most):
            found.append(waiting)  # noqa: PERF402 - what was found before an error has to be let go
    except (BotoCoreError, ClientError):
        for waiting in found:
            waiting.let_go()
        raise
    return found


def redrive(found: list[Waiting], *, execute: bool) -> int:
    """Say each, and move it where asked to; how many could not be moved."""
    left = 0
    for waiting in found:
        print(f"{waiting.place}: {waiting.name}\n    because  {waiting.reason}")
        if not execute or waiting.move is None:
            print(f"    {'would  ' if waiting.move else 'but'}  {waiting.todo}")
            waiting.let_go()
            left += waiting.move is None
            continue
        try:
            waiting.move()
            print(f"    done     {waiting.todo}")
        except (BotoCoreError, ClientError) as error:
            print(f"    failed   to {waiting.todo}: {error}")
            waiting.let_go()
            left += 1
    return left


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        stack = Stack(boto3.Session(profile_name=options.profile, region_name=options.region), options.stack)
        hidden = in_other_hands(stack)
        found = look(stack, options.most)
        left = redrive(found, execute=options.execute)
    except (NoCredentialsError, NoRegionError) as error:
        sys.stderr.write(f"redrive: {error} Say who you are, in the hub account: export AWS_PROFILE=hub AWS_REGION=eu-west-1\n")
        return 2
    except (BotoCoreError, ClientError, NotFound) as error:
        sys.stderr.write(f"redrive: {error}\n")
        return 2
    for one in stack.left_out:
        print(f"left out: {one}")
    print(_summary(stack, options, len(found), left, hidden))
    return 1 if left and options.execute else 0


def _summary(stack: Stack, options: argparse.Namespace, found: int, left: int, hidden: int) -> str:
    where = f"in {stack.name}, account {stack.account}, {stack.region}"
    more = f" There may be more: at most {options.most} a run." if found == options.most else ""
    if hidden:
        more += f" {hidden} more {'is' if hidden == 1 else 'are'} being looked at by somebody, or {'was' if hidden == 1 else 'were'} in the last"
        more += f" {HIDDEN // 60} minutes: look again then."
    if not found:
        return f"{'Nothing else' if hidden else 'Nothing'} waits {where}.{more}"
    if not options.execute:
        return f"{found} wait {where}. Nothing was moved: run again with EXECUTE=1 (--execute) to move them.{more}"
    return f"{found - left} of {found} moved {where}.{more}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default="studio-steward", help="the hub stack's name (STACK=…); default %(default)s")
    parser.add_argument("--execute", action="store_true", help="move what waits (EXECUTE=1); without it nothing is changed")
    parser.add_argument(
        "--most", type=_positive, default=100, metavar="N", help="look at and move no more than N a run (MOST=N); default %(default)s"
    )
    parser.add_argument("--profile", help="an AWS profile of the hub account (AWS_PROFILE); default as the AWS CLI finds it")
    parser.add_argument("--region", help="the hub's Region; default as the AWS CLI finds it")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
