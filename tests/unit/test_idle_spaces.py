"""Whose spaces are, by one page of ListSpaces and what an earlier run has listed: always the same as by all pages."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from steward.errors import MemoryNotAtHand
from steward.idle_spaces import HOLDS, SpaceMemory, space_path
from tests.unit.idle_run import BUCKET, Objects
from tests.unit.idle_world import HOUR, PLACE, World

MANY = 230
KEY = f"spaces/{PLACE.account_id}/{PLACE.region}.json"
Owners = dict[str, str | None]


def owners(member: World, *needed: str) -> Owners:
    memory = SpaceMemory(member.objects, BUCKET)  # type: ignore[arg-type]
    found = memory.spaces(PLACE, member.sagemaker, set(needed), member.now)
    return {path: space.owner_profile_name for path, space in found.items()}


@pytest.fixture
def domain_id(member: World) -> str:
    made = member.domain()
    for person in ("ada", "mina"):
        member.profile(made, person)
    return made


@pytest.fixture
def many(member: World, domain_id: str) -> Owners:
    """Whose they are, when all have been listed."""
    member.spaces(domain_id, "ada", *(f"space-{number}" for number in range(MANY)))
    member.local.advance(3 * HOUR.total_seconds())
    with member.counted() as calls:
        found = owners(member)
    assert (calls, len(found)) == ({"sagemaker:ListSpaces": 3}, MANY)
    return found


def test_what_one_page_has_is_not_remembered(member: World, domain_id: str) -> None:
    member.spaces(domain_id, "ada", "lab")
    with member.counted() as calls:
        assert owners(member) == {f"space/{domain_id}/lab": "ada"}
    assert (calls, member.objects.written) == ({"sagemaker:ListSpaces": 1}, {})


def test_what_was_listed_is_remembered_and_only_the_newest_page_is_read_the_next_time(member: World, many: Owners) -> None:
    member.local.advance(3600)
    with member.counted() as calls:
        assert owners(member, *many) == many
    assert calls == {"sagemaker:ListSpaces": 1}
    assert list(member.objects.written) == [KEY]


@pytest.mark.parametrize(("new", "pages"), [(1, 1), (150, 2)])
def test_whatever_came_since_is_known_too(member: World, domain_id: str, many: Owners, new: int, pages: int) -> None:
    names = [f"new-{number}" for number in range(new)]
    member.spaces(domain_id, "mina", *names)
    with member.counted() as calls:
        assert owners(member) == many | {space_path(domain_id, name): "mina" for name in names}
    assert calls == {"sagemaker:ListSpaces": pages}


def test_a_space_that_was_made_again_is_whose_it_is_now(member: World, domain_id: str, many: Owners) -> None:
    member.sagemaker.delete_space(DomainId=domain_id, SpaceName="space-7")
    member.local.advance(600)
    member.spaces(domain_id, "mina", "Space-7")
    assert (many[f"space/{domain_id}/space-7"], owners(member)[f"space/{domain_id}/space-7"]) == ("ada", "mina")


def test_one_that_the_list_lacked_just_after_it_was_made_is_found(member: World, domain_id: str, many: Owners) -> None:
    """Though more than a page of others are newer."""
    member.spaces(domain_id, "mina", "late")
    member.local.advance(60)
    member.objects.write(KEY, {**member.objects.read(KEY), "listed": member.now.isoformat()})
    member.spaces(domain_id, "ada", *(f"new-{number}" for number in range(100)))
    assert owners(member).keys() > many.keys() | {f"space/{domain_id}/late"}


LACKING = b'{"listed": "2026-11-02T08:00:00Z", "spaces": [["d-1", "lab"]]}'
WITHOUT_ZONE = b'{"listed": "2026-11-02T08:00:00", "spaces": []}'


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", LACKING, WITHOUT_ZONE])
def test_what_cannot_be_read_is_written_anew(member: World, many: Owners, text: bytes) -> None:
    member.objects.written[KEY] = text
    assert owners(member) == many
    assert len(member.objects.read(KEY)["spaces"]) == MANY


def test_where_something_that_is_needed_is_not_remembered_all_are_listed(member: World, many: Owners) -> None:
    document = member.objects.read(KEY)
    member.objects.write(KEY, {**document, "spaces": document["spaces"][:-1]})
    with member.counted() as calls:
        assert owners(member, *many) == many
    assert calls == {"sagemaker:ListSpaces": 3}
    assert len(member.objects.read(KEY)["spaces"]) == MANY


def test_after_a_day_all_are_listed_and_those_that_went_are_forgotten(member: World, domain_id: str, many: Owners) -> None:
    member.sagemaker.delete_space(DomainId=domain_id, SpaceName="space-7")
    member.local.advance(600)
    assert owners(member) == many
    member.local.advance(HOLDS.total_seconds())
    assert owners(member).keys() == many.keys() - {f"space/{domain_id}/space-7"}


def test_a_bucket_that_cannot_be_read_is_told_and_not_taken_for_nothing_remembered(member: World, many: Owners) -> None:
    class Closed(Objects):
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    with pytest.raises(MemoryNotAtHand, match="AccessDenied"):
        SpaceMemory(Closed(), BUCKET).spaces(PLACE, member.sagemaker, many.keys(), member.now)  # type: ignore[arg-type]
    del member.objects.written[KEY]
    member.objects.put_object = Closed().get_object  # type: ignore[method-assign]
    with pytest.raises(MemoryNotAtHand, match="cannot be written"):
        owners(member)
