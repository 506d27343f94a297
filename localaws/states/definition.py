"""Reading a state machine's definition: everything that AWS would refuse at CreateStateMachine is refused here, naming the state and the field.

`load` raises ``AwsError("InvalidDefinition")`` for what is wrong, and `Refused` for what AWS has and localaws has not: JSONPath, ``Credentials``,
and the patterns of `localaws.states.integrations`.

Sources: the Amazon States Language specification, and "Transforming data with JSONata" and "Passing data between states with variables" of the
developer guide. Two checks are stricter than what is documented: a Task must have Arguments, and names of `$states` members that do not exist are
refused when a machine is created, not only those used in the wrong place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from localaws.cloud import AwsError, Refused
from localaws.states import integrations, jsontext
from localaws.states.expressions import VARIABLE_NAME, BrokenSyntax, check_syntax, is_expression, members_of_states, strings_in
from localaws.states.maps import definition as maps
from localaws.states.retrying import check_catchers, check_retriers
from localaws.states.rules import Problem, check_known_fields, check_number, check_timestamp

Definition = dict[str, Any]

_MACHINE = {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}
_ALWAYS = {"Type", "Comment", "QueryLanguage"}
_FIELDS = {
    "Task": {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Retry", "Catch", "Output", "Assign", "Next", "End"},
    "Choice": {"Choices", "Default", "Output", "Assign"},
    "Pass": {"Output", "Assign", "Next", "End"},
    "Wait": {"Seconds", "Timestamp", "Output", "Assign", "Next", "End"},
    "Parallel": {"Branches", "Arguments", "Retry", "Catch", "Output", "Assign", "Next", "End"},
    "Map": {"ItemProcessor", "Items", "ItemSelector", "MaxConcurrency", "Retry", "Catch", "Output", "Assign", "Next", "End", *maps.FIELDS},
    "Succeed": {"Output"},
    "Fail": {"Error", "Cause"},
}
_NOT_BUILT = {"Task": {"Credentials"}}
_CHOICE = {"Condition", "Next", "Output", "Assign", "Comment"}
_NEEDED = {"Task": {"Resource"}, "Choice": {"Choices"}, "Parallel": {"Branches"}, "Map": {"ItemProcessor"}}
_WITH_RESULT = {"Task", "Parallel", "Map"}
_TEMPLATES = {"Arguments", "Output", "Assign", "Items", "ItemSelector", "Error", "Cause", "Seconds", "Timestamp", "MaxConcurrency"}
_TEMPLATES |= {"TimeoutSeconds", "HeartbeatSeconds", *maps.TEMPLATES}
_ENDS = {"Succeed", "Fail"}


def load(text: str) -> Definition:
    """Read and check a definition."""
    try:
        definition = jsontext.read(text)
    except ValueError as error:
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: {error}'") from error
    try:
        _check_machine(definition)
    except Problem as problem:
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{problem}'") from problem
    return dict(definition)


def targets(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a state can go: the field that says so, and the state's name."""
    if "Next" in state:
        yield "Next", state["Next"]
    if "Default" in state:
        yield "Default", state["Default"]
    for kind in ("Choices", "Catch"):
        for number, rule in enumerate(state.get(kind, [])):
            yield f"{kind}[{number}]/Next", rule["Next"]


def _wrong(path: str, message: str) -> NoReturn:
    raise Problem(path, message)


def _check_machine(machine: Any) -> None:
    if not isinstance(machine, dict):
        _wrong("/", "A definition is a JSON object")
    _check_language(machine.get("QueryLanguage", "JSONPath"), "the machine")
    check_known_fields(machine, _MACHINE, "")
    if machine.get("Version", "1.0") != "1.0":
        _wrong("/Version", "The only version is 1.0")
    if "TimeoutSeconds" in machine:
        if is_expression(machine["TimeoutSeconds"]):
            _wrong("/TimeoutSeconds", "A machine's timeout takes no expression")
        check_number(machine["TimeoutSeconds"], "/TimeoutSeconds", least=1)
    _Block("", _Names()).check(machine)


def _check_language(language: Any, whose: str) -> None:
    if language != "JSONata":
        raise Refused(f"{whose} has QueryLanguage {language}: only JSONata is built, not {language}")


@dataclass
class _Names:
    """Names in use: of states and of Maps' labels in the whole machine, and of the variables of the scopes around."""

    states: set[str] = field(default_factory=set)
    variables: frozenset[str] = frozenset()
    labels: set[str] = field(default_factory=set)


