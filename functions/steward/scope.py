"""What people are told of an account that is not ours, whichever workflow met it."""

from steward.changes import Finding


def out_of_scope(account_id: str) -> Finding:
    """It sends us events, and lies in none of the units that we keep in order."""
    message = (
        f"Account {account_id} sends us events but lies in none of the ML units. Delete the stacks of ours that it kept. If it is to be ours again, "
        "do so before it is moved into one of them: StackSets plant new stacks, whose roles would have the names of those that it kept."
    )
    return Finding("AccountOutOfScope", account_id, message)
