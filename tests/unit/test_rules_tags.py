"""What decide_cost_tags promises, for any account, profile and keys."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from steward.rules.tags import Decision, ProfileOwner, TagToSet, decide_cost_tags

USER, PROJECT, COST_CENTER, OWNER = "ml:user", "ml:project", "ml:cost-center", "ml:owner"
ACCOUNT_KEYS = (PROJECT, COST_CENTER, OWNER)
ACCOUNT = {PROJECT: "fraud", COST_CENTER: "R-4711", OWNER: "fraud-team", "ml:stage": "dev"}

keys = st.sampled_from([USER, *ACCOUNT_KEYS, "ml:stage", "team", "cost-center"])
values = st.sampled_from(["", " ", "fraud", "R-4711", "fraud-team", "alice"])
tags = st.dictionaries(keys, values)
owners = st.builds(ProfileOwner, st.sampled_from(["alice", "bob"]), st.sampled_from([None, "alice@example.com"]))


def decide(owner: ProfileOwner, account_tags: Mapping[str, str], profile_tags: Mapping[str, str]) -> Decision:
    return decide_cost_tags(owner, account_tags, profile_tags, user_key=USER, account_keys=ACCOUNT_KEYS)


def after(profile_tags: Mapping[str, str], decision: Decision) -> dict[str, str]:
    return dict(profile_tags) | {tag.key: tag.after for tag in decision.to_set}


def test_a_new_profile_gets_all_four_tags_each_with_its_reason() -> None:
    assert decide(ProfileOwner("alice"), ACCOUNT, {}) == Decision(
        to_set=(
            TagToSet(USER, None, "alice", "name of the user profile"),
            TagToSet(PROJECT, None, "fraud", "account tag ml:project"),
            TagToSet(COST_CENTER, None, "R-4711", "account tag ml:cost-center"),
            TagToSet(OWNER, None, "fraud-team", "account tag ml:owner"),
        ),
        missing_account_tags=(),
    )


def test_only_what_is_missing_or_different_is_set() -> None:
    profile_tags = {USER: "alice", PROJECT: "fraud", COST_CENTER: "typed-by-hand", "team": "models"}
    assert decide(ProfileOwner("alice"), ACCOUNT, profile_tags).to_set == (
        TagToSet(COST_CENTER, "typed-by-hand", "R-4711", "account tag ml:cost-center"),
        TagToSet(OWNER, None, "fraud-team", "account tag ml:owner"),
    )


def test_in_a_domain_with_identity_center_the_user_is_the_one_who_signs_in() -> None:
    decision = decide(ProfileOwner("alice-1f3a", "alice@example.com"), ACCOUNT, {})
    assert decision.to_set[0] == TagToSet(USER, None, "alice@example.com", "user in IAM Identity Center")


def test_what_the_account_does_not_say_is_missing_and_the_rest_is_set() -> None:
    decision = decide(ProfileOwner("alice"), {PROJECT: "fraud", COST_CENTER: " "}, {})
    assert [tag.key for tag in decision.to_set] == [USER, PROJECT]
    assert decision.missing_account_tags == (COST_CENTER, OWNER)


@given(owners, tags, tags)
def test_what_was_decided_once_needs_no_second_decision(owner: ProfileOwner, account_tags: dict[str, str], profile_tags: dict[str, str]) -> None:
    decision = decide(owner, account_tags, profile_tags)
    assert decide(owner, account_tags, after(profile_tags, decision)) == Decision((), decision.missing_account_tags)


@given(owners, tags, tags)
def test_tags_under_other_keys_are_never_touched(owner: ProfileOwner, account_tags: dict[str, str], profile_tags: dict[str, str]) -> None:
    decision = decide(owner, account_tags, profile_tags)
    ours = {USER, *ACCOUNT_KEYS}
    assert {key: value for key, value in after(profile_tags, decision).items() if key not in ours} == {
        key: value for key, value in profile_tags.items() if key not in ours
    }


@given(owners, tags, tags)
def test_nothing_is_guessed(owner: ProfileOwner, account_tags: dict[str, str], profile_tags: dict[str, str]) -> None:
    """Each key of the account is either as the account says, or reported missing and left as it is."""
    decision = decide(owner, account_tags, profile_tags)
    result = after(profile_tags, decision)
    for key in ACCOUNT_KEYS:
        if key in decision.missing_account_tags:
            assert not account_tags.get(key, "").strip()
            assert result.get(key) == profile_tags.get(key)
        else:
            assert result[key] == account_tags[key]


@given(owners, tags, tags)
def test_every_change_says_what_was_there(owner: ProfileOwner, account_tags: dict[str, str], profile_tags: dict[str, str]) -> None:
    for tag in decide(owner, account_tags, profile_tags).to_set:
        assert tag.before == profile_tags.get(tag.key) != tag.after
        assert tag.reason