class _Block:
    """The states of a machine, a branch or an item processor: one scope of variables."""

    def __init__(self, path: str, names: _Names):
        self.path, self.names = path, names

    def check(self, block: dict[str, Any]) -> None:
        states = block.get("States")
        if not isinstance(states, dict) or not states or not all(isinstance(state, dict) for state in states.values()):
            _wrong(f"{self.path}/States", "States must be an object of at least one state")
        if block.get("StartAt") not in states:
            _wrong(f"{self.path}/StartAt", f"MISSING_TRANSITION_TARGET: there is no state '{block.get('StartAt')}'")
        inner = _Names(self.names.states, self.names.variables | frozenset(_assigned(states)), self.names.labels)
        for name, state in states.items():
            self._check_name(name)
            _State(name, state, f"{self.path}/States/{name}", self.names.variables, inner).check()
        self._check_graph(block["StartAt"], states)

    def _check_name(self, name: str) -> None:
        if not 1 <= len(name) <= 80:
            _wrong(f"{self.path}/States/{name}", "A state's name has 1 to 80 characters")
        if name in self.names.states:
            _wrong(f"{self.path}/States/{name}", f"DUPLICATE_STATE_NAME: '{name}' is the name of more than one state")
        self.names.states.add(name)

    def _check_graph(self, start: str, states: dict[str, Any]) -> None:
        for name, state in states.items():
            for where, target in targets(state):
                if not isinstance(target, str) or target not in states:
                    _wrong(f"{self.path}/States/{name}/{where}", f"MISSING_TRANSITION_TARGET: there is no state '{target}'")
        reached, waiting = set[str](), [start]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(target for _, target in targets(states[name]))
        for name in states:
            if name not in reached:
                _wrong(f"{self.path}/States/{name}", f"MISSING_TRANSITION_TARGET: State '{name}' is not reachable")
        if not any(state.get("End") or state["Type"] in _ENDS for state in states.values()):
            _wrong(f"{self.path}/States", "No state is terminal: none has End, and none is Succeed or Fail")


def _assigned(states: dict[str, Any]) -> Iterator[str]:
    for state in states.values():
        rules = [rule for kind in ("Choices", "Catch") if isinstance(state.get(kind), list) for rule in state[kind] if isinstance(rule, dict)]
        for part in (state, *rules):
            if isinstance(part.get("Assign"), dict):
                yield from part["Assign"]


