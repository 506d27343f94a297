"""One clock: what is due runs in its order, time passes for Python too, and nothing sleeps in real time."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from localaws.clock import Clock, ClockStuck, Process

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock(START, seed=0)
    yield clock
    clock.stop()


def test_the_clock_jumps_to_what_is_due_and_python_follows(clock: Clock) -> None:
    seen: list[tuple[str, float, datetime]] = []
    clock.later(3600, lambda: seen.append(("later", time.time(), datetime.now(UTC))))
    clock.later(60, lambda: seen.append(("sooner", time.time(), datetime.now(UTC))))
    clock.settle()
    assert [(name, stamp - START.timestamp()) for name, stamp, _ in seen] == [("sooner", 60), ("later", 3600)]
    assert seen[1][2] == datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_a_cancelled_entry_does_not_run_and_does_not_move_time(clock: Clock) -> None:
    entry = clock.later(60, lambda: pytest.fail("it was cancelled"))
    entry.cancel()
    clock.settle()
    assert clock.now == START.timestamp()


def test_what_is_due_at_one_moment_runs_in_an_order_of_the_seed() -> None:
    def order(seed: int) -> list[int]:
        clock, ran = Clock(START, seed), list[int]()
        for number in range(8):
            clock.later(1, lambda number=number: ran.append(number))  # type: ignore[misc]
        clock.settle()
        clock.stop()
        return ran

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(5)}) > 1


def test_a_sleep_outside_lets_what_is_due_meanwhile_happen(clock: Clock) -> None:
    ran: list[str] = []
    clock.later(5, lambda: ran.append("due in five seconds"))
    clock.later(50, lambda: ran.append("due in fifty"))
    time.sleep(10)
    assert ran == ["due in five seconds"]
    assert clock.now == START.timestamp() + 10


def test_an_entry_must_not_sleep(clock: Clock) -> None:
    clock.later(1, lambda: time.sleep(1))
    with pytest.raises(RuntimeError, match="must not sleep"):
        clock.settle()


def test_a_process_yields_seconds_and_promises(clock: Clock) -> None:
    answer = clock.promise()
    clock.later(100, lambda: answer.resolve("an answer"))

    def steps() -> Process:
        yield 30
        value = yield answer
        return value, clock.now

    done = clock.process(steps())
    clock.settle()
    assert done.result() == ("an answer", START.timestamp() + 100)


def test_a_rejected_promise_raises_in_the_process_that_waits(clock: Clock) -> None:
    answer = clock.promise()
    clock.later(1, lambda: answer.reject(KeyError("gone")))

    def steps() -> Process:
        try:
            yield answer
        except KeyError as error:
            return f"caught {error}"

    done = clock.process(steps())
    clock.settle()
    assert done.result() == "caught 'gone'"


def test_an_error_that_nobody_waits_for_is_raised_where_the_clock_runs(clock: Clock) -> None:
    def steps() -> Process:
        yield 1
        raise LookupError("nobody waits for me")

    clock.process(steps())
    with pytest.raises(LookupError, match="nobody waits"):
        clock.settle()


def test_an_endless_story_is_an_error(clock: Clock) -> None:
    def again() -> None:
        clock.later(1, again)

    again()
    with pytest.raises(ClockStuck):
        clock.settle(budget=100)


def test_python_gets_its_own_time_back() -> None:
    sleep, now = time.sleep, datetime.now(UTC)
    clock = Clock(START, seed=0)
    assert time.sleep is not sleep
    assert datetime.now(UTC) == START
    clock.stop()
    assert time.sleep is sleep
    assert now <= datetime.now(UTC) < now + timedelta(hours=1)


def test_what_an_entry_raises_is_not_the_fault_of_whoever_lets_time_pass(clock: Clock) -> None:
    clock.later(1, lambda: {}["no such key"])
    clock.later(2, lambda: list[int]().pop())
    time.sleep(5)
    with pytest.raises(KeyError, match="no such key") as raised:
        clock.settle()
    assert "IndexError" in raised.value.__notes__[0]
    clock.settle()


def test_the_calendar_is_for_advance_alone(clock: Clock) -> None:
    """What recurs for ever is never due for `settle`, nor for a sleep; time that passes so does not lose it."""
    ran: list[tuple[str, float]] = []

    def note(name: str) -> None:
        ran.append((name, clock.now - START.timestamp()))

    def recur() -> None:
        note("calendar")
        clock.later(10, lambda: note("what it set off"))
        clock.calendar(clock.now + 100, recur)

    clock.calendar(START.timestamp() + 100, recur)
    clock.later(150, lambda: note("entry"))
    time.sleep(120)
    clock.settle()
    assert ran == [("entry", 150)]
    clock.advance(5)
    clock.settle()
    assert ran[1:] == [("calendar", 150), ("what it set off", 160)]
    clock.advance(200)
    assert ran[3:] == [("calendar", 250), ("what it set off", 260), ("calendar", 350), ("what it set off", 360)]


def test_what_stood_in_the_calendar_and_is_cancelled_does_not_run(clock: Clock) -> None:
    clock.calendar(START.timestamp() + 60, lambda: pytest.fail("it was cancelled")).cancel()
    clock.advance(120)
    assert clock.now == START.timestamp() + 120
