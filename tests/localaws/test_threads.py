"""Threads that a handler starts: one runs at a time, they share its time and its end, and what waits gives its turn away. Expectations: Python's own
documentation of ``concurrent.futures`` and ``threading``; AWS Lambda Developer Guide, "Lambda runtime environment" (what is frozen and thawed)."""

import json
from typing import Any

import pytest

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.test_functions import CALLER, create, invoke

HEAD = """
import boto3, queue, threading, time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, TimeoutError as Late, as_completed, wait

def who():
    return boto3.client("sts").get_caller_identity()["Arn"].rsplit("/", 2)[1]

def handler(event, context):
"""


def run(local: LocalOrganization, body: str, event: Any = None, **configuration: Any) -> Any:
    """What a handler with this body answers."""
    return invoke(local, create(local, HEAD + body, **configuration), event)


def test_ten_threads_that_sleep_and_call_take_the_time_of_one(local: LocalOrganization) -> None:
    body = """
    def work(number):
        for _ in range(3):
            who()
            time.sleep(20)
        return number
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(work, range(10)))
"""
    assert run(local, body, Timeout=100) == list(range(10))
    assert local.cloud.log.invocations[-1]["seconds"] == pytest.approx(3 * (20 + local.cloud.latency))
    assert sum(call["action"] == "sts:GetCallerIdentity" for call in local.cloud.log.calls) == 30


ORDER = """
    seen = []
    def work(name):
        for step in range(3):
            who()
            seen.append(f"{name}{step}")
    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(thread.is_alive() for thread in threads)
    return seen
"""


def test_whose_turn_it_is_is_chosen_by_the_seed(local: LocalOrganization) -> None:
    orders = []
    arn = create(local, HEAD + ORDER)
    for seed in (1, 1, 2, 3):
        local.clock.reseed(seed)
        orders.append(invoke(local, arn))
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
    assert set(orders[0]) == {f"{name}{step}" for name in "abcd" for step in range(3)}


@pytest.mark.parametrize(("lock", "expected"), [("contextlib.nullcontext()", {1}), ("threading.Lock()", {4}), ("threading.RLock()", {4})])
def test_a_race_is_seen_and_a_lock_mends_it(local: LocalOrganization, lock: str, expected: set[int]) -> None:
    body = f"""
    import contextlib
    count, lock = [0], {lock}
    def work():
        with lock:
            before = count[0]
            who()
            count[0] = before + 1
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(work)
    return count[0]
"""
    assert {run(local, body)} == expected


def test_a_thread_acts_as_the_handlers_role_with_its_environment(local: LocalOrganization) -> None:
    body = """
    import os
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(lambda: [who(), os.environ["COLOUR"], threading.current_thread().daemon]).result()
"""
    assert run(local, body, Environment={"Variables": {"COLOUR": "blue"}}) == ["runner", "blue", True]


def test_an_exception_comes_out_of_the_future_and_of_a_thread_goes_to_the_log(local: LocalOrganization) -> None:
    body = """
    def work():
        time.sleep(1)
        raise ValueError("of the work")
    thread = threading.Thread(target=work, name="lonely")
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(work).result()
"""
    assert run(local, body)["errorMessage"] == "of the work"
    log = local.cloud.log.invocations[-1]["log"]
    assert "Exception in thread lonely" in log
    assert log.count("ValueError: of the work") == 2


def test_a_timeout_ends_the_threads_too(local: LocalOrganization) -> None:
    body = """
    def work(number):
        while True:
            who()
            time.sleep(1)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(6)))
"""
    assert run(local, body, Timeout=10)["errorType"] == "Sandbox.Timedout"
    calls = len(local.cloud.log.calls)
    assert local.cloud.log.invocations[-1]["seconds"] == 10
    local.advance(60)
    assert len(local.cloud.log.calls) == calls
    assert "Exception" not in local.cloud.log.invocations[-1]["log"]


