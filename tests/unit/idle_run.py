"""One sweep over idle apps as its steps between the Maps see it: actions and results, and the run's objects in a bucket."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel

from steward.idle_sweeps import Action, Done, Result
from steward.sweeps import Place

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
FRAUD, PRICING, CHURN = "444444444444", "555555555555", "666666666666"
RUN, EXECUTION = "sweep-2026-11-23T10", "arn:aws:states:eu-west-1:222222222222:execution:machine:sweep-2026-11-23T10"
BUCKET, MANIFEST = "runs-of-ours", "runs/sweep-2026-11-23T10/x/manifest.json"


def action(number: int = 0, **more: Any) -> Action:
    """Of a number of its own; the higher, the longer it is idle."""
    given = {
        "account_id": FRAUD,
        "region": "eu-west-1",
        "domain_id": "d-abcdefghijkl",
        "app_type": "JupyterLab",
        "app_name": "default",
        "space_name": f"space-of-somebody-{number:05}",
        "owner": f"somebody-{number:05}@example.com",
        "instance_type": "ml.t3.medium",
        "created": NOW - timedelta(hours=9, seconds=number),
        "verdict": "Stop",
        "reason": "IdleBeyondThreshold",
        "message": f"idle for {number % 700} minutes by its own report, and noticed {number % 50} minutes ago",
        "idle_since": NOW - timedelta(hours=5, seconds=number),
        "threshold_minutes": 120,
    }
    return Action(**{**given, **more})


def done(number: int = 0, **more: Any) -> Done:
    given = {"result": Result.REFUSED, "at": NOW, "message": f"ThrottlingException: Rate exceeded, request {number * 7919:032x}"}
    return Done(**{**action(number).model_dump(), **given, **more})


def place(account_id: str = FRAUD, region: str = "eu-west-1", *, held: bool = False) -> Place:
    arn = f"arn:aws:organizations::111111111111:account/o-steward0001/{account_id}"
    return Place(account_id=account_id, account_arn=arn, region=region, account_tags={}, held=held)


class Objects:
    """The bucket of runs, with what the children of a Map left there."""

    def __init__(self) -> None:
        self.written: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        assert (Bucket, ContentType) == (BUCKET, "application/json")
        self.written[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == BUCKET
        if Key not in self.written:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."}}, "GetObject")
        return {"Body": BytesIO(self.written[Key])}

    def write(self, key: str, document: Any) -> str:
        self.written[key] = json.dumps(document).encode()
        return key

    def read(self, key: str) -> Any:
        return json.loads(self.written[key])

    def answers(self, *answers: dict[str, Any], silent: Iterable[Iterable[BaseModel]] = ()) -> str:
        """As a Map's ResultWriter leaves them: what children answered, and the items of those that failed. The manifest's key."""
        succeeded = [{"Status": "SUCCEEDED", "Input": "{}", "Output": json.dumps(answer)} for answer in answers]
        failed = [
            {
                "Status": "FAILED",
                "Input": json.dumps({"Items": [item.model_dump(mode="json") for item in items]}),
                "Error": "Gone",
                "Cause": "it died",
            }
            for items in silent
        ]
        files = {"SUCCEEDED": [{"Key": self.write("s", succeeded)}], "FAILED": [{"Key": self.write("f", failed)}], "PENDING": []}
        return self.write(MANIFEST, {"ResultFiles": files})
