"""Which execution roles should be associated with the template portfolio, and which of ours should not be any more? Pure."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

MOST_PRINCIPALS = 100
"""A portfolio takes no more (https://docs.aws.amazon.com/servicecatalog/latest/adminguide/limits.html)."""

LOCATION_TAG = "sagemaker:projectS3TemplatesLocation"
"""The tag of a domain that says where Studio finds templates of one's own."""

PRINCIPAL = "principal:"
"""A change of who may use a portfolio has this before the role's ARN for its field."""

_OF_CATALOG = ["ApiGateway", "Cloudformation", "CodeBuild", "CodePipeline", "Events", "Execution", "Firehose", "Glue", "Lambda", "Launch", "Use"]
_OF_S3 = ["Cloudformation", "CodeBuild", "CodePipeline", "Events", "Execution", "Lambda", "Launch", "Use"]

UNUSED = "no domain and no user profile has this role any more"


@dataclass(frozen=True)
class Association:
    """A role that is to be associated, or released, and why."""

    role_arn: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """`without_room` are roles in use for which the portfolio has no room. `forgotten` are recorded as ours, neither there nor in use: somebody
    took them away, which is as well."""

    to_associate: tuple[Association, ...]
    to_release: tuple[Association, ...]
    without_room: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


def decide_access(uses: Mapping[tuple[str, str], str], associated: Set[str], ours: Set[str], *, principals: int) -> Decision:
    """`uses`: the role of each user, who is the id of a domain and who in it. `associated`: the roles in the portfolio; `ours`: those that we
    associated. `principals`: how many the portfolio has of all kinds.

    A role that somebody else associated is used as it is, and never released, whoever uses it.
    """
    users = {role: min(user for user, used in uses.items() if used == role) for role in set(uses.values())}
    released = sorted((ours & associated) - users.keys())
    missing = sorted(users.keys() - associated)
    room = max(0, MOST_PRINCIPALS - principals + len(released))
    return Decision(
        to_associate=tuple(Association(role, f"execution role of {_in_words(users[role])}") for role in missing[:room]),
        to_release=tuple(Association(role, UNUSED) for role in released),
        without_room=tuple(missing[room:]),
        forgotten=tuple(sorted(ours - associated - users.keys())),
    )


@dataclass(frozen=True)
class Location:
    """`to_set`: whether the domain's tag is to be written. `is_somebody_elses`: it says another place, and we did not write that."""

    to_set: bool = False
    is_somebody_elses: bool = False


def decide_location(present: str | None, wanted: str, recorded: str | None) -> Location:
    """Of the tag that says where a domain has its templates: `present` is its value, `recorded` the value that we last wrote, None for neither."""
    if present == wanted:
        return Location()
    return Location(to_set=True) if present in (None, recorded) else Location(is_somebody_elses=True)


def missing_service_roles(there: Set[str], *, templates_in_s3: bool) -> tuple[str, ...]:
    """The names of those service roles that SageMaker's templates pass on, and templates in S3 besides, which are not among the names `there`."""
    needed = [f"AmazonSageMakerServiceCatalogProducts{name}Role" for name in _OF_CATALOG]
    needed += [f"AmazonSageMakerProjects{name}Role" for name in _OF_S3 if templates_in_s3]
    return tuple(name for name in needed if name not in there)


def objects_of(location: str, partition: str) -> str:
    """The ARN of all objects under ``s3://bucket/prefix``."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    return f"arn:{partition}:s3:::{bucket}/{prefix.rstrip('/') + '/' if prefix.rstrip('/') else ''}*"


def _in_words(user: tuple[str, str]) -> str:
    domain_id, who = user
    kind, _, name = who.partition("/")
    return f"user profile {name} in domain {domain_id}" if name else f"domain {domain_id}, {kind} settings"