def test_all_threads_waiting_for_each_other_end_at_the_timeout(local: LocalOrganization) -> None:
    body = """
    never = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(never.wait).result()
"""
    assert run(local, body, Timeout=7)["errorType"] == "Sandbox.Timedout"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_in_a_thread_ends_the_invocation(local: LocalOrganization, when: Any) -> None:
    body = """
    def work(number):
        time.sleep(number)
        who()
        print(f"done {number}")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(5)))
"""
    with local.faults.crash("worker", when, "sts:GetCallerIdentity"):
        assert run(local, body, Timeout=30)["errorType"] == "Runtime.ExitError"
    assert "done" not in local.cloud.log.invocations[-1]["log"]
    assert sum(call["action"] == "sts:GetCallerIdentity" for call in local.cloud.log.calls) == (when == "after")
    assert run_again(local) is None


def run_again(local: LocalOrganization) -> Any:
    return invoke(local, "arn:aws:lambda:eu-west-1:222222222222:function:worker")


def test_a_thread_that_hangs_holds_up_who_waits_for_it_until_the_timeout(local: LocalOrganization) -> None:
    body = """
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(who), pool.submit(who)
        return [one.result(), two.result()]
"""
    with local.faults.time_out("worker", "before", "sts:GetCallerIdentity"):
        assert run(local, body, Timeout=30)["errorType"] == "Sandbox.Timedout"
    assert sum(call["action"] == "sts:GetCallerIdentity" for call in local.cloud.log.calls) == 1


# -- what waits

WAITING = {
    "a future, in vain": ("""
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(time.sleep, 60)
        try:
            slow.result(timeout=5)
        except Late:
            return [context.get_remaining_time_in_millis() // 1000, slow.done()]
""", [95, False]),
    "as they come": ("""
    with ThreadPoolExecutor(3) as pool:
        made = {pool.submit(time.sleep, seconds): seconds for seconds in (30, 10, 20)}
        return [made[done] for done in as_completed(made)]
""", [10, 20, 30]),
    "as they come, not for ever": ("""
    with ThreadPoolExecutor(3) as pool:
        made = {pool.submit(time.sleep, seconds): seconds for seconds in (30, 10, 20)}
        came = []
        try:
            for done in as_completed(made, timeout=25):
                came.append(made[done])
        except Late:
            return came
""", [10, 20]),
    "the first of them": ("""
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(time.sleep, seconds) for seconds in (30, 10)]
        done, open = wait(made, return_when=FIRST_COMPLETED)
        return [made.index(*done), made.index(*open), made.index(*wait(made, timeout=5).not_done)]
""", [1, 0, 0]),
    "a queue": ("""
    work, found = queue.Queue(maxsize=2), []
    def take():
        while (item := work.get()) is not None:
            time.sleep(1)
            found.append(item)
            work.task_done()
    thread = threading.Thread(target=take)
    thread.start()
    for item in range(5):
        work.put(item)
    work.join()
    try:
        queue.SimpleQueue().get(timeout=3)
    except queue.Empty:
        found.append("empty")
    work.put(None)
    thread.join()
    return found
""", [0, 1, 2, 3, 4, "empty"]),
    "an event and a condition": ("""
    ready, turn, said = threading.Event(), threading.Condition(), []
    def speak():
        ready.wait()
        with turn:
            said.append("spoke")
            turn.notify_all()
    thread = threading.Thread(target=speak)
    thread.start()
    said.append(ready.wait(2))
    time.sleep(1)
    ready.set()
    with turn:
        said.append(turn.wait_for(lambda: "spoke" in said, timeout=10))
        said.append(turn.wait_for(lambda: False, timeout=4))
    return [*said, context.get_remaining_time_in_millis() // 1000]
""", [False, "spoke", True, False, 93]),
    "a semaphore": ("""
    two, most = threading.Semaphore(2), []
    inside = []
    def work():
        with two:
            inside.append(1)
            most.append(len(inside))
            time.sleep(10)
            inside.pop()
    with ThreadPoolExecutor(6) as pool:
        for _ in range(6):
            pool.submit(work)
    return [max(most), context.get_remaining_time_in_millis() // 1000]
""", [2, 70]),
    "a barrier and a timer": ("""
    barrier, rung = threading.Barrier(3), []
    timer = threading.Timer(15, lambda: rung.append(time.monotonic()))
    started = time.monotonic()
    timer.start()
    with ThreadPoolExecutor(3) as pool:
        places = sorted(pool.map(lambda _: barrier.wait(), range(3)))
    timer.join()
    return [places, round(rung[0] - started)]
""", [[0, 1, 2], 15]),
    "a join that does not wait long": ("""
    thread = threading.Thread(target=time.sleep, args=(30,))
    thread.start()
    thread.join(timeout=5)
    return [thread.is_alive(), context.get_remaining_time_in_millis() // 1000]
""", [True, 95]),
}  # fmt: skip


