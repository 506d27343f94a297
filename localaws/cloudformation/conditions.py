"""Conditions and Rules: what a template decides by its parameters, before any resource.

Source: AWS CloudFormation User Guide, "Condition functions", "Rules" and "Rule-specific intrinsic functions".
"""

from collections.abc import Mapping
from typing import Any

from localaws.cloud import AwsError, Refused
from localaws.cloudformation.intrinsics import Scope, as_text, evaluate, function_of
from localaws.cloudformation.templates import Document, invalid

_BUILT = "localaws/cloudformation/conditions.py"


def decide_conditions(document: Document, scope: Scope) -> dict[str, bool]:
    """Each condition of a template, true or false."""
    section: dict[str, Any] = document.get("Conditions", {})
    decided = dict[str, bool]()

    def decide(name: str, above: tuple[str, ...]) -> bool:
        if name in above:
            raise invalid(f"Template format error: Circular dependency between conditions: {[*above, name]}")
        if name not in section:
            raise invalid(f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template")
        if name not in decided:
            others = _Others(lambda other: decide(other, (*above, name)))
            decided[name] = _is_true(section[name], scope, others)
        return decided[name]

    return {name: decide(name, ()) for name in section}


def check_rules(document: Document, scope: Scope) -> None:
    """Refuse a deployment that one of the template's Rules forbids, with the description of its assertion."""
    for name, rule in document.get("Rules", {}).items():
        if unknown := sorted(set(rule) - {"RuleCondition", "Assertions"}):
            raise invalid(f"Template format error: the rule {name} has unknown members {unknown}")
        if "RuleCondition" in rule and not _is_true(rule["RuleCondition"], scope, _no_others):
            continue
        for assertion in rule["Assertions"]:
            if not _is_true(assertion["Assert"], scope, _no_others):
                described = assertion.get("AssertDescription", f"an assertion of the rule {name} is false")
                raise invalid(f"Template error: Rule {name} failed: {described}")


class _Others:
    """Conditions by name, decided when asked for."""

    def __init__(self, decide: Any):
        self._decide = decide

    def __call__(self, name: str) -> bool:
        return bool(self._decide(name))


def _no_others(name: str) -> bool:
    raise invalid(f"Template error: a rule cannot refer to the condition {name}")


def _is_true(value: Any, scope: Scope, others: Any) -> bool:
    """A condition function, decided."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("Condition"), str):
        return bool(others(value["Condition"]))
    function = function_of(value)
    if function is None:
        raise invalid(f"Template format error: a condition function is needed, not {value!r}")
    name, argument = function
    if name in ("Fn::And", "Fn::Or"):
        if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
            raise invalid(f"Template error: {name} takes two to ten conditions")
        found = [_is_true(item, scope, others) for item in argument]
        return all(found) if name == "Fn::And" else any(found)
    if name == "Fn::Not":
        return not _is_true(_only(name, argument), scope, others)
    return _compared(name, argument, scope)


def _compared(name: str, argument: Any, scope: Scope) -> bool:
    if name not in ("Fn::Equals", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"):
        raise Refused(f"the function {name} in a condition or rule: localaws does not evaluate it ({_BUILT})")
    if not isinstance(argument, list) or len(argument) != 2:
        raise invalid(f"Template error: {name} takes two items")
    left, right = evaluate(argument[0], scope), evaluate(argument[1], scope)
    if name == "Fn::Equals":
        return bool(_comparable(left) == _comparable(right))
    if name == "Fn::Contains":
        return as_text(right) in _texts(left)
    if name == "Fn::EachMemberEquals":
        return all(item == as_text(right) for item in _texts(left))
    return set(_texts(left)) <= set(_texts(right))


def _comparable(value: Any) -> Any:
    """Parameters are strings: a literal ``true`` or ``3`` of the template is compared as one."""
    return [as_text(item) for item in value] if isinstance(value, list) else as_text(value)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise invalid(f"Template error: a list is needed, not {value!r}")
    return [as_text(item) for item in value]


def _only(name: str, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) != 1:
        raise invalid(f"Template error: {name} takes one condition in a list")
    return argument[0]


def pseudo_values(stack_name: str, stack_id: str) -> Mapping[str, Any]:
    """The pseudo parameters of a stack; its account, Region and partition are those of its ARN."""
    _, partition, _, region, account, _ = stack_id.split(":", 5)
    if partition != "aws":
        raise AwsError("ValidationError", f"localaws is the commercial partition only, not {partition}")
    return {
        "AWS::AccountId": account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackId": stack_id,
        "AWS::StackName": stack_name,
        "AWS::URLSuffix": "amazonaws.com",
    }
