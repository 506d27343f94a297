"""The handlers of resource types, against AWS's own schemas and against what localaws answers."""

import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

import localaws.cloudformation
from localaws import coverage
from localaws.cloudformation.handlers import all_types
from localaws.cloudformation.resources.shapes import camel, shaped
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import HERE

# -- the handlers, against AWS's own schemas and against localaws


@pytest.mark.parametrize("kind", all_types(), ids=lambda kind: kind.name)
def test_a_handler_declares_what_aws_has(kind: Any) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(HERE, kind.name).schema
    read_only = {path.split("/")[2] for path in schema.get("readOnlyProperties", [])}
    create_only = {path.split("/")[2] for path in [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]}
    assert kind.properties <= set(schema["properties"]) - read_only
    assert kind.create_only >= create_only & kind.properties
    assert kind.required >= set(schema.get("required", [])) & kind.properties
    assert kind.required <= kind.properties
    assert set(kind.no_effect) <= kind.properties


def test_every_api_that_a_handler_calls_is_covered() -> None:
    package = Path(localaws.cloudformation.__file__).parent
    text = "\n".join(file.read_text() for file in (package / "resources").glob("*.py"))
    called = set(re.findall(r'context\.(?:call|attempt)\(\s*"([a-z0-9]+)",\s*"([A-Za-z0-9]+)"', text))
    tagged = re.findall(r'retag\(\s*context,\s*"([a-z0-9]+)",\s*"([A-Za-z]+)"', text)
    assert len(tagged) == len(re.findall(r"retag\(\s*context, ", text)) > 7
    called |= {(service, prefix + noun) for service, noun in tagged for prefix in ("Tag", "Untag")}
    assert len(called) > 60
    assert called - set(coverage.operations()) == set()


def test_template_values_take_the_types_of_the_api(local: LocalOrganization) -> None:
    model = local.client("lambda", "hub").meta.service_model.operation_model("CreateEventSourceMapping").input_shape
    assert shaped({"BatchSize": "7", "Enabled": "true", "FunctionName": 5}, model) == {"BatchSize": 7, "Enabled": True, "FunctionName": "5"}
    assert camel({"LogGroupName": [{"Key": 1}]}) == {"logGroupName": [{"key": 1}]}
    for value, message in ({"BatchSize": "x"}, "BatchSize is not a number"), ({"Enabled": "x"}, "Enabled is not a boolean"):
        with pytest.raises(Exception, match=message):
            shaped(value, model)
