"""What moto keeps of IAM and S3: each thing from its creation to its end, seen through the API after each call.

Where moto is wrong or drops something, the test says what there is, and `coverage.yaml` calls the operation approximated.
"""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.local import LocalOrganization
from tests.localaws.conftest import role_for, tagged

HUB, HERE = "222222222222", "eu-west-1"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def allow(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


# -- IAM


def test_a_role_is_kept_as_it_is_changed_until_it_is_deleted(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")

    def role() -> Any:
        return iam.get_role(RoleName="runner")["Role"]

    iam.create_role(RoleName="runner", Path="/steward/", Description="runs", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tagged(("team", "ml")))
    made = role()
    assert (made["Arn"], made["Description"], made["Tags"]) == (f"arn:aws:iam::{HUB}:role/steward/runner", "runs", tagged(("team", "ml")))
    assert (made["AssumeRolePolicyDocument"], made["MaxSessionDuration"]) == (TRUST, 3600)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        iam.create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(TRUST))

    iam.update_role(RoleName="runner", Description="runs longer", MaxSessionDuration=7200)
    assert (role()["Description"], role()["MaxSessionDuration"]) == ("runs longer", 7200)
    iam.update_role(RoleName="runner", Description="runs")
    assert role()["MaxSessionDuration"] == 3600, "as the API Reference says of one that is not given"

    other = json.loads(json.dumps(TRUST).replace("lambda", "states"))
    iam.update_assume_role_policy(RoleName="runner", PolicyDocument=json.dumps(other))
    assert role()["AssumeRolePolicyDocument"] == other

    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="runner", PermissionsBoundary=boundary)
    assert role()["PermissionsBoundary"] == {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": boundary}
    iam.delete_role_permissions_boundary(RoleName="runner")
    assert "PermissionsBoundary" not in role()

    iam.tag_role(RoleName="runner", Tags=tagged(("team", "platform"), ("stage", "dev")))
    assert role()["Tags"] == tagged(("team", "platform"), ("stage", "dev"))
    iam.untag_role(RoleName="runner", TagKeys=["team"])
    assert role()["Tags"] == tagged(("stage", "dev"))

    iam.delete_role(RoleName="runner")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        role()


def test_trust_and_boundary_of_a_new_role_are_not_looked_at(local: LocalOrganization) -> None:
    iam, nowhere = local.client("iam", "hub"), "arn:aws:iam::aws:policy/NoSuchPolicy"
    iam.create_role(RoleName="runner", AssumeRolePolicyDocument="{}")
    iam.put_role_permissions_boundary(RoleName="runner", PermissionsBoundary=nowhere)
    role = iam.get_role(RoleName="runner")["Role"]
    assert (role["AssumeRolePolicyDocument"], role["PermissionsBoundary"]["PermissionsBoundaryArn"]) == ({}, nowhere)
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        iam.update_assume_role_policy(RoleName="runner", PolicyDocument="{}")


def test_a_role_has_inline_policies_and_goes_only_after_them(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    role_for(local, "lambda.amazonaws.com", may=())
    iam.put_role_policy(RoleName="runner", PolicyName="read", PolicyDocument=json.dumps(allow("s3:GetObject")))
    iam.put_role_policy(RoleName="runner", PolicyName="write", PolicyDocument=json.dumps(allow("s3:PutObject")))
    iam.put_role_policy(RoleName="runner", PolicyName="read", PolicyDocument=json.dumps(allow("s3:ListBucket")))
    assert iam.list_role_policies(RoleName="runner")["PolicyNames"] == ["read", "write"]
    assert iam.get_role_policy(RoleName="runner", PolicyName="read")["PolicyDocument"] == allow("s3:ListBucket")
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_role(RoleName="runner")
    for name in ("read", "write"):
        iam.delete_role_policy(RoleName="runner", PolicyName=name)
    assert iam.list_role_policies(RoleName="runner")["PolicyNames"] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role_policy(RoleName="runner", PolicyName="read")
    iam.delete_role(RoleName="runner")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName="runner")


def test_managed_policies_are_attached_and_detached(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    role_for(local, "lambda.amazonaws.com")
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    own = iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(allow("s3:GetObject")))["Policy"]["Arn"]

    def attached() -> list[str]:
        return sorted(policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName="runner")["AttachedPolicies"])

    for arn in (basic, own):
        iam.attach_role_policy(RoleName="runner", PolicyArn=arn)
    assert attached() == sorted([basic, own])
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    iam.detach_role_policy(RoleName="runner", PolicyArn=own)
    assert attached() == [basic]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.detach_role_policy(RoleName="runner", PolicyArn=own)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.attach_role_policy(RoleName="runner", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
    for _ in range(2):
        iam.attach_role_policy(RoleName="runner", PolicyArn=own)
    assert attached() == sorted([basic, own])
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 2, "AWS says 1: attached once is attached"
    iam.delete_policy(PolicyArn=own)  # in AWS a DeleteConflict, as long as a role has it
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_policy(PolicyArn=own)


def test_a_managed_policy_has_five_versions_at_most_and_one_of_them_is_in_force(local: LocalOrganization) -> None:
    iam = local.client("iam", "hub")
    made = iam.create_policy(PolicyName="read", Path="/steward/", Description="reads", PolicyDocument=json.dumps(allow("s3:one")))["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{HUB}:policy/steward/read"

    def versions() -> dict[str, bool]:
        return {version["VersionId"]: version["IsDefaultVersion"] for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]}

    for action in ("s3:two", "s3:three"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow(action)), SetAsDefault=action == "s3:three")
    assert versions() == {"v1": False, "v2": False, "v3": True}
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["DefaultVersionId"], policy["Description"], policy["AttachmentCount"]) == ("v3", "reads", 0)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == allow("s3:two")
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:more")))
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:more")))
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    for version in ("v1", "v2", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    assert versions() == {"v3": True}
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_policy(PolicyArn=arn)


# -- S3


def test_a_bucket_is_made_once_and_goes_when_it_is_empty(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    assert s3.head_bucket(Bucket="code")["BucketRegion"] == HERE
    assert "code" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert "code" not in [bucket["Name"] for bucket in local.client("s3", "fraud-dev").list_buckets()["Buckets"]]
    for account in ("hub", "fraud-dev"):
        with pytest.raises(ClientError, match="BucketAlready"):
            local.client("s3", account).create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    s3.delete_bucket(Bucket="code")
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="code")


def test_an_object_is_what_was_put_last(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    for body in (b"one", b"three"):
        s3.put_object(Bucket="code", Key="a/b", Body=body, ContentType="text/plain", Metadata={"by": "me"})
    s3.put_object(Bucket="code", Key="c", Body=b"")
    found = s3.get_object(Bucket="code", Key="a/b")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"three", "text/plain", {"by": "me"})
    head = s3.head_object(Bucket="code", Key="a/b")
    assert (head["ContentLength"], head["ETag"]) == (5, found["ETag"])
    listed = s3.list_objects_v2(Bucket="code", Delimiter="/")
    assert ([each["Key"] for each in listed["Contents"]], listed["CommonPrefixes"]) == (["c"], [{"Prefix": "a/"}])
    assert [(each["Key"], each["Size"]) for each in s3.list_objects_v2(Bucket="code", Prefix="a/")["Contents"]] == [("a/b", 5)]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="code", Key="nowhere")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="code", Key="nowhere")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket="code")