@dataclass
class _State:
    """One state. `outer` are the variables of the scopes around its own; `inner` is what blocks inside it start from."""

    name: str
    state: dict[str, Any]
    path: str
    outer: frozenset[str]
    inner: _Names

    def check(self) -> None:
        kind = self.state.get("Type")
        if kind not in _FIELDS:
            _wrong(f"{self.path}/Type", f"'{kind}' is no type of state; types are {', '.join(_FIELDS)}")
        _check_language(self.state.get("QueryLanguage", "JSONata"), f"state '{self.name}'")
        for name in sorted(_NOT_BUILT.get(kind, set()) & set(self.state)):
            raise Refused(f"state '{self.name}' has {name}: not built yet")
        check_known_fields(self.state, _ALWAYS | _FIELDS[kind], self.path)
        for name in sorted(_NEEDED.get(kind, set()) - set(self.state)):
            _wrong(self.path, f"Field '{name}' is required")
        if "End" in _FIELDS[kind]:
            self._check_way_on()
        self._check_templates()
        check: Any = getattr(self, f"_check_{kind.lower()}", None)
        if check is not None:
            check()

    def _check_way_on(self) -> None:
        if ("Next" in self.state) == ("End" in self.state):
            _wrong(self.path, "A state has either Next or End")
        if self.state.get("End", True) is not True:
            _wrong(f"{self.path}/End", "End can only be true")

    def _check_templates(self) -> None:
        members = {"input", "context"} | ({"result"} if self.state["Type"] in _WITH_RESULT else set())
        for name in sorted(_TEMPLATES & set(self.state)):
            self._check_template(self.state, name, self.path, members if name in {"Output", "Assign"} else members - {"result"})
        if "Retry" in self.state:
            check_retriers(self.state["Retry"], f"{self.path}/Retry")
        if "Catch" in self.state:
            check_catchers(self.state["Catch"], f"{self.path}/Catch")
            for number, catcher in enumerate(self.state["Catch"]):
                for name in sorted({"Output", "Assign"} & set(catcher)):
                    self._check_template(catcher, name, f"{self.path}/Catch[{number}]", {"input", "context", "errorOutput"})

    def _check_template(self, part: dict[str, Any], name: str, path: str, members: set[str]) -> None:
        for where, text in strings_in(part[name], f"{path}/{name}"):
            try:
                check_syntax(text)
            except BrokenSyntax as broken:
                _wrong(where, str(broken))
            for member in sorted(members_of_states(text) - members):
                _wrong(where, f"$states.{member} is not available here; available are {', '.join(sorted(members))}")
        if name == "Assign":
            self._check_variables(part["Assign"], f"{path}/Assign")

    def _check_variables(self, assign: Any, path: str) -> None:
        if not isinstance(assign, dict):
            _wrong(path, "Assign must be an object of variable names")
        for variable in assign:
            if variable == "states" or not VARIABLE_NAME.fullmatch(variable):
                _wrong(f"{path}/{variable}", f"'{variable}' can be no variable's name")
            if variable in self.outer:
                _wrong(f"{path}/{variable}", f"The variable '{variable}' is assigned in an outer scope, so it cannot be assigned in an inner one")

    def _check_task(self) -> None:
        resource = self.state["Resource"]
        if not isinstance(resource, str):
            _wrong(f"{self.path}/Resource", "Resource must be a string")
        if "Arguments" not in self.state:
            raise Refused(f"state '{self.name}' has no Arguments: what AWS sends then is not documented, write Arguments: {{}}")
        try:
            integration = integrations.parse(resource)
        except integrations.Unknown as unknown:
            _wrong(f"{self.path}/Resource", str(unknown))
        except Refused as refused:
            raise Refused(f"state '{self.name}': {refused}") from refused
        self._check_arguments(integration)
        self._check_patience(integration)

    def _check_patience(self, integration: integrations.Integration) -> None:
        given = {name: self.state[name] for name in ("TimeoutSeconds", "HeartbeatSeconds") if name in self.state}
        for name, value in given.items():
            check_number(value, f"{self.path}/{name}", least=1)
        heartbeat, timeout = given.get("HeartbeatSeconds"), given.get("TimeoutSeconds")
        if heartbeat is not None and integration.pattern != "waitForTaskToken":
            raise Refused(f"state '{self.name}' has HeartbeatSeconds and no task token: nobody here would send the heartbeats")
        if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout:
            _wrong(f"{self.path}/HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds")

    def _check_arguments(self, integration: integrations.Integration) -> None:
        arguments = self.state["Arguments"]
        if is_expression(arguments):
            return
        if not isinstance(arguments, dict):
            _wrong(f"{self.path}/Arguments", "Arguments must be an object or an expression")
        try:
            integration.check_arguments(set(arguments))
        except integrations.Unknown as unknown:
            _wrong(f"{self.path}/Arguments", str(unknown))

    def _check_choice(self) -> None:
        choices = self.state["Choices"]
        if not isinstance(choices, list) or not choices:
            _wrong(f"{self.path}/Choices", "Choices must be a non-empty array")
        for number, rule in enumerate(choices):
            path = f"{self.path}/Choices[{number}]"
            if not isinstance(rule, dict) or "Next" not in rule:
                _wrong(path, "A choice must have Next")
            check_known_fields(rule, _CHOICE, path)
            if not isinstance(rule.get("Condition"), bool) and not is_expression(rule.get("Condition")):
                _wrong(f"{path}/Condition", "Condition must be an expression {% … %} or a boolean")
            for name in sorted({"Condition", "Output", "Assign"} & set(rule)):
                self._check_template(rule, name, path, {"input", "context"})

    def _check_wait(self) -> None:
        if ("Seconds" in self.state) == ("Timestamp" in self.state):
            _wrong(self.path, "A Wait state has either Seconds or Timestamp")
        if "Seconds" in self.state:
            check_number(self.state["Seconds"], f"{self.path}/Seconds", least=0)
        else:
            check_timestamp(self.state["Timestamp"], f"{self.path}/Timestamp")

    def _check_parallel(self) -> None:
        branches = self.state["Branches"]
        if not isinstance(branches, list) or not branches or not all(isinstance(branch, dict) for branch in branches):
            _wrong(f"{self.path}/Branches", "Branches must be a non-empty array of objects")
        for number, branch in enumerate(branches):
            path = f"{self.path}/Branches[{number}]"
            check_known_fields(branch, {"StartAt", "States", "Comment"}, path)
            _Block(path, self.inner).check(branch)

    def _check_map(self) -> None:
        processor, path = self.state["ItemProcessor"], f"{self.path}/ItemProcessor"
        if not isinstance(processor, dict):
            _wrong(path, "ItemProcessor must be an object")
        check_known_fields(processor, {"ProcessorConfig", "StartAt", "States", "Comment"}, path)
        items = self.state.get("Items", [])
        if isinstance(items, dict):
            raise Refused(f"state '{self.name}': a Map over an object is not built yet, only over an array")
        if not isinstance(items, list) and not is_expression(items):
            _wrong(f"{self.path}/Items", "Items must be an array or an expression")
        if "MaxConcurrency" in self.state:
            check_number(self.state["MaxConcurrency"], f"{self.path}/MaxConcurrency", least=0)
        config = processor.get("ProcessorConfig", {})
        mode = config.get("Mode", "INLINE") if isinstance(config, dict) else config
        if mode == "DISTRIBUTED":
            # An execution of its own: it sees no variables from outside, and may use their names.
            _Block(path, _Names(self.inner.states, frozenset(), self.inner.labels)).check(processor)
            maps.check(self.state, self.path, self.inner.labels)
            return
        if mode != "INLINE":
            _wrong(f"{path}/ProcessorConfig/Mode", "Mode is INLINE or DISTRIBUTED")
        check_known_fields(config, {"Mode"}, f"{path}/ProcessorConfig")
        for name in sorted(maps.FIELDS & set(self.state)):
            _wrong(f"{self.path}/{name}", f"Field '{name}' is for a Map of mode DISTRIBUTED only")
        _Block(path, self.inner).check(processor)
