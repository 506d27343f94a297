"""EventBridge Scheduler: schedules in groups, fired by the clock's calendar, each with the role and retries of its target."""
