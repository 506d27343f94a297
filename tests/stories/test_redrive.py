"""Stories of `make redrive`: what waits is said, and with --execute it heals. Without, nothing is changed."""

import json
from typing import Any

import pytest

from tests.stories.intake_troubles import created, cut_off, message, put_role_back, statuses, without_role
from tests.stories.people import FRAUD, FRAUD_TAGS, HUB, Platform
from tools.redrive import main

pytestmark = [pytest.mark.workflow("profile_cost_tagging"), pytest.mark.usefixtures("keys_of_the_hub")]

DAY = 24 * 3600
RULE = "arn:aws:events:eu-west-1:444444444444:rule/steward-profile_cost_tagging"


def waiting(platform: Platform, output: str) -> int:
    """How many messages are to be seen in a queue."""
    answer = platform.client("sqs", "hub").get_queue_attributes(
        QueueUrl=platform.output(output), AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    assert answer["ApproximateNumberOfMessagesNotVisible"] == "0", "nobody holds a message back"
    return int(answer["ApproximateNumberOfMessages"])


def a_rule_gave_up(platform: Platform, event: dict[str, Any], rule: str = RULE) -> None:
    attributes = {"RULE_ARN": rule, "TARGET_ARN": platform.output("HubBusArn"), "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not let in"}
    platform.client("sqs", "hub").send_message(
        QueueUrl=platform.output("UndeliveredQueueUrl"),
        MessageBody=json.dumps(event),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def test_where_nothing_waits_it_says_so(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == f"Nothing waits in studio-steward, account {HUB}, eu-west-1.\n"


def test_a_message_that_intake_gave_up_goes_back_when_its_reason_is_gone(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    states = platform.client("stepfunctions", "hub")
    machine = states.describe_state_machine(stateMachineArn=platform.output("ProfileCostTaggingStateMachineArn"))
    states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    states.create_state_machine(**{key: machine[key] for key in ("name", "definition", "roleArn")})

    assert main([]) == 0
    said = capsys.readouterr().out
    assert "profile_cost_tagging CreateUserProfile 444444444444 eu-west-1" in said
    assert "failed five times" in said
    assert "run again with EXECUTE=1" in said
    assert waiting(platform, "IntakeDlqUrl") == 1

    assert main(["--execute"]) == 0
    assert "1 of 1 moved" in capsys.readouterr().out
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert waiting(platform, "IntakeDlqUrl") == 0


def test_a_message_that_is_refused_again_is_back_with_its_reason_and_not_moved_in_circles(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.take_in("no json")
    assert main(["--execute"]) == 0
    said = capsys.readouterr().out
    assert "EventUnreadable: the message is not" in said
    assert "1 of 1 moved" in said
    platform.local.settle()
    assert waiting(platform, "IntakeDlqUrl") == 1


def test_a_message_that_somebody_has_in_hand_is_said(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        platform.take_in(f"no json {number}")
    sqs, dlq = platform.client("sqs", "hub"), platform.output("IntakeDlqUrl")
    (held,) = sqs.receive_message(QueueUrl=dlq, VisibilityTimeout=600)["Messages"]
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "1 wait in studio-steward" in said
    assert "1 more is being looked at by somebody, or was in the last 10 minutes: look again then." in said
    sqs.receive_message(QueueUrl=dlq, VisibilityTimeout=600)
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Nothing else waits in studio-steward")
    assert "2 more are being looked at" in said
    sqs.change_message_visibility(QueueUrl=dlq, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    assert main([]) == 0
    assert "1 wait in studio-steward" in capsys.readouterr().out
    platform.local.advance(601)


@pytest.mark.parametrize("arguments", [[], ["--execute"]])
def test_what_cannot_be_let_go_is_said_and_the_others_are_looked_at(
    platform: Platform, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    event = {"account": FRAUD, "region": "eu-west-1"}
    for _ in range(2):
        a_rule_gave_up(platform, event, RULE.replace("profile_cost_tagging", "no_such_workflow"))
    with platform.local.faults.fail("sqs:ChangeMessageVisibility", "AccessDeniedException", times=1):
        assert main(arguments) == len(arguments)
    said = capsys.readouterr()
    assert said.out.count("no workflow here has the rule") == 2
    assert said.err.count("stays hidden for up to 10 minutes, it could not be let go") == 1
    platform.local.advance(601)
    assert waiting(platform, "UndeliveredQueueUrl") == 2


def test_an_event_that_the_hub_bus_did_not_let_in_is_taken_in_after_all(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.expect_denied("events:PutEvents", "role/steward/event_forwarder")
    domain = platform.domain("fraud-dev")
    events = platform.client("events", "hub")
    bus = platform.output("HubBusArn").rsplit("/", 1)[1]
    policy = events.describe_event_bus(Name=bus)["Policy"]
    events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    profile = platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    assert (platform.executions(), waiting(platform, "UndeliveredQueueUrl")) == ([], 1)
    events.put_permission(EventBusName=bus, Policy=policy)

    assert main([]) == 0
    assert "NO_PERMISSIONS" in capsys.readouterr().out
    assert (platform.executions(), waiting(platform, "UndeliveredQueueUrl")) == ([], 1)
    assert main(["--execute"]) == 0
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert waiting(platform, "UndeliveredQueueUrl") == 0


def test_an_event_that_the_intake_queue_did_not_take_is_known_by_the_hubs_own_rule(platform: Platform) -> None:
    platform.expect_denied("sqs:SendMessage", "events.amazonaws.com")
    sqs = platform.client("sqs", "hub")
    policy = sqs.get_queue_attributes(QueueUrl=platform.intake_queue(), AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=platform.intake_queue(), Attributes={"Policy": ""})
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    assert (platform.executions(), waiting(platform, "UndeliveredQueueUrl")) == ([], 1)
    sqs.set_queue_attributes(QueueUrl=platform.intake_queue(), Attributes={"Policy": policy})
    assert main(["--execute"]) == 0
    platform.local.settle()
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_a_failed_execution_is_started_again_once(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    role = without_role(platform)
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    put_role_back(platform, role)

    assert main([]) == 0
    said = capsys.readouterr().out
    assert "profile_cost_tagging, FAILED: " in said
    assert "MemberRoleNeverPlanted: Our role in account 444444444444" in said
    assert statuses(platform) == [("FAILED", "")]
    for _ in range(2):
        assert main(["--execute"]) == 0
        platform.local.settle()
    assert "Nothing waits" in capsys.readouterr().out
    assert statuses(platform) == [("FAILED", ""), ("SUCCEEDED", "-r1")]
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


@pytest.mark.parametrize(("action", "code"), [("events:PutEvents", "AccessDeniedException"), ("sns:Publish", "AuthorizationError")])
def test_what_an_execution_could_not_tell_it_tells_when_it_is_redriven(platform: Platform, action: str, code: str) -> None:
    announced, found = platform.watch_hub_bus(), platform.watch_findings()
    with platform.local.faults.fail(action, code, lasting=3600, principal="*StateMachineRole*"):
        platform.profile("newcomer-dev", "carol")
        platform.local.settle()
    assert main(["--execute"]) == 0
    platform.local.settle()
    assert statuses(platform) == [("SUCCEEDED", "")]
    assert [event["detail"]["changes"][0]["after"] for event in platform.messages(announced)] == ["carol"]
    assert len(platform.messages(found)) == 1


def test_an_event_that_comes_again_has_told_what_its_execution_could_not(platform: Platform) -> None:
    announced = platform.watch_hub_bus()
    with platform.local.faults.fail("events:PutEvents", "AccessDeniedException", lasting=3600, principal="*StateMachineRole*"):
        platform.profile("fraud-dev")
        platform.local.settle()
    assert statuses(platform) == [("FAILED", "")]
    platform.local.send(created(platform))
    platform.local.settle()
    assert statuses(platform) == [("SUCCEEDED", "")]
    assert len(platform.messages(announced)) == 1


def test_an_execution_that_failed_again_gets_the_next_suffix(platform: Platform) -> None:
    without_role(platform)
    platform.profile("fraud-dev")
    platform.local.settle()
    for _ in range(2):
        assert main(["--execute"]) == 0
        platform.local.settle()
    assert statuses(platform) == [("FAILED", ""), ("FAILED", "-r1"), ("FAILED", "-r2")]


def test_an_execution_that_was_cut_off_goes_on_where_it_was(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    profile = cut_off(platform)
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "profile_cost_tagging, ABORTED: " in said
    assert "because  Stopped: by hand\n    would    redrive it" in said
    assert statuses(platform) == [("ABORTED", "")]
    assert main(["--execute"]) == 0
    platform.local.settle()
    assert statuses(platform) == [("SUCCEEDED", "")]
    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS


def test_what_failed_more_than_fourteen_days_ago_is_left_alone(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    without_role(platform)
    platform.profile("fraud-dev")
    platform.local.settle()
    platform.local.advance(15 * 86_400)
    assert main([]) == 0
    assert "Nothing waits" in capsys.readouterr().out


def test_no_more_than_asked_for_is_moved_in_one_run(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        platform.take_in(f"no json {number}")
    assert main(["--most", "2", "--execute"]) == 0
    assert "2 of 2 moved" in (said := capsys.readouterr().out)
    assert "There may be more" in said


@pytest.mark.parametrize(
    ("rule", "change", "why"),
    [
        (RULE, {"account": "555555555555"}, "the event says account 555555555555, its rule is of account 444444444444"),
        (RULE, {"region": "us-east-1"}, "its rule is of account 444444444444"),
        (RULE.replace("profile_cost_tagging", "no_such_workflow"), {}, "no workflow here has the rule"),
        ("arn:aws:events:eu-west-1:444444444444:rule/other", {}, "no workflow here has the rule"),
    ],
)
def test_an_event_that_is_not_its_rules_own_is_not_believed(
    platform: Platform, capsys: pytest.CaptureFixture[str], rule: str, change: dict[str, str], why: str
) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()
    event = created(platform) | change
    a_rule_gave_up(platform, event, rule)
    a_rule_gave_up(platform, json.loads(message(event)), rule)
    assert main(["--execute"]) == 1
    assert why in (said := capsys.readouterr().out)
    assert "0 of 2 moved" in said
    assert waiting(platform, "UndeliveredQueueUrl") == 2
    assert len(platform.executions()) == 1


def test_a_stack_that_is_not_there_is_said_in_words(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "no-such-stack"]) == 2
    assert capsys.readouterr().err.startswith("redrive: ")


def test_who_has_not_said_who_they_are_is_told_what_to_export(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert main([]) == 2
    told = capsys.readouterr().err
    assert told.startswith("redrive: You must specify a region. ")
    assert "export AWS_PROFILE=hub" in told


def test_its_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "Exit status" in capsys.readouterr().out


def runs(platform: Platform) -> list[tuple[str, str]]:
    return [(run["name"], run["status"]) for run in platform.executions("reconciliation")]


@pytest.mark.workflow("profile_cost_tagging", "reconciliation")
def test_of_red_mornings_one_is_repeated_and_none_whose_rest_the_next_run_does(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    who = "*ListAccountsFunctionRole*"
    with platform.local.faults.fail("organizations:ListAccountsForParent", "AccessDeniedException", principal=who, lasting=4 * DAY):
        platform.local.advance(3 * DAY)
    assert [status for _, status in runs(platform)] == ["FAILED"] * 3
    newest = runs(platform)[-1][0]
    plant = platform.without_role("fraud-dev", "reconciliation")
    assert main(["--execute"]) == 0
    platform.local.settle()
    plant()
    said = capsys.readouterr().out
    assert f"start {newest}-r1 with its input" in said
    assert "1 of 1 moved" in said
    assert [name for name, _ in runs(platform)][3:] == [f"{newest}-r1"]
    assert main(["--execute"]) == 0
    said = capsys.readouterr().out
    assert f"left out: reconciliation {newest}-r1, SomeAccountsFailed: the next reconciliation does what it left" in said
    assert "Nothing waits" in said
    platform.reconcile(name="tomorrow")
    platform.begin_reconciliation("mistyped", account=FRAUD)
    platform.local.settle()
    assert main(["--execute"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("left out: reconciliation mistyped, InputUnreadable: start a new one")
    assert "Nothing waits" in said
    assert len(runs(platform)) == 6
