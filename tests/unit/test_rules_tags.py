"""What decide_cost_tags promises, for any account, domain, profile and keys."""

import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward.rules.tags import FULL, LONGEST_VALUE, Decision, Known, TagToSet, decide_cost_tags, fit_for_tag, user_of_profile

USER, PROJECT, COST_CENTER, OWNER = "ml:user", "ml:project", "ml:cost-center", "ml:owner"
ACCOUNT_KEYS = (PROJECT, COST_CENTER, OWNER)
ACCOUNT = {PROJECT: "fraud", COST_CENTER: "R-4711", OWNER: "fraud-team", "ml:stage": "dev"}
ALICE = user_of_profile("alice", None)

keys = st.sampled_from([USER, *ACCOUNT_KEYS, "ml:stage", "team", "cost-center"])
values = st.sampled_from(["", " ", "fraud", "R-4711", "fraud-team", "alice", "R&D", "&", "x" * 300])
tags = st.dictionaries(keys, values)
crowded = st.builds(lambda present, number: present | {f"team-{index}": "x" for index in range(number)}, tags, st.integers(0, 50))
users = st.one_of(st.none(), st.builds(user_of_profile, st.sampled_from(["alice", "bob"]), st.sampled_from([None, "alice@example.com", "o'brien"])))


def decide(user: Known | None, account: Mapping[str, str], present: Mapping[str, str], domain: Mapping[str, str] | None = None) -> Decision:
    return decide_cost_tags(user, account, domain or {}, present, user_key=USER, account_keys=ACCOUNT_KEYS)


def after(present: Mapping[str, str], decision: Decision) -> dict[str, str]:
    return dict(present) | {tag.key: tag.after for tag in decision.to_set}


def test_a_new_profile_gets_all_four_tags_each_with_its_reason() -> None:
    assert decide(ALICE, ACCOUNT, {}) == Decision(
        to_set=(
            TagToSet(USER, None, "alice", "name of the user profile"),
            TagToSet(PROJECT, None, "fraud", "account tag ml:project"),
            TagToSet(COST_CENTER, None, "R-4711", "account tag ml:cost-center"),
            TagToSet(OWNER, None, "fraud-team", "account tag ml:owner"),
        )
    )


def test_only_what_is_missing_or_different_is_set() -> None:
    present = {USER: "alice", PROJECT: "fraud", COST_CENTER: "typed-by-hand", "team": "models"}
    assert decide(ALICE, ACCOUNT, present).to_set == (
        TagToSet(COST_CENTER, "typed-by-hand", "R-4711", "account tag ml:cost-center"),
        TagToSet(OWNER, None, "fraud-team", "account tag ml:owner"),
    )


def test_in_a_domain_with_identity_center_the_user_is_the_one_who_signs_in() -> None:
    decision = decide(user_of_profile("alice-1f3a", "alice@example.com"), ACCOUNT, {})
    assert decision.to_set[0] == TagToSet(USER, None, "alice@example.com", "user in IAM Identity Center")


def test_what_is_nobodys_alone_gets_no_user_and_keeps_the_one_it_has() -> None:
    decision = decide(None, ACCOUNT, {USER: "the team"})
    assert [tag.key for tag in decision.to_set] == [*ACCOUNT_KEYS]
    assert decision.missing == ()


def test_a_user_whom_nobody_knows_is_missing() -> None:
    assert decide(Known("", "owner of the space"), ACCOUNT, ACCOUNT) == Decision((), missing=(USER,))


def test_what_the_account_does_not_say_is_missing_and_the_rest_is_set() -> None:
    decision = decide(ALICE, {PROJECT: "fraud", COST_CENTER: " ", OWNER: "&&"}, {})
    assert [tag.key for tag in decision.to_set] == [USER, PROJECT]
    assert decision.missing == (COST_CENTER, OWNER)


@pytest.mark.parametrize(
    ("domain", "account", "value", "reason"),
    [
        ("R-1", "R-2", "R-1", "domain tag ml:cost-center, which goes before the account's"),
        ("R-1", None, "R-1", "domain tag ml:cost-center"),
        (" ", "R-2", "R-2", "account tag ml:cost-center"),
        ("&", "R-2", "R-2", "account tag ml:cost-center"),
        ("R&D", "R-2", "R_D", "domain tag ml:cost-center, which goes before the account's, with _ for each character that AWS does not take"),
    ],
)
def test_a_domains_own_tag_goes_before_the_accounts(domain: str, account: str | None, value: str, reason: str) -> None:
    of_account = {} if account is None else {COST_CENTER: account}
    decision = decide_cost_tags(None, of_account, {COST_CENTER: domain}, {}, user_key=USER, account_keys=[COST_CENTER])
    assert decision == Decision((TagToSet(COST_CENTER, None, value, reason),))


def test_a_domain_says_nothing_about_the_user() -> None:
    assert decide(ALICE, ACCOUNT, {}, {USER: "mallory"}).to_set[0].after == "alice"


