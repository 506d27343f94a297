"""The step ApplyTags alone: what it writes, when it does not, and what it answers. A call that is not written down here fails the test."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

import profile_cost_tagging.apply_tags as step
from steward.changes import Change, Finding, Report
from steward.settings import ApplyTagsSettings, Brakes

ACCOUNT_ID, DOMAIN_ID, UNIT = "444444444444", "d-fraud0dev0001", "ou-root-ml000000"
PROFILE_ARN = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:user-profile/{DOMAIN_ID}/mina"
TERRAFORM = f"arn:aws:iam::{ACCOUNT_ID}:role/Terraform"
MISSING = Finding("AccountTagMissing", "the account", "tag it")
DECIDED = Report(
    "ProfileTagged",
    dry_run=False,
    changes=(
        Change(PROFILE_ARN, "tag:ml:owner", "us", "fraud-team", "account tag ml:owner"),
        Change(PROFILE_ARN, "tag:ml:user", None, "mina", "name of the user profile"),
    ),
    findings=(MISSING, Finding("TagPropagationOff", "the domain", "switch it on"), Finding("AppsMissTags", PROFILE_ARN, "restart them")),
)
WRITTEN = [{"Key": "ml:owner", "Value": "fraud-team"}, {"Key": "ml:user", "Value": "mina"}]
FREE = Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))


def decided(**more: Any) -> step.DecidedTags:
    return step.DecidedTags(
        account_id=ACCOUNT_ID,
        region="eu-west-1",
        domain_id=DOMAIN_ID,
        event_id="event-1",
        event_time="2026-11-23T09:05:41Z",
        report=DECIDED,
        **{"user_profile_name": "mina", **more},
    )


class Scene:
    """The hub's table and a member account, one call after the other."""

    def __init__(self, scripted: Any):
        self.organizations, self._organizations = scripted.client("organizations")
        self.dynamodb, self._dynamodb = scripted.client("dynamodb")
        self.sagemaker, self._sagemaker = scripted.client("sagemaker")

    def account(self, state: str = "ACTIVE", unit: str = UNIT) -> "Scene":
        answer = {"Account": {"Id": ACCOUNT_ID, "Arn": "arn", "State": state, "Paths": [f"o-steward0001/r-root/{unit}/{ACCOUNT_ID}/"]}}
        self._organizations.add_response("describe_account", answer, {"AccountId": ACCOUNT_ID})
        return self

    def no_account(self) -> "Scene":
        self._organizations.add_client_error("describe_account", "AccountNotFoundException")
        return self

    def counted(self, error: str | None = None) -> "Scene":
        if error:
            self._dynamodb.add_client_error("update_item", error)
        else:
            self._dynamodb.add_response("update_item", {})
        return self

    def adds(self, error: str | None = None) -> "Scene":
        if error:
            self._sagemaker.add_client_error("add_tags", error)
        else:
            self._sagemaker.add_response("add_tags", {"Tags": WRITTEN}, {"ResourceArn": PROFILE_ARN, "Tags": WRITTEN})
        return self

    def profile(self, status: str) -> "Scene":
        answer = {"UserProfileArn": PROFILE_ARN, "UserProfileName": "mina", "DomainId": DOMAIN_ID, "Status": status}
        answer |= {"LastModifiedTime": datetime(2026, 11, 23, tzinfo=UTC)}
        self._sagemaker.add_response("describe_user_profile", answer, {"DomainId": DOMAIN_ID, "UserProfileName": "mina"})
        return self

    def no(self, operation: str) -> "Scene":
        self._sagemaker.add_client_error(operation, "ResourceNotFound")
        return self

    def play(self, what: step.DecidedTags, brakes: Brakes = FREE) -> Report:
        settings = ApplyTagsSettings(frozenset({UNIT}), "profile_cost_tagging", "corrections", brakes)
        return step.apply_tags(what, settings, self.organizations, self.dynamodb, lambda: self.sagemaker)


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def test_all_that_was_decided_is_written_in_one_call_and_answered_as_it_came(scene: Scene) -> None:
    assert scene.account().adds().play(decided()) == DECIDED


def test_a_second_run_writes_the_same_and_answers_the_same(scene: Scene) -> None:
    assert scene.account().adds().play(decided()) == scene.account().adds().play(decided()) == DECIDED


