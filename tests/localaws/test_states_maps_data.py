"""Distributed Map between S3 and S3: items read, selected and batched, results written."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import Refused
from localaws.states.jsontext import MOST_BYTES
from tests.localaws.states_machinery import FakeS3, StepFunctions, block, fan_out, function_fails, last, machine, seconds, step_functions, task

ECHO = block(Echo=last("Pass"))


@pytest.fixture
def sfn() -> Iterator[StepFunctions]:
    with step_functions() as api:
        yield api


@pytest.fixture
def s3(sfn: StepFunctions) -> FakeS3:
    return FakeS3(sfn)


def reader(kind: str = "JSON", **config: Any) -> dict[str, Any]:
    arguments = {"Bucket": "items", "Key": "{% $states.input.key %}"}
    return {"Resource": "arn:aws:states:::s3:getObject", "Arguments": arguments, "ReaderConfig": {"InputType": kind} | config}


def listing(**config: Any) -> dict[str, Any]:
    listed = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "items", "Prefix": "in/"}}
    return listed | ({"ReaderConfig": config} if config else {})


def writer(**config: str) -> dict[str, Any]:
    arguments = {"Bucket": "results", "Prefix": "{% 'day-' & $states.input.day %}"}
    return {"Resource": "arn:aws:states:::s3:putObject", "Arguments": arguments} | ({"WriterConfig": config} if config else {})


def read(sfn: StepFunctions, s3: FakeS3, text: str, item_reader: dict[str, Any], **fields: Any) -> Any:
    s3.objects["items", "in/today"] = text.encode()
    return sfn.output(machine(All=fan_out(ECHO, "EXPRESS", ItemReader=item_reader, **fields)), {"key": "in/today"})


# -- items out of S3


def test_a_json_array_is_read(sfn: StepFunctions, s3: FakeS3) -> None:
    selector = ["{% $states.context.Map.Item.Index %}", "{% $states.context.Map.Item.Source %}"]
    assert read(sfn, s3, '[{"a": 1}, null]', reader()) == [{"a": 1}, None]
    state = machine(All=fan_out(ECHO, ItemReader=reader(), ItemSelector=selector))
    arn = sfn.start(sfn.create(state, "other"), {"key": "in/today"})
    sfn.clock.settle()
    assert sfn.describe(arn)["output"] == [[0, "S3://items/in/today"], [1, "S3://items/in/today"]]
    assert sfn.history(arn)[2]["mapStateStartedEventDetails"] == {"length": 0}, "not read yet"


def test_json_lines_are_read(sfn: StepFunctions, s3: FakeS3) -> None:
    assert read(sfn, s3, '{"a": "1\u2028\x85"}\r\n\n[2]\n', reader("JSONL")) == [{"a": "1\u2028\x85"}, [2]]


@pytest.mark.parametrize(
    ("config", "text", "items"),
    [
        ({"CSVHeaderLocation": "FIRST_ROW"}, 'a,b\n1,"x, ""y"""\n2\n3,4,5\n', [{"a": "1", "b": 'x, "y"'}, {"a": "2", "b": ""}, {"a": "3", "b": "4"}]),
        ({"CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"]}, "1,2\n", [{"a": "1", "b": "2"}]),
        ({"CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "PIPE"}, "a|b\n1|2\n", [{"a": "1", "b": "2"}]),
        ({"CSVHeaderLocation": "FIRST_ROW"}, "a,b\n1\\,2,\\x\n", [{"a": "1,2", "b": "x"}]),
        ({"CSVHeaderLocation": "FIRST_ROW"}, "", []),
    ],
)
def test_csv_is_read(sfn: StepFunctions, s3: FakeS3, config: dict[str, Any], text: str, items: list[Any]) -> None:
    assert read(sfn, s3, text, reader("CSV", **config)) == items


def test_objects_are_listed_page_by_page(sfn: StepFunctions, s3: FakeS3) -> None:
    s3.page = 2
    for key in ("in/1", "in/2", "in/3", "out/1"):
        s3.objects["items", key] = b"x"
    done = sfn.output(machine(All=fan_out(ECHO, ItemReader=listing())))
    assert done[0] == {"Etag": '"e"', "Key": "in/1", "LastModified": int(sfn.started), "Size": 1, "StorageClass": "STANDARD"}
    assert ([item["Key"] for item in done], s3.calls) == (["in/1", "in/2", "in/3"], ["list_objects_v2"] * 2)


