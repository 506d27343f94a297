"""Whether a role may do what it asks for. Expectations: IAM User Guide, "Policy evaluation logic", "Permissions boundaries", "Principal", and AWS's
own messages as public reports have them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Principal, Refused
from localaws.local import LocalOrganization
from tests.localaws.iam_machinery import HERE, HUB, MEMBER, Iam, Statement, allow, answer, deny, document

QUEUE = f"arn:aws:sqs:{HERE}:{MEMBER}:work"
SEND = allow("sqs:SendMessage", QUEUE)
ROLE = f"arn:aws:iam::{MEMBER}:role/r"
SESSION = f"arn:aws:sts::{MEMBER}:assumed-role/r/session"


@pytest.fixture
def iam(local: LocalOrganization) -> Iam:
    return Iam(local)


def letting_in(principal: Any, effect: str = "Allow", **more: Any) -> Statement:
    return {"Effect": effect, "Principal": principal, "Action": "sqs:SendMessage", "Resource": QUEUE, **more}


# -- the role's own policies


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([SEND], "done"),
        ([], "AccessDenied"),
        ([allow("sqs:*", QUEUE)], "done"),
        ([allow("*")], "done"),
        ([allow("SQS:sendmessage", QUEUE)], "done"),
        ([allow("sqs:Send?essage", "arn:aws:sqs:*:*:w*k")], "done"),
        ([allow("sqs:SendMessage", f"arn:aws:sqs:{HERE}:{MEMBER}:wor")], "AccessDenied"),
        ([allow("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{MEMBER}:work")], "AccessDenied"),
        ([allow("sqs:SendMessage", f"arn:aws:sqs*:{MEMBER}:work:work:*")], "AccessDenied"),  # a wildcard does not reach over a colon
        ([allow("sqs:ReceiveMessage", QUEUE)], "AccessDenied"),
        ([SEND, deny("sqs:SendMessage", QUEUE)], "AccessDenied"),
        ([deny("*"), allow("*")], "AccessDenied"),
        ([SEND, deny("sqs:SendMessage", f"{QUEUE}-other")], "done"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "done"),
        ([{"Effect": "Allow", "NotAction": "sqs:Send*", "Resource": "*"}], "AccessDenied"),
        ([{"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE}], "AccessDenied"),
        ([{"Effect": "Allow", "Action": "sqs:*", "NotResource": f"{QUEUE}-other"}], "done"),
        ([SEND, {"Effect": "Deny", "NotAction": "sqs:ReceiveMessage", "Resource": "*"}], "AccessDenied"),
        ([allow("sqs:SendMessage", f"arn:aws:sqs:{HERE}:${{aws:PrincipalAccount}}:work")], "done"),
        ([allow("sqs:SendMessage", f"arn:aws:sqs:{HERE}:{MEMBER}:${{aws:PrincipalTag/team}}")], "AccessDenied"),
        ([SEND | {"Condition": {"StringEquals": {"aws:RequestedRegion": HERE}}}], "done"),
        ([SEND | {"Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}], "AccessDenied"),
        ([SEND | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], "done"),
        ([SEND | {"Condition": {"Bool": {"aws:ViaAWSService": "true"}}}], "AccessDenied"),
        ([SEND | {"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-02T08:00:00Z"}}}], "AccessDenied"),
        ([SEND | {"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}}}], "done"),
        ([SEND | {"Condition": {"StringEquals": {"aws:ResourceAccount": MEMBER}}}], "done"),
        ([SEND | {"Condition": {"StringEquals": {"aws:ResourceAccount": HUB}}}], "AccessDenied"),
        ([SEND | {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}], "AccessDenied"),
        ([SEND | {"Condition": {"Null": {"aws:CalledVia": "true"}}}], "done"),
        ([SEND | {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}}], "done"),
        ([SEND | {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/steward/*"}}}], "AccessDenied"),
    ],
)
def test_what_a_roles_policies_say(iam: Iam, statements: list[Statement], expected: str) -> None:
    role = iam.role(*statements)
    iam.queue()
    assert iam.sends(role) == expected


def test_where_a_role_stands_in_the_organization(iam: Iam) -> None:
    organization = iam.local.organization
    place = f"{organization.organization_id}/{organization.root_id}/{organization.unit_id('ML')}/*"
    condition = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": place}, "StringEquals": {"aws:ResourceOrgID": organization.organization_id}}
    iam.queue()
    assert iam.sends(iam.role(SEND | {"Condition": condition})) == "done"
    elsewhere = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": place.replace(organization.unit_id("ML"), "ou-none-11111111")}}
    assert iam.sends(iam.role(SEND | {"Condition": elsewhere}, name="r2")) == "AccessDenied"


def test_a_key_that_is_not_known_is_refused_by_name(iam: Iam) -> None:
    iam.queue()
    role = iam.role(SEND | {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    with pytest.raises(Refused, match="aws:SourceIp"):
        iam.sends(role)


def test_attached_policies_count_in_their_default_version(iam: Iam) -> None:
    admin = iam.local.client("iam", "fraud-dev")
    role, _ = iam.role(), iam.queue()
    policy = admin.create_policy(PolicyName="send", PolicyDocument=document(SEND))["Policy"]["Arn"]
    admin.attach_role_policy(RoleName="r", PolicyArn=policy)
    assert iam.sends(role) == "done"
    admin.create_policy_version(PolicyArn=policy, PolicyDocument=document(allow("sqs:ReceiveMessage")), SetAsDefault=True)
    assert iam.sends(role) == "AccessDenied"


def test_a_policy_of_aws_is_what_aws_says(iam: Iam) -> None:
    admin = iam.local.client("iam", "fraud-dev")
    role, _ = iam.role(), iam.queue()
    admin.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess")
    url = f"https://sqs.{HERE}.amazonaws.com/{MEMBER}/work"
    assert answer(iam.client("sqs", role).get_queue_attributes, QueueUrl=url, AttributeNames=["All"]) == "done"
    assert iam.sends(role) == "AccessDenied"


def test_a_role_that_is_gone_may_nothing(iam: Iam) -> None:
    iam.queue()
    assert iam.sends(f"arn:aws:iam::{MEMBER}:role/never") == "AccessDenied"


# -- boundaries, and the resource's own policy


@pytest.mark.parametrize(
    ("own", "boundary", "resource", "expected"),
    [
        ([SEND], [SEND], [], "done"),
        ([SEND], [allow("s3:*")], [], "AccessDenied"),
        ([], [SEND], [], "AccessDenied"),
        ([SEND], [allow("*"), deny("sqs:*")], [], "AccessDenied"),
        ([], None, [letting_in({"AWS": ROLE})], "done"),
        ([], None, [letting_in({"AWS": SESSION})], "done"),
        ([], None, [letting_in("*")], "done"),
        ([], None, [letting_in({"AWS": MEMBER})], "AccessDenied"),  # the account is trusted, and has not allowed it
        ([SEND], None, [letting_in({"AWS": MEMBER})], "done"),
        ([SEND], None, [letting_in({"AWS": "arn:aws:iam::444444444444:role/other"})], "done"),
        ([SEND], None, [letting_in({"AWS": ROLE}, "Deny")], "AccessDenied"),
        ([deny("sqs:*")], None, [letting_in({"AWS": ROLE})], "AccessDenied"),
        ([], [allow("s3:*")], [letting_in({"AWS": ROLE})], "AccessDenied"),
        ([], [allow("s3:*")], [letting_in({"AWS": SESSION})], "done"),  # a session that is named passes by the boundary
        ([], [deny("sqs:*")], [letting_in({"AWS": SESSION})], "AccessDenied"),
        ([], None, [letting_in("*", Condition={"StringEquals": {"aws:PrincipalAccount": HUB}})], "AccessDenied"),
    ],
)
def test_policies_of_several_kinds(
    iam: Iam, own: list[Statement], boundary: list[Statement] | None, resource: list[Statement], expected: str
) -> None:
    more: dict[str, str] = {}
    if boundary is not None:
        made = iam.local.client("iam", "fraud-dev").create_policy(PolicyName="b", PolicyDocument=document(*boundary))
        more["PermissionsBoundary"] = made["Policy"]["Arn"]
    role = iam.role(*own, **more)
    iam.queue("work", MEMBER, *resource)
    assert iam.sends(role) == expected


def test_a_boundary_that_is_not_there_is_refused(iam: Iam) -> None:
    iam.queue()
    role = iam.role(SEND, PermissionsBoundary=f"arn:aws:iam::{MEMBER}:policy/nowhere")
    with pytest.raises(Refused, match="policy/nowhere"):
        iam.sends(role)


@pytest.mark.parametrize(
    ("own", "resource", "expected"),
    [
        ([allow("sqs:*")], [], "AccessDenied"),
        ([], [letting_in({"AWS": "arn:aws:iam::222222222222:role/r"})], "AccessDenied"),
        ([], [letting_in("*")], "AccessDenied"),
        ([allow("sqs:*")], [letting_in({"AWS": "333333333333"})], "AccessDenied"),
    ],
)
def test_across_accounts_both_sides_have_to_allow(iam: Iam, own: list[Statement], resource: list[Statement], expected: str) -> None:
    role = iam.role(*own, account=HUB)
    iam.queue("work", MEMBER, *resource)
    assert iam.sends(role) == expected


@pytest.mark.parametrize("principal", [{"AWS": HUB}, {"AWS": "arn:aws:iam::222222222222:role/r"}, "*"])
def test_a_call_that_both_accounts_allow_is_refused_where_localaws_cannot_make_it(iam: Iam, principal: Any) -> None:
    role = iam.role(allow("sqs:*"), account=HUB)
    iam.queue("work", MEMBER, letting_in(principal))
    with pytest.raises(Refused, match="of another account: allowed"):
        iam.sends(role)


def test_a_bucket_policy_binds_roles(iam: Iam) -> None:
    s3 = iam.local.client("s3", "fraud-dev")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": HERE})
    own, theirs = iam.role(name="own"), iam.role(allow("s3:PutObject", "arn:aws:s3:::data/*"), account=HUB)
    write = {"Key": "a/b", "Body": b"x", "Bucket": "data"}
    assert answer(iam.client("s3", own).put_object, **write) == answer(iam.client("s3", theirs).put_object, **write) == "AccessDenied"
    both = {"Effect": "Allow", "Principal": {"AWS": [own, theirs]}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/a/*"}
    s3.put_bucket_policy(Bucket="data", Policy=document(both))
    assert answer(iam.client("s3", own).put_object, **write) == answer(iam.client("s3", theirs).put_object, **write) == "done"
    assert answer(iam.client("s3", own).put_object, **write | {"Key": "b"}) == "AccessDenied"


# -- what AWS answers, and what is written down


def test_each_service_says_no_in_its_own_words(iam: Iam) -> None:
    role, _ = iam.role(), iam.queue()
    topic = iam.local.client("sns", "fraud-dev").create_topic(Name="t")["TopicArn"]
    identity = "because no identity-based policy allows the"
    url = f"https://sqs.{HERE}.amazonaws.com/{MEMBER}/work"
    calls: list[tuple[Any, dict[str, Any], str, str]] = [
        (
            iam.client("sqs", role).receive_message,
            {"QueueUrl": url},
            "AccessDenied",
            f"sqs:receivemessage on resource: {QUEUE} {identity} sqs:receivemessage action",
        ),
        (
            iam.client("sns", role).publish,
            {"TopicArn": topic, "Message": "x"},
            "AuthorizationError",
            f"SNS:Publish on resource: {topic} {identity} SNS:Publish action",
        ),
        (
            iam.client("sagemaker", role).list_domains,
            {},
            "AccessDeniedException",
            f"sagemaker:ListDomains on resource: * {identity} sagemaker:ListDomains action",
        ),
        (iam.client("iam", role).get_role, {"RoleName": "r"}, "AccessDenied", f"iam:GetRole on resource: {ROLE} {identity} iam:GetRole action"),
    ]
    for call, given, code, said in calls:
        with pytest.raises(ClientError) as caught:
            call(**given)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == (code, f"User: {SESSION} is not authorized to perform: {said}")


@pytest.mark.parametrize(
    ("own", "boundary", "resource", "said"),
    [
        ([deny("sqs:*")], None, [], "with an explicit deny in an identity-based policy"),
        ([SEND], deny("sqs:*"), [], "with an explicit deny in a permissions boundary"),
        ([SEND], allow("s3:*"), [], "because no permissions boundary allows the sqs:sendmessage action"),
        ([SEND], None, [letting_in("*", "Deny")], "with an explicit deny in a resource-based policy"),
    ],
)
def test_the_message_says_which_kind_of_policy(
    iam: Iam, own: list[Statement], boundary: Statement | None, resource: list[Statement], said: str
) -> None:
    more = {}
    if boundary is not None:
        made = iam.local.client("iam", "fraud-dev").create_policy(PolicyName="b", PolicyDocument=document(boundary))
        more["PermissionsBoundary"] = made["Policy"]["Arn"]
    role, _ = iam.role(*own, **more), iam.queue("work", MEMBER, *resource)
    with pytest.raises(ClientError, match=said):
        iam.client("sqs", role).send_message(QueueUrl=f"https://sqs.{HERE}.amazonaws.com/{MEMBER}/work", MessageBody="x")


def test_a_denied_call_takes_its_time_is_logged_and_is_in_the_trail(iam: Iam) -> None:
    role, before = iam.role(), iam.local.clock.now
    assert answer(iam.local.cloud.client("iam", HERE, Principal.of_role(role, "s")).delete_role, RoleName="r") == "AccessDenied"
    assert iam.local.cloud.log.calls[-1]["error"] == "AccessDenied"
    decision = iam.local.cloud.log.decisions[-1]
    assert {name: decision[name] for name in ("principal", "role", "action", "resource", "allowed", "explicit_deny", "statement", "by")} == {
        "principal": f"arn:aws:sts::{MEMBER}:assumed-role/r/s",
        "role": ROLE,
        "action": "iam:DeleteRole",
        "resource": ROLE,
        "allowed": False,
        "explicit_deny": False,
        "statement": None,
        "by": [],
    }
    assert iam.local.clock.now >= before
    assert answer(iam.local.client("iam", "fraud-dev").get_role, RoleName="r") == "done", "nothing was done"


def test_a_decision_names_every_statement_that_had_its_way(iam: Iam) -> None:
    role = iam.role(allow("s3:*", Sid="Buckets"), SEND | {"Sid": "Send"}, allow("sqs:*"))
    iam.queue("work", MEMBER, letting_in({"AWS": ROLE}, Sid="TheRole"))
    assert iam.sends(role) == "done"
    decision = iam.local.cloud.log.decisions[-1]
    assert (decision["allowed"], decision["statement"]) == (True, "Send")
    assert [(by["of"], by["policy"], by["statement"]) for by in decision["by"]] == [
        (ROLE, "inline may", "Send"),
        (ROLE, "inline may", "2"),
        (QUEUE, "resource policy", "TheRole"),
    ]
