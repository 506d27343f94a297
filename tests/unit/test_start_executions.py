"""The step StartExecutions alone: what is started, under which names, how many, and what is said of the run."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import ANY

from reconciliation.start_executions import Listing, StartExecutionsRequest, start_executions
from steward.changes import Finding
from steward.observability import metrics
from steward.settings import Brakes, StartExecutionsSettings
from steward.sweeps import Answer, Start, Trouble
from tests.schemas import validate

MACHINES = {
    name: f"arn:aws:states:eu-west-1:222222222222:stateMachine:{name}" for name in ("domain_setup", "template_enablement", "profile_cost_tagging")
}
TIME = "2026-11-23T04:00:00.123Z"


@pytest.fixture(autouse=True)
def _metrics() -> Iterator[None]:
    yield
    metrics.clear_metrics()


def start(name: str | None = "alice", **more: Any) -> Start:
    arn = f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-1/{name}"
    given = {"workflow": "profile_cost_tagging", "account_id": "444444444444", "region": "eu-west-1", "held": False, "resource": arn}
    return Start(**{**given, "reason": "ml:owner is missing", "domain_id": "d-1", "user_profile_name": name, **more})


def trouble(number: int = 4) -> Trouble:
    given = {"region": "eu-west-1", "error": "MemberRoleNotAssumable", "message": "m" * 1000, "what_to_do": "plant it"}
    return Trouble(account_id=str(number) * 12, **given)


class Scene:
    """Step Functions and S3, one call after the other."""

    def __init__(self, scripted: Any):
        self.stepfunctions, self.states = scripted.client("stepfunctions")
        self.s3, self.bucket = scripted.client("s3")
        self.details: dict[str, Any] = {}

    def reads(self, key: str, document: Any) -> None:
        body = json.dumps(document).encode()
        self.bucket.add_response("get_object", {"Body": StreamingBody(BytesIO(body), len(body))}, {"Bucket": "results", "Key": key})

    def starts(self, one: Start, error: str | None = None) -> None:
        asked = {
            "stateMachineArn": MACHINES[one.workflow],
            "name": one.name("run-1"),
            "input": json.dumps(one.input("run-1", "2026-11-23T04:00:00Z")),
        }
        if error:
            self.states.add_client_error("start_execution", error, expected_params=asked)
        else:
            self.states.add_response("start_execution", {"executionArn": "arn", "startDate": 0}, asked)

    def play(
        self, found: Answer, *, most: int = 10, dry_run: bool = False, listed: str = "NothingToDo", account_id: str | None = None
    ) -> dict[str, Any]:
        self.reads("runs/run-1/places-gathered.json", found.model_dump(mode="json"))
        asked = {"Bucket": "results", "Key": "runs/run-1/details.json", "Body": ANY, "ContentType": "application/json"}
        self.bucket.add_response("put_object", {}, asked)
        self.s3.meta.events.register("before-parameter-build.s3.PutObject", self._keep)
        request = StartExecutionsRequest.model_validate(
            {"run": "run-1", "time": TIME, "listing": {"outcome": listed, "accounts": 2, "not_active": 1}, "account_id": account_id}
            | {"gathered_key": "runs/run-1/places-gathered.json"}
        )
        settings = StartExecutionsSettings(MACHINES, "results", most, Brakes(dry_run, False, frozenset({"all"})))
        return start_executions(request, settings, self.stepfunctions, self.s3)

    def _keep(self, params: dict[str, Any], **_: Any) -> None:
        self.details = json.loads(params["Body"])
        validate("reconciliation_details", self.details)


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def test_where_nothing_is_to_be_done_the_report_says_so_and_nothing_is_started(scene: Scene) -> None:
    answer = scene.play(Answer(counts={"places": 4, "domains": 2, "user_profiles": 5}))
    assert answer == {
        "report": {
            "version": 1,
            "outcome": "NothingToDo",
            "dry_run": False,
            "counts": {
                "accounts": 2,
                "accounts_not_active": 1,
                "places": 4,
                "domains": 2,
                "domains_gone": 0,
                "domains_of_unified_studio": 0,
                "user_profiles": 5,
                "spaces": 0,
                "troubles": 0,
                "started": {},
                "held": {},
                "left": 0,
                "findings": {},
            },
            "details_s3": "s3://results/runs/run-1/details.json",
        },
        "why": "",
    }
    assert scene.details["counts"] == answer["report"]["counts"]


def test_everything_that_is_to_be_done_is_started_once_and_domains_before_profiles(scene: Scene) -> None:
    domain = start(workflow="domain_setup", user_profile_name=None, resource="arn:of:domain")
    for one in (domain, start("alice"), start("bob")):
        scene.starts(one)
    report = scene.play(Answer(starts=(start("bob"), start("alice"), domain, start("bob"))))["report"]
    assert (report["outcome"], report["counts"]["started"]) == ("Reconciled", {"domain_setup": 1, "profile_cost_tagging": 2})
    assert [one["execution"] for one in scene.details["started"]] == [one.name("run-1") for one in (domain, start("alice"), start("bob"))]


def test_a_second_try_of_the_step_starts_nothing_twice(scene: Scene) -> None:
    scene.starts(start("alice"), "ExecutionAlreadyExists")
    scene.starts(start("bob"))
    assert scene.play(Answer(starts=(start("alice"), start("bob"))))["report"]["counts"]["started"] == {"profile_cost_tagging": 2}


def test_what_cannot_be_started_is_the_machines_to_try_again(scene: Scene) -> None:
    scene.starts(start(), "ThrottlingException")
    scene.reads("runs/run-1/places-gathered.json", Answer(starts=(start(),)).model_dump(mode="json"))
    request = StartExecutionsRequest(
        run="run-1", time=TIME, listing=Listing(outcome="NothingToDo", accounts=1, not_active=0), gathered_key="runs/run-1/places-gathered.json"
    )
    settings = StartExecutionsSettings(MACHINES, "results", 10, Brakes(False, False, frozenset({"all"})))
    with pytest.raises(ClientError):
        start_executions(request, settings, scene.stepfunctions, scene.s3)


def test_what_a_brake_holds_is_counted_and_not_started(scene: Scene) -> None:
    scene.starts(start("bob"))
    report = scene.play(Answer(starts=(start("alice", held=True), start("bob"))))["report"]
    assert (report["outcome"], report["dry_run"]) == ("Reconciled", False)
    assert (report["counts"]["started"], report["counts"]["held"]) == ({"profile_cost_tagging": 1}, {"profile_cost_tagging": 1})
    assert [one["user_profile_name"] for one in scene.details["held"]] == ["alice"]


def test_in_a_dry_run_nothing_is_started_and_the_outcome_is_what_it_would_have_been(scene: Scene) -> None:
    report = scene.play(Answer(starts=(start("alice"), start("bob"))), dry_run=True, most=1)["report"]
    assert (report["outcome"], report["dry_run"], report["counts"]["held"]) == ("Reconciled", True, {"profile_cost_tagging": 2})


def test_what_a_brake_holds_makes_no_run_red_however_much_it_is(scene: Scene) -> None:
    report = scene.play(Answer(starts=tuple(start(f"user-{number}") for number in range(40)), starts_left=7), dry_run=True, most=1)["report"]
    assert (report["outcome"], report["counts"]["left"], report["counts"]["held"]) == ("Reconciled", 0, {"profile_cost_tagging": 40})


def test_what_comes_again_each_day_leaves_a_fair_share_to_all_else(scene: Scene) -> None:
    """A role that Service Catalog does not take starts template_enablement anew, day after day."""
    daily = [start(None, workflow="template_enablement", resource="arn:of:domain", domain_id=f"d-{number}") for number in range(9)]
    others = [start(name) for name in ("ann", "ben", "cid")]
    setup = start(None, workflow="domain_setup", resource="arn:of:domain", account_id="555555555555")
    in_turns = [setup, daily[0], others[0], daily[1], others[1], daily[2]]
    for one in in_turns:
        scene.starts(one)
    scene.play(Answer(starts=(*others, *reversed(daily), setup)), most=6)
    assert [one["execution"] for one in scene.details["started"]] == [one.name("run-1") for one in in_turns]
    assert [one["workflow"] for one in scene.details["left"]] == ["profile_cost_tagging"] + ["template_enablement"] * 6


def test_what_there_was_no_time_to_confirm_is_no_matter_of_the_parameter(scene: Scene) -> None:
    scene.starts(start("a"))
    answer = scene.play(Answer(starts=(start("a"),), starts_left=10), most=5000)
    assert (answer["report"]["outcome"], answer["report"]["counts"]["left"]) == ("TooMuchToDo", 10)
    assert answer["why"].startswith("10 more seem to be needed, and could not be confirmed in the time of this run")
    assert "raise the parameter" not in answer["why"]


def test_beyond_the_cap_nothing_is_started_and_the_end_is_red_and_says_how_to_go_on(scene: Scene) -> None:
    scene.starts(start("a"))
    scene.starts(start("b"))
    answer = scene.play(Answer(starts=tuple(start(name) for name in "dcba"), starts_left=3), most=2)
    assert (answer["report"]["outcome"], answer["report"]["counts"]["left"]) == ("TooMuchToDo", 5)
    assert "MostStartsPerReconciliation" in answer["why"]
    assert answer["report"]["details_s3"] in answer["why"]
    assert [one["user_profile_name"] for one in scene.details["left"]] == ["c", "d"]


def test_some_that_failed_are_named_and_the_others_are_done(scene: Scene) -> None:
    scene.starts(start())
    answer = scene.play(Answer(starts=(start(),), troubles=(trouble(5), trouble(6))))
    assert (answer["report"]["outcome"], answer["report"]["counts"]["troubles"]) == ("SomeAccountsFailed", 2)
    assert answer["why"].startswith("2 could not be looked at, all others are done: 555555555555 eu-west-1: MemberRoleNotAssumable: mmm")
    assert [line["what_to_do"] for line in scene.details["troubles"]] == ["plant it"] * 2


def test_however_many_failed_the_cause_is_one_that_step_functions_takes(scene: Scene) -> None:
    scene.starts(start())
    answer = scene.play(Answer(starts=(start(), start("bob")), troubles=tuple(trouble() for _ in range(4000))), most=1)
    assert len(answer["why"]) < 32_768
    assert "; and 3980 more." in answer["why"]
    assert "MostStartsPerReconciliation" in answer["why"], "it ran into the cap as well"
    assert len(scene.details["troubles"]) == 4000


def test_the_outcome_of_the_list_is_the_runs_where_there_was_nothing_to_look_into(scene: Scene) -> None:
    assert scene.play(Answer(), listed="AccountOutOfScope", account_id="777777777777")["report"]["outcome"] == "AccountOutOfScope"
    assert scene.details["account_id"] == "777777777777"


def test_findings_are_counted_by_kind_and_written_down(scene: Scene) -> None:
    finding = Finding("UserUnknown", "arn:of:space", "whose is it?")
    report = scene.play(Answer(findings=(finding,), findings_by_kind={"UserUnknown": 3}))["report"]
    assert (report["outcome"], report["counts"]["findings"]) == ("NothingToDo", {"UserUnknown": 3})
    assert scene.details["findings"] == [{"kind": "UserUnknown", "resource": "arn:of:space", "message": "whose is it?"}]


@pytest.mark.parametrize(
    ("account_id", "measured"), [(None, {"StartsLeft", "Troubles", "ExecutionsStarted", "Findings"}), ("444444444444", {"StartsLeft"})]
)
def test_only_a_run_for_all_accounts_says_something_of_the_whole(scene: Scene, account_id: str | None, measured: set[str]) -> None:
    scene.play(Answer(), account_id=account_id)
    assert set(metrics.metric_set) == measured
