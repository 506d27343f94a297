"""The step TagProfile alone: which calls it makes, in which order, and what it answers. A call that is not written down here fails the test."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

import profile_cost_tagging.tag_profile as step
from steward.settings import ProfileCostTaggingSettings

ACCOUNT_ID, DOMAIN_ID, UNIT = "444444444444", "d-fraud0dev0001", "ou-root-ml000000"
ACCOUNT_ARN = f"arn:aws:organizations::111111111111:account/o-steward0001/{ACCOUNT_ID}"
PROFILE_ARN = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:user-profile/{DOMAIN_ID}/mina"
REQUEST = step.TagProfileRequest(account_id=ACCOUNT_ID, region="eu-west-1", domain_id=DOMAIN_ID, user_profile_name="mina", event_id="event-1")
ACCOUNT_TAGS = {"ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}
ALL_TAGS = {"ml:user": "mina"} | ACCOUNT_TAGS


def settings(*, dry_run: bool = False) -> ProfileCostTaggingSettings:
    return ProfileCostTaggingSettings(
        ml_unit_ids=frozenset({UNIT}),
        user_tag_key="ml:user",
        account_tag_keys=("ml:project", "ml:cost-center", "ml:owner"),
        member_role_name="profile_cost_tagging",
        dry_run=dry_run,
    )


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Scene:
    """A member account as the two services describe it, one call after the other."""

    def __init__(self, scripted: Any):
        self.organizations, self._organizations = scripted.client("organizations")
        self.sagemaker, self._sagemaker = scripted.client("sagemaker")
        self.entered = 0

    def account(self, state: str = "ACTIVE", unit: str = UNIT) -> "Scene":
        answer = {"Account": {"Id": ACCOUNT_ID, "Arn": ACCOUNT_ARN, "State": state, "Paths": [f"o-steward0001/r-root/{unit}/{ACCOUNT_ID}/"]}}
        self._organizations.add_response("describe_account", answer, {"AccountId": ACCOUNT_ID})
        return self

    def no_account(self) -> "Scene":
        self._organizations.add_client_error("describe_account", "AccountNotFoundException")
        return self

    def profile(self, status: str, **more: str) -> "Scene":
        answer = {"UserProfileArn": PROFILE_ARN, "UserProfileName": "mina", "Status": status, "DomainId": DOMAIN_ID} | more
        self._sagemaker.add_response("describe_user_profile", answer, {"DomainId": DOMAIN_ID, "UserProfileName": "mina"})
        return self

    def no_profile(self, code: str = "ResourceNotFound") -> "Scene":
        self._sagemaker.add_client_error("describe_user_profile", code)
        return self

    def tags(self, account: dict[str, str], profile: dict[str, str]) -> "Scene":
        self._organizations.add_response("list_tags_for_resource", {"Tags": as_list(account)}, {"ResourceId": ACCOUNT_ID})
        self._sagemaker.add_response("list_tags", {"Tags": as_list(profile)}, {"ResourceArn": PROFILE_ARN})
        return self

    def adds(self, tags: dict[str, str]) -> "Scene":
        self._sagemaker.add_response("add_tags", {"Tags": as_list(tags)}, {"ResourceArn": PROFILE_ARN, "Tags": as_list(tags)})
        return self

    def enter(self) -> Any:
        self.entered += 1
        return self.sagemaker

    def play(self, *, dry_run: bool = False) -> dict[str, Any]:
        return step.tag_profile(REQUEST, settings(dry_run=dry_run), self.organizations, self.enter).as_output()


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def report(outcome: str, changes: list[Any] | None = None, findings: list[Any] | None = None, *, dry_run: bool = False) -> dict[str, Any]:
    return {"version": 1, "outcome": outcome, "dry_run": dry_run, "changes": changes or [], "findings": findings or []}


def change(key: str, before: str | None, after: str, reason: str) -> dict[str, Any]:
    return {"resource": PROFILE_ARN, "field": f"tag:{key}", "before": before, "after": after, "reason": reason}


def test_a_new_profile_gets_its_four_tags_in_one_call(scene: Scene) -> None:
    scene.account().profile("InService").tags(ACCOUNT_TAGS, {}).adds(ALL_TAGS)
    assert scene.play() == report(
        "ProfileTagged",
        [
            change("ml:user", None, "mina", "name of the user profile"),
            change("ml:project", None, "fraud", "account tag ml:project"),
            change("ml:cost-center", None, "R-4711", "account tag ml:cost-center"),
            change("ml:owner", None, "fraud-team", "account tag ml:owner"),
        ],
    )
    assert scene.entered == 1


def test_only_what_differs_is_written(scene: Scene) -> None:
    scene.account().profile("InService").tags(ACCOUNT_TAGS, ALL_TAGS | {"team": "models", "ml:cost-center": "R-0815"}).adds(
        {"ml:cost-center": "R-4711"}
    )
    assert scene.play() == report("ProfileTagged", [change("ml:cost-center", "R-0815", "R-4711", "account tag ml:cost-center")])


def test_a_profile_whose_last_update_failed_works_on_and_is_tagged(scene: Scene) -> None:
    scene.account().profile("Update_Failed").tags(ACCOUNT_TAGS, {}).adds(ALL_TAGS)
    assert scene.play()["outcome"] == "ProfileTagged"


def test_a_profile_with_all_its_tags_is_left_alone(scene: Scene) -> None:
    scene.account().profile("InService").tags(ACCOUNT_TAGS, ALL_TAGS)
    assert scene.play() == report("NothingToDo")


def test_in_a_dry_run_the_changes_are_the_same_and_nothing_is_written(scene: Scene) -> None:
    scene.account().profile("InService").tags(ACCOUNT_TAGS, ALL_TAGS | {"ml:owner": "nobody"})
    assert scene.play(dry_run=True) == report("ProfileTagged", [change("ml:owner", "nobody", "fraud-team", "account tag ml:owner")], dry_run=True)


def test_the_user_of_identity_center_owns_the_profile(scene: Scene) -> None:
    scene.account().profile("InService", SingleSignOnUserValue="mina@example.com").tags(ACCOUNT_TAGS, ALL_TAGS).adds({"ml:user": "mina@example.com"})
    assert scene.play() == report("ProfileTagged", [change("ml:user", "mina", "mina@example.com", "user in IAM Identity Center")])


def test_what_the_account_does_not_say_is_a_finding_and_the_rest_is_applied(scene: Scene) -> None:
    scene.account().profile("InService").tags({"ml:project": "fraud"}, {}).adds({"ml:user": "mina", "ml:project": "fraud"})
    output = scene.play()
    assert output["outcome"] == "AccountTagsMissing"
    assert [one["field"] for one in output["changes"]] == ["tag:ml:user", "tag:ml:project"]
    assert [(one["kind"], one["resource"]) for one in output["findings"]] == [("AccountTagMissing", ACCOUNT_ARN)] * 2
    assert "ml:cost-center" in output["findings"][0]["message"]
    assert "ml:owner" in output["findings"][1]["message"]


@pytest.mark.parametrize("status", ["Pending", "Updating"])
def test_a_profile_that_is_coming_is_asked_for_again_and_nothing_else_is_read(scene: Scene, status: str) -> None:
    scene.account().profile(status)
    assert scene.play() == report("ProfilePending")


def test_a_profile_that_is_gone_is_an_outcome(scene: Scene) -> None:
    scene.account().no_profile()
    assert scene.play() == report("ProfileGone")


def test_a_profile_that_is_going_is_gone(scene: Scene) -> None:
    scene.account().profile("Deleting")
    assert scene.play() == report("ProfileGone")


@pytest.mark.parametrize("status", ["Failed", "Delete_Failed"])
def test_a_broken_profile_is_reported_in_the_words_of_sagemaker(scene: Scene, status: str) -> None:
    scene.account().profile(status, FailureReason="the execution role does not exist")
    output = scene.play()
    assert (output["outcome"], output["changes"]) == ("ProfileFailed", [])
    assert [(one["kind"], one["resource"]) for one in output["findings"]] == [("ProfileFailed", PROFILE_ARN)]
    assert "the execution role does not exist" in output["findings"][0]["message"]


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


def test_a_refusal_is_not_taken_for_a_missing_profile(scene: Scene) -> None:
    scene.account().no_profile("AccessDeniedException")
    with pytest.raises(ClientError):
        scene.play()


def test_the_handler_reads_its_settings_enters_once_and_answers_the_report(scene: Scene, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.account().profile("InService").tags(ACCOUNT_TAGS, ALL_TAGS)
    doors: list[tuple[Any, ...]] = []

    class Session:
        def client(self, service: str) -> Any:
            return {"sagemaker": scene.sagemaker}[service]

    def enter(sts: object, *where: str, session_name: str) -> Session:
        doors.append((*where, session_name))
        return Session()

    monkeypatch.setattr(step, "hub_client", {"organizations": scene.organizations, "sts": None}.__getitem__)
    monkeypatch.setattr(step, "member_session", enter)
    for name, value in {
        "ML_ORGANIZATIONAL_UNIT_IDS": UNIT,
        "USER_TAG_KEY": "ml:user",
        "ACCOUNT_TAG_KEYS": "ml:project,ml:cost-center,ml:owner",
        "MEMBER_ROLE_NAME": "profile_cost_tagging",
        "DRY_RUN": "false",
    }.items():
        monkeypatch.setenv(name, value)
    assert step.handler(REQUEST.model_dump() | {"event_time": "2026-11-23T09:05:41Z"}, context) == report("NothingToDo")
    assert doors == [(ACCOUNT_ID, "eu-west-1", "profile_cost_tagging", "event-1")]
