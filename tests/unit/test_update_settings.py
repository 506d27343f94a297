"""The step UpdateSettings alone: what it writes, when it waits, and when it does neither. A call that is not written down here fails the test."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

import domain_setup.update_settings as step
from steward.changes import Change, Finding, Report
from steward.settings import Brakes, UpdateSettingsSettings

ACCOUNT_ID, DOMAIN_ID, UNIT = "444444444444", "d-fraud0dev0001", "ou-root-ml000000"
DOMAIN_ARN, ROLE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:domain/{DOMAIN_ID}", f"arn:aws:iam::{ACCOUNT_ID}:role/StudioExecution"
SEEN, LATER = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC)
IDLE = "JupyterLabAppSettings.AppLifecycleManagement.IdleSettings"
PROPAGATION = Change(DOMAIN_ARN, "TagPropagation", "DISABLED", "ENABLED", "why")
TIMEOUT = Change(DOMAIN_ARN, f"DefaultUserSettings.{IDLE}.IdleTimeoutInMinutes", None, "120", "why")
OF_SPACES = Change(DOMAIN_ARN, f"DefaultSpaceSettings.{IDLE}.LifecycleManagement", "DISABLED", "ENABLED", "why")
TAG = Change(DOMAIN_ARN, "tag:ml:project", None, "fraud", "why")
PUBLISHED = Change(f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:studio-lifecycle-config/x", "StudioLifecycleConfigContent", None, "sha256 x", "why")
FOUND = Finding("IdleTagOutOfBounds", DOMAIN_ARN, "correct it")
FREE = Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))


def idle(**values: Any) -> dict[str, Any]:
    return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": values}}}


class Scene:
    """The organization, the hub's table and a member account, one call after the other."""

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

    def domain(self, status: str = "InService", changed: datetime = SEEN, **more: Any) -> "Scene":
        answer = {"DomainArn": DOMAIN_ARN, "DomainId": DOMAIN_ID, "DomainName": "fraud", "Status": status, "LastModifiedTime": changed}
        answer |= {"TagPropagation": "DISABLED", "DefaultUserSettings": {"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"]}} | more
        self._sagemaker.add_response("describe_domain", answer, {"DomainId": DOMAIN_ID})
        return self

    def no_domain(self) -> "Scene":
        self._sagemaker.add_client_error("describe_domain", "ResourceNotFound")
        return self

    def updates(self, **request: Any) -> "Scene":
        self._sagemaker.add_response("update_domain", {"DomainArn": DOMAIN_ARN}, {"DomainId": DOMAIN_ID} | request)
        return self

    def refuses(self, code: str) -> "Scene":
        self._sagemaker.add_client_error("update_domain", code)
        return self

    def counts(self, error: str | None = None) -> "Scene":
        if error:
            self._dynamodb.add_client_error("update_item", error)
        else:
            self._dynamodb.add_response("update_item", {})
        return self

    def play(
        self, *changes: Change, is_updated: bool = False, writer: str | None = None, brakes: Brakes = FREE, findings: tuple[Finding, ...] = ()
    ) -> Report:
        decided = step.DecidedSetup(
            account_id=ACCOUNT_ID,
            region="eu-west-1",
            domain_id=DOMAIN_ID,
            event_id="event-1",
            event_time="2026-11-23T09:05:41Z",
            writer=writer,
            report=Report("DomainSetUp", dry_run=False, changes=changes, findings=findings),
            seen=SEEN.isoformat(),
            is_updated=is_updated,
        )
        settings = UpdateSettingsSettings(frozenset({UNIT}), "domain_setup", "corrections", brakes)
        return step.update_settings(decided, settings, self.organizations, self.dynamodb, lambda: self.sagemaker)


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def ends(report: Report) -> tuple[str, bool, tuple[Change, ...], list[str]]:
    return report.outcome, report.dry_run, report.changes, [finding.kind for finding in report.findings]


