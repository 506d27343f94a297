"""How the runbook's commands are found and compared. That they do what it says is run by `make acceptance`, with the AWS CLI."""

import shlex

import pytest

from tools.runbook_commands import RUNBOOK, agrees, blocks


def test_commands_stand_with_what_they_print_and_other_blocks_are_left_out() -> None:
    text = "# Title\n\n```sh\nfirst\n```\n\n```text\nsaid\n```\n\n```console\nnot run\n```\n\n```sh\nsecond\n```\n"
    assert [(block.line, block.commands, block.prints) for block in blocks(text)] == [(4, "first\n", "said\n"), (16, "second\n", None)]


@pytest.mark.parametrize(
    ("said", "printed", "agree"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("name-…-r1\tDONE", "name-0f3c-r1\tDONE", True),
        ("name-…-r1", "name\n-r1", False),
        ("…\nend", "one\ntwo\nend", True),
        ("…\nend", "one\ntwo", False),
        ("a.b", "axb", False),
    ],
)
def test_what_is_printed_agrees_but_for_what_is_left_open(said: str, printed: str, agree: bool) -> None:
    assert agrees(said, printed) is agree


def test_the_runbook_has_commands_that_a_shell_reads() -> None:
    found = list(blocks(RUNBOOK.read_text()))
    assert len(found) > 10
    assert sum(block.prints is not None for block in found) > 5
    for block in found:
        assert shlex.split(block.commands, comments=True)
