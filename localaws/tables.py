"""DynamoDB: what of its tables is not left to moto as it is.

Source: Amazon DynamoDB API Reference, CreateTable, UpdateTable; Developer Guide, "Condition and filter expressions, operators, and functions".
"""

import inspect
from typing import Any

from moto.dynamodb import comparisons
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoResult

from localaws.cloud import Call, Cloud, Refused, guard
from localaws.wire import json_body

_HERE = "localaws/tables.py"
_NOT_BUILT = ("GlobalTableWitnessUpdates", "MultiRegionConsistency", "ReplicaUpdates", "ResourcePolicy", "StreamSpecification")


@guard("dynamodb", "CreateTable", "UpdateTable")
def check_table(_: Cloud, call: Call) -> None:
    """Nobody here reads a stream, keeps replicas or looks at a table's own policy; capacity has no limit, so none may be asked for."""
    asked = [name for name in _NOT_BUILT if call.params.get(name)]
    if call.params.get("BillingMode", "PROVISIONED" if call.operation == "CreateTable" else "") == "PROVISIONED":
        asked.append("BillingMode PROVISIONED")
    if asked:
        raise Refused(f"{call.action} with {', '.join(asked)}: localaws does not do that ({_HERE})")


def _size(self: Any, item: Any) -> int | None:
    """What is not there has no size, and a comparison with it is false, where moto fails with an error of its own.

    Not observed on AWS: projects that test against it say so.
    """
    try:
        size: int = _moto_size(self, item)
    except ValueError:
        return None
    return size


_moto_size = comparisons.FuncSize.expr
comparisons.FuncSize.expr = _size


def _query(self: Any, hash_key: Any, *given: Any, **named: Any) -> Any:
    """A table is asked for one partition alone, where moto sorts all of its items at each question."""
    asked = _QUERY.bind(self, hash_key, *given, **named).arguments
    if asked.get("index_name") is not None or hash_key is None:
        return _moto_query(self, hash_key, *given, **named)
    whole = self.items
    self.items = {hash_key: whole[hash_key]} if hash_key in whole else {}
    try:
        return _moto_query(self, hash_key, *given, **named)
    finally:
        self.items = whole


_moto_query = Table.query
_QUERY = inspect.signature(_moto_query)
Table.query = _query


def _written(self: Any, context: Any) -> tuple[int, dict[str, str], str]:
    """Items by AWS's own names already, for which moto's serializer would look under many."""
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json_body(context.operation_model.output_shape, self.result)


DynamoResult.execute_result = _written
