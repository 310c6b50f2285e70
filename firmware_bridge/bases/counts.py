"""Wheel counts of a foreign base: unwrapped, judged, differentiated.

A reading that no wheel can have made is set aside. If the next one fits what was before, the reading was garbled and
is dropped; if it fits the reading set aside, the base itself began anew (it restarted, or was reset): a new boot.
"""

from __future__ import annotations

from dataclasses import dataclass

_SLACK_M = 0.02
"""Beyond one and a half times the fastest wheel: what a jolt or a late stamp may add. As in ``amr.safety``."""
_SPEED_WINDOW_NS = 60_000_000
_KEPT = 16


def signed_step(count: int, before: int, bits: int) -> int:
    """The shortest way from ``before`` to ``count`` on a counter that wraps at ``bits``."""
    span = 1 << bits
    step = (count - before) % span
    return step - span if step >= span // 2 else step


@dataclass(frozen=True, slots=True)
class Motion:
    """The wheels at one accepted reading."""

    stamp_ns: int
    boot: int
    """Grows by one with each new beginning."""
    left_ticks: int
    right_ticks: int
    left_mps: float
    right_mps: float


class Counts:
    """Running tick counts; a new beginning whenever the way between two readings cannot be known."""

    def __init__(self, bits: int, metres_per_tick_m: float, wheel_max_mps: float) -> None:
        self._bits = bits
        self._m = metres_per_tick_m
        self._wheel_max_mps = wheel_max_mps
        self._boot = 0
        self._raw: tuple[int, int] | None = None
        self._ticks = (0, 0)
        self._trail: list[tuple[int, int, int]] = []
        self._aside: tuple[int, int, int] | None = None
        self.refused = 0
        """Readings dropped as garbled."""

    def restart(self) -> None:
        """The base was lost: its next reading begins anew."""
        self._raw = self._aside = None
        self._trail.clear()

    def take(self, left: int, right: int, stamp_ns: int) -> Motion | None:
        """The motion, or None while the reading is not believed. ``stamp_ns`` = time of measurement."""
        if self._raw is None:
            return self._begin(left, right, stamp_ns)
        last_ns, last_left, last_right = self._trail[-1]
        if stamp_ns <= last_ns:
            return None
        steps = self._steps((left, right), self._raw)
        aside, self._aside = self._aside, None
        if self._possible(steps, stamp_ns - last_ns):
            self.refused += aside is not None
            self._raw = (left, right)
            return self._accept(stamp_ns, last_left + steps[0], last_right + steps[1])
        if aside is not None and self._possible(self._steps((left, right), aside[1:]), stamp_ns - aside[0]):
            return self._begin(left, right, stamp_ns)
        self.refused += aside is not None
        self._aside = (stamp_ns, left, right)
        return None

    def _begin(self, left: int, right: int, stamp_ns: int) -> Motion:
        self._boot += 1
        self._raw = (left, right)
        self._trail.clear()
        return self._accept(stamp_ns, *(signed_step(count, 0, self._bits) for count in (left, right)))

    def _steps(self, now: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, int]:
        return signed_step(now[0], before[0], self._bits), signed_step(now[1], before[1], self._bits)

    def _possible(self, steps: tuple[int, int], duration_ns: int) -> bool:
        """Whether wheels can turn so far in this time."""
        bound_m = _SLACK_M + 1.5 * self._wheel_max_mps * max(0, duration_ns) * 1e-9
        return max(abs(steps[0]), abs(steps[1])) * self._m <= bound_m

    def _speeds(self) -> tuple[float, float]:
        """Over the newest 60 ms."""
        new_ns, new_left, new_right = self._trail[-1]
        old_ns, old_left, old_right = self._trail[0]
        for stamp_ns, left, right in reversed(self._trail[:-1]):
            old_ns, old_left, old_right = stamp_ns, left, right
            if new_ns - stamp_ns >= _SPEED_WINDOW_NS:
                break
        if new_ns == old_ns:
            return 0.0, 0.0
        per_s = self._m * 1e9 / (new_ns - old_ns)
        return (new_left - old_left) * per_s, (new_right - old_right) * per_s

    def _accept(self, stamp_ns: int, left_ticks: int, right_ticks: int) -> Motion:
        self._trail.append((stamp_ns, left_ticks, right_ticks))
        del self._trail[:-_KEPT]
        return Motion(stamp_ns, self._boot, left_ticks, right_ticks, *self._speeds())
