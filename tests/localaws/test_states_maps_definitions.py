"""What AWS refuses of a Distributed Map when a machine is created, and what localaws refuses by name."""

from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import AwsError, Refused
from tests.localaws.states_machinery import FUNCTION, StepFunctions, block, fan_out, last, machine, step_functions, task

GET = "arn:aws:states:::s3:getObject"
PLACE = {"Bucket": "b", "Key": "k"}
ECHO = block(Echo=last("Pass"))
TOKEN = {"FunctionName": FUNCTION, "Payload": "{% $states.context.Task.Token %}"}


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


def reader(**fields: Any) -> dict[str, Any]:
    return {"ItemReader": {"Resource": GET, "Arguments": PLACE, "ReaderConfig": {"InputType": "JSON"}} | fields}


def config(**fields: Any) -> dict[str, Any]:
    return reader(ReaderConfig={"InputType": "JSON"} | fields)


def writer(**fields: Any) -> dict[str, Any]:
    return {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b"}} | fields}


def wrong(**fields: Any) -> dict[str, Any]:
    return machine(All=fan_out(ECHO, **fields))


def processor(**settings: Any) -> dict[str, Any]:
    return machine(All=fan_out(ECHO) | {"ItemProcessor": ECHO | {"ProcessorConfig": settings}})


WRONG = {
    "no ExecutionType": (processor(Mode="DISTRIBUTED"), "ExecutionType STANDARD or EXPRESS"),
    "another ExecutionType": (processor(Mode="DISTRIBUTED", ExecutionType="FAST"), "ExecutionType STANDARD or EXPRESS"),
    "another Mode": (processor(Mode="FAR"), "Mode is INLINE or DISTRIBUTED"),
    "ExecutionType inline": (processor(Mode="INLINE", ExecutionType="STANDARD"), "/ProcessorConfig/ExecutionType"),
    **{
        f"{name} inline": (machine(All=last("Map", ItemProcessor=ECHO, **{name: value})), f"'{name}' is for a Map of mode DISTRIBUTED")
        for name, value in {
            **reader(),
            **writer(),
            "ItemBatcher": {},
            "Label": "l",
            "ToleratedFailureCount": 1,
            "ToleratedFailurePercentage": 1,
        }.items()
    },
    "a long label": (wrong(Label="x" * 41), "1 to 40 characters"),
    "a label with a space": (wrong(Label="a b"), "1 to 40 characters"),
    "a label with a star": (wrong(Label="a*"), "1 to 40 characters"),
    "one label twice": (
        machine(All=last("Parallel", Branches=[block(A=fan_out(block(X=last("Pass")))), block(B=fan_out(block(Y=last("Pass"))))])),
        "'Each' is that of more than one Map",
    ),
    "Items and a reader": (wrong(Items=[], **reader()), "either Items or ItemReader"),
    "another reader": (wrong(**reader(Resource="arn:aws:states:::s3:headObject")), "ItemReader's Resource is"),
    "a reader without a key": (wrong(**reader(Arguments={"Bucket": "b"})), "'Key' is required"),
    "a reader without Arguments": (wrong(ItemReader={"Resource": GET, "ReaderConfig": {"InputType": "JSON"}}), "Arguments must be"),
    "no InputType": (wrong(**reader(ReaderConfig={})), "InputType is one of"),
    "another InputType": (wrong(**config(InputType="XML")), "InputType is one of"),
    "CSV settings for JSON": (wrong(**config(CSVDelimiter="TAB")), "go with InputType CSV only"),
    "CSV without a header": (wrong(**config(InputType="CSV")), "CSVHeaderLocation is"),
    "CSV with a header too many": (wrong(**config(InputType="CSV", CSVHeaderLocation="FIRST_ROW", CSVHeaders=["a"])), "CSVHeaders go with"),
    "CSV with a header too few": (wrong(**config(InputType="CSV", CSVHeaderLocation="GIVEN")), "CSVHeaders go with"),
    "another delimiter": (wrong(**config(InputType="CSV", CSVHeaderLocation="FIRST_ROW", CSVDelimiter=";")), "CSVDelimiter is one of"),
    "no items": (wrong(**config(MaxItems=0)), "integer from 1 to 100000000"),
    "too many items": (wrong(**config(MaxItems=100_000_001)), "integer from 1 to 100000000"),
    "an empty batcher": (wrong(ItemBatcher={"BatchInput": 1}), "needs MaxItemsPerBatch or MaxInputBytesPerBatch"),
    "a batch of none": (wrong(ItemBatcher={"MaxItemsPerBatch": 0}), "integer from 1"),
    "a batch too large": (wrong(ItemBatcher={"MaxInputBytesPerBatch": 262_145}), "integer from 1 to 262144"),
    "an empty writer": (wrong(ResultWriter={}), "WriterConfig, or Resource and Arguments"),
    "a writer without a place": (wrong(ResultWriter={"Resource": "arn:aws:states:::s3:putObject"}), "go together"),
    "another writer": (wrong(**writer(Resource=GET)), "ResultWriter's Resource is"),
    "a writer without a bucket": (wrong(**writer(Arguments={"Prefix": "p"})), "'Bucket' is required"),
    "another transformation": (wrong(**writer(WriterConfig={"Transformation": "SMALL"})), "Transformation is one of"),
    "another output type": (wrong(**writer(WriterConfig={"OutputType": "CSV"})), "OutputType is one of"),
    "a negative count": (wrong(ToleratedFailureCount=-1), "integer from 0"),
    "too large a percentage": (wrong(ToleratedFailurePercentage=101), "number from 0 to 100"),
    "an error in an expression": (wrong(ItemBatcher={"MaxItemsPerBatch": "{% ( %}"}), "cannot parse"),
    "a result in a reader": (wrong(**reader(Arguments=PLACE | {"Key": "{% $states.result %}"})), "$states.result is not available"),
    "a state's name twice": (machine(All=fan_out(block(All=last("Pass")))), "DUPLICATE_STATE_NAME"),
    "a token in an Express child": (
        machine(All=fan_out(block(Step=task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", Arguments=TOKEN)), "EXPRESS")),
        "waitForTaskToken is not supported in EXPRESS",
    ),
    **{
        f"{pattern} in an Express child": (
            machine(
                All=fan_out(
                    block(Step=task(Resource=f"arn:aws:states:::states:startExecution.{pattern}", Arguments={"StateMachineArn": "m"})), "EXPRESS"
                )
            ),
            f"{pattern} is not supported in EXPRESS",
        )
        for pattern in ("sync", "sync:2")
    },
    "a Distributed Map in an Express child": (
        machine(All=fan_out(block(Again=fan_out(ECHO, Label="Inner")), "EXPRESS")),
        "DISTRIBUTED is not supported in EXPRESS",
    ),
    "a token in a Map in a Parallel in an Express child": (
        machine(
            All=fan_out(
                block(
                    Both=last(
                        "Parallel",
                        Branches=[
                            block(
                                Inner=last(
                                    "Map",
                                    ItemProcessor=block(Step=task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", Arguments=TOKEN)),
                                )
                            )
                        ],
                    )
                ),
                "EXPRESS",
            )
        ),
        "waitForTaskToken is not supported in EXPRESS",
    ),
}

NOT_BUILT = {
    "Parquet": (wrong(**config(InputType="PARQUET")), "PARQUET is not built yet"),
    "an inventory": (wrong(**config(InputType="MANIFEST")), "MANIFEST is not built yet"),
    "a manifest": (wrong(**config(ManifestType="ATHENA_DATA")), "ManifestType: not built yet"),
    "a pointer": (wrong(**config(ItemsPointer="/a")), "ItemsPointer: not built yet"),
    "objects behind a list": (wrong(**config(Transformation="LOAD_AND_FLATTEN")), "LOAD_AND_FLATTEN is not built yet"),
    "a version": (wrong(**reader(Arguments=PLACE | {"VersionId": "1"})), "VersionId not built yet"),
    "an object": (wrong(Items={"a": 1}), "a Map over an object is not built yet"),
    "lines without a bucket": (wrong(ResultWriter={"WriterConfig": {"OutputType": "JSONL"}}), "JSONL without a bucket is not built yet"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_maps_are_refused_with_their_place(sfn: StepFunctions, case: str) -> None:
    definition, message = WRONG[case]
    with pytest.raises(AwsError) as refused:
        sfn.create(definition)
    assert refused.value.code == "InvalidDefinition"
    assert message in refused.value.message
    assert "/States/" in refused.value.message


@pytest.mark.parametrize("case", NOT_BUILT)
def test_what_is_not_built_is_refused_by_name(sfn: StepFunctions, case: str) -> None:
    definition, message = NOT_BUILT[case]
    with pytest.raises(Refused) as refused:
        sfn.create(definition)
    assert message in str(refused.value)


def test_standard_children_may_wait_for_tokens_and_executions(sfn: StepFunctions) -> None:
    waits = task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", Arguments=TOKEN)
    assert sfn.create(machine(All=fan_out(block(Step=waits))))


def test_a_variable_of_outside_may_be_assigned_inside(sfn: StepFunctions) -> None:
    first = {"Type": "Pass", "Assign": {"kept": 1}, "Next": "All"}
    assert sfn.create(machine(First=first, All=fan_out(block(Own=last("Pass", Assign={"kept": 2})))))


def test_a_label_of_forty_characters_will_do(sfn: StepFunctions) -> None:
    assert sfn.create(wrong(Label="x" * 40))