@pytest.mark.parametrize("waits", sorted(WAITING))
def test_who_waits_gives_the_turn_away(local: LocalOrganization, waits: str) -> None:
    body, expected = WAITING[waits]
    assert run(local, body, Timeout=100) == expected


def test_what_an_executor_was_not_told_to_do_is_not_done(local: LocalOrganization) -> None:
    body = """
    pool = ThreadPoolExecutor(1)
    made = [pool.submit(time.sleep, 10) for _ in range(4)]
    time.sleep(1)
    pool.shutdown(wait=True, cancel_futures=True)
    return [future.cancelled() for future in made]
"""
    assert run(local, body, Timeout=100) == [False, True, True, True]


# -- threads that go on


def test_a_thread_that_outlives_its_invocation_is_frozen_until_the_next(local: LocalOrganization) -> None:
    code = (
        HEAD
        + """
    if not ticks:
        threading.Thread(target=tick).start()
    time.sleep(event)
    return len(ticks)

ticks = []
def tick():
    while True:
        ticks.append(who())
        time.sleep(1)
"""
    )
    arn = create(local, code, Timeout=60)
    first = invoke(local, arn, 4.5)
    local.advance(3600)
    assert local.cloud.log.invocations[-1]["cold"] is True
    second = invoke(local, arn, 4.5)
    assert (first, second) == (5, 10), "in between it stood still; what was due meanwhile is due at once"
    assert [entry["cold"] for entry in local.cloud.log.invocations] == [True, False]


def test_an_executor_of_the_module_serves_the_next_invocation_too(local: LocalOrganization) -> None:
    code = (
        HEAD
        + """
    return list(pool.map(lambda number: (who(), number)[1], range(event)))

pool = ThreadPoolExecutor(2)
"""
    )
    arn = create(local, code)
    assert [invoke(local, arn, number) for number in (3, 5)] == [[0, 1, 2], [0, 1, 2, 3, 4]]
    local.client("lambda", "hub").update_function_configuration(FunctionName="worker", Timeout=9, Environment={"Variables": {"NEW": "code"}})
    assert invoke(local, arn, 2) == [0, 1]


def test_two_invocations_have_threads_of_their_own(local: LocalOrganization) -> None:
    body = """
    with ThreadPoolExecutor(3) as pool:
        return sorted(pool.map(lambda number: (who(), print(event, number), event)[2], range(3)))
"""
    arn = create(local, HEAD + body)
    for name in ("a", "b"):
        local.cloud.functions.invoke(arn, json.dumps(name), CALLER)
    local.settle()
    logs = sorted(entry["log"] for entry in local.cloud.log.invocations)
    assert [sorted(log.split()) for log in logs] == [["0", "1", "2", "a", "a", "a"], ["0", "1", "2", "b", "b", "b"]]


# -- what is refused


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("    import asyncio\n    return asyncio.run(asyncio.to_thread(who))\n", "asyncio's event loop"),
        (
            "    import _thread\n    _thread.start_new_thread(hidden, ())\n    while not errors:\n        pass\n    raise errors[0]\n",
            "threading.Thread did not start",
        ),
    ],
)
def test_threads_that_would_wait_elsewhere_are_refused_by_name(local: LocalOrganization, body: str, named: str) -> None:
    code = (
        HEAD
        + body
        + """
errors = []
def hidden():
    try:
        time.sleep(1)
    except BaseException as error:
        errors.append(error)
"""
    )
    promise = local.cloud.functions.invoke(create(local, code), "{}", CALLER)
    local.settle()
    with pytest.raises(Refused, match=named):
        promise.result()
