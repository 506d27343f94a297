"""The Step Functions API: state machines of type STANDARD, and their executions.

Kept and given back without effect: loggingConfiguration and tracingConfiguration (nothing is logged or traced). Refused by name: Express machines,
versions and aliases, and encryption with a key of one's own. Tags are those of state machines only.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from localaws.cloud import AwsError, Call, Cloud, Principal, Refused, operation
from localaws.states import jsontext, redriving
from localaws.states.definition import load
from localaws.states.executions import (
    Execution,
    Revision,
    StateMachine,
    check_open_executions,
    executions,
    finish_deleting,
    machines,
    redrive_status,
)
from localaws.states.finding import Answer, check_arn, find_execution, find_machine, page_of
from localaws.states.listing import listed_execution
from localaws.states.running import begin, stop

# Names hold no white space, brackets, wildcards, special characters or control characters: the API reference of CreateStateMachine lists them.
_FORBIDDEN = re.compile('[\\s<>{}\\[\\]?*"#%\\\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f\ufffe\uffff\ud800-\udfff\U0010ffff]')
# "You can reuse the name of a closed execution after 90 days."
_NAMES_ARE_HELD = timedelta(days=90)
_NO_LOGGING: dict[str, Any] = {"level": "OFF", "includeExecutionData": False}
_MOST_TAGS = 50


# -- state machines


@operation("stepfunctions", "CreateStateMachine")
def create_state_machine(cloud: Cloud, call: Call) -> Answer:
    """Asked again with the same name, definition, type, logging and tracing it answers as before; role and tags may differ and are ignored then."""
    params = call.params
    _refuse_unbuilt(params)
    _check_name(params["name"])
    _check_role(params["roleArn"])
    arn = call.arn(f"stateMachine:{params['name']}", "states")
    known = machines(cloud, call.account, call.region).get(arn)
    revision = _revision(cloud, params["definition"], params["roleArn"], params)
    if known is not None:
        return _same_machine(known, revision)
    tags = _tags(params.get("tags", []))
    machine = StateMachine(params["name"], arn, call.account, call.region, cloud.clock.datetime(), revision, tags)
    machines(cloud, call.account, call.region)[arn] = machine
    return {"stateMachineArn": arn, "creationDate": machine.created}


def _same_machine(known: StateMachine, asked: Revision) -> Answer:
    _check_not_deleting(known)
    old = known.revision
    if (old.text, old.logging, old.tracing) != (asked.text, asked.logging, asked.tracing):
        raise AwsError("StateMachineAlreadyExists", f"State Machine Already Exists: '{known.arn}'")
    return {"stateMachineArn": known.arn, "creationDate": known.created}


@operation("stepfunctions", "UpdateStateMachine")
def update_state_machine(cloud: Cloud, call: Call) -> Answer:
    """Running executions keep the definition and role they were started with."""
    params = call.params
    _refuse_unbuilt(params)
    machine = find_machine(cloud, call, params["stateMachineArn"])
    _check_not_deleting(machine)
    if not {"definition", "roleArn", "loggingConfiguration", "tracingConfiguration"} & set(params):
        raise AwsError(
            "MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
        )
    old = machine.revision
    role = params.get("roleArn", old.role_arn)
    _check_role(role)
    kept = {"loggingConfiguration": old.logging, "tracingConfiguration": old.tracing}
    machine.revision = _revision(cloud, params.get("definition", old.text), role, kept | params)
    machine.revision.id = cloud.uuid()
    return {"updateDate": machine.revision.date, "revisionId": machine.revision.id}


@operation("stepfunctions", "DescribeStateMachine")
def describe_state_machine(cloud: Cloud, call: Call) -> Answer:
    machine = find_machine(cloud, call, call.params["stateMachineArn"])
    answer = {"name": machine.name, "status": machine.status, "type": "STANDARD", "creationDate": machine.created}
    return _described(machine, machine.revision) | answer


@operation("stepfunctions", "DescribeStateMachineForExecution")
def describe_state_machine_for_execution(cloud: Cloud, call: Call) -> Answer:
    """The machine as it was when the execution was started."""
    execution = find_execution(cloud, call)
    answer = _described(execution.machine, execution.revision) | {"name": execution.machine.name, "updateDate": execution.revision.date}
    if execution.child_of is not None:
        answer |= {"mapRunArn": execution.child_of.map_run_arn, "label": execution.machine.name.rsplit("/", 1)[1]}
    return answer


def _described(machine: StateMachine, revision: Revision) -> Answer:
    answer = {
        "stateMachineArn": machine.arn,
        "definition": revision.text,
        "roleArn": revision.role_arn,
        "loggingConfiguration": revision.logging,
        "tracingConfiguration": revision.tracing,
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    return answer | ({"revisionId": revision.id} if revision.id else {})


@operation("stepfunctions", "DeleteStateMachine")
def delete_state_machine(cloud: Cloud, call: Call) -> Answer:
    """At once where nothing runs. Else the machine is DELETING: executions are terminated before their next state, and the last takes it along.

    Approximated: its executions are gone with it. Deleting what does not exist is no error.
    """
    arn = check_arn(call.params["stateMachineArn"], "stateMachine")
    machine = machines(cloud, call.account, call.region).get(arn)
    if machine is not None:
        machine.status = "DELETING"
        finish_deleting(cloud, machine)
    return {}


@operation("stepfunctions", "ListStateMachines")
def list_state_machines(cloud: Cloud, call: Call) -> Answer:
    """Oldest first. AWS documents no order."""
    page, more = page_of(machines(cloud, call.account, call.region).values(), lambda machine: machine.arn, call.params)
    return {"stateMachines": [_listed_machine(machine) for machine in page], **more}


def _listed_machine(machine: StateMachine) -> Answer:
    return {"stateMachineArn": machine.arn, "name": machine.name, "type": "STANDARD", "creationDate": machine.created}


# -- executions


@operation("stepfunctions", "StartExecution")
def start_execution(cloud: Cloud, call: Call) -> Answer:
    """The same name and input as a running execution give that execution again; a name is held for 90 days after its execution ended."""
    machine = find_machine(cloud, call, call.params["stateMachineArn"])
    _check_not_deleting(machine)
    name, text = call.params.get("name"), call.params.get("input", "{}")
    if name is not None:
        _check_name(name)
    _check_execution_input(text)
    arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
    known = executions(cloud, call.account, call.region).get(arn)
    if known is not None and _holds_its_name(known, cloud.clock.datetime()):
        if known.status == "RUNNING" and known.input == text:
            return {"executionArn": arn, "startDate": known.started}
        raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
    check_open_executions(cloud, machine)
    execution = begin(cloud, machine, name or cloud.uuid(), text, call.params.get("traceHeader"))
    return {"executionArn": execution.arn, "startDate": execution.started}


def _holds_its_name(execution: Execution, now: datetime) -> bool:
    return execution.stopped is None or now - execution.stopped < _NAMES_ARE_HELD


def _check_execution_input(text: str) -> None:
    if jsontext.is_too_large(text):
        message = "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
        raise AwsError("ValidationException", f"1 validation error detected: {message}")
    try:
        jsontext.read(text)
    except ValueError as error:
        raise AwsError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error


@operation("stepfunctions", "StopExecution")
def stop_execution(cloud: Cloud, call: Call) -> Answer:
    """Stopping what has ended changes nothing and answers when that was. AWS documents no error for it."""
    execution = find_execution(cloud, call)
    stop(execution, call.params.get("error"), call.params.get("cause"))
    return {"stopDate": execution.stopped}


@operation("stepfunctions", "DescribeExecution")
def describe_execution(cloud: Cloud, call: Call) -> Answer:
    execution = find_execution(cloud, call, "execution", "express")
    answer = listed_execution(execution) | {"input": execution.input, "inputDetails": {"included": True}}
    if execution.output is not None:
        answer |= {"output": execution.output, "outputDetails": {"included": True}}
    answer |= {"error": execution.error, "cause": execution.cause, "traceHeader": execution.trace_header}
    if execution.child_of is not None:
        answer["mapRunArn"] = execution.child_of.map_run_arn
    return {name: value for name, value in (answer | redrive_status(execution, cloud.clock.datetime())).items() if value is not None}


@operation("stepfunctions", "RedriveExecution")
def redrive_execution(cloud: Cloud, call: Call) -> Answer:
    execution = find_execution(cloud, call)
    return {"redriveDate": redriving.redrive(execution, call.params.get("clientToken"))}


@operation("stepfunctions", "GetExecutionHistory")
def get_execution_history(cloud: Cloud, call: Call) -> Answer:
    events = find_execution(cloud, call).history.events
    if call.params.get("reverseOrder"):
        events = events[::-1]
    page, more = page_of(events, lambda event: str(event["id"]), call.params)
    if not call.params.get("includeExecutionData", True):
        page = [_without_data(event) for event in page]
    return {"events": page, **more}


def _without_data(event: Answer) -> Answer:
    """An event without the input or output it carries."""
    data = {"input", "inputDetails", "output", "outputDetails", "assignedVariables", "assignedVariablesDetails"}
    return {
        name: {key: item for key, item in value.items() if key not in data} if isinstance(value, dict) else value for name, value in event.items()
    }


# -- tags


@operation("stepfunctions", "TagResource")
def tag_resource(cloud: Cloud, call: Call) -> Answer:
    machine = _tagged(cloud, call)
    machine.tags = _tags(call.params["tags"], machine.tags)
    return {}


@operation("stepfunctions", "UntagResource")
def untag_resource(cloud: Cloud, call: Call) -> Answer:
    machine = _tagged(cloud, call)
    machine.tags = {key: value for key, value in machine.tags.items() if key not in call.params["tagKeys"]}
    return {}


@operation("stepfunctions", "ListTagsForResource")
def list_tags_for_resource(cloud: Cloud, call: Call) -> Answer:
    return {"tags": [{"key": key, "value": value} for key, value in _tagged(cloud, call).tags.items()]}


def _tagged(cloud: Cloud, call: Call) -> StateMachine:
    arn = check_arn(call.params["resourceArn"], "stateMachine")
    machine = machines(cloud, call.account, call.region).get(arn)
    if machine is None:
        raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
    return machine


def _tags(added: list[dict[str, str]], known: dict[str, str] | None = None) -> dict[str, str]:
    tags = (known or {}) | {tag["key"]: tag.get("value", "") for tag in added}
    if len(tags) > _MOST_TAGS:
        raise AwsError("TooManyTags", f"A resource has at most {_MOST_TAGS} tags")
    return tags


# -- what several share


def _refuse_unbuilt(params: dict[str, Any]) -> None:
    if params.get("type", "STANDARD") != "STANDARD":
        raise Refused(f"stepfunctions: state machines of type {params['type']} are not built yet, only STANDARD")
    if params.get("publish") or "versionDescription" in params:
        raise Refused("stepfunctions: versions of state machines are not built yet")
    if params.get("encryptionConfiguration", {}).get("type", "AWS_OWNED_KEY") != "AWS_OWNED_KEY":
        raise Refused("stepfunctions: encryption with a customer managed key is not built yet")


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= 80 or _FORBIDDEN.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def _check_role(arn: str) -> None:
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", arn):
        raise AwsError("InvalidArn", f"Invalid Role Arn: '{arn}'")


def _check_not_deleting(machine: StateMachine) -> None:
    if machine.status == "DELETING":
        raise AwsError("StateMachineDeleting", f"State Machine is being deleted: '{machine.arn}'")


def _revision(cloud: Cloud, text: str, role_arn: str, params: dict[str, Any]) -> Revision:
    """The session name stands for the opaque one that AWS makes. It is the machine's, not the execution's, so that clients can be kept."""
    principal = Principal.of_role(role_arn, cloud.identifier(32))
    logging, tracing = params.get("loggingConfiguration", _NO_LOGGING), params.get("tracingConfiguration", {"enabled": False})
    return Revision(text, load(text), role_arn, principal, cloud.clock.datetime(), logging, tracing)
