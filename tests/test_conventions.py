"""The house rules, read off the files themselves: names that agree, ends that are honest, permissions that are narrow, things that are watched."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from intake.attempts import RED_ENDS
from localaws.eventbridge.patterns import compile_pattern
from tests import schemas

ROOT = Path(__file__).parents[1]
MACHINES = {path.name.removesuffix(".asl.yaml"): path for path in sorted((ROOT / "statemachines").glob("*.asl.yaml"))}
TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "accounts").glob("*.yaml"))]
STEPS = sorted(path for name in MACHINES for path in (ROOT / "functions" / name).glob("*.py") if path.name != "__init__.py")
EVENTS = sorted((ROOT / "events").glob("*/*.json"))

WATCHED = ("AWS::SQS::Queue", "AWS::Serverless::StateMachine")
OF_AWS = re.compile(r"(States|Lambda|EventBridge|SNS|Sns|SageMaker|Sfn|StepFunctions)\.\w+")


@cache
def template(path: Path = TEMPLATES[0]) -> dict[str, Any]:
    """A template as plain dictionaries: ``!GetAtt A.B`` is ``{"Fn::GetAtt": ["A", "B"]}``."""
    loaded: dict[str, Any] = json.loads(json.dumps(yaml_parse(path.read_text())))
    return loaded


@cache
def machine(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(MACHINES[name].read_text())
    return loaded


def resources(kind: str, path: Path = TEMPLATES[0]) -> dict[str, dict[str, Any]]:
    return {name: resource.get("Properties", {}) for name, resource in template(path)["Resources"].items() if resource["Type"] == kind}


def all_states(block: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The states of a machine, and those inside its Maps and Parallels."""
    for name, state in block["States"].items():
        yield name, state
        for inner in [state["ItemProcessor"]] if "ItemProcessor" in state else state.get("Branches", []):
            yield from all_states(inner)


def schedules() -> dict[str, dict[str, Any]]:
    """The template's schedules by the workflow that each is for."""
    found = resources("AWS::Scheduler::Schedule").values()
    return {json.loads(schedule["Target"]["Input"])["workflow"]: schedule for schedule in found}


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def everything_in(node: Any) -> Iterator[Any]:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from everything_in(child)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# One name, everywhere


def test_there_is_something_to_check() -> None:
    assert MACHINES
    assert STEPS
    assert EVENTS


@pytest.mark.parametrize("workflow", MACHINES)
def test_a_workflow_has_a_folder_of_steps_events_a_page_and_a_machine_in_the_template(workflow: str) -> None:
    assert [step for step in STEPS if step.parent.name == workflow]
    assert workflow in schedules() or [event for event in EVENTS if event.parent.name == workflow]
    assert (ROOT / "docs" / "workflows" / f"{workflow}.md").is_file()
    properties = resources("AWS::Serverless::StateMachine")[f"{pascal(workflow)}StateMachine"]
    assert properties["DefinitionUri"] == f"statemachines/{workflow}.asl.yaml"
    assert template()["Outputs"][f"{pascal(workflow)}StateMachineArn"]["Value"] == {"Ref": f"{pascal(workflow)}StateMachine"}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.parent.name}.{step.stem}")
def test_a_step_is_one_function_one_substitution_and_one_state_of_the_same_name(step: Path) -> None:
    workflow, name = step.parent.name, pascal(step.stem)
    function = resources("AWS::Serverless::Function")[f"{name}Function"]
    assert function["Handler"] == f"{workflow}.{step.stem}.handler"
    substitutions = resources("AWS::Serverless::StateMachine")[f"{pascal(workflow)}StateMachine"]["DefinitionSubstitutions"]
    assert substitutions[f"{name}FunctionArn"] == {"Fn::GetAtt": [f"{name}Function", "Arn"]}
    state = dict(all_states(machine(workflow)))[name]
    assert state["Arguments"]["FunctionName"] == f"${{{name}FunctionArn}}"


