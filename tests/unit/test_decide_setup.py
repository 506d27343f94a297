"""The step DecideSetup alone: which calls it makes, and what it answers. A call that is not written down here fails the test."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

import domain_setup.decide_setup as step
from steward.resources.records import Records
from steward.rules.idle_settings import IdleLimits
from steward.settings import Brakes, DecideSetupSettings
from steward.setups import SetupPolicy
from steward.targets import DomainTarget

ACCOUNT_ID, DOMAIN_ID, UNIT = "444444444444", "d-fraud0dev0001", "ou-root-ml000000"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/StudioExecution"
CHANGED = datetime(2026, 11, 23, 9, tzinfo=UTC)
TARGET = DomainTarget(account_id=ACCOUNT_ID, region="eu-west-1", domain_id=DOMAIN_ID, event_id="event-1", event_time="2026-11-23T09:05:41Z")
POLICY = SetupPolicy(
    IdleLimits(120, 60, 480),
    "ml:user",
    ("ml:project",),
    corrects_foreign=False,
    corrects_overrides=True,
    most_corrections=20,
    attaches_reporter=False,
)
IDLE = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MinIdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 480}
APPS = {f"{app}AppSettings": {"AppLifecycleManagement": {"IdleSettings": IDLE}} for app in ("JupyterLab", "CodeEditor")}
FREE = Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))


def arn(path: str) -> str:
    return f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:{path}"


DOMAIN_ARN, MINA = arn(f"domain/{DOMAIN_ID}"), arn(f"user-profile/{DOMAIN_ID}/mina")


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Scene:
    """The organization and a member account, one call of each service after the other."""

    def __init__(self, scripted: Any):
        self.clients: dict[str, Any] = {}
        self.scripts: dict[str, Any] = {}
        for service in ("organizations", "sagemaker", "iam", "resourcegroupstaggingapi"):
            self.clients[service], self.scripts[service] = scripted.client(service)
        self.copied: dict[tuple[str, str], str] = {}
        self.entered = self.asked_for_records = 0

    def account(self, state: str = "ACTIVE", unit: str = UNIT) -> "Scene":
        answer = {"Account": {"Id": ACCOUNT_ID, "Arn": "arn", "State": state, "Paths": [f"o-steward0001/r-root/{unit}/{ACCOUNT_ID}/"]}}
        self.scripts["organizations"].add_response("describe_account", answer, {"AccountId": ACCOUNT_ID})
        return self

    def account_says(self, **tags: str) -> "Scene":
        answer = {"Tags": as_list({f"ml:{key}": value for key, value in tags.items()})}
        self.scripts["organizations"].add_response("list_tags_for_resource", answer, {"ResourceId": ACCOUNT_ID})
        return self

    def domain(self, status: str = "InService", **more: Any) -> "Scene":
        answer = {"DomainArn": DOMAIN_ARN, "DomainId": DOMAIN_ID, "DomainName": "fraud", "Status": status, "LastModifiedTime": CHANGED}
        answer |= {"TagPropagation": "ENABLED", "DefaultUserSettings": {"ExecutionRole": ROLE, **APPS}} | more
        self.scripts["sagemaker"].add_response("describe_domain", answer, {"DomainId": DOMAIN_ID})
        return self

    def tags(self, of: str, tags: dict[str, str]) -> "Scene":
        self.scripts["sagemaker"].add_response("list_tags", {"Tags": as_list(tags)}, {"ResourceArn": of})
        return self

    def has(self, *profiles: str, **settings: Any) -> "Scene":
        listed = [{"DomainId": DOMAIN_ID, "UserProfileName": name, "Status": "InService", "LastModifiedTime": CHANGED} for name in profiles]
        asked = {"DomainIdEquals": DOMAIN_ID, "MaxResults": 100}
        self.scripts["sagemaker"].add_response("list_user_profiles", {"UserProfiles": listed}, asked)
        for name in profiles:
            answer = {
                "UserProfileArn": arn(f"user-profile/{DOMAIN_ID}/{name}"),
                "UserProfileName": name,
                "DomainId": DOMAIN_ID,
                "Status": "InService",
            }
            answer |= {"LastModifiedTime": CHANGED, "UserSettings": settings}
            self.scripts["sagemaker"].add_response("describe_user_profile", answer, {"DomainId": DOMAIN_ID, "UserProfileName": name})
        self.scripts["sagemaker"].add_response("list_spaces", {"Spaces": []}, asked)
        return self

    def known_tags(self, *asked: str, **known: dict[str, str]) -> "Scene":
        answer = [{"ResourceARN": arn(f"user-profile/{DOMAIN_ID}/{name}"), "Tags": as_list(tags)} for name, tags in known.items()]
        self.scripts["resourcegroupstaggingapi"].add_response("get_resources", {"ResourceTagMappingList": answer}, {"ResourceARNList": list(asked)})
        return self

    def roles_may(self, *roles: str) -> "Scene":
        for _ in roles or (ROLE,):
            for _ in range(3):
                results = {"EvaluationResults": [{"EvalActionName": "sagemaker:AddTags", "EvalDecision": "allowed"}]}
                self.scripts["iam"].add_response("simulate_principal_policy", results)
        return self

    def fails(self, service: str, operation: str, code: str) -> "Scene":
        self.scripts[service].add_client_error(operation, code)
        return self

    def records(self) -> Records:
        self.asked_for_records += 1
        return Records(domain_tags=self.copied)

    def enter(self) -> Any:
        self.entered += 1
        return self.clients.__getitem__

    def play(self, brakes: Brakes = FREE) -> dict[str, Any]:
        settings = DecideSetupSettings(frozenset({UNIT}), "domain_setup", "records", POLICY, brakes)
        return step.decide(TARGET, settings, self.clients["organizations"], self.records, self.enter)


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def short(answer: dict[str, Any]) -> tuple[str, int, list[str]]:
    report = answer["report"]
    return report["outcome"], len(report["changes"]), [finding["kind"] for finding in report["findings"]]


PRODUCT = {"steward:product": "studio"}


def test_a_domain_that_is_as_it_should_be_has_nothing_to_do(scene: Scene) -> None:
    scene.account().domain().account_says(project="fraud").tags(DOMAIN_ARN, PRODUCT | {"ml:project": "fraud"})
    scene.has("mina").known_tags(MINA, mina={"ml:user": "mina"}).roles_may()
    answer = scene.play()
    assert short(answer) == ("NothingToDo", 0, [])
    assert (answer["seen"], answer["rest"]) == (CHANGED.isoformat(), [])
    assert (scene.entered, scene.asked_for_records) == (1, 0)


def test_what_is_missing_comes_with_what_is_written_after_the_settings(scene: Scene) -> None:
    off = {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": {"LifecycleManagement": "DISABLED", "IdleTimeoutInMinutes": 60}}}}
    scene.account().domain(TagPropagation="DISABLED").account_says(project="fraud").tags(DOMAIN_ARN, PRODUCT)
    scene.has("mina", **off).known_tags(MINA).tags(MINA, {}).roles_may()
    answer = scene.play()
    assert short(answer) == ("DomainSetUp", 3, [])
    assert [[change["field"].split(".")[-1] for change in one["changes"]] for one in answer["rest"]] == [["tag:ml:project"], ["LifecycleManagement"]]
    assert [one["changes"][0]["resource"] for one in answer["rest"]] == [DOMAIN_ARN, MINA]


def test_each_execution_role_in_use_is_asked_once(scene: Scene) -> None:
    own = f"arn:aws:iam::{ACCOUNT_ID}:role/Own"
    scene.account().domain(DefaultSpaceSettings={"ExecutionRole": ROLE} | {"JupyterLabAppSettings": APPS["JupyterLabAppSettings"]})
    scene.account_says(project="fraud").tags(DOMAIN_ARN, PRODUCT | {"ml:project": "fraud"})
    scene.has("ann", "ben", ExecutionRole=own).known_tags(*(arn(f"user-profile/{DOMAIN_ID}/{name}") for name in ("ann", "ben")), ann={}, ben={})
    scene.roles_may(ROLE, own)
    assert short(scene.play()) == ("NothingToDo", 0, [])


def test_a_role_that_is_not_there_is_a_finding(scene: Scene) -> None:
    scene.account().domain().account_says(project="fraud").tags(DOMAIN_ARN, PRODUCT | {"ml:project": "fraud"}).has()
    scene.fails("iam", "simulate_principal_policy", "NoSuchEntity")
    assert short(scene.play()) == ("NothingToDo", 0, ["ExecutionRolesMissing"])


@pytest.mark.parametrize(("copied", "changes"), [({(DOMAIN_ID, "ml:project"): "before"}, 1), ({("d-other", "ml:project"): "before"}, 0)])
def test_where_domain_and_account_differ_records_say_whose_value_it_is(scene: Scene, copied: dict[tuple[str, str], str], changes: int) -> None:
    scene.copied = copied
    scene.account().domain().account_says(project="fraud").tags(DOMAIN_ARN, PRODUCT | {"ml:project": "before"}).has().roles_may()
    assert short(scene.play())[1] == changes
    assert scene.asked_for_records == 1


def test_a_foreign_domain_is_only_reported(scene: Scene) -> None:
    scene.account().domain(TagPropagation="DISABLED").account_says(project="fraud").tags(DOMAIN_ARN, {}).has().roles_may()
    assert short(scene.play()) == ("ForeignDomain", 0, ["ForeignDomainDiffers"])


@pytest.mark.parametrize("status", ["Pending", "Updating"])
def test_what_is_coming_is_asked_for_again_and_nothing_else_is_read(scene: Scene, status: str) -> None:
    scene.account().domain(status)
    assert short(scene.play()) == ("NotInServiceYet", 0, [])


@pytest.mark.parametrize("status", ["Failed", "Delete_Failed"])
def test_a_broken_domain_is_reported_in_the_words_of_sagemaker(scene: Scene, status: str) -> None:
    scene.account().domain(status, FailureReason="no such subnet")
    answer = scene.play()
    assert short(answer) == ("DomainFailed", 0, ["DomainFailed"])
    assert "no such subnet" in answer["report"]["findings"][0]["message"]


def test_a_domain_of_unified_studio_is_left_alone(scene: Scene) -> None:
    scene.account().domain(DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}})
    assert short(scene.play()) == ("UnifiedStudioDomain", 0, [])


def test_a_domain_that_goes_or_is_gone_is_gone(scene: Scene) -> None:
    scene.account().domain("Deleting")
    assert short(scene.play()) == ("DomainGone", 0, [])
    scene.account().fails("sagemaker", "describe_domain", "ResourceNotFound")
    assert short(scene.play()) == ("DomainGone", 0, [])


def test_a_domain_that_went_before_its_tags_were_read_is_gone(scene: Scene) -> None:
    scene.account().domain().account_says().fails("sagemaker", "list_tags", "ValidationException").domain("Deleting")
    assert short(scene.play()) == ("DomainGone", 0, [])


def test_a_refusal_of_a_domain_that_is_there_stays_a_refusal(scene: Scene) -> None:
    scene.account().domain().account_says().fails("sagemaker", "list_tags", "ValidationException").domain()
    with pytest.raises(ClientError, match="ValidationException"):
        scene.play()


def test_an_account_outside_the_units_or_suspended_is_not_entered(scene: Scene) -> None:
    scene.account(unit="ou-root-sandbox0")
    assert short(scene.play()) == ("AccountOutOfScope", 0, ["AccountOutOfScope"])
    scene.fails("organizations", "describe_account", "AccountNotFoundException")
    assert short(scene.play()) == ("AccountOutOfScope", 0, ["AccountOutOfScope"])
    scene.account(state="SUSPENDED")
    assert short(scene.play()) == ("AccountNotActive", 0, [])
    assert scene.entered == 0


def test_with_a_brake_on_the_changes_are_the_same_and_called_a_dry_run(scene: Scene) -> None:
    scene.account().domain(TagPropagation="DISABLED").account_says().tags(DOMAIN_ARN, PRODUCT).has().roles_may()
    answer = scene.play(Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"ou-root-labs0000"})))
    assert (short(answer), answer["report"]["dry_run"]) == (("DomainSetUp", 1, []), True)


def test_the_handler_reads_its_settings_enters_once_and_answers(scene: Scene, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.account().domain("Pending")
    doors: list[tuple[Any, ...]] = []

    class Session:
        client = staticmethod(scene.clients.__getitem__)

    def enter(sts: object, *where: str, session_name: str) -> Session:
        doors.append((*where, session_name))
        return Session()

    monkeypatch.setattr(step, "hub_client", {"organizations": scene.clients["organizations"], "sts": None, "dynamodb": None}.__getitem__)
    monkeypatch.setattr(step, "member_session", enter)
    for name, value in {
        "ML_ORGANIZATIONAL_UNIT_IDS": UNIT,
        "USER_TAG_KEY": "ml:user",
        "ACCOUNT_TAG_KEYS": "ml:project",
        "MEMBER_ROLE_NAME": "domain_setup",
        "RECORDS_TABLE_NAME": "records",
        "IDLE_TIMEOUT_MINUTES": "120",
        "IDLE_TIMEOUT_MINIMUM_MINUTES": "60",
        "IDLE_TIMEOUT_MAXIMUM_MINUTES": "480",
        "FOREIGN_DOMAINS": "report",
        "IDLE_OVERRIDES": "report",
        "MOST_IDLE_CORRECTIONS": "20",
        "ACTIVITY_REPORTER": "attach",
        "DRY_RUN": "false",
        "STOP_ALL_WRITES": "false",
        "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
    }.items():
        monkeypatch.setenv(name, value)
    assert short(step.handler(TARGET.model_dump() | {"replay_name": None}, context)) == ("NotInServiceYet", 0, [])
    assert doors == [(ACCOUNT_ID, "eu-west-1", "domain_setup", "event-1")]
