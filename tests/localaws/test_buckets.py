"""A bucket of the hub: from a template, used by functions and state machines, shut to others. Expectations: Amazon S3 User Guide ("Bucket policies",
"Default settings for new S3 buckets FAQ"), API Reference (GetObject, HeadObject, DeleteBucket), and AWS's messages as public reports have them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Principal, Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import archive, policy, role_for
from tests.localaws.iam_machinery import HERE, HUB, MEMBER, Iam, allow, answer, deny, document
from tests.localaws.stacks_machinery import Stack, failures

ITEMS = "arn:aws:s3:::items"
TLS_ONLY = """
          Policy:
            Type: AWS::S3::BucketPolicy
            Properties:
              Bucket: !Ref Items
              PolicyDocument:
                Statement:
                  - Sid: TlsOnly
                    Effect: Deny
                    Principal: "*"
                    Action: s3:*
                    Resource: [!GetAtt Items.Arn, !Sub "${Items.Arn}/*"]
                    Condition: {Bool: {aws:SecureTransport: false}}
        Outputs: {Name: {Value: !Ref Items}, Arn: {Value: !GetAtt Items.Arn}}
"""
TEMPLATE = (
    """
        AWSTemplateFormatVersion: "2010-09-09"
        Resources:
          Items:
            Type: AWS::S3::Bucket
            Properties:
              BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
              PublicAccessBlockConfiguration: {BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
              OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
              VersioningConfiguration: {Status: %s}
              LifecycleConfiguration:
                Rules:
                  - {Id: items, Status: Enabled, Prefix: items/, ExpirationInDays: %s}
                  - {Id: parts, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}, NoncurrentVersionExpirationInDays: 7}
    """
    + TLS_ONLY
)


@pytest.fixture
def iam(local: LocalOrganization) -> Iam:
    return Iam(local)


def bucket(local: LocalOrganization, *statements: dict[str, Any], name: str = "items", account: str = "hub") -> Any:
    s3 = local.client("s3", account)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": HERE})
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=document(*statements))
    return s3


def test_the_hubs_own_bucket_comes_from_a_template(local: LocalOrganization) -> None:
    stack, s3 = Stack(local, TEMPLATE).create("Suspended", 30), local.client("s3", "hub")
    name = stack.outputs["Name"]

    def rules() -> list[dict[str, Any]]:
        return list(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])

    assert rules() == [
        {"ID": "items", "Status": "Enabled", "Filter": {"Prefix": "items/"}, "Expiration": {"Days": 30}},
        {
            "ID": "parts",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    s3.put_object(Bucket=name, Key="items/1.json", Body=b"[]")
    assert s3.get_object(Bucket=name, Key="items/1.json")["Body"].read() == b"[]", "a Deny without TLS locks nobody out"
    stack.update("Enabled", 14)
    assert (rules()[0]["Expiration"], s3.get_bucket_versioning(Bucket=name)["Status"]) == ({"Days": 14}, "Enabled")
    stack.client.delete_stack(StackName="app")
    assert "BucketNotEmpty" in failures(local)["Items"]
    s3.delete_bucket_lifecycle(Bucket=name)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        rules()


def test_an_empty_bucket_goes_with_its_stack_and_its_policy_with_it(local: LocalOrganization) -> None:
    stack = Stack(local, TEMPLATE).create("Suspended", 30)
    name = stack.outputs["Name"]
    stack.delete()
    s3 = bucket(local, name=name)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)


def test_a_bucket_with_old_versions_stays(local: LocalOrganization) -> None:
    s3 = bucket(local)
    s3.put_bucket_versioning(Bucket="items", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="items", Key="k", Body=b"1")
    s3.delete_object(Bucket="items", Key="k")
    assert answer(s3.delete_bucket, Bucket="items") == "BucketNotEmpty"
    found = s3.list_object_versions(Bucket="items")
    for version in [*found["Versions"], *found["DeleteMarkers"]]:
        s3.delete_object(Bucket="items", Key="k", VersionId=version["VersionId"])
    assert answer(s3.delete_bucket, Bucket="items") == "done"


@pytest.mark.parametrize("rule", ["TagFilters: [{Key: a, Value: b}]", "Transitions: [{StorageClass: GLACIER, TransitionInDays: 1}]"])
def test_rules_that_are_not_kept_are_refused_by_name(local: LocalOrganization, rule: str) -> None:
    template = "Resources: {Items: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Status: Enabled, %s}]}}}}"
    with pytest.raises(Refused, match=f"Items: localaws does not know {rule.split(':', 1)[0]}"):
        Stack(local, template).create(rule)
    with pytest.raises(Refused, match="NewerNoncurrentVersions"):
        bucket(local).put_bucket_lifecycle_configuration(
            Bucket="items",
            LifecycleConfiguration={
                "Rules": [{"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}}]
            },
        )


def test_a_new_bucket_is_encrypted_closed_and_without_acls(local: LocalOrganization) -> None:
    s3 = bucket(local)
    rules = s3.get_bucket_encryption(Bucket="items")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    assert set(s3.get_public_access_block(Bucket="items")["PublicAccessBlockConfiguration"].values()) == {True}
    owned = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert s3.get_bucket_ownership_controls(Bucket="items")["OwnershipControls"] == owned
    s3.delete_bucket_ownership_controls(Bucket="items")
    with pytest.raises(ClientError, match="OwnershipControlsNotFoundError"):
        s3.get_bucket_ownership_controls(Bucket="items")
    s3.put_bucket_ownership_controls(Bucket="items", OwnershipControls=owned)
    assert s3.get_bucket_ownership_controls(Bucket="items")["OwnershipControls"] == owned
    assert s3.put_object(Bucket="items", Key="k", Body=b"1")["ServerSideEncryption"] == "AES256"


# -- who may


def test_roles_may_what_their_policies_say_of_bucket_and_objects(iam: Iam) -> None:
    bucket(iam.local)
    of_objects = iam.role(allow(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], f"{ITEMS}/own/*"), account=HUB)
    of_bucket = iam.role(allow("s3:ListBucket", ITEMS, Condition={"StringLike": {"s3:prefix": "own/*"}}), name="lists", account=HUB)
    objects, lists = iam.client("s3", of_objects), iam.client("s3", of_bucket)
    own, other = {"Bucket": "items", "Key": "own/1"}, {"Bucket": "items", "Key": "other/1"}
    assert answer(objects.put_object, **own, Body=b"1") == answer(objects.get_object, **own) == answer(objects.head_object, **own) == "done"
    assert answer(objects.put_object, **other, Body=b"1") == answer(objects.get_object, **other) == "AccessDenied"
    assert answer(objects.head_object, **other) == "403", "an answer to HEAD has no body, so no code"
    assert answer(objects.list_objects_v2, Bucket="items") == answer(lists.get_object, **own) == "AccessDenied"
    assert answer(lists.list_objects_v2, Bucket="items", Prefix="own/") == "done"
    assert answer(lists.list_objects_v2, Bucket="items", Prefix="other/") == answer(lists.list_objects_v2, Bucket="items") == "AccessDenied"
    assert (answer(objects.delete_object, **own), answer(objects.delete_object, **other)) == ("done", "AccessDenied")
    reason = f'on resource: "{ITEMS}/other/1" because no identity-based policy allows the s3:GetObject action'
    with pytest.raises(ClientError, match=reason):
        objects.get_object(**other)


def test_whoever_may_not_list_is_not_told_that_an_object_is_missing(iam: Iam) -> None:
    bucket(iam.local)
    reads = allow("s3:GetObject", f"{ITEMS}/*")
    reader, lister = iam.role(reads, account=HUB), iam.role(reads, allow("s3:ListBucket", ITEMS), name="lists", account=HUB)
    missing = {"Bucket": "items", "Key": "nowhere"}
    for role, expected in ((reader, ("AccessDenied", "403")), (lister, ("NoSuchKey", "404"))):
        client = iam.client("s3", role)
        assert (answer(client.get_object, **missing), answer(client.head_object, **missing)) == expected


def test_another_account_is_shut_out_until_the_policy_lets_it_in(iam: Iam) -> None:
    own, other = bucket(iam.local), iam.local.client("s3", "fraud-dev")
    role = iam.client("s3", iam.role(allow("s3:*")))
    own.put_object(Bucket="items", Key="k", Body=b"1")

    def they() -> set[str]:
        calls = [(client.get_object, {"Key": "k"}) for client in (other, role)]
        calls += [(client.put_object, {"Key": "theirs", "Body": b"2"}) for client in (other, role)]
        calls += [(client.list_objects_v2, {}) for client in (other, role)]
        return {answer(call, Bucket="items", **given) for call, given in calls}

    assert they() == {"AccessDenied"}
    assert {answer(client.head_bucket, Bucket="items") for client in (other, role)} == {"403"}
    for call, given in (
        (other.put_bucket_tagging, {"Tagging": {"TagSet": []}}),
        (other.get_bucket_tagging, {}),
        (other.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}),
        (other.get_bucket_versioning, {}),
        (other.put_bucket_policy, {"Policy": document(allow("s3:*", Principal="*"))}),
        (other.delete_bucket, {}),
    ):
        assert answer(call, Bucket="items", **given) == "AccessDenied"
    own.put_bucket_tagging(Bucket="items", Tagging={"TagSet": [{"Key": "team", "Value": "own"}]})
    theirs = {"AWS": [MEMBER]}
    own.put_bucket_policy(Bucket="items", Policy=document(allow("s3:*", [ITEMS, f"{ITEMS}/*"], Principal=theirs)))
    assert they() == {"done"}
    assert other.head_bucket(Bucket="items")["BucketRegion"] == HERE
    other.put_bucket_tagging(Bucket="items", Tagging={"TagSet": [{"Key": "team", "Value": "other"}]})
    assert own.get_bucket_tagging(Bucket="items")["TagSet"] == [{"Key": "team", "Value": "other"}]
    assert own.get_object(Bucket="items", Key="theirs")["Body"].read() == b"2"
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        other.create_bucket(Bucket="items", CreateBucketConfiguration={"LocationConstraint": HERE})


def test_a_bucket_policy_binds_administrators_and_opens_to_the_organization(iam: Iam) -> None:
    organization = {"StringEquals": {"aws:PrincipalOrgID": iam.local.organization.organization_id}}
    reads = allow("s3:GetObject", f"{ITEMS}/*", Principal="*", Condition=organization)
    own = bucket(iam.local, reads, deny("s3:DeleteObject", f"{ITEMS}/*", Principal="*"))
    own.put_object(Bucket="items", Key="k", Body=b"1")
    assert answer(iam.local.client("s3", "fraud-dev").get_object, Bucket="items", Key="k") == "done"
    assert answer(own.delete_object, Bucket="items", Key="k") == "AccessDenied"
    stranger = {"StringEquals": {"aws:PrincipalOrgID": "o-elsewhere00"}}
    own.put_bucket_policy(Bucket="items", Policy=document(reads | {"Condition": stranger}))
    assert answer(iam.local.client("s3", "fraud-dev").get_object, Bucket="items", Key="k") == "AccessDenied"


def test_versions_and_tags_of_objects_need_actions_of_their_own(iam: Iam) -> None:
    own = bucket(iam.local)
    own.put_bucket_versioning(Bucket="items", VersioningConfiguration={"Status": "Enabled"})
    version = own.put_object(Bucket="items", Key="k", Body=b"1")["VersionId"]
    plain = iam.client("s3", iam.role(allow(["s3:GetObject", "s3:PutObject"], f"{ITEMS}/*"), account=HUB))
    assert answer(plain.get_object, Bucket="items", Key="k") == "done"
    assert answer(plain.get_object, Bucket="items", Key="k", VersionId=version) == "AccessDenied"
    assert answer(plain.put_object, Bucket="items", Key="k", Body=b"1", Tagging="a=b") == "AccessDenied"
    tags = allow(["s3:PutObject", "s3:PutObjectTagging", "s3:GetObjectVersion"], f"{ITEMS}/*")
    both = iam.client("s3", iam.role(tags, name="tags", account=HUB))
    assert answer(both.put_object, Bucket="items", Key="k", Body=b"1", Tagging="a=b") == "done"
    assert answer(both.get_object, Bucket="items", Key="k", VersionId=version) == "done"


# -- by functions and state machines

USES_S3 = """
import boto3

