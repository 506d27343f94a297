"""What the demo shows at its end: a table, and ``build/demo/summary.json`` for machines."""

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from demo.stage import BUILD, Stage

_COLUMNS = ("chapter", "name", "status", "outcome", "changes", "api_calls", "transitions")


@dataclass(frozen=True)
class Execution:
    """One execution of a state machine. `changes` counts what it changed, `api_calls` what our roles asked AWS for, `transitions` states entered."""

    chapter: str
    workflow: str
    name: str
    account: str
    region: str
    status: str
    outcome: str
    changes: int
    api_calls: int
    transitions: int


@dataclass(frozen=True)
class Run:
    """An execution, and what it said at its end (docs/workflows: the report)."""

    row: Execution
    output: dict[str, Any]

    @property
    def kinds(self) -> list[str]:
        """The kinds of its findings."""
        return sorted(finding["kind"] for finding in self.output.get("findings", []))


@dataclass
class Report:
    """Filled by the chapters, a step at a time."""

    stage: Stage
    executions: list[Execution] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _untold: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)
    _counted: Counter[str] = field(default_factory=Counter)

    def say(self, text: str) -> None:
        now = self.stage.settle()
        print(f"{now[:10]} {now[11:16]}  {text}", flush=True)

    def expect(self, right: object, complaint: str) -> None:
        """Note what is not as it should be: any complaint makes the demo fail."""
        if not right:
            self.complaints.append(complaint)
            print(f"       !! {complaint}", flush=True)

    def new_executions(self, chapter: str, workflow: str, machine_arn: str, *, aloud: bool = True) -> list[Run]:
        """What ran on this machine since the last time; each is added to the table and said aloud. If not, the chapter tells of them itself, and what
        changed nothing is only counted below the table."""
        states = self.stage.client("stepfunctions", "hub")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine_arn)
        new = [one["executionArn"] for page in pages for one in page["executions"] if one["executionArn"] not in self._known]
        calls = self._new_calls(workflow, machine_arn)
        self._known.update(new)
        described = [states.describe_execution(executionArn=arn) for arn in reversed(new)]
        runs = [self._add(chapter, workflow, execution, calls // len(described)) for execution in described]
        for run in runs:
            if aloud:
                print(f"       {run.row.status}  {run.row.name}: {run.row.outcome}, {_came_of_it(run.output)}", flush=True)
            elif run.row.status == "SUCCEEDED" and not run.row.changes:
                self._untold.add(run.row.name)
        return runs

    def _new_calls(self, workflow: str, machine_arn: str) -> int:
        """API calls since the last time by the roles of this workflow, and by any role on its machine: each execution is started by one of them."""
        roles = self.stage.client("iam", "hub").get_paginator("list_roles").paginate(PathPrefix=f"/steward/{workflow}/")
        names = {workflow, *(role["RoleName"] for page in roles for role in page["Roles"])}  # members have one role for each workflow, of its name
        calls = [(role, call["resource"]) for call in self.stage.log("calls") if (role := _role(call))]
        count = len([role for role, resource in calls if role in names or resource == machine_arn])
        new, self._counted[workflow] = count - self._counted[workflow], count
        return new

    def _add(self, chapter: str, workflow: str, execution: dict[str, Any], calls: int) -> Run:
        output = json.loads(execution.get("output") or "{}")
        history = self.stage.client("stepfunctions", "hub").get_paginator("get_execution_history")
        pages = history.paginate(executionArn=execution["executionArn"])
        transitions = sum(event["type"].endswith("StateEntered") for page in pages for event in page["events"])
        where = execution["executionArn"].split(":")  # a schedule is of no member account: it runs where the machine is
        given = {"account_id": where[4], "region": where[3]} | json.loads(execution["input"])
        row = Execution(
            chapter,
            workflow,
            execution["name"],
            given["account_id"],
            given["region"],
            execution["status"],
            output.get("outcome", execution.get("error", "")),
            _changes(output),
            calls,
            transitions,
        )
        self.executions.append(row)
        self.findings += output.get("findings", [])
        return Run(row, output)

    def finish(self, virtual_start: datetime) -> int:
        """Print the table, write the summary; the exit code."""
        now = datetime.fromisoformat(self.stage.settle())
        dlq = self.stage.client("sqs", "hub").get_queue_attributes(
            QueueUrl=self.stage.outputs()["IntakeDlqUrl"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        dead = int(dlq["Attributes"]["ApproximateNumberOfMessages"])
        self.expect(dead == 0, f"{dead} messages in the dead-letter queue of intake")
        summary = {
            "version": 1,
            "seconds": round(time.monotonic() - self.stage.started, 1),
            "virtual_seconds": (now - virtual_start).total_seconds(),
            "executions": [asdict(execution) for execution in self.executions],
            "dead_letters": dead,
            "findings": self.findings,
        }
        BUILD.mkdir(parents=True, exist_ok=True)
        (BUILD / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        self._table(summary)
        return 1 if self.complaints else 0

    def _table(self, summary: dict[str, Any]) -> None:
        told = [row for row in self.executions if row.name not in self._untold]
        print()
        columns([_COLUMNS, *(tuple(str(getattr(row, column)) for column in _COLUMNS) for row in told)])
        print(f"and {len(self._untold)} hourly looks that changed nothing\n")
        for finding in self.findings:
            print(f"finding  {finding['kind']}: {finding['message']}")
        passed = f"{summary['virtual_seconds']:.0f} virtual seconds in {summary['seconds']} s"
        print(f"\n{passed}, {summary['dead_letters']} dead letters, all of it in build/demo/summary.json")
        if self.complaints:
            print(f"{len(self.complaints)} things are not as they should be: " + "; ".join(self.complaints))


def columns(rows: list[tuple[str, ...]]) -> None:
    """Print them one below the other."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _changes(output: dict[str, Any]) -> int:
    """Of a sweep, the apps that it noticed and stopped."""
    results = output.get("counts", {}).get("results", {})
    return len(output.get("changes", [])) + int(results.get("Noticed", 0)) + int(results.get("Stopped", 0))


def _came_of_it(output: dict[str, Any]) -> str:
    """How much it changed, or would have; of a reconciliation, how many executions it started, by workflow, or would have."""
    counts = output.get("counts", {})
    if "started" in counts:
        started = {f"{number} of {workflow}": number for workflow, number in sorted(counts["started"].items()) if number}
        held = sum(counts["held"].values())
        return f"{', '.join(started) or 'nothing'} started" + (f", {held} held by a brake" if held else "")
    changes = len(output.get("changes", []))
    return f"{changes} {'change' if changes == 1 else 'changes'}" + (" (dry run)" if output.get("dry_run") else "")


def _role(call: dict[str, Any]) -> str:
    """The name of the role whose session made the call. People call as users, not as roles."""
    return str(call["principal"]).partition(":assumed-role/")[2].partition("/")[0]
