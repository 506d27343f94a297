"""Stories of what nobody meant: strange events all the way, forged accounts, and senders who are none of ours. Nobody acts on the wrong account."""

import json
from random import Random
from typing import Any

import pytest

from localaws.cloud import Principal
from steward import errors
from tests.fuzz.strangeness import STRANGER, VALUES, changed, event_files, fields, message, read, workflow_of
from tests.stories.intake_troubles import created
from tests.stories.people import FRAUD, FRAUD_TAGS, HUB, Platform

pytestmark = pytest.mark.workflow("profile_cost_tagging")

NAMED = {name for name in vars(errors) if not name.startswith("_")}


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """With an empty call log: what was planted in the members was planted by StackSets."""
    platform.local.cloud.log.calls.clear()
    return platform


def everything_laid_aside(platform: Platform) -> list[dict[str, Any]]:
    sqs, queue, found = platform.client("sqs", "hub"), platform.output("IntakeDlqUrl"), list[dict[str, Any]]()
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
        found += messages
    return found


def accounts_acted_on(platform: Platform) -> set[str]:
    """Where calls were made by roles, but for those of the hub itself."""
    return {call["account"] for call in platform.local.cloud.log.calls if ":assumed-role/" in call["principal"]} - {HUB}


def roles_assumed(platform: Platform) -> set[str]:
    return {str(call["resource"]) for call in platform.calls("sts:AssumeRole")}


def strange_messages() -> list[tuple[str, dict[str, Any], str]]:
    """Of each event that starts something four fields, each with another strange value: workflow, event and message."""
    chance, found = Random("strange events"), list[tuple[str, dict[str, Any], str]]()
    for file in (file for file in event_files() if not file.stem.endswith("_ignored")):
        for field in chance.sample(fields(read(file)), 4):
            event = changed(read(file), field, chance.choice(list(VALUES.values())))
            event = changed(event, ("detail", "eventID"), f"{file.stem}-{len(found)}".replace("_", "-")[:64]) if field[-1] != "eventID" else event
            found.append((workflow_of(file), event, message(workflow_of(file), event)))
    return found


def test_every_strange_event_is_an_execution_or_a_dead_letter_with_its_reason(platform: Platform) -> None:
    """All the way: each message ends somewhere, no step crashes without a name, and no account is entered but that of the envelope."""
    platform.watch_findings()
    sent = strange_messages()
    for _, _, body in sent:
        platform.client("sqs", "hub").send_message(QueueUrl=platform.intake_queue(), MessageBody=body)
    platform.local.settle()

    executions = [execution for workflow in {workflow for workflow, _, _ in sent} for execution in platform.executions(workflow)]
    dead = everything_laid_aside(platform)
    assert len(executions) + len(dead) == len(sent) > 40
    assert executions, "most fields are not ours to look at"
    assert dead
    bodies = {body for _, _, body in sent}
    for letter in dead:
        reason = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
        assert letter["Body"] in bodies
        assert reason["ERROR_CODE"] in NAMED
        assert reason["ERROR_MESSAGE"]
    assert {entry["error"] for entry in platform.local.cloud.log.invocations} <= {None, *NAMED}
    assert {execution["status"] for execution in executions} <= {"SUCCEEDED", "FAILED"}
    assert not {execution.get("error") for execution in executions} & {"States.Runtime", "States.QueryEvaluationError", "OutcomeUnknown"}

    envelopes = {event["account"] for _, event, body in sent if body not in {letter["Body"] for letter in dead}}
    assert accounts_acted_on(platform) <= envelopes
    assert {role.split(":")[4] for role in roles_assumed(platform)} <= envelopes
    assert {role.rpartition(":role/")[2] for role in roles_assumed(platform)} == {
        f"steward/{workflow}" for workflow in ("profile_cost_tagging", "domain_setup", "template_enablement")
    }


def test_what_detail_says_of_accounts_leads_nobody_astray(platform: Platform) -> None:
    bystander = platform.domain("pricing-prod")
    profile = platform.profile("fraud-dev")
    platform.local.settle()
    event = created(platform)
    platform.client("sagemaker", "fraud-dev").delete_tags(ResourceArn=profile, TagKeys=list(FRAUD_TAGS))
    platform.local.settle()
    platform.local.cloud.log.calls.clear()
    forged = json.loads(json.dumps(event["detail"]).replace(FRAUD, "555555555555"))
    platform.take_in(message("profile_cost_tagging", event | {"detail": forged | {"eventID": "forged"}}))

    assert platform.tags("fraud-dev", profile) == FRAUD_TAGS
    assert platform.tags("pricing-prod", f"arn:aws:sagemaker:eu-west-1:555555555555:domain/{bystander}") == {}
    assert roles_assumed(platform) == {f"arn:aws:iam::{FRAUD}:role/steward/profile_cost_tagging"}
    assert accounts_acted_on(platform) == {FRAUD}