def handler(event, context):
    s3 = boto3.client("s3")
    s3.put_object(Bucket="items", Key="own/from-a-function", Body=b"[1]")
    keys = [found["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="items", Prefix="own/") for found in page["Contents"]]
    return {"keys": keys, "body": s3.get_object(Bucket="items", Key=keys[0])["Body"].read().decode()}
"""


def invoke(local: LocalOrganization, arn: str) -> Any:
    promise = local.cloud.functions.invoke(arn, "{}", Principal(HUB, f"arn:aws:iam::{HUB}:user/tester"))
    local.settle()
    return json.loads(promise.value.payload)


def test_a_function_uses_the_bucket_as_its_role(local: LocalOrganization) -> None:
    bucket(local)
    may = [allow(["s3:PutObject", "s3:GetObject"], f"{ITEMS}/own/*"), allow("s3:ListBucket", ITEMS)]
    role = role_for(local, "lambda.amazonaws.com", may=may)
    made = {"FunctionName": "uses", "Role": role, "Runtime": "python3.13", "Handler": "code.handler", "Code": {"ZipFile": archive(code=USES_S3)}}
    arn = local.client("lambda", "hub").create_function(**made)["FunctionArn"]
    assert invoke(local, arn) == {"keys": ["own/from-a-function"], "body": "[1]"}
    local.client("iam", "hub").put_role_policy(RoleName="runner", PolicyName="may", PolicyDocument=policy(may[0]))
    assert "s3:ListBucket" in invoke(local, arn)["errorMessage"]


def test_a_state_machine_uses_the_bucket_as_its_role(local: LocalOrganization, machine_role: str) -> None:
    bucket(local)
    put = {"Bucket": "items", "Key": "own/1", "Body": {"n": 1}}
    states = {
        "Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Arguments": put, "Next": "Get"},
        "Get": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Arguments": {"Bucket": "items", "Key": "own/1"},
            "Output": "{% $states.result.Body %}",
            "End": True,
        },
    }
    machine = local.client("stepfunctions", "hub")
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Put", "States": states})
    arn = machine.create_state_machine(name="uses", definition=definition, roleArn=machine_role)["stateMachineArn"]

    def run(name: str) -> dict[str, Any]:
        started = machine.start_execution(stateMachineArn=arn, name=name)["executionArn"]
        local.settle()
        return dict(machine.describe_execution(executionArn=started))

    assert json.loads(json.loads(run("may")["output"])) == {"n": 1}
    only_writes = policy(allow("s3:PutObject", f"{ITEMS}/own/*"))
    local.client("iam", "hub").put_role_policy(RoleName="machine", PolicyName="may", PolicyDocument=only_writes)
    assert run("may-not")["error"] == "S3.AccessDeniedException"
