"""Events as they arrive, and what of them we keep."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward.errors import EventUnreadable
from steward.lifecycle_events import (
    CLOUDTRAIL_EVENTS,
    DomainCreated,
    DomainDeleted,
    DomainUpdated,
    SpaceCreated,
    TagsChanged,
    UserProfileCreated,
    UserProfileDeleted,
    UserProfileUpdated,
    parse_lifecycle_event,
    parse_schedule,
)

EVENTS = Path(__file__).parents[2] / "events"
OURS = sorted(path for path in (EVENTS / "profile_cost_tagging").glob("*.json") if not path.stem.endswith("_ignored"))
ROLE, USER = "arn:aws:iam::444444444444:role/StudioAdmin", "arn:aws:iam::444444444444:user/studio-admin"


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / "profile_cost_tagging" / f"{name}.json").read_text())
    return loaded


@pytest.fixture
def event() -> dict[str, Any]:
    return read("user_profile_created_by_iam_user")


def test_a_created_profile_is_parsed_into_plain_values(event: dict[str, Any]) -> None:
    parsed = parse_lifecycle_event(event)
    assert isinstance(parsed, UserProfileCreated)
    assert parsed.model_dump() == {
        "account_id": "444444444444",
        "region": "eu-west-1",
        "domain_id": "d-fraud0dev0001",
        "user_profile_name": "mina",
        "event_id": event["detail"]["eventID"],
        "event_time": "2026-11-23T09:05:41Z",
        "replay_name": None,
    }


@pytest.mark.parametrize("path", sorted((EVENTS / "profile_cost_tagging").glob("user_profile_created_by_*.json")), ids=lambda path: path.stem)
def test_whoever_made_the_profile_it_is_parsed(path: Path) -> None:
    event = json.loads(path.read_text())
    parsed = parse_lifecycle_event(event)
    assert isinstance(parsed, UserProfileCreated)
    assert parsed.subject == parsed.user_profile_name == event["detail"]["requestParameters"]["userProfileName"]


def test_what_is_deleted_is_parsed_too() -> None:
    profile = parse_lifecycle_event(json.loads((EVENTS / "template_enablement" / "user_profile_deleted_by_role.json").read_text()))
    assert isinstance(profile, UserProfileDeleted)
    assert (profile.domain_id, profile.user_profile_name, profile.subject, profile.verb) == ("d-fraud0dev0001", "mina", "mina", "profile-deleted")
    domain = parse_lifecycle_event(json.loads((EVENTS / "template_enablement" / "domain_deleted_by_role.json").read_text()))
    assert isinstance(domain, DomainDeleted)
    assert (domain.domain_id, domain.subject, domain.verb) == ("d-fraud0dev0001", "d-fraud0dev0001", "domain-deleted")
    assert "user_profile_name" not in domain.model_dump()


def test_the_envelope_is_believed_and_not_the_detail(event: dict[str, Any]) -> None:
    event["detail"] |= {"recipientAccountId": "999999999999", "awsRegion": "us-west-2"}
    event["detail"]["userIdentity"]["accountId"] = "999999999999"
    parsed = parse_lifecycle_event(event)
    assert (parsed.account_id, parsed.region) == ("444444444444", "eu-west-1")


def test_an_event_of_another_kind_is_refused_by_its_name(event: dict[str, Any]) -> None:
    event["detail"]["eventName"] = "CreateApp"
    with pytest.raises(EventUnreadable, match="CreateApp"):
        parse_lifecycle_event(event)


def test_an_event_without_detail_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(EventUnreadable, match="no detail"):
        parse_lifecycle_event({"id": event["id"], "detail": None})


def test_fields_at_fault_are_named_and_their_values_are_not(event: dict[str, Any]) -> None:
    event["account"] = "not-an-account"
    event["detail"]["requestParameters"] = None
    with pytest.raises(EventUnreadable) as raised:
        parse_lifecycle_event(event)
    assert "account" in str(raised.value)
    assert "detail.requestParameters.userProfileName" in str(raised.value)
    assert "not-an-account" not in str(raised.value)


# -- tags that somebody changed


@pytest.mark.parametrize(
    ("name", "kind", "writer"),
    [
        ("tags_added_to_profile_by_role", "user_profile_name", ROLE),
        ("tags_added_to_profile_by_iam_user", "user_profile_name", USER),
        ("tags_added_to_space_by_role", "space_name", ROLE),
        ("tags_deleted_from_profile_by_role", "user_profile_name", ROLE),
        ("tags_deleted_from_space_by_service", "space_name", "sagemaker.amazonaws.com"),
    ],
)
def test_changed_tags_are_a_profiles_or_a_spaces_and_somebodys(name: str, kind: str, writer: str) -> None:
    event = read(name)
    parsed = parse_lifecycle_event(event)
    assert isinstance(parsed, TagsChanged)
    subject = event["detail"]["requestParameters"]["resourceArn"].rsplit("/", 1)[1]
    assert parsed.subject == subject
    assert json.loads(parsed.model_dump_json()) == {
        "account_id": "444444444444",
        "region": "eu-west-1",
        "domain_id": "d-fraud0dev0001",
        "user_profile_name": None,
        "space_name": None,
        kind: subject,
        "event_id": event["detail"]["eventID"],
        "event_time": event["detail"]["eventTime"],
        "replay_name": None,
        "writer": writer,
    }


@pytest.mark.parametrize("identity", [{}, {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "x"}}, None])
def test_where_nothing_says_who_wrote_the_writer_is_unknown(identity: object) -> None:
    event = read("tags_added_to_profile_by_role")
    event["detail"]["userIdentity"] = identity
    parsed = parse_lifecycle_event(event)
    assert isinstance(parsed, TagsChanged)
    assert parsed.writer == "unknown"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sagemaker:eu-west-1:999999999999:user-profile/d-fraud0dev0001/mina",
        "arn:aws:sagemaker:us-east-1:444444444444:user-profile/d-fraud0dev0001/mina",
        "arn:aws:sagemaker:eu-west-1:444444444444:app/d-fraud0dev0001/mina/jupyterlab/default",
        "arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/mina/../bob",
        "arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/mina\n",
        f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/{'m' * 64}",
        f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/m{'-' * 80}m",
        f"arn:aws:sagemaker:eu-west-1:444444444444:space/d-{'-' * 80}1/lab",
        "arn:aws:iam:eu-west-1:444444444444:user-profile/d-fraud0dev0001/mina",
        "user-profile/d-fraud0dev0001/mina",
        "",
        None,
        ["arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001/mina"],
    ],
)
def test_an_arn_that_is_not_of_the_events_own_account_and_region_is_refused(arn: object) -> None:
    event = read("tags_added_to_profile_by_role")
    event["detail"]["requestParameters"]["resourceArn"] = arn
    with pytest.raises(EventUnreadable):
        parse_lifecycle_event(event)


def test_spaces_and_updates_are_what_they_say() -> None:
    created, updated = parse_lifecycle_event(read("space_created_private")), parse_lifecycle_event(read("user_profile_updated_by_role"))
    assert isinstance(created, SpaceCreated)
    assert (created.space_name, created.subject, created.verb) == ("mina-lab", "mina-lab", "space-created")
    assert isinstance(updated, UserProfileUpdated)
    assert (updated.user_profile_name, updated.verb, updated.writer) == ("mina", "profile-updated", ROLE)


# -- whatever may come


@pytest.mark.parametrize(
    "time", ["2026-02-30T09:05:41Z", "2026-11-23", "2026-11-23T25:05:41Z", "2026-11-23T09:05:41+01:00", "yesterday", "", 5, None]
)
def test_a_time_that_is_none_is_refused(event: dict[str, Any], time: object) -> None:
    event["detail"]["eventTime"] = time
    with pytest.raises(EventUnreadable, match="eventTime"):
        parse_lifecycle_event(event)


@pytest.mark.parametrize("account", ["٤٤٤٤٤٤٤٤٤٤٤٤", "444444444444\n", " 444444444444", 444444444444])
def test_an_account_is_twelve_plain_digits(event: dict[str, Any], account: object) -> None:
    event["account"] = account
    with pytest.raises(EventUnreadable, match="account"):
        parse_lifecycle_event(event)


def test_a_verb_fits_into_an_executions_name() -> None:
    assert {event.verb: len(event.verb) <= 16 for event in CLOUDTRAIL_EVENTS.values()} == {
        "profile-created": True,
        "profile-updated": True,
        "profile-deleted": True,
        "domain-deleted": True,
        "space-created": True,
        "tags-changed": True,
        "domain-created": True,
        "domain-updated": True,
    }


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.text("d-0a/:*{%$}", max_size=300),
    st.sampled_from(
        ["x" * 100_000, "{% $eval('1') %}", "arn:aws:sagemaker:eu-west-1:999999999999:user-profile/d-1/x", "۴", "a\nb", "../..", "\ud800"]
    ),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


def places(node: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every field of an event, objects included."""
    return [path for key, value in node.items() for path in [(*above, key), *(places(value, (*above, key)) if isinstance(value, dict) else [])]]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
