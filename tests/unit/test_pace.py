"""How fast one account is asked: as fast as it answers, and no faster."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

import steward.pace
from steward.pace import LONGEST_PAUSE, Pace, is_throttling
from steward.resources.clients import MemberSession


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(steward.pace, "time", made)
    return made


def account(clock: Clock, rate: float) -> Callable[[], str | None]:
    """One that answers so many calls a second."""
    last = clock.now - 1 / rate

    def call() -> str | None:
        nonlocal last
        if clock.now - last < 1 / rate - 1e-6:
            return "ThrottlingException"
        last = clock.now
        return None

    return call


def test_who_is_never_throttled_never_waits(clock: Clock) -> None:
    pace, began = Pace(), clock.now
    for _ in range(100):
        pace.wait()
        pace.heard(None)
    assert clock.now == began


@pytest.mark.parametrize("rate", [0.5, 1, 3])
def test_an_account_is_asked_nearly_as_fast_as_it_answers_and_seldom_in_vain(clock: Clock, rate: float) -> None:
    pace, call, began, answers = Pace(), account(clock, rate), clock.now, list[str | None]()
    while answers.count(None) < 200:
        pace.wait()
        answers.append(call())
        pace.heard(answers[-1])
    assert len(answers) < 230
    assert clock.now - began < 200 / rate * 1.5


def test_it_is_never_asked_more_seldom_than_every_few_seconds_and_soon_fast_again(clock: Clock) -> None:
    pace = Pace()
    for _ in range(50):
        pace.heard("TooManyRequestsException")
    assert pace.pause == LONGEST_PAUSE
    for _ in range(200):
        pace.heard(None)
    assert pace.pause < 0.02


def test_whoever_asks_at_the_same_time_takes_turns(clock: Clock) -> None:
    pace, slept = Pace(), list[float]()
    pace.heard("ThrottlingException")
    clock.sleep = slept.append  # type: ignore[method-assign]
    for _ in range(3):
        pace.wait()
    assert slept == [pytest.approx(pace.pause * turn) for turn in (1, 2, 3)]


@pytest.mark.parametrize(
    ("code", "throttled"),
    [
        ("ThrottlingException", True),
        ("Throttling", True),
        ("TooManyRequestsException", True),
        ("RequestLimitExceeded", True),
        ("AccessDeniedException", False),
        (None, False),
    ],
)
def test_what_services_say_where_they_are_asked_too_often(code: str | None, throttled: bool) -> None:
    assert is_throttling(code) is throttled


def test_a_session_hears_what_each_try_of_a_call_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the SDK tries again by itself, too."""
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    heard, answers = list[str | None](), [(400, b'{"__type": "ThrottlingException", "message": "slow"}'), (200, b'{"Apps": []}')]
    keys = {"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t"}
    sagemaker = MemberSession("eu-west-1", keys, after_call=heard.append).client("sagemaker")

    def answer(request: Any, **_: Any) -> Any:
        status, body = answers.pop(0)

        class Raw:
            def stream(self, **_: Any) -> Iterator[bytes]:
                yield body

        return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.1"}, Raw())

    sagemaker.meta.events.register("before-send", answer)
    assert sagemaker.list_apps()["Apps"] == []
    assert heard == ["ThrottlingException", None]
