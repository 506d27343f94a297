"""Which cost tags should a user profile carry, and why? Pure: what is known comes in, a decision with its reasons goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TagToSet:
    """A tag that is missing (`before` is None) or has another value, and where the right value comes from."""

    key: str
    before: str | None
    after: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """`to_set` is what to write, empty when all is well. `missing_account_tags` are keys whose value nobody knows: never a guess."""

    to_set: tuple[TagToSet, ...]
    missing_account_tags: tuple[str, ...]


@dataclass(frozen=True)
class ProfileOwner:
    """Who uses a profile: the name it has in its domain and, in a domain with IAM Identity Center, the user it belongs to."""

    profile_name: str
    single_sign_on_user: str | None = None


def decide_cost_tags(
    owner: ProfileOwner, account_tags: Mapping[str, str], profile_tags: Mapping[str, str], *, user_key: str, account_keys: Sequence[str]
) -> Decision:
    """The user's tag and those of the account, as far as they are known. Tags under other keys are not ours: they are never looked at.

    A value of the account that is empty or blank counts as missing: as a cost center it would say nothing.
    """
    wanted = {user_key: _user(owner)}
    wanted |= {key: (account_tags[key], f"account tag {key}") for key in account_keys if account_tags.get(key, "").strip()}
    return Decision(
        to_set=tuple(
            TagToSet(key, profile_tags.get(key), value, reason) for key, (value, reason) in wanted.items() if profile_tags.get(key) != value
        ),
        missing_account_tags=tuple(key for key in account_keys if key not in wanted),
    )


def _user(owner: ProfileOwner) -> tuple[str, str]:
    if owner.single_sign_on_user:
        return owner.single_sign_on_user, "user in IAM Identity Center"
    return owner.profile_name, "name of the user profile"
