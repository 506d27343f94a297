"""What the steps of a sweep hand on: every item tried, every failure a line, and no list longer than a state can bear."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody

from steward.changes import Finding
from steward.errors import MemberRoleNotAssumable, OutOfTime
from steward.resources.clients import MemberSession
from steward.sweeps import (
    LONGEST_BACKOFF_MS,
    MOST_FINDINGS_OF_A_BATCH,
    SAFETY_MARGIN_MS,
    Answer,
    Looked,
    Place,
    Start,
    answer_of,
    gather,
    look_at_all,
    total,
)

KEYS = {"AccessKeyId": "ASIAMEMBER0000000001", "SecretAccessKey": "secret", "SessionToken": "token"}
HOUR = 3_600_000


def place(account_id: str = "444444444444", region: str = "eu-west-1", domain_id: str | None = None) -> Place:
    arn = f"arn:aws:organizations::111111111111:account/o-steward0001/{account_id}"
    return Place(account_id=account_id, account_arn=arn, region=region, account_tags={"ml:project": "fraud"}, held=False, domain_id=domain_id)


def start(name: str = "alice", **more: Any) -> Start:
    arn = f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/d-1/{name}"
    given = {"workflow": "profile_cost_tagging", "account_id": "444444444444", "region": "eu-west-1", "held": False, "resource": arn}
    return Start(**{**given, "reason": "ml:owner is missing", "domain_id": "d-1", "user_profile_name": name, **more})


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "ListDomains")


class Members:
    """Accounts that let us in, or not, and what is seen in each."""

    def __init__(self, **closed: Exception):
        self.closed, self.entered, self.seen = {name.strip("_"): error for name, error in closed.items()}, list[str](), list[tuple[str, str]]()

    def enter(self, account_id: str) -> MemberSession:
        self.entered.append(account_id)
        if account_id in self.closed:
            raise self.closed[account_id]
        return MemberSession("eu-west-1", KEYS)

    def look(self, item: Place, session: MemberSession) -> Looked:
        assert session.before_call is not None
        session.before_call()
        self.seen.append((item.account_id, session.region))
        return Looked(Counter(places=1))


def test_each_account_is_entered_once_and_looked_at_in_each_region() -> None:
    members = Members()
    items = [place(account, region) for account in ("444444444444", "555555555555") for region in ("eu-west-1", "us-east-1")]
    looked = look_at_all(items, members.enter, members.look, lambda: HOUR)
    assert members.entered == ["444444444444", "555555555555"]
    assert sorted(members.seen) == [(item.account_id, item.region) for item in items]
    assert [one.counts["places"] for one in looked] == [1] * 4


def test_a_client_is_made_once_for_each_account_and_region() -> None:
    members, clients = Members(), []

    def look(item: Place, session: MemberSession) -> Looked:
        clients.append((item.account_id, session.client("sagemaker").meta.region_name, id(session.client("sagemaker"))))
        return members.look(item, session)

    places = [(account, region) for account in ("444444444444", "555555555555") for region in ("eu-west-1", "us-east-1")]
    look_at_all([place(*where, f"d-{number}") for where in places for number in range(3)], members.enter, look, lambda: HOUR)
    assert sorted({client[:2] for client in clients}) == places
    assert (len(clients), len({client[2] for client in clients})) == (12, 4)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemberRoleNotAssumable("not let in"), "MemberRoleNotAssumable"),
        (refused("Throttling"), "Throttling"),
        (EndpointConnectionError(endpoint_url="https://sts"), "EndpointConnectionError"),
    ],
)
def test_an_account_that_cannot_be_entered_is_a_line_for_each_of_its_items_and_the_others_are_looked_at(error: Exception, code: str) -> None:
    """Trap 31."""
    members = Members(_444444444444=error)
    items = [place(region="eu-west-1"), place(region="us-east-1"), place("555555555555")]
    looked = look_at_all(items, members.enter, members.look, lambda: HOUR)
    troubles = [trouble for one in looked for trouble in one.troubles]
    assert [(one.account_id, one.region, one.error) for one in troubles] == [("444444444444", region, code) for region in ("eu-west-1", "us-east-1")]
    assert all(one.what_to_do for one in troubles)
    assert members.seen == [("555555555555", "eu-west-1")]
    assert len(members.entered) == 2


@pytest.mark.parametrize("error", [refused("UnrecognizedClientException"), EndpointConnectionError(endpoint_url="https://sagemaker")])
def test_a_region_that_is_disabled_is_a_line_and_the_next_is_looked_at(error: Exception) -> None:
    """Trap 51: not only the first Region counts."""
    members = Members()

    def look(item: Place, session: MemberSession) -> Looked:
        if session.region == "eu-west-1":
            raise error
        return members.look(item, session)

    looked = look_at_all([place(region="eu-west-1"), place(region="us-east-1")], members.enter, look, lambda: HOUR)
    assert [len(one.troubles) for one in looked] == [1, 0]
    assert "RegionsInUse" in looked[0].troubles[0].what_to_do
    assert members.seen == [("444444444444", "us-east-1")]


def test_an_account_with_much_to_look_at_keeps_no_other_waiting() -> None:
    """Trap 31."""
    others_are_seen, members = threading.Event(), Members()

    def look(item: Place, session: MemberSession) -> Looked:
        if item.account_id == "444444444444":
            assert others_are_seen.wait(60)
        else:
            others_are_seen.set()
        return members.look(item, session)

    items = [*(place(domain_id=f"d-{number}") for number in range(9)), place("555555555555")]
    assert [one.troubles for one in look_at_all(items, members.enter, look, lambda: HOUR)] == [()] * 10


def test_items_of_one_account_and_region_have_one_client_of_each_service() -> None:
    sessions: list[MemberSession] = []

    def look(item: Place, session: MemberSession) -> Looked:
        sessions.append(session)
        return Looked(Counter())

    look_at_all([place(domain_id="d-1"), place(domain_id="d-2"), place(region="us-east-1")], Members().enter, look, lambda: HOUR)
    assert len({id(session.client("sagemaker")) for session in sessions}) == 2
    assert {session.client("sagemaker").meta.region_name for session in sessions} == {"eu-west-1", "us-east-1"}


def test_a_request_that_is_tried_again_begins_in_time_too() -> None:
    tries, over = list[str](), OutOfTime("over")

    def check() -> None:
        tries.append("asked")
        if len(tries) > 1:
            raise over

    sagemaker = MemberSession("eu-west-1", KEYS, before_call=check).client("sagemaker")
    busy = AWSResponse("https://sagemaker", 503, {}, SimpleNamespace(stream=lambda: [b"{}"]))
    sagemaker.meta.events.register_last("before-send", lambda **_: busy)
    with pytest.raises(OutOfTime):
        sagemaker.list_domains()
    assert len(tries) == 2


def test_what_there_is_no_time_for_is_handed_back_and_nothing_is_begun() -> None:
    """Trap 41."""
    members = Members()
    looked = look_at_all([place(), place("555555555555")], members.enter, members.look, lambda: SAFETY_MARGIN_MS - 1)
    assert members.seen == []
    assert [trouble.error for one in looked for trouble in one.troubles] == ["OutOfTime"] * 2


def test_an_item_for_which_time_runs_out_on_the_way_is_handed_back() -> None:
    members, left = Members(), [HOUR]

    def look(item: Place, session: MemberSession) -> Looked:
        left[0] = SAFETY_MARGIN_MS - 1
        return members.look(item, session)

    (looked,) = look_at_all([place()], members.enter, look, lambda: left[0])
    assert [trouble.error for trouble in looked.troubles] == ["OutOfTime"]


def throttled(members: Members, left: list[int], calls: list[str]) -> list[Looked]:
    """Of an account that throttles whoever asks it, and `left` says how much time there is."""
    busy = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'

    def look(item: Place, session: MemberSession) -> Looked:
        sagemaker = session.client("sagemaker")
        answer = AWSResponse("https://sagemaker", 400, {"Content-Type": "application/x-amz-json-1.1"}, SimpleNamespace(stream=lambda: [busy]))

        def answer_it(**_: Any) -> AWSResponse:
            calls.append(item.region)
            return answer

        sagemaker.meta.events.register_last("before-send", answer_it)
        sagemaker.list_domains()
        raise AssertionError

    return look_at_all([place()], members.enter, look, lambda: left[0])


def test_trap_41_nobody_waits_to_be_answered_for_longer_than_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 41. An SDK would wait for up to twenty seconds before it tries again, and the function would be cut off."""
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"waits for {seconds} s"))
    calls = list[str]()
    (looked,) = throttled(Members(), [SAFETY_MARGIN_MS + LONGEST_BACKOFF_MS - 1], calls)
    assert ([trouble.error for trouble in looked.troubles], calls) == (["OutOfTime"], ["eu-west-1"])