@given(data=st.data())
def test_whatever_stands_in_a_field_it_is_read_or_refused_and_never_of_another_account(path: Path, data: st.DataObject) -> None:
    event = json.loads(path.read_text())
    for place in data.draw(st.lists(st.sampled_from(places(event)), min_size=1, max_size=2, unique=True)):
        node = event
        for key in place[:-1]:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(place[-1], None) if data.draw(st.booleans()) else node.__setitem__(place[-1], data.draw(odd))
    try:
        parsed = parse_lifecycle_event(event)
    except EventUnreadable:
        return
    assert (parsed.account_id, parsed.region) == (event["account"], event["region"])
    assert len(parsed.model_dump_json()) < 4096
    assert parsed.subject.replace("-", "").isalnum()
    assert parsed.subject.isascii()


@pytest.mark.parametrize(
    "time", [0, 27_153_068, "0", "27153068", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00:00Z\n", "٢٠٢٦-11-22T10:00:00Z", None]
)
def test_the_time_of_a_schedule_is_written_out(time: object) -> None:
    with pytest.raises(EventUnreadable, match="time"):
        parse_schedule({"name": "keys", "time": time})


# -- domains


def of_domain(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / "domain_setup" / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", ["domain_created_by_role", "domain_created_by_iam_user", "domain_created_by_service"])
def test_a_created_domain_is_known_by_what_its_creator_was_answered(name: str) -> None:
    parsed = parse_lifecycle_event(of_domain(name))
    assert isinstance(parsed, DomainCreated)
    assert parsed.subject == parsed.domain_id == "d-fraud0dev0001"
    assert set(parsed.model_dump()) == {"account_id", "region", "domain_id", "event_id", "event_time", "replay_name"}


@pytest.mark.parametrize(
    ("name", "writer"),
    [("domain_updated_by_role", ROLE), ("domain_updated_by_iam_user", USER)],
)
def test_an_updated_domain_says_who_did_it(name: str, writer: str) -> None:
    parsed = parse_lifecycle_event(of_domain(name))
    assert isinstance(parsed, DomainUpdated)
    assert (parsed.subject, parsed.domain_id, parsed.writer) == ("d-fraud0dev0001", "d-fraud0dev0001", writer)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sagemaker:eu-west-1:999999999999:domain/d-fraud0dev0001",
        "arn:aws:sagemaker:us-east-1:444444444444:domain/d-fraud0dev0001",
        "arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-fraud0dev0001",
        "arn:aws:sagemaker:eu-west-1:444444444444:domain/d-" + "a" * 62,
    ],
)
def test_a_domain_of_another_place_than_its_event_is_refused(arn: str) -> None:
    event = of_domain("domain_created_by_role")
    event["detail"]["responseElements"]["domainArn"] = arn
    with pytest.raises(EventUnreadable, match="CreateDomain"):
        parse_lifecycle_event(event)
