"""Which execution roles are in use in one member account and Region: what SageMaker says now, and what we remember.

Records spare calls: a profile whose LastModifiedTime is the recorded one is not described. What is seen otherwise is recorded, unless a brake
holds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steward.resources.domains import Domain, describe_domain, list_domain_ids
from steward.resources.profiles import UserProfile, describe_user_profile, list_user_profiles
from steward.resources.records import DEFAULT, PROFILE, SPACE_DEFAULT, Place, Records, Use, User
from steward.resources.studio import Listed, Stage

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Seen = Mapping[User, Use | None]
"""The use of each user that was looked at; None: it is gone, or nobody's whom we look after. Who is not in it stays as recorded."""


def look_at_profile(records: Records, domain_id: str, name: str, profile: UserProfile | None, domain: Domain | None) -> Seen:
    """One user profile and the defaults of its domain, both as they were just described."""
    seen = dict(_look_at_defaults(records, domain_id, domain))
    if domain is None or domain.stage is Stage.LEAVING or domain.is_of_unified_studio:
        return seen
    return seen | {(domain_id, PROFILE + name): _use_of(profile)}


def look_at_domain(sagemaker: "SageMakerClient", records: Records, domain_id: str, domain: Domain | None) -> Seen:
    """One domain, as it was just described, and those of its profiles that may have changed."""
    return _look_at(sagemaker, records, {domain_id: domain}, lambda: list_user_profiles(sagemaker, domain_id))


def look_at_all(sagemaker: "SageMakerClient", records: Records) -> Seen:
    """Each domain, and those of all profiles that may have changed. The profiles are listed in one go, a hundred a page."""
    recorded = {domain_id for domain_id, _ in records.known}
    there = {domain_id: describe_domain(sagemaker, domain_id) for domain_id in list_domain_ids(sagemaker)}
    return _look_at(sagemaker, records, dict.fromkeys(recorded) | there, lambda: list_user_profiles(sagemaker))


def differences(records: Records, seen: Seen) -> dict[User, Use | None]:
    """What was seen and is not recorded so."""
    return {user: use for user, use in seen.items() if records.known.get(user) != use}


def with_seen(records: Records, seen: Seen) -> Records:
    """The records as they should be."""
    known = {user: use for user, use in ({**records.known, **seen}).items() if use is not None}
    return replace(records, known=known)


def record(place: Place, different: Mapping[User, Use | None]) -> None:
    """Write down what was seen differently."""
    for user, use in different.items():
        if use is None:
            place.delete_use(user)
        else:
            place.put_use(user, use)


@dataclass(frozen=True)
class Look:
    """`records` as they are after the look; `is_settled` is False where what was just recorded is not so any more."""

    records: Records
    is_settled: bool = True


def look_and_record(place: Place, records: Records, look: Callable[[Records], Seen], look_again: Callable[[Records], Seen], *, held: bool) -> Look:
    """Look, and record what is different; then look again, since somebody else may have recorded something newer before us. While a brake holds
    nothing is recorded, and the records are answered as they would be."""
    seen = look(records)
    different = differences(records, seen)
    now = with_seen(records, seen)
    if held or not different:
        return Look(now)
    record(place, different)
    return Look(now, is_settled=not differences(now, look_again(now)))


def _look_at(sagemaker: "SageMakerClient", records: Records, domains: Mapping[str, Domain | None], profiles: Callable[[], Iterable[Listed]]) -> Seen:
    seen: dict[User, Use | None] = {}
    for domain_id, domain in domains.items():
        seen |= _look_at_defaults(records, domain_id, domain)
    ours = {id_ for id_, domain in domains.items() if domain and domain.stage is not Stage.LEAVING and not domain.is_of_unified_studio}
    listed = {(one.domain_id, PROFILE + one.name): one for one in profiles() if one.domain_id in ours} if ours else {}
    for user in records.known:
        if user[0] in ours and user[1].startswith(PROFILE) and user not in listed:
            seen[user] = None
    for user, one in listed.items():
        seen |= _look_at_listed(sagemaker, records, user, one)
    return seen


def _look_at_listed(sagemaker: "SageMakerClient", records: Records, user: User, one: Listed) -> Seen:
    """One that is broken stays as it is recorded, as does one that has not changed."""
    recorded = records.known.get(user)
    if one.stage is Stage.LEAVING:
        return {user: None}
    if one.stage is Stage.BROKEN or (recorded is not None and recorded.seen == one.last_modified.isoformat()):
        return {}
    return {user: _use_of(describe_user_profile(sagemaker, one.domain_id, one.name))}


def _look_at_defaults(records: Records, domain_id: str, domain: Domain | None) -> Seen:
    """A domain that is gone, or belongs to Unified Studio, takes all its users with it."""
    if domain is None or domain.stage is Stage.LEAVING or domain.is_of_unified_studio:
        return {user: None for user in records.known if user[0] == domain_id}
    roles = {DEFAULT: domain.default_user_settings.get("ExecutionRole"), SPACE_DEFAULT: (domain.default_space_settings or {}).get("ExecutionRole")}
    return {(domain_id, who): Use(role) if role else None for who, role in roles.items()}


def _use_of(profile: UserProfile | None) -> Use | None:
    """While it is pending or updating, its role may still become another one without its time moving: so no time is recorded."""
    if profile is None or profile.stage is Stage.LEAVING:
        return None
    return Use(profile.execution_role, profile.last_modified.isoformat() if profile.stage is Stage.USABLE else None)