def test_a_large_object_comes_in_parts(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    body = bytes(range(256)) * 4 * 9 * 1024  # 9 MiB: a transfer cuts at 8
    s3.upload_fileobj(io.BytesIO(body), "code", "layer.zip")
    assert s3.get_object(Bucket="code", Key="layer.zip")["Body"].read() == body
    actions = {call["action"].removeprefix("s3:") for call in local.cloud.log.calls if call["resource"] and "code" in call["resource"]}
    assert {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} <= actions
    begun = s3.create_multipart_upload(Bucket="code", Key="never")["UploadId"]
    s3.upload_part(Bucket="code", Key="never", UploadId=begun, PartNumber=1, Body=b"1")
    s3.abort_multipart_upload(Bucket="code", Key="never", UploadId=begun)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="code", Key="never")


def test_objects_are_deleted_one_by_one_or_many_at_once(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    for key in ("one", "two", "three"):
        s3.put_object(Bucket="code", Key=key, Body=b"1")
    s3.delete_object(Bucket="code", Key="one")
    s3.delete_object(Bucket="code", Key="one")  # gone is gone
    gone = s3.delete_objects(Bucket="code", Delete={"Objects": [{"Key": "two"}, {"Key": "nowhere"}]})["Deleted"]
    assert sorted(each["Key"] for each in gone) == ["nowhere", "two"]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="code")["Contents"]] == ["three"]


def test_the_settings_of_a_bucket_are_read_as_they_were_put(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    assert "Status" not in s3.get_bucket_versioning(Bucket="code")
    s3.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket="code")["Status"] == "Enabled"
    versions = [s3.put_object(Bucket="code", Key="k", Body=body)["VersionId"] for body in (b"one", b"two")]
    assert [s3.get_object(Bucket="code", Key="k", VersionId=version)["Body"].read() for version in versions] == [b"one", b"two"]

    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="code")
    s3.put_bucket_tagging(Bucket="code", Tagging={"TagSet": tagged(("team", "ml"), ("stage", "dev"))})
    s3.put_bucket_tagging(Bucket="code", Tagging={"TagSet": tagged(("team", "platform"))})
    assert s3.get_bucket_tagging(Bucket="code")["TagSet"] == tagged(("team", "platform"))

    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]
    s3.put_bucket_encryption(Bucket="code", ServerSideEncryptionConfiguration={"Rules": rules})
    assert s3.get_bucket_encryption(Bucket="code")["ServerSideEncryptionConfiguration"]["Rules"] == rules

    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket="code", PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket="code")["PublicAccessBlockConfiguration"] == block


def test_a_bucket_policy_is_kept_as_it_came(local: LocalOrganization) -> None:
    s3 = local.client("s3", "hub")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": HERE})
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="code")
    with pytest.raises(ClientError, match="MalformedPolicy"):
        s3.put_bucket_policy(Bucket="code", Policy="{}")
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::code/*"}]}
    s3.put_bucket_policy(Bucket="code", Policy=json.dumps(deny))
    assert s3.get_bucket_policy(Bucket="code")["Policy"] == json.dumps(deny)
    s3.put_object(Bucket="code", Key="k", Body=b"1")
    with pytest.raises(ClientError, match=r"AccessDenied.*with an explicit deny in a resource-based policy"):
        s3.get_object(Bucket="code", Key="k")
    s3.delete_bucket_policy(Bucket="code")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="code")
