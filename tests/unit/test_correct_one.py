"""The step CorrectOne alone: the domain's tags, or one profile's or space's settings. A call that is not written down here fails the test."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

import domain_setup.correct_one as step
from steward.changes import Change
from steward.resources.records import Place
from steward.settings import Brakes, CorrectOneSettings

ACCOUNT_ID, DOMAIN_ID, UNIT = "444444444444", "d-fraud0dev0001", "ou-root-ml000000"
DOMAIN_ARN, MINA, LAB = (
    f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:{path}" for path in (f"domain/{DOMAIN_ID}", f"user-profile/{DOMAIN_ID}/mina", f"space/{DOMAIN_ID}/lab")
)
CHANGED = datetime(2026, 11, 23, 9, tzinfo=UTC)
TIMEOUT = "JupyterLabAppSettings.AppLifecycleManagement.IdleSettings.IdleTimeoutInMinutes"
OF_MINA, OF_LAB = (Change(arn, TIMEOUT, "9000", "480", "why") for arn in (MINA, LAB))
NEW, NEWER = Change(DOMAIN_ARN, "tag:ml:project", None, "fraud", "why"), Change(DOMAIN_ARN, "tag:ml:owner", "before", "fraud-team", "why")
FREE = Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))


def idle(minutes: int) -> dict[str, Any]:
    return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": {"IdleTimeoutInMinutes": minutes}}}}


class Scene:
    """The organization, the hub's table and a member account, one call after the other."""

    def __init__(self, scripted: Any):
        self.organizations, self._organizations = scripted.client("organizations")
        self.dynamodb, self._dynamodb = scripted.client("dynamodb")
        self.sagemaker, self._sagemaker = scripted.client("sagemaker")

    def account(self, unit: str = UNIT) -> "Scene":
        answer = {"Account": {"Id": ACCOUNT_ID, "Arn": "arn", "State": "ACTIVE", "Paths": [f"o-steward0001/r-root/{unit}/{ACCOUNT_ID}/"]}}
        self._organizations.add_response("describe_account", answer, {"AccountId": ACCOUNT_ID})
        return self

    def domain(self, status: str = "InService") -> "Scene":
        answer = {"DomainArn": DOMAIN_ARN, "DomainId": DOMAIN_ID, "DomainName": "fraud", "Status": status, "LastModifiedTime": CHANGED}
        self._sagemaker.add_response("describe_domain", answer, {"DomainId": DOMAIN_ID})
        return self

    def profile(self, status: str = "InService", minutes: int = 9000, **more: Any) -> "Scene":
        answer = {"UserProfileArn": MINA, "UserProfileName": "mina", "DomainId": DOMAIN_ID, "Status": status, "LastModifiedTime": CHANGED}
        answer |= {"UserSettings": {"ExecutionRole": "arn:aws:iam::444444444444:role/Own", "SecurityGroups": ["sg-1"], **idle(minutes)}} | more
        self._sagemaker.add_response("describe_user_profile", answer, {"DomainId": DOMAIN_ID, "UserProfileName": "mina"})
        return self

    def space(self) -> "Scene":
        answer = {"SpaceArn": LAB, "SpaceName": "lab", "DomainId": DOMAIN_ID, "Status": "InService"}
        answer |= {"SpaceSettings": {"AppType": "JupyterLab", "RemoteAccess": "ENABLED", **idle(9000)}}
        self._sagemaker.add_response("describe_space", answer, {"DomainId": DOMAIN_ID, "SpaceName": "lab"})
        return self

    def updates_profile(self, error: str | None = None) -> "Scene":
        if error:
            self._sagemaker.add_client_error("update_user_profile", error)
        else:
            asked = {"DomainId": DOMAIN_ID, "UserProfileName": "mina", "UserSettings": {"SecurityGroups": ["sg-1"], **idle(480)}}
            self._sagemaker.add_response("update_user_profile", {"UserProfileArn": MINA}, asked)
        return self

    def updates_space(self, error: str | None = None) -> "Scene":
        if error:
            self._sagemaker.add_client_error("update_space", error)
        else:
            asked = {"DomainId": DOMAIN_ID, "SpaceName": "lab", "SpaceSettings": {"RemoteAccess": "ENABLED", **idle(480)}}
            self._sagemaker.add_response("update_space", {"SpaceArn": LAB}, asked)
        return self

    def records(self, key: str, value: str) -> "Scene":
        item = {"place": f"{ACCOUNT_ID}/eu-west-1", "what": f"domain-tag#{DOMAIN_ID}#{key}", "value": value}
        self._dynamodb.add_response("put_item", {}, {"TableName": "records", "Item": {name: {"S": text} for name, text in item.items()}})
        return self

    def has(self, **tags: str) -> "Scene":
        found = [{"Key": f"ml:{key}", "Value": value} for key, value in tags.items()]
        self._sagemaker.add_response("list_tags", {"Tags": found}, {"ResourceArn": DOMAIN_ARN})
        return self

    def tags(self, error: str | None = None, **tags: str) -> "Scene":
        if error:
            self._sagemaker.add_client_error("add_tags", error)
        else:
            given = [{"Key": f"ml:{key}", "Value": value} for key, value in tags.items()]
            self._sagemaker.add_response("add_tags", {"Tags": given}, {"ResourceArn": DOMAIN_ARN, "Tags": given})
        return self

    def gone(self, operation: str) -> "Scene":
        self._sagemaker.add_client_error(operation, "ResourceNotFound")
        return self

    def play(self, *changes: Change, is_updated: bool = False, brakes: Brakes = FREE) -> str:
        settings = CorrectOneSettings(frozenset({UNIT}), "domain_setup", "records", brakes)
        place = Place(self.dynamodb, "records", ACCOUNT_ID, "eu-west-1")
        state, self.of = step.correct_one(one(*changes, is_updated=is_updated), settings, self.organizations, place, lambda: self.sagemaker)
        return state