@pytest.mark.parametrize(
    "brakes",
    [replace(FREE, dry_run=True), replace(FREE, stop_all_writes=True), replace(FREE, acting_unit_ids=frozenset({"ou-root-other000"}))],
    ids=["dry run", "stop", "units"],
)
def test_a_brake_that_was_pulled_since_the_decision_holds(scene: Scene, brakes: Brakes) -> None:
    assert scene.account().play(decided(writer=TERRAFORM), brakes) == replace(DECIDED, dry_run=True)


def test_where_its_units_act_it_is_written(scene: Scene) -> None:
    assert scene.account().adds().play(decided(), replace(FREE, acting_unit_ids=frozenset({UNIT}))) == DECIDED


@pytest.mark.parametrize(("state", "unit"), [("SUSPENDED", UNIT), ("ACTIVE", "ou-root-sandbox0")])
def test_an_account_that_is_not_ours_any_more_is_not_written_to(scene: Scene, state: str, unit: str) -> None:
    assert scene.account(state, unit).play(decided()) == replace(DECIDED, dry_run=True)


def test_an_account_that_left_the_organization_is_not_written_to(scene: Scene) -> None:
    assert scene.no_account().play(decided()) == replace(DECIDED, dry_run=True)


def test_a_correction_is_counted_and_made(scene: Scene) -> None:
    assert scene.account().counted().adds().play(decided(writer=TERRAFORM)) == DECIDED


def test_one_correction_too_many_is_not_made_and_says_who_and_what(scene: Scene) -> None:
    report = scene.account().counted("ConditionalCheckFailedException").play(decided(writer=TERRAFORM))
    assert (report.outcome, report.changes, report.dry_run) == ("TagsContested", (), False)
    missing, contested = report.findings
    assert (missing, contested.kind, contested.resource) == (MISSING, "TagsContested", PROFILE_ARN)
    assert TERRAFORM in contested.message
    assert "ml:owner is 'us', not 'fraud-team'; ml:user is missing, not 'mina'" in contested.message


def test_a_table_that_fails_is_a_failure(scene: Scene) -> None:
    with pytest.raises(ClientError, match="ThrottlingException"):
        scene.account().counted("ThrottlingException").play(decided(writer=TERRAFORM))


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
def test_what_went_before_it_was_written_is_gone(scene: Scene, code: str) -> None:
    assert scene.account().adds(code).profile("Deleting").play(decided()) == Report("ProfileGone", dry_run=False)


def test_a_space_that_went_is_a_space_that_went(scene: Scene) -> None:
    space = decided(user_profile_name=None, space_name="lab")
    assert scene.account().adds("ResourceNotFound").no("describe_space").play(space) == Report("SpaceGone", dry_run=False)


def test_a_refusal_of_something_that_is_there_stays_a_refusal(scene: Scene) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        scene.account().adds("ValidationException").profile("InService").play(decided())


def test_a_denial_is_not_taken_for_something_missing(scene: Scene) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        scene.account().adds("AccessDeniedException").play(decided())


def test_the_handler_takes_what_the_machine_sends_and_answers_the_report(scene: Scene, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.account().counted().adds()
    doors: list[tuple[Any, ...]] = []

    class Session:
        def client(self, service: str) -> Any:
            return {"sagemaker": scene.sagemaker}[service]

    def enter(sts: object, *where: str, session_name: str) -> Session:
        doors.append((*where, session_name))
        return Session()

    monkeypatch.setattr(step, "hub_client", {"organizations": scene.organizations, "dynamodb": scene.dynamodb, "sts": None}.__getitem__)
    monkeypatch.setattr(step, "member_session", enter)
    for name, value in {
        "ML_ORGANIZATIONAL_UNIT_IDS": UNIT,
        "MEMBER_ROLE_NAME": "profile_cost_tagging",
        "CORRECTIONS_TABLE_NAME": "corrections",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }.items():
        monkeypatch.setenv(name, value)
    sent = decided(writer=TERRAFORM).model_dump() | {"report": DECIDED.as_output(), "space_name": None, "replay_name": None}
    assert step.handler(sent, context) == DECIDED.as_output()
    assert doors == [(ACCOUNT_ID, "eu-west-1", "profile_cost_tagging", "event-1")]
