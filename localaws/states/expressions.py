"""JSONata as Step Functions evaluates it: strings ``{% … %}`` anywhere inside a field, `$states`, variables, and AWS's own functions.

jsonata-python does the work. What it does not do as Step Functions does, is done here:

* the functions ``$partition $range $hash $random $uuid $parse``; no ``$eval``; chance comes from the cloud's seed;
* JSON's null is a value of its own on the way in, and every result comes back as plain JSON (3.0 as 3, as AWS prints it);
* a result that is undefined, a function or no JSON, or of another type than the field wants, is an error that names the field.

Source: "Transforming data with JSONata in Step Functions" of the developer guide.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any

from jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.utils import Utils

from localaws.states import jsontext

_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_LONGEST_RANGE = 1000

# A Unicode identifier of at most 80 characters.
VARIABLE_NAME = re.compile(r"[^\W\d]\w{0,79}")

_KINDS: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


class EvaluationProblem(Exception):
    """An expression did not give what its field needs. `location` is the field, as in ``Arguments/Payload/account``."""

    def __init__(self, expression: str, location: str, problem: str):
        super().__init__(f"The JSONata expression '{expression}' specified for the field '{location}' {problem}")
        self.location = location


class BrokenSyntax(ValueError):
    """A string that can be no expression."""


# -- text


def is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}") and len(value) >= 4


def code_of(text: str) -> str:
    return text[2:-2].strip()


def strings_in(template: Any, location: str) -> Iterator[tuple[str, str]]:
    """Every string value of a template, with where it stands."""
    if isinstance(template, str):
        yield location, template
    elif isinstance(template, dict):
        for name, value in template.items():
            yield from strings_in(value, f"{location}/{name}")
    elif isinstance(template, list):
        for number, value in enumerate(template):
            yield from strings_in(value, f"{location}/{number}")


def check_syntax(text: str) -> None:
    """Raise `BrokenSyntax` for a string with half a delimiter, or with code that JSONata cannot parse. AWS checks both when a machine is created."""
    if not is_expression(text):
        if text.strip().startswith("{%") or text.strip().endswith("%}"):
            raise BrokenSyntax("an expression starts with {% and ends with %}, with no spaces outside")
        return
    try:
        _compiled(code_of(text))
    except Exception as error:  # the parser raises whatever it trips over
        raise BrokenSyntax(f"JSONata cannot parse '{code_of(text)}': {error}") from error


def members_of_states(text: str) -> set[str]:
    """Which members of `$states` an expression names, for example ``{"input", "context"}``."""
    if not is_expression(text):
        return set()
    paths = (symbol.steps for symbol in _symbols(_compiled(code_of(text)).ast) if symbol.type == "path")
    return {str(steps[1].value) for steps in paths if len(steps) > 1 and steps[0].type == "variable" and steps[0].value == "states"}


def _symbols(root: Any) -> Iterator[Any]:
    """Every symbol of a syntax tree, whatever holds it. Symbols point back at each other, hence `seen`."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list | tuple):
            waiting.extend(node)
        elif isinstance(node, Parser.Symbol) and id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting.extend(vars(node).values())


@lru_cache(4096)
def _compiled(code: str) -> Jsonata:
    expression = Jsonata(code)
    # Undefined and null must stay apart, and the library must not write into what it was given.
    expression.set_output_convert_nulls(False)
    return expression


# -- values


def _to_jsonata(value: Any) -> Any:
    """A copy in the library's terms: inside its lists Python's None would read as undefined."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {name: _to_jsonata(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_jsonata(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _to_json(value: Any) -> Any:
    """A copy in JSON's terms. Raises ValueError for functions, regular expressions and infinite numbers."""
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("returned a number that JSON cannot write")
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: _to_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    raise ValueError(f"returned a value that is not JSON ({type(value).__name__})")


def kind_of(value: Any) -> str:
    return next(kind for kind, fits in _KINDS.items() if fits(value))


# -- evaluating


