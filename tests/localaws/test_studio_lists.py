"""Lists and tags of Studio: pages, filters, limits, and what AWS leaves open."""

from collections.abc import Iterator
from typing import Any

import pytest

from localaws.cloud import Cloud, Refused
from localaws.studio import behaviour
from localaws.studio.core import SECONDS
from tests.localaws.studio_machinery import (
    FRAUD_DEV,
    Ask,
    asking,
    canvas,
    furnish,
    jupyter_lab,
    make_domain,
    make_profile,
    make_space,
    refusal,
    studio,
    tags,
    tags_of,
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with studio() as cloud:
        yield cloud


@pytest.fixture
def ask(cloud: Cloud) -> Ask:
    return asking(cloud)


@pytest.fixture
def domain_id(ask: Ask, cloud: Cloud) -> str:
    return furnish(ask, cloud)


# -- lists


def test_lists_answer_ten_and_a_token_for_the_rest(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    names = [f"user-{number:02}" for number in range(23)]
    for name in names:
        ask("CreateUserProfile", DomainId=domain_id, UserProfileName=name)
    sizes, found, token = [], [], dict[str, Any]()
    while True:
        answer = ask("ListUserProfiles", DomainIdEquals=domain_id, **token)
        sizes.append(len(answer["UserProfiles"]))
        found += [profile["UserProfileName"] for profile in answer["UserProfiles"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert (sizes, found) == ([10, 10, 3], names)
    assert len(ask("ListUserProfiles", MaxResults=100)["UserProfiles"]) == 23
    assert "NextToken" not in ask("ListUserProfiles", MaxResults=23)


def test_a_page_goes_on_where_it_was_though_profiles_went_meanwhile(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    for name in ("a", "b", "c", "d"):
        make_profile(ask, cloud, domain_id, name)
    first = ask("ListUserProfiles", MaxResults=2)
    for name in ("a", "b"):
        ask("DeleteUserProfile", DomainId=domain_id, UserProfileName=name)
    cloud.clock.advance(SECONDS["UserProfile", "deletion"])
    second = ask("ListUserProfiles", MaxResults=2, NextToken=first["NextToken"])
    assert [profile["UserProfileName"] for profile in second["UserProfiles"]] == ["c", "d"]


def test_a_token_of_another_request_or_of_nobody_is_refused(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    for name in ("alice", "bob"):
        make_profile(ask, cloud, domain_id, name)
    token = ask("ListUserProfiles", MaxResults=1)["NextToken"]
    for wrong in ({"NextToken": "nobody"}, {"NextToken": "bm9ib2R5"}, {"NextToken": token, "DomainIdEquals": domain_id}):
        assert refusal(ask, "ListUserProfiles", **wrong).code == "ValidationException"
    assert refusal(ask, "ListSpaces", NextToken=token).code == "ValidationException"


def test_lists_sort_and_filter(ask: Ask, cloud: Cloud) -> None:
    one, two = make_domain(ask, cloud), make_domain(ask, cloud, "churn")
    for domain_id, name in ((one, "alice"), (two, "Malik"), (one, "bob")):
        make_profile(ask, cloud, domain_id, name)
    ask("UpdateUserProfile", DomainId=one, UserProfileName="alice")
    cloud.clock.advance(60)

    def names(**params: Any) -> list[str]:
        return [profile["UserProfileName"] for profile in ask("ListUserProfiles", **params)["UserProfiles"]]

    assert names() == ["alice", "Malik", "bob"]
    assert names(SortOrder="Descending") == ["bob", "Malik", "alice"]
    assert names(SortBy="LastModifiedTime") == ["Malik", "bob", "alice"]
    assert names(DomainIdEquals=one) == ["alice", "bob"]
    assert names(UserProfileNameContains="ALI") == ["alice", "Malik"]
    first = ask("ListUserProfiles", SortOrder="Descending", MaxResults=1)
    assert names(SortOrder="Descending", MaxResults=1, NextToken=first["NextToken"]) == ["Malik"]

    listed = ask("ListUserProfiles")["UserProfiles"][0]
    assert set(listed) == {"DomainId", "UserProfileName", "Status", "CreationTime", "LastModifiedTime"}


def test_spaces_and_apps_are_found_by_name(ask: Ask, cloud: Cloud, domain_id: str) -> None:
    make_space(ask, cloud, domain_id, "features", "alice")
    ask("CreateApp", **canvas(domain_id))
    ask("CreateApp", **jupyter_lab(domain_id))
    assert [space["SpaceName"] for space in ask("ListSpaces", SpaceNameContains="FEA")["Spaces"]] == ["features"]
    assert ask("ListSpaces", DomainIdEquals="d-other")["Spaces"] == []
    assert [app["AppType"] for app in ask("ListApps", UserProfileNameEquals="Alice")["Apps"]] == ["Canvas"]
    assert [app["AppType"] for app in ask("ListApps", SpaceNameEquals="forecast")["Apps"]] == ["JupyterLab"]
    assert ask("ListApps", DomainIdEquals="d-other")["Apps"] == []
    assert refusal(ask, "ListApps", UserProfileNameEquals="alice", SpaceNameEquals="forecast").code == "ValidationException"


# -- tags


def test_tags_are_added_overwritten_and_deleted(ask: Ask, cloud: Cloud) -> None:
    arn = make_profile(ask, cloud, make_domain(ask, cloud), "alice", Tags=tags(team="fraud", stage="dev"))
    assert ask("AddTags", ResourceArn=arn, Tags=tags(team="churn", owner="alice"))["Tags"] == tags(team="churn", stage="dev", owner="alice")
    assert ask("DeleteTags", ResourceArn=arn, TagKeys=["stage", "never-there"]) == {}
    assert tags_of(ask, arn) == {"team": "churn", "owner": "alice"}


@pytest.mark.parametrize("pairs", [[("aws:team", "fraud")], [("AWS:team", "fraud")], [("team", "fraud"), ("team", "churn")]])
def test_reserved_and_repeated_keys_are_refused_and_nothing_is_tagged(ask: Ask, cloud: Cloud, pairs: list[tuple[str, str]]) -> None:
    domain_id = make_domain(ask, cloud)
    arn = make_profile(ask, cloud, domain_id, "alice")
    wrong = [{"Key": key, "Value": value} for key, value in pairs]
    assert refusal(ask, "AddTags", ResourceArn=arn, Tags=wrong).code == "ValidationException"
    assert tags_of(ask, arn) == {}
    assert refusal(ask, "CreateUserProfile", DomainId=domain_id, UserProfileName="bob", Tags=wrong).code == "ValidationException"
    assert refusal(ask, "DescribeUserProfile", DomainId=domain_id, UserProfileName="bob").code == "ResourceNotFound"


@pytest.mark.parametrize("code", ["ResourceLimitExceeded", "ValidationException"])
def test_fifty_tags_are_enough(ask: Ask, cloud: Cloud, code: Any) -> None:
    behaviour(cloud).too_many_tags = code
    domain_id = make_domain(ask, cloud, Tags=tags(more="1"))
    arn = make_profile(ask, cloud, domain_id, "alice", Tags=tags(**{f"key-{number}": "x" for number in range(49)}))
    ask("AddTags", ResourceArn=arn, Tags=tags(last="1"))
    ask("AddTags", ResourceArn=arn, Tags=tags(last="2"))
    assert refusal(ask, "AddTags", ResourceArn=arn, Tags=tags(over="1")).code == code
    assert len(tags_of(ask, arn)) == 50
    assert refusal(ask, "CreateApp", **canvas(domain_id)).code == code


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFound"])
@pytest.mark.parametrize(
    ("operation", "more"), [("AddTags", {"Tags": [{"Key": "team", "Value": "fraud"}]}), ("DeleteTags", {"TagKeys": ["team"]}), ("ListTags", {})]
)
def test_tags_of_what_is_not_there(ask: Ask, cloud: Cloud, operation: str, more: dict[str, Any], code: Any) -> None:
    behaviour(cloud).tagging_missing = code
    domain_id = make_domain(ask, cloud)
    arn = make_profile(ask, cloud, domain_id, "alice")
    missing = arn.replace("alice", "bob")
    assert refusal(ask, operation, ResourceArn=missing, **more).code == code
    ask("DeleteUserProfile", DomainId=domain_id, UserProfileName="alice")
    cloud.clock.advance(SECONDS["UserProfile", "deletion"])
    assert refusal(ask, operation, ResourceArn=arn, **more).code == code


def test_tagging_a_pending_profile_goes_either_way(ask: Ask, cloud: Cloud) -> None:
    domain_id = make_domain(ask, cloud)
    arn = ask("CreateUserProfile", DomainId=domain_id, UserProfileName="alice")["UserProfileArn"]
    ask("AddTags", ResourceArn=arn, Tags=tags(team="fraud"))
    behaviour(cloud).tagging_pending = "ValidationException"
    error = refusal(ask, "AddTags", ResourceArn=arn, Tags=tags(team="churn"))
    assert error.code == "ValidationException"
    assert "Pending" in error.message
    assert refusal(ask, "DeleteTags", ResourceArn=arn, TagKeys=["team"]).code == "ValidationException"
    assert tags_of(ask, arn) == {"team": "fraud"}
    cloud.clock.advance(SECONDS["UserProfile", "creation"])
    assert ask("AddTags", ResourceArn=arn, Tags=tags(team="churn"))["Tags"] == tags(team="churn")


@pytest.mark.parametrize("operation", ["AddTags", "ListTags"])
def test_tags_of_other_kinds_are_refused_by_name(ask: Ask, operation: str) -> None:
    more = {"Tags": tags(team="fraud")} if operation == "AddTags" else {}
    with pytest.raises(Refused, match="model-package-group"):
        ask(operation, ResourceArn=f"arn:aws:sagemaker:eu-west-1:{FRAUD_DEV}:model-package-group/fraud", **more)


def test_a_wrong_token_of_list_tags_is_refused(ask: Ask, cloud: Cloud) -> None:
    arn = make_profile(ask, cloud, make_domain(ask, cloud), "alice")
    assert refusal(ask, "ListTags", ResourceArn=arn, NextToken="bm9ib2R5").code == "ValidationException"


def test_names_and_ids_are_the_same_in_each_run(ask: Ask, cloud: Cloud) -> None:
    again = Cloud(cloud.clock, cloud.organization, seed=0)
    assert make_domain(ask, cloud) == f"d-{again.identifier(12)}"
