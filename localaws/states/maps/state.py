"""The Map state of mode DISTRIBUTED, from its fields to its result. The parent's history holds the Map Run, and none of its children's events."""

import uuid
from typing import Any

from localaws.clock import Process
from localaws.cloud import Refused
from localaws.states import jsontext
from localaws.states.errors import StatesError
from localaws.states.history import History, as_failure
from localaws.states.maps.fields import Fields
from localaws.states.maps.planning import plan
from localaws.states.maps.reading import read
from localaws.states.maps.results import Writer, results, write, write_now, writer_of
from localaws.states.maps.runs import Launcher, MapRun, map_runs

# ``Map.Item.Source`` of items that come from no dataset.
FROM_STATE = "STATE_DATA"


def distributed(fields: Fields, history: History, launcher: Launcher) -> Process:
    """Carry out one attempt, or go on with the Map Run that a redrive finds. Returns the results; raises `StatesError` where the Map Run fails."""
    line, writer, known = fields.visit.scope.line, writer_of(fields), fields.visit.map_run
    again = known if known is not None and known.children is not None else None
    run = again or _new_run(fields, launcher)
    items = None
    if again is None:
        items = _given(fields)
        history.record(line, "MapStateStarted", length=len(items or []))
        history.record(line, "MapRunStarted", mapRunArn=run.arn)
        fields.visit.map_run = map_runs(run.cloud, fields.caller.principal.account, fields.caller.region)[run.arn] = run
    try:
        if again is None:
            yield from _find_children(fields, run, items)
        else:
            yield from run.redrive()
            history.record(line, "MapRunRedriven", mapRunArn=run.arn, redriveCount=run.redrives)
        result = yield from _carried_out(fields, run, writer)
    except StatesError as failure:
        run.end("FAILED")
        history.record(line, "MapRunFailed", **as_failure(failure.error, failure.cause))
        history.record(line, "MapStateFailed")
        raise
    except GeneratorExit:
        if not run.cloud.clock.stopped:  # else its organization is closed, and Python clears up what is left of it
            run.abort()
            write_now(fields, run, writer)
            history.give_up(line, "MapRunAborted")
        raise
    run.end("SUCCEEDED")
    history.record(line, "MapRunSucceeded")
    history.record(line, "MapStateSucceeded")
    return result


def _carried_out(fields: Fields, run: MapRun, writer: Writer) -> Process:
    try:
        yield from run.carry_out()
    except StatesError:
        yield from write(fields, run, writer)
        raise
    return (yield from results(fields, run, writer))


def _new_run(fields: Fields, launcher: Launcher) -> MapRun:
    caller, state = fields.caller, fields.visit.state
    machine = caller.machine_arn
    label = state.get("Label") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{machine}/{fields.visit.name}"))
    kind, block = state["ItemProcessor"]["ProcessorConfig"]["ExecutionType"], state["ItemProcessor"]
    run = MapRun(caller.cloud, launcher, caller.execution_arn, machine, label, caller.cloud.uuid(), kind, block, caller.cloud.clock.datetime())
    if "MaxConcurrency" in state:
        run.concurrency = fields.whole(state["MaxConcurrency"], "MaxConcurrency", 0)
    if "ToleratedFailureCount" in state:
        run.tolerated_count = fields.whole(state["ToleratedFailureCount"], "ToleratedFailureCount", 0)
    if "ToleratedFailurePercentage" in state:
        run.tolerated_percentage = fields.percentage(state["ToleratedFailurePercentage"], "ToleratedFailurePercentage")
    return run


def _given(fields: Fields) -> list[Any] | None:
    """The items that the state has itself; None where an ItemReader gets them."""
    state, visit = fields.visit.state, fields.visit
    if "ItemReader" in state:
        return None
    items = fields.value(state["Items"], "Items") if "Items" in state else visit.input
    if isinstance(items, dict):
        raise Refused(f"state '{visit.name}': a Map over an object is not built yet, only over an array")
    if not isinstance(items, list):
        raise fields.failed(visit, "Items", f"The field 'Items' must be an array, not {jsontext.write(items)}")
    return items


def _find_children(fields: Fields, run: MapRun, items: list[Any] | None) -> Process:
    source = FROM_STATE
    if items is None:
        items, source = yield from read(fields, fields.visit.state["ItemReader"])
    run.children = plan(fields, items, source)
