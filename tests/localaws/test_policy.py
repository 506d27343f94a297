"""Policies of resources. Expectations: IAM User Guide, "Policy evaluation logic", "Condition operators", "Multivalued context keys"."""

from typing import Any

import pytest

from localaws.cloud import Principal, Refused
from localaws.policy import Decision, Request, check_document, evaluate, read_document

BUS = "arn:aws:events:eu-west-1:222222222222:event-bus/hub"
ROLE = "arn:aws:iam::444444444444:role/steward/forwarder"
MEMBER = Principal.of_role(ROLE, "session")
USER = Principal("444444444444", "arn:aws:iam::444444444444:user/mary")
EVENTS = Principal("444444444444", "events.amazonaws.com", service="events.amazonaws.com")


def statement(**changes: Any) -> dict[str, Any]:
    return {"Sid": "S", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": BUS, **changes}


def decide(*statements: dict[str, Any], principal: Principal = MEMBER, version: str = "2012-10-17", **context: Any) -> Decision:
    request = Request(principal, "events:PutEvents", BUS, {"aws:PrincipalOrgID": "o-1", "events:source": "aws.sagemaker", **context})
    return evaluate([{"Version": version, "Statement": list(statements)}], request)


def condition(operator: str, key: str, *wanted: Any) -> dict[str, Any]:
    return statement(Condition={operator: {key: list(wanted)}})


def test_without_a_statement_nothing_is_allowed() -> None:
    assert decide() == Decision(allowed=False, explicit_deny=False, statement=None, reason="no statement allows it")
    assert evaluate([], Request(MEMBER, "events:PutEvents", BUS)).allowed is False


def test_the_statement_that_decides_is_named() -> None:
    assert decide(statement(Sid="Members"), statement(Sid="Everybody")).statement == "Members"
    anonymous = {key: value for key, value in statement().items() if key != "Sid"}
    assert decide(statement(Sid="Members")).statement == "Members"
    assert decide(statement(Resource="arn:aws:events:eu-west-1:222222222222:event-bus/x"), anonymous).statement == "1"


@pytest.mark.parametrize("order", [1, -1])
def test_deny_wins(order: int) -> None:
    decision = decide(*[statement(Sid="Yes"), statement(Sid="No", Effect="Deny", Principal={"AWS": ROLE})][::order])
    assert (decision.allowed, decision.explicit_deny, decision.statement) == (False, True, "No")


def test_a_deny_that_does_not_apply_denies_nothing() -> None:
    assert decide(statement(), statement(Effect="Deny", Principal={"AWS": "333333333333"})).allowed is True


@pytest.mark.parametrize(
    ("named", "principal", "expected"),
    [
        ("*", MEMBER, True),
        ("*", EVENTS, True),
        ({"AWS": "*"}, MEMBER, True),
        ({"AWS": "444444444444"}, MEMBER, True),
        ({"AWS": "arn:aws:iam::444444444444:root"}, USER, True),
        ({"AWS": "333333333333"}, MEMBER, False),
        ({"AWS": ["333333333333", "444444444444"]}, MEMBER, True),
        ({"AWS": ROLE}, MEMBER, True),
        ({"AWS": "arn:aws:sts::444444444444:assumed-role/forwarder/session"}, MEMBER, True),
        ({"AWS": "arn:aws:sts::444444444444:assumed-role/forwarder/other"}, MEMBER, False),
        ({"AWS": "arn:aws:iam::444444444444:role/forwarder"}, MEMBER, False),
        ({"AWS": USER.arn}, USER, True),
        ({"AWS": "444444444444"}, EVENTS, False),
        ({"Service": "events.amazonaws.com"}, EVENTS, True),
        ({"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}, EVENTS, True),
        ({"Service": "sns.amazonaws.com"}, EVENTS, False),
        ({"Service": "events.amazonaws.com"}, MEMBER, False),
        ({"AWS": "333333333333", "Service": "events.amazonaws.com"}, EVENTS, True),
    ],
)
def test_principals(named: Any, principal: Principal, expected: bool) -> None:
    assert decide(statement(Principal=named), principal=principal).allowed is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Action": "events:*"}, True),
        ({"Action": "*"}, True),
        ({"Action": "EVENTS:putevents"}, True),
        ({"Action": ["sqs:SendMessage", "events:Put?vents"]}, True),
        ({"Action": "events:PutRule"}, False),
        ({"NotAction": "events:PutRule"}, True),
        ({"NotAction": "events:Put*"}, False),
        ({"Resource": "*"}, True),
        ({"Resource": "arn:aws:events:*:222222222222:event-bus/*"}, True),
        ({"Resource": "arn:aws:events:eu-west-1:222222222222:event-bus/HUB"}, False),
        ({"Resource": "arn:aws:events:*:*:bus/hub"}, False),
        ({"NotResource": "arn:aws:events:*:*:event-bus/default"}, True),
        ({"NotResource": BUS}, False),
    ],
)
def test_actions_and_resources(changes: dict[str, Any], expected: bool) -> None:
    made = statement(**changes)
    if "NotAction" in changes:
        del made["Action"]
    if "NotResource" in changes:
        del made["Resource"]
    assert decide(made).allowed is expected


@pytest.mark.parametrize(
    ("operator", "have", "wanted", "expected"),
    [
        ("StringEquals", "aws.sagemaker", "aws.sagemaker", True),
        ("StringEquals", "aws.sagemaker", "AWS.sagemaker", False),
        ("StringEquals", "aws.sagemaker", "aws.*", False),
        ("StringEqualsIgnoreCase", "aws.sagemaker", "AWS.SageMaker", True),
        ("StringNotEquals", "aws.sagemaker", "aws.ec2", True),
        ("StringNotEqualsIgnoreCase", "aws.sagemaker", "AWS.SAGEMAKER", False),
        ("StringLike", "aws.sagemaker", "aws.*", True),
        ("StringLike", "aws.sagemaker", "aws.?", False),
        ("StringNotLike", "my.app", "aws.*", True),
        ("ArnLike", ROLE, "arn:aws:iam::*:role/steward/*", True),
        ("ArnEquals", ROLE, "arn:aws:iam::*:role/steward/*", True),
        ("ArnLike", "arn:aws:lambda:eu-west-1:222222222222:function:f", "arn:aws:lambda:*:function:f", False),
        ("ArnNotLike", ROLE, "arn:aws:iam::*:role/other/*", True),
        ("ArnNotEquals", ROLE, ROLE, False),
        ("ArnLike", "arn:aws", "arn:aws:iam::*:role/steward/*", False),
        ("Bool", "true", "true", True),
        ("Bool", "true", True, True),
        ("Bool", "false", "true", False),
        ("NumericEquals", "5", "5.0", True),
        ("NumericNotEquals", "5", "5", False),
        ("NumericLessThan", "4", "5", True),
        ("NumericLessThanEquals", "6", "5", False),
        ("NumericGreaterThan", "x", "5", False),
        ("NumericGreaterThanEquals", "5", 5, True),
        ("DateLessThan", "2026-11-02T08:00:00Z", "2026-11-02T09:00:00+00:00", True),
        ("DateGreaterThan", "2026-11-02T08:00:00Z", "1793606399", True),
        ("DateEquals", "2026-11-02T08:00:00Z", "2026-11-02", False),
        ("IpAddress", "10.0.0.7", "10.0.0.0/24", True),
        ("NotIpAddress", "10.0.0.7", "10.0.0.0/24", False),
        ("Null", "x", "false", True),
        ("Null", "x", "true", False),
        ("StringLikeIfExists", "aws.x", "my.*", False),
        ("ForAnyValue:StringEquals", ["a", "b"], "b", True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], "b", True),
        ("ForAnyValue:StringEquals", ["a"], "b", False),
        ("ForAllValues:StringEquals", ["a", "b"], "b", False),
        ("ForAllValues:StringLike", ["ab", "ac"], "a*", True),
        ("ForAllValues:StringNotEquals", ["a", "b"], "c", True),
    ],
)
def test_condition_operators(operator: str, have: Any, wanted: Any, expected: bool) -> None:
    assert decide(condition(operator, "aws:Some/Key", wanted), **{"aws:some/key": have}).allowed is expected


