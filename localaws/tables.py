"""DynamoDB: what of its tables is not left to moto as it is.

Source: Amazon DynamoDB API Reference, CreateTable, UpdateTable; Developer Guide, "Condition and filter expressions, operators, and functions".
"""

from typing import Any

from moto.dynamodb import comparisons

from localaws.cloud import Call, Cloud, Refused, guard

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