@pytest.mark.parametrize(("name", "function"), resources("AWS::Serverless::Function").items())
def test_a_function_of_the_template_is_a_file_with_a_handler(name: str, function: dict[str, Any]) -> None:
    module, _, handler = function["Handler"].rpartition(".")
    path = ROOT / "functions" / f"{module.replace('.', '/')}.py"
    assert name == f"{pascal(path.stem)}Function"
    assert handler in {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("workflow", MACHINES)
def test_every_substitution_is_used_and_every_placeholder_is_substituted(workflow: str) -> None:
    properties = resources("AWS::Serverless::StateMachine")[f"{pascal(workflow)}StateMachine"]
    assert set(re.findall(r"\$\{(\w+)\}", MACHINES[workflow].read_text())) == set(properties["DefinitionSubstitutions"])


def test_a_machine_of_the_template_is_a_workflow() -> None:
    assert set(resources("AWS::Serverless::StateMachine")) == {f"{pascal(workflow)}StateMachine" for workflow in MACHINES}


# Errors and ends


def error_names() -> set[str]:
    tree = ast.parse((ROOT / "functions" / "steward" / "errors.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


KEPT_ONCE_WORKED_OUT = {"Studios.known_types", "Sweep.results", "Sweep.savings"}


def test_what_is_kept_once_worked_out_is_worked_out_without_a_call() -> None:
    """Python 3.11 works out one `cached_property` of a class at a time, whoever's it is: over a call that waits, others would wait for it, too. These
    three make none."""
    found = {
        f"{outer.name}.{inner.name}"
        for path in sorted((ROOT / "functions").rglob("*.py"))
        for outer in ast.walk(ast.parse(path.read_text()))
        if isinstance(outer, ast.ClassDef)
        for inner in outer.body
        if isinstance(inner, ast.FunctionDef) and any("cached_property" in ast.unparse(one) for one in inner.decorator_list)
    }
    assert found == KEPT_ONCE_WORKED_OUT


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / "functions" / "steward" / "errors.py").read_text())) or ""
    assert set(re.findall(r"(?:── |^)(\w+Error|(?<=── )\w+)", docstring, flags=re.MULTILINE)) == error_names()


@pytest.mark.parametrize("workflow", MACHINES)
def test_a_machine_retries_and_catches_only_errors_that_exist(workflow: str) -> None:
    for name, state in all_states(machine(workflow)):
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
            unknown = {error for error in rule["ErrorEquals"] if not OF_AWS.fullmatch(error)} - error_names()
            assert not unknown, f"{name} names {unknown}"


TELLS = ("arn:aws:states:::events:putEvents", "arn:aws:states:::sns:publish")
"""What an execution says of what it has done (docs/decisions/0001)."""

SUMS_UP = ("SumUpSweep", "LookAtUpdate")
"""Steps that know alone what was done, and hand it on to be told: what is true of telling is true of them (docs/decisions/0017)."""


def test_intake_knows_the_error_of_each_red_end() -> None:
    tops = {state["Error"] for workflow in MACHINES for state in machine(workflow)["States"].values() if state["Type"] == "Fail"}
    assert tops == RED_ENDS


@pytest.mark.parametrize("workflow", MACHINES)
def test_every_task_retries_with_jitter_within_bounds_and_catches_all_that_is_left_or_only_tells(workflow: str) -> None:
    for name, state in all_states(machine(workflow)):
        if state["Type"] == "Task":
            assert any(rule.get("JitterStrategy") == "FULL" for rule in state["Retry"]), name
            for rule in state["Retry"]:
                assert {"IntervalSeconds", "MaxAttempts", "BackoffRate", "JitterStrategy"} <= set(rule), name
                assert rule["BackoffRate"] == 1 or "MaxDelaySeconds" in rule, f"{name}: an interval that grows needs a bound"
            if state["Resource"] in TELLS or name in SUMS_UP:
                assert "Catch" not in state, f"{name}: a redrive is to go on here, and not in a Fail state"
            else:
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


@pytest.mark.parametrize("workflow", MACHINES)
def test_a_distributed_map_reads_and_writes_in_s3_within_bounds_and_tries_what_s3_refused_again(workflow: str) -> None:
    """What thousands of children answer is more than the 262,144 bytes of a state, whether or not anybody reads it."""
    for name, state in all_states(machine(workflow)):
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            assert {"Label", "MaxConcurrency", "ItemReader", "ResultWriter"} <= set(state), name
            assert {"States.ItemReaderFailed", "States.ResultWriterFailed"} <= {error for rule in state["Retry"] for error in rule["ErrorEquals"]}, (
                name
            )


