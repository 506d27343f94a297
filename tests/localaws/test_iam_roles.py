"""Roles that are assumed and passed on, calls that need several actions, and what AWS services do as a role. Expectations: IAM User Guide, "Using
IAM roles", "Granting a user permissions to pass a role to an AWS service", and AWS's own messages as public reports have them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import AwsError, Principal, Refused
from localaws.local import LocalOrganization
from localaws.policy.usage import denied, permissions, unused
from tests.localaws.conftest import archive
from tests.localaws.iam_machinery import HERE, HUB, MEMBER, Iam, Statement, allow, answer, deny, trusting

QUEUE = f"arn:aws:sqs:{HERE}:{MEMBER}:work"
SEND = allow("sqs:SendMessage", QUEUE)
ROLE = f"arn:aws:iam::{MEMBER}:role/r"
SESSION = f"arn:aws:sts::{MEMBER}:assumed-role/r/session"


@pytest.fixture
def iam(local: LocalOrganization) -> Iam:
    return Iam(local)


# -- roles assumed


def principal(role: str, session: str = "session") -> Principal:
    return Principal.of_role(role, session)


MAY_ASSUME = allow("sts:AssumeRole", "arn:aws:iam::*:role/target")


@pytest.mark.parametrize(
    ("own", "trust", "expected"),
    [
        ([MAY_ASSUME], trusting({"AWS": HUB}), "done"),
        ([], trusting({"AWS": HUB}), "AccessDenied"),
        ([], trusting({"AWS": "arn:aws:iam::222222222222:role/steward/tagging/r"}), "AccessDenied"),  # across accounts both
        ([MAY_ASSUME], trusting({"AWS": "333333333333"}), "AccessDenied"),
        ([MAY_ASSUME], trusting({"AWS": "arn:aws:iam::222222222222:role/r"}), "AccessDenied"),  # not by this path
        ([MAY_ASSUME], trusting({"Service": "lambda.amazonaws.com"}), "AccessDenied"),
        ([MAY_ASSUME], trusting({"AWS": HUB}, Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HUB}:role/steward/tagging/*"}}), "done"),
        (
            [MAY_ASSUME],
            trusting({"AWS": HUB}, Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HUB}:role/steward/other/*"}}),
            "AccessDenied",
        ),
        ([MAY_ASSUME], trusting({"AWS": HUB}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-elsewhere00"}}), "AccessDenied"),
        ([MAY_ASSUME], trusting({"AWS": HUB}, Condition={"StringEquals": {"sts:ExternalId": "secret"}}), "AccessDenied"),
        ([MAY_ASSUME], trusting({"AWS": HUB}, Condition={"StringLike": {"sts:RoleSessionName": "s*"}}), "done"),
        ([MAY_ASSUME], trusting({"AWS": HUB}, Condition={"StringLike": {"sts:RoleSessionName": "t*"}}), "AccessDenied"),
        ([MAY_ASSUME, deny("sts:*")], trusting({"AWS": HUB}), "AccessDenied"),
        ([MAY_ASSUME], {**trusting("*"), "Effect": "Deny"}, "AccessDenied"),
        ([allow("sts:AssumeRole", "arn:aws:iam::*:role/steward/target")], trusting({"AWS": HUB}), "AccessDenied"),
    ],
)
def test_a_role_of_another_account_is_assumed_where_both_sides_say_so(iam: Iam, own: list[Statement], trust: Statement, expected: str) -> None:
    caller = iam.role(*own, account=HUB, path="/steward/tagging/")
    target = iam.role(name="target", trust=trust)
    assert iam.assumes(principal(caller), target) == expected


@pytest.mark.parametrize(
    ("own", "trust", "expected"),
    [
        ([], trusting({"AWS": ROLE}), "done"),
        ([], trusting({"AWS": SESSION}), "done"),
        ([], trusting({"AWS": MEMBER}), "AccessDenied"),
        ([MAY_ASSUME], trusting({"AWS": MEMBER}), "done"),
        ([MAY_ASSUME], trusting({"AWS": HUB}), "AccessDenied"),  # the trust policy is needed in any case
    ],
)
def test_within_an_account_a_trust_that_names_the_role_is_enough(iam: Iam, own: list[Statement], trust: Statement, expected: str) -> None:
    caller, target = iam.role(*own), iam.role(name="target", trust=trust)
    assert iam.assumes(principal(caller), target) == expected


def test_an_administrator_assumes_what_trusts_the_account_and_no_other_role(iam: Iam) -> None:
    hub, member = iam.local.administrator("hub"), iam.local.administrator("fraud-dev")
    organization = {"StringEquals": {"aws:PrincipalOrgID": iam.local.organization.organization_id}}
    target = iam.role(name="target", trust=trusting({"AWS": HUB}, Condition=organization))
    assert (iam.assumes(hub, target), iam.assumes(member, target)) == ("done", "AccessDenied")
    assert iam.assumes(hub, target.replace("target", "nobody")) == "AccessDenied"


def test_the_external_id_that_is_given_counts(iam: Iam) -> None:
    trust = trusting({"AWS": HUB}, Condition={"StringEquals": {"sts:ExternalId": "secret"}})
    caller, target = iam.role(MAY_ASSUME, account=HUB), iam.role(name="target", trust=trust)
    assert iam.assumes(principal(caller), target, ExternalId="secret") == "done"
    assert iam.assumes(principal(caller), target, ExternalId="guess") == "AccessDenied"


@pytest.mark.parametrize("more", [{"Policy": "{}"}, {"Tags": [{"Key": "a", "Value": "b"}]}, {"SourceIdentity": "alice"}])
def test_sessions_with_policies_or_tags_are_refused(iam: Iam, more: dict[str, Any]) -> None:
    target = iam.role(name="target", trust=trusting({"AWS": HUB}))
    with pytest.raises(Refused, match=next(iter(more))):
        iam.assumes(iam.local.administrator("hub"), target, **more)


# -- one call, several actions


def test_a_role_that_is_passed_on_needs_to_be_passable_to_that_service(iam: Iam) -> None:
    runner = iam.role(name="runner", trust=trusting({"Service": "states.amazonaws.com"}))
    definition = '{"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'

    def creates(name: str, *may: Statement) -> str:
        role = iam.role(allow("states:*"), *may, name=name)
        return answer(iam.client("stepfunctions", role).create_state_machine, name=name, definition=definition, roleArn=runner)

    to_states = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert creates("none") == "AccessDeniedException"
    assert creates("other", allow("iam:PassRole", runner + "-other")) == "AccessDeniedException"
    assert creates("lambda", allow("iam:PassRole", runner, Condition=to_lambda)) == "AccessDeniedException"
    assert creates("states", allow("iam:PassRole", runner, Condition=to_states)) == "done"


def test_tags_on_what_is_made_need_the_permission_to_tag(iam: Iam) -> None:
    tags = {"QueueName": "q", "tags": {"team": "a"}}
    create = allow("sqs:CreateQueue", "*")
    assert answer(iam.client("sqs", iam.role(create, name="a")).create_queue, **tags) == "AccessDenied"
    assert answer(iam.client("sqs", iam.role(create, name="b")).create_queue, QueueName="q") == "done"
    both = iam.role(create, allow("sqs:TagQueue", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}), name="c")
    assert answer(iam.client("sqs", both).create_queue, QueueName="p", tags={"team": "a"}) == "done"
    assert answer(iam.client("sqs", both).create_queue, QueueName="o", tags={"team": "a", "x": "b"}) == "AccessDenied"


def test_tag_keys_bind_what_may_be_written_on_a_profile(iam: Iam) -> None:
    keys = {"ForAllValues:StringEquals": {"aws:TagKeys": ["ml:user"]}, "Null": {"aws:TagKeys": "false"}}
    profile = f"arn:aws:sagemaker:{HERE}:{MEMBER}:user-profile/d-1/alice"
    sagemaker = iam.client("sagemaker", iam.role(allow("sagemaker:AddTags", "arn:aws:sagemaker:*:*:user-profile/*", Condition=keys)))

    def adds(arn: str, *tags: str) -> str:
        return answer(sagemaker.add_tags, ResourceArn=arn, Tags=[{"Key": tag, "Value": "x"} for tag in tags])

    assert adds(profile, "ml:user") == "ValidationException", "allowed: there is no such profile"
    assert adds(profile, "ml:user", "other") == adds(profile, "other") == "AccessDeniedException"
    assert adds(profile) == "AccessDeniedException", "no key at all is none of the keys"
    assert adds(profile.replace("user-profile/d-1/alice", "domain/d-1"), "ml:user") == "AccessDeniedException"


def test_events_are_put_where_and_as_what_a_role_may(iam: Iam) -> None:
    bus = iam.local.client("events", "fraud-dev").create_event_bus(Name="own")["EventBusArn"]
    sources = {"ForAllValues:StringEquals": {"events:source": "my.app"}, "Null": {"events:source": "false"}}
    events = iam.client("events", iam.role(allow("events:PutEvents", bus, Condition=sources)))

    def puts(bus: str, *sources: str) -> str:
        entries = [{"Source": source, "DetailType": "d", "Detail": "{}", "EventBusName": bus} for source in sources]
        return answer(events.put_events, Entries=entries)

    assert puts("own", "my.app") == puts(bus, "my.app", "my.app") == "done"
    assert puts("own", "other.app") == puts("own", "my.app", "other.app") == "AccessDeniedException"
    assert puts("default", "my.app") == "AccessDeniedException"


# -- what AWS services do


def test_a_function_is_invoked_by_whom_it_or_their_policies_let_in(iam: Iam) -> None:
    client, code = iam.local.client("lambda", "fraud-dev"), {"ZipFile": archive(code="def handler(event, context):\n    return 1\n")}
    runner = iam.role(name="runner", trust=trusting({"Service": "lambda.amazonaws.com"}))
    common: dict[str, Any] = {"FunctionName": "f", "Runtime": "python3.13", "Handler": "code.handler", "Code": code}
    stranger = iam.role(allow("lambda:*"), name="stranger", trust=trusting({"AWS": HUB}))
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        client.create_function(Role=stranger, **common)
    arn = client.create_function(Role=runner, **common)["FunctionArn"]

    def invokes(role: str) -> str:
        promise = iam.local.cloud.functions.invoke(arn, "{}", Principal.of_role(role, "session"))
        iam.local.settle()
        return promise.error.code if isinstance(promise.error, AwsError) else str(promise.result().payload)

    caller = iam.role(name="caller")
    assert (invokes(caller), invokes(stranger)) == ("AccessDeniedException", "1")
    client.add_permission(FunctionName="f", StatementId="caller", Action="lambda:InvokeFunction", Principal=caller)
    assert invokes(caller) == "1"


def test_a_queue_is_read_as_the_function_and_that_is_looked_at_ahead(iam: Iam) -> None:
    client, code = iam.local.client("lambda", "fraud-dev"), {"ZipFile": archive(code="x = 1")}
    trust = trusting({"Service": "lambda.amazonaws.com"})
    reads = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], QUEUE)
    queue = iam.queue()
    for name, may in (("none", ()), ("some", (allow("sqs:ReceiveMessage", QUEUE),)), ("all", (reads,))):
        role = iam.role(*may, name=name, trust=trust)
        client.create_function(FunctionName=name, Role=role, Runtime="python3.13", Handler="code.handler", Code=code)
    for name, missing in (("none", "ReceiveMessage"), ("some", "DeleteMessage")):
        with pytest.raises(ClientError, match=f"does not have permissions to call {missing} on SQS"):
            client.create_event_source_mapping(EventSourceArn=queue, FunctionName=name)
    assert client.create_event_source_mapping(EventSourceArn=queue, FunctionName="all")["State"] == "Enabled"


def test_a_machine_runs_as_a_role_that_trusts_step_functions(iam: Iam) -> None:
    states = iam.local.client("stepfunctions", "fraud-dev")
    definition = '{"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'
    for name, condition, expected in (
        ("here", {"ArnLike": {"aws:SourceArn": f"arn:aws:states:*:{MEMBER}:stateMachine:*"}}, "done"),
        ("elsewhere", {"StringEquals": {"aws:SourceAccount": HUB}}, "AccessDeniedException"),
    ):
        role = iam.role(name=name, trust=trusting({"Service": "states.amazonaws.com"}, Condition=condition))
        assert answer(states.create_state_machine, name=name, definition=definition, roleArn=role) == expected


def test_what_was_never_used_is_told_statement_by_statement(iam: Iam) -> None:
    may = [SEND | {"Sid": "Send"}, allow(["sqs:ReceiveMessage", "sqs:SendMessage"], QUEUE, Sid="Both"), deny("s3:*", Sid="No")]
    role, _ = iam.role(*may, path="/ours/"), iam.queue()
    iam.role(SEND, name="other", path="/theirs/")

    def left() -> set[tuple[str, str, str]]:
        return {(found.policy, found.statement, found.action) for found in unused(iam.local.cloud, "/ours/") if found.of == role}

    trust, receive = ("trust", "0", "sts:AssumeRole"), ("inline may", "Both", "sqs:ReceiveMessage")
    assert left() == {trust, receive, ("inline may", "Send", "sqs:SendMessage"), ("inline may", "Both", "sqs:SendMessage")}
    assert iam.sends(role) == "done"
    assert left() == {trust, receive}
    assert denied(iam.local.cloud) == []
    assert iam.sends(role, "nowhere") == "AccessDenied"
    assert [denial["resource"] for denial in denied(iam.local.cloud)] == [QUEUE.replace("work", "nowhere")]
    assert "other" not in "".join(str(permission) for permission in permissions(iam.local.cloud, "/ours/"))