@pytest.mark.parametrize(("others", "added"), [(FULL - 1, True), (FULL, False), (FULL + 5, False)])
def test_from_the_forty_fifth_tag_on_nothing_is_added(others: int, added: bool) -> None:
    decision = decide(ALICE, ACCOUNT, {f"team-{number}": "x" for number in range(others)})
    everything = (USER, *ACCOUNT_KEYS)
    assert (tuple(tag.key for tag in decision.to_set), decision.without_room) == ((everything, ()) if added else ((), everything))


def test_what_is_full_is_still_corrected() -> None:
    present = {f"team-{number}": "x" for number in range(FULL)} | {OWNER: "somebody"}
    decision = decide(ALICE, ACCOUNT, present)
    assert decision.to_set == (TagToSet(OWNER, "somebody", "fraud-team", "account tag ml:owner"),)
    assert decision.without_room == (USER, PROJECT, COST_CENTER)


# -- values


@pytest.mark.parametrize(
    ("value", "fitted", "done"),
    [
        ("R-4711", "R-4711", ""),
        ("Zürich 東京 ١٢", "Zürich 東京 ١٢", ""),
        ("a_b.c:d/e=f+g-h@i", "a_b.c:d/e=f+g-h@i", ""),
        ("R&D", "R_D", "with _ for each character that AWS does not take"),
        ("tab\tand\nline", "tab_and_line", "with _ for each character that AWS does not take"),
        ("Zu\u0308rich", "Zürich", "with its accents composed"),
        ("x" * 257, "x" * 256, "cut to 256 characters"),
        ("&" * 255 + "xyz", "_" * 255 + "x", "with _ for each character that AWS does not take, cut to 256 characters"),
        ("\ud800x", "_x", "with _ for each character that AWS does not take"),
        ("🦆 pond", "_ pond", "with _ for each character that AWS does not take"),
        ("", "", ""),
        ("  ", "", ""),
        ("&&&", "", ""),
        ("& &", "", ""),
        ("___", "___", ""),
    ],
)
def test_a_value_is_brought_into_form_and_it_is_said_how(value: str, fitted: str, done: str) -> None:
    assert fit_for_tag(value) == (fitted, done)


@given(st.one_of(st.text(), st.text(min_size=250, max_size=300), st.text("ab& \u0308", min_size=250, max_size=270)))
def test_aws_takes_what_came_out_and_nothing_is_done_to_it_again(value: str) -> None:
    fitted, done = fit_for_tag(value)
    assert len(fitted) <= LONGEST_VALUE
    assert all(unicodedata.category(letter)[0] in "LZN" or letter in "_.:/=+-@" for letter in fitted)
    assert bool(done) is (bool(fitted) and fitted != value)
    assert fit_for_tag(fitted) == (fitted, "")


# -- for any tags at all


@given(users, tags, tags, crowded)
def test_what_was_decided_once_needs_no_second_decision(
    user: Known | None, account: dict[str, str], domain: dict[str, str], present: dict[str, str]
) -> None:
    decision = decide(user, account, present, domain)
    again = decide(user, account, after(present, decision), domain)
    assert again.to_set == ()
    assert again.missing == decision.missing


@given(users, tags, tags, crowded)
def test_tags_under_other_keys_are_never_touched(
    user: Known | None, account: dict[str, str], domain: dict[str, str], present: dict[str, str]
) -> None:
    ours = {USER, *ACCOUNT_KEYS} if user else {*ACCOUNT_KEYS}
    result = after(present, decide(user, account, present, domain))
    assert {key: value for key, value in result.items() if key not in ours} == {key: value for key, value in present.items() if key not in ours}


@given(users, tags, tags, crowded)
def test_nothing_is_guessed(user: Known | None, account: dict[str, str], domain: dict[str, str], present: dict[str, str]) -> None:
    """Each key is as the domain or else the account says, or reported missing, or without room, and then left as it is."""
    decision = decide(user, account, present, domain)
    result = after(present, decision)
    for key in ACCOUNT_KEYS:
        wanted = fit_for_tag(domain.get(key, ""))[0] or fit_for_tag(account.get(key, ""))[0]
        assert (key in decision.missing) is not bool(wanted)
        if key in decision.missing or key in decision.without_room:
            assert result.get(key) == present.get(key)
        else:
            assert result[key] == wanted


@given(users, tags, tags, crowded)
def test_a_thing_never_gets_more_than_fifty_tags(
    user: Known | None, account: dict[str, str], domain: dict[str, str], present: dict[str, str]
) -> None:
    decision = decide(user, account, present, domain)
    assert len(after(present, decision)) <= max(50, len(present))
    assert not decision.without_room or len(present) >= FULL


@given(users, tags, tags, crowded)
def test_every_change_says_what_was_there(user: Known | None, account: dict[str, str], domain: dict[str, str], present: dict[str, str]) -> None:
    for tag in decide(user, account, present, domain).to_set:
        assert tag.before == present.get(tag.key) != tag.after
        assert tag.reason
