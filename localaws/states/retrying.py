"""Retry and Catch: which names they match, how long a retry waits, and what may stand in them.

``States.TaskFailed`` matches every error but ``States.Timeout``. Neither it nor ``States.ALL`` matches ``States.DataLimitExceeded``, and nothing at
all matches ``States.Runtime``: "it isn't retriable, and will always cause the execution to fail". By its own name ``States.DataLimitExceeded`` is
matched: AWS rules out the wildcards only. A missing heartbeat is matched by ``States.Timeout`` too, whose definition covers it.
Source: "Handling errors in Step Functions workflows" of the developer guide.
"""

from collections import Counter
from random import Random
from typing import Any

from localaws.cloud import Refused
from localaws.states.rules import Problem, check_number

_RETRIER = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"}
_CATCHER = {"ErrorEquals", "Next", "Output", "Assign", "Comment"}
_REPORTED = {"ALL", "DataLimitExceeded", "HeartbeatTimeout", "Permissions", "QueryEvaluationError", "Runtime", "TaskFailed", "Timeout"}
_REPORTED |= {"ExceedToleratedFailureThreshold", "ItemReaderFailed", "ResultWriterFailed"}
# Names of the specification that localaws never reports: a handler for them would wait in vain here and perhaps not in AWS.
_NEVER_REPORTED = {
    "BranchFailed",
    "Http.Socket",
    "IntrinsicFailure",
    "NoChoiceMatched",
    "ParameterPathFailure",
    "ResultPathMatchFailure",
}
# A MaxDelaySeconds is greater than 0 and less than 31,622,400.
_LONGEST_DELAY = 31_622_399


def matches(error: str, names: list[str]) -> bool:
    """Does an ``ErrorEquals`` list match this error?"""
    if error == "States.Runtime":
        return False
    if error in names:
        return True
    if error == "States.DataLimitExceeded":
        return False
    late = error in {"States.Timeout", "States.HeartbeatTimeout"}
    return "States.ALL" in names or ("States.Timeout" in names and late) or ("States.TaskFailed" in names and not late)


class Retries:
    """The retries of one visit of a state. Each retrier counts for itself; the first that matches decides, even when it has none left."""

    def __init__(self, retriers: list[dict[str, Any]], random: Random):
        self._retriers, self._random = retriers, random
        self._used = Counter[int]()

    def delay_after(self, error: str) -> float | None:
        """Seconds until the next attempt, or None where there is to be none."""
        for number, retrier in enumerate(self._retriers):
            if matches(error, retrier["ErrorEquals"]):
                if self._used[number] >= retrier.get("MaxAttempts", 3):
                    return None
                self._used[number] += 1
                return self._delay(retrier, self._used[number])
        return None

    def _delay(self, retrier: dict[str, Any], attempt: int) -> float:
        seconds = float(retrier.get("IntervalSeconds", 1))
        longest = retrier.get("MaxDelaySeconds", _LONGEST_DELAY)
        for _ in range(attempt - 1):
            # Step by step and bounded: the power of a large count would be no number any more.
            seconds = min(seconds * retrier.get("BackoffRate", 2.0), longest)
        seconds = min(seconds, longest)
        return self._random.uniform(0, seconds) if retrier.get("JitterStrategy") == "FULL" else seconds


def catcher_for(error: str, catchers: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((catcher for catcher in catchers if matches(error, catcher["ErrorEquals"])), None)


# -- definitions


def check_retriers(retriers: Any, path: str) -> None:
    """Raise `Problem` for a Retry that AWS would refuse."""
    _check_handlers(retriers, _RETRIER, path)
    for number, retrier in enumerate(retriers):
        where = f"{path}[{number}]"
        _check_count(retrier, "IntervalSeconds", where, least=1)
        _check_count(retrier, "MaxAttempts", where, least=0)
        _check_count(retrier, "MaxDelaySeconds", where, least=1, most=_LONGEST_DELAY)
        rate = retrier.get("BackoffRate", 2.0)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 1:
            raise Problem(f"{where}/BackoffRate", "Value must be a number of at least 1.0")
        if retrier.get("JitterStrategy", "NONE") not in {"FULL", "NONE"}:
            raise Problem(f"{where}/JitterStrategy", "Value must be FULL or NONE")


def check_catchers(catchers: Any, path: str) -> None:
    """Raise `Problem` for a Catch that AWS would refuse."""
    _check_handlers(catchers, _CATCHER, path)
    for number, catcher in enumerate(catchers):
        if not isinstance(catcher.get("Next"), str):
            raise Problem(f"{path}[{number}]", "Field 'Next' is required")


def _check_count(retrier: dict[str, Any], name: str, path: str, **bounds: int) -> None:
    if name in retrier:
        if isinstance(retrier[name], str):
            raise Problem(f"{path}/{name}", "Retry takes no expressions")
        check_number(retrier[name], f"{path}/{name}", **bounds)


def _check_handlers(handlers: Any, known: set[str], path: str) -> None:
    if not isinstance(handlers, list) or not all(isinstance(handler, dict) for handler in handlers):
        raise Problem(path, "Value must be an array of objects")
    for number, handler in enumerate(handlers):
        where = f"{path}[{number}]"
        for name in handler:
            if name not in known:
                raise Problem(f"{where}/{name}", f"Field '{name}' is not supported here; supported are {', '.join(sorted(known))}")
        names = handler.get("ErrorEquals")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise Problem(f"{where}/ErrorEquals", "ErrorEquals must be a non-empty array of strings")
        if "States.ALL" in names and (len(names) > 1 or number < len(handlers) - 1):
            raise Problem(f"{where}/ErrorEquals", "States.ALL must stand alone, and last")
        for name in names:
            _check_error_name(name, f"{where}/ErrorEquals")


def _check_error_name(name: str, path: str) -> None:
    prefix, _, rest = name.partition(".")
    if prefix != "States" or rest in _REPORTED:
        return
    if rest in _NEVER_REPORTED:
        raise Refused(f"{name} at {path}: localaws never reports this error, so nothing here would test its handler")
    raise Problem(path, f"'{name}' is no error name of Step Functions")
