"""What several threads want to know is asked once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from steward.once import Once


def test_who_asks_meanwhile_waits_for_the_answer_and_does_not_ask_too() -> None:
    once, asked, both_wait = Once(), list[str](), threading.Event()

    def find_out() -> int:
        asked.append("records")
        both_wait.wait(10)
        return 7

    with ThreadPoolExecutor(max_workers=3) as pool:
        answers = [pool.submit(once.get, "records", find_out) for _ in range(3)]
        both_wait.set()
        assert [answer.result() for answer in answers] == [7] * 3
    assert asked == ["records"]
    assert once.get("roles", lambda: 8) == 8


def test_an_error_is_no_answer_and_the_next_one_asks_again() -> None:
    once = Once()

    def fails() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        once.get("records", fails)
    assert once.get("records", lambda: 7) == 7
