"""Domains, profiles and spaces as they are read: what is asked of SageMaker, and what becomes of its answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from steward.resources.domains import describe_domain, list_domain_ids
from steward.resources.profiles import list_user_profiles
from steward.resources.spaces import describe_space, list_spaces
from steward.resources.studio import Stage
from steward.resources.studios import read_studio
from steward.resources.tags import read_tags_of

ACCOUNT_ID, DOMAIN_ID = "444444444444", "d-fraud0dev0001"
DEFAULT_ROLE, SPACE_ROLE, OWN_ROLE = (f"arn:aws:iam::{ACCOUNT_ID}:role/{name}" for name in ("studio", "shared-spaces", "mina"))
CHANGED = datetime(2026, 11, 23, 9, tzinfo=UTC)


def arn(path: str) -> str:
    return f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:{path}"


class Scene:
    """SageMaker in one account and Region, one call after the other."""

    def __init__(self, scripted: Any):
        self.sagemaker, self.script = scripted.client("sagemaker")

    def domain(self, **more: Any) -> "Scene":
        answer = {"DomainArn": arn(f"domain/{DOMAIN_ID}"), "DomainId": DOMAIN_ID, "DomainName": "fraud", "Status": "InService"}
        answer |= {"LastModifiedTime": CHANGED} | more
        self.script.add_response("describe_domain", answer, {"DomainId": DOMAIN_ID})
        return self

    def lists(self, operation: str, key: str, name: str, *pages: tuple[tuple[str, str], ...], **asked: str) -> "Scene":
        for number, page in enumerate(pages, 1):
            items = [{"DomainId": DOMAIN_ID, name: one, "Status": status, "LastModifiedTime": CHANGED} for one, status in page]
            token = {"NextToken": f"page-{number + 1}"} if number < len(pages) else {}
            before = {"NextToken": f"page-{number}"} if number > 1 else {}
            self.script.add_response(operation, {key: items} | token, asked | {"MaxResults": 100} | before)
        return self

    def profiles(self, *pages: tuple[tuple[str, str], ...], **asked: str) -> "Scene":
        return self.lists("list_user_profiles", "UserProfiles", "UserProfileName", *pages, **asked)

    def spaces(self, *pages: tuple[tuple[str, str], ...], **asked: str) -> "Scene":
        return self.lists("list_spaces", "Spaces", "SpaceName", *pages, **asked)

    def profile(self, name: str, status: str = "InService", **settings: Any) -> "Scene":
        answer = {"UserProfileArn": arn(f"user-profile/{DOMAIN_ID}/{name}"), "UserProfileName": name, "DomainId": DOMAIN_ID, "Status": status}
        answer |= {"LastModifiedTime": CHANGED, "UserSettings": settings}
        self.script.add_response("describe_user_profile", answer, {"DomainId": DOMAIN_ID, "UserProfileName": name})
        return self

    def space(self, name: str, status: str = "InService", **settings: Any) -> "Scene":
        answer = {"SpaceArn": arn(f"space/{DOMAIN_ID}/{name}"), "SpaceName": name, "DomainId": DOMAIN_ID, "Status": status, "SpaceSettings": settings}
        self.script.add_response("describe_space", answer, {"DomainId": DOMAIN_ID, "SpaceName": name})
        return self

    def no(self, operation: str, code: str = "ResourceNotFound") -> "Scene":
        self.script.add_client_error(operation, code)
        return self


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def test_a_domain_is_read_with_its_settings_as_they_are(scene: Scene) -> None:
    users, spaces = {"ExecutionRole": DEFAULT_ROLE, "SecurityGroups": ["sg-1"]}, {"ExecutionRole": SPACE_ROLE}
    domain = describe_domain(
        scene.domain(DefaultUserSettings=users, DefaultSpaceSettings=spaces, TagPropagation="ENABLED", FailureReason="x").sagemaker, DOMAIN_ID
    )
    assert domain is not None
    assert (domain.domain_id, domain.name, domain.arn) == (DOMAIN_ID, "fraud", arn(f"domain/{DOMAIN_ID}"))
    assert (domain.status, domain.stage, domain.failure_reason) == ("InService", Stage.USABLE, "x")
    assert (domain.default_user_settings, domain.default_space_settings) == (users, spaces)
    assert domain.propagates_tags
    assert not domain.is_of_unified_studio
    assert domain.execution_roles == {DEFAULT_ROLE, SPACE_ROLE}


def test_a_domain_may_have_no_shared_spaces_and_no_role(scene: Scene) -> None:
    domain = describe_domain(scene.domain().sagemaker, DOMAIN_ID)
    assert domain is not None
    assert (domain.default_user_settings, domain.default_space_settings) == ({}, None)
    assert domain.execution_roles == frozenset()
    assert not domain.propagates_tags


def test_a_domain_that_is_gone_is_none_and_a_denial_is_not_taken_for_that(scene: Scene) -> None:
    assert describe_domain(scene.no("describe_domain").sagemaker, DOMAIN_ID) is None
    with pytest.raises(ClientError, match="AccessDenied"):
        describe_domain(scene.no("describe_domain", "AccessDeniedException").sagemaker, DOMAIN_ID)


def test_all_pages_of_domains_are_listed_without_those_that_leave(scene: Scene) -> None:
    for asked, domains, token in (({}, {"d-a": "InService", "d-b": "Deleting"}, {"NextToken": "2"}), ({"NextToken": "2"}, {"d-c": "Pending"}, {})):
        answer = {"Domains": [{"DomainId": domain, "Status": status} for domain, status in domains.items()]}
        scene.script.add_response("list_domains", answer | token, {"MaxResults": 100} | asked)
    assert list_domain_ids(scene.sagemaker) == ("d-a", "d-c")


def test_profiles_and_spaces_of_a_whole_region_are_listed_a_hundred_a_page(scene: Scene) -> None:
    """Trap 28: without asking for more, SageMaker gives ten."""
    scene.profiles((("mina", "InService"),), (("omar", "Deleting"),))
    listed = list_user_profiles(scene.sagemaker)
    assert [(one.domain_id, one.name, one.stage, one.last_modified) for one in listed] == [
        (DOMAIN_ID, "mina", Stage.USABLE, CHANGED),
        (DOMAIN_ID, "omar", Stage.LEAVING, CHANGED),
    ]
    scene.spaces((("lab", "Pending"),))
    assert [(one.name, one.stage) for one in list_spaces(scene.sagemaker)] == [("lab", Stage.COMING)]


def test_a_whole_studio_is_read_each_thing_once(scene: Scene) -> None:
    scene.domain(DefaultUserSettings={"ExecutionRole": DEFAULT_ROLE})
    scene.profiles((("mina", "InService"), ("omar", "Deleting")), (("zoe", "InService"),), DomainIdEquals=DOMAIN_ID)
    scene.profile("mina", ExecutionRole=OWN_ROLE).profile("zoe")
    scene.spaces((("lab", "InService"),), DomainIdEquals=DOMAIN_ID).space("lab", AppType="JupyterLab")
    studio = read_studio(scene.sagemaker, DOMAIN_ID)
    assert studio is not None
    assert studio.domain.domain_id == DOMAIN_ID
    assert [(one.name, one.execution_role, one.domain_id) for one in studio.profiles] == [("mina", OWN_ROLE, DOMAIN_ID), ("zoe", None, DOMAIN_ID)]
    assert [(one.name, one.space_settings) for one in studio.spaces] == [("lab", {"AppType": "JupyterLab"})]
    assert studio.execution_roles == {DEFAULT_ROLE, OWN_ROLE}


def test_what_goes_while_a_studio_is_read_is_left_out(scene: Scene) -> None:
    scene.domain().profiles((("mina", "InService"), ("zoe", "InService")), DomainIdEquals=DOMAIN_ID).no("describe_user_profile")
    scene.profile("zoe", "Deleting").spaces((("lab", "InService"),), DomainIdEquals=DOMAIN_ID).no("describe_space")
    studio = read_studio(scene.sagemaker, DOMAIN_ID)
    assert studio is not None
    assert (studio.profiles, studio.spaces) == ((), ())


def test_a_studio_that_is_gone_is_none(scene: Scene) -> None:
    assert read_studio(scene.no("describe_domain").sagemaker, DOMAIN_ID) is None


def test_a_space_that_says_nothing_of_sharing_is_nobodys_alone(scene: Scene) -> None:
    space = describe_space(scene.space("lab").sagemaker, DOMAIN_ID, "lab")
    assert space is not None
    assert space.owner_profile_name is None


def test_tags_are_read_a_hundred_arns_a_call_and_silence_has_no_entry(scripted: Any) -> None:
    tagging, script = scripted.client("resourcegroupstaggingapi")
    arns = [arn(f"user-profile/{DOMAIN_ID}/user-{number}") for number in range(101)]
    for batch, known in ((arns[:100], [(arns[0], {"ml:user": "user-0"})]), (arns[100:], [(arns[100], {})])):
        answer = [{"ResourceARN": one, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} for one, tags in known]
        script.add_response("get_resources", {"ResourceTagMappingList": answer}, {"ResourceARNList": batch})
    assert read_tags_of(tagging, arns) == {arns[0]: {"ml:user": "user-0"}, arns[100]: {}}


def test_without_arns_nobody_is_asked(scripted: Any) -> None:
    tagging, _ = scripted.client("resourcegroupstaggingapi")
    assert read_tags_of(tagging, []) == {}
