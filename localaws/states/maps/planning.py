"""The inputs of the children: each item as ItemSelector makes it, one by one or in batches.

"The execution input used to start a child workflow execution can't exceed 256 KiB." AWS does not say which error a larger one is: here it is
``States.DataLimitExceeded``.
"""

from collections.abc import Iterator
from typing import Any

from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.maps.fields import Fields
from localaws.states.maps.runs import Child


def plan(fields: Fields, values: list[Any], source: str) -> list[Child]:
    state = fields.visit.state
    texts = [jsontext.write(item) for item in _selected(fields, values, source)]
    if "ItemBatcher" in state:
        return list(_batches(fields, texts, state["ItemBatcher"]))
    for text in texts:
        _check(fields, text, jsontext.MOST_BYTES)
    return [Child(text, 1) for text in texts]


def _selected(fields: Fields, values: list[Any], source: str) -> Iterator[Any]:
    if "ItemSelector" not in fields.visit.state:
        yield from values
        return
    selector, context = fields.visit.state["ItemSelector"], fields.visit.context
    for number, value in enumerate(values):
        item = {"Item": {"Index": number, "Value": value, "Source": source}}
        yield fields.value(selector, "ItemSelector", context=context | {"Map": item})


def _batches(fields: Fields, texts: list[str], batcher: dict[str, Any]) -> Iterator[Child]:
    """As many items as both limits let in. A batch is ``{"BatchInput": …, "Items": […]}``, and its size is that of all of it."""
    most = fields.whole(batcher["MaxItemsPerBatch"], "ItemBatcher/MaxItemsPerBatch", 1) if "MaxItemsPerBatch" in batcher else len(texts) or 1
    limit = jsontext.MOST_BYTES
    if "MaxInputBytesPerBatch" in batcher:
        limit = fields.whole(batcher["MaxInputBytesPerBatch"], "ItemBatcher/MaxInputBytesPerBatch", 1, limit)
    shared = ""
    if "BatchInput" in batcher:
        shared = f'"BatchInput":{jsontext.write(fields.value(batcher["BatchInput"], "ItemBatcher/BatchInput"))},'
    empty = len(_batch(shared, []).encode())
    batch, size = list[str](), empty
    for text in texts:
        added = len(text.encode()) + (1 if batch else 0)
        if batch and (len(batch) == most or size + added > limit):
            yield Child(_batch(shared, batch), len(batch))
            batch, size, added = [], empty, len(text.encode())
        batch, size = [*batch, text], size + added
        _check(fields, _batch(shared, batch) if size > limit else "", limit)
    if batch:
        yield Child(_batch(shared, batch), len(batch))


def _batch(shared: str, texts: list[str]) -> str:
    return f'{{{shared}"Items":[{",".join(texts)}]}}'


def _check(fields: Fields, text: str, limit: int) -> None:
    if len(text.encode()) > limit:
        cause = f"An item of the state '{fields.visit.name}' makes an execution input of more than {limit} bytes."
        raise StatesError("States.DataLimitExceeded", cause)