ASKED = {"account_id": ACCOUNT_ID, "region": "eu-west-1", "domain_id": DOMAIN_ID, "event_id": "event-1", "event_time": "2026-11-23T09:05:41Z"}


def one(*changes: Change, is_updated: bool = False) -> step.OneToCorrect:
    return step.OneToCorrect.model_validate(ASKED | {"changes": changes, "is_updated": is_updated})


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def test_tags_of_a_domain_are_recorded_the_new_before_and_the_others_after_they_are_written(scene: Scene) -> None:
    scene.account().domain().has(owner="before")
    scene.records("ml:project", "fraud").tags(project="fraud", owner="fraud-team").records("ml:owner", "fraud-team")
    assert (scene.play(NEW, NEWER), scene.of) == ("Corrected", (NEW, NEWER))


def test_whoever_was_cut_off_writes_the_same_tags_again_and_those_that_somebody_else_has_changed_since_stay(scene: Scene) -> None:
    scene.account().domain().has(project="fraud", owner="their own")
    scene.records("ml:project", "fraud").tags(project="fraud")
    assert (scene.play(NEW, NEWER), scene.of) == ("Corrected", (NEW,))
    scene.account().domain().has(owner="their own")
    assert scene.play(NEWER) == "Overtaken"
    scene.account().profile(minutes=240)
    assert scene.play(OF_MINA) == "Overtaken"


def test_a_profiles_settings_are_sent_whole_without_its_role_and_waited_for(scene: Scene) -> None:
    scene.account().profile().updates_profile()
    assert scene.play(OF_MINA) == "Updating"
    scene.account().profile("Updating", 480)
    assert scene.play(OF_MINA, is_updated=True) == "Updating"
    scene.account().profile(minutes=480)
    assert scene.play(OF_MINA, is_updated=True) == "Corrected"


def test_whoever_was_cut_off_after_the_update_makes_no_second_one(scene: Scene) -> None:
    scene.account().profile("Updating")
    assert scene.play(OF_MINA) == "Busy"
    scene.account().profile(minutes=480)
    assert scene.play(OF_MINA) == "Corrected"


def test_a_spaces_settings_are_sent_whole_without_its_type_of_app(scene: Scene) -> None:
    scene.account().space().updates_space()
    assert scene.play(OF_LAB) == "Updating"


def test_what_is_in_service_and_in_use_is_told_from_what_is_being_changed(scene: Scene) -> None:
    scene.account().profile().updates_profile("ResourceInUse")
    assert scene.play(OF_MINA) == "InUse"
    scene.account().space().updates_space("ResourceInUse")
    assert scene.play(OF_LAB) == "InUse"


def test_an_update_that_failed_is_told_in_the_words_of_sagemaker(scene: Scene) -> None:
    scene.account().profile("Update_Failed", FailureReason="no such image")
    assert scene.play(OF_MINA, is_updated=True) == "Failed: mina is Update_Failed. SageMaker says: no such image"
    scene.account().profile("Failed")
    assert scene.play(OF_MINA) == "Failed: mina is Failed. SageMaker says: nothing"


@pytest.mark.parametrize("change", [OF_MINA, OF_LAB, NEW])
def test_what_went_meanwhile_is_gone(scene: Scene, change: Change) -> None:
    operation = {MINA: "describe_user_profile", LAB: "describe_space", DOMAIN_ARN: "describe_domain"}[change.resource]
    scene.account().gone(operation)
    assert scene.play(change) == "Gone"


def test_what_goes_while_it_is_written_is_gone_and_a_refusal_of_what_is_there_stays_one(scene: Scene) -> None:
    scene.account().profile().updates_profile("ValidationException").profile("Deleting")
    assert scene.play(OF_MINA) == "Gone"
    scene.account().domain().has().records("ml:project", "fraud").tags("ValidationException").domain()
    with pytest.raises(ClientError, match="ValidationException"):
        scene.play(NEW)


def test_a_brake_holds_and_so_does_an_account_that_is_ours_no_more(scene: Scene) -> None:
    scene.account()
    assert scene.play(OF_MINA, brakes=Brakes(False, True, frozenset({"all"}))) == "Held"
    scene.account(unit="ou-root-sandbox0")
    assert scene.play(OF_MINA) == "Held"


def test_it_is_asked_about_one_thing() -> None:
    for changes in ((), (OF_MINA, OF_LAB)):
        with pytest.raises(ValidationError, match="one resource"):
            one(*changes)


def test_the_handler_reads_its_settings_enters_once_and_answers(scene: Scene, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.account().profile(minutes=480)
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
        "MEMBER_ROLE_NAME": "domain_setup",
        "RECORDS_TABLE_NAME": "records",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }.items():
        monkeypatch.setenv(name, value)
    assert step.handler(one(OF_MINA).model_dump(), context) == {"state": "Corrected", "changes": [asdict(OF_MINA)], "findings": []}
    assert doors == [(ACCOUNT_ID, "eu-west-1", "domain_setup", "event-1")]
