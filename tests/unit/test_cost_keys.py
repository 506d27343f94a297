"""cost_key_activation without AWS: what is decided, which calls the steps make, and what they answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_key_activation import activate_keys as activating
from cost_key_activation import decide_keys as deciding
from steward.changes import Change, Report
from steward.resources.cost_keys import BILLING_REGION, activate
from steward.rules.cost_keys import FIELD, KeyDecision, decide_cost_keys, passes_by_itself
from steward.settings import Brakes, CostKeyActivationSettings

PAYER = "111111111111"
PAYER_ARN = f"arn:aws:organizations::{PAYER}:account/o-steward0001/{PAYER}"
KEYS = ("ml:user", "ml:project", "ml:cost-center", "ml:owner")
ENVIRONMENT = {
    "PAYER_ACCOUNT_ID": PAYER,
    "PAYER_ACCOUNT_ARN": PAYER_ARN,
    "PAYER_ROLE_NAME": "cost_key_activation",
    "COST_TAG_KEYS": ",".join(KEYS),
    "DRY_RUN": "false",
    "STOP_ALL_WRITES": "false",
    "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


class Payer:
    """The payer account as Cost Explorer describes it, one call after the other; `doors` are the ways that were taken into it."""

    def __init__(self, scripted: Any, monkeypatch: pytest.MonkeyPatch):
        self.client, self._script = scripted.client("ce")
        self.doors: list[tuple[str, ...]] = []
        for step in (deciding, activating):
            monkeypatch.setattr(step, "hub_client", {"sts": None}.__getitem__)
            monkeypatch.setattr(step, "member_session", self._enter)

    def _enter(self, _: object, *where: str) -> Any:
        self.doors.append(where)
        return type("Session", (), {"client": lambda _, service: {"ce": self.client}[service]})()

    def knows(self, **status: str) -> "Payer":
        """Keys by their last word: ``user="Active"`` is ml:user."""
        tags = [{"TagKey": f"ml:{name.replace('_', '-')}", "Type": "UserDefined", "Status": value} for name, value in status.items()]
        self._script.add_response("list_cost_allocation_tags", {"CostAllocationTags": tags}, {"TagKeys": list(KEYS), "Type": "UserDefined"})
        return self

    def activates(self, *keys: str, errors: tuple[tuple[str, str], ...] = ()) -> "Payer":
        asked = {"CostAllocationTagsStatus": [{"TagKey": key, "Status": "Active"} for key in keys]}
        answer = {"Errors": [{"TagKey": key, "Code": code, "Message": "in its own words"} for key, code in errors]}
        self._script.add_response("update_cost_allocation_tags_status", answer, asked)
        return self


@pytest.fixture
def payer(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Payer:
    return Payer(scripted, monkeypatch)


def decide(context: Any) -> dict[str, Any]:
    return deciding.handler({"execution_name": "keys-2026-11-23T06"}, context)


def carry_out(context: Any, report: dict[str, Any]) -> dict[str, Any]:
    return activating.handler({"execution_name": "keys-2026-11-23T06", "report": report}, context)


def keys_of(report: dict[str, Any]) -> list[str]:
    return [change["field"].removeprefix(FIELD) for change in report["changes"]]


def decided(*keys: str) -> dict[str, Any]:
    changes = tuple(Change(PAYER_ARN, f"{FIELD}{key}", "Inactive", "Active", "a reason") for key in keys)
    return Report("CostKeysActivated", dry_run=False, changes=changes).as_output()


@given(st.lists(st.text(min_size=1), unique=True), st.dictionaries(st.text(min_size=1), st.booleans()))
def test_each_key_is_activated_or_waits_or_is_active_and_nobody_elses_is_touched(wanted: list[str], known: dict[str, bool]) -> None:
    decision = decide_cost_keys(wanted, known)
    assert {*decision.to_activate, *decision.waiting} <= set(wanted)
    for key in wanted:
        assert (key in decision.to_activate, key in decision.waiting) == (known.get(key) is False, key not in known)
    after = {**known, **dict.fromkeys(decision.to_activate, True)}
    assert decide_cost_keys(wanted, after) == KeyDecision((), decision.waiting)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "LimitExceededException", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "Service.Unavailable"]
)
def test_what_is_of_the_moment_passes(code: str) -> None:
    assert passes_by_itself(code)


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "", "TagKeyNotFound"])
def test_what_is_not_does_not(code: str) -> None:
    assert not passes_by_itself(code)


def test_the_payer_is_entered_in_the_region_of_cost_explorer_under_the_executions_name(payer: Payer, context: Any) -> None:
    payer.knows(user="Active", project="Active", cost_center="Active", owner="Active")
    assert decide(context) == Report("NothingToDo", dry_run=False).as_output()
    assert payer.doors == [(PAYER, "us-east-1", "cost_key_activation", "keys-2026-11-23T06")]
    assert BILLING_REGION == "us-east-1"


def test_known_inactive_keys_are_to_be_activated_and_unknown_ones_wait(payer: Payer, context: Any) -> None:
    payer.knows(user="Inactive", project="Active")
    report = decide(context)
    assert report["outcome"] == "CostKeysWaiting"
    assert report["changes"] == [
        {
            "resource": PAYER_ARN,
            "field": "cost-allocation-tag:ml:user",
            "before": "Inactive",
            "after": "Active",
            "reason": "one of our cost tags, and billing knows it",
        }
    ]
    assert [(finding["kind"], finding["resource"]) for finding in report["findings"]] == [("CostKeyWaiting", PAYER_ARN)] * 2
    assert "ml:cost-center" in report["findings"][0]["message"]
    assert "ml:owner" in report["findings"][1]["message"]


def test_where_all_are_known_nothing_waits(payer: Payer, context: Any) -> None:
    payer.knows(user="Inactive", project="Active", cost_center="Inactive", owner="Active")
    report = decide(context)
    assert (report["outcome"], keys_of(report), report["findings"]) == ("CostKeysActivated", ["ml:user", "ml:cost-center"], [])


def test_what_was_decided_is_activated_in_one_call_and_answered(payer: Payer, context: Any) -> None:
    payer.activates("ml:user", "ml:owner")
    assert carry_out(context, decided("ml:user", "ml:owner")) == decided("ml:user", "ml:owner")


def test_a_step_that_was_cut_off_answers_the_same_changes_again(payer: Payer, context: Any) -> None:
    payer.activates("ml:user").activates("ml:user")
    assert carry_out(context, decided("ml:user")) == carry_out(context, decided("ml:user")) == decided("ml:user")


def test_a_refused_key_is_a_finding_and_no_change(payer: Payer, context: Any) -> None:
    payer.activates("ml:user", "ml:project", "ml:owner", errors=(("ml:user", "ThrottlingException"), ("ml:owner", "ValidationException")))
    report = carry_out(context, decided("ml:user", "ml:project", "ml:owner"))
    assert (report["outcome"], keys_of(report)) == ("CostKeysRefused", ["ml:project"])
    assert [finding["kind"] for finding in report["findings"]] == ["CostKeyRefusedForNow", "CostKeyRefused"]
    assert "ml:owner (ValidationException: in its own words)" in report["findings"][1]["message"]


def test_a_refusal_that_names_a_key_twice_or_one_never_asked_for_is_still_only_findings(payer: Payer, context: Any) -> None:
    payer.activates("ml:user", errors=(("ml:user", "ValidationException"), ("ml:user", "ValidationException"), ("else", "ValidationException")))
    report = carry_out(context, decided("ml:user"))
    assert (report["outcome"], keys_of(report), len(report["findings"])) == ("CostKeysRefused", [], 3)


@pytest.mark.parametrize(
    ("brake", "value"), [("DRY_RUN", "true"), ("STOP_ALL_WRITES", "true"), ("ACTING_ORGANIZATIONAL_UNIT_IDS", "ou-root-first000")]
)
def test_a_brake_that_was_pulled_meanwhile_holds(payer: Payer, context: Any, monkeypatch: pytest.MonkeyPatch, brake: str, value: str) -> None:
    monkeypatch.setenv(brake, value)
    assert carry_out(context, decided("ml:user")) == decided("ml:user") | {"dry_run": True}
    assert payer.doors == []


def test_more_than_twenty_keys_take_more_than_one_call(scripted: Any) -> None:
    client, script = scripted.client("ce")
    keys = [f"key-{number}" for number in range(45)]
    for first, last in ((0, 20), (20, 40), (40, 45)):
        entries = [{"TagKey": key, "Status": "Active"} for key in keys[first:last]]
        errors = [{"TagKey": keys[first], "Code": "InternalFailure", "Message": ""}]
        script.add_response("update_cost_allocation_tags_status", {"Errors": errors}, {"CostAllocationTagsStatus": entries})
    assert [refused.key for refused in activate(client, keys)] == ["key-0", "key-20", "key-40"]


def test_settings_are_read_from_the_environment() -> None:
    assert CostKeyActivationSettings.from_env() == CostKeyActivationSettings(
        PAYER, PAYER_ARN, "cost_key_activation", KEYS, Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({"all"}))
    )
