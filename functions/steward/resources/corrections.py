"""How often we have corrected what somebody wrote: a table of the hub, with an item for each resource, writer and day."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CORRECTIONS_A_DAY = 3
KEPT = timedelta(days=7)


def may_correct(dynamodb: "DynamoDBClient", table: str, resource: str, writer: str, *, event_id: str, event_time: str) -> bool:
    """Count one correction of what `writer` did to `resource`; False where the UTC day of `event_time` has had its three.

    An event counts once however often it is asked for: whoever was cut off after this call asks again with the same `event_id`.
    """
    time = datetime.fromisoformat(event_time).astimezone(UTC)
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"resource": {"S": resource}, "writer_and_day": {"S": f"{writer}#{time:%Y-%m-%d}"}},
            UpdateExpression="ADD corrected_events :events SET expires_at = :expires_at",
            ConditionExpression="attribute_not_exists(corrected_events) OR size(corrected_events) < :most OR contains(corrected_events, :event)",
            ExpressionAttributeValues={
                ":events": {"SS": [event_id]},
                ":event": {"S": event_id},
                ":most": {"N": str(CORRECTIONS_A_DAY)},
                ":expires_at": {"N": str(int((time + KEPT).timestamp()))},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
