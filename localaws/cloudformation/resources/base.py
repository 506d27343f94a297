"""What every handler of a resource type is, and what it works with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from localaws.cloud import AwsError, Cloud, Principal, Refused
from localaws.cloudformation.intrinsics import as_text
from localaws.cloudformation.resources.shapes import shaped

Properties = dict[str, Any]

INVOKED_BY = "cloudformation.amazonaws.com"
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "404")
"""What error codes of something that is not there (any more) hold."""


@dataclass(frozen=True)
class Made:
    """A resource as CloudFormation knows it: what ``Ref`` and ``Fn::GetAtt`` give."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    ref_value: str | None = None

    @property
    def ref(self) -> str:
        return self.physical_id if self.ref_value is None else self.ref_value


@dataclass
class Existing:
    """A resource that is there, with the properties it was made of."""

    made: Made
    properties: Properties


@dataclass(frozen=True)
class Context:
    """Where a handler acts: one resource of one stack, on behalf of whoever deploys."""

    cloud: Cloud
    account: str
    region: str
    principal: Principal
    stack_name: str
    stack_id: str
    logical_id: str
    partial: list[Made] = field(default_factory=list)

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an API with property values, as CloudFormation would for this stack."""
        client = self.cloud.client(service, self.region, self.principal)
        shape = client.meta.service_model.operation_model(operation).input_shape
        try:
            answer = getattr(client, xform_name(operation))(**shaped(params, shape))
        except ClientError as error:
            raise failure(error) from error
        except ParamValidationError as error:
            raise AwsError("ValidationError", f"Properties validation failed: {error}") from error
        answer.pop("ResponseMetadata", None)
        return dict(answer)

    def attempt(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an API about something that may not be there (any more): the answer is empty then."""
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if not any(part in error.code for part in _GONE):
                raise
            return {}

    def require_new(self, name: str, service: str, operation: str, **params: Any) -> None:
        """Fail where there is one of this name already: the API that creates it would take the other one over."""
        if self.attempt(service, operation, **params):
            raise AwsError("AlreadyExists", f"Resource with identifier '{name}' already exists.")

    def exists(self, made: Made) -> Made:
        """Say that the resource is there, before its creation goes on: if the rest fails, it is deleted again."""
        self.partial.append(made)
        return made

    def name(self, limit: int, separator: str = "-") -> str:
        """A name as CloudFormation gives it: stack, logical id, and 12 characters that make it new each time."""
        suffix = self.cloud.identifier(12).upper()
        prefix = f"{self.stack_name}{separator}{self.logical_id}"[: limit - len(suffix) - 1]
        return f"{prefix}{separator}{suffix}"


def failure(error: ClientError) -> AwsError:
    """A service's refusal, as a resource's status reason."""
    said = error.response["Error"]
    return AwsError(said.get("Code", "InternalFailure"), said.get("Message", ""), int(error.response["ResponseMetadata"]["HTTPStatusCode"]))


class ResourceType:
    """One type. A subclass names it, declares its properties and attributes, and registers itself.

    `create_only` properties cannot change in place: a change makes a new resource and deletes the old one. `no_effect` names the properties that
    are given to the API but change nothing on a laptop, and why.
    """

    name: ClassVar[str]
    properties: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    create_only: ClassVar[frozenset[str]] = frozenset()
    physical_name: ClassVar[str | None] = None
    """The property that names the resource: while it stays the same, the resource cannot be replaced."""
    attributes: ClassVar[frozenset[str]] = frozenset()
    no_effect: ClassVar[Mapping[str, str]] = {}
    updates_by_create: ClassVar[bool] = False
    """Whether creating it again over itself is how it changes."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "name"):
            _TYPES[cls.name] = cls()

    def check(self, logical_id: str, properties: Any) -> None:
        """Refuse properties that this handler does not take."""
        if not isinstance(properties, dict):
            raise AwsError("ValidationError", f"Template format error: the Properties of {logical_id} must be a mapping")
        if "Fn::Transform" in properties:
            raise Refused(f"{logical_id}: localaws applies no Fn::Transform ({_where(self)})")
        if unknown := sorted(set(properties) - self.properties):
            raise Refused(f"{logical_id}: localaws does not know the property {', '.join(unknown)} of {self.name} ({_where(self)})")
        if missing := sorted(self.required - set(properties)):
            raise AwsError(
                "ValidationError", f"Properties validation failed for resource {logical_id}: required key [{', '.join(missing)}] not found"
            )

    def check_attribute(self, logical_id: str, attribute: str) -> None:
        if attribute not in self.attributes:
            raise Refused(f"{logical_id}: localaws does not know the attribute {attribute} of {self.name} ({_where(self)})")

    def create(self, context: Context, properties: Properties) -> Made:
        raise NotImplementedError

    def update(self, context: Context, existing: Existing, after: Properties) -> Made:
        """Change it in place: only called where no `create_only` property changed."""
        if self.updates_by_create:
            return self.create(context, after)
        raise Refused(f"{context.logical_id}: localaws cannot change {existing.made.physical_id} of {self.name} in place ({_where(self)})")

    def delete(self, context: Context, existing: Existing) -> None:
        raise NotImplementedError


_TYPES: dict[str, ResourceType] = {}


def handler_of(type_name: str) -> ResourceType:
    """The handler of a type; `Refused` names a type that has none."""
    if type_name not in _TYPES:
        raise Refused(f"{type_name}: localaws has no handler for this resource type (localaws/cloudformation/resources)")
    return _TYPES[type_name]


def all_types() -> list[ResourceType]:
    return [_TYPES[name] for name in sorted(_TYPES)]


def no_effect_table() -> list[tuple[str, str, str]]:
    """Type, property and reason of everything that AWS honours and a laptop does not, for the documentation."""
    return sorted((kind.name, name, why) for kind in _TYPES.values() for name, why in kind.no_effect.items())


def _where(kind: ResourceType) -> str:
    return type(kind).__module__.replace(".", "/") + ".py"


# -- what many handlers do


def policy_text(document: Any) -> str:
    """A policy document as the APIs take it."""
    return document if isinstance(document, str) else json.dumps(document)


def picked(properties: Properties, *names: str) -> Properties:
    return {name: properties[name] for name in names if name in properties}


def changed(before: Properties, after: Properties) -> set[str]:
    return {name for name in {**before, **after} if before.get(name) != after.get(name)}


def tag_map(properties: Properties) -> dict[str, str]:
    """Tags by their keys. Those of the stack are among them: the engine puts them there."""
    return {tag["Key"]: as_text(tag["Value"]) for tag in properties.get("Tags", [])}


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_list(properties: Properties) -> list[dict[str, str]]:
    return listed(tag_map(properties))


def tag_changes(before: Properties, after: Properties) -> tuple[dict[str, str], list[str]]:
    """The tags to set, and the keys to take away."""
    old, new = tag_map(before), tag_map(after)
    return {key: value for key, value in new.items() if old.get(key) != value}, [key for key in old if key not in new]


def retag(context: Context, service: str, noun: str, tags: tuple[Properties, Properties], write: Callable[[dict[str, str]], Any], **of: str) -> None:
    """Change what differs between the tags before and after, with Tag<noun> and Untag<noun>. `of` names the resource as this API does, and `write`
    puts tags as it takes them."""
    put, gone = tag_changes(*tags)
    lower = next(iter(of))[0].islower()
    if put:
        context.call(service, f"Tag{noun}", **of, **{"tags" if lower else "Tags": write(put)})
    if gone:
        context.attempt(service, f"Untag{noun}", **of, **{"tagKeys" if lower else "TagKeys": gone})
