"""What people are told of cost tags, whoever looked: the workflow after an event, or the reconciliation. And whose a profile or a space is."""

from collections.abc import Callable, Iterator

from steward.changes import Finding
from steward.resources.profiles import UserProfile
from steward.resources.spaces import Space
from steward.rules.tags import FULL, Decision, Known, user_of_profile


def user_of(resource: UserProfile | Space, owner: Callable[[str], UserProfile | None]) -> Known | None:
    """Whose it is; None where it is nobody's alone. `owner` gives the profile of that name in the same domain, or None where it is gone."""
    if isinstance(resource, UserProfile):
        return user_of_profile(resource.name, resource.single_sign_on_user)
    if resource.owner_profile_name is None:
        return None
    profile = owner(resource.owner_profile_name)
    if profile is None:
        return Known("", "owner of the space")
    user = user_of_profile(profile.name, profile.single_sign_on_user)
    return Known(user.value, f"owner of the space, {user.source}")


def what_is_unknown(resource: UserProfile | Space, decision: Decision, *, account_id: str, account_arn: str, user_tag_key: str) -> Iterator[Finding]:
    """What only people can put right before a profile or a space has all its tags."""
    for key in decision.missing:
        if key == user_tag_key:
            message = f"Whose {resource.name} is cannot be told, so its tag {key} is left as it is. See to its owner, or set the tag by hand."
            yield Finding("UserUnknown", resource.arn, message)
        else:
            message = (
                f"Neither account {account_id} nor the domain of {resource.name} has a tag {key} with a value that can be taken over, so "
                f"{resource.name} goes without it. Tag the account in Organizations: the tag follows by the next reconciliation, or sooner when "
                f"{resource.name} is changed or somebody starts an execution for it."
            )
            yield Finding("AccountTagMissing", account_arn, message)
    if decision.without_room:
        message = (
            f"{resource.name} has {FULL} tags or more and 50 are the most, so {', '.join(decision.without_room)} was not added. Remove tags that it "
            "does not need: ours follow by themselves."
        )
        yield Finding("TagLimitReached", resource.arn, message)


def broken(resource: UserProfile | Space) -> Finding:
    """SageMaker could not make it, or not delete it."""
    kind = "ProfileFailed" if isinstance(resource, UserProfile) else "SpaceFailed"
    message = f"{resource.name} is {resource.status}, it was not tagged. SageMaker says: {resource.failure_reason or 'nothing'}"
    return Finding(kind, resource.arn, message)