class Evaluator:
    """Evaluates templates. `random` and `uuid` come from the cloud, so that one seed gives one run."""

    def __init__(self, random: Random, uuid: Callable[[], str]):
        self._random = random
        functions = {
            "partition": _partition,
            "range": _range,
            "hash": _hash,
            "parse": _parse,
            "uuid": uuid,
            "random": self._any_random,
            "shuffle": self._shuffle,
        }
        # Step Functions has no $eval. Bound to nothing, calling it is an error as with any unknown function.
        self._functions = {name: Jsonata.JLambda(function) for name, function in functions.items()} | {"eval": None}

    def evaluate(self, template: Any, variables: dict[str, Any], states: dict[str, Any], location: str) -> Any:
        """The value of a field: the template with every expression replaced by its result, as plain JSON. Raises `EvaluationProblem`."""
        if not any(is_expression(text) for _, text in strings_in(template, location)):
            return template
        bindings = self._functions | _to_jsonata(variables) | {"states": _to_jsonata(states)}
        return self._fill(template, bindings, location)

    def of_kind(self, kind: str, template: Any, variables: dict[str, Any], states: dict[str, Any], location: str) -> Any:
        """As `evaluate`, for a field that must be a `boolean`, `string`, `number`, `array` or `object`."""
        value = self.evaluate(template, variables, states, location)
        if not _KINDS[kind](value):
            problem = f"returned an unexpected result type. Expected '{kind}', but was '{kind_of(value)}' for value: {jsontext.write(value)}"
            raise EvaluationProblem(code_of(template) if is_expression(template) else jsontext.write(template), location, problem)
        return value

    def _fill(self, template: Any, bindings: dict[str, Any], location: str) -> Any:
        if is_expression(template):
            return self._run(code_of(template), bindings, location)
        if isinstance(template, dict):
            return {name: self._fill(value, bindings, f"{location}/{name}") for name, value in template.items()}
        if isinstance(template, list):
            return [self._fill(value, bindings, f"{location}/{number}") for number, value in enumerate(template)]
        return template

    def _run(self, code: str, bindings: dict[str, Any], location: str) -> Any:
        expression = _compiled(code)
        # The library evaluates in the instance made last: $now() of a cached expression would give that one's time.
        Jsonata.CURRENT.jsonata = expression
        try:
            result = expression.evaluate(None, bindings)
        except Exception as error:  # whatever goes wrong in an expression is the expression's own error
            raise EvaluationProblem(code, location, f"threw an error during evaluation. {error}") from error
        if result is None:
            raise EvaluationProblem(code, location, "returned nothing (undefined).")
        try:
            return _to_json(result)
        except ValueError as error:
            raise EvaluationProblem(code, location, f"{error}.") from error

    def _any_random(self, seed: Any = None) -> float:
        return self._random.random() if seed is None else Random(jsontext.write(_to_json(seed))).random()

    def _shuffle(self, values: list[Any]) -> list[Any]:
        return self._random.sample(values, len(values))


def _partition(values: list[Any], size: float) -> list[list[Any]]:
    size = int(size)
    if size < 1:
        raise ValueError("$partition needs a size of at least 1")
    return [values[start : start + size] for start in range(0, len(values), size)]


def _range(first: float, last: float, step: float) -> list[int]:
    first, last, step = int(first), int(last), int(step)
    if step == 0:
        raise ValueError("$range needs a step other than 0")
    values = list(range(first, last + (1 if step > 0 else -1), step))
    if len(values) > _LONGEST_RANGE:
        raise ValueError(f"$range gives at most {_LONGEST_RANGE} values")
    return values


def _hash(value: Any, algorithm: str) -> str:
    if algorithm not in _HASHES:
        raise ValueError(f"$hash knows {', '.join(_HASHES)}, not {algorithm}")
    text = value if isinstance(value, str) else jsontext.write(_to_json(value))
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _parse(text: str) -> Any:
    if not isinstance(text, str):
        raise TypeError("$parse needs a string")
    return _to_jsonata(jsontext.read(text))
