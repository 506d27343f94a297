"""IAM's policy simulator and list of roles. Expectations: IAM API Reference, SimulatePrincipalPolicy, EvaluationResult and ListRoles; and that the
simulator says what localaws then does."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.authorization import authorize
from localaws.cloud import AwsError, Call, Principal, Refused
from localaws.local import LocalOrganization
from localaws.simulation import behaviour
from tests.localaws.iam_machinery import HERE, HUB, MEMBER, Iam, Statement, allow, answer, deny, document

SPACE = f"arn:aws:sagemaker:{HERE}:{MEMBER}:space/d-1/lab"
PROFILE = f"arn:aws:sagemaker:{HERE}:{MEMBER}:user-profile/d-1/alice"
ROLE = f"arn:aws:iam::{MEMBER}:role/r"
ADD = allow("sagemaker:AddTags")


@pytest.fixture
def iam(local: LocalOrganization) -> Iam:
    return Iam(local)


def entry(name: str, *values: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


def simulate(iam: Iam, role: str = ROLE, action: str = "sagemaker:AddTags", *context: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The one result."""
    client = iam.local.client("iam", "fraud-dev")
    asked = {"ResourceArns": [PROFILE], "ActionNames": [action], **more}
    (result,) = client.simulate_principal_policy(PolicySourceArn=role, ContextEntries=list(context), **asked)["EvaluationResults"]
    return dict(result)


