"""What would the workflows do for this Studio? Foretold by the same rules that they decide by, and nothing else: a rule of its own would one day
say something else than they do, and start executions for nothing, day after day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steward.changes import Finding
from steward.cost_tags import broken, user_of, what_is_unknown
from steward.resources.profiles import UserProfile
from steward.resources.spaces import Space
from steward.resources.studio import Stage
from steward.resources.studios import Studio
from steward.rules.tags import decide_cost_tags
from steward.sweeps import DomainPlace, Start

Tags = Mapping[str, str]


@dataclass(frozen=True)
class CostTags:
    """What profile_cost_tagging is deployed with."""

    user_key: str
    account_keys: Sequence[str]

    def compare(self, place: DomainPlace, studio: Studio, tags: Mapping[str, Tags | None]) -> Iterator[Start | Finding]:
        """An execution for each profile and space that lacks a tag that it can have. `tags` by ARN: who is not in there has none, and who has None
        is gone meanwhile.

        What is not in service yet has an execution that waits for it; should that have been lost, it is found the next time.
        """
        profiles = {profile.name: profile for profile in studio.profiles}
        members: tuple[UserProfile | Space, ...] = (*studio.profiles, *studio.spaces)
        for resource in members:
            present = tags.get(resource.arn, {})
            if resource.stage is Stage.BROKEN:
                yield broken(resource)
            elif resource.stage is Stage.USABLE and present is not None:
                yield from self._compare(place, resource, profiles, tags.get(studio.domain.arn) or {}, present)

    def _compare(
        self, place: DomainPlace, resource: UserProfile | Space, profiles: Mapping[str, UserProfile], domain_tags: Tags, present: Tags
    ) -> Iterator[Start | Finding]:
        decision = decide_cost_tags(
            user_of(resource, profiles.get),
            account_tags=place.account_tags,
            domain_tags=domain_tags,
            present=present,
            user_key=self.user_key,
            account_keys=self.account_keys,
        )
        yield from what_is_unknown(resource, decision, account_id=place.account_id, account_arn=place.account_arn, user_tag_key=self.user_key)
        if decision.to_set:
            differences = ", ".join(f"{tag.key} is {'missing' if tag.before is None else 'another'}" for tag in decision.to_set)
            yield Start(
                workflow="profile_cost_tagging",
                account_id=place.account_id,
                region=place.region,
                held=place.held,
                resource=resource.arn,
                reason=differences,
                domain_id=place.domain_id,
                **({"user_profile_name": resource.name} if isinstance(resource, UserProfile) else {"space_name": resource.name}),
            )
