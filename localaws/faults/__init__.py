"""Faults on order: what AWS does on a bad day, done at the very call, invocation or delivery that a test chooses.

A fault strikes passages that match it: calls by their action (as in the call log), invocations by their function, deliveries by their target; ``*``
stands for any text in these names. What it did is in `Faults.injected`. As a context manager it is over at the block's end, which fails with
`NeverHappened` if it did not come to pass: a test of a fault that nothing meets proves nothing.

Sources: AWS Lambda Developer Guide, "Troubleshoot invocation issues" (exits, timeouts); EventBridge User Guide and Amazon SQS Developer Guide,
"at-least-once delivery"; for errors and limits see those modules. Over HTTP nothing of this can be asked for.
"""

from localaws.faults.declarations import FOR_EVER, Fault, Injected, NeverHappened, Passage, Which
from localaws.faults.errors import denial_of, error_of
from localaws.faults.service import Faults

__all__ = ["FOR_EVER", "Fault", "Faults", "Injected", "NeverHappened", "Passage", "Which", "denial_of", "error_of"]