def test_trap_41_where_the_time_is_over_nobody_waits_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 41. Sixty apps that would each wait a second only to hear that there is no time are a minute."""
    slept, left = list[float](), [HOUR]
    monkeypatch.setattr("time.sleep", slept.append)

    def look(item: Place, session: MemberSession) -> Looked:
        assert session.after_call
        assert session.before_call
        session.after_call("ThrottlingException")
        session.before_call()
        left[0] = SAFETY_MARGIN_MS - 1
        for _ in range(60):
            with pytest.raises(OutOfTime):
                session.before_call()
        return Looked(Counter())

    look_at_all([place()], Members().enter, look, lambda: left[0])
    assert len(slept) == 1


def test_no_request_is_made_where_no_call_may_begin() -> None:
    def over() -> None:
        raise OutOfTime("over")

    sagemaker = MemberSession("eu-west-1", KEYS, before_call=over).client("sagemaker")
    with pytest.raises(OutOfTime):
        sagemaker.list_domains()


def test_a_fault_of_ours_ends_the_batch_and_is_no_line() -> None:
    def look(item: Place, session: MemberSession) -> Looked:
        raise KeyError("DomainId")

    with pytest.raises(KeyError):
        look_at_all([place()], Members().enter, look, lambda: HOUR)


def test_an_answer_is_within_what_a_state_takes_and_nothing_that_is_left_out_is_forgotten() -> None:
    starts = tuple(start(f"user-{number:059}") for number in range(5000))
    findings = tuple(Finding("UserUnknown", f"{'x' * 100}{number}", "y" * 400) for number in range(MOST_FINDINGS_OF_A_BATCH + 5))
    told = answer_of([Looked(Counter(spaces=1), starts, findings), Looked(Counter(spaces=2), findings=findings[:1])])
    assert len(json.dumps(told)) < 262_144
    answer = Answer.model_validate(told)
    assert (answer.starts, answer.starts_left) == (starts, 0)
    assert (len(answer.findings), answer.findings_by_kind) == (MOST_FINDINGS_OF_A_BATCH, {"UserUnknown": len(findings)})
    assert answer.counts == {"spaces": 3}


def test_findings_that_name_very_many_and_starts_with_long_names_fit_as_well() -> None:
    starts = tuple(start(hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()[:63], reason="ü" * 200) for number in range(4000))
    findings = tuple(Finding("PortfolioFull", f"{'x' * 100}{number}", "ä" * 3000) for number in range(MOST_FINDINGS_OF_A_BATCH))
    found = answer_of([Looked(Counter(), starts, findings, starts_left=4), Looked(Counter(), starts[:1])])
    assert len(json.dumps(found)) < 262_144
    unpacked = Answer.model_validate(found)
    assert 1000 < len(unpacked.starts) < 4000
    assert unpacked.starts == starts[: len(unpacked.starts)]
    assert len(unpacked.starts) + unpacked.starts_left == 4000 + 4
    assert found["findings_by_kind"] == {"PortfolioFull": MOST_FINDINGS_OF_A_BATCH}
    assert 0 < len(found["findings"]) < 10


def test_executions_have_one_name_in_each_run_and_another_for_each_thing() -> None:
    again = {start(), start()}
    assert len(again) == 1
    others = [start("bob"), start(workflow="domain_setup"), start(space_name="alice", user_profile_name=None), start(region="us-east-1")]
    names = {one.name("run-1") for one in (start(), *others)} | {start().name("run-2")}
    assert len(names) == 6
    assert start("Alice").name("run-1").startswith("444444444444-alice-reconciled-")
    assert start().input("run-1", "2026-11-23T04:00:00Z") == {
        "account_id": "444444444444",
        "region": "eu-west-1",
        "domain_id": "d-1",
        "user_profile_name": "alice",
        "event_id": "run-1",
        "event_time": "2026-11-23T04:00:00Z",
        "started_by": "reconciliation",
    }


# -- what the children of a Map left in S3


class Bucket:
    """An S3 bucket with some documents, that are read each once."""

    def __init__(self, scripted: Any, *documents: tuple[str, Any]):
        self.s3, script = scripted.client("s3")
        for key, document in documents:
            body = json.dumps(document).encode()
            script.add_response("get_object", {"Body": StreamingBody(BytesIO(body), len(body))}, {"Bucket": "results", "Key": key})


def manifest(**files: list[str]) -> dict[str, Any]:
    found = {name: [{"Key": key, "Size": 1} for key in files.get(name, [])] for name in ("FAILED", "PENDING", "SUCCEEDED")}
    return {"DestinationBucket": "results", "MapRunArn": "arn", "ResultFiles": found}


def child(status: str, items: list[Place], **more: Any) -> dict[str, Any]:
    given = {"BatchInput": {"run": "run-1"}, "Items": [item.model_dump(mode="json") for item in items]}
    return {"ExecutionArn": "arn", "Name": "x", "Status": status, "Input": json.dumps(given), **more}


def test_answers_are_added_up_and_a_child_that_gave_none_is_named_item_by_item(scripted: Any) -> None:
    """Trap 37."""
    answers = [Answer(counts={"domains": 2}, starts=(start(),)), Answer(counts={"domains": 1, "spaces": 1}, findings_by_kind={"UserUnknown": 1})]
    bucket = Bucket(
        scripted,
        ("runs/r/manifest.json", manifest(SUCCEEDED=["s0", "s1"], FAILED=["f0"], PENDING=["p0"])),
        ("s0", [child("SUCCEEDED", [place()], Output=answers[0].model_dump_json())]),
        ("s1", [child("SUCCEEDED", [place()], Output=answers[1].model_dump_json())]),
        (
            "f0",
            [
                child(
                    "FAILED", [place(), place("555555555555", domain_id="d-2")], Error="DomainsUnanswered", Cause="Runtime.ExitError: " + "x" * 5000
                ),
                child("TIMED_OUT", [place("666666666666")]),
            ],
        ),
        ("p0", [child("PENDING", [place("777777777777")])]),
    )
    found = gather(bucket.s3, "results", "runs/r/manifest.json")
    assert (found.counts, found.starts, found.findings_by_kind) == ({"domains": 3, "spaces": 1}, (start(),), {"UserUnknown": 1})
    assert [(one.account_id, one.domain_id, one.error) for one in found.troubles] == [
        ("444444444444", None, "BatchUnanswered"),
        ("555555555555", "d-2", "BatchUnanswered"),
        ("666666666666", None, "BatchUnanswered"),
        ("777777777777", None, "BatchUnanswered"),
    ]
    messages = [one.message for one in found.troubles]
    assert messages[0].startswith("DomainsUnanswered: Runtime.ExitError")
    assert len(messages[0]) == 1000
    assert messages[2:] == ["TIMED_OUT: ", "PENDING: "]


def test_nothing_added_up_is_nothing() -> None:
    nothing: Iterator[Answer] = iter(())
    assert total(nothing) == Answer()