def test_each_structure_in_which_something_differs_is_sent_whole_without_its_role(scene: Scene) -> None:
    scene.account().domain(DefaultSpaceSettings={"ExecutionRole": ROLE, "SecurityGroups": ["sg-2"], **idle(LifecycleManagement="DISABLED")})
    scene.updates(
        TagPropagation="ENABLED",
        DefaultUserSettings={"SecurityGroups": ["sg-1"], **idle(IdleTimeoutInMinutes=120)},
        DefaultSpaceSettings={"SecurityGroups": ["sg-2"], **idle(LifecycleManagement="ENABLED")},
    )
    assert ends(scene.play(PROPAGATION, TIMEOUT, OF_SPACES, TAG)) == ("SettingsUpdating", False, (), [])


@pytest.fixture
def publishing(monkeypatch: pytest.MonkeyPatch) -> list[list[Change]]:
    """What was to be published, each time; the first time it is not what was decided on."""
    asked: list[list[Change]] = []

    def publish(_: object, changes: Iterable[Change]) -> bool:
        asked.append(list(changes))
        return len(asked) > 1

    monkeypatch.setattr(step, "publish", publish)
    return asked


def test_what_the_domain_will_name_is_published_before_and_decided_on_anew_where_it_is_another(scene: Scene, publishing: list[Any]) -> None:
    scene.account().domain()
    assert ends(scene.play(PROPAGATION, PUBLISHED)) == ("DomainChanged", False, (), [])
    scene.account().domain().updates(TagPropagation="ENABLED")
    assert ends(scene.play(PROPAGATION, PUBLISHED)) == ("SettingsUpdating", False, (), [])
    assert publishing == [[PUBLISHED]] * 2


def test_what_is_only_to_be_published_is_told_without_an_update(scene: Scene, publishing: list[Any]) -> None:
    publishing.append([])
    scene.account().domain(changed=LATER)
    assert ends(scene.play(PUBLISHED, TAG)) == ("DomainSetUp", False, (PUBLISHED,), [])


def test_once_updated_nothing_is_published_again(scene: Scene, publishing: list[Any]) -> None:
    publishing.append([])
    scene.account().domain(TagPropagation="ENABLED", changed=LATER)
    assert ends(scene.play(PROPAGATION, PUBLISHED, is_updated=True)) == ("DomainSetUp", False, (PROPAGATION, PUBLISHED), [])
    assert publishing[1:] == [[]]


def test_where_a_writer_has_had_three_corrections_nothing_is_published(scene: Scene, publishing: list[Any]) -> None:
    scene.account().domain().counts("ConditionalCheckFailedException")
    assert ends(scene.play(PROPAGATION, PUBLISHED, writer="Terraform"))[0] == "SettingsContested"
    assert publishing == []


def test_what_is_as_it_was_told_is_not_sent(scene: Scene) -> None:
    scene.account().domain(TagPropagation="ENABLED").updates(DefaultUserSettings={"SecurityGroups": ["sg-1"], **idle(IdleTimeoutInMinutes=120)})
    assert ends(scene.play(PROPAGATION, TIMEOUT)) == ("SettingsUpdating", False, (), [])


@pytest.mark.parametrize("is_updated", [True, False], ids=["waited", "cut off"])
def test_a_domain_that_is_as_told_is_announced_whether_or_not_the_update_was_answered(scene: Scene, is_updated: bool) -> None:
    scene.account().domain(TagPropagation="ENABLED", changed=LATER)
    assert ends(scene.play(PROPAGATION, TAG, is_updated=is_updated, findings=(FOUND,))) == ("DomainSetUp", False, (PROPAGATION,), [FOUND.kind])


def test_with_tags_alone_nothing_is_updated(scene: Scene) -> None:
    scene.account().domain()
    assert ends(scene.play(TAG)) == ("DomainSetUp", False, (), [])


@pytest.mark.parametrize(("is_updated", "outcome"), [(True, "SettingsUpdating"), (False, "DomainBusy")])
@pytest.mark.parametrize("status", ["Updating", "Pending"])
def test_an_update_under_way_is_waited_for_and_no_second_one_is_made(scene: Scene, status: str, is_updated: bool, outcome: str) -> None:
    scene.account().domain(status)
    assert ends(scene.play(PROPAGATION, is_updated=is_updated)) == (outcome, False, (), [])


def test_a_domain_that_somebody_else_changed_since_is_decided_on_anew(scene: Scene) -> None:
    scene.account().domain(changed=LATER)
    assert ends(scene.play(PROPAGATION)) == ("DomainChanged", False, (), [])


