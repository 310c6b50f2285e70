"""Robot time: int nanoseconds that begin near zero and never step back."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where ``now_ns`` comes from."""

    def now_ns(self) -> int:
        """Robot time."""
        ...

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """Return at the deadline or as soon after it as the machine can; at once when it is past."""
        ...


class MonotonicClock:
    """The machine's monotonic clock, counted from construction."""

    def __init__(self) -> None:
        self._origin_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """See ``Clock``."""
        return time.monotonic_ns() - self._origin_ns

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """See ``Clock``; CPython sleeps to an absolute time (clock_nanosleep), so signals do not shift it."""
        rest_ns = deadline_ns - self.now_ns()
        if rest_ns > 0:
            time.sleep(rest_ns * 1e-9)


class ManualClock:
    """Time that only a test moves; ``late_ns`` of the n-th sleep makes that wake-up late."""

    def __init__(self, start_ns: int = 0, late_ns: dict[int, int] | None = None) -> None:
        self.time_ns = start_ns
        self.sleeps = 0
        self._late_ns = late_ns or {}

    def now_ns(self) -> int:
        """See ``Clock``."""
        return self.time_ns

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """See ``Clock``."""
        self.time_ns = max(self.time_ns, deadline_ns + self._late_ns.get(self.sleeps, 0))
        self.sleeps += 1
