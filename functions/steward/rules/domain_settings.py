"""What should a Studio domain be like, and why? Pure: tags that are propagated, and tags that it has from its account."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum

from steward.rules.tags import FULL, TagToSet, fit_for_tag

MOST_TAGS = 50
AUTOMATIC_TAGS = ("sagemaker:domain-arn", "sagemaker:user-profile-arn", "sagemaker:space-arn")
"""SageMaker puts them on all that is made in Studio, and they
count (https://docs.aws.amazon.com/sagemaker/latest/dg/custom-tags.html)."""


class RoleSays(Enum):
    """What came of asking whether an execution role may tag what it makes."""

    YES = "it may"
    NO = "it may not"
    MISSING = "there is no such role"


@dataclass(frozen=True)
class Propagation:
    """`switch_on`: TagPropagation is off, and nothing stands against it. The rest stands against it, on or off: execution roles that may not tag,
    or are not there, and `most_tags`, how many tags something could come to have, None where that is few enough."""

    switch_on: bool
    not_allowed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    most_tags: int | None = None


def decide_propagation(roles: Mapping[str, RoleSays], most_tags: int, *, is_on: bool) -> Propagation:
    """With TagPropagation on, who may not tag can create nothing any more, and neither can anybody where a thing would have more than 50 tags."""
    not_allowed = tuple(sorted(role for role, says in roles.items() if says is RoleSays.NO))
    missing = tuple(sorted(role for role, says in roles.items() if says is RoleSays.MISSING))
    too_many = most_tags >= MOST_TAGS
    return Propagation(
        switch_on=not (is_on or not_allowed or missing or too_many),
        not_allowed=not_allowed,
        missing=missing,
        most_tags=most_tags if too_many else None,
    )


def most_tags_together(
    domain: Iterable[str], profiles: Mapping[str, Iterable[str]], spaces: Sequence[tuple[str | None, Iterable[str]]], ours: Set[str]
) -> int:
    """How many tags something made in Studio can come to have, SageMaker's own included: those of the domain, of one profile and of one space.

    All are tag keys: of the domain, of each profile by its name, and of each space with its owner's name, None where several work in it: then whoever
    has the most counts. `ours` are the keys that we put on profiles and spaces: they count before they are there. One key on several is one tag.
    """
    every = _own(domain) | ours
    of_profiles = {name: _own(keys) for name, keys in profiles.items()}
    alone = [frozenset[str](), *of_profiles.values()]
    with_space = [_own(keys) | user for owner, keys in spaces for user in (alone if owner is None else [of_profiles.get(owner, frozenset())])]
    return max(len(every | keys) for keys in (*alone, *with_space)) + len(AUTOMATIC_TAGS)


def decide_domain_tags(
    account_tags: Mapping[str, str], domain_tags: Mapping[str, str], copied: Mapping[str, str], keys: Sequence[str]
) -> Iterator[TagToSet]:
    """The account's tags that the domain lacks, and those that it has as a copy of ours (`copied`, key and value) while the account's have changed.

    Any other value is the domain's own, and stays.
    """
    for key in keys:
        wanted, done = fit_for_tag(account_tags.get(key, ""))
        present = domain_tags.get(key)
        is_copy = present is not None and copied.get(key) == present
        has_room = present is not None or len(domain_tags) < FULL
        if wanted and wanted != present and has_room and (not present or is_copy):
            yield TagToSet(key, present, wanted, f"account tag {key}" + (f", {done}" if done else ""))


def _own(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(key for key in keys if is_propagated(key))


def is_propagated(key: str) -> bool:
    """All are but the tags of AWS itself."""
    return not key.startswith("aws:")
