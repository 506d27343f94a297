"""Stories of intake, on the deployed template: an event comes again, or cannot be read, or was not finished. Nothing is lost, nothing done twice."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.stories.intake_troubles import created, cut_off, message, put_role_back, statuses, without_role
from tests.stories.people import FRAUD_TAGS, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging")


def laid_aside(platform: Platform) -> list[dict[str, Any]]:
    """Messages in the dead-letter queue, with their attributes."""
    queue = platform.output("IntakeDlqUrl")
    received: list[dict[str, Any]] = platform.client("sqs", "hub").receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    return received


def test_one_event_delivered_twice_is_one_execution(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    event = created(platform)
    platform.local.send(event)
    platform.local.send(event)
    platform.local.settle()
    assert statuses(platform) == [("SUCCEEDED", "")]
    assert platform.dead_letters() == []


def test_an_event_that_comes_again_after_a_failure_is_done_under_the_next_name(platform: Platform) -> None:
    role = without_role(platform)
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    platform.take_in(message(created(platform)))
    assert statuses(platform) == [("FAILED", ""), ("FAILED", "-r1")]
    put_role_back(platform, role)
    for _ in range(2):
        platform.take_in(message(created(platform)))
    assert statuses(platform) == [("FAILED", ""), ("FAILED", "-r1"), ("SUCCEEDED", "-r2")]
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_an_event_that_comes_again_takes_up_an_execution_that_was_cut_off(platform: Platform) -> None:
    profile = cut_off(platform)
    assert statuses(platform) == [("ABORTED", "")]
    for _ in range(2):
        platform.take_in(message(created(platform)))
    assert statuses(platform) == [("SUCCEEDED", "")]
    (execution,) = platform.executions()
    assert execution["redriveCount"] == 1
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert platform.dead_letters() == []


def test_a_replayed_event_is_one_execution_of_its_own_that_changes_nothing_twice(platform: Platform) -> None:
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    replayed = created(platform) | {"replay-name": "after-the-outage"}
    for _ in range(2):
        platform.take_in(message(replayed))
    assert statuses(platform) == [("SUCCEEDED", ""), ("SUCCEEDED", "-r1")]
    assert [json.loads(execution["output"])["outcome"] for execution in platform.executions()] == ["ProfileTagged", "NothingToDo"]
    assert len(platform.calls("sagemaker:AddTags")) == 1
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_a_day_that_is_replayed_is_done_again_and_nothing_changes_twice(platform: Platform) -> None:
    announced = platform.watch_hub_bus()
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.delete_tags(ResourceArn=profile, TagKeys=["ml:owner"])
    platform.local.settle()
    before = platform.executions()
    replay(platform, "after-the-outage")
    after = platform.executions()
    assert sorted(run["name"] for run in after[len(before) :]) == sorted(f"{run['name']}-r1" for run in before), "a replay keeps no order"
    assert {run["status"] for run in after} == {"SUCCEEDED"}
    assert {json.loads(run["output"])["outcome"] for run in after[len(before) :]} == {"NothingToDo"}
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert len(platform.messages(announced)) == 2, "what we announced ourselves is not replayed"


def test_what_was_not_written_while_all_writes_were_stopped_is_written_by_a_replay(platform: Platform) -> None:
    platform.deploy(StopAllWrites="true")
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == {}
    platform.deploy(StopAllWrites="false")
    replay(platform, "writing-again")
    assert statuses(platform) == [("SUCCEEDED", ""), ("SUCCEEDED", "-r1")]
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_a_person_finds_in_the_input_which_replay_an_execution_was_for(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    platform.take_in(message(created(platform) | {"replay-name": "after-the-outage"}))
    assert [json.loads(execution["input"])["replay_name"] for execution in platform.executions()] == [None, "after-the-outage"]


def came_due(platform: Platform, *hours: int) -> None:
    """Scheduler puts a message into the intake queue for each hour, all at once, and whatever follows from them happens."""
    messages = [{"workflow": "cost_key_activation", "schedule": {"name": "keys", "time": f"2026-11-02T{hour:02}:00:00Z"}} for hour in hours]
    entries = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(messages)]
    platform.client("sqs", "hub").send_message_batch(QueueUrl=platform.intake_queue(), Entries=entries)
    platform.local.settle()


def test_a_schedule_delivered_twice_is_one_execution(platform: Platform) -> None:
    came_due(platform, 6)
    came_due(platform, 6)
    assert [run["name"] for run in platform.executions("cost_key_activation")] == ["keys-2026-11-02T06"]


def test_a_schedule_is_skipped_while_the_execution_before_still_runs(platform: Platform) -> None:
    came_due(platform, 6, 7)
    (run,) = platform.executions("cost_key_activation")
    assert (run["status"], run["name"][:-2]) == ("SUCCEEDED", "keys-2026-11-02T")
    came_due(platform, 8)
    assert [run["name"] for run in platform.executions("cost_key_activation")][1:] == ["keys-2026-11-02T08"]
    assert platform.dead_letters() == []


def replay(platform: Platform, name: str) -> None:
    """Have the hub bus's archive bring everything again."""
    platform.client("events", "hub").start_replay(
        ReplayName=name,
        EventSourceArn=platform.output("HubArchiveArn"),
        EventStartTime=platform.local.clock.datetime() - timedelta(days=1),
        EventEndTime=platform.local.clock.datetime(),
        Destination={"Arn": platform.output("HubBusArn")},
    )
    platform.local.settle()


UNREADABLE = ["not JSON", "{}", message({}), message({"detail": {"eventName": "DeleteDomain"}})]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_message_that_intake_cannot_read_is_in_the_dead_letter_queue_at_once_with_the_reason(platform: Platform, body: str) -> None:
    before = len(platform.local.cloud.log.invocations)
    platform.take_in(body)
    (dead,) = laid_aside(platform)
    assert dead["Body"] == body
    assert dead["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "EventUnreadable"
    assert dead["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert len(platform.local.cloud.log.invocations) == before + 1, "it is not tried again"
    assert platform.executions() == []


def test_an_event_of_a_workflow_that_is_not_here_is_laid_aside_by_its_name(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    platform.take_in(json.dumps({"workflow": "no_such_workflow", "event": created(platform)}))
    (dead,) = laid_aside(platform)
    assert dead["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "WorkflowUnknown"
    assert len(platform.executions()) == 1
