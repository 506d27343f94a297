"""How fast one account is asked, by all that asks it at the same time: as fast as it answers, and slower where it says that this is too fast."""

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between one call and the next: after the first throttling, and at most."""

SLOWER, FASTER = 1.5, 0.97
"""What each throttled call, and each other one, makes of the pause: where a call a second is answered, one in fourteen is too fast."""


@dataclass
class Pace:
    """An SDK tries each throttled call again by itself, and asks for the next at once: of an account that answers once a second two of three calls
    would be in vain, and the tries that a client has (its retry quota) be used up. So the whole account is asked more slowly. (The SDK's retry mode
    ``adaptive`` does that for one client; here an account's limit is one for the clients of all its Regions and services.) Whoever waits here for a
    turn looks afterwards whether there still is time: `steward.sweeps`."""

    pause: float = 0.0
    _next: float = 0.0
    _lock: Any = field(default_factory=Lock)

    def wait(self) -> None:
        """Until it is this call's turn."""
        with self._lock:
            if not self.pause:
                return
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self.pause
        time.sleep(turn - now)

    def heard(self, error_code: str | None) -> None:
        """What a call was answered: None where it is no error."""
        with self._lock:
            if is_throttling(error_code):
                self.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self.pause * SLOWER))
                self._next = max(self._next, time.monotonic() + self.pause)
            else:
                self.pause *= FASTER


def is_throttling(error_code: str | None) -> bool:
    """Whether an AWS service says by it that it is asked too often."""
    return error_code is not None and any(word in error_code for word in ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown"))