def test_somebody_elses_change_is_waited_for(scene: Scene) -> None:
    scene.account().domain().refuses("ResourceInUse")
    assert ends(scene.play(PROPAGATION)) == ("DomainBusy", False, (), [])


@pytest.mark.parametrize("is_updated", [True, False], ids=["waited", "cut off"])
def test_an_update_that_failed_since_the_decision_is_the_end(scene: Scene, is_updated: bool) -> None:
    scene.account().domain("Update_Failed", changed=LATER, FailureReason="no such image")
    report = scene.play(PROPAGATION, is_updated=is_updated)
    assert ends(report) == ("UpdateFailed", False, (), ["DomainUpdateFailed"])
    assert "no such image" in report.findings[0].message


def test_a_domain_whose_update_had_failed_before_is_updated(scene: Scene) -> None:
    scene.account().domain("Update_Failed").updates(TagPropagation="ENABLED")
    assert ends(scene.play(PROPAGATION)) == ("SettingsUpdating", False, (), [])


def test_what_was_set_back_while_we_waited_is_not_fought_over(scene: Scene) -> None:
    scene.account().domain(changed=LATER)
    report = scene.play(PROPAGATION, is_updated=True)
    assert ends(report) == ("SettingsContested", False, (), ["SettingsContested"])
    assert "were set back while we waited" in report.findings[0].message


def test_a_writers_settings_are_corrected_and_counted(scene: Scene) -> None:
    scene.account().domain().counts().updates(TagPropagation="ENABLED")
    assert ends(scene.play(PROPAGATION, writer="Terraform")) == ("SettingsUpdating", False, (), [])


def test_after_three_corrections_they_stay(scene: Scene) -> None:
    scene.account().domain().counts("ConditionalCheckFailedException")
    report = scene.play(PROPAGATION, TAG, writer="Terraform", findings=(FOUND,))
    assert ends(report) == ("SettingsContested", False, (), [FOUND.kind, "SettingsContested"])
    assert "of what Terraform did: TagPropagation is DISABLED, not ENABLED" in report.findings[1].message


def test_a_domain_that_goes_is_gone(scene: Scene) -> None:
    scene.account().domain("Deleting")
    assert ends(scene.play(PROPAGATION, findings=(FOUND,))) == ("DomainGone", False, (), [])
    scene.account().no_domain()
    assert ends(scene.play(PROPAGATION)) == ("DomainGone", False, (), [])


@pytest.mark.parametrize(
    "brakes",
    [Brakes(True, False, frozenset({"all"})), Brakes(False, True, frozenset({"all"})), Brakes(False, False, frozenset({"ou-root-labs0000"}))],
)
def test_a_brake_pulled_since_the_decision_holds_and_nobody_is_entered(scene: Scene, brakes: Brakes) -> None:
    scene.account()
    assert ends(scene.play(PROPAGATION, TAG, brakes=brakes)) == ("DomainSetUp", True, (PROPAGATION, TAG), [])


def test_so_does_an_account_that_is_ours_no_more(scene: Scene) -> None:
    for meet in (lambda: scene.account("SUSPENDED"), lambda: scene.account(unit="ou-root-sandbox0"), scene.no_account):
        meet()
        assert scene.play(PROPAGATION).dry_run


def test_the_handler_reads_its_settings_enters_once_and_answers(scene: Scene, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.account().domain()
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
        "CORRECTIONS_TABLE_NAME": "corrections",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }.items():
        monkeypatch.setenv(name, value)
    report = Report("DomainSetUp", dry_run=False, changes=(TAG,)).as_output()
    asked = {"account_id": ACCOUNT_ID, "region": "eu-west-1", "domain_id": DOMAIN_ID, "event_id": "event-1", "event_time": "2026-11-23T09:05:41Z"}
    answer = step.handler(asked | {"report": report, "seen": SEEN.isoformat(), "is_updated": False}, context)
    assert (answer["outcome"], answer["changes"]) == ("DomainSetUp", [])
    assert doors == [(ACCOUNT_ID, "eu-west-1", "domain_setup", "event-1")]
