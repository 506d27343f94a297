"""EventBridge Scheduler: schedules fire at their times, while time is advanced, as their roles, again and again until they are taken."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for, tagged
from tests.localaws.scheduler_machinery import HERE, HUB, WHEN, Scheduling


@pytest.fixture
def scheduler(local: LocalOrganization) -> Scheduling:
    return Scheduling(local)


# -- when


def test_a_schedule_fires_at_its_times_and_only_while_time_is_advanced(scheduler: Scheduling) -> None:
    scheduler.client.create_schedule(
        Name="keys", ScheduleExpression="cron(0 10 * * ? *)", FlexibleTimeWindow={"Mode": "OFF"}, Target=scheduler.target()
    )
    scheduler.local.settle()
    assert scheduler.times() == [], "for settle a schedule is not due"
    scheduler.advance_to("2026-11-02T09:59:59")
    assert scheduler.times() == []
    scheduler.advance_to("2026-11-02T10:00:00")
    assert scheduler.times() == ["2026-11-02T10:00:00Z"]
    scheduler.advance_to("2026-11-05T09:00:00")
    assert scheduler.times() == ["2026-11-03T10:00:00Z", "2026-11-04T10:00:00Z"]


def test_what_was_missed_while_time_passed_otherwise_fires_when_it_is_next_advanced(scheduler: Scheduling) -> None:
    scheduler.put("cron(0 10 * * ? *)")
    scheduler.local.clock.later(3 * 3600, lambda: None)
    scheduler.local.settle()
    assert scheduler.times() == []
    scheduler.local.advance(1)
    assert scheduler.times() == ["2026-11-02T10:00:00Z"]


def test_what_a_schedule_sets_off_comes_before_what_is_later(scheduler: Scheduling) -> None:
    """Two hours are one row of happenings, not schedules first and their consequences afterwards."""
    seen: list[str] = []
    scheduler.put("cron(0 9,10 * * ? *)")
    scheduler.local.clock.at(datetime(2026, 11, 2, 9, 30, tzinfo=UTC).timestamp(), lambda: seen.extend(scheduler.times()))
    scheduler.advance_to("2026-11-02T11:00:00")
    assert (seen, scheduler.times()) == (["2026-11-02T09:00:00Z"], ["2026-11-02T10:00:00Z"])


def test_a_rate_begins_at_once_or_at_its_start_date_and_ends_on_its_end_date(scheduler: Scheduling) -> None:
    scheduler.put("rate(1 hour)", "at-once")
    made = scheduler.client.get_schedule(Name="at-once")["CreationDate"].strftime("%H:%M:%SZ")
    scheduler.advance_to("2026-11-02T09:30:00")
    assert scheduler.times() == [f"2026-11-02T{made}", f"2026-11-02T{made.replace('08', '09', 1)}"]
    scheduler.client.delete_schedule(Name="at-once")
    dates = {"StartDate": datetime(2026, 11, 3, 12, tzinfo=UTC), "EndDate": datetime(2026, 11, 5, 12, tzinfo=UTC)}
    scheduler.put("rate(1 day)", "later", **dates)
    scheduler.advance_to("2026-11-06T00:00:00")
    assert scheduler.times() == ["2026-11-03T12:00:00Z", "2026-11-04T12:00:00Z", "2026-11-05T12:00:00Z"]
    with pytest.raises(ClientError, match="earlier than 5 minutes ago"):
        scheduler.put("rate(1 day)", "too-late", StartDate=datetime(2026, 11, 5, tzinfo=UTC))
    with pytest.raises(ClientError, match="must come after"):
        scheduler.put("rate(1 day)", "over", EndDate=datetime(2026, 11, 5, tzinfo=UTC))


def test_cron_times_are_those_of_the_schedules_zone_and_those_that_the_clocks_skip_are_skipped(scheduler: Scheduling) -> None:
    """On 28 March 2027, at two, clocks in Berlin show three; on 31 October 2027, at three, they show two again."""
    scheduler.advance_to("2027-03-26T00:00:00")
    scheduler.put("cron(30 2 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
    scheduler.advance_to("2027-03-29T12:00:00")
    assert scheduler.times() == ["2027-03-26T01:30:00Z", "2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z"]
    scheduler.client.update_schedule(
        Name="keys",
        ScheduleExpression="cron(30 2 * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=scheduler.target(),
        StartDate=datetime(2027, 10, 30, tzinfo=UTC),
    )
    scheduler.advance_to("2027-11-01T12:00:00")
    assert scheduler.times() == ["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]


def test_a_day_of_a_rate_is_of_24_hours_whatever_the_clocks_do(scheduler: Scheduling) -> None:
    scheduler.put("rate(1 day)", ScheduleExpressionTimezone="Europe/Berlin", StartDate=datetime(2027, 3, 27, 9, tzinfo=UTC))
    scheduler.advance_to("2027-03-29T12:00:00")
    assert scheduler.times() == ["2027-03-27T09:00:00Z", "2027-03-28T09:00:00Z", "2027-03-29T09:00:00Z"]


@pytest.mark.parametrize(
    ("expression", "fires"),
    [
        ("cron(15 12 * * ? *)", ["2026-11-02T12:15:00Z", "2026-11-03T12:15:00Z"]),
        ("cron(0 6 L * ? *)", ["2026-11-30T06:00:00Z", "2026-12-31T06:00:00Z"]),
        ("cron(0 6 ? * 2#1 *)", ["2026-12-07T06:00:00Z", "2027-01-04T06:00:00Z"]),
        ("cron(0/30 9 ? * MON-FRI *)", ["2026-11-02T09:00:00Z", "2026-11-02T09:30:00Z"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
    ],
)
def test_cron_as_aws_reads_it(scheduler: Scheduling, expression: str, fires: list[str]) -> None:
    scheduler.put(expression)
    while len(scheduler.local.cloud.log.deliveries) < 2:
        scheduler.local.advance(86_400)
    assert scheduler.fired()[:2] == fires


def test_a_one_time_schedule_fires_once_in_its_zone_and_is_deleted_if_it_says_so(scheduler: Scheduling) -> None:
    zone = {"ScheduleExpressionTimezone": "America/New_York"}
    scheduler.put("at(2026-11-02T08:30:15)", "stays", **zone)
    scheduler.put("at(2026-11-02T08:30:15)", "goes", ActionAfterCompletion="DELETE", **zone)
    scheduler.advance_to("2026-11-04T00:00:00")
    assert scheduler.times() == ["2026-11-02T13:30:15Z"] * 2
    assert [one["Name"] for one in scheduler.client.list_schedules()["Schedules"]] == ["stays"]
    with pytest.raises(Refused, match="is over: AWS does not say"):
        scheduler.put("at(2026-11-02T08:30:15)", "over")
    with pytest.raises(Refused, match="is over: AWS does not say"):
        scheduler.put("at(2026-11-03T08:30:15)", "stays", update=True)
    scheduler.put("at(2026-11-02T08:30:15)", "stays", update=True, State="DISABLED", **zone)
    with pytest.raises(Refused, match="the clocks in Europe/Berlin skip it"):
        scheduler.put("at(2027-03-28T02:30:00)", "never", ScheduleExpressionTimezone="Europe/Berlin")


def test_a_recurring_schedule_is_deleted_after_its_last_delivery_if_it_says_so(scheduler: Scheduling) -> None:
    missing = scheduler.target(f"arn:aws:sqs:{HERE}:{HUB}:missing", RetryPolicy={"MaximumRetryAttempts": 1})
    end = {"StartDate": datetime(2026, 11, 2, 9, tzinfo=UTC), "EndDate": datetime(2026, 11, 2, 10, tzinfo=UTC)}
    scheduler.put("rate(1 hour)", Target=missing, ActionAfterCompletion="DELETE", **end)
    scheduler.advance_to("2026-11-02T09:30:00")
    assert [one["Name"] for one in scheduler.client.list_schedules()["Schedules"]] == ["keys"]
    scheduler.advance_to("2026-11-02T10:30:00")
    assert [outcome for outcome, *_ in scheduler.outcomes()] == ["failed", "dropped", "failed", "dropped"]
    assert scheduler.client.list_schedules()["Schedules"] == []


def test_a_disabled_schedule_fires_nothing_and_goes_on_in_its_beat(scheduler: Scheduling) -> None:
    scheduler.put("rate(1 hour)", StartDate=datetime(2026, 11, 2, 9, tzinfo=UTC))
    scheduler.put("rate(1 hour)", update=True, State="DISABLED", StartDate=datetime(2026, 11, 2, 9, tzinfo=UTC))
    scheduler.advance_to("2026-11-02T09:02:00")
    scheduler.put("rate(1 hour)", update=True, StartDate=datetime(2026, 11, 2, 9, tzinfo=UTC))
    scheduler.advance_to("2026-11-02T11:20:00")
    assert scheduler.times() == ["2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z"]


def test_a_flexible_schedule_comes_within_its_window_and_says_its_scheduled_time(scheduler: Scheduling) -> None:
    scheduler.put("cron(0 10 * * ? *)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30})
    scheduler.advance_to("2026-11-12T09:00:00")
    came = [entry["time"][11:16] for entry in scheduler.local.cloud.log.deliveries]
    assert len(came) == 10
    assert len(set(came)) > 1
    assert min(came) >= "10:00"
    assert max(came) <= "10:30"
    assert {time[11:] for time in scheduler.fired()} == {"10:00:00Z"}


# -- what


def test_the_input_says_which_schedule_when_and_which_attempt(scheduler: Scheduling) -> None:
    names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    text = json.dumps({name: f"<aws.scheduler.{name}>" for name in names})
    arn = scheduler.put("at(2026-11-02T10:00:00)", Target=scheduler.target(Input=text))
    scheduler.advance_to("2026-11-02T11:00:00")
    (entry,) = scheduler.local.cloud.log.deliveries
    expected = {"schedule-arn": arn, "scheduled-time": "2026-11-02T10:00:00Z", "execution-id": entry["event_id"], "attempt-number": "1"}
    assert [json.loads(message["Body"]) for message in scheduler.messages()] == [expected]
    assert (entry["schedule"], entry["target"], entry["event"]) == ("default/keys", scheduler.queue, expected)
    (sent,) = [call for call in scheduler.local.cloud.log.calls if call["action"] == "sqs:SendMessage"]
    assert sent["principal"] == f"arn:aws:sts::{HUB}:assumed-role/schedules/{entry['event_id']}"


def test_a_schedule_starts_an_execution(scheduler: Scheduling) -> None:
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    runner = role_for(scheduler.local, "states.amazonaws.com")
    machines = scheduler.local.client("stepfunctions", "hub")
    arn = machines.create_state_machine(name="sweep", definition=definition, roleArn=runner)["stateMachineArn"]
    scheduler.put("at(2026-11-02T10:00:00)", Target=scheduler.target(arn))
    scheduler.advance_to("2026-11-02T11:00:00")
    (execution,) = scheduler.local.cloud.log.executions
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", {"time": "2026-11-02T10:00:00Z"})


def test_a_schedule_puts_an_event(scheduler: Scheduling) -> None:
    events, bus = scheduler.local.client("events", "hub"), f"arn:aws:events:{HERE}:{HUB}:event-bus/"
    said = {"DetailType": "Sweep Due", "Source": "my.sweeper"}
    events.create_event_bus(Name="closed")
    deny = {"Sid": "Nobody", "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": f"{bus}closed"}
    events.put_permission(EventBusName="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    for name in ("default", "closed"):
        scheduler.put("at(2026-11-02T10:00:00)", name, Target=scheduler.target(f"{bus}{name}", EventBridgeParameters=said))
    scheduler.advance_to("2026-11-02T10:00:00")
    assert sorted(scheduler.outcomes()) == [("delivered", "", 1), ("failed", "AccessDeniedException", 1)]


def test_a_failed_delivery_is_tried_again_until_its_policy_is_exhausted_and_ends_in_the_dead_letter_queue(scheduler: Scheduling) -> None:
    scheduler.new_queue("dead")
    dead = {"DeadLetterConfig": {"Arn": f"arn:aws:sqs:{HERE}:{HUB}:dead"}}
    missing = f"arn:aws:sqs:{HERE}:{HUB}:missing"
    arn = scheduler.put("at(2026-11-02T10:00:00)", Target=scheduler.target(missing, RetryPolicy={"MaximumRetryAttempts": 2}, **dead))
    scheduler.advance_to("2026-11-02T11:00:00")
    assert [(outcome, attempt) for outcome, _, attempt in scheduler.outcomes()] == [("failed", 1), ("failed", 2), ("dead-lettered", 3)]
    (message,) = scheduler.messages("dead")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    entry = scheduler.local.cloud.log.deliveries[-1]
    assert "does not exist" in attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "ERROR_CODE": entry["error"].split(":")[0],
        "EXECUTION_ID": entry["event_id"],
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "2",
        "SCHEDULED_TIME": "2026-11-02T10:00:00Z",
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": missing,
    }
    assert json.loads(message["Body"]) == {"time": "2026-11-02T10:00:00Z"}


def test_a_failed_delivery_is_tried_again_no_longer_than_its_age_allows(scheduler: Scheduling) -> None:
    missing = scheduler.target(f"arn:aws:sqs:{HERE}:{HUB}:missing", RetryPolicy={"MaximumEventAgeInSeconds": 60})
    scheduler.put("at(2026-11-02T10:00:00)", Target=missing)
    scheduler.advance_to("2026-11-02T11:00:00")
    *failed, (last, _, attempts) = scheduler.outcomes()
    assert {outcome for outcome, *_ in failed} == {"failed"}
    assert (last, attempts < 10) == ("dropped", True)
    assert scheduler.local.cloud.log.deliveries[-1]["time"] <= "2026-11-02T10:01:00Z"


def test_a_queue_that_comes_late_is_delivered_to(scheduler: Scheduling) -> None:
    scheduler.put("at(2026-11-02T10:00:00)", Target=scheduler.target(f"arn:aws:sqs:{HERE}:{HUB}:late"))
    scheduler.advance_to("2026-11-02T10:01:00")
    scheduler.new_queue("late")
    scheduler.local.settle()
    assert scheduler.times("late") == ["2026-11-02T10:00:00Z"]


def test_a_delivery_whose_answer_is_lost_is_made_again(scheduler: Scheduling) -> None:
    """At least once: the queue has it twice."""
    scheduler.put("at(2026-11-02T10:00:00)")
    scheduler.local.cloud.faults.lose_answer("sqs:SendMessage", times=1)
    scheduler.advance_to("2026-11-02T10:01:00")
    assert [outcome for outcome, *_ in scheduler.outcomes()] == ["failed", "delivered"]
    assert scheduler.times() == ["2026-11-02T10:00:00Z"] * 2


# -- as whom


def test_the_role_must_be_there_and_trust_scheduler(scheduler: Scheduling) -> None:
    other = role_for(scheduler.local, "lambda.amazonaws.com", "others")
    for role in (other, f"arn:aws:iam::{HUB}:role/missing"):
        with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
            scheduler.put("rate(1 hour)", Target=scheduler.target() | {"RoleArn": role})


@pytest.mark.parametrize(("group", "trusted"), [("default", True), ("other", False)])
def test_a_trust_may_name_the_group_of_the_schedule(scheduler: Scheduling, group: str, trusted: bool) -> None:
    condition = {"StringEquals": {"aws:SourceArn": f"arn:aws:scheduler:{HERE}:{HUB}:schedule-group/{group}", "aws:SourceAccount": HUB}}
    allow = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": condition}
    trust = json.dumps({"Version": "2012-10-17", "Statement": allow})
    scheduler.local.client("iam", "hub").update_assume_role_policy(RoleName="schedules", PolicyDocument=trust)
    if trusted:
        scheduler.put("rate(1 hour)")
        return
    with pytest.raises(ClientError, match="ValidationException"):
        scheduler.put("rate(1 hour)")


def test_a_role_that_is_gone_when_the_schedule_fires_cannot_even_write_to_the_dead_letter_queue(scheduler: Scheduling) -> None:
    dead = {"DeadLetterConfig": {"Arn": scheduler.new_queue("dead")}, "RetryPolicy": {"MaximumRetryAttempts": 0}}
    scheduler.put("at(2026-11-02T10:00:00)", Target=scheduler.target(**dead))
    iam = scheduler.local.client("iam", "hub")
    iam.delete_role_policy(RoleName="schedules", PolicyName="calls")
    iam.delete_role(RoleName="schedules")
    scheduler.advance_to("2026-11-02T11:00:00")
    assert scheduler.outcomes() == [("dropped", "AccessDeniedException", 1)]
    assert scheduler.messages("dead") == []


# -- the API


def test_a_schedule_is_kept_as_it_was_last_put_until_it_is_deleted(scheduler: Scheduling) -> None:
    client = scheduler.client
    arn = scheduler.put("rate(1 hour)", Description="hourly", State="DISABLED")
    assert arn == f"arn:aws:scheduler:{HERE}:{HUB}:schedule/default/keys"
    kept = client.get_schedule(Name="keys")
    policy = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert kept["Target"] == {"Arn": scheduler.queue, "RoleArn": scheduler.role, "Input": WHEN, "RetryPolicy": policy}
    assert (kept["Description"], kept["State"], kept["ActionAfterCompletion"]) == ("hourly", "DISABLED", "NONE")
    assert (kept["ScheduleExpressionTimezone"], kept["GroupName"]) == ("UTC", "default")
    with pytest.raises(ClientError, match="ConflictException"):
        scheduler.put("rate(2 hours)")
    client.update_schedule(
        Name="keys", ScheduleExpression="rate(2 hours)", FlexibleTimeWindow={"Mode": "OFF"}, Target=scheduler.target(), GroupName="default"
    )
    changed = client.get_schedule(Name="keys", GroupName="default")
    assert (changed["ScheduleExpression"], changed["State"], "Description" in changed) == ("rate(2 hours)", "ENABLED", False)
    assert changed["CreationDate"] == kept["CreationDate"] < changed["LastModificationDate"]
    client.delete_schedule(Name="keys")
    scheduler.local.advance(86_400)
    assert scheduler.times() == []
    for gone in (client.get_schedule, client.delete_schedule):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            gone(Name="keys")


def test_schedules_are_listed_by_group_prefix_and_state_page_by_page(scheduler: Scheduling) -> None:
    scheduler.client.create_schedule_group(Name="night")
    for name, more in (("sweep-a", {}), ("sweep-b", {"State": "DISABLED"}), ("keys", {}), ("sweep-c", {"GroupName": "night"})):
        scheduler.put("rate(1 hour)", name, **more)

    def names(**asked: Any) -> list[str]:
        return [one["Name"] for page in scheduler.client.get_paginator("list_schedules").paginate(**asked) for one in page["Schedules"]]

    assert scheduler.client.list_schedules(MaxResults=1)["Schedules"][0]["Target"] == {"Arn": scheduler.queue}
    assert names(PaginationConfig={"PageSize": 1}) == ["keys", "sweep-a", "sweep-b", "sweep-c"]
    assert names(NamePrefix="sweep", GroupName="default") == ["sweep-a", "sweep-b"]
    assert names(State="DISABLED") == ["sweep-b"]
    with pytest.raises(ClientError, match="Invalid NextToken"):
        scheduler.client.list_schedules(NextToken="no token")


def test_a_group_has_its_schedules_and_tags_until_both_are_deleted(scheduler: Scheduling) -> None:
    client = scheduler.client
    arn = client.create_schedule_group(Name="night", Tags=tagged(("team", "ml")))["ScheduleGroupArn"]
    group = client.get_schedule_group(Name="night")
    assert (group["Arn"], group["State"], arn) == (arn, "ACTIVE", f"arn:aws:scheduler:{HERE}:{HUB}:schedule-group/night")
    with pytest.raises(ClientError, match="ConflictException"):
        client.create_schedule_group(Name="night")
    client.tag_resource(ResourceArn=arn, Tags=tagged(("stage", "dev")))
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == tagged(("stage", "dev"))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.list_tags_for_resource(ResourceArn=arn.replace(HUB, "444444444444"))
    assert [one["Name"] for one in client.list_schedule_groups(NamePrefix="n")["ScheduleGroups"]] == ["night"]
    scheduler.put("rate(1 hour)", GroupName="night")
    client.delete_schedule_group(Name="night")
    scheduler.local.advance(86_400)
    assert scheduler.times() == []
    assert [one["Name"] for one in client.list_schedule_groups()["ScheduleGroups"]] == ["default"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_schedule(Name="keys", GroupName="night")
    with pytest.raises(ClientError, match="cannot be deleted"):
        client.delete_schedule_group(Name="default")


@pytest.mark.parametrize(
    "expression", ["rate(0 hours)", "rate(1 week)", "cron(0 10 * * * *)", "cron(0 10 * * ?)", "at(2026-13-01T00:00:00)", "daily"]
)
def test_what_is_no_expression_is_told(scheduler: Scheduling, expression: str) -> None:
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        scheduler.put(expression)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"ScheduleExpressionTimezone": "Europe/Nowhere"}, "Invalid Schedule Expression Timezone"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes must be provided"),
        ({"GroupName": "missing"}, "ResourceNotFoundException"),
        ({"Target": {"Arn": "no-arn", "RoleArn": f"arn:aws:iam::{HUB}:role/r", "Input": "{}"}}, "not in correct format"),
        ({"Target": {"Arn": f"arn:aws:states:{HERE}:{HUB}:stateMachine:m", "RoleArn": f"arn:aws:iam::{HUB}:role/r", "Input": "x"}}, "takes JSON"),
    ],
)
def test_what_aws_would_not_take_is_an_error(scheduler: Scheduling, more: dict[str, Any], error: str) -> None:
    with pytest.raises(ClientError, match=error):
        scheduler.put("rate(1 hour)", **more)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"}, "universal target arn:aws:scheduler:::aws-sdk:sqs:sendMessage"),
        ({"Arn": f"arn:aws:sns:{HERE}:{HUB}:topic"}, "only events, lambda, sqs, states are called"),
        ({"Arn": f"arn:aws:sqs:us-east-1:{HUB}:work"}, "of another account or Region"),
        ({"SqsParameters": {"MessageGroupId": "g"}}, "SqsParameters"),
    ],
)
def test_what_nothing_here_would_call_is_refused_by_name(scheduler: Scheduling, target: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        scheduler.put("rate(1 hour)", Target=scheduler.target() | target)


@pytest.mark.parametrize("expression", ["cron(0 10 LW * ? *)", "cron(0 10 ? * L *)"])
def test_what_the_library_reads_otherwise_than_aws_is_refused(scheduler: Scheduling, expression: str) -> None:
    with pytest.raises(Refused, match="otherwise than AWS"):
        scheduler.put(expression)


def test_a_target_without_input_is_refused(scheduler: Scheduling) -> None:
    target = {name: value for name, value in scheduler.target().items() if name != "Input"}
    with pytest.raises(Refused, match="a target without Input"):
        scheduler.put("rate(1 hour)", Target=target)
