"""Whether tags may be propagated, and which tags a domain has from its account."""

import pytest

from steward.rules.domain_settings import Propagation, RoleSays, decide_domain_tags, decide_propagation, most_tags_together

KEYS = ("ml:project", "ml:cost-center", "ml:owner")
OURS = frozenset({"ml:user", *KEYS})


def keys(name: str, count: int) -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


@pytest.mark.parametrize(("is_on", "switch_on"), [(False, True), (True, False)])
def test_it_is_switched_on_where_every_role_can_bear_it(is_on: bool, switch_on: bool) -> None:
    assert decide_propagation({"a": RoleSays.YES, "b": RoleSays.YES}, 49, is_on=is_on) == Propagation(switch_on=switch_on)


@pytest.mark.parametrize("is_on", [False, True])
def test_whatever_stands_against_it_is_said_on_or_off(is_on: bool) -> None:
    """Trap 33: with 50 tags, or a role that may not tag, nothing can be created any more."""
    roles = {"z": RoleSays.NO, "a": RoleSays.NO, "m": RoleSays.MISSING, "y": RoleSays.YES}
    assert decide_propagation(roles, 50, is_on=is_on) == Propagation(switch_on=False, not_allowed=("a", "z"), missing=("m",), most_tags=50)


def test_tags_of_an_empty_domain_are_its_own_and_ours_to_come_and_the_automatic_ones() -> None:
    assert most_tags_together(keys("d", 2), {}, [], OURS) == 2 + 4 + 3


def test_the_profile_with_the_most_tags_counts_and_one_key_in_several_places_once() -> None:
    profiles = {"ann": [*keys("a", 5), "ml:user"], "ben": [*keys("d", 2), "ml:project"]}
    assert most_tags_together([*keys("d", 2), "ml:project"], profiles, [], OURS) == 2 + 5 + 4 + 3


def test_a_private_space_comes_with_its_owner_and_a_shared_one_with_whoever_has_the_most() -> None:
    profiles = {"ann": keys("a", 10), "ben": keys("b", 1)}
    assert most_tags_together([], profiles, [("ben", keys("s", 20))], frozenset()) == 1 + 20 + 3
    assert most_tags_together([], profiles, [(None, keys("s", 20))], frozenset()) == 10 + 20 + 3
    assert most_tags_together([], profiles, [("gone", keys("s", 20))], frozenset()) == 20 + 3


def test_tags_of_aws_are_not_propagated() -> None:
    assert most_tags_together(["aws:cloudformation:stack-name"], {"ann": ["aws:x"]}, [], frozenset()) == 3


def of(account: dict[str, str], domain: dict[str, str], copied: dict[str, str] | None = None) -> list[tuple[str, str | None, str]]:
    return [(tag.key, tag.before, tag.after) for tag in decide_domain_tags(account, domain, copied or {}, KEYS)]


def test_what_the_domain_lacks_it_has_from_its_account() -> None:
    assert of({"ml:project": "fraud", "ml:owner": "us"}, {"ml:owner": "us"}) == [("ml:project", None, "fraud")]


def test_a_value_of_the_domains_own_stays() -> None:
    assert of({"ml:project": "fraud"}, {"ml:project": "typed by hand"}) == []
    assert of({"ml:project": "fraud"}, {"ml:project": "typed by hand"}, {"ml:project": "old"}) == [], "it was a copy once, and somebody changed it"


def test_a_copy_follows_the_account() -> None:
    assert of({"ml:project": "new"}, {"ml:project": "old"}, {"ml:project": "old"}) == [("ml:project", "old", "new")]
    assert of({}, {"ml:project": "old"}, {"ml:project": "old"}) == [], "an account that says nothing takes nothing away"


def test_a_domain_that_is_full_gets_no_more_and_a_copy_there_is_put_right() -> None:
    full = dict.fromkeys(keys("d", 44), "x") | {"ml:owner": "old"}
    assert of({"ml:project": "fraud", "ml:owner": "new"}, full, {"ml:owner": "old"}) == [("ml:owner", "old", "new")]


def test_a_value_is_brought_into_what_sagemaker_takes_and_said_so() -> None:
    (tag,) = decide_domain_tags({"ml:project": "fraud!"}, {}, {}, KEYS)
    assert (tag.after, tag.reason) == ("fraud_", "account tag ml:project, with _ for each character that AWS does not take")
