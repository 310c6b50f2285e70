"""The real-time loop: polls the wire, steps the core, on a fixed grid of absolute deadlines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.runtime.clock import Clock
from amr.units import NS_PER_S

POLL_HZ: Final = 200
STEP_EVERY: Final = 4
LATENESS_KEPT: Final = 262_144

Tick = Callable[[int], None]


class RealTimeLoop:
    """``poll(now_ns)`` at ``poll_hz``, and ``step(now_ns)`` after each ``step_every``-th poll.

    A deadline that is missed by a whole period is skipped and counted, never made up for in a burst: a robot wants the
    newest, not the most. ``stop`` may be called from a signal handler or from inside a tick.
    """

    def __init__(
        self, clock: Clock, poll: Tick, step: Tick, poll_hz: float = POLL_HZ, step_every: int = STEP_EVERY
    ) -> None:
        self._clock, self._poll, self._step = clock, poll, step
        self._period_ns = round(NS_PER_S / poll_hz)
        self._step_every = step_every
        self._lateness_ns = np.zeros(LATENESS_KEPT, np.int64)
        self._running = False
        self.ticks = 0
        self.missed = 0

    def run(self, until_ns: int | None = None) -> None:
        """Until ``stop`` or, when given, robot time ``until_ns``."""
        self._running = True
        clock, period_ns = self._clock, self._period_ns
        deadline_ns = clock.now_ns() + period_ns
        countdown = self._step_every
        while self._running and (until_ns is None or deadline_ns <= until_ns):
            clock.sleep_until_ns(deadline_ns)
            now_ns = clock.now_ns()
            self._lateness_ns[self.ticks % LATENESS_KEPT] = now_ns - deadline_ns
            self.ticks += 1
            self._poll(now_ns)
            countdown -= 1
            if countdown <= 0:
                countdown = self._step_every
                self._step(clock.now_ns())
            deadline_ns += period_ns
            behind_ns = clock.now_ns() - deadline_ns
            if behind_ns >= period_ns:
                skipped = behind_ns // period_ns
                self.missed += skipped
                countdown = max(1, countdown - skipped % self._step_every)
                deadline_ns += skipped * period_ns

    def stop(self) -> None:
        """Leave ``run`` after this tick."""
        self._running = False

    def lateness_ns(self) -> NDArray[np.int64]:
        """How late each of the last ticks woke up, in any order."""
        return self._lateness_ns[: min(self.ticks, LATENESS_KEPT)].copy()
