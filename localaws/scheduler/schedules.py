"""A schedule in the clock's calendar: its next time, what it fires, and what becomes of it after the last.

Source: EventBridge Scheduler API Reference, CreateSchedule; User Guide, "Configuring flexible time windows" and "Deleting a schedule". Not observed
on AWS: that an update leaves the beat of a rate alone unless it changes expression, time zone or StartDate.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localaws.clock import Entry
from localaws.cloud import Cloud
from localaws.faults import Passage
from localaws.scheduler.delivery import Delivery
from localaws.scheduler.expressions import Expression
from localaws.scheduler.groups import Group


@dataclass
class Schedule:
    """`settings` are CreateSchedule's input with its defaults, `anchor` is when it began, in seconds since 1970."""

    cloud: Cloud
    group: Group
    name: str
    arn: str
    settings: dict[str, Any]
    expression: Expression
    anchor: float
    created: datetime
    modified: datetime
    entry: Entry | None = None

    def plan(self, at_least: float) -> None:
        """Put the next time that is not before `at_least`, if there is one, into the calendar in place of what stood there."""
        if self.entry is not None:
            self.entry.cancel()
        moment = self.expression.first(at_least, self.anchor) if self.settings["State"] == "ENABLED" else None
        if moment is None or self._is_over(moment):
            self.entry = None
        else:
            self.entry = self.cloud.clock.calendar(moment, lambda: self._fire(moment))

    def _is_over(self, moment: float) -> bool:
        """A one-time schedule has no StartDate or EndDate: AWS ignores them."""
        end = self.settings.get("EndDate")
        return self.expression.recurs and end is not None and moment > end.timestamp()

    def _fire(self, moment: float) -> None:
        window = self.settings["FlexibleTimeWindow"]
        delay = self.cloud.random.uniform(0, 60 * window["MaximumWindowInMinutes"]) if window["Mode"] == "FLEXIBLE" else 0.0
        # Expressions are no finer than a minute.
        self.plan(moment + 1)
        delivery = Delivery(self.cloud, self.arn, self.settings["Target"], moment, self.cloud.clock.now + delay, self._completed)
        _, _, _, region, account, _ = self.arn.split(":", 5)
        where = Passage("event", self.settings["Target"]["Arn"], account, region, self.arn)
        self.cloud.faults.schedule(where, delay, lambda: replace(delivery).attempt())

    def _completed(self) -> None:
        if self.entry is None and self.settings["State"] == "ENABLED" and self.settings["ActionAfterCompletion"] == "DELETE":
            self.delete()

    def delete(self) -> None:
        if self.entry is not None:
            self.entry.cancel()
        self.group.schedules.pop(self.name, None)

    def described(self) -> dict[str, Any]:
        made = {"Arn": self.arn, "GroupName": self.group.name, "Name": self.name}
        return {**made, **self.settings, "CreationDate": self.created, "LastModificationDate": self.modified}

    def summary(self) -> dict[str, Any]:
        whole = self.described()
        shown = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate")
        return {name: whole[name] for name in shown} | {"Target": {"Arn": self.settings["Target"]["Arn"]}}
