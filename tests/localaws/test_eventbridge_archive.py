"""Archives keep what a bus got, as long as they say; replays put it on the bus again, for all its rules or for some."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import HERE, HUB, Stack

BUS = f"arn:aws:events:{HERE}:{HUB}:event-bus/hub"
START = datetime(2026, 11, 2, 8, tzinfo=UTC)


class Bus:
    """A bus with an archive, and two rules that send to a queue each."""

    def __init__(self, local: LocalOrganization):
        self.local, self.events, self.sqs = local, local.client("events", "hub"), local.client("sqs", "hub")
        self.events.create_event_bus(Name="hub")
        self.archive = str(self.events.create_archive(ArchiveName="all", EventSourceArn=BUS)["ArchiveArn"])
        self.rules = {name: self._rule(name) for name in ("first", "second")}

    def _rule(self, name: str) -> str:
        queue = f"arn:aws:sqs:{HERE}:{HUB}:{name}"
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
        self.sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
        rule = self.events.put_rule(Name=name, EventBusName="hub", EventPattern='{"source": ["my.app"]}')
        self.events.put_targets(Rule=name, EventBusName="hub", Targets=[{"Id": "t", "Arn": queue}])
        return str(rule["RuleArn"])

    def put(self, *numbers: int, minute: int = 0) -> None:
        """Put an event for each number, which occurred so many minutes after eight."""
        for number in numbers:
            detail = json.dumps({"n": number})
            entry = {"Source": "my.app", "DetailType": "d", "Detail": detail, "EventBusName": "hub", "Time": START + timedelta(minutes=minute)}
            assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def got(self, queue: str = "first") -> list[dict[str, Any]]:
        """The events that came into the queue since it was last asked."""
        url, found = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"], list[dict[str, Any]]()
        self.local.settle()
        while more := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in more]
            for message in more:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def count(self, archive: str = "all") -> int:
        return int(self.events.describe_archive(ArchiveName=archive)["EventCount"])

    def replay(self, name: str = "again", first: int = 0, last: int = 60, **destination: Any) -> str:
        times = {"EventStartTime": START + timedelta(minutes=first), "EventEndTime": START + timedelta(minutes=last)}
        answer = self.events.start_replay(ReplayName=name, EventSourceArn=self.archive, Destination={"Arn": BUS, **destination}, **times)
        return str(answer["State"])

    def state(self, name: str = "again") -> str:
        return str(self.events.describe_replay(ReplayName=name)["State"])


@pytest.fixture
def bus(local: LocalOrganization) -> Bus:
    return Bus(local)


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["detail"]["n"] for event in events]


# -- archives


def test_an_archive_is_kept_as_it_is_changed_until_it_is_deleted(bus: Bus) -> None:
    events = bus.events
    made = events.create_archive(ArchiveName="some", EventSourceArn=BUS, EventPattern='{"detail": {"n": [1]}}', Description="ones", RetentionDays=3)
    assert (made["ArchiveArn"], made["State"]) == (f"arn:aws:events:{HERE}:{HUB}:archive/some", "ENABLED")
    bus.put(1, 2)
    kept = events.describe_archive(ArchiveName="some")
    assert (kept["EventCount"], kept["RetentionDays"], kept["Description"], kept["EventSourceArn"]) == (1, 3, "ones", BUS)
    events.update_archive(ArchiveName="some", EventPattern='{"detail": {"n": [2]}}', Description="", RetentionDays=0)
    bus.put(2, 2, 1)
    changed = events.describe_archive(ArchiveName="some")
    assert (changed["EventCount"], changed["RetentionDays"], changed["Description"], changed["EventPattern"]) == (3, 0, "", '{"detail": {"n": [2]}}')
    assert [one["ArchiveName"] for one in events.list_archives(NamePrefix="so")["Archives"]] == ["some"]
    events.delete_archive(ArchiveName="some")
    with pytest.raises(ClientError, match="Archive some does not exist"):
        events.describe_archive(ArchiveName="some")
    bus.put(2)
    assert bus.count() == 6
    with pytest.raises(Refused, match="of another account or Region"):
        events.create_archive(ArchiveName="far", EventSourceArn=BUS.replace(HUB, "111111111111"))


def test_an_archive_forgets_after_its_days(bus: Bus) -> None:
    bus.events.update_archive(ArchiveName="all", RetentionDays=2)
    bus.put(1)
    bus.local.advance(86_400)
    bus.put(2)
    bus.local.advance(86_390)
    assert bus.count() == 2
    bus.local.advance(10)
    assert bus.count() == 1
    bus.got()
    bus.replay()
    assert numbers(bus.got()) == [2], "the first is not replayed either"
    bus.events.update_archive(ArchiveName="all", RetentionDays=0)
    bus.local.advance(365 * 86_400)
    assert bus.count() == 1


# -- replays


def test_a_replay_goes_from_starting_over_running_to_completed(bus: Bus) -> None:
    bus.put(1)
    bus.put(2, minute=3)
    (before,) = [event for event in bus.got() if event["detail"]["n"] == 1]
    times = {"EventStartTime": START, "EventEndTime": START + timedelta(hours=1)}
    answer = bus.events.start_replay(ReplayName="again", EventSourceArn=bus.archive, Destination={"Arn": BUS}, Description="once more", **times)
    assert (answer["State"], answer["ReplayArn"]) == ("STARTING", f"arn:aws:events:{HERE}:{HUB}:replay/again")
    bus.local.advance(9)
    assert bus.state() == "STARTING"
    bus.local.advance(2)
    running = bus.events.describe_replay(ReplayName="again")
    assert (running["State"], running["EventLastReplayedTime"], "ReplayEndTime" in running) == ("RUNNING", START, False)
    (again, _) = bus.got()
    assert again == {**before, "replay-name": "again"}
    done = bus.events.describe_replay(ReplayName="again")
    assert (done["State"], done["EventLastReplayedTime"], done["Description"]) == ("COMPLETED", START + timedelta(minutes=3), "once more")
    assert done["ReplayStartTime"] < done["ReplayEndTime"]


def test_only_what_occurred_in_the_range_is_replayed_minute_by_minute(bus: Bus) -> None:
    for minute in range(6):
        bus.put(minute, minute + 10, minute=minute)
    bus.got()
    bus.replay(first=1, last=4)
    replayed = numbers(sorted(bus.got(), key=lambda event: str(event["time"])))
    assert sorted(replayed) == [1, 2, 3, 4, 11, 12, 13, 14]
    order = [entry["event"]["time"] for entry in bus.local.cloud.log.deliveries if "replay-name" in entry["event"]]
    assert order == sorted(order)


def test_what_is_replayed_is_not_archived_again(bus: Bus) -> None:
    bus.put(1, 2)
    bus.replay()
    assert len(bus.got()) == 4
    assert bus.count() == 2


def test_a_replay_can_be_for_some_rules_only(bus: Bus) -> None:
    bus.put(1)
    assert (len(bus.got("first")), len(bus.got("second"))) == (1, 1)
    bus.replay(FilterArns=[bus.rules["second"]])
    assert (len(bus.got("first")), len(bus.got("second"))) == (0, 1)
    bus.replay("everywhere")
    assert (len(bus.got("first")), len(bus.got("second"))) == (1, 1)
    with pytest.raises(Refused, match="no rule of this bus"):
        bus.replay("nowhere", FilterArns=[bus.rules["first"] + "x"])


def test_a_pattern_may_tell_replays_from_what_comes_first(bus: Bus) -> None:
    bus.events.put_rule(Name="first", EventBusName="hub", EventPattern='{"replay-name": [{"exists": false}]}')
    bus.events.put_rule(Name="second", EventBusName="hub", EventPattern='{"replay-name": ["again"]}')
    bus.put(1)
    bus.local.settle()
    bus.replay()
    assert ["replay-name" in event for event in bus.got("first")] == [False]
    assert ["replay-name" in event for event in bus.got("second")] == [True]


def test_a_replay_that_is_cancelled_goes_no_further(bus: Bus) -> None:
    for minute in range(4):
        bus.put(minute, minute=minute)
    bus.got()
    bus.replay()
    bus.local.advance(11.5)
    assert bus.events.cancel_replay(ReplayName="again")["State"] == "CANCELLING"
    assert bus.state() == "CANCELLING"
    assert numbers(bus.got()) == [0]
    assert bus.state() == "CANCELLED"
    with pytest.raises(ClientError, match="IllegalStatus"):
        bus.events.cancel_replay(ReplayName="again")
    assert bus.replay("early") == "STARTING"
    bus.events.cancel_replay(ReplayName="early")
    assert (bus.got(), bus.state("early")) == ([], "CANCELLED")


def test_replays_are_listed_by_one_filter_page_by_page(bus: Bus) -> None:
    bus.put(1)
    for name in ("a-1", "a-2", "b-1"):
        bus.replay(name)
    bus.local.settle()
    bus.replay("b-2")
    events = bus.events
    first = events.list_replays(Limit=3)
    rest = events.list_replays(Limit=3, NextToken=first["NextToken"])
    assert [one["ReplayName"] for one in first["Replays"] + rest["Replays"]] == ["a-1", "a-2", "b-1", "b-2"]
    assert [one["ReplayName"] for one in events.list_replays(NamePrefix="a")["Replays"]] == ["a-1", "a-2"]
    assert [one["ReplayName"] for one in events.list_replays(State="STARTING")["Replays"]] == ["b-2"]
    assert events.list_replays(EventSourceArn=bus.archive.replace("/all", "/other"))["Replays"] == []
    with pytest.raises(ClientError, match="At most one filter"):
        events.list_replays(NamePrefix="a", State="STARTING")


def test_what_cannot_be_replayed_is_told(bus: Bus) -> None:
    with pytest.raises(ClientError, match="EventStartTime must be before EventEndTime"):
        bus.replay(first=5, last=4)
    with pytest.raises(ClientError, match="Cross event bus replay is not permitted"):
        bus.replay(Arn=BUS.replace("/hub", "/default"))
    bus.replay()
    with pytest.raises(ClientError, match="Replay again already exists"):
        bus.replay()
    bus.archive += "x"
    with pytest.raises(ClientError, match="Archive allx does not exist"):
        bus.replay("other")
    with pytest.raises(ClientError, match="Replay missing does not exist"):
        bus.events.cancel_replay(ReplayName="missing")


TEMPLATE = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: own}}
  Kept:
    Type: AWS::Events::Archive
    Properties:
      ArchiveName: %s
      SourceArn: !GetAtt Bus.Arn
      %s
Outputs: {Arn: {Value: !GetAtt Kept.Arn}}
"""


def test_an_archive_of_a_template_changes_in_place_and_goes_with_its_stack(local: LocalOrganization) -> None:
    stack, events = Stack(local, TEMPLATE).create("kept", "RetentionDays: '7'"), local.client("events", "hub")
    assert stack.outputs["Arn"] == f"arn:aws:events:{HERE}:{HUB}:archive/kept"
    assert events.describe_archive(ArchiveName="kept")["RetentionDays"] == 7
    stack.update("kept", "EventPattern: {source: [aws.sagemaker]}")
    assert stack.changes() == ["events:UpdateArchive"]
    changed = events.describe_archive(ArchiveName="kept")
    assert (changed["RetentionDays"], json.loads(changed["EventPattern"])) == (0, {"source": ["aws.sagemaker"]})
    with pytest.raises(Refused, match="cannot take the EventPattern of an archive away"):
        stack.update("kept", "Description: no pattern")
    stack.update("renamed", "EventPattern: {source: [aws.sagemaker]}")
    assert [one["ArchiveName"] for one in events.list_archives()["Archives"]] == ["renamed"]
    stack.delete()
    assert events.list_archives()["Archives"] == []
