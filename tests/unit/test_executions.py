"""Names of executions: people search by them, and Step Functions knows by them what it has started already."""

from hypothesis import given
from hypothesis import strategies as st

from intake.attempts import MOST_REPEATS, attempt_names
from steward.executions import execution_name

NAME = execution_name("444444444444", "eu-west-1", "Mina-B", "profile-created", "event-1")


def test_one_subject_has_one_spelling_in_names() -> None:
    assert NAME.rpartition("-")[0] == "444444444444-mina-b-profile-created"
    assert execution_name("444444444444", "eu-west-1", "mina-b", "profile-created", "event-1") == NAME


def test_what_is_the_same_has_one_name_and_what_differs_another() -> None:
    assert execution_name("444444444444", "eu-west-1", "Mina-B", "profile-created", "event-1") == NAME
    assert execution_name("444444444444", "us-east-1", "Mina-B", "profile-created", "event-1") != NAME
    assert execution_name("444444444444", "eu-west-1", "Mina-B", "profile-created", "event-2") != NAME


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_name_is_one_that_step_functions_takes_with_its_suffix(subject: str, identity: str) -> None:
    names = list(attempt_names(execution_name("444444444444", "eu-west-1", subject, "profile-created", identity)))
    assert len(names) == len(set(names)) == 1 + MOST_REPEATS
    assert max(map(len, names)) <= 80
    assert set("".join(names)) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
