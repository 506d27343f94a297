"""What ends a state. Nothing here is an error of localaws itself.

StatesError    a state failed, and Retry and Catch may answer
Aborted        the execution is over, and what still runs of it must stop
"""


class StatesError(Exception):
    """A state failed: `error` is the name that Retry and Catch match, `cause` is what people read. A Fail state may leave either empty."""

    def __init__(self, error: str, cause: str):
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


class Aborted(Exception):
    """Raised where an ended execution would go on, for example a branch that has just stopped its own execution."""
