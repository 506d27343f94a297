"""Input and answers against AWS's models: the short form lets nothing pass that is stopped at length, and lets what is ordinary pass by itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any
from unittest import mock

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.core.utils import get_service_model

from localaws import services, validation
from localaws.cloud import OPERATIONS, AwsError, Call, Principal
from localaws.fitting import fits
from localaws.validation import check_answer, check_input, problems_at_length

assert services

WRONG = (None, "", "x" * 5000, "no such value", -1, 10**12, 1.5, True, b"x", [], {}, {"Unknown": 1}, [None], datetime(2026, 1, 1, tzinfo=UTC))


def shapes() -> Iterator[Shape]:
    for service, operation in sorted(OPERATIONS):
        model = get_service_model(service).operation_model(operation)
        yield from (shape for shape in (model.input_shape, model.output_shape) if shape is not None)


def some(shape: Shape, random: Random, depth: int = 0) -> Any:
    """A value for this shape: ordinary as a rule, now and then something else."""
    if random.random() < 0.02:
        return random.choice(WRONG)
    if isinstance(shape, StructureShape):
        chosen = [name for name in shape.members if name in shape.required_members or (depth < 6 and random.random() < 0.7)]
        return {name: some(shape.members[name], random, depth + 1) for name in chosen if random.random() > 0.01}
    if isinstance(shape, ListShape):
        return [some(shape.member, random, depth + 1) for _ in range(random.choice((0, 1, 3)) if depth < 8 else 0)]
    if isinstance(shape, MapShape):
        return {some_key: some(shape.value, random, depth + 1) for some_key in ("a", "B-2")[: random.choice((0, 1, 2))]}
    return _plain(shape, random)


def _plain(shape: Shape, random: Random) -> Any:
    numbers = {"integer": 7, "long": 7, "float": 0.5, "double": 0.5, "boolean": True, "timestamp": datetime(2026, 1, 1, tzinfo=UTC), "blob": b"x"}
    if shape.type_name != "string":
        return numbers[shape.type_name]
    values = [*getattr(shape, "enum", ()), "arn:aws:sagemaker:eu-west-1:444444444444:domain/d-1", "alice", "444444444444", "d-abcdefgh", "/a/"]
    return random.choice(values)


def test_the_short_form_lets_nothing_pass_that_is_stopped_at_length() -> None:
    random, fitting, stopped = Random(0), 0, 0
    for shape in shapes():
        for _ in range(12):
            value = some(shape, random)
            problems = problems_at_length(shape, value)
            if fits(shape)(value):
                assert problems == [], (shape.name, value)
                fitting += 1
            stopped += bool(problems)
    assert (fitting > 1000, stopped > 1000) == (True, True)


CALL = Call("sagemaker", "ListUserProfiles", "444444444444", "eu-west-1", Principal("444444444444", "nobody"), {})
PROFILE = {"DomainId": "d-1", "UserProfileName": "alice", "Status": "InService", "CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}


def test_an_ordinary_page_is_not_looked_at_at_length() -> None:
    with mock.patch.object(validation, "problems_at_length", side_effect=AssertionError("at length")):
        check_answer(CALL, {"UserProfiles": [PROFILE] * 100, "NextToken": "next"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"Status": "Sleeping"}, "enum"), ({"Color": "red"}, "Color"), ({"UserProfileName": "a b"}, "pattern"), ({"DomainId": None}, "Invalid type")],
)
def test_one_wrong_member_of_a_page_is_found(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_answer(CALL, {"UserProfiles": [PROFILE] * 99 + [PROFILE | wrong]})


def test_an_unknown_member_of_an_answer_is_found() -> None:
    with pytest.raises(AssertionError, match="Profiles"):
        check_answer(CALL, {"Profiles": []})


def test_every_text_of_our_operations_has_a_pattern_that_python_knows() -> None:
    trace = replace(CALL, service="stepfunctions", operation="StartExecution", params={"stateMachineArn": "arn", "traceHeader": "Root=1-é"})
    with pytest.raises(AwsError, match="'traceHeader' failed to satisfy"):
        check_input(trace)
    check_input(replace(trace, params={"stateMachineArn": "arn", "traceHeader": "Root=1-2"}))
