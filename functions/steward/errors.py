"""What can go wrong and cannot be an outcome. A class's name is a contract: state machines retry and catch by it.

StewardError
├── SettingMissing            a function was deployed without a setting it needs, or with one it cannot read
├── MessageRefused            intake cannot do what a message asks for, however often it comes
│   ├── EventUnreadable       it is no event that we know
│   ├── WorkflowUnknown       its workflow has no state machine here
│   └── RepeatedTooOften      it was tried again and again, and never ended green
├── MemoryNotAtHand           the hub's own bucket does not answer: no member is at fault, and the batch is tried again
├── MemberRoleNotAssumable    a member account does not let us in: our role is not planted yet, or not for us
└── OutOfTime                 an item of a batch is left, and so is no time
"""


class StewardError(Exception):
    """The root. Its message says what is wrong and, where somebody can do something about it, what."""


class SettingMissing(StewardError):
    """A function's environment lacks a setting, or holds one that cannot be read: deploy the stack again."""


class MessageRefused(StewardError):
    """What a message in the intake queue asks for cannot be done. Intake puts it into the dead-letter queue at once, with this as the reason."""


class EventUnreadable(MessageRefused):
    """It is not what our rules and schedules send."""


class WorkflowUnknown(MessageRefused):
    """It names a workflow for which this deployment has no state machine."""


class RepeatedTooOften(MessageRefused):
    """As many executions as intake starts for one event have been started for it already."""


class MemoryNotAtHand(StewardError):
    """What we remember of members, in a bucket of the hub, cannot be read or written. It ends a batch, which Step Functions tries again."""


class MemberRoleNotAssumable(StewardError):
    """STS refused our role in a member account. In a new account that means *not yet*: StackSets plant roles after the account is vended."""


class OutOfTime(StewardError):
    """The function's deadline is near: whatever is not begun yet is left, and told. No state machine hears of it."""
