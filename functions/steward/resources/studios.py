"""A whole Studio: one domain, with every user profile and space in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from steward.resources.domains import Domain, describe_domain
from steward.resources.profiles import UserProfile, describe_user_profile, list_user_profiles
from steward.resources.spaces import Space, describe_space, list_spaces
from steward.resources.studio import Stage

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Name = TypeVar("Name")
Read = TypeVar("Read")


class InTurn(Protocol):
    """What `map` is, and a pool's `map`: the answers in the order of what was asked for."""

    def __call__(self, read: Callable[[Name], Read], names: Iterable[Name], /) -> Iterable[Read]: ...


@dataclass(frozen=True)
class Studio:
    """`profiles` and `spaces` in the order of SageMaker's lists, without those that are being deleted."""

    domain: Domain
    profiles: tuple[UserProfile, ...]
    spaces: tuple[Space, ...]

    @property
    def execution_roles(self) -> frozenset[str]:
        """The ARNs of all execution roles in use: the domain's defaults, and each profile's own."""
        return self.domain.execution_roles | {profile.execution_role for profile in self.profiles if profile.execution_role}


def read_studio(sagemaker: "SageMakerClient", domain_id: str) -> Studio | None:
    """The whole of one domain, or None where it is gone: a page of 100 each for profiles and spaces, and each of them described once. One that goes
    between the list and its description is left out."""
    domain = describe_domain(sagemaker, domain_id)
    return None if domain is None else read_studio_of(sagemaker, domain)


def read_studio_of(sagemaker: "SageMakerClient", domain: Domain, in_turn: "InTurn" = map) -> Studio:
    """The same, of a domain that is described already. `in_turn` describes one after the other, like `map`, or some at a time, like a pool's."""
    names = [one.name for one in list_user_profiles(sagemaker, domain.domain_id) if one.stage is not Stage.LEAVING]
    profiles = tuple(in_turn(partial(describe_user_profile, sagemaker, domain.domain_id), names))
    names = [one.name for one in list_spaces(sagemaker, domain.domain_id) if one.stage is not Stage.LEAVING]
    spaces = tuple(in_turn(partial(describe_space, sagemaker, domain.domain_id), names))
    return Studio(
        domain=domain,
        profiles=tuple(one for one in profiles if one is not None and one.stage is not Stage.LEAVING),
        spaces=tuple(one for one in spaces if one is not None and one.stage is not Stage.LEAVING),
    )
