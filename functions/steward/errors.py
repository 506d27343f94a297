"""What can go wrong and cannot be an outcome. A class's name is a contract: state machines retry and catch by it.

StewardError
├── SettingMissing            a function was deployed without a setting it needs, or with one it cannot read
├── EventUnreadable           what came through the intake queue is no event that we know
├── WorkflowUnknown           an event names a workflow that has no state machine here
└── MemberRoleNotAssumable    a member account does not let us in: our role is not planted yet, or not for us
"""


class StewardError(Exception):
    """The root. Its message says what is wrong and, where somebody can do something about it, what."""


class SettingMissing(StewardError):
    """A function's environment lacks a setting, or holds one that cannot be read: deploy the stack again."""


class EventUnreadable(StewardError):
    """A message in the intake queue is not what our rules send. It is tried again, then kept in the dead-letter queue for a person."""


class WorkflowUnknown(StewardError):
    """A message in the intake queue names a workflow for which this deployment has no state machine."""


class MemberRoleNotAssumable(StewardError):
    """STS refused our role in a member account. In a new account that means *not yet*: StackSets plant roles after the account is vended."""