@pytest.mark.parametrize("most", [2, "{% $number('2') %}"])
def test_so_many_items_are_read_at_most(sfn: StepFunctions, s3: FakeS3, most: Any) -> None:
    assert read(sfn, s3, "[1, 2, 3]", reader(MaxItems=most)) == [1, 2]
    s3.objects |= {("items", f"in/{number}"): b"x" for number in range(5)}
    s3.page = 1
    arn = sfn.start(sfn.create(machine(All=fan_out(ECHO, ItemReader=listing(MaxItems=most))), "other"))
    sfn.clock.settle()
    assert (len(sfn.describe(arn)["output"]), s3.calls.count("list_objects_v2")) == (2, 2)


@pytest.mark.parametrize(
    ("text", "item_reader", "cause"),
    [
        ("[1", reader(), "not JSON"),
        ("7", reader(), "non-iterable"),
        ('{"a": 1}\n{', reader("JSONL"), "cannot be read"),
        ("a,a\n1,2\n", reader("CSV", CSVHeaderLocation="FIRST_ROW"), "duplicates"),
    ],
)
def test_what_cannot_be_read_fails_the_map_run(sfn: StepFunctions, s3: FakeS3, text: str, item_reader: dict[str, Any], cause: str) -> None:
    s3.objects["items", "in/today"] = text.encode()
    done = sfn.run(machine(All=fan_out(ECHO, ItemReader=item_reader)), {"key": "in/today"})
    assert (done["error"], cause in done["cause"]) == ("States.ItemReaderFailed", True)
    assert sfn.kinds(done["arn"])[3:] == ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_an_object_that_is_not_there_or_not_text_fails_the_map_run(sfn: StepFunctions, s3: FakeS3) -> None:
    s3.objects["items", "binary"] = b"\xff\xfe"
    for key, cause in (("gone", "NoSuchKey"), ("binary", "UTF-8")):
        arn = sfn.start(sfn.create(machine(All=fan_out(ECHO, ItemReader=reader())), key), {"key": key})
        sfn.clock.settle()
        done = sfn.describe(arn)
        assert (done["error"], cause in done["cause"]) == ("States.ItemReaderFailed", True)