@pytest.mark.parametrize("account", [STRANGER, "777777777777", "111111111111"], ids=["nobody's", "of no ML unit", "management"])
def test_an_envelope_of_an_account_that_is_not_ours_enters_nobodys(platform: Platform, account: str) -> None:
    """EventBridge writes the envelope, so this takes somebody who can write to our queue. Even then nothing is entered that is not in our units."""
    file = next(file for file in event_files() if file.stem == "user_profile_created_by_role")
    platform.take_in(message("profile_cost_tagging", changed(read(file), ("account",), account)))
    assert platform.the_execution()["output"]["outcome"] == "AccountOutOfScope"
    assert roles_assumed(platform) == set()
    assert accounts_acted_on(platform) == set()


# -- senders


SENDERS = {
    "a stranger's user": f"arn:aws:iam::{STRANGER}:user/mallory",
    "a stranger's role of our forwarder's name": f"arn:aws:iam::{STRANGER}:role/steward/event_forwarder",
    "a member's administrator": f"arn:aws:iam::{FRAUD}:user/administrator",
    "a member's other role": f"arn:aws:iam::{FRAUD}:role/StudioAdmin",
    "a member's role of nearly that name": f"arn:aws:iam::{FRAUD}:role/steward/event_forwarder2",
    "the forwarder": f"arn:aws:iam::{FRAUD}:role/steward/event_forwarder",
}
FORGERIES = {
    "ours": {"Source": "studio-steward", "DetailType": "Cost Tags Applied"},
    "of a service": {"Source": "aws.sagemaker", "DetailType": "AWS API Call via CloudTrail"},
    "of nearly a service": {"Source": "aws", "DetailType": "AWS API Call via CloudTrail"},
    "of anybody": {"Source": "my.sagemaker", "DetailType": "AWS API Call via CloudTrail"},
}


def sending_as(platform: Platform, arn: str) -> Any:
    """A client of EventBridge. A role that the stack has not planted is made, and may put events wherever the bus takes them."""
    account, kind, path = arn.split(":")[4], *arn.split(":")[5].split("/", 1)
    if kind == "user":
        return platform.local.cloud.client("events", "eu-west-1", Principal(account, arn))
    iam = platform.local.cloud.client("iam", "us-east-1", Principal(account, f"arn:aws:iam::{account}:user/administrator"))
    folder, _, name = path.rpartition("/")
    if arn != SENDERS["the forwarder"]:
        anything = [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}]
        trust = {"Version": "2012-10-17", "Statement": []}
        iam.create_role(RoleName=name, Path=f"/{folder}/" if folder else "/", AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": anything}))
    return platform.local.cloud.client("events", "eu-west-1", Principal.of_role(arn, "somebody"))


@pytest.mark.parametrize("sender", SENDERS)
def test_nobody_puts_an_event_on_the_hub_bus_but_services_through_our_forwarder(platform: Platform, sender: str) -> None:
    """The forwarder itself may not either: it passes on what services sent, and PutEvents takes nothing in a service's name."""
    detail = json.dumps(read(next(file for file in event_files() if file.stem == "user_profile_created_by_role"))["detail"])
    bus, heard = platform.output("HubBusArn"), platform.watch_hub_bus()
    events = sending_as(platform, SENDERS[sender])
    entries = [{**forgery, "Detail": detail, "EventBusName": bus} for forgery in FORGERIES.values()]
    together = events.put_events(Entries=entries)
    alone = [events.put_events(Entries=[entry])["Entries"][0]["ErrorCode"] for entry in entries]
    platform.local.settle()

    platform.expect_denied("events:PutEvents", SENDERS[sender])
    refused = ["AccessDeniedException", "NotAuthorizedForSourceException", "AccessDeniedException", "AccessDeniedException"]
    assert [entry["ErrorCode"] for entry in together["Entries"]] == alone == refused
    assert platform.executions() == []
    assert everything_laid_aside(platform) == []
    assert platform.messages(heard) == []


def test_what_a_member_forges_on_its_own_bus_stays_there(platform: Platform) -> None:
    detail = read(next(file for file in event_files() if file.stem == "user_profile_created_by_role"))["detail"]
    entries = [{**forgery, "Detail": json.dumps(detail)} for name, forgery in FORGERIES.items() if name != "of a service"]
    answer = platform.client("events", "fraud-dev").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0, "a bus of one's own takes one's own events"
    platform.local.settle()
    assert platform.executions() == []
    assert everything_laid_aside(platform) == []