def test_several_wanted_values_are_alternatives_and_to_a_negation_none_of_them() -> None:
    assert decide(condition("StringEquals", "events:source", "aws.ec2", "aws.sagemaker")).allowed is True
    assert decide(condition("StringNotEquals", "events:source", "aws.ec2", "aws.sagemaker")).allowed is False


def test_all_conditions_must_be_met_and_the_reason_says_which_is_not() -> None:
    both = statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}, "StringLike": {"events:source": "my.*"}})
    decision = decide(both)
    assert decision.allowed is False
    assert decision.reason == "no statement allows it; S wants StringLike events:source my.*, it is aws.sagemaker"
    assert decide(both, **{"events:source": "my.app"}).allowed is True


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringEqualsIfExists", True),
        ("StringNotEquals", True),
        ("NumericNotEquals", True),
        ("Bool", False),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
    ],
)
@pytest.mark.parametrize("absent", [None, []])
def test_absent_keys(operator: str, expected: bool, absent: Any) -> None:
    assert decide(condition(operator, "aws:TagKeys", "x"), **{"aws:TagKeys": absent}).allowed is expected


def test_null_asks_for_absence() -> None:
    assert decide(condition("Null", "aws:TagKeys", "true"), **{"aws:TagKeys": None}).allowed is True
    assert decide(condition("Null", "aws:TagKeys", "false"), **{"aws:TagKeys": None}).allowed is False


