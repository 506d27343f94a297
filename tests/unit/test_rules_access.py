"""Who may use the template portfolio: decided of plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward.rules.access import (
    MOST_PRINCIPALS,
    UNUSED,
    Association,
    Decision,
    Location,
    decide_access,
    decide_location,
    missing_service_roles,
    objects_of,
)

A, B, C = (f"arn:aws:iam::444444444444:role/{name}" for name in "ABC")
ALICE, BOB, DEFAULT = ("d-1", "profile/alice"), ("d-1", "profile/bob"), ("d-1", "default")


def test_a_role_in_use_that_is_no_principal_is_associated_and_says_whose_it_is() -> None:
    uses = {ALICE: A, DEFAULT: B, ("d-1", "space-default"): C}
    assert decide_access(uses, set(), set(), principals=0) == Decision(
        to_associate=(
            Association(A, "execution role of user profile alice in domain d-1"),
            Association(B, "execution role of domain d-1, default settings"),
            Association(C, "execution role of domain d-1, space-default settings"),
        ),
        to_release=(),
    )


def test_a_role_of_two_is_associated_once_and_stays_while_one_has_it() -> None:
    assert [each.role_arn for each in decide_access({ALICE: A, BOB: A}, set(), set(), principals=0).to_associate] == [A]
    assert decide_access({BOB: A}, {A}, {A}, principals=1) == Decision((), ())
    assert decide_access({}, {A}, {A}, principals=1) == Decision((), (Association(A, UNUSED),))


def test_trap_17_what_others_associated_is_never_released() -> None:
    assert decide_access({}, {A, B}, {B}, principals=2).to_release == (Association(B, UNUSED),)
    assert decide_access({ALICE: A}, {A, C}, set(), principals=2) == Decision((), ())


def test_what_somebody_took_away_is_associated_anew_or_forgotten() -> None:
    decision = decide_access({ALICE: A}, set(), {A, B}, principals=0)
    assert [each.role_arn for each in decision.to_associate] == [A]
    assert (decision.to_release, decision.forgotten) == ((), (B,))


def test_beyond_a_hundred_principals_there_is_no_room_and_what_is_released_makes_some() -> None:
    uses = {ALICE: A, BOB: B}
    assert decide_access(uses, set(), set(), principals=MOST_PRINCIPALS) == Decision((), (), without_room=(A, B))
    decision = decide_access(uses, {C}, {C}, principals=MOST_PRINCIPALS)
    assert [each.role_arn for each in decision.to_associate] == [A]
    assert decision.without_room == (B,)
    assert decide_access(uses, set(), set(), principals=MOST_PRINCIPALS + 5).without_room == (A, B), "it was raised once, and is full all the same"


ROLES = st.sets(st.sampled_from([f"arn:aws:iam::444444444444:role/{number}" for number in range(8)]))


@given(
    uses=st.dictionaries(st.tuples(st.just("d-1"), st.sampled_from([f"profile/{n}" for n in range(6)])), st.sampled_from([A, B, C])),
    others=ROLES,
    ours=ROLES,
)
def test_what_is_decided_once_and_done_leaves_nothing_to_decide(uses: dict[tuple[str, str], str], others: set[str], ours: set[str]) -> None:
    associated = others | ours
    first = decide_access(uses, associated, ours - others, principals=len(associated))
    added, released = {each.role_arn for each in first.to_associate}, {each.role_arn for each in first.to_release}
    assert released <= ours - others
    after = (associated | added) - released
    assert decide_access(uses, after, (ours - others | added) - released, principals=len(after)) == Decision((), ())
    assert set(uses.values()) <= after


@pytest.mark.parametrize(
    ("present", "recorded", "decided"),
    [
        (None, None, Location(to_set=True)),
        ("s3://ours/a", None, Location()),
        ("s3://ours/a", "s3://old/a", Location()),
        ("s3://old/a", "s3://old/a", Location(to_set=True)),
        ("s3://theirs", None, Location(is_somebody_elses=True)),
        ("s3://theirs", "s3://old/a", Location(is_somebody_elses=True)),
        (None, "s3://old/a", Location(to_set=True)),
    ],
)
def test_a_domain_is_told_where_templates_are_unless_somebody_else_told_it(present: str | None, recorded: str | None, decided: Location) -> None:
    assert decide_location(present, "s3://ours/a", recorded) == decided


@pytest.mark.parametrize(
    ("location", "objects"), [("s3://b", "b/*"), ("s3://b/", "b/*"), ("s3://b/t", "b/t/*"), ("s3://b/t/", "b/t/*"), ("s3://b/t/u", "b/t/u/*")]
)
def test_the_objects_of_a_location_are_all_under_its_prefix(location: str, objects: str) -> None:
    assert objects_of(location, "aws") == f"arn:aws:s3:::{objects}"


def test_trap_19_service_roles_that_are_not_there_are_named() -> None:
    assert len(missing_service_roles(set(), templates_in_s3=False)) == 11
    every = missing_service_roles(set(), templates_in_s3=True)
    assert len(every) == len(set(every)) == 19
    assert missing_service_roles(set(every), templates_in_s3=True) == ()
    assert missing_service_roles(set(every) - {"AmazonSageMakerServiceCatalogProductsLaunchRole"}, templates_in_s3=False) == (
        "AmazonSageMakerServiceCatalogProductsLaunchRole",
    )
