"""The handlers of DecideOnApps and StopIdleApps: a whole batch, of which one account does not let us in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import idle_app_shutdown.decide_on_apps as deciding
import idle_app_shutdown.stop_idle_apps as stopping
from steward.idle_sweeps import Acted, Decided
from tests.unit.idle_run import BUCKET
from tests.unit.idle_world import HOUR, OURS, PLACE, World, world

ENVIRONMENT = {
    "MEMBER_ROLE_NAME": "idle_app_shutdown",
    "USER_TAG_KEY": "ml:user",
    "RECONCILIATION_BUCKET_NAME": BUCKET,
    "IDLE_TIMEOUT_MINUTES": "120",
    "IDLE_TIMEOUT_MINIMUM_MINUTES": "60",
    "IDLE_TIMEOUT_MAXIMUM_MINUTES": "480",
    "IDLE_MINUTES_BY_APP_TYPE": "JupyterLab=120,CodeEditor=120,Canvas=120",
    "MAXIMUM_AGE_HOURS_BY_APP_TYPE": "",
    "STOP_GRACE_MINUTES": "120",
    "MINIMUM_APP_AGE_MINUTES": "60",
    "QUIET_HOURS": "",
    "QUIET_HOURS_TIME_ZONE": "UTC",
    "IDLE_APP_SHUTDOWN": "stop",
    "DRY_RUN": "false",
    "STOP_ALL_WRITES": "false",
    "ACTING_ORGANIZATIONAL_UNIT_IDS": "all",
}
CLOSED = PLACE.model_copy(update={"account_id": "555555555555"})


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Its door is open, and that of any other account is not."""
    with world() as made:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)

        def assume_role(**asked: str) -> dict[str, Any]:
            if PLACE.account_id not in asked["RoleArn"]:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
            keys = made.local.keys("fraud-dev")
            return {"Credentials": {"AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key, "SessionToken": None}}

        sts = made.local.client("sts", "hub")
        monkeypatch.setattr(sts, "assume_role", assume_role)
        monkeypatch.setattr(deciding, "hub_client", lambda service: {"sts": sts, "s3": made.objects}[service])
        monkeypatch.setattr(stopping, "hub_client", lambda _: sts)
        yield made


def batch(world: World, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    document = {"BatchInput": {"run": "sweep-2026-11-02T10", "time": world.now.isoformat()}, "Items": list(items), **more}
    read: dict[str, Any] = json.loads(json.dumps(document))
    return read


def test_a_batch_is_decided_on_and_acted_on_though_one_account_does_not_let_us_in(member: World, context: Any) -> None:
    """Trap 31."""
    domain_id = member.domain(OURS)
    member.profile(domain_id, "mina", OURS)
    member.spaces(domain_id, "mina", "lab", "code", tags=OURS)
    idle = member.lab(domain_id, "lab", member.idle(8 * HOUR, noticed=3 * HOUR))
    member.lab(domain_id, "code", member.idle(3 * HOUR))
    context.get_remaining_time_in_millis = lambda: 240_000
    places = [PLACE.model_dump(mode="json"), CLOSED.model_dump(mode="json")]
    decided = Decided.model_validate(deciding.handler(batch(member, *places), context))
    assert [(one.space_name, one.verdict) for one in decided.actions] == [("lab", "Stop"), ("code", "Notice")]
    assert [(one.account_id, one.error) for one in decided.troubles] == [("555555555555", "MemberRoleNotAssumable")]
    assert "role/steward/idle_app_shutdown" in decided.troubles[0].what_to_do

    actions = [action.model_dump(mode="json") for action in decided.actions]
    elsewhere = [{**action, "account_id": "555555555555"} for action in actions]
    items = [{**place, "actions": of} for place, of in zip(places, (actions, elsewhere), strict=True)]
    acted = Acted.model_validate(stopping.handler(batch(member, *items, Attempt=0), context))
    assert [(one.account_id, one.space_name, one.result) for one in acted.done] == [
        (PLACE.account_id, "code", "Noticed"),
        (PLACE.account_id, "lab", "Stopped"),
        ("555555555555", "lab", "Refused"),
        ("555555555555", "code", "Refused"),
    ]
    assert [one.error for one in acted.troubles] == ["MemberRoleNotAssumable"]
    assert idle.status == "Deleting"


@pytest.mark.parametrize("brake", [{"DRY_RUN": "true"}, {"STOP_ALL_WRITES": "true"}, {"IDLE_APP_SHUTDOWN": "report"}])
def test_each_brake_is_asked_once_more_before_anything_is_stopped(
    member: World, context: Any, monkeypatch: pytest.MonkeyPatch, brake: dict[str, str]
) -> None:
    domain_id = member.domain(OURS)
    member.profile(domain_id, "mina", OURS)
    member.spaces(domain_id, "mina", "lab", tags=OURS)
    app = member.lab(domain_id, "lab", member.idle(8 * HOUR, noticed=3 * HOUR))
    actions = [action.model_dump(mode="json") for action in member.decide().actions]
    for name, value in brake.items():
        monkeypatch.setenv(name, value)
    context.get_remaining_time_in_millis = lambda: 240_000
    acted = Acted.model_validate(stopping.handler(batch(member, {**PLACE.model_dump(mode="json"), "actions": actions}), context))
    assert ([one.result for one in acted.done], app.status) == (["Held"], "InService")


@pytest.mark.parametrize("step", [deciding, stopping])
def test_what_is_logged_is_a_summary_without_names(member: World, context: Any, caplog: pytest.LogCaptureFixture, step: Any) -> None:
    domain_id = member.domain(OURS)
    member.profile(domain_id, "mina", OURS)
    member.spaces(domain_id, "mina", "secret-project", tags=OURS)
    member.lab(domain_id, "secret-project", member.idle(3 * HOUR))
    context.get_remaining_time_in_millis = lambda: 240_000
    actions = [action.model_dump(mode="json") for action in member.decide().actions]
    step.handler(batch(member, {**PLACE.model_dump(mode="json"), "actions": actions}), context)
    (logged,) = [record.__dict__ for record in caplog.records if record.name == "service_undefined"]
    assert logged["places"] == 1
    assert not [word for word in ("secret-project", "mina", domain_id) if word in str(logged)]