def test_a_failed_reader_can_be_caught(sfn: StepFunctions, s3: FakeS3) -> None:
    s3.denied = {"get_object"}
    caught = [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Told"}]
    state = fan_out(ECHO, ItemReader=reader(), Catch=caught)
    assert "AccessDenied" in sfn.output(machine(All=state, Told=last("Pass", Output="{% $states.input.Cause %}")), {"key": "k"})


@pytest.mark.parametrize("kind", ["{}", "gz"])
def test_what_is_not_built_of_datasets_is_refused(sfn: StepFunctions, s3: FakeS3, kind: str) -> None:
    key = "in/today.json.gz" if kind == "gz" else "in/today"
    s3.objects["items", key] = b"{}"
    with pytest.raises(Refused, match="not built yet"):
        sfn.run(machine(All=fan_out(ECHO, ItemReader=reader())), {"key": key})


def test_arguments_of_an_expression_are_checked_when_they_are_known(sfn: StepFunctions, s3: FakeS3) -> None:
    del s3
    incomplete = reader() | {"Arguments": "{% {'Bucket': 'items'} %}"}
    assert "'Key' is required" in sfn.run(machine(All=fan_out(ECHO, ItemReader=incomplete)))["cause"]
    named = reader() | {"Arguments": "{% {'Bucket': 'items', 'Key': 'k', 'VersionId': '1'} %}"}
    arn = sfn.create(machine(All=fan_out(ECHO, ItemReader=named)), "other")
    sfn.start(arn)
    with pytest.raises(Refused, match="VersionId"):
        sfn.clock.settle()


# -- batches


@pytest.mark.parametrize("most", [2, "{% $states.input.two %}"])
def test_items_come_in_batches(sfn: StepFunctions, most: Any) -> None:
    batcher = {"MaxItemsPerBatch": most, "BatchInput": {"day": "{% $states.input.day %}"}}
    state = fan_out(ECHO, Items="{% $states.input.items %}", ItemBatcher=batcher)
    batches = [{"BatchInput": {"day": 5}, "Items": [1, 2]}, {"BatchInput": {"day": 5}, "Items": [3]}]
    assert sfn.output(machine(All=state), {"items": [1, 2, 3], "two": 2, "day": 5}) == batches


def test_a_batch_without_batch_input_has_items_only(sfn: StepFunctions) -> None:
    state = fan_out(ECHO, ItemBatcher={"MaxItemsPerBatch": 2}, ItemSelector={"is": "{% $states.context.Map.Item.Value %}"})
    assert sfn.output(machine(All=state), [1, 2, 3]) == [{"Items": [{"is": 1}, {"is": 2}]}, {"Items": [{"is": 3}]}]


@pytest.mark.parametrize(("limit", "sizes"), [(len('{"Items":["é","é"]}'.encode()), [2, 1]), (len('{"Items":["é","é"]}'.encode()) - 1, [1, 1, 1])])
def test_a_batch_has_so_many_bytes_at_most(sfn: StepFunctions, limit: int, sizes: list[int]) -> None:
    done = sfn.output(machine(All=fan_out(ECHO, ItemBatcher={"MaxInputBytesPerBatch": limit})), ["é"] * 3)
    assert [len(batch["Items"]) for batch in done] == sizes


def test_both_limits_of_a_batch_hold(sfn: StepFunctions) -> None:
    batcher = {"MaxInputBytesPerBatch": "{% $length('{`Items`:[`long`,7]}') %}", "MaxItemsPerBatch": 2}
    done = sfn.output(machine(All=fan_out(ECHO, ItemBatcher=batcher)), [1, 2, 3, "long", "long", "long", 7])
    assert [batch["Items"] for batch in done] == [[1, 2], [3, "long"], ["long"], ["long", 7]]


def test_a_batch_is_never_larger_than_an_input_may_be(sfn: StepFunctions, s3: FakeS3) -> None:
    text = "x" * (MOST_BYTES // 3)
    s3.objects["items", "in/today"] = json.dumps([text] * 4).encode()
    size = block(Size=last("Pass", Output="{% $count($states.input.Items) %}"))
    state = fan_out(size, ItemReader=reader(), ItemBatcher={"MaxItemsPerBatch": 100})
    assert sfn.output(machine(All=state), {"key": "in/today"}) == [2, 2]


@pytest.mark.parametrize("batched", [{}, {"ItemBatcher": {"MaxItemsPerBatch": 1}}])
def test_an_item_of_more_than_256_kib_is_too_large_unless_a_selector_makes_it_smaller(
    sfn: StepFunctions, s3: FakeS3, batched: dict[str, Any]
) -> None:
    s3.objects["items", "in/today"] = json.dumps(["x" * MOST_BYTES]).encode()
    done = sfn.run(machine(All=fan_out(ECHO, ItemReader=reader(), **batched)), {"key": "in/today"})
    assert done["error"] == "States.DataLimitExceeded"
    smaller = fan_out(ECHO, ItemReader=reader(), ItemSelector="{% $length($states.context.Map.Item.Value) %}", **batched)
    arn = sfn.start(sfn.create(machine(All=smaller), "other"), {"key": "in/today"})
    sfn.clock.settle()
    assert sfn.describe(arn)["output"] in ([MOST_BYTES], [{"Items": [MOST_BYTES]}])


# -- results


def test_results_are_written_with_a_manifest(sfn: StepFunctions, s3: FakeS3) -> None:
    sfn.functions.answer = lambda payload: function_fails("Broken") if payload == "bad" else payload
    state = fan_out(block(Step=task()), Items=["good", "bad"], ToleratedFailureCount=1, ResultWriter=writer())
    done = sfn.run(machine(All=state), {"day": 3})
    (listed,) = sfn.call("ListMapRuns", executionArn=done["arn"])["mapRuns"]
    run = listed["mapRunArn"]
    folder = f"day-3/{run.rsplit(':', 1)[1]}"
    assert done["output"] == {"MapRunArn": run, "ResultWriterDetails": {"Bucket": "results", "Key": f"{folder}/manifest.json"}}
    manifest = s3.json(f"{folder}/manifest.json")
    files = {name: [{"Key": key, "Size": len(s3.objects["results", key])}] for name in ("SUCCEEDED", "FAILED") for key in [f"{folder}/{name}_0.json"]}
    assert manifest == {"DestinationBucket": "results", "MapRunArn": run, "ResultFiles": {"PENDING": [], **files}}
    (good,), (bad,) = s3.json(f"{folder}/SUCCEEDED_0.json"), s3.json(f"{folder}/FAILED_0.json")
    assert list(good) == [
        *("ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus", "RedriveStatusReason"),
        *("StartDate", "StateMachineArn", "Status", "StopDate"),
    ]
    assert (good["Input"], good["Output"], good["Status"], good["InputDetails"]) == ('"good"', '"good"', "SUCCEEDED", {"Included": True})
    assert good["RedriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    assert good["ExecutionArn"] == f"{good['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{good['Name']}"
    assert (bad["Error"], bad["Status"], bad["RedriveStatus"], "Output" in bad) == ("Broken", "FAILED", "REDRIVABLE_BY_MAP_RUN", False)
    assert sfn.call("DescribeMapRun", mapRunArn=run)["itemCounts"]["resultsWritten"] == 2


@pytest.mark.parametrize(
    ("config", "name", "body"),
    [
        ({"Transformation": "COMPACT"}, "SUCCEEDED_0.json", "[[1,2],[3],4]"),
        ({"Transformation": "FLATTEN"}, "SUCCEEDED_0.json", "[1,2,3,4]"),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "SUCCEEDED_0.jsonl", "1\n2\n3\n4\n"),
    ],
)
def test_results_are_transformed(sfn: StepFunctions, s3: FakeS3, config: dict[str, str], name: str, body: str) -> None:
    done = sfn.output(machine(All=fan_out(ECHO, Items=[[1, 2], [3], 4], ResultWriter=writer(**config))), {"day": 1})
    folder = done["ResultWriterDetails"]["Key"].removesuffix("manifest.json")
    assert s3.objects["results", f"{folder}{name}"].decode() == body


@pytest.mark.parametrize(("kind", "results"), [("COMPACT", [[1, 2], 3]), ("FLATTEN", [1, 2, 3])])
def test_a_writer_without_a_bucket_transforms_the_result_of_the_state(sfn: StepFunctions, kind: str, results: list[Any]) -> None:
    state = fan_out(ECHO, ResultWriter={"WriterConfig": {"Transformation": kind, "OutputType": "JSON"}})
    assert sfn.output(machine(All=state), [[1, 2], 3]) == results


def test_without_transformation_the_result_of_the_state_tells_of_executions(sfn: StepFunctions) -> None:
    (told,) = sfn.output(machine(All=fan_out(ECHO, ResultWriter={"WriterConfig": {"Transformation": "NONE"}})), [7])
    assert (told["Input"], told["Output"], told["Status"]) == ("7", "7", "SUCCEEDED")


def test_a_failed_map_run_writes_what_failed_and_what_was_never_started(sfn: StepFunctions, s3: FakeS3) -> None:
    sfn.functions.answer = lambda payload: function_fails("Broken") if payload == 2 else payload
    state = fan_out(block(Step=task()), Items=[1, 2, 3, 4], MaxConcurrency=1, ResultWriter=writer())
    assert sfn.run(machine(All=state), {"day": 1})["error"] == "States.ExceedToleratedFailureThreshold"
    (manifest,) = [json.loads(body) for (_, key), body in s3.objects.items() if key.endswith("manifest.json")]
    inputs = {name: [item["Input"] for item in s3.json(files[0]["Key"])] for name, files in manifest["ResultFiles"].items()}
    assert inputs == {"SUCCEEDED": ["1"], "FAILED": ["2"], "PENDING": ["3", "4"]}


def test_an_aborted_map_run_writes_too(sfn: StepFunctions, s3: FakeS3) -> None:
    state = fan_out(block(Wait=seconds(50)), Items=[1, 2], MaxConcurrency=1, ResultWriter=writer())
    arn = sfn.begin(machine(All=state), {"day": 1})
    sfn.clock.advance(5)
    sfn.call("StopExecution", executionArn=arn)
    written = {key.rsplit("/", 1)[1]: json.loads(body) for (_, key), body in s3.objects.items()}
    assert [[item["Status"] for item in written[name]] for name in ("FAILED_0.json", "PENDING_0.json")] == [["ABORTED"], ["PENDING"]]


def test_results_that_cannot_be_written_fail_the_map_run_and_a_redrive_writes_them(sfn: StepFunctions, s3: FakeS3) -> None:
    s3.denied = {"put_object"}
    done = sfn.run(machine(All=fan_out(block(Step=task()), Items=[1, 2], ResultWriter=writer())), {"day": 1})
    assert (done["error"], "AccessDenied" in done["cause"]) == ("States.ResultWriterFailed", True)
    s3.denied = set()
    sfn.call("RedriveExecution", executionArn=done["arn"])
    sfn.clock.settle()
    assert (sfn.describe(done["arn"])["status"], len(sfn.functions.calls)) == ("SUCCEEDED", 2), "no child is done again"


def test_results_of_any_size_can_be_written(sfn: StepFunctions, s3: FakeS3) -> None:
    large = block(Grow=last("Pass", Output="{% $pad('', 30000, 'x') %}"))
    done = sfn.output(machine(All=fan_out(large, Items=list(range(9)), ResultWriter=writer())), {"day": 1})
    folder = done["ResultWriterDetails"]["Key"].removesuffix("manifest.json")
    assert len(s3.json(f"{folder}SUCCEEDED_0.json")) == 9
