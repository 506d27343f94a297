"""`make test` leaves no test out, and runs none twice."""

import sys
from pathlib import Path

import pytest

from tests.stories import entered
from tools import every_test


def test_each_file_of_stories_is_in_one_half_or_is_about_all() -> None:
    first = every_test.first_half()
    assert len(set(first)) == len(first)
    assert every_test.OF_ALL_STORIES.exists()
    assert every_test.OF_ALL_STORIES not in first
    assert set(first) < set(every_test.STORIES.glob("test_*.py"))


def test_a_half_that_fails_fails_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(every_test, "BUILD", tmp_path / "tests")
    for fails in range(3):
        codes = [0, 0, 0]
        codes[fails] = 1
        commands = iter([sys.executable, "-c", f"raise SystemExit({code})"] for code in codes)
        monkeypatch.setattr(every_test, "_run", lambda *_, commands=commands: next(commands))
        assert every_test.main() == 1


def test_what_one_half_entered_is_known_when_both_are_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(every_test.TOLD, str(tmp_path))
    monkeypatch.setattr(entered, "ways", {("DomainSetup", "Applied", "")})
    entered.tell(["test_a.py"])
    assert list(entered.told()) == [entered.Told({"test_a.py"}, {("DomainSetup", "Applied", "")})]
    monkeypatch.delenv(every_test.TOLD)
    assert list(entered.told()) == []