def when(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


CONTEXT = [
    entry("aws:TagKeys", "ml:user", "ml:owner", kind="stringList"),
    entry("aws:RequestTag/ml:user", "alice"),
    entry("aws:RequestTag/ml:owner", "bob"),
    entry("aws:RequestedRegion", HERE),
    entry("aws:PrincipalArn", ROLE),
    entry("aws:PrincipalAccount", MEMBER),
    entry("aws:PrincipalTag/team", "ml"),
    entry("aws:ResourceAccount", MEMBER),
    entry("aws:SecureTransport", "true", kind="boolean"),
    entry("aws:CurrentTime", "2026-11-02T08:00:00Z", kind="date"),
    entry("aws:EpochTime", "1793606400", kind="numeric"),
]
"""What the call below would have."""

POLICIES: list[tuple[str, list[Statement]]] = [
    ("implicitDeny", []),
    ("allowed", [ADD]),
    ("allowed", [allow("*")]),
    ("allowed", [allow("sagemaker:Add*", f"arn:aws:sagemaker:*:{MEMBER}:user-profile/*")]),
    ("implicitDeny", [allow("sagemaker:AddTags", f"arn:aws:sagemaker:*:{MEMBER}:space/*")]),
    ("implicitDeny", [allow("sagemaker:DeleteTags")]),
    ("explicitDeny", [ADD, deny("sagemaker:*Tags")]),
    ("allowed", [ADD, deny("sagemaker:AddTags", SPACE)]),
    ("allowed", [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
    ("implicitDeny", [{"Effect": "Allow", "Action": "*", "NotResource": PROFILE}]),
    ("allowed", [ADD | when("ForAllValues:StringEquals", "aws:TagKeys", "ml:user", "ml:owner")]),
    ("implicitDeny", [ADD | when("ForAllValues:StringEquals", "aws:TagKeys", "ml:user")]),
    ("allowed", [ADD | when("ForAnyValue:StringEquals", "aws:TagKeys", "ml:user")]),
    ("allowed", [ADD | when("StringEquals", "aws:RequestTag/ml:user", "alice", "carol")]),
    ("implicitDeny", [ADD | when("StringEquals", "aws:RequestTag/ml:user", "carol")]),
    ("explicitDeny", [ADD, deny("*") | when("StringNotEquals", "aws:RequestTag/ml:user", "carol")]),
    ("implicitDeny", [ADD | when("StringEquals", "sagemaker:TaggingAction", "CreateSpace")]),
    ("allowed", [ADD | when("StringEqualsIfExists", "sagemaker:TaggingAction", "CreateSpace")]),
    ("explicitDeny", [ADD, deny("sagemaker:AddTags") | when("Null", "sagemaker:TaggingAction", "true")]),
    ("allowed", [ADD | when("StringEquals", "aws:RequestedRegion", HERE)]),
    ("explicitDeny", [ADD, deny("*") | when("StringNotEquals", "aws:RequestedRegion", "us-east-1")]),
    ("allowed", [ADD | when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/r")]),
    ("implicitDeny", [ADD | when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x/*")]),
    ("allowed", [ADD | when("StringEquals", "aws:ResourceAccount", "${aws:PrincipalAccount}")]),
    ("allowed", [ADD | when("StringEquals", "aws:PrincipalTag/team", "ml")]),
    ("implicitDeny", [ADD | when("StringEquals", "aws:PrincipalTag/other", "ml")]),
    ("allowed", [ADD | when("Bool", "aws:SecureTransport", "true")]),
    ("explicitDeny", [ADD, deny("*") | when("Bool", "aws:SecureTransport", "true")]),
    ("allowed", [ADD | when("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z")]),
    ("implicitDeny", [ADD | when("NumericLessThan", "aws:EpochTime", "1000")]),
    ("implicitDeny", [allow("sagemaker:AddTags", f"arn:aws:sagemaker:*:{MEMBER}:user-profile/*/${{aws:username}}")]),
]


@pytest.mark.parametrize(("expected", "statements"), POLICIES)
def test_a_simulation_says_what_becomes_of_the_call(iam: Iam, expected: str, statements: list[Statement]) -> None:
    tags = [{"Key": "ml:user", "Value": "alice"}, {"Key": "ml:owner", "Value": "bob"}]
    role, client = iam.role(*statements, Tags=[{"Key": "team", "Value": "ml"}]), iam.local.client("iam", "fraud-dev")
    call = Call("sagemaker", "AddTags", MEMBER, HERE, Principal.of_role(role, "session"), {"ResourceArn": PROFILE, "Tags": tags})
    for boundary in ("", "AdministratorAccess", "IAMReadOnlyAccess"):
        if boundary:
            client.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=f"arn:aws:iam::aws:policy/{boundary}")
        outside = boundary == "IAMReadOnlyAccess"
        result = simulate(iam, role, "sagemaker:AddTags", *CONTEXT)
        assert result["EvalDecision"] == ("implicitDeny" if outside and expected == "allowed" else expected)
        assert (result.get("PermissionsBoundaryDecisionDetail") == {"AllowedByPermissionsBoundary": not outside}) is bool(boundary)
        assert decided(iam, call) == (result["EvalDecision"] == "allowed")


def decided(iam: Iam, call: Call) -> bool:
    try:
        authorize(iam.local.cloud, call)
    except AwsError as error:
        if not error.code.startswith("AccessDenied"):
            raise
        return False
    return True


def test_a_simulation_is_no_decision(iam: Iam) -> None:
    role, before = iam.role(ADD), len(iam.local.cloud.log.decisions)
    simulate(iam, role)
    assert len(iam.local.cloud.log.decisions) == before


def test_the_trust_policy_and_policies_of_resources_have_no_say(iam: Iam) -> None:
    role, queue = iam.role(), iam.queue("work", MEMBER, {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"})
    assert iam.sends(role) == "done"
    assert simulate(iam, role, "sqs:SendMessage", ResourceArns=[queue])["EvalDecision"] == "implicitDeny"
    assert simulate(iam, role, "sts:AssumeRole", ResourceArns=[role])["EvalDecision"] == "implicitDeny"


def test_the_statements_that_decided_are_told_by_their_policy(iam: Iam) -> None:
    role = iam.role(ADD)
    client = iam.local.client("iam", "fraud-dev")
    client.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    own = {"SourcePolicyId": "role_r_may", "SourcePolicyType": "IAM Policy"}
    assert simulate(iam, role)["MatchedStatements"] == [own, {"SourcePolicyId": "AdministratorAccess", "SourcePolicyType": "IAM Policy"}]
    client.put_role_policy(RoleName="r", PolicyName="not", PolicyDocument=document(deny("*")))
    result = simulate(iam, role)
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("explicitDeny", [own | {"SourcePolicyId": "role_r_not"}])
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}


def test_keys_that_policies_ask_for_and_nobody_gave_are_missing(iam: Iam) -> None:
    own = allow("sagemaker:AddTags", "arn:aws:sagemaker:*:*:user-profile/*/${aws:PrincipalTag/user}")
    other = allow("sagemaker:DeleteTags") | when("StringEquals", "aws:SourceIp", "10.0.0.1")
    role = iam.role(ADD | when("StringEquals", "sagemaker:TaggingAction", "CreateSpace"), own, other)
    result = simulate(iam, role)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:PrincipalTag/user", "sagemaker:TaggingAction"])
    given = simulate(iam, role, "sagemaker:AddTags", entry("SageMaker:TaggingAction", "CreateSpace"))
    assert (given["EvalDecision"], given["MissingContextValues"]) == ("allowed", ["aws:PrincipalTag/user"])


def test_the_simulator_may_know_the_caller_by_itself(iam: Iam) -> None:
    role = iam.role(ADD | when("StringEquals", "aws:PrincipalTag/team", "ml"), Tags=[{"Key": "team", "Value": "ml"}])
    assert simulate(iam, role)["EvalDecision"] == "implicitDeny"
    behaviour(iam.local.cloud).knows_caller = True
    assert (simulate(iam, role)["EvalDecision"], simulate(iam, role)["MissingContextValues"]) == ("allowed", [])


def test_over_several_resources_the_strictest_decision_counts(iam: Iam) -> None:
    role = iam.role(allow("sagemaker:AddTags", PROFILE), deny("sagemaker:*", SPACE))
    result = simulate(iam, role, ResourceArns=[PROFILE, SPACE, PROFILE + "x"])
    each = {one["EvalResourceName"]: one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]}
    assert each == {PROFILE: "allowed", SPACE: "explicitDeny", PROFILE + "x": "implicitDeny"}
    assert (result["EvalDecision"], result["EvalActionName"]) == ("explicitDeny", "sagemaker:AddTags")
    assert result["EvalResourceName"].startswith("arn:${Partition}:sagemaker:")


def test_there_may_be_a_result_for_each_resource(iam: Iam) -> None:
    behaviour(iam.local.cloud).one_result_per_action = False
    role, client = iam.role(allow("sagemaker:AddTags", PROFILE)), iam.local.client("iam", "fraud-dev")
    given = {"PolicySourceArn": role, "ActionNames": ["sagemaker:AddTags"], "ResourceArns": [PROFILE, SPACE]}
    results = client.simulate_principal_policy(**given)["EvaluationResults"]
    assert [(one["EvalResourceName"], one["EvalDecision"]) for one in results] == [(PROFILE, "implicitDeny"), (SPACE, "implicitDeny")]
    assert [one["ResourceSpecificResults"][0]["EvalResourceDecision"] for one in results] == ["allowed", "implicitDeny"]


def test_without_resources_everything_is_asked_about(iam: Iam) -> None:
    role, client = iam.role(ADD, allow("sagemaker:DeleteTags", PROFILE)), iam.local.client("iam", "fraud-dev")
    given = {"PolicySourceArn": role, "ActionNames": ["sagemaker:AddTags", "sagemaker:DeleteTags"]}
    results = client.simulate_principal_policy(**given)["EvaluationResults"]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    assert not any("ResourceSpecificResults" in one for one in results)


def test_results_come_in_pages(iam: Iam) -> None:
    role, client = iam.role(ADD), iam.local.client("iam", "fraud-dev")
    actions = [f"sagemaker:{verb}{what}" for verb in ("Create", "Delete", "Describe") for what in ("Domain", "UserProfile", "Space")]
    given: dict[str, Any] = {"PolicySourceArn": role, "ActionNames": actions, "MaxItems": 4}
    first = client.simulate_principal_policy(**given)
    second = client.simulate_principal_policy(**given, Marker=first["Marker"])
    third = client.simulate_principal_policy(**given, Marker=second["Marker"])
    assert [page["IsTruncated"] for page in (first, second, third)] == [True, True, False]
    assert [one["EvalActionName"] for page in (first, second, third) for one in page["EvaluationResults"]] == actions
    assert "ValidationError" in answer(client.simulate_principal_policy, **{**given, "MaxItems": 3}, Marker="x")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"arn:aws:iam::{MEMBER}:role/nobody", "NoSuchEntity"),
        (f"arn:aws:iam::{MEMBER}:role/path/r", "NoSuchEntity"),
        (f"arn:aws:iam::{MEMBER}:user/nobody", "NoSuchEntity"),
        (f"arn:aws:sts::{MEMBER}:assumed-role/r/session", "InvalidInput"),
        ("x" * 20, "InvalidInput"),
        (f"arn:aws:iam::{MEMBER}:role/r", "done"),
    ],
)
def test_whose_policies_are_asked_has_to_be_there(iam: Iam, source: str, expected: str) -> None:
    iam.role(ADD)
    client = iam.local.client("iam", "fraud-dev")
    assert answer(client.simulate_principal_policy, PolicySourceArn=source, ActionNames=["s3:GetObject"]) == expected


def test_an_administrator_may_everything_in_a_simulation_too(iam: Iam) -> None:
    assert simulate(iam, iam.local.administrator("fraud-dev").arn)["EvalDecision"] == "allowed"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"ResourcePolicy": "{}"}, "ResourcePolicy"),
        ({"PolicyInputList": ["{}"]}, "PolicyInputList"),
        ({"CallerArn": ROLE}, "CallerArn"),
        ({"ContextEntries": [entry("a:binary", "x", kind="binary")]}, "binary"),
        ({"ActionNames": ["s3:GetObjects"]}, "s3:GetObjects"),
        ({"PolicySourceArn": f"arn:aws:iam::{HUB}:role/r"}, HUB),
        ({"PolicySourceArn": f"arn:aws:iam::{MEMBER}:group/r"}, "group/r"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(iam: Iam, more: dict[str, Any], named: str) -> None:
    iam.role(ADD)
    given = {"PolicySourceArn": ROLE, "ActionNames": ["s3:GetObject"], **more}
    with pytest.raises(Refused, match=named):
        iam.local.client("iam", "fraud-dev").simulate_principal_policy(**given)


def test_one_value_for_a_key_that_has_one(iam: Iam) -> None:
    iam.role(ADD)
    with pytest.raises(ClientError, match="InvalidInput"):
        simulate(iam, ROLE, "sagemaker:AddTags", entry("aws:RequestedRegion", "a", "b"))


def test_a_member_role_simulates_the_roles_it_may(iam: Iam) -> None:
    target = iam.role(ADD, name="execution", path="/service-role/")
    may = iam.role(allow(["iam:SimulatePrincipalPolicy", "iam:GetRole"], f"arn:aws:iam::{MEMBER}:role/service-role/*"), name="reader")
    client, other = iam.client("iam", may), iam.role(name="other")
    given = {"ActionNames": ["sagemaker:AddTags"]}
    assert answer(client.simulate_principal_policy, PolicySourceArn=target, **given) == "done"
    assert answer(client.simulate_principal_policy, PolicySourceArn=other, **given) == "AccessDenied"
    elsewhere = target.replace(MEMBER, HUB)
    assert answer(client.simulate_principal_policy, PolicySourceArn=elsewhere, **given) == "AccessDenied"
    assert (answer(client.get_role, RoleName="execution"), answer(client.get_role, RoleName="other")) == ("done", "AccessDenied")


# -- ListRoles


def test_roles_are_listed_under_a_path_page_by_page(iam: Iam) -> None:
    for number in (3, 1, 2, 0):
        iam.role(name=f"made-{number}", path="/service-role/", Tags=[{"Key": "a", "Value": "b"}], Description="made")
    iam.role(name="aside")
    client = iam.local.client("iam", "fraud-dev")
    first = client.list_roles(PathPrefix="/service-role/", MaxItems=3)
    second = client.list_roles(PathPrefix="/service-role/", MaxItems=3, Marker=first["Marker"])
    assert [role["RoleName"] for page in (first, second) for role in page["Roles"]] == [f"made-{number}" for number in range(4)]
    assert (first["IsTruncated"], second["IsTruncated"]) == (True, False)
    role = first["Roles"][0]
    assert (role["Arn"], role["Description"]) == (f"arn:aws:iam::{MEMBER}:role/service-role/made-0", "made")
    assert role["AssumeRolePolicyDocument"] == client.get_role(RoleName="made-0")["Role"]["AssumeRolePolicyDocument"]
    assert not {"Tags", "PermissionsBoundary", "RoleLastUsed"} & set(role)
    assert client.list_roles(PathPrefix="/nothing/")["Roles"] == []
    assert answer(client.list_roles, Marker="x") == "ValidationError"


def test_listing_roles_is_decided_on_the_path_that_is_asked_for(iam: Iam) -> None:
    """AWS's messages name ``role/<path>`` where its reference has no resource."""
    client = iam.client("iam", iam.role(allow("iam:ListRoles", f"arn:aws:iam::{MEMBER}:role/service-role/*")))
    assert answer(client.list_roles, PathPrefix="/service-role/") == "done"
    assert answer(client.list_roles) == answer(client.list_roles, PathPrefix="/other/") == "AccessDenied"
    with pytest.raises(ClientError, match=f"iam:ListRoles on resource: arn:aws:iam::{MEMBER}:role/other/ because no identity"):
        client.list_roles(PathPrefix="/other/")
    assert json.dumps(client.list_roles(PathPrefix="/service-role/")["Roles"]) == "[]"
