"""One event may come again: delivered twice, replayed from the archive, put back from a queue. What is then done with its execution?"""

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

MOST_REPEATS = 9
"""Executions for one event beside the first. Each costs two calls to pass, and a tenth would fail like the nine before."""


RED_ENDS = frozenset(
    {
        *("ActivationFailed", "CapReached", "DecisionFailed", "EnablementFailed", "InputUnreadable", "MemberRoleNeverPlanted", "NeverInService"),
        *(
            "NeverUpdated",
            "OutcomeUnknown",
            "PayerRoleNotAssumable",
            "PortfolioNeverCame",
            "ReconciliationFailed",
            "SetupFailed",
            "SomeAccountsFailed",
        ),
        *("SomeNotCorrected", "SweepFailed", "TaggingFailed", "TemplatesNotEnabled", "TooMuchToDo", "UpdateFailed"),
    }
)
"""The errors of all Fail states in which an execution ends."""


class Verdict(Enum):
    """What an execution that is already there means for an event that has come again."""

    DONE = "it does, or did, what the event asks for"
    REDRIVE = "it was cut off: it goes on where it was"
    REPEAT = "it ended red, or was for another replay: the next name is tried"


class _Input(BaseModel):
    replay_name: str | None = None


def attempt_names(name: str) -> Iterator[str]:
    """``<name>``, ``<name>-r1``, ``<name>-r2``, …: what the executions for one event are called, in the order they are tried."""
    yield name
    for number in range(1, MOST_REPEATS + 1):
        yield f"{name}-r{number}"


def _could_not_tell(execution: "DescribeExecutionOutputTypeDef") -> bool:
    """It failed in a Task that announces or reports, or that looks whether what it is to announce is done, the only ones that catch nothing.

    Their errors are a service's or a function's; ``States.…`` is a fault in the machine, which a redrive would only meet again.
    """
    error = execution.get("error", "")
    return execution["status"] == "FAILED" and bool(error) and error not in RED_ENDS and not error.startswith("States.")


def judge(execution: "DescribeExecutionOutputTypeDef", replay_name: str | None) -> Verdict:
    """`replay_name` is the replay that the event came with, if any: it asks for a run of its own (docs/decisions/0001).

    One that FAILED in a Fail state is never redriven, that would only enter it again. One that could not tell what it had done is: nobody else knows.
    """
    was_cut_off = execution["status"] in {"TIMED_OUT", "ABORTED"} or _could_not_tell(execution)
    if was_cut_off and execution.get("redriveStatus") == "REDRIVABLE":
        return Verdict.REDRIVE
    if execution["status"] not in {"RUNNING", "PENDING_REDRIVE", "SUCCEEDED"}:
        return Verdict.REPEAT
    was_for = _Input.model_validate_json(execution["input"]).replay_name
    return Verdict.DONE if replay_name in {None, was_for} else Verdict.REPEAT
