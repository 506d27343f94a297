"""What moto keeps of DynamoDB: tables and items, seen through the API after each call."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.conftest import tagged

HUB, HERE = "222222222222", "eu-west-1"
KEY = {"AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}]}
RANGED = {
    "AttributeDefinitions": [*KEY["AttributeDefinitions"], {"AttributeName": "day", "AttributeType": "N"}],
    "KeySchema": [*KEY["KeySchema"], {"AttributeName": "day", "KeyType": "RANGE"}],
}
ON_DEMAND: Any = {"BillingMode": "PAY_PER_REQUEST"}


def make_table(local: LocalOrganization, schema: Any = KEY) -> Any:
    dynamodb = local.client("dynamodb", "hub")
    dynamodb.create_table(TableName="kept", **schema, **ON_DEMAND)
    return dynamodb


def test_a_table_is_made_protected_and_deleted(local: LocalOrganization) -> None:
    dynamodb = local.client("dynamodb", "hub")
    made = dynamodb.create_table(TableName="kept", **KEY, **ON_DEMAND, DeletionProtectionEnabled=True, Tags=tagged(("team", "ml")))
    arn = made["TableDescription"]["TableArn"]
    assert arn == f"arn:aws:dynamodb:{HERE}:{HUB}:table/kept"
    table = dynamodb.describe_table(TableName="kept")["Table"]
    assert (table["TableStatus"], table["BillingModeSummary"]["BillingMode"], table["KeySchema"]) == ("ACTIVE", "PAY_PER_REQUEST", KEY["KeySchema"])
    assert dynamodb.list_tables()["TableNames"] == ["kept"]
    assert local.client("dynamodb", "fraud-dev").list_tables()["TableNames"] == []
    with pytest.raises(ClientError, match="ResourceInUseException"):
        dynamodb.create_table(TableName="kept", **KEY, **ON_DEMAND)

    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == tagged(("team", "ml"))
    dynamodb.tag_resource(ResourceArn=arn, Tags=tagged(("stage", "dev")))
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == tagged(("stage", "dev"))

    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.delete_table(TableName="kept")
    dynamodb.update_table(TableName="kept", DeletionProtectionEnabled=False)
    assert dynamodb.delete_table(TableName="kept")["TableDescription"]["TableName"] == "kept"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dynamodb.describe_table(TableName="kept")


@pytest.mark.parametrize(
    "asked",
    [{}, {"BillingMode": "PROVISIONED"}, {**ON_DEMAND, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}],
    ids=["by default", "capacity", "a stream"],
)
def test_capacity_and_streams_are_refused(local: LocalOrganization, asked: Any) -> None:
    dynamodb = local.client("dynamodb", "hub")
    with pytest.raises(Refused, match="StreamSpecification" if "StreamSpecification" in asked else "BillingMode PROVISIONED"):
        dynamodb.create_table(TableName="kept", **KEY, **asked)
    assert dynamodb.list_tables()["TableNames"] == []


def test_an_item_is_written_under_a_condition(local: LocalOrganization) -> None:
    dynamodb, key = make_table(local), {"key": {"S": "a"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        dynamodb.delete_item(TableName="kept", Key=key, ConditionExpression="attribute_exists(#key)", ExpressionAttributeNames={"#key": "key"})
    new = {"ConditionExpression": "attribute_not_exists(#key)", "ExpressionAttributeNames": {"#key": "key"}}
    dynamodb.put_item(TableName="kept", Item={**key, "n": {"N": "1"}}, **new)
    with pytest.raises(ClientError, match="ConditionalCheckFailedException") as failed:
        dynamodb.put_item(TableName="kept", Item={**key, "n": {"N": "2"}}, **new, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert failed.value.response["Item"] == {**key, "n": {"N": "1"}}
    assert local.cloud.log.calls[-1]["error"] == "ConditionalCheckFailedException"
    assert local.cloud.log.calls[-1]["resource"] == "kept"
    added = dynamodb.update_item(
        TableName="kept", Key=key, UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": {"N": "2"}}, ReturnValues="UPDATED_NEW"
    )
    assert added["Attributes"] == {"n": {"N": "3"}}
    assert dynamodb.delete_item(TableName="kept", Key=key, ReturnValues="ALL_OLD")["Attributes"] == {**key, "n": {"N": "3"}}
    assert dynamodb.scan(TableName="kept")["Items"] == []


def test_a_set_takes_members_up_to_its_limit_and_those_it_has(local: LocalOrganization) -> None:
    dynamodb = make_table(local)

    def add(event: str, condition: str = "attribute_not_exists(events) OR size(events) < :limit OR contains(events, :event)") -> list[str]:
        values = {":events": {"SS": [event]}, ":event": {"S": event}, ":limit": {"N": "2"}, ":at": {"N": "12"}}
        answer = dynamodb.update_item(
            TableName="kept",
            Key={"key": {"S": "a"}},
            UpdateExpression="ADD events :events SET expires_at = :at",
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        return sorted(answer["Attributes"]["events"]["SS"])

    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):  # what is not there has no size
        add("one", "size(events) < :limit OR contains(events, :event)")
    assert [add(event) for event in ("one", "two", "one")] == [["one"], ["one", "two"], ["one", "two"]]
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        add("three")


def test_items_are_asked_for_by_their_keys(local: LocalOrganization) -> None:
    dynamodb = make_table(local, RANGED)
    items = [{"key": {"S": "a"}, "day": {"N": str(day)}, "text": {"S": f"day {day}"}} for day in (1, 2, 3)]
    of_another = {"key": {"S": "0"}, "day": {"N": "2"}, "bytes": {"B": b"2"}, "no": {"NULL": True}, "many": {"L": [{"M": {"yes": {"BOOL": True}}}]}}
    for item in (*items, of_another):
        dynamodb.put_item(TableName="kept", Item=item)
    assert dynamodb.get_item(TableName="kept", Key={"key": {"S": "a"}, "day": {"N": "2"}}, ConsistentRead=True)["Item"] == items[1]
    assert "Item" not in dynamodb.get_item(TableName="kept", Key={"key": {"S": "b"}, "day": {"N": "2"}})
    names, values = {"#key": "key", "#day": "day"}, {":key": {"S": "a"}, ":day": {"N": "2"}}
    asked: Any = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values, "ScanIndexForward": False}
    found = dynamodb.query(TableName="kept", KeyConditionExpression="#key = :key AND #day >= :day", **asked)
    assert found["Items"] == [items[2], items[1]]
    first = dynamodb.query(TableName="kept", KeyConditionExpression="#key = :key AND #day >= :day", **asked, Limit=1)
    assert (first["Items"], first["LastEvaluatedKey"]) == ([items[2]], {"key": {"S": "a"}, "day": {"N": "3"}})
    for key, kept in (("0", [of_another]), ("nobody's", [])):
        asked = {"ExpressionAttributeNames": {"#key": "key"}, "ExpressionAttributeValues": {":key": {"S": key}}}
        assert dynamodb.query(TableName="kept", KeyConditionExpression="#key = :key", **asked)["Items"] == kept
    pages = dynamodb.get_paginator("scan").paginate(TableName="kept", PaginationConfig={"PageSize": 2})
    assert [page["Items"] for page in pages] == [[of_another, items[0]], items[1:]]


def test_nothing_expires_and_recovery_is_kept(local: LocalOrganization) -> None:
    dynamodb = make_table(local)
    assert dynamodb.describe_time_to_live(TableName="kept")["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    dynamodb.update_time_to_live(TableName="kept", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})
    described = dynamodb.describe_time_to_live(TableName="kept")["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    item = {"key": {"S": "a"}, "expires_at": {"N": str(int(local.clock.now) + 60)}}
    dynamodb.put_item(TableName="kept", Item=item)
    local.advance(7 * 86_400)
    assert dynamodb.get_item(TableName="kept", Key={"key": {"S": "a"}})["Item"] == item, "AWS deletes it within a few days"

    def recovery() -> str:
        backups = dynamodb.describe_continuous_backups(TableName="kept")["ContinuousBackupsDescription"]
        return str(backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])

    assert recovery() == "DISABLED"
    dynamodb.update_continuous_backups(TableName="kept", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    assert recovery() == "ENABLED"


def test_a_client_that_knows_its_account_has_an_endpoint_of_its_own(local: LocalOrganization) -> None:
    """botocore writes to ``<account>.ddb.<region>.amazonaws.com`` where the credentials say whose they are."""
    make_table(local)
    key, hosts = local.keys("hub"), []
    session = boto3.Session(key.access_key_id, key.secret_access_key, aws_account_id=HUB, region_name=HERE)
    client = session.client("dynamodb")
    client.meta.events.register("before-sign.dynamodb.*", lambda request, **_: hosts.append(request.url))
    assert client.list_tables()["TableNames"] == ["kept"]
    assert hosts == [f"https://{HUB}.ddb.{HERE}.amazonaws.com/"]


def test_tables_are_managements_and_items_are_data_to_cloudtrail(local: LocalOrganization) -> None:
    heard = local.client("sqs", "hub").create_queue(QueueName="heard")["QueueUrl"]
    arn = f"arn:aws:sqs:{HERE}:{HUB}:heard"
    policy = f'{{"Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "{arn}"}}]}}'
    local.client("sqs", "hub").set_queue_attributes(QueueUrl=heard, Attributes={"Policy": policy})
    events = local.client("events", "hub")
    events.put_rule(Name="all", EventPattern='{"source": ["aws.dynamodb"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": arn, "InputPath": "$.detail.eventName"}])
    make_table(local).put_item(TableName="kept", Item={"key": {"S": "a"}})
    local.settle()
    messages = local.client("sqs", "hub").receive_message(QueueUrl=heard, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ['"CreateTable"']