def test_keys_of_the_principal_are_known() -> None:
    assert decide(condition("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/steward/*")).allowed is True
    assert decide(condition("StringEquals", "aws:principalaccount", "444444444444")).allowed is True
    service = condition("StringEquals", "aws:PrincipalServiceName", "events.amazonaws.com")
    assert decide(service, principal=EVENTS).allowed is True
    assert decide(service).allowed is False


def test_a_service_has_no_organization_of_its_own() -> None:
    request = Request(EVENTS, "events:PutEvents", BUS)
    assert evaluate([{"Statement": [condition("StringEquals", "aws:PrincipalOrgID", "o-1")]}], request).allowed is False


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("acct-${aws:PrincipalAccount}", True),
        ("acct-${aws:username}", False),
        ("acct-${aws:username, '444444444444'}", True),
    ],
)
def test_policy_variables(wanted: str, expected: bool) -> None:
    context = {"aws:Key": "acct-444444444444", "aws:username": None}
    assert decide(condition("StringEquals", "aws:Key", wanted), **context).allowed is expected


def test_variables_in_resources_and_characters_that_are_meant() -> None:
    assert decide(statement(Resource="arn:aws:events:eu-west-1:${aws:Hub}:event-bus/hub"), **{"aws:Hub": "222222222222"}).allowed is True
    assert decide(statement(Resource="arn:aws:events:eu-west-1:${aws:Hub}:event-bus/hub"), **{"aws:Hub": "*"}).allowed is False
    assert decide(condition("StringLike", "aws:Key", "a${*}c"), **{"aws:Key": "a*c"}).allowed is True
    assert decide(condition("StringLike", "aws:Key", "a${*}c"), **{"aws:Key": "abc"}).allowed is False
    assert decide(condition("StringEquals", "aws:Key", "a${*}c"), **{"aws:Key": "a*c"}).allowed is True


def test_documents_of_2008_have_no_variables() -> None:
    wanted = condition("StringEquals", "aws:Key", "${aws:PrincipalAccount}")
    assert decide(wanted, version="2008-10-17", **{"aws:Key": "${aws:PrincipalAccount}"}).allowed is True
    assert decide(wanted, version="2008-10-17", **{"aws:Key": "444444444444"}).allowed is False


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (statement(NotPrincipal={"AWS": ROLE}), "NotPrincipal"),
        (statement(Principal={"Federated": "x"}), "Federated"),
        (statement(Principal={"AWS": "arn:aws:iam::*:root"}), "arn:aws:iam::*:root"),
        (statement(Principal={}), "without Principal"),
        (statement(Effect="Permit"), "Permit"),
        (statement(NotAction="*"), "exactly one of Action and NotAction"),
        (statement(Resource="arn:aws:events:*"), "arn:aws:events:*"),
        (condition("ArnLike", "aws:PrincipalArn", "*"), "is no ARN"),
        (condition("BinaryEquals", "aws:Key", "x"), "BinaryEquals"),
        (condition("StringEqual", "aws:Key", "x"), "StringEqual"),
        (condition("NullIfExists", "aws:Key", "x"), "NullIfExists"),
        (condition("ForSomeValue:StringEquals", "aws:Key", "x"), "ForSomeValue:StringEquals"),
        (condition("StringEquals", "PrincipalOrgID", "x"), "PrincipalOrgID"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(made: dict[str, Any], name: str) -> None:
    with pytest.raises(Refused) as checked:
        check_document({"Version": "2012-10-17", "Statement": made})
    with pytest.raises(Refused) as evaluated:
        decide(made)
    assert name in str(checked.value)
    assert name in str(evaluated.value)


def test_a_condition_on_a_key_nobody_knows_is_refused() -> None:
    with pytest.raises(Refused, match="aws:SourceVpc"):
        decide(condition("StringNotEqualsIfExists", "aws:SourceVpc", "vpc-1"))


def test_several_values_without_a_quantifier_are_refused() -> None:
    with pytest.raises(Refused, match="ForAllValues"):
        decide(condition("StringEquals", "aws:TagKeys", "a"), **{"aws:TagKeys": ["a", "b"]})


def test_texts_that_are_no_policies() -> None:
    with pytest.raises(ValueError, match="JSON object"):
        read_document("[]")
    with pytest.raises(ValueError, match="Expecting"):
        read_document("{")
    with pytest.raises(Refused, match="Rules"):
        read_document('{"Rules": []}')
    with pytest.raises(Refused, match="2020-01-01"):
        read_document('{"Version": "2020-01-01", "Statement": []}')
    assert read_document('{"Version": "2012-10-17", "Statement": []}') == {"Version": "2012-10-17", "Statement": []}
