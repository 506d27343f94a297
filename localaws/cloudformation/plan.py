"""What a template comes to for one stack, before anything is made: which resources, in which order, with which outputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from localaws.cloudformation.conditions import check_rules, decide_conditions, pseudo_values
from localaws.cloudformation.intrinsics import Scope, references
from localaws.cloudformation.stacks import Source, Stack
from localaws.cloudformation.templates import Document, depends_on, invalid


@dataclass(frozen=True)
class Plan:
    """A template decided for one stack: its resources in order, each with those it waits for."""

    source: Source
    scope: Scope
    order: tuple[str, ...]
    waits_for: Mapping[str, frozenset[str]]

    def resource(self, logical_id: str) -> Document:
        found: Document = self.source.document["Resources"][logical_id]
        return found


def plan(stack: Stack, source: Source) -> Plan:
    """Decide conditions and rules, and find the order. `AwsError` for what CloudFormation would refuse before it creates anything."""
    document = source.document
    values = {**source.parameters, **pseudo_values(stack.name, stack.stack_id)}
    scope = Scope(values, document.get("Mappings", {}))
    check_rules(document, scope)
    conditions = decide_conditions(document, scope)
    scope = Scope(values, document.get("Mappings", {}), conditions)
    resources = {name: resource for name, resource in document["Resources"].items() if conditions.get(resource.get("Condition", ""), True)}
    waits_for = {name: _waits_for(name, resource, document, resources, conditions) for name, resource in resources.items()}
    for name, output in active_outputs(document, conditions):
        _check_active(f"Outputs.{name}", _named(output["Value"], document, conditions), resources)
    try:
        order = tuple(TopologicalSorter({name: sorted(others) for name, others in waits_for.items()}).static_order())
    except CycleError as error:
        raise invalid(f"Circular dependency between resources: [{', '.join(error.args[1][:-1])}]") from error
    return Plan(source, scope, order, waits_for)


def _waits_for(name: str, resource: Document, document: Document, active: Mapping[str, Document], conditions: Mapping[str, bool]) -> frozenset[str]:
    named = _named(resource.get("Properties", {}), document, conditions)
    _check_active(f"Resources.{name}", named, active)
    return frozenset({*named, *(other for other in depends_on(resource) if other in active)})


def _named(value: Any, document: Document, conditions: Mapping[str, bool]) -> set[str]:
    named = (reference.name for reference in references(value, conditions) if reference.kind in ("name", "attribute"))
    return {name for name in named if name in document["Resources"]}


def _check_active(owner: str, named: Iterable[str], active: Mapping[str, Document]) -> None:
    if missing := sorted(set(named) - set(active)):
        raise invalid(f"Template format error: Unresolved resource dependencies [{missing[0]}] in {owner}: its condition is false")


def active_outputs(document: Document, conditions: Mapping[str, bool]) -> list[tuple[str, Document]]:
    return [(name, output) for name, output in document.get("Outputs", {}).items() if conditions.get(output.get("Condition", ""), True)]
