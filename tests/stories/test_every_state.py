"""Together, the stories enter every state of every machine and take every Catch: nothing in a machine is there for the first time when it matters."""

import pytest

from tests.stories.entered import Way, errors_of
from tests.test_conventions import MACHINES, all_states, machine, pascal


@pytest.mark.after_all_stories
@pytest.mark.parametrize("workflow", MACHINES)
def test_every_state_is_entered_and_every_catch_taken(ways_of_all_stories: set[Way], workflow: str) -> None:
    states = dict(all_states(machine(workflow)))
    wanted = {(name, "") for name in states} | {(name, errors_of(rule)) for name, state in states.items() for rule in state.get("Catch", [])}
    gone = {(name, errors) for of, name, errors in ways_of_all_stories if of == pascal(workflow)}
    assert gone - wanted == set()
    assert wanted - gone == set()
