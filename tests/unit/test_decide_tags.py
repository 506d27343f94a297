"""The step DecideTags alone: which calls it makes, in which order, and what it answers. A call that is not written down here fails the test."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

import profile_cost_tagging.decide_tags as step
from steward.resources.records import Records
from steward.settings import Brakes, DecideTagsSettings
from steward.targets import Target

ACCOUNT_ID, DOMAIN_ID, UNIT = "444444444444", "d-fraud0dev0001", "ou-root-ml000000"
ACCOUNT_ARN = f"arn:aws:organizations::111111111111:account/o-steward0001/{ACCOUNT_ID}"
DOMAIN_ARN, PROFILE_ARN, SPACE_ARN = (
    f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:{path}" for path in (f"domain/{DOMAIN_ID}", f"user-profile/{DOMAIN_ID}/mina", f"space/{DOMAIN_ID}/lab")
)
EVENT = {"account_id": ACCOUNT_ID, "region": "eu-west-1", "domain_id": DOMAIN_ID, "event_id": "event-1", "event_time": "2026-11-23T09:05:41Z"}
PROFILE = Target.model_validate(EVENT | {"user_profile_name": "mina"})
SPACE = Target.model_validate(EVENT | {"space_name": "lab"})
ACCOUNT_TAGS = {"ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}
ALL_TAGS = {"ml:user": "mina"} | ACCOUNT_TAGS
FREE = Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))


def settings(brakes: Brakes = FREE) -> DecideTagsSettings:
    return DecideTagsSettings(
        ml_unit_ids=frozenset({UNIT}),
        user_tag_key="ml:user",
        account_tag_keys=("ml:project", "ml:cost-center", "ml:owner"),
        member_role_name="profile_cost_tagging",
        records_table="records",
        brakes=brakes,
    )


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Scene:
    """A member account as the two services describe it, one call after the other."""

    def __init__(self, scripted: Any):
        self.organizations, self._organizations = scripted.client("organizations")
        self.sagemaker, self._sagemaker = scripted.client("sagemaker")
        self.entered = 0
        self.asked_for_records = 0
        self.copied: dict[str, str] = {}

    def account(self, state: str = "ACTIVE", unit: str = UNIT) -> "Scene":
        answer = {"Account": {"Id": ACCOUNT_ID, "Arn": ACCOUNT_ARN, "State": state, "Paths": [f"o-steward0001/r-root/{unit}/{ACCOUNT_ID}/"]}}
        self._organizations.add_response("describe_account", answer, {"AccountId": ACCOUNT_ID})
        return self

    def no_account(self) -> "Scene":
        self._organizations.add_client_error("describe_account", "AccountNotFoundException")
        return self

    def profile(self, status: str = "InService", **more: str) -> "Scene":
        answer: dict[str, Any] = {"UserProfileArn": PROFILE_ARN, "UserProfileName": "mina", "Status": status, "DomainId": DOMAIN_ID} | more
        answer |= {"LastModifiedTime": datetime(2026, 11, 23, tzinfo=UTC)}
        self._sagemaker.add_response("describe_user_profile", answer, {"DomainId": DOMAIN_ID, "UserProfileName": "mina"})
        return self

    def space(self, status: str = "InService", sharing: str | None = "Private", **more: str) -> "Scene":
        answer: dict[str, Any] = {"SpaceArn": SPACE_ARN, "SpaceName": "lab", "Status": status, "DomainId": DOMAIN_ID} | more
        if sharing:
            answer |= {"OwnershipSettings": {"OwnerUserProfileName": "mina"}, "SpaceSharingSettings": {"SharingType": sharing}}
        self._sagemaker.add_response("describe_space", answer, {"DomainId": DOMAIN_ID, "SpaceName": "lab"})
        return self

    def domain(self, propagation: str = "ENABLED", settings: dict[str, Any] | None = None) -> "Scene":
        answer = {"DomainArn": DOMAIN_ARN, "DomainId": DOMAIN_ID, "DomainName": "fraud", "Status": "InService"}
        answer |= {"LastModifiedTime": datetime(2026, 11, 23, tzinfo=UTC)}
        answer |= {"TagPropagation": propagation, "DomainSettings": settings or {}}
        self._sagemaker.add_response("describe_domain", answer, {"DomainId": DOMAIN_ID})
        return self

    def gone(self, operation: str, code: str = "ResourceNotFound") -> "Scene":
        self._sagemaker.add_client_error(operation, code)
        return self

    def account_says(self, tags: dict[str, str]) -> "Scene":
        self._organizations.add_response("list_tags_for_resource", {"Tags": as_list(tags)}, {"ResourceId": ACCOUNT_ID})
        return self

    def tags(self, account: dict[str, str], present: dict[str, str], *, domain: dict[str, str] | None = None, arn: str = PROFILE_ARN) -> "Scene":
        self.account_says(account)
        self._sagemaker.add_response("list_tags", {"Tags": as_list(domain or {})}, {"ResourceArn": DOMAIN_ARN})
        self._sagemaker.add_response("list_tags", {"Tags": as_list(present)}, {"ResourceArn": arn})
        return self

    def apps(self, *apps: tuple[str, str, str], **owner: str) -> "Scene":
        answer = {"Apps": [{"AppType": kind, "AppName": name, "Status": status} for kind, name, status in apps]}
        asked = {"DomainIdEquals": DOMAIN_ID, "MaxResults": 100, **(owner or {"UserProfileNameEquals": "mina"})}
        self._sagemaker.add_response("list_apps", answer, asked)
        return self

    def records(self) -> Records:
        self.asked_for_records += 1
        return Records(domain_tags={(DOMAIN_ID, key): value for key, value in self.copied.items()} | {("d-other", "ml:owner"): "theirs"})

    def enter(self) -> Any:
        self.entered += 1
        return self.sagemaker

    def play(self, target: Target = PROFILE, brakes: Brakes = FREE) -> dict[str, Any]:
        return step.decide_tags(target, settings(brakes), self.organizations, self.records, self.enter).as_output()


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def report(outcome: str, changes: list[Any] | None = None, findings: list[Any] | None = None, *, dry_run: bool = False) -> dict[str, Any]:
    return {"version": 1, "outcome": outcome, "dry_run": dry_run, "changes": changes or [], "findings": findings or []}


def change(key: str, before: str | None, after: str, reason: str, arn: str = PROFILE_ARN) -> dict[str, Any]:
    return {"resource": arn, "field": f"tag:{key}", "before": before, "after": after, "reason": reason}


OF_THE_ACCOUNT = [(key, None, value, f"account tag {key}") for key, value in ACCOUNT_TAGS.items()]


# -- what is decided


def test_a_new_profile_lacks_its_four_tags(scene: Scene) -> None:
    scene.account().profile().domain().tags(ACCOUNT_TAGS, {}).apps()
    assert scene.play() == report(
        "ProfileTagged", [change("ml:user", None, "mina", "name of the user profile"), *(change(*tag) for tag in OF_THE_ACCOUNT)]
    )
    assert scene.entered == 1


def test_a_private_space_lacks_those_of_its_owner(scene: Scene) -> None:
    scene.account().space().domain().profile(SingleSignOnUserValue="mina@example.com").tags(ACCOUNT_TAGS, {}, arn=SPACE_ARN)
    scene.apps(SpaceNameEquals="lab")
    user = change("ml:user", None, "mina@example.com", "owner of the space, user in IAM Identity Center", SPACE_ARN)
    assert scene.play(SPACE) == report("SpaceTagged", [user, *(change(*tag, SPACE_ARN) for tag in OF_THE_ACCOUNT)])


@pytest.mark.parametrize("sharing", ["Shared", None])
def test_a_shared_space_lacks_the_projects_and_nobody_asks_for_its_owner(scene: Scene, sharing: str | None) -> None:
    scene.account().space(sharing=sharing).domain().tags(ACCOUNT_TAGS, {}, arn=SPACE_ARN).apps(SpaceNameEquals="lab")
    assert scene.play(SPACE) == report("SpaceTagged", [change(*tag, SPACE_ARN) for tag in OF_THE_ACCOUNT])


def test_a_space_whose_owner_is_gone_keeps_its_user_and_people_hear_of_it(scene: Scene) -> None:
    scene.account().space().domain().gone("describe_user_profile").tags(ACCOUNT_TAGS, ALL_TAGS, arn=SPACE_ARN)
    output = scene.play(SPACE)
    assert (output["outcome"], output["changes"]) == ("NothingToDo", [])
    assert [(one["kind"], one["resource"]) for one in output["findings"]] == [("UserUnknown", SPACE_ARN)]


def test_only_what_differs_is_a_change(scene: Scene) -> None:
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS | {"team": "models", "ml:cost-center": "R-0815"}).apps()
    assert scene.play() == report("ProfileTagged", [change("ml:cost-center", "R-0815", "R-4711", "account tag ml:cost-center")])


def test_the_domains_own_tag_goes_before_the_accounts(scene: Scene) -> None:
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS, domain={"ml:owner": "others"}).apps()
    reason = "domain tag ml:owner, which goes before the account's"
    assert scene.play() == report("ProfileTagged", [change("ml:owner", "fraud-team", "others", reason)])


def test_a_tag_of_the_domain_that_is_a_copy_gives_way_to_the_accounts(scene: Scene) -> None:
    scene.copied = {"ml:owner": "the team before"}
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS | {"ml:owner": "the team before"}, domain={"ml:owner": "the team before"}).apps()
    assert scene.play() == report("ProfileTagged", [change("ml:owner", "the team before", "fraud-team", "account tag ml:owner")])
    assert scene.asked_for_records == 1


@pytest.mark.parametrize("copied", [{}, {"ml:owner": "another value"}])
def test_a_tag_of_the_domains_own_stands_whatever_was_copied_before(scene: Scene, copied: dict[str, str]) -> None:
    scene.copied = copied
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS | {"ml:owner": "us"}, domain={"ml:owner": "us"})
    assert scene.play() == report("NothingToDo")


@pytest.mark.parametrize("domain", [{}, ACCOUNT_TAGS])
def test_records_are_asked_for_only_where_domain_and_account_differ(scene: Scene, domain: dict[str, str]) -> None:
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS, domain=domain)
    assert scene.play() == report("NothingToDo")
    assert scene.asked_for_records == 0


def test_a_profile_whose_last_update_failed_works_on_and_is_tagged(scene: Scene) -> None:
    scene.account().profile("Update_Failed").domain().tags(ACCOUNT_TAGS, {}).apps()
    assert scene.play()["outcome"] == "ProfileTagged"


def test_a_profile_with_all_its_tags_is_left_alone_and_its_apps_are_not_asked_for(scene: Scene) -> None:
    scene.account().profile().domain("DISABLED").tags(ACCOUNT_TAGS, ALL_TAGS)
    assert scene.play() == report("NothingToDo")


@pytest.mark.parametrize(
    "brakes",
    [
        Brakes(dry_run=True, stop_all_writes=False, acting_unit_ids=frozenset({"all"})),
        Brakes(dry_run=False, stop_all_writes=True, acting_unit_ids=frozenset({"all"})),
        Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"ou-root-other000"})),
    ],
)
def test_with_a_brake_on_the_changes_are_the_same_and_called_a_dry_run(scene: Scene, brakes: Brakes) -> None:
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS | {"ml:owner": "nobody"}).apps()
    expected = report("ProfileTagged", [change("ml:owner", "nobody", "fraud-team", "account tag ml:owner")], dry_run=True)
    assert scene.play(brakes=brakes) == expected


# -- what only people can put right


def test_what_nobody_says_is_a_finding_and_the_rest_is_decided(scene: Scene) -> None:
    scene.account().profile().domain().tags({"ml:project": "fraud"}, {}).apps()
    output = scene.play()
    assert output["outcome"] == "AccountTagsMissing"
    assert [one["field"] for one in output["changes"]] == ["tag:ml:user", "tag:ml:project"]
    assert [(one["kind"], one["resource"]) for one in output["findings"]] == [("AccountTagMissing", ACCOUNT_ARN)] * 2
    assert "ml:cost-center" in output["findings"][0]["message"]
    assert "ml:owner" in output["findings"][1]["message"]


def test_without_room_for_all_it_is_the_limit_that_is_reported(scene: Scene) -> None:
    scene.account().profile().domain().tags({"ml:project": "fraud"}, {f"team-{number}": "x" for number in range(45)})
    output = scene.play()
    assert (output["outcome"], output["changes"]) == ("TagLimitReached", [])
    assert [one["kind"] for one in output["findings"]] == ["AccountTagMissing", "AccountTagMissing", "TagLimitReached"]
    assert "ml:user, ml:project was not added" in output["findings"][-1]["message"]


def test_what_the_tags_will_not_reach_is_a_finding(scene: Scene) -> None:
    apps = [("JupyterServer", "default", "InService"), ("KernelGateway", "gone", "Deleted"), ("Canvas", "default", "InService")]
    scene.account().profile().domain("DISABLED").tags(ACCOUNT_TAGS, {}).apps(*apps)
    output = scene.play()
    assert output["outcome"] == "ProfileTagged"
    assert [(one["kind"], one["resource"]) for one in output["findings"]] == [("TagPropagationOff", DOMAIN_ARN), ("AppsMissTags", PROFILE_ARN)]
    assert "JupyterServer/default, Canvas/default." in output["findings"][1]["message"]


@pytest.mark.parametrize("status", ["Failed", "Delete_Failed"])
@pytest.mark.parametrize(("target", "outcome"), [(PROFILE, "ProfileFailed"), (SPACE, "SpaceFailed")])
def test_what_is_broken_is_reported_in_the_words_of_sagemaker(scene: Scene, target: Target, outcome: str, status: str) -> None:
    scene.account()
    (scene.space if target is SPACE else scene.profile)(status, FailureReason="the execution role does not exist")
    scene.domain()
    output = scene.play(target)
    assert (output["outcome"], output["changes"]) == (outcome, [])
    assert [one["kind"] for one in output["findings"]] == [outcome]
    assert "the execution role does not exist" in output["findings"][0]["message"]


# -- nothing to decide


@pytest.mark.parametrize("status", ["Pending", "Updating"])
def test_what_is_coming_is_asked_for_again_and_nothing_else_is_read(scene: Scene, status: str) -> None:
    scene.account().profile(status)
    assert scene.play() == report("NotInServiceYet")


def test_a_domain_of_unified_studio_is_left_alone(scene: Scene) -> None:
    scene.account().profile().domain(settings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}})
    assert scene.play() == report("UnifiedStudioDomain")


def test_settings_of_unified_studio_that_name_no_domain_mean_nothing(scene: Scene) -> None:
    scene.account().profile().domain(settings={"UnifiedStudioSettings": {"StudioWebPortalAccess": "ENABLED"}}).tags(ACCOUNT_TAGS, ALL_TAGS)
    assert scene.play() == report("NothingToDo")


@pytest.mark.parametrize(("target", "outcome"), [(PROFILE, "ProfileGone"), (SPACE, "SpaceGone")])
def test_what_is_gone_is_an_outcome(scene: Scene, target: Target, outcome: str) -> None:
    scene.account().gone("describe_space" if target is SPACE else "describe_user_profile")
    assert scene.play(target) == report(outcome)


def test_what_is_going_is_gone(scene: Scene) -> None:
    scene.account().profile("Deleting")
    assert scene.play() == report("ProfileGone")


def test_what_went_with_its_domain_is_gone(scene: Scene) -> None:
    scene.account().profile().gone("describe_domain")
    assert scene.play() == report("ProfileGone")


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
def test_what_went_before_its_tags_were_read_is_gone(scene: Scene, code: str) -> None:
    scene.account().profile().domain().account_says(ACCOUNT_TAGS).gone("list_tags", code).profile("Deleting")
    assert scene.play() == report("ProfileGone")


def test_a_refusal_of_something_that_is_there_stays_a_refusal(scene: Scene) -> None:
    scene.account().profile().domain().account_says(ACCOUNT_TAGS).gone("list_tags", "ValidationException").profile()
    with pytest.raises(ClientError, match="ValidationException"):
        scene.play()


@pytest.mark.parametrize(("target", "operation"), [(PROFILE, "describe_user_profile"), (SPACE, "describe_space")], ids=["profile", "space"])
def test_a_denial_is_not_taken_for_something_missing(scene: Scene, target: Target, operation: str) -> None:
    scene.account().gone(operation, "AccessDeniedException")
    with pytest.raises(ClientError):
        scene.play(target)


def test_an_account_outside_the_units_is_reported_and_not_entered(scene: Scene) -> None:
    scene.account(unit="ou-root-sandbox0")
    output = scene.play()
    assert (output["outcome"], output["changes"]) == ("AccountOutOfScope", [])
    assert [one["kind"] for one in output["findings"]] == ["AccountOutOfScope"]
    assert scene.entered == 0


def test_an_account_of_no_organization_is_out_of_scope(scene: Scene) -> None:
    scene.no_account()
    assert scene.play()["outcome"] == "AccountOutOfScope"
    assert scene.entered == 0


def test_a_suspended_account_is_not_entered(scene: Scene) -> None:
    scene.account(state="SUSPENDED")
    assert scene.play() == report("AccountNotActive")
    assert scene.entered == 0


def test_the_handler_reads_its_settings_enters_once_and_answers_the_report(scene: Scene, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.account().profile().domain().tags(ACCOUNT_TAGS, ALL_TAGS)
    doors: list[tuple[Any, ...]] = []

    class Session:
        def client(self, service: str) -> Any:
            return {"sagemaker": scene.sagemaker}[service]

    def enter(sts: object, *where: str, session_name: str) -> Session:
        doors.append((*where, session_name))
        return Session()

    monkeypatch.setattr(step, "hub_client", {"organizations": scene.organizations, "sts": None, "dynamodb": None}.__getitem__)
    monkeypatch.setattr(step, "member_session", enter)
    for name, value in {
        "ML_ORGANIZATIONAL_UNIT_IDS": UNIT,
        "USER_TAG_KEY": "ml:user",
        "ACCOUNT_TAG_KEYS": "ml:project,ml:cost-center,ml:owner",
        "MEMBER_ROLE_NAME": "profile_cost_tagging",
        "RECORDS_TABLE_NAME": "records",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }.items():
        monkeypatch.setenv(name, value)
    assert step.handler(PROFILE.model_dump() | {"replay_name": None}, context) == report("NothingToDo")
    assert doors == [(ACCOUNT_ID, "eu-west-1", "profile_cost_tagging", "event-1")]


@pytest.mark.parametrize("names", [{}, {"user_profile_name": "mina", "space_name": "lab"}, {"user_profile_name": "", "space_name": None}])
def test_it_is_asked_about_one_thing(names: dict[str, str | None]) -> None:
    with pytest.raises(ValidationError, match="either"):
        Target.model_validate(EVENT | names)