def can_reach(block: Mapping[str, Any], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        state = block["States"][name]
        rules = [*state.get("Choices", []), *state.get("Catch", [])]
        waiting += [target for target in (state.get("Next"), state.get("Default"), *(rule["Next"] for rule in rules)) if target]
    return seen


@pytest.mark.parametrize("workflow", MACHINES)
def test_after_a_catch_nothing_ends_green(workflow: str) -> None:
    """Trap 37."""
    definition = machine(workflow)
    for name, state in definition["States"].items():
        for rule in state.get("Catch", []):
            for end in can_reach(definition, rule["Next"]):
                assert definition["States"][end]["Type"] != "Succeed", f"{name} ends green in {end}, after {rule['ErrorEquals']}"
                assert not definition["States"][end].get("End"), f"{name} ends green in {end}, after {rule['ErrorEquals']}"


@pytest.mark.parametrize("workflow", MACHINES)
def test_an_end_says_its_outcome_or_what_to_do_next(workflow: str) -> None:
    for name, state in machine(workflow)["States"].items():
        assert not state.get("End"), f"{name}: an end is a Succeed or a Fail, named by its outcome"
        if state["Type"] == "Fail":
            assert state["Error"] == name
            assert "." not in name, "by a dot an error of AWS's is known, which intake and make redrive take for something that was not told"
            assert state["Cause"]
        if state["Type"] == "Succeed":
            assert state["Output"] == "{% $report %}", f"{name}: the output of an execution is the report"


@pytest.mark.parametrize("workflow", MACHINES)
def test_a_workflows_page_names_every_end(workflow: str) -> None:
    page = (ROOT / "docs" / "workflows" / f"{workflow}.md").read_text()
    ends = {name for name, state in machine(workflow)["States"].items() if state["Type"] in {"Succeed", "Fail"}}
    assert {end for end in ends if f"`{end}`" not in page} == set()


# Permissions


def statements(path: Path) -> Iterator[dict[str, Any]]:
    for node in everything_in(template(path)):
        if isinstance(node, dict) and "Effect" in node:
            yield node


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_statement_allows_whatever_action(path: Path) -> None:
    for statement in statements(path):
        for action in as_list(statement["Action"]):
            assert statement["Effect"] == "Deny" or "*" not in action, statement


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_whatever_resource_has_its_reason_beside_it(path: Path) -> None:
    for line in path.read_text().splitlines():
        if re.match(r"""\s*(- )?(Resource: )?\[?["']\*["']""", line):
            assert re.search(r"#\s\S", line), f"{path.name}: {line.strip()} without a reason"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_for_all_values_never_stands_without_null(path: Path) -> None:
    """``ForAllValues`` is true of a request that lacks the key."""
    for statement in statements(path):
        condition = statement.get("Condition", {})
        for operator, keys in condition.items():
            if operator.startswith("ForAllValues:"):
                assert {key: condition.get("Null", {}).get(key) for key in keys} == dict.fromkeys(keys, "false"), statement


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_whoever_is_let_in_is_let_in_on_a_condition(path: Path) -> None:
    """Of trusts and resource policies. Lambda documents no source when it takes a role, and no role can be passed from another account."""
    for statement in statements(path):
        if "Principal" in statement and statement["Principal"] != {"Service": "lambda.amazonaws.com"}:
            assert statement.get("Condition"), statement


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_partition_is_never_taken_for_granted(path: Path) -> None:
    assert not [node for node in everything_in(template(path)) if isinstance(node, str) and node.startswith("arn:aws")]


@pytest.mark.parametrize("workflow", MACHINES)
def test_hub_roles_of_a_workflow_lie_under_the_path_that_members_trust(workflow: str) -> None:
    functions, roles = resources("AWS::Serverless::Function"), resources("AWS::IAM::Role")
    for name in (f"{pascal(step.stem)}Function" for step in STEPS if step.parent.name == workflow):
        assert functions[name]["Role"]["Fn::GetAtt"][0] == f"{name}Role"
        assert roles[f"{name}Role"]["Path"] == f"/steward/{workflow}/"
    machine_role = f"{pascal(workflow)}StateMachineRole"
    assert resources("AWS::Serverless::StateMachine")[f"{pascal(workflow)}StateMachine"]["Role"] == {"Fn::GetAtt": [machine_role, "Arn"]}
    assert roles[machine_role]["Path"] == f"/steward/{workflow}/"
    (member_role,) = [role for path in TEMPLATES[1:] for name, role in resources("AWS::IAM::Role", path).items() if name == f"{pascal(workflow)}Role"]
    assert (member_role["Path"], member_role["RoleName"]) == ("/steward/", workflow)
    (trust,) = member_role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"].endswith(f":role/steward/{workflow}/*")
    assert "aws:PrincipalOrgID" in trust["Condition"]["StringEquals"]


# Events


def pattern(workflow: str) -> Any:
    """Of the workflow's rule on the hub bus."""
    return resources("AWS::Events::Rule")[f"{pascal(workflow)}Rule"]["EventPattern"]


def patterns_of_members() -> dict[str, Any]:
    """Of all rules in the members, by their names: what one of them lets through comes to the hub bus."""
    return {name: rule["EventPattern"] for name, rule in resources("AWS::Events::Rule", ROOT / "accounts" / "member_rules.yaml").items()}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.parent.name}-{event.stem}")
def test_an_event_starts_its_workflow_and_an_ignored_one_does_not(event: Path) -> None:
    text = json.loads(event.read_text())
    starts = not event.stem.endswith("_ignored")
    assert compile_pattern(pattern(event.parent.name)).matches(text) is starts
    forwarding = [name for name, asked in patterns_of_members().items() if compile_pattern(asked).matches(text)]
    assert len(forwarding) == 1 if starts else len(forwarding) <= 1, "every delivery is one more"


WITH_EVENTS = sorted({event.parent.name for event in EVENTS})


def test_a_pattern_is_as_short_as_eventbridge_wants_it() -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: 2,048 characters without a larger quota."""
    asked = [*(pattern(workflow) for workflow in WITH_EVENTS), *patterns_of_members().values()]
    assert all(len(json.dumps(each)) <= 2048 for each in asked)


def single(asked: dict[str, Any]) -> Iterator[str]:
    """A pattern as several, one for each name of an event that it asks for; those without an event's name as they are."""
    detail = asked.get("detail", {})
    for branch in detail.get("$or", [{}]):
        whole = {**{key: value for key, value in detail.items() if key != "$or"}, **branch}
        for name in whole.pop("eventName", [None]):
            yield json.dumps({**asked, "detail": {**whole, "eventName": name}}, sort_keys=True)


def test_members_forward_what_the_hubs_rules_ask_for_together_and_nothing_twice() -> None:
    asked = {each for workflow in WITH_EVENTS for each in single(pattern(workflow))}
    forwarded = [each for member in patterns_of_members().values() for each in single(member)]
    assert len(asked) > 5
    assert sorted(forwarded) == sorted(asked)


def test_no_two_rules_of_members_ask_for_the_same_name_of_an_event_of_one_service() -> None:
    """Whatever else they ask for: two patterns that differ may still match one event."""
    named = [
        {(text["source"][0], text["detail"]["eventName"]) for text in map(json.loads, single(member))} for member in patterns_of_members().values()
    ]
    assert sum(map(len, named)) == len(set().union(*named))


@pytest.mark.parametrize("workflow", sorted({event.parent.name for event in EVENTS}))
def test_the_hubs_rule_says_which_workflow_it_is_for(workflow: str) -> None:
    (target,) = resources("AWS::Events::Rule")[f"{pascal(workflow)}Rule"]["Targets"]
    assert target["InputTransformer"]["InputTemplate"] == f'{{"workflow": "{workflow}", "event": <aws.events.event.json>}}'
    assert "DeadLetterConfig" in target


@pytest.mark.parametrize("workflow", schedules())
def test_a_schedule_says_for_which_workflow_it_is_and_when_it_came_due(workflow: str) -> None:
    assert workflow in MACHINES
    target = schedules()[workflow]["Target"]
    message = json.loads(target["Input"])
    assert set(message) == {"workflow", "schedule"}
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,31}", message["schedule"]["name"])
    assert message["schedule"] == {"name": message["schedule"]["name"], "time": "<aws.scheduler.scheduled-time>"}
    assert target["Arn"] == {"Fn::GetAtt": ["IntakeQueue", "Arn"]}


# What we tell others


def announcements() -> Iterator[tuple[str, dict[str, Any]]]:
    """The state and the entry of each event that a machine puts on a bus."""
    for workflow in MACHINES:
        for name, state in all_states(machine(workflow)):
            if state.get("Resource", "").endswith(":events:putEvents"):
                entries = state["Arguments"]["Entries"]
                yield from ((name, entry) for entry in (entries if isinstance(entries, list) else computed_entries(entries)))


def computed_entries(expression: str) -> Iterator[dict[str, str]]:
    """Where the entries are one expression: one for each type that it names."""
    members = dict(re.findall(r"'(\w+)': ([^,]+)", expression))
    for detail_type in re.findall(r"'([^']+)'", members["DetailType"]):
        yield {"DetailType": detail_type, "Source": members["Source"].strip("'"), "EventBusName": members["EventBusName"].strip("'")}


def schema_name(detail_type: str) -> str:
    return detail_type.lower().replace(" ", "_")


def test_each_of_our_own_events_goes_to_the_hub_bus_and_has_a_schema_of_its_name() -> None:
    entries = list(announcements())
    assert entries
    for state, entry in entries:
        assert (entry["Source"], entry["EventBusName"]) == ("studio-steward", "${HubBusName}"), state
        assert schemas.validator(schema_name(entry["DetailType"])).schema["title"] == entry["DetailType"], state


def test_every_schema_is_of_something_we_tell_and_a_test_holds_what_is_sent_against_it() -> None:
    documents = {"findings", "idle_apps", "reconciliation_details", "idle_sweep_details"}
    told = {schema_name(entry["DetailType"]) for _, entry in announcements()} | documents
    assert {file.name.removesuffix(".schema.json") for file in schemas.FOLDER.glob("*.json")} == told
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    assert {name for name in told if f'validate("{name}", ' not in tests} == set()


def test_the_page_of_events_has_each_of_them_and_its_rule_matches() -> None:
    page = (schemas.FOLDER / "README.md").read_text()
    (rule,) = yaml_parse(page.partition("```yaml\n")[2].partition("```")[0]).values()
    event = {"source": "studio-steward", "detail-type": "Cost Tags Applied", "detail": {"version": 1, "account_id": "444444444444"}}
    assert compile_pattern(rule["Properties"]["EventPattern"]).matches(event)
    assert not compile_pattern(rule["Properties"]["EventPattern"]).matches({**event, "source": "aws.sagemaker"})
    assert {entry["DetailType"] for _, entry in announcements() if f"`{entry['DetailType']}`" not in page} == set()
    assert set(re.findall(r"\((\w+\.schema\.json)\)", page)) == {file.name for file in schemas.FOLDER.glob("*.json")}


# Watching


@pytest.mark.parametrize("workflow", schedules())
def test_a_schedule_that_does_not_come_through_is_noticed(workflow: str) -> None:
    """Scheduler's own metrics know groups only: what is watched is that executions start. What it could not deliver lies in a queue with an alarm."""
    machine_name = f"{pascal(workflow)}StateMachine"
    alarms = [alarm for alarm in resources("AWS::CloudWatch::Alarm").values() if alarm.get("MetricName") == "ExecutionsStarted"]
    (alarm,) = [alarm for alarm in alarms if {"Ref": machine_name} in everything_in(alarm["Dimensions"])]
    assert (alarm["TreatMissingData"], alarm["ComparisonOperator"], alarm["Threshold"]) == ("breaching", "LessThanThreshold", 1)
    assert alarm["AlarmActions"]
    queue, _ = schedules()[workflow]["Target"]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"]
    assert queue in resources("AWS::SQS::Queue")


def watched() -> list[str]:
    """Queues, machines, and the functions that no machine tries again and answers for."""
    steps = {f"{pascal(step.stem)}Function" for step in STEPS}
    return [*(name for kind in WATCHED for name in resources(kind)), *(name for name in resources("AWS::Serverless::Function") if name not in steps)]


@pytest.mark.parametrize("name", watched())
def test_every_queue_and_machine_and_lone_function_has_an_alarm_that_somebody_hears(name: str) -> None:
    alarms = [alarm for alarm in resources("AWS::CloudWatch::Alarm").values() if {"Ref": name} in everything_in(alarm) or _names(alarm, name)]
    assert alarms
    for alarm in alarms:
        assert alarm["AlarmActions"]
        assert alarm["AlarmDescription"]


@pytest.mark.parametrize("workflow", MACHINES)
def test_however_an_execution_ended_red_it_is_noticed(workflow: str) -> None:
    red = resources("AWS::CloudWatch::Alarm")[f"{pascal(workflow)}FailedAlarm"]["Metrics"]
    ends = {metric["MetricStat"]["Metric"]["MetricName"] for metric in red if "MetricStat" in metric}
    assert ends == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    (total,) = [metric for metric in red if "Expression" in metric]
    assert all(f"FILL({metric['Id']}, 0)" in total["Expression"] for metric in red if metric is not total)


def _names(alarm: dict[str, Any], name: str) -> bool:
    return any(isinstance(node, dict) and as_list(node.get("Fn::GetAtt"))[0] == name for node in everything_in(alarm))


def test_every_resource_of_the_template_has_a_sentence_above_it() -> None:
    for path in TEMPLATES:
        lines = path.read_text().splitlines()
        for name in template(path)["Resources"]:
            above = lines[lines.index(f"  {name}:") - 1]
            assert above.startswith("  # "), f"{path.name}: {name}"


def test_the_dashboard_shows_every_alarm_machine_function_and_queue() -> None:
    (board,) = resources("AWS::CloudWatch::Dashboard").values()
    shown = set(re.findall(r"\$\{(\w+)(?:\.\w+)?\}", json.dumps(board["DashboardBody"])))
    kinds = ("AWS::CloudWatch::Alarm", "AWS::Serverless::StateMachine", "AWS::Serverless::Function", "AWS::SQS::Queue")
    assert {name for kind in kinds for name in resources(kind)} - shown == set()


# The runbook


def test_the_runbook_says_what_to_do_at_every_alarm_and_at_every_red_end() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    ends = {name for workflow in MACHINES for name, state in machine(workflow)["States"].items() if state["Type"] == "Fail"}
    assert {name for name in {*ends, *resources("AWS::CloudWatch::Alarm")} if f"`{name}`" not in runbook} == set()


def test_the_runbooks_other_way_to_stop_everything_holds_every_function_that_writes_elsewhere() -> None:
    """Whose role in members or the payer permits a write; a step that decides enters by the same role, and writes nothing (decision 0007)."""
    reads = re.compile(r"[a-z]+:(Describe|Get|List|Simulate)")
    roles = {role["RoleName"]: role for path in TEMPLATES[1:] for role in resources("AWS::IAM::Role", path).values() if role["Path"] == "/steward/"}
    may_write = {
        name
        for name, role in roles.items()
        for statement in (statement for policy in role.get("Policies", []) for statement in policy["PolicyDocument"]["Statement"])
        if not all(reads.match(action) for action in as_list(statement["Action"]))
    }
    assert {"reconciliation", "profile_cost_tagging"} & may_write == {"profile_cost_tagging"}
    writers = {
        name
        for name, function in resources("AWS::Serverless::Function").items()
        if may_write & {value for key, value in function.get("Environment", {}).get("Variables", {}).items() if key.endswith("_ROLE_NAME")}
        if not name.startswith("Decide")
    }
    (stopped,) = re.findall(r"^for function in (.+); do$", (ROOT / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)
    assert set(stopped.split()) == writers


def test_the_runbook_says_who_can_do_something_about_every_finding() -> None:
    kinds = set().union(*(finding_kinds(path) for path in [*STEPS, *(ROOT / "functions" / "steward").rglob("*.py")]))
    assert {"AccountTagMissing", "ProfileFailed", "CostKeyRefused"} <= kinds, "they are found in the code"
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    rows = set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+) \|", runbook.partition("\n## Findings\n")[2].partition("\n## ")[0], re.MULTILINE)))
    )
    assert rows == kinds


def finding_kinds(step: Path) -> set[str]:
    """The kinds of a step's findings, and of those that rules give: a text, or a variable that is one of several texts."""
    tree = ast.parse(step.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    first = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id.endswith("Finding")]
    kinds: set[str] = set()
    for argument in first:
        if isinstance(argument, ast.Name):
            said = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == argument.id]
        else:
            said = [argument]
        texts = {node.value for value in said for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        kinds |= texts
    return kinds


def test_the_readme_has_every_parameter_of_the_template_and_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    parameters = template()["Parameters"]
    assert set(rows) >= set(parameters)
    for name, parameter in parameters.items():
        assert rows[name] == (f"`{parameter['Default']}`" if parameter.get("Default") else "empty" if "Default" in parameter else "–"), name


def test_the_readme_counts_what_is_paid_for_by_the_piece() -> None:
    """CloudWatch asks for each metric that an alarm looks at, and for each of our own; no dimension makes one of ours many."""
    looked_at = [
        stat
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for stat in everything_in(alarm)
        if isinstance(stat, dict) and "MetricName" in stat
    ]
    written = {name for step in STEPS for name in re.findall(r"add_metric\(\"(\w+)\"", step.read_text())}
    readme = (ROOT / "README.md").read_text()
    assert f"| alarms | {len(looked_at)} metrics | {len(looked_at) / 10:.2f} a month |" in readme
    assert f"| metrics of our own | {len(written)} | {len(written) * 0.3:.2f} a month |" in readme
    assert not [step for step in STEPS if "add_dimension" in step.read_text()]
